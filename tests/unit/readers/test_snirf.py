"""SNIRF: against MNE, and what is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import snirf

if TYPE_CHECKING:
    from pathlib import Path

_READ = load_reader(format_named("snirf"))


def test_mne_reads_the_same(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    path = snirf.snirf(tmp_path).path
    with h5py.File(path, "r+") as file:
        # MNE takes one kind of measurement only
        nirs = file["nirs"]
        values = nirs["data1/dataTimeSeries"][:, :2]
        del nirs["data1/measurementList3"], nirs["data1/dataTimeSeries"], nirs["aux1"]
        nirs["data1/dataTimeSeries"] = values
        nirs["probe/sourcePos3D"] = np.zeros((1, 3))
        nirs["probe/detectorPos3D"] = np.ones((1, 3))
        nirs["probe/detectorLabels"] = np.array(["D1"], dtype=h5py.string_dtype())
        del nirs["probe/sourceLabels"]
    raw = mne.io.read_raw_snirf(path, verbose="ERROR")
    with _READ(path, {}) as contents:
        (one,) = contents.recordings
        assert one.sampling_rate_hz == pytest.approx(raw.info["sfreq"])
        assert list(one.channel_names) == raw.ch_names
        np.testing.assert_array_equal(one.signals[:, :], raw.get_data())
        assert list(contents.events.time_s) == pytest.approx(list(raw.annotations.onset))


def test_a_start_and_a_subject(tmp_path: Path) -> None:
    path = snirf.snirf(tmp_path, subject="Qzylbra").path
    with _READ(path, {}) as contents:
        assert contents.start_time == "2021-03-04T10:11:12"
        assert contents.metadata == {"patient": "Qzylbra"}
    with h5py.File(path, "r+") as file:
        del file["nirs/metaDataTags/MeasurementDate"]
        file["nirs/metaDataTags/MeasurementDate"] = "unknown"
    with _READ(path, {}) as contents:
        assert contents.start_time == ""


def test_a_device_that_stamps_nothing_has_no_clock(tmp_path: Path) -> None:
    path = snirf.snirf(tmp_path).path
    with h5py.File(path, "r+") as file:
        file["nirs/aux1/time"][...] = 0
    with _READ(path, {}) as contents:
        assert [one.sampling_rate_hz for one in contents.recordings] == [12.5, 12.5, None]


def test_times_in_no_unit_are_kept_and_stimuli_are_not(tmp_path: Path) -> None:
    path = snirf.snirf(tmp_path, time="all").path
    with h5py.File(path, "r+") as file:
        del file["nirs/metaDataTags/TimeUnit"]
    with _READ(path, {}) as contents:
        one = contents.recordings[0]
        assert one.sampling_rate_hz is None
        assert one.time_units == ""
        assert one.times is not None
        assert not len(contents.events)
        assert any("left out" in said.sentence for said in contents.evidence)
