"""An opened recording as runs without a gap: what libraries that know one start and one rate can take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.opening.layouts import choose_stream, streams_of
from sparc_fuse_core.opening.time_index import TimeIndex
from sparc_fuse_core.writers.udunits import udunits

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one rate without a gap.

    Attributes
    ----------
    signals
        Dimensions (``channel``, ``time``), physical values, read when asked for.
    rate_hz, start_s
        Samples per second, and the time of the first one in seconds from the recording's start.
    sweep
        Index of the sweep, or -1 where there are no sweeps.
    """

    signals: xr.DataArray
    rate_hz: float
    start_s: float
    sweep: int = -1

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.signals.sizes["time"])

    @property
    def stop_s(self) -> float:
        """Time one step after the last sample."""
        return self.start_s + self.n_samples / self.rate_hz

    def read(self, start: int, stop: int) -> np.ndarray[Any, Any]:
        """Return samples ``start`` to ``stop`` of all channels, shape (n_channels, stop - start)."""
        return np.asarray(self.signals.isel(time=slice(start, stop)).values)


def runs_of(dataset: xr.Dataset) -> list[Run]:
    """Return the runs of an opened recording: its segments, its sweeps, or the whole.

    Sweeps start where the recording says; where it does not, at the time axis's own start.

    Raises
    ------
    RequestError
        If it states no rate, was sampled unevenly, or is no recording.
    """
    if "signals" not in dataset and "event_time_s" in dataset:
        message = "the recording holds events only: there are no signals to hand over"
        raise RequestError(message)
    if "signals" not in dataset or "time" not in dataset["signals"].dims:
        message = "not an opened recording: use open_zarr, or choose a stream of it"
        raise RequestError(message)
    signals = dataset["signals"]
    if "channel" not in signals.dims:
        message = (
            "select channels by a list, [1] rather than 1: the recording has no channel axis now"
        )
        raise RequestError(message)
    index = dataset.xindexes.get("time")
    if isinstance(index, TimeIndex):
        rate_hz, start_s = _clock(index)
        if "sweep" not in signals.dims:
            return [Run(signals.transpose("channel", "time"), rate_hz, start_s)]
        starts = dataset.get("sweep_start_s")
        # of a selection of sweeps the numbers that events name
        numbers = signals["sweep"].values if "sweep" in signals.coords else None
        return [
            Run(
                signals.isel(sweep=n).transpose("channel", "time"),
                rate_hz,
                start_s + (float(starts.values[n]) if starts is not None else 0.0),
                n if numbers is None else int(numbers[n]),
            )
            for n in range(signals.sizes["sweep"])
        ]
    return _segments(dataset, signals)


def _clock(index: TimeIndex) -> tuple[float, float]:
    """Return (rate, start) of the samples that are left after a selection."""
    times = index.transform
    if times.epoch is not None:
        message = "times are dates here; open the recording without datetimes"
        raise RequestError(message)
    ticks = times.ticks
    if not len(ticks):
        message = "there is no sample to hand over"
        raise RequestError(message)
    if not isinstance(ticks, range) or ticks.step <= 0:
        message = "the samples selected are not evenly spaced; select them by a slice"
        raise RequestError(message)
    return times.rate_hz / ticks.step, times.start_s + ticks.start / times.rate_hz


def _segments(dataset: xr.Dataset, signals: xr.DataArray) -> list[Run]:
    streams = streams_of(dataset.attrs)
    name = str(dataset.attrs.get("name", ""))
    rate_hz = choose_stream(streams, name)["sampling_rate_hz"] if streams else None
    if "segment_n_samples" not in dataset or not rate_hz:
        message = "the recording states no rate, or was sampled unevenly: use its times as they are"
        raise RequestError(message)
    counts = [int(n) for n in dataset["segment_n_samples"].values]
    if sum(counts) != signals.sizes["time"]:
        message = (
            "a part of a recording with gaps was selected; hand over the whole, or select later"
        )
        raise RequestError(message)
    ends = np.cumsum(counts).tolist()
    starts_s = dataset["segment_start_s"].values
    return [
        Run(
            signals.isel(time=slice(end - n, end)).transpose("channel", "time"),
            float(rate_hz),
            float(start_s),
        )
        for end, n, start_s in zip(ends, counts, starts_s, strict=True)
    ]


def channel_labels(dataset: xr.Dataset) -> list[str]:
    """Return a name for each channel, none of them twice: as stated, else its number."""
    n_channels = dataset["signals"].sizes["channel"]
    stated = (
        dataset["channel_name"].values.tolist() if "channel_name" in dataset else [""] * n_channels
    )
    taken: set[str] = set()
    labels = []
    for n, name in enumerate(stated):
        base = str(name) or f"channel {n}"
        label, count = base, 1
        while label in taken:
            count += 1
            label = f"{base} {count}"
        taken.add(label)
        labels.append(label)
    return labels


def channel_starts_s(dataset: xr.Dataset) -> np.ndarray[Any, Any] | None:
    """Return when each channel's first sample was taken, in seconds; None where they start together."""
    if "start_s" not in dataset:
        return None
    starts_s = np.atleast_1d(np.asarray(dataset["start_s"].values, dtype=float))
    return starts_s if starts_s.size and np.ptp(starts_s) > 0 else None


def shifts_of(dataset: xr.Dataset, rate_hz: float, library: str) -> np.ndarray[Any, Any] | None:
    """Return by which part of a sample each channel is later than the first; None where they start together.

    Raises
    ------
    RequestError
        If it is a sample or more, which a library of one clock would show at wrong times.
    """
    starts_s = channel_starts_s(dataset)
    if starts_s is None:
        return None
    shifts: np.ndarray[Any, Any] = (starts_s - starts_s.min()) * rate_hz
    if shifts.max() >= 1 - 1e-9:
        message = (
            f"channels start up to {np.ptp(starts_s):g} s apart, which {library} does not know: "
            "select those of one start by a list, ds.isel(channel=[0, 1])"
        )
        raise RequestError(message)
    return shifts


def channel_units(dataset: xr.Dataset) -> list[str]:
    """Return the unit of each channel as UDUNITS spells it; empty where that is not certain."""
    if "units_udunits" in dataset:
        return [str(unit) for unit in np.atleast_1d(dataset["units_udunits"].values)]
    if "units" in dataset:
        return [udunits(str(unit)) for unit in np.atleast_1d(dataset["units"].values)]
    return [""] * dataset["signals"].sizes["channel"]


def in_volts(unit: str) -> float | None:
    """Return how many volts one ``unit`` is; None if it is no voltage."""
    prefixes = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "M": 1e6}
    return prefixes.get(unit[:-1]) if unit.endswith("V") else None
