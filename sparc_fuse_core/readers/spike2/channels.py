"""What Spike2's two containers (.smr, .smrx) share: waveforms in blocks, events, marks with payloads.

All channels count one clock. Waveform channels of one rate, type and layout form a stream where they
start within one sample of each other (a multiplexed converter takes them in turn); each keeps its own
start. A mark's time is that of its first attached point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording, Segment, rate_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.readers.shared.records import RecordFile

#: Kinds of channels, as both containers number them.
KINDS = {
    1: "waveform",
    2: "falling edge",
    3: "rising edge",
    4: "level change",
    5: "marker",
    6: "wave mark",
    7: "real mark",
    8: "text mark",
    9: "real waveform",
}
WAVES = (1, 9)
WAVE_MARK, REAL_MARK, TEXT_MARK = 6, 7, 8
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples, or items, that lie side by side in the file."""

    offset_bytes: int
    n: int
    start_tick: int = 0


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of the header.

    Attributes
    ----------
    number
        As Spike2 shows it, from 1.
    ticks
        Of the clock in one sample; 0 for channels without samples.
    item
        Layout of one event or mark: ``tick``, and where there are any ``codes`` and ``payload``.
    n_traces
        Interleaved in a wave mark.
    """

    number: int
    title: str
    unit: str
    kind: int
    ticks: int
    gain: float
    offset: float
    runs: Sequence[Stretch]
    item: np.dtype[Any] | None = None
    n_traces: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns ticks into seconds: a tick is ``numerator / denominator`` seconds."""

    numerator: float
    denominator: float

    @classmethod
    def of(cls, name: str, tick_s: float, times: int = 1) -> Clock:
        """Make a clock of ``times`` × ``tick_s``; decimal fractions of a second are kept exact.

        Raises
        ------
        CorruptFileError
            If a tick has no sensible length.
        """
        if not 1e-12 < tick_s < 1e6 or times <= 0:
            message = f"{name}: damaged header: a clock tick lasts {times} × {tick_s} s"
            raise CorruptFileError(message)
        exact = Fraction(tick_s).limit_denominator(10**9)
        if exact and math.isclose(float(exact), tick_s, rel_tol=1e-12):
            return cls(float(times * exact.numerator), float(exact.denominator))
        return cls(times * tick_s, 1.0)

    def seconds(self, ticks: Any) -> Any:
        """Return the time of ``ticks``."""
        return ticks * self.numerator / self.denominator

    def rate_hz(self, ticks: int) -> float:
        """Return the rate of a sample each ``ticks``."""
        return self.denominator / (ticks * self.numerator)


class _Row:
    """A waveform channel as a one-dimensional array."""

    def __init__(self, file: RecordFile, runs: Sequence[Stretch], dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._file = file
        self._runs = runs
        self._ends = np.cumsum([run.n for run in runs], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, key: slice) -> np.ndarray[Any, Any]:
        start, stop, _ = key.indices(len(self))
        found = np.empty(max(0, stop - start), self.dtype)
        n_bytes = self.dtype.itemsize
        at = start
        i = int(np.searchsorted(self._ends, start, side="right"))
        while at < stop:
            run = self._runs[i]
            skipped = at - int(self._ends[i]) + run.n
            n = min(run.n - skipped, stop - at, _PIECE_BYTES // n_bytes)
            raw = self._file.read(run.offset_bytes + skipped * n_bytes, n * n_bytes)
            found[at - start : at - start + n] = raw.view(self.dtype)
            at += n
            i += skipped + n == run.n
        return found


def contents(
    file: RecordFile,
    clock: Clock,
    channels: Sequence[Channel],
    facts: Mapping[str, Any],
    evidence: Sequence[Evidence] = (),
    start_time: str = "",
) -> Contents:
    """Make streams of the waveforms and events of everything else.

    Raises
    ------
    EmptyFileError
        If no channel holds anything.
    CorruptFileError
        If samples overlap in time.
    """
    said = list(evidence)
    filled = [channel for channel in channels if channel.runs]
    said += [
        Evidence("content", "missing", f"channel {channel.number} {channel.title!r} holds no data")
        for channel in channels
        if not channel.runs
    ]
    if not filled:
        message = f"{file.name}: none of its {len(channels)} channels holds data"
        raise EmptyFileError(message)
    recordings = _streams(file, clock, [one for one in filled if one.kind in WAVES])
    marks = [one for one in filled if one.kind not in WAVES]
    tables = [(channel, _events(file, clock, channel)) for channel in marks]
    recordings += [
        _attached(file, clock, channel, table)
        for channel, table in tables
        if channel.kind in (WAVE_MARK, REAL_MARK)
    ]
    return Contents(
        recordings=tuple(recordings),
        events=_merged([table for _, table in tables]),
        start_time=start_time,
        metadata=facts,
        evidence=tuple(said),
    )


def _segments(name: str, channel: Channel) -> list[tuple[int, int]]:
    """Return (start tick, number of samples) of each stretch without a gap."""
    found: list[tuple[int, int]] = []
    for run in channel.runs:
        if found:
            start, n = found[-1]
            expected = start + n * channel.ticks
            if run.start_tick == expected:
                found[-1] = (start, n + run.n)
                continue
            if run.start_tick <= expected - channel.ticks:
                message = (
                    f"{name}: damaged: samples of channel {channel.number} {channel.title!r} overlap "
                    f"in time at tick {run.start_tick}"
                )
                raise CorruptFileError(message)
        found.append((run.start_tick, run.n))
    return found


def _streams(file: RecordFile, clock: Clock, waves: Sequence[Channel]) -> list[Recording]:
    groups: list[tuple[tuple[Any, ...], int, list[tuple[Channel, list[tuple[int, int]]]]]] = []
    for channel in waves:
        if channel.ticks <= 0:
            message = f"{file.name}: damaged: channel {channel.title!r} has {channel.ticks} ticks a sample"
            raise CorruptFileError(message)
        segments = _segments(file.name, channel)
        first = segments[0][0]
        shape = tuple((start - first, n) for start, n in segments)
        key = (channel.kind, channel.ticks, shape)
        for other, anchor, members in groups:
            if other == key and abs(first - anchor) < channel.ticks:
                members.append((channel, segments))
                break
        else:
            groups.append((key, first, [(channel, segments)]))
    return [_stream(file, clock, members) for _, _, members in groups]


def _stream(
    file: RecordFile, clock: Clock, members: Sequence[tuple[Channel, list[tuple[int, int]]]]
) -> Recording:
    channels = [channel for channel, _ in members]
    starts = [clock.seconds(segments[0][0]) for _, segments in members]
    earliest = min((segments for _, segments in members), key=lambda segments: segments[0][0])
    position, segments = 0, []
    for start, n in earliest:
        segments.append(Segment(position, n, clock.seconds(start)))
        position += n
    is_integer = channels[0].kind == 1
    dtype = np.dtype("<i2" if is_integer else "<f4")
    rate_hz = clock.rate_hz(channels[0].ticks)
    return Recording(
        name=rate_name(rate_hz),
        signals=stacked([_Row(file, channel.runs, dtype) for channel in channels]),
        channel_names=tuple(channel.title for channel in channels),
        channel_units=tuple(channel.unit for channel in channels),
        sampling_rate_hz=rate_hz,
        gain=tuple(channel.gain for channel in channels) if is_integer else None,
        offset=tuple(channel.offset for channel in channels) if is_integer else None,
        start_s=min(starts),
        channel_start_s=tuple(starts) if len(set(starts)) > 1 else (),
        segments=tuple(segments) if len(segments) > 1 else (),
        metadata=_facts(channels),
    )


def _facts(channels: Sequence[Channel]) -> dict[str, Any]:
    facts: dict[str, Any] = {"channel_numbers": [channel.number for channel in channels]}
    for key in dict.fromkeys(key for channel in channels for key in channel.facts):
        facts[key] = [channel.facts.get(key) for channel in channels]
    return facts


def _events(file: RecordFile, clock: Clock, channel: Channel) -> EventTable:
    """Read times and labels of a channel of events or marks."""
    times: list[np.ndarray[Any, Any]] = []
    labels: list[str] = []
    kinds: list[str] = []
    kind = KINDS[channel.kind]
    for items in _items(file, channel):
        times.append(clock.seconds(items["tick"].astype(np.float64)))
        has_codes = "codes" in (items.dtype.names or ())
        codes = [_code(bytes(row)) for row in items["codes"]] if has_codes else []
        if channel.kind == TEXT_MARK:
            labels += [_text(row.tobytes()) for row in items["payload"]]
            kinds += [kind if code == "00" else f"{kind} {code}" for code in codes]
        else:
            labels += codes or [""] * len(items)
            kinds += [kind] * len(items)
    time_s = np.concatenate(times)
    return EventTable(
        time_s=time_s.tolist(),
        duration_s=[math.nan] * len(labels),
        label=labels,
        channel=[channel.title] * len(labels),
        kind=kinds,
    )


def _items(file: RecordFile, channel: Channel) -> list[np.ndarray[Any, Any]]:
    assert channel.item is not None  # noqa: S101  # every kind but waveforms has one
    return [
        records
        for run in channel.runs
        for _, records in file.records(channel.item, run.offset_bytes, 0, run.n)
    ]


def _text(raw: bytes) -> str:
    raw = raw.split(b"\0")[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _code(codes: bytes) -> str:
    """Write marker codes as Spike2 shows them: a printable character, else two hex digits."""
    codes = codes.rstrip(b"\0") or b"\0"
    return " ".join(chr(code) if 32 < code < 127 else f"{code:02x}" for code in codes)


def _attached(file: RecordFile, clock: Clock, channel: Channel, table: EventTable) -> Recording:
    """Make a stream of what wave marks or real marks hold: (n_traces, n_marks, n_points)."""
    assert channel.item is not None  # noqa: S101  # every kind but waveforms has one
    item = channel.item
    stored, shape = item["payload"].subdtype or (item["payload"], ())
    n_traces = channel.n_traces
    n_points = int(shape[0]) // n_traces
    ends = np.cumsum([run.n for run in channel.runs], dtype=np.int64)
    n_marks = int(ends[-1])

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (begin, end), (start, stop) = bounds
        block = np.empty((last - first, end - begin, stop - start), stored)
        for run, run_end in zip(channel.runs, ends.tolist(), strict=True):
            origin = run_end - run.n
            low, high = max(begin, origin), min(end, run_end)
            if low >= high:
                continue
            for at, items in file.records(item, run.offset_bytes, low - origin, high - origin):
                points = items["payload"][:, : n_points * n_traces]
                points = points.reshape(len(items), n_points, n_traces)[:, start:stop, first:last]
                to = origin + at - begin
                block[:, to : to + len(items)] = points.transpose(2, 0, 1)
        return block

    is_wave = channel.kind == WAVE_MARK
    if is_wave and channel.ticks <= 0:
        message = (
            f"{file.name}: damaged: channel {channel.title!r} has {channel.ticks} ticks a sample"
        )
        raise CorruptFileError(message)
    return Recording(
        name=f"{channel.title or channel.number} {KINDS[channel.kind]}s",
        signals=FunctionBlocks((n_traces, n_marks, n_points), stored, read),
        channel_names=(channel.title,) * n_traces,
        channel_units=(channel.unit,) * n_traces,
        sampling_rate_hz=clock.rate_hz(channel.ticks) if is_wave else None,
        gain=(channel.gain,) * n_traces if is_wave else None,
        offset=(channel.offset,) * n_traces if is_wave else None,
        sweep_start_s=tuple(table.time_s),
        metadata=_facts([channel]),
    )


def _merged(tables: Sequence[EventTable]) -> EventTable:
    """Put the events of all channels in order of time."""
    time_s = np.array([time for table in tables for time in table.time_s])
    order = np.argsort(time_s, kind="stable").tolist()

    def column(name: str) -> list[Any]:
        values = [value for table in tables for value in getattr(table, name)]
        return [values[i] for i in order]

    names = ("time_s", "duration_s", "label", "channel", "kind")
    return EventTable(**{name: column(name) for name in names})
