"""Kinds of cells and of columns: what a cell can be, and what becomes of a column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: Distinct texts of one column kept as metadata.
MOST_DISTINCT = 1000
#: Remarks kept; more are counted.
MOST_COMMENTS = 1_000_000

#: Spellings of "no value" that programs write; scheme option ``missing_values`` adds to them.
MISSING = (
    *("", "NaN", "nan", "NAN", "-nan", "-NaN", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None"),
    *("-", "--", "*", "?", ".", "#NUM!", "#DIV/0!", "#VALUE!", "-nan(ind)", "1.#QNAN", "-1.#IND"),
)

#: Words for 1 and 0 in a column that holds nothing else.
BOOLEANS = {
    **dict.fromkeys(("true", "on", "yes", "high"), 1),
    **dict.fromkeys(("false", "off", "no", "low"), 0),
}

Role = Literal[
    "number",
    "boolean",
    "clock",
    "time of day",
    "datetime",
    "date",
    "code",
    "distinct",
    "state",
    "comment",
    "blank",
]


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes of one column: kept in the store, or gathered as text.

    Attributes
    ----------
    position
        In the file, from 0.
    role
        ``number``: stored; ``boolean``: stored as 1 and 0; ``clock`` (which runs on past midnight), ``time of
        day``, ``datetime``, ``date``: stored as ns; ``code``: stored as an index into its distinct texts;
        ``distinct``: its distinct texts; ``state``: (row, text) where the text changes; ``comment``: (row,
        text); ``blank``: must be empty.
    """

    position: int
    role: Role


STORED: tuple[Role, ...] = (
    *("number", "boolean", "clock", "time of day", "datetime", "date", "code"),
)


#: What a number looks like, by decimal mark.
NUMBERS = {
    mark: re.compile(
        rf"[+-]?(?:\d+(?:{re.escape(mark)}\d*)?|{re.escape(mark)}\d+)(?:[eE][+-]?\d+)?"
        r"|[+-]?(?i:inf(?:inity)?)"
    )
    for mark in ".,"
}
INTEGER = re.compile(r"[+-]?\d+")


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a number, written with this decimal mark."""
    return NUMBERS[decimal].fullmatch(cell.strip()) is not None


def is_boolean(cell: str) -> bool:
    """Whether a cell is a word for 1 or 0, such as ``TRUE``."""
    return cell.strip().lower() in BOOLEANS


def is_integer(cell: str) -> bool:
    """Whether a cell is a whole number without decimal mark or exponent."""
    return INTEGER.fullmatch(cell.strip()) is not None


def is_words(
    row: Sequence[str],
    columns: Sequence[Column],
    n_columns: int,
    missing: Collection[str],
    decimal: str,
) -> bool:
    """Whether no number is where numbers belong in a row, but some words are."""
    wanted = [column.position for column in columns if column.role == "number"]
    cells = [row[position].strip() for position in wanted if position < len(row)]
    filled = [cell for cell in cells if cell not in missing]
    if not filled:
        return bool(wanted) and len(row) < n_columns
    return not any(NUMBERS[decimal].fullmatch(cell) for cell in filled)
