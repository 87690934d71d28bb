"""A real EEGLAB dataset against what mne found in it (its truth is in volts)."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import MissingCompanionError
from sparc_fuse_core.readers.eeglab import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "eeglab" / "eeglab_data.set"


def test_every_file_is_tested_here(path: Path) -> None:
    found = {one.name for one in path.parent.iterdir() if one.suffix != ".json"}
    assert found == {"eeglab_data.set", "eeglab_data.fdt"}


def test_samples_names_and_events(path: Path) -> None:
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text())["content"]
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == truth["fs"]
        assert recording.n_samples == int(truth["n_times"])
        assert recording.channel_names == tuple(one["name"] for one in truth["channels"])
        assert set(recording.channel_units) == {""}  # mne takes microvolts for granted
        values = np.asarray(recording.signals[:, :])
        assert values.dtype == np.float32
        for row, one in zip(values.astype(float) * 1e-6, truth["channels"], strict=True):
            np.testing.assert_allclose(row[:3], one["first"], rtol=1e-9)
            np.testing.assert_allclose(row[-3:], one["last"], rtol=1e-9)
            assert [row.min(), row.max()] == pytest.approx([one["min"], one["max"]], rel=1e-9)
            assert row.mean() == pytest.approx(one["mean"], rel=1e-5)
        events = contents.events
        assert len(events) == truth["n_annotations"]
        # the file's first latency is 129.00875 samples, counted from 1, at 128 Hz
        assert (events.time_s[0], events.label[0]) == (pytest.approx(128.00875 / 128), "square")
        assert set(events.label) == {"square", "rt"}
        assert contents.metadata["eeglab"]["ref"] == "common"
        assert contents.metadata["channel_locations"][0]["labels"] == "FPz"


def test_without_its_samples(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path)
    with pytest.raises(MissingCompanionError, match=r"eeglab_data\.set.*'eeglab_data\.fdt'"):
        read(tmp_path / path.name, {}).__enter__()
