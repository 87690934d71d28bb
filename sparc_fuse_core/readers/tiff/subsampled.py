"""Uncompressed YCbCr with subsampled chroma: data units of several Y and one Cb and Cr, as R, G and B.

Source: TIFF 6.0, section 21 (data units, YCbCrCoefficients, ReferenceBlackWhite).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_LUMA = (0.299, 0.587, 0.114)
_REFERENCE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


def is_read(key: Any) -> bool:
    """Return whether the strips of a page are read here."""
    return bool(key.compression == 1 and not key.is_tiled and key.planarconfig == 1)


def strip_colours(data: bytes, key: Any, n_rows: int) -> np.ndarray[Any, Any]:
    """Return R, G, B of one strip: shape (n_rows, width, 3), uint8.

    Raises
    ------
    ValueError
        If the strip is shorter than its data units.
    """
    width = int(key.imagewidth)
    across, down = (int(part) for part in key.tags.valueof(530, (2, 2)))
    n_x, n_y = math.ceil(width / across), math.ceil(n_rows / down)
    per_unit = across * down + 2
    values = np.frombuffer(data, np.uint8, n_x * n_y * per_unit).reshape(n_y, n_x, per_unit)
    luma = values[..., :-2].reshape(n_y, n_x, down, across).transpose(0, 2, 1, 3)
    y = luma.reshape(n_y * down, n_x * across)[:n_rows, :width].astype(float)
    blue, red = (
        np.repeat(np.repeat(values[..., i], down, axis=0), across, axis=1)[:n_rows, :width]
        for i in (-2, -1)
    )
    reference = _numbers(key.tags.valueof(532), 6, _REFERENCE)
    red_luma, green_luma, blue_luma = _numbers(key.tags.valueof(529), 3, _LUMA)
    y = _full(y, reference[0:2], 255)
    cb, cr = _full(blue, reference[2:4], 127), _full(red, reference[4:6], 127)
    r = y + cr * (2 - 2 * red_luma)
    b = y + cb * (2 - 2 * blue_luma)
    g = (y - blue_luma * b - red_luma * r) / green_luma
    return np.clip(np.rint(np.stack([r, g, b], axis=-1)), 0, 255).astype(np.uint8)


def _full(
    codes: np.ndarray[Any, Any], reference: Sequence[float], span: float
) -> np.ndarray[Any, Any]:
    black, white = reference
    found: np.ndarray[Any, Any] = (codes.astype(float) - black) * span / ((white - black) or 1.0)
    return found


def _numbers(stated: Any, n: int, usual: Sequence[float]) -> tuple[float, ...]:
    """Return ``n`` numbers of a tag, which may hold them as ratios."""
    values = tuple(stated or ())
    if len(values) == 2 * n:
        values = tuple(values[i] / (values[i + 1] or 1) for i in range(0, 2 * n, 2))
    if len(values) != n or not all(math.isfinite(float(value)) for value in values):
        return tuple(usual)
    return tuple(float(value) for value in values)
