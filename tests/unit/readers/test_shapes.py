"""Every shared real ROI, OBJ and EXF file equals its stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import find_format
from sparc_fuse_core.readers import obj, roi
from sparc_fuse_core.readers.exf import reader as exf
from tests.samples import exf as exf_samples

if TYPE_CHECKING:
    from pathlib import Path

ROI = (
    "composite-brush-donut.roi",
    "composite-rect-in-rect.roi",
    "ellipse.roi",
    "freehand.roi",
    "line1.roi",
    "multipoint.roi",
    "oval.roi",
    "point.roi",
    "polygon-left.roi",
    "polyline.roi",
    "rectangle.roi",
)
OBJ = ("fandisk.obj", "groups.obj", "polygonfaces.obj")
EXF = ("basic_sphere.exf", "breast_data.exf", "node_time_sequence.exf", "two_element_cube.exf")


def _truth(path: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(
        path.with_name(f"{path.name}.expected.json").read_text("utf-8")
    )
    return truth


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    for extension, names in (("roi", ROI), ("obj", OBJ), ("exf", EXF)):
        found = (shared_samples / "imaging" / extension).glob(f"*.{extension}")
        assert {path.name for path in found} == set(names)


@pytest.mark.parametrize("name", ROI)
def test_roi_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/roi" / name
    truth = _truth(path)
    meta = truth["native"][0]["images"][0]["meta"]
    with roi.read(path, {}) as contents:
        (shapes,) = contents.shapes
    (facts,) = shapes.metadata["regions"]
    assert facts["name"] == meta["name"]
    assert facts["version"] == meta["version"]
    np.testing.assert_array_equal(shapes.arrays["box_left_top_right_bottom"], [meta["box"]])
    np.testing.assert_array_equal(shapes.arrays["position_channel_slice_frame"], [meta["pos"]])
    coordinates = truth["coordinates_xy"]
    if name in ("oval.roi", "rectangle.roi"):
        # the stated outline is one that roifile makes of the box; the file stores none
        assert "points_xy" not in shapes.arrays
        assert facts["type"] == {"oval.roi": "oval", "rectangle.roi": "rect"}[name]
        other = truth["read_roi_1.6"][name.removesuffix(".roi")]
        left, top, right, bottom = shapes.arrays["box_left_top_right_bottom"][0]
        assert [left, top, right - left, bottom - top] == [
            other[key] for key in ("left", "top", "width", "height")
        ]
        return
    paths = coordinates if facts["type"] == "composite" else [coordinates]
    starts = shapes.arrays["path_start"]
    assert len(starts) == len(paths) + 1
    for k, points in enumerate(paths):
        found = shapes.arrays["points_xy"][starts[k] : starts[k + 1]]
        np.testing.assert_allclose(found, points, rtol=1e-6)
    if name == "ellipse.roi":
        other = truth["read_roi_1.6"]["ellipse"]
        axis = [other[key] for key in ("ex1", "ey1", "ex2", "ey2")]
        np.testing.assert_allclose(shapes.arrays["axis_x1_y1_x2_y2"], [axis])


@pytest.mark.parametrize("name", OBJ)
def test_obj_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/obj" / name
    truth = _truth(path)
    with obj.read(path, {}) as contents:
        (shapes,) = contents.shapes
    count = truth["text_count"]
    vertices = shapes.arrays["vertices"]
    assert len(vertices) == count["v"]
    assert len(shapes.arrays["face_start"]) - 1 == count["f"]
    assert len(shapes.arrays.get("normals", ())) == count["vn"]
    np.testing.assert_allclose([vertices.min(0), vertices.max(0)], truth["vertex_bounds"])
    # trimesh counts triangles: a face of n corners makes n - 2
    corners = np.diff(shapes.arrays["face_start"])
    assert int((corners - 2).sum()) == truth["native"][0]["images"][0]["meta"]["f"]
    names = {group["group"] for group in shapes.metadata["groups"]} - {""}
    assert len(names) == count["g"]


@pytest.mark.parametrize("name", EXF)
def test_exf_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/exf" / name
    truth = _truth(path)
    meta = truth["native"][0]["images"][0]["meta"]
    with exf.read(path, {}) as contents:
        (shapes,) = contents.shapes
    assert f"EX Version: {contents.metadata['ex_version']}" == truth["text_count"]["header"]
    assert [shapes.name] == truth["text_count"]["regions"]
    own = {}  # identifiers by domain, without the lists of groups
    for section in shapes.metadata["sections"]:
        if not section["group"]:
            own.setdefault(section["domain"], []).extend(
                shapes.arrays[f"{section['arrays']}_identifier"].tolist()
            )
    assert len(set(own.get("nodes", ()))) == meta["nodes"]
    assert len(set(own.get("datapoints", ()))) == meta["data"]
    assert [len(set(own.get(f"mesh{d}d", ()))) for d in (1, 2, 3)] == meta["meshes"]
    fields = {f["name"] for s in shapes.metadata["sections"] for f in s.get("fields", ())}
    groups = set(shapes.metadata["group_names"])
    # two fields that every region of the other reader has
    assert fields | groups | {"cmiss_number", "xi"} == set(meta["fields"]) | {"xi"}


def test_first_and_last_values_of_real_nodes(shared_samples: Path) -> None:
    with exf.read(shared_samples / "imaging/exf/breast_data.exf", {}) as contents:
        arrays = contents.shapes[0].arrays
        assert arrays["datapoints_0_identifier"][:3].tolist() == [20, 41, 55]
        assert arrays["datapoints_0_data_coordinates"][0].tolist() == [
            14.00694089085669,
            -37.62980790097450,
            19.03758339877915,
        ]
    with exf.read(shared_samples / "imaging/exf/node_time_sequence.exf", {}) as contents:
        arrays = contents.shapes[0].arrays
        assert arrays["nodes_0_coordinates"].shape == (2, 6, 4)
        assert arrays["nodes_0_coordinates"][0, :, 0].tolist() == [0.0, 1.0, 2.1, 3.3, 4.6, 6.0]
        assert arrays["nodes_0_count"][1].ravel().tolist() == [2, 4, 6]
        assert arrays["nodes_0_pressure"].ravel().tolist() == [101325.0, 103325.0]


def test_text_values_are_kept_as_text(tmp_path: Path) -> None:
    (sample,) = [sample for sample in exf_samples.SAMPLES if sample.name == "exf-version-2"]
    with exf.read(sample.write(tmp_path).path, {}) as contents:
        section = contents.shapes[0].metadata["sections"][1]
        assert section["values_as_text"] == [['"left: \\"A\\""']]
        assert len(contents.evidence) == 1


def test_a_set_of_regions_is_no_mere_archive() -> None:
    assert find_format("a/b/RoiSet.zip").name == "roi"
    assert find_format("a/other.zip").name == "archive"
