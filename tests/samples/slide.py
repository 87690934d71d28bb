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


def _fluorescence(folder: Path) -> Truth:
    """An Aperio scan of 16 bits: OpenSlide would make it 8."""
    pixels = _RNG.integers(0, 65535, (64, 96), dtype=np.uint16)
    path = folder / "fluorescence.svs"
    about = _ABOUT.format(w=96, h=64)
    with tifffile.TiffWriter(path) as tif:
        how = {"metadata": None, "tile": (16, 16), "contiguous": False}
        tif.write(pixels, description=about, **how)
        tif.write(pixels[::2, ::2], description=about, **how)
        label = np.zeros((20, 30, 3), np.uint8)
        tif.write(label, photometric="rgb", metadata=None, subfiletype=1, description="label 30x20")
    truth = ImageTruth(pixels, "yx", dict.fromkeys("yx", 0.2501), dict.fromkeys("yx", "micrometer"))
    return Truth(path, images=(truth,))


def _scn(folder: Path) -> Truth:
    """A Leica slide: a photograph of all of it, which is left out, and a scan of two channels."""
    pixels = _RNG.integers(0, 65535, (2, 64, 96), dtype=np.uint16)
    path = folder / "leica.scn"
    dimensions = "".join(
        f'<dimension r="0" c="{c}" sizeX="96" sizeY="64" ifd="{c + 1}"/>' for c in range(2)
    )
    about = (
        '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'
        '<collection name="c" sizeX="26564529" sizeY="76734954"><image name="whole">'
        '<pixels sizeX="24" sizeY="64"><dimension r="0" sizeX="24" sizeY="64" ifd="0"/></pixels>'
        '<view sizeX="26564529" sizeY="76734954" offsetX="0" offsetY="0"/></image><image name="scan">'
        f'<pixels sizeX="96" sizeY="64">{dimensions}</pixels>'
        '<view sizeX="48000" sizeY="16000" offsetX="0" offsetY="0"/></image></collection></scn>'
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        whole = np.zeros((64, 24, 3), np.uint8)
        tif.write(whole, description=about, metadata=None, photometric="rgb", contiguous=False)
        for plane in pixels:
            tif.write(plane, metadata=None, tile=(16, 16), contiguous=False)
    truth = ImageTruth(pixels, "cyx", {"x": 0.5, "y": 0.25}, dict.fromkeys("yx", "micrometer"))
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
    Sample("slide-fluorescence", "slide", _fluorescence),
    Sample("slide-scn", "slide-other", _scn),
    Sample("slide-vms", "slide-other", _vms),
    Sample("slide-no-mpp", "slide", lambda folder: _slide(folder, mpp=False)),
    Sample("slide-cut", "slide", _cut),
    Sample("slide-plain-tiff", "slide", _plain),
    Sample("slide-lone-mrxs", "slide-other", _lone_mrxs),
]
