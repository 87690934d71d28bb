"""Blackrock sets, laid out by hand from the NEV and NSx file specifications."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(12)
_ORIGIN = struct.pack("<8H", 2024, 5, 1, 6, 10, 20, 30, 7)
#: names, units, digital and analog ranges: the second channel has an offset
_CHANNELS = [("elec1", "uV", (-8000, 8000), (-2000, 2000)), ("ainp µ", "mV", (0, 1000), (-5, 5))]


def _nsx(blocks, *, period=1, version=(2, 3), resolution=30000, prefix="<BII") -> bytes:
    """``blocks`` are (time stamp, samples of shape (n_channels, n))."""
    n_channels = len(blocks[0][1]) if blocks else 2
    head = b"NEURALCD" if version < (3, 0) else b"BRSMPGRP"
    size = 314 + 66 * n_channels
    raw = head + struct.pack("<BBI", *version, size) + b"label".ljust(16, b"\0")
    raw += b"a comment".ljust(256, b"\0") + struct.pack("<II", period, resolution) + _ORIGIN
    raw += struct.pack("<I", n_channels)
    for i, (name, unit, digital, analog) in enumerate(_CHANNELS[:n_channels]):
        raw += struct.pack(
            "<2sH16sBB4h", b"CC", i + 1, name.encode("latin-1"), 0, i, *digital, *analog
        )
        raw += struct.pack(
            "<16s2I H 2I H".replace(" ", ""), unit.encode(), 300, 1, 1, 7500000, 3, 1
        )
    for stamp, samples in blocks:
        raw += struct.pack(prefix, 1, stamp, samples.shape[1]) + samples.T.astype("<i2").tobytes()
    return raw


def _samples(n: int) -> np.ndarray:
    return _RNG.integers(-8000, 8000, (2, n)).astype("<i2")


def _stream(values, rate_hz, segments=(), start_s=0.0) -> StreamTruth:
    physical = np.array([values[0] * 0.25, values[1] * 0.01 - 5])
    return StreamTruth(
        physical, rate_hz, ("elec1", "ainp µ"), ("uV", "mV"), "int16", 1e-9, start_s, segments
    )


def _nev(*, version=(2, 3), resolution=30000, labels=True) -> tuple[bytes, np.ndarray, list]:
    """Three spikes on two electrodes, one digital word, one comment, one packet of another kind."""
    stamp = "<Q" if version >= (3, 0) else "<I"
    n_wave = 10
    packet_bytes = struct.calcsize(stamp) + 2 + 2 + 2 * n_wave
    headers = [
        b"NEUEVWAV" + struct.pack("<HBBHHhhBB", number, 0, 0, 250, 0, 0, 0, 0, 2).ljust(24, b"\0")
        for number in (1, 2)
    ]
    if labels:
        headers.append(b"NEUEVLBL" + struct.pack("<H16s", 1, b"elec1").ljust(24, b"\0"))
    raw = b"NEURALEV" if version < (3, 0) else b"BREVENTS"
    begin = 336 + 32 * len(headers)
    raw += struct.pack("<BBHIIII", *version, 1, begin, packet_bytes, resolution, 30000) + _ORIGIN
    raw += b"tests".ljust(32, b"\0") + b"".ljust(256, b"\0") + struct.pack("<I", len(headers))
    raw += b"".join(headers)
    waves = _RNG.integers(-500, 500, (3, n_wave)).astype("<i2")
    packets = [
        (90, 1, b"\x02\0" + waves[0].tobytes()),
        (60, 2, b"\0\0" + waves[1].tobytes()),  # out of order
        (120, 0, b"\x01\0" + struct.pack("<H", 5)),
        (150, 0xFFFF, b"\0\0\0\0\0\0licked"),
        (151, 0xFFFE, b"\0"),
        (20000, 1, b"\xff\0" + waves[2].tobytes()),
    ]
    for time, number, data in packets:
        raw += struct.pack(stamp + "H", time, number) + data.ljust(
            packet_bytes - struct.calcsize(stamp) - 2, b"\0"
        )
    first = "elec1" if labels else "1"
    events = [
        (60 / resolution, "0", "2"),
        (90 / resolution, "2", first),
        (120 / resolution, "5", ""),
        (150 / resolution, "licked", ""),
        (20000 / resolution, "255", first),
    ]
    return raw, waves, events


def _waves(waves: np.ndarray) -> StreamTruth:
    return StreamTruth(waves[None] * 0.25, 30000.0, ("",), ("uV",), "int16", 1e-9)


def _set_with_pause(folder: Path) -> Truth:
    fast, slow = _samples(70), _samples(12)
    path = folder / "run.ns5"
    path.write_bytes(_nsx([(0, fast[:, :30]), (15000, fast[:, 30:])]))
    (folder / "run.ns2").write_bytes(
        _nsx([(0, slow[:, :5]), (15000, slow[:, 5:])], period=30, version=(2, 2))
    )
    raw, waves, events = _nev()
    (folder / "run.nev").write_bytes(raw)
    (folder / "other.ns3").write_bytes(b"of another recording")
    streams = (
        _stream(fast, 30000.0, ((0, 30, 0.0), (30, 40, 0.5))),
        _stream(slow, 1000.0, ((0, 5, 0.0), (5, 7, 0.5))),
        _waves(waves),
    )
    return Truth(path, streams, events=tuple(events))


def _version_3(folder: Path) -> Truth:
    values = _samples(50)
    path = folder / "hub.ns6"
    path.write_bytes(_nsx([(300, values)], version=(3, 0), prefix="<BQI"))
    return Truth(path, (_stream(values, 30000.0, start_s=0.01),))


def _network_clock(folder: Path) -> Truth:
    """One sample a block, nanoseconds since 1970, jitter, and one lost sample."""
    values = _samples(40)
    ticks = np.arange(40) * 33333 + _RNG.integers(-3000, 3000, 40)
    ticks[25:] += 40 * 33333
    stamps = ticks - ticks[0] + 1_700_000_000_000_000_000
    path = folder / "ptp.ns6"
    blocks = [(int(t), values[:, i : i + 1]) for i, t in enumerate(stamps)]
    path.write_bytes(_nsx(blocks, version=(3, 0), resolution=10**9, prefix="<BQI"))
    second_s = float(stamps[25] - stamps[0]) / 1e9
    return Truth(path, (_stream(values, 30000.0, ((0, 25, 0.0), (25, 15, second_s))),))


def _version_21(folder: Path, *, with_events: bool) -> Truth:
    values = _samples(41)
    path = folder / "old.ns3"
    raw = b"NEURALSG" + b"2 kS/s".ljust(16, b"\0") + struct.pack("<4I", 15, 2, 1, 2)
    path.write_bytes(raw + values.T.tobytes())
    if not with_events:
        stream = StreamTruth(values.astype(float), 2000.0, ("", ""), ("", ""), "int16")
        return Truth(path, (stream,))
    raw, waves, events = _nev(version=(2, 1), labels=False)
    path.with_suffix(".NEV").write_bytes(raw)
    stream = StreamTruth(values * 0.25, 2000.0, ("", ""), ("uV", "uV"), "int16", 1e-9)
    return Truth(path, (stream, _waves(waves)), events=tuple(events))


def _events_alone(folder: Path) -> Truth:
    raw, waves, events = _nev(version=(3, 0))
    path = folder / "alone.nev"
    path.write_bytes(raw)
    return Truth(path, (_waves(waves),), events=tuple(events))


def _not_ended(folder: Path) -> Truth:
    values = _samples(33)
    path = folder / "open.ns5"
    raw = bytearray(_nsx([(0, values)]))
    raw[314 + 132 + 5 : 314 + 132 + 9] = bytes(4)  # the number of samples is written last
    path.write_bytes(raw)
    return Truth(path, (_stream(values, 30000.0),))


def _broken(folder: Path, name: str, cut: int | None, error: str) -> Truth:
    path = folder / name
    blocks = [] if cut is None else [(0, _samples(30))]
    path.write_bytes(_nsx(blocks)[:cut])
    return Truth(path, error=error, error_says=name)


SAMPLES = [
    Sample("blackrock-pause", "blackrock", _set_with_pause),
    Sample("blackrock-3.0", "blackrock", _version_3),
    Sample("blackrock-ptp", "blackrock", _network_clock),
    Sample("blackrock-2.1", "blackrock", lambda f: _version_21(f, with_events=True)),
    Sample("blackrock-2.1-alone", "blackrock", lambda f: _version_21(f, with_events=False)),
    Sample("blackrock-events-alone", "blackrock", _events_alone),
    Sample("blackrock-not-ended", "blackrock", _not_ended),
    Sample(
        "blackrock-no-samples", "blackrock", lambda f: _broken(f, "n.ns5", None, "EmptyFileError")
    ),
    Sample("blackrock-cut", "blackrock", lambda f: _broken(f, "c.ns5", -7, "CorruptFileError")),
    Sample(
        "blackrock-cut-header", "blackrock", lambda f: _broken(f, "h.ns5", 350, "CorruptFileError")
    ),
]
