"""What a video says beside its pixels: bits in use, hidden frames, how players turn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers.video import read
from tests.samples import all_samples

if TYPE_CHECKING:
    from pathlib import Path


def _write(name: str, folder: Path) -> Path:
    return next(sample for sample in all_samples() if sample.name == name).write(folder).path


@pytest.mark.parametrize(
    ("name", "bits"), [("gray10le", 10), ("gbrp12le", 12), ("gray-uint16", None)]
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
