"""LabChart files by adichtion's own writer: circular, since adichtion reads them; real files are the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from adichtion.synth import (
    SynthChannel,
    SynthMacChannel,
    SynthMacRecord,
    SynthRecord,
    write_mac_document,
    write_synthetic,
)

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(41)
_TICKS = (16_050, 40)
_START = 1_700_000_000.0


def _counts(n: int) -> np.ndarray:
    return _RNG.integers(-32768, 32767, n, dtype=np.int16, endpoint=True)


def _records(folder: Path, version: int) -> Truth:
    """Two records 60.5 s apart; one channel in cmH2O, one in volts, one calculated; comments."""
    path = folder / f"v{version}.adicht"
    channels = [
        SynthChannel("Pmo", units=("cmH2O", -2.0, 0.5), range_volts=10.0),
        SynthChannel("Volt", range_volts=0.2),
        SynthChannel("RMS", dtype="float32", lsb=0.25, units=("L/s", 1.0, 0.0)),
    ]
    data = [
        [_counts(n) for n in _TICKS],
        [_counts(n) for n in _TICKS],
        [_RNG.normal(size=n).astype(np.float32) for n in _TICKS],
    ]
    records = [
        SynthRecord(
            n,
            start_utc=_START + 60.5 * i,
            comments=[(20, -1, "begin µ"), (30, 1, "Volt only")] if i == 0 else [(10, 0, "later")],
            data={c: data[c][i] for c in range(3)},
        )
        for i, n in enumerate(_TICKS)
    ]
    write_synthetic(path, channels, records, tick_rate=1000, version=version)
    stored = [np.concatenate(parts).astype(float) for parts in data]
    lsb = [10.0 * 1.024 / 32768, 0.2 * 1.024 / 32768]
    segments = ((0, _TICKS[0], 0.0), (_TICKS[0], _TICKS[1], 60.5))
    physical = np.array([-2.0 * lsb[0] * stored[0] + 0.5, lsb[1] * stored[1]])
    # floats are stored as differences, which the writer rounds
    streams = (
        StreamTruth(
            physical, 1000.0, ("Pmo", "Volt"), ("cmH2O", "V"), "int16", 1e-9, segments=segments
        ),
        StreamTruth(
            stored[2][None] * 0.25, 1000.0, ("RMS",), ("L/s",), "float32", 1e-6, segments=segments
        ),
    )
    events = ((0.02, "begin µ", ""), (0.03, "Volt only", "Volt"), (60.51, "later", "Pmo"))
    return Truth(path, streams, events=events)


def _uncalibrated(folder: Path) -> Truth:
    """The loose layout of early files: the calibration tree cannot be followed."""
    path = folder / "legacy.adicht"
    counts = _counts(500)
    write_synthetic(
        path, [SynthChannel("A")], [SynthRecord(500, data={0: counts})], layout="legacy"
    )
    lsb = 10.0 * 1.024 / 32768
    stream = StreamTruth(counts[None] * lsb, 1000.0, ("A",), ("V",), "int16", 1e-9)
    return Truth(path, (stream,))


def _mac(folder: Path) -> Truth:
    """A document of LabChart for Mac: two rates, and a calculated channel that is not stored."""
    path = folder / "mac.adicht"
    channels = [
        SynthMacChannel("Fast", units=("cmH2O", 2.0, 1.0, True)),
        SynthMacChannel("Sum", 0, calculation="Arithmetic…", expression="Ch1"),
        SynthMacChannel("Slow", 4, base_units="mV", full_scale=20.48),
    ]
    # longer than one block, or the rate of ticks could not be told
    fast, slow = [_counts(16_400), _counts(400)], [_counts(4100), _counts(100)]
    records = [
        SynthMacRecord(
            4 * len(slow[i]),
            [fast[i], None, slow[i]],
            start_unix=_START + 10 * i,
            comments=[(40, 2, "note")] if i else [],
        )
        for i in range(2)
    ]
    write_mac_document(path, channels, records, tick_rate=4000)
    volts = np.concatenate(fast) * (10.24 / 32768)
    streams = (
        StreamTruth(
            2.0 * volts[None] + 1.0,
            4000.0,
            ("Fast",),
            ("cmH2O",),
            "int16",
            1e-9,
            segments=((0, 16_400, 0.0), (16_400, 400, 10.0)),
        ),
        StreamTruth(
            np.concatenate(slow)[None] * (20.48e-3 / 32768),
            1000.0,
            ("Slow",),
            ("V",),  # the library gives millivolts as volts
            "int16",
            1e-9,
            segments=((0, 4100, 0.0), (4100, 100, 10.0)),
        ),
    )
    return Truth(path, streams, events=((10.01, "note", "Slow"),))


def _refused(folder: Path, case: str) -> Truth:
    path = folder / f"{case}.adicht"
    records = [SynthRecord(500, data={0: _counts(500)})]
    if case == "no-record":
        write_synthetic(path, [SynthChannel("A")], [])
        return Truth(path, error="NothingToConvertError", error_says="no record")
    write_synthetic(path, [SynthChannel("A")], records)
    raw = path.read_bytes()
    path.write_bytes({"truncated": raw[: len(raw) // 3], "other": b"not LabChart" * 100}[case])
    return Truth(path, error="CorruptFileError", error_says="LabChart")


SAMPLES = [
    Sample("adicht-v29", "adicht", lambda folder: _records(folder, 29)),
    Sample("adicht-v26", "adicht", lambda folder: _records(folder, 26)),
    Sample("adicht-legacy", "adicht", _uncalibrated),
    Sample("adicht-mac", "adicht", _mac),
    *(
        Sample(f"adicht-{case}", "adicht", lambda folder, case=case: _refused(folder, case))
        for case in ("no-record", "truncated", "other")
    ),
]
