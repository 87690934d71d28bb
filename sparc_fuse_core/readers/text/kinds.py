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
    "minutes",
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
        ``number``: stored; ``boolean``: stored as 1 and 0; ``clock`` (which runs on past midnight), ``minutes``
        (``1:05`` is 65 s), ``time of day``,
        ``datetime``, ``date``: stored as ns; ``code``: stored as an index into its distinct texts;
        ``distinct``: its distinct texts; ``state``: (row, text) where the text changes; ``comment``: (row,
        text); ``blank``: must be empty.
    """

    position: int
    role: Role


STORED: tuple[Role, ...] = (
    *("number", "boolean", "clock", "minutes", "time of day", "datetime", "date", "code"),
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
#: Digits in groups of three: by blanks of any width or apostrophes, which are no decimal mark anywhere, or by
#: the mark that is not the decimal one, where the decimal one follows (``1.001,25``).
_GROUPED = {
    mark: re.compile(
        rf"[+-]?\d{{1,3}}(?:([ \u00a0\u2009\u202f'’])\d{{3}}(?:\1\d{{3}})*(?:{re.escape(mark)}\d+)?"
        rf"|(?:{re.escape(other)}\d{{3}})+{re.escape(mark)}\d+)"
    )
    for mark, other in (".,", ",.")
}
#: Groups that may as well be decimals: ``1.001`` where a comma is the decimal mark.
_DOUBTFUL = {
    mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:{re.escape(other)}\d{{3}})+")
    for mark, other in (".,", ",.")
}
_GROUP_MARKS = re.compile("[ \u00a0\u2009\u202f'’]")


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a number, written with this decimal mark; its digits may stand in groups."""
    text = cell.strip()
    return (
        NUMBERS[decimal].fullmatch(text) is not None
        or _GROUPED[decimal].fullmatch(text) is not None
    )


def number_of(cell: str, decimal: str) -> float | None:
    """Return the number that a cell is, written with this decimal mark, or None."""
    text = cell.strip()
    if NUMBERS[decimal].fullmatch(text) is None:
        if _GROUPED[decimal].fullmatch(text) is None:
            return None
        text = _GROUP_MARKS.sub("", text).replace("," if decimal == "." else ".", "")
    return float(text.replace(",", ".") if decimal == "," else text)


def may_be_grouped(cell: str, decimal: str) -> bool:
    """Whether a cell would be a number if the mark that is not the decimal one parts thousands (``1,001``)."""
    return _DOUBTFUL[decimal].fullmatch(cell.strip()) is not None


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
    return not any(is_number(cell, decimal) or may_be_grouped(cell, decimal) for cell in filled)
