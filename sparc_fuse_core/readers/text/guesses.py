"""Which separator and decimal mark a text has: guessed, and judged by how many rows agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.clock import is_clock, is_date, is_datetime
from sparc_fuse_core.readers.text.heading import MOST_MORE
from sparc_fuse_core.readers.text.kinds import is_boolean, is_integer, is_number, may_be_grouped

if TYPE_CHECKING:
    from collections.abc import Mapping


CellKind = Literal["integer", "number", "boolean", "clock", "datetime", "date", "text", "empty"]

BODY_LINES = 300
TRUSTED_ROWS = 50
SEPARATORS = ("\t", ";", ",", "|", " ")


def best_guess(
    lines: tuple[str, ...], body: list[int], missing: tuple[str, ...], options: Mapping[str, Any]
) -> Guess | None:
    """Return the separator and decimal mark that most rows agree with, or None."""
    best: Guess | None = None
    for separator in [str(options["separator"])] if "separator" in options else SEPARATORS:
        for decimal in [str(options["decimal"])] if "decimal" in options else (".", ","):
            if decimal == separator:
                continue
            guess = guess_of(lines, body, separator, decimal, missing)
            if guess is not None and best is not None and _cuts_groups(guess, best):
                continue
            if guess is not None and (best is None or guess.merit > best.merit):
                best = guess
    return best


def _cuts_groups(guess: Guess, best: Guess) -> bool:
    """Whether blanks would cut digits in groups (``1 012``) where another separator fits as well."""
    return (
        guess.separator == " "
        and best.separator in "\t;|"
        and best.n_columns > 1
        and best.merit[0] >= guess.merit[0]
    )


@dataclass(frozen=True, slots=True)
class Guess:
    """A separator and a decimal mark, and which columns are numbers then."""

    separator: str
    decimal: str
    n_columns: int
    numeric: frozenset[int]
    merit: tuple[float, ...]


def is_row(line: str) -> bool:
    """Whether a line may be a row: neither blank nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def without_remark(row: list[str], n_columns: int) -> list[str]:
    """Leave out cells beyond the columns if they are words: remarks that only some rows have."""
    more = row[n_columns:]
    if more and len(more) <= MOST_MORE and not any(map(is_any_number, more)):
        return row[:n_columns]
    return row


def is_any_number(cell: str) -> bool:
    """Whether a cell is a number with either decimal mark."""
    return is_number(cell, ".") or is_number(cell, ",")


def _is_number(cell: str, decimal: str) -> bool:
    """Whether a cell is a number, or would be if its thousands are parted."""
    return is_number(cell, decimal) or may_be_grouped(cell, decimal)


def guess_of(
    lines: tuple[str, ...], body: list[int], separator: str, decimal: str, missing: tuple[str, ...]
) -> Guess | None:
    """Judge a separator and a decimal mark by the last rows looked at."""
    found = [(i, cells_of(lines[i], separator)) for i in body]
    found = [(i, row) for i, row in found if any(is_number(cell, decimal) for cell in row)]
    if not found:
        return None
    lengths = [len(row) for _, row in found]
    n_columns = Counter(lengths[-TRUSTED_ROWS:]).most_common(1)[0][0]
    if separator != " ":
        found = [(i, without_remark(row, n_columns)) for i, row in found]
        lengths = [len(row) for _, row in found]
    # the run at the end counts: names, facts and remarks above a short table must not outvote it
    begin = len(found)
    while begin and lengths[begin - 1] <= n_columns:
        begin -= 1
    is_ragged = lengths[begin:].count(n_columns) < 0.9 * (len(found) - begin)
    if is_ragged:
        # rows that only ever get shorter: columns of unequal length side by side
        begin = lengths.index(max(lengths))
        if lengths[begin:] != sorted(lengths[begin:], reverse=True):
            return None
        n_columns = lengths[begin]
    if begin == len(found):
        return None
    same = [row for _, row in found[begin:]]
    n_lines = sum(i >= found[begin][0] for i in body)
    numeric = set()
    n_typed = n_filled = 0
    for i in range(n_columns):
        cells = [row[i] for row in same if i < len(row) and row[i] not in missing]
        n_numbers = sum(_is_number(cell, decimal) for cell in cells)
        n_typed += n_numbers + sum(
            is_clock(cell) or is_datetime(cell) or is_boolean(cell) for cell in cells
        )
        n_filled += len(cells)
        if cells and n_numbers > 0.5 * len(cells):
            numeric.add(i)
    purity = n_typed / max(n_filled, 1)
    least = 0.8 if is_ragged else 0.6 if separator == " " else 0.0
    if not numeric or len(same) < 0.5 * n_lines or purity < least:
        return None
    # one column is one column whatever the separator: the order of separators decides then
    merit = (
        round(purity * len(same) / len(body), 2),
        len(numeric),
        decimal == ".",
        -SEPARATORS.index(separator) if separator in SEPARATORS else 0,
    )
    return Guess(separator, decimal, n_columns, frozenset(numeric), merit)


def is_data(line: str, guess: Guess, missing: tuple[str, ...]) -> bool:
    """Whether a line is a row of values rather than of words."""
    cells = cells_of(line, guess.separator)
    if guess.separator != " ":
        cells = without_remark(cells, guess.n_columns)
    if not is_row(line) or len(cells) > guess.n_columns:
        return False
    filled = [cells[i] for i in guess.numeric if i < len(cells) and cells[i] not in missing]
    n_numbers = sum(_is_number(cell, guess.decimal) for cell in filled)
    if not filled:
        return len(cells) == guess.n_columns and guess.n_columns > 1
    return n_numbers >= 0.5 * len(filled)


def is_pure(line: str, guess: Guess, missing: tuple[str, ...]) -> bool:
    """Whether every number column of a line holds a number, or nothing."""
    cells = cells_of(line, guess.separator)
    wanted = [cells[i] for i in guess.numeric if i < len(cells)]
    return all(cell in missing or _is_number(cell, guess.decimal) for cell in wanted)


def kind_of(cells: list[str], decimal: str, missing: tuple[str, ...]) -> CellKind:
    """Return what most cells of a column are."""
    filled = [cell for cell in cells if cell not in missing]
    if not filled:
        return "empty"
    half = 0.5 * len(filled)
    if sum(_is_number(cell, decimal) for cell in filled) > half:
        whole = len(filled) == len(cells) and all(map(is_integer, filled))
        return "integer" if whole else "number"
    if all(map(is_boolean, filled)):
        return "boolean"
    if sum(map(is_clock, filled)) > half:
        return "clock"
    if sum(map(is_datetime, filled)) > half:
        return "datetime"
    if sum(map(is_date, filled)) > half:
        return "date"
    return "text"
