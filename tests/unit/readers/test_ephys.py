"""Shared Blackrock, BrainVision, Neuralynx and Open Ephys files against their stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import find_format, load_reader
from sparc_fuse_core.formats.signatures import recognise

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sparc_fuse_core.model import Contents, Recording

#: the truth is in SI units: mne scales what it knows and calls the rest "n/a"
_SI = {"µV": 1e-6, "uV": 1e-6, "mV": 1e-3, "nV": 1e-9, "V": 1.0, "µS": 1e-6, "uS": 1e-6}


def _open(path: Path) -> AbstractContextManager[Contents]:
    return load_reader(recognise(path, find_format(path.name)))(path, {})


def _truth(path: Path) -> Any:
    return json.loads(path.with_name(path.name + ".expected.json").read_text())["content"]


def _whole(recording: Recording) -> np.ndarray:
    return np.asarray(recording.signals[(slice(None),) * len(recording.signals.shape)])


@pytest.mark.parametrize("suffix", ["ns5", "ns2"])
def test_blackrock_equals_what_was_written(shared_samples: Path, suffix: str) -> None:
    folder = shared_samples / "timeseries" / "blackrock"
    truth = _truth(folder / f"synth23.{suffix}")
    with _open(folder / "synth23.ns5") as contents:
        recording = next(r for r in contents.recordings if r.name == suffix)
        assert recording.sampling_rate_hz == truth["fs"]
        assert list(recording.channel_names) == truth["names"]
        assert list(recording.channel_units) == truth["units"]
        assert recording.gain == pytest.approx([truth["gain"]] * truth["nch"])
        assert [s.n_samples for s in recording.segments] == truth["n"]
        ticks = [round(s.start_s * 30000) for s in recording.segments]
        assert ticks == truth["t0_ticks30k"]
        values = _whole(recording)
        assert values[:, :2].T.tolist() == [row[: truth["nch"]] for row in truth["raw_first"]]
        assert values[:, -1].tolist() == truth["raw_last"]


def test_blackrock_events_equal_what_was_written(shared_samples: Path) -> None:
    folder = shared_samples / "timeseries" / "blackrock"
    truth = _truth(folder / "synth23.nev")
    for name in ("synth23.ns5", "synth23.nev"):
        with _open(folder / name) as contents:
            kinds = list(contents.events.kind)
            assert kinds.count("spike") == truth["n_spikes"]
            assert kinds.count("digital") == truth["n_digital"]
            rows = zip(contents.events.time_s, kinds, strict=True)
            ticks = [round(t * truth["ts_resolution"]) for t, kind in rows if kind == "digital"]
            assert ticks[:3] == truth["first_digital_ticks"]
            waves = next(r for r in contents.recordings if r.name == "spike_waveforms")
            assert waves.signals.shape == (1, truth["n_spikes"], truth["waveform_samples"])
            assert waves.gain == (truth["nV_per_lsb"] / 1000,)


@pytest.mark.parametrize("name", ["test", "test_highpass", "test_units"])
def test_brainvision_equals_mne(shared_samples: Path, name: str) -> None:
    path = shared_samples / "timeseries" / "brainvision" / f"{name}.vhdr"
    truth = _truth(path)
    with _open(path) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == truth["fs"]
        assert recording.n_samples == int(truth["n_times"])
        assert recording.gain is not None
        values = _whole(recording) * np.array(recording.gain)[:, None]
        for i, channel in enumerate(truth["channels"]):
            assert recording.channel_names[i] == channel["name"]
            unit = recording.channel_units[i]
            # mne calls a unit that it does not know ("ARU", "BS") "n/a", and reads "uV" as "µV"
            if channel["orig_unit"] == "n/a":
                assert unit in ("ARU", "BS", "uS")
            else:
                assert unit.replace("u", "µ") == channel["orig_unit"]
            physical = values[i] * _SI.get(unit, 1.0)
            found = [*physical[:3], *physical[-3:], physical.min(), physical.max(), physical.mean()]
            expected = [*channel["first"], *channel["last"]]
            expected += [channel["min"], channel["max"], channel["mean"]]
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-18)
        events = contents.events
        rows = list(zip(events.time_s, events.kind, events.label, strict=True))
        # mne leaves the first new segment, which only dates the recording, out
        named = [(t, f"{k}/{text}") for t, k, text in rows if k != "New Segment"]
        assert len(named) == truth["n_annotations"]
        for (time_s, text), (expected_s, expected_text) in zip(
            named, truth["annotations_first"], strict=False
        ):
            assert time_s == pytest.approx(expected_s)
            assert text == expected_text


def test_neuralynx_samples_equal_what_was_written(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "neuralynx" / "CSC1_gap.ncs"
    truth = _truth(path)
    with _open(path) as contents:
        (recording,) = contents.recordings
        assert (recording.sampling_rate_hz, recording.n_samples) == (truth["fs"], truth["n"])
        found = [[round(s.start_s * 1e6), s.n_samples] for s in recording.segments]
        assert found == truth["segments"]
        assert recording.gain == pytest.approx((-truth["bitvolts"],))
        assert truth["input_inverted"]
        values = _whole(recording)[0]
        assert values[:3].tolist() == truth["raw_first"]
        assert values[-3:].tolist() == truth["raw_last"]


def test_neuralynx_events_equal_the_records(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "neuralynx" / "R050-2014-04-02-Events.nev"
    truth = _truth(path)
    with _open(path) as contents:  # the extension is Blackrock's too: the content decides
        events = contents.events
        assert len(events) == truth["n_events"]
        for i, (time_us, _, text) in enumerate(truth["first"]):
            assert events.time_s[i] == pytest.approx(time_us / 1e6)
            assert events.label[i] == text
        assert events.time_s[-1] == pytest.approx(truth["last"][0] / 1e6)
        assert events.label[-1] == truth["last"][1]


def test_openephys_equals_json_and_numpy(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "openephys" / "structure.oebin"
    truth = _truth(path)
    present = [stream for stream in truth["continuous"] if stream["present"]]
    absent = [stream for stream in truth["continuous"] if not stream["present"]]
    with _open(path) as contents:
        assert contents.metadata["gui_version"] == truth["gui_version"]
        for recording, stream in zip(contents.recordings, present, strict=True):
            assert recording.name == stream["folder"].strip("/")
            assert recording.sampling_rate_hz == stream["fs"]
            assert recording.signals.shape == (stream["num_channels"], stream["n"])
            assert recording.channel_names[0] == stream["first_channel"]
            assert set(recording.channel_units) == {stream["units"]}
            assert recording.gain == (stream["bit_volts"],) * stream["num_channels"]
            values = _whole(recording)
            assert values[:, 0].tolist() == stream["raw_first"]
            assert values[:, -1].tolist() == stream["raw_last"]
            # the GUI of that time counted the first sample as 1
            assert recording.start_s == pytest.approx(1 / stream["fs"])
        said = " ".join(evidence.sentence for evidence in contents.evidence)
        assert all(stream["folder"].strip("/") in said for stream in absent)
