"""Surface meshes: written by trimesh 5.2 and VTK 9.7 (kept here as they wrote them), and by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# ------------------------------------------------------------------------------- STL

#: trimesh.Trimesh(…, process=False).export(file_type="stl")
_STL_OF_TRIMESH = bytes(80) + bytes.fromhex(
    "030000000000000000000000000080bf000000000000000000000000000000000000c03f000000000000803f00000000"
    "000000000000000000800000803f000000000000000000000000000000000000803f0000000000000000000000000000"
    "0000000010c000003ac847bf273005bf8995b13e0000803f0000000000000000000000000000c03f0000000000000000"
    "00000000000010c00000"
)
_STL_TEXT = """\
solid one
facet normal 0.0 0.0 -1.0
outer loop
vertex 0.0 0.0 0.0
vertex 0.0 1.5 0.0
vertex 1.0 0.0 0.0
endloop
endfacet
endsolid one
SOLID the other
  FACET NORMAL -0.780398972571708 -0.520265981714472 3.46843987809648e-1
    OUTER LOOP
      VERTEX 1 0 0
      VERTEX 0 1.5 0
      VERTEX 0 0 -2.25
    ENDLOOP
  ENDFACET
ENDSOLID the other
"""
_CORNERS = [
    [[0, 0, 0], [0, 1.5, 0], [1, 0, 0]],
    [[0, 0, 0], [1, 0, 0], [0, 0, -2.25]],
    [[1, 0, 0], [0, 1.5, 0], [0, 0, -2.25]],
]
_NORMALS = [
    [0, 0, -1],
    [0, 1, 0],
    [-0.780398972571708, -0.520265981714472, 0.346843987809648],
]


def _stl_truth(path: Path, which: list[int], dtype: str, **more: np.ndarray) -> Truth:
    arrays = {
        "vertices": np.array(_CORNERS, dtype)[which].reshape(-1, 3),
        "face_normals": np.array(_NORMALS, dtype)[which],
        "face_start": np.arange(0, 3 * len(which) + 1, 3),
        "face_vertex": np.arange(3 * len(which)),
        **more,
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _stl_binary(folder: Path) -> Truth:
    path = folder / "of trimesh.stl"
    path.write_bytes(_STL_OF_TRIMESH)
    return _stl_truth(path, [0, 1, 2], "f4")


def _stl_solid(folder: Path) -> Truth:
    """A binary file that begins as text does, with colours."""
    path = folder / "solid.stl"
    rows = (_NORMALS[0], _CORNERS[0])
    data = b"solid but binary".ljust(80, b"\0") + struct.pack("<I", 1)
    data += np.concatenate([np.ravel(row) for row in rows]).astype("<f4").tobytes()
    path.write_bytes(data + struct.pack("<H", 0x8421))
    return _stl_truth(path, [0], "f4", face_attribute=np.array([0x8421], "u2"))


def _stl_text(folder: Path) -> Truth:
    path = folder / "text.stl"
    path.write_bytes(_STL_TEXT.replace("\n", "\r\n").encode())
    return _stl_truth(path, [0, 2], "f8", face_group=np.array([0, 1]))


_STL_REFUSED = (
    ("cut", _STL_OF_TRIMESH[:-3], "TruncatedFileError", "3 triangles"),
    (
        "far too many",
        bytes(80) + b"\xff\xff\xff\xff" + bytes(99),
        "TruncatedFileError",
        "announces",
    ),
    ("no triangle", bytes(84), "EmptyFileError", "no triangle"),
    ("other", b"<html>not a mesh</html>", "FormatMismatchError", "neither"),
    (
        "nan",
        _STL_OF_TRIMESH[:96] + b"\xff" * 36 + _STL_OF_TRIMESH[132:],
        "CorruptFileError",
        "no numbers",
    ),
    ("cut text", _STL_TEXT[:150].encode(), "TruncatedFileError", "last solid"),
    ("empty text", b"solid a\nendsolid a\n", "EmptyFileError", "no triangle"),
    ("word", _STL_TEXT.replace("1.5", "one").encode(), "CorruptFileError", "line 5"),
    ("infinite", _STL_TEXT.replace("1.5", "inf").encode(), "CorruptFileError", "finite"),
    (
        "four",
        _STL_TEXT.replace("1.5 0.0", "1.5 0.0\nvertex 1 1 1").encode(),
        "CorruptFileError",
        "no triangle",
    ),
    ("statement", b"solid a\nhello\n", "CorruptFileError", "line 2"),
)

# ------------------------------------------------------------------------------- PLY

#: vtkPLYWriter, SetDataByteOrderToBigEndian: a square and a triangle
_PLY_OF_VTK = (
    b"ply\n"
    b"format binary_big_endian 1.0\n"
    b"comment VTK generated PLY File\n"
    b"obj_info vtkPolyData points and polygons: vtk4.0\n"
    b"element vertex 5\n"
    b"property float x\n"
    b"property float y\n"
    b"property float z\n"
    b"element face 2\n"
    b"property list uchar int vertex_indices\n"
    b"end_header\n"
) + bytes.fromhex(
    "0000000000000000000000003f80000000000000000000003f8000003f8000003e800000000000003f80000000000000"
    "3f0000003f00000040000000040000000000000001000000020000000303000000000000000100000004"
)
_PLY_HEADER = """\
ply
format {} 1.0
comment made by hand
comment TextureFile C:\\Users\\me\\a.png
obj_info any text
element vertex 4
property double x
property double y
property double z
property float nx
property float ny
property float nz
property uchar red
property uchar green
property uchar blue
property uchar alpha
property short quality
element face 2
property uchar flags
property list uint8 int32 vertex_index
property list uint8 float32 uv
element edge 1
property int vertex1
property int vertex2
end_header
"""
_PLY_VERTICES = [[0, 0, 0.1], [1e-3, 0, 0], [1, 1, 0], [0, 1, -7]]
_PLY_NORMALS = [[0, 0, 1], [0, 1, 0], [0.5, 0, 0], [0, 0, -1]]
_PLY_COLORS = [[1, 2, 3, 4], [255, 0, 0, 255], [7, 8, 9, 10], [0, 0, 0, 0]]
_PLY_QUALITY = [-300, 0, 1, 32767]
_PLY_FACES = ([7, [0, 1, 2], [0.5, 0.25]], [8, [0, 1, 2, 3], []])


def _ply_truth(path: Path, real: str, single: str) -> Truth:
    arrays = {
        "vertices": np.array(_PLY_VERTICES, real),
        "vertex_normals": np.array(_PLY_NORMALS, single),
        "vertex_colors": np.array(_PLY_COLORS, "u1"),
        "vertex_quality": np.array(_PLY_QUALITY, "i2"),
        "face_flags": np.array([7, 8], "u1"),
        "face_start": np.array([0, 3, 7]),
        "face_vertex": np.array([0, 1, 2, 0, 1, 2, 3]),
        "face_uv_start": np.array([0, 2, 2]),
        "face_uv": np.array([0.5, 0.25], single),
        "edge_vertex1": np.array([3], "i4"),
        "edge_vertex2": np.array([1], "i4"),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _ply_vtk(folder: Path) -> Truth:
    path = folder / "of vtk.ply"
    path.write_bytes(_PLY_OF_VTK)
    arrays = {
        "vertices": np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0.25], [0, 1, 0], [0.5, 0.5, 2]], "f4"),
        "face_start": np.array([0, 4, 7]),
        "face_vertex": np.array([0, 1, 2, 3, 0, 1, 4]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _ply_bytes(order: str) -> bytes:
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    data = _PLY_HEADER.format(name).encode()
    for xyz, normal, color, quality in zip(
        _PLY_VERTICES, _PLY_NORMALS, _PLY_COLORS, _PLY_QUALITY, strict=True
    ):
        data += struct.pack(f"{order}3d3f4Bh", *xyz, *normal, *color, quality)
    for flags, corners, uv in _PLY_FACES:
        data += struct.pack(f"{order}BB{len(corners)}i", flags, len(corners), *corners)
        data += struct.pack(f"{order}B{len(uv)}f", len(uv), *uv)
    return data + struct.pack(f"{order}ii", 3, 1)


def _ply_text() -> str:
    rows = [
        " ".join(map(str, [*xyz, *normal, *color, quality]))
        for xyz, normal, color, quality in zip(
            _PLY_VERTICES, _PLY_NORMALS, _PLY_COLORS, _PLY_QUALITY, strict=True
        )
    ]
    rows += [
        " ".join(map(str, [flags, len(corners), *corners, len(uv), *uv]))
        for flags, corners, uv in _PLY_FACES
    ]
    return _PLY_HEADER.format("ascii") + "\n".join([*rows, "3 1"]) + "\n"


def _ply_binary(folder: Path, order: str) -> Truth:
    path = folder / "all kinds.ply"
    path.write_bytes(_ply_bytes(order))
    return _ply_truth(path, "f8", "f4")


def _ply_ascii(folder: Path) -> Truth:
    path = folder / "text.ply"
    path.write_text(_ply_text())
    return _ply_truth(path, "f8", "f8")


def _ply_same(folder: Path) -> Truth:
    """Faces of one size, a cloud's colours without alpha."""
    path = folder / "triangles.ply"
    header = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
        "property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n"
        "element face 2\nproperty list uchar uint vertex_indices\nend_header\n"
    )
    data = header.encode() + b"".join(struct.pack("<3f3B", i, 2, 3, i, 5, 6) for i in range(3))
    path.write_bytes(data + struct.pack("<B3IB3I", 3, 0, 1, 2, 3, 2, 1, 0))
    arrays = {
        "vertices": np.array([[0, 2, 3], [1, 2, 3], [2, 2, 3]], "f4"),
        "vertex_colors": np.array([[0, 5, 6], [1, 5, 6], [2, 5, 6]], "u1"),
        "face_start": np.array([0, 3, 6]),
        "face_vertex": np.array([0, 1, 2, 2, 1, 0]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _ply_of(rows: str, *, count: str = "1", order: str = "ascii") -> bytes:
    head = f"ply\nformat {order} 1.0\nelement vertex {count}\n"
    return (
        f"{head}property float x\nproperty float y\nproperty float z\nend_header\n{rows}".encode()
    )


_PLY_BINARY = _ply_bytes("<")
_PLY_REFUSED = (
    ("cut", _PLY_BINARY[:-1], "TruncatedFileError", "announces"),
    ("cut text", _ply_text()[:-5].encode(), "TruncatedFileError", "edge"),
    ("billions", _ply_of("0 0 0\n", count="3999999999"), "TruncatedFileError", "announces"),
    ("negative", _ply_of("0 0 0\n", count="-1"), "CorruptFileError", "vertex"),
    ("nothing", _ply_of("", count="0"), "EmptyFileError", "no vertex"),
    ("word", _ply_of("0 zero 0\n"), "CorruptFileError", "no numbers"),
    ("two numbers", _ply_of("0 0    \n"), "CorruptFileError", "2 numbers"),
    ("no end", b"ply\nformat ascii 1.0\n", "TruncatedFileError", "header"),
    ("other order", _ply_of("0 0 0\n", order="middle_endian"), "CorruptFileError", "line 2"),
    (
        "type",
        b"ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n0\n",
        "CorruptFileError",
        "half",
    ),
    (
        "corner",
        _ply_text().replace("7 3 0 1 2", "7 3 0 1 9").encode(),
        "CorruptFileError",
        "not there",
    ),
    (
        "half a corner",
        _ply_text().replace("7 3 0 1 2", "7 3 0 1 .5").encode(),
        "CorruptFileError",
        "int32",
    ),
    (
        "long list",
        _ply_text().replace("8 4 0 1", "8 9 0 1").encode(),
        "CorruptFileError",
        "numbers",
    ),
    (
        "color",
        _ply_text().replace("255 0 0 255", "256 0 0 255").encode(),
        "CorruptFileError",
        "uint8",
    ),
    (
        "no properties",
        b"ply\nformat ascii 1.0\nelement vertex 4000000000\nend_header\n",
        "CorruptFileError",
        "without properties",
    ),
)

# ------------------------------------------------------------------------------- OFF

#: trimesh.Trimesh(…).export(file_type="off")
_OFF_OF_TRIMESH = """\
OFF
4 3 0
0.0000000000 0.0000000000 0.0000000000
1.0000000000 0.0000000000 0.0000000000
0.0000000000 1.5000000000 0.0000000000
0.0000000000 0.0000000000 -2.2500000000
3 0 2 1
3 0 1 3
3 1 2 3
"""
_OFF_ALL = """\
STCNOFF 3 2 0 # counts on the first line

0 0 0.5  0 0 1  1 0.5 0 1  0.25 0.75
# between
1 0 0  0 0 1  0 0 1 0.5  0 1
0 1 0  0 1 0  0 1 0 1  1 1
3 0 1 2  255 128 0
2 0 2
"""


def _off_trimesh(folder: Path) -> Truth:
    path = folder / "of trimesh.off"
    path.write_text(_OFF_OF_TRIMESH)
    arrays = {
        "vertices": np.array([[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, -2.25]], "f8"),
        "face_start": np.array([0, 3, 6, 9]),
        "face_vertex": np.array([0, 2, 1, 0, 1, 3, 1, 2, 3]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _off_all(folder: Path) -> Truth:
    path = folder / "all.off"
    path.write_text(_OFF_ALL)
    arrays = {
        "vertices": np.array([[0, 0, 0.5], [1, 0, 0], [0, 1, 0]], "f8"),
        "vertex_normals": np.array([[0, 0, 1], [0, 0, 1], [0, 1, 0]], "f8"),
        "vertex_colors": np.array([[1, 0.5, 0, 1], [0, 0, 1, 0.5], [0, 1, 0, 1]], "f8"),
        "vertex_texture": np.array([[0.25, 0.75], [0, 1], [1, 1]], "f8"),
        "face_start": np.array([0, 3, 5]),
        "face_vertex": np.array([0, 1, 2, 0, 2]),
        "face_colors": np.array([[255, 128, 0], [np.nan] * 3]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


_OFF_REFUSED = (
    ("other", b"hello\n", "FormatMismatchError", "OFF"),
    ("binary", b"OFF BINARY\n\0\0\0\3", "UnsupportedFeatureError", "OFF BINARY"),
    ("four", b"4OFF\n1 0 0\n0 0 0 1\n", "UnsupportedFeatureError", "4OFF"),
    ("no counts", b"OFF\n", "CorruptFileError", "numbers"),
    ("nothing", b"OFF\n0 0 0\n", "EmptyFileError", "no vertex"),
    ("billions", b"OFF\n4000000000 1 0\n0 0 0\n", "TruncatedFileError", "announces"),
    ("cut", _OFF_OF_TRIMESH[:-8].encode(), "TruncatedFileError", "3 faces"),
    (
        "corner",
        _OFF_OF_TRIMESH.replace("3 1 2 3", "3 1 2 4").encode(),
        "CorruptFileError",
        "not there",
    ),
    (
        "corners",
        _OFF_OF_TRIMESH.replace("3 1 2 3", "9 1 2 3").encode(),
        "CorruptFileError",
        "9 corners",
    ),
    ("word", _OFF_OF_TRIMESH.replace("1.5", "x.5").encode(), "CorruptFileError", "line 5"),
    (
        "short",
        _OFF_OF_TRIMESH.replace("0.0000000000 1.5", "1.5").encode(),
        "CorruptFileError",
        "2 numbers",
    ),
    (
        "infinite",
        _OFF_OF_TRIMESH.replace("1.5000000000", "inf").encode(),
        "CorruptFileError",
        "finite",
    ),
)


def _refused(suffix: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / f"bad{suffix}"
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


SAMPLES = [
    Sample("stl-trimesh", "stl", _stl_binary),
    Sample("stl-solid", "stl", _stl_solid),
    Sample("stl-text", "stl", _stl_text),
    Sample("ply-vtk", "ply", _ply_vtk),
    Sample("ply-little", "ply", lambda folder: _ply_binary(folder, "<")),
    Sample("ply-big", "ply", lambda folder: _ply_binary(folder, ">")),
    Sample("ply-text", "ply", _ply_ascii),
    Sample("ply-same", "ply", _ply_same),
    Sample("off-trimesh", "off", _off_trimesh),
    Sample("off-all", "off", _off_all),
    *(
        Sample(f"{name}-{what}", name, _refused(f".{name}", *rest))
        for name, refused in (("stl", _STL_REFUSED), ("ply", _PLY_REFUSED), ("off", _OFF_REFUSED))
        for what, *rest in refused
    ),
]
