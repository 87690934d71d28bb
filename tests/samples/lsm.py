"""Zeiss LSM files by hand: TIFF pages with the CZ_LSMINFO structure, and a thumbnail after each."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import ImageTruth, Sample, Truth
from tests.samples.tiff import by_hand

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(17)
_MAGIC = 67127628
_INFO_BYTES = 464
#: Byte offsets in CZ_LSMINFO of the offsets of two blocks.
_COLORS_AT, _STAMPS_AT = 108, 132


def _info(
    sizes: tuple[int, int, int, int, int], steps_m: tuple[float, float, float], scan: int
) -> bytes:
    """CZ_LSMINFO for sizes (x, y, z, channels, t)."""
    head = struct.pack("<Ii5i", _MAGIC, _INFO_BYTES, *sizes)
    head += struct.pack("<3i6d2HI", 1, 8, 8, *steps_m, 0.0, 0.0, 0.0, scan, 0, 0)
    return head.ljust(_INFO_BYTES, b"\0")


def _colors(names: tuple[str, ...]) -> bytes:
    colors = b"".join(bytes([255 * (i == 0), 255 * (i == 1), 0, 0]) for i in range(len(names)))
    texts = b"".join(struct.pack("<I", len(n) + 1) + n.encode() + b"\0" for n in names)
    # a terminating four bytes, as the microscope writes
    size = 24 + len(colors) + len(texts)
    head = struct.pack("<6I", size, len(names), len(names), 24, 24 + len(colors), 0)
    return head + colors + texts


def _write(path: Path, pixels: np.ndarray, *, scan: int, stamps_s: tuple[float, ...]) -> None:
    """Write (pages, channels, y, x) of uint8."""
    n_pages, n_channels, height, width = pixels.shape
    n_times = max(len(stamps_s), 1)
    sizes = (width, height, n_pages // n_times, n_channels, n_times)
    info = _info(sizes, (2e-7, 3e-7, 1.5e-6), scan)
    bits = (258, 3, [8] * n_channels)
    shared = [(259, 3, 1), (262, 3, 2), (277, 3, n_channels), (284, 3, 2), bits]
    pages = []
    for i, page in enumerate(pixels):
        tags = [(254, 4, 0), (256, 4, width), (257, 4, height), *shared]
        if i == 0:
            tags.append((34412, 1, list(info)))
        pages.append((tags, [channel.tobytes() for channel in page]))
        small = [(254, 4, 1), (256, 4, 2), (257, 4, 2), *shared]
        pages.append((small, [bytes(4)] * n_channels))
    data = bytearray(by_hand(pages))
    at = data.index(struct.pack("<I", _MAGIC))
    data[at + _COLORS_AT : at + _COLORS_AT + 4] = struct.pack("<I", len(data))
    data += _colors(("Ch1-T1", "ChS1", "Ch1-T1")[:n_channels])
    if stamps_s:
        data[at + _STAMPS_AT : at + _STAMPS_AT + 4] = struct.pack("<I", len(data))
        count = len(stamps_s)
        data += struct.pack(f"<ii{count}d", 8 + 8 * count, count, *stamps_s)
    path.write_bytes(bytes(data))


def _stack(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 256, (4, 3, 9, 7), dtype=np.uint8)
    path = folder / "stack.lsm"
    _write(path, pixels, scan=0, stamps_s=())
    truth = ImageTruth(
        np.moveaxis(pixels, 1, 0),
        "czyx",
        {"x": 0.2, "y": 0.3, "z": 1.5},
        dict.fromkeys("xyz", "micrometer"),
        ("Ch1-T1", "ChS1", "Ch1-T1"),
    )
    return Truth(path, (), (truth,))


def _series(folder: Path, *, even: bool) -> Truth:
    pixels = _RNG.integers(0, 256, (3, 3, 9, 7), dtype=np.uint8)
    path = folder / "series.lsm"
    _write(path, pixels, scan=3, stamps_s=(10.0, 12.5, 15.0 if even else 19.0))
    scale = {"x": 0.2, "y": 0.3}
    units = {"x": "micrometer", "y": "micrometer"}
    if even:
        scale["t"], units["t"] = 2.5, "second"
    return Truth(
        path, (), (ImageTruth(pixels, "tcyx", scale, units, ("Ch1-T1", "ChS1", "Ch1-T1")),)
    )


def _truncated(folder: Path) -> Truth:
    truth = _stack(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:300])
    return Truth(truth.path, error="CorruptFileError", error_says="stack.lsm")


SAMPLES = [
    Sample("lsm-stack", "lsm", _stack),
    Sample("lsm-time-series", "lsm", lambda folder: _series(folder, even=True)),
    Sample("lsm-uneven-times", "lsm", lambda folder: _series(folder, even=False)),
    Sample("lsm-truncated", "lsm", _truncated),
]
