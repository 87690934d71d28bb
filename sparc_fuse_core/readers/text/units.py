"""Units and time in the words of a table's header: ``ECG (mV)``, ``Time[ms]``, ``TimeStamp(sec)``.

Brackets after a name hold a unit only if they read like one: ``EMG (left)`` is a name. Nothing is
taken for a unit that stands in no brackets and in no row of units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from sparc_fuse_core.readers.shared.vocabulary import is_unit

#: Seconds in one unit, exactly.
SECONDS: dict[str, Fraction] = {
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 1_000_000),
    "ns": Fraction(1, 1_000_000_000),
    "min": Fraction(60),
    "h": Fraction(3600),
}

_TIME_WORDS = {
    "s": "s sec secs second seconds",
    "ms": "ms msec msecs millisec millisecond milliseconds",
    "us": "us µs μs usec µsec μsec microsecond microseconds",
    "ns": "ns nsec nanosecond nanoseconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
}
_TIME_UNIT_OF = {word: unit for unit, words in _TIME_WORDS.items() for word in words.split()}

_BRACKETS = re.compile(r"(.*?)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])\s*", re.DOTALL)
_PARENTHESES = re.compile(r"(.*?)\s*\(([^()]*)\)\s*", re.DOTALL)

_TIME_NAMES = (
    "time|times|t|timestamps?|time ?stamps?|timer|elapsed time|time elapsed|elapsed|relative time"
    "|time since start|zeit|temps"
)
_TIME_NAME = re.compile(
    rf"({_TIME_NAMES})(?:[ _-]*(?:in )?({'|'.join(sorted(_TIME_UNIT_OF, key=len, reverse=True))}))?"
)


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


def labels_of(cells: list[str], *, unit_in_parentheses: bool = False) -> list[Label]:
    """Take header cells apart into names and units.

    Parameters
    ----------
    cells
        The header's cells.
    unit_in_parentheses
        The format or a scheme states that trailing parentheses are units, whatever they hold.
    """
    stripped = [cell.strip() for cell in cells]
    if unit_in_parentheses:
        found = [_PARENTHESES.fullmatch(cell) for cell in stripped]
        return [
            Label(cell, match[1], match[2].strip()) if match else Label(cell, cell, "")
            for cell, match in zip(stripped, found, strict=True)
        ]
    matches = [_BRACKETS.fullmatch(cell) for cell in stripped]
    units = [(match[2] or match[3] or "").strip() if match else "" for match in matches]
    # "(A), (B), (C)" are letters that tell columns apart, not amperes and coulombs
    letters = any(len(unit) == 1 and not is_unit(unit) for unit in units)
    labels = []
    for cell, match, unit in zip(stripped, matches, units, strict=True):
        if match and is_unit(unit) and not (letters and len(unit) == 1):
            labels.append(Label(cell, match[1], unit))
        else:
            labels.append(Label(cell, cell, ""))
    return labels


def is_unit_row(cells: list[str]) -> bool:
    """Whether a row below the names states units: at least one, and nothing else."""
    stated = [cell.strip().strip("()[]").strip() for cell in cells]
    stated = [cell for cell in stated if cell not in ("", "*", "-")]
    return bool(stated) and all(is_unit(cell) for cell in stated)


def unit_cell(cell: str) -> str:
    """Return the unit that a cell of a row of units states, or ``""``."""
    unit = cell.strip().strip("()[]").strip()
    return "" if unit in ("*", "-") else unit


def time_unit_of(text: str) -> str:
    """Return the key of `SECONDS` that a word means, or ``""``."""
    return _TIME_UNIT_OF.get(text.strip().lower(), "")


def time_label(label: Label) -> tuple[bool, str]:
    """Return whether a column's label says that it is time, and in which key of `SECONDS`."""
    bracketed = _BRACKETS.fullmatch(label.cell)
    name = bracketed[1] if bracketed else label.cell
    unit = (bracketed[2] or bracketed[3] or "") if bracketed else label.unit
    match = _TIME_NAME.fullmatch(" ".join(name.replace("_", " ").lower().split()))
    if match is None:
        return False, ""
    stated = time_unit_of(unit) or (match[2] and _TIME_UNIT_OF[match[2]]) or ""
    # a capital T alone may be a temperature
    if name.strip() == "T" and not stated:
        return False, ""
    return True, stated
