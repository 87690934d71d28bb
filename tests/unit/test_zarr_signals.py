"""What is written opens in plain xarray with the physical values, units and times of the recording."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import sparc_fuse_core as sf
from sparc_fuse_core.model import Contents, Event, EventTable, Recording, Segment
from sparc_fuse_core.verify.recordings import compare_signals
from sparc_fuse_core.writers import zarr_signals
from sparc_fuse_core.writers.encoding import encoding_of
from sparc_fuse_core.writers.overview import overview_factors
from sparc_fuse_core.writers.zarr_arrays import chunk_and_shard

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000
RNG = np.random.default_rng(3)


def recording(signals: np.ndarray, **facts: object) -> Recording:
    n = signals.shape[0]
    facts.setdefault("sampling_rate_hz", 1000.0)
    facts.setdefault("channel_names", tuple(f"c{i}" for i in range(n)))
    facts.setdefault("channel_units", ("mV",) * n)
    return Recording(str(facts.pop("name", "main")), signals, **facts)  # type: ignore[arg-type]


def write(tmp_path: Path, *recordings: Recording, **facts: object) -> Path:
    out = tmp_path / "out.zarr"
    zarr_format = facts.pop("zarr_format", 3)
    contents = Contents(recordings=recordings, **facts)  # type: ignore[arg-type]
    zarr_signals.write(contents, out, {"a": 1}, budget_bytes=2 * MB, zarr_format=zarr_format)  # type: ignore[arg-type]
    return out


@settings(max_examples=40)
@given(
    values=npst.arrays(
        dtype=st.sampled_from(
            ["int8", "uint8", "int16", ">i2", "int32", "uint16", "float32", ">f8"]
        ),
        shape=npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9),
    ),
    zarr_format=st.sampled_from([2, 3]),
)
def test_stored_values_come_back_exactly(
    values: np.ndarray, zarr_format: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = write(tmp_path_factory.mktemp("x"), recording(values), zarr_format=zarr_format)
    with xr.open_zarr(out) as ds:
        assert ds["signals"].dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(ds["signals"].values, values)
        assert ds["channel_name"].values.tolist() == [f"c{i}" for i in range(values.shape[0])]
        np.testing.assert_allclose(ds["time"].values, np.arange(values.shape[-1]) / 1000)


def test_shared_scale_is_cf_and_integers_stay(tmp_path: Path) -> None:
    stored = RNG.integers(-32768, 32767, (3, 200_000), dtype=np.int16)
    out = write(tmp_path, recording(stored, gain=(0.195,) * 3, offset=(-5.0,) * 3))
    assert zarr.open_group(out)["signals"].dtype == np.int16
    with xr.open_zarr(out) as ds:
        assert ds["signals"].attrs["units"] == "mV"
        np.testing.assert_allclose(ds["signals"].values, stored * 0.195 - 5.0, rtol=1e-12)


def test_different_scales_give_physical_values_from_which_integers_come_back(
    tmp_path: Path,
) -> None:
    stored = RNG.integers(-32768, 32767, (2, 5000), dtype=np.int16)
    gain, offset = (0.001, -2.5), (10.0, 0.0)
    out = write(tmp_path, recording(stored, gain=gain, offset=offset, channel_units=("mV", "N")))
    with xr.open_zarr(out) as ds:
        assert ds["signals"].dtype == np.float32
        assert "units" not in ds["signals"].attrs
        assert ds["units"].values.tolist() == ["mV", "N"]
        again = (ds["signals"].astype(float) - ds["offset"]) / ds["gain"]
        np.testing.assert_array_equal(np.rint(again.values), stored)


@given(
    dtype=st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32"]),
    gains=st.tuples(*(st.floats(1e-6, 1e6) for _ in range(2))),
    offsets=st.tuples(*(st.floats(-1e9, 1e9) for _ in range(2))),
)
def test_chosen_float_holds_every_integer(
    dtype: str, gains: tuple[float, float], offsets: tuple[float, float]
) -> None:
    info = np.iinfo(dtype)
    edge = np.array([info.min, info.min + 1, 0, info.max - 1, info.max], dtype=dtype)
    parts = zarr_signals.plan_streams(
        Contents(recordings=(recording(np.stack([edge, edge]), gain=gains, offset=offsets),))
    )
    for part in parts:
        stored = part.recording.signals[:, :]
        values = part.encoding.encode(stored, 0, len(stored))
        if part.encoding.gain is None:
            np.testing.assert_array_equal(values, stored)
            continue
        assert part.encoding.offset is not None
        gain, offset = part.encoding.gain[:, None], part.encoding.offset[:, None]
        again = np.rint((values.astype(float) - offset) / gain)
        np.testing.assert_array_equal(again, stored.astype(float))


def test_streams_share_no_dimension_and_the_largest_leads(tmp_path: Path) -> None:
    small = recording(np.zeros((1, 10), np.int16), name="Aux In", sampling_rate_hz=10.0)
    large = recording(np.ones((2, 100), np.int16), name="main")
    twin = recording(np.zeros((1, 5), np.int16), name="aux in!", sampling_rate_hz=5.0)
    out = write(tmp_path, small, large, twin)
    with xr.open_zarr(out) as ds:
        assert ds["signals"].dims == ("channel", "sample")
        assert ds["signals_aux_in"].dims == ("channel_aux_in", "sample_aux_in")
        assert ds["signals_aux_in_2"].shape == (1, 5)
        np.testing.assert_allclose(ds["time_aux_in"].values, np.arange(10) / 10)
        assert set(ds.coords) >= {"channel_name", "units", "time", "time_aux_in", "units_aux_in"}


@settings(max_examples=25)
@given(
    rate_hz=st.sampled_from([0.2, 1.0, 30.0, 100.0, 250.0, 999.0, 30_000.0]),
    off_s=st.floats(-2e-3, 2e-3),
)
def test_a_segment_off_the_grid_keeps_its_stated_start(
    rate_hz: float, off_s: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # 1 Hz and a start of 10.0004 s; dates that come with the rounding of a double
    start_s = 40 / rate_hz + off_s
    segments = (Segment(0, 4, 0.0), Segment(4, 6, start_s))
    contents = Contents(
        (recording(np.zeros((1, 10), "i2"), sampling_rate_hz=rate_hz, segments=segments),)
    )
    out = tmp_path_factory.mktemp("x") / "out.zarr"
    zarr_signals.write(contents, out, {}, budget_bytes=2 * MB)
    with xr.open_zarr(out) as ds:
        assert abs(float(ds["time"][4]) - start_s) <= min(1e-6, 1e-3 / rate_hz) + 1e-12
    assert compare_signals(contents, out, whole_bytes=2 * MB) == []


def test_segments_keep_their_gaps(tmp_path: Path) -> None:
    signals = np.arange(10, dtype=np.int16)[None]
    segments = (Segment(0, 4, 0.5), Segment(4, 6, 2.5))
    out = write(tmp_path, recording(signals, start_s=0.5, segments=segments))
    with xr.open_zarr(out) as ds:
        expected = np.concatenate([0.5 + np.arange(4) / 1000, 2.5 + np.arange(6) / 1000])
        np.testing.assert_allclose(ds["time"].values, expected)
        assert ds["segment_n_samples"].values.tolist() == [4, 6]
        assert zarr.open_group(out)["time"].dtype == np.int64
    off_grid = (Segment(0, 4, 0.0), Segment(4, 6, 0.0104567))
    second = write(tmp_path / "b", recording(signals, segments=off_grid))
    with xr.open_zarr(second) as ds:
        np.testing.assert_allclose(ds["time"].values[4:], 0.0104567 + np.arange(6) / 1000)


def test_no_stated_time_is_a_sample_index_without_a_unit(tmp_path: Path) -> None:
    out = write(tmp_path, recording(np.zeros((1, 7)), sampling_rate_hz=None))
    with xr.open_zarr(out) as ds:
        assert ds["time"].values.tolist() == list(range(7))
        assert "units" not in ds["time"].attrs


def test_units_that_are_times_stay_numbers(tmp_path: Path) -> None:
    out = write(tmp_path, recording(np.ones((1, 7)), channel_units=("seconds",)))
    with xr.open_zarr(out) as ds:
        assert ds["signals"].dtype == float
        assert ds["units"].values.tolist() == ["seconds"]


def test_events_come_back(tmp_path: Path) -> None:
    events = EventTable.from_events([Event(0.25, 0.1, "début", "c0", "comment"), Event(1.0)])
    out = write(tmp_path, recording(np.zeros((1, 7))), events=events)
    with xr.open_zarr(out) as ds:
        assert ds["event_label"].values.tolist() == ["début", ""]
        assert ds["event_time_s"].values.tolist() == [0.25, 1.0]
        assert math.isnan(ds["event_duration_s"].values[1])


@pytest.mark.parametrize("gain", [2.0, -2.0, None])
@pytest.mark.parametrize("n_samples", [4097, 300_001])
def test_overview_is_the_minimum_and_maximum_of_physical_values(
    tmp_path: Path, gain: float | None, n_samples: int
) -> None:
    stored = RNG.integers(-30000, 30000, (3, n_samples), dtype=np.int16)
    scale = {} if gain is None else {"gain": (gain,) * 3, "offset": (1.0,) * 3}
    out = write(tmp_path, recording(stored, **scale))
    with xr.open_zarr(out) as ds:
        physical = ds["signals"].values
    assert overview_factors(n_samples)
    for factor in overview_factors(n_samples):
        edges = np.arange(0, n_samples, factor)
        with xr.open_zarr(out, group=f"overview/{factor}") as level:
            np.testing.assert_allclose(
                level["minimum"].values, np.minimum.reduceat(physical, edges, axis=1)
            )
            np.testing.assert_allclose(
                level["maximum"].values, np.maximum.reduceat(physical, edges, axis=1)
            )


@given(
    n_channels=st.integers(1, 5000),
    n_samples=st.integers(1, 10**10),
    size=st.sampled_from([1, 2, 4, 8]),
)
def test_shards_hold_whole_chunks_within_the_budget(
    n_channels: int, n_samples: int, size: int
) -> None:
    chunk, shard = chunk_and_shard(n_channels, n_samples, size, 64 * MB)
    assert all(s % c == 0 for c, s in zip(chunk, shard, strict=True))
    assert math.prod(shard) * size <= 40 * MB
    assert all(c >= 1 for c in chunk)


@given(n_samples=st.integers(1, 10**11))
def test_overview_levels_end_within_the_first_picture(n_samples: int) -> None:
    factors = overview_factors(n_samples)
    if n_samples > 4096:
        assert 256 <= math.ceil(n_samples / factors[-1]) <= 1024
        assert n_samples < 65_536 or 64 <= factors[0] <= 1024
    else:
        assert not factors


def test_complex_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not real numbers"):
        encoding_of(recording(np.zeros((1, 3), complex)))


@pytest.mark.parametrize("gain", [0.5, -0.5])
@pytest.mark.parametrize("shape", [(3, 7, 5_000), (2, 3, 1_200_001)])
def test_the_overview_of_sweeps_is_their_envelope(
    tmp_path: Path, shape: tuple[int, int, int], gain: float
) -> None:
    stored = RNG.integers(-32768, 32767, shape, dtype=np.int16)
    scale = {"gain": (gain,) * shape[0], "offset": (1.0,) * shape[0]}
    out = write(tmp_path, recording(stored, **scale))
    level = sf.overview(out)
    assert level is not None
    edges = np.arange(0, shape[2], level.attrs["samples_per_bin"])
    physical = stored * gain + 1.0
    lowest = np.minimum.reduceat(physical.min(axis=1), edges, axis=1)
    highest = np.maximum.reduceat(physical.max(axis=1), edges, axis=1)
    np.testing.assert_array_equal(level["minimum"].values, lowest)
    np.testing.assert_array_equal(level["maximum"].values, highest)
    streams = zarr.open_group(out).attrs["streams"]
    for factor in streams[0]["overview_factors"]:  # what is announced is there
        assert zarr.open_group(out)[f"overview/{factor}/minimum"].shape[0] == shape[0]
    contents = Contents((recording(stored, **scale),))
    assert compare_signals(contents, out, whole_bytes=1 << 30) == []
