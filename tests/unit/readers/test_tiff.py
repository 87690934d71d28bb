"""Shared real TIFF files against their stated truth: pixels, axes, calibration, names."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.tiff.reader import read
from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path

_MICRO = {"x": "micrometer", "y": "micrometer"}

#: file → for each image: axes, scale, units, channel names, kind. Scales are those that the file
#: states (its ImageJ description, its OME-XML), read with a text editor; the truth files' µm come from
#: Bio-Formats, which makes pixel sizes of printer resolutions.
FILES: dict[str, list[dict[str, Any]]] = {
    "5channel.tif": [{"axes": "cyx"}],
    "5d.tif": [
        {
            "axes": "tczyx",
            # 0.058823 pixels a centimetre, 0.076923 a picometre: the file really says so
            "scale": {"x": 17.000153, "y": 13.000013, "z": 8.0, "t": 3.0},
            "units": {"x": "centimeter", "y": "picometer", "z": "nanometer", "t": "hour"},
        }
    ],
    "FOV7_HV110_P0500510000.ome.tiff": [{"axes": "yx"}],
    "_blobs_3d_fiji_skeleton.tif": [{"axes": "zyx"}],
    "brightlight-off-slit-spccd-simple.ome.tiff": [
        {"axes": "yx", "scale": {"x": 40.909091, "y": 40.909091}, "units": _MICRO}
    ],
    "chessboard_GRAY_U16B.tif": [{"axes": "yx"}],
    "gen_imagej_tzcyx.tif": [
        {
            "axes": "tczyx",
            "scale": {"x": 0.5, "y": 0.5, "z": 1.5, "t": 0.25},
            "units": {**_MICRO, "z": "micrometer", "t": "second"},
        }
    ],
    "gen_ome_tzcyx.ome.tif": [
        {
            "axes": "tczyx",
            "scale": {"x": 0.5, "y": 0.5, "z": 1.5, "t": 0.25},
            "units": {**_MICRO, "z": "micrometer", "t": "second"},
            "names": ("DAPI", "GFP"),
        }
    ],
    "gen_palette.tif": [{"axes": "yx", "kind": "label"}],
    "gen_pyramid.ome.tif": [{"axes": "yx", "scale": {"x": 0.5, "y": 0.5}, "units": _MICRO}],
    "grey10kx5k.tif": [{"axes": "yx"}],
    # the truth file puts the two pages on t; the file does not say what they are: z, and said
    "multipage_rgb.tif": [
        {"axes": "czyx", "names": ("R", "G", "B"), "kind": "rgb", "as_if": "ctyx"}
    ],
    "olympus_SIS.tif": [
        {"axes": "cyx", "names": ("R", "G", "B"), "kind": "rgb"},
        # the tag of the second page: 2.39e-11 m
        {"axes": "yx", "scale": dict.fromkeys("yx", 2.392791775876109e-05), "units": _MICRO},
    ],
    "test_loading_image_saved_with_imageJ_stack.tif": [
        {
            "axes": "zyx",
            "scale": {"x": 0.168674711, "y": 0.168674711, "z": 2.5},
            "units": {**_MICRO, "z": "micrometer"},
        }
    ],
    "tiff_strip_planar_16bit_RGB.tiff": [
        {"axes": "cyx", "names": ("R", "G", "B"), "kind": "rgb"},
    ],
}


def test_every_shared_file_is_checked(shared_samples: Path) -> None:
    found = {path.name for path in (shared_samples / "imaging" / "tif").glob("*.tif*")}
    assert {name for name in found if not name.endswith(".json")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_shared_file_equals_its_truth(shared_samples: Path, name: str) -> None:
    evidence = check_images(shared_samples / "imaging" / "tif" / name, "tiff", FILES[name])
    inferred = [part.fact for part in evidence if part.basis == "inferred"]
    assert inferred == (["axes"] if name == "multipage_rgb.tif" else [])


@pytest.mark.parametrize("back_to", [0, 1, 2])
def test_pages_that_go_in_a_circle_are_refused(tmp_path: Path, back_to: int) -> None:
    path = tmp_path / "circle.tif"
    with tifffile.TiffWriter(path) as writer:
        for number in range(3):
            writer.write(np.full((4, 5), number, np.uint8), contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as document:
        offsets = [page.offset for page in document.pages]
    data = bytearray(path.read_bytes())
    n_tags = struct.unpack_from("<H", data, offsets[2])[0]
    struct.pack_into("<I", data, offsets[2] + 2 + 12 * n_tags, offsets[back_to])
    path.write_bytes(data)
    circle = pytest.raises(CorruptFileError, match=r"circle\.tif: .*pages go in a circle")
    with circle, read(path, {}):
        pass
