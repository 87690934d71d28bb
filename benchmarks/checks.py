"""Is an output right? Compared, whole, with its input: ``python -m benchmarks.checks <kind> <input> <output>``.

Nothing of the project is used: inputs are read by hand or by the usual library, outputs by zarr-python, and
overviews and pyramid levels are compared with plain numpy. Where they differ, it ends with a sentence and
exit code 1.
"""

from __future__ import annotations

import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

if TYPE_CHECKING:
    from collections.abc import Callable

SPAN = 1_000_000


def _require(condition: Any, message: str) -> None:
    if not bool(condition):
        sys.exit(message)


def _rhd(source: Path) -> Any:
    """Return counts of the recording: (n_blocks, 32, 128)."""
    n_header = source.stat().st_size % (128 * 68)
    block = np.dtype([("time", "<i4", 128), ("counts", "<u2", (32, 128))])
    return np.memmap(source, block, "r", n_header)["counts"]


def _samples(blocks: Any, start: int, stop: int) -> Any:
    """Return (32, stop - start) counts; both multiples of 128."""
    return blocks[start // 128 : stop // 128].transpose(1, 0, 2).reshape(32, -1)


def recording(source: Path, out: Path) -> None:
    """Every stored sample and every bin of every overview level of a store of this project."""
    root: Any = zarr.open_group(out, mode="r")
    blocks, signals = _rhd(source), root["signals"]
    n_samples = blocks.shape[0] * 128
    _require(signals.shape == (32, n_samples), f"shape {signals.shape}")
    factors = json.loads(root.attrs["streams"])[0]["overview_factors"]
    levels = {
        f: (root[f"overview/{f}/minimum"][...], root[f"overview/{f}/maximum"][...]) for f in factors
    }
    step = math.lcm(128, *factors) * max(1, SPAN // math.lcm(128, *factors))
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        expected = _samples(blocks, start, stop)
        _require(np.array_equal(signals[:, start:stop], expected), f"samples from {start} differ")
        for factor, (low, high) in levels.items():
            edges = np.arange(0, stop - start, factor)
            bins = slice(start // factor, start // factor + len(edges))
            for found, ufunc in ((low, np.minimum), (high, np.maximum)):
                same = np.array_equal(found[:, bins], ufunc.reduceat(expected, edges, axis=1))
                _require(same, f"{ufunc.__name__} of overview {factor} differs")
    _require(factors, "no overview")


def traces(source: Path, out: Path) -> None:
    """Every sample of SpikeInterface's store."""
    stored: Any = zarr.open_group(out, mode="r")["traces_seg0"]
    blocks = _rhd(source)
    for start in range(0, stored.shape[0], 128 * 4096):
        stop = min(start + 128 * 4096, stored.shape[0])
        same = np.array_equal(stored[start:stop].T, _samples(blocks, start, stop))
        _require(same, f"samples from {start} differ")


def _columns(expected: list[Any], out: Path) -> None:
    """Every value of a table's columns; a time column may have become the axis, scales are undone."""
    root: Any = zarr.open_group(out, mode="r")
    names = [name for name in root.array_keys() if name.startswith("signals")]
    rows: list[Any] = []
    for name in names:
        array = root[name]
        values = np.asarray(array[...], dtype=float)
        scale, offset = array.attrs.get("scale_factor", 1.0), array.attrs.get("add_offset", 0.0)
        rows += list(values * scale + offset)
    _require(len(rows) in (len(expected), len(expected) - 1), f"{len(rows)} columns")
    for n, (row, column) in enumerate(zip(rows[::-1], expected[::-1], strict=False)):
        _require(np.array_equal(row, column), f"column {len(expected) - n} differs")
    if len(rows) < len(expected):
        time = root["time"]
        values = time[...] * time.attrs.get("scale_factor", 1.0) + time.attrs.get("add_offset", 0.0)
        _require(np.allclose(values, expected[0], rtol=0, atol=1e-9), "times differ")


def table(source: Path, out: Path) -> None:
    """Every number of the CSV, parsed by pyarrow."""
    from pyarrow import csv

    _columns([column.to_numpy() for column in csv.read_csv(source).columns], out)


def matrix(_source: Path, out: Path) -> None:
    """Every value of the matrix that was written into the file."""
    from benchmarks.inputs import matrix as made

    _columns(list(made().T), out)


def _image(pixels: Any, out: Path, *, levels: bool) -> None:
    """Level 0 pixel by pixel; if asked, each level against the 2 x 2 mean of the one above, halves up."""
    root: Any = zarr.open_group(out, mode="r")
    attributes = root.attrs.get("ome", root.attrs)
    paths = [dataset["path"] for dataset in attributes["multiscales"][0]["datasets"]]
    arrays = [root[path] for path in paths]
    shape = arrays[0].shape
    _require(tuple(n for n in shape if n > 1) == pixels.shape, f"shape {shape} for {pixels.shape}")
    lead = (0,) * (len(shape) - 3)
    for plane, expected in enumerate(pixels):
        _require(np.array_equal(arrays[0][(*lead, plane)], expected), f"plane {plane} differs")
        if not levels:
            continue
        above = expected
        for path, array in zip(paths[1:], arrays[1:], strict=True):
            n_rows, n_columns = (n // 2 * 2 for n in above.shape)
            runs = above[:n_rows, :n_columns].astype(np.uint64)
            runs = runs.reshape(n_rows // 2, 2, n_columns // 2, 2).sum(axis=(1, 3))
            above = ((runs + 2) // 4).astype(expected.dtype)
            found = array[(*lead, plane)]
            _require(np.array_equal(found, above), f"level {path} of plane {plane} differs")
    if levels:
        _require(len(paths) > 1, "no pyramid")


def stack(source: Path, out: Path, *, levels: bool) -> None:
    """Every pixel of the stack."""
    import tifffile

    _image(tifffile.memmap(source, mode="r"), out, levels=levels)


def picture(source: Path, out: Path, *, levels: bool) -> None:
    """Every pixel of the picture, as libjpeg-turbo decodes it."""
    import imagecodecs

    pixels = imagecodecs.jpeg8_decode(source.read_bytes()).transpose(2, 0, 1)
    _image(np.ascontiguousarray(pixels), out, levels=levels)


CHECKS: dict[str, Callable[[Path, Path], None]] = {
    "recording": recording,
    "traces": traces,
    "table": table,
    "matrix": matrix,
    "stack": partial(stack, levels=True),
    "stack0": partial(stack, levels=False),
    "picture": partial(picture, levels=True),
    "picture0": partial(picture, levels=False),
}


if __name__ == "__main__":
    CHECKS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
