"""BIOPAC files, byte by byte from the public description (BIOPAC application note 156 and later notes)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(31)


@dataclass(frozen=True)
class _Channel:
    name: str
    unit: str
    divider: int
    values: np.ndarray
    gain: float = 0.25
    offset: float = -3.0
    number: int = 1

    @property
    def physical(self) -> np.ndarray:
        if self.values.dtype.kind == "f":
            return self.values.astype(float)
        return self.values * self.gain + self.offset


def _integers(n: int) -> np.ndarray:
    return _RNG.integers(-32768, 32767, n, dtype=np.int16, endpoint=True)


def _frames(channels: Sequence[_Channel], order: str) -> bytes:
    """Interleave: at each tick one sample of every channel whose turn it is, while it has any."""
    n_ticks = max((len(c.values) * c.divider for c in channels), default=0)
    data = b""
    for tick in range(n_ticks):
        for c in channels:
            at, rest = divmod(tick, c.divider)
            if not rest and at < len(c.values):
                kind = "d" if c.values.dtype.kind == "f" else "h"
                data += struct.pack(order + kind, c.values[at])
    return data


def _compressed(channels: Sequence[_Channel], order: str) -> bytes:
    data = struct.pack(order + "34xi", 5) + b"hello"
    for c in channels:
        raw = c.values.astype("<f8" if c.values.dtype.kind == "f" else "<i2").tobytes()
        packed = zlib.compress(raw)
        name, unit = c.name.encode("latin-1"), c.unit.encode("latin-1")
        data += struct.pack(order + "44xiiii", len(name), len(unit), len(raw), len(packed))
        data += name + unit + packed
    return data


def _file(
    channels: Sequence[_Channel],
    *,
    order: str = "<",
    revision: int = 38,
    tick_ms: float = 2.0,
    markers: Sequence[tuple[int, str, str, int]] = (),
    journal: str = "",
    compressed: bool = False,
    filler: int = 6,
    axis: int = 0,
) -> bytes:
    """Lay out a file; markers are (tick, text, type, channel number)."""
    is_new = revision >= 61
    encoding = "utf-8" if is_new else "latin-1"
    head_bytes, channel_bytes = (2400, 154) if is_new else (2220, 252 if revision >= 38 else 122)
    head = bytearray(head_bytes)
    struct.pack_into(
        order + "hiihhhd", head, 0, 0, revision, head_bytes, len(channels), axis, 0, tick_ms
    )
    if compressed:
        struct.pack_into(order + "i", head, 972 if is_new else 1936, 1)
    rows = b""
    for c in channels:
        row = bytearray(channel_bytes)
        struct.pack_into(order + "ih40s", row, 0, channel_bytes, c.number, c.name.encode(encoding))
        struct.pack_into(order + "20si", row, 68, c.unit.encode(encoding), len(c.values))
        struct.pack_into(order + "ddh", row, 92, c.gain, c.offset, c.number)
        if is_new:
            struct.pack_into(order + "h", row, 152, c.divider)
        elif revision >= 38:
            struct.pack_into(order + "h", row, 250, c.divider)
        rows += bytes(row)
    foreign = struct.pack(order + ("i4x" if is_new else "hh4x"), *((8,) if is_new else (8, 0)))
    types = b"".join(
        struct.pack(order + "hh", *((8, 0) if c.values.dtype.kind == "f" else (2, 2)))
        for c in channels
    )
    body = bytes(head) + rows + foreign + b"\x7f" * filler + types
    if not compressed:
        body += _frames(channels, order)
    if is_new:
        body += _tail_of_version_4(markers, journal, order)
    else:
        body += _tail(markers, journal, order, revision)
    if compressed:
        packed = _compressed(channels, order)
        body += struct.pack(order + "24xii20x", 0, 0) + packed[43:] if is_new else packed
    return body


def _tail_of_version_4(
    markers: Sequence[tuple[int, str, str, int]], journal: str, order: str
) -> bytes:
    tail = struct.pack(order + "iii13x", 0, len(markers) + 1, 0)
    for tick, text, kind, number in markers:
        raw = text.encode() + b"\0"
        tail += struct.pack(order + "I4xh4sh", tick % 2**32, number, kind.encode(), len(raw)) + raw
    raw = journal.encode()
    if journal:
        return tail + struct.pack(order + "i262xi290x", 4 + 556 + len(raw), len(raw)) + raw
    return tail + struct.pack(order + "i", 4)


def _tail(
    markers: Sequence[tuple[int, str, str, int]], journal: str, order: str, revision: int
) -> bytes:
    tail = struct.pack(order + "ii", 0, len(markers))
    for tick, text, _, _ in markers:
        raw = text.encode("latin-1") + (b"\0" if revision >= 36 else b"")
        selected = b"\0\0" if revision >= 36 else b""
        tail += struct.pack(order + "i", tick) + selected
        tail += struct.pack(order + "hhh", 0, 0, len(text)) + raw
    if revision >= 41:
        tail += struct.pack(order + "4si76x", b"meta", len(markers))
        tail += b"".join(struct.pack(order + "ii20x", 0, i + 1) for i in range(len(markers)))
    if revision >= 38:
        raw = journal.encode("latin-1")
        tail += bytes((0x44, 0x33, 0x22, 0x11)) + struct.pack(order + "hi", 1, len(raw)) + raw
    return tail


def _mixed() -> list[_Channel]:
    """Dividers 1, 4, 2, 1 and both stored types; the slow channel lacks its last sample."""
    return [
        _Channel("ECG", "mV", 1, _integers(1001), 0.5, 0.0, 2),
        _Channel("Débit", "L/sec", 4, _integers(250), 0.125, 2.0, 3),
        _Channel("Temp", "deg C", 2, _RNG.normal(size=501), 1.0, 0.0, 5),
        _Channel("ECG", "", 1, _integers(1001), -0.25, 1.0, 7),
    ]


def _truths(channels: Sequence[_Channel], tick_ms: float = 2.0) -> tuple[StreamTruth, ...]:
    streams: dict[tuple[int, int, str], list[_Channel]] = {}
    for c in channels:
        streams.setdefault((c.divider, len(c.values), c.values.dtype.name), []).append(c)
    return tuple(
        StreamTruth(
            np.array([c.physical for c in group]),
            1000.0 / tick_ms / divider,
            tuple(c.name for c in group),
            tuple(c.unit for c in group),
            dtype,
        )
        for (divider, _, dtype), group in streams.items()
    )


_MARKERS = [(0, "start", "flag", -1), (250, "Stimulus é", "stim", 3)]


def _dividers(folder: Path, revision: int, order: str, *, compressed: bool) -> Truth:
    path = folder / f"r{revision}.acq"
    channels = _mixed()
    path.write_bytes(
        _file(
            channels,
            order=order,
            revision=revision,
            markers=_MARKERS,
            journal="a note",
            compressed=compressed,
        )
    )
    owner = "Débit" if revision >= 61 else ""
    events = ((0.0, "start", ""), (0.5, "Stimulus é", owner))
    return Truth(path, _truths(channels), events=events)


def _old(folder: Path) -> Truth:
    """Revision 35, big-endian: no dividers, no journal; one name twice."""
    path = folder / "old.acq"
    channels = [
        replace(c, divider=1, name="Analog input", values=_integers(300)) for c in _mixed()[:2]
    ]
    path.write_bytes(
        _file(channels, order=">", revision=35, tick_ms=10.0, markers=[(30, "pol/1", "", -1)])
    )
    return Truth(path, _truths(channels, 10.0), events=((0.3, "pol/1", ""),))


def _appended(folder: Path) -> Truth:
    """Two segments; the time axis begins before zero, and so do the markers."""
    path = folder / "appended.acq"
    channels = [
        _Channel("a", "V", 1, _integers(100)),
        _Channel("b", "V", 4, _integers(25), number=2),
    ]
    markers = [(-40, "Segment 1", "apnd", -1), (-9, "Segment 2", "apnd", -1), (10, "x", "flag", 2)]
    path.write_bytes(_file(channels, order=">", revision=68, markers=markers))
    fast, slow = _truths(channels)
    fast = replace(fast, segments=((0, 31, 0.0), (31, 69, 0.062)))
    slow = replace(slow, segments=((0, 8, 0.0), (8, 17, 0.064)))
    events = ((0.0, "Segment 1", ""), (0.062, "Segment 2", ""), (0.1, "x", "b"))
    return Truth(path, (fast, slow), events=events)


def _not_time(folder: Path) -> Truth:
    """The graph of a spectrum: no sampling rate."""
    path = folder / "spectrum.acq"
    channels = _mixed()[:1]
    path.write_bytes(_file(channels, axis=2))
    (stream,) = _truths(channels)
    return Truth(path, (replace(stream, rate_hz=None),))


def _refused(folder: Path, case: str) -> Truth:
    path = folder / f"{case}.acq"
    channels = _mixed()
    raw = _file(channels, markers=_MARKERS)
    error, says = "CorruptFileError", ""
    if case == "truncated-samples":
        raw, says = raw[:5000], "truncated"
    elif case == "truncated-header":
        raw, says = raw[:2500], "header of a channel"
    elif case == "half-graph":
        raw, says = raw[:8], "truncated"
    elif case == "other":
        raw, says = b"not a BIOPAC file" * 400, "not an AcqKnowledge file"
    elif case == "no-channels":
        raw, error, says = _file([]), "EmptyFileError", "0 channels"
    elif case == "no-samples":
        none = [replace(channels[0], values=channels[0].values[:0])]
        raw, error, says = _file(none), "EmptyFileError", "holds a sample"
    elif case == "bad-deflate":
        raw = _file(channels, revision=43, compressed=True)
        raw, says = raw[:-200] + b"\xff" * 200, "compressed channel"
    elif case == "truncated-deflate":
        raw, says = _file(channels, revision=43, compressed=True)[:-100], "compressed samples"
    path.write_bytes(raw)
    return Truth(path, error=error, error_says=says)


_BAD = (
    *("truncated-samples", "truncated-header", "half-graph", "other", "no-channels", "no-samples"),
    *("bad-deflate", "truncated-deflate"),
)
_GOOD = ((38, "<", False), (42, ">", False), (43, "<", True), (68, "<", False), (68, ">", True))

SAMPLES = [
    *(
        Sample(
            f"acq-r{revision}-{'little' if order == '<' else 'big'}{'-compressed' * packed}",
            "acq",
            lambda folder, revision=revision, order=order, packed=packed: _dividers(
                folder, revision, order, compressed=packed
            ),
        )
        for revision, order, packed in _GOOD
    ),
    Sample("acq-r35-big", "acq", _old),
    Sample("acq-appended", "acq", _appended),
    Sample("acq-not-time", "acq", _not_time),
    *(
        Sample(f"acq-{case}", "acq", lambda folder, case=case: _refused(folder, case))
        for case in _BAD
    ),
]
