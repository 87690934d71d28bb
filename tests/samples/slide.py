"""Aperio-like slides, written by tifffile: tiled TIFF with Aperio's description, levels, a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(14)
_ABOUT = (
    "Aperio Image Library v11.0.37\r\n{w}x{h} (256x256)|AppMag = 20|MPP = 0.2501|User = Jane Doe"
)


def _slide(folder: Path, *, mpp: bool = True) -> Truth:
    pixels = _RNG.integers(0, 255, (300, 500, 3), dtype=np.uint8)
    path = folder / "tissue.svs"
    about = _ABOUT.format(w=500, h=300)
    if not mpp:
        about = about.replace("|MPP = 0.2501", "")
    with tifffile.TiffWriter(path) as tif:
        how = {"photometric": "rgb", "metadata": None, "tile": (256, 256)}
        tif.write(pixels, description=about, **how)
        tif.write(np.full((60, 100, 3), 200, np.uint8), photometric="rgb", metadata=None)
        tif.write(pixels[::2, ::2], description=about, **how)
        label = np.zeros((20, 30, 3), np.uint8)
        tif.write(
            label,
            photometric="rgb",
            metadata=None,
            subfiletype=1,
            description="Aperio Image Library v11.0.37\r\nlabel 30x20",
        )
    scale = {"y": 0.2501, "x": 0.2501} if mpp else {}
    truth = ImageTruth(
        np.moveaxis(pixels, -1, 0),
        "cyx",
        scale,
        dict.fromkeys(scale, "micrometer"),
        ("R", "G", "B"),
        "rgb",
    )
    return Truth(path, images=(truth,))


def _cut(folder: Path) -> Truth:
    path = _slide(folder).path
    path.write_bytes(path.read_bytes()[:100])
    return Truth(path, error="UnsupportedFormatError")


def _plain(folder: Path) -> Truth:
    """A TIFF photograph named as a slide."""
    path = folder / "photo.svs"
    tifffile.imwrite(path, np.zeros((5, 5, 3), np.uint8), photometric="rgb")
    return Truth(path, error="UnsupportedFormatError")


def _lone_mrxs(folder: Path) -> Truth:
    path = folder / "slide.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return Truth(path, error="MissingCompanionError", error_says="Slidedat.ini")


SAMPLES = [
    Sample("slide", "slide", _slide),
    Sample("slide-no-mpp", "slide", lambda folder: _slide(folder, mpp=False)),
    Sample("slide-cut", "slide", _cut),
    Sample("slide-plain-tiff", "slide", _plain),
    Sample("slide-lone-mrxs", "slide-other", _lone_mrxs),
]
