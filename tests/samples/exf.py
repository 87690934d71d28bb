"""EX files of the three versions, written by hand after the public description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_V1 = """\
 Group name: heart wall
 #Fields=2
 1) coordinates, coordinate, prolate spheroidal, focus=0.3525E+02, #Components=2
  lambda. Value index=1, #Derivatives=1 (d/ds1)
  theta. Value index=3, #Derivatives=0, #Versions=3
 2) count, field, integer, #Components=1
  n. Value index=6, #Derivatives=0
 Node: 7
  1.0 0.5
  1 2 3
  4
 Node: 13
  2.0 0.25
  5 6 7
  8
 Shape. Dimension=1
 #Scale factor sets=0
 #Nodes=0
 #Fields=0
 Element: 0 0 1
 Element: 0 0 2
 Shape. Dimension=2
 Element: 5 0 0
  Faces:
  0 0 1
  0 0 2
  Nodes:
  7 13
  Scale factors:
  1.0 0.5
"""
_V2 = """\
EX Version: 2
Region: /
!#nodeset nodes
Shape. Dimension=0
#Fields=1
1) coordinates, coordinate, rectangular cartesian, real, #Components=1
 x. #Values=2 (value,d/ds1)
Node: 1
 0.0 1.0
Node: 2
 1.0 1.5
#Fields=1
1) name, field, string, #Components=1
 n. #Values=1 (value)
Node: 3
 "left: \\"A\\""
Region: /inner
!#mesh mesh1d, dimension=1, nodeset=nodes
Shape. Dimension=1, line
#Scale factor sets=0
#Nodes=2
#Fields=0
Element: 1
 Nodes:
 1 2
Element: 2
 Nodes:
 1 2 3
"""
_V3 = """\
EX Version: 3
Region: /
Time sequence: t, size=2
0.0 1.5
!#nodeset datapoints
Define node template: node1
Shape. Dimension=0
#Fields=1
1) p, field, real, #Components=2, time sequence=t
 x. #Values=1 (value)
 y. #Values=1 (value)
Node template: node1
Node: 4
1 2
3 4
Group name: left
!#nodeset datapoints
Node group:
1..2,4,
9
"""


def _version(folder: Path, number: int) -> Truth:
    path = folder / ("heart.exnode" if number == 1 else f"version{number}.exf")
    path.write_text({1: _V1, 2: _V2, 3: _V3}[number], "utf-8")
    shapes = {
        1: [
            {
                "nodes_0_identifier": np.array([7, 13]),
                "nodes_0_coordinates": np.array([[1.0, 0.5, 1, 2, 3], [2.0, 0.25, 5, 6, 7]]),
                "nodes_0_count": np.array([[4], [8]]),
                "mesh1d_0_identifier": np.array([[0, 0, 1], [0, 0, 2]]),
                "mesh2d_0_identifier": np.array([[5, 0, 0]]),
                "mesh2d_0_faces": np.array([[0, 0, 1, 0, 0, 2]]),
                "mesh2d_0_nodes": np.array([[7, 13]]),
                "mesh2d_0_scale_factors": np.array([[1.0, 0.5]]),
            }
        ],
        2: [
            {
                "nodes_0_identifier": np.array([1, 2]),
                "nodes_0_coordinates": np.array([[0.0, 1.0], [1.0, 1.5]]),
                "nodes_1_identifier": np.array([3]),
            },
            {
                "mesh1d_0_identifier": np.array([1, 2]),
                "mesh1d_0_nodes": np.array([1, 2, 1, 2, 3]),
                "mesh1d_0_nodes_start": np.array([0, 2, 5]),
            },
        ],
        3: [
            {
                "datapoints_0_identifier": np.array([4]),
                "datapoints_0_p": np.array([[[1.0, 2.0], [3.0, 4.0]]]),
                "group_0_first_last": np.array([[1, 2], [4, 4], [9, 9]]),
            }
        ],
    }[number]
    return Truth(path, shapes=tuple(ShapesTruth("finite elements", arrays) for arrays in shapes))


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.exf"
    text, error = {
        "other": ("x y z\n1 2 3\n", "FormatMismatchError"),
        "nothing": ("EX Version: 3\nRegion: /\n", "EmptyFileError"),
        "few values": (_V2.replace(" 1.0 1.5\n", " 1.0\n"), "CorruptFileError"),
        "words": (_V2.replace(" 1.0 1.5\n", " 1.0 one\n"), "CorruptFileError"),
        "template": (_V3.replace("Node template: node1", "Node template: no"), "CorruptFileError"),
        "cut": (_V3[: _V3.index("3 4\n")], "CorruptFileError"),
        "range": (_V3.replace("1..2,4,", "1..2,four"), "CorruptFileError"),
    }[what]
    path.write_text(text, "utf-8")
    return Truth(path, error=error)


SAMPLES = [
    *(
        Sample(f"exf-version-{number}", "exf", lambda folder, n=number: _version(folder, n))
        for number in (1, 2, 3)
    ),
    *(
        Sample(f"exf-{what}", "exf", lambda folder, what=what: _refused(folder, what))
        for what in ("other", "nothing", "few values", "words", "template", "cut", "range")
    ),
]
