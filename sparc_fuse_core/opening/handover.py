"""Hand an opened recording to the libraries of the field: MNE, neo, SpikeInterface, pandas.

None of them is needed to install this package; each function says which one it needs. Values are physical.
What a library cannot hold (gaps in MNE, units that are not stated) is an error or left empty, never made up.
"""

from __future__ import annotations

import importlib
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sparc_fuse_core.errors import MissingDependencyError, RequestError
from sparc_fuse_core.opening.handed_events import by_run, handed_events
from sparc_fuse_core.opening.runs import (
    channel_labels,
    channel_starts_s,
    channel_units,
    in_volts,
    runs_of,
    shifts_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sparc_fuse_core.opening.handed_events import HandedEvent
    from sparc_fuse_core.opening.runs import Run


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as err:
        message = f"{name} is not installed: pip install {package}"
        raise MissingDependencyError(message) from err


def to_dataframe(dataset: xr.Dataset) -> pd.DataFrame:
    """Return a recording as a table: a row for each sample, a column for each channel. Reads all samples.

    Returns
    -------
    Indexed by ``time`` in seconds (dates where it was opened with them), and by ``sweep`` before it where
    there are sweeps; the units of the columns are in ``attrs["units"]``, events in ``attrs["events"]``
    (seconds; a duration that is not stated is None, a sweep that is not is -1), and where channels start apart
    the seconds by which they do in ``attrs["start_s"]``.

    Raises
    ------
    RequestError
        If it is no opened recording.
    """
    if "signals" not in dataset or "channel" not in dataset["signals"].dims:
        message = "not an opened recording with its channels: use open_zarr"
        raise RequestError(message)
    pandas = _library("pandas", "pandas")
    signals = dataset["signals"]
    rows = [dim for dim in ("sweep", "time") if dim in signals.dims]
    n_rows = math.prod(signals.sizes[dim] for dim in rows)
    values = signals.transpose(*rows, "channel").values.reshape(n_rows, signals.sizes["channel"])
    times = dataset["time"].values if "time" in dataset.coords else np.arange(signals.sizes["time"])
    index = pandas.Index(times, name="time")
    if "sweep" in rows:
        sweeps = (
            signals["sweep"].values if "sweep" in signals.coords else range(signals.sizes["sweep"])
        )
        index = pandas.MultiIndex.from_product([sweeps, times], names=["sweep", "time"])
    frame: pd.DataFrame = pandas.DataFrame(values, index=index, columns=channel_labels(dataset))
    if "units" in dataset:
        frame.attrs["units"] = [str(unit) for unit in np.atleast_1d(dataset["units"].values)]
    events = [one._asdict() for one in handed_events(dataset)]
    if events:
        frame.attrs["events"] = [
            {**one, "duration_s": None if math.isnan(one["duration_s"]) else one["duration_s"]}
            for one in events
        ]
    starts_s = channel_starts_s(dataset)
    if starts_s is not None:
        frame.attrs["start_s"] = starts_s.tolist()
    return frame


def to_mne(dataset: xr.Dataset, *, segment: int = 0) -> Any:
    """Return a recording as `mne.io.BaseRaw`, read when asked for; one with sweeps as `mne.EpochsArray`.

    Voltages are in volts, as MNE has them, and of the type ``bio``; others are ``misc`` in their own unit.
    Set types where they are known: ``raw.set_channel_types({"Fz": "eeg"})``. Events that lie in the run or
    last into it are annotations; those of each epoch, and when it began where that is known, are in
    ``epochs.metadata``.

    Parameters
    ----------
    segment
        Of a recording with gaps, which MNE does not know: which run without a gap.

    Raises
    ------
    MissingDependencyError
        If MNE is not installed.
    RequestError
        If there is no such segment, no rate, channels start a sample or more apart, or it is no opened
        recording.
    """
    mne = _library("mne", "mne")
    runs = runs_of(dataset)
    shifts_of(dataset, runs[0].rate_hz, "MNE")
    of_runs, _ = by_run(dataset, runs)
    units = channel_units(dataset)
    factors = np.array([in_volts(unit) or 1.0 for unit in units])
    types = ["misc" if in_volts(unit) is None else "bio" for unit in units]
    with mne.utils.use_log_level("ERROR"):
        info = mne.create_info(channel_labels(dataset), runs[0].rate_hz, types)
    start = str(dataset.attrs.get("start_time", ""))
    if start:
        info["description"] = f"start_time {start}"
    if runs[0].sweep >= 0:
        values = np.stack([run.read(0, run.n_samples) for run in runs]) * factors[:, None]
        # its first sample on the recording's own axis; that of a selection starts later
        tmin = float(dataset["time"].values[0])
        epochs = mne.EpochsArray(values, info, tmin=tmin, verbose="ERROR")
        with mne.utils.use_log_level("ERROR"):
            epochs.metadata = _of_epochs(dataset, runs, of_runs)
        return epochs
    if not 0 <= segment < len(runs):
        message = f"segment {segment} of {len(runs)}"
        raise RequestError(message)
    run = runs[segment]
    began = datetime.fromisoformat(start) if "T" in start else None
    raw = _raw_class(mne)(run, info, factors)
    if began is not None and began.tzinfo is not None:
        # MNE's dates are UTC; of a start without a zone that would be a guess
        raw.set_meas_date(began.timestamp() + run.start_s)
    inside = [
        (
            one.time_s - run.start_s,
            0.0 if math.isnan(one.duration_s) else one.duration_s,
            one.text,
            one.channel,
        )
        for one in of_runs[segment]
    ]
    if inside:
        onsets, durations, texts, channels = zip(*inside, strict=True)
        known = set(raw.ch_names)
        of_channels = [[name] if name in known else [] for name in channels]
        annotations = mne.Annotations(
            onsets, durations, texts, orig_time=raw.info["meas_date"], ch_names=of_channels
        )
        if raw.info["meas_date"] is not None:
            annotations.onset = np.asarray(onsets, dtype=float)
        raw.set_annotations(annotations, verbose="ERROR")
    return raw


def _of_epochs(
    dataset: xr.Dataset, runs: Sequence[Run], of_runs: Sequence[Sequence[HandedEvent]]
) -> Any:
    """Return a row for each epoch: its sweep, when it began where that is known, and its events."""
    pandas = _library("pandas", "pandas")
    columns: dict[str, Any] = {"sweep": [run.sweep for run in runs]}
    if "sweep_start_s" in dataset:
        columns["sweep_start_s"] = [float(one) for one in dataset["sweep_start_s"].values]
    for name in ("time_s", "duration_s", "text", "channel"):
        columns[f"event_{name}"] = [[getattr(one, name) for one in events] for events in of_runs]
    return pandas.DataFrame(columns)


class _Source:
    """Where MNE's samples come from; copies of a recording share it."""

    def __init__(self, run: Run, factors: np.ndarray[Any, Any]) -> None:
        self._run = run
        self._factors = factors

    def __deepcopy__(self, memo: Any) -> _Source:
        return self

    def read(self, start: int, stop: int) -> np.ndarray[Any, Any]:
        """Return all channels in MNE's units."""
        values: np.ndarray[Any, Any] = self._run.read(start, stop) * self._factors[:, None]
        return values


def _raw_class(mne: Any) -> Any:
    class ZarrRaw(mne.io.BaseRaw):  # type: ignore[misc]
        """One run of a converted recording; MNE asks for samples as it needs them."""

        def __init__(self, run: Run, info: Any, factors: np.ndarray[Any, Any]) -> None:
            super().__init__(
                info,
                preload=False,
                last_samps=[run.n_samples - 1],
                filenames=[None],
                raw_extras=[{"source": _Source(run, factors)}],
                verbose="ERROR",
            )

        def _read_segment_file(
            self, data: Any, idx: Any, fi: int, start: int, stop: int, cals: Any, mult: Any
        ) -> None:
            # channels have no calibration of MNE's own: all are 1
            del cals
            values = self._raw_extras[fi]["source"].read(start, stop)
            data[:] = values[idx] if mult is None else mult @ values

    return ZarrRaw


def to_neo(dataset: xr.Dataset) -> Any:
    """Return a recording as `neo.Block`: a segment for each sweep or run, a signal for each unit and start.

    Reads all samples.
    Signals of a unit that is not certain are ``dimensionless``; the unit as stated is the annotation
    ``stated_units``. Events without a duration are `neo.Event`, others `neo.Epoch`. Those that lie in no run
    are in a last segment without signals, ``outside of all runs``; so are those of a recording that holds
    nothing else.

    Raises
    ------
    MissingDependencyError
        If neo is not installed.
    RequestError
        If it states no rate, or is no opened recording.
    """
    neo = _library("neo", "neo")
    quantities = _library("quantities", "neo")
    start = str(dataset.attrs.get("start_time", ""))
    block = neo.Block(name=str(dataset.attrs.get("original_file_name", "")) or None)
    if "T" in start:
        block.rec_datetime = datetime.fromisoformat(start)
    only_events = "signals" not in dataset and "event_time_s" in dataset
    runs = [] if only_events else runs_of(dataset)
    of_runs, outside = by_run(dataset, runs)
    for number, (run, events) in enumerate(zip(runs, of_runs, strict=True)):
        segment = neo.Segment(index=number)
        segment.analogsignals.extend(_signals_of(neo, quantities, dataset, run))
        _add_events(neo, quantities, segment, events)
        block.segments.append(segment)
    if outside and len(runs) == 1 and runs[0].sweep < 0:
        # before the first sample or after the last one of one clock
        segment = block.segments[0]
        segment.events.clear()
        segment.epochs.clear()
        _add_events(neo, quantities, segment, handed_events(dataset))
    elif outside:
        segment = neo.Segment(index=len(runs), name="outside of all runs")
        _add_events(neo, quantities, segment, outside)
        block.segments.append(segment)
    return block


def _signals_of(neo: Any, quantities: Any, dataset: xr.Dataset, run: Run) -> list[Any]:
    """Return a signal for each unit and start of one run's channels."""
    names, units = channel_labels(dataset), channel_units(dataset)
    stated = np.atleast_1d(dataset["units"].values).tolist() if "units" in dataset else units
    starts_s = channel_starts_s(dataset)
    values = run.read(0, run.n_samples)
    groups: dict[tuple[str, float], list[int]] = {}
    for channel, unit in enumerate(units):
        shift_s = 0.0 if starts_s is None else float(starts_s[channel] - starts_s.min())
        groups.setdefault((_quantity(quantities, unit), shift_s), []).append(channel)
    return [
        neo.AnalogSignal(
            values[rows].T,
            units=unit or "dimensionless",
            sampling_rate=run.rate_hz * quantities.Hz,
            t_start=(run.start_s + shift_s) * quantities.s,
            name=str(dataset.attrs.get("name", "signals")),
            array_annotations={
                "channel_names": np.array([names[row] for row in rows]),
                "stated_units": np.array([str(stated[row]) for row in rows]),
            },
        )
        for (unit, shift_s), rows in groups.items()
    ]


def _quantity(quantities: Any, unit: str) -> str:
    """Return a unit as ``quantities`` knows it, or ``""``."""
    word = {"percent": "percent", "degree": "degree"}.get(unit, unit)
    try:
        quantities.Quantity(1.0, word or "dimensionless")
    except (LookupError, SyntaxError, ValueError):
        return ""
    return word


def _add_events(neo: Any, quantities: Any, segment: Any, events: Sequence[HandedEvent]) -> None:
    for lasting in (False, True):
        chosen = [one for one in events if math.isnan(one.duration_s) != lasting]
        if not chosen:
            continue
        facts: dict[str, Any] = {
            "times": np.array([one.time_s for one in chosen]) * quantities.s,
            "labels": np.array([one.text for one in chosen]),
            "array_annotations": {"channel": np.array([one.channel for one in chosen])},
        }
        if lasting:
            durations = np.array([one.duration_s for one in chosen]) * quantities.s
            segment.epochs.append(neo.Epoch(durations=durations, **facts))
        else:
            segment.events.append(neo.Event(**facts))


def to_spikeinterface(dataset: xr.Dataset) -> Any:
    """Return a recording as `spikeinterface.core.BaseRecording`, read when asked for; runs are its segments.

    Traces are physical; ``gain_to_uV`` tells what one is in microvolts where all channels are voltages.
    Channels that start less than a sample apart have the property ``inter_sample_shift``. The recording is
    read where it was opened: not saved by reference, nor sent to other processes (``n_jobs=1``). Events are
    left out: SpikeInterface keeps them apart from recordings.

    Raises
    ------
    MissingDependencyError
        If SpikeInterface is not installed.
    RequestError
        If it states no rate, channels start a sample or more apart, or it is no opened recording.
    """
    core = _library("spikeinterface.core", "spikeinterface")
    runs = runs_of(dataset)
    shifts = shifts_of(dataset, runs[0].rate_hz, "SpikeInterface")
    segment_class: Any = core.BaseRecordingSegment
    recording_class: Any = core.BaseRecording

    class ZarrSegment(segment_class):  # type: ignore[misc]
        def __init__(self, run: Any) -> None:
            super().__init__(sampling_frequency=run.rate_hz, t_start=run.start_s)
            self._run = run

        def get_num_samples(self) -> int:
            return int(self._run.n_samples)

        def get_traces(
            self,
            start_frame: int | None = None,
            end_frame: int | None = None,
            channel_indices: Any = None,
        ) -> np.ndarray[Any, Any]:
            rows = slice(None) if channel_indices is None else channel_indices
            part = self._run.signals.isel(channel=rows, time=slice(start_frame, end_frame))
            return np.asarray(part.values).T

    class ZarrRecording(recording_class):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(runs[0].rate_hz, channel_labels(dataset), runs[0].signals.dtype)
            # what it holds is open here and nowhere else
            for way in ("memory", "json", "pickle"):
                self._serializability[way] = False
            for run in runs:
                self.add_recording_segment(ZarrSegment(run))

    recording = ZarrRecording()
    if shifts is not None:
        recording.set_property("inter_sample_shift", shifts)
    volts = [in_volts(unit) for unit in channel_units(dataset)]
    if all(factor is not None for factor in volts):
        recording.set_channel_gains([factor * 1e6 for factor in volts if factor is not None])
        recording.set_channel_offsets(0.0)
    return recording


@xr.register_dataset_accessor("fuse")  # type: ignore[no-untyped-call]
class Fuse:
    """An opened recording's ways to other libraries: ``ds.fuse.to_mne()``."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def to_dataframe(self) -> pd.DataFrame:
        """See `to_dataframe`."""
        return to_dataframe(self._dataset)

    def to_mne(self, *, segment: int = 0) -> Any:
        """See `to_mne`."""
        return to_mne(self._dataset, segment=segment)

    def to_neo(self) -> Any:
        """See `to_neo`."""
        return to_neo(self._dataset)

    def to_spikeinterface(self) -> Any:
        """See `to_spikeinterface`."""
        return to_spikeinterface(self._dataset)
