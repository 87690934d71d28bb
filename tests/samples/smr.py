"""Spike2 .smr files, laid out byte by byte from the public description of the SON format."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(17)


@dataclass(frozen=True)
class Source:
    """A channel to write: blocks of (first tick, samples), or rows of (tick, codes, payload)."""

    kind: int
    title: str
    unit: str = ""
    ticks: int = 0
    scale: float = 1.0
    offset: float = 0.0
    blocks: Sequence[tuple[int, np.ndarray]] = ()
    rows: Sequence[tuple[int, bytes, bytes]] = field(default=())
    n_traces: int = 1

    @property
    def physical(self) -> np.ndarray:
        """What the samples mean: raw × scale / 6553.6 + offset, floats as they are."""
        values = np.concatenate([values for _, values in self.blocks])
        if self.kind == 9:
            return values.astype(float)
        return values * (float(np.float32(self.scale)) / 6553.6) + float(np.float32(self.offset))


def int16(n: int) -> np.ndarray:
    return _RNG.integers(-32768, 32767, n, dtype=np.int16, endpoint=True)


def _pascal(text: str, width: int) -> bytes:
    raw = text.encode("latin-1")
    return bytes([len(raw)]) + raw.ljust(width - 1, b"x")


def _payloads(source: Source) -> list[tuple[int, int, int, bytes]]:
    """Blocks of a channel: (first tick, last tick, number of items, bytes)."""
    if source.kind in (1, 9):
        kind = "<i2" if source.kind == 1 else "<f4"
        return [
            (start, start + (len(v) - 1) * source.ticks, len(v), v.astype(kind).tobytes())
            for start, v in source.blocks
        ]
    found = []
    for i in range(0, len(source.rows), 3):
        rows = source.rows[i : i + 3]
        raw = b"".join(struct.pack("<i", t) + codes + payload for t, codes, payload in rows)
        found.append((rows[0][0], rows[-1][0], len(rows), raw))
    return found


def smr_bytes(sources: Sequence[Source | None], version: int, us_per_time: int = 10) -> bytes:
    """Lay out a file of ``version``; its channels' blocks are interleaved."""
    unit_bytes = 512 if version >= 9 else 1
    time_per_adc = 2 if version < 6 else 1
    head = bytearray(512)
    struct.pack_into(
        "<H10s8sHhh", head, 0, version, b"(C) CED 87", b"S2070306", us_per_time, time_per_adc, 1
    )
    struct.pack_into("<hh", head, 30, len(sources), 140)
    struct.pack_into("<d", head, 44, 1e-6)
    struct.pack_into("<6BH", head, 52, 25, 6, 5, 4, 2, 3, 2021)
    head[112:192] = _pascal("recorded for a test", 80)
    table = bytearray(140 * len(sources))
    data = b""
    begin = -(-(512 + len(table)) // 512) * 512
    chains: dict[int, list[tuple[int, tuple[int, int, int, bytes]]]] = {}
    pending = {i: _payloads(s) for i, s in enumerate(sources) if s is not None}
    while any(pending.values()):
        for i, blocks in pending.items():
            if blocks:
                block = blocks.pop(0)
                place = begin + len(data)
                chains.setdefault(i, []).append((place, block))
                data += bytes(-(-(20 + len(block[3])) // 512) * 512)
    whole = bytearray(bytes(head) + bytes(table).ljust(begin - 512, b"\0") + data)
    for i, source in enumerate(sources):
        if source is None:
            continue
        chain = chains.get(i, [])
        at = 512 + 140 * i
        n_extra = len(source.rows[0][2]) if source.rows else 0
        first, last = (chain[0][0], chain[-1][0]) if chain else (-1, -1)
        struct.pack_into(
            "<hiiiHHhH",
            whole,
            at,
            0,
            -1,
            first // unit_bytes,
            last // unit_bytes,
            len(chain),
            n_extra,
            5,
            0,
        )
        whole[at + 26 : at + 98] = _pascal("", 72)
        struct.pack_into("<iih", whole, at + 98, 0, source.ticks, i)
        whole[at + 108 : at + 118] = _pascal(source.title, 10)
        struct.pack_into("<fB", whole, at + 118, 1.0, source.kind)
        struct.pack_into("<ff", whole, at + 124, source.scale, source.offset)
        whole[at + 132 : at + 138] = _pascal(source.unit, 6)
        divide = source.ticks // time_per_adc if version < 6 else source.n_traces
        struct.pack_into("<h", whole, at + 138, divide)
        for k, (place, (start, end, n, raw)) in enumerate(chain):
            before = chain[k - 1][0] // unit_bytes if k else -1
            after = chain[k + 1][0] // unit_bytes if k + 1 < len(chain) else -1
            struct.pack_into("<iiiihH", whole, place, before, after, start, end, i + 1, n)
            whole[place + 20 : place + 20 + len(raw)] = raw
    return bytes(whole)


def sources() -> list[Source | None]:
    """Multi-rate waveforms with different starts and gaps, and every kind of event."""
    return [
        Source(1, "EMG", " Volt", 10, 0.5, -0.25, [(3, int16(40)), (403, int16(25))]),
        None,
        Source(1, "EMG", "mV", 10, 2.0, 0.0, [(7, int16(30)), (307, int16(35))]),
        Source(1, "Débit", "L/s", 100, 3.25, 1.0, [(50, int16(20)), (9050, int16(10))]),
        Source(9, "Flow", "", 100, blocks=[(0, _RNG.normal(size=33).astype("f4"))]),
        Source(3, "Stim", rows=[(t, b"", b"") for t in (1, 2000, 2001, 90_000)]),
        Source(5, "Keyboard", rows=[(500, b"J\0\0\0", b""), (600, b"\x01\x02\0\0", b"")]),
        Source(
            8,
            "Notes",
            rows=[
                (700, b"\0\0\0\0", b"start\0??"),
                (800, b"\x07\0\0\0", "µM\0?????".encode("latin-1")),
            ],
        ),
        Source(4, "Level", rows=[(100, b"", b""), (150, b"", b"")]),
    ]


def _streams() -> tuple[tuple[Source | None, ...], tuple[StreamTruth, ...]]:
    all_sources = tuple(sources())
    emg, _, other, slow, flow = all_sources[:5]
    assert emg is not None
    assert other is not None
    assert slow is not None
    assert flow is not None
    tick_s = 1e-5
    return all_sources, (
        StreamTruth(
            np.array([emg.physical, other.physical]),
            1e4,
            ("EMG", "EMG"),
            (" Volt", "mV"),
            "int16",
            1e-9,
            3 * tick_s,
        ),
        StreamTruth(
            slow.physical[None],
            1e3,
            ("Débit",),
            ("L/s",),
            "int16",
            1e-9,
            50 * tick_s,
            segments=((0, 20, 50 * tick_s), (20, 10, 9050 * tick_s)),
        ),
        StreamTruth(flow.physical[None], 1e3, ("Flow",), ("",), "float32"),
    )


_EVENTS = (
    (1e-5, "", "Stim"),
    (1e-3, "", "Level"),
    (1.5e-3, "", "Level"),
    (5e-3, "J", "Keyboard"),
    (6e-3, "01 02", "Keyboard"),
    (7e-3, "start", "Notes"),
    (8e-3, "µM", "Notes"),
    (0.02, "", "Stim"),
    (0.02001, "", "Stim"),
    (0.9, "", "Stim"),
)


def _full(folder: Path, version: int) -> Truth:
    path = folder / f"v{version}.smr"
    all_sources, streams = _streams()
    path.write_bytes(smr_bytes(all_sources, version))
    return Truth(path, streams, events=_EVENTS)


def _wave_marks(folder: Path) -> Truth:
    """Two interleaved traces of 6 points for each of 5 spikes, at 10 kHz; real marks of 3 numbers."""
    path = folder / "marks.smr"
    points = int16(5 * 12).reshape(5, 12)
    numbers = _RNG.normal(size=(4, 3)).astype("<f4")
    marks = Source(
        6,
        "MU1",
        "V",
        10,
        5.0,
        0.5,
        rows=[(1000 * i, bytes([i % 2 + 1, 0, 0, 0]), points[i].tobytes()) for i in range(5)],
        n_traces=2,
    )
    real = Source(
        7, "Fit", "s", 1, rows=[(1500 + i, bytes(4), numbers[i].tobytes()) for i in range(4)]
    )
    path.write_bytes(smr_bytes([marks, real], 6))
    physical = points.reshape(5, 6, 2).transpose(2, 0, 1) * (5.0 / 6553.6) + 0.5
    streams = (
        StreamTruth(physical, 1e4, ("MU1", "MU1"), ("V", "V"), "int16", 1e-9),
        StreamTruth(numbers[None].astype(float), None, ("Fit",), ("s",), "float32"),
    )
    events = [(0.01 * i, f"{i % 2 + 1:02d}", "MU1") for i in range(5)]
    events += [(0.015 + 1e-5 * i, "00", "Fit") for i in range(4)]
    return Truth(path, streams, events=tuple(sorted(events)))


def _only_events(folder: Path) -> Truth:
    path = folder / "events.smr"
    path.write_bytes(smr_bytes([Source(2, "Lick", rows=[(5, b"", b""), (10, b"", b"")])], 8))
    return Truth(path, events=((5e-5, "", "Lick"), (1e-4, "", "Lick")))


def _refused(folder: Path, case: str) -> Truth:
    path = folder / f"{case}.smr"
    raw = smr_bytes([Source(1, "a", "V", 10, blocks=[(0, int16(900)), (9000, int16(900))])], 6)
    error, says = "CorruptFileError", "truncated"
    if case == "truncated-block":
        raw = raw[:-300]
    elif case == "truncated-chain":
        raw = raw[:-2100]
    elif case == "truncated-table":
        raw = raw[:600]
    elif case == "overlap":
        blocks = [(0, int16(900)), (8000, int16(900))]
        raw, says = smr_bytes([Source(1, "a", "V", 10, blocks=blocks)], 6), "overlap"
    elif case == "no-channels":
        raw, error, says = smr_bytes([None, None], 6), "EmptyFileError", "none of its 0"
    elif case == "no-samples":
        raw, error, says = smr_bytes([Source(1, "a", "V", 10)], 6), "EmptyFileError", "holds data"
    elif case == "big-endian":
        raw, error, says = b"\0\6" + raw[2:], "UnsupportedFormatError", "Macintosh"
    elif case == "not-smr":
        raw, error, says = b"??" + b"not a Spike2 file" * 40, "FormatMismatchError", "??not"
    path.write_bytes(raw)
    return Truth(path, error=error, error_says=says)


_BAD = (
    *("truncated-block", "truncated-chain", "truncated-table", "overlap"),
    *("no-channels", "no-samples", "big-endian", "not-smr"),
)

SAMPLES = [
    *(Sample(f"smr-v{v}", "smr", lambda folder, v=v: _full(folder, v)) for v in (5, 6, 9)),
    Sample("smr-marks", "smr", _wave_marks),
    Sample("smr-only-events", "smr", _only_events),
    *(
        Sample(f"smr-{case}", "smr", lambda folder, case=case: _refused(folder, case))
        for case in _BAD
    ),
]
