"""A small picture as PNG bytes, and lines on a canvas that is light or dark as the page below it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: No thumbnail has more bytes.
MOST_BYTES = 30_000
#: Longest side in pixels; a list shows them at a third to the whole of it.
SIDE = 256
#: Height of a picture of lines.
LINES_HEIGHT = 160

#: Where noise does not fit: fewer colours first, then fewer pixels. The last one always fits: 128 x 128
#: pixels of four bits have 8,192 bytes.
_LADDER = ((SIDE, 0), (SIDE, 128), (192, 64), (SIDE // 2, 16))

#: Blue that can be read on white and on black; what is not drawn is transparent.
_INK = (66, 133, 199)


def png_of_lines(drawn: NDArray[np.bool_]) -> bytes:
    """Return a picture in which True is ink and the rest transparent; shape (rows, columns)."""
    picture = Image.fromarray(drawn.astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, *_INK])
    return _written(picture, transparency=0)


def png_of_pixels(picture: Image.Image, *, smooth: bool = True) -> bytes:
    """Return a picture of at most `MOST_BYTES` and of `SIDE` pixels at its longer side.

    Parameters
    ----------
    picture
        Of the mode ``"L"`` or ``"RGB"``.
    smooth
        Whether pixels may be averaged; those of labels may not.
    """
    data = b""
    for side, n_colours in _LADDER:
        small = _fitted(picture, side, smooth=smooth)
        if n_colours:
            small = small.quantize(n_colours, dither=Image.Dither.NONE)
        data = _written(small)
        if len(data) <= MOST_BYTES:
            break
    return data


def _fitted(picture: Image.Image, side: int, *, smooth: bool) -> Image.Image:
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    filtered = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    return picture.resize((width, height), filtered)


def _written(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, **options)
    return file.getvalue()


def band(low: NDArray[np.float64], high: NDArray[np.float64], height: int) -> NDArray[np.bool_]:
    """Return a band of ``height`` rows in which each column is filled from its least to its greatest value.

    Parameters
    ----------
    low, high
        Values of `SIDE` columns; NaN leaves a column empty.
    """
    drawn = np.zeros((height, low.size), bool)
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return drawn
    bottom, top = float(low[known].min()), float(high[known].max())
    if not np.isfinite(top - bottom):
        return drawn
    # a flat line lies in the middle
    span = (top - bottom) or 1.0
    middle = 0.5 if top == bottom else 0.0
    usable = max(1, height - 3)
    first = np.where(known, (1 - middle - (np.where(known, high, 0) - bottom) / span), 0) * usable
    last = np.where(known, (1 - middle - (np.where(known, low, 0) - bottom) / span), 0) * usable
    # neighbouring columns touch each other, as lines do
    both = known[1:] & known[:-1]
    first[1:] = np.where(both, np.minimum(first[1:], last[:-1]), first[1:])
    last[1:] = np.where(both, np.maximum(last[1:], first[:-1]), last[1:])
    rows = np.arange(height)[:, None]
    drawn[:] = (rows >= np.floor(first) + 1) & (rows <= np.floor(last) + 2) & known
    return drawn


def columns_of(
    low: NDArray[Any], high: NDArray[Any], n_columns: int = SIDE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return least and greatest value of each column; fewer values than columns are repeated."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    n = low.size
    if n < n_columns:
        at = np.arange(n_columns) * n // n_columns
        return low[at], high[at]
    edges = np.arange(n_columns) * n // n_columns
    return np.fmin.reduceat(low, edges), np.fmax.reduceat(high, edges)


def stacked(rows: list[tuple[NDArray[Any], NDArray[Any]]]) -> bytes | None:
    """Return lines one below the other, each on its own scale; None where there is nothing to draw."""
    if not rows:
        return None
    edges = np.linspace(0, LINES_HEIGHT, len(rows) + 1).astype(int)
    drawn = np.zeros((LINES_HEIGHT, SIDE), bool)
    for (low, high), top, bottom in zip(rows, edges, edges[1:], strict=False):
        drawn[top:bottom] = band(*columns_of(low, high), int(bottom - top))
    return png_of_lines(drawn)
