"""Imaris IMS files, written with h5py as the format's description says: padded chunks, character arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(23)
_STAMPS = ["2024-01-02 03:04:05.000", "2024-01-02 03:04:06.500", "2024-01-02 03:04:08.000"]


def _attributes(group: h5py.Group, **texts: Any) -> None:
    for key, value in texts.items():
        group.attrs[key] = np.frombuffer(str(value).encode(), "S1")


def _write(
    path: Path,
    pixels: np.ndarray,
    *,
    unit: str = "um",
    stamps: list[str] | None = None,
    **more: Any,
) -> None:
    """Write (t, c, z, y, x) and a half-size level, which is no image."""
    n_times, n_channels, *size = pixels.shape
    with h5py.File(path, "w") as file:
        _attributes(file, ImarisDataSet="ImarisDataSet", ImarisVersion="5.5.0")
        for level, step in ((0, 1), (1, 2)):
            for t in range(n_times):
                for c in range(n_channels):
                    name = f"DataSet/ResolutionLevel {level}/TimePoint {t}/Channel {c}"
                    group = file.create_group(name)
                    stack = pixels[t, c, :, ::step, ::step]
                    sizes = dict(
                        zip(("ImageSizeZ", "ImageSizeY", "ImageSizeX"), stack.shape, strict=True)
                    )
                    _attributes(group, **sizes)
                    padded = np.pad(stack, [(0, -n % 8) for n in stack.shape], constant_values=7)
                    group.create_dataset("Data", data=padded, chunks=(4, 8, 8), compression="gzip")
        extents = {f"ExtMin{i}": 10 for i in range(3)}
        extents |= {
            f"ExtMax{i}": 10 + n * f
            for i, (n, f) in enumerate(zip(size[::-1], (0.5, 0.25, 2), strict=True))
        }
        image = file.create_group("DataSetInfo/Image")
        _attributes(image, X=size[2], Y=size[1], Z=size[0], Unit=unit, **extents)
        for c in range(n_channels):
            group = file.create_group(f"DataSetInfo/Channel {c}")
            _attributes(
                group, Name=["β-tubulin", "(name not specified)"][c], Color="1.000 0.500 0.000"
            )
        stamps = _STAMPS[:n_times] if stamps is None else stamps
        times = {f"TimePoint{i + 1}": stamp for i, stamp in enumerate(stamps)}
        times |= {"DatasetTimePoints": more.get("n_times", n_times)}
        _attributes(file.create_group("DataSetInfo/TimeInfo"), **times)


def _stack(folder: Path, dtype: str) -> Truth:
    pixels = _RNG.integers(0, 250, (3, 2, 5, 11, 13)).astype(dtype)
    path = folder / f"{dtype}.ims"
    _write(path, pixels)
    truth = ImageTruth(
        pixels,
        "tczyx",
        {"x": 0.5, "y": 0.25, "z": 2.0, "t": 1.5},
        {**dict.fromkeys("xyz", "micrometer"), "t": "second"},
        ("β-tubulin", ""),
    )
    return Truth(path, (), (truth,))


def _uneven(folder: Path) -> Truth:
    """Uneven times give no step, an unknown unit no unit."""
    pixels = _RNG.integers(0, 250, (3, 1, 4, 9, 8)).astype(np.uint8)
    path = folder / "uneven.ims"
    _write(path, pixels, unit="furlong", stamps=[*_STAMPS[:2], "2024-01-02 04:04:06.000"])
    scale = {"x": 0.5, "y": 0.25, "z": 2.0}
    truth = ImageTruth(pixels[:, 0], "tzyx", scale, channel_names=("β-tubulin",))
    return Truth(path, (), (truth,))


def _missing_time_point(folder: Path) -> Truth:
    path = folder / "missing.ims"
    _write(path, np.zeros((2, 1, 2, 4, 4), np.uint8), n_times=3)
    return Truth(path, error="CorruptFileError", error_says="2 of 3 time points")


def _larger_than_stored(folder: Path) -> Truth:
    path = folder / "larger.ims"
    _write(path, np.zeros((1, 1, 2, 4, 4), np.uint8))
    with h5py.File(path, "r+") as file:
        _attributes(file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"], ImageSizeX=10**12)
    return Truth(path, error="CorruptFileError", error_says="pixels along x")


def _elsewhere(folder: Path) -> Truth:
    """A link into another file is not followed."""
    other = folder / "other.h5"
    _write(other, np.zeros((1, 1, 2, 4, 4), np.uint8))
    path = folder / "linked.ims"
    with h5py.File(path, "w") as file:
        file["DataSet"] = h5py.ExternalLink(str(other), "/DataSet")
    return Truth(path, error="MissingCompanionError", error_says="another file")


def _truncated(folder: Path) -> Truth:
    truth = _stack(folder, "uint8")
    data = truth.path.read_bytes()
    truth.path.write_bytes(data[: len(data) // 2])
    return Truth(truth.path, error="CorruptFileError", error_says="uint8.ims")


def _other_hdf5(folder: Path) -> Truth:
    path = folder / "other.ims"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3)
    return Truth(path, error="CorruptFileError", error_says="not an IMS file")


SAMPLES = [
    *(
        Sample(f"ims-{dtype}", "ims", lambda folder, dtype=dtype: _stack(folder, dtype))
        for dtype in ("uint8", "uint16", "float32")
    ),
    Sample("ims-uneven-times", "ims", _uneven),
    Sample("ims-missing-time-point", "ims", _missing_time_point),
    Sample("ims-larger-than-stored", "ims", _larger_than_stored),
    Sample("ims-elsewhere", "ims", _elsewhere),
    Sample("ims-truncated", "ims", _truncated),
    Sample("ims-other-hdf5", "ims", _other_hdf5),
]
