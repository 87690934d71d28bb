"""Stores that are almost valid: each of twelve mutations is refused, in both versions; the good one is not."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
import zarr

from sparc_fuse_core.errors import VerificationError
from sparc_fuse_core.model import Image
from sparc_fuse_core.verify.images import compare_images, validate
from sparc_fuse_core.writers.ome_zarr import write_images
from sparc_fuse_core.writers.zarr_arrays import consolidate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Version = Literal["0.4", "0.5"]

_PIXELS = np.random.default_rng(4).integers(0, 900, (2, 3, 530, 270)).astype("uint16")


def _image() -> Image:
    units = dict.fromkeys("zyx", "micrometer")
    return Image("", _PIXELS, "czyx", scale={"z": 3.0, "y": 0.5, "x": 0.5}, axis_units=units)


def _write(out: Path, version: Version) -> None:
    write_images(
        (_image(),),
        out,
        "a.tif",
        ome_zarr_version=version,
        memory_budget_bytes=1 << 24,
        attributes={},
    )


def _edit(store: Path, version: Version, change: Callable[[Any], None]) -> None:
    """Change the OME block where it lies; what zarr holds of it besides follows."""
    path = store / (".zattrs" if version == "0.4" else "zarr.json")
    document = json.loads(path.read_text())
    change(document if version == "0.4" else document["attributes"]["ome"])
    path.write_text(json.dumps(document))
    consolidate(store, 2 if version == "0.4" else 3)


def _datasets(ome: Any) -> Any:
    return ome["multiscales"][0]["datasets"]


def _axes_in_wrong_order(ome: Any) -> None:
    ome["multiscales"][0]["axes"].reverse()


def _no_transforms(ome: Any) -> None:
    del _datasets(ome)[1]["coordinateTransformations"]


def _scale_too_short(ome: Any) -> None:
    for dataset in _datasets(ome):
        for transform in dataset["coordinateTransformations"]:
            transform[transform["type"]].pop()


def _three_axes_for_four(ome: Any) -> None:
    ome["multiscales"][0]["axes"].pop(0)


def _levels_in_wrong_order(ome: Any) -> None:
    _datasets(ome).reverse()


def _no_version(ome: Any) -> None:
    ome.pop("version", None)
    ome["multiscales"][0].pop("version", None)


def _channel_without_window(ome: Any) -> None:
    del ome["omero"]["channels"][1]["window"]


def _unit_of_no_ngff(ome: Any) -> None:
    ome["multiscales"][0]["axes"][-1]["unit"] = "um"


def _negative_scale(ome: Any) -> None:
    for dataset in _datasets(ome):
        dataset["coordinateTransformations"][0]["scale"][-1] *= -1


def _zero_scale(ome: Any) -> None:
    for dataset in _datasets(ome):
        dataset["coordinateTransformations"][0]["scale"][1] = 0.0


def _two_levels_of_one_array(ome: Any) -> None:
    _datasets(ome)[1]["path"] = "0"


_MUTATIONS = [
    _axes_in_wrong_order,
    _no_transforms,
    _scale_too_short,
    _three_axes_for_four,
    _levels_in_wrong_order,
    _no_version,
    _channel_without_window,
    _unit_of_no_ngff,
    _negative_scale,
    _zero_scale,
    _two_levels_of_one_array,
]


@pytest.fixture(params=["0.4", "0.5"])
def version(request: pytest.FixtureRequest) -> Version:
    found: Version = request.param
    return found


def test_the_good_store_is_accepted(tmp_path: Path, version: Version) -> None:
    _write(tmp_path / "a", version)
    # the edit itself changes nothing
    _edit(tmp_path / "a", version, lambda _ome: None)
    validate(tmp_path / "a")
    assert compare_images((_image(),), tmp_path / "a", whole_bytes=1 << 30) == []


@pytest.mark.parametrize("mutation", _MUTATIONS, ids=lambda change: change.__name__.strip("_"))
def test_a_mutation_is_refused(
    tmp_path: Path, version: Version, mutation: Callable[[Any], None]
) -> None:
    _write(tmp_path / "a", version)
    _edit(tmp_path / "a", version, mutation)
    with pytest.raises(VerificationError, match="not a valid OME-Zarr"):
        validate(tmp_path / "a")


def test_an_absent_array_is_refused(tmp_path: Path, version: Version) -> None:
    _write(tmp_path / "a", version)
    shutil.rmtree(tmp_path / "a" / "1")
    consolidate(tmp_path / "a", 2 if version == "0.4" else 3)
    with pytest.raises(VerificationError, match="not a valid OME-Zarr"):
        validate(tmp_path / "a")


def test_an_absent_object_is_refused(tmp_path: Path, version: Version) -> None:
    _write(tmp_path / "a", version)
    objects = [f for f in (tmp_path / "a" / "1").rglob("*") if f.is_file() and f.name == "0"]
    objects[0].unlink()
    with pytest.raises(VerificationError, match="objects are absent"):
        validate(tmp_path / "a")


@pytest.mark.parametrize("level", ["0", "1"])
def test_a_changed_pixel_is_found(tmp_path: Path, version: Version, level: str) -> None:
    _write(tmp_path / "a", version)
    array: Any = zarr.open_group(tmp_path / "a", mode="r+")[level]
    array[-1, -1, -1, -1] += 1
    validate(tmp_path / "a")
    found = compare_images((_image(),), tmp_path / "a", whole_bytes=1 << 30)
    assert len(found) == 1
