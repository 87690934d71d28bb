"""MAT files: v4 to v7 written by scipy, v7.3 by h5py (axes reversed, MATLAB's attributes), one by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from scipy.io import savemat
from scipy.sparse import csc_array

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(11)


def write_v73(path: Path, variables: dict[str, Any]) -> None:
    """Write variables as MATLAB lays them out: a 512-byte header, then HDF5."""
    with h5py.File(path, "w", userblock_size=512, libver="earliest") as file:
        refs = file.create_group("#refs#")
        for name, value in variables.items():
            _put(file, refs, name, value)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(116) + bytes(8)
    with path.open("r+b") as raw:
        raw.write(header + struct.pack("<H", 0x0200) + b"IM")


def _put(group: h5py.Group, refs: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, dict):
        item: Any = group.create_group(name)
        for key, inner in value.items():
            _put(item, refs, key, inner)
        item.attrs["MATLAB_class"] = np.bytes_("struct")
    elif isinstance(value, list):
        pointers = np.empty((len(value), 1), dtype=h5py.ref_dtype)
        for i, inner in enumerate(value):
            label = f"r{len(refs)}"
            _put(refs, refs, label, inner)
            pointers[i, 0] = refs[label].ref
        item = group.create_dataset(name, data=pointers, dtype=h5py.ref_dtype)
        item.attrs["MATLAB_class"] = np.bytes_("cell")
    elif isinstance(value, str):
        units = np.frombuffer(value.encode("utf-16-le"), "<u2")[:, None]
        item = group.create_dataset(name, data=units)
        item.attrs["MATLAB_class"] = np.bytes_("char")
        item.attrs["MATLAB_int_decode"] = np.int32(2)
    elif isinstance(value, csc_array):
        item = group.create_group(name)
        for key, part in (("data", value.data), ("ir", value.indices), ("jc", value.indptr)):
            item.create_dataset(key, data=part)
        item.attrs["MATLAB_class"] = np.bytes_("double")
        item.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
    else:
        array = np.atleast_2d(value)
        if array.size:
            chunks = tuple(min(length, 1000) for length in array.T.shape)
            item = group.create_dataset(name, data=array.T, chunks=chunks, compression="gzip")
        else:
            item = group.create_dataset(name, data=np.array(array.shape, np.uint64))
            item.attrs["MATLAB_empty"] = np.uint8(1)
        names = {"float64": "double", "float32": "single"}
        item.attrs["MATLAB_class"] = np.bytes_(names.get(array.dtype.name, array.dtype.name))


def _timed(folder: Path, version: str) -> Truth:
    """`t` and two signals of its length, one a table of channels, beside scalars and texts."""
    n_samples = 1200
    time = np.arange(n_samples) / 500.0
    force = _RNG.normal(size=n_samples)
    volts = _RNG.normal(size=(n_samples, 3))
    variables = {"t": time[:, None], "force": force[:, None], "volts": volts, "gain": 3.5}
    path = folder / f"timed_{version}.mat"
    if version == "7.3":
        variables |= {"note": "Débit", "empty": np.empty((0, 0)), "sparse": csc_array(np.eye(3))}
        write_v73(path, variables)
        order = np.column_stack([force, volts])
    else:
        if version != "4":
            variables |= {"note": "Débit", "cells": np.array(["a", 1.0], dtype=object)}
        savemat(path, variables, format="4" if version == "4" else "5", do_compression=True)
        order = np.column_stack([force, volts])
    stream = StreamTruth(
        order.T, None, ("force", "volts", "volts", "volts"), ("",) * 4, "float64", times=time
    )
    return Truth(path, (stream,))


def _seconds(folder: Path) -> Truth:
    """The unit is part of the variable's name: a rate follows; single and int16 are streams of their own."""
    n_samples = 700
    values = _RNG.integers(-3000, 3000, (2, n_samples)).astype(np.int16)
    single = _RNG.normal(size=n_samples).astype(np.float32)
    path = folder / "seconds.mat"
    savemat(
        path,
        {"time_s": 0.5 + np.arange(n_samples) / 250, "counts": values, "level": single[None, :]},
    )
    counts = StreamTruth(
        values.astype(float), 250.0, ("counts", "counts"), ("", ""), "int16", start_s=0.5
    )
    level = StreamTruth(
        single[None].astype(float), 250.0, ("level",), ("",), "float32", start_s=0.5
    )
    return Truth(path, (counts, level))


def _signal_struct(folder: Path, version: str) -> Truth:
    n_samples = 900
    values = _RNG.normal(size=(3, n_samples))
    names = ["ECG", "µ-probe", "ECG"]
    path = folder / f"struct_{version}.mat"
    record = {"signals": values, "time": np.arange(n_samples)[None, :] * 4.0, "sr": 250.0}
    if version == "7.3":
        write_v73(path, {"rec": record | {"chans": names}})
    else:
        savemat(path, {"rec": record | {"chans": np.array(names, dtype=object)}})
    stream = StreamTruth(values, 250.0, tuple(names), ("",) * 3, "float64")
    return Truth(path, (stream,))


def _labchart(folder: Path, scaled: bool) -> Truth:
    """Two channels at 1000 Hz and one at 100 Hz, two blocks 10 s apart, comments, 16-bit or floats."""
    pieces = {(c, b): _RNG.integers(-2000, 2000, n).astype(np.int16) for c, b, n in _LABCHART}
    start, end = np.zeros((3, 2)), np.zeros((3, 2))
    parts, position = [], 1
    for (c, b), piece in pieces.items():
        start[c, b], end[c, b] = position, position + len(piece) - 1
        position += len(piece)
        parts.append(piece)
    data = np.concatenate(parts)
    variables: dict[str, Any] = {
        "data": data[None, :] if scaled else data[None, :].astype(np.float64) + 0.5,
        "datastart": start,
        "dataend": end,
        "samplerate": np.array([[1000.0, 1000], [1000, 1000], [100, 100]]),
        "titles": np.array(["ECG   ", "Débit ", "ECG   "]),
        "unittext": np.array(["mV", "V "]),
        "unittextmap": np.array([[1.0, 1], [2, 2], [-1, -1]]),
        "tickrate": np.array([[1000.0, 1000.0]]),
        "blocktimes": 730000 + np.array([[0.0, 10 / 86400]]),
        "com": np.array([[1.0, 2, 50, 1, 2], [-1, 1, 100, 2, 1]]),
        "comtext": np.array(["Event Marker", "drug        "]),
    }
    gain, offset = np.array([0.5, 0.25, 2.0]), np.array([10.0, 0.0, -4.0])
    if scaled:
        variables["scaleunits"] = np.repeat(gain[:, None], 2, axis=1)
        variables["scaleoffset"] = np.repeat(offset[:, None], 2, axis=1)
    path = folder / ("labchart16.mat" if scaled else "labchart.mat")
    savemat(path, variables, format="5")

    def physical(c: int) -> np.ndarray:
        stored = np.concatenate([pieces[c, 0], pieces[c, 1]]).astype(float)
        return (stored + offset[c]) * gain[c] if scaled else stored + 0.5

    dtype = "int16" if scaled else "float64"
    fast = StreamTruth(
        np.array([physical(0), physical(1)]),
        1000.0,
        ("ECG", "Débit"),
        ("mV", "V"),
        dtype,
        tolerance=1e-9,
        segments=((0, 300, 0.0), (300, 500, 10.0)),
    )
    slow = StreamTruth(
        physical(2)[None],
        100.0,
        ("ECG",),
        ("",),
        dtype,
        tolerance=1e-9,
        segments=((0, 30, 0.0), (30, 50, 10.0)),
    )
    return Truth(path, (fast, slow), events=((0.1, "Event Marker", ""), (10.05, "drug", "ECG")))


_LABCHART = ((0, 0, 300), (1, 0, 300), (2, 0, 30), (0, 1, 500), (1, 1, 500), (2, 1, 50))


def _packed(folder: Path) -> Truth:
    """Big-endian v5, by hand: MATLAB packs whole-numbered doubles as int16, and so they are kept."""
    values = _RNG.integers(-500, 500, 300).astype(">i2")
    header = b"MATLAB 5.0 MAT-file, by hand".ljust(124) + struct.pack(">H", 0x0100) + b"MI"

    def element(kind: int, raw: bytes) -> bytes:
        return struct.pack(">II", kind, len(raw)) + raw + bytes(-len(raw) % 8)

    def variable(name: bytes, n_values: int, kind: int, raw: bytes) -> bytes:
        body = element(6, struct.pack(">II", 6, 0))  # array flags: class double
        return (
            body
            + element(5, struct.pack(">ii", n_values, 1))
            + element(1, name)
            + element(kind, raw)
        )

    path = folder / "packed.mat"
    ecg = variable(b"ecg", 300, 3, values.tobytes())  # stored as int16
    rate = variable(b"fs", 1, 9, struct.pack(">d", 250.0))
    path.write_bytes(header + element(14, ecg) + element(14, rate))
    stream = StreamTruth(values[None].astype(float), 250.0, ("ecg",), ("",), "int16")
    return Truth(path, (stream,))


def _kept(folder: Path, variables: dict[str, Any], name: str) -> Truth:
    """Nothing says that it is a signal: kept as it is."""
    path = folder / f"{name}.mat"
    savemat(path, variables)
    return Truth(path, arrays={key: np.asarray(value) for key, value in variables.items()})


def _truncated(folder: Path, version: str, share: float) -> Truth:
    truth = _timed(folder, version)
    raw = truth.path.read_bytes()
    truth.path.write_bytes(raw[: int(len(raw) * share)])
    return Truth(truth.path, error="CorruptFileError")


def _no_variable(folder: Path) -> Truth:
    path = folder / "none.mat"
    savemat(path, {})
    return Truth(path, error="NothingToConvertError", error_says="no variable")


SAMPLES = [
    *(
        Sample(f"mat-timed-{version}", "mat", lambda folder, v=version: _timed(folder, v))
        for version in ("4", "5", "7.3")
    ),
    *(
        Sample(f"mat-struct-{version}", "mat", lambda folder, v=version: _signal_struct(folder, v))
        for version in ("5", "7.3")
    ),
    Sample("mat-time-with-unit", "mat", _seconds),
    Sample("mat-labchart-16-bit", "mat", lambda folder: _labchart(folder, scaled=True)),
    Sample("mat-labchart-float", "mat", lambda folder: _labchart(folder, scaled=False)),
    Sample("mat-packed-big-endian", "mat", _packed),
    Sample(
        "mat-nothing-timed",
        "mat",
        lambda folder: _kept(folder, {"a": np.eye(5), "b": "text"}, "flat"),
    ),
    Sample(
        "mat-complex",
        "mat",
        lambda folder: _kept(folder, {"z": np.ones((1, 4000)) * 1j}, "complex"),
    ),
    *(
        Sample(
            f"mat-truncated-{version}-{share}",
            "mat",
            lambda folder, v=version, s=share: _truncated(folder, v, s),
        )
        for version, share in (("4", 0.5), ("5", 0.5), ("5", 0.95), ("7.3", 0.5))
    ),
    Sample("mat-no-variable", "mat", _no_variable),
]
