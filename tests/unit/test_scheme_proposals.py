"""A proposed scheme says what was found, is TOML, and loads."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from sparc_fuse_core import errors
from sparc_fuse_core.scheme_proposals import propose
from sparc_fuse_core.schemes import load_scheme

if TYPE_CHECKING:
    from pathlib import Path


def test_proposals_load_and_say_what_was_found(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"t": np.arange(200.0), "ecg": np.zeros(200), "fs": 100})
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["sub-1/ecg"] = np.zeros((500, 3))
    (tmp_path / "c.csv").write_text("Time;a\n0,1;2\n", encoding="utf-8")
    (tmp_path / "d.bin").write_bytes(bytes(100))
    for name, words in {
        "a.mat": ["time? by its name", "signal?", "rate?"],
        "b.h5": ["sub-1/ecg", "500 x 3"],
        "c.csv": ['";"', "Time;a"],
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
