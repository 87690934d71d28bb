"""Plexon .plx files: the layout of headers and blocks is that of neo, another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from neo.rawio.plexonrawio import (
    DataBlockHeader,
    DspChannelHeader,
    EventChannelHeader,
    GlobalHeader,
    SlowChannelHeader,
)

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(19)
_TICKS_HZ = 40000


def _filled(dtype: list, **values: object) -> bytes:
    record = np.zeros(1, np.dtype(dtype))
    for key, value in values.items():
        record[key] = value
    return record.tobytes()


def _header(**changes: object) -> bytes:
    values = {
        "MagicNumber": 0x58454C50,
        "Version": 106,
        "Comment": b"a comment",
        "ADFrequency": _TICKS_HZ,
        "NumDSPChannels": 1,
        "NumEventChannels": 1,
        "NumSlowChannels": 3,
        "NumPointsWave": 8,
        "NumPointsPreThr": 3,
        "Year": 2024,
        "Month": 5,
        "Day": 6,
        "WaveformFreq": 40000,
        "BitsPerSpikeSample": 12,
        "BitsPerSlowSample": 12,
        "SpikeMaxMagnitudeMV": 3000,
        "SlowMaxMagnitudeMV": 5000,
        "SpikePreAmpGain": 1000,
    }
    return _filled(GlobalHeader, **{**values, **changes})


def _block(
    kind: int, tick: int, channel: int, unit: int = 0, samples: np.ndarray | None = None
) -> bytes:
    n = 0 if samples is None else len(samples)
    head = _filled(
        DataBlockHeader,
        Type=kind,
        UpperByteOf5ByteTimestamp=tick >> 32,
        TimeStamp=tick & 0xFFFFFFFF,
        Channel=channel,
        Unit=unit,
        NumberOfWaveforms=int(n > 0),
        NumberOfWordsInWaveform=n,
    )
    return head + (b"" if samples is None else samples.tobytes())


def write(folder: Path) -> Truth:
    """Two channels at 1 kHz with a pause, one at 4 kHz, two spikes, one event."""
    raw = _header()
    raw += _filled(DspChannelHeader, Name=b"sig001", Channel=1, Gain=20)
    raw += _filled(EventChannelHeader, Name=b"Strobed", Channel=257)
    for number, rate, name in ((0, 1000, b"AD01"), (1, 1000, b"AD02"), (2, 4000, b"FP03")):
        raw += _filled(
            SlowChannelHeader,
            Name=name,
            Channel=number,
            ADFreq=rate,
            Gain=10,
            PreampGain=100,
            Enabled=1,
        )
    slow = _RNG.integers(-2048, 2048, (2, 50)).astype("<i2")
    fast = _RNG.integers(-2048, 2048, (1, 60)).astype("<i2")
    spikes = _RNG.integers(-2048, 2048, (2, 8)).astype("<i2")
    base = 1 << 33  # needs the fifth byte of the time stamp
    raw += _block(1, base + 4000, 1, 2, spikes[0])
    for start, stop, tick in ((0, 20, 0), (20, 30, 800), (30, 50, 80000)):
        raw += b"".join(_block(5, base + tick, i, samples=slow[i, start:stop]) for i in (0, 1))
        raw += _block(5, base + start * 10, 2, samples=fast[0, start:stop])
    raw += _block(5, base + 500, 2, samples=fast[0, 50:])
    raw += _block(4, base + 6000, 257, 99)
    raw += _block(1, base + 8000, 1, 0, spikes[1])
    path = folder / "run.plx"
    path.write_bytes(raw)
    slow_gain, spike_gain = 5000 / (2048 * 10 * 100), 3000 / (2048 * 20 * 1000)
    start_s = base / _TICKS_HZ
    streams = (
        StreamTruth(
            slow * slow_gain,
            1000.0,
            ("AD01", "AD02"),
            ("mV", "mV"),
            "int16",
            1e-12,
            start_s,
            ((0, 30, start_s), (30, 20, start_s + 2.0)),
        ),
        StreamTruth(fast * slow_gain, 4000.0, ("FP03",), ("mV",), "int16", 1e-12, start_s),
        StreamTruth(spikes[None] * spike_gain, 40000.0, ("",), ("mV",), "int16", 1e-12),
    )
    events = (
        (start_s + 0.1, "2", "sig001"),
        (start_s + 0.15, "99", "Strobed"),
        (start_s + 0.2, "0", "sig001"),
    )
    return Truth(path, streams, events=events)


def _broken(folder: Path, n_bytes: int) -> Truth:
    truth = write(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:n_bytes])
    return Truth(truth.path, error="CorruptFileError", error_says="run.plx")


def _empty(folder: Path) -> Truth:
    path = folder / "none.plx"
    path.write_bytes(_header(NumDSPChannels=0, NumEventChannels=0, NumSlowChannels=0))
    return Truth(path, error="EmptyFileError", error_says="none.plx")


SAMPLES = [
    Sample("plexon-plx", "plexon", write),
    Sample("plexon-cut", "plexon", lambda folder: _broken(folder, -5)),
    Sample("plexon-cut-header", "plexon", lambda folder: _broken(folder, 7600)),
    Sample("plexon-empty", "plexon", _empty),
]
