"""Micro-Manager's NDTiff, written by hand: planes of one or two files, in the order of their index."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError
from sparc_fuse_core.plan.grouping import group_files
from sparc_fuse_core.readers.tiff.reader import read
from sparc_fuse_core.sources import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(63).integers(0, 4000, (2, 3, 8, 10), dtype=np.uint16)  # c, z, y, x
STACK, SECOND = "acq_NDTiffStack.tif", "acq_NDTiffStack_1.tif"


def _stack(path: Path, planes: list[np.ndarray]) -> list[int]:
    """Write planes one after the other, a directory before each; return where their pixels begin."""
    about = {
        "PixelSize_um": 0.5,
        "z-step_um": 2.0,
        "ChNames": ["DAPI", "Cy5"],
        "UserName": "Jane Doe",
    }
    summary = json.dumps(about).encode()
    content = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    content += struct.pack("<5I", 483729, 3, 0, 2355492, len(summary)) + summary
    next_at, begins = 4, []
    for plane in planes:
        content += bytes(len(content) % 2)
        struct.pack_into("<I", content, next_at, len(content))
        plane_about = json.dumps({"PixelSizeUm": 0.5}).encode() + b"\0"
        n_entries = 9
        begin = len(content) + 2 + 12 * n_entries + 4
        entries = [
            *((256, 4, 1, plane.shape[1]), (257, 4, 1, plane.shape[0]), (258, 3, 1, 16)),
            *((259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, begin), (278, 3, 1, plane.shape[0])),
            *((279, 4, 1, plane.nbytes), (51123, 2, len(plane_about), begin + plane.nbytes)),
        ]
        content += struct.pack("<H", n_entries)
        content += b"".join(struct.pack("<HHII", *entry) for entry in entries)
        next_at = len(content)
        content += bytes(4) + plane.tobytes() + plane_about
        begins.append(begin)
    path.write_bytes(content)
    return begins


def _line(name: str, begin: int, **axes: int | str) -> bytes:
    place, file = json.dumps(axes).encode(), name.encode()
    numbers = struct.pack("<IiiiiIii", begin, 10, 8, 1, 0, 0, 0, 0)
    return struct.pack("<I", len(place)) + place + struct.pack("<I", len(file)) + file + numbers


def _written(folder: Path) -> Path:
    """Cy5 was taken first, though the summary names DAPI first; one channel a file."""
    lines = b""
    for name, c, channel in ((STACK, 1, "Cy5"), (SECOND, 0, "DAPI")):
        for z, begin in enumerate(_stack(folder / name, list(PIXELS[c]))):
            lines += _line(name, begin, z=z, channel=channel)
    (folder / "NDTiff.index").write_bytes(lines)
    return folder / STACK


def test_planes_of_all_files_are_where_the_index_says(tmp_path: Path) -> None:
    with read(_written(tmp_path), {}) as contents:
        (image,) = contents.images
        assert image.axes == "czyx"
        assert image.channel_names == ("Cy5", "DAPI")
        np.testing.assert_array_equal(np.asarray(image.pixels[:]), PIXELS[::-1])
        assert dict(image.scale) == {"x": 0.5, "y": 0.5, "z": 2.0}


def test_stacks_and_index_are_planned_as_one() -> None:
    paths = [f"files/primary/{name}" for name in (SECOND, STACK, "NDTiff.index", "photo.tif")]
    groups, ungrouped = group_files([SourceFile(path, 9) for path in paths])
    assert not ungrouped
    assert [[file.path.rpartition("/")[2] for file in group.files] for group in groups] == [
        [STACK, "NDTiff.index", SECOND],
        ["photo.tif"],
    ]
    # without an index each is a file of its own
    assert len(group_files([SourceFile(path, 9) for path in paths[:2]])[0]) == 2


@pytest.mark.parametrize("name", ["../secret.tif", "/etc/hostname", "sub\\x.tif", ".."])
def test_an_index_names_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "acq"
    inner.mkdir()
    _stack(tmp_path / "secret.tif", list(PIXELS[0]))
    begins = _stack(inner / STACK, list(PIXELS[1]))
    lines = [_line(STACK, begins[0], z=0), _line(name, begins[1], z=1)]
    (inner / "NDTiff.index").write_bytes(b"".join(lines))
    elsewhere = pytest.raises(CorruptFileError, match="names a file that does not lie beside it")
    with elsewhere, read(inner / STACK, {}):
        pass


def test_a_file_that_the_index_names_is_missed(tmp_path: Path) -> None:
    path = _written(tmp_path)
    (tmp_path / SECOND).unlink()
    with pytest.raises(MissingCompanionError) as missed, read(path, {}):
        pass
    assert missed.value.absent == (SECOND,)


def test_links_into_one_folder_are_a_set_and_links_elsewhere_are_not(tmp_path: Path) -> None:
    """So a set is staged; a link that a dataset holds is not followed."""
    home, staged = tmp_path / "home", tmp_path / "staged"
    for folder in (home, staged):
        folder.mkdir()
    _written(home)
    for name in (STACK, SECOND, "NDTiff.index"):
        (staged / name).symlink_to(home / name)
    with read(staged / STACK, {}) as contents:
        assert contents.images[0].pixels.shape == PIXELS.shape
    (home / SECOND).rename(tmp_path / "secret.tif")
    (home / SECOND).symlink_to(tmp_path / "secret.tif")
    elsewhere = pytest.raises(CorruptFileError, match="names a file that does not lie beside it")
    with elsewhere, read(home / STACK, {}):
        pass
