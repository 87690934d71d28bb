"""Real NWB files against what h5py and pynwb find in them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.formats.registry import find_format, load_reader
from sparc_fuse_core.readers.nwb.reader import read

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {"1.0.3_nwbfile.nwb", "2.1.0_nwbfile_with_extension.nwb", "A8604-211122.nwb"}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "nwb"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.nwb")} == _FILES


def test_a_file_of_empty_groups_is_refused(folder: Path) -> None:
    """It was written by pynwb 1.0.3 as NWB 2.0.2 and holds a description only."""
    with pytest.raises(NothingToConvertError, match=r"1\.0\.3_nwbfile\.nwb: .*no time series"):
        read(folder / "1.0.3_nwbfile.nwb", {}).__enter__()


def test_a_series_of_an_extension(folder: Path) -> None:
    with read(folder / "2.1.0_nwbfile_with_extension.nwb", {}) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], [[1.0, 2.0, 3.0]])
        assert recording.sampling_rate_hz == 1.0
        assert recording.channel_units == ("ADDME",)
        assert recording.metadata == {
            "neurodata_type": "TimeSeriesWithID",
            "id": 1,
            "description": "ADDME",
        }


def test_spikes_and_epochs(folder: Path) -> None:
    path = folder / "A8604-211122.nwb"
    with read(path, {}) as contents, h5py.File(path) as file:
        assert contents.recordings == ()
        events = contents.events
        times, ends = file["units/spike_times"][()], file["units/spike_times_index"][()]
        assert len(events) == len(times) + 1
        assert (np.diff(np.asarray(events.time_s)) >= 0).all()
        starts = [0, *ends[:-1]]
        for unit, start, end in zip(file["units/id"][()], starts, ends, strict=True):
            found = [
                t
                for t, label in zip(events.time_s, events.label, strict=True)
                if label == f"unit {unit}"
            ]
            np.testing.assert_array_equal(found, np.sort(times[start:end]))
        epoch = list(events.kind).index("epochs")
        assert (events.time_s[epoch], events.duration_s[epoch]) == (0.0, 1087.5289)
        assert events.label[epoch] == "wake"
        assert contents.metadata["general"]["experimenter"] == "guillaume"


@pytest.mark.filterwarnings("ignore")
def test_spikes_equal_pynwb(folder: Path) -> None:
    path = folder / "A8604-211122.nwb"
    with NWBHDF5IO(str(path), "r") as io:
        units = io.read().units
        expected = {int(i): np.sort(units["spike_times"][k]) for k, i in enumerate(units.id[:])}
    with read(path, {}) as contents:
        for unit, times in expected.items():
            label = f"unit {unit}"
            mine = [
                t
                for t, one in zip(contents.events.time_s, contents.events.label, strict=True)
                if one == label
            ]
            np.testing.assert_array_equal(mine, times)


@pytest.mark.parametrize("name", ["renamed.h5", "renamed.mat"])
def test_an_nwb_file_with_another_name(folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(folder / "2.1.0_nwbfile_with_extension.nwb", path)
    with load_reader(find_format(name))(path, {}) as contents:
        assert contents.recordings[0].metadata["neurodata_type"] == "TimeSeriesWithID"
