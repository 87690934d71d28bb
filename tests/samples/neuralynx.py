"""Neuralynx files, laid out by hand from "Neuralynx Data File Formats"."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(15)


def _header(**keys: object) -> bytes:
    lines = [
        "######## Neuralynx Data File Header",
        "## Time Opened (m/d/y): 5/1/2024  (h:m:s.ms) 10:20:30.0",
    ]
    lines += [f"-{key} {value} " for key, value in keys.items()]
    return "\r\n".join([*lines, "-DspFilterDelay_µs 3984", ""]).encode("cp1252").ljust(16384, b"\0")


def _ncs(folder: Path, *, inverted: bool = False, gap: bool = False, scale: bool = True) -> Truth:
    """Full records, then a partial one; after a gap the same again."""
    keys = {"RecordSize": 1044, "AcqEntName": "LFP µ", "SamplingFrequency": 2000}
    keys |= {"InputInverted": inverted} | ({"ADBitVolts": "0.00000005"} if scale else {})
    raw, stored, runs, start_us = _header(**keys), [], [], 7_000_000
    for _ in range(2 if gap else 1):
        before = sum(map(len, stored))
        runs.append((before, 512 * 3 + 100, start_us / 1e6))
        for n_valid in (512, 512, 512, 100):
            values = _RNG.integers(-32768, 32768, 512).astype("<i2")
            # the clock counts whole microseconds: half of one is lost now and then
            raw += struct.pack("<Q3I", start_us, 12, 2000, n_valid) + values.tobytes()
            stored.append(values[:n_valid])
            start_us += n_valid * 500 + int(_RNG.integers(-1, 2))
        start_us += 3_000_000
    path = folder / "CSC1.ncs"
    path.write_bytes(raw)
    gain = (-5e-8 if inverted else 5e-8) if scale else 1.0
    stream = StreamTruth(
        np.concatenate(stored)[None] * gain,
        2000.0,
        ("LFP µ",),
        ("V" if scale else "",),
        "int16",
        1e-12,
        7.0,
        tuple(runs) if gap else (),
    )
    return Truth(path, (stream,))


def _nev(folder: Path) -> Truth:
    raw = _header(RecordSize=184, AcqEntName="Events")
    events = [(4_000_000, "Starting Recording"), (4_500_001, "TTL Input on µ"), (9_000_000, "end")]
    for i, (time_us, text) in enumerate(events):
        raw += struct.pack("<3hQ5h", 0, 2, 2, time_us, 11, i, 0, 0, 0) + bytes(32)
        raw += text.encode("cp1252").ljust(128, b"\0")
    path = folder / "Events.nev"
    path.write_bytes(raw)
    return Truth(path, events=tuple((t / 1e6, text, "") for t, text in events))


def _tetrode(folder: Path) -> Truth:
    raw = _header(
        RecordSize=304,
        AcqEntName="TT1",
        SamplingFrequency=32000,
        ADBitVolts="0.00000001 0.00000001 0.00000002 0.00000001",
    )
    waves = _RNG.integers(-3000, 3000, (5, 32, 4)).astype("<i2")
    for i, wave in enumerate(waves):
        raw += struct.pack("<Q2I8i", 1_000_000 + 1000 * i, 3, i % 2, *range(8)) + wave.tobytes()
    path = folder / "TT1.ntt"
    path.write_bytes(raw)
    gain = np.array([1e-8, 1e-8, 2e-8, 1e-8])[:, None, None]
    stream = StreamTruth(
        waves.transpose(2, 0, 1) * gain, 32000.0, ("TT1",) * 4, ("V",) * 4, "int16", 1e-15
    )
    events = tuple((1 + 0.001 * i, str(i % 2), "TT1") for i in range(5))
    return Truth(path, (stream,), events=events)


def _broken(folder: Path, n_bytes: int, error: str) -> Truth:
    truth = _ncs(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:n_bytes])
    return Truth(truth.path, error=error, error_says="CSC1.ncs")


SAMPLES = [
    Sample("neuralynx-ncs", "neuralynx", _ncs),
    Sample("neuralynx-ncs-gap", "neuralynx", lambda f: _ncs(f, inverted=True, gap=True)),
    Sample("neuralynx-ncs-no-scale", "neuralynx", lambda f: _ncs(f, scale=False)),
    Sample("neuralynx-nev", "neuralynx", _nev),
    Sample("neuralynx-ntt", "neuralynx", _tetrode),
    Sample("neuralynx-cut", "neuralynx", lambda f: _broken(f, -5, "CorruptFileError")),
    Sample("neuralynx-cut-header", "neuralynx", lambda f: _broken(f, 900, "CorruptFileError")),
    Sample("neuralynx-header-only", "neuralynx", lambda f: _broken(f, 16384, "EmptyFileError")),
]
