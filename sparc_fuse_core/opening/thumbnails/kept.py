"""Arrays, tables, meshes and outlines as a small picture: the numbers that come first, or the points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sparc_fuse_core.opening.thumbnails.canvas import (
    LINES_HEIGHT,
    SIDE,
    png_of_lines,
    png_of_pixels,
    stacked,
)
from sparc_fuse_core.opening.thumbnails.reading import is_cheap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import zarr
    from numpy.typing import NDArray

_MOST_ROWS = 6
_MOST_VALUES = 500_000
_MOST_ARRAYS = 50
_MOST_SHAPES = 200
_MOST_POINTS = 20_000
_BOX = "box_left_top_right_bottom"


def arrays_thumbnail(root: zarr.Group) -> bytes | None:
    """Draw the first plane of numbers in grey, else the first columns as lines; None without numbers."""
    rows: list[tuple[Any, Any]] = []
    for n, array in enumerate(_arrays(root)):
        values = _beginning(array) if n < _MOST_ARRAYS else None
        if n >= _MOST_ARRAYS or len(rows) >= _MOST_ROWS:
            break
        if values is None:
            continue
        if values.ndim == 2 and min(values.shape) > _MOST_ROWS:
            if not rows:
                return png_of_pixels(_grey(values))
            continue
        lines = np.atleast_2d(values if values.ndim == 1 or len(values) <= _MOST_ROWS else values.T)
        rows += [(line, line) for line in lines]
    return stacked(rows[:_MOST_ROWS])


def _arrays(group: zarr.Group) -> Iterator[Any]:
    for _, array in sorted(group.arrays()):
        yield array
    for _, inner in sorted(group.groups()):
        yield from _arrays(inner)


def _beginning(array: Any) -> NDArray[np.float64] | None:
    """Return the beginning of an array of numbers, of many axes its first plane; None of anything else."""
    if array.dtype.kind not in "biufc" or math.prod(array.shape) < 2:
        return None
    at: list[Any] = [0] * max(0, array.ndim - 2)
    last = array.shape[-2:]
    n_rows = max(1, min(last[0], _MOST_VALUES // max(1, math.prod(last[1:]))))
    at.append(slice(0, n_rows))
    part = (*(1 for _ in at[:-1]), n_rows, *last[1:])
    if not is_cheap(array, part):
        return None
    values = np.asarray(array[tuple(at)])
    values = np.abs(values) if values.dtype.kind == "c" else values.astype(np.float64)
    values = np.squeeze(values.astype(np.float64))
    return values if values.ndim in (1, 2) and np.isfinite(values).any() else None


def _grey(values: NDArray[np.float64]) -> Image.Image:
    known = values[np.isfinite(values)]
    low, high = (float(np.percentile(known, share)) for share in (0.5, 99.5))
    span = high - low if 0 < high - low < np.inf else 1.0
    shown = np.clip((np.nan_to_num(values) - low) / span, 0, 1)
    step = max(1, max(values.shape) // (8 * SIDE))
    return Image.fromarray(np.round(shown[::step, ::step] * 255).astype(np.uint8), "L")


def shapes_thumbnail(root: zarr.Group) -> bytes | None:
    """Draw points and boxes as seen along z; regions of an image with y downwards, as it has them."""
    points: list[NDArray[np.float64]] = []
    n_left = _MOST_POINTS
    downwards = False
    for n, (_, group) in enumerate(sorted(root.groups())):
        if n >= _MOST_SHAPES or n_left <= 0:
            break
        downwards = downwards or group.attrs.get("kind") == "roi"
        for name, array in sorted(group.arrays()):
            found = _points(name, array, n_left)
            if found is not None:
                points.append(found)
                n_left -= len(found)
    if not points:
        return None
    return png_of_lines(_seen(np.concatenate(points), downwards=downwards))


def _points(name: str, array: Any, most: int) -> NDArray[np.float64] | None:
    if array.ndim != 2 or array.dtype.kind not in "iuf" or not array.shape[0]:
        return None
    if array.shape[1] not in (2, 3, 4) or name in ("normals", "position_channel_slice_frame"):
        return None
    if (array.shape[1] == 4) != (name == _BOX) or not is_cheap(array, array.shape):
        return None
    values = np.asarray(array[:], np.float64)
    if name == _BOX:
        left, top, right, bottom = values[:_MOST_SHAPES].T
        along = np.linspace(0, 1, 64)[:, None]
        across, down = left + along * (right - left), top + along * (bottom - top)
        sides = [(across, top + 0 * across), (across, bottom + 0 * across)]
        sides += [(left + 0 * down, down), (right + 0 * down, down)]
        values = np.concatenate([np.stack([x.ravel(), y.ravel()], 1) for x, y in sides])
    elif name in ("faces", "lines", "triangles") or array.dtype.kind != "f":
        return values[:0] if values.shape[1] == 3 else values[:: max(1, len(values) // most), :2]
    return values[:: max(1, -(-len(values) // most)), :2]


def _seen(points: NDArray[np.float64], *, downwards: bool) -> NDArray[np.bool_]:
    """Return points (n, 2) on a canvas, both axes on one scale."""
    drawn = np.zeros((LINES_HEIGHT, SIDE), bool)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return drawn
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([SIDE - 9, LINES_HEIGHT - 9])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = np.min(np.where(high > low, room / (high - low), np.inf))
    scale = float(scale) if np.isfinite(scale) else 1.0
    margin = (np.array([SIDE, LINES_HEIGHT]) - (high - low) * scale) / 2
    at = np.clip(np.nan_to_num((points - low) * scale + margin), 1, [SIDE - 2, LINES_HEIGHT - 2])
    x, y = at.astype(int).T
    y = y if downwards else LINES_HEIGHT - 1 - y
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        drawn[np.minimum(y + dy, LINES_HEIGHT - 1), np.minimum(x + dx, SIDE - 1)] = True
    return drawn
