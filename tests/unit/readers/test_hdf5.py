"""Real HDF5 recordings against what h5py alone finds in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.readers.hdf5.reader import read

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {
    "ws_0p97_data_0001.h5": ("sweep_0001/analogScans", 20000.0, ("AI0",), ("V",)),
    # no scaling coefficients are stored: counts, whose unit is not the stated volt
    "ws_0p74_data_0001.h5": ("trial_0001", 20000.0, ("V1", "V2", "I1", "I2"), ("",) * 4),
    # states 30 kHz; version 0.912's board ran at 100 MHz / 3333, as PyWaveSurfer has it
    "30_kHz_sampling_rate_0p912_0001.h5": (
        "sweep_0001/analogScans",
        100e6 / 3333,
        ("AI0",),
        ("",),
    ),
}


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "hdf5"


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.h5")} == {*_FILES, "maxwell_data.raw.h5"}


@pytest.mark.parametrize("name", list(_FILES))
def test_wavesurfer(folder: Path, name: str) -> None:
    dataset, rate_hz, names, units = _FILES[name]
    truth = json.loads((folder / f"{name}.expected.json").read_text())["content"]["datasets"]
    with read(folder / name, {}) as contents, h5py.File(folder / name) as file:
        (recording,) = contents.recordings
        assert recording.channel_names == names
        assert recording.channel_units == units
        assert recording.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-12)
        counts = file[dataset][()]
        assert recording.signals.shape == counts.shape
        # the truth file lists the header only: it ends before the sweeps
        stated = truth.get("header/AcquisitionSampleRate") or truth["header/Acquisition/SampleRate"]
        metadata = contents.metadata
        assert metadata.get("nominal_sampling_rate_hz", rate_hz) == stated["first"][0]
        values = np.asarray(recording.signals[:, :])
        if units[0]:
            coefficients = file["header/AIScalingCoefficients"][()]
            expected = np.polyval(coefficients[0, ::-1], counts.astype(float))
            np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-15)
            assert values[0, 0] == pytest.approx(0.0030175, abs=5e-8)  # by PyWaveSurfer
            assert values[0, -1] == pytest.approx(0.0030175, abs=5e-8)
        else:
            np.testing.assert_array_equal(values, counts)


def test_the_vendors_filter_is_named(folder: Path) -> None:
    """Its spikes and settings alone are no recording; the samples cannot be decoded."""
    with pytest.raises(UnsupportedFormatError, match=r"maxwell_data.raw.h5.*filter 401"):
        read(folder / "maxwell_data.raw.h5", {}).__enter__()
