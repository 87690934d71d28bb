"""A recording as a small picture: its first channels from the overview, one below the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.opening.thumbnails.canvas import LINES_HEIGHT, SIDE, png_of_lines, stacked
from sparc_fuse_core.opening.thumbnails.reading import array_at, is_cheap

if TYPE_CHECKING:
    import zarr

_MOST_ROWS = 8
_MOST_SWEEPS = 20
_MOST_EVENTS = 4000


def recording_thumbnail(root: zarr.Group) -> bytes | None:
    """Draw up to eight channels, the main stream's first; events alone as ticks."""
    streams = json.loads(str(root.attrs.get("streams", "[]")))
    rows: list[tuple[Any, Any]] = []
    for stream in streams:
        rows += _rows(root, stream, _MOST_ROWS - len(rows))
        if len(rows) >= _MOST_ROWS:
            break
    return stacked(rows) if rows else _ticks(root)


def _rows(root: zarr.Group, stream: dict[str, Any], most: int) -> list[tuple[Any, Any]]:
    """Return (least, greatest) values along time of a stream's first channels."""
    signals = array_at(root, stream["signals"])
    if signals is None or 0 in signals.shape:
        return []
    sign = -1.0 if float(signals.attrs.get("scale_factor", 1.0)) < 0 else 1.0
    n_rows = min(most, signals.shape[0])
    factors = stream.get("overview_factors") or ()
    if factors:
        front = f"{stream['group']}/" if stream["group"] else ""
        level = f"{front}overview/{max(factors)}"
        least, greatest = (
            array_at(root, f"{level}/{name}")
            for name in (("minimum", "maximum") if sign > 0 else ("maximum", "minimum"))
        )
        if least is None or greatest is None:
            return []
        low, high = np.asarray(least[:n_rows], float), np.asarray(greatest[:n_rows], float)
    elif not is_cheap(signals, (n_rows, *signals.shape[1:])):
        return []
    elif signals.ndim == 3:
        values = np.asarray(signals[:n_rows, :_MOST_SWEEPS], float)
        low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    else:
        low = high = np.asarray(signals[:n_rows], float)
    # of a negative scale the greatest stored integer is the least value
    low, high = (low, high) if sign > 0 else (-high, -low)
    return list(zip(low, high, strict=True))


def _ticks(root: zarr.Group) -> bytes | None:
    """Draw the times of events."""
    times = array_at(root, "event_time_s")
    if times is None or times.ndim != 1 or not times.shape[0]:
        return None
    values = np.asarray(times[:_MOST_EVENTS], float)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    span = float(values.max() - values.min()) or 1.0
    drawn = np.zeros((LINES_HEIGHT, SIDE), bool)
    at = ((values - values.min()) / span * (SIDE - 1)).astype(int)
    drawn[LINES_HEIGHT // 4 : 3 * LINES_HEIGHT // 4, at] = True
    return png_of_lines(drawn)
