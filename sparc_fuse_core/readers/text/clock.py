"""Clock times and dates in cells, as exact nanoseconds.

Read are clock times (``10:15:30.250 AM``, elapsed ``25:04:59``, ``3:07.5`` for minutes and seconds), durations
(``0.004 sec``) and dates with a time of day, year first, day first, month first or with the month's name.
Whether ``03/04/2021`` begins with the day or the month is decided by the column (`order_of`) or stays open:
then its date is not used.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Stands for a time that cannot be read.
NO_TIME = np.iinfo(np.int64).min

#: Which of the first two numbers of a date is the day; ``""`` if nothing says it. ``"ymd"`` is for years of two
#: digits only.
DateOrder = Literal["dmy", "mdy", "ymd", ""]

_ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy", "ymd")

_DAY_NS = 86_400 * 10**9
_DAYS_TO_1970 = dt.date(1970, 1, 1).toordinal()
#: After a third colon three digits or more are a fraction; two are the frames of a timecode, of no known rate.
_FRACTION = r"(?:(?:[.,]|:(?=\d{3}))(\d{1,9}))?"
_CLOCK = rf"(?:(\d+) days? ?)?(\d{{1,4}}):([0-5]\d)(?::([0-5]\d){_FRACTION})?"
_TIME_OF_DAY = re.compile(rf"{_CLOCK}\s*([AaPp]\.?[Mm]\.?)?")
_SHORT = re.compile(r"(\d{1,3}):([0-5]\d)")
_MINUTES = re.compile(r"(\d{1,4}):([0-5]\d)[.,](\d{1,9})")
#: As MATLAB writes a duration: ``0.004 sec``, ``1.5 min``; of more digits none is exact in ns.
_DURATION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))? (sec|min|hr|days?)")
_DURATION_UNITS = {"sec": (1, 0), "min": (60, 2), "hr": (3600, 4), "day": (86400, 5)}
_IN_DATE = rf"(\d{{1,2}}):([0-5]\d)(?::([0-5]\d){_FRACTION})?\s*([AaPp]\.?[Mm]\.?)?"
_ZONE = r"\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_BETWEEN = r"(?:\s*[T,_]\s*|\s+)"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"([A-Za-z]{3,9})\.?"
#: Begins with the day or with the month.
_OPEN_DATE = re.compile(
    rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d\d)(?:{_BETWEEN}{_IN_DATE})?{_ZONE}"
)
_DATES = (
    (
        "ymd",
        re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}})(?:{_BETWEEN}{_IN_DATE})?{_ZONE}"),
    ),
    ("ymd", re.compile(rf"(\d{{4}})()(\d\d)(\d\d){_BETWEEN}{_IN_DATE}{_ZONE}")),
    ("?", _OPEN_DATE),
    (
        "dMy",
        re.compile(rf"(\d{{1,2}})([- ]){_MONTH}[- ](\d{{4}}|\d\d)(?:{_BETWEEN}{_IN_DATE})?{_ZONE}"),
    ),
    ("Mdy", re.compile(rf"{_MONTH}( )(\d{{1,2}}),? (\d{{4}})(?:{_BETWEEN}{_IN_DATE})?{_ZONE}")),
)
#: Blanks and quotes around a cell.
_AROUND = " \t'"


def nanoseconds_of(
    cells: Iterable[str], kind: str, order: DateOrder = ""
) -> tuple[np.ndarray[Any, Any], int]:
    """Return the time of each cell in ns, and how many digits of a second are written at most.

    Parameters
    ----------
    cells
        E.g. ``"10:15:30.250 AM"``.
    kind
        ``"clock"``, ``"time of day"``: ns since midnight or since the start; ``"minutes"``: the same of minutes
        and seconds (``1:05``); ``"datetime"``: ns since 1970,
        in UTC where a zone is stated.
    order
        Of day and month where both are numbers and come before the year.

    Returns
    -------
    times, n_digits
        int64; `NO_TIME` where a cell is no time.
    """
    if kind == "minutes":
        found = [_minutes_ns(cell.strip(_AROUND)) for cell in cells]
    elif kind == "datetime":
        found = [_datetime_ns(cell.strip(_AROUND), order) for cell in cells]
    else:
        found = [_clock_ns(cell.strip(_AROUND)) for cell in cells]
    times = np.array([ns for ns, _ in found], np.int64)
    return times, max((digits for _, digits in found), default=0)


def is_clock(cell: str) -> bool:
    """Whether a cell is a clock time with seconds."""
    if ":" not in cell:
        return is_duration(cell)
    stripped = cell.strip(_AROUND)
    is_whole = stripped.count(":") >= 2 or _MINUTES.fullmatch(stripped) is not None
    return is_whole and _clock_ns(stripped)[0] != NO_TIME


def is_short(cell: str) -> bool:
    """Whether a cell is two numbers of a clock (``1:05``): hours and minutes, or minutes and seconds."""
    return _SHORT.fullmatch(cell.strip(_AROUND)) is not None


def short_named(text: str) -> Literal["", "clock", "minutes"]:
    """Return what a header says that such two numbers are: ``Time (hh:mm)``, ``Time [m:ss]``."""
    if re.search(r"(?i)\bm{1,2}:ss\b|\bmin:s(?:ec)?\b", text):
        return "minutes"
    return "clock" if re.search(r"(?i)\bh{1,2}:m{1,2}\b(?!:)", text) else ""


def is_duration(cell: str) -> bool:
    """Whether a cell is a duration as MATLAB writes it (``0.004 sec``), which is no time of day."""
    return cell.endswith(("sec", "min", "hr", "day", "days")) and (
        _DURATION.fullmatch(cell.strip(_AROUND)) is not None
    )


def is_datetime(cell: str) -> bool:
    """Whether a cell is a date with a time of day."""
    return ":" in cell and _is_date(cell)


def is_date(cell: str) -> bool:
    """Whether a cell is a date without a time of day."""
    return ":" not in cell and _is_date(cell)


def _is_date(cell: str) -> bool:
    stripped = cell.strip(_AROUND)
    return any(_datetime_ns(stripped, order)[0] != NO_TIME for order in _ORDERS)


def order_of(cells: Iterable[str]) -> DateOrder:
    """Return which comes first, as the cells of a column tell: a number above 12 is a day.

    Dots between the numbers are written where the day comes first.
    """
    found = set()
    for cell in cells:
        match = _OPEN_DATE.fullmatch(cell.strip())
        if match is None:
            continue
        one, dot, two = match[1], match[2], match[3]
        if _may_begin_with_year(match):
            continue
        if dot == "." or int(one) > 12:
            found.add("dmy")
        elif int(two) > 12:
            found.add("mdy")
    if len(found) != 1:
        return ""
    return "dmy" if "dmy" in found else "mdy"


def _may_begin_with_year(match: re.Match[str]) -> bool:
    """Whether a date such as ``23-03-13`` may be year, month, day."""
    if len(match[4]) != 2 or match[2] == ".":
        return False
    return 1 <= int(match[3]) <= 12 and 1 <= int(match[4]) <= 31


def may_begin_with_year(cells: Iterable[str]) -> bool:
    """Whether cells are dates such as ``23-03-13``: one of them may begin with a year of two digits."""
    matches = (_OPEN_DATE.fullmatch(cell.strip(_AROUND)) for cell in cells)
    return any(match is not None and _may_begin_with_year(match) for match in matches)


def order_by_values(cells: Sequence[str]) -> DateOrder:
    """Return the one order in which dates with years of two digits can be read, or ``""``.

    An order is none if a date does not exist in it or goes back; of several, it is the one in which the steps
    are even: ``23-03-13 23:00`` and the next hour lie a year apart in another.
    """
    forward: list[tuple[DateOrder, bool]] = []
    for order in _ORDERS:
        times = [_datetime_ns(cell.strip(_AROUND), order)[0] for cell in cells]
        steps = [two - one for one, two in itertools.pairwise(times)]
        if NO_TIME not in times and all(step >= 0 for step in steps):
            is_even = len(steps) > 1 and 0 < max(steps) <= 1.5 * min(steps)
            forward.append((order, is_even))
    even = [order for order, is_even in forward if is_even]
    if len(forward) == 1:
        return forward[0][0]
    return even[0] if len(even) == 1 else ""


def order_named(text: str) -> DateOrder:
    """Return the order that a header states, as in ``date format M/d/yyyy`` or ``Date (dd/mm/yyyy)``."""
    match = re.search(r"(?i)\b(d{1,2}|m{1,2})[-/. ](m{1,2}|d{1,2})[-/. ]y{2,4}", text)
    if match is None or match[1][0].lower() == match[2][0].lower():
        return ""
    return "dmy" if match[1][0].lower() == "d" else "mdy"


def is_open(cells: Iterable[str]) -> bool:
    """Whether cells are dates that begin with day or month as numbers."""
    return any(_OPEN_DATE.fullmatch(cell.strip()) for cell in cells)


def zone_of(cell: str) -> str:
    """Return the zone that a cell states, as ISO 8601 writes it, or ``""``."""
    match = re.search(r"(?:\d|[AaPp][Mm])\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)$", cell.strip())
    if match is None or ":" not in cell:
        return ""
    if match[1] in ("Z", "UTC", "GMT"):
        return "Z"
    return f"{match[1][:3]}:{match[1][-2:]}"


def iso(ns: int, zone: str = "", n_digits: int = 9) -> str:
    """Return ns since 1970 (in UTC, where there is a zone) as ISO 8601.

    Parameters
    ----------
    zone
        ``""``, ``"Z"`` or ``"+01:00"``: the time is written in it.
    n_digits
        Of a second at most; zeros at the end are left out.
    """
    if zone not in ("", "Z"):
        minutes = int(zone[1:3]) * 60 + int(zone[4:6])
        ns += (minutes if zone[0] == "+" else -minutes) * 60 * 10**9
    seconds, rest = divmod(ns, 10**9)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(seconds))  # noqa: DTZ001
    fraction = f"{int(rest):09d}"[:n_digits].rstrip("0")
    return moment.isoformat() + (f".{fraction}" if fraction else "") + zone


def moment_ns(text: str, order: DateOrder = "") -> int:
    """Return a date, with or without a time of day, as ns since 1970; `NO_TIME` if it is none."""
    return _datetime_ns(text.strip(_AROUND), order)[0]


def clock_ns(text: str) -> int:
    """Return a time of day as ns since midnight; `NO_TIME` if it is none."""
    return _clock_ns(text.strip(_AROUND))[0]


def unwrapped(
    times: np.ndarray[Any, Any], last: int | None
) -> tuple[np.ndarray[Any, Any], int | None]:
    """Let a clock run on past midnight: a step back by more than half a day is the next day.

    ``last`` is the unwrapped time before the first; returned is the unwrapped array and its last time.
    """
    if not len(times):
        return times, last
    before = np.concatenate([[times[0] if last is None else last % _DAY_NS], times[:-1]])
    if last is not None and int(times[0]) >= _DAY_NS:
        before[0] = last  # hours go on beyond 24: nothing is to be unwrapped
    days = np.cumsum(times - before < -_DAY_NS // 2)
    if last is not None and int(times[0]) < _DAY_NS:
        days = days + last // _DAY_NS
    out = times + days * _DAY_NS
    return out, int(out[-1])


def _seconds_ns(seconds: str | None, fraction: str | None) -> int:
    return int(seconds or 0) * 10**9 + int((fraction or "0").ljust(9, "0"))


def _hours(hour: str, half: str | None) -> int:
    """Return the hour of the day, or -1."""
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return -1
        return hours % 12 + (12 if half[0] in "Pp" else 0)
    return hours


def _minutes_ns(cell: str) -> tuple[int, int]:
    match = _SHORT.fullmatch(cell)
    return (NO_TIME, 0) if match is None else ((int(match[1]) * 60 + int(match[2])) * 10**9, 0)


def _clock_ns(cell: str) -> tuple[int, int]:
    minutes = _MINUTES.fullmatch(cell)
    if minutes is not None:
        ns = int(minutes[1]) * 60 * 10**9 + _seconds_ns(minutes[2], minutes[3])
        return ns, len(minutes[3])
    duration = _DURATION.fullmatch(cell)
    if duration is not None:
        seconds, n_lost = _DURATION_UNITS[duration[3].removesuffix("s")]
        fraction = duration[2] or ""
        ns = int(duration[1] + fraction.ljust(9, "0")) * seconds
        return (ns, max(len(fraction) - n_lost, 0)) if ns < 2**62 else (NO_TIME, 0)
    match = _TIME_OF_DAY.fullmatch(cell)
    if match is None:
        return NO_TIME, 0
    day, hour, minute, second, fraction, half = match.groups()
    hours = _hours(hour, half)
    if hours < 0:
        return NO_TIME, 0
    hours += 24 * int(day or 0)
    ns = (hours * 60 + int(minute)) * 60 * 10**9 + _seconds_ns(second, fraction)
    return (ns, len(fraction or "")) if ns < 2**62 else (NO_TIME, 0)


def _datetime_ns(cell: str, order: DateOrder = "") -> tuple[int, int]:
    for kind, pattern in _DATES:
        match = pattern.fullmatch(cell)
        if match is None:
            continue
        groups = match.groups()
        try:
            days = _date(kind, groups, order).toordinal()
        except ValueError:
            return NO_TIME, 0
        hour, minute, second, fraction, half, zone = groups[4:]
        hours = _hours(hour or "0", half)
        if not 0 <= hours <= 23:
            return NO_TIME, 0
        minutes = hours * 60 + int(minute or 0)
        if zone and zone[0] in "+-":
            ahead = int(zone[1:3]) * 60 + int(zone[-2:])
            minutes -= ahead if zone[0] == "+" else -ahead
        ns = ((days - _DAYS_TO_1970) * 1440 + minutes) * 60 * 10**9
        ns += _seconds_ns(second, fraction)
        return (ns, len(fraction or "")) if abs(ns) < 2**62 else (NO_TIME, 0)
    return NO_TIME, 0


def _date(kind: str, groups: tuple[str, ...], order: DateOrder) -> dt.date:
    """Return the date of a match; ValueError if there is none such."""
    one, mark, two, three = groups[:4]
    if kind == "ymd":
        return dt.date(int(one), int(two), int(three))
    if kind == "Mdy":
        return dt.date(int(three), _month(one), int(two))
    if order == "ymd" and len(three) == 2 and mark in ("-", "/") and kind == "?":
        return dt.date(2000 + int(one), int(two), int(three))
    year = int(three) + (2000 if len(three) == 2 else 0)
    if kind == "dMy":
        return dt.date(year, _month(two), int(one))
    if order == "mdy" and mark != ".":
        return dt.date(year, int(one), int(two))
    return dt.date(year, int(two), int(one))


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1
