"""Igor waves, written by igorwriter (we read with igor2); packed experiments by hand around them."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from igorwriter import IgorWave

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(18)


def _bytes(wave: IgorWave) -> bytes:
    stream = io.BytesIO()
    wave.save(stream)
    return stream.getvalue()


def _one(folder: Path, dtype: str, unit: str, step: float, rate_hz: float | None) -> Truth:
    values = _RNG.integers(-100, 100, 40).astype(dtype)
    wave = IgorWave(values, name="wave_1")
    wave.set_dimscale("x", 0.5, step, unit)
    wave.set_datascale("mV")
    path = folder / "one.ibw"
    path.write_bytes(_bytes(wave))
    start_s = {"s": 0.5, "ms": 0.0005}.get(unit, 0.0)
    stream = StreamTruth(values[None].astype(float), rate_hz, ("",), ("mV",), dtype, 0, start_s)
    return Truth(path, (stream,))


def _table(folder: Path, n_layers: int) -> Truth:
    """Columns are channels, layers sweeps; labels name the columns."""
    shape = (30, 3, n_layers) if n_layers else (30, 3)
    values = _RNG.normal(size=shape).astype("float32")
    wave = IgorWave(values, name="table")
    wave.set_dimscale("x", 0, 0.25, "s")
    for i, label in enumerate(("Raw", "Defl", "ZSnsr")):
        wave.set_dimlabel(1, i, label)
    path = folder / "table.ibw"
    path.write_bytes(_bytes(wave))
    expected = np.moveaxis(values.astype(float), 0, -1)
    names = ("Raw", "Defl", "ZSnsr")
    return Truth(path, (StreamTruth(expected, 4.0, names, ("",) * 3, "float32"),))


def _complex(folder: Path) -> Truth:
    values = (_RNG.normal(size=9) + 1j * _RNG.normal(size=9)).astype("complex128")
    path = folder / "complex.ibw"
    path.write_bytes(_bytes(IgorWave(values, name="z")))
    parts = (values.real, values.imag)
    return Truth(
        path, tuple(StreamTruth(part[None], None, ("",), ("",), "float64") for part in parts)
    )


def _packed(folder: Path) -> Truth:
    """Two waves of one name, in the root and in a folder."""
    raw, streams = b"", []

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HhI", kind, 0, len(data)) + data

    for i in range(2):
        values = _RNG.normal(size=20 + i)
        wave = IgorWave(values, name="w")
        wave.set_dimscale("x", 0, 0.001, "s")
        raw += record(9, b"Sub".ljust(32, b"\0")) if i else b""
        raw += record(3, _bytes(wave))
        streams.append(StreamTruth(values[None], 1000.0, ("",), ("",), "float64"))
    path = folder / "experiment.pxp"
    path.write_bytes(raw + record(10, b""))
    return Truth(path, tuple(streams))


def _broken(folder: Path, how: str) -> Truth:
    path = folder / "broken.ibw"
    error = "CorruptFileError"
    if how == "no-points":
        path.write_bytes(_bytes(IgorWave(np.zeros(0), name="none")))
        error = "NothingToConvertError"
    else:
        path.write_bytes(_bytes(IgorWave(np.zeros(50), name="cut"))[: 200 if how == "cut" else 500])
    return Truth(path, error=error, error_says="broken.ibw")


SAMPLES = [
    Sample("igor-seconds", "igor", lambda f: _one(f, "float64", "s", 0.002, 500.0)),
    Sample("igor-milliseconds", "igor", lambda f: _one(f, "int16", "ms", 2.0, 500.0)),
    Sample("igor-metres", "igor", lambda f: _one(f, "float32", "m", 0.1, None)),
    Sample("igor-no-unit", "igor", lambda f: _one(f, "int32", "", 0.1, None)),
    Sample("igor-columns", "igor", lambda f: _table(f, 0)),
    Sample("igor-layers", "igor", lambda f: _table(f, 2)),
    Sample("igor-complex", "igor", _complex),
    Sample("igor-packed", "igor", _packed),
    *(
        Sample(f"igor-{how}", "igor", lambda f, how=how: _broken(f, how))
        for how in ("no-points", "cut", "cut-data")
    ),
]
