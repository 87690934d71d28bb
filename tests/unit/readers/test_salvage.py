"""Recordings that were cut short: refused with how much is there, or read as far as they go."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from sparc_fuse_core.errors import SparcFuseError, TruncatedFileError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.shared.salvage import salvaging
from tests.samples import all_samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Recording

#: Sample → ending of the file that is cut, and how many bytes are cut off.
CUTS = {
    "edf-multirate": ("", 300),
    "brainvision-pybv-int16": (".eeg", 5),
    "eeglab-fdt": (".fdt", 1202),
    "eeglab-epochs-fdt": (".fdt", 5),
    "wav-pcm16": ("", 7),
    "neuralynx-ncs": ("", 100),
    "intan-rhd": ("", 100),
    "blackrock-2.1-alone": ("", 3),
    "tdt-tev": (".Tev", 700),
    "openephys-0.5": ("continuous.dat", 1),
    "abf1-long-header": ("", 1000),
    "plexon-plx": ("", 3),
    "smr-v9": ("", 1500),
    "smrx-one-level": ("", 40960),
    "smrx-two-levels": ("", 53248),
    "acq-r38-little": ("", 1500),
}
SAMPLES = {sample.name: sample for sample in all_samples()}


def _cut(folder: Path, ending: str, n_bytes: int, leading: Path) -> None:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and str(p).endswith(ending)]
    target = files[0] if ending else leading
    target.write_bytes(target.read_bytes()[:-n_bytes])


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("name", list(CUTS))
def test_what_is_there_is_read_if_asked_for(name: str, tmp_path: Path) -> None:
    sample, (ending, n_bytes) = SAMPLES[name], CUTS[name]
    read = load_reader(format_named(sample.format))
    (tmp_path / "whole").mkdir()
    whole = sample.write(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    path = tmp_path / "cut" / whole.path.relative_to(tmp_path / "whole")
    _cut(tmp_path / "cut", ending, n_bytes, path)
    with pytest.raises(TruncatedFileError, match="--salvage"), read(path, {}):
        pass
    with (
        salvaging(True) as notes,
        read(path, {}) as contents,
        read(whole.path, {}) as whole_contents,
    ):
        assert notes
        assert notes[0].fact == "completeness"
        assert path.name.split(".")[0].lower() in notes[0].sentence.lower()
        before_of = _channels(whole_contents.recordings)
        pairs = [(before_of[key], values) for key, values in _channels(contents.recordings).items()]
        for was, values in pairs:
            same = was[tuple(slice(0, n) for n in values.shape)]
            np.testing.assert_array_equal(values, same)
        assert pairs
        assert sum(v.size for _, v in pairs) < sum(v.size for v in before_of.values())


def _channels(recordings: Sequence[Recording]) -> dict[tuple[object, ...], np.ndarray]:
    """Samples of each channel by rate, name and how often that came before."""
    found: dict[tuple[object, ...], np.ndarray] = {}
    for recording in recordings:
        whole = np.asarray(recording.signals[(slice(None),) * len(recording.signals.shape)])
        for name, values in zip(recording.channel_names, whole, strict=True):
            n = sum(key[:2] == (recording.sampling_rate_hz, name) for key in found)
            found[(recording.sampling_rate_hz, name, n)] = values
    return found


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize(
    ("kept", "names"), [(0.5, ("ecg",)), (0.9, ("ecg", "bp")), (0.999, ("ecg", "bp"))]
)
def test_variables_before_the_end_of_a_mat_file(
    tmp_path: Path, is_compressed: bool, kept: float, names: tuple[str, ...]
) -> None:
    values = np.round(np.random.default_rng(1).normal(size=(3, 5000)), 4)
    variables = {"fs": 250.0, **dict(zip(("ecg", "bp", "resp"), values, strict=True))}
    path = tmp_path / "a.mat"
    savemat(path, variables, do_compression=is_compressed)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    read = load_reader(format_named("mat"))
    n_whole = 1 + len(names)
    with (
        pytest.raises(TruncatedFileError, match=f"{n_whole} whole variables.*--salvage"),
        read(path, {}),
    ):
        pass
    with salvaging(True) as notes, read(path, {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.sampling_rate_hz) == (names, 250)
        np.testing.assert_array_equal(one.signals[(slice(None), slice(None))], values[: len(names)])
        assert len(notes) == 1


@pytest.mark.parametrize("n_bytes", [20, 128, 130])
def test_a_mat_file_without_a_whole_variable_is_damaged(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"ecg": np.zeros(100)})
    path.write_bytes(path.read_bytes()[:n_bytes])
    read = load_reader(format_named("mat"))
    with salvaging(True) as notes, pytest.raises(SparcFuseError, match=r"a\.mat"), read(path, {}):
        pass
    assert not notes


@pytest.mark.parametrize("name", ["a.h5", "a.mat"])
def test_a_part_of_an_hdf5_file_says_how_much_there_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with h5py.File(path, "w") as file:
        file["ecg"] = np.zeros(5000)
        file["ecg"].attrs["fs"] = 250.0
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: size // 2])
    read = load_reader(format_named("hdf5" if name == "a.h5" else "mat"))
    with (
        salvaging(True),
        pytest.raises(TruncatedFileError, match=f"{size // 2} of {size} bytes"),
        read(path, {}),
    ):
        pass
