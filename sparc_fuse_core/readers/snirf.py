"""SNIRF: near-infrared spectroscopy in HDF5, by the layout that its specification prescribes.

A block of data becomes recordings of what is measured alike (type and unit), in the file's order; auxiliary
channels keep clocks of their own. Units are the file's: intensities have none where it states none.
Source: *Shared Near Infrared Spectroscopy Format*, specification 1.1, github.com/fNIRS/snirf.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFeatureError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording
from sparc_fuse_core.model.recording import rate_name
from sparc_fuse_core.readers.hdf5.arrays import damage_told, member, open_hdf5
from sparc_fuse_core.readers.hdf5.facts import text_of
from sparc_fuse_core.readers.shared.start_time import stated_start
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, describe_times, is_increasing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_CHANNELS = 100_000
_MOST_EVENTS = 5_000_000
_MOST_NIRS = 1000
#: Codes of what is measured (appendix "Supported measurementList(k).dataType values").
_MEASURED = {
    1: "CW amplitude",
    51: "CW fluorescence amplitude",
    101: "FD AC amplitude",
    102: "FD phase",
    151: "FD fluorescence amplitude",
    152: "FD fluorescence phase",
    201: "TD gated amplitude",
    251: "TD gated fluorescence amplitude",
    301: "TD moments amplitude",
    351: "TD moments fluorescence amplitude",
    401: "DCS g2",
    410: "DCS BFi",
    99999: "processed",
}
_PROCESSED = 99999


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .snirf file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with open_hdf5(path) as file:
        with damage_told(path):
            contents = _contents(file, path)
        yield contents


def _contents(file: Any, path: Path) -> Contents:
    places = _numbered(file, "nirs")[:_MOST_NIRS]
    if not places:
        message = f"{path.name}: has no /nirs, which a SNIRF file must have"
        raise CorruptFileError(message)
    recordings: list[Recording] = []
    events: list[Event] = []
    for nirs in places:
        unit = _text(nirs, "metaDataTags/TimeUnit")
        probe = _Probe(nirs, path)
        for data in _numbered(nirs, "data"):
            recordings += _block(data, probe, unit, path)
        for aux in _numbered(nirs, "aux"):
            recordings += _auxiliary(aux, unit, path)
        events += _events(nirs, unit, path)
    if not recordings:
        message = f"{path.name}: holds no sample; upload the original again"
        raise EmptyFileError(message)
    evidence = []
    if any(_numbered(nirs, "stim") for nirs in places) and not events:
        sentence = "The times of stimuli have no unit that is known: they are left out."
        evidence.append(Evidence("completeness", "missing", sentence))
    if len(places) > 1:
        sentence = f"The file holds {len(places)} recordings on clocks of their own; the start is the first's."
        evidence.append(Evidence("time", "file", sentence))
    return Contents(
        recordings=tuple(recordings),
        events=EventTable.from_events(sorted(events, key=lambda one: one.time_s)),
        start_time=_start(places[0]),
        evidence=tuple(evidence),
        metadata=_identity(places[0]),
    )


def _numbered(group: Any, stem: str) -> list[Any]:
    """Return the groups called ``stem``, ``stem1``, ``stem2`` …, in order of their numbers."""
    found = []
    for name in group:
        match = re.fullmatch(rf"{stem}(\d*)", str(name))
        if match is None:
            continue
        one = member(group, str(name))
        if isinstance(one, h5py.Group):
            found.append((int(match[1] or 0), one))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _member(group: Any, path: str) -> Any:
    at = group
    for name in path.split("/"):
        if not isinstance(at, h5py.Group) or name not in at:
            return None
        at = member(at, name)
    return at


def _text(group: Any, path: str) -> str:
    item = _member(group, path)
    if not isinstance(item, h5py.Dataset) or item.size != 1:
        return ""
    return text_of(np.asarray(item[()]).ravel()[0]).strip("\0 ")


def _number(group: Any, path: str) -> int | None:
    item = _member(group, path)
    if not isinstance(item, h5py.Dataset) or item.size != 1 or item.dtype.kind not in "iuf":
        return None
    return int(np.asarray(item[()]).ravel()[0])


def _texts(group: Any, path: str, most: int = _MOST_CHANNELS) -> list[str]:
    item = _member(group, path)
    if not isinstance(item, h5py.Dataset) or item.size > most or item.ndim > 2:
        return []
    return [text_of(one).strip("\0 ") for one in np.asarray(item[()]).ravel()]


class _Probe:
    """What names a channel: labels of sources and detectors, wavelengths in nm."""

    def __init__(self, nirs: Any, path: Path) -> None:
        self.path = path
        self.sources = _texts(nirs, "probe/sourceLabels")
        self.detectors = _texts(nirs, "probe/detectorLabels")
        waves = _member(nirs, "probe/wavelengths")
        is_read = isinstance(waves, h5py.Dataset) and waves.size <= _MOST_CHANNELS
        self.wavelengths = np.asarray(waves[()], float).ravel().tolist() if is_read else []

    def name_of(self, channel: Any) -> str:
        """Return source, detector and wavelength, or what was computed of them."""
        source, detector = (
            self._end(labels, _number(channel, key), letter)
            for labels, key, letter in (
                (self.sources, "sourceIndex", "S"),
                (self.detectors, "detectorIndex", "D"),
            )
        )
        label = _text(channel, "dataTypeLabel")
        if _number(channel, "dataType") != _PROCESSED or not label:
            at = _number(channel, "wavelengthIndex")
            if at is not None and 0 < at <= len(self.wavelengths):
                label = f"{self.wavelengths[at - 1]:g}"
        ends = "_".join(one for one in (source, detector) if one)
        return f"{ends} {label}".strip()

    @staticmethod
    def _end(labels: list[str], index: int | None, letter: str) -> str:
        if index is None or index < 1:
            return ""
        return (
            labels[index - 1] if index <= len(labels) and labels[index - 1] else f"{letter}{index}"
        )


def _block(data: Any, probe: _Probe, unit: str, path: Path) -> list[Recording]:
    values = _member(data, "dataTimeSeries")
    if not isinstance(values, h5py.Dataset) or values.ndim != 2 or not values.size:
        return []
    n_samples, n_channels = values.shape
    if "measurementLists" in data:
        message = (
            f"{path.name}: describes its channels in columns (SNIRF 1.2), which is not read yet"
        )
        raise UnsupportedFeatureError(message)
    channels = _numbered(data, "measurementList")
    if len(channels) != n_channels or n_channels > _MOST_CHANNELS:
        message = f"{path.name}: has {n_channels} columns of samples and describes {len(channels)}"
        raise CorruptFileError(message)
    axis = _axis(data, n_samples, unit, path)
    offsets = _offsets(data, n_channels, path)
    groups: dict[tuple[int, str], list[int]] = {}
    for i, one in enumerate(channels):
        key = (_number(one, "dataType") or 0, _text(one, "dataUnit"))
        groups.setdefault(key, []).append(i)
    return [
        _recording(
            _rows(values, members),
            [probe.name_of(channels[i]) for i in members],
            [stated] * len(members),
            axis,
            {"measured": _MEASURED[kind]} if kind in _MEASURED else {},
            tuple(offsets[i] for i in members) if offsets else None,
        )
        for (kind, stated), members in groups.items()
    ]


def _offsets(data: Any, n_channels: int, path: Path) -> list[float]:
    """Return what is to be added to each channel's values; nothing where the file states none."""
    stated = _member(data, "dataOffset")
    if stated is None:
        return []
    if not isinstance(stated, h5py.Dataset) or stated.size != n_channels:
        message = f"{path.name}: states offsets of other channels than it has; it is damaged"
        raise CorruptFileError(message)
    return [float(one) for one in np.asarray(stated[()]).ravel()]


def _auxiliary(aux: Any, unit: str, path: Path) -> list[Recording]:
    values = _member(aux, "dataTimeSeries")
    if not isinstance(values, h5py.Dataset) or values.ndim not in (1, 2) or not values.size:
        return []
    n_samples = values.shape[0]
    n_channels = values.shape[1] if values.ndim == 2 else 1
    name = _text(aux, "name")
    names = [name if n_channels == 1 else f"{name} {i + 1}".strip() for i in range(n_channels)]
    try:
        axis = _axis(aux, n_samples, unit, path)
    except CorruptFileError:
        # Aurora writes zeros where a device stamps nothing; what was measured with light has its clock
        axis = TimeAxis(None, 0.0, None, "")
    rows = _rows(values, list(range(n_channels)))
    return [_recording(rows, names, [_text(aux, "dataUnit")] * n_channels, axis, {})]


def _recording(
    rows: FunctionBlocks,
    names: list[str],
    units: list[str],
    axis: TimeAxis,
    facts: dict[str, str],
    offset: tuple[float, ...] | None = None,
) -> Recording:
    return Recording(
        rate_name(axis.rate_hz),
        rows,
        tuple(names),
        tuple(units),
        axis.rate_hz,
        gain=None if offset is None else (1.0,) * len(names),
        offset=offset,
        start_s=axis.start_s,
        times=axis.times,
        time_units=axis.units,
        metadata=facts,
    )


def _rows(values: Any, members: list[int]) -> FunctionBlocks:
    """Return columns of samples as channels: shape (n_channels, n_samples)."""
    is_flat = values.ndim == 1

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop) = bounds
        if is_flat:
            return np.asarray(values[start:stop])[np.newaxis][low:high]
        wanted = members[low:high]
        if not wanted or start >= stop:
            return np.empty((len(wanted), max(stop - start, 0)), values.dtype)
        first, last = min(wanted), max(wanted) + 1
        block = np.asarray(values[start:stop, first:last])
        return np.ascontiguousarray(block[:, [one - first for one in wanted]].T)

    return FunctionBlocks((len(members), values.shape[0]), np.dtype(values.dtype), read)


def _axis(group: Any, n_samples: int, unit: str, path: Path) -> TimeAxis:
    """Return the clock of samples: a time for each, or their start and distance."""
    times = _member(group, "time")
    if not isinstance(times, h5py.Dataset) or times.dtype.kind not in "iuf":
        return TimeAxis(None, 0.0, None, "")
    flat = times[()].ravel() if times.size <= 2 * n_samples + 2 else np.empty(0)
    if flat.size == 2 and n_samples != 2:
        start, step = (float(one) for one in flat)
        if not (np.isfinite(start) and np.isfinite(step) and step > 0):
            message = f"{path.name}: states a distance of {step} between samples; it is damaged"
            raise CorruptFileError(message)
        flat = start + step * np.arange(n_samples)
    if flat.size != n_samples:
        message = f"{path.name}: has {n_samples} samples and {times.size} times; it is damaged"
        raise CorruptFileError(message)
    offset = _member(group, "timeOffset")
    if isinstance(offset, h5py.Dataset) and offset.size == 1:
        flat = flat + float(np.asarray(offset[()]).ravel()[0])
    if not is_increasing(flat):
        message = f"{path.name}: its times do not rise; it is damaged"
        raise CorruptFileError(message)
    return describe_times(flat, unit)


def _events(nirs: Any, unit: str, path: Path) -> list[Event]:
    factor = {"s": 1.0, "ms": 1e-3, "us": 1e-6}.get(unit)
    found: list[Event] = []
    for stim in _numbered(nirs, "stim"):
        rows = _member(stim, "data")
        if not isinstance(rows, h5py.Dataset) or rows.ndim != 2 or factor is None:
            continue
        if len(found) + rows.shape[0] > _MOST_EVENTS:
            message = f"{path.name}: announces more than {_MOST_EVENTS} events; it is damaged"
            raise CorruptFileError(message)
        if rows.shape[1] < 3:
            continue
        label = _text(stim, "name")
        table = np.asarray(rows[:, :3], float)
        if not np.isfinite(table[:, 0]).all():
            message = f"{path.name}: holds an event whose time is no number; it is damaged"
            raise CorruptFileError(message)
        for start, duration, amplitude in table.tolist():
            more = f" {amplitude:g}" if amplitude not in (0.0, 1.0) else ""
            found.append(
                Event(start * factor, duration * factor, f"{label}{more}", kind="stimulus")
            )
    return found


def _start(nirs: Any) -> str:
    date, time = (_text(nirs, f"metaDataTags/Measurement{one}") for one in ("Date", "Time"))
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        return ""
    clock = re.fullmatch(r"(\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*(Z|[+-]\d\d:?\d\d)?", time)
    if clock is None:
        return stated_start(date)
    return stated_start(f"{date}T{clock[1]}{clock[2] or ''}")


def _identity(nirs: Any) -> dict[str, str]:
    """Return who the file says was measured: never published, and cut where the file's texts repeat it."""
    tags = _member(nirs, "metaDataTags")
    if not isinstance(tags, h5py.Group):
        return {}
    words = ("subject", "patient", "birth", "operator", "experimenter", "physician")
    texts = [
        _text(tags, str(key)) for key in tags if any(word in str(key).lower() for word in words)
    ]
    texts = [text for text in texts if text]
    return {"patient": " ".join(texts)} if texts else {}
