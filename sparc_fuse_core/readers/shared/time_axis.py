"""A column of times: whether it is a clock of one rate, and from when.

A time axis is checked block by block, so that its length costs no memory. A rate is stated only where
every value agrees with it to the precision of the values themselves; otherwise the times are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.readers.shared import units

if TYPE_CHECKING:
    from sparc_fuse_core.model import Blocks

#: Seconds of one unit; a unit that is not here is not converted.
SECONDS: dict[str, float] = {short: float(seconds) for short, seconds in units.SECONDS.items()}

_BLOCK = 1 << 20
#: Rounding errors that adding up steps leaves, in units of the last place of the largest time.
_ULPS = 16


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """What a column of times amounts to.

    Attributes
    ----------
    rate_hz
        Samples per second, if one rate describes all values and their unit is known.
    start_s
        First time, in seconds; 0 where `times` are given.
    times
        Shape (n_samples,): the times themselves, where no rate describes them.
    units
        ``"s"``, or ``""`` if the unit is not known.
    """

    rate_hz: float | None
    start_s: float
    times: Blocks | None
    units: str


def as_vector(rows: Blocks) -> Blocks:
    """View an array with one axis longer than 1 as shape (n,); values stay where they are."""
    shape = tuple(rows.shape)
    long = [i for i, length in enumerate(shape) if length != 1]
    if len(long) > 1:
        message = f"shape {shape} is no vector"
        raise ValueError(message)
    if len(shape) == 1:
        return rows
    axis = long[0] if long else 0

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        key = tuple(slice(*bounds[0]) if i == axis else slice(0, 1) for i in range(len(shape)))
        return np.asarray(rows[key]).reshape(-1)

    return FunctionBlocks((shape[axis],), rows.dtype, read)


def is_increasing(times: Blocks) -> bool:
    """Whether every time is finite and none is before the one before it; all equal is not time."""
    last = -math.inf
    first = math.nan
    for start in range(0, times.shape[0], _BLOCK):
        block = np.asarray(times[(slice(start, start + _BLOCK),)], dtype=np.float64)
        if not np.isfinite(block).all() or block[0] < last or (np.diff(block) < 0).any():
            return False
        first = block[0] if start == 0 else first
        last = float(block[-1])
    return times.shape[0] > 0 and (times.shape[0] == 1 or last > first)


def describe_times(times: Blocks, unit: str, resolution_s: float = 0.0) -> TimeAxis:
    """Turn a column of increasing times into a rate and a start, or keep it as it is.

    Parameters
    ----------
    times
        Shape (n_samples,), increasing.
    unit
        A key of `SECONDS`, or ``""`` if unknown.
    resolution_s
        Step of the clock that the times were rounded to, where it is coarser than their type.
    """
    if unit not in SECONDS:
        return TimeAxis(None, 0.0, times, "")
    factor = SECONDS[unit]
    n_samples = times.shape[0]
    first, last = (
        float(np.asarray(times[(slice(i, i + 1),)], dtype=np.float64)[0]) * factor
        for i in (0, n_samples - 1)
    )
    kind = np.dtype(times.dtype)
    ulp = float(np.finfo(kind).eps) if kind.kind == "f" else float(np.finfo(np.float64).eps)
    tolerance_s = max(_ULPS * ulp * max(abs(first), abs(last)), 1.01 * resolution_s)
    if n_samples > 1 and last > first:
        exact = (n_samples - 1) / (last - first)
        for digits in (6, 9, 12, 17):
            rate_hz = float(f"{exact:.{digits}g}")
            # a clock that is as coarse as a tenth of a step cannot tell one rate from another
            if tolerance_s * rate_hz < 0.1 and _fits(times, factor, rate_hz, first, tolerance_s):
                return TimeAxis(rate_hz, first, None, "s")
    return TimeAxis(None, 0.0, times if factor == 1.0 else scaled(times, factor), "s")


def _fits(times: Blocks, factor: float, rate_hz: float, first_s: float, tolerance_s: float) -> bool:
    for start in range(0, times.shape[0], _BLOCK):
        block = np.asarray(times[(slice(start, start + _BLOCK),)], dtype=np.float64) * factor
        ideal = first_s + np.arange(start, start + len(block)) / rate_hz
        if np.abs(block - ideal).max(initial=0.0) > tolerance_s:
            return False
    return True


def scaled(blocks: Blocks, factor: float, offset: float = 0.0) -> FunctionBlocks:
    """Blocks × factor + offset, as float64."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = np.asarray(blocks[tuple(slice(*pair) for pair in bounds)], dtype=np.float64)
        return block * factor + offset

    return FunctionBlocks(tuple(blocks.shape), np.dtype(np.float64), read)
