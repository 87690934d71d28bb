"""Units and time in the words of a table's header: ``ECG (mV)``, ``Time[ms]``, ``ecg_mV``, ``BP/mmHg``.

Brackets after a name hold a unit only if they read like one: ``EMG (left)`` is a name. A unit without
brackets counts where the vocabulary of exports knows it as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sparc_fuse_core.readers.shared.unit_spellings import contradict, plainly
from sparc_fuse_core.readers.shared.vocabulary import (
    hertz_in,
    is_unit,
    meaning_of,
    normal,
    seconds_in,
    split_unit,
    time_unit_of,
    words_of,
)
from sparc_fuse_core.readers.text.words import CLOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence

_BRACKETS = re.compile(
    r"(.*?)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}|<([^<>]*)>)\s*", re.DOTALL
)
_PARENTHESES = re.compile(r"(.*?)\s*\(([^()]*)\)\s*", re.DOTALL)
#: ``Temp, °C``, also before a remark in brackets, as loggers write it; ``ECG in mV``; ``ECG..mV.`` as R does.
_AFTER_COMMA = re.compile(r"([^,]+?)\s*,\s*([^,()\[\]]+?)\s*(?:\([^()]*\))?")
_IN_UNIT = re.compile(r"(.+?)\s+in\s+(\S+)")
_BY_R = re.compile(r"(.+?)\.\.(\S+?)\.")
#: ``ECG (250 Hz)``, ``ECG [mV] @250Hz``: no unit, but the rate of the column, or of what it shows.
_WITH_RATE = re.compile(
    r"(.*\S)\s*(?:\(\s*(\d+(?:\.\d+)?)\s*(k?hz)\s*\)|\[\s*(\d+(?:\.\d+)?)\s*(k?hz)\s*\]"
    r"|@\s*(\d+(?:\.\d+)?)\s*(k?hz))\s*",
    re.IGNORECASE,
)
_RUN = re.compile(r"(.*[)\]])\s+(Run\s?#?\d{1,4})", re.IGNORECASE)
#: Cells of a row of units that state none.
_NO_UNIT = frozenset(("", "*", "-", "--", "n/a", "na", "none", "1", "unitless", "[]", "?"))
#: What stands in a row of units over clock times and dates.
_SPELLED_TIME = re.compile(
    r"(?i)[hdmsyf:./\-, t]*(?:[hdmsy]{2})[hdmsyf:./\-, t]*|date ?time|iso ?8601|utc"
)

_TIME_ENDINGS = ("timestamp", "timestamps", "datetime", "unixtime", "epochtime")
_BY_CLOCK = re.compile(r"(?i)time|date|clock|stamp|uhr|zeit|datum|hora|fecha|heure|tempo|utc|when")

TimeForm = Literal["", "unix", "excel", "datenum"]


@dataclass(frozen=True, slots=True)
class Label:
    """A column's header cell, taken apart.

    Attributes
    ----------
    cell
        As the file states it, without surrounding blanks.
    name, unit
        ``unit`` is ``""`` where none is recognised; then ``name`` is the whole cell.
    """

    cell: str
    name: str
    unit: str


def labels_of(cells: Sequence[str], *, unit_in_parentheses: bool = False) -> list[Label]:
    """Take header cells apart into names and units.

    Parameters
    ----------
    cells
        The header's cells.
    unit_in_parentheses
        The format or a scheme states that trailing parentheses are units, whatever they hold.
    """
    stripped = [_unquoted(cell.strip()) for cell in cells]
    if unit_in_parentheses:
        found = [_PARENTHESES.fullmatch(cell) for cell in stripped]
        return [
            Label(cell, match[1], match[2].strip()) if match else Label(cell, cell, "")
            for cell, match in zip(stripped, found, strict=True)
        ]
    whole = stripped
    if rate_in_names(stripped) is not None:
        stripped = [
            match[1] if (match := _WITH_RATE.fullmatch(cell)) else cell for cell in stripped
        ]
    runs = [_of_run(cell) for cell in stripped]
    matches = [_BRACKETS.fullmatch(cell) for cell, _ in runs]
    units = [_inside(match) if match else "" for match in matches]
    # "(A), (B), (C)" are letters that tell columns apart, not amperes and coulombs
    letters = any(len(unit) == 1 and not is_unit(unit) for unit in units)
    labels = []
    for said, (cell, run), match, unit in zip(whole, runs, matches, units, strict=True):
        # "(MMHG)" in a header of capitals; "(20 Hz)" is a quantity
        known = is_unit(unit) or (unit.isalnum() and bool(split_unit(f"x_{unit}")[1]))
        known = known and not _WITH_RATE.fullmatch(cell)
        if match and known and not (letters and len(unit) == 1):
            labels.append(Label(said, f"{match[1]} {run}".strip(), unit))
        else:
            labels.append(Label(said, *_without_brackets(f"{cell} {run}".strip(), stripped)))
    return labels


def _of_run(cell: str) -> tuple[str, str]:
    """Take the number of a run off a name whose unit stands before it: ``Force (N) Run #1``."""
    match = _RUN.fullmatch(cell)
    return (match[1], match[2]) if match else (cell, "")


def rate_in_names(cells: Sequence[str]) -> float | None:
    """Return the rate in Hz that every name of a header states alike, or None.

    A rate that only some names state may be that of a stimulus or a filter.
    """
    rates = set()
    for cell in cells:
        match = _WITH_RATE.fullmatch(cell.strip())
        if match is None:
            return None
        number, unit = list(filter(None, match.groups()[1:]))
        rates.add(float(number) * (1000 if unit.lower() == "khz" else 1))
    return rates.pop() if len(rates) == 1 and min(rates) > 0 else None


def _inside(match: re.Match[str]) -> str:
    return next(filter(None, match.groups()[1:]), "").strip()


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'":
        return cell[1:-1].strip()
    return cell


def _without_brackets(cell: str, siblings: Sequence[str]) -> tuple[str, str]:
    """Return name and unit of a cell whose unit, if it has one, stands in no brackets."""
    for pattern in (_AFTER_COMMA, _IN_UNIT, _BY_R):
        match = pattern.fullmatch(cell)
        if match and is_unit(match[2]) and (len(match[2]) > 1 or match[2] in "sV%°"):
            return match[1], match[2]
    if _WITH_RATE.fullmatch(cell):
        return cell, ""
    if percent := re.fullmatch(r"(\w.*\S)\s+%", cell):
        return percent[1], "%"
    name, unit = split_unit(cell, siblings)
    if unit and hertz_in(unit) and re.search(r"\W\d+(?:\.\d+)?$", name):
        return cell, ""  # "ECG (mV) 250 Hz": a quantity
    if re.fullmatch(r"[A-Za-z]\d+", unit):
        return cell, ""  # "C3/A2" are two electrodes
    # a minimum is no minute unless time is measured, and one letter tells sides and leads apart
    if unit == "min" and not _is_time_name(name):
        return cell, ""
    if len(unit) == 1 and not _fits_letter(name, unit, siblings):
        return cell, ""
    return name, unit


def _fits_letter(name: str, unit: str, siblings: Sequence[str]) -> bool:
    """Whether one letter after a name is its unit: the other columns state theirs so too."""
    if unit == "s":
        return True
    if unit in "AJKCW" and not re.search(r"(?i)temp|current|energ|power|work|\bi\b", name):
        return False
    for other in siblings:
        _, beside = split_unit(other, siblings)
        meaning = meaning_of(other)
        if other.strip() and (len(beside) > 1 or (meaning is not None and meaning.unit)):
            return True
    return False


def is_unit_row(cells: Sequence[str]) -> bool:
    """Whether a row below the names states units: at least one, and nothing else."""
    stated = [unit_cell(cell) for cell in cells]
    filled = [cell for cell in stated if cell]
    plain = [cell for cell in filled if not _SPELLED_TIME.fullmatch(cell) or is_unit(cell)]
    return bool(plain) and all(map(is_unit, plain))


def unit_cell(cell: str) -> str:
    """Return the unit that a cell of a row of units states, or ``""``."""
    unit = _unquoted(cell.strip()).strip("()[]").strip()
    if re.fullmatch(r"[^()]+/\s*\([^()]+\)?", unit):
        unit = re.sub(r"[()]", "", unit)  # "m/(s^2)"
    return "" if unit.lower() in _NO_UNIT else unit


def contradicting(units: tuple[str, str, str]) -> tuple[str, str] | None:
    """Return two units stated for one column that cannot both hold, or None.

    Parameters
    ----------
    units
        By the column's name, by a row of units, by a line about the table. That line may speak of other
        columns: it contradicts what measures the same, not what is of another kind.
    """
    name, row, line = units
    if name and row and plainly(name) != plainly(row) and is_unit(row) and not is_spelled_time(row):
        return name, row
    nearest = name or row
    if nearest and line and contradict(nearest, line):
        return nearest, line
    return None


def is_spelled_time(cell: str) -> bool:
    """Whether a cell of a row of units says how clock times are written (``hh:mm:ss``)."""
    return _SPELLED_TIME.fullmatch(cell) is not None and not is_unit(cell)


def time_label(label: Label) -> tuple[bool, str]:
    """Return whether a column's label says that it is time, and in which key of `SECONDS`."""
    bracketed = _BRACKETS.fullmatch(_of_run(label.cell)[0])
    name = bracketed[1] if bracketed else label.cell
    if _is_time_name(name.rpartition(": ")[2]):
        name = name.rpartition(": ")[2]  # "Latest: Time (s)"
    unit = _inside(bracketed) if bracketed else label.unit
    meaning = meaning_of(name) if name else None
    stated = time_unit_of(unit)
    if re.fullmatch(r"s/[1-9]\d{0,5}", unit):
        stated = unit  # Hexoskin counts in parts of a second
    if not stated and meaning is not None and meaning.kind == "time":
        stated = time_unit_of(meaning.unit)
    if not stated and "lsl" in words_of(name):
        stated = "s"  # Lab Streaming Layer counts seconds
    # a capital T alone may be a temperature; "x [s]" is the axis of a trace
    if name.strip() == "T" and not stated:
        return False, ""
    if normal(name) in ("x", "xvalue", "xaxis", "xtime") and seconds_in(unit):
        return True, stated
    if normal(name) == "min":
        return False, ""  # a minimum?
    if normal(name) in ("minutes", "hours"):
        return True, time_unit_of(name)
    return (True, stated) if _is_time_name(name) else (False, "")


def _is_time_name(name: str) -> bool:
    meaning = meaning_of(name) if name else None
    if meaning is not None and meaning.kind == "time":
        rest = meaning.subject
        return not rest or rest in CLOCKS or rest.isdigit() or _all_clocks(name)
    joined = normal(name)
    if "timestamp" in words_of(name) and ("unix" in joined or "cal" in joined):
        return True
    return joined.endswith(_TIME_ENDINGS) or joined in CLOCKS & {"epoch", "elapsed", "clock"}


def _all_clocks(name: str) -> bool:
    words = [word for word in words_of(name) if not word.isdigit()]
    known = CLOCKS | {
        "time",
        "times",
        "stamp",
        "timestamp",
        "timestamps",
        "t",
        "of",
        "the",
        "in",
        "since",
        "start",
    }
    return all(word in known or seconds_in(word) for word in words)


def names_clock(label: Label) -> bool:
    """Whether a column of clock times or dates is called so."""
    return not label.cell or _BY_CLOCK.search(label.cell) is not None


def form_named(label: Label) -> TimeForm:
    """Return how a column's name says that absolute times are counted."""
    joined = normal(label.cell)
    if "unix" in joined or "epoch" in joined or "posix" in joined:
        return "unix"
    if "excel" in joined or joined.startswith(("serialdate", "exceldate")):
        return "excel"
    if "datenum" in joined or ("matlab" in joined and ("time" in joined or "date" in joined)):
        return "datenum"
    return ""


def stated_time_unit(label: Label) -> str:
    """Return the unit of time that a column states, whatever it is called; a key of `SECONDS` or ``""``."""
    unit = time_unit_of(label.unit)
    if not unit:
        found = meaning_of(label.cell)
        unit = time_unit_of(found.unit) if found is not None else ""
    return unit
