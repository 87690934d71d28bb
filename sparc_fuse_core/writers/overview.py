"""Minimum and maximum of every few samples: a recording's first picture for one small read.

The coarsest level has more than 512 and at most 1,024 bins, one for a pixel or two of a screen: 32 channels of
it are under 0.1 MB. Finer ones are 8 to 16 times apart, down to 64 samples a bin. All are made in the pass that
writes the signals; each holds at most one shard of bins in memory.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.writers.zarr_arrays import create_bulk_array, start_writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.writers.dense_arrays import Profile
    from sparc_fuse_core.writers.zarr_arrays import ZarrFormat

#: Recordings of up to so many samples need no overview.
FEW_SAMPLES = 4096
MAX_TOP_BINS = 1024
FINEST_FACTOR = 64
STEP, LEAST_STEP = 16, 8
_CHUNK_BINS = 4096
_SHARD_BYTES = 2 * 1024 * 1024
#: Samples reduced at once; they and their transposed copy stay in the processor's cache.
_PIECE_BYTES = 128 * 1024


def overview_factors(n_samples: int) -> tuple[int, ...]:
    """Return samples per bin of each level, finest first; empty if the samples are few enough."""
    if n_samples <= FEW_SAMPLES:
        return ()
    top = 4
    while math.ceil(n_samples / top) > MAX_TOP_BINS:
        top *= 2
    factors = [top]
    while factors[0] >= LEAST_STEP * FINEST_FACTOR:
        factors.insert(0, max(FINEST_FACTOR, factors[0] // STEP))
    return tuple(factors)


class Overview:
    """All levels of one stream of shape (n_channels, n_samples); of sweeps, their `Envelope`.

    Parameters
    ----------
    folder
        Where the levels go: ``<folder>/<factor>``.
    dimensions
        Names of the axes of channels and bins.
    dtype
        As the signals are written.
    attributes
        Of the arrays of each level, by its factor: the signals' own, and where the bins lie.
    swap
        Whether minimum and maximum change places (a negative scale).
    """

    def __init__(
        self,
        folder: Path,
        dimensions: tuple[str, str],
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        attributes: Mapping[int, Mapping[str, Any]],
        *,
        swap: bool,
        zarr_format: ZarrFormat,
        profile: Profile = "default",
    ) -> None:
        self.factors = overview_factors(shape[1])
        names = ("maximum", "minimum") if swap else ("minimum", "maximum")
        self._arrays = []
        for factor in self.factors:
            n_bins = math.ceil(shape[1] / factor)
            chunk = min(n_bins, _CHUNK_BINS)
            rows = max(1, min(shape[0], _SHARD_BYTES // (chunk * dtype.itemsize)))
            n_chunks = max(1, _SHARD_BYTES // (rows * chunk * dtype.itemsize))
            span = min(n_chunks, math.ceil(n_bins / chunk)) * chunk
            # the coarsest level is read for all channels at once, a finer one channel by channel
            inner = (rows, chunk) if factor == self.factors[-1] else (1, chunk)
            level = [
                create_bulk_array(
                    folder / str(factor) / name,
                    shape=(shape[0], n_bins),
                    dtype=dtype,
                    chunk=inner,
                    shard=None if inner == (rows, span) else (rows, span),
                    dimensions=dimensions,
                    attributes=attributes[factor],
                    zarr_format=zarr_format,
                    profile=profile,
                )
                for name in names
            ]
            self._arrays.append((level, span))

    def for_channels(self, first: int, last: int) -> _Levels:
        """Return what takes the blocks of channels ``first`` to ``last`` in the order of time."""
        ratios = [self.factors[0]] if self.factors else []
        ratios += [b // a for a, b in zip(self.factors, self.factors[1:], strict=False)]
        below: _Levels | None = None
        for (arrays, span), ratio in reversed(list(zip(self._arrays, ratios, strict=True))):
            below = _Levels(arrays, span, ratio, (first, last), below)
        return below or _Levels([], 1, 1, (first, last), None)


class Envelope:
    """Least and greatest value of each sample over sweeps that are added one block after the other.

    Attributes
    ----------
    low, high
        Shape (n_channels, n_samples), of the dtype of the values; NaN only where every sweep has NaN.
    """

    __slots__ = ("high", "low")

    low: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Take a block of shape (n_channels, n_sweeps, n_samples)."""
        for name, ufunc in (("low", np.fmin), ("high", np.fmax)):
            of_block = ufunc.reduce(values, axis=1)
            known = getattr(self, name, None)
            setattr(self, name, of_block if known is None else ufunc(known, of_block, out=known))


class _Levels:
    """One level and, through it, all coarser ones, for a range of channels."""

    def __init__(
        self,
        arrays: list[Any],
        span: int,
        ratio: int,
        channels: tuple[int, int],
        coarser: _Levels | None,
    ) -> None:
        self._arrays = arrays
        self._span = span
        self._ratio = ratio
        self._channels = channels
        self._coarser = coarser
        self._rest: list[np.ndarray[Any, Any]] | None = None
        # minimum and maximum of the shard being filled, made when the first bins come
        self._bins: list[np.ndarray[Any, Any]] = []
        self._n_waiting = 0
        self._position = 0

    def feed(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        """Take the next samples (or finer bins); both of shape (n_channels, n)."""
        if not self._arrays:
            return
        if self._rest is not None:
            low = np.concatenate([self._rest[0], low], axis=1)
            high = np.concatenate([self._rest[1], high], axis=1)
        n_whole = low.shape[1] // self._ratio * self._ratio
        self._rest = None
        if n_whole < low.shape[1]:
            self._rest = [low[:, n_whole:].copy(), high[:, n_whole:].copy()]
        if n_whole and low is high:  # samples: one array gives both
            self._take(*extremes(low[:, :n_whole], self._ratio, (np.fmin, np.fmax)))
        elif n_whole:
            self._take(
                *extremes(low[:, :n_whole], self._ratio, (np.fmin,)),
                *extremes(high[:, :n_whole], self._ratio, (np.fmax,)),
            )

    def finish(self) -> None:
        """Write what is left, a last bin of fewer samples included."""
        if not self._arrays:
            return
        if self._rest is not None:
            low, high = self._rest
            self._rest = None
            self._take(
                np.fmin.reduce(low, axis=1, keepdims=True),
                np.fmax.reduce(high, axis=1, keepdims=True),
            )
        self._write()
        if self._coarser is not None:
            self._coarser.finish()

    def _take(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        if not self._bins:
            self._bins = [np.empty((low.shape[0], self._span), low.dtype) for _ in range(2)]
        at = 0
        while at < low.shape[1]:
            n_bins = min(low.shape[1] - at, self._span - self._n_waiting)
            into = slice(self._n_waiting, self._n_waiting + n_bins)
            for bins, values in zip(self._bins, (low, high), strict=True):
                bins[:, into] = values[:, at : at + n_bins]
            self._n_waiting += n_bins
            at += n_bins
            if self._n_waiting == self._span:
                self._write()
        if self._coarser is not None:
            self._coarser.feed(low, high)

    def _write(self) -> None:
        if not self._n_waiting:
            return
        key = (
            slice(*self._channels),
            slice(self._position, self._position + self._n_waiting),
        )
        for array, bins in zip(self._arrays, self._bins, strict=True):
            start_writing(array, key, bins[:, : self._n_waiting]).result()
        self._position += self._n_waiting
        self._n_waiting = 0


def extremes(
    values: np.ndarray[Any, Any], ratio: int, ufuncs: Sequence[Any]
) -> list[np.ndarray[Any, Any]]:
    """Reduce every ``ratio`` values of the last axis; NaN only where all are NaN.

    numpy reduces short runs slowly (80 ns each) and long columns fast. So a piece that fits in the cache is
    transposed in words of eight bytes, several values each, and reduced over its long axis: 1.7 to 8
    times as fast.

    Parameters
    ----------
    values
        Shape (n_rows, n × ratio).
    ufuncs
        ``np.fmin``, ``np.fmax`` or both.

    Returns
    -------
    One array of shape (n_rows, n) for each of ``ufuncs``.
    """
    if values.dtype.kind != "f":  # the same without NaN, and faster
        ufuncs = [{np.fmin: np.minimum, np.fmax: np.maximum}[ufunc] for ufunc in ufuncs]
    n_rows, n_bins = values.shape[0], values.shape[1] // ratio
    n_lanes = 8 // values.dtype.itemsize
    if ratio % n_lanes:
        runs = values.reshape(n_rows, n_bins, ratio)
        return [ufunc.reduce(runs, axis=2) for ufunc in ufuncs]
    found = [np.empty((n_rows, n_bins), values.dtype) for _ in ufuncs]
    step = max(1, _PIECE_BYTES // (ratio * values.dtype.itemsize))
    for row, samples in enumerate(values):
        for start in range(0, n_bins, step):
            stop = min(start + step, n_bins)
            piece = np.ascontiguousarray(samples[start * ratio : stop * ratio])
            words = piece.view(np.uint64).reshape(-1, ratio // n_lanes)
            columns = np.ascontiguousarray(words.T).view(values.dtype)
            for ufunc, into in zip(ufuncs, found, strict=True):
                lanes = ufunc.reduce(columns, axis=0).reshape(-1, n_lanes)
                while lanes.shape[1] > 1:
                    half = lanes.shape[1] // 2
                    lanes = ufunc(lanes[:, :half], lanes[:, half:])
                into[row, start:stop] = lanes[:, 0]
    return found
