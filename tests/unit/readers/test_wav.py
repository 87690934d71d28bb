"""Real WAV files, most of them scipy's and libsndfile's own hard cases, against scipy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.wav import read

if TYPE_CHECKING:
    from pathlib import Path

#: File → by how many bits scipy shifts the stored integers to the left.
_SHIFTS = {
    "test-1234Hz-le-1ch-10S-20bit-extra": 8,
    "test-44100Hz-2ch-32bit-float-be": 0,
    "test-44100Hz-be-1ch-4bytes": 0,
    "test-44100Hz-le-1ch-4bytes-rf64": 0,
    "test-48000Hz-2ch-64bit-float-le-wavex": 0,
    "test-8000Hz-be-3ch-5S-24bit": 8,
    "test-8000Hz-le-2ch-1byteu": 0,
    "test-8000Hz-le-3ch-5S-24bit": 8,
    "test-8000Hz-le-3ch-5S-36bit": 24,
    "test-8000Hz-le-3ch-5S-53bit": 8,
    "test-8000Hz-le-3ch-5S-64bit": 0,
    "test-8000Hz-le-5ch-9S-5bit": 0,
}
#: scipy refuses it for its header; libsndfile reads what its sibling with a true header holds.
_INCONSISTENT = "test-8000Hz-le-3ch-5S-24bit-inconsistent"
_REFUSED = (
    "test-44100Hz-le-1ch-4bytes-early-eof-no-data",
    "test-44100Hz-le-1ch-4bytes-incomplete-chunk",
)


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "wav"


def _samples(path: Path) -> tuple[np.ndarray, float | None]:
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert not contents.evidence
        assert recording.gain is None
        assert set(recording.channel_units) == {""}
        return np.asarray(recording.signals[:, :]).T, recording.sampling_rate_hz


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.wav")} == {*_SHIFTS, _INCONSISTENT, *_REFUSED}


@pytest.mark.parametrize("name", sorted(_SHIFTS))
def test_equals_the_truth(folder: Path, name: str) -> None:
    truth = json.loads((folder / f"{name}.wav.expected.json").read_text())["content"]
    values, rate_hz = _samples(folder / f"{name}.wav")
    assert rate_hz == truth["fs"]
    assert values.shape == (*truth["shape"], 1)[:2]
    # 8-bit files are unsigned with zero at 128: stored here as signed
    zero = 128 if truth["dtype"] == "uint8" else 0
    if values.dtype.kind == "f":
        assert values.dtype == np.dtype(truth["dtype"]).newbyteorder("=")
        flat = values.reshape(-1).tolist()
    else:
        flat = [(int(v) << _SHIFTS[name]) + zero for v in values.reshape(-1)]
    assert flat[:3] == truth["first"]
    assert flat[-3:] == truth["last"]
    assert (float(min(flat)), float(max(flat))) == (truth["min"], truth["max"])
    # a mean of numbers near 2^63 depends on the order of summation
    assert sum(flat) / len(flat) == pytest.approx(truth["mean"], rel=1e-6, abs=max(flat) * 1e-15)


def test_header_that_lies_about_its_frames(folder: Path) -> None:
    values, rate_hz = _samples(folder / f"{_INCONSISTENT}.wav")
    sibling, _ = _samples(folder / f"{_INCONSISTENT.removesuffix('-inconsistent')}.wav")
    np.testing.assert_array_equal(values, sibling)
    assert rate_hz == 8000


@pytest.mark.parametrize("name", _REFUSED)
def test_files_without_samples_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(CorruptFileError, match=name):
        read(folder / f"{name}.wav", {}).__enter__()
