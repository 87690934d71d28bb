"""DICOM as PACS and scanners export it: preambles, no meta header, deflated, mosaics, regions, palettes."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.samples import ImageTruth, Sample, Truth
from tests.samples.dicom import dataset, save

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(29)
_MM = "millimeter"
_UP = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}


def _named(folder: Path, names: tuple[str, ...], preamble: bytes = b"") -> Truth:
    """Two slices under ``names``, the header of another format in front of the mark."""
    pixels = _RNG.integers(-9, 999, (2, 5, 6), dtype=np.int16)
    for z, name in enumerate(names):
        path = save(
            dataset(pixels[z], ImagePositionPatient=[0, 0, 5 * z], PixelSpacing=[2, 3], **_UP),
            folder / name,
        )
        path.write_bytes(preamble.ljust(128, b"\0") + path.read_bytes()[128:])
    scale = {"z": 5.0, "y": 2.0, "x": 3.0}
    return Truth(
        folder / names[0], images=(ImageTruth(pixels, "zyx", scale, dict.fromkeys(scale, _MM)),)
    )


def _mixed(folder: Path) -> Truth:
    """A PACS folder: a report that sorts first, two series and a second copy, no name says which is which."""
    pixels = _RNG.integers(0, 999, (3, 5, 6), dtype=np.uint16)
    report = dataset(pixels[0], Modality="SR")
    del report.PixelData, report.Rows, report.Columns
    save(report, folder / "A0")
    for number, (name, series, z) in enumerate(
        (("IM1", "1.2.3", 0.0), ("other", "1.2.3", 2.5), ("1.2.840.9", "1.2.4", 0.0))
    ):
        data = dataset(
            pixels[number], SeriesInstanceUID=series, ImagePositionPatient=[0, 0, z], **_UP
        )
        save(data, folder / name)
    (folder / "copy").write_bytes((folder / "IM1").read_bytes())
    stack = ImageTruth(pixels[:2], "zyx", {"z": 2.5}, {"z": _MM})
    return Truth(folder / "A0", images=(ImageTruth(pixels[2], "yx"), stack))


def _bare(folder: Path, *, implicit: bool) -> Truth:
    """Elements alone: neither preamble nor meta header (DICOM PS3.5, 10.1)."""
    pixels = _RNG.integers(0, 4095, (7, 9), dtype=np.int16)
    data = dataset(pixels)
    buffer = io.BytesIO()
    file = DicomFileLike(buffer)
    file.is_little_endian, file.is_implicit_VR = True, implicit
    write_dataset(file, data)
    path = folder / "old.dcm"
    path.write_bytes(buffer.getvalue())
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _deflated(folder: Path, n_more: int = 0) -> Truth:
    pixels = _RNG.integers(0, 255, (6, 5), dtype=np.uint8)
    plain = save(dataset(pixels), folder / "plain.dcm").read_bytes()
    (folder / "plain.dcm").unlink()
    data = dataset(pixels, DeflatedExplicitVRLittleEndian)
    path = save(data, folder / "deflated.dcm")
    content = path.read_bytes()
    n_meta = 132 + 12 + struct.unpack_from("<I", content, 140)[0]
    start = 132 + 12 + struct.unpack_from("<I", plain, 140)[0]
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(plain[start:])
    for _ in range(n_more):
        packed += packer.compress(bytes(1_000_000))
    path.write_bytes(content[:n_meta] + packed + packer.flush())
    if n_more:
        return Truth(path, error="SizeLimitError", error_says="size bomb")
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _floats(folder: Path, dtype: str) -> Truth:
    pixels = _RNG.normal(size=(5, 4)).astype(dtype)
    data = dataset(pixels.view(f"u{pixels.itemsize}"))
    keyword = "FloatPixelData" if dtype == "float32" else "DoubleFloatPixelData"
    stored = data.PixelData
    del data.PixelData, data.PixelRepresentation, data.BitsStored, data.HighBit
    setattr(data, keyword, stored)
    return Truth(save(data, folder / "map.dcm"), images=(ImageTruth(pixels, "yx"),))


def csa(tags: dict[str, list[str]]) -> bytes:
    """Return a CSA header of the newer layout."""
    out = b"SV10\4\3\2\1" + struct.pack("<2I", len(tags), 77)
    for name, values in tags.items():
        out += struct.pack("<64si4siii", name.encode(), len(values), b"DS", 0, len(values), 77)
        for value in values:
            text = value.encode() + b"\0"
            out += struct.pack("<4i", len(text), len(text), 77, len(text))
            out += text + b"\0" * (-len(text) % 4)
    return out


def _mosaic(folder: Path, *, stated: bool = True) -> Truth:
    """Two volumes of five slices, each a sheet of 3 × 3 tiles of 4 × 6 pixels; no slice is 4.5 mm thick."""
    pixels = _RNG.integers(0, 4000, (2, 5, 4, 6), dtype=np.uint16)
    sheets = np.zeros((2, 12, 18), np.uint16)
    for t, z in np.ndindex(2, 5):
        y, x = divmod(z, 3)
        sheets[t, 4 * y : 4 * y + 4, 6 * x : 6 * x + 6] = pixels[t, z]
    for t in range(2):
        data = dataset(
            sheets[t],
            ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
            ImagePositionPatient=[0, 0, -10],
            PixelSpacing=[2, 2],
            SpacingBetweenSlices=3.5,
            SliceThickness=4.5,
            AcquisitionNumber=t + 1,
            AcquisitionTime=f"1000{t * 2:02d}.500000",
            **_UP,
        )
        if stated:
            block = data.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            tags = {"NumberOfImagesInMosaic": ["5"], "SliceNormalVector": ["0", "0", "1"]}
            block.add_new(0x10, "OB", csa(tags))
        save(data, folder / f"m{t}.ima")
    scale = {"y": 2.0, "x": 2.0}
    if not stated:
        truth = ImageTruth(
            sheets, "tyx", scale | {"t": 2.0}, dict.fromkeys("yx", _MM) | {"t": "second"}
        )
        return Truth(folder / "m0.ima", images=(truth,))
    truth = ImageTruth(
        pixels,
        "tzyx",
        scale | {"t": 2.0, "z": 3.5},
        dict.fromkeys("zyx", _MM) | {"t": "second"},
    )
    return Truth(folder / "m0.ima", images=(truth,))


def groups(data: Dataset, per_frame: list[dict[str, dict[str, Any]]]) -> None:
    """Add functional groups: for each frame, sequence keyword → attributes."""
    sequence = []
    for stated in per_frame:
        item = Dataset()
        for keyword, attributes in stated.items():
            inner = Dataset()
            for name, value in attributes.items():
                setattr(inner, name, value)
            setattr(item, keyword, [inner])
        sequence.append(item)
    data.PerFrameFunctionalGroupsSequence = sequence


def unit(code: str) -> Dataset:
    found = Dataset()
    found.CodeValue = code
    return found


def _enhanced(folder: Path) -> Truth:
    """A magnitude and a field map of two slices each, interleaved; the map's values stand for Hz."""
    pixels = _RNG.integers(0, 4000, (4, 5, 6), dtype=np.uint16)
    data = dataset(pixels, ImageType=["ORIGINAL", "PRIMARY", "T1", "MIXED"])
    per_frame = []
    for number in range(4):
        kind = ("M", "FIELD_MAP")[number % 2]
        stated: dict[str, dict[str, Any]] = {
            "MRImageFrameTypeSequence": {"FrameType": ["ORIGINAL", "PRIMARY", kind, "NONE"]},
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, 2.0 * (number // 2)]},
            "PlaneOrientationSequence": _UP,
        }
        if kind == "M":
            stated["MREchoSequence"] = {"EffectiveEchoTime": 1.5}
        else:
            stated["RealWorldValueMappingSequence"] = {
                "RealWorldValueSlope": 0.25,
                "RealWorldValueIntercept": -500.0,
                "MeasurementUnitsCodeSequence": [unit("Hz")],
            }
        per_frame.append(stated)
    groups(data, per_frame)
    images = tuple(ImageTruth(pixels[i::2], "zyx", {"z": 2.0}, {"z": _MM}) for i in range(2))
    return Truth(save(data, folder / "enhanced.dcm"), images=images)


def _ultrasound(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 255, (8, 9), dtype=np.uint8)
    data = dataset(pixels, Modality="US")
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = 1, 1
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 1, 2
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 7, 6
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, -0.01
    data.SequenceOfUltrasoundRegions = [region]
    scale = {"y": 0.01, "x": 0.02}
    truth = ImageTruth(pixels, "yx", scale, dict.fromkeys(scale, "centimeter"))
    return Truth(save(data, folder / "us.dcm"), images=(truth,))


def _dose(folder: Path) -> Truth:
    """Planes by their offsets, downwards: the volume is in order of place, as any other."""
    pixels = _RNG.integers(0, 2**20, (3, 4, 5), dtype=np.uint32)
    data = dataset(
        pixels,
        Modality="RTDOSE",
        DoseUnits="GY",
        DoseGridScaling="0.001",
        GridFrameOffsetVector=[0, -2.5, -5],
        ImagePositionPatient=[0, 0, 30],
        PixelSpacing=[10, 10],
        **_UP,
    )
    scale = {"z": 2.5, "y": 10.0, "x": 10.0}
    truth = ImageTruth(pixels[::-1], "zyx", scale, dict.fromkeys(scale, _MM))
    return Truth(save(data, folder / "dose.dcm"), images=(truth,))


def _colours(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 3, (4, 6), dtype=np.uint8)
    data = dataset(pixels, PhotometricInterpretation="PALETTE COLOR")
    table = _RNG.integers(0, 2**16, (3, 4), dtype=np.uint16)
    for colour, values in zip(("Red", "Green", "Blue"), table, strict=True):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(data, f"{colour}PaletteColorLookupTableData", values.astype("<u2").tobytes())
    truth = ImageTruth(table[:, pixels], "cyx", {}, {}, ("R", "G", "B"), "rgb")
    return Truth(save(data, folder / "palette.dcm"), images=(truth,))


def _times(folder: Path) -> Truth:
    """Frames at 40 ms each, stated as increments."""
    pixels = _RNG.integers(0, 255, (3, 4, 5), dtype=np.uint8)
    data = dataset(pixels, ExplicitVRLittleEndian, FrameTimeVector=[0, 40, 40])
    truth = ImageTruth(pixels, "tyx", {"t": 0.04}, {"t": "second"})
    return Truth(save(data, folder / "cine.dcm"), images=(truth,))


def _directory(folder: Path) -> Truth:
    data = dataset(np.zeros((2, 2), np.uint8))
    del data.PixelData, data.Rows, data.Columns
    data.DirectoryRecordSequence = []
    path = save(data, folder / "DICOMDIR")
    return Truth(path, error="UnsupportedFormatError", error_says="DICOMDIR")


SAMPLES = [
    Sample("dicom-tiff-preamble", "dicom", lambda f: _named(f, ("a1.dcm", "a2.dcm"), b"II*\0\x08")),
    Sample("dicom-no-extension", "dicom", lambda f: _named(f, ("IM0001", "IM0002"))),
    Sample("dicom-uid-names", "dicom", lambda f: _named(f, ("1.2.840.5.1", "1.2.840.5.22.3"))),
    Sample("dicom-pacs-folder", "dicom", _mixed),
    Sample("dicom-bare-implicit", "dicom", lambda f: _bare(f, implicit=True)),
    Sample("dicom-bare-explicit", "dicom", lambda f: _bare(f, implicit=False)),
    Sample("dicom-deflated", "dicom", _deflated),
    Sample("dicom-deflated-bomb", "dicom", lambda f: _deflated(f, 100)),
    Sample("dicom-float32", "dicom", lambda f: _floats(f, "float32")),
    Sample("dicom-float64", "dicom", lambda f: _floats(f, "float64")),
    Sample("dicom-mosaic", "dicom", _mosaic),
    Sample("dicom-mosaic-unstated", "dicom", lambda f: _mosaic(f, stated=False)),
    Sample("dicom-enhanced", "dicom", _enhanced),
    Sample("dicom-ultrasound", "dicom", _ultrasound),
    Sample("dicom-dose", "dicom", _dose),
    Sample("dicom-colours", "dicom", _colours),
    Sample("dicom-frame-times", "dicom", _times),
    Sample("dicom-directory", "dicom", _directory),
]
