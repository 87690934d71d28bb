"""Wavefront OBJ meshes, written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = """\
# a pyramid: a square and two triangles, one named from the end, and a line
mtllib one.mtl
o Körper
v -1.5 0 1e-3 1 0 0
v 1 0 0
v 1 1 0 0 0.5 1
v 0 1 0
v 0.5 0.5 2 1.0 # with a weight
vt 0.5 0.25
vn 0 0 1
g base
usemtl red
s 1
f 1/1/1 2/1/1 3/1/1 \\
  4/1/1
g sides
f 1//1 2//1 5//1
f -5 -3 -1
l 1 5
"""


def _mesh(folder: Path) -> Truth:
    path = folder / "mesh.obj"
    path.write_text(_TEXT, "utf-8")
    nan = np.nan
    arrays = {
        "vertices": np.array([[-1.5, 0, 1e-3], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 2]]),
        "vertex_colors": np.array(
            [[1, 0, 0], [nan] * 3, [0, 0.5, 1], [nan] * 3, [nan] * 3], np.float64
        ),
        "texture_coordinates": np.array([[0.5, 0.25, 0.0]]),
        "normals": np.array([[0.0, 0.0, 1.0]]),
        "face_start": np.array([0, 4, 7, 10]),
        "face_group": np.array([0, 1, 1]),
        "face_vertex": np.array([0, 1, 2, 3, 0, 1, 4, 0, 2, 4]),
        "face_texture": np.array([0, 0, 0, 0, -1, -1, -1, -1, -1, -1]),
        "face_normal": np.array([0, 0, 0, 0, 0, 0, 0, -1, -1, -1]),
        "line_start": np.array([0, 2]),
        "line_group": np.array([1]),
        "line_vertex": np.array([0, 4]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _refused(folder: Path, what: str, text: str, error: str) -> Truth:
    path = folder / f"{what}.obj"
    path.write_bytes(text.encode())
    return Truth(path, error=error)


SAMPLES = [
    Sample("obj-mesh", "obj", _mesh),
    *(
        Sample(
            f"obj-{what}",
            "obj",
            lambda folder, what=what, text=text, error=error: _refused(folder, what, text, error),
        )
        for what, text, error in (
            ("index beyond", "v 0 0 0\nf 1 1 2\n", "CorruptFileError"),
            ("index 0", "v 0 0 0\nf 0 1 1\n", "CorruptFileError"),
            ("two corners", "v 0 0 0\nf 1 1\n", "CorruptFileError"),
            ("word", "v 0 zero 0\n", "CorruptFileError"),
            ("infinite", "v 0 inf 0\n", "CorruptFileError"),
            ("statement", "hello world\n", "CorruptFileError"),
            ("nothing", "# only a comment\n", "EmptyFileError"),
            ("compiled", "d\x86\0\0\0\0", "FormatMismatchError"),
        )
    ),
]
