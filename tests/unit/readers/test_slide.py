"""Every shared real SVS file equals its stated truth."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Picture

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers import slide
from tests.pixels import sha256_tczyx
from tests.samples import slide as samples

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("cmu_small_region.svs", "small.svs")


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    assert {path.name for path in (shared_samples / "imaging/svs").glob("*.svs")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_svs_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/svs" / name
    truth = json.loads(path.with_name(f"{name}.expected.json").read_text("utf-8"))
    own = truth["native"][0]["images"][0]
    with slide.read(path, {}) as contents:
        (image,) = contents.images  # never label, macro or thumbnail
        assert image.axes == "cyx"
        assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
        assert image.scale == {"y": float(own["meta"]["mpp"]), "x": float(own["meta"]["mpp"])}
        assert image.axis_units == {"y": "micrometer", "x": "micrometer"}
        assert image.channel_names == ("R", "G", "B")
        assert image.metadata["vendor"] == own["meta"]["vendor"]


def test_maker_s_own_properties_are_not_copied(tmp_path: Path) -> None:
    truth = samples.SAMPLES[0].write(tmp_path)
    with slide.read(truth.path, {}) as contents:
        assert dict(contents.images[0].metadata) == {"vendor": "aperio", "objective-power": "20"}
        assert not contents.metadata


class _Sparse:
    """Stands for a slide of which only the left half was scanned; no maker's file is at hand."""

    dimensions = (8, 4)
    level_count = 2
    level_dimensions = ((8, 4), (4, 2))
    level_downsamples = (1.0, 2.0)
    hole_in_overview = True

    def __init__(self, path: Path) -> None:
        self.properties = {"openslide.vendor": "aperio"}

    def __enter__(self) -> _Sparse:
        return self

    def __exit__(self, *_: object) -> None: ...

    def read_region(
        self, place: tuple[int, int], level: int, size: tuple[int, int]
    ) -> Picture.Image:
        pixels = np.full((size[1], size[0], 4), 255, np.uint8)
        if level == 0 or self.hole_in_overview:
            columns = place[0] + np.arange(size[0]) * (level + 1)
            pixels[:, columns >= 4] = 0
        return Picture.fromarray(pixels)


def test_areas_not_scanned_are_kept_as_alpha(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(slide.openslide, "OpenSlide", _Sparse)
    with slide.read(tmp_path / "a.svs", {}) as contents:
        (image,) = contents.images
        assert image.channel_names == ("R", "G", "B", "alpha")
        alpha = image.pixels[3:4, :, :]
        assert alpha[0, 0].tolist() == [255] * 4 + [0] * 4
        assert [e.basis for e in contents.evidence] == ["missing"]


def test_a_hole_that_the_overview_hides_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(slide.openslide, "OpenSlide", _Sparse)
    monkeypatch.setattr(_Sparse, "hole_in_overview", False)
    with slide.read(tmp_path / "a.svs", {}) as contents:
        with pytest.raises(CorruptFileError, match=r"a\.svs"):
            contents.images[0].pixels[:, :, :]
        assert contents.images[0].pixels[:, :, :4].shape == (3, 4, 4)


def test_focal_planes_that_openslide_does_not_give_are_said(tmp_path: Path) -> None:
    """Three pages of 16 x 16 pixels as Hamamatsu lays them out: offsets of 8 bytes, one JPEG strip a page."""
    path = tmp_path / "planes.ndpi"
    picture = imagecodecs.jpeg8_encode(np.full((16, 16, 3), 90, np.uint8))
    content = bytearray(b"II*\0" + bytes(8))
    last = 4
    for z in (-2000, 0, 2000):
        strip = len(content)
        content += picture
        maker = len(content)
        content += b"Hamamatsu\0"
        content += bytes(-len(content) % 8)
        struct.pack_into("<Q", content, last, len(content))
        entries = [
            *((256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 6)),
            *((271, 2, 10, maker), (273, 4, 1, strip), (277, 3, 1, 3), (278, 4, 1, 16)),
            *((279, 4, 1, len(picture)), (65420, 4, 1, 1), (65421, 11, 1, 0x41A00000)),
            *((65422, 9, 1, 0), (65423, 9, 1, 0), (65424, 9, 1, z & 0xFFFFFFFF)),
        ]
        content += struct.pack("<H", len(entries))
        content += b"".join(struct.pack("<HHII", *entry) for entry in entries)
        last = len(content)
        content += bytes(8 + 4 * len(entries))
    path.write_bytes(content)
    with slide.read(path, {}) as contents:
        (image,) = contents.images
        assert image.pixels.shape == (3, 16, 16)
        assert "2 further focal planes" in " ".join(e.sentence for e in contents.evidence)
