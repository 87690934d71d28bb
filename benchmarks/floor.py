"""The floor: read, reduce, compress, write by hand with two threads and nothing else.

``python -m benchmarks.floor <what> <input> <output>``. Chunks, codecs and levels are the project's; there is
no metadata, no shard, no check, and only what the input is known to hold is handled.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numcodecs import Blosc, blosc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CHUNK = 65_536
TILE = 1024
BAND = 128  # rows: two bands and what they become stay in the processor's cache

_INTEGERS = Blosc("zstd", clevel=1, shuffle=Blosc.BITSHUFFLE, blocksize=16_384)
_PIXELS = Blosc("zstd", clevel=1, shuffle=Blosc.SHUFFLE)


class _Pool:
    """Two threads, and never more than a few blocks waiting for them."""

    def __init__(self) -> None:
        blosc.use_threads = False
        self._pool = ThreadPoolExecutor(2)
        self._waiting: deque[Future[Any]] = deque()

    def run(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._waiting.append(self._pool.submit(call, *arguments))
        while len(self._waiting) > 4:
            self._waiting.popleft().result()

    def finish(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()
        self._pool.shutdown()


def _store(codec: Blosc, values: Any, path: Path) -> None:
    path.write_bytes(codec.encode(np.ascontiguousarray(values)))


def recording(source: Path, out: Path) -> None:
    """An .rhd of 32 channels: minimum and maximum of every 256 samples, chunks of one channel."""
    n_header = source.stat().st_size % (128 * 68)
    block = np.dtype([("time", "<i4", 128), ("counts", "<u2", (32, 128))])
    span = CHUNK // 128
    pool = _Pool()

    def piece(number: int, records: Any) -> None:
        counts = records["counts"]
        n = counts.shape[0] * 128
        low = np.empty((32, -(-n // 256)), np.uint16)
        high = np.empty_like(low)
        for channel in range(32):
            row = np.ascontiguousarray(counts[:, channel]).reshape(-1)
            runs = row[: n // 256 * 256].reshape(-1, 256)
            runs.min(axis=1, out=low[channel, : len(runs)])
            runs.max(axis=1, out=high[channel, : len(runs)])
            _store(_INTEGERS, row, out / f"{number}.{channel}")
        _store(_INTEGERS, low, out / f"{number}.low")
        _store(_INTEGERS, high, out / f"{number}.high")

    with source.open("rb") as file:
        file.seek(n_header)
        for number in range(source.stat().st_size):
            records = np.fromfile(file, block, span)
            if not len(records):
                break
            pool.run(piece, number, records)
    pool.finish()


def _mean(plane: Any) -> Any:
    """2 x 2 mean of integers, halves up, in bands."""
    half = np.empty((plane.shape[0] // 2, plane.shape[1] // 2), plane.dtype)
    for top in range(0, plane.shape[0], BAND):
        rows = plane[top : top + BAND]
        total = rows[0::2, 0::2].astype(np.uint32)
        total += rows[0::2, 1::2]
        total += rows[1::2, 0::2]
        total += rows[1::2, 1::2]
        total += 2
        total >>= 2
        half[top // 2 : top // 2 + len(total)] = total
    return half


def _planes(planes: Iterable[Any], out: Path) -> None:
    pool = _Pool()

    def pyramid(number: int, plane: Any) -> None:
        for level in range(9):
            for i in range(0, plane.shape[0], TILE):
                for j in range(0, plane.shape[1], TILE):
                    tile = plane[i : i + TILE, j : j + TILE]
                    _store(_PIXELS, tile, out / f"{number}.{level}.{i}.{j}")
            if max(plane.shape) <= 256:
                return
            plane = _mean(plane)

    for number, plane in enumerate(planes):
        pool.run(pyramid, number, plane)
    pool.finish()


def stack(source: Path, out: Path) -> None:
    """A TIFF of contiguous 16-bit planes."""
    import tifffile

    with tifffile.TiffFile(source) as file:
        page = file.pages[0]
        offset, shape = page.dataoffsets[0], (len(file.pages), *page.shape)
    with source.open("rb") as raw:
        raw.seek(offset)
        n_values = shape[1] * shape[2]
        planes = (np.fromfile(raw, "<u2", n_values).reshape(shape[1:]) for _ in range(shape[0]))
        _planes(planes, out)


def picture(source: Path, out: Path) -> None:
    """An RGB JPEG."""
    import imagecodecs

    pixels = imagecodecs.jpeg8_decode(source.read_bytes())
    _planes((np.ascontiguousarray(pixels[..., channel]) for channel in range(3)), out)


def _columns(columns: Iterable[Any], out: Path) -> None:
    pool = _Pool()
    for number, column in enumerate(columns):
        for start in range(0, len(column), CHUNK):
            pool.run(_store, _PIXELS, column[start : start + CHUNK], out / f"{number}.{start}")
    pool.finish()


def table(source: Path, out: Path) -> None:
    """A CSV with one header line, through the fastest parser known."""
    import polars as pl

    parsed = pl.read_csv(source)
    _columns((parsed[name].to_numpy() for name in parsed.columns), out)


def matrix5(source: Path, out: Path) -> None:
    """A compressed variable of MATLAB v5: inflate, then eight columns of float64."""
    with source.open("rb") as file:
        file.seek(128)
        _, n_bytes = struct.unpack("<II", file.read(8))
        inflate = zlib.decompressobj()
        content = bytearray()
        while n_bytes:
            piece = file.read(min(1 << 20, n_bytes))
            n_bytes -= len(piece)
            content += inflate.decompress(piece)
    n_values = 3_600_000 * 8
    start = 8 + 16 + 16 + 8 + 8  # tag, flags, dimensions, name "data", tag of the values
    values = np.frombuffer(content, "<f8", n_values, start).reshape(8, -1)
    _columns(values, out)


def matrix73(source: Path, out: Path) -> None:
    """A dataset of MATLAB v7.3, column by column."""
    import h5py

    with h5py.File(source) as file:
        data = file["data"]
        _columns((data[n] for n in range(data.shape[0])), out)


WORK: dict[str, Callable[[Path, Path], None]] = {
    "recording": recording,
    "stack": stack,
    "picture": picture,
    "table": table,
    "matrix5": matrix5,
    "matrix73": matrix73,
}


if __name__ == "__main__":
    target = Path(sys.argv[3])
    target.mkdir(parents=True)
    WORK[sys.argv[1]](Path(sys.argv[2]), target)
