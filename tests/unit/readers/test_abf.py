"""ABF files against neo and pyabf, which share no code with us: real files, and our own samples."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pyabf
import pytest
from neo.rawio import AxonRawIO

from sparc_fuse_core.formats.registry import find_format, format_named
from sparc_fuse_core.formats.signatures import recognise
from sparc_fuse_core.readers.abf.reader import read
from tests.samples import abf as samples

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Recording

_FILES = {
    "16d22006_kim_gapfree",
    "171116sh_0013",
    "180415_aaron_temp",
    "2018_12_15_0000",
    "2020_06_16_0000",
    "DM1_0000",
    "File_axon_3",
    "File_axon_7",
    "axonio",
    "invalidDate-abf1",
    "test_0001",
}
#: neo makes up a name where the file has none, and writes "degC" for the file's "deg C".
_NAMES_BY_NEO = {"invalidDate-abf1": ("",)}
_UNITS_BY_NEO = {"180415_aaron_temp": ("V", "deg C")}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "abf"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.abf")} == _FILES


def _physical(recording: Recording) -> np.ndarray:
    stored = np.asarray(recording.signals[(slice(None),) * len(recording.signals.shape)])
    flat = stored.reshape(len(stored), -1).astype(float)
    if recording.gain is None or recording.offset is None:
        return flat
    return flat * np.array(recording.gain)[:, None] + np.array(recording.offset)[:, None]


def _lengths_and_starts(recording: Recording) -> tuple[list[int], list[float]]:
    if len(recording.signals.shape) == 3:
        _, n_sweeps, n_samples = recording.signals.shape
        return [n_samples] * n_sweeps, list(recording.sweep_start_s)
    if recording.segments:
        segments = recording.segments
        return [one.n_samples for one in segments], [one.start_s for one in segments]
    return [recording.n_samples], [recording.start_s]


@pytest.mark.parametrize("name", sorted(_FILES))
def test_equals_the_truth(folder: Path, name: str) -> None:
    path = folder / f"{name}.abf"
    record = json.loads((folder / f"{name}.abf.expected.json").read_text())
    truth = record["content"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        channels = truth["channels"]
        names = _NAMES_BY_NEO.get(name, tuple(channel["name"] for channel in channels))
        units = _UNITS_BY_NEO.get(name, tuple(channel["units"] for channel in channels))
        assert recording.channel_names == names
        assert recording.channel_units == units
        physical = _physical(recording)
        assert len(physical) == len(channels)
        for values, channel in zip(physical, channels, strict=True):
            assert recording.sampling_rate_hz == pytest.approx(channel["fs"], rel=1e-12)
            assert np.dtype(recording.signals.dtype).name == channel["stored_dtype"]
            assert len(values) == channel["n"]
            found = [*values[:3], *values[-3:], values.min(), values.max(), values.mean()]
            expected = [
                *(channel["first"] + channel["last"]),
                *(channel[key] for key in ("min", "max", "mean")),
            ]
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.ptp(values))
        lengths, starts_s = _lengths_and_starts(recording)
        if name == "invalidDate-abf1":  # neo takes the 50 sweeps of this old version for one
            assert (len(lengths), lengths[0]) == (50, truth["pyabf"]["pts_per_sweep"])
            assert not starts_s
        else:
            assert lengths == truth["sweep_lengths"]
            assert starts_s[:5] == pytest.approx(truth["t_start"])
        assert len(contents.events) == len(truth["pyabf"]["tags"])


@pytest.mark.parametrize("name", sorted(_FILES - {"2020_06_16_0000", "File_axon_7"}))
def test_sweeps_equal_pyabf(folder: Path, name: str) -> None:
    """Not where pyabf is wrong about sweep borders, or rounds 403.2 Hz to 403."""
    path = folder / f"{name}.abf"
    other = pyabf.ABF(str(path))
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        ours = _physical(recording).reshape(other.channelCount, other.sweepCount, -1)
        for channel in other.channelList:
            for sweep in other.sweepList:
                other.setSweep(sweep, channel)
                theirs = other.sweepY.astype(float)
                span = max(np.ptp(theirs), 1e-9)
                np.testing.assert_allclose(ours[channel, sweep], theirs, rtol=0, atol=1e-5 * span)


@pytest.mark.parametrize(
    "name", ["abf2-gap-free", "abf2-float", "abf2-episodic", "abf2-variable", "abf1-long-header"]
)
def test_our_samples_are_read_alike_by_neo(tmp_path: Path, name: str) -> None:
    """Files laid out by hand are files that another program understands."""
    sample = next(one for one in samples.SAMPLES if one.name == name)
    truth = sample.write(tmp_path)
    other = AxonRawIO(str(truth.path))
    other.parse_header()
    n_sweeps = other.segment_count(0)
    parts = [other.get_analogsignal_chunk(0, i, stream_index=0) for i in range(n_sweeps)]
    theirs = other.rescale_signal_raw_to_float(np.concatenate(parts), "float64", 0).T
    (stream,) = truth.streams
    np.testing.assert_allclose(theirs, stream.physical.reshape(theirs.shape), rtol=1e-6, atol=1e-6)
    assert other.get_signal_sampling_rate(0) == pytest.approx(stream.rate_hz)


def test_protocol_is_metadata(tmp_path: Path) -> None:
    sample = next(one for one in samples.SAMPLES if one.name == "abf2-episodic")
    with read(sample.write(tmp_path).path, {}) as contents:
        assert contents.recordings[0].sweep_start_s == pytest.approx((0.0, 0.3, 0.6, 0.9))
        assert contents.start_time == "2021-03-02T04:05:06.500000"
        assert contents.metadata["comment"] == "a comment"
        (epoch,) = contents.metadata["epochs"]
        assert (epoch["output"], epoch["unit"], epoch["level"]) == ("Cmd 0", "mV", -80.0)


def test_a_stimulus_from_a_file_is_named_and_its_epochs_were_not_played(tmp_path: Path) -> None:
    path = tmp_path / "a.abf"
    raw = np.zeros((40, 2), "<i2")
    path.write_bytes(samples.version_2(raw, mode=3, stimulus_file="C:\\lab\\sine.atf"))
    with read(path, {}) as contents:
        assert contents.metadata["stimulus_files"] == [{"output": "Cmd 0", "file": "sine.atf"}]
        assert not contents.metadata.get("epochs")
        assert len(contents.metadata["epochs_not_played"]) == 1
        assert any("sine.atf" in one.sentence for one in contents.evidence)


def test_axoscope_file_named_acq_is_abf(tmp_path: Path) -> None:
    sample = next(one for one in samples.SAMPLES if one.name == "abf2-named-acq")
    path = sample.write(tmp_path).path
    assert find_format(path.name).name == "acq"
    assert recognise(path, find_format(path.name)) is format_named("abf")
