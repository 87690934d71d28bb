"""Inputs of known size and realistic noise, each made once from one seed below ``build/bench/inputs``."""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

N_CHANNELS = 32
RATE_HZ = 30_000
BLOCK = 128  # samples in a data block of an .rhd of version 2
N_SAMPLES = 3_000_000 // BLOCK * BLOCK
STACK = (60, 2048, 2048)
PICTURE = (8192, 8192, 3)
TABLE = (1_156_000, 17)
MATRIX = (3_600_000, 8)


def samples(n_samples: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield (n, 32) uint16 counts of 0.195 uV about 32,768.

    Noise of 6.4 uV below 7.5 kHz, as the header says of the amplifier's band, slow waves and spikes. It
    compresses as real recordings were measured to: 1.8 with Blosc, 2.3 with pcodec.
    """
    random = np.random.default_rng(1)
    phase = random.uniform(0, 2 * np.pi, N_CHANNELS)
    step = 234 * BLOCK
    for start in range(0, n_samples, step):
        n = min(step, n_samples - start)
        white = random.standard_normal((n + 2, N_CHANNELS), dtype=np.float32)
        noise = (white[:-2] + 2 * white[1:-1] + white[2:]) * np.float32(33 / 6**0.5)
        at = random.integers(0, n, 300)
        noise[at, random.integers(0, N_CHANNELS, 300)] *= 8
        slow = 60 * np.sin((start + np.arange(n))[:, None] * (2 * np.pi * 4 / RATE_HZ) + phase)
        yield np.clip(noise + slow.astype(np.float32) + 32768, 0, 65535).astype(np.uint16)


def write_rhd(path: Path, n_samples: int = N_SAMPLES) -> None:
    """Write an Intan RHD2000 file of version 2.0: header, then blocks of time stamps and 32 channels."""

    def text(value: str) -> bytes:
        raw = value.encode("utf-16-le")
        return struct.pack("<I", len(raw)) + raw

    head = struct.pack("<Ihh", 0xC6912702, 2, 0)
    head += struct.pack("<fh6fh2f", RATE_HZ, 1, 0.1, 1.0, 7500.0, 0.1, 1.0, 7500.0, 2, 1e3, 1e3)
    head += text("benchmark") + text("") + text("")
    head += struct.pack("<hh", 0, 0) + text("n/a")
    head += struct.pack("<h", 1) + text("Port A") + text("A")
    head += struct.pack("<3h", 1, N_CHANNELS, N_CHANNELS)
    for n in range(N_CHANNELS):
        name = f"A-{n:03d}"
        head += text(name) + text(name) + struct.pack("<6h", n, n, 0, 1, n, 0)
        head += struct.pack("<4h2f", 0, 0, 0, 0, 125e3, -45.0)
    block = np.dtype([("time", "<i4", BLOCK), ("counts", "<u2", (N_CHANNELS, BLOCK))])
    start = 0
    with path.open("wb") as file:
        file.write(head)
        for piece in samples(n_samples):
            records = np.empty(len(piece) // BLOCK, block)
            records["time"] = start + np.arange(len(piece)).reshape(-1, BLOCK)
            records["counts"] = piece.reshape(-1, BLOCK, N_CHANNELS).transpose(0, 2, 1)
            file.write(records.tobytes())
            start += len(piece)


def planes(n_planes: int, shape: tuple[int, int]) -> Iterator[np.ndarray[Any, Any]]:
    """Yield 16-bit planes: photon noise over smooth structure."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    smooth = 120 + 90 * np.sin(x / 90) * np.cos(y / 70)
    for z in range(n_planes):
        mean = smooth + np.float32(20 * np.sin(z / 5))
        noise = random.standard_normal(shape, dtype=np.float32) * np.sqrt(mean)
        yield np.maximum(mean + noise, 0).astype(np.uint16)


def write_stack(path: Path, n_planes: int = STACK[0]) -> None:
    """Write planes of 2048 x 2048, 16 bit, as one series of an OME-TIFF: 8.4 MB a plane."""
    import tifffile

    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as file:
        shape = (n_planes, *STACK[1:])
        pages = planes(n_planes, STACK[1:])
        file.write(pages, shape=shape, dtype=np.uint16, metadata={"axes": "ZYX"})


def write_picture(path: Path) -> None:
    """Write an RGB JPEG of 8192 x 8192."""
    import imagecodecs

    random = np.random.default_rng(3)
    y, x = np.mgrid[0 : PICTURE[0], 0 : PICTURE[1]].astype(np.float32)
    pixels = np.empty(PICTURE, np.uint8)
    for channel, (a, b) in enumerate(((90, 70), (55, 120), (140, 60))):
        plane = 128 + 70 * np.sin(x / a) * np.cos(y / b)
        plane += random.standard_normal(plane.shape, dtype=np.float32) * 4
        pixels[..., channel] = np.clip(plane, 0, 255)
    path.write_bytes(imagecodecs.jpeg8_encode(pixels, level=90))


def write_csv(path: Path) -> None:
    """Write time and 16 columns of volts with units in the header, 185 MB."""
    random = np.random.default_rng(4)
    n_rows, n_columns = TABLE
    step = 50_000
    with path.open("w", encoding="ascii") as file:
        names = ["time (s)", *(f"ch{n} (mV)" for n in range(n_columns - 1))]
        file.write(",".join(names) + "\n")
        for start in range(0, n_rows, step):
            n = min(step, n_rows - start)
            values = random.normal(0, 1, (n, n_columns - 1)).cumsum(axis=0) % 20 - 10
            text = np.char.mod("%.6f", values)
            times = np.char.mod("%.3f", (start + np.arange(n)) / 1000)
            rows = (",".join((t, *row)) for t, row in zip(times, text, strict=True))
            file.write("\n".join(rows) + "\n")


def matrix() -> np.ndarray[Any, Any]:
    """Return (3,600,000, 8) float64 in millivolts, as a 16-bit converter gave them: 230 MB."""
    random = np.random.default_rng(5)
    counts = random.normal(0, 900, MATRIX).round().clip(-32768, 32767)
    return counts * (10.0 / 32768)


def write_mat5(path: Path) -> None:
    """Write the matrix and its rate as MATLAB v5, compressed as MATLAB does."""
    from scipy.io import savemat

    savemat(path, {"data": matrix(), "fs": 10_000.0}, do_compression=True)


def write_mat73(path: Path) -> None:
    """Write the matrix and its rate as MATLAB v7.3: HDF5, deflate, chunks of whole columns' pieces."""
    import h5py

    values = matrix()
    with h5py.File(path, "w", userblock_size=512) as file:
        data = file.create_dataset(
            "data", data=values.T, chunks=(1, 100_000), compression="gzip", compression_opts=3
        )
        data.attrs["MATLAB_class"] = np.bytes_("double")
        rate = file.create_dataset("fs", data=np.array([[10_000.0]]))
        rate.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        title = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, written by a benchmark"
        raw.write(title.ljust(116) + b" " * 8 + b"\0\x02IM")


def write_four(folder: Path) -> None:
    """Make a dataset of four recordings of 204 MB, links to one."""
    one = make(folder.parent, "recording.rhd")
    inner = folder / "primary" / "sub-1"
    inner.mkdir(parents=True)
    for n in range(4):
        os.link(one, inner / f"recording{n}.rhd")


def write_objects(folder: Path) -> None:
    """Write 1,473 files of 72 kB that do not compress: a recording's chunks without shards."""
    folder.mkdir()
    content = np.random.default_rng(6).bytes(72_000 + 1473)
    for n in range(1473):
        (folder / f"c.{n}").write_bytes(content[n : n + 72_000])


def write_dataset(folder: Path, n_files: int) -> None:
    """Make a dataset of small files of five kinds, ten files a folder."""
    kinds = (("csv", b"time,a (mV)\n0,1\n"), ("txt", b"a note"), ("rhd", b"\x02\x27\x91\xc6"))
    kinds += (("tif", b"II*\0\x08\0\0\0"), ("mat", b"MATLAB 5.0 MAT-file".ljust(128)))
    for n in range(n_files):
        ending, content = kinds[n % len(kinds)]
        inner = folder / "primary" / f"sub-{n // 100}" / f"sam-{n // 10}"
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"file{n}.{ending}").write_bytes(content)


#: File or folder -> what writes it.
INPUTS: dict[str, Callable[[Path], None]] = {
    "recording.rhd": write_rhd,
    "recording10.rhd": lambda path: write_rhd(path, 10 * N_SAMPLES),
    "four": write_four,
    "stack.ome.tif": write_stack,
    "stack2g.ome.tif": lambda path: write_stack(path, 240),
    "picture.jpg": write_picture,
    "table.csv": write_csv,
    "matrix5.mat": write_mat5,
    "matrix73.mat": write_mat73,
    "objects": write_objects,
    "small": lambda path: write_dataset(path, 20),
    "large": lambda path: write_dataset(path, 50_000),
}


def make(folder: Path, name: str) -> Path:
    """Return the input ``name`` below ``folder``, written now if it is not there."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f"making-{name}"
        shutil.rmtree(aside, ignore_errors=True)
        INPUTS[name](aside)
        aside.rename(path)
    return path


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2])
