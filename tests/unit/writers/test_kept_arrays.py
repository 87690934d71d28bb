"""Arrays and tables that are no signals come back as the file holds them, and claim nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.model import ArrayGroup, StoredArray, Table
from sparc_fuse_core.verify.kept_arrays import compare_arrays, compare_tables
from sparc_fuse_core.writers import kept_arrays
from sparc_fuse_core.writers.keys import key_of

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = 8_000_000
RNG = np.random.default_rng(5)


def write_tree(folder: Path, tree: ArrayGroup, zarr_format: Any = 3) -> Path:
    out = folder / "x.zarr"
    kept_arrays.write_arrays(tree, out, {"a": 1}, budget_bytes=BUDGET, zarr_format=zarr_format)
    return out


@settings(max_examples=60, deadline=None)
@given(
    values=npst.arrays(
        st.one_of(
            npst.integer_dtypes(endianness="?"),
            npst.unsigned_integer_dtypes(endianness="?"),
            npst.floating_dtypes(sizes=(16, 32, 64)),
            npst.complex_number_dtypes(sizes=(64, 128)),
            npst.boolean_dtypes(),
        ),
        npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    zarr_format=st.sampled_from([2, 3]),
)
def test_every_type_and_shape_comes_back(
    values: np.ndarray, zarr_format: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = ArrayGroup(arrays=(StoredArray("v", values),))
    out = write_tree(tmp_path_factory.mktemp("x"), tree, zarr_format)
    with xr.open_zarr(out, chunks=None) as ds:
        assert ds["v"].dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(ds["v"].values, values)
    assert compare_arrays(tree, out, whole_bytes=1 << 20) == []


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", ["float64", "complex64", "int16", "bool"])
def test_large_arrays_are_written_in_blocks(tmp_path: Path, dtype: str, zarr_format: int) -> None:
    values = RNG.integers(0, 2, (3, 700_001, 2)).astype(dtype)
    tree = ArrayGroup(arrays=(StoredArray("big", values),))
    out = write_tree(tmp_path, tree, zarr_format)
    np.testing.assert_array_equal(zarr.open_group(out)["big"][...], values)  # type: ignore[index]
    assert compare_arrays(tree, out, whole_bytes=1 << 10) == []
    changed = ArrayGroup(arrays=(StoredArray("big", values.copy()),))
    changed.arrays[0].values[-1, -1, -1] = values[-1, -1, -1] == 0  # type: ignore[index]
    assert compare_arrays(changed, out, whole_bytes=1 << 10) == ["big: values differ"]


def test_a_tree_keeps_names_attributes_and_texts(tmp_path: Path) -> None:
    tree = ArrayGroup(
        arrays=(
            StoredArray("fs", np.array(1000.0)),
            StoredArray("labels", np.array(["ECG", "", "µV"])),
            StoredArray(
                "a/b", np.arange(3, dtype=">i2"), units="mV", attributes={"scale_factor": 2.0}
            ),
            StoredArray("days", np.arange(2.0), units="days since 2001-01-01"),
        ),
        groups=(
            ArrayGroup(
                "results",
                arrays=(
                    StoredArray("fs", np.arange(4)),  # the name of an array above, another length
                    StoredArray("psd", np.ones((2, 3)), dimensions=("channel", "frequency")),
                    StoredArray("frequency", np.arange(3.0), dimensions=("frequency",)),
                ),
                groups=(ArrayGroup("deep", arrays=(StoredArray("fs", np.ones((4, 4))),)),),
                attributes={"window": {"name": "hann"}, "n": 3},
            ),
            ArrayGroup("empty"),
        ),
        attributes={"author": None, "program": "x"},
    )
    out = write_tree(tmp_path, tree)
    with xr.open_datatree(out, engine="zarr", chunks=None) as opened:
        assert opened.attrs["kind"] == "arrays"
        assert json.loads(opened.attrs["source_attributes"])["program"] == "x"
        assert opened["labels"].values.tolist() == ["ECG", "", "µV"]
        assert opened["a_b"].values.tolist() == [0, 1, 2]
        assert opened["a_b"].attrs["long_name"] == "a/b"
        assert opened["a_b"].attrs["units"] == "mV"
        assert json.loads(opened["a_b"].attrs["source_attributes"]) == {"scale_factor": 2.0}
        assert opened["days"].attrs == {"stated_units": "days since 2001-01-01"}
        assert opened["results/fs"].values.tolist() == [0, 1, 2, 3]
        assert opened["results/psd"].dims == ("channel", "frequency")
        assert opened["results/deep/fs"].shape == (4, 4)
        facts = json.loads(opened["results"].attrs["source_attributes"])
        assert facts == {"window": {"name": "hann"}, "n": 3}
        assert "empty" in opened.children
        assert "signals" not in opened
    assert compare_arrays(tree, out, whole_bytes=1 << 20) == []


def test_dimensions_that_contradict_each_other_are_not_used(tmp_path: Path) -> None:
    tree = ArrayGroup(
        arrays=(
            StoredArray("a", np.ones(3), dimensions=("n",)),
            StoredArray("b", np.ones(4), dimensions=("n",)),
            StoredArray("c", np.ones((2, 2)), dimensions=("m", "m")),
            StoredArray("m", np.ones((5, 6)), dimensions=("m", "k")),
        )
    )
    out = write_tree(tmp_path, tree)
    with xr.open_zarr(out, chunks=None) as ds:
        assert ds["a"].dims == ("n",)
        assert ds["b"].dims == ("b_0",)
        assert len(set(ds["c"].dims)) == 2
        assert ds["m"].shape == (5, 6)


def test_one_table_lies_in_the_root_and_several_in_groups(tmp_path: Path) -> None:
    columns = (
        StoredArray("subject id", np.array(["sub-1", "sub-2"])),
        StoredArray("weight", np.array([2.5, np.nan]), units="g"),
        StoredArray("", np.array([True, False])),
        StoredArray("weight", np.array([1, 2])),
    )
    one = (Table("Sheet1", columns),)
    out = tmp_path / "one.zarr"
    facts = kept_arrays.write_tables(one, out, {}, budget_bytes=BUDGET)
    assert [fact["name"] for fact in facts] == ["subject id", "weight", "column_3", "weight_2"]
    with xr.open_zarr(out, chunks=None) as ds:
        assert ds.sizes == {"row": 2}
        assert ds.attrs["kind"] == "table"
        assert ds.attrs["column_names"] == ["subject id", "weight", "", "weight"]
        assert ds["weight"].attrs == {"units": "g"}
        frame = ds.to_dataframe()
    assert frame["subject id"].tolist() == ["sub-1", "sub-2"]
    assert compare_tables(one, out, whole_bytes=1 << 20) == []
    two = (Table("A", columns[:1]), Table("B", columns[1:]))
    out = tmp_path / "two.zarr"
    kept_arrays.write_tables(two, out, {}, budget_bytes=BUDGET)
    with xr.open_datatree(out, engine="zarr", chunks=None) as opened:
        assert opened.attrs["tables"] == ["A", "B"]
        assert opened["B/weight_2"].values.tolist() == [1, 2]
    assert compare_tables(two, out, whole_bytes=1 << 20) == []


@settings(max_examples=200)
@given(names=st.lists(st.text(max_size=300), max_size=12))
def test_any_names_become_keys_that_stay_below_their_folder(names: list[str]) -> None:
    taken: set[str] = set()
    keys = [key_of(name, taken) for name in names]
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert key not in ("", ".", "..", "zarr.json")
        assert not set(key) & set("/\\\0")
        assert not key.startswith("__")
        assert len(key.encode()) < 255


def test_what_is_neither_number_nor_text_is_refused_by_name(tmp_path: Path) -> None:
    tree = ArrayGroup(arrays=(StoredArray("when", np.array(["2001-01-01"], "M8[s]")),))
    with pytest.raises(UnsupportedFormatError, match="when"):
        write_tree(tmp_path, tree)
