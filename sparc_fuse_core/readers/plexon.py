"""Plexon .plx: continuous channels, spikes with waveforms, events.

Source: Plexon's published header file for .plx, versions 100 to 107. Data blocks of 16 bytes and
samples follow each other in the order of recording; their places are indexed once.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, EventTable, Recording, Segment
from sparc_fuse_core.readers.shared.records import RecordFile, Row, interleaved
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FILE_BYTES, _DSP_BYTES, _EVENT_BYTES, _SLOW_BYTES = 7504, 1020, 296, 296
_SPIKE, _EVENT, _SLOW = 1, 4, 5
_BLOCK = struct.Struct("<HHIHHHH")
_PIECE_BYTES = 1 << 20
_MAX_CHANNELS = 10_000


@dataclass(slots=True)
class _Channel:
    """One channel of the header and the places of its blocks."""

    name: str
    gain_mv: float
    rate_hz: float
    ticks: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Header:
    version: int
    ticks_hz: int
    waveform_hz: int
    channels: dict[tuple[int, int], _Channel]  # by block type and number
    begin: int
    start_time: str
    facts: dict[str, Any]


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .plx file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        header = _header(file)
        _index(file, header)
        events = _events(header)
        recordings = [*_continuous(file, header), *_waveforms(file, header)]
        if not recordings and not len(events):
            message = f"{path.name}: no samples, spikes or events"
            raise EmptyFileError(message)
        yield Contents(
            tuple(recordings), events=events, start_time=header.start_time, metadata=header.facts
        )


def _name(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()


def _ratio(name: str, top: float, *factors: float) -> float:
    bottom = float(np.prod(factors))
    if not top or not bottom:
        message = f"{name}: a channel has the gain 0; the header is damaged"
        raise CorruptFileError(message)
    return top / bottom


def _header(file: RecordFile) -> _Header:
    raw = file.read(0, _FILE_BYTES).tobytes()
    version = struct.unpack_from("<i", raw, 4)[0]
    numbers = struct.unpack_from("<14i", raw, 136)
    ticks_hz, n_dsp, n_event, n_slow, n_points, n_before = numbers[:6]
    waveform_hz = numbers[13]
    bits = struct.unpack_from("<BBBBHHH", raw, 200)
    spike_bits, slow_bits, spike_max, slow_max, spike_preamp = bits[2:]
    counts = (n_dsp, n_event, n_slow)
    if raw[:4] != b"PLEX" or ticks_hz <= 0 or not all(0 <= n < _MAX_CHANNELS for n in counts):
        message = f"{file.name}: the header is damaged: clock or numbers of channels"
        raise CorruptFileError(message)
    channels: dict[tuple[int, int], _Channel] = {}
    at = _FILE_BYTES
    for _ in range(n_dsp):
        part = file.read(at, _DSP_BYTES).tobytes()
        number, gain = struct.unpack_from("<i", part, 64)[0], struct.unpack_from("<i", part, 80)[0]
        if version >= 103:
            preamp = spike_preamp if version >= 105 else 1000
            scale = _ratio(file.name, spike_max, 0.5 * 2**spike_bits, gain, preamp)
        else:
            scale = _ratio(file.name, 3000, 2048, gain, 1000)
        channels[_SPIKE, number] = _Channel(_name(part[:32]), scale, float(waveform_hz))
        at += _DSP_BYTES
    for _ in range(n_event):
        part = file.read(at, _EVENT_BYTES).tobytes()
        channels[_EVENT, struct.unpack_from("<i", part, 32)[0]] = _Channel(_name(part[:32]), 1, 0)
        at += _EVENT_BYTES
    for _ in range(n_slow):
        part = file.read(at, _SLOW_BYTES).tobytes()
        number, rate, gain, _, preamp = struct.unpack_from("<5i", part, 32)
        if version >= 103:
            scale = _ratio(file.name, slow_max, 0.5 * 2**slow_bits, gain, preamp)
        else:
            scale = _ratio(file.name, 5000, 2048, gain, preamp if version == 102 else 1000)
        channels[_SLOW, number] = _Channel(_name(part[:32]), scale, float(rate))
        at += _SLOW_BYTES
    date = numbers[6:12]
    return _Header(
        version,
        ticks_hz,
        waveform_hz,
        channels,
        at,
        stated_start("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*date)),
        {
            "version": version,
            "comment": _name(raw[8:136]),
            "waveform_points": n_points,
            "waveform_points_before_threshold": n_before,
        },
    )


def _index(file: RecordFile, header: _Header) -> None:
    """Walk the blocks and note where those of each channel are."""
    at, buffer, origin = header.begin, b"", header.begin
    while at < file.size_bytes:
        if at + _BLOCK.size > origin + len(buffer):
            origin = at
            buffer = file.read(at, min(_PIECE_BYTES, file.size_bytes - at)).tobytes()
            if len(buffer) < _BLOCK.size:
                ends_early(
                    file.name, f"whole blocks up to byte {at}, and {len(buffer)} bytes of one more"
                )
                return
        kind, upper, ticks, number, unit, n_waves, n_words = _BLOCK.unpack_from(buffer, at - origin)
        channel = header.channels.get((kind, number))
        n = n_waves * n_words
        at += _BLOCK.size
        if channel is not None and at + 2 * n > file.size_bytes:
            ends_early(
                file.name, f"whole blocks up to byte {at - _BLOCK.size}, and a part of one more"
            )
            return
        if channel is None:
            message = (
                f"{file.name}: damaged: near byte {at} a block of type {kind} and "
                f"channel {number} with {n} samples"
            )
            raise CorruptFileError(message)
        channel.ticks.append(upper << 32 | ticks)
        channel.places.append(at)
        channel.lengths.append(n)
        channel.units.append(unit)
        at += 2 * n


def _continuous(file: RecordFile, header: _Header) -> list[Recording]:
    """Return recordings of channels with one rate, one length and the same pauses."""
    groups: dict[tuple[Any, ...], list[_Channel]] = {}
    for (kind, _), channel in header.channels.items():
        if kind == _SLOW and any(channel.lengths):
            if channel.rate_hz <= 0:
                message = f"{file.name}: channel {channel.name!r} has the rate {channel.rate_hz} Hz"
                raise CorruptFileError(message)
            groups.setdefault((channel.rate_hz, _runs(channel, header.ticks_hz)), []).append(
                channel
            )
    recordings = []
    for i, ((rate_hz, runs), channels) in enumerate(groups.items()):
        rows = [
            Row(interleaved(file, "<i2", 1, list(zip(c.places, c.lengths, strict=True))))
            for c in channels
        ]
        segments = tuple(Segment(start, n, tick / header.ticks_hz) for start, n, tick in runs)
        recordings.append(
            Recording(
                "continuous" if i == 0 else f"continuous_{i + 1}",
                stacked(rows),
                tuple(c.name for c in channels),
                ("mV",) * len(channels),
                rate_hz,
                gain=tuple(c.gain_mv for c in channels),
                offset=(0.0,) * len(channels),
                start_s=segments[0].start_s,
                segments=segments if len(segments) > 1 else (),
            )
        )
    return recordings


def _runs(channel: _Channel, ticks_hz: int) -> tuple[tuple[int, int, int], ...]:
    """Return (first sample, number of samples, tick) of stretches whose blocks follow on."""
    step = ticks_hz / channel.rate_hz
    runs: list[list[int]] = []
    due = -10 * step
    total = 0
    for tick, n in zip(channel.ticks, channel.lengths, strict=True):
        if not n:
            continue
        if abs(tick - due) > 0.75 * step:
            runs.append([total, 0, tick])
            due = tick
        runs[-1][1] += n
        due += n * step
        total += n
    return tuple((start, n, tick) for start, n, tick in runs)


def _waveforms(file: RecordFile, header: _Header) -> list[Recording]:
    """Return spikes whose waveforms share scale and length, in order of time."""
    groups: dict[tuple[float, int], list[tuple[int, int]]] = {}
    for (kind, _), channel in header.channels.items():
        if kind == _SPIKE:
            for tick, place, n in zip(channel.ticks, channel.places, channel.lengths, strict=True):
                if n:
                    groups.setdefault((channel.gain_mv, n), []).append((tick, place))
    recordings = []
    for i, ((gain, n), spikes) in enumerate(groups.items()):
        ordered = [place for _, place in sorted(spikes)]
        recordings.append(
            Recording(
                "spike_waveforms" if i == 0 else f"spike_waveforms_{i + 1}",
                _sweeps(file, ordered, n),
                ("",),
                ("mV",),
                float(header.waveform_hz) if header.waveform_hz > 0 else None,
                gain=(gain,),
                offset=(0.0,),
                metadata={"sweeps": "one for each spike event with this scale, in order of time"},
            )
        )
    return recordings


def _sweeps(file: RecordFile, places: list[int], n: int) -> FunctionBlocks:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop), (first, last) = bounds
        block = np.empty((stop - start, n), "<i2")
        for i, place in enumerate(places[start:stop]):
            block[i] = file.read(place, 2 * n).view("<i2")
        return block[None, :, first:last][low:high]

    return FunctionBlocks((1, len(places), n), np.dtype("<i2"), read)


def _events(header: _Header) -> EventTable:
    rows = [
        (tick, str(unit), channel.name, "spike" if kind == _SPIKE else "event")
        for (kind, _), channel in header.channels.items()
        if kind in (_SPIKE, _EVENT)
        for tick, unit in zip(channel.ticks, channel.units, strict=True)
    ]
    rows.sort(key=lambda row: row[0])
    return EventTable(
        time_s=[row[0] / header.ticks_hz for row in rows],
        duration_s=[float("nan")] * len(rows),
        label=[row[1] for row in rows],
        channel=[row[2] for row in rows],
        kind=[row[3] for row in rows],
    )
