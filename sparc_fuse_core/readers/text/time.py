"""The time column of a table: one rate where the printed numbers allow it, else times as they stand.

Printed times are rounded. A rate describes them if every one lies where the rate puts it, within the
last digit printed; a step that is itself a decimal number (0.01 s) is tried before rates are. The rate
follows from the values, so it is said to be inferred, with the largest deviation found.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.readers.shared.units import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sparc_fuse_core.model import Blocks

_BLOCK = 1 << 18
#: So many rows are no coincidence; fewer must be this near to the grid, in steps.
_MANY, _FINE = 20, 0.02
#: Rounding of binary floating point, in units of the last place.
_ULPS = 4
_MANTISSA = re.compile(r"[+-]?0*(\d*)[.,]?(\d*)(?:[eE]([+-]?\d+))?")


@dataclass(frozen=True, slots=True)
class Printed:
    """How finely numbers are printed.

    Attributes
    ----------
    n_decimals
        Digits after the decimal mark, at most.
    n_digits
        Significant digits, at most.
    """

    n_decimals: int
    n_digits: int

    def resolution(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the worth of the last digit printed of each value."""
        with np.errstate(divide="ignore"):
            magnitude = np.floor(np.log10(np.abs(values)))
        by_digits = 10.0 ** (np.where(np.isfinite(magnitude), magnitude, -300) + 1 - self.n_digits)
        ulps = _ULPS * np.spacing(np.abs(values))
        coarsest: np.ndarray[Any, Any] = np.maximum(
            np.maximum(by_digits, 10.0**-self.n_decimals), ulps
        )
        return coarsest


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """What a column of times amounts to.

    Attributes
    ----------
    rate_hz, start_s
        If one rate describes all times and their unit is known.
    times
        Shape (n_samples,), otherwise: in seconds, or in the file's own unit where it is not stated.
    units
        ``"s"`` or ``""``.
    jitter_s
        Largest distance between a printed time and where the rate puts it.
    goes_back
        How often a time is before the one above it.
    """

    rate_hz: float | None
    start_s: float
    times: Blocks | None
    units: str
    jitter_s: float = 0.0
    goes_back: int = 0


def printed(cells: Iterable[str]) -> Printed:
    """Return how finely the numbers in ``cells`` are printed."""
    n_decimals = n_digits = 0
    for cell in cells:
        match = _MANTISSA.fullmatch(cell.strip())
        if match is None:
            continue
        whole, fraction, exponent = match.groups()
        n_decimals = max(n_decimals, len(fraction) - int(exponent or 0))
        digits = (whole + fraction).lstrip("0")
        # zeros at the end of a whole number say nothing about its precision
        n_digits = max(n_digits, len(digits) if fraction else len(digits.rstrip("0")))
    return Printed(max(n_decimals, 0), max(n_digits, 1))


def seconds(blocks: Blocks, unit: Fraction, minus: int = 0) -> FunctionBlocks:
    """Blocks of shape (n,) in seconds: exact where the result has an exact float."""
    return FunctionBlocks(
        tuple(blocks.shape),
        np.dtype(np.float64),
        lambda bounds: _in_seconds(blocks[(slice(*bounds[0]),)], unit, minus),
    )


def _in_seconds(
    values: np.ndarray[Any, Any], unit: Fraction, minus: int = 0
) -> np.ndarray[Any, Any]:
    shifted = values - minus if minus else values
    # dividing by 1000 is correctly rounded, multiplying with 0.001 is not
    return np.asarray(shifted * float(unit.numerator) / float(unit.denominator))


def time_axis(
    column: Blocks, unit: Fraction | None, fineness: Printed, *, hint_hz: float | None = None
) -> TimeAxis:
    """Turn a column of times into a rate and a start, or keep it.

    Parameters
    ----------
    column
        Shape (n_samples,), finite, as printed.
    unit
        Seconds in one unit; None if it is not stated: then no rate is made of it.
    fineness
        How the column is printed.
    hint_hz
        A rate stated elsewhere, tried first.
    """
    n_samples = column.shape[0]
    first = _value(column, 0)
    goes_back = _count_steps_back(column)
    if unit is None:
        return TimeAxis(None, 0.0, seconds(column, Fraction(1)), "", goes_back=goes_back)
    if n_samples > 1 and not goes_back:
        for step in _candidate_steps(column, unit, fineness, hint_hz):
            jitter = _largest_deviation(column, first, step, fineness)
            # a few rows that are printed coarsely are near many a grid
            is_few = n_samples < _MANY and (jitter or 0.0) > _FINE * float(step)
            if jitter is not None and not is_few:
                rate_hz = float(1 / (step * unit))
                start_s = float(_in_seconds(np.array(first), unit))
                return TimeAxis(rate_hz, start_s, None, "s", jitter * float(unit))
    return TimeAxis(None, 0.0, seconds(column, unit), "s", goes_back=goes_back)


def _value(column: Blocks, i: int) -> float:
    return float(column[(slice(i, i + 1),)][0])


def _candidate_steps(
    column: Blocks, unit: Fraction, fineness: Printed, hint_hz: float | None
) -> list[Fraction]:
    """Return steps worth trying, in the column's unit, the most trusted first."""
    n_samples = column.shape[0]
    found = [1 / (Fraction(str(hint_hz)) * unit)] if hint_hz else []
    head = np.asarray(column[(slice(0, 100_001),)], np.float64)
    median = round(float(np.median(np.diff(head))), fineness.n_decimals)
    if median > 0:
        found.append(Fraction(f"{median:.{fineness.n_decimals}f}"))
    span = Fraction(_value(column, n_samples - 1)) - Fraction(_value(column, 0))
    if span > 0:
        mean = span / (n_samples - 1)
        coarsest = float(fineness.resolution(np.array(_value(column, n_samples - 1))))
        # a clock that does not tell one row from the next does not tell their rate either
        if coarsest < mean:
            rate_hz = float(1 / (mean * unit))
            for digits in (3, 6, 9, 12, 17):
                rounded = Fraction(f"{rate_hz:.{digits}g}")
                if rounded > 0:
                    found.append(1 / (rounded * unit))
    return found


def _largest_deviation(
    column: Blocks, first: float, step: Fraction, fineness: Printed
) -> float | None:
    """Return how far times are from ``first + i * step``; None if further than they are printed."""
    largest = 0.0
    for start in range(0, column.shape[0], _BLOCK):
        values = np.asarray(column[(slice(start, start + _BLOCK),)], np.float64)
        rows = np.arange(start, start + len(values), dtype=np.float64)
        ideal = first + rows * float(step.numerator) / float(step.denominator)
        deviation = np.abs(values - ideal)
        far = deviation > 10.0**-fineness.n_decimals
        if (deviation[far] > 1.001 * fineness.resolution(ideal[far])).any():
            return None
        largest = max(largest, float(deviation.max(initial=0.0)))
    return largest


def _count_steps_back(column: Blocks) -> int:
    last = -math.inf
    n_back = 0
    for start in range(0, column.shape[0], _BLOCK):
        values = np.asarray(column[(slice(start, start + _BLOCK),)])
        n_back += int(values[0] < last) + int((values[1:] < values[:-1]).sum())
        last = float(values[-1])
    return n_back


def unit_named(name: str) -> Fraction | None:
    """Return the seconds in a unit, or in a part of a second (``s/256``), or None for ``""``."""
    if not name:
        return None
    return Fraction(1, int(name[2:])) if name.startswith("s/") else SECONDS[name]
