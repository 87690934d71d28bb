"""Where a NIfTI header says that voxels begin."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.nifti import read

if TYPE_CHECKING:
    from pathlib import Path

_VOX_OFFSET = 108


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti1Pair])
@pytest.mark.parametrize("start", [-4096.0, float("nan"), float("-inf"), float("inf")])
def test_voxels_in_front_of_the_file_are_refused(tmp_path: Path, kind: type, start: float) -> None:
    image = kind(np.ones((4, 5, 6), np.int16), np.eye(4))
    path = tmp_path / ("a.nii" if kind is nibabel.Nifti1Image else "a.hdr")
    image.to_filename(str(path if path.suffix == ".nii" else path.with_suffix(".img")))
    data = bytearray(path.read_bytes())
    struct.pack_into("<f", data, _VOX_OFFSET, start)
    path.write_bytes(data)
    refused = pytest.raises(CorruptFileError, match=rf"{path.name}: (states byte|not a readable)")
    with refused, read(path, {}):
        pass


def test_no_array_begins_in_front_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(64))
    with pytest.raises(ValueError, match="before the file"):
        MappedFile(path, np.uint8, (8,), -8)
