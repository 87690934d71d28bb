"""Datetimes and durations of MATLAB as nodes of `tree`: in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparc_fuse_core.readers.shared.tree import (
    Cells,
    Left,
    Node,
    Numeric,
    Text,
)

_NS_PER_S = 1e9


def instants(array: np.ndarray[Any, Any]) -> Node:
    """Return datetimes as seconds from the first one."""
    if not array.size:
        return Cells((0, 0), (), "datetime")
    stamps = array.astype("datetime64[ns]")
    flat = stamps.reshape(-1, order="F")
    if np.isnat(flat).any():
        lines = ("" if np.isnat(one) else str(one) for one in flat)
        return Text(tuple(lines))
    seconds = (stamps - flat[0]).astype(np.int64) / _NS_PER_S
    return Numeric(seconds.T, "datetime", "s", 1 / _NS_PER_S, str(flat[0]))


def durations(array: np.ndarray[Any, Any]) -> Node:
    """Return durations in seconds (a year is MATLAB's: 365.2425 days)."""
    ticks = array.astype(np.int64).astype(np.float64)
    unit = np.datetime_data(array.dtype)[0]
    seconds_of = {"Y": 365.2425 * 86400, "D": 86400, "h": 3600, "m": 60, "s": 1}
    per_second = {"ms": 1e3, "us": 1e6, "ns": 1e9}
    if unit not in seconds_of and unit not in per_second:
        return Left(f"durations in {unit!r}", array.shape)
    seconds = ticks * seconds_of[unit] if unit in seconds_of else ticks / per_second[unit]
    return Numeric(np.where(np.isnat(array), np.nan, seconds).T, "duration", "s", 1 / _NS_PER_S)
