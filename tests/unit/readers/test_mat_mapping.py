"""What the MAT reader concludes without a scheme, and what it says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.mat.reader import read
from sparc_fuse_core.readers.shared.time_axis import describe_times, is_increasing
from tests.samples.mat import write_v73

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(31)


def _read(path: Path, variables: dict[str, Any]) -> Any:
    savemat(path, variables)
    with read(path, {}) as contents:
        for recording in contents.recordings:
            recording.signals[(slice(None),) * len(recording.signals.shape)]
        return contents


def test_what_is_no_signal_is_kept_or_listed(tmp_path: Path) -> None:
    contents = _read(
        tmp_path / "a.mat",
        {
            "t": np.arange(400.0),
            "x": _RNG.normal(size=400),
            "gain": 2.5,
            "table": _RNG.normal(size=(90, 90)),
            "info": {"name": "Ada", "image": np.zeros((30, 30)), "on": np.array(True)},
        },
    )
    assert contents.metadata["variables"] == {"gain": 2.5, "info": {"name": "Ada", "on": True}}
    left = contents.metadata["unmapped_variables"]
    assert {name: facts["shape"] for name, facts in left.items()} == {
        "table": [90, 90],
        "info.image": [30, 30],
    }
    missing = [one.sentence for one in contents.evidence if one.basis == "missing"]
    assert any("`table`" in sentence and "`info.image`" in sentence for sentence in missing)


def test_two_variables_that_could_be_time(tmp_path: Path) -> None:
    variables = {"t": np.arange(50.0), "time": np.arange(50.0), "x": _RNG.normal(size=50)}
    contents = _read(tmp_path / "a.mat", variables)
    assert not contents.recordings
    assert "could be the time" in contents.evidence[0].sentence


def test_time_that_goes_back_is_no_time(tmp_path: Path) -> None:
    variables = {"t": np.array([0.0, 1, 2, 0, 1, 2]), "x": np.arange(6.0)}
    contents = _read(tmp_path / "a.mat", variables)
    assert not contents.recordings
    assert {array.name for array in contents.arrays.arrays} == {"t", "x"}


def test_a_square_array_has_no_time_axis(tmp_path: Path) -> None:
    values = _RNG.normal(size=(300, 300))
    contents = _read(tmp_path / "a.mat", {"t": np.arange(300.0), "x": values})
    assert not contents.recordings
    kept = {array.name: np.asarray(array.values) for array in contents.arrays.arrays}
    np.testing.assert_array_equal(kept["x"], values)


def test_two_clocks(tmp_path: Path) -> None:
    contents = _read(
        tmp_path / "a.mat",
        {
            "t": np.arange(100.0),
            "x": np.arange(100.0) + 0.5,
            "time_ms": np.arange(40) * 20.0,
            "y": np.arange(40.0) + 0.5,
        },
    )
    first, second = contents.recordings
    assert (first.channel_names, first.sampling_rate_hz) == (("x",), None)
    assert (second.channel_names, second.sampling_rate_hz) == (("y",), 50.0)


def test_doubles_stored_as_integers_join_the_others(tmp_path: Path) -> None:
    """scipy never packs, MATLAB does: logical stays apart, int16 is a stream of its own."""
    contents = _read(
        tmp_path / "a.mat",
        {
            "t": np.arange(60.0),
            "x": _RNG.normal(size=60),
            "mark": np.arange(60) > 30,
            "n": np.arange(60, dtype=np.int16),
        },
    )
    assert [str(np.dtype(r.signals.dtype)) for r in contents.recordings] == [
        "float64",
        "uint8",
        "int16",
    ]


def test_struct_array_of_signals(tmp_path: Path) -> None:
    kind = [("signals", "O"), ("sr", "O")]
    trials = [(_RNG.normal(size=(2, n)), 100.0) for n in (300, 400)]
    contents = _read(tmp_path / "a.mat", {"trial": np.array(trials, dtype=kind)})
    assert [(r.name, r.signals.shape) for r in contents.recordings] == [
        ("trial(1).signals", (2, 300)),
        ("trial(2).signals", (2, 400)),
    ]
    assert {r.sampling_rate_hz for r in contents.recordings} == {100.0}


def test_a_rate_that_may_be_of_one_of_two(tmp_path: Path) -> None:
    contents = _read(
        tmp_path / "a.mat", {"fs": 100.0, "x": _RNG.normal(size=3000), "y": _RNG.normal(size=5000)}
    )
    assert not contents.recordings
    assert "may be the rate of one of `x`, `y`" in contents.evidence[-1].sentence


def test_labchart_late_samples_are_said(tmp_path: Path) -> None:
    variables = {
        "data": np.arange(30.0),
        "datastart": np.array([[1], [21]]),
        "dataend": np.array([[20], [30]]),
        "samplerate": np.array([[10], [5]]),
        "titles": np.array(["a", "b"]),
        "firstsampleoffset": np.array([[0], [3]]),
    }
    contents = _read(tmp_path / "a.mat", variables)
    assert [r.start_s for r in contents.recordings] == [0.0, 0.0]
    assert any("firstsampleoffset" in one.sentence for one in contents.evidence)
    with pytest.raises(CorruptFileError, match="outside of the 30 samples"):
        _read(tmp_path / "b.mat", variables | {"dataend": np.array([[20], [31]])})


def test_v73_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.arange(500.0)
    path = tmp_path / "links.mat"
    write_v73(path, {"t": np.arange(500.0), "y": _RNG.normal(size=500)})
    with h5py.File(path, "r+") as file:
        file["x"] = h5py.ExternalLink(str(other), "/x")
    with read(path, {}) as contents:
        assert [r.channel_names for r in contents.recordings] == [("y",)]
        assert "x" in contents.metadata["unmapped_variables"]


@given(
    rate=st.sampled_from([0.1, 1.0, 7.3, 250.0, 1000.0, 30000.0, 44100.0]),
    start=st.sampled_from([0.0, -0.2, 12.5, 86400.0]),
    n_samples=st.integers(2, 3000),
)
def test_even_times_become_a_rate(rate: float, start: float, n_samples: int) -> None:
    axis = describe_times(start + np.arange(n_samples) / rate, "s")
    assert axis.rate_hz == pytest.approx(rate, rel=1e-5)
    assert axis.start_s == pytest.approx(start)


@given(st.integers(3, 500), st.floats(1e-6, 0.5))
def test_uneven_times_stay_times(n_samples: int, shift: float) -> None:
    times = np.arange(n_samples, dtype=float)
    times[-2] += shift
    axis = describe_times(times, "s")
    assert axis.rate_hz is None
    assert axis.times is not None


def test_increasing() -> None:
    assert is_increasing(np.array([0.0, 1.0, 1.0, 2.0]))
    assert not is_increasing(np.array([0.0, 1.0, 0.5]))
    assert not is_increasing(np.array([0.0, np.nan, 2.0]))
    assert not is_increasing(np.zeros(5))
