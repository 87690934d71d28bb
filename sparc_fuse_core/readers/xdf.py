"""Extensible Data Format (.xdf): streams of the Lab Streaming Layer, each on its own clock.

pyxdf reads the file whole; times are those that were written, not resampled, not smoothed and not moved to
another clock. The offsets that the recorder measured between the clocks are kept beside each stream.
Source: the XDF 1.0 specification.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyxdf

from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording
from sparc_fuse_core.readers.shared.time_axis import describe_times, is_increasing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_OFFSETS = 1000
_CLOCKS = (
    "Each stream's times are of its own clock; the offsets between the clocks that the recorder measured are "
    "noted, not applied."
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an .xdf file; see `sparc_fuse_core.readers.Reader`."""
    del options
    streams, _ = pyxdf.load_xdf(
        str(path),
        synchronize_clocks=False,
        handle_clock_resets=False,
        dejitter_timestamps=False,
        verbose=False,
    )
    streams.sort(key=lambda one: int(one["info"]["stream_id"]))
    stamped = [one for one in streams if len(one["time_stamps"])]
    if not stamped:
        message = f"{path.name}: holds no sample; upload the original again"
        raise EmptyFileError(message)
    zero_s = min(float(np.min(one["time_stamps"])) for one in stamped)
    recordings, events = [], []
    for stream in stamped:
        if _text(stream["info"], "channel_format") == "string":
            events += _markers(stream, zero_s)
        else:
            recordings.append(_recording(stream, zero_s))
    events.sort(key=lambda one: one.time_s)
    evidence = (Evidence("time", "file", _CLOCKS),) if len(stamped) > 1 else ()
    yield Contents(
        recordings=tuple(recordings),
        events=EventTable.from_events(events),
        evidence=evidence,
    )


def _text(info: Any, key: str) -> str:
    """Return the first text of an element: pyxdf gives lists of them."""
    values = info.get(key) if isinstance(info, dict) else None
    first = values[0] if isinstance(values, list) and values else values
    return first.strip() if isinstance(first, str) else ""


def _channels(stream: Any, n: int) -> list[Any]:
    """Return the description of each channel, or none where their number is another."""
    found: Any = stream["info"]
    for key in ("desc", "channels"):
        found = found.get(key) if isinstance(found, dict) else None
        found = found[0] if isinstance(found, list) and found else found
    channels = found.get("channel") if isinstance(found, dict) else None
    return channels if isinstance(channels, list) and len(channels) == n else [None] * n


def _recording(stream: Any, zero_s: float) -> Recording:
    values = np.asarray(stream["time_series"])
    stamps = np.asarray(stream["time_stamps"], np.float64)
    channels = _channels(stream, values.shape[1])
    nominal = _text(stream["info"], "nominal_srate")
    offsets = [
        [float(time), float(offset)]
        for time, offset in zip(
            stream.get("clock_times", ()), stream.get("clock_values", ()), strict=False
        )
    ]
    facts: dict[str, Any] = {"nominal_rate_hz": nominal} if nominal else {}
    facts |= {"type": _text(stream["info"], "type")} if _text(stream["info"], "type") else {}
    facts |= {"clock_offsets_s": offsets[:_MOST_OFFSETS]} if offsets else {}
    shared: dict[str, Any] = {
        "name": _text(stream["info"], "name") or "stream",
        "signals": values.T,
        "channel_names": tuple(_text(one, "label") for one in channels),
        "channel_units": tuple(_text(one, "unit") for one in channels),
        "metadata": facts,
    }
    if len(stamps) > 1 and is_increasing(stamps):
        axis = describe_times(stamps, "s")
        if axis.times is None:
            start_s = axis.start_s - zero_s
            return Recording(sampling_rate_hz=axis.rate_hz, start_s=start_s, **shared)
    times = stamps - zero_s if np.isfinite(stamps).all() else None
    return Recording(sampling_rate_hz=None, times=times, **shared)


def _markers(stream: Any, zero_s: float) -> list[Event]:
    name = _text(stream["info"], "name")
    kind = _text(stream["info"], "type").lower() or "marker"
    found = []
    for time, texts in zip(stream["time_stamps"], stream["time_series"], strict=True):
        label = "; ".join(str(text) for text in texts if str(text))
        if math.isfinite(time):
            found.append(Event(float(time) - zero_s, label=label, channel=name, kind=kind))
    return found
