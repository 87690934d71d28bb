"""That a data file of a set was not read is said only where it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.convert.opened import files_opened, unread
from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import all_samples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.samples import Sample

#: Formats of sets whose samples lie beside the file that leads them.
_SETS = ("wfdb", "brainvision", "eeglab", "tdt", "openephys", "spikeglx", "neuroscope", "bids")


@pytest.mark.parametrize(
    "sample", [s for s in all_samples() if s.format in _SETS], ids=lambda sample: sample.name
)
def test_samples_that_were_read_are_not_said_to_be_left(sample: Sample, tmp_path: Path) -> None:
    truth = sample.write(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != truth.path]
    if truth.error or not files:
        return
    with files_opened(tmp_path) as opened:
        try:
            with load_reader(format_named(sample.format))(truth.path, {}) as contents:
                read = bool(contents.recordings)
        except SparcFuseError:
            return  # it needs options: the sample's own test
    said = unread(files, opened)
    assert said is None or not read, said
