"""What pictures state of how they are shown, and features that are named instead of called damage."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from sparc_fuse_core.errors import UnsupportedFeatureError
from sparc_fuse_core.readers.nrrd.reader import read as read_nrrd
from sparc_fuse_core.readers.raster.reader import read as read_raster
from sparc_fuse_core.readers.tiff.reader import read as read_tiff
from tests.samples import all_samples

if TYPE_CHECKING:
    from pathlib import Path

_GRAY = np.arange(30, dtype=np.uint8).reshape(5, 6)


def _png(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    rows = b"".join(b"\0" + row.tobytes() for row in _GRAY)
    header = struct.pack(">IIBBBBB", 6, 5, 8, 0, 0, 0, 0)
    every = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in every
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def test_resolution_and_bits_of_a_png_are_kept_and_no_pixel_size(tmp_path: Path) -> None:
    fine = struct.pack(">IIB", 200_000, 100_000, 1)
    path = _png(tmp_path / "a.png", (b"sBIT", b"\x05"), (b"pHYs", fine))
    with read_raster(path, {}) as contents:
        (image,) = contents.images
        assert dict(image.scale) == {}
        assert image.metadata["resolution_dpi_xy"] == [5080.0, 2540.0]
        assert image.metadata["significant_bits_of_samples"] == [5]
        assert any("finer than prints have" in entry.sentence for entry in contents.evidence)
    path = _png(tmp_path / "print.png", (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)))
    with read_raster(path, {}) as contents:
        assert not contents.evidence


def test_orientation_and_associated_alpha_of_a_tiff_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    colours = np.zeros((5, 6, 4), np.uint8)
    extra = [(274, "H", 1, 6, True)]
    tifffile.imwrite(
        path,
        colours,
        photometric="rgb",
        extrasamples=["assocalpha"],
        extratags=extra,
        metadata=None,
    )
    with read_tiff(path, {}) as contents:
        said = " ".join(entry.sentence for entry in contents.evidence)
    assert "by orientation 6" in said
    assert "multiplied by alpha" in said
    tifffile.imwrite(path, colours, photometric="rgb", extrasamples=["unassalpha"], metadata=None)
    with read_tiff(path, {}) as contents:
        assert not contents.evidence


def test_steps_of_a_turned_map_are_those_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "map.tif"
    turned = (3, 5, 0, 9, 4, -12, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1)
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3076, 0, 1, 9001)
    extra = [(34264, "d", 16, turned, True), (34735, "H", 16, keys, True)]
    tifffile.imwrite(path, _GRAY, extratags=extra, metadata=None)
    with read_tiff(path, {}) as contents:
        assert dict(contents.images[0].scale) == {"x": 5.0, "y": 13.0}
        assert dict(contents.images[0].axis_units) == {"x": "meter", "y": "meter"}


def test_a_pixel_is_no_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    stated = {
        "axes": "YX",
        "PhysicalSizeX": 1.0,
        "PhysicalSizeXUnit": "pixel",
        "PhysicalSizeY": 1.0,
        "PhysicalSizeYUnit": "pixel",
    }
    tifffile.imwrite(path, _GRAY, metadata=stated)
    with read_tiff(path, {}) as contents:
        assert dict(contents.images[0].scale) == {}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"NRRD00.01\ntype: uchar\ndimension: 2\nsizes: 6 5\nencoding: raw\n\n", "older than"),
        (
            b"NRRD0004\ntype: block\nblock size: 3\ndimension: 2\nsizes: 6 5\nencoding: raw\n\n",
            "block",
        ),
    ],
)
def test_nrrd_that_is_not_read_is_named(tmp_path: Path, header: bytes, says: str) -> None:
    path = tmp_path / "a.nrrd"
    path.write_bytes(header + _GRAY.tobytes() * 3)
    with pytest.raises(UnsupportedFeatureError, match=says), read_nrrd(path, {}):
        pass


def test_bands_of_a_map_have_calibrations_of_their_own_and_degrees_are_no_length(
    tmp_path: Path,
) -> None:
    with read_tiff(_sample("tiff-geo-bands", tmp_path), {}) as contents:
        assert contents.images[0].metadata["geotiff"]["no_data"] == -9999
        (said,) = [entry.sentence for entry in contents.evidence]
        assert "band 1: stored × 0.2 + 0, in K" in said
        assert "band 0" not in said
    with read_tiff(_sample("tiff-geo-degrees", tmp_path), {}) as contents:
        (said,) = [entry.sentence for entry in contents.evidence]
        assert "30 × 20 in degrees, which are no length" in said


def _sample(name: str, folder: Path) -> Path:
    return next(sample for sample in all_samples() if sample.name == name).write(folder).path
