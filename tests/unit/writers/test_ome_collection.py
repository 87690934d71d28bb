"""Several images of a file are a collection as others write and read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import ome_types
import pytest
import zarr

from sparc_fuse_core.model import Image
from sparc_fuse_core.verify.images import compare_images, validate
from sparc_fuse_core.writers.ome_collection import ome_xml
from sparc_fuse_core.writers.ome_zarr import write_images

if TYPE_CHECKING:
    from pathlib import Path

STACK = np.arange(2 * 3 * 30 * 40, dtype=np.uint16).reshape(2, 3, 30, 40)
IMAGES = (
    Image(
        "Scene \u00b5 <1> & \x01",
        STACK,
        "czyx",
        {"x": 0.5, "y": 0.25, "z": 2.0},
        {"x": "micrometer", "y": "nanometer"},
        channel_names=("DAPI", ""),
        significant_bits=12,
    ),
    Image("", STACK[:, 0].astype(np.float32), "tyx", {"t": 0.1}, {"t": "second"}),
    Image("labels", STACK[0, 0], "yx", kind="label"),
    Image("mask", STACK[0, 0] > 5, "yx", kind="label"),
)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_collection_is_found_as_others_look_for_it(tmp_path: Path, version: Any) -> None:
    out = tmp_path / "x.ome.zarr"
    write_images(
        IMAGES, out, "x.czi", ome_zarr_version=version, memory_budget_bytes=10**7, attributes={}
    )
    validate(out)
    assert compare_images(IMAGES, out, whole_bytes=1 << 30) == []
    metadata = ".zattrs" if version == "0.4" else "zarr.json"

    def attributes(where: str) -> Any:
        found = json.loads((out / where / metadata).read_text())
        return found if version == "0.4" else found["attributes"]["ome"]

    assert attributes("")["bioformats2raw.layout"] == 3
    assert attributes("OME")["series"] == ["0", "1", "2", "3"]
    names = [attributes(path)["multiscales"][0]["name"] for path in "0123"]
    assert names == ["Scene \u00b5 <1> & \x01", "x.czi", "labels", "mask"]
    assert "image-label" in attributes("2")
    assert "image-label" not in attributes("0")
    assert "image-label" not in attributes("3"), "labels are integers"
    # zarr.open_group on the root lists what a viewer lists
    assert sorted(zarr.open_group(out, mode="r").keys()) == ["0", "1", "2", "3", "OME"]


def test_names_sizes_and_steps_in_ome_xml_as_ome_types_reads_them(tmp_path: Path) -> None:
    document = ome_xml(IMAGES, "x.czi")
    assert document is not None
    first, second, _, mask = ome_types.from_xml(document.decode()).images
    assert (first.name, second.name) == ("Scene \u00b5 <1> & ", "x.czi")
    pixels = first.pixels
    assert [getattr(pixels, f"size_{axis}") for axis in "xyzct"] == [40, 30, 3, 2, 1]
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value) == (0.5, "\u00b5m")
    assert pixels.physical_size_y_unit.value == "nm"
    assert pixels.physical_size_z is None, "a step without a unit would become micrometres"
    assert [channel.name for channel in pixels.channels] == ["DAPI", None]
    assert pixels.significant_bits == 12
    assert (second.pixels.type.value, second.pixels.size_t) == ("float", 2)
    assert second.pixels.time_increment == 0.1
    assert mask.pixels.type.value == "bit"


def test_pixels_that_ome_s_model_lacks_give_no_document() -> None:
    wide = Image("a", STACK[0, 0].astype(np.int64), "yx")
    assert ome_xml((wide, IMAGES[1]), "x") is None


def test_an_only_image_is_called_by_its_file(tmp_path: Path) -> None:
    out = tmp_path / "x.ome.zarr"
    write_images(IMAGES[1:2], out, "cells.tif", memory_budget_bytes=10**7, attributes={})
    ome: Any = zarr.open_group(out, mode="r").attrs["ome"]
    assert ome["multiscales"][0]["name"] == "cells.tif"
    assert not (out / "OME").exists()
