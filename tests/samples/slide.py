"""Aperio-like slides, written by tifffile: tiled TIFF with Aperio's description, levels, a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
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


def _vms(folder: Path) -> Truth:
    """A Hamamatsu slide: a text that names its pictures; physical size in nanometre."""
    y, x = np.mgrid[:512, :1024]
    pixels = np.stack([x % 256, y % 256, (x + y) // 6], axis=-1).astype(np.uint8)
    for name, part in (("s.jpg", pixels), ("s_map.jpg", pixels[::8, ::8])):
        picture = PIL.Image.fromarray(part)
        picture.save(folder / name, quality=98, subsampling=0, restart_marker_blocks=8)
    path = folder / "s.vms"
    lines = {
        "NoLayers": 1,
        "NoJpegColumns": 1,
        "NoJpegRows": 1,
        "ImageFile": "s.jpg",
        "MapFile": "s_map.jpg",
        "PhysicalWidth": 512_000,
        "PhysicalHeight": 128_000,
        "SourceLens": 20,
    }
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    path.write_text(f"[Virtual Microscope Specimen]\n{text}")
    with PIL.Image.open(folder / "s.jpg") as picture:
        stored = np.asarray(picture)
    scale = {"y": 0.25, "x": 0.5}
    truth = ImageTruth(
        np.moveaxis(stored, -1, 0),
        "cyx",
        scale,
        dict.fromkeys(scale, "micrometer"),
        ("R", "G", "B"),
        "rgb",
        tolerance=2,
    )
    return Truth(path, images=(truth,))


SAMPLES = [
    Sample("slide", "slide", _slide),
    Sample("slide-vms", "slide-other", _vms),
    Sample("slide-no-mpp", "slide", lambda folder: _slide(folder, mpp=False)),
    Sample("slide-cut", "slide", _cut),
    Sample("slide-plain-tiff", "slide", _plain),
    Sample("slide-lone-mrxs", "slide-other", _lone_mrxs),
]
