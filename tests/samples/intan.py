"""Intan files, laid out by hand from Intan's notes on its data file formats."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(11)
RATE = 20000.0


def _text(value: str) -> bytes:
    raw = value.encode("utf-16-le")
    return struct.pack("<I", len(raw)) + raw


def _channel(native: str, custom: str, order: int, kind: int, stimulator: bool) -> bytes:
    extra = 7 if stimulator else 6
    return (
        _text(native)
        + _text(custom)
        + struct.pack("<4h", order, order, kind, 1)
        + b"\0" * (2 * extra)
        + struct.pack("<2f", 125000.0, -45.0)
    )


def _header(
    channels: list[tuple[str, str, int, int]],
    *,
    version: tuple[int, int] = (2, 0),
    n_temperatures: int = 0,
    board_mode: int = 0,
    stimulator: bool = False,
    dc_saved: bool = False,
) -> bytes:
    raw = struct.pack("<Ihh", 0xD69127AC if stimulator else 0xC6912702, *version)
    if stimulator:
        raw += struct.pack("<fh8fh2f", RATE, 1, *[1.0] * 8, 0, 1000.0, 1000.0)
        raw += struct.pack("<2h3f", 0, 0, 5e-6, 1e-8, 0.0)
    else:
        raw += struct.pack("<fh6fh2f", RATE, 1, *[1.0] * 6, 0, 1000.0, 1000.0)
    raw += _text("Versuch µ") + struct.pack("<I", 0xFFFFFFFF) + _text("")
    if stimulator:
        raw += struct.pack("<2h", dc_saved, 0) + _text("n/a")
    else:
        raw += struct.pack("<h", n_temperatures) if version >= (1, 1) else b""
        raw += struct.pack("<h", board_mode) if version >= (1, 3) else b""
        raw += _text("n/a") if version >= (2, 0) else b""
    raw += struct.pack("<h", 2)  # groups: one is disabled
    raw += _text("Port A") + _text("A") + struct.pack("<3h", 1, len(channels), 0)
    for native, custom, order, kind in channels:
        raw += _channel(native, custom, order, kind, stimulator)
    return raw + _text("Port B") + _text("B") + struct.pack("<3h", 0, 0, 0)


def _words(shape: tuple[int, ...], low: int = 0, high: int = 65536) -> np.ndarray:
    return _RNG.integers(low, high, shape).astype("<u2")


_RHD = [
    ("A-000", "tongue", 0, 0),
    ("A-001", "", 1, 0),
    ("A-002", "A-000", 2, 0),
    ("A-AUX1", "A-AUX1", 0, 1),
    ("A-VDD1", "A-VDD1", 0, 2),
    ("ANALOG-IN-1", "ANALOG-IN-1", 0, 3),
    ("DIGITAL-IN-02", "lever", 1, 4),
    ("DIGITAL-IN-05", "light", 4, 4),
]


def _rhd(
    folder: Path,
    version: tuple[int, int] = (2, 0),
    board_mode: int = 0,
    stamps: np.ndarray | None = None,
    segments: tuple = ((), (), ()),
) -> Truth:
    """Every stream, several blocks; ``segments`` of the full, the quarter and the block rate."""
    n = 128 if version >= (2, 0) else 60
    n_blocks = 5
    n_temperatures = 1 if version >= (1, 1) else 0
    total = n * n_blocks
    amplifier = _words((3, total))
    aux, supply = _words((1, total // 4)), _words((1, n_blocks))
    temperature = _RNG.integers(-500, 4000, (1, n_blocks)).astype("<i2")
    adc, digital = _words((1, total)), _words((1, total), 0, 32)
    stamps = np.arange(total) if stamps is None else stamps
    raw = _header(_RHD, version=version, n_temperatures=n_temperatures, board_mode=board_mode)
    for block in range(n_blocks):
        at = slice(block * n, (block + 1) * n)
        raw += stamps[at].astype("<i4").tobytes() + amplifier[:, at].tobytes()
        raw += aux[:, block * n // 4 : (block + 1) * n // 4].tobytes() + supply[:, block].tobytes()
        raw += temperature[:, block].tobytes() if n_temperatures else b""
        raw += adc[:, at].tobytes() + digital[:, at].tobytes()
    path = folder / "run.rhd"
    path.write_bytes(raw)
    gain, zero = {0: (50.354e-6, 0), 1: (152.59e-6, 32768), 13: (312.5e-6, 32768)}[board_mode]
    start_s = float(stamps[0]) / RATE

    def stream(values, rate_hz, names, unit, dtype, runs, tolerance=1e-9) -> StreamTruth:
        units = (unit,) * len(names)
        return StreamTruth(values, rate_hz, names, units, dtype, tolerance, start_s, runs)

    full, quarter, slow = segments
    streams = [
        stream(
            0.195 * (amplifier.astype(float) - 32768),
            RATE,
            ("A-000", "A-001", "A-002"),
            "uV",
            "uint16",
            full,
        ),
        stream(37.4e-6 * aux, RATE / 4, ("A-AUX1",), "V", "uint16", quarter),
        stream(74.8e-6 * supply, RATE / n, ("A-VDD1",), "V", "uint16", slow),
        stream(temperature / 100, RATE / n, ("",), "degC", "int16", slow),
        stream(gain * (adc.astype(float) - zero), RATE, ("ANALOG-IN-1",), "V", "uint16", full),
        stream(digital.astype(float), RATE, ("",), "", "uint16", full),
    ]
    if not n_temperatures:
        del streams[3]
    return Truth(path, tuple(streams))


def _rhd_gap(folder: Path) -> Truth:
    stamps = np.arange(-100, 540)  # before a trigger: negative
    stamps[200:] += 1000  # a gap inside the second block
    runs = ((0, 200, -100 / RATE), (200, 440, 1100 / RATE))
    quarter = ((0, 50, -100 / RATE), (50, 110, 1100 / RATE))
    slow = ((0, 2, -100 / RATE), (2, 3, 1156 / RATE))
    return _rhd(folder, stamps=stamps, segments=(runs, quarter, slow))


def _rhs(folder: Path) -> Truth:
    channels = [
        ("A-010", "x", 0, 0),
        ("A-011", "y", 1, 0),
        ("ANALOG-OUT-1", "", 0, 4),
        ("DIGITAL-OUT-01", "", 0, 6),
    ]
    n, n_blocks = 128, 3
    total = n * n_blocks
    amplifier, dc, dac = _words((2, total)), _words((2, total), 0, 1024), _words((1, total))
    current = _RNG.integers(-255, 256, (2, total))
    flags = _RNG.choice([0, 0x2000, 0x8000, 0xE000], (2, total)).astype("<u2")
    stim = np.abs(current).astype("<u2") | (current < 0).astype("<u2") << 8 | flags
    digital = _words((1, total), 0, 2)
    raw = _header(channels, stimulator=True, dc_saved=True, version=(3, 1))
    for block in range(n_blocks):
        at = slice(block * n, (block + 1) * n)
        raw += np.arange(at.start, at.stop).astype("<i4").tobytes()
        for part in (amplifier, dc, stim.astype("<u2"), dac, digital):
            raw += part[:, at].tobytes()
    path = folder / "stim.rhs"
    path.write_bytes(raw)
    names = ("A-010", "A-011")
    step = float(np.float32(5e-6))
    return Truth(
        path,
        (
            StreamTruth(
                0.195 * (amplifier.astype(float) - 32768),
                RATE,
                names,
                ("uV", "uV"),
                "uint16",
                1e-9,
            ),
            StreamTruth(
                -0.01923 * (dc.astype(float) - 512), RATE, names, ("V", "V"), "uint16", 1e-9
            ),
            StreamTruth(current * step, RATE, names, ("A", "A"), "int16", 1e-15),
            StreamTruth(flags.astype(float), RATE, names, ("", ""), "uint16"),
            StreamTruth(
                312.5e-6 * (dac.astype(float) - 32768),
                RATE,
                ("ANALOG-OUT-1",),
                ("V",),
                "uint16",
                1e-9,
            ),
            StreamTruth(digital.astype(float), RATE, ("",), ("",), "uint16"),
        ),
    )


def _folder(folder: Path, layout: str) -> Truth:
    n = 1000
    amplifier = _RNG.integers(-32768, 32768, (3, n)).astype("<i2")
    aux, digital = _words((1, n)), _words((2, n), 0, 2)
    path = folder / "info.rhd"
    channels = [c for c in _RHD if c[3] in (0, 1, 4)]
    path.write_bytes(_header(channels, version=(3, 0)))
    np.arange(n, dtype="<i4").tofile(folder / "time.dat")
    if layout == "signal":
        amplifier.T.tofile(folder / "amplifier.dat")
        aux.tofile(folder / "auxiliary.dat")
        word = (digital[0] << 1 | digital[1] << 4).astype("<u2")
        word.tofile(folder / "digitalin.dat")
        last = StreamTruth(word[None].astype(float), RATE, ("",), ("",), "uint16")
    else:
        for native, row in zip(("A-000", "A-001", "A-002"), amplifier, strict=True):
            row.tofile(folder / f"amp-{native}.dat")
        aux.tofile(folder / "aux-A-AUX1.dat")
        names = ("DIGITAL-IN-02", "DIGITAL-IN-05")
        for native, row in zip(names, digital, strict=True):
            row.tofile(folder / f"board-{native}.dat")
        last = StreamTruth(digital.astype(float), RATE, names, ("", ""), "uint16")
    streams = (
        StreamTruth(
            0.195 * amplifier, RATE, ("A-000", "A-001", "A-002"), ("uV",) * 3, "int16", 1e-9
        ),
        StreamTruth(37.4e-6 * aux, RATE, ("A-AUX1",), ("V",), "uint16", 1e-12),
        last,
    )
    return Truth(path, streams)


def _folder_without_samples(folder: Path) -> Truth:
    truth = _folder(folder, "channel")
    (folder / "amp-A-001.dat").unlink()
    return Truth(truth.path, error="MissingCompanionError", error_says="amp-A-001.dat")


def _header_only(folder: Path, name: str, error: str) -> Truth:
    path = folder / name
    path.write_bytes(_header(_RHD))
    return Truth(path, error=error, error_says=name)


def _cut(folder: Path, n_bytes: int) -> Truth:
    truth = _rhd(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:n_bytes])
    return Truth(truth.path, error="CorruptFileError", error_says="run.rhd")


SAMPLES = [
    Sample("intan-rhd", "intan", _rhd),
    Sample("intan-rhd-1.0", "intan", lambda folder: _rhd(folder, (1, 0))),
    Sample("intan-rhd-1.3-mode1", "intan", lambda folder: _rhd(folder, (1, 3), 1)),
    Sample("intan-rhd-3.0-mode13", "intan", lambda folder: _rhd(folder, (3, 0), 13)),
    Sample("intan-rhd-gap", "intan", _rhd_gap),
    Sample("intan-rhs", "intan", _rhs),
    Sample("intan-file-per-signal", "intan", lambda folder: _folder(folder, "signal")),
    Sample("intan-file-per-channel", "intan", lambda folder: _folder(folder, "channel")),
    Sample("intan-file-per-channel-missing", "intan", _folder_without_samples),
    Sample("intan-no-blocks", "intan", lambda f: _header_only(f, "run.rhd", "EmptyFileError")),
    Sample(
        "intan-info-alone", "intan", lambda f: _header_only(f, "info.rhd", "MissingCompanionError")
    ),
    Sample("intan-cut-header", "intan", lambda folder: _cut(folder, 300)),
    Sample("intan-cut-block", "intan", lambda folder: _cut(folder, -10)),
]
