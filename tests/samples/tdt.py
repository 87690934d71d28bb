"""TDT blocks, laid out by hand: index records of 40 bytes and samples in .tev or .sev files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(17)
_START = 1_714_558_830.25
_FAST, _SLOW = 24414.0625, 1017.25


def _record(size, kind, store, channel, sort_code, time_s, place, code, rate) -> bytes:
    value = struct.pack("<d", place) if isinstance(place, float) else struct.pack("<q", place)
    head = struct.pack("<ii4sHHd", size, kind, store, channel, sort_code, _START + time_s)
    return head + value + struct.pack("<if", code, rate)


def _block(folder: Path, *, sev: bool = False, gap: bool = False) -> Truth:
    """A float stream of two channels, an integer stream with a gap, snippets, epocs, a scalar."""
    tev, index = b"\0" * 48, bytes(40) + _record(10, 0x8801, b"\x01", 0, 0, 0.0, 0, 0, 0.0)
    fast = _RNG.normal(size=(2, 4 * 64)).astype("<f4")
    slow = _RNG.integers(-32768, 32768, (1, 5 * 32)).astype("<i2")
    snips = _RNG.integers(-99, 99, (3, 16)).astype("<i2")
    late = 2.0 if gap else 0.0
    for i in range(4):
        for channel in (1, 2):
            part = fast[channel - 1, 64 * i : 64 * (i + 1)].tobytes()
            time_s = 0.5 + 64 * i / _FAST
            index += _record(
                10 + 64, 0x8111 if sev else 0x8101, b"Wav1", channel, 0, time_s, len(tev), 0, _FAST
            )
            tev += b"" if sev else part
    for i in range(5):
        part = slow[0, 32 * i : 32 * (i + 1)].tobytes()
        time_s = 32 * i / _SLOW + (late if i >= 3 else 0.0)
        index += _record(10 + 16, 0x8101, b"LFP1", 1, 0, time_s, len(tev), 2, _SLOW)
        tev += part + b"between"
    for i, snip in enumerate(snips):
        time_s = 1.0 - 0.25 * i  # out of order
        index += _record(10 + 8, 0x8201, b"eNe1", i + 1, i, time_s, len(tev), 2, _FAST)
        tev += snip.tobytes()
    index += _record(10, 0x101, b"Tick", 0, 0, 0.125, 1.0, 4, 0.0)
    index += _record(10, 0x102, b"Tick", 0, 0, 0.25, 1.0, 4, 0.0)
    index += _record(10, 0x201, b"Lev_", 2, 0, 0.375, -2.5, 4, 0.0)
    index += _record(10, 0x8801, b"\x02", 0, 0, 3.0, 0, 0, 0.0)
    path = folder / "Tank_Block-1.tsq"
    path.write_bytes(index)
    (folder / "Tank_Block-1.Tev").write_bytes(tev)
    if sev:
        for channel in (1, 2):
            name = f"Tank_Block-1_Wav1_Ch{channel}.sev"
            (folder / name).write_bytes(bytes(40) + fast[channel - 1].tobytes())
    runs = ((0, 96, 0.0), (96, 64, 96 / _SLOW + 2.0)) if gap else ()
    streams = (
        StreamTruth(fast.astype(float), _FAST, ("1", "2"), ("", ""), "float32", 0, 0.5),
        StreamTruth(slow.astype(float), _SLOW, ("1",), ("",), "int16", segments=runs),
        StreamTruth(snips[::-1][None].astype(float), _FAST, ("",), ("",), "int16"),
    )
    events = (
        (0.125, "1", "Tick"),
        (0.25, "1", "Tick"),
        (0.375, "-2.5", "Lev_ 2"),
        (0.5, "2", "eNe1 3"),
        (0.75, "1", "eNe1 2"),
        (1.0, "0", "eNe1 1"),
    )
    return Truth(path, streams, events=events)


def _sev_header(name: bytes, channel: int, n_bytes: int) -> bytes:
    """Version 3, float32, exponent 2 without decimation: 25 MHz / 1024."""
    head = struct.pack("<Q3sB4sHHHHBBH", 40 + n_bytes, b"SEV", 3, name, channel, 2, 4, 0, 0, 1, 2)
    return head.ljust(40, b"\0")


def _sev_without_index(folder: Path) -> Truth:
    """A newer block: its index has the epocs only, the streams lie in .sev files."""
    samples = _RNG.normal(size=(2, 500)).astype("<f4")
    index = bytes(40) + _record(10, 0x8801, b"\x01", 0, 0, 0.0, 0, 0, 0.0)
    index += _record(10, 0x101, b"Tick", 0, 0, 0.125, 1.0, 4, 0.0)
    path = folder / "Tank_Block-1.tsq"
    path.write_bytes(index)
    for channel in (1, 2):
        raw = samples[channel - 1].tobytes()
        name = f"Tank_Block-1_RSn1_Ch{channel}.sev"
        (folder / name).write_bytes(_sev_header(b"RSn1", channel, len(raw)) + raw)
    stream = StreamTruth(samples.astype(float), _FAST, ("1", "2"), ("", ""), "float32")
    return Truth(path, (stream,), events=((0.125, "1", "Tick"),))


def _broken(folder: Path, how: str) -> Truth:
    truth = _block(folder, sev=how == "no-sev")
    tev, error = folder / "Tank_Block-1.Tev", "CorruptFileError"
    if how == "no-tev":
        tev.unlink()
        error = "MissingCompanionError"
    elif how == "no-sev":
        (folder / "Tank_Block-1_Wav1_Ch2.sev").unlink()
        error = "MissingCompanionError"
    elif how == "cut-tev":
        tev.write_bytes(tev.read_bytes()[:900])
    elif how == "cut":
        truth.path.write_bytes(truth.path.read_bytes()[:-9])
    else:
        truth.path.write_bytes(truth.path.read_bytes()[:80])
        error = "EmptyFileError"
    return Truth(truth.path, error=error, error_says="Tank_Block-1.tsq")


SAMPLES = [
    Sample("tdt-tev", "tdt", _block),
    Sample("tdt-gap", "tdt", lambda folder: _block(folder, gap=True)),
    Sample("tdt-sev", "tdt", lambda folder: _block(folder, sev=True)),
    Sample("tdt-sev-without-index", "tdt", _sev_without_index),
    *(
        Sample(f"tdt-{how}", "tdt", lambda folder, how=how: _broken(folder, how))
        for how in ("no-tev", "no-sev", "cut-tev", "cut", "empty")
    ),
]
