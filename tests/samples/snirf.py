"""SNIRF files, written with h5py as the specification says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(760)


def snirf(
    folder: Path,
    *,
    time: str = "spacing",
    unit: str = "s",
    subject: str = "S1",
    stimulus: str = "tap",
    data_unit: str = "",
    offsets: bool = False,
) -> Truth:
    """Write two wavelengths of one pair, and an accelerometer on a clock of its own."""
    n, rate_hz = 60, 12.5
    light = _RNG.random((n, 3)).astype("f8")
    moved = _RNG.normal(size=30).astype("f4")
    seconds = 1.0 if unit == "s" else 1e-3
    path = folder / "arm.snirf"
    with h5py.File(path, "w") as file:
        file["formatVersion"] = "1.1"
        nirs = file.create_group("nirs")
        tags = {
            "SubjectID": subject,
            "MeasurementDate": "2021-03-04",
            "MeasurementTime": "10:11:12",
            "LengthUnit": "mm",
            "TimeUnit": unit,
            "FrequencyUnit": "Hz",
        }
        for name, text in tags.items():
            nirs[f"metaDataTags/{name}"] = text
        nirs["probe/wavelengths"] = np.array([760.0, 850.0])
        nirs["probe/sourceLabels"] = np.array(["A"], dtype=h5py.string_dtype())
        data = nirs.create_group("data1")
        data["dataTimeSeries"] = light
        times = np.arange(n) / rate_hz / seconds
        data["time"] = {"spacing": times[:2], "all": times, "falling": times[::-1]}[time]
        # the third is a change of concentration
        for i, (kind, wave, label) in enumerate(((1, 1, ""), (1, 2, ""), (99999, 1, "HbO"))):
            one = data.create_group(f"measurementList{i + 1}")
            one["sourceIndex"], one["detectorIndex"], one["wavelengthIndex"] = 1, 1, wave
            one["dataType"], one["dataTypeIndex"] = kind, 1
            if label:
                one["dataTypeLabel"], one["dataUnit"] = label, "uM"
            elif data_unit:
                one["dataUnit"] = data_unit
        if offsets:
            data["dataOffset"] = np.array([1.0, 2.0, 3.0])
        aux = nirs.create_group("aux1")
        aux["name"], aux["dataUnit"] = "accelerometer", "g"
        aux["dataTimeSeries"] = moved
        aux["time"] = np.arange(30) / 10 / seconds + 0.5 / seconds
        stim = nirs.create_group("stim1")
        stim["name"] = stimulus
        stim["data"] = np.array([[1.0, 5.0, 1.0], [3.0, 5.0, 2.0]]) / [[seconds, seconds, 1.0]]
    if time == "falling":
        return Truth(path, error="CorruptFileError", error_says="do not rise")
    more = np.array([[1.0], [2.0], [3.0]]) if offsets else 0.0
    values = light.T + more
    streams = (
        StreamTruth(values[:2], rate_hz, ("A_D1 760", "A_D1 850"), (data_unit,) * 2, "float64"),
        StreamTruth(values[2:], rate_hz, ("A_D1 HbO",), ("uM",), "float64"),
        StreamTruth(
            moved[None].astype(float), 10.0, ("accelerometer",), ("g",), "float32", start_s=0.5
        ),
    )
    return Truth(path, streams, events=((1.0, stimulus, ""), (3.0, f"{stimulus} 2", "")))


def _columns(folder: Path) -> Truth:
    path = snirf(folder).path
    with h5py.File(path, "r+") as file:
        for i in (1, 2, 3):
            del file[f"nirs/data1/measurementList{i}"]
        file["nirs/data1/measurementLists/sourceIndex"] = np.array([1, 1, 1])
    return Truth(path, error="UnsupportedFeatureError", error_says="in columns")


def _undescribed(folder: Path) -> Truth:
    path = snirf(folder).path
    with h5py.File(path, "r+") as file:
        del file["nirs/data1/measurementList3"]
    return Truth(path, error="CorruptFileError", error_says="describes 2")


SAMPLES = [
    Sample("snirf", "snirf", snirf),
    Sample("snirf with all times in ms", "snirf", lambda f: snirf(f, time="all", unit="ms")),
    Sample(
        "snirf with units and offsets", "snirf", lambda f: snirf(f, data_unit="V", offsets=True)
    ),
    Sample("snirf whose times fall", "snirf", lambda f: snirf(f, time="falling")),
    Sample("snirf 1.2", "snirf", _columns),
    Sample("snirf with a column too many", "snirf", _undescribed),
]
