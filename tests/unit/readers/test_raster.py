"""Shared real PNG, JPEG and BMP files against their stated truth; palettes against the stated RGB."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import pytest

from sparc_fuse_core.readers.raster.reader import read
from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path

_RGB: dict[str, Any] = {"axes": "cyx", "names": ("R", "G", "B"), "kind": "rgb"}
_RGBA: dict[str, Any] = {"axes": "cyx", "names": ("R", "G", "B", "A"), "kind": "rgb"}
FILES = {
    "png/camera.png": {"axes": "yx"},
    "png/chelsea.png": _RGB,
    "png/imageio16.png": _RGBA,
    "png/imageio256.png": _RGBA,
    "png/wikkie.png": _RGB,
    "jpg/bricks.jpg": _RGB,
    "jpg/renishaw_wire.jpg": _RGB,
    "jpg/wood.jpg": _RGB,
}
PALETTES = ("bmp/pal8.bmp", "bmp/scribble_P_RGB.bmp")


def test_every_shared_file_is_checked(shared_samples: Path) -> None:
    folder = shared_samples / "imaging"
    found = {
        f"{kind}/{path.name}"
        for kind in ("png", "jpg", "bmp")
        for path in (folder / kind).iterdir()
    }
    assert {name for name in found if not name.endswith(".json")} == {*FILES, *PALETTES}


@pytest.mark.parametrize("name", FILES)
def test_shared_file_equals_its_truth(shared_samples: Path, name: str) -> None:
    assert not check_images(shared_samples / "imaging" / name, "raster", [FILES[name]])


@pytest.mark.parametrize("name", PALETTES)
def test_indices_of_a_palette_become_the_stated_colours(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging" / name
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text(encoding="utf-8"))
    with read(path, {}) as contents:
        image = contents.images[0]
        assert (image.axes, image.kind) == ("cyx", "rgb")
        data = np.ascontiguousarray(image.pixels[:, :, :]).tobytes()
    assert hashlib.sha256(data).hexdigest() == truth["truth_rgb"]["sha256_tczyx"]


def test_a_turned_photograph_stays_as_stored_and_says_so(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (7, 4)).save(tmp_path / "turned.jpg", exif=exif)
    with read(tmp_path / "turned.jpg", {}) as contents:
        assert contents.images[0].pixels.shape == (3, 4, 7)
        assert "EXIF orientation 6" in contents.evidence[0].sentence
