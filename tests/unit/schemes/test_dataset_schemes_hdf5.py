"""The schemes of datasets with HDF5 files, on files written to the description of each dataset."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from sparc_fuse_core.errors import SchemeError, UncertainMappingError
from sparc_fuse_core.formats.registry import format_named
from sparc_fuse_core.readers.hdf5.reader import read
from sparc_fuse_core.schemes.schemes import find_scheme, load_schemes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_RNG = np.random.default_rng(5)
_RATES = {"ecg": (1000, 3), "hr": (500, 2), "neural": (30000, 4)}


@contextmanager
def _read(dataset: str, path: Path) -> Iterator[Contents]:
    scheme = find_scheme(load_schemes(), dataset, f"primary/{path.name}", "hdf5")
    assert scheme is not None
    assert set(scheme.options) <= set(format_named("hdf5").options)
    with read(path, scheme.options) as contents:
        yield contents


@pytest.mark.parametrize("dataset", ["349", "380"])
def test_349_380_subjects_with_segments(tmp_path: Path, dataset: str) -> None:
    path = tmp_path / "all.hdf5"
    written: dict[tuple[str, str], list[np.ndarray]] = {}
    # written out of order: the names, not the file, say which comes first
    moments = ["2021-03-04T10:15:30.500000", "2021-03-04T10:15:00", "2021-03-05T00:00:00"]
    with h5py.File(path, "w") as file:
        for subject in ("pig-1", "pig-2"):
            for moment in moments[: 3 if subject == "pig-1" else 1]:
                for name, (rate, n_channels) in _RATES.items():
                    samples = _RNG.normal(size=(rate // 100, n_channels))
                    file[f"{subject}/{moment}/{name}"] = samples
                    written.setdefault((subject, name), []).append(samples)
        file["pig-1"][moments[0]]["ecg"].attrs["units"] = "mV"
        for moment in moments[1:]:
            file["pig-1"][moment]["ecg"].attrs["units"] = "mV"
    with _read(dataset, path) as contents:
        found = {recording.name: recording for recording in contents.recordings}
        assert sorted(found) == sorted(f"{s}_{n}" for s in ("pig-1", "pig-2") for n in _RATES)
        for (subject, name), parts in written.items():
            recording = found[f"{subject}_{name}"]
            order = [1, 0, 2] if subject == "pig-1" else [0]
            expected = np.vstack([parts[i] for i in order]).T
            np.testing.assert_array_equal(np.asarray(recording.signals[:, :]), expected)
            assert recording.sampling_rate_hz == _RATES[name][0]
            assert recording.channel_names == (name,) * _RATES[name][1]
        assert [s.start_s for s in found["pig-1_hr"].segments] == [0.0, 30.5, 49500.0]
        assert [s.n_samples for s in found["pig-1_hr"].segments] == [5, 5, 5]
        assert found["pig-1_ecg"].channel_units == ("mV",) * 3
        assert found["pig-1_ecg"].metadata == {
            "subject": "pig-1",
            "start_time": "2021-03-04T10:15:00",
        }
        assert found["pig-2_hr"].segments == ()
        assert found["pig-2_hr"].metadata["start_time"] == "2021-03-04T10:15:30.500000"
        assert not [one for one in contents.evidence if one.basis == "inferred"]


def test_380_a_group_that_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "all.hdf5"
    with h5py.File(path, "w") as file:
        file["pig/first/ecg"] = np.zeros((10, 3))
    with pytest.raises(SchemeError, match=r"all.hdf5: group /pig/first: 'first' is no ISO"):
        _read("380", path).__enter__()


def test_380_without_the_datasets(tmp_path: Path) -> None:
    path = tmp_path / "all.hdf5"
    with h5py.File(path, "w") as file:
        file["pig/2021-03-04/other"] = np.zeros((10, 3))
    with pytest.raises(UncertainMappingError, match="which hold: other"):
        _read("380", path).__enter__()
    with h5py.File(path, "w") as file:
        file["values"] = np.zeros((10, 3))
    with pytest.raises(SchemeError, match=r"no group fits .* \(at the top: values\)"):
        _read("380", path).__enter__()


def test_391_one_record_a_trial(tmp_path: Path) -> None:
    path = tmp_path / "eps.hdf5"
    written = {}
    with h5py.File(path, "w") as file:
        for trial in ("T1", "T2"):
            place = f"EPs/2019-05-01/SubC/{trial}"
            file[f"{place}/v_Threshold"] = 0.35
            for name, shape in (("w_Level", 12), ("w_Response", 12), ("w_SubC1", (400, 12))):
                samples = _RNG.normal(size=shape)
                file[f"{place}/{name}"] = samples
                written[trial, name] = samples
    with _read("391", path) as contents:
        found = {recording.name: recording for recording in contents.recordings}
        prefix = "2019-05-01/SubC"
        assert sorted(found) == [
            f"{prefix}/{trial}/{name}" for trial in ("T1", "T2") for name in ("w_Level", "w_SubC1")
        ]
        levels = found[f"{prefix}/T1/w_Level"]
        assert levels.channel_names == ("w_Level", "w_Response")
        np.testing.assert_array_equal(
            levels.signals[:, :], [written["T1", "w_Level"], written["T1", "w_Response"]]
        )
        waves = found[f"{prefix}/T2/w_SubC1"]
        np.testing.assert_array_equal(waves.signals[:, :], written["T2", "w_SubC1"].T)
        assert waves.sampling_rate_hz is None
        assert waves.metadata == {
            "date": "2019-05-01",
            "region": "SubC",
            "trial": "T2",
            "v_Threshold": 0.35,
        }
