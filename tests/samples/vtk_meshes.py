"""VTK files: as VTK wrote them (`of_vtk`), and damaged ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth, of_vtk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POINTS = [[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, -2.25], [0.5, 0.5, 2]]


def _data(n_points: int, n_cells: int, real: str) -> dict[str, np.ndarray]:
    return {
        "point_data_a b": (np.arange(n_points) * 0.5).astype(real),
        "cell_data_v": np.arange(3 * n_cells, dtype="i2").reshape(n_cells, 3) * np.int16(-7),
        "field_data_TimeValue": np.array([2.5]),
    }


def _poly(real: str) -> dict[str, np.ndarray]:
    return {
        "vertices": np.array(_POINTS, real),
        "line_start": np.array([0, 2]),
        "line_vertex": np.array([3, 4]),
        "face_start": np.array([0, 4, 7]),
        "face_vertex": np.array([0, 1, 2, 3, 0, 1, 4]),
        **_data(5, 3, real),
    }


def _grid(real: str, of_type: str) -> dict[str, np.ndarray]:
    return {
        "vertices": np.array(_POINTS, real),
        "cell_start": np.array([0, 4, 7]),
        "cell_vertex": np.array([0, 1, 2, 3, 0, 1, 4]),
        "cell_type": np.array([10, 5], of_type),
        **_data(5, 2, real),
    }


def _image(real: str) -> dict[str, np.ndarray]:
    arrays = _data(12, 2, real)
    arrays["point_data_a b"] = arrays["point_data_a b"].reshape(2, 2, 3)
    return arrays


def _file(name: str, content: bytes, arrays: dict[str, np.ndarray]) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, shapes=(ShapesTruth("mesh", arrays),))

    return write


def _refused(name: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


_TEXT = of_vtk.POLY_TEXT
_HEAD = b"# vtk DataFile Version 3.0\nby hand\nASCII\nDATASET POLYDATA\n"
_VTK_REFUSED = (
    ("other", b"hello", "FormatMismatchError", "named as"),
    ("kind", b"# vtk DataFile Version 3.0\n\nTEXT\n", "CorruptFileError", "third line"),
    ("cut", _TEXT[:150], "TruncatedFileError", "announces"),
    ("cut bytes", of_vtk.POLY_BINARY[:260], "TruncatedFileError", "announces"),
    ("nothing", _HEAD, "EmptyFileError", "no point"),
    ("set", _HEAD.replace(b"POLYDATA", b"TABLE"), "UnsupportedFeatureError", "not read"),
    ("billions", _HEAD + b"POINTS 4000000000 float\n0 0 0\n", "TruncatedFileError", "announces"),
    ("negative", _HEAD + b"POINTS -4 float\n0 0 0\n", "CorruptFileError", "announces -4"),
    ("word", _HEAD + b"POINTS 1 float\n0 zero 0\n", "CorruptFileError", "damaged"),
    ("type", _HEAD + b"POINTS 1 half\n0 0 0\n", "CorruptFileError", "damaged"),
    ("text", _HEAD + b"POINTS 1 string\n0 0 0\n", "UnsupportedFeatureError", "string"),
    ("corner", _TEXT.replace(b"3 0 1 4", b"3 0 1 5"), "CorruptFileError", "not there"),
    ("corners", _TEXT.replace(b"3 0 1 4", b"9 0 1 4"), "CorruptFileError", "add up"),
    ("many", _HEAD + b"POINTS 1 float\n0 0 0 0\n", "CorruptFileError", "more numbers"),
    ("statement", _HEAD + b"NONSENSE 1\n", "CorruptFileError", "unknown"),
    ("dimensions", _HEAD + b"DIMENSIONS 1 0 -1\n", "CorruptFileError", "announces 0"),
    ("range", _HEAD + b"POINTS 1 float\n0 0 0\nVERTICES 1 1e30\n", "CorruptFileError", "damaged"),
)
_BOMB = b'<!DOCTYPE VTKFile [<!ENTITY a "aaaaaaaaaa">]><VTKFile type="PolyData">&a;</VTKFile>'
_XML_REFUSED = (
    ("other", b"<html></html>", "FormatMismatchError", "no VTK file"),
    ("cut", of_vtk.VTI[:300], "CorruptFileError", "well-formed"),
    ("cut appended", of_vtk.VTP[:-60], "CorruptFileError", "damaged or cut"),
    ("cut base64", of_vtk.VTU_LZ4[:-120], "CorruptFileError", "damaged or cut"),
    ("entities", _BOMB, "CorruptFileError", "entities"),
    (
        "kind",
        of_vtk.VTI.replace(b"ImageData", b"Collection"),
        "UnsupportedFeatureError",
        "not read",
    ),
    ("type", of_vtk.VTI.replace(b"Float32", b"Float16"), "CorruptFileError", "type"),
    ("extent", of_vtk.VTI.replace(b"0 2 0 1 0 1", b"0 2 0 1 0"), "CorruptFileError", "extent"),
    ("no points", b'<VTKFile type="PolyData"><PolyData/></VTKFile>', "EmptyFileError", "no point"),
    ("words", of_vtk.VTI.replace(b"2.5", b"two"), "CorruptFileError", "damaged or cut"),
    (
        "packing",
        of_vtk.VTP.replace(b"vtkZLibDataCompressor", b"vtkOwnDataCompressor"),
        "UnsupportedFeatureError",
        "packed",
    ),
)

SAMPLES = [
    Sample("vtk-poly-text", "vtk", _file("a.vtk", _TEXT, _poly("f8"))),
    Sample("vtk-poly-binary", "vtk", _file("a.vtk", of_vtk.POLY_BINARY, _poly("f4"))),
    Sample("vtk-grid-text", "vtk", _file("a.vtk", of_vtk.GRID_TEXT, _grid("f8", "i4"))),
    Sample("vtk-grid-binary", "vtk", _file("a.vtk", of_vtk.GRID_BINARY, _grid("f4", "i4"))),
    Sample("vtk-image", "vtk", _file("a.vtk", of_vtk.IMAGE_BINARY, _image("f4"))),
    Sample("vtk-xml-poly", "vtk-xml", _file("a.vtp", of_vtk.VTP, _poly("f4"))),
    Sample("vtk-xml-grid", "vtk-xml", _file("a.vtu", of_vtk.VTU, _grid("f4", "u1"))),
    Sample("vtk-xml-lz4", "vtk-xml", _file("a.vtu", of_vtk.VTU_LZ4, _grid("f4", "u1"))),
    Sample("vtk-xml-image", "vtk-xml", _file("a.vti", of_vtk.VTI, _image("f8"))),
    *(Sample(f"vtk-{what}", "vtk", _refused("bad.vtk", *rest)) for what, *rest in _VTK_REFUSED),
    *(
        Sample(f"vtk-xml-{what}", "vtk-xml", _refused("bad.vtp", *rest))
        for what, *rest in _XML_REFUSED
    ),
]
