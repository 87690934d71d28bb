"""A proposed scheme says what was found, is TOML, and loads."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from sparc_fuse_core import errors
from sparc_fuse_core.readers.text.reader import read
from sparc_fuse_core.schemes.proposals import propose
from sparc_fuse_core.schemes.schemes import load_scheme

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.schemes.schemes import Scheme


def test_proposals_load_and_say_what_was_found(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"t": np.arange(200.0), "ecg": np.zeros(200), "fs": 100})
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["sub-1/ecg"] = np.zeros((500, 3))
    (tmp_path / "c.csv").write_text("Time;a\n0,1;2\n", encoding="utf-8")
    (tmp_path / "d.bin").write_bytes(bytes(100))
    for name, words in {
        "a.mat": ["its name says time", "as long as time", "its name says samples per second"],
        "b.h5": ["sub-1/ecg", "500 x 3"],
        "c.csv": ['";"', "column 0 'Time'"],
        "d.bin": ["100 bytes"],
    }.items():
        text = propose(tmp_path / name)
        assert all(word in text for word in words)
        assert tomllib.loads(text)["format"]
        scheme = tmp_path / f"{name}.toml"
        scheme.write_text(text, encoding="utf-8")
        assert load_scheme(scheme).files.endswith(name[1:])


def test_refusals_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    with pytest.raises(errors.UnsupportedFormatError, match=r"x\.wav"):
        propose(tmp_path / "x.wav")
    with pytest.raises(errors.CorruptFileError, match=r"x\.h5"):
        propose(tmp_path / "x.h5")
    with pytest.raises(errors.SourceFileNotFoundError, match=r"none\.mat"):
        propose(tmp_path / "none.mat")


def _proposed(path: Path, tmp_path: Path) -> Scheme:
    """The proposal is TOML, and a scheme as it stands."""
    target = tmp_path / "proposed.toml"
    target.write_text(propose(path))
    return load_scheme(target)


def _with_all_options(text: str) -> dict[str, object]:
    """What the proposal says once every option in it is switched on."""
    lines = [re.sub(r"^# (?=(?:\w+ = |\[options))", "", line) for line in text.splitlines()]
    return tomllib.loads("\n".join(lines))


def test_a_table_is_proposed_with_what_it_states(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Time (s);x (mV);name\n" + "".join(f"{i},5;{i},25;w\n" for i in range(30)))
    scheme = _proposed(path, tmp_path)
    assert scheme.format == "text"
    assert scheme.options == {
        "separator": ";",
        "decimal": ",",
        "header": True,
        "time_column": "Time (s)",
    }
    with read(path, scheme.options) as contents:
        assert contents.recordings[0].sampling_rate_hz == 1.0
    assert "column 1 'x' in mV" in propose(path)


def test_what_a_table_leaves_open_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{i * 0.5},{i * i},w{i}\n" for i in range(30)))
    scheme = _proposed(path, tmp_path)
    assert scheme.options == {"separator": ",", "header": False}
    text = propose(path)
    assert "it rises in steps of one size" in text
    whole = _with_all_options(text)["options"]
    assert isinstance(whole, dict)
    assert whole["time_column"] == 0
    assert whole["sampling_rate_hz"] == 1000
    assert whole["channel_column"] == 2


def test_prose_is_shown_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Some words.\nNo numbers here.\n")
    assert "no numeric table" in propose(path)
    assert "Some words." in propose(path)


def test_variables_of_a_mat_file_are_proposed(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    variables = {"t": np.arange(50) / 10, "v": np.ones((3, 50)), "fs": 10.0, "who": "me"}
    savemat(path, variables)
    scheme = _proposed(path, tmp_path)
    assert scheme.options["time_variable"] == "t"
    assert scheme.options["signal_variables"] == ["v"]
    text = propose(path)
    assert "v: double 3 x 50" in text
    assert '# rate_variable = "fs"' in text
    assert '# time_unit = "s"' in text


def test_datasets_of_an_hdf5_file_are_proposed(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in ("s1/2020-01-01T00:00:00/ecg", "s1/2020-01-01T00:00:00/hr"):
            file[name] = np.zeros((100, 2))
    scheme = _proposed(path, tmp_path)
    assert scheme.options["group_path"] == "{level1}/{level2}"
    assert scheme.options["signal_datasets"] == ["ecg", "hr"]
    assert "s1/2020-01-01T00:00:00/ecg: float64 100 x 2" in propose(path)
    assert "# [options.dataset_rates_hz]" in propose(path)


def test_a_file_that_states_all_needs_no_scheme(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Interval=\t0.01 s\nChannelTitle=\ta\nUnitName=\tV\n1\n2\n")
    with pytest.raises(errors.UnsupportedFormatError, match=r"a\.txt.*needs no scheme"):
        propose(path)
