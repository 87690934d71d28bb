"""Levels of minimum and maximum are those of a plain reduction, whatever blocks they are fed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sparc_fuse_core.writers.overview import Overview, extremes, overview_factors

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "float32",
    "float64",
]


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    dtype=st.sampled_from(TYPES),
    ratio=st.sampled_from([4, 16, 64, 256]),
    n_rows=st.integers(1, 3),
    n_bins=st.integers(1, 9),
)
def test_extremes_are_those_of_each_run(
    data: st.DataObject, dtype: str, ratio: int, n_rows: int, n_bins: int
) -> None:
    shape = (n_rows, n_bins * ratio)
    values = data.draw(npst.arrays(dtype, shape, fill=npst.from_dtype(np.dtype(dtype))))
    low, high = extremes(values, ratio, (np.fmin, np.fmax))
    runs = values.reshape(n_rows, n_bins, ratio)
    assert low.dtype == high.dtype == values.dtype
    np.testing.assert_array_equal(low, np.fmin.reduce(runs, axis=2))
    np.testing.assert_array_equal(high, np.fmax.reduce(runs, axis=2))
    # a view with gaps between its rows, as a block cut to whole bins is
    wide = np.concatenate([values, values[:, :1]], axis=1)[:, :-1]
    np.testing.assert_array_equal(extremes(wide, ratio, (np.fmin,))[0], low)


@settings(max_examples=15, deadline=None)
@given(
    data=st.data(),
    n_samples=st.integers(4097, 300_000),
    dtype=st.sampled_from(["int16", "float32"]),
)
def test_any_blocks_give_the_same_levels(
    data: st.DataObject, n_samples: int, dtype: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out: Path = tmp_path_factory.mktemp("x")
    random = np.random.default_rng(n_samples)
    values = random.normal(0, 100, (2, n_samples)).astype(dtype)
    if dtype == "float32":
        values[:, : n_samples // 3] = np.nan
    overview = Overview(
        out / "overview",
        ("channel", "bin"),
        (2, n_samples),
        values.dtype,
        {factor: {} for factor in overview_factors(n_samples)},
        swap=False,
        zarr_format=3,
    )
    edges = sorted(data.draw(st.lists(st.integers(0, n_samples), max_size=5)))
    levels = overview.for_channels(0, 2)
    for start, stop in zip([0, *edges], [*edges, n_samples], strict=True):
        block = values[:, start:stop]
        levels.feed(block, block)
    levels.finish()
    for factor in overview.factors:
        padding = -n_samples % factor
        for name, ufunc in (("minimum", np.fmin), ("maximum", np.fmax)):
            whole = np.concatenate([values, np.repeat(values[:, -1:], padding, axis=1)], axis=1)
            expected = ufunc.reduce(whole.reshape(2, -1, factor), axis=2)
            level = zarr.open_array(out / "overview" / str(factor) / name, mode="r")
            np.testing.assert_array_equal(np.asarray(level[...]), expected)
