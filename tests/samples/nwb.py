"""NWB files: version 2 written by pynwb, version 1 by h5py from its description."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import h5py
import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.ecephys import ElectricalSeries
from pynwb.event import EventsTable
from pynwb.icephys import CurrentClampSeries
from pynwb.image import ImageSeries
from pynwb.misc import AnnotationSeries, IntervalSeries
from pynwb.ophys import OpticalChannel, TwoPhotonSeries

from tests.samples import ImageTruth, Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(23)


def _new() -> NWBFile:
    return NWBFile("a test", "id-1", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))


def _write(file: NWBFile, path: Path) -> None:
    with NWBHDF5IO(str(path), "w") as io:
        io.write(file)


def _ephys(folder: Path) -> Truth:
    """Integers with a scale for each channel, another rate, uneven times, and a stack of images."""
    file = _new()
    device = file.create_device("probe")
    group = file.create_electrode_group("g", description="d", location="vagus", device=device)
    file.add_electrode_column("label", "name on the connector")
    for name in ("A-001", "Ä-002", "A-003", "A-004"):
        file.add_electrode(group=group, location="vagus", label=name)
    region = file.create_electrode_table_region([3, 1, 0], "three of four")
    counts = _RNG.integers(-3000, 3000, (2000, 3)).astype(np.int16)
    each = np.array([1.0, 2.0, 0.5])
    file.add_acquisition(
        ElectricalSeries(
            name="raw",
            data=counts,
            electrodes=region,
            conversion=1e-6,
            offset=0.25,
            channel_conversion=each,
            starting_time=1.5,
            rate=30000.0,
        )
    )
    pressure = _RNG.normal(size=300).astype(np.float32)
    file.add_acquisition(TimeSeries(name="pressure", data=pressure, unit="mmHg", rate=100.0))
    uneven = np.cumsum(_RNG.random(50) + 0.1)
    intervals = _RNG.normal(size=50)
    module = file.create_processing_module("behavior", "derived")
    module.add(TimeSeries(name="RR", data=intervals, unit="s", timestamps=uneven))
    file.add_acquisition(
        ImageSeries(name="video", data=np.zeros((4, 8, 8), np.uint8), unit="n.a.", rate=10.0)
    )
    path = folder / "ephys.nwb"
    _write(file, path)
    raw = StreamTruth(
        counts.T * (1e-6 * each[:, None]) + 0.25,
        30000.0,
        ("A-004", "Ä-002", "A-001"),
        ("volts",) * 3,
        "int16",
        start_s=1.5,
    )
    slow = StreamTruth(pressure[None].astype(float), 100.0, ("pressure",), ("mmHg",), "float32")
    beats = StreamTruth(intervals[None], None, ("RR",), ("s",), "float64", times=uneven)
    return Truth(path, (slow, raw, beats))


def _sweeps(folder: Path) -> Truth:
    """Three sweeps of one electrode, of one length, and one that is longer."""
    file = _new()
    device = file.create_device("amplifier")
    electrode = file.create_icephys_electrode("e0", description="pipette", device=device)
    pieces = []
    for i, n_samples in enumerate((400, 400, 400, 500)):
        volts = _RNG.integers(-9000, 9000, n_samples).astype(np.int16)
        pieces.append(volts)
        file.add_acquisition(
            CurrentClampSeries(
                name=f"sweep_{i}",
                data=volts,
                conversion=1e-4,
                electrode=electrode,
                gain=1.0,
                starting_time=2.0 * i,
                rate=20000.0,
                sweep_number=np.uint64(i),
            )
        )
    path = folder / "sweeps.nwb"
    _write(file, path)
    equal = StreamTruth(np.stack(pieces[:3])[None] * 1e-4, 20000.0, ("e0",), ("volts",), "int16")
    longer = StreamTruth(
        pieces[3][None] * 1e-4, 20000.0, ("sweep_3",), ("volts",), "int16", start_s=6.0
    )
    return Truth(path, (equal, longer))


def _events(folder: Path) -> Truth:
    """No series at all: epochs, trials, spikes, annotations and intervals."""
    file = _new()
    file.add_epoch(0.0, 10.0, ["rest", "eyes closed"])
    file.add_epoch(10.0, 30.0, ["task"])
    file.add_trial_column("side", "which")
    file.add_trial(11.0, 12.5, side="left")
    file.add_unit(spike_times=[1.0, 2.5, 20.0], id=7)
    file.add_unit(spike_times=[0.5], id=9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old files; new ones have tables of events
        notes = AnnotationSeries(name="notes", data=["cough", "Blut"], timestamps=[3.0, 4.0])
    file.add_acquisition(notes)
    table = EventsTable(name="pulses", description="TTL")
    table.add_event(timestamp=8.0, duration=0.5, annotation="on")
    file.add_events_table(table)
    file.add_acquisition(
        IntervalSeries(
            name="laser", data=np.array([1, -1, 1, -1], np.int8), timestamps=[5.0, 6.0, 7.0, 9.0]
        )
    )
    path = folder / "events.nwb"
    _write(file, path)
    events = (
        (0.0, "rest, eyes closed", ""),
        (0.5, "unit 9", ""),
        (1.0, "unit 7", ""),
        (2.5, "unit 7", ""),
        (3.0, "cough", ""),
        (4.0, "Blut", ""),
        (5.0, "laser", ""),
        (7.0, "laser", ""),
        (8.0, "on", ""),
        (10.0, "task", ""),
        (11.0, "trials 0", ""),
        (20.0, "unit 7", ""),
    )
    return Truth(path, events=events)


def _version_1(folder: Path) -> Truth:
    """NWB 1.0: types in `ancestry`, the version as a dataset, epochs as groups, a link to times."""
    values = _RNG.integers(-100, 100, (600, 2)).astype(np.int16)
    path = folder / "version1.nwb"
    with h5py.File(path, "w") as file:
        file["nwb_version"] = "NWB-1.0.5"
        file["session_start_time"] = "Mon May 06 2024"
        for name, factor in (("lfp", 1), ("emg", 2)):
            series = file.create_group(f"acquisition/timeseries/{name}")
            series.attrs["ancestry"] = np.array([b"TimeSeries", b"ElectricalSeries"])
            series.attrs["neurodata_type"] = "TimeSeries"
            series["data"] = values * factor
            series["data"].attrs["unit"] = "volt"
            series["data"].attrs["conversion"] = np.float32(0.5)
            series["data"].attrs["resolution"] = np.nan
        file["acquisition/timeseries/emg/timestamps"] = 0.25 + np.arange(600) / 1250.0
        file["acquisition/timeseries/lfp/timestamps"] = h5py.SoftLink(
            "/acquisition/timeseries/emg/timestamps"
        )
        file["epochs/stimulus/start_time"] = 0.3
        file["epochs/stimulus/stop_time"] = 0.4
        file["epochs/stimulus/tags"] = np.array([b"pulse"])
        file["processing/shank/UnitTimes/unit_3/times"] = [0.35]
    streams = tuple(
        StreamTruth(
            values.T * factor * 0.5, 1250.0, (name, name), ("volt", "volt"), "int16", start_s=0.25
        )
        for name, factor in (("emg", 2), ("lfp", 1))
    )
    return Truth(path, streams, events=((0.3, "pulse", ""), (0.35, "unit_3", "")))


def _unusable_scale(folder: Path) -> Truth:
    """A conversion of NaN: values stay as stored and lose the unit that they would have had."""
    truth = _version_1(folder)
    with h5py.File(truth.path, "r+") as file:
        del file["acquisition/timeseries/emg"]
        del file["acquisition/timeseries/lfp/timestamps"]
        series = file["acquisition/timeseries/lfp"]
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = np.float32(np.nan)
        series["data"].attrs["conversion"] = np.nan
        values = series["data"][()]
    stream = StreamTruth(values.T.astype(float), None, ("lfp", "lfp"), ("", ""), "int16")
    return Truth(truth.path, (stream,), events=truth.events)


def _empty(folder: Path) -> Truth:
    path = folder / "nothing.nwb"
    _write(_new(), path)
    return Truth(
        path,
        error="NothingToConvertError",
        error_says="no time series, no image series and no event",
    )


def _truncated(folder: Path) -> Truth:
    truth = _sweeps(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:-4000])
    return Truth(truth.path, error="CorruptFileError")


def _not_hdf5(folder: Path) -> Truth:
    path = folder / "text.nwb"
    path.write_bytes(b"time,ecg\n0,1\n" * 100)
    return Truth(path, error="FormatMismatchError", error_says="first bytes")


def _two_photon(folder: Path) -> Truth:
    """Frames of a plane, x before y as the schema has it, with the plane's spacing."""
    frames = _RNG.integers(0, 4000, (6, 20, 30)).astype(np.uint16)
    path = folder / "two_photon.nwb"
    file = NWBFile(
        session_description="frames",
        identifier="two-photon",
        session_start_time=datetime(2021, 3, 4, 10, 15, 30, tzinfo=UTC),
    )
    channel = OpticalChannel(name="green", description="GCaMP", emission_lambda=510.0)
    plane = file.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="V1",
        device=file.create_device("scope"),
        excitation_lambda=920.0,
        indicator="GCaMP6f",
        location="V1",
        grid_spacing=[0.8, 1.2],
        grid_spacing_unit="micrometers",
    )
    series = TwoPhotonSeries(
        name="calcium",
        imaging_plane=plane,
        data=frames,
        unit="counts",
        rate=15.0,
        starting_time=0.0,
    )
    file.add_acquisition(series)
    with NWBHDF5IO(path, "w") as io:
        io.write(file)
    image = ImageTruth(
        frames.transpose(0, 2, 1),
        "tyx",
        {"t": 1 / 15, "y": 1.2, "x": 0.8},
        {"t": "second", "y": "micrometer", "x": "micrometer"},
    )
    return Truth(path, images=(image,))


SAMPLES = [
    Sample("nwb-two-photon", "nwb", _two_photon),
    Sample("nwb-ephys", "nwb", _ephys),
    Sample("nwb-sweeps", "nwb", _sweeps),
    Sample("nwb-events-only", "nwb", _events),
    Sample("nwb-version-1", "nwb", _version_1),
    Sample("nwb-unusable-scale", "nwb", _unusable_scale),
    Sample("nwb-empty", "nwb", _empty),
    Sample("nwb-truncated", "nwb", _truncated),
    Sample("nwb-not-hdf5", "nwb", _not_hdf5),
]
