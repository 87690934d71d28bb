"""Real MAT files against what independent readers found in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.hdf5.arrays import open_hdf5
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat import v73 as mat73
from sparc_fuse_core.readers.mat.reader import read
from sparc_fuse_core.readers.shared.tree import Numeric, Table, as_facts

if TYPE_CHECKING:
    from pathlib import Path

#: Files without a time series: every one is kept as arrays, because to call them signals would be to guess.
_KEPT = (
    "big_endian",  # a 2×2 array and texts
    "nasty_duplicate_fieldnames",  # a struct of results
    "test3dmatrix_7.1_GLNX86",
    "test_string_v73",
    "test_time_v7",  # datetimes and durations alone
    "testcell_6.1_SOL2",
    "testcomplex_6.5.1_GLNX86",
    "testhdf5_7.4_GLNX86",  # nine numbers
    "testmatlabstring_7_WIN64",
    "testmulti_4.2c_SOL2",  # 3×5 and 1×9
    "testobject_7.4_GLNX86",
    "testsparse_7.4_GLNX86",
    "teststruct_7.4_GLNX86",
    "teststructarr_7.1_GLNX86",
    "testunicode_7.4_GLNX86",
    "v73_testfile1",  # one value of each type
    "v73_testfile12",  # an image reconstruction model
    "v73_testfile2",  # a struct array of loudspeaker measurements
    "v73_testfile5",  # FieldTrip settings
    "test_uneven_samp",  # two long rows, but neither a rate nor a time
)
_CONVERTED = ("heartpy_data2", "test_tables_v7", "test_tables_v73")
_CORRUPT = ("corrupted_zlib_data",)


@pytest.fixture
def folder(shared_samples: Path) -> Path:
    return shared_samples / "timeseries" / "mat"


def _truth(path: Path) -> Any:
    return json.loads((path.parent / f"{path.name}.expected.json").read_text())["content"][
        "variables"
    ]


def test_every_file_is_listed_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.mat")} == {*_KEPT, *_CONVERTED, *_CORRUPT}


@pytest.mark.parametrize("name", _KEPT)
def test_files_without_a_series_are_kept_as_arrays(folder: Path, name: str) -> None:
    path = folder / f"{name}.mat"
    with read(path, {}) as contents:
        assert not contents.recordings
        assert not len(contents.events)
        said = next(one.sentence for one in contents.evidence if "Kept as arrays" in one.sentence)
        has_numbers = any(array.values.dtype.kind in "iuf" for array in contents.arrays.arrays)
        assert "scheme new --from" in said or not has_numbers
        kept = {array.name: array.values for array in contents.arrays.arrays}
        for variable, facts in _truth(path).get("scipy", {}).items():
            if variable in kept and "n" in facts and "complex" not in facts["dtype"]:
                values = np.asarray(kept[variable][(slice(None),) * len(kept[variable].shape)])
                assert list(values.shape) == facts["shape"]
                _check_numbers(values, facts)


def test_corrupt_file_is_refused(folder: Path) -> None:
    with pytest.raises(CorruptFileError, match=r"corrupted_zlib_data\.mat"):
        read(folder / "corrupted_zlib_data.mat", {}).__enter__()


def _check_numbers(values: np.ndarray, truth: dict[str, Any]) -> None:
    flat = values.reshape(-1)
    assert flat.size == truth["n"]
    np.testing.assert_array_equal(flat[:3], np.array(truth["first"][:3], dtype=float))
    np.testing.assert_array_equal(flat[-3:], np.array(truth["last"][-3:], dtype=float))
    if "min" in truth:
        assert (np.nanmin(flat), np.nanmax(flat)) == (truth["min"], truth["max"])
        assert np.nanmean(flat.astype(float)) == pytest.approx(truth["mean"], rel=1e-6)


def test_time_and_signal_of_one_length(folder: Path) -> None:
    path = folder / "heartpy_data2.mat"
    truth = _truth(path)["scipy"]
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == ("hr",)
        assert recording.sampling_rate_hz is None
        assert recording.time_units == ""
        assert recording.times is not None
        assert np.dtype(recording.signals.dtype) == np.dtype(truth["hr"]["dtype"])
        _check_numbers(recording.signals[:, :], truth["hr"])
        _check_numbers(np.asarray(recording.times[(slice(None),)]), truth["timer"])


@pytest.mark.parametrize("name", ["test_tables_v7", "test_tables_v73"])
def test_timetables_have_their_time_and_units(folder: Path, name: str) -> None:
    with read(folder / f"{name}.mat", {}) as contents:
        found = {one.name.partition(".")[0]: one for one in contents.recordings}
        assert len(found) == len(contents.recordings) == 10
        np.testing.assert_array_equal(
            found["timetable_multi_col"].signals[:, :], [[1.0, 2, 3], [4, 5, 6]]
        )
        assert found["timetable_multi_col"].sampling_rate_hz == pytest.approx(0.1)
        assert found["timetable_multi_col"].start_s == 10.0
        assert found["timetable_from_sample_rate"].sampling_rate_hz == 10000.0
        assert found["timetable_with_attrs"].channel_units == ("m/s",)
        # the file's earliest timetable starts at 2020-01-01: this one 1096 days later
        assert contents.start_time == "2020-01-01T00:00:00"
        assert found["timetable_with_attrs"].start_s == 1096 * 86400.0
        tables = contents.metadata["variables"]
        assert tables["table_numeric"]["columns"] == {
            "Var1": [1.1, 2.2, 3.3],
            "Var2": [4.4, 5.5, 6.6],
        }
        assert tables["table_nan"]["columns"]["Var1"] == [1.1, None, 3.3]


def _tree(path: Path) -> dict[str, Any]:
    head = path.read_bytes()[:128]
    if mat5.version_of(head) == "7.3":
        with open_hdf5(path) as file:
            variables, _ = mat73.read_variables(file, path)
            return {name: _value(node) for name, node in variables.items()}
    return {name: _value(node) for name, node in mat5.read_variables(path, head)[0].items()}


def _value(node: Any) -> Any:
    if isinstance(node, Numeric):
        return node.whole()
    return node if isinstance(node, Table) else as_facts(node)[0]


@pytest.mark.parametrize("name", [*_KEPT, "heartpy_data2", "test_tables_v7", "test_tables_v73"])
def test_numbers_in_the_tree_equal_the_truth(folder: Path, name: str) -> None:
    """Files that are no recordings are still read right: their variables equal the truth."""
    path = folder / f"{name}.mat"
    truth = _truth(path)
    found = _tree(path)
    known = truth.get("scipy", {}) | truth.get("_raw", {}).get("scipy", {})
    for variable, facts in known.items():
        if variable == "None" or "n" not in facts:
            continue
        assert list(found[variable].shape) == facts["shape"]
        if "complex" not in facts["dtype"]:
            _check_numbers(found[variable], facts)
    assert found


def test_v73_values_and_classes(folder: Path) -> None:
    data = _tree(folder / "v73_testfile1.mat")["data"]
    assert data["arr_two_three"] == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]  # HDF5 shows it reversed
    assert data["arr_bool"] == [True, True, False]
    assert data["arr_char"] == "test"
    assert data["arr_nan"] == [None, None]
    assert _tree(folder / "test_string_v73.mat")["string_scalar"] == "Hello"
