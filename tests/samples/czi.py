"""CZI files, written by libCZI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pylibCZIrw import czi

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(11)
_UM = dict.fromkeys("zyx", "micrometer")


def _scenes(folder: Path, compression: str) -> Truth:
    """Two scenes 50,000 empty pixels apart, the second at negative coordinates."""
    scenes = [_RNG.integers(0, 65535, (2, 2, 3, 20, 31), dtype=np.uint16) for _ in range(2)]
    path = folder / f"scènes {compression}.czi"
    with czi.create_czi(str(path), compression_options=f"{compression}:") as file:
        for scene, pixels in enumerate(scenes):
            for t, c, z in np.ndindex(2, 2, 3):
                file.write(
                    pixels[t, c, z][..., None],
                    location=(-50000 * scene, 7),
                    plane={"T": t, "C": c, "Z": z},
                    scene=scene,
                )
        file.write_metadata(
            channel_names={0: "DAPI", 1: "µ-opioid"}, scale_x=2.5e-7, scale_y=5e-7, scale_z=2e-6
        )
    scale = {"z": 2.0, "y": 0.5, "x": 0.25}
    return Truth(
        path,
        images=tuple(
            ImageTruth(pixels, "tczyx", scale, _UM, ("DAPI", "µ-opioid")) for pixels in scenes
        ),
    )


def _colour(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 255, (3, 2, 33, 40), dtype=np.uint8)  # c, z, y, x
    path = folder / "colour.czi"
    with czi.create_czi(str(path)) as file:
        for z in range(2):
            file.write(np.moveaxis(pixels[::-1, z], 0, -1).copy(), plane={"Z": z})
        file.write_metadata()
    return Truth(path, images=(ImageTruth(pixels, "czyx", {}, {}, ("R", "G", "B"), "rgb"),))


def _mosaic(folder: Path) -> Truth:
    """Three float tiles: the last overlaps the second, one corner is never imaged."""
    whole = np.zeros((1, 30, 40), np.float32)
    path = folder / "mosaic.czi"
    with czi.create_czi(str(path)) as file:
        for m, (x, y) in enumerate(((0, 0), (20, 0), (10, 15))):
            tile = _RNG.normal(size=(15, 20)).astype(np.float32)
            whole[0, y : y + 15, x : x + 20] = tile
            file.write(tile[..., None], location=(x + 100, y - 5), plane={"C": 0})
            del m
        file.write_metadata(channel_names={0: "EGFP"})
    return Truth(path, images=(ImageTruth(whole, "cyx", {}, {}, ("EGFP",)),))


def _two_types(folder: Path) -> Truth:
    """A fluorescence channel of 16 bit beside a colour channel: two images, nothing cast."""
    gray = _RNG.integers(0, 4095, (1, 12, 10), dtype=np.uint16)
    colour = _RNG.integers(0, 255, (3, 12, 10), dtype=np.uint8)
    path = folder / "types.czi"
    with czi.create_czi(str(path)) as file:
        file.write(gray[0][..., None], plane={"C": 0})
        file.write(np.moveaxis(colour[::-1], 0, -1).copy(), plane={"C": 1})
        file.write_metadata(channel_names={0: "GFP", 1: "HE"})
    return Truth(
        path,
        images=(
            ImageTruth(gray, "cyx", {}, {}, ("GFP",)),
            ImageTruth(colour, "cyx", {}, {}, ("R", "G", "B"), "rgb"),
        ),
    )


def _damaged(folder: Path, keep: float) -> Truth:
    path = _scenes(folder, "zstd1").path
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return Truth(path, error="CorruptFileError")


def _no_pixels(folder: Path) -> Truth:
    path = folder / "none.czi"
    with czi.create_czi(str(path)) as file:
        file.write_metadata()
    return Truth(path, error="EmptyFileError")


SAMPLES = [
    *(
        Sample(f"czi-scenes-{way}", "czi", lambda folder, way=way: _scenes(folder, way))
        for way in ("uncompressed", "zstd0", "zstd1")
    ),
    Sample("czi-colour", "czi", _colour),
    Sample("czi-mosaic", "czi", _mosaic),
    Sample("czi-two-pixel-types", "czi", _two_types),
    *(
        Sample(f"czi-cut-{keep}", "czi", lambda folder, keep=keep: _damaged(folder, keep))
        for keep in (0.01, 0.5, 0.9)
    ),
    Sample("czi-no-pixels", "czi", _no_pixels),
]
