"""Resolution levels of one plane, made from rows as they stream by: 2 × 2 means, or nearest for labels.

Level 0 rows go in; every level writes bands of whole shards and passes half as many rows on. What is held
is one band of each level, twice the band of level 0 at most, whatever the size of the plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

#: Rows reduced at once: stays in the processor's cache (measured 5.1 GB/s against 1.9 at once).
_ROWS = 128

#: Planes are halved until no side is longer.
SMALLEST = 256


def level_sizes(n_y: int, n_x: int) -> list[tuple[int, int]]:
    """Return (rows, columns) of each level: halved, rounded up, until both are at most `SMALLEST`."""
    sizes = [(n_y, n_x)]
    while max(sizes[-1]) > SMALLEST:
        rows, columns = sizes[-1]
        sizes.append((-(-rows // 2), -(-columns // 2)))
    return sizes


def halve_nearest(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Take every second row and column: no value that is not in the source."""
    return np.ascontiguousarray(rows[::2, ::2])


def halve_mean(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Mean of each 2 × 2 pixels; integers rounded to nearest, halves up.

    The last of an odd number of rows or columns is averaged with itself only.
    """
    n_y, n_x = rows.shape
    if n_y % 2 or n_x % 2:
        rows = np.pad(rows, ((0, n_y % 2), (0, n_x % 2)), mode="edge")
    result = np.empty((rows.shape[0] // 2, rows.shape[1] // 2), rows.dtype)
    for start in range(0, rows.shape[0], _ROWS):
        block = rows[start : start + _ROWS]
        result[start // 2 : (start + len(block)) // 2] = _mean(block)
    return result


def _mean(block: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    kind, size = block.dtype.kind, block.dtype.itemsize
    total: np.ndarray[Any, Any]
    if kind == "f":
        wide = np.dtype("float32" if size < 4 else block.dtype)
        quarter = wide.type(0.25)
        total = block[0::2, 0::2].astype(wide) * quarter
        for part in (block[0::2, 1::2], block[1::2, 0::2], block[1::2, 1::2]):
            total += part * quarter
        return total
    if size == 8:
        # no wider integer: add quarters and their remainders
        whole: np.ndarray[Any, Any] = np.zeros_like(_quarters(block)[0])
        rest = np.zeros_like(whole)
        for part in _quarters(block):
            whole += part // 4
            rest += part % 4
        whole += (rest + 2) // 4
        return whole
    wide = np.dtype(
        {1: "u2" if kind == "u" else "i2", 2: "u4" if kind == "u" else "i4"}.get(size, "i8")
    )
    first, *others = _quarters(block)
    total = first.astype(wide)
    for part in others:
        total += part
    total += 2
    total >>= 2
    return total


def _quarters(block: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return [block[0::2, 0::2], block[0::2, 1::2], block[1::2, 0::2], block[1::2, 1::2]]


class PlanePyramid:
    """One level of one plane and, through it, all coarser ones.

    Parameters
    ----------
    writes
        For each level, called with (first row, rows) of whole bands.
    band_rows
        Rows of a band; even.
    halve
        `halve_mean` or `halve_nearest`.
    """

    def __init__(
        self,
        writes: list[Callable[[int, np.ndarray[Any, Any]], None]],
        band_rows: int,
        halve: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]],
    ) -> None:
        self._write = writes[0]
        self._band_rows = band_rows
        self._halve = halve
        self._coarser = PlanePyramid(writes[1:], band_rows, halve) if len(writes) > 1 else None
        self._waiting: list[np.ndarray[Any, Any]] = []
        self._n_waiting = 0
        self._position = 0

    def feed(self, rows: np.ndarray[Any, Any]) -> None:
        """Take the next rows of this level."""
        self._waiting.append(rows)
        self._n_waiting += len(rows)
        if self._n_waiting >= self._band_rows:
            joined = self._joined()
            n_whole = len(joined) // self._band_rows * self._band_rows
            for start in range(0, n_whole, self._band_rows):
                self._emit(joined[start : start + self._band_rows])
            rest = joined[n_whole:]
            self._waiting = [rest.copy()] if len(rest) else []
            self._n_waiting = len(rest)

    def finish(self) -> None:
        """Write the last, shorter band of every level."""
        if self._n_waiting:
            self._emit(self._joined())
            self._waiting, self._n_waiting = [], 0
        if self._coarser is not None:
            self._coarser.finish()

    def _joined(self) -> np.ndarray[Any, Any]:
        return self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)

    def _emit(self, band: np.ndarray[Any, Any]) -> None:
        self._write(self._position, band)
        self._position += len(band)
        if self._coarser is not None:
            self._coarser.feed(self._halve(band))
