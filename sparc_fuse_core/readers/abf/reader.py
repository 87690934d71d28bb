"""Axon Binary Format (pCLAMP, AxoScope): recorded channels, sweeps with their starts, tags, protocol.

The two libraries for this format disagree where it matters: pyabf cuts event-driven recordings into
equal sweeps and rounds the rate to whole Hz, neo sees one sweep in files of version 1.2 and counts tags
in the wrong unit. So the layout is read here, and both are what tests compare with.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.abf.header import read_header
from sparc_fuse_core.readers.shared.records import RecordFile, interleaved
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.readers.abf.fields import AbfHeader

_VARIABLE_LENGTH, _GAP_FREE = 1, 3


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an ABF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        header = read_header(file)
        yield Contents(
            recordings=(_recording(file, header),),
            events=_events(header),
            start_time=stated_start(str(header.facts.get("start_time", ""))),
            metadata={key: fact for key, fact in header.facts.items() if key != "start_time"},
            evidence=tuple(header.evidence),
        )


def _events(header: AbfHeader) -> EventTable:
    unit_us = header.synch_unit_us
    return EventTable.from_events(
        Event(time * unit_us / 1e6, label=comment, kind="tag")
        for time, comment in sorted(header.tags, key=lambda tag: tag[0])
    )


def _recording(file: RecordFile, header: AbfHeader) -> Recording:
    n_channels = len(header.channels)
    lengths, starts_s = _sweeps(file.name, header)
    whole = interleaved(file, header.dtype, n_channels, [(header.data_offset_bytes, sum(lengths))])
    facts: dict[str, Any] = {
        "name": "recording",
        "channel_names": tuple(channel.name for channel in header.channels),
        "channel_units": tuple(channel.unit for channel in header.channels),
        "sampling_rate_hz": 1e6 / header.interval_us,
    }
    if header.dtype.kind == "i":
        facts["gain"] = tuple(channel.gain for channel in header.channels)
        facts["offset"] = tuple(channel.offset for channel in header.channels)
    is_sweeps = header.mode not in (_VARIABLE_LENGTH, _GAP_FREE)
    if is_sweeps and len(set(lengths)) == 1:
        return Recording(
            signals=_by_sweep(whole, len(lengths), lengths[0]), sweep_start_s=starts_s, **facts
        )
    if not starts_s:
        return Recording(signals=whole, **facts)
    ends = np.cumsum(lengths).tolist()
    segments = tuple(
        Segment(end - length, length, start_s)
        for end, length, start_s in zip(ends, lengths, starts_s, strict=True)
    )
    return Recording(
        signals=whole,
        start_s=starts_s[0],
        segments=segments if len(segments) > 1 else (),
        **facts,
    )


def _by_sweep(whole: FunctionBlocks, n_sweeps: int, n_samples: int) -> FunctionBlocks:
    """Turn sweeps that follow each other into an axis: (n_channels, n_sweeps, n_samples)."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (begin, end), (start, stop) = bounds
        shape = (last - first, end - begin, stop - start)
        if start == 0 and stop == n_samples:
            flat = whole[first:last, begin * n_samples : end * n_samples]
            return flat.reshape(shape)
        block = np.empty(shape, whole.dtype)
        for i in range(begin, end):
            origin = i * n_samples
            block[:, i - begin] = whole[first:last, origin + start : origin + stop]
        return block

    return FunctionBlocks((whole.shape[0], n_sweeps, n_samples), whole.dtype, read)


def _sweeps(name: str, header: AbfHeader) -> tuple[list[int], tuple[float, ...]]:
    """Return samples of each sweep and its start; starts are empty where the file has none."""
    n_channels, unit_us = len(header.channels), header.synch_unit_us
    starts_s: tuple[float, ...] = ()
    if header.sweeps:
        lengths = _values_in_sweeps(name, header)
        starts_s = tuple(start * unit_us / 1e6 for start, _ in header.sweeps)
    elif header.mode == _GAP_FREE:
        lengths = [header.n_values]
    else:
        n_sweeps = max(1, header.n_episodes)
        if header.mode == _VARIABLE_LENGTH and n_sweeps > 1:
            message = f"{name}: damaged: {n_sweeps} events, but no table of their starts"
            raise CorruptFileError(message)
        length, rest = divmod(header.n_values, n_sweeps)
        if rest or length % n_channels or header.n_in_episode not in (0, length):
            message = (
                f"{name}: damaged: {header.n_values} samples do not make {n_sweeps} sweeps "
                f"of {header.n_in_episode}"
            )
            raise CorruptFileError(message)
        lengths = [length] * n_sweeps
        if n_sweeps > 1:
            sentence = "the file does not say when each sweep started"
            header.evidence.append(Evidence("time", "missing", sentence))
    rest = lengths[-1] % n_channels
    if rest:
        sentence = f"the last {rest} values are not a sample of all channels and are left out"
        header.evidence.append(Evidence("content", "missing", sentence))
        lengths[-1] -= rest
    if any(length % n_channels or length <= 0 for length in lengths):
        message = f"{name}: damaged: a sweep does not hold whole samples of {n_channels} channels"
        raise CorruptFileError(message)
    return [length // n_channels for length in lengths], starts_s


def _values_in_sweeps(name: str, header: AbfHeader) -> list[int]:
    """Take lengths from the table; event-driven files may count them in time units."""
    stated = [length for _, length in header.sweeps]
    if min(stated) > 0:
        if sum(stated) == header.n_values:
            return stated
        scaled = [round(length / header.synch_unit_us) for length in stated]
        if header.mode == _VARIABLE_LENGTH and sum(scaled) == header.n_values:
            return scaled
    message = (
        f"{name}: damaged: the table of {len(stated)} sweeps holds {sum(stated)} samples, "
        f"the file {header.n_values}"
    )
    raise CorruptFileError(message)
