"""A dataset's own OME-Zarr may neither name what lies outside of it, nor hold what runs when it is opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from sparc_fuse_core.convert.passed_through import copy_store, decode_all
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
        copy_store(contents, store, tmp_path / "good", free_text=False, budget_bytes=10**8)
        files = store.rglob("zarr.json")
        level = next(f for f in files if json.loads(f.read_bytes())["node_type"] == "array")
        document = json.loads(level.read_text())
        document["codecs"].append({"name": "numcodecs.pickle", "configuration": {}})
        level.write_text(json.dumps(document))
        with pytest.raises(UnsupportedFormatError, match="pickled"):
            copy_store(contents, store, tmp_path / "bad", free_text=False, budget_bytes=10**8)


@pytest.mark.parametrize("damage", ["cut", "overwritten", "longer than there is"])
def test_chunks_that_nobody_can_decode_are_not_published(damage: str, tmp_path: Path) -> None:
    """Copied byte for byte they would be "verified"; the last one would make c-blosc read past its end."""
    store = a_store(tmp_path)
    chunk = sorted(file for file in store.rglob("c/**/*") if file.is_file())[-1]
    stored = chunk.read_bytes()
    if damage == "cut":
        chunk.write_bytes(stored[: len(stored) // 2])
    elif damage == "overwritten":
        chunk.write_bytes(b"\x07" * len(stored))
    else:
        chunk.write_bytes(stored[:12] + (2**31).to_bytes(4, "little") + stored[16:])
    with (
        load_reader(format_named("ome-zarr"))(store, {}) as contents,
        pytest.raises(CorruptFileError, match=f"{store.name}.*cannot be decoded"),
    ):
        copy_store(contents, store, tmp_path / "out", free_text=False, budget_bytes=10**8)


def test_a_grid_without_end_is_not_gone_through(tmp_path: Path) -> None:
    """A million million chunks of which few are there, and one chunk of more than the budget."""
    root = zarr.open_group(tmp_path / "x", mode="w")
    sparse = root.create_array("sparse", shape=(10**6, 10**6), chunks=(1, 1), dtype="u1")
    sparse[5, 7] = 3
    root.create_array("big", shape=(10**5, 10**5), chunks=(10**5, 10**5), dtype="u1")
    (tmp_path / "x" / "big" / "c" / "0").mkdir(parents=True)
    (tmp_path / "x" / "big" / "c" / "0" / "0").write_bytes(b"never decoded")
    decode_all(tmp_path / "x", "x.ome.zarr", 10**8)
    (tmp_path / "x" / "sparse" / "c" / "5" / "7").write_bytes(b"no such bytes")
    with pytest.raises(CorruptFileError, match=r"x\.ome\.zarr: sparse .* at \[5, 7\]"):
        decode_all(tmp_path / "x", "x.ome.zarr", 10**8)
