"""Whole-slide images through OpenSlide: the full resolution, by region.

Lower levels, label, macro and thumbnail are never read: a label may show a patient's name. OpenSlide
gives premultiplied ARGB, in which transparent means not scanned; where a slide has such areas, alpha is
kept as a fourth channel, so that nobody takes them for black tissue.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import openslide

from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Properties that are copied; vendors' own ones hold users, dates and case numbers.
_COPIED = (
    "openslide.vendor",
    "openslide.objective-power",
    "openslide.background-color",
    "openslide.bounds-x",
    "openslide.bounds-y",
    "openslide.bounds-width",
    "openslide.bounds-height",
)
#: Makers that scan islands of tissue.
_SPARSE = ("mirax", "leica", "ventana", "trestle")
_OVERVIEW_PIXELS = 64_000_000
_BAND_PIXELS = 4_000_000
_OPAQUE = 255


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a slide; see `sparc_fuse_core.readers.Reader`."""
    del options
    if path.suffix.lower() == ".mrxs":
        folder = path.with_suffix("")
        if not (folder / "Slidedat.ini").is_file():
            message = (
                f"{path.name}: the folder {folder.name!r} with Slidedat.ini and the data is absent; "
                "put it beside the file"
            )
            raise MissingCompanionError(message)
    try:
        slide = openslide.OpenSlide(path)
    except openslide.OpenSlideUnsupportedFormatError as err:
        message = (
            f"{path.name}: no whole-slide image that OpenSlide knows; is it renamed or cut off?"
        )
        raise UnsupportedFormatError(message) from err
    except openslide.OpenSlideError as err:
        message = f"{path.name}: damaged slide ({err}); upload it again with all its files"
        raise CorruptFileError(message) from err
    with slide:
        yield _contents(path, slide)


def _contents(path: Path, slide: openslide.OpenSlide) -> Contents:
    width, height = slide.dimensions
    sparse = _is_sparse(path, slide)
    channels = 4 if sparse else 3

    def read_plane(
        _: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        size = (of_x[1] - of_x[0], of_y[1] - of_y[0])
        pixels = _region(path, slide, (of_x[0], of_y[0]), 0, size)
        if not sparse and (pixels[..., 3] != _OPAQUE).any():
            message = (
                f"{path.name}: part of the slide has no pixels at {of_x[0]}, {of_y[0]} though its "
                "overview is complete; upload it again"
            )
            raise CorruptFileError(message)
        return pixels[..., :channels]

    scale = {}
    for axis, key in (("y", openslide.PROPERTY_NAME_MPP_Y), ("x", openslide.PROPERTY_NAME_MPP_X)):
        try:
            step_um = float(slide.properties.get(key, ""))
        except ValueError:
            continue
        if 0 < step_um < float("inf"):
            scale[axis] = step_um
    image = Image(
        "",
        by_plane("cyx", (channels, height, width), np.uint8, read_plane, samples=True),
        "cyx",
        scale,
        dict.fromkeys(scale, "micrometer"),
        "rgb",
        (*RGB, "alpha")[:channels],
        (*RGB_COLORS, "FFFFFF")[:channels],
        metadata={
            key.removeprefix("openslide."): slide.properties[key]
            for key in _COPIED
            if key in slide.properties
        },
    )
    evidence: tuple[Evidence, ...] = ()
    if sparse:
        sentence = "areas that were not scanned are 0 in every channel, alpha included"
        evidence = (Evidence("content", "missing", sentence),)
    return Contents(images=(image,), evidence=evidence)


def _is_sparse(path: Path, slide: openslide.OpenSlide) -> bool:
    """Tell whether parts may not have been scanned, from the smallest level."""
    if slide.properties.get(openslide.PROPERTY_NAME_VENDOR) in _SPARSE:
        return True
    level = slide.level_count - 1
    width, height = slide.level_dimensions[level]
    if width * height > _OVERVIEW_PIXELS:
        return True
    rows = max(1, _BAND_PIXELS // width)
    factor = slide.level_downsamples[level]
    for top in range(0, height, rows):
        # regions are placed in pixels of the full resolution
        place = (0, int(top * factor))
        pixels = _region(path, slide, place, level, (width, min(rows, height - top)))
        if (pixels[..., 3] != _OPAQUE).any():
            return True
    return False


def _region(
    path: Path,
    slide: openslide.OpenSlide,
    place: tuple[int, int],
    level: int,
    size: tuple[int, int],
) -> np.ndarray[Any, Any]:
    """Return (y, x, RGBA), not premultiplied."""
    try:
        return np.asarray(slide.read_region(place, level, size))
    except openslide.OpenSlideError as err:
        message = f"{path.name}: pixels at {place} cannot be decoded ({err}); upload it again"
        raise CorruptFileError(message) from err
