"""What a video says beside its pixels: bits in use, hidden frames, how players turn it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.video.reader import read
from tests.samples import all_samples
from tests.samples.video import write

if TYPE_CHECKING:
    from pathlib import Path


def _write(name: str, folder: Path) -> Path:
    return next(sample for sample in all_samples() if sample.name == name).write(folder).path


@pytest.mark.parametrize(
    ("name", "bits"),
    [("gray10le", 10), ("gbrp12le", 12), ("gray-uint16", None), ("monochrome.mkv10le", 10)],
)
def test_bits_in_use_are_stated(tmp_path: Path, name: str, bits: int | None) -> None:
    with read(_write(f"video-{name}", tmp_path), {}) as contents:
        assert contents.images[0].significant_bits == bits


def test_hidden_frames_and_rotation_are_said(tmp_path: Path) -> None:
    with read(_write("video-trimmed", tmp_path), {}) as contents:
        facts = contents.images[0].metadata
        assert (facts["n_hidden_frames"], facts["display_rotation_degrees"]) == (5, 90)
        said = " ".join(entry.sentence for entry in contents.evidence)
    assert "5 frames that an edit list hides are left out" in said
    assert "by 90 degrees counter-clockwise" in said


@pytest.mark.parametrize(
    ("matrix", "degrees", "mirrored"),
    [
        ((0, 1, -1, 0), -90, False),
        ((0, -1, 1, 0), 90, False),
        ((-1, 0, 0, -1), 180, False),
        ((-1, 0, 0, 1), None, True),
        ((1, 0, 0, -1), 180, True),
    ],
)
def test_turns_and_mirrors_of_the_display_are_told(
    tmp_path: Path, matrix: tuple[int, ...], degrees: int | None, mirrored: bool
) -> None:
    path = tmp_path / "phone.mp4"
    write(
        path, np.zeros((3, 24, 32, 3), np.uint8), codec="libx264", stored="yuv444p", given="rgb24"
    )
    content = bytearray(path.read_bytes())
    # the matrix is the 40 bytes behind the mark, version and dates of the track's header
    at = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with read(path, {}) as contents:
        facts = contents.images[0].metadata
        said = " ".join(entry.sentence for entry in contents.evidence)
    assert facts.get("display_rotation_degrees") == degrees
    assert ("display_mirrored" in facts, "mirror them left to right" in said) == (mirrored,) * 2
    assert (f"turn them by {degrees} degrees" in said) is (degrees is not None)


def test_frames_that_a_recorder_dropped_are_no_truncation(tmp_path: Path) -> None:
    """Empty chunks hold the place of frames; the times of the others show the gap."""
    frames = np.random.default_rng(4).integers(0, 255, (8, 24, 32, 3), np.uint8)
    path = tmp_path / "camera.avi"
    write(path, frames, codec="rawvideo", stored="bgr24", given="rgb24")
    content = path.read_bytes()
    begin = content.index(b"movi") + 4
    size = 8 + frames[0].nbytes
    chunks = [content[begin + i * size : begin + (i + 1) * size] for i in range(len(frames))]
    assert all(chunk[:4] == b"00dc" for chunk in chunks)
    chunks[3] = b"00dc\0\0\0\0"
    index, at = b"", 4
    for chunk in chunks:
        index += b"00dc" + struct.pack("<3I", 16, at, len(chunk) - 8)
        at += len(chunk)
    whole = content[: begin - 8] + struct.pack("<I", at) + b"movi" + b"".join(chunks)
    whole += b"idx1" + struct.pack("<I", len(index)) + index
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    with read(path, {}) as contents:
        (image,) = contents.images
        np.testing.assert_array_equal(
            image.pixels[:], np.moveaxis(np.delete(frames, 3, axis=0), -1, 1)
        )
        assert "t" not in image.scale
        np.testing.assert_allclose(
            image.metadata["frame_times_s"], np.array([0, 1, 2, 4, 5, 6, 7]) / 25
        )
        assert "1 of 8 announced frames were dropped" in contents.evidence[0].sentence
    # one chunk later the file ends: that is truncation
    path.write_bytes(path.read_bytes()[: begin + 6 * size])
    with pytest.raises(CorruptFileError), read(path, {}):
        pass


def test_a_stream_that_says_it_has_colour_keeps_it(tmp_path: Path) -> None:
    """Equal chroma is a picture's matter: only the stream's own statement makes it gray."""
    frames = np.full((3, 24, 32), 128, np.uint8)
    path = tmp_path / "grayish.mp4"
    write(path, frames, codec="libx264", stored="yuv420p", given="gray")
    with read(path, {}) as contents:
        assert contents.images[0].axes == "tcyx"
