"""Blackrock and Ripple recordings: every .nsX of one stem with its .nev, pauses kept as segments.

An own reader of the public file specifications: the general-purpose library refuses a paused recording
beside its .nev and drops the last sample of specification 2.1.
"""

from __future__ import annotations

import re
import struct
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.blackrock.nev import Events, open_events
from sparc_fuse_core.readers.blackrock.nsx import Continuous, open_continuous
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time, stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

#: time stamps in nanoseconds count from the epoch of the network clock, not from the start
_NETWORK_CLOCK_HZ = 1e9


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a recording by any of its files; see `sparc_fuse_core.readers.Reader`."""
    del options
    with ExitStack() as files:
        streams = {
            part.suffix.lower()[1:]: open_continuous(part, files.enter_context(RecordFile(part)))
            for part in _parts(path, r"\.ns[1-9]")
        }
        events = None
        for part in _parts(path, r"\.nev"):
            file = files.enter_context(RecordFile(part))
            if file.size_bytes >= 8 and file.read(0, 8).tobytes() in (b"NEURALEV", b"BREVENTS"):
                events = _events(file)
        yield _contents(path.name, streams, events)


def _parts(path: Path, pattern: str) -> list[Path]:
    """Return the files of the same stem with one kind of extension, the highest first."""
    found = [
        part
        for part in path.parent.iterdir()
        if part.stem.lower() == path.stem.lower() and re.fullmatch(pattern, part.suffix.lower())
    ]
    return sorted(found, key=lambda part: part.suffix.lower(), reverse=True)


def _events(file: RecordFile) -> Events:
    try:
        return open_events(file)
    except struct.error as err:
        message = f"{file.name}: the header is damaged ({err})"
        raise CorruptFileError(message) from err


def _contents(name: str, streams: Mapping[str, Continuous], events: Events | None) -> Contents:
    evidence = [
        Evidence("time" if "length" in note else "calibration", "inferred", note)
        for stream in streams.values()
        for note in stream.notes
    ]
    network = [
        stream.runs[0][2] for stream in streams.values() if stream.ticks_hz == _NETWORK_CLOCK_HZ
    ]
    if events is not None and events.ticks_hz == _NETWORK_CLOCK_HZ and events.rows:
        network.append(min(row[0] for row in events.rows))
    origin = min(network, default=0)
    if network:
        sentence = "Times count from the first stamp of the network clock (PTP)."
        evidence.append(Evidence("time", "file", sentence))
    recordings = [
        _recording(key, stream, events, origin, evidence) for key, stream in streams.items()
    ]
    table = EventTable()
    metadata: dict[str, Any] = {}
    if events is not None:
        metadata["events"] = events.facts
        table = _table(events, origin)
        recordings += _waveforms(events)
        if events.n_unknown:
            sentence = (
                f"{events.n_unknown} packets of the .nev are neither spikes, digital input nor "
                "comments (video, tracking, configuration); they are not converted."
            )
            evidence.append(Evidence("content", "missing", sentence))
    if not recordings and not len(table):
        message = f"{name}: no continuous data and no events"
        raise EmptyFileError(message)
    return Contents(
        recordings=tuple(recordings),
        events=table,
        start_time=_start(streams, events, origin),
        metadata=metadata,
        evidence=tuple(evidence),
    )


def _start(streams: Mapping[str, Continuous], events: Events | None, origin: int) -> str:
    """Return when time 0 was: the first stamp of the network clock, or the header's time of tick 0 (UTC)."""
    if origin:
        return start_of_unix_time(origin / _NETWORK_CLOCK_HZ)
    facts = [stream.facts for stream in streams.values()]
    facts += [events.facts] if events is not None else []
    origins = {str(fact.get("time_origin", "")) for fact in facts} - {""}
    return stated_start(origins.pop()) if len(origins) == 1 else ""


def _recording(
    key: str,
    stream: Continuous,
    events: Events | None,
    origin: int,
    evidence: list[Evidence],
) -> Recording:
    start = origin if stream.ticks_hz == _NETWORK_CLOCK_HZ else 0
    segments = tuple(
        Segment(at, n, (stamp - start) / stream.ticks_hz) for at, n, stamp in stream.runs
    )
    names, units, gain = stream.names, stream.units, stream.gain
    if stream.facts["specification"] == "2.1" and events is not None:
        known = [events.electrodes.get(number) for number in stream.electrodes]
        names = tuple(e.label if e else "" for e in known)
        factors = [e.nv_per_step if e else 0.0 for e in known]
        if all(factors):
            gain, units = tuple(factor / 1000 for factor in factors), ("uV",) * len(factors)
            sentence = f"The scale of {key} is that of its electrodes' spikes in the .nev."
            evidence.append(Evidence("calibration", "inferred", sentence))
    return Recording(
        key,
        stream.signals,
        names,
        units,
        stream.rate_hz,
        gain=gain,
        offset=stream.offset if stream.offset or gain is None else (0.0,) * len(gain),
        start_s=segments[0].start_s,
        segments=segments if len(segments) > 1 else (),
        metadata=stream.facts,
    )


def _table(events: Events, origin: int) -> EventTable:
    start = origin if events.ticks_hz == _NETWORK_CLOCK_HZ else 0
    rows: Sequence[tuple[int, str, str, str]] = sorted(events.rows, key=lambda row: row[0])
    return EventTable(
        time_s=[(row[0] - start) / events.ticks_hz for row in rows],
        duration_s=[float("nan")] * len(rows),
        label=[row[1] for row in rows],
        channel=[row[2] for row in rows],
        kind=[row[3] for row in rows],
    )


def _waveforms(events: Events) -> list[Recording]:
    recordings = []
    for i, group in enumerate(events.waveforms):
        scaled = group.nv_per_step > 0
        recordings.append(
            Recording(
                "spike_waveforms" if i == 0 else f"spike_waveforms_{i + 1}",
                group.signals,
                ("",),
                ("uV" if scaled else "",),
                events.waveform_rate_hz or None,
                gain=(group.nv_per_step / 1000,) if scaled else None,
                offset=(0.0,) if scaled else None,
                metadata={
                    "sweeps": "one for each spike event of these electrodes, in the file's order"
                },
            )
        )
    return recordings
