"""A region decodes only the strips or tiles it lies in, and each of them once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from sparc_fuse_core.readers.jpeg2000 import reader as jpeg2000
from sparc_fuse_core.readers.jpeg2000.codestream import Codestream
from sparc_fuse_core.readers.raster import reader as raster
from sparc_fuse_core.readers.tiff import reader as tiff
from sparc_fuse_core.readers.tiff.pages import PageReader

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(2)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect which strips and tiles are decoded."""
    calls: list[Any] = []
    strip, tile, picture = PageReader._decode, Codestream._decode, raster._decode

    def of_page(self: PageReader, page: Any, index: int) -> Any:
        calls.append((page.index, index))
        return strip(self, page, index)

    def of_stream(self: Codestream, row: int, column: int) -> Any:
        calls.append((row, column))
        return tile(self, row, column)

    def of_picture(path: Path, header: Any) -> Any:
        calls.append(path.name)
        return picture(path, header)

    monkeypatch.setattr(PageReader, "_decode", of_page)
    monkeypatch.setattr(Codestream, "_decode", of_stream)
    monkeypatch.setattr(raster, "_decode", of_picture)
    return calls


def test_tiff_tiles(tmp_path: Path, decoded: list[Any]) -> None:
    path = tmp_path / "tiles.tif"
    values = _RNG.integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    options: dict[str, Any] = {"photometric": "rgb", "tile": (16, 32), "compression": "zlib"}
    tifffile.imwrite(path, values, metadata={"axes": "ZYXS"}, **options)
    with tiff.read(path, {}) as contents:
        pixels = contents.images[0].pixels
        assert not decoded
        for channel in range(3):
            # rows 20 to 29 lie in the second row of three tiles
            band = pixels[channel : channel + 1, 1:2, 20:30, 0:96]
            np.testing.assert_array_equal(band[0, 0], values[1, 20:30, :, channel])
    assert decoded == [(1, 3), (1, 4), (1, 5)]


def test_tiff_strips(tmp_path: Path, decoded: list[Any]) -> None:
    path = tmp_path / "strips.tif"
    values = _RNG.integers(0, 9, (80, 50), dtype=np.uint8)
    tifffile.imwrite(path, values, compression="zlib", rowsperstrip=8)
    with tiff.read(path, {}) as contents:
        for start in range(0, 80, 10):
            band = contents.images[0].pixels[start : start + 10, 0:50]
            np.testing.assert_array_equal(band, values[start : start + 10])
    assert decoded == [(0, i) for i in range(10)]


def test_uncompressed_tiff_is_never_decoded(tmp_path: Path, decoded: list[Any]) -> None:
    path = tmp_path / "plain.tif"
    values = _RNG.integers(0, 9, (4, 80, 50), dtype=np.uint16)
    tifffile.imwrite(path, values, byteorder=">", photometric="minisblack")
    with tiff.read(path, {}) as contents:
        np.testing.assert_array_equal(
            contents.images[0].pixels[2:3, 7:9, 3:5], values[2:3, 7:9, 3:5]
        )
    assert not decoded


def test_jpeg2000_tiles(tmp_path: Path, decoded: list[Any]) -> None:
    path = tmp_path / "tiles.jp2"
    values = _RNG.integers(0, 256, (64, 96), dtype=np.uint8)
    PillowImage.fromarray(values).save(path, irreversible=False, tile_size=(32, 16))
    with jpeg2000.read(path, {}) as contents:
        for _ in range(2):
            np.testing.assert_array_equal(
                contents.images[0].pixels[20:30, 40:60], values[20:30, 40:60]
            )
    assert decoded == [(1, 1)]


def test_a_picture_is_decoded_once(tmp_path: Path, decoded: list[Any]) -> None:
    path = tmp_path / "picture.png"
    values = _RNG.integers(0, 256, (64, 96), dtype=np.uint8)
    PillowImage.fromarray(values).save(path)
    with raster.read(path, {}) as contents:
        assert not decoded
        for start in range(0, 64, 16):
            band = contents.images[0].pixels[start : start + 16, 0:96]
            np.testing.assert_array_equal(band, values[start : start + 16])
    assert decoded == ["picture.png"]
