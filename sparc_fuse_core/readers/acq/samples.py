"""Samples of BIOPAC files: interleaved at different rates, or one compressed stream a channel.

Uncompressed, the file holds one frame for each tick of the base clock, and a channel with divider d is in
every d-th frame; frames end as channels run out of samples. So the place of each sample can be
computed, and nothing is loaded but what is asked for. Compressed channels are inflated as they
are read, from the start again when a read goes back.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.readers.shared.records import RecordFile

_PIECE_BYTES = 1 << 20


def framed(
    file: RecordFile,
    data_offset_bytes: int,
    numbers: Sequence[int],
    dividers: Sequence[int],
    n_samples: Sequence[int],
    dtypes: Sequence[np.dtype[Any]],
) -> FunctionBlocks:
    """Return channels of an uncompressed file as (n_channels, n_samples).

    Parameters
    ----------
    file, data_offset_bytes
        Where the frames begin.
    numbers
        The channels wanted: of one divider, length and dtype.
    dividers, n_samples, dtypes
        Of every channel of the file, in the order of a frame.
    """
    divider, dtype = dividers[numbers[0]], dtypes[numbers[0]]
    if len(set(dividers)) == len(set(n_samples)) == 1:
        return _uniform(file, data_offset_bytes, numbers, n_samples[0], dtypes)
    frame_bytes = sum(
        one.itemsize * -(-divider // other) for one, other in zip(dtypes, dividers, strict=True)
    )
    step = max(1, _PIECE_BYTES // frame_bytes)
    n_words = dtype.itemsize // 2

    def offsets(number: int, start: int, stop: int) -> np.ndarray[Any, Any]:
        """Return the place of each sample: the bytes of all channels that come before it."""
        tick = np.arange(start, stop, dtype=np.int64) * divider
        total = np.zeros(len(tick), np.int64)
        for i, (other, n_there, one) in enumerate(zip(dividers, n_samples, dtypes, strict=True)):
            before = tick // other + 1 if i < number else -(-tick // other)
            total += np.minimum(before, n_there) * one.itemsize
        return total

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, max(0, stop - start)), dtype)
        wanted = numbers[first:last]
        if not wanted:
            return block
        for at in range(start, stop, step):
            until = min(at + step, stop)
            places = [offsets(number, at, until) for number in wanted]
            low, high = int(places[0][0]), int(places[-1][-1]) + dtype.itemsize
            # all sizes are multiples of 2, so samples are found among 16-bit words
            words = file.read(data_offset_bytes + low, high - low).view(np.uint16)
            for row, place in enumerate(places):
                picked = words[((place - low) // 2)[:, None] + np.arange(n_words)]
                block[row, at - start : until - start] = picked.view(dtype)[:, 0]
        return block

    return FunctionBlocks((len(numbers), n_samples[numbers[0]]), dtype, read)


def _uniform(
    file: RecordFile,
    data_offset_bytes: int,
    numbers: Sequence[int],
    n_samples: int,
    dtypes: Sequence[np.dtype[Any]],
) -> FunctionBlocks:
    """Return channels of a file whose frames are all alike: much faster."""
    frame = np.dtype([(str(i), dtype) for i, dtype in enumerate(dtypes)])
    dtype = dtypes[numbers[0]]

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, max(0, stop - start)), dtype)
        for at, frames in file.records(frame, data_offset_bytes, start, stop):
            for row, number in enumerate(numbers[first:last]):
                block[row, at - start : at - start + len(frames)] = frames[str(number)]
        return block

    return FunctionBlocks((len(numbers), n_samples), dtype, read)


class InflatedChannel:
    """One channel of a compressed file, as a one-dimensional array; inflated as it is read."""

    def __init__(
        self,
        file: RecordFile,
        offset_bytes: int,
        compressed_bytes: int,
        n_samples: int,
        dtype: np.dtype[Any],
    ) -> None:
        self.dtype = dtype
        self._file = file
        self._place = (offset_bytes, compressed_bytes)
        self._n_samples = n_samples
        self._restart()

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._n_samples

    def _restart(self) -> None:
        self._inflater = zlib.decompressobj()
        self._n_taken = 0
        self._n_given = 0
        self._waiting = b""

    def _next(self, limit: int) -> bytes:
        """Return at least one and at most ``limit`` further bytes."""
        while True:
            if not self._waiting and self._n_taken < self._place[1]:
                n_bytes = min(_PIECE_BYTES, self._place[1] - self._n_taken)
                place = self._place[0] + self._n_taken
                self._waiting = self._file.read(place, n_bytes).tobytes()
                self._n_taken += n_bytes
            n_waiting = len(self._waiting)
            try:
                piece = self._inflater.decompress(self._waiting, limit)
            except zlib.error as err:
                message = f"{self._file.name}: damaged: a compressed channel cannot be read ({err})"
                raise CorruptFileError(message) from err
            self._waiting = self._inflater.unconsumed_tail
            if piece:
                self._n_given += len(piece)
                return piece
            if self._inflater.eof or (not n_waiting and self._n_taken >= self._place[1]):
                message = (
                    f"{self._file.name}: damaged: a compressed channel ends after "
                    f"{self._n_given} of {self._n_samples * self.dtype.itemsize} bytes"
                )
                raise CorruptFileError(message)

    def __getitem__(self, key: slice) -> np.ndarray[Any, Any]:
        """Read a run of samples."""
        start, stop, _ = key.indices(self._n_samples)
        if stop <= start:
            return np.empty(0, self.dtype)
        first, last = start * self.dtype.itemsize, stop * self.dtype.itemsize
        if first < self._n_given:
            self._restart()
        while self._n_given < first:
            self._next(min(_PIECE_BYTES, first - self._n_given))
        raw = bytearray()
        while len(raw) < last - first:
            raw += self._next(last - first - len(raw))
        return np.frombuffer(raw, self.dtype)
