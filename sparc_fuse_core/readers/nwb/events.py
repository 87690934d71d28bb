"""NWB events: spike times of units, intervals (epochs, trials …), annotations."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import h5py
import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import EventTable
from sparc_fuse_core.readers.hdf5.arrays import member
from sparc_fuse_core.readers.hdf5.facts import read_small, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class EventColumns:
    """Events as they are found; `table` sorts them by time."""

    def __init__(self) -> None:
        self._times: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._durations: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self._labels: list[str] = []
        self._kinds: list[str] = []

    def __bool__(self) -> bool:
        """Whether there is an event."""
        return bool(self._labels)

    def add(self, times_s: Any, durations_s: Any, labels: Sequence[str], kind: str) -> None:
        """Add events of one kind; ``durations_s`` may be one value for all."""
        times = np.asarray(times_s, dtype=np.float64).reshape(-1)
        known = np.isfinite(times)
        durations = np.broadcast_to(np.asarray(durations_s, dtype=np.float64), times.shape)
        self._times.append(times[known])
        self._durations.append(durations[known])
        self._labels += [label for label, is_known in zip(labels, known, strict=True) if is_known]
        self._kinds += [kind] * int(known.sum())

    def table(self) -> EventTable:
        """Return all events in order of time."""
        if not self._labels:
            return EventTable()
        times = np.concatenate(self._times)
        order = np.argsort(times, kind="stable")
        return EventTable(
            time_s=cast("Sequence[float]", times[order]),
            duration_s=cast("Sequence[float]", np.concatenate(self._durations)[order]),
            label=[self._labels[i] for i in order],
            channel=[""] * len(order),
            kind=[self._kinds[i] for i in order],
        )


def _numbers(group: h5py.Group, name: str) -> np.ndarray[Any, Any] | None:
    item = group.get(name, None)
    if isinstance(item, h5py.Dataset) and item.shape is not None and item.dtype.kind in "biuf":
        return np.atleast_1d(np.asarray(item[()]))
    return None


def _columns(group: h5py.Group, skipped: tuple[str, ...]) -> dict[str, Any]:
    """Return the small columns of a table, except those that became events."""
    facts: dict[str, Any] = {}
    for name in group:
        item = member(group, name)
        if name in skipped or name.endswith("_index") or not isinstance(item, h5py.Dataset):
            continue
        value = read_small(item)
        if value is not None:
            facts[name] = value
    return facts


def spikes_of(group: h5py.Group, events: EventColumns) -> dict[str, Any]:
    """Add the spike times of every unit and return the other columns of the table."""
    times = _numbers(group, "spike_times")
    index = _numbers(group, "spike_times_index")
    if times is None or index is None:
        return _spikes_of_version_1(group, events)
    ids = _numbers(group, "id")
    if ids is None or len(ids) != len(index):
        ids = np.arange(len(index))
    ends = index.astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    if len(ends) and (ends[-1] > len(times) or (ends < starts).any()):
        message = (
            f"{PurePosixPath(str(group.file.filename)).name}: the index of spike times is wrong"
        )
        raise CorruptFileError(message)
    for unit, start, end in zip(ids, starts, ends, strict=True):
        label = f"unit {int(unit)}"
        events.add(times[start:end], np.nan, [label] * int(end - start), "spike")
    return _columns(group, ("spike_times",))


def _spikes_of_version_1(group: h5py.Group, events: EventColumns) -> dict[str, Any]:
    """Add the units of an NWB 1 file: one group each, with ``times``."""
    for name in group:
        item = member(group, name)
        if isinstance(item, h5py.Group):
            times = _numbers(item, "times")
            if times is not None:
                events.add(times, np.nan, [name] * len(times), "spike")
    return {}


def intervals_of(group: h5py.Group, path: str, events: EventColumns) -> dict[str, Any]:
    """Add intervals with their tags (or table and id) as labels; return the other columns."""
    starts, stops = _numbers(group, "start_time"), _numbers(group, "stop_time")
    if starts is None or stops is None or len(starts) != len(stops):
        return {}
    name = PurePosixPath(path).name
    ids = _numbers(group, "id")
    if ids is None or len(ids) != len(starts):
        labels = [name] if len(starts) == 1 else [f"{name} {i}" for i in range(len(starts))]
    else:
        labels = [f"{name} {int(one)}" for one in ids]
    tags = _tags(group, len(starts))
    labels = [tag or label for tag, label in zip(tags, labels, strict=True)]
    events.add(starts, stops - starts, labels, name)
    return _columns(group, ("start_time", "stop_time", "tags"))


def moments_of(group: h5py.Group, path: str, events: EventColumns) -> dict[str, Any]:
    """Add the rows of an EventsTable; a row is labelled by its annotation, else by table and id."""
    times = _numbers(group, "timestamp")
    if times is None:
        return {}
    name = PurePosixPath(path).name
    durations = _numbers(group, "duration")
    ids = _numbers(group, "id")
    rows = ids if ids is not None and len(ids) == len(times) else range(len(times))
    notes = member(group, "annotation") if "annotation" in group else None
    words: tuple[str, ...] = ()
    if isinstance(notes, h5py.Dataset) and h5py.check_string_dtype(notes.dtype) is not None:
        words = texts_of(notes[()])
    if len(words) != len(times):
        words = ("",) * len(times)
    labels = [word or f"{name} {int(row)}" for word, row in zip(words, rows, strict=True)]
    fits = durations is not None and len(durations) == len(times)
    events.add(times, durations if fits else np.nan, labels, name)
    return _columns(group, ("timestamp", "duration", "annotation"))


def _tags(group: h5py.Group, n_rows: int) -> list[str]:
    """Return the tags of each row as one text."""
    item = member(group, "tags") if "tags" in group else None
    if not isinstance(item, h5py.Dataset) or h5py.check_string_dtype(item.dtype) is None:
        return [""] * n_rows
    words = texts_of(item[()])
    index = _numbers(group, "tags_index")
    if index is None:
        whole = ", ".join(words)
        return list(words) if len(words) == n_rows else [whole if n_rows == 1 else ""] * n_rows
    ends = [int(end) for end in index]
    if len(ends) != n_rows:
        return [""] * n_rows
    return [", ".join(words[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def series_events(group: h5py.Group, kind: str, events: EventColumns) -> bool:
    """Take annotations, intervals and spike snippets as events; return whether it was one of them."""
    times = _numbers(group, "timestamps") if kind in _EVENT_SERIES else None
    data = group["data"]
    if times is None or not isinstance(data, h5py.Dataset):
        return False
    if data.shape is None or data.shape[:1] != times.shape:
        return False
    name = PurePosixPath(str(group.name)).name
    if kind == "AnnotationSeries":
        labels = texts_of(data[()])
        if len(labels) == len(times):
            events.add(times, np.nan, labels, "annotation")
        return len(labels) == len(times)
    if kind == "IntervalSeries" and len(data.shape) == 1:
        return _interval_series(np.asarray(data[()]), times, name, events)
    return False


_EVENT_SERIES = ("AnnotationSeries", "IntervalSeries")


def _interval_series(
    marks: np.ndarray[Any, Any],
    times: np.ndarray[Any, Any],
    name: str,
    events: EventColumns,
) -> bool:
    """Add intervals that begin at marks above 0 and end at marks below 0, of the same number."""
    if marks.dtype.kind not in "iu":
        return False
    begun: dict[int, float] = {}
    for mark, time in zip(marks.tolist(), times.tolist(), strict=True):
        if mark > 0:
            begun[mark] = time
        elif -mark in begun:
            start = begun.pop(-mark)
            label = name if -mark == 1 else f"{name} {-mark}"
            events.add([start], [time - start], [label], "interval")
    for mark, start in begun.items():
        events.add([start], np.nan, [name if mark == 1 else f"{name} {mark}"], "interval")
    return True
