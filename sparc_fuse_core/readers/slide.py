"""Whole-slide images through OpenSlide: the full resolution, by region.

Lower levels, label, macro and thumbnail are never read: a label may show a patient's name. OpenSlide
gives premultiplied ARGB, in which transparent means not scanned; where a slide has such areas, alpha is
kept as a fourth channel, so that nobody takes them for black tissue.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import openslide
import tifffile

from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane
from sparc_fuse_core.readers.tiff.pages import DECODE_ERRORS
from sparc_fuse_core.readers.tiff.reader import read as read_tiff

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
#: _Makers that scan islands of tissue.
_SPARSE = ("mirax", "leica", "ventana", "trestle")
_OVERVIEW_PIXELS = 64_000_000
_BAND_PIXELS = 4_000_000
_OPAQUE = 255
#: Hamamatsu's tag: the distance of a page's focal plane from the middle of the slide.
_Z_OFFSET = 65424
_MAX_PAGES = 1024


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
    maker = _maker_of(path)
    # OpenSlide gives colours of 8 bits, whatever is stored
    if maker is not _Maker.OTHER_PIXELS:
        try:
            slide = openslide.OpenSlide(path)
        except openslide.OpenSlideError as err:
            if maker is None:
                raise _refusal(path, err) from err
        else:
            with slide:
                yield _contents(path, slide)
            return
    with read_tiff(path, {}) as contents:
        yield _of_tiff(path, contents)


def _refusal(path: Path, err: openslide.OpenSlideError) -> Exception:
    if isinstance(err, openslide.OpenSlideUnsupportedFormatError):
        message = (
            f"{path.name}: no whole-slide image that OpenSlide knows; is it renamed or cut off?"
        )
        return UnsupportedFormatError(message)
    message = f"{path.name}: damaged slide ({err}); upload it again with all its files"
    return CorruptFileError(message)


class _Maker(Enum):
    """What a TIFF of a slide's maker holds: colours of 8 bits, or something else (fluorescence)."""

    COLOURS = "colours"
    OTHER_PIXELS = "other pixels"


def _maker_of(path: Path) -> _Maker | None:
    """Return what a TIFF of a maker that tifffile knows holds; None for all other files."""
    try:
        with tifffile.TiffFile(path) as document:
            known = document.is_svs or document.is_ndpi or document.is_scn or document.is_bif
            page: Any = document.pages.first
            colours = page.bitspersample == 8 and page.samplesperpixel >= len(RGB)
    except DECODE_ERRORS:
        return None
    if not known:
        return None
    return _Maker.COLOURS if colours else _Maker.OTHER_PIXELS


def _of_tiff(path: Path, contents: Contents) -> Contents:
    """Return the scans of a slide that was read as a TIFF."""
    images = contents.images
    if path.suffix.lower() == ".scn":
        # the photograph of the whole slide, with its label, is one of the images; it is the one in colour
        images = tuple(image for image in images if image.kind != "rgb")
    if not images:
        message = f"{path.name}: no scan that is read in this Leica slide"
        raise UnsupportedFormatError(message)
    sentence = "OpenSlide does not read this slide: it is read as the TIFF that it is"
    return Contents(
        images=tuple(replace(image, metadata=_facts(image.metadata)) for image in images),
        evidence=(*contents.evidence, Evidence("content", "file", sentence)),
    )


def _facts(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the objective of a maker's tags: descriptions name users and cases."""
    for maker in ("aperio", "hamamatsu"):
        power = (stated.get(maker) or {}).get("objective_magnification")
        if power is not None:
            return {"objective-power": str(power)}
    return {}


def _further_planes(path: Path) -> Iterator[Evidence]:
    """Say what OpenSlide does not tell: focal planes of a Hamamatsu slide but the middle one."""
    if path.suffix.lower() != ".ndpi":
        return
    try:
        with tifffile.TiffFile(path) as document:
            document.pages.useframes = False
            pages: list[Any] = list(document.pages)[:_MAX_PAGES]
            places = {page.tags.valueof(_Z_OFFSET) for page in pages}
    except DECODE_ERRORS:
        return
    n_further = len(places - {None, 0})
    if n_further:
        sentence = f"{n_further} further focal planes of the slide are left out"
        yield Evidence("content", "missing", sentence)


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
    evidence = tuple(_further_planes(path))
    if sparse:
        sentence = "areas that were not scanned are 0 in every channel, alpha included"
        evidence = (*evidence, Evidence("content", "missing", sentence))
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
