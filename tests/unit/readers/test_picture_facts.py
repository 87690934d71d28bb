"""Names, colours and places that CZI and LIF files state elsewhere than beside the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pylibCZIrw import czi

from sparc_fuse_core.readers.czi.reader import read as read_czi
from sparc_fuse_core.readers.lif import reader as lif
from tests.samples import all_samples

if TYPE_CHECKING:
    from pathlib import Path


def test_colours_of_a_czi_are_those_of_its_display(tmp_path: Path) -> None:
    path = tmp_path / "colours.czi"
    tints = {0: (0, 0, 255), 1: (255, 163, 0)}
    with czi.create_czi(str(path)) as file:
        for c in tints:
            file.write(np.zeros((4, 5, 1), np.uint8), plane={"C": c})
        settings = {
            c: czi.ChannelDisplaySettingsDataClass(
                True, czi.TintingMode.Color, czi.Rgb8Color(*map(np.uint8, tint)), 0.0, 1.0
            )
            for c, tint in tints.items()
        }
        file.write_metadata(channel_names={0: "DAPI", 1: "GFP"}, display_settings=settings)
    with read_czi(path, {}) as contents:
        (image,) = contents.images
        assert image.channel_names == ("DAPI", "GFP")
        assert image.channel_colors == ("0000FF", "FFA300")


def test_tiles_of_a_lif_say_where_they_lie(tmp_path: Path) -> None:
    sample = next(sample for sample in all_samples() if sample.name == "lif-several")
    with lif.read(sample.write(tmp_path).path, {}) as contents:
        tiles = [image.metadata["tile"] for image in contents.images if "tile" in image.metadata]
    assert [tile["column"] for tile in tiles] == [0.0, 1.0]
    assert [tile["position_x_m"] for tile in tiles] == [0.001, 0.0015]
