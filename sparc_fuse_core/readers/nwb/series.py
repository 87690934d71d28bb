"""One NWB TimeSeries: data with time first, a scale, a unit, and either times or a start with a rate."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.model import Evidence, Recording
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, check_filter, member
from sparc_fuse_core.readers.hdf5.facts import (
    attributes_of,
    number_of,
    read_small,
    text_of,
    texts_of,
)
from sparc_fuse_core.readers.hdf5.rows import channels_first
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, describe_times, is_increasing

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Blocks

_NAME_COLUMNS = ("channel_name", "channel_names", "label")
_HIDDEN_FACTS = ("namespace", "object_id", "neurodata_type", "ancestry", "help", "source")


@dataclass(frozen=True, slots=True)
class Series:
    """One series, or sweeps of one length stacked."""

    path: str
    kind: str
    signals: Blocks
    names: tuple[str, ...]
    unit: str
    axis: TimeAxis
    gain: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    electrode: str
    facts: dict[str, Any]
    sweep_start_s: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Last part of the path."""
        return PurePosixPath(self.path).name

    def recording(self, label: str) -> Recording:
        """Return it as a recording called ``label``."""
        axis = self.axis
        return Recording(
            label,
            self.signals,
            self.names,
            (self.unit,) * len(self.names),
            axis.rate_hz,
            self.gain,
            self.offset,
            start_s=axis.start_s,
            times=axis.times,
            time_units="s",
            sweep_start_s=self.sweep_start_s,
            metadata=self.facts,
        )


def is_series(group: h5py.Group) -> bool:
    """Whether a group is laid out as a TimeSeries."""
    return "data" in group and ("timestamps" in group or "starting_time" in group)


def read_series(
    group: h5py.Group,
    data: h5py.Dataset,
    path: str,
    kind: str,
    file_path: Path,
    evidence: list[Evidence],
) -> Series:
    """Read the header of a series; samples stay in the file."""
    check_filter(data, file_path)
    signals = channels_first(data, samples_first=True)
    n_channels = signals.shape[0]
    unit = text_of(data.attrs.get("unit", ""))
    gains, offset = _scale(group, data, n_channels)
    scale: tuple[tuple[float, ...] | None, tuple[float, ...] | None] = (None, None)
    if offset is None or not np.isfinite(gains).all() or (gains == 0).any():
        sentence = f"`{path}` states a conversion that cannot be used: values are as stored"
        evidence.append(Evidence("calibration", "missing", sentence))
        unit = ""
    elif offset != 0 or (gains != 1).any():
        scale = tuple(float(gain) for gain in gains), (offset,) * n_channels
    return Series(
        path,
        kind,
        signals,
        _names(group, n_channels, path),
        unit,
        _axis(group, data.shape[0], path, evidence),
        *scale,
        _electrode_of(group),
        _facts(group, kind),
    )


def _electrode_of(group: h5py.Group) -> str:
    """Return the path of the one electrode of an intracellular series, or ``""``."""
    link = group.get("electrode", getlink=True)
    if isinstance(link, h5py.SoftLink):
        return str(link.path)
    item = member(group, "electrode") if "electrode" in group else None
    return str(item.name) if isinstance(item, h5py.Group) else ""


def _facts(group: h5py.Group, kind: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"neurodata_type": kind} if kind else {}
    facts |= {
        name: value
        for name, value in attributes_of(group).items()
        if name not in _HIDDEN_FACTS and value not in ("", "no comments", "no description")
    }
    for name in group:
        item = member(group, name)
        if name in ("data", "timestamps", "starting_time", "electrodes", "channel_conversion"):
            continue
        if isinstance(item, h5py.Dataset):
            value = read_small(item)
            if value not in (None, ""):
                facts[name] = value
        elif isinstance(item, h5py.Group):
            facts[name] = str(item.name)
    return facts


def _scale(
    group: h5py.Group, data: h5py.Dataset, n_channels: int
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float | None]:
    """Return gains and offset: value = data × conversion × channel's conversion + offset."""
    conversion = number_of(data.attrs.get("conversion", 1.0))
    per_channel = np.ones(n_channels)
    stated = group.get("channel_conversion", None)
    if isinstance(stated, h5py.Dataset) and stated.shape == (n_channels,):
        per_channel = np.asarray(stated[()], dtype=np.float64)
    gains = (math.nan if conversion is None else conversion) * per_channel
    return gains, number_of(data.attrs.get("offset", 0.0))


def _names(group: h5py.Group, n_channels: int, path: str) -> tuple[str, ...]:
    """Return the electrodes' names or ids, else the name of the series for each channel."""
    region = member(group, "electrodes") if "electrodes" in group else None
    if isinstance(region, h5py.Dataset) and region.shape == (n_channels,):
        table = _electrode_table(group, region)
        rows = np.asarray(region[()])
        for column in (*_NAME_COLUMNS, "id"):
            item = member(table, column) if table is not None and column in table else None
            if isinstance(item, h5py.Dataset) and item.shape and rows.dtype.kind in "iu":
                values = item[()]
                if len(values) > rows.max(initial=0) and rows.min(initial=0) >= 0:
                    return _as_texts(values[rows])
    return (PurePosixPath(path).name,) * n_channels


def _electrode_table(group: h5py.Group, region: h5py.Dataset) -> h5py.Group | None:
    target = region.attrs.get("table")
    if isinstance(target, h5py.Reference) and target:
        table = group.file[target]
    else:
        table = member(group.file, "general/extracellular_ephys/electrodes")
    return table if isinstance(table, h5py.Group) else None


def _as_texts(values: np.ndarray[Any, Any]) -> tuple[str, ...]:
    if values.dtype.kind in "iu":
        return tuple(str(int(value)) for value in values)
    return texts_of(values)


def _axis(group: h5py.Group, n_samples: int, path: str, evidence: list[Evidence]) -> TimeAxis:
    timestamps = group.get("timestamps", None)
    if isinstance(timestamps, h5py.Dataset) and timestamps.shape == (n_samples,):
        times = StoredBlocks(timestamps)
        if is_increasing(times):
            return describe_times(times, "s")
        evidence.append(Evidence("time", "file", f"timestamps of `{path}` do not increase"))
        return TimeAxis(None, 0.0, times, "s")
    starting = group.get("starting_time", None)
    if isinstance(starting, h5py.Dataset):
        start_s = number_of(starting[()]) or 0.0
        rate_hz = number_of(starting.attrs.get("rate", math.nan))
        if rate_hz is not None and rate_hz > 0:
            return TimeAxis(rate_hz, start_s, None, "s")
        evidence.append(Evidence("time", "missing", f"`{path}` states no usable rate"))
        return TimeAxis(None, start_s, None, "s")
    sentence = f"timestamps of `{path}` are absent or do not fit its {n_samples} samples"
    evidence.append(Evidence("time", "missing", sentence))
    return TimeAxis(None, 0.0, None, "s")


def stacked_sweeps(series: list[Series]) -> list[Series]:
    """Stack the sweeps of one electrode that agree in everything but their start."""
    groups: dict[tuple[Any, ...], list[Series]] = {}
    for i, one in enumerate(series):
        is_sweep = "sweep_number" in one.facts and one.electrode and one.axis.rate_hz
        dtype = np.dtype(one.signals.dtype).str
        scale = (one.unit, one.gain, one.offset, dtype, one.signals.shape)
        parent = str(PurePosixPath(one.path).parent)
        key = (parent, one.kind, one.electrode, one.axis.rate_hz, *scale) if is_sweep else (i,)
        groups.setdefault(key, []).append(one)
    return [members[0] if len(members) == 1 else _stack(members) for members in groups.values()]


def _stack(members: list[Series]) -> Series:
    members = sorted(members, key=lambda one: one.axis.start_s)
    first = members[0]
    arrays = [one.signals for one in members]
    n_channels, n_samples = first.signals.shape
    dtype = np.dtype(first.signals.dtype)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (c0, c1), (s0, s1), (start, stop) = bounds
        block = np.empty((c1 - c0, s1 - s0, stop - start), dtype)
        for i in range(s0, s1):
            block[:, i - s0] = arrays[i][(slice(c0, c1), slice(start, stop))]
        return block

    facts: dict[str, Any] = {"neurodata_type": first.kind, "electrode": first.electrode}
    facts["sweeps"] = {one.name: one.facts.get("sweep_number") for one in members}
    shared = {
        key: value
        for key, value in first.facts.items()
        if all(one.facts.get(key) == value for one in members)
    }
    return dataclasses.replace(
        first,
        signals=FunctionBlocks((n_channels, len(members), n_samples), dtype, read),
        names=(PurePosixPath(first.electrode).name,) * n_channels,
        facts={**shared, **facts},
        sweep_start_s=tuple(one.axis.start_s for one in members),
    )
