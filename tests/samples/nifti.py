"""NIfTI files, written by nibabel; the compressed one by gzip."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import nibabel
import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(16)


def _image(
    pixels: np.ndarray, steps: tuple[float, ...], kind: type = nibabel.Nifti1Image
) -> object:
    """Return an image of ``pixels`` (x first) with steps in mm and s."""
    image = kind(pixels, np.diag([*steps[:3], 1.0]), dtype=pixels.dtype)
    image.header.set_zooms(steps[: pixels.ndim])
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Jane Doe"
    return image


def _film(folder: Path, name: str) -> Truth:
    """Four dimensions of big-endian integers with a slope: the stored ones come back."""
    pixels = _RNG.integers(-30000, 30000, (5, 4, 3, 2), dtype=np.int16)  # x y z t
    kind = nibabel.Nifti2Image if "2" in name else nibabel.Nifti1Image
    header = kind.header_class(endianness=">")
    header.set_data_dtype(np.int16)
    image = kind(pixels, None, header)
    image.header.set_zooms((0.5, 0.25, 2.0, 1.5))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_slope_inter(0.5, -7.0)
    path = folder / name
    plain = folder / "plain.nii"
    # nibabel would divide by the slope: the stored integers are written as they are
    with plain.open("wb") as file:
        offset = 544 if "2" in name else 352
        image.header["vox_offset"] = offset
        image.header.write_to(file)
        file.write(bytes(offset - file.tell()))
        file.write(pixels.astype(">i2").tobytes(order="F"))
    data = plain.read_bytes()
    plain.unlink()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    scale = {"t": 1.5, "z": 2.0, "y": 0.25, "x": 0.5}
    units = dict.fromkeys("zyx", "millimeter") | {"t": "second"}
    return Truth(path, images=(ImageTruth(pixels.T, "tzyx", scale, units),))


def _labels(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 5, (6, 5, 4), dtype=np.uint8)
    image = _image(pixels, (1.0, 2.0, 3.0))
    image.header.set_intent("label")
    path = folder / "labels.nii"
    nibabel.save(image, path)
    scale = {"z": 3.0, "y": 2.0, "x": 1.0}
    units = dict.fromkeys("zyx", "millimeter")
    return Truth(path, images=(ImageTruth(pixels.T, "zyx", scale, units, kind="label"),))


def _components(folder: Path) -> Truth:
    """Five dimensions: components become channels, the one slice and moment drop out; no unit."""
    pixels = _RNG.normal(size=(5, 4, 1, 1, 3)).astype(np.float32)
    image = nibabel.Nifti1Image(pixels, np.eye(4))
    path = folder / "vectors.nii"
    nibabel.save(image, path)
    truth = ImageTruth(pixels[:, :, 0, 0].T, "cyx", {"y": 1.0, "x": 1.0})
    return Truth(path, images=(truth,))


def _colour(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 255, (6, 5, 4, 3), dtype=np.uint8)  # x y z colour
    image = nibabel.Nifti1Image(
        pixels.copy().view([("R", "u1"), ("G", "u1"), ("B", "u1")]).reshape(6, 5, 4), np.eye(4)
    )
    path = folder / "colour.nii.gz"
    nibabel.save(image, path)
    scale = dict.fromkeys("zyx", 1.0)
    return Truth(path, images=(ImageTruth(pixels.T, "czyx", scale, {}, ("R", "G", "B"), "rgb"),))


def _refused(folder: Path, what: str) -> Truth:
    path = folder / (f"{what}.nii.gz" if "gz" in what else f"{what}.nii")
    pixels = np.zeros((9, 8, 7), np.complex64 if what == "complex" else np.int16)
    if what == "table":
        pixels = np.zeros((1, 1, 1, 1, 50), np.float32)
    nibabel.save(nibabel.Nifti1Image(pixels, np.eye(4), dtype=pixels.dtype), path)
    if what in ("complex", "table"):
        return Truth(path, error="UnsupportedFormatError")
    content = path.read_bytes()
    if what == "short gz":  # a whole stream that ends before the stated array does
        content = gzip.compress(gzip.decompress(content)[:-10])
    elif what == "header":
        content = content[:200]
    else:
        content = content[:-12]
    path.write_bytes(content)
    return Truth(path, error="CorruptFileError")


def _pair(folder: Path, *, packed: bool, version: int) -> Truth:
    """A header and its voxels as two files, either of them packed whatever it is called."""
    pixels = _RNG.integers(-999, 999, (3, 4, 5), dtype=np.int16)
    kind = nibabel.Nifti1Pair if version == 1 else nibabel.Nifti2Pair
    nibabel.save(_image(pixels, (2.0, 3.0, 4.0), kind), folder / "vol.hdr")
    if packed:
        for name in ("vol.hdr", "vol.img"):
            path = folder / name
            path.write_bytes(gzip.compress(path.read_bytes()))
            path.rename(folder / f"{name}.gz")
    scale = {"z": 4.0, "y": 3.0, "x": 2.0}
    truth = ImageTruth(pixels.T, "zyx", scale, dict.fromkeys(scale, "millimeter"))
    return Truth(folder / ("vol.hdr.gz" if packed else "vol.hdr"), images=(truth,))


def _misnamed(folder: Path) -> Truth:
    """A gzip that is called .nii, as browsers and mail programs leave it."""
    truth = _film(folder, "film.nii.gz")
    path = truth.path.rename(folder / "film.nii")
    return Truth(path, images=truth.images)


def _lone_header(folder: Path) -> Truth:
    path = _pair(folder, packed=False, version=1).path
    (folder / "vol.img").unlink()
    return Truth(path, error="MissingCompanionError", error_says="vol.img")


def _analyze(folder: Path, *, order: str = "<", units: bytes = b"") -> Truth:
    """Analyze 7.5: no orientation, a unit only where it is stated, SPM's factor kept beside."""
    pixels = _RNG.integers(-999, 999, (3, 4, 5), dtype=np.int16)
    header = nibabel.AnalyzeHeader(endianness=order)
    header.set_data_dtype(np.int16)
    header.set_data_shape(pixels.shape)
    header.set_zooms((2.0, 3.0, 4.0))
    header["vox_units"], header["funused1"] = units, 0.25
    header["descrip"] = header["db_name"] = b"Jane Doe"
    with (folder / "old.hdr").open("wb") as file:
        header.write_to(file)
    (folder / "old.img").write_bytes(pixels.astype(f"{order}i2").tobytes(order="F"))
    scale = {"z": 4.0, "y": 3.0, "x": 2.0}
    truth = ImageTruth(pixels.T, "zyx", scale, dict.fromkeys(scale, "millimeter") if units else {})
    return Truth(folder / "old.hdr", images=(truth,))


def _named_whole(folder: Path) -> Truth:
    truth = _labels(folder)
    return Truth(truth.path.rename(folder / "labels.nifti"), images=truth.images)


SAMPLES = [
    Sample("nifti-pair", "nifti", lambda folder: _pair(folder, packed=False, version=1)),
    Sample("nifti-pair-2", "nifti", lambda folder: _pair(folder, packed=False, version=2)),
    Sample("nifti-pair-packed", "nifti", lambda folder: _pair(folder, packed=True, version=1)),
    Sample("nifti-misnamed", "nifti", _misnamed),
    Sample("nifti-lone-header", "nifti", _lone_header),
    Sample("nifti-analyze", "nifti", _analyze),
    Sample("nifti-analyze-big", "nifti", lambda f: _analyze(f, order=">", units=b"mm")),
    Sample("nifti-named-whole", "nifti", _named_whole),
    *(
        Sample(f"nifti-{name}", "nifti", lambda folder, name=name: _film(folder, name))
        for name in ("film.nii", "film.nii.gz", "film2.nii")
    ),
    Sample("nifti-labels", "nifti", _labels),
    Sample("nifti-components", "nifti", _components),
    Sample("nifti-colour", "nifti", _colour),
    *(
        Sample(f"nifti-{what}", "nifti", lambda folder, what=what: _refused(folder, what))
        for what in ("complex", "table", "header", "cut", "cut gz", "short gz")
    ),
]
