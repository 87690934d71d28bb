"""A dataset's own OME-Zarr may neither name what lies outside of it, nor hold what runs when it is opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from sparc_fuse_core.convert.passed_through import copy_store
from sparc_fuse_core.errors import CorruptFileError, UnsupportedFormatError
from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import all_samples

if TYPE_CHECKING:
    from pathlib import Path


def a_store(folder: Path) -> Path:
    """Write a true OME-Zarr of version 0.5 and return its folder."""
    for sample in all_samples():
        if sample.format == "ome-zarr":
            truth = sample.write(folder)
            store = truth.path if truth.path.is_dir() else truth.path.parent
            file = store / "zarr.json"
            if not truth.error and file.is_file() and b"multiscales" in file.read_bytes():
                return store
    raise AssertionError


@pytest.mark.parametrize("where", ["../secret.zarr", "/secret.zarr", "..", "a/../../secret.zarr"])
def test_arrays_outside_of_the_store_are_not_looked_at(where: str, tmp_path: Path) -> None:
    store = a_store(tmp_path)
    zarr.create_array(tmp_path / "secret.zarr", data=np.zeros((2, 2, 2, 2)))
    file = store / "zarr.json"
    document = json.loads(file.read_text())
    document["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = where
    file.write_text(json.dumps(document))
    with pytest.raises(CorruptFileError), load_reader(format_named("ome-zarr"))(store, {}):
        pass


def test_pickled_chunks_are_not_published(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    reader = load_reader(format_named("ome-zarr"))
    with reader(store, {}) as contents:
        copy_store(contents, store, tmp_path / "good", free_text=False)
        files = store.rglob("zarr.json")
        level = next(f for f in files if json.loads(f.read_bytes())["node_type"] == "array")
        document = json.loads(level.read_text())
        document["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
        level.write_text(json.dumps(document))
        with pytest.raises(UnsupportedFormatError, match="pickled"):
            copy_store(contents, store, tmp_path / "bad", free_text=False)
