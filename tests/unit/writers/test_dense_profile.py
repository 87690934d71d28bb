"""The dense profile holds the same values in fewer bytes, and says what a reader lacks."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.opening.recordings import open_zarr, overview
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.verify.recordings import compare_signals
from sparc_fuse_core.writers import bundle, zarr_signals
from sparc_fuse_core.writers.zarr_arrays import folder_size

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000
QUIET = "ignore:Numcodecs codecs are not in the Zarr"


def contents_of(values: np.ndarray, **facts: object) -> Contents:
    n = values.shape[0]
    names, units = tuple(f"c{i}" for i in range(n)), ("mV",) * n
    one = Recording("main", values, names, units, 1000.0, **facts)  # type: ignore[arg-type]
    return Contents(recordings=(one,))


def noise(n_channels: int, n_samples: int) -> np.ndarray:
    random = np.random.default_rng(5)
    return np.rint(random.normal(0, 24, (n_channels, n_samples))).astype(np.int16)


@settings(max_examples=30, deadline=None)
@given(
    values=npst.arrays(
        dtype=st.sampled_from(
            ["bool", "int8", "uint8", "int16", ">i2", "uint32", "int64", "float32", ">f8"]
        ),
        shape=npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9),
    ),
    zarr_format=st.sampled_from([2, 3]),
)
@pytest.mark.filterwarnings(QUIET)
def test_values_come_back_exactly(
    values: np.ndarray, zarr_format: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("x") / "out.zarr"
    contents = contents_of(values)
    zarr_signals.write(
        contents,
        out,
        {},
        budget_bytes=2 * MB,
        zarr_format=zarr_format,  # type: ignore[arg-type]
        profile="dense",
    )
    assert compare_signals(contents, out, whole_bytes=MB) == []
    with xr.open_zarr(out, decode_cf=False) as ds:
        np.testing.assert_array_equal(ds["signals"].values, values)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_it_is_smaller_and_every_way_to_read_it_works(tmp_path: Path, zarr_format: int) -> None:
    values = noise(3, 300_000)
    contents = contents_of(values, gain=(0.5,) * 3, offset=(1.0,) * 3)
    sizes = {}
    for profile in ("default", "dense"):
        store = tmp_path / profile
        zarr_signals.write(
            contents,
            store,
            {},
            budget_bytes=2 * MB,
            zarr_format=zarr_format,  # type: ignore[arg-type]
            profile=profile,  # type: ignore[arg-type]
        )
        assert compare_signals(contents, store, whole_bytes=10 * MB) == []
        sizes[profile] = folder_size(store)
    assert sizes["dense"][1] < 0.95 * sizes["default"][1]
    assert sizes["dense"][0] == sizes["default"][0]
    store = tmp_path / "dense"
    opened = open_zarr(store)
    np.testing.assert_array_equal(opened["signals"].values, values * 0.5 + 1.0)
    level = overview(store)
    assert level is not None
    assert float(level["minimum"].min()) == values.min() * 0.5 + 1.0
    bundle.write_npz(store, tmp_path / "dense.npz")
    with np.load(tmp_path / "dense.npz", allow_pickle=False) as packed:
        np.testing.assert_array_equal(packed["signals"], values * 0.5 + 1.0)


def test_chunks_of_zeros_are_stored(tmp_path: Path) -> None:
    contents = contents_of(np.zeros((2, 200_000), np.int16))
    zarr_signals.write(contents, tmp_path / "x", {}, budget_bytes=2 * MB, profile="dense")
    assert (tmp_path / "x" / "signals" / "c" / "0" / "0").is_file()


def test_a_reader_without_the_codec_is_told_what_to_install(tmp_path: Path) -> None:
    contents = contents_of(noise(2, 20_000))
    zarr_signals.write(contents, tmp_path / "x", {}, budget_bytes=2 * MB, profile="dense")
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "pcodec":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "pcodec" else real(name, package)
from pathlib import Path
from sparc_fuse_core.errors import MissingDependencyError
from sparc_fuse_core.model import Contents
from sparc_fuse_core.opening.recordings import open_zarr, overview
from sparc_fuse_core.writers import zarr_signals
store = Path({str(tmp_path / "x")!r})
for act in (
    lambda: open_zarr(store),
    lambda: overview(store),
    lambda: zarr_signals.write(Contents(), store / "y", {{}}, budget_bytes=1, profile="dense"),
):
    try:
        act()
    except MissingDependencyError as err:
        print(".[dense]" in str(err))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 3, done.stderr


def test_plain_xarray_reads_it_with_a_remark(tmp_path: Path) -> None:
    values = noise(2, 20_000)
    zarr_signals.write(
        contents_of(values), tmp_path / "x", {}, budget_bytes=2 * MB, profile="dense"
    )
    codecs = json.loads((tmp_path / "x" / "signals" / "zarr.json").read_text())["codecs"]
    assert "numcodecs.pcodec" in json.dumps(codecs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with xr.open_zarr(tmp_path / "x") as ds:
            np.testing.assert_array_equal(ds["signals"].values, values)
    # zarr-python 3.2 and later know the codec's name and no longer remark on it
    remarks = [one for one in caught if "Numcodecs" in str(one.message)]
    assert bool(remarks) == zarr.__version__.startswith("3.1.")


def test_the_profile_is_an_option_that_changes_the_work() -> None:
    assert ConvertOptions() != ConvertOptions(profile="dense")
    with pytest.raises(RequestError, match="tight"):
        ConvertOptions(profile="tight")  # type: ignore[arg-type]
