"""Stores of layout 1 as the contents they were written from, without the source.

Their arrays lie beside each other with a suffix for each further stream; physical floats from which the
stored integers come back stand beside a ``gain`` and an ``offset``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import IncompleteResultError, RequestError
from sparc_fuse_core.model import EVENT_COLUMNS, Contents, EventTable, Recording, Segment, rate_name
from sparc_fuse_core.opening.layouts import layout_version, streams_of
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time, stated_start

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How readers of layout 1 named a stream whose file gives it no name.
_UNNAMED = re.compile(r"[\d.e+]+ Hz( .*)?|\d+ in a record")

#: Where the start of a recording stood; of NWB what its times count from, before when the session began.
_STARTS = (
    "start_time",
    "recording_start",
    "block_start",
    "timestamps_reference_time",
    "session_start_time",
)


def contents_of(root: zarr.Group) -> Contents:
    """Return what a store of layout 1 holds; samples are read when sliced.

    Raises
    ------
    RequestError
        If it is none.
    IncompleteResultError
        If an array of it is absent.
    """
    streams = streams_of(root.attrs)
    if streams is None or layout_version(root.attrs) != 1:
        message = f"not a store of layout 1: its layout is {root.attrs.get('layout')!r}"
        raise RequestError(message)
    facts: Any = root.attrs.get("source_metadata", {})
    metadata = dict(facts) if isinstance(facts, dict) else {}
    events = _events(root)
    epochs = metadata.pop("event_epoch", None)
    if isinstance(epochs, list) and len(epochs) == len(events):
        events = replace(events, sweep=[int(epoch) - 1 for epoch in epochs])
    start = _start(metadata)
    return Contents(
        recordings=tuple(_recording(root, stream) for stream in _in_order_of_file(streams)),
        events=events,
        start_time=start,
        metadata=metadata,
    )


def _start(metadata: dict[str, Any]) -> str:
    """Return when the recording began, in ISO 8601; a fact that says no more than that is taken out."""
    for key in _STARTS:
        start = stated_start(str(metadata.get(key) or ""))
        if start:
            if key in _STARTS[:3]:
                del metadata[key]
            return start
    unix_ms = metadata.get("start_time_ms")  # of MaxWell
    return start_of_unix_time(unix_ms / 1000) if isinstance(unix_ms, int | float) else ""


def _in_order_of_file(streams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return streams as the file has them, where they state the numbers of their channels.

    Layout 1 has them in order of size. Two streams of one name are told apart by their order, which has to be
    that of files converted now.
    """
    numbers = [stream.get("metadata", {}).get("channel_numbers") for stream in streams]
    if not all(isinstance(one, list) and one for one in numbers):
        return streams
    return [streams[n] for n in sorted(range(len(streams)), key=lambda n: numbers[n][0])]


def _array(root: zarr.Group, name: str) -> zarr.Array[Any]:
    array = root.get(name)
    if not isinstance(array, zarr.Array):
        message = f"{name} is absent from the store: it is incomplete; convert the file again"
        raise IncompleteResultError(message)
    return array


def _column(root: zarr.Group, name: str) -> tuple[Any, ...]:
    """Return a small array as a tuple, empty where it is absent."""
    array = root.get(name)
    return tuple(np.asarray(array[...]).tolist()) if isinstance(array, zarr.Array) else ()


def _recording(root: zarr.Group, stream: Mapping[str, Any]) -> Recording:
    suffix, rate_hz = stream["suffix"], stream["sampling_rate_hz"]
    array, time = _array(root, f"signals{suffix}"), _array(root, f"time{suffix}")
    gain, offset = _column(root, f"gain{suffix}") or None, _column(root, f"offset{suffix}") or None
    signals: Any = array
    stored = np.dtype(stream["stored_dtype"])
    if gain and offset and "scale_factor" not in array.attrs and array.dtype != stored:
        signals = _integers(array, stored, np.array(gain), np.array(offset))
    name = str(stream["name"])
    segments = zip(
        *(
            _column(root, f"segment_{word}{suffix}")
            for word in ("start_sample", "n_samples", "start_s")
        ),
        strict=True,
    )
    return Recording(
        rate_name(rate_hz) if _UNNAMED.fullmatch(name) else name,
        signals,
        tuple(map(str, _column(root, f"channel_name{suffix}"))),
        tuple(map(str, _column(root, f"units{suffix}"))),
        rate_hz,
        gain=gain,
        offset=offset,
        start_s=float(stream["start_s"]),
        channel_start_s=_column(root, f"start_s{suffix}"),
        times=time if stream["uneven"] else None,
        time_units=str(time.attrs.get("units", "")),
        sweep_start_s=_column(root, f"sweep_start_s{suffix}"),
        segments=tuple(Segment(int(a), int(n), float(s)) for a, n, s in segments),
        is_main=name == "amplifier",
        metadata=stream.get("metadata", {}),
    )


def _integers(
    array: zarr.Array[Any],
    stored: np.dtype[Any],
    gain: np.ndarray[Any, Any],
    offset: np.ndarray[Any, Any],
) -> FunctionBlocks:
    """Return the source's integers, which come back exactly from the physical values."""
    if stored.kind not in "iub":
        # real numbers with a scale: the physical values are all that is there
        message = f"stored type {stored} beside a gain: convert the file again"
        raise RequestError(message)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        values = np.asarray(array[tuple(slice(*pair) for pair in bounds)], dtype=float)
        column = (slice(*bounds[0]),) + (None,) * (values.ndim - 1)
        integers: np.ndarray[Any, Any] = np.rint((values - offset[column]) / gain[column])
        return integers.astype(stored)

    return FunctionBlocks(tuple(array.shape), stored, read)


def _events(root: zarr.Group) -> EventTable:
    columns = {name: _column(root, f"event_{name}") for name in EVENT_COLUMNS}
    return EventTable(**{name: list(values) for name, values in columns.items()})
