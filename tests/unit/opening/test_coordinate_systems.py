"""OME-Zarr 0.6 states coordinate systems in the place of axes: opened and drawn as 0.5 is."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import ngff_zarr
import numpy as np
import zarr
from PIL import Image

from sparc_fuse_core import open_image
from sparc_fuse_core.opening.thumbnails.planes import image_thumbnail

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.arange(2 * 40 * 60, dtype=np.uint16).reshape(2, 40, 60)


def _newest(folder: Path) -> Path:
    store = folder / "newest.ome.zarr"
    image = ngff_zarr.to_ngff_image(
        PIXELS,
        dims=("c", "y", "x"),
        scale={"y": 500.0, "x": 0.25},
        translation={"y": 10_000.0, "x": 20.0},
        axes_units={"y": "nanometer", "x": "micrometer"},
    )
    method = ngff_zarr.Methods.DASK_BIN_SHRINK
    scales = ngff_zarr.to_multiscales(image, scale_factors=[{"y": 2, "x": 2}], method=method)
    ngff_zarr.to_ngff_zarr(str(store), scales, version="0.6")
    return store


def test_steps_and_places_are_those_of_the_levels_coordinate_system(tmp_path: Path) -> None:
    store = _newest(tmp_path)
    document = json.loads((store / "zarr.json").read_text())
    multiscale = document["attributes"]["ome"]["multiscales"][0]
    own = multiscale["coordinateSystems"][0]
    # where the picture lies in the world is no part of its own axes
    world = {
        "name": "world",
        "axes": [{**axis, "name": f"w{axis['name']}"} for axis in own["axes"]],
    }
    multiscale["coordinateSystems"].insert(0, world)
    further = {"type": "scale", "scale": [1, 9, 9], "input": own["name"], "output": "world"}
    multiscale["coordinateTransformations"] = [further]
    (store / "zarr.json").write_text(json.dumps(document))
    found = open_image(store)
    np.testing.assert_array_equal(found["image"].values, PIXELS)
    np.testing.assert_allclose(found["y"].values[:2], (10.0, 10.5))
    np.testing.assert_allclose(found["x"].values[:2], (20.0, 20.25))
    assert found["y"].attrs["units"] == found["x"].attrs["units"] == "um"
    half = open_image(store, level=1)
    np.testing.assert_allclose(half["y"].values[:2], (10.25, 11.25))


def test_a_thumbnail_is_drawn(tmp_path: Path) -> None:
    drawn = image_thumbnail(zarr.open_group(_newest(tmp_path), mode="r"))
    assert drawn is not None
    with Image.open(io.BytesIO(drawn)) as picture:
        assert picture.width > picture.height
