"""The schemes of datasets with MAT files, on files written to the description of each dataset."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.io import savemat

from sparc_fuse_core.errors import SchemeError, UncertainMappingError
from sparc_fuse_core.formats.registry import format_named
from sparc_fuse_core.readers.mat.reader import read
from sparc_fuse_core.schemes.schemes import find_scheme, load_schemes
from tests.samples.mat import write_v73

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_RNG = np.random.default_rng(3)
_TIME = np.arange(2000) / 400.0


@contextmanager
def _read(dataset: str, path: Path) -> Iterator[Contents]:
    scheme = find_scheme(load_schemes(), dataset, f"primary/sub-1/{path.name}", "mat")
    assert scheme is not None
    assert set(scheme.options) <= set(format_named("mat").options)
    with read(path, scheme.options) as contents:
        yield contents


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_309_force_with_a_stimulation(tmp_path: Path, version: str) -> None:
    force = _RNG.normal(size=2000)
    path = tmp_path / "run.mat"
    variables: dict[str, Any] = {
        "t_sim": _TIME[None, :],
        "force": force[:, None],
        "stimvect": np.array([[0.5, 2.0]]),
        "force_impulse": 2.5,
        "force_norm": _RNG.normal(size=(1, 40)),
        "forceAvgNorm": 0.25,
    }
    if version == "7.3":
        write_v73(path, variables)
    else:
        savemat(path, variables)
    with _read("309", path) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], force[None])
        assert recording.sampling_rate_hz == 400.0
        assert recording.times is None
        assert recording.channel_names == ("force",)
        events = contents.events
        assert (list(events.time_s), list(events.duration_s)) == ([0.5], [1.5])
        assert (list(events.label), list(events.kind)) == (["stimulation"], ["annotation"])
        assert contents.metadata["force_impulse"] == 2.5
        assert contents.metadata["forceAvgNorm"] == 0.25
        assert len(contents.metadata["force_norm"]) == 40
        assert {one.basis for one in contents.evidence} == {"scheme"}


def test_310_cells_by_samples(tmp_path: Path) -> None:
    volts = _RNG.normal(size=(5, 2000))
    path = tmp_path / "cells.mat"
    savemat(path, {"t": _TIME[:, None], "v": volts, "Ncell": 5, "achDensity": 0.1})
    with _read("310", path) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], volts)
        assert recording.sampling_rate_hz is None  # the unit of `t` is not known
        assert recording.time_units == ""
        assert recording.times is not None
        np.testing.assert_array_equal(recording.times[(slice(None),)], _TIME)
        assert contents.metadata["Ncell"] == 5
        assert contents.metadata["achDensity"] == 0.1


def test_310_as_many_cells_as_samples(tmp_path: Path) -> None:
    volts = _RNG.normal(size=(50, 50))
    path = tmp_path / "square.mat"
    savemat(path, {"t": _TIME[:50, None], "v": volts})
    with _read("310", path) as contents:
        np.testing.assert_array_equal(contents.recordings[0].signals[:, :], volts)
    savemat(path, {"t": _TIME[:50, None], "v": volts[:, :49]})
    with pytest.raises(SchemeError, match=r"`v` of shape \(50, 49\)"):
        _read("310", path).__enter__()


def test_327_intervals_with_unit(tmp_path: Path) -> None:
    intervals = 0.8 + 0.1 * _RNG.random(300)
    times = np.cumsum(intervals)
    path = tmp_path / "rr.mat"
    savemat(path, {"timePlot05": times[None], "RRint05": intervals[None]})
    with _read("327", path) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == ("RR Interval",)
        assert recording.channel_units == ("s",)
        assert recording.times is not None
        np.testing.assert_array_equal(recording.times[(slice(None),)], times)
        np.testing.assert_array_equal(recording.signals[:, :], intervals[None])


@pytest.mark.parametrize("step", [2.5e-3, 2.5])
def test_357_struct(tmp_path: Path, step: float) -> None:
    """Seconds or milliseconds: the rate says which."""
    values = _RNG.normal(size=(2000, 2))
    path = tmp_path / "struct.mat"
    record = {"signals": values, "time": np.arange(2000) * step, "sr": 400.0}
    savemat(path, {"data": record | {"chans": np.array(["a", "b"], dtype=object)}})
    with _read("357", path) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], values.T)
        assert recording.channel_names == ("a", "b")
        assert recording.sampling_rate_hz == 400.0
        assert recording.times is None


def test_357_bare_vector(tmp_path: Path) -> None:
    values = _RNG.normal(size=5000)
    path = tmp_path / "bare.mat"
    savemat(path, {"x": values[None], "y": 3})
    with _read("357", path) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], values[None])
        assert recording.sampling_rate_hz is None
        assert recording.times is None
        assert contents.metadata["variables"] == {"y": 3}


@pytest.mark.parametrize(("dataset", "name"), [("375", "ecg"), ("376", "emg")])
def test_375_376_stimulated(tmp_path: Path, dataset: str, name: str) -> None:
    values = _RNG.normal(size=2000)
    path = tmp_path / "stim.mat"
    savemat(
        path, {"t": _TIME[None], name: values[None], "freq": 20, "pulseno": 5, "amp": [1.0, 2.0]}
    )
    with _read(dataset, path) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == (name,)
        assert recording.time_units == ""
        assert (contents.metadata["freq"], contents.metadata["amp"]) == (20, [1.0, 2.0])
        missing = [one.sentence for one in contents.evidence if one.basis == "missing"]
        assert any("ampBCT" in sentence for sentence in missing)
    savemat(path, {"t": _TIME[None], "other": values[None]})
    with pytest.raises(UncertainMappingError, match=r"found: other, t"):
        _read(dataset, path).__enter__()


def test_400_labchart_without_ends(tmp_path: Path) -> None:
    parts = [_RNG.normal(size=n) for n in (500, 400, 50)]
    path = tmp_path / "labchart.mat"
    savemat(
        path,
        {
            "data": np.concatenate(parts)[None],
            "datastart": np.array([[1], [501], [901]]),
            "samplerate": np.array([[100], [100], [10]]),
            "titles": np.array(["a ", "bb", "c "]),
            "unittext": np.array(["mV", "V ", "s "]),
        },
    )
    with _read("400", path) as contents:
        assert [r.signals.shape for r in contents.recordings] == [(1, 500), (1, 400), (1, 50)]
        for recording, part, rate in zip(contents.recordings, parts, (100, 100, 10), strict=True):
            np.testing.assert_array_equal(recording.signals[:, :], part[None])
            assert recording.sampling_rate_hz == rate
        assert [r.channel_names[0] for r in contents.recordings] == ["a", "bb", "c"]
        assert [r.channel_units[0] for r in contents.recordings] == ["mV", "V", "s"]


@pytest.mark.parametrize("samples_first", [True, False])
def test_400_labchart_matrix(tmp_path: Path, samples_first: bool) -> None:
    values = _RNG.normal(size=(2, 600))
    path = tmp_path / "matrix.mat"
    savemat(
        path,
        {
            "data": values.T if samples_first else values,
            "samplerate": 1000.0,
            "titles": np.array(["ECG", "BP "]),
            "unittext": np.array(["mV"]),
        },
    )
    with _read("400", path) as contents:
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :], values)
        assert recording.channel_names == ("ECG", "BP")
        assert recording.channel_units == ("mV", "mV")
        np.testing.assert_array_equal(recording.signals[1:2, 590:600], values[1:, 590:])


def test_a_scheme_that_does_not_fit_names_the_variables(tmp_path: Path) -> None:
    path = tmp_path / "other.mat"
    savemat(path, {"speed": np.arange(500.0), "t_sim": np.arange(500.0)[::-1]})
    with pytest.raises(SchemeError, match=r"other.mat.*`force`.*speed, t_sim"):
        _read("309", path).__enter__()
    savemat(path, {"force": np.arange(500.0), "t_sim": np.arange(500.0)[::-1]})
    with pytest.raises(SchemeError, match="does not increase"):
        _read("309", path).__enter__()
