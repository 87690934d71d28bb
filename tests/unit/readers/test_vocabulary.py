"""What names state: one table of words for every reader of exports."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparc_fuse_core.readers.shared.vocabulary import (
    Meaning,
    hertz_in,
    is_unit,
    meaning_of,
    normal,
    quantity_of,
    rate_hz_of,
    scale_of,
    seconds_in,
    split_unit,
    time_unit_of,
)
from sparc_fuse_core.readers.shared.words import WORDS


def test_no_word_means_two_things() -> None:
    counts = Counter(spelling for word in WORDS for spelling in word.spellings.split())
    assert [spelling for spelling, n in counts.items() if n > 1] == []
    assert [spelling for spelling in counts if normal(spelling) != spelling] == []


@pytest.mark.parametrize(
    ("name", "kind", "unit", "subject"),
    [
        *((name, "rate", "", "") for name in ("fs", "Fs", "SR", "srate", "sfreq", "fsample")),
        *((name, "rate", "", "") for name in ("samplingFrequency", "sample_rate", "SamplingRate")),
        ("fs_kHz", "rate", "kHz", ""),
        ("sampling_rate_hz", "rate", "hz", ""),
        ("Sampling Rate (Hz)", "rate", "Hz", ""),
        ("samples_per_second", "rate", "Hz", ""),
        ("fs_emg", "rate", "", "emg"),
        ("emg_fs", "rate", "", "emg"),
        ("dt", "interval", "", ""),
        ("dt_s", "interval", "s", ""),
        ("sampling_interval_ms", "interval", "ms", ""),
        ("Sample interval (ms)", "interval", "ms", ""),
        ("t_ms", "time", "ms", ""),
        ("Time/s", "time", "s", ""),
        ("timestamps_us", "time", "us", ""),
        ("unix_time_ms", "time", "ms", ""),
        ("t_amplifier", "time", "", "amplifier"),
        ("isi_units", "unit", "", "isi"),
        ("TimeUnits", "unit", "", "time"),
        ("ecg_units", "unit", "", "ecg"),
        ("channel_names", "label", "", ""),
        ("_FillValue", "missing", "", ""),
        ("add_offset", "offset", "", ""),
        ("spike_times_s", "side", "s", ""),
        ("freq_Hz", "axis", "Hz", ""),
        ("heart_rate", "data", "", ""),
    ],
)
def test_what_a_name_states(name: str, kind: str, unit: str, subject: str) -> None:
    assert meaning_of(name) == Meaning(kind, unit, subject)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["left_mV", "notes", "subject", "", "é" * 500, "_" * 99])
def test_names_that_state_nothing(name: str) -> None:
    assert meaning_of(name) is None


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ECG (mV)", ("ECG", "mV")),
        ("ECG [µV]", ("ECG", "µV")),
        ("ECG/mV", ("ECG", "mV")),
        ("ecg_mv", ("ecg", "mV")),
        ("BP mmHg", ("BP", "mmHg")),
        ("resp_V", ("resp", "V")),
        ("x_v", ("x_v", "")),
        ("emg (left)", ("emg (left)", "")),
        ("left_L", ("left_L", "")),
        ("x_pa", ("x_pa", "")),
    ],
)
def test_units_in_names(name: str, parts: tuple[str, str]) -> None:
    assert split_unit(name) == parts


def test_letters_that_tell_columns_apart_are_no_units() -> None:
    assert split_unit("acc_A", ["acc_A", "acc_B"]) == ("acc_A", "")
    assert split_unit("probe_V", ["probe_V", "probe_D"]) == ("probe_V", "")


def test_units_of_time_and_rate() -> None:
    assert {time_unit_of(text) for text in ("sec", "second", "Seconds", "s")} == {"s"}
    assert time_unit_of("µs") == "us"
    assert seconds_in("msec/sample") == 1e-3
    assert (hertz_in("kHz"), hertz_in("mHz"), hertz_in("MHz")) == (1e3, 1e-3, 1e6)
    assert hertz_in("samples/second") == 1.0
    assert is_unit("mm Hg")
    assert not is_unit("left")


def test_rates() -> None:
    assert rate_hz_of("rate", 250.0, "") == 250.0
    assert rate_hz_of("rate", 2.5, "kHz") == 2500.0
    assert rate_hz_of("interval", 0.4, "ms") == 2500.0
    assert rate_hz_of("interval", 0.05, "") is None  # 20 Hz or 20 kHz
    assert [rate_hz_of("rate", x, "") for x in (0.0, -1.0, float("nan"), float("inf"))] == [
        None
    ] * 4
    assert rate_hz_of("rate", 10.0, "mV") is None


def test_quantities_and_scales() -> None:
    assert quantity_of("500 Hz") == (500.0, "Hz")
    assert quantity_of("1 msec/sample") == (1.0, "msec/sample")
    assert quantity_of("2,5 kHz") == (2.5, "kHz")
    assert quantity_of("2021-03-04") is None
    assert scale_of("uV_per_bit") == ("uV", False)
    assert scale_of("counts_per_mV") == ("mV", True)
    assert scale_of("voltsPerBit") == ("V", False)
    assert scale_of("beats_per_min") is None


@given(st.text(max_size=60))
def test_any_name_can_be_asked(name: str) -> None:
    meaning_of(name)
    quantity_of(name)
    scale_of(name)
    head, unit = split_unit(name)
    assert not unit or head


@pytest.mark.parametrize(
    ("name", "taken_apart"),
    [
        ("flow_mL_min", ("flow", "mL/min")),
        ("flow_L_per_min", ("flow", "L/min")),
        ("speed_cm_s", ("speed", "cm/s")),
        ("conc_ng_mL", ("conc", "ng/mL")),
        ("area_mV_s", ("area_mV_s", "")),
        ("rate_ug_kg_min", ("rate_ug_kg_min", "")),
        ("time_ms", ("time", "ms")),
        ("ecg_mV", ("ecg", "mV")),
        ("duration_min", ("duration", "min")),
    ],
)
def test_units_by_others_at_the_end_of_a_name(name: str, taken_apart: tuple[str, str]) -> None:
    assert split_unit(name) == taken_apart
