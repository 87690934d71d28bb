"""Damaged recordings are refused by our own errors, or read: nothing else leaves a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import Sample, all_samples

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS = {
    "intan",
    "blackrock",
    "brainvision",
    "neuralynx",
    "openephys",
    "tdt",
    "igor",
    "plexon",
}
SAMPLES = [sample for sample in all_samples() if sample.format in _FORMATS]


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_damage_is_refused_or_read(sample: Sample, tmp_path: Path) -> None:
    truth = sample.write(tmp_path)
    if truth.error:
        pytest.skip("damaged on purpose already")
    whole = truth.path.read_bytes()
    rng = np.random.default_rng(5)
    read = load_reader(format_named(sample.format))
    for trial in range(60):
        damaged = bytearray(whole)
        if trial < 20:
            del damaged[int(len(whole) * trial / 20) :]
        else:
            # headers matter most: half of the flips fall into the first bytes
            top = min(len(whole), 700) if trial % 2 else len(whole)
            for at in rng.integers(0, top, 4):
                damaged[at] = rng.integers(0, 256)
        truth.path.write_bytes(damaged)
        try:
            with read(truth.path, truth.options) as contents:
                for recording in contents.recordings:
                    shape = recording.signals.shape
                    recording.signals[tuple(slice(0, min(n, 100)) for n in shape)]
            message = truth.path.name
        except SparcFuseError as err:
            message = str(err)
        assert truth.path.name in message
