"""MATLAB files as laboratories and programs export them: used where they state what they mean, else kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.io import savemat

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.readers.mat.reader import read

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents, Recording

_RNG = np.random.default_rng(15)
_X = np.round(_RNG.normal(size=1200), 4)
_Y = np.round(_RNG.normal(size=1200), 4)


def _cell(*items: Any) -> np.ndarray:
    cell = np.empty((1, len(items)), dtype=object)
    for i, item in enumerate(items):
        cell[0, i] = item
    return cell


def _structs(*items: dict[str, Any]) -> np.ndarray:
    array = np.empty((1, len(items)), dtype=[(name, object) for name in items[0]])
    for i, item in enumerate(items):
        for name, value in item.items():
            array[0, i][name] = value
    return array


def _read(path: Path, variables: dict[str, Any], options: dict[str, Any] | None = None) -> Contents:
    savemat(path / "a.mat", variables, long_field_names=True)
    with read(path / "a.mat", options or {}) as contents:
        for one in contents.recordings:
            one.signals[(slice(None),) * len(one.signals.shape)]
        return contents


def _physical(one: Recording) -> np.ndarray:
    values = np.asarray(one.signals[(slice(None),) * len(one.signals.shape)], dtype=float)
    if one.gain is None or one.offset is None:
        return values
    return values * np.array(one.gain)[:, None] + np.array(one.offset)[:, None]


@pytest.mark.parametrize(
    ("stated", "rate_hz"),
    [
        *(({name: 250}, 250.0) for name in ("fs", "Fs", "SR", "srate", "samplingFrequency", "Hz")),
        ({"samples_per_second": np.uint16(250)}, 250.0),
        ({"fs": "2.5 kHz"}, 2500.0),
        ({"fs_kHz": 2.5}, 2500.0),
        ({"dt_s": 0.004}, 250.0),
        ({"isi": 4, "isi_units": "ms"}, 250.0),
        ({"sampling_interval_us": 400}, 2500.0),
        ({"info": {"device": "x", "acquisition": {"sample_rate": 250}}}, 250.0),
        ({"sampling_rate": 0.25, "sampling_rate_units": "kHz"}, 250.0),
        ({"sampling_rate": {"value": 0.25, "unit": "kHz"}}, 250.0),
        ({"sampling_hz": 250, "data_units": "mV"}, 250.0),
        ({"time_s": np.arange(1200) / 250}, 250.0),
        ({"unix_time": 1614852930 + np.arange(1200) / 250}, 250.0),
        ({"datenum": 738000.5 + np.arange(1200) / 86400}, 1.0),
        ({"t": np.arange(1200) * 4.0, "fs": 250}, 250.0),  # milliseconds, as the rate says
        ({"time_s": np.round(np.arange(1200) / 360, 4)}, 360.0),  # rounded to 0.1 ms
    ],
)
def test_rates_in_every_usual_word(tmp_path: Path, stated: dict[str, Any], rate_hz: float) -> None:
    (one,) = _read(tmp_path, {"ecg": _X, **stated}).recordings
    assert one.channel_names == ("ecg",)
    assert one.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-9)
    np.testing.assert_array_equal(_physical(one)[0], _X)


@pytest.mark.parametrize(
    "variables",
    [
        {"ecg": _X},
        {"ecg": _X, "fs": 0},
        {"ecg": _X, "fs": np.nan},
        {"ecg": _X, "fs": np.zeros((0, 0))},
        {"ecg": _X, "dt": 0.05},
        {"ecg": _X, "fs": 250, "srate": 500},
        {"ecg": _X, "t_s": np.arange(1200) / 250, "fs": 1000},
        {"psd": _X, "f": np.arange(1200.0), "fs": 512},
        {"x": _X, "freqs": np.arange(1200.0), "fs": 512},
        {"b": _X, "a": 1, "fs": 1000},
        {"ccg": _X[:101], "lags": np.arange(-50.0, 51), "fs": 1000},
        {"n": _X[:99], "edges": np.arange(100.0), "fs": 1000},
        {"counts": (_RNG.random((40, 32)) * 100), "spike_times": np.arange(40.0), "fs": 30000},
        {"adc": (_X * 1000).astype(np.int16), "fs": 250, "gain": 200},
        {"ecg": _X, "scale": 0.5, "fs": 250},
        {"amplitudes": _RNG.random((12, 6)), "fs": 250},
        {"S": _RNG.random((129, 60)), "F": np.arange(129.0), "T": np.arange(60) * 0.5, "fs": 250},
        {"x": _RNG.random((20, 3, 100)), "y": np.arange(40.0), "fs": 250},
        {"mean": _X, "sem": _Y, "t": np.arange(1200) / 250},
        {"adc": (_X * 1000).astype(np.int16), "fs": 250, "resolution": 0.1, "unit": "uV"},
        {"h": _X, "fs": 250},
        {"rr": _X[:200], "fs": 250},
    ],
)
def test_what_leaves_a_doubt_is_kept_as_arrays(tmp_path: Path, variables: dict[str, Any]) -> None:
    contents = _read(tmp_path, variables)
    assert not contents.recordings
    kept = {array.name: np.asarray(array.values) for array in contents.arrays.arrays}
    for name, value in variables.items():
        np.testing.assert_array_equal(kept[name].reshape(-1), np.asarray(value).reshape(-1))
    # what the sentence says would help does help, literally
    said = contents.evidence[-1].sentence
    rates = [float(rate) for rate in re.findall(r"--rate (\S+)`", said)]
    assert rates or "mapping scheme" in said
    for rate in rates:
        found = _read(tmp_path, variables, {"sampling_rate_hz": rate})
        assert {one.sampling_rate_hz for one in found.recordings} == {rate}


@pytest.mark.parametrize(
    ("variables", "rates"),
    [
        ({"ecg": _X, "dt": 0.05}, [20.0, 20000.0]),
        ({"ecg": _X, "fs": 0}, [1000.0]),
        ({"ecg": _X, "rate": 0.01}, [1000.0]),
        ({"ecg": _X, "fs": 250, "srate": 500}, []),  # which of the two?
        ({"psd": _X, "f": np.arange(1200.0), "fs": 512}, []),
    ],
)
def test_a_rate_is_asked_for_where_it_helps(
    tmp_path: Path, variables: dict[str, Any], rates: list[float]
) -> None:
    said = _read(tmp_path, variables).evidence[-1].sentence
    assert [float(rate) for rate in re.findall(r"--rate (\S+)`", said)] == rates


def test_a_rate_that_contradicts_an_interval_is_not_used(tmp_path: Path) -> None:
    contents = _read(tmp_path, {"ecg": _X, "dt": 0.05}, {"sampling_rate_hz": 1000})
    assert not contents.recordings


def test_a_rate_that_the_caller_states(tmp_path: Path) -> None:
    (one,) = _read(tmp_path, {"ecg": _X}, {"sampling_rate_hz": 250.0}).recordings
    assert one.sampling_rate_hz == 250.0
    contents = _read(tmp_path, {"psd": _X, "f": np.arange(1200.0)}, {"sampling_rate_hz": 250.0})
    assert not contents.recordings


def test_no_value_is_nothing_to_convert(tmp_path: Path) -> None:
    with pytest.raises(NothingToConvertError, match=r"a\.mat"):
        _read(tmp_path, {"data": np.zeros((0, 0))})


def test_names_and_units_as_stated(tmp_path: Path) -> None:
    rec = {
        "data": np.stack([_X, _Y]),
        "Fs": 250,
        "labels": _cell("ECG", "Resp"),
        "units": _cell("mV", "V"),
    }
    (one,) = _read(tmp_path, {"rec": rec}).recordings
    assert one.channel_names == ("ECG", "Resp")
    assert one.channel_units == ("mV", "V")
    np.testing.assert_array_equal(_physical(one), [_X, _Y])


def test_names_and_units_in_other_places(tmp_path: Path) -> None:
    both = np.stack([_X, _Y], 1)
    (one,) = _read(
        tmp_path, {"data": both, "fs": 250, "labels": "ECG, BP", "units": "mV;mmHg"}
    ).recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    info = _structs({"Units": "mV", "Description": "II"}, {"Units": "mmHg", "Description": "ABP"})
    (one,) = _read(tmp_path, {"signal": both, "Fs": 250, "siginfo": info}).recordings
    assert (one.channel_names, one.channel_units) == (("II", "ABP"), ("mV", "mmHg"))
    variables = {"Ch_1": _X, "Ch_2": _Y, "fs": 250, "Ch_1_units": "mV", "Ch_2_units": "V"}
    (one,) = _read(tmp_path, variables).recordings
    assert (one.channel_names, one.channel_units) == (("Ch_1", "Ch_2"), ("mV", "V"))


def test_units_in_the_order_of_vectors(tmp_path: Path) -> None:
    vectors = {"t": np.arange(1200) / 10, "Pves": _X, "flow": _Y}
    (one,) = _read(tmp_path, {**vectors, "units": _cell("s", "cmH2O", "mL/s")}).recordings
    assert (one.channel_names, one.channel_units) == (("Pves", "flow"), ("cmH2O", "mL/s"))
    assert one.sampling_rate_hz == 10.0
    (one,) = _read(tmp_path, {**vectors, "fs": 10, "units": _cell("cmH2O", "mL/s")}).recordings
    assert one.channel_units == ("cmH2O", "mL/s")


def test_a_setting_is_the_rate_of_data_only(tmp_path: Path) -> None:
    spikes = {"st3": _RNG.random((500, 4)), "ops": {"fs": 30000}}
    assert not _read(tmp_path, {"rez": spikes}).recordings
    (one,) = _read(tmp_path, {"data": _X, "params": {"fs": 250}}).recordings
    assert one.sampling_rate_hz == 250.0


def test_marks_as_long_as_the_signal_are_a_channel(tmp_path: Path) -> None:
    trigger = (_X > 1).astype(float)
    (one,) = _read(tmp_path, {"ecg": _X, "fs": 250, "trigger": trigger}).recordings
    assert one.channel_names == ("ecg", "trigger")
    np.testing.assert_array_equal(_physical(one), [_X, trigger])


def test_labels_decide_the_axis(tmp_path: Path) -> None:
    values = _RNG.normal(size=(48, 40))
    names = [f"E{i}" for i in range(48)]
    (one,) = _read(tmp_path, {"lfp": values, "fs": 200, "channel_names": _cell(*names)}).recordings
    assert one.channel_names == tuple(names)
    np.testing.assert_array_equal(_physical(one), values)


def test_statements_about_one_signal(tmp_path: Path) -> None:
    variables = {
        "emg": _X,
        "lfp": _Y[:300],
        "fs_emg": 2000,
        "lfp_fs": 500,
        "units": {"emg": "mV", "lfp": "uV"},
    }
    found = {one.channel_names[0]: one for one in _read(tmp_path, variables).recordings}
    assert {name: one.sampling_rate_hz for name, one in found.items()} == {
        "emg": 2000.0,
        "lfp": 500.0,
    }
    assert {name: one.channel_units for name, one in found.items()} == {
        "emg": ("mV",),
        "lfp": ("uV",),
    }


def test_labels_name_a_column_of_time(tmp_path: Path) -> None:
    table = np.stack([np.arange(1200) / 50, _X, _Y], 1)
    labels = _cell("Time (s)", "ECG (mV)", "BP (mmHg)")
    (one,) = _read(tmp_path, {"data": table, "labels": labels}).recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    assert one.sampling_rate_hz == 50.0
    np.testing.assert_array_equal(_physical(one), [_X, _Y])


def test_scale_offset_and_missing_values(tmp_path: Path) -> None:
    counts = (_X * 100).astype(np.int16)
    counts[[5, 7]] = -9999
    stated = {"values": counts, "fs": 100, "scale_factor": 0.05, "add_offset": 2.0, "units": "mmHg"}
    (one,) = _read(tmp_path, {"abp": {**stated, "missing_value": -9999}}).recordings
    expected = counts * 0.05 + 2.0
    expected[[5, 7]] = np.nan
    np.testing.assert_allclose(_physical(one)[0], expected, rtol=1e-12)
    assert (one.channel_names, one.channel_units) == (("abp",), ("mmHg",))
    (one,) = _read(tmp_path, {"x": counts, "fs": 100, "uV_per_bit": 0.195}).recordings
    np.testing.assert_allclose(_physical(one)[0], counts * 0.195, rtol=1e-12)
    assert one.channel_units == ("uV",)


def test_channels_with_rates_of_their_own(tmp_path: Path) -> None:
    cells = {"signals": _cell(_X, _Y[:120]), "fs": [1000.0, 100.0], "names": _cell("A", "B")}
    found = {one.channel_names[0]: one for one in _read(tmp_path, cells).recordings}
    assert {name: one.sampling_rate_hz for name, one in found.items()} == {"A": 1000.0, "B": 100.0}
    structs = _structs(
        {"name": "ECG", "units": "mV", "fs": 500, "data": _X},
        {"name": "Temp", "units": "degC", "fs": 10, "data": _Y[:20]},
    )
    found = {one.channel_names[0]: one for one in _read(tmp_path, {"chan": structs}).recordings}
    assert (found["ECG"].sampling_rate_hz, found["Temp"].sampling_rate_hz) == (500.0, 10.0)
    assert found["Temp"].channel_units == ("degC",)


def test_side_variables_are_no_channels(tmp_path: Path) -> None:
    peaks = np.array([60.0, 285, 512])
    contents = _read(tmp_path, {"ecg": _X, "fs": 250, "Rpeaks": peaks})
    (one,) = contents.recordings
    assert one.channel_names == ("ecg",)
    assert contents.metadata["variables"] == {"Rpeaks": [60.0, 285.0, 512.0]}


def test_a_time_by_its_values_is_no_channel(tmp_path: Path) -> None:
    (one,) = _read(tmp_path, {"x": np.arange(1200) / 250, "y": _Y, "fs": 250, "fps": 30}).recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("y",), 250.0)


def test_starts(tmp_path: Path) -> None:
    (one,) = _read(tmp_path, {"ecg": _X, "fs": 250, "start": 1}).recordings
    assert one.start_s == 0.0  # MATLAB counts from 1
    contents = _read(tmp_path, {"ecg": _X, "fs": 250, "start_time": "2021-03-04 10:15:30"})
    assert contents.start_time == "2021-03-04T10:15:30"
    (one,) = _read(tmp_path, {"ecg": _X, "fs": 250, "t0_ms": -200}).recordings
    assert one.start_s == -0.2
    contents = _read(tmp_path, {"ppg": _X, "unix_time_ms": 1614852930000 + np.arange(1200) * 20.0})
    assert contents.start_time == "2021-03-04T10:15:30Z"
    assert contents.recordings[0].sampling_rate_hz == 50.0


def test_events_beside_signals(tmp_path: Path) -> None:
    events = {"onset_s": [0.5, 1.25], "duration_s": [0.1, 0.2], "label": _cell("go", "stop")}
    contents = _read(tmp_path, {"ecg": _X, "fs": 250, "events": events})
    assert list(contents.events.time_s) == [0.5, 1.25]
    assert list(contents.events.label) == ["go", "stop"]
    assert list(contents.events.duration_s) == [0.1, 0.2]


# ------------------------------------------------------------------------- programs


def _spike2(title: str, values: np.ndarray, **more: Any) -> dict[str, Any]:
    facts = {
        "title": title,
        "comment": "",
        "interval": 0.001,
        "scale": 1.0,
        "offset": 0.0,
        "units": "mV",
    }
    return {**facts, "start": 0.5, "length": len(values), "values": values[:, None], **more}


@pytest.mark.parametrize(("scale", "worth"), [(5 / 32768, 5 / 32768), (2.5, 2.5 / 6553.6)])
def test_spike2(tmp_path: Path, scale: float, worth: float) -> None:
    counts = (_X * 1000).astype(np.int16)
    marks = {
        "title": "Keys",
        "comment": "",
        "resolution": 1e-6,
        "length": 2,
        "times": [[0.75], [2.5]],
    }
    variables = {
        "V_Ch1": _spike2("EMG", _X),
        "V_Ch2": _spike2("ECG", counts, scale=scale, offset=0.5),
        "V_Ch31": {**marks, "codes": np.array([[97, 0, 0, 0], [1, 0, 0, 0]], np.uint8)},
    }
    contents = _read(tmp_path, variables)
    found = {one.channel_names[0]: one for one in contents.recordings}
    np.testing.assert_array_equal(_physical(found["EMG"])[0], _X)
    np.testing.assert_allclose(_physical(found["ECG"])[0], counts * worth + 0.5, rtol=1e-12)
    assert {(one.sampling_rate_hz, one.start_s) for one in found.values()} == {(1000.0, 0.5)}
    assert list(zip(contents.events.time_s, contents.events.label, strict=True)) == [
        (0.75, "a"),
        (2.5, "01"),
    ]


def test_fieldtrip(tmp_path: Path) -> None:
    trials = [_RNG.normal(size=(2, 100)) for _ in range(3)]
    times = [np.arange(100)[None] / 100 - 0.5 for _ in trials]
    data = {
        "label": _cell("C3", "C4"),
        "fsample": 100,
        "trial": _cell(*trials),
        "time": _cell(*times),
    }
    (one,) = _read(tmp_path, {"data": data}).recordings
    assert one.signals.shape == (2, 3, 100)
    assert (one.sampling_rate_hz, one.start_s, one.channel_names) == (100.0, -0.5, ("C3", "C4"))
    np.testing.assert_array_equal(np.asarray(one.signals[:, :, :]), np.stack(trials, 1))
    stack = np.stack(trials)
    lock = {
        "dimord": "rpt_chan_time",
        "label": _cell("C3", "C4"),
        "time": times[0],
        "trial": stack,
        "cfg": "x",
    }
    (one,) = _read(tmp_path, {"lock": lock}).recordings
    np.testing.assert_array_equal(np.asarray(one.signals[:, :, :]), stack.transpose(1, 0, 2))
    assert (one.sampling_rate_hz, one.start_s) == (100.0, -0.5)


def test_tdt_and_neuroexplorer(tmp_path: Path) -> None:
    stream = {
        "name": "Wav1",
        "fs": 1017.25,
        "channels": [1.0, 2.0],
        "startTime": 0.0,
        "data": np.stack([_X, _Y]),
    }
    epoc = {
        "name": "PC0_",
        "onset": [[0.25], [0.5]],
        "offset": [[0.3], [0.6]],
        "data": [[1.0], [2.0]],
    }
    info = {"date": "2021-Mar-04", "utcStartTime": "10:15:30"}
    block = {"streams": {"Wav1": stream}, "epocs": {"PC0_": epoc}, "info": info}
    contents = _read(tmp_path, {"data": block})
    (one,) = contents.recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("Wav1 1", "Wav1 2"), 1017.25)
    assert contents.start_time == "2021-03-04T10:15:30Z"
    assert list(contents.events.channel) == ["PC0", "PC0"]
    variables = {"AD01": _X, "AD01_ts": [0.5, 9.0], "AD01_ind": [1.0, 701.0], "AD01_ts_step": 0.01}
    (one,) = _read(tmp_path, variables).recordings
    assert (one.sampling_rate_hz, one.start_s) == (100.0, 0.5)
    assert [(part.start_sample, part.start_s) for part in one.segments] == [(0, 0.5), (700, 9.0)]


def test_intan_and_eeglab(tmp_path: Path) -> None:
    channels = _structs(*({"custom_channel_name": name} for name in ("A-000", "A-005")))
    variables = {
        "amplifier_data": np.stack([_X, _Y]),
        "amplifier_channels": channels,
        "t_amplifier": np.arange(1200) / 20000,
        "frequency_parameters": {"amplifier_sample_rate": 20000},
    }
    (one,) = _read(tmp_path, variables).recordings
    assert (one.channel_names, one.channel_units) == (("A-000", "A-005"), ("uV", "uV"))
    event = _structs({"type": "S 1", "latency": 101.0}, {"type": "S 2", "latency": 401.0})
    eeg = {
        "nbchan": 2,
        "pnts": 1200,
        "trials": 1,
        "srate": 250,
        "xmin": 0.0,
        "data": np.stack([_X, _Y]),
    }
    places = _structs({"labels": "Fz"}, {"labels": "Cz"})
    contents = _read(tmp_path, {"EEG": {**eeg, "chanlocs": places, "event": event}})
    (one,) = contents.recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("Fz", "Cz"), 250.0)
    assert list(contents.events.time_s) == [0.4, 1.6]


def test_acquisition_programs(tmp_path: Path) -> None:
    both = np.stack([_X, _Y])
    h = {"recChNames": _cell("IN 0", "IN 1"), "recChUnits": _cell("pA", "mV")}
    (one,) = _read(tmp_path, {"d": both.T, "si": 50, "h": h}).recordings
    assert (one.channel_names, one.channel_units) == (("IN 0", "IN 1"), ("pA", "mV"))
    assert one.sampling_rate_hz == 20000.0
    analog = {"Labels": _cell("EMG1", "EMG2"), "NrOfSamples": 1200, "Frequency": 1000, "Data": both}
    (one,) = _read(tmp_path, {"QTM": {"Analog": analog}}).recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("EMG1", "EMG2"), 1000.0)
    traces = {"Trace_1_1_1_1": np.stack([np.arange(1200) / 500, _X], 1)}
    (one,) = _read(tmp_path, traces).recordings
    assert one.sampling_rate_hz == 500.0
    np.testing.assert_array_equal(_physical(one)[0], _X)
    ticks = {"data_block1": both, "ticktimes_block1": np.arange(1200) / 500}
    names = {"titles_block1": np.array(["ECG", "BP "]), "units_block1": np.array(["mV  ", "mmHg"])}
    (one,) = _read(tmp_path, {**ticks, **names}).recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    frames = _RNG.normal(size=(300, 2, 3))
    facts = {
        "xunits": "s",
        "start": -0.1,
        "interval": 0.001,
        "points": 300,
        "chans": 2,
        "frames": 3,
    }
    info = _structs({"title": "EMG", "units": "mV"}, {"title": "F", "units": "N"})
    (one,) = _read(tmp_path, {"w": {**facts, "chaninfo": info, "values": frames}}).recordings
    assert (one.sampling_rate_hz, one.start_s, one.channel_units) == (1000.0, -0.1, ("mV", "N"))
    np.testing.assert_array_equal(np.asarray(one.signals[:, :, :]), frames.transpose(1, 2, 0))
    electrodes = _structs(
        {"Label": "e1", "AnalogUnits": "uV", "MaxAnalogValue": 8191.0, "MaxDigiValue": 32764.0},
        {"Label": "e2", "AnalogUnits": "mV", "MaxAnalogValue": 5000.0, "MaxDigiValue": 32767.0},
    )
    counts = (both * 1000).astype(np.int16)
    nsx = {"MetaTags": {"SamplingFreq": 30000}, "ElectrodesInfo": electrodes, "Data": counts}
    (one,) = _read(tmp_path, {"NS5": nsx}).recordings
    assert (one.channel_names, one.channel_units) == (("e1", "e2"), ("uV", "mV"))
    np.testing.assert_allclose(_physical(one)[0], counts[0] * (8191 / 32764), rtol=1e-12)
    scope = {"values": both.T, "dimensions": 2, "label": "force"}
    (one,) = _read(tmp_path, {"S": {"time": np.arange(1200) / 100, "signals": scope}}).recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("force", "force"), 100.0)


def test_stream_of_load_xdf(tmp_path: Path) -> None:
    channels = _cell(*({"label": name, "unit": "microvolts"} for name in ("C3", "C4")))
    info = {"name": "EEG", "nominal_srate": "250", "desc": {"channels": {"channel": channels}}}
    stamps = 5000 + np.arange(1200) / 250
    stream = {"info": info, "time_series": np.stack([_X, _Y]), "time_stamps": stamps[None]}
    (one,) = _read(tmp_path, {"streams": _cell(stream)}).recordings
    assert one.channel_names == ("C3", "C4")
    assert one.channel_units == ("microvolts", "microvolts")
    assert one.sampling_rate_hz == pytest.approx(250)
    assert one.start_s == pytest.approx(5000)


def test_fragments_of_readnexfile_and_plexon(tmp_path: Path) -> None:
    nex = {"name": "AD01", "ADFrequency": 250.0, "timestamps": np.array([[0.5, 9.0]])}
    nex |= {"fragmentStarts": np.array([[1.0, 801.0]]), "data": _X[:, None]}
    (one,) = _read(tmp_path, {"contvars": _cell(nex)}).recordings
    assert [(s.start_sample, s.n_samples, s.start_s) for s in one.segments] == [
        (0, 800, 0.5),
        (800, 400, 9.0),
    ]
    ad = {"adfreq": 1000.0, "n": 1200.0, "ts": 0.25, "fn": 1200.0, "ad": _X[:, None]}
    (two,) = _read(tmp_path, ad).recordings
    assert (two.sampling_rate_hz, two.start_s) == (1000, 0.25)


def test_traces_of_suite2p(tmp_path: Path) -> None:
    traces = np.stack([_X, _Y])
    variables = {"F": traces, "Fneu": traces + 1, "iscell": np.ones((2, 2)), "ops": {"fs": 30.0}}
    (one,) = _read(tmp_path, variables).recordings
    assert one.channel_names == ("F", "F", "Fneu", "Fneu")
    assert one.sampling_rate_hz == 30
    np.testing.assert_allclose(_physical(one)[1], _Y)


@pytest.mark.parametrize(
    "variables",
    [
        {"latency_ms": _X[None, :80], "amplitude_uV": _Y[None, :80], "fs": 10000.0},
        {"fpr": _X[None], "tpr": _Y[None], "fs": 250.0},
        {"hrv": {"RMSSD": _X[None, :40], "SDNN": _Y[None, :40]}, "fs": 250.0},
        {"bias": _X[None], "rate": 0.5},
        {"spk": np.sort(_X)[None], "unitID": np.arange(1200.0)[None] % 3, "Fs": 200.0},
    ],
)
def test_values_of_events_and_scores_are_no_signals(
    tmp_path: Path, variables: dict[str, Any]
) -> None:
    contents = _read(tmp_path, variables)
    assert not contents.recordings
    assert not contents.events


def test_units_taken_in_order_are_said(tmp_path: Path) -> None:
    units = _cell("mV", "mmHg")
    contents = _read(tmp_path, {"ecg": _X[None], "bp": _Y[None], "fs": 250.0, "units": units})
    assert contents.recordings[0].channel_units == ("mV", "mmHg")
    assert any("order" in one.sentence for one in contents.evidence)


_W = _X[:640].reshape(64, 10)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"w": _X[:64], "bias": _Y[:64], "fs": 250}, "model"),
        ({"w": _X[:64], "bias": 0.3, "fs": 250}, "model"),
        ({"W": _W, "b": _Y[:64], "fs": 250}, "model"),
        ({"data": _W, "labels": np.arange(64) % 2.0, "rate": 0.01}, "classes the rows"),
        (
            {
                "Timestamps": np.arange(4) * 16e3,
                "SampleFrequencies": np.full(4, 32e3),
                "NumberOfValidSamples": np.full(4, 512.0),
                "Samples": np.ones((512, 4)),
            },
            "Neuralynx",
        ),
        ({"W1": _W, "b1": _Y[:64], "rate": 100}, "model"),
        ({"kernel": _W, "learning_rate": 0.1, "rate": 100}, "model"),
        ({"filters": _W, "patterns": _W + 1, "srate": 250}, "no rate"),
        ({"X": _W, "y": np.arange(64) % 2, "fs": 250}, "classes the rows"),
        ({"X": _W, "Y": np.arange(64) % 2.0, "fs": 250}, "classes the rows"),
        ({"score": _W, "latent": _X[:10], "fs": 250}, "no rate"),
        (
            {"pos": _X[:192].reshape(64, 3), "labels": _cell(*map(str, range(64))), "fs": 512},
            "no samples",
        ),
        ({"time": np.arange(60) * 3.0, "status": np.arange(60) % 2, "age": _X[:60]}, "subjects"),
        ({"dose": _X[:40], "response": _Y[:40], "time_min": np.arange(40) * 5.0}, "doses"),
        ({"embedding": _W, "labels": np.arange(64) % 3, "fs": 250}, "no rate"),
        ({"emg": _X, "fs": 1000, "decimation": 4}, "`decimation`"),
        ({"emg": _X, "fs": 1000, "downsample_factor": 10}, "`downsample_factor`"),
    ],
)
def test_models_features_subjects_and_reduced_rates_are_no_signals(
    tmp_path: Path, variables: dict[str, Any], reason: str
) -> None:
    contents = _read(tmp_path, variables)
    assert not contents.recordings
    assert contents.arrays is not None
    assert reason in contents.evidence[0].sentence or reason == "no rate"


def test_a_bias_of_an_amplifier_makes_no_model(tmp_path: Path) -> None:
    (one,) = _read(tmp_path, {"nerve": _X, "fs": 1000, "bias": 0.5}).recordings
    assert one.sampling_rate_hz == 1000


def test_two_units_of_an_array_are_said_and_not_used(tmp_path: Path) -> None:
    contents = _read(tmp_path, {"ecg_mV": _X, "units": "uV", "fs": 250})
    assert contents.recordings[0].channel_units == ("",)
    assert any("two units" in one.sentence for one in contents.evidence)


def test_the_header_of_edfread(tmp_path: Path) -> None:
    header = {
        "ns": 2,
        "duration": 1,
        "label": _cell("ECG", "BP"),
        "units": _cell("mV", "mmHg"),
        "physicalMin": [-5.0, 0.0],
        "digitalMax": [32767.0, 32767.0],
        "samples": [250.0, 250.0],
        "frequency": [250.0, 250.0],
    }
    contents = _read(tmp_path, {"hdr": header, "record": np.stack([_X, _Y])})
    (one,) = contents.recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    assert one.sampling_rate_hz == 250
    np.testing.assert_array_equal(_physical(one), np.stack([_X, _Y]))


@pytest.mark.parametrize(
    "variables",
    [
        {"rate": 0.01, "x": _X},  # of learning?
        {"rate": 2.0, "loss": _X, "values": _Y},
        {"rate": 20, "pulse_width_us": 200, "emg": _X},
        {"Hz": 20, "stim_mA": 1.5, "emg": _X},
        {"stim": {"rate": 20, "amplitude": 2}, "emg": _X},
        {"camera": {"rate": 30}, "emg": _X},
    ],
)
def test_a_bare_rate_beside_other_things_has_two_readings(
    tmp_path: Path, variables: dict[str, Any]
) -> None:
    contents = _read(tmp_path, variables)
    assert not contents.recordings
    assert contents.arrays is not None


@pytest.mark.parametrize(
    "variables",
    [
        {"rate": 250, "ecg": _X, "stim": {"rate": 20}},
        {"rate": 250, "ecg": _X, "stim_mA": _Y},  # a channel, no fact of a stimulus
        {"rate_Hz": 250, "ecg": _X, "pulse_width_us": 200},
    ],
)
def test_a_rate_that_has_one_reading(tmp_path: Path, variables: dict[str, Any]) -> None:
    one = _read(tmp_path, variables).recordings[0]
    assert one.sampling_rate_hz == 250
    assert one.channel_names[0] == "ecg"


def test_a_rate_is_not_that_of_events_beside_the_samples(tmp_path: Path) -> None:
    marks = {"pos": np.array([100.0, 300, 500]), "y": np.array([1.0, -1, 1])}
    variables = {"cnt": _X[:1200, None], "mrk": marks, "nfo": {"fs": 250, "name": "run"}}
    contents = _read(tmp_path, variables)
    assert [one.signals.shape for one in contents.recordings] == [(1, 1200)]


@pytest.mark.parametrize(
    ("stated", "worth", "zero"),
    [
        ({"gain_to_uV": 0.195, "offset_to_uV": 4.0}, 0.195, 4.0),
        ({"lsb_uV": 0.195}, 0.195, 0.0),
        ({"uV_per_bit": 0.195}, 0.195, 0.0),
    ],
)
def test_what_one_count_is_worth(
    tmp_path: Path, stated: dict[str, Any], worth: float, zero: float
) -> None:
    counts = (np.arange(1200) * 7919 % 1201 - 600).astype(np.int16)
    (one,) = _read(tmp_path, {"raw": counts[None], "fs": 1000, **stated}).recordings
    assert one.channel_units == ("uV",)
    np.testing.assert_allclose(_physical(one)[0], counts * worth + zero)


@pytest.mark.parametrize(
    "name", ["resp_rate", "respRate", "heart_rate", "ecg_rate", "resp_rate_hz"]
)
def test_the_rate_of_what_is_recorded_is_no_sampling_rate(tmp_path: Path, name: str) -> None:
    array = name.partition("_")[0] if "_" in name else "resp"
    contents = _read(tmp_path, {array: _X, name: 15})
    assert not contents.recordings


@pytest.mark.parametrize("name", ["emg_rate", "ecg_sampling_rate", "resp_fs", "ecg_rate_hz"])
def test_the_sampling_rate_of_a_signal(tmp_path: Path, name: str) -> None:
    (one,) = _read(tmp_path, {name.partition("_")[0]: _X, name: 250}).recordings
    assert one.sampling_rate_hz == 250


def test_two_units_of_one_quantity(tmp_path: Path) -> None:
    contents = _read(tmp_path, {"bp_kPa": _X, "bp_units": "mmHg", "fs": 250})
    assert contents.recordings[0].channel_units == ("",)
