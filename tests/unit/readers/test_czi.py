"""Every shared real CZI file equals its stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers.czi import reader as czi
from tests.pixels import sha256_tczyx

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "CellDivision_T3_Z5_CH2_X240_Y170.czi": [("", "tczyx")],
    "CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi": [("", "tczyx")],
    "FOV7_HV110_P0500510000.czi": [("", "yx")],
    "WellD6-7_S2.czi": [("D6", "cyx"), ("D7", "cyx")],
    "gen_t2c2z3_2scene.czi": [("image 0", "tczyx"), ("image 1", "tczyx")],
    "newCZI_compressed.czi": [("", "yx")],
    "nuc_small.czi": [("P1", "cyx")],
}


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    assert {path.name for path in (shared_samples / "imaging/czi").glob("*.czi")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_czi_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/czi" / name
    truth = json.loads(path.with_name(f"{name}.expected.json").read_text("utf-8"))
    series = truth["bioformats_7.3.1"]["series"]
    native = truth["native"][0]["images"]
    with czi.read(path, {}) as contents:
        assert [(image.name, image.axes) for image in contents.images] == FILES[name]
        for image, other, own in zip(contents.images, series, native, strict=True):
            assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
            assert str(image.pixels.dtype) == own["dtype"] == other["dtype"]
            channels = [channel for channel in other["channels"] if channel]
            assert list(image.channel_names) == channels
            for axis in "xyz":
                stated = other["phys"][axis]
                if stated is None or axis not in image.axes:
                    assert axis not in image.scale
                else:
                    assert stated[1] == "µm"
                    assert image.scale[axis] == pytest.approx(stated[0], rel=1e-12)
                    assert image.axis_units[axis] == "micrometer"
