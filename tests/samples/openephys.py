"""Open Ephys binary folders: JSON and numpy files, as the GUI's documentation describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(16)


def _channels(units: tuple[str, ...]) -> list[dict]:
    return [
        {"channel_name": f"CH{i}", "bit_volts": 0.195 if unit == "uV" else 0.0001, "units": unit}
        for i, unit in enumerate(units, 1)
    ]


def _write(folder: Path, *, modern: bool) -> Truth:
    """Two streams of different rates, the first with a gap; a third is absent."""
    streams, truths = [], []
    for name, rate, units, first in (
        ("Probe-A", 1000.0, ("uV", "uV", "V"), 500),
        ("Aux", 250.0, ("V",), 125),
    ):
        place = folder / "continuous" / name
        place.mkdir(parents=True)
        values = _RNG.integers(-32768, 32768, (len(units), 60)).astype("<i2")
        values.T.tofile(place / "continuous.dat")
        counts = np.arange(first, first + 60, dtype="<i8")
        if name == "Probe-A":
            counts[40:] += 1000
        start_s = first / rate
        if modern:
            start_s = 12.5
            np.save(place / "sample_numbers.npy", counts)
            np.save(place / "timestamps.npy", 12.5 + (counts - first) / rate)
        else:
            np.save(place / "timestamps.npy", counts)
        runs = ((0, 40, start_s), (40, 20, start_s + 1040 / rate)) if name == "Probe-A" else ()
        channels = _channels(units)
        gain = np.array([channel["bit_volts"] for channel in channels])[:, None]
        truths.append(
            StreamTruth(
                values * gain,
                rate,
                tuple(channel["channel_name"] for channel in channels),
                units,
                "int16",
                1e-9,
                start_s,
                runs,
            )
        )
        streams.append(
            {
                "folder_name": f"{name}/",
                "sample_rate": rate,
                "num_channels": len(units),
                "channels": channels,
            }
        )
    streams.append({"folder_name": "Gone/", "sample_rate": 1, "num_channels": 1, "channels": []})
    ttl = folder / "events" / "Probe-A" / "TTL"
    ttl.mkdir(parents=True)
    np.save(ttl / ("states.npy" if modern else "channel_states.npy"), np.array([3, -3], "<i2"))
    if modern:
        np.save(ttl / "sample_numbers.npy", np.array([510, 530]))
        np.save(ttl / "timestamps.npy", np.array([12.51, 12.53]))
    else:
        np.save(ttl / "timestamps.npy", np.array([12510, 12530]))
    message = folder / "events" / "Message_Center"
    message.mkdir()
    np.save(message / "text.npy", np.array([b"start \xc2\xb5"]))
    np.save(message / "timestamps.npy", np.array([12.0]) if modern else np.array([12000]))
    events = [
        {"folder_name": "Probe-A/TTL/", "channel_name": "Probe TTL", "sample_rate": 1000.0},
        {"folder_name": "Message_Center/", "sample_rate": 1000.0},
    ]
    path = folder / "structure.oebin"
    path.write_text(
        json.dumps({"GUI version": "0.6.0", "continuous": streams, "events": events, "spikes": []})
    )
    expected = ((12.0, "start µ", ""), (12.51, "3", "Probe TTL"), (12.53, "-3", "Probe TTL"))
    return Truth(path, tuple(truths), events=expected)


def _broken(folder: Path, how: str) -> Truth:
    truth = _write(folder, modern=True)
    error = "CorruptFileError"
    place = folder / "continuous" / "Probe-A"
    if how == "absent":
        for file in folder.glob("continuous/*/continuous.dat"):
            file.unlink()
        error = "MissingCompanionError"
    elif how == "cut":
        data = (place / "continuous.dat").read_bytes()
        (place / "continuous.dat").write_bytes(data[:-1])
    elif how == "stamps":
        np.save(place / "sample_numbers.npy", np.arange(5))
    elif how == "pickle":
        np.save(folder / "events" / "Message_Center" / "text.npy", np.array([{}], dtype=object))
    elif how == "climbs":
        structure = json.loads(truth.path.read_text())
        structure["continuous"][0]["folder_name"] = "../../etc"
        truth.path.write_text(json.dumps(structure))
    else:
        truth.path.write_text(truth.path.read_text()[:100])
    return Truth(truth.path, error=error, error_says="structure.oebin")


SAMPLES = [
    Sample("openephys-0.6", "openephys", lambda folder: _write(folder, modern=True)),
    Sample("openephys-0.5", "openephys", lambda folder: _write(folder, modern=False)),
    *(
        Sample(f"openephys-{how}", "openephys", lambda folder, how=how: _broken(folder, how))
        for how in ("absent", "cut", "stamps", "pickle", "climbs", "json")
    ),
]
