"""Real BIOPAC files against bioread's own reading of samples, markers and journal."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import bioread
import numpy as np
import pytest

from sparc_fuse_core.readers.acq.reader import read
from tests.samples import acq as samples

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_FILES = {
    "iso_8859_1": False,
    "nojournal-3.8.1-c": True,
    "physio-3.9.1-c": True,
    "physio-5.0.1-c": True,
    "r35_test": False,
    "r42_test": False,
}
#: Samples that revision 41 itself stores wrongly, at the end of a channel (see the truth's notes).
_N_WRONG = {"nojournal-3.8.1-c": {1000.0: 196, 2000.0: 395, 3.90625: 1}}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "acq"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.acq")} == set(_FILES)


def _channels(contents: Contents) -> list[tuple[str, str, float | None, str, np.ndarray]]:
    found = []
    for recording in contents.recordings:
        stored = np.asarray(recording.signals[:, :])
        for i, row in enumerate(stored):
            values = row.astype(float)
            if recording.gain is not None and recording.offset is not None:
                values = values * recording.gain[i] + recording.offset[i]
            found.append(
                (
                    recording.channel_names[i],
                    recording.channel_units[i],
                    recording.sampling_rate_hz,
                    str(row.dtype),
                    values,
                )
            )
    return found


@pytest.mark.parametrize("name", sorted(_FILES))
def test_equals_the_truth(folder: Path, name: str) -> None:
    path = folder / f"{name}.acq"
    record = json.loads((folder / f"{name}.acq.expected.json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    truth = record["content"]
    with read(path, {}) as contents:
        assert contents.metadata["file_revision"] == truth["file_revision"]
        left = _channels(contents)
        assert len(left) == len(truth["channels"])
        for channel in truth["channels"]:
            key = (channel["name"], channel["units"], channel["fs"], channel["stored_dtype"])
            at = next(i for i, one in enumerate(left) if one[:4] == key)
            values = left.pop(at)[4]
            assert len(values) == channel["n"]
            np.testing.assert_allclose(values[:3], channel["first"], rtol=1e-12)
            if name not in _N_WRONG:
                np.testing.assert_allclose(values[-3:], channel["last"], rtol=1e-12)
                found = (values.min(), values.max(), values.mean())
                expected = [channel[key] for key in ("min", "max", "mean")]
                np.testing.assert_allclose(found, expected, rtol=1e-9)
        events = contents.events
        assert len(events) == len(truth["event_markers"])
        first = truth["event_markers"][0]["sample"]
        first = first if first >= 2**31 else 0
        for i, marker in enumerate(truth["event_markers"]):
            # the truth's samples are unsigned; -34304 ticks is where this file's time axis begins
            sample = (marker["sample"] - first) % 2**32
            assert events.time_s[i] == pytest.approx(sample / truth["base_fs"])
            assert events.label[i] == marker["text"]
        assert len(contents.metadata.get("journal", "")) == truth["journal_chars"]


@pytest.mark.parametrize("name", sorted(_FILES))
def test_samples_equal_bioread(folder: Path, name: str) -> None:
    path = folder / f"{name}.acq"
    other = bioread.read(str(path))
    assert other.is_compressed == _FILES[name]
    with read(path, {}) as contents:
        ours = {
            (one[0], one[2], len(one[4]), i): one[4] for i, one in enumerate(_channels(contents))
        }
        for channel in other.channels:
            key = (channel.name, channel.samples_per_second, channel.point_count)
            matches = [k for k in ours if k[:3] == key]
            values = ours.pop(matches[0])
            np.testing.assert_array_equal(values, channel.data.astype(float))
    assert not ours


def test_one_recording_saved_by_three_versions(folder: Path) -> None:
    """Same samples but for the end that 3.8.1 stores wrongly; same markers but for their zero."""
    found = {}
    for name in ("nojournal-3.8.1-c", "physio-3.9.1-c", "physio-5.0.1-c"):
        with read(folder / f"{name}.acq", {}) as contents:
            rows = {(row[0], row[2]): row[4] for row in _channels(contents)}
            found[name] = (rows, list(contents.events.time_s), contents.evidence)
    old, middle, new = found.values()
    assert middle[1] == new[1]
    assert any("34304 ticks" in one.sentence for one in new[2])
    assert any("revision 41" in one.sentence for one in old[2])
    for key, values in middle[0].items():
        np.testing.assert_array_equal(values, new[0][key])
        if key in old[0]:
            n_wrong = _N_WRONG["nojournal-3.8.1-c"][key[1]]
            np.testing.assert_array_equal(old[0][key][:-n_wrong], values[:-n_wrong])


@pytest.mark.parametrize("name", ["acq-r38-little", "acq-r42-big", "acq-r43-little-compressed"])
def test_our_samples_are_read_alike_by_bioread(tmp_path: Path, name: str) -> None:
    """Files laid out by hand are files that another program understands."""
    sample = next(one for one in samples.SAMPLES if one.name == name)
    truth = sample.write(tmp_path)
    other = bioread.read(str(truth.path))
    theirs = [(channel.name, channel.samples_per_second) for channel in other.channels]
    assert sorted(theirs) == sorted((n, s.rate_hz) for s in truth.streams for n in s.names)
    by_key = [(c.name, c.samples_per_second, c.data) for c in other.channels]
    for stream in truth.streams:
        for label, row in zip(stream.names, stream.physical, strict=True):
            assert any(
                key[:2] == (label, stream.rate_hz) and np.array_equal(key[2], row) for key in by_key
            )
    assert [marker.text for marker in other.event_markers] == ["start", "Stimulus é"]
    assert other.journal == "a note"
