"""What is written opens in plain xarray with the physical values, units and times of the recording."""

from __future__ import annotations

import json
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
from sparc_fuse_core.writers.streams import plan_streams
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
        again = (ds["signals"].astype(float) - ds["stored_offset"]) / ds["stored_gain"]
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
    parts = plan_streams(
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


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_fastest_stream_leads_and_others_are_groups(tmp_path: Path, zarr_format: int) -> None:
    small = recording(np.zeros((1, 10), np.int16), name="Aux In", sampling_rate_hz=10.0)
    fast = recording(np.ones((2, 100), np.int16), name="main")
    long = recording(np.zeros((1, 5000), np.int16), name="aux in", sampling_rate_hz=5.0)
    out = write(tmp_path, small, fast, long, zarr_format=zarr_format)
    with xr.open_zarr(out, chunks=None) as ds:
        assert ds["signals"].dims == ("channel", "sample")
        assert ds["signals"].shape == (2, 100)
        assert ds["channel"].dtype == np.int32
        assert ds.attrs["channel_names"] == ["c0", "c1"]
    with xr.open_zarr(out, group="Aux_In", chunks=None) as ds:
        assert set(ds.coords) >= {"channel", "channel_name", "units", "units_udunits", "time"}
        np.testing.assert_allclose(ds["time"].values, np.arange(10) / 10)
    with xr.open_datatree(out, engine="zarr", chunks=None) as tree:
        assert tree["aux_in_2/signals"].shape == (1, 5000)
        assert tree["aux_in_2/channel_name"].values.tolist() == ["c0"]
    streams = json.loads(zarr.open_group(out).attrs["streams"])  # type: ignore[arg-type]
    assert [one["group"] for one in streams] == ["", "Aux_In", "aux_in_2"]
    assert streams[1]["channel_units"] == ["mV"]
    with sf.open_zarr(out, stream="Aux_In") as ds:
        assert ds["signals"].dims == ("channel", "time")


def test_the_format_names_the_main_stream_and_none_takes_a_variable_s_name(tmp_path: Path) -> None:
    slow = recording(np.zeros((1, 10)), name="Slow", sampling_rate_hz=1.0, is_main=True)
    names = ("time", "event_x", "Signals", "a/b", "../x", "")
    rest = [recording(np.zeros((1, n + 2)), name=name) for n, name in enumerate(names)]
    out = write(tmp_path, *rest, slow)
    streams = json.loads(zarr.open_group(out).attrs["streams"])  # type: ignore[arg-type]
    assert streams[0]["name"] == "Slow"
    groups = [one["group"] for one in streams[1:]]
    assert groups == ["time_stream", "event_x_stream", "Signals_stream", "a_b", "x", "1000_hz"]
    with xr.open_datatree(out, engine="zarr", chunks=None) as tree:
        assert [tree[f"{group}/signals"].shape[1] for group in groups] == [2, 3, 4, 5, 6, 7]


def test_the_order_of_names_does_not_depend_on_lengths() -> None:
    def names(*lengths: int) -> list[str]:
        parts = [recording(np.zeros((1, n), np.int16), name="100_hz") for n in lengths]
        return [one.name for one in plan_streams(Contents(recordings=tuple(parts)))]

    assert names(5, 9) == names(9, 5) == ["100_hz", "100_hz_2"]


@given(
    kinds=st.lists(
        st.sampled_from(["int16", "uint8", "float32", "float64", "int32"]), min_size=2, max_size=4
    ),
    seed=st.integers(0, 99),
)
def test_types_of_one_clock_are_one_stream_that_holds_each_exactly(
    kinds: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = []
    for n, kind in enumerate(kinds):
        values = rng.integers(0, 200, (n + 1, 50)).astype(kind)
        scale = (
            {}
            if values.dtype.kind == "f"
            else {"gain": (0.3,) * (n + 1), "offset": (7.0,) * (n + 1)}
        )
        parts.append(recording(values, channel_names=(kind,) * (n + 1), **scale))
    streams = plan_streams(Contents(recordings=tuple(parts)))
    found = {}
    for one in streams:
        values = one.encoding.encode(one.recording.signals[:, :], 0, one.recording.n_channels)
        for row, name in enumerate(one.recording.channel_names):
            stored = values[row].astype(float)
            assert one.stored_dtypes[row] == name
            gain = np.nan if one.stored_gain is None else one.stored_gain[row]
            if np.isfinite(gain) and one.encoding.attributes.get("scale_factor") is None:
                assert one.stored_offset is not None
                stored = np.rint((stored - one.stored_offset[row]) / gain)
            found.setdefault(name, []).append(stored)
    for n, kind in enumerate(kinds):
        for row in parts[n].signals:
            assert any(np.array_equal(row, other) for other in found[kind])
    assert len(streams) <= len(kinds)


def test_scaled_integers_join_real_numbers_where_that_costs_little(tmp_path: Path) -> None:
    stored = RNG.integers(-32768, 32767, (2, 6000), dtype=np.int16)
    real = RNG.normal(size=(1, 6000)).astype(np.float32)
    ints = recording(stored, gain=(0.001, 0.1), offset=(0.0, 5.0), channel_names=("a", "b"))
    floats = recording(real, channel_names=("f",))
    out = write(tmp_path, ints, floats)
    with xr.open_zarr(out, chunks=None) as ds:
        assert ds["signals"].dtype == np.float32
        assert ds["channel_name"].values.tolist() == ["a", "b", "f"]
        np.testing.assert_array_equal(ds["signals"].values[2], real[0])
        again = (ds["signals"].astype(float) - ds["stored_offset"]) / ds["stored_gain"]
        np.testing.assert_array_equal(np.rint(again.values[:2]), stored)
        assert np.isnan(ds["stored_gain"].values[2])
    contents = Contents((ints, floats))
    assert compare_signals(contents, out, whole_bytes=1 << 30) == []
    streams = json.loads(zarr.open_group(out).attrs["streams"])  # type: ignore[arg-type]
    assert streams[0]["stored_dtype"] == ["int16", "int16", "float32"]
    # as 64-bit numbers two 16-bit channels beside one of them cost little, six cost too much
    wide = recording(real.astype(float), channel_names=("f",))
    assert len(plan_streams(Contents((ints, wide)))) == 1
    many = recording(np.tile(stored, (3, 1)), gain=(0.001,) * 6, offset=(0.0,) * 6)
    assert len(plan_streams(Contents((many, wide)))) == 2


def test_segments_keep_their_gaps(tmp_path: Path) -> None:
    signals = np.arange(10, dtype=np.int16)[None]
    segments = (Segment(0, 4, 0.5), Segment(4, 6, 2.5))
    out = write(tmp_path, recording(signals, start_s=0.5, segments=segments))
    with xr.open_zarr(out) as ds:
        expected = np.concatenate([0.5 + np.arange(4) / 1000, 2.5 + np.arange(6) / 1000])
        np.testing.assert_allclose(ds["time"].values, expected)
        assert ds["segment_n_samples"].values.tolist() == [4, 6]
        assert zarr.open_group(out)["time"].dtype == np.int32
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
        assert 512 < math.ceil(n_samples / factors[-1]) <= 1024
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
    streams = json.loads(zarr.open_group(out).attrs["streams"])  # type: ignore[arg-type]
    for factor in streams[0]["overview_factors"]:  # what is announced is there
        assert zarr.open_group(out)[f"overview/{factor}/minimum"].shape[0] == shape[0]
    contents = Contents((recording(stored, **scale),))
    assert compare_signals(contents, out, whole_bytes=1 << 30) == []


@settings(max_examples=30)
@given(
    rate_hz=st.floats(-2, 6).map(lambda power: 10.0**power),
    start_s=st.floats(-1e5, 1e6),
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    gaps=st.lists(st.floats(0, 1e6), min_size=5, max_size=5),  # samples between segments
    decimals=st.integers(0, 9),  # to which a file states its starts
    data=st.data(),
)
def test_what_is_written_of_time_passes_the_check_at_any_rate(
    rate_hz: float,
    start_s: float,
    lengths: list[int],
    gaps: list[float],
    decimals: int,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    segments: list[Segment] = []
    at, time_s = 0, round(start_s, decimals)
    for n_samples, gap in zip(lengths, gaps, strict=False):
        segments.append(Segment(at, n_samples, time_s))
        at += n_samples
        time_s = round(time_s + (n_samples + gap) / rate_hz, decimals)
        time_s = max(time_s, segments[-1].start_s + n_samples / rate_hz)
    one = recording(
        np.zeros((1, at), dtype="int16"),
        sampling_rate_hz=rate_hz,
        start_s=segments[0].start_s,
        segments=tuple(segments),
    )
    out = write(tmp_path_factory.mktemp("x"), one)
    contents = Contents(recordings=(one,))
    assert compare_signals(contents, out, whole_bytes=1 << 30) == []
    # and by numbers that neither the writer nor the check made
    with xr.open_zarr(out) as ds:
        times = ds["time"].values
    k = data.draw(st.integers(0, len(segments) - 1))
    stated = segments[k].start_s + np.arange(segments[k].n_samples) / rate_hz
    written = times[segments[k].start_sample :][: segments[k].n_samples]
    allowed = min(1e-6, 1e-3 / rate_hz) + 1e-9 * max(1.0, float(np.abs(stated).max()) * 1e-3)
    assert np.abs(written - stated).max() <= allowed
    assert (np.diff(times) >= 0).all()
