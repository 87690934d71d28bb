"""The time axis of a table: its column of times, the rate that is stated, and when it began."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import UncertainMappingError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.vocabulary import time_unit_of
from sparc_fuse_core.readers.text.clock import (
    NO_TIME,
    clock_ns,
    is_duration,
    iso,
    may_begin_with_year,
    moment_ns,
    zone_of,
)
from sparc_fuse_core.readers.text.time import (
    Printed,
    TimeAxis,
    seconds,
    time_axis,
    unit_named,
)
from sparc_fuse_core.readers.text.verdict import RATE_TOLERANCE, TwoReadingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.text.first_rows import Clock
    from sparc_fuse_core.readers.text.table import Table

_BLOCK = 1 << 18
_DAY_NS = 86_400 * 10**9
#: Days from the origin of spreadsheets (1899-12-30) and of MATLAB (year 0) to 1970.
_DAYS_BEFORE_1970 = {"excel": 25_569, "datenum": 719_529}
#: Times that begin further from zero than this count from a date of their own.
_FAR_S = 10 * 86_400.0
_MOST_DIGITS = {"excel": 3, "datenum": 3, "unix": 6}


@dataclass(frozen=True, slots=True)
class Timed:
    """Where the samples of a table lie in time.

    Attributes
    ----------
    axis
        Rate and start, or times.
    start_time
        ISO 8601, or ``""``.
    facts
        What is stated of the start and is no date: ``start_time_of_day``.
    evidence
        What was concluded.
    """

    axis: TimeAxis
    start_time: str = ""
    facts: Mapping[str, str] | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockColumn:
    """A column of times as numbers.

    Attributes
    ----------
    times
        Shape (n_rows,), finite.
    unit
        Seconds in one, or None if not stated.
    fineness
        How it is printed.
    origin_ns
        Of a date: ns since 1970 of the first row; None if the times count from no date.
    """

    times: Blocks
    unit: Fraction | None
    fineness: Printed
    origin_ns: int | None = None


def pieces(column: Blocks) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the values of a column, a few hundred thousand at a time."""
    for start in range(0, column.shape[0], _BLOCK):
        yield np.asarray(column[(slice(start, start + _BLOCK),)])


def clock_column(table: Table, clock: Clock, n_rows: int | None = None) -> ClockColumn:
    """Return the column of times as numbers, in s from the first row; durations from zero.

    Parameters
    ----------
    n_rows
        How many rows have a time, where columns end apart.

    Raises
    ------
    UncertainMappingError
        If a row has no time and a scheme says that the column is time.
    TwoReadingsError
        If a row has no time, or if its dates can be read in two ways.
    """
    if clock.role == "number":
        column: Blocks = _first(table.vector(clock.position), n_rows)
        _check_times(table, sum(int((~np.isfinite(block)).sum()) for block in pieces(column)))
        fineness = table.fineness(clock.position)
        origin_ns = _counted_ns(column, clock, fineness)
        return ClockColumn(column, unit_named(clock.unit), fineness, origin_ns)
    stamps: Blocks = _first(table.vector(clock.position, np.int64), n_rows)
    _check_times(table, sum(int((b == NO_TIME).sum()) for b in pieces(stamps)))
    if clock.date is not None:
        days = _first(table.vector(clock.date, np.int64), n_rows)
        _check_times(table, sum(int((b == NO_TIME).sum()) for b in pieces(days)))
        stamps = _sum(days, stamps)
    first = int(stamps[(slice(0, 1),)][0])
    if clock.is_date_open:
        _check_one_day(stamps, _first_date(table, clock))
    if is_duration(table.layout.rows[0][clock.position]):
        first = 0  # it counts from a zero of its own
    digits = table.parser.clock_digits
    is_absolute = clock.role == "datetime" or clock.date is not None
    return ClockColumn(
        seconds(stamps, Fraction(1, 10**9), first),
        Fraction(1),
        Printed(digits, 17),
        first if is_absolute and not clock.is_date_open else None,
    )


def _first(column: FunctionBlocks, n_rows: int | None) -> FunctionBlocks:
    if n_rows is None or n_rows == column.shape[0]:
        return column
    return FunctionBlocks((n_rows,), column.dtype, lambda bounds: column[(slice(*bounds[0]),)])


def _sum(days: Blocks, times: Blocks) -> FunctionBlocks:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        key = (slice(*bounds[0]),)
        both: np.ndarray[Any, Any] = np.asarray(days[key]) + np.asarray(times[key])
        return both

    return FunctionBlocks((times.shape[0],), np.dtype(np.int64), read)


def _check_times(table: Table, n_without: int) -> None:
    if not n_without:
        return
    message = f"{n_without} of {table.store.n_rows} rows have no readable time"
    if table.is_by_scheme:
        message = f"{table.name}: {message}; `drop_rows_without_time = true` in the scheme leaves them out"
        raise UncertainMappingError(message)
    raise TwoReadingsError(
        f"Kept as a table, because {message}; a mapping scheme with `drop_rows_without_time = true` leaves "
        "them out and makes signals of the rest."
    )


def _first_date(table: Table, clock: Clock) -> str:
    """Return the first date as written."""
    return table.layout.rows[0][clock.position if clock.date is None else clock.date]


def _readings(cell: str) -> str:
    """Return in which orders a date may be read."""
    day = cell.split(" ")[0].split("T")[0].rstrip(",")
    more = " or year/month/day" if may_begin_with_year([day]) else ""
    return f"day/month or month/day{more}"


def _check_one_day(stamps: Blocks, cell: str) -> None:
    """Refuse to guess where several dates begin with a number that may be the day, the month or the year."""
    days = {int(ns) // _DAY_NS for block in pieces(stamps) for ns in (block.min(), block.max())}
    if len(days) > 1:
        raise TwoReadingsError(
            f"Kept as a table, because its dates can be read in two ways or more ({_readings(cell)}, such as "
            f"{cell!r}); write them as 2021-12-31 to have signals."
        )


def _counted_ns(column: Blocks, clock: Clock, fineness: Printed) -> int | None:
    if not clock.form or not column.shape[0]:
        return None
    first = float(column[(slice(0, 1),)][0])
    if clock.form in _DAYS_BEFORE_1970:
        # a double holds such days to a microsecond
        ms = round((first - _DAYS_BEFORE_1970[clock.form]) * 86_400_000)
        return ms * 10**6
    unit = unit_named(clock.unit) or Fraction(1)
    printed = Fraction(f"{first:.{min(fineness.n_decimals, 9)}f}")
    return int(printed * unit * 10**9)


# ------------------------------------------------------------------------------- one axis


def timed(
    table: Table, clock: Clock | None, options: Mapping[str, Any], n_rows: int | None = None
) -> Timed:
    """Return where the samples lie in time: by the column of times, or by the rate that is stated."""
    rate_hz, where, said = stated_rate(table, options)
    stated = table.stated.said
    facts = {"start_time_of_day": stated.time_of_day} if stated.time_of_day else {}
    if clock is None:
        axis = TimeAxis(rate_hz, stated.start_s or 0.0 if rate_hz else 0.0, None, "s")
        return Timed(axis, stated.start_time, facts, tuple(said))
    column = clock_column(table, clock, n_rows)
    axis = time_axis(column.times, column.unit, column.fineness, hint_hz=rate_hz)
    label = table.plan.labels[clock.position].cell
    said += axis_evidence(axis, label, rate_hz, where)
    start_time, more = _start(table, clock, column, axis)
    is_far = bool(start_time) and axis.units == "s" and abs(time_at(axis, 0)) > _FAR_S
    if clock.role == "number" and (column.origin_ns is not None or is_far):
        # times of a device's own calendar count from the first row, as the date does
        if is_far and column.origin_ns is None:
            first_s = time_at(axis, 0)
            start_time = _shifted(start_time, first_s)
            more = {**more, "first_time": f"{first_s:.9g} s"}
        axis = _from_zero(axis, column)
    if clock.is_date_open and not start_time:
        cell = _first_date(table, clock)
        sentence = f"whether {cell!r} is {_readings(cell)} is not stated: the date of the start is left out"
        said.append(Evidence("content", "missing", sentence))
    return Timed(axis, start_time, {**facts, **more}, tuple(said))


def _shifted(start_time: str, seconds: float) -> str:
    """Return a start so many seconds later."""
    zone = zone_of(start_time)
    return iso(moment_ns(start_time) + round(seconds * 1e9), zone, 6)


def _from_zero(axis: TimeAxis, column: ClockColumn) -> TimeAxis:
    """Let times that count from a date count from the first row."""
    if axis.times is None:
        return replace(axis, start_s=0.0)
    unit = column.unit or Fraction(1)
    first = float(column.times[(slice(0, 1),)][0])
    shifted = FunctionBlocks(
        (column.times.shape[0],),
        np.dtype(np.float64),
        lambda bounds: (np.asarray(column.times[(slice(*bounds[0]),)]) - first) * float(unit),
    )
    return replace(axis, times=shifted)


def _start(
    table: Table, clock: Clock, column: ClockColumn, axis: TimeAxis
) -> tuple[str, dict[str, str]]:
    """Return when the first second began, and what is stated of it besides."""
    said = table.stated.said
    cell = table.layout.rows[0][clock.position]
    if column.origin_ns is not None:
        if clock.form:
            zone = "Z" if clock.form == "unix" else ""
            return iso(column.origin_ns, zone, _MOST_DIGITS[clock.form]), {}
        return iso(column.origin_ns, zone_of(cell)), {}
    if clock.role == "clock" and not is_duration(cell):
        ns = clock_ns(cell)
        if len(said.start_time) == 10 and 0 <= ns < _DAY_NS:
            day = moment_ns(said.start_time)
            return iso(day + ns), {}
        return said.start_time, {"first_time": cell} if not said.start_time else {}
    if said.start_time:
        return said.start_time, {}
    # a second column of times may hold the dates of the same rows
    first_s = axis.start_s if axis.times is None else float(axis.times[(slice(0, 1),)][0])
    for i, kind in enumerate(table.layout.kinds):
        other = table.layout.rows[0][i]
        if kind == "datetime" and axis.units and i != clock.position:
            ns = moment_ns(other)
            is_plain = other[:4].isdigit()
            if ns != NO_TIME and is_plain:
                return iso(ns - round(first_s * 1e9), zone_of(other), 6), {}
    return "", {}


def stated_rate(
    table: Table, options: Mapping[str, Any]
) -> tuple[float | None, str, list[Evidence]]:
    """Return the rate that is stated besides a column of times, where, and what is to be said."""
    stated = table.stated
    rate_hz, where = stated.rate_hz, "the header"
    said: list[Evidence] = []
    if "sampling_rate_hz" in options and rate_hz is None:
        rate_hz, where = float(options["sampling_rate_hz"]), "the scheme"
        if table.plan.clock is None:
            said.append(
                Evidence("time", "scheme", f"{rate_hz:g} Hz is stated by the scheme or the caller")
            )
        elif not table.is_by_scheme:
            rate_hz = None  # the caller's word is for what tells no time
    elif rate_hz is not None and not stated.is_rate_unit_stated:
        sentence = f"the header states a sampling rate of {rate_hz:g} without unit, taken as Hz"
        said.append(Evidence("time", "inferred", sentence))
    if rate_hz is None and table.plan.period is not None:
        rate_hz = period_rate(table, table.vector(table.plan.period))
        where = f"column {table.plan.labels[table.plan.period].cell!r}"
    return rate_hz, where, said


def period_rate(table: Table, periods: Blocks) -> float | None:
    """Return the rate that a column of sample periods states, if they are all one."""
    position = table.plan.period
    if position is None:
        return None
    label = table.plan.labels[position]
    clock = table.plan.clock
    name = time_unit_of(label.unit) if label.unit else (clock.unit if clock is not None else "")
    unit = unit_named(name)
    first = float(periods[(slice(0, 1),)][0])
    if unit is None or not first > 0 or any((block != first).any() for block in pieces(periods)):
        return None
    return float(1 / (Fraction(str(first)) * unit))


def axis_evidence(
    axis: TimeAxis, cell: str, stated_hz: float | None = None, where: str = ""
) -> list[Evidence]:
    """Say what a time column amounts to, and whether it contradicts a stated rate."""
    column = f"the time column {cell!r}" if cell else "the time column"
    said = []
    if axis.rate_hz is not None and axis.rate_hz != stated_hz:
        sentence = (
            f"a rate of {axis.rate_hz:.12g} Hz follows from the steps of {column}; no time is further than "
            f"{axis.jitter_s:.3g} s from it"
        )
        said.append(Evidence("time", "inferred", sentence))
    if stated_hz is not None and axis.rate_hz != stated_hz:
        far = axis.rate_hz is not None and abs(axis.rate_hz / stated_hz - 1) > RATE_TOLERANCE
        what = f"does not agree: it makes {axis.rate_hz:.12g} Hz" if far else "does not agree"
        sentence = f"{where} states {stated_hz:.12g} Hz, but {column} {what}; its times are kept"
        said.append(Evidence("time", "inferred", sentence))
    elif axis.times is not None and axis.units:
        sentence = f"no single rate describes {column}: its times are kept as they are"
        said.append(Evidence("time", "file", sentence))
    if axis.goes_back:
        sentence = f"{column} goes back {axis.goes_back} times; its times are kept as they are"
        said.append(Evidence("time", "inferred", sentence))
    return said


def time_at(axis: TimeAxis, row: int) -> float:
    """Return the time of a row in seconds."""
    if axis.rate_hz is not None or axis.times is None:
        return axis.start_s + row / (axis.rate_hz or 1.0)
    return float(axis.times[(slice(row, row + 1),)][0])
