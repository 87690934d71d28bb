"""Clock times and dates in cells, as exact nanoseconds."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Stands for a time that cannot be read.
NO_TIME = np.iinfo(np.int64).min

_DAY_NS = 86_400 * 10**9
_CLOCK = r"(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:[.,:](\d{1,9}))?)?"
_TIME_OF_DAY = re.compile(rf"{_CLOCK}\s*([AaPp]\.?[Mm]\.?)?")
_DATE_AND_TIME = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)(?:[T ]{_CLOCK})?\s*(Z|[+-]\d\d:?\d\d)?")


def nanoseconds_of(cells: Iterable[str], kind: str) -> tuple[np.ndarray[Any, Any], int]:
    """Return the time of each cell in ns, and how many digits of a second are written at most.

    Parameters
    ----------
    cells
        E.g. ``"10:15:30.250 AM"``.
    kind
        ``"clock"``: time of day, ns since midnight; ``"datetime"``: ISO 8601, ns since 1970.

    Returns
    -------
    times, n_digits
        int64; `NO_TIME` where a cell is no time.
    """
    read = _clock_ns if kind == "clock" else _datetime_ns
    found = [read(cell.strip()) for cell in cells]
    times = np.array([ns for ns, _ in found], np.int64)
    return times, max((digits for _, digits in found), default=0)


def is_clock(cell: str) -> bool:
    """Whether a cell is a time of day with seconds."""
    return cell.count(":") >= 2 and _clock_ns(cell.strip())[0] != NO_TIME


def is_datetime(cell: str) -> bool:
    """Whether a cell is a date with time as in ISO 8601."""
    return ":" in cell and _datetime_ns(cell.strip())[0] != NO_TIME


def unwrapped(
    times: np.ndarray[Any, Any], last: int | None
) -> tuple[np.ndarray[Any, Any], int | None]:
    """Let a clock run on past midnight: a step back by more than half a day is the next day.

    ``last`` is the unwrapped time before the first; returned is the unwrapped array and its last time.
    """
    if not len(times):
        return times, last
    before = np.concatenate([[times[0] if last is None else last % _DAY_NS], times[:-1]])
    days = np.cumsum(times - before < -_DAY_NS // 2)
    if last is not None:
        days = days + last // _DAY_NS
    out = times + days * _DAY_NS
    return out, int(out[-1])


def _seconds_ns(seconds: str | None, fraction: str | None) -> int:
    return int(seconds or 0) * 10**9 + int((fraction or "0").ljust(9, "0"))


def _clock_ns(cell: str) -> tuple[int, int]:
    match = _TIME_OF_DAY.fullmatch(cell)
    if match is None:
        return NO_TIME, 0
    hour, minute, second, fraction, half = match.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return NO_TIME, 0
        hours = hours % 12 + (12 if half[0] in "Pp" else 0)
    if hours > 23:
        return NO_TIME, 0
    ns = (hours * 60 + int(minute)) * 60 * 10**9 + _seconds_ns(second, fraction)
    return ns, len(fraction or "")


def _datetime_ns(cell: str) -> tuple[int, int]:
    match = _DATE_AND_TIME.fullmatch(cell)
    if match is None:
        return NO_TIME, 0
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        days = dt.date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return NO_TIME, 0
    minutes = int(hour or 0) * 60 + int(minute or 0)
    if zone and zone != "Z":
        ahead = int(zone[1:3]) * 60 + int(zone[-2:])
        minutes -= ahead if zone[0] == "+" else -ahead
    since_1970 = days - dt.date(1970, 1, 1).toordinal()
    ns = (since_1970 * 1440 + minutes) * 60 * 10**9 + _seconds_ns(second, fraction)
    return ns, len(fraction or "")
