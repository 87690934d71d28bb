"""Real EDF and BDF files against pyedflib (the truth files) and edfio, which share no code with us."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import edfio
import numpy as np
import pytest

from sparc_fuse_core.readers.edf.reader import read

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Recording

_FILES = {
    "SC4001EC-Hypnogram.edf",
    "duplicate_channel_labels.edf",
    "short_psg.edf",
    "test_bdf_stim_channel.bdf",
    "test_generator.bdf",
    "test_stim_channel.edf",
    "test_subsecond.edf",
    "test_uneven_samp.edf",
    "test_utf8.edf",
}
#: pyedflib writes the fraction .3945312 of these starts as .039453: the first time stamp in the file
#: is b"+0.3945312".
_WRONG_START = {"test_subsecond.edf", "test_utf8.edf"}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "edf"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.?df")} == _FILES


def _physical(recording: Recording) -> np.ndarray:
    assert recording.gain is not None
    assert recording.offset is not None
    stored = np.asarray(recording.signals[:, :], dtype=float)
    return stored * np.array(recording.gain)[:, None] + np.array(recording.offset)[:, None]


@pytest.mark.parametrize("name", sorted(_FILES))
def test_equals_the_truth(folder: Path, name: str) -> None:
    truth = json.loads((folder / f"{name}.expected.json").read_text())["content"]
    with read(folder / name, {}) as contents:
        assert not contents.evidence
        start = "2020-01-24 04:05:56.394531" if name in _WRONG_START else truth["start"]
        assert contents.start_time.replace("T", " ") == start
        rows = [
            (recording, i, values)
            for recording in contents.recordings
            for i, values in enumerate(_physical(recording))
        ]
        assert len(rows) == len(truth["channels"])
        by_key = {}
        for recording, i, values in rows:
            key = (recording.channel_names[i], recording.sampling_rate_hz)
            by_key.setdefault(key, []).append((recording.channel_units[i], values))
        for channel in truth["channels"]:
            unit, values = by_key[channel["name"], channel["fs"]].pop(0)
            assert unit == channel["units"]
            assert len(values) == channel["n"]
            atol = 1e-9 * max(abs(limit) for limit in channel["physical_range"])
            found = [*values[:3], *values[-3:], values.min(), values.max(), values.mean()]
            expected = [
                *(channel["first"] + channel["last"]),
                *(channel[key] for key in ("min", "max", "mean")),
            ]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=atol)
        events = contents.events
        assert len(events) == truth["n_annotations"]
        for i, (onset_s, duration_s, text) in enumerate(truth["annotations_first"]):
            assert events.time_s[i] == pytest.approx(onset_s, abs=1e-6)
            assert events.label[i] == text
            assert (duration_s == -1) == bool(np.isnan(events.duration_s[i]))
            if duration_s != -1:
                assert events.duration_s[i] == duration_s


@pytest.mark.parametrize("name", sorted(_FILES))
def test_stored_integers_equal_edfio(folder: Path, name: str) -> None:
    path = folder / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open_other = edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf
        other = open_other(path, header_encoding="utf-8")
    with read(path, {}) as contents:
        digital: dict[float | None, list[np.ndarray]] = {
            recording.sampling_rate_hz: list(recording.signals[:, :])
            for recording in contents.recordings
        }
        assert sum(map(len, digital.values())) == len(other.signals)
        for signal in other.signals:
            ours = digital[signal.sampling_frequency].pop(0)
            np.testing.assert_array_equal(ours, signal.digital)
        theirs = sorted((one.onset, one.text) for one in other.annotations)
        ours_sorted = sorted(zip(contents.events.time_s, contents.events.label, strict=True))
        assert [text for _, text in ours_sorted] == [text for _, text in theirs]
        assert [t for t, _ in ours_sorted] == pytest.approx([t for t, _ in theirs], abs=1e-6)
