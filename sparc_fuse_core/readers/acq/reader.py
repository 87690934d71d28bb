"""BIOPAC AcqKnowledge: each channel at its own rate, stored integers with scale, markers, journal.

Channels of one rate, length and stored type form a stream. Rates come from the base clock and each
channel's divider, never from a time axis. Where a recording was continued ("append"), segments are said.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bioread.biopac import MARKER_TYPE_MAP

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.model import (
    Contents,
    Event,
    EventTable,
    Evidence,
    Recording,
    Segment,
    rate_name,
)
from sparc_fuse_core.readers.acq.header import AcqChannel, AcqHeader, AcqMarker, read_header
from sparc_fuse_core.readers.acq.samples import InflatedChannel, framed
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_APPEND = "apnd"
#: AcqKnowledge 3.8.1 wrote other values at the end than every other version of the same recording.
_REVISION_WITH_BAD_TAIL = 41


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an AcqKnowledge file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file, path.open("rb") as plain:
        header = read_header(plain, file.size_bytes, path.name)
        evidence = header.evidence
        markers = _on_the_recording(header.markers, evidence)
        starts = _segment_starts(header, markers, evidence)
        if header.revision == _REVISION_WITH_BAD_TAIL:
            sentence = (
                "files of AcqKnowledge 3.8.1 (revision 41) are known to hold wrong values in the last "
                "0.2 s of a recording; compare the end with another export"
            )
            evidence.append(Evidence("signals", "inferred", sentence))
        if not header.is_time:
            sentence = "the horizontal axis of this graph is not time; no sampling rate is given"
            evidence.append(Evidence("time", "missing", sentence))
        yield Contents(
            recordings=_recordings(file, header, starts),
            events=_events(header, markers),
            start_time=_start(markers),
            metadata=_facts(header, markers),
            evidence=tuple(evidence),
        )


def _rate_hz(header: AcqHeader, divider: int) -> float:
    return 1000.0 / header.tick_ms / divider


def _recordings(file: RecordFile, header: AcqHeader, starts: list[int]) -> tuple[Recording, ...]:
    streams: dict[tuple[int, int, str], list[int]] = {}
    for i, channel in enumerate(header.channels):
        if channel.n_samples:
            key = (channel.divider, channel.n_samples, channel.dtype.str)
            streams.setdefault(key, []).append(i)
        else:
            sentence = f"channel {channel.name!r} holds no samples"
            header.evidence.append(Evidence("content", "missing", sentence))
    recordings = []
    for (divider, n_samples, _), numbers in streams.items():
        channels = [header.channels[i] for i in numbers]
        rate_hz = _rate_hz(header, divider)
        is_integer = channels[0].dtype.kind == "i"
        recordings.append(
            Recording(
                name=rate_name(rate_hz),
                signals=_signals(file, header, numbers),
                channel_names=tuple(channel.name for channel in channels),
                channel_units=tuple(channel.unit for channel in channels),
                sampling_rate_hz=rate_hz if header.is_time else None,
                gain=tuple(channel.gain for channel in channels) if is_integer else None,
                offset=tuple(channel.offset for channel in channels) if is_integer else None,
                segments=_segments(starts, divider, n_samples, rate_hz),
            )
        )
    return tuple(recordings)


def _signals(file: RecordFile, header: AcqHeader, numbers: list[int]) -> FunctionBlocks:
    channels = header.channels
    if header.compressed:
        return stacked(
            [
                InflatedChannel(
                    file, *header.compressed[i], channels[i].n_samples, channels[i].dtype
                )
                for i in numbers
            ]
        )
    return framed(
        file,
        header.data_offset_bytes,
        numbers,
        [channel.divider for channel in channels],
        [channel.n_samples for channel in channels],
        [channel.dtype for channel in channels],
    )


def _on_the_recording(markers: list[AcqMarker], evidence: list[Evidence]) -> list[AcqMarker]:
    """Count markers from the first sample.

    Where a time axis begins before zero, so does the marker of the first segment, which is the first
    sample: one recording saved by versions 3.9.1 and 5.0.1 shows it.
    """
    first = next((marker.sample for marker in markers if marker.code == _APPEND), 0)
    if first >= 0:
        return markers
    sentence = f"markers count from the first segment's marker, {-first} ticks before zero"
    evidence.append(Evidence("time", "inferred", sentence))
    return [
        AcqMarker(
            marker.sample - first, marker.text, marker.code, marker.channel, marker.created_ms
        )
        for marker in markers
    ]


def _segment_starts(
    header: AcqHeader, markers: list[AcqMarker], evidence: list[Evidence]
) -> list[int]:
    """Return the base clock's ticks where the recording was continued after a pause."""
    starts = sorted({marker.sample for marker in markers if _starts_a_segment(marker)} - {0})
    last = max(channel.n_samples * channel.divider for channel in header.channels)
    starts = [start for start in starts if 0 < start < last]
    if starts:
        sentence = (
            f"the recording was stopped and continued {len(starts)} times; how long it paused is not "
            "part of its time axis, which goes on without a gap"
        )
        evidence.append(Evidence("time", "missing", sentence))
    return starts


def _starts_a_segment(marker: AcqMarker) -> bool:
    if marker.code:
        return marker.code == _APPEND
    # before version 4 markers have no type, but AcqKnowledge's own text
    return re.fullmatch(r"Segment \d+", marker.text) is not None


def _segments(
    starts: list[int], divider: int, n_samples: int, rate_hz: float
) -> tuple[Segment, ...]:
    edges = [0, *(min(n_samples, -(-start // divider)) for start in starts), n_samples]
    edges = sorted(set(edges))
    if len(edges) <= 2:
        return ()
    return tuple(Segment(first, last - first, first / rate_hz) for first, last in pairwise(edges))


def _events(header: AcqHeader, markers: list[AcqMarker]) -> EventTable:
    by_number: dict[int | None, AcqChannel] = {one.number: one for one in header.channels}
    return EventTable.from_events(
        Event(
            time_s=marker.sample * header.tick_ms / 1000,
            label=marker.text,
            channel=by_number[marker.channel].name if marker.channel in by_number else "",
            kind=MARKER_TYPE_MAP.get(marker.code, marker.code.strip()) or "marker",
        )
        for marker in sorted(markers, key=lambda marker: marker.sample)
    )


def _facts(header: AcqHeader, markers: list[AcqMarker]) -> dict[str, Any]:
    facts: dict[str, Any] = {"file_revision": header.revision}
    if re.fullmatch(r"[\d.]+", header.version):
        facts["acqknowledge_version"] = header.version
    if header.journal:
        facts["journal"] = header.journal
    dates = [
        start_of_unix_time(marker.created_ms / 1000)
        for marker in markers
        if marker.code == _APPEND and marker.created_ms
    ]
    if any(dates):
        facts["segment_created"] = dates
    return facts


def _start(markers: list[AcqMarker]) -> str:
    """Return when the marker of the first segment, which is the first sample, was made."""
    for marker in markers:
        if marker.code == _APPEND and marker.sample == 0 and marker.created_ms:
            return start_of_unix_time(marker.created_ms / 1000)
    return ""
