"""An index of times that are counted, not stored: start, rate and the numbers of the samples.

Selecting, joining and concatenating work on sample numbers, so that times stay exact and none is computed
before it is asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexing import IndexSelResult  # what the guide to custom indexes says
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from sparc_fuse_core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

#: Labels are rounded to this part of a step: 1.0 s is a sample of 3 Hz too.
_DIGITS = 6
_NS = 1_000_000_000


class Times(CoordinateTransform):
    """Sample numbers and what they mean.

    Attributes
    ----------
    ticks
        Number of each sample on its clock; a range as long as they are even.
    start_s, rate_hz
        ``start_s + tick / rate_hz`` is a sample's time.
    epoch
        Date and time that ``0 s`` stands for; times are dates then. None for seconds.
    """

    def __init__(
        self,
        ticks: range | NDArray[np.int64],
        start_s: float,
        rate_hz: float,
        epoch: np.datetime64 | None = None,
        name: Hashable = "time",
    ) -> None:
        dtype = np.dtype(np.float64 if epoch is None else "datetime64[ns]")
        super().__init__([name], {str(name): len(ticks)}, dtype=dtype)
        self.ticks = ticks
        self.start_s = start_s
        self.rate_hz = rate_hz
        self.epoch = epoch

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        """Return the times at positions."""
        at = np.asarray(dim_positions[self.dims[0]])
        ticks = self.ticks
        numbers = (
            ticks.start + at * ticks.step
            if isinstance(ticks, range)
            else ticks[at.astype(np.int64)]
        )
        seconds = self.start_s + numbers / self.rate_hz
        return {self.coord_names[0]: seconds if self.epoch is None else self._dates(seconds)}

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        """Return the position nearest to each label."""
        labels = np.asarray(coord_labels[self.coord_names[0]])
        return {self.dims[0]: self.nearest(labels)}

    def equals(self, other: CoordinateTransform, **_kwargs: Any) -> bool:
        """Whether all times are the same."""
        if not isinstance(other, Times) or len(self.ticks) != len(other.ticks):
            return False
        if self.shares_clock(other):
            return bool(np.array_equal(self.numbers, other.numbers))
        return bool(np.array_equal(self.values, other.values))

    def shares_clock(self, other: Times) -> bool:
        """Whether equal numbers mean equal times."""
        mine = (self.start_s, self.rate_hz, self.epoch)
        return mine == (other.start_s, other.rate_hz, other.epoch)

    def picked(self, ticks: range | NDArray[np.int64]) -> Times:
        """Return the same clock with other samples."""
        name = self.coord_names[0]
        return Times(_as_range(ticks), self.start_s, self.rate_hz, self.epoch, name)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Sample numbers as an array."""
        return np.asarray(self.ticks, np.int64)

    @property
    def values(self) -> NDArray[Any]:
        """All times, computed now."""
        found: NDArray[Any] = self.generate_coords()[self.coord_names[0]]
        return found

    def tick_of(self, label: Any) -> float:
        """Return the (broken) sample number of a time."""
        if self.epoch is None:
            seconds = float(label)
        else:
            seconds = (np.datetime64(label, "ns") - self.epoch) / np.timedelta64(1, "s")
        return round((seconds - self.start_s) * self.rate_hz, _DIGITS)

    def nearest(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Return the position nearest to each label.

        Raises
        ------
        KeyError
            If one lies more than half a step outside.
        """
        if not len(self.ticks):
            message = "there is no sample to select from"
            raise KeyError(message)
        wanted = np.array([self.tick_of(label) for label in labels.ravel()], np.float64)
        ticks = self.ticks
        if isinstance(ticks, range):
            at = np.rint((wanted - ticks.start) / ticks.step).astype(np.int64)
            ends, reach = sorted((ticks[0], ticks[-1])), abs(ticks.step) / 2
        else:
            order = np.argsort(ticks, kind="stable")
            even = ticks[order]
            after = np.clip(np.searchsorted(even, wanted), 1, len(even) - 1)
            nearer = np.abs(even[after - 1] - wanted) <= np.abs(even[after] - wanted)
            at = order[np.where(nearer, after - 1, after)]
            ends, reach = [even[0], even[-1]], 0.5
        outside = (wanted < ends[0] - reach) | (wanted > ends[1] + reach) | np.isnan(wanted)
        if outside.any():
            first, last = self.values[[0, -1]]
            message = f"time {labels.ravel()[outside][0]} lies outside of {first} to {last}"
            raise KeyError(message)
        return np.clip(at, 0, len(ticks) - 1).reshape(labels.shape)

    def _dates(self, seconds: NDArray[Any]) -> NDArray[Any]:
        whole = np.floor(seconds)
        rest = np.rint((seconds - whole) * _NS).astype("timedelta64[ns]")
        dates: NDArray[Any] = self.epoch + whole.astype("timedelta64[s]") + rest
        return dates.astype("datetime64[ns]")


class TimeIndex(CoordinateTransformIndex):
    """A time axis; scalars and lists select the nearest sample, slices all samples between, ends included."""

    transform: Times

    @property
    def _dim(self) -> str:
        return self.transform.dims[0]

    @classmethod
    def even(
        cls,
        n_samples: int,
        start_s: float,
        rate_hz: float,
        *,
        name: str = "time",
        epoch: np.datetime64 | None = None,
    ) -> TimeIndex:
        """Return the index of ``n_samples`` samples at a constant rate."""
        return cls(Times(range(n_samples), start_s, rate_hz, epoch, name))

    @classmethod
    def of(cls, times: NDArray[np.float64], start_s: float, rate_hz: float) -> TimeIndex | None:
        """Return the index of ``times`` in seconds if all lie on the clock, else None."""
        numbers = np.rint((times - start_s) * rate_hz)
        if not np.allclose(start_s + numbers / rate_hz, times, rtol=1e-12, atol=1e-6 / rate_hz):
            return None
        return cls(Times(_as_range(numbers.astype(np.int64)), start_s, rate_hz))

    def dated(self, epoch: np.datetime64) -> TimeIndex:
        """Return the index in dates; ``epoch`` is what 0 s stands for."""
        times = self.transform
        name = times.coord_names[0]
        return TimeIndex(Times(times.ticks, times.start_s, times.rate_hz, epoch, name))

    def sel(self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None) -> Any:
        """Select by time."""
        if method not in (None, "nearest") or tolerance is not None:
            message = "times are selected by the nearest sample; leave method and tolerance out"
            raise RequestError(message)
        label = labels[self.transform.coord_names[0]]
        if isinstance(label, slice):
            return IndexSelResult({self._dim: self._slice(label)})
        if isinstance(label, xr.Variable | xr.DataArray):
            at: Any = self.transform.nearest(np.asarray(label.values))
            at = xr.Variable(label.dims, at) if label.ndim else int(at)
        else:
            values = np.asarray(label)
            at = self.transform.nearest(values)
            at = at if values.ndim else int(at)
        return IndexSelResult({self._dim: at})

    def _slice(self, label: slice) -> slice | NDArray[np.int64]:
        if label.step is not None:
            message = "a time slice has no step"
            raise RequestError(message)
        times = self.transform
        low = -math.inf if label.start is None else times.tick_of(label.start)
        high = math.inf if label.stop is None else times.tick_of(label.stop)
        ticks = times.ticks
        if isinstance(ticks, range) and ticks.step > 0:
            first = 0 if low == -math.inf else math.ceil((low - ticks.start) / ticks.step)
            last = (
                len(ticks)
                if high == math.inf
                else math.floor((high - ticks.start) / ticks.step) + 1
            )
            return slice(max(first, 0), max(last, 0))
        found = np.flatnonzero((times.numbers >= low) & (times.numbers <= high))
        return found.astype(np.int64)

    def isel(self, indexers: Mapping[Any, Any]) -> Any:
        """Keep this kind of index after every selection that leaves an axis of its own."""
        at = indexers[self._dim]
        if isinstance(at, slice):
            return TimeIndex(self.transform.picked(self.transform.ticks[at]))
        values = np.asarray(at.values if isinstance(at, xr.Variable) else at)
        if values.ndim != 1 or (isinstance(at, xr.Variable) and at.dims != (self._dim,)):
            return None
        if values.dtype.kind == "b":
            values = np.flatnonzero(values)
        return TimeIndex(self.transform.picked(self.transform.numbers[values]))

    @classmethod
    def concat(
        cls,
        indexes: Sequence[Any],
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> TimeIndex:
        """Return the index of parts one after the other.

        Raises
        ------
        RequestError
            If they have not one clock.
        """
        first: Times = indexes[0].transform
        if not all(first.shares_clock(index.transform) for index in indexes):
            message = (
                f"parts with other starts or rates cannot be one {dim} axis; "
                f"ds.drop_indexes({dim!r}) keeps their times as they are"
            )
            raise RequestError(message)
        numbers = np.concatenate([index.transform.numbers for index in indexes])
        if positions is not None:
            places = np.concatenate([np.asarray(list(part), np.int64) for part in positions])
            ordered = np.empty_like(numbers)
            ordered[places] = numbers
            numbers = ordered
        return cls(first.picked(numbers))

    def join(self, other: Any, how: Any = "inner") -> Any:
        """Return what two axes of one clock have in common, or both."""
        if not self.transform.shares_clock(other.transform):
            message = (
                "axes of other starts or rates have no samples in common; nothing is resampled"
            )
            raise RequestError(message)
        mine, theirs = self.transform.numbers, other.transform.numbers
        found = np.union1d(mine, theirs) if how == "outer" else np.intersect1d(mine, theirs)
        return TimeIndex(self.transform.picked(found))

    def reindex_like(self, other: Any) -> dict[Hashable, Any]:
        """Return where the other's times lie here; -1 where they do not."""
        if not self.transform.shares_clock(other.transform):
            message = (
                "axes of other starts or rates have no samples in common; nothing is resampled"
            )
            raise RequestError(message)
        here = pd.Index(self.transform.numbers)
        return {self._dim: here.get_indexer(other.transform.numbers)}

    def roll(self, shifts: Mapping[Any, int]) -> Any:
        """Return the index of samples that went around."""
        return TimeIndex(self.transform.picked(np.roll(self.transform.numbers, shifts[self._dim])))

    def to_pandas_index(self) -> pd.Index[Any]:
        """Return all times with their name."""
        return pd.Index(self.transform.values, name=self.transform.coord_names[0])

    def __repr__(self) -> str:
        times = self.transform
        return f"TimeIndex ({len(times.ticks)} samples at {times.rate_hz:g} Hz from {times.start_s:g} s)"

    def _repr_inline_(self, max_width: int) -> str:
        return repr(self)[:max_width]


def _as_range(ticks: range | NDArray[np.int64]) -> range | NDArray[np.int64]:
    """Return even numbers as a range."""
    if isinstance(ticks, range) or not len(ticks):
        return ticks if isinstance(ticks, range) else range(0)
    step = int(ticks[1] - ticks[0]) if len(ticks) > 1 else 1
    if step and (len(ticks) < 2 or bool((np.diff(ticks) == step).all())):
        return range(int(ticks[0]), int(ticks[0]) + step * len(ticks), step)
    return ticks
