"""What the tags of one page state: colours, kind, texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.palettes import Palette, palette_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tifffile

    from sparc_fuse_core.model import ImageKind

_MAX_PALETTE = 4096

#: PhotometricInterpretation → what it is called.
_PHOTOMETRIC = {
    0: "MINISWHITE",
    1: "MINISBLACK",
    2: "RGB",
    3: "PALETTE",
    4: "MASK",
    5: "SEPARATED",
    6: "YCBCR",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32803: "CFA",
    34892: "LINEAR_RAW",
}
#: Orientation: 1 is as stored, 2 to 8 are turned or mirrored (TIFF 6.0, section 8).
_MAX_ORIENTATION = 8
_ASSOCIATED = 1
JPEG = (6, 7, 34892, 33007)
ALPHA = (1, 2)
_FIRST_PRIVATE = 32768
_MAX_PRIVATE = 64
_TEXT_TAGS = ((270, "description"), (305, "software"), (306, "date_time"), (315, "artist"))


def colours_of(key: tifffile.TiffPage, series_kind: str) -> Palette | None:
    """Return the palette of indices that stand for colours; one bit, and displays of intensities, have none."""
    if kind_of(key, series_kind) != "label" or key.bitspersample == 1 or key.colormap is None:
        return None
    return palette_of(np.asarray(key.colormap).T)


def is_cmyk(key: tifffile.TiffPage) -> bool:
    """Whether separated inks are cyan, magenta, yellow and black."""
    return int(key.tags.valueof(332, 1)) == 1


def kind_of(key: tifffile.TiffPage, series_kind: str) -> ImageKind:
    """Return whether pixels are intensities or indices.

    ImageJ, OME, LSM and their like write a palette as a display table for intensities; elsewhere
    the numbers of a palette image are indices.
    """
    if key.bitspersample == 1 or int(key.photometric or 0) == 4:
        return "label"
    # the palette of an electron microscope marks the picture in colours, whose pixels are intensities
    plain = series_kind in ("generic", "uniform", "shaped") and not key.is_sem
    return "label" if int(key.photometric or 0) == 3 and plain else "intensity"


def page_metadata(key: tifffile.TiffPage) -> dict[str, Any]:
    """Return what the tags of a page say beyond its pixels."""
    facts: dict[str, Any] = {}
    photometric = int(key.photometric or 0)
    facts["photometric"] = _PHOTOMETRIC.get(photometric, str(photometric))
    if key.colormap is not None:
        facts |= _palette(np.asarray(key.colormap))
    for number, name in _TEXT_TAGS:
        text = key.tags.valueof(number)
        if isinstance(text, str) and text.strip() and len(text) < 65_536:
            facts[name] = text.strip()
    if key.is_lsm:
        # channels are stored like the samples of RGB, whatever they are
        facts.pop("photometric")
    if key.is_imagej or key.is_ome:
        # already given, parsed
        facts.pop("description", None)
    private = [tag.code for tag in key.tags if tag.code >= _FIRST_PRIVATE and not _is_known(tag)]
    if private:
        # their content is not understood, and may name persons: only that they are there is kept
        facts["private_tags"] = private[:_MAX_PRIVATE]
    resolution = [key.tags.valueof(number) for number in (282, 283)]
    if all(isinstance(value, tuple) and len(value) == 2 for value in resolution):
        facts["resolution_tag_xy"] = [[int(part) for part in value] for value in resolution]
        facts["resolution_unit_tag"] = int(key.tags.valueof(296, 2))
    orientation = key.tags.valueof(274, 1)
    if orientation != 1:
        facts["orientation"] = int(orientation)
    return facts


def page_evidence(key: tifffile.TiffPage, name: str) -> Iterator[Evidence]:
    """Say how viewers show the pixels of a page, where that is not as they are stored."""
    label = f"{name}: " if name else ""
    orientation = int(key.tags.valueof(274, 1) or 1)
    if 2 <= orientation <= _MAX_ORIENTATION:
        sentence = (
            f"{label}pixels are as stored; viewers turn or mirror them by orientation {orientation}"
        )
        yield Evidence("content", "file", sentence)
    if _ASSOCIATED in tuple(int(code) for code in key.extrasamples or ()):
        sentence = f"{label}colours are as stored: multiplied by alpha (associated alpha)"
        yield Evidence("content", "file", sentence)


def _is_known(tag: tifffile.TiffTag) -> bool:
    """Whether tifffile knows a tag by another name than its number."""
    return not tag.name.isdigit()


def _palette(table: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the colours of a palette, RRGGBB, or RRRRGGGGBBBB where 8 bits do not hold them."""
    if table.ndim != 2 or table.shape[0] != 3:
        return {}
    if table.shape[1] > _MAX_PALETTE:
        return {"palette_n_colors": int(table.shape[1])}
    colors = table.T.astype(int)
    if (colors % 257 == 0).all():
        return {"palette": ["{:02X}{:02X}{:02X}".format(*(row // 257)) for row in colors]}
    return {"palette": ["{:04X}{:04X}{:04X}".format(*row) for row in colors]}
