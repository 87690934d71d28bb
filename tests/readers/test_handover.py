"""Opened recordings in MNE, neo and SpikeInterface: values, units, names, times and events are the store's.

Not part of ``make test``: ``make readers`` runs it where these libraries are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import sparc_fuse_core as sf
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.model import Contents, Event, EventTable, Recording, Segment
from sparc_fuse_core.writers import zarr_signals

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

RATE_HZ = 250.0
STORED = np.random.default_rng(0).integers(-999, 999, (3, 5000), dtype=np.int16)
GAIN, OFFSET = (0.1, 2.0, 0.5), (0.0, 1.0, -3.0)
PHYSICAL = STORED * np.array(GAIN)[:, None] + np.array(OFFSET)[:, None]
STARTS_S = (0.0, 10.0, 20.0, 30.0, 40.0)
EVENTS = EventTable.from_events(
    [
        Event(1.5, label="stim", channel="Fz", kind="marker"),
        Event(3.0, duration_s=0.5, label="", kind="sleep"),
    ]
)


def opened(folder: Path, **facts: Any) -> xr.Dataset:
    facts = {"gain": GAIN, "offset": OFFSET, "start_s": 0.5, **facts}
    signals = facts.pop("signals", STORED)
    names, units = ("Fz", "Fz", ""), ("µV", "mmHg", "")
    recording = Recording("r", signals, names, units, RATE_HZ, **facts)
    contents = Contents((recording,), events=EVENTS, start_time="2021-03-04T10:15:30+01:00")
    zarr_signals.write(contents, folder / "x.zarr", {}, budget_bytes=10**7)
    return sf.open_zarr(folder / "x.zarr")


def test_mne(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    raw = opened(tmp_path).fuse.to_mne()
    assert isinstance(raw, mne.io.BaseRaw)
    assert raw.ch_names == ["Fz", "Fz 2", "channel 2"]
    assert raw.get_channel_types() == ["bio", "misc", "misc"]
    assert not raw.preload
    factors = np.array([1e-6, 1.0, 1.0])[:, None]
    np.testing.assert_allclose(raw.get_data(), PHYSICAL * factors, rtol=1e-5)
    part = raw.get_data(picks=[2, 0], start=100, stop=300)
    np.testing.assert_allclose(part, (PHYSICAL * factors)[[2, 0], 100:300], rtol=1e-5)
    np.testing.assert_allclose(raw.copy().load_data()[1, :10][0][0], PHYSICAL[1, :10], rtol=1e-5)
    assert raw.info["sfreq"] == RATE_HZ
    # 0.5 s after the start, which states its zone
    assert raw.info["meas_date"].isoformat() == "2021-03-04T09:15:30.500000+00:00"
    np.testing.assert_allclose(raw.annotations.onset, [1.0, 2.5])
    assert raw.annotations.description.tolist() == ["stim", "sleep"]
    assert raw.annotations.duration.tolist() == [0.0, 0.5]
    assert [tuple(names) for names in raw.annotations.ch_names] == [("Fz",), ()]


def test_mne_has_no_gaps_and_takes_sweeps_as_epochs(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    segments = (Segment(0, 2000, 0.5), Segment(2000, 3000, 60.0))
    gaps = opened(tmp_path, segments=segments)
    second = sf.to_mne(gaps, segment=1)
    np.testing.assert_allclose(second.get_data()[1], PHYSICAL[1, 2000:], rtol=1e-5)
    with pytest.raises(RequestError, match="segment 2 of 2"):
        sf.to_mne(gaps, segment=2)
    (tmp_path / "s").mkdir()
    sweeps = opened(tmp_path / "s", signals=STORED.reshape(3, 5, 1000), start_s=-0.2)
    epochs = sf.to_mne(sweeps)
    assert isinstance(epochs, mne.BaseEpochs)
    assert epochs.tmin == pytest.approx(-0.2)
    np.testing.assert_allclose(epochs.get_data()[:, 1], PHYSICAL[1].reshape(5, 1000), rtol=1e-5)
    assert epochs.metadata["sweep"].tolist() == [0, 1, 2, 3, 4]


def test_events_of_sweeps_and_between_them(tmp_path: Path) -> None:
    pytest.importorskip("neo")
    pytest.importorskip("mne")
    recording = Recording(
        "r",
        STORED.reshape(3, 5, 1000),
        ("a", "b", "c"),
        ("mV",) * 3,
        RATE_HZ,
        sweep_start_s=STARTS_S,
    )
    events = EventTable.from_events(
        [
            Event(10.5, label="by time"),
            Event(0.5, label="named", sweep=2),
            Event(7.0, label="between"),
        ]
    )
    zarr_signals.write(
        Contents((recording,), events=events), tmp_path / "x.zarr", {}, budget_bytes=10**7
    )
    ds = sf.open_zarr(tmp_path / "x.zarr")
    labels = [[str(one) for e in s.events for one in e.labels] for s in sf.to_neo(ds).segments]
    assert labels == [[], ["by time"], ["named"], [], [], ["between"]]
    chosen = ds.isel(sweep=[2, 1])
    assert sf.to_mne(chosen).metadata["event_text"].tolist() == [["named"], ["by time"]]
    assert sf.to_mne(chosen).metadata["sweep_start_s"].tolist() == [20.0, 10.0]


def test_channels_that_start_apart(tmp_path: Path) -> None:
    pytest.importorskip("neo")
    core = pytest.importorskip("spikeinterface.core")
    for step in (0.25, 3.0):
        starts_s = tuple(step * n / RATE_HZ for n in range(3))
        one = Recording(
            "r", STORED, ("a", "b", "c"), ("mV",) * 3, RATE_HZ, channel_start_s=starts_s
        )
        zarr_signals.write(Contents((one,)), tmp_path / f"{step}.zarr", {}, budget_bytes=10**7)
        ds = sf.open_zarr(tmp_path / f"{step}.zarr")
        found = [float(s.t_start.rescale("s")) for s in sf.to_neo(ds).segments[0].analogsignals]
        np.testing.assert_allclose(found, starts_s)
        if step < 1:
            shifts = sf.to_spikeinterface(ds).get_property("inter_sample_shift")
            np.testing.assert_allclose(shifts, [0.0, 0.25, 0.5])
            assert isinstance(sf.to_spikeinterface(ds).save(format="memory"), core.BaseRecording)
            continue
        for hand_over in (sf.to_mne, sf.to_spikeinterface):
            with pytest.raises(RequestError, match="apart"):
                hand_over(ds)
        assert sf.to_spikeinterface(ds.isel(channel=[1])).get_num_channels() == 1


def test_events_alone(tmp_path: Path) -> None:
    pytest.importorskip("neo")
    zarr_signals.write(Contents(events=EVENTS), tmp_path / "x.zarr", {}, budget_bytes=10**7)
    ds = sf.open_zarr(tmp_path / "x.zarr")
    (segment,) = sf.to_neo(ds).segments
    assert segment.events[0].labels.tolist() == ["stim"]


def test_events_alone_are_no_recording_of_mne(tmp_path: Path) -> None:
    pytest.importorskip("mne")
    zarr_signals.write(Contents(events=EVENTS), tmp_path / "x.zarr", {}, budget_bytes=10**7)
    with pytest.raises(RequestError, match="events only"):
        sf.to_mne(sf.open_zarr(tmp_path / "x.zarr"))


def test_neo(tmp_path: Path) -> None:
    pytest.importorskip("neo")
    block = opened(tmp_path).fuse.to_neo()
    (segment,) = block.segments
    by_unit = {str(signal.dimensionality): signal for signal in segment.analogsignals}
    assert set(by_unit) == {"uV", "mmHg", "dimensionless"}
    np.testing.assert_allclose(by_unit["mmHg"].magnitude[:, 0], PHYSICAL[1], rtol=1e-5)
    assert by_unit["uV"].array_annotations["channel_names"].tolist() == ["Fz"]
    assert float(by_unit["uV"].t_start.rescale("s")) == 0.5
    assert float(by_unit["uV"].sampling_rate.rescale("Hz")) == RATE_HZ
    assert segment.events[0].labels.tolist() == ["stim"]
    assert float(segment.epochs[0].durations[0].rescale("s")) == 0.5


def test_spikeinterface(tmp_path: Path) -> None:
    core = pytest.importorskip("spikeinterface.core")
    segments = (Segment(0, 2000, 0.5), Segment(2000, 3000, 60.0))
    recording = opened(tmp_path, segments=segments).fuse.to_spikeinterface()
    assert isinstance(recording, core.BaseRecording)
    assert recording.get_num_segments() == 2
    assert recording.channel_ids.tolist() == ["Fz", "Fz 2", "channel 2"]
    traces = recording.get_traces(segment_index=1, start_frame=5, end_frame=50)
    np.testing.assert_allclose(traces, PHYSICAL[:, 2005:2050].T, rtol=1e-5)
    assert recording.get_start_time(segment_index=1) == 60.0
    (tmp_path / "u").mkdir()
    one = Recording("r", STORED[:1], ("a",), ("mV",), RATE_HZ)
    zarr_signals.write(Contents((one,)), tmp_path / "u" / "x.zarr", {}, budget_bytes=10**7)
    volts = sf.to_spikeinterface(sf.open_zarr(tmp_path / "u" / "x.zarr"))
    np.testing.assert_allclose(
        volts.get_traces(return_in_uV=True)[:, 0], STORED[0] * 1000.0, rtol=1e-5
    )
