"""Tracings of neurons: SWC and MBF's XML, written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_SWC = """\
# ORIGINAL_SOURCE Neurolucida
# SCALE 1.0 1.0 1.0

10 1 0 0.5 -1e-2 2.5 -1
12 3 1 1 1 .5 10   # a dendrite
11 3 2 2 2 0.25 12
40 2 -1 -2 -3 1 10
"""


def _swc(folder: Path, text: str = _SWC, *, further: bool = False) -> Truth:
    path = folder / "Zelle.swc"
    if further:
        text = "\n".join(
            line.split("#")[0] + " 7 8" for line in text.splitlines() if line[:1].isdigit()
        )
    path.write_bytes(text.replace("\n", "\r\n").encode())
    arrays = {
        "id": np.array([10, 12, 11, 40]),
        "type": np.array([1, 3, 3, 2]),
        "points": np.array([[0, 0.5, -0.01], [1, 1, 1], [2, 2, 2], [-1, -2, -3]]),
        "radius": np.array([2.5, 0.5, 0.25, 1.0]),
        "parent": np.array([-1, 0, 1, 0]),
    }
    if further:
        arrays["further_columns"] = np.array([[7.0, 8.0]] * 4)
    return Truth(path, shapes=(ShapesTruth("tracing", arrays),))


def _swc_refused(folder: Path, text: bytes, error: str, says: str) -> Truth:
    path = folder / "bad.swc"
    path.write_bytes(text)
    return Truth(path, error=error, error_says=says)


_SWC_REFUSED = (
    ("empty", b"# nothing\n", "EmptyFileError", "no point"),
    ("cut", b"1 1 0 0 0 1 -1\n2 3 1 1", "CorruptFileError", "line 2"),
    ("orphan", b"1 1 0 0 0 1 -1\n2 3 1 1 1 1 9\n", "CorruptFileError", "parent 9"),
    ("twice", b"1 1 0 0 0 1 -1\n1 3 1 1 1 1 1\n", "CorruptFileError", "the number 1"),
    ("circle", b"1 1 0 0 0 1 2\n2 3 1 1 1 1 1\n", "CorruptFileError", "circle"),
    ("infinite", b"1 1 0 inf 0 1 -1\n", "CorruptFileError", "finite"),
    ("half", b"1.5 1 0 0 0 1 -1\n", "CorruptFileError", "whole numbers"),
    ("flash", b"PK\x03\x04\0\0component", "FormatMismatchError", "binary"),
)

_MBF = """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<mbf version="4.0" xmlns="https://www.mbfbioscience.com/filespecification" appname="Neurolucida">
  <description>traced by Jane Doe</description>
  <filefacts><section sid="S1" name="Section 1" top="0" cutthickness="50"/></filefacts>
  <sparcdata><subject species="http://purl.obolibrary.org/obo/NCBITaxon_10090" subjectid="Doe-7" sex="Male"/>
    <atlas organ="Brain" label="Atlas"/></sparcdata>
  <images><image><filename>C:\\Users\\jdoe\\slide.jpx</filename><scale x="0.5" y="0.5"/>
    <coord x="0" y="0" z="0"/></image></images>
  <contour name="Größe" color="#FFFF00" closed="true" shape="Contour">
    <property name="GUID"><s>5D56</s></property><resolution>0.25</resolution>
    <point x="1" y="2" z="3" d="0.5" sid="S1"/><point x="4.5" y="-5" z="6e0" d="0.5"/></contour>
  <tree color="#FF0000" type="Axon" leaf="Normal">
    <point x="0" y="0" z="0" d="2"/>
    <branch leaf="High"><property name="TraceAssociation"><s>http://purl.org/sig/ont/fma/fma6220</s></property>
      <point x="1" y="0" z="0" d="1"/>
      <marker type="Dot" color="#00FF00" name="here" varicosity="false">
        <point x="9" y="9" z="9" d="1"/></marker>
      <point x="2" y="0" z="0" d="1"/>
      <branch><point x="3" y="0" z="0" d="1"/></branch></branch>
    <point x="0" y="1" z="0" d="2"/>
    <branch leaf="High"><point x="5" y="5" z="5" d="1"/></branch></tree>
  <tree color="#FF0000" type="Axon" leaf="Normal"><point x="7" y="7" z="7"/></tree>
  <vessel version="4" type="directed" color="#0000FF"><nodes>
    <node id="4"><point x="1" y="1" z="1" d="1"/></node>
    <node id="5"><point x="2" y="2" z="2" d="1"/></node></nodes>
    <edges><edge id="0"><point x="1" y="1" z="1" d="1"/><point x="2" y="2" z="2" d="1"/></edge></edges>
    <edgelists><edgelist id="0" edge="0" sourcenode="5" targetnode="-1"/></edgelists></vessel>
</mbf>
"""


def _points(rows: list[list[float]]) -> dict[str, np.ndarray]:
    table = np.array(rows, np.float64)
    return {"points": table[:, :3], "diameters": table[:, 3]}


def _mbf(folder: Path) -> Truth:
    """All kinds of elements; a branch stands between the points of its trunk, a marker in one."""
    path = folder / "tracing.xml"
    path.write_bytes(b"\n" + _MBF.encode("latin-1"))
    um = dict.fromkeys(("points", "diameters"), "micrometer")
    trunk = [[0, 0, 0, 2], [0, 1, 0, 2]]
    trees = {
        **_points(
            [*trunk, [1, 0, 0, 1], [2, 0, 0, 1], [3, 0, 0, 1], [5, 5, 5, 1], [7, 7, 7, np.nan]]
        ),
        "section_start": np.array([0, 2, 4, 5, 6, 7]),
        "section_group": np.array([0, 1, 2, 3, 0]),
        "section_parent": np.array([-1, 0, 1, 0, -1]),
        "section_tree": np.array([0, 0, 0, 0, 1]),
    }
    contours = {
        **_points([[1, 2, 3, 0.5], [4.5, -5, 6, 0.5]]),
        "contour_start": np.array([0, 2]),
        "contour_group": np.array([0]),
        "contour_resolution": np.array([0.25]),
        "point_slice": np.array([0, -1]),
    }
    markers = {
        **_points([[9, 9, 9, 1]]),
        "marker_start": np.array([0, 1]),
        "marker_group": np.array([0]),
        "marker_section": np.array([1]),
        "marker_after": np.array([1]),
    }
    nodes = {
        **_points([[1, 1, 1, 1], [2, 2, 2, 1]]),
        "node_start": np.array([0, 1, 2]),
        "node_group": np.array([0, 0]),
        "node_vessel": np.array([0, 0]),
    }
    edges = {
        **_points([[1, 1, 1, 1], [2, 2, 2, 1]]),
        "edge_start": np.array([0, 2]),
        "edge_group": np.array([0]),
        "edge_vessel": np.array([0]),
        "edge_nodes": np.array([[1, -1]]),
    }
    truths = [ShapesTruth("tracing", trees, um)]
    truths += [ShapesTruth("tracing", contours, um | {"contour_resolution": "micrometer"})]
    truths += [ShapesTruth("tracing", arrays, um) for arrays in (markers, nodes, edges)]
    return Truth(path, shapes=tuple(truths))


def _mbf_refused(folder: Path, text: str, error: str, says: str) -> Truth:
    path = folder / "bad.xml"
    path.write_text(text, "latin-1")
    return Truth(path, error=error, error_says=says)


_BOMB = '<!DOCTYPE mbf [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><mbf>&b;</mbf>'
_FILE = '<!DOCTYPE mbf [<!ENTITY a SYSTEM "file:///etc/passwd">]><mbf>&a;</mbf>'
_MBF_REFUSED = (
    ("cut", _MBF[:1500], "CorruptFileError", "well-formed"),
    ("bomb", _BOMB, "CorruptFileError", "entities"),
    ("file", _FILE, "CorruptFileError", "entities"),
    ("empty", '<?xml version="1.0"?><mbf version="4.0"></mbf>', "EmptyFileError", "no traced"),
    ("no number", '<mbf><tree><point x="1" y="2"/></tree></mbf>', "CorruptFileError", "numbers"),
    ("nowhere", '<mbf><tree><point x="1" y="2" z="nan"/></tree></mbf>', "CorruptFileError", "line"),
    ("branch", "<mbf><branch/></mbf>", "CorruptFileError", "no tree"),
    (
        "no node",
        '<mbf><vessel><edges><edge id="0"><point x="1" y="2" z="3"/></edge></edges><edgelists>'
        '<edgelist edge="0" sourcenode="8" targetnode="-1"/></edgelists></vessel></mbf>',
        "CorruptFileError",
        "node",
    ),
)

SAMPLES = [
    Sample("swc", "swc", _swc),
    Sample("swc-further", "swc", lambda folder: _swc(folder, further=True)),
    *(
        Sample(f"swc-{name}", "swc", lambda folder, rest=rest: _swc_refused(folder, *rest))
        for name, *rest in _SWC_REFUSED
    ),
    Sample("mbf", "mbf", _mbf),
    *(
        Sample(f"mbf-{name}", "mbf", lambda folder, rest=rest: _mbf_refused(folder, *rest))
        for name, *rest in _MBF_REFUSED
    ),
]
