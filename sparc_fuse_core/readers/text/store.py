"""Columns of numbers in one scratch file, in pieces of a few thousand rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ColumnStore:
    """Columns of 8-byte numbers in one scratch file, in pieces of a few thousand rows.

    A piece holds each column in one run, as int64 until a value is not an integer, then as float64.
    """

    def __init__(self, path: Path, n_columns: int) -> None:
        self.n_columns = n_columns
        self.n_rows = 0
        self.largest = [0] * n_columns  # magnitude of the integers in each column
        self.integer = [True] * n_columns
        self._file = path.open("w+b", buffering=0)
        self._starts = [0]  # first row of each piece, and the end
        self._offsets: list[int] = []
        self._kinds: list[tuple[bool, ...]] = []

    def append(self, arrays: Sequence[np.ndarray[Any, Any]]) -> None:
        """Append rows: one array of int64 or float64 for each column, of one length."""
        n_rows = len(arrays[0]) if arrays else 0
        if not n_rows:
            return
        self._offsets.append(self._file.seek(0, os.SEEK_END))
        kinds = []
        for i, array in enumerate(arrays):
            is_integer = array.dtype.kind == "i"
            kinds.append(is_integer)
            if is_integer:
                self.largest[i] = max(self.largest[i], int(array.max()), -int(array.min()))
            else:
                self.integer[i] = False
            self._write(np.ascontiguousarray(array))
        self.n_rows += n_rows
        self._starts.append(self.n_rows)
        self._kinds.append(tuple(kinds))

    def _write(self, array: np.ndarray[Any, Any]) -> None:
        left = array.data.cast("B")
        while left:
            left = left[self._file.write(left) :]

    def blocks(self, columns: Sequence[int], dtype: Any) -> FunctionBlocks:
        """Blocks of shape (n_columns, n_rows)."""
        kind = np.dtype(dtype)

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            (first, last), (start, stop) = bounds
            return self._read(columns[first:last], start, stop, kind)

        return FunctionBlocks((len(columns), self.n_rows), kind, read)

    def vector(self, column: int, dtype: Any = np.float64) -> FunctionBlocks:
        """Blocks of shape (n_rows,)."""
        kind = np.dtype(dtype)

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            rows: np.ndarray[Any, Any] = self._read((column,), *bounds[0], kind)[0]
            return rows

        return FunctionBlocks((self.n_rows,), kind, read)

    def _read(
        self, columns: Sequence[int], start: int, stop: int, dtype: np.dtype[Any]
    ) -> np.ndarray[Any, Any]:
        block = np.empty((len(columns), stop - start), dtype)
        if not block.size:
            return block
        low, high = min(columns), max(columns)
        piece = int(np.searchsorted(self._starts, start, side="right")) - 1
        while self._starts[piece] < stop:
            begin, end = self._starts[piece], self._starts[piece + 1]
            n_rows = end - begin
            raw = os.pread(
                self._file.fileno(),
                8 * n_rows * (high - low + 1),
                self._offsets[piece] + 8 * n_rows * low,
            )
            rows = slice(max(start, begin) - begin, min(stop, end) - begin)
            into = slice(rows.start + begin - start, rows.stop + begin - start)
            for i, column in enumerate(columns):
                stored = np.int64 if self._kinds[piece][column] else np.float64
                values = np.frombuffer(raw, stored, n_rows, 8 * n_rows * (column - low))
                block[i, into] = values[rows]
            piece += 1
            if piece == len(self._offsets):
                break
        return block

    def close(self) -> None:
        """Close the scratch file; further reads fail."""
        self._file.close()
