"""Real LabChart files. No second reader exists on Linux: the numbers are adichtion's own, read whole."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.readers.adicht import read

if TYPE_CHECKING:
    from pathlib import Path

_READ = ("CP058R", "Test1")
_EMPTY = ("blank_labchart_8_file",)


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "adicht"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.adicht")} == {*_READ, *_EMPTY}


def _check(values: np.ndarray, truth: dict[str, Any]) -> None:
    assert len(values) == truth["n"]
    found = [*values[:3], *values[-3:], values.min(), values.max(), values.mean()]
    expected = [*truth["first"], *truth["last"], *(truth[key] for key in ("min", "max", "mean"))]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", _READ)
def test_equals_the_truth(folder: Path, name: str) -> None:
    path = folder / f"{name}.adicht"
    record = json.loads((folder / f"{name}.adicht.expected.json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    (truth,) = record["content"]["records"]
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == truth["tick_rate"]
        assert len(contents.events) == record["content"]["n_comments"]
        stored = np.asarray(recording.signals[:, :])
        assert recording.channel_names == tuple(one["name"] for one in truth["channels"])
        assert recording.gain is not None
        assert recording.offset is not None
        for i, channel in enumerate(truth["channels"]):
            assert str(stored.dtype) == channel["stored_dtype"]
            _check(stored[i].astype(float), channel["raw"])
            _check(stored[i] * recording.gain[i] + recording.offset[i], channel["scaled"])


def test_uncalibrated_channels_are_said(folder: Path) -> None:
    """One channel states only its input range, the other nothing: counts without a unit."""
    with read(folder / "CP058R.adicht", {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_units == ("V", "")
        assert recording.gain is not None
        assert recording.gain[1] == 1.0
        said = [(one.basis, one.sentence.split(" '")[0]) for one in contents.evidence]
        assert said == [("inferred", "channel 1"), ("missing", "channel 2")]
        assert all(one.fact == "calibration" for one in contents.evidence)
        assert contents.start_time.startswith("2025-05-27T")
    with read(folder / "Test1.adicht", {}) as contents:
        assert contents.recordings[0].channel_units == ("V", "V")
        assert not contents.evidence


def test_file_without_a_record_holds_nothing_to_convert(folder: Path) -> None:
    with pytest.raises(NothingToConvertError, match=r"blank_labchart_8_file\.adicht: no recording"):
        read(folder / "blank_labchart_8_file.adicht", {}).__enter__()
