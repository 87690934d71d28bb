"""Windows of one length out of many recordings, for training: exact sample numbers, labels from events.

A store is opened when its first window is asked for; a window reads the chunks it lies in and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.opening.recordings import open_zarr
from sparc_fuse_core.opening.runs import Run, runs_of

if TYPE_CHECKING:
    import xarray as xr

    from sparc_fuse_core.settings import Settings

#: A length is a whole number of samples if it is no further from one than this part of a sample.
_WHOLE = 1e-6


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window lies.

    Attributes
    ----------
    recording
        Index in the list of recordings.
    run
        Index of the run without a gap (segment or sweep) in the recording.
    start_sample, n_samples
        First sample within the run, and how many.
    start_s
        Time of the first sample, in seconds from the recording's start.
    """

    recording: int
    run: int
    start_sample: int
    n_samples: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """One window with its samples.

    Attributes
    ----------
    place
        Where it lies.
    signals
        Shape (n_channels, n_samples), physical values.
    labels
        Text of each event that lies in it or lasts into it, in their order.
    """

    place: Place
    signals: np.ndarray[Any, Any]
    labels: tuple[str, ...]


class Windows(Sequence[Window]):
    """All windows of a list of recordings; each is read when it is asked for.

    A sequence with a length, so that samplers and loaders of training libraries take it as it is.
    """

    def __init__(
        self, datasets: Sequence[xr.Dataset], length_s: float, step_s: float, channels: Any
    ) -> None:
        self._runs: list[list[Run]] = []
        self._events: list[tuple[np.ndarray[Any, Any], ...] | None] = [None] * len(datasets)
        self._datasets = datasets
        self._channels = channels
        # first window of each run, how many it has, and its length and step in samples
        self._table: list[tuple[int, int, int, int]] = []
        counts = []
        for number, dataset in enumerate(datasets):
            self._runs.append(runs_of(dataset))
            for at, run in enumerate(self._runs[-1]):
                n_samples = _samples(length_s, run.rate_hz)
                step = _samples(step_s, run.rate_hz)
                count = max(0, (run.n_samples - n_samples) // step + 1)
                counts.append(count)
                self._table.append((number, at, n_samples, step))
        self._ends = np.cumsum(counts) if counts else np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of windows."""
        return int(self._ends[-1]) if self._ends.size else 0

    def place(self, index: int) -> Place:
        """Return where a window lies, without reading it.

        Raises
        ------
        IndexError
            If there is none of this number.
        """
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            message = f"window {index} of {len(self)}"
            raise IndexError(message)
        row = int(np.searchsorted(self._ends, number, side="right"))
        before = int(self._ends[row - 1]) if row else 0
        recording, at, n_samples, step = self._table[row]
        start = (number - before) * step
        run = self._runs[recording][at]
        return Place(recording, at, start, n_samples, run.start_s + start / run.rate_hz)

    @overload
    def __getitem__(self, index: int) -> Window: ...
    @overload
    def __getitem__(self, index: slice) -> list[Window]: ...
    def __getitem__(self, index: int | slice) -> Window | list[Window]:
        """Read one window, or a list of them."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        place = self.place(index)
        run = self._runs[place.recording][place.run]
        part = run.signals.isel(
            time=slice(place.start_sample, place.start_sample + place.n_samples)
        )
        if self._channels is not None:
            part = part.isel(channel=self._channels)
        return Window(place, np.asarray(part.values), self._labels(place, run))

    def chosen(self, n: int, seed: int = 0) -> list[int]:
        """Return ``n`` different numbers of windows, the same for the same seed.

        Raises
        ------
        RequestError
            If there are fewer.
        """
        if n > len(self):
            message = f"{n} windows asked for, there are {len(self)}"
            raise RequestError(message)
        drawn = np.random.default_rng(seed).choice(len(self), size=n, replace=False)
        numbers: list[int] = drawn.tolist()
        return numbers

    def _labels(self, place: Place, run: Run) -> tuple[str, ...]:
        events = self._events[place.recording]
        if events is None:
            events = self._events[place.recording] = _events_of(self._datasets[place.recording])
        times, ends, labels, sweeps = events
        stop_s = place.start_s + place.n_samples / run.rate_hz
        start_s = place.start_s
        inside = (times < stop_s) & ((times >= start_s) | (ends > start_s))
        if run.sweep >= 0:
            # an event without a sweep is found by its time, where the sweeps' times are known
            placed = "sweep_start_s" in self._datasets[place.recording]
            inside &= (sweeps == run.sweep) | ((sweeps < 0) & placed)
        return tuple(labels[inside].tolist())


def _samples(length_s: float, rate_hz: float) -> int:
    n_samples = length_s * rate_hz
    if not abs(n_samples - round(n_samples)) <= _WHOLE or round(n_samples) < 1:
        message = f"{length_s} s are {n_samples:g} samples at {rate_hz:g} Hz: choose a length of whole samples"
        raise RequestError(message)
    return round(n_samples)


def _events_of(dataset: xr.Dataset) -> tuple[np.ndarray[Any, Any], ...]:
    """Return times, ends, labels and sweeps of a recording's events."""
    if "event_time_s" not in dataset:
        empty = np.zeros(0)
        return empty, empty, np.zeros(0, dtype=object), empty
    times = np.asarray(dataset["event_time_s"].values, dtype=float)
    durations = np.asarray(dataset["event_duration_s"].values, dtype=float)
    labels = np.array([str(text) for text in dataset["event_label"].values], dtype=object)
    known = "event_sweep" in dataset
    sweeps = dataset["event_sweep"].values if known else np.full(len(times), -1)
    return times, times + np.nan_to_num(durations), labels, sweeps


def windows(
    recordings: Sequence[str | Path | xr.Dataset],
    length_s: float,
    *,
    step_s: float | None = None,
    channels: Sequence[int] | None = None,
    stream: str = "",
    settings: Settings | None = None,
) -> Windows:
    """Return the windows of one length of many recordings, lazily.

    No window spans a gap or two sweeps; what is left at the end of a run is no window.

    Parameters
    ----------
    recordings
        Opened ones, or what `open_zarr` opens.
    length_s, step_s
        Of a window, and from one to the next; by default its length. Whole samples of every recording.
    channels
        Numbers of the channels to read; by default all.
    stream
        Which stream of each recording.

    Raises
    ------
    RequestError
        If a length is no whole number of samples of a recording, or one states no rate.
    """
    opened = [
        open_zarr(one, stream=stream, settings=settings) if isinstance(one, str | Path) else one
        for one in recordings
    ]
    return Windows(
        opened,
        length_s,
        length_s if step_s is None else step_s,
        None if channels is None else list(channels),
    )
