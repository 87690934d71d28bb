"""Pixels of an image in the one order that the shared truth states: t, c, z, y, x, little-endian."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sparc_fuse_core.model import Image


def in_tczyx(image: Image) -> np.ndarray[Any, Any]:
    pixels = np.asarray(image.pixels[(slice(None),) * len(image.axes)])
    for position, axis in enumerate("tczyx"):
        if axis not in image.axes:
            pixels = np.expand_dims(pixels, position)
    return np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("<")))


def sha256_tczyx(image: Image) -> str:
    return hashlib.sha256(in_tczyx(image).tobytes()).hexdigest()
