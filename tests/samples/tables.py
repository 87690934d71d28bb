"""netCDF by scipy, netCDF-C and hand; Parquet and Arrow by polars (`of_tables`)."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING

import h5netcdf
import numpy as np
from scipy.io import netcdf_file

from tests.samples import Sample, StreamTruth, Truth, of_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def netcdf(
    path: Path, version: int = 1, title: str = "a study", unit: str = "mV"
) -> dict[str, np.ndarray]:
    """Write variables of all kinds by scipy; return them."""
    arrays = {
        "flow": np.arange(12, dtype="i2").reshape(4, 3) - 6,
        "level": np.arange(4, dtype="i1") * 11,
        "grid": np.arange(6, dtype="f4").reshape(2, 3) / 4,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with netcdf_file(path, "w", version=version) as file:
            file.title = title
            for name, length in (("row", None), ("x", 3), ("y", 2), ("n", 5)):
                file.createDimension(name, length)
            for name, dims in (("flow", ("row", "x")), ("level", ("row",)), ("grid", ("y", "x"))):
                variable = file.createVariable(name, arrays[name].dtype, dims)
                variable[:] = arrays[name]
                variable.units = unit
            words = file.createVariable("words", "c", ("y", "n"))
            words[:] = np.array([list("ab\0\0\0"), list("cdefg")], "S1")
    return arrays | {"words": np.array(["ab", "cdefg"])}


def _netcdf(version: int) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / "a.nc"
        return Truth(path, arrays=netcdf(path, version))

    return write


def _lone(folder: Path) -> Truth:
    """One variable along records is not padded."""
    path = folder / "a.cdf"
    values = np.arange(15, dtype="i1").reshape(5, 3)
    with netcdf_file(path, "w") as file:
        file.createDimension("row", None)
        file.createDimension("x", 3)
        file.createVariable("v", "b", ("row", "x"))[:] = values
    return Truth(path, arrays={"v": values})


def _cdf5(folder: Path) -> Truth:
    path = folder / "a.nc"
    path.write_bytes(of_tables.CDF5)
    arrays = {
        "temp": np.arange(6, dtype="u2").reshape(2, 3) + np.uint16(60000),
        "flag": np.array([-1, 1], "i1"),
        "id": np.array([2**60, -1, 0]),
    }
    return Truth(path, arrays=arrays)


def _netcdf4(folder: Path) -> Truth:
    path = folder / "a.nc"
    values = np.arange(6, dtype="f4").reshape(2, 3)
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"y": 2, "x": 3}
        file.create_variable("v", ("y", "x"), "f4", data=values)
    return Truth(path, arrays={"v": values})


def _recording(folder: Path) -> Truth:
    path = folder / "ecg.nc"
    values = (np.arange(500) % 7).astype("f4")
    with netcdf_file(path, "w") as file:
        file.createDimension("time", 500)
        time = file.createVariable("time", "d", ("time",))
        time[:] = np.arange(500) / 250
        time.units = "s"
        ecg = file.createVariable("ecg", "f", ("time",))
        ecg[:] = values
        ecg.units = "mV"
    stream = StreamTruth(values[None], 250.0, ("ecg",), ("mV",), "float32")
    return Truth(path, (stream,))


def _refused(name: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


def _classic(
    *, n_records: int = 0, dimension: int = 3, axis: int = 0, kind: int = 6, begin: int = 80
) -> bytes:
    head = b"CDF\1" + struct.pack(">I", n_records)
    head += struct.pack(">iii4si", 10, 1, 1, b"x\0\0\0", dimension) + bytes(8)
    head += struct.pack(">iii4sii", 11, 1, 1, b"v\0\0\0", 1, axis) + bytes(8)
    return head + struct.pack(">iii", kind, 24, begin) + bytes(24)


_NETCDF_REFUSED = (
    ("cut header", _classic()[:50], "TruncatedFileError", "header"),
    ("cut", _classic()[:-1], "TruncatedFileError", "3 values"),
    ("billions", _classic(dimension=2**31 - 1), "TruncatedFileError", "values"),
    ("negative", _classic(dimension=-3), "CorruptFileError", "dimension"),
    ("axis", _classic(axis=5), "CorruptFileError", "not there"),
    ("kind", _classic(kind=77), "CorruptFileError", "type 77"),
    ("before", _classic(begin=-8), "TruncatedFileError", "values"),
    ("records", _classic(dimension=0, n_records=2**31 - 5), "TruncatedFileError", "values"),
    ("other", b"hello world", "FormatMismatchError", "named as"),
    ("tag", _classic()[:8] + struct.pack(">ii", 99, 1) + bytes(80), "CorruptFileError", "header"),
    ("list", _classic()[:8] + struct.pack(">ii", 10, 2**30), "CorruptFileError", "header"),
    ("nothing", b"CDF\1" + bytes(28), "NothingToConvertError", "no value"),
)


def _table(name: str, content: bytes) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / f"t{name}"
        path.write_bytes(content)
        arrays = {
            "t/id": np.array([3, 1, 2]),
            "t/mass": np.array([1.5, np.nan, -2.25]),
            "t/name": np.array(["a", "Größe", ""]),
            "t/flag": np.array([True, False, True]),
            "t/small": np.array([1, np.nan, 3]),
        }
        return Truth(path, arrays=arrays)

    return write


def _ecg(folder: Path) -> Truth:
    path = folder / "r.parquet"
    path.write_bytes(of_tables.PARQUET_ECG)
    values = (np.arange(500) % 7).astype("f4")
    return Truth(path, (StreamTruth(values[None], 100.0, ("ecg",), ("mV",), "float32"),))


_ARROW_REFUSED = (
    ("cut", "bad.parquet", of_tables.PARQUET[:-9], "CorruptFileError", "readable"),
    ("cut arrow", "bad.arrow", of_tables.ARROW[:-40], "CorruptFileError", "readable"),
    ("other", "bad.parquet", b"hello world", "FormatMismatchError", "named as"),
    ("feather 1", "bad.feather", b"FEA1" + bytes(99), "FormatMismatchError", "named as"),
)


def _asc(folder: Path) -> Truth:
    path = folder / "ecg.asc"
    values = np.round(np.sin(np.arange(600) / 9), 4)
    rows = (f"{i / 100}\t{value}" for i, value in enumerate(values.tolist()))
    path.write_text("time (s)\tECG (mV)\n" + "\n".join(rows) + "\n")
    return Truth(path, (StreamTruth(values[None], 100.0, ("ECG",), ("mV",), "float64"),))


SAMPLES = [
    Sample("text-asc", "text", _asc),
    Sample("netcdf-1", "netcdf", _netcdf(1)),
    Sample("netcdf-2", "netcdf", _netcdf(2)),
    Sample("netcdf-lone", "netcdf", _lone),
    Sample("netcdf-5", "netcdf", _cdf5),
    Sample("netcdf-4", "netcdf", _netcdf4),
    Sample("netcdf-ecg", "netcdf", _recording),
    Sample("arrow-parquet", "arrow", _table(".parquet", of_tables.PARQUET)),
    Sample("arrow-ipc", "arrow", _table(".arrow", of_tables.ARROW)),
    Sample("arrow-feather", "arrow", _table(".feather", of_tables.ARROW)),
    Sample("arrow-ecg", "arrow", _ecg),
    *(
        Sample(f"netcdf-{what}", "netcdf", _refused("bad.nc", *rest))
        for what, *rest in _NETCDF_REFUSED
    ),
    *(Sample(f"arrow-{what}", "arrow", _refused(*rest)) for what, *rest in _ARROW_REFUSED),
]
