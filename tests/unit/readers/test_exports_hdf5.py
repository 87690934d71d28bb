"""HDF5 files as laboratories write them: used where they state what they mean, else kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import pytest

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.readers.hdf5.reader import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents, Recording

_RNG = np.random.default_rng(16)
_X = np.round(_RNG.normal(size=1000), 4)
_Y = np.round(_RNG.normal(size=1000), 4)
_RATE_HZ = 250.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Contents]]:
    managers = []

    def open_file(fill: Callable[[h5py.File], Any]) -> Contents:
        path = tmp_path / f"a{len(managers)}.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        managers.append(read(path, {}))
        return managers[-1].__enter__()

    yield open_file
    for manager in managers:
        manager.__exit__(None, None, None)


def _physical(one: Recording) -> np.ndarray:
    values = np.asarray(one.signals[(slice(None),) * len(one.signals.shape)], dtype=float)
    if one.gain is None or one.offset is None:
        return values
    return values * np.array(one.gain)[:, None] + np.array(one.offset)[:, None]


def _put(file: h5py.Group, path: str, values: Any, /, **attributes: Any) -> h5py.Dataset:
    dataset = file.create_dataset(path, data=values)
    dataset.attrs.update(attributes)
    return dataset


def test_attributes_of_dataset_group_and_root(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        _put(file, "ecg", _X, fs=_RATE_HZ, units="mV")
        group = file.create_group("Temp")
        group.attrs.update({"sampling_rate": 10.0, "units": "degC"})
        _put(group, "data", _Y[:40])

    found = {one.channel_names[0]: one for one in opened(fill).recordings}
    assert {name: (one.sampling_rate_hz, one.channel_units) for name, one in found.items()} == {
        "ecg": (250.0, ("mV",)),
        "Temp": (10.0, ("degC",)),
    }
    np.testing.assert_array_equal(_physical(found["ecg"])[0], _X)


def test_units_of_attached_statements(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        _put(file, "nerve", _X, sampling_rate=20.0, sampling_rate_unit="kHz")
        _put(file, "slow", _Y, dt=2.0, dt_units="ms", t_start=1.5, t_start_units="s")
        _put(file, "doubtful", _Y, dt=2.0)

    found = {one.name: one for one in opened(fill).recordings}
    assert {name: (one.sampling_rate_hz, one.start_s) for name, one in found.items()} == {
        "nerve": (20000.0, 0.0),
        "slow": (500.0, 1.5),
    }


@pytest.mark.parametrize("unit", ["s", "sec", "second", "Seconds", "milliseconds", "msec"])
def test_units_of_time_in_words(opened: Callable[..., Contents], unit: str) -> None:
    step = 4.0 if unit.startswith("m") else 0.004

    def fill(file: h5py.File) -> None:
        _put(file, "time", np.arange(1000) * step, units=unit)
        _put(file, "ecg", _X, units="mV")

    (one,) = opened(fill).recordings
    assert (one.channel_names, one.channel_units) == (("ecg",), ("mV",))
    assert one.sampling_rate_hz == pytest.approx(_RATE_HZ)


def test_time_since_a_date(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        _put(file, "time", np.arange(1000) / _RATE_HZ, units="seconds since 2021-03-04 10:15:30")
        _put(file, "ecg", _X)

    contents = opened(fill)
    assert contents.start_time == "2021-03-04T10:15:30"
    assert contents.recordings[0].sampling_rate_hz == pytest.approx(_RATE_HZ)


def test_packed_values_of_cf(opened: Callable[..., Contents]) -> None:
    counts = (_X * 100).astype(np.int16)
    counts[[3, 4]] = -32768

    def fill(file: h5py.File) -> None:
        stated = {"scale_factor": 0.1, "add_offset": 100.0, "units": "mmHg", "fs": 100.0}
        _put(file, "pressure", counts, _FillValue=np.int16(-32768), **stated)

    (one,) = opened(fill).recordings
    expected = counts * 0.1 + 100.0
    expected[[3, 4]] = np.nan
    np.testing.assert_allclose(_physical(one)[0], expected, rtol=1e-12)


def test_dimension_scales_name_the_axes(opened: Callable[..., Contents]) -> None:
    square = _RNG.normal(size=(40, 40))

    def fill(file: h5py.File) -> None:
        _put(file, "time", np.arange(40) / _RATE_HZ, units="s").make_scale("time")
        _put(file, "channel", np.arange(40)).make_scale("channel")
        dataset = _put(file, "signals", square, units="mV")
        dataset.dims[0].attach_scale(file["channel"])
        dataset.dims[1].attach_scale(file["time"])

    (one,) = opened(fill).recordings
    assert one.sampling_rate_hz == pytest.approx(_RATE_HZ)
    np.testing.assert_array_equal(_physical(one), square)


def test_compound_table(opened: Callable[..., Contents]) -> None:
    table = np.zeros(1000, [("time_s", "f8"), ("ecg_mV", "f4"), ("resp_V", "f8")])
    table["time_s"], table["ecg_mV"], table["resp_V"] = np.arange(1000) / _RATE_HZ, _X, _Y
    found = opened(lambda file: _put(file, "recording", table)).recordings
    channels = {
        name: unit
        for one in found
        for name, unit in zip(one.channel_names, one.channel_units, strict=True)
    }
    assert channels == {"ecg": "mV", "resp": "V"}
    assert {one.sampling_rate_hz for one in found} == {_RATE_HZ}


def test_pandas_frame(opened: Callable[..., Contents]) -> None:
    """The layout that pandas 2 writes, for an index of times and one of numbers."""
    stamps = pd.date_range("2021-03-04T10:15:30", periods=1000, freq="4ms").as_unit("ns")

    def frame(file: h5py.File, name: str, index: np.ndarray, kind: bytes, label: str) -> None:
        group = file.create_group(name)
        group.attrs.update({"pandas_type": b"frame", "nblocks": 1})
        names = np.array([b"ECG (mV)", b"Resp (V)"])
        group["axis0"], group["block0_items"] = names, names
        _put(group, "axis1", index, kind=kind, name=label)
        group["block0_values"] = np.stack([_X, _Y], 1)

    def fill(file: h5py.File) -> None:
        frame(file, "df", stamps.to_numpy().astype(np.int64), b"datetime64", "time")
        frame(file, "plain", np.arange(1000), b"integer", "row")

    contents = opened(fill)
    (one,) = contents.recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "Resp"), ("mV", "V"))
    assert one.sampling_rate_hz == pytest.approx(_RATE_HZ)
    assert contents.start_time == "2021-03-04T10:15:30"


def test_stream_of_lsl(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        group = file.create_group("streams/EEG")
        group.attrs.update({"nominal_srate": _RATE_HZ, "channel_count": 2})
        group.attrs["channel_labels"] = ["C3", "C4"]
        group.attrs["channel_units"] = ["microvolts", "microvolts"]
        group["time_series"] = np.stack([_X, _Y], 1)
        group["time_stamps"] = 1000 + np.arange(1000) / _RATE_HZ

    (one,) = opened(fill).recordings
    assert (one.channel_names, one.channel_units) == (("C3", "C4"), ("microvolts",) * 2)
    assert (one.sampling_rate_hz, one.start_s) == (_RATE_HZ, 1000.0)


def test_markers_of_bioread(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        file.attrs["samples_per_second"] = 1000.0
        _put(
            file,
            "channels/channel_0",
            _X,
            samples_per_second=500.0,
            units="mV",
            name="ECG",
            scale=1.0,
            offset=0.0,
        )
        for i, index in enumerate((2500, 2**32 - 100)):
            marker = file.create_group(f"event_markers/marker_{i}")
            marker.attrs.update({"global_sample_index": index, "label": f"m{i}", "type": "Flag"})

    contents = opened(fill)
    (one,) = contents.recordings
    assert (one.channel_names, one.sampling_rate_hz, one.channel_units) == (
        ("ECG",),
        500.0,
        ("mV",),
    )
    assert list(contents.events.time_s) == [-0.1, 2.5]
    assert list(contents.events.label) == ["m1", "m0"]


def test_results_and_pictures_are_kept(opened: Callable[..., Contents]) -> None:
    means = _RNG.random((8, 5))
    picture = (_RNG.random((60, 80)) * 255).astype(np.uint8)

    def fill(file: h5py.File) -> None:
        _put(file, "stats/means", means, units="mV")
        _put(file, "frame", picture, CLASS=np.bytes_("IMAGE"))
        file["psd"], file["freqs"], file["fs"] = _X, np.arange(1000.0), 512.0
        file["who"] = ["a", "b"]

    contents = opened(fill)
    assert not contents.recordings
    tree = contents.arrays
    kept = {array.name: array for array in (*tree.arrays, *tree.groups[0].arrays)}
    for name, values in (("means", means), ("frame", picture), ("psd", _X)):
        stored = kept[name].values
        assert np.dtype(stored.dtype) == values.dtype
        np.testing.assert_array_equal(stored[(slice(None),) * values.ndim], values)
    assert kept["means"].units == "mV"
    assert list(kept["who"].values) == ["a", "b"]


def test_loops_and_links_end(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        group = file.create_group("a")
        group["self"] = group
        group["root"] = h5py.SoftLink("/")
        group["out"] = h5py.ExternalLink("elsewhere.h5", "/x")
        _put(group, "ecg", _X, fs=_RATE_HZ)

    contents = opened(fill)
    assert len({one.name for one in contents.recordings}) >= 1
    assert contents.recordings[0].sampling_rate_hz == _RATE_HZ


def test_an_empty_file_is_nothing_to_convert(opened: Callable[..., Contents]) -> None:
    with pytest.raises(NothingToConvertError):
        opened(lambda file: file.create_dataset("x", shape=(0, 3), dtype="f8"))


def test_stream_of_multi_channel_systems(opened: Callable[..., Contents]) -> None:
    counts = np.stack([np.arange(1000), np.arange(1000) * 2]).astype(np.int32)
    kinds = [("RowIndex", "i4"), ("Label", "S8"), ("Unit", "S4"), ("Exponent", "i4")]
    kinds += [("ADZero", "i4"), ("Tick", "i8"), ("ConversionFactor", "i8")]
    info = np.array(
        [(1, b"E2", b"V", -12, 10, 4000, 500), (0, b"E1", b"V", -12, 0, 4000, 59605)], kinds
    )

    def fill(file: h5py.File) -> None:
        stream = file.create_group("Data/Recording_0/AnalogStream/Stream_0")
        stream["ChannelData"] = counts
        stream["InfoChannel"] = info
        stream["ChannelDataTimeStamps"] = np.array([[0, 0, 599], [5_000_000, 600, 999]])

    (one,) = opened(fill).recordings
    assert (one.channel_names, one.channel_units) == (("E1", "E2"), ("V", "V"))
    assert one.sampling_rate_hz == _RATE_HZ
    assert [(s.n_samples, s.start_s) for s in one.segments] == [(600, 0.0), (400, 5.0)]
    np.testing.assert_allclose(_physical(one)[0], counts[0] * 59605e-12)
    np.testing.assert_allclose(_physical(one)[1], (counts[1] - 10) * 500e-12)


def test_scale_per_bit_with_a_word_before(opened: Callable[..., Contents]) -> None:
    counts = np.arange(1000, dtype=np.int16)
    contents = opened(lambda f: _put(f, "d", counts, gain_uV_per_bit=0.5, sampling_rate=250.0))
    (one,) = contents.recordings
    assert one.channel_units == ("uV",)
    np.testing.assert_allclose(_physical(one)[0], counts * 0.5)


def test_cells_are_channels(opened: Callable[..., Contents]) -> None:
    traces = np.stack([_X, _Y, _X])
    contents = opened(lambda f: _put(f, "F", traces, dims=["roi", "time"], frame_rate_hz=15.0))
    (one,) = contents.recordings
    assert one.signals.shape == (3, 1000)
    assert one.sampling_rate_hz == 15


def test_thousands_of_recordings_are_kept_as_arrays(opened: Callable[..., Contents]) -> None:
    def fill(file: h5py.File) -> None:
        for i in range(1001):
            _put(file, f"cell{i}/trace", _X[: 40 + i % 7], fs=_RATE_HZ)

    contents = opened(fill)
    assert not contents.recordings
    assert contents.arrays is not None
    assert "1001 recordings" in contents.evidence[0].sentence


@pytest.mark.parametrize(("unit", "interval"), [("s", 0.004), ("ms", 4.0)])
def test_data_arrays_of_nix(tmp_path: Path, unit: str, interval: float) -> None:
    nixio = pytest.importorskip("nixio", reason="the extra `neo` brings it")
    values = np.random.default_rng(3).normal(size=(2, 300))
    file = nixio.File.open(str(tmp_path / "a.nix"), nixio.FileMode.Overwrite)
    block = file.create_block("session", "recording")
    for name, data in (("ecg", values[0]), ("eeg", values)):
        array = block.create_data_array(name, "signal", data=data, unit="mV")
        if data.ndim == 2:
            array.append_set_dimension(labels=["C3", "C4"])
        dimension = array.append_sampled_dimension(interval, unit=unit, label="time")
        dimension.offset = 250 * interval
    places = block.create_data_array("places", "curve", data=values[1], unit="mV")
    places.append_sampled_dimension(0.5, unit="mm")
    file.close()
    path = (tmp_path / "a.nix").rename(tmp_path / "a.h5")
    with read(path, {}) as contents:
        found = {}
        for one in contents.recordings:
            assert (one.sampling_rate_hz, one.start_s) == (250, pytest.approx(1.0))
            assert set(one.channel_units) == {"mV"}
            samples = np.asarray(one.signals[(slice(None), slice(None))])
            found.update(zip(one.channel_names, samples, strict=True))
    assert set(found) == {"ecg", "C3", "C4"}
    np.testing.assert_array_equal(found["ecg"], values[0])
    np.testing.assert_array_equal([found["C3"], found["C4"]], values)
