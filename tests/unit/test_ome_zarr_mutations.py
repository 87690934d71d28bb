"""A good OME-Zarr is accepted; each fault that one of the usual validators misses is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from sparc_fuse_core.errors import VerificationError
from sparc_fuse_core.model import Image
from sparc_fuse_core.writers.ome_zarr import write_image
from sparc_fuse_core.writers.ome_zarr_check import validate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Mutation = Callable[[dict[str, Any], Path], None]

_SHAPE = (2, 3, 300, 520)


def _multiscale(ome: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ome["multiscales"][0]
    return found


def _scale(ome: dict[str, Any], level: int = 0) -> list[float]:
    steps: list[float] = _multiscale(ome)["datasets"][level]["coordinateTransformations"][0][
        "scale"
    ]
    return steps


def _axes_in_wrong_order(ome: dict[str, Any], _store: Path) -> None:
    _multiscale(ome)["axes"].reverse()


def _transforms_missing(ome: dict[str, Any], _store: Path) -> None:
    for dataset in _multiscale(ome)["datasets"]:
        del dataset["coordinateTransformations"]


def _scale_too_short(ome: dict[str, Any], _store: Path) -> None:
    _scale(ome).pop()


def _three_axes_for_four(ome: dict[str, Any], _store: Path) -> None:
    del _multiscale(ome)["axes"][0]
    for dataset in _multiscale(ome)["datasets"]:
        for transform in dataset["coordinateTransformations"]:
            del transform[transform["type"]][0]


def _array_missing(_ome: dict[str, Any], store: Path) -> None:
    shutil.rmtree(store / "1")


def _levels_in_wrong_order(ome: dict[str, Any], _store: Path) -> None:
    _multiscale(ome)["datasets"].reverse()


def _no_version(ome: dict[str, Any], _store: Path) -> None:
    ome.pop("version", None)
    _multiscale(ome).pop("version", None)


def _channel_without_window(ome: dict[str, Any], _store: Path) -> None:
    del ome["omero"]["channels"][0]["window"]


def _no_ngff_unit(ome: dict[str, Any], _store: Path) -> None:
    _multiscale(ome)["axes"][-1]["unit"] = "um"


def _negative_scale(ome: dict[str, Any], _store: Path) -> None:
    _scale(ome, 1)[-1] *= -1


def _zero_scale(ome: dict[str, Any], _store: Path) -> None:
    _scale(ome)[1] = 0.0


def _two_levels_of_one_array(ome: dict[str, Any], _store: Path) -> None:
    _multiscale(ome)["datasets"][1]["path"] = _multiscale(ome)["datasets"][0]["path"]


#: mutation → a word of the finding, so that a store refused for another reason is noticed
_MUTATIONS: dict[Mutation, str] = {
    _axes_in_wrong_order: "axes|order|axis",
    _transforms_missing: "coordinateTransformations",
    _scale_too_short: "scale|length|dimension",
    _three_axes_for_four: "axes|dimension|ndim",
    _array_missing: "1",
    _levels_in_wrong_order: "order|smaller|ome-zarr-models",
    _no_version: "version",
    _channel_without_window: "window",
    _no_ngff_unit: "'um'",
    _negative_scale: "positive|ome-zarr-models",
    _zero_scale: "positive",
    _two_levels_of_one_array: "not smaller|unique|same",
}


def _write(out: Path, version: Literal["0.4", "0.5"]) -> None:
    pixels = np.arange(np.prod(_SHAPE), dtype=np.uint32).reshape(_SHAPE).astype(np.uint16)
    image = Image(
        name="",
        pixels=pixels,
        axes="czyx",
        scale={"z": 2.0, "y": 0.5, "x": 0.5},
        axis_units=dict.fromkeys("zyx", "micrometer"),
    )
    write_image(image, out, ome_zarr_version=version, memory_budget_bytes=1 << 24, attributes={})


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_good_store_is_accepted(version: Literal["0.4", "0.5"], tmp_path: Path) -> None:
    _write(tmp_path / "good.ome.zarr", version)
    validate(tmp_path / "good.ome.zarr")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("mutate", _MUTATIONS, ids=lambda m: m.__name__.strip("_"))
def test_mutated_store_is_refused(
    mutate: Mutation, version: Literal["0.4", "0.5"], tmp_path: Path
) -> None:
    store = tmp_path / "mutated.ome.zarr"
    _write(store, version)
    root = store / ("zarr.json" if version == "0.5" else ".zattrs")
    document = json.loads(root.read_text())
    mutate(document["attributes"]["ome"] if version == "0.5" else document, store)
    root.write_text(json.dumps(document))
    consolidated = store / ".zmetadata"
    if consolidated.exists():
        # what is consolidated says the same, as a tool that writes such a store would leave it
        whole = json.loads(consolidated.read_text())
        whole["metadata"][".zattrs"] = document
        consolidated.write_text(json.dumps(whole))
    with pytest.raises(VerificationError, match=_MUTATIONS[mutate]) as caught:
        validate(store)
    assert "mutated.ome.zarr" in str(caught.value)
