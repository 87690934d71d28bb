"""Vectors of times: found by name, brought together with a stated rate, absolute starts told apart.

A rate and a vector of times that contradict each other leave the array without a clock: to choose one would be
to guess.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.headers import numbers_of, text_of
from sparc_fuse_core.readers.exports.order import unit_by_order
from sparc_fuse_core.readers.exports.scope import RATE_TOLERANCE, Scope
from sparc_fuse_core.readers.exports.statements import Statement, speaks_of
from sparc_fuse_core.readers.shared.time_axis import (
    SECONDS,
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
    scaled,
)
from sparc_fuse_core.readers.shared.tree import Cells, Numeric, Text, texts
from sparc_fuse_core.readers.shared.vocabulary import (
    Meaning,
    meaning_of,
    normal,
    seconds_in,
    time_unit_of,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.shared.tree import Node

#: CF's "seconds since 2021-03-04 10:15:30".
_SINCE = re.compile(r"(\w+)\s+since\s+(.+)", re.IGNORECASE)
_UNIX_WORDS = frozenset(("unix", "epoch", "posix"))
#: A unix time of this century in a unit that is not stated: seconds, or parts of it.
_UNIX_UNITS = ((5e8, 5e9, "s"), (5e11, 5e12, "ms"), (5e14, 5e15, "us"), (5e17, 5e18, "ns"))
#: MATLAB counts days from year 0, of which 1970 is day 719529.
_DAY_OF_1970 = 719529.0
_DAY_WORDS = frozenset(("datenum", "serialdate", "matlabtime"))
_PROBED = 4096
_MAX_TEXTS = 1_000_000
#: Decimal digits to which times are tried to be rounded.
_DECIMALS = range(10)
_FORMATS = (
    "%Y-%b-%d",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%Y%m%dT%H%M%S",
    "%Y%m%d %H%M%S",
    "%H:%M:%S",
    "%H:%M:%S.%f",
)


@dataclass(frozen=True, slots=True)
class Times:
    """A vector of times.

    Attributes
    ----------
    path
        Of the vector.
    axis
        What it amounts to.
    vector
        Its values, in its own unit.
    start
        ISO 8601 time from which it counts, or ``""``.
    """

    path: str
    axis: TimeAxis
    vector: Blocks
    start: str = ""


def times_for(scope: Scope, array: str, shape: tuple[int, ...]) -> tuple[list[Times], list[str]]:
    """Return the vectors of times that fit an array, nearest place first, and what speaks against others.

    Parameters
    ----------
    scope
        Where the array is.
    array
        Its name.
    shape
        Its shape: one axis has to be as long as the times.
    """
    problems: list[str] = []
    place: Scope | None = scope
    while place is not None:
        found: list[tuple[bool, Times]] = []
        for name, node, meaning in _time_members(place):
            if name == array or _length(node) not in shape:
                continue
            about = speaks_of(meaning.subject, array)
            if meaning.subject and not about and meaning.subject not in _UNIX_WORDS:
                continue
            if name not in place.known_times:
                place.known_times[name] = (
                    read_times(place, name, node, meaning)
                    if isinstance(node, Numeric)
                    else _from_texts(place.child(name), texts(node) or ())
                )
            times = place.known_times[name]
            if times is None:
                problems.append(f"`{place.child(name)}` does not increase: not taken as time")
            else:
                found.append((about, times))
        if any(about for about, _ in found):
            found = [one for one in found if one[0]]
        if found:
            return [times for _, times in found], problems
        place = place.above
    return [], problems


def _time_members(place: Scope) -> list[tuple[str, Node, Meaning]]:
    """Return the members of a place that may be vectors of times, by their names."""
    if place.time_members is None:
        place.time_members = []
        for name, node in place.members.items():
            meaning = meaning_of(name) if _length(node) > 1 else None
            if meaning is not None and isinstance(node, Numeric):
                meaning = time_meaning(name, node) if node.is_vector else None
            if meaning is not None and meaning.kind == "time":
                place.time_members.append((name, node, meaning))
    return place.time_members


def _length(node: Node) -> int:
    """Return how many values or texts a node has; 0 if it can be no vector of times."""
    if isinstance(node, Numeric):
        return node.n_values
    if isinstance(node, Text):
        return len(node.lines)
    return len(node.items) if isinstance(node, Cells) else 0


def _from_texts(path: str, lines: Sequence[str]) -> Times | None:
    """Return the times of dates in ISO 8601, counted from the first; None if one of them is none."""
    if not 1 < len(lines) <= _MAX_TEXTS or "T" not in iso_of(lines[0]).lstrip("T"):
        return None
    try:
        stamps = [datetime.fromisoformat(line.strip()) for line in lines]
        seconds = np.array([(stamp - stamps[0]).total_seconds() for stamp in stamps])
    except (ValueError, TypeError):
        return None
    if not is_increasing(seconds):
        return None
    axis = describe_times(seconds, "s", 1e-6)
    if axis.rate_hz is None:
        axis = _rounded(seconds, "s") or axis
    return Times(path, axis, seconds, iso_of(lines[0]))


def time_meaning(name: str, node: Numeric) -> Meaning | None:
    """Return what the name of a vector says if it is time, else None."""
    if not node.is_real or node.n_values < 2:
        return None
    meaning = meaning_of(name)
    if meaning is None or meaning.kind != "time":
        # a unit of time alone does not make a time: rr_s is an interval, a date may be of birth
        return None
    if node.start or node.matlab_class == "duration":
        return Meaning("time", "s")
    if meaning.subject and _UNIX_WORDS & set(words_of(name)):
        return Meaning("time", meaning.unit, "")
    return meaning


def read_times(scope: Scope, name: str, node: Numeric, meaning: Meaning) -> Times | None:
    """Return the times that a vector holds, or None if they do not increase."""
    vector = as_vector(node.rows)
    if not is_increasing(vector):
        return None
    path = scope.child(name)
    unit = node.unit or meaning.unit
    start = node.start
    if not unit:
        stated = _attached_unit(node) or scope.unit_of_statement(
            Statement(meaning, name, path, node)
        )
        since = _SINCE.fullmatch(stated)
        if since is not None:
            unit, start = since[1], iso_of(since[2])
        else:
            unit = stated or scope.time_unit or "".join(unit_by_order(scope, name, node)[0])
    words = set(words_of(name))
    first = float(np.asarray(vector[(slice(0, 1),)], dtype=np.float64)[0])
    if _DAY_WORDS & {*words, "".join(words_of(name)[-2:])}:
        return _from_days(path, vector, first)
    if not unit and _UNIX_WORDS & words:
        unit = next((one for low, high, one in _UNIX_UNITS if low <= first < high), "")
    unit = time_unit_of(unit)
    axis = describe_times(vector, unit, node.resolution_s)
    if axis.rate_hz is None and axis.units == "s" and not node.resolution_s:
        axis = _rounded(vector, unit) or axis
    if _UNIX_WORDS & words and unit:
        axis, start = _from_epoch(vector, unit, axis)
    return Times(path, axis, vector, start)


def _from_days(path: str, vector: Blocks, first: float) -> Times | None:
    """Return MATLAB's serial dates counted from the first one; they are good to 10 microseconds."""
    if not 6e5 < first < 9e5:
        return None
    shifted = scaled(vector, 86400.0, -first * 86400.0)
    axis = describe_times(shifted, "s", 1e-5)
    if axis.rate_hz is not None:
        axis = TimeAxis(float(f"{axis.rate_hz:.5g}"), 0.0, None, "s")
    stamp = datetime.fromtimestamp(round((first - _DAY_OF_1970) * 86400.0, 4), UTC)
    return Times(path, axis, vector, stamp.replace(tzinfo=None).isoformat())


def _attached_unit(node: Numeric) -> str:
    for name, item in node.attributes.items():
        meaning = meaning_of(name)
        if meaning is not None and meaning.kind == "unit":
            return text_of(item)
    return ""


def _rounded(vector: Blocks, unit: str) -> TimeAxis | None:
    """Describe times that were rounded to some decimals, where their steps are far coarser than these."""
    probe = np.asarray(vector[(slice(0, _PROBED),)], dtype=np.float64)
    for digits in _DECIMALS:
        worth = 10.0**-digits
        if np.abs(probe - np.round(probe, digits)).max() > 1e-6 * worth:
            continue
        step = float(np.median(np.diff(probe))) if len(probe) > 1 else 0.0
        if not digits or step <= 0 or worth > step / 4:
            return None
        axis = describe_times(vector, unit, worth * SECONDS[unit])
        if axis.rate_hz is None:
            return None
        simple = [float(f"{axis.rate_hz:.{n}g}") for n in (1, 2, 3, 4, 5)]
        span = float(vector.shape[0] - 1)
        slack = 1.01 * worth * SECONDS[unit]
        for rate_hz in simple:
            if abs(span / rate_hz - span / axis.rate_hz) <= slack:
                return replace(axis, rate_hz=rate_hz)
        return axis
    return None


def _from_epoch(vector: Blocks, unit: str, axis: TimeAxis) -> tuple[TimeAxis, str]:
    """Count from the first time of a vector in unix time, and return that time."""
    first = float(np.asarray(vector[(slice(0, 1),)], dtype=np.float64)[0]) * SECONDS[unit]
    if not 0 < first < 1e11:
        return axis, ""
    start = datetime.fromtimestamp(first, UTC).isoformat().replace("+00:00", "Z")
    if axis.rate_hz is not None:
        return TimeAxis(axis.rate_hz, 0.0, None, "s"), start
    factor = SECONDS[unit]
    step = np.median(np.diff(np.asarray(vector[(slice(0, _PROBED),)], dtype=np.float64))) * factor
    shifted = scaled(vector, factor, -first)
    # seconds since 1970 as float64 are good to a quarter of a microsecond
    if step > 0:
        even = describe_times(shifted, "s", 1e-6)
        if even.rate_hz is not None:
            return TimeAxis(float(f"{even.rate_hz:.6g}"), 0.0, None, "s"), start
    return TimeAxis(None, 0.0, shifted, "s"), start


def reconciled(times: Times, rate_hz: float, rate_path: str) -> tuple[TimeAxis | None, str]:
    """Bring a vector of times and a stated rate together.

    Returns
    -------
    tuple[TimeAxis | None, str]
        The clock, or None and why they contradict each other.
    """
    axis = times.axis
    n_samples = times.vector.shape[0]
    if axis.rate_hz is not None:
        if math.isclose(axis.rate_hz, rate_hz, rel_tol=RATE_TOLERANCE):
            return replace(axis, rate_hz=rate_hz), ""
        return None, f"`{times.path}` states {axis.rate_hz:g} Hz, `{rate_path}` {rate_hz:g} Hz"
    values = [
        float(np.asarray(times.vector[(slice(i, i + 1),)], dtype=np.float64)[0])
        for i in (0, n_samples - 1)
    ]
    span = values[1] - values[0]
    units = ("s",) if axis.units == "s" else ("s", "ms", "us", "min", "h")
    first = values[0] if axis.units != "s" else _first_s(axis)
    span = span if axis.units != "s" else _span_s(axis)
    for unit in units:
        factor = 1.0 if axis.units == "s" else SECONDS[unit]
        stated = (n_samples - 1) / (span * factor) if span else 0.0
        if math.isclose(stated, rate_hz, rel_tol=1e-3) and _follows(times, axis, factor, rate_hz):
            return TimeAxis(rate_hz, first * factor, None, "s"), ""
    if axis.units != "s" and math.isclose(span, n_samples - 1) and values[0] in (0.0, 1.0):
        return TimeAxis(rate_hz, 0.0, None, "s"), ""  # numbers of samples
    return None, f"the steps of `{times.path}` do not fit `{rate_path}`, {rate_hz:g} Hz"


def _first_s(axis: TimeAxis) -> float:
    times = axis.times
    return 0.0 if times is None else float(np.asarray(times[(slice(0, 1),)], dtype=np.float64)[0])


def _span_s(axis: TimeAxis) -> float:
    times = axis.times
    if times is None:
        return 0.0
    n = times.shape[0]
    last = float(np.asarray(times[(slice(n - 1, n),)], dtype=np.float64)[0])
    return last - _first_s(axis)


def _follows(times: Times, axis: TimeAxis, factor: float, rate_hz: float) -> bool:
    """Whether every time lies within half a sample of where the rate puts it."""
    vector = axis.times if axis.units == "s" and axis.times is not None else times.vector
    n_samples = vector.shape[0]
    first = float(np.asarray(vector[(slice(0, 1),)], dtype=np.float64)[0]) * factor
    for start in range(0, n_samples, 1 << 20):
        block = np.asarray(vector[(slice(start, start + (1 << 20)),)], dtype=np.float64) * factor
        ideal = first + np.arange(start, start + len(block)) / rate_hz
        if np.abs(block - ideal).max(initial=0.0) * rate_hz > 0.5:
            return False
    return True


def iso_of(text: str) -> str:
    """Return a date, time of day or both as ISO 8601 if the text leaves no doubt, else ``""``."""
    stripped = text.strip().rstrip(".")
    stripped = re.sub(r"\s*UTC$", "Z", stripped)
    if not re.match(r"\d{4}\D|\d{8}|\d{1,2}[-: ]", stripped):
        return ""
    try:
        found = datetime.fromisoformat(stripped)
    except ValueError:
        pass
    else:
        is_date = len(stripped) <= 10 and ":" not in stripped
        return found.date().isoformat() if is_date else found.isoformat().replace("+00:00", "Z")
    for form in _FORMATS:
        try:
            found = datetime.strptime(stripped, form)  # noqa: DTZ007 - the file states no zone
        except ValueError:
            continue
        if "%Y" not in form:
            return f"T{found.time().isoformat()}"
        return found.isoformat() if "%H" in form else found.date().isoformat()
    return ""


def start_stated(
    scope: Scope, array: str, own: Mapping[str, Node]
) -> tuple[str, float | None, str, str]:
    """Return date and time of the first sample, or its seconds, what states it, and a remark.

    A number without a unit is taken in seconds: rates beside it are in hertz. That is said.
    """
    date = clock = ""
    seconds: float | None = None
    path = remark = ""
    for one in scope.find(("start",), array, own):
        text = text_of(one.node)
        if text:
            iso = iso_of(text)
            if iso.startswith("T"):
                clock = clock or iso
            elif iso and (not date or ("T" in iso and "T" not in date)):
                date, path = iso, one.path
            continue
        values, unit = numbers_of(one.node)
        if len(values) == 1 and math.isfinite(values[0]) and seconds is None:
            unit = one.meaning.unit or unit or scope.unit_of_statement(one, own)
            is_time = "t" in (name := normal(one.name)) and name != "start"
            factor = seconds_in(unit) if unit else 1.0 if is_time else None
            if factor is not None and abs(values[0] * factor) < 1e9:
                seconds, path = values[0] * factor, one.path
                if not unit and values[0]:
                    remark = f"`{one.path}` states no unit: it is taken in seconds, as the rate is in hertz"
    if date and clock and "T" not in date:
        date += clock
    return date, seconds, path, remark
