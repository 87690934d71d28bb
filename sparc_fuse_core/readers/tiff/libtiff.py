"""Pages that tifffile does not decode and libtiff, through Pillow, does: subsampled YCbCr, old-style JPEG.

Compressed pages only: Pillow reads uncompressed ones by itself, and subsampled ones wrongly.

libtiff gives the colours that the page shows, as R, G and B of 8 bits; a page is decoded whole, and kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from sparc_fuse_core.errors import SizeLimitError, UnsupportedFeatureError
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.pillow import any_size

if TYPE_CHECKING:
    from pathlib import Path

#: A page is decoded whole; a larger one is refused.
MAX_PAGE_BYTES = 2_000_000_000
_YCBCR = 6
_OLD_JPEG = 6
_JPEG = (6, 7, 34892, 33007)


def shows_colours(key: Any) -> bool:
    """Return whether a page is decoded here: subsampled chroma that no JPEG decoder resolves."""
    return bool(
        int(key.photometric or 0) == _YCBCR
        and key.is_subsampled
        and int(key.compression) not in _JPEG
        and key.bitspersample == 8
    )


def may_be_decoded(key: Any) -> bool:
    """Return whether it is worth to try here what tifffile could not decode: old-style JPEG in colour."""
    return bool(int(key.compression) == _OLD_JPEG and key.shaped[4] == 3 and key.bitspersample == 8)


def feature_of(key: Any) -> str:
    """Return what is special about a page that cannot be decoded, or ``""``."""
    if int(key.compression) == _OLD_JPEG:
        return "old-style JPEG compression (6)"
    if key.is_subsampled and int(key.compression) not in _JPEG:
        return "chroma subsampling outside of JPEG"
    return ""


def page_colours(path: Path, number: int, name: str, key: Any) -> np.ndarray[Any, Any]:
    """Return R, G, B of a page: shape (y, x, 3), uint8.

    Raises
    ------
    UnsupportedFeatureError
        If libtiff does not decode it either; the message names the feature.
    SizeLimitError
        If the page is larger than `MAX_PAGE_BYTES`.
    """
    n_bytes = key.imagewidth * key.imagelength * 3
    if n_bytes > MAX_PAGE_BYTES:
        message = f"{name}: page {number} of {n_bytes / 1e9:.1f} GB has to be decoded whole; save it in tiles"
        raise SizeLimitError(message)
    try:
        with any_size(), PIL.Image.open(path, formats=("TIFF",)) as picture:
            picture.seek(number)
            found = np.asarray(picture.convert("RGB"))
    except (*DAMAGE, EOFError, SyntaxError) as err:
        message = f"{name}: page {number} has {feature_of(key)}, which is not read; save it without"
        raise UnsupportedFeatureError(message) from err
    if found.shape != (key.imagelength, key.imagewidth, 3):
        message = f"{name}: page {number} has {feature_of(key)}, which is not read; save it without"
        raise UnsupportedFeatureError(message)
    return found
