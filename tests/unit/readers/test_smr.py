"""Spike2 .smr and .smrx files against CED's own library (the truth files), and against neo."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from neo.rawio import Spike2RawIO

from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import smr as samples

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_FILES = (
    "smr/motor_units.smr",
    "smr/physiology.smr",
    "smr/tremor_mvc_flex.smr",
    "smrx/motor_units_from_smr.smrx",
    "smrx/synthetic_multirate_gap.smrx",
)
_KINDS = {
    "AdcMark": "wave mark",
    "EventRise": "rising edge",
    "Marker": "marker",
    "TextMark": "text mark",
}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries"


def test_every_file_is_listed_here(folder: Path) -> None:
    found = {*folder.glob("smr/*.smr"), *folder.glob("smrx/*.smrx")}
    assert {str(path.relative_to(folder)) for path in found} == set(_FILES)


def _rows(contents: Contents) -> dict[int, dict[str, Any]]:
    """Every waveform channel by its number: samples, start, segments."""
    found = {}
    for recording in contents.recordings:
        if len(recording.signals.shape) != 2:
            continue
        stored = np.asarray(recording.signals[:, :]).astype(float)
        for i, number in enumerate(recording.metadata["channel_numbers"]):
            values = stored[i]
            if recording.gain is not None and recording.offset is not None:
                values = values * recording.gain[i] + recording.offset[i]
            starts_s = recording.channel_start_s or (recording.start_s,) * len(stored)
            segments = [(s.start_s, s.n_samples) for s in recording.segments]
            found[number - 1] = {
                "title": recording.channel_names[i],
                "units": recording.channel_units[i],
                "fs": recording.sampling_rate_hz,
                "values": values,
                "segments": segments or [(starts_s[i], len(values))],
                "raw": np.asarray(recording.signals[i : i + 1, :])[0],
            }
    return found


def _check_events(contents: Contents, channel: dict[str, Any], tick_s: float) -> None:
    events = contents.events
    mine = [i for i, name in enumerate(events.channel) if name == channel["title"]]
    assert len(mine) == channel["n"]
    assert {events.kind[i].split(" 0")[0] for i in mine} == {_KINDS[channel["type"]]}
    for i, first in zip(mine, channel.get("first", []), strict=False):
        time_s, codes = first if isinstance(first, list) else (first, None)
        assert events.time_s[i] == pytest.approx(time_s, abs=tick_s / 10)
        if codes:
            assert events.label[i] == chr(codes[0])
    for i, time_s in zip(mine[-3:], channel.get("last", []), strict=False):
        assert events.time_s[i] == pytest.approx(time_s, abs=tick_s / 10)
    for i, (time_s, text) in zip(mine, channel.get("texts", []), strict=False):
        assert (events.time_s[i], events.label[i]) == (pytest.approx(time_s), text)


@pytest.mark.parametrize("name", _FILES)
def test_equals_the_vendor_library(folder: Path, name: str) -> None:
    path = folder / name
    record = json.loads(path.with_name(path.name + ".expected.json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"]
    truth = record["content"].get("truth", record["content"])
    tick_s = truth["timebase"]
    with load_reader(format_named(name.split("/", maxsplit=1)[0]))(path, {}) as contents:
        rows = _rows(contents)
        waves = [one for one in truth["channels"] if "segments" in one]
        assert set(rows) == {one["chan"] for one in waves}
        for channel in waves:
            row = rows[channel["chan"]]
            assert (row["title"], row["units"]) == (channel["title"], channel["units"])
            assert row["fs"] == pytest.approx(channel["fs"], rel=1e-12)
            assert len(row["values"]) == channel["n"]
            for (start_s, n), (start, length) in zip(
                row["segments"], channel["segments"], strict=True
            ):
                assert start_s == pytest.approx(start * tick_s, abs=tick_s / 10)
                assert n == length
            span = np.ptp(row["values"])
            for found, expected in ((row["values"][:3], "first"), (row["values"][-3:], "last")):
                np.testing.assert_allclose(found, channel[expected], rtol=1e-6, atol=1e-6 * span)
        others = [one for one in truth["channels"] if "segments" not in one]
        for channel in others:
            _check_events(contents, channel, tick_s)
        assert len(contents.events) == sum(one["n"] for one in others)


@pytest.mark.parametrize("name", [one for one in _FILES if one.startswith("smr/")])
def test_all_samples_equal_neo(folder: Path, name: str) -> None:
    path = folder / name
    other = Spike2RawIO(str(path), try_signal_grouping=False)
    other.parse_header()
    with load_reader(format_named("smr"))(path, {}) as contents:
        rows = _rows(contents)
        for i, channel in enumerate(other.header["signal_channels"]):
            theirs = other.get_analogsignal_chunk(0, 0, stream_index=i)[:, 0]
            np.testing.assert_array_equal(rows[int(channel["id"])]["raw"], theirs)


def test_container_32_and_64_bit_hold_the_same(folder: Path) -> None:
    """The .smrx was written by CED's library from the .smr: every sample and start is equal."""
    found = []
    for name in ("smr/motor_units.smr", "smrx/motor_units_from_smr.smrx"):
        with load_reader(format_named(name.split("/", maxsplit=1)[0]))(
            folder / name, {}
        ) as contents:
            found.append(_rows(contents))
    assert set(found[0]) == set(found[1])
    for number, row in found[0].items():
        np.testing.assert_array_equal(row["raw"], found[1][number]["raw"])
        assert row["segments"] == found[1][number]["segments"]


def test_wave_marks_lie_on_the_waveform(folder: Path) -> None:
    """A mark's time is that of its first point: no shift fits better, and most points are equal."""
    n_equal = 0
    with load_reader(format_named("smr"))(folder / "smr/motor_units.smr", {}) as contents:
        wave = contents.recordings[0]
        raw = np.asarray(wave.signals[:, :])[0].astype(float)
        assert wave.sampling_rate_hz is not None
        for marks in contents.recordings[2:]:
            points = np.asarray(marks.signals[:, :, :])[0].astype(float)
            for start_s, row in zip(marks.sweep_start_s, points, strict=True):
                at = round((start_s - wave.start_s) * wave.sampling_rate_hz)
                fits = [
                    np.corrcoef(raw[at + shift : at + shift + 256], row)[0, 1]
                    for shift in range(-3, 4)
                ]
                assert int(np.argmax(fits)) == 3
                n_equal += np.array_equal(raw[at : at + 256], row)
    assert n_equal == 60


@pytest.mark.parametrize("name", ["smr-v6", "smr-v9"])
def test_our_samples_are_read_alike_by_neo(tmp_path: Path, name: str) -> None:
    """Files laid out by hand are files that another program understands."""
    sample = next(one for one in samples.SAMPLES if one.name == name)
    path = sample.write(tmp_path).path
    # neo refuses channels whose pauses differ, so each is written alone
    for number, source in enumerate(samples.sources()):
        if source is None or source.kind not in (1, 9):
            continue
        path.write_bytes(samples.smr_bytes([source], int(name[-1])))
        other = Spike2RawIO(str(path))
        other.parse_header()
        parts = [
            other.get_analogsignal_chunk(0, i, stream_index=0)[:, 0]
            for i in range(other.segment_count(0))
        ]
        expected = np.concatenate([values for _, values in source.blocks])
        np.testing.assert_array_equal(np.concatenate(parts), expected, str(number))
        assert other.header["signal_channels"][0]["units"] == source.unit
