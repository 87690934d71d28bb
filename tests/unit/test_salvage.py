"""Recordings that were cut short: refused with how much is there, or read as far as they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import TruncatedFileError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.shared.salvage import salvaging
from tests.samples import Sample, all_samples

if TYPE_CHECKING:
    from pathlib import Path

#: Sample → ending of the file that is cut, and how many bytes are cut off.
CUTS = {
    "edf-edf-multirate": ("", 300),
    "brainvision-pybv-int16": (".eeg", 5),
    "brainvision-vectorized": None,
    "eeglab-fdt": (".fdt", 4 * 3 * 100 + 2),
    "eeglab-epochs-fdt": (".fdt", 5),
    "wav-pcm16": ("", 7),
    "neuralynx-ncs": ("", 100),
    "intan-rhd": ("", 100),
    "blackrock-set-with-pause": ("", 11),
    "tdt-tev": (".Tev", 60),
    "tdt-sev": (".sev", 3),
    "openephys-0.6": ("Probe-A/continuous.dat", 1),
    "abf-gap-free": ("", 10),
    "plexon": ("", 3),
    "smr": ("", 40),
}
SAMPLES = {sample.name: sample for sample in all_samples()}


def _cut(sample: Sample, folder: Path, ending: str, n_bytes: int) -> Path:
    truth = sample.write(folder)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and str(p).endswith(ending)]
    target = files[0] if ending else truth.path
    raw = target.read_bytes()
    target.write_bytes(raw[:-n_bytes])
    return truth.path


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("name", [name for name, cut in CUTS.items() if cut])
def test_what_is_there_is_read_if_asked_for(name: str, tmp_path: Path) -> None:
    sample, (ending, n_bytes) = SAMPLES[name], CUTS[name]
    read = load_reader(format_named(sample.format))
    whole = sample.write(tmp_path / "whole") if (tmp_path / "whole").mkdir() is None else None
    (tmp_path / "cut").mkdir()
    path = _cut(sample, tmp_path / "cut", ending, n_bytes)
    with pytest.raises(TruncatedFileError, match="--salvage"), read(path, {}):
        pass
    with salvaging(True) as notes, read(path, {}) as contents, read(whole.path, {}) as before:
        assert notes
        assert notes[0].fact == "completeness"
        assert path.name.split(".")[0].lower() in notes[0].sentence.lower()
        shorter = 0
        for recording in contents.recordings:
            other = next(r for r in before.recordings if r.channel_names == recording.channel_names)
            values = np.asarray(recording.signals[(slice(None),) * len(recording.signals.shape)])
            same = np.asarray(other.signals[tuple(slice(0, n) for n in values.shape)])
            np.testing.assert_array_equal(values, same)
            shorter += values.shape != tuple(other.signals.shape)
        assert shorter
