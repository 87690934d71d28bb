"""OME-Zarr stores of another writer (ngff-zarr), and ones that are not to be taken."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import ngff_zarr
import numpy as np
import zarr

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {"z": "micrometer", "y": "nanometer", "x": "nanometer"}
_SCALE = {"z": 2.0, "y": 0.5, "x": 0.25}


def write_store(folder: Path, version: str) -> tuple[Path, np.ndarray]:
    """Write a store of three levels with ngff-zarr; return it and its pixels."""
    pixels = np.random.default_rng(3).integers(0, 4000, (2, 3, 70, 90), dtype=np.uint16)
    image = ngff_zarr.to_ngff_image(
        pixels,
        dims=("c", "z", "y", "x"),
        scale={"c": 1.0, **_SCALE},
        axes_units=_UNITS,
        name="slab",
    )
    factors: Any = [{"z": 1, "y": 2, "x": 2}, {"z": 1, "y": 4, "x": 4}]
    multiscales = ngff_zarr.to_multiscales(
        image, scale_factors=factors, method=ngff_zarr.Methods.DASK_BIN_SHRINK
    )
    store = folder / "slab.ome.zarr"
    ngff_zarr.to_ngff_zarr(str(store), multiscales, version=version)
    return store, pixels


def _written(folder: Path, version: str) -> Truth:
    store, pixels = write_store(folder, version)
    return Truth(store, (), (ImageTruth(pixels, "czyx", _SCALE, _UNITS),))


def _plate(folder: Path) -> Truth:
    """A plate of one well with two fields, its metadata put together by hand."""
    images = []
    store = folder / "p.ome.zarr"
    for n in (0, 1):
        inner, pixels = write_store(folder, "0.4")
        field = store / "A" / "1" / str(n)
        field.parent.mkdir(parents=True, exist_ok=True)
        inner.rename(field)
        images.append(ImageTruth(pixels, "czyx", _SCALE, _UNITS))
    group = json.dumps({"zarr_format": 2})
    plate = {
        "version": "0.4",
        "rows": [{"name": "A"}],
        "columns": [{"name": "1"}],
        "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}],
    }
    well = {"version": "0.4", "images": [{"path": "0"}, {"path": "1"}]}
    for place, key, value in ((store, "plate", plate), (store / "A" / "1", "well", well)):
        (place / ".zgroup").write_text(group)
        (place / ".zattrs").write_text(json.dumps({key: value}))
    (store / "A" / ".zgroup").write_text(group)
    return Truth(store, (), tuple(images))


def _newest(folder: Path) -> Truth:
    """Version 0.6 as its reference writer publishes it: coordinate systems, and sequences for each level."""
    pixels = np.arange(2 * 40 * 50, dtype=np.uint16).reshape(2, 40, 50)
    steps = {"y": 0.5, "x": 0.25}
    units = {"y": "micrometer", "x": "micrometer"}
    image = ngff_zarr.to_ngff_image(pixels, dims=("c", "y", "x"), scale=steps, axes_units=units)
    scales = ngff_zarr.to_multiscales(
        image, scale_factors=[{"y": 2, "x": 2}], method=ngff_zarr.Methods.DASK_BIN_SHRINK
    )
    store = folder / "newest.ome.zarr"
    ngff_zarr.to_ngff_zarr(str(store), scales, version="0.6")
    return Truth(store, (), (ImageTruth(pixels, "cyx", steps, units),))


def _labelled(folder: Path) -> Truth:
    """Labels without a version of their own, as ome-zarr-py writes them; one validator of three refuses."""
    store, pixels = write_store(folder, "0.5")
    (folder / "second").mkdir()
    cells, _ = write_store(folder / "second", "0.5")
    inner = store / "labels" / "cells"
    inner.parent.mkdir()
    cells.rename(inner)
    group = {"zarr_format": 3, "node_type": "group"}
    attributes = {"attributes": {"ome": {"labels": ["cells"]}}}
    (store / "labels" / "zarr.json").write_text(json.dumps(group | attributes))
    return Truth(store, (), (ImageTruth(pixels, "czyx", _SCALE, _UNITS),))


def _refused(folder: Path) -> Truth:
    """Axes in an order that no version allows: refused by all."""
    store, _ = write_store(folder, "0.5")
    stated = json.loads((store / "zarr.json").read_text())
    stated["attributes"]["ome"]["multiscales"][0]["axes"].reverse()
    (store / "zarr.json").write_text(json.dumps(stated))
    return Truth(store, error="CorruptFileError", error_says="OME-Zarr")


def _older(folder: Path) -> Truth:
    store, _ = write_store(folder, "0.4")
    attributes = store / ".zattrs"
    stated = json.loads(attributes.read_text())
    stated["multiscales"][0]["version"] = "0.2"
    attributes.write_text(json.dumps(stated))
    return Truth(store, error="UnsupportedFormatError", error_says="OME-Zarr 0.2")


def _not_ome(folder: Path) -> Truth:
    store = folder / "table.zarr"
    zarr.open_group(store, mode="w").create_array("x", data=np.arange(4))
    return Truth(store, error="UnsupportedFormatError", error_says="no OME-Zarr image")


def _no_root(folder: Path) -> Truth:
    store, _ = write_store(folder, "0.5")
    (store / "zarr.json").unlink()
    return Truth(store, error="MissingCompanionError", error_says="zarr.json")


def _no_level(folder: Path) -> Truth:
    store, _ = write_store(folder, "0.5")
    stated = json.loads((store / "zarr.json").read_text())["attributes"]["ome"]
    shutil.rmtree(store / stated["multiscales"][0]["datasets"][0]["path"])
    return Truth(store, error="CorruptFileError", error_says="absent")


def _no_json(folder: Path) -> Truth:
    store, _ = write_store(folder, "0.5")
    (store / "zarr.json").write_text("{")
    return Truth(store, error="CorruptFileError", error_says="zarr.json")


SAMPLES = [
    Sample("ome-zarr 0.4", "ome-zarr", lambda folder: _written(folder, "0.4")),
    Sample("ome-zarr 0.5", "ome-zarr", lambda folder: _written(folder, "0.5")),
    Sample("ome-zarr plate", "ome-zarr", _plate),
    Sample("ome-zarr 0.6", "ome-zarr", _newest),
    Sample("ome-zarr labels", "ome-zarr", _labelled),
    Sample("ome-zarr wrong axes", "ome-zarr", _refused),
    Sample("ome-zarr 0.2", "ome-zarr", _older),
    Sample("zarr without ome", "ome-zarr", _not_ome),
    Sample("ome-zarr without root", "ome-zarr", _no_root),
    Sample("ome-zarr without a level", "ome-zarr", _no_level),
    Sample("ome-zarr with broken json", "ome-zarr", _no_json),
]
