"""Shared real JPEG 2000 files against their stated truth."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.readers.jpeg2000.reader import read
from tests.shared_images import check_images, stated_images

if TYPE_CHECKING:
    from pathlib import Path

FILES: dict[str, list[dict[str, Any]]] = {
    "16bit.cropped.jp2": [{"axes": "yx"}],
    "gen_gray16.jp2": [{"axes": "yx"}],
    "nemo.jp2": [{"axes": "cyx", "names": ("R", "G", "B"), "kind": "rgb"}],
}


@pytest.mark.parametrize("name", FILES)
def test_shared_file_equals_its_truth(shared_samples: Path, name: str) -> None:
    assert not check_images(shared_samples / "imaging" / "jp2" / name, "jpeg2000", FILES[name])


def test_all_codestreams_of_a_jpx_are_read(shared_samples: Path) -> None:
    """The truth file holds the first codestream with its palette applied, as it is read here."""
    path = shared_samples / "imaging" / "jpx" / "heliov.jpx"
    with read(path, {}) as contents:
        shapes = [(image.axes, image.pixels.shape, image.kind) for image in contents.images]
        assert shapes == [
            ("cyx", (3, 1024, 1024), "rgb"),
            ("cyx", (3, 256, 256), "rgb"),
            ("yx", (4096, 4096), "intensity"),
        ]
        colours = np.ascontiguousarray(contents.images[0].pixels[:, :, :])
    stats = stated_images(path)[0]["stats"]
    assert hashlib.sha256(colours.tobytes()).hexdigest() == stats["sha256_tczyx"]
