"""Bounded reads of binary recordings: interleaved samples in runs, and records of a fixed layout.

Every read goes through one buffer of about a mebibyte, so that resident memory stays flat whatever the
file's size, and each piece is transposed while it is still in the processor's cache.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Blocks

_PIECE_BYTES = 1 << 20


class RecordFile:
    """A file read by position; closing it ends every `Blocks` made from it.

    Attributes
    ----------
    name
        Of the file, for messages.
    size_bytes
        When it was opened.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._file = path.open("rb", buffering=0)
        self.size_bytes = os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def read(self, offset_bytes: int, n_bytes: int) -> np.ndarray[Any, Any]:
        """Read exactly ``n_bytes`` as uint8.

        Raises
        ------
        CorruptFileError
            If the file ends before.
        """
        buffer = np.empty(n_bytes, np.uint8)
        view = memoryview(buffer.data)
        done = 0
        while done < n_bytes:
            n_read = os.preadv(self._file.fileno(), [view[done:]], offset_bytes + done)
            if not n_read:
                message = (
                    f"{self.name}: truncated: it ends at byte {offset_bytes + done}, "
                    f"but {offset_bytes + n_bytes} are needed; upload it again"
                )
                raise CorruptFileError(message)
            done += n_read
        return buffer

    def records(
        self, dtype: np.dtype[Any], offset_bytes: int, first: int, last: int
    ) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        """Yield (index of its first record, records) for the records ``first`` to ``last``."""
        step = max(1, _PIECE_BYTES // dtype.itemsize)
        for at in range(first, last, step):
            n = min(step, last - at)
            raw = self.read(offset_bytes + at * dtype.itemsize, n * dtype.itemsize)
            yield at, np.frombuffer(raw, dtype, n)


def interleaved(
    file: RecordFile, dtype: Any, n_channels: int, runs: Sequence[tuple[int, int]]
) -> FunctionBlocks:
    """Return samples stored one after the other, all channels of each, as (n_channels, n_samples).

    Parameters
    ----------
    file, dtype, n_channels
        Where the samples are and what one is.
    runs
        (offset in bytes, number of samples) of each stretch of samples, in order.
    """
    sample = np.dtype((dtype, (n_channels,)))
    starts = np.concatenate([[0], np.cumsum([n for _, n in runs], dtype=np.int64)])

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), dtype)
        run = max(0, int(np.searchsorted(starts, start, side="right")) - 1)
        while run < len(runs) and starts[run] < stop:
            offset_bytes, n_samples = runs[run]
            origin = int(starts[run])
            low, high = max(start - origin, 0), min(stop - origin, n_samples)
            for at, samples in file.records(sample, offset_bytes, low, high):
                to = origin + at - start
                block[:, to : to + len(samples)] = samples[:, first:last].T
            run += 1
        return block

    return FunctionBlocks((n_channels, int(starts[-1])), np.dtype(dtype), read)


def framed(
    file: RecordFile,
    record: np.dtype[Any],
    offset_bytes: int,
    n_records: int,
    field: str,
    convert: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]] | None = None,
) -> FunctionBlocks:
    """Return one field of records as (n_channels, n_records × samples in a record).

    Parameters
    ----------
    file, record, offset_bytes, n_records
        Where the records are and how one is laid out.
    field
        A field of shape (n_channels, n_samples in a record).
    convert
        Applied to stored values; keeps their shape.
    """
    stored, shape = record[field].subdtype or (record[field], ())
    n_channels, length = shape
    dtype = stored if convert is None else convert(np.zeros(1, stored)).dtype

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        begin, end = start // length, -(-stop // length)
        if stop <= start:
            return np.empty((last - first, 0), dtype)
        block = np.empty((last - first, (end - begin) * length), dtype)
        for at, records in file.records(record, offset_bytes, begin, end):
            to = (at - begin) * length
            values = records[field][:, first:last].swapaxes(0, 1)
            target = block[:, to : to + len(records) * length]
            target = np.reshape(target, values.shape, copy=False)
            target[...] = values if convert is None else convert(values)
        return block[:, start - begin * length : stop - begin * length]

    return FunctionBlocks((n_channels, n_records * length), dtype, read)


class Row:
    """The one channel of ``blocks`` (1, n_samples) as a one-dimensional array."""

    def __init__(self, blocks: FunctionBlocks) -> None:
        self.dtype = blocks.dtype
        self._blocks = blocks

    def __len__(self) -> int:
        return self._blocks.shape[1]

    def __getitem__(self, key: slice) -> np.ndarray[Any, Any]:
        row: np.ndarray[Any, Any] = self._blocks[:, key][0]
        return row


def planar(
    file: RecordFile, dtype: Any, n_channels: int, offset_bytes: int, n: int
) -> FunctionBlocks:
    """Return channels stored one after the other, ``n`` samples each, as (n_channels, n)."""
    step = n * np.dtype(dtype).itemsize
    return stacked(
        [
            Row(interleaved(file, dtype, 1, [(offset_bytes + i * step, n)]))
            for i in range(n_channels)
        ]
    )


class Breaks:
    """Finds where a count of samples does not go on by ``step``, fed piece by piece.

    Parameters
    ----------
    step
        What one sample adds to the count.
    limit
        More breaks than this are refused: such counts mean nothing.
    """

    def __init__(self, name: str, step: int, limit: int = 100_000) -> None:
        self._name = name
        self._step = step
        self._limit = limit
        self._n_seen = 0
        self._expected: int | None = None
        #: (index of the first sample after the break, its count); the first is the very first sample
        self.found: list[tuple[int, int]] = []

    def feed(self, counts: np.ndarray[Any, Any]) -> None:
        """Take the next counts, in order."""
        if not len(counts):
            return
        wide = counts.astype(np.int64)
        at = np.flatnonzero(np.diff(wide) != self._step) + 1
        if self._expected is None or int(wide[0]) != self._expected:
            self.found.append((self._n_seen, int(wide[0])))
        self.found += [(self._n_seen + int(i), int(wide[i])) for i in at]
        if len(self.found) > self._limit:
            message = (
                f"{self._name}: the time stamps jump more than {self._limit} times; "
                "they are damaged, so no time axis can be made"
            )
            raise CorruptFileError(message)
        self._n_seen += len(wide)
        self._expected = int(wide[-1]) + self._step

    def runs(self) -> list[tuple[int, int, int]]:
        """Return (first sample, number of samples, count of the first) of each run."""
        ends = [at for at, _ in self.found] + [self._n_seen]
        return [
            (start, stop - start, count)
            for (start, stop), (_, count) in zip(pairwise(ends), self.found, strict=True)
        ]


def in_sweeps(signals: Blocks, n_samples: int) -> FunctionBlocks:
    """Cut (n_channels, n_sweeps × n_samples) into sweeps: (n_channels, n_sweeps, n_samples)."""
    n_channels, n_all = signals.shape

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (from_sweep, to_sweep), (start, stop) = bounds
        channels = slice(first, last)
        if (start, stop) == (0, n_samples):
            run = slice(from_sweep * n_samples, to_sweep * n_samples)
            whole = np.asarray(signals[channels, run])
            return whole.reshape(last - first, to_sweep - from_sweep, n_samples)
        block = np.empty((last - first, to_sweep - from_sweep, stop - start), signals.dtype)
        for sweep in range(from_sweep, to_sweep):
            run = slice(sweep * n_samples + start, sweep * n_samples + stop)
            block[:, sweep - from_sweep] = signals[channels, run]
        return block

    return FunctionBlocks((n_channels, n_all // n_samples, n_samples), signals.dtype, read)
