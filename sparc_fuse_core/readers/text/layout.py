"""How a text file is laid out, found from its beginning: encoding, separator, decimal mark, header.

The table is the run of rows that reaches the end of what was looked at; what stands above it is its
header. A row of numbers is data, never a header. A scheme's options stand above what is found.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    UncertainMappingError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.clock import is_clock, is_date, is_datetime
from sparc_fuse_core.readers.text.columns import MISSING, is_boolean, is_integer, is_number
from sparc_fuse_core.readers.text.heading import MOST_MORE, Heading, heading_of, is_labelled
from sparc_fuse_core.readers.text.units import labels_of, time_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.readers.text.head import Head

_BODY_LINES = 300
_TRUSTED_ROWS = 50
_SEPARATORS = ("\t", ";", ",", "|", " ")

CellKind = Literal["integer", "number", "boolean", "clock", "datetime", "date", "text", "empty"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written.

    Attributes
    ----------
    encoding
        Python codec.
    separator
        One letter; a blank stands for any run of blanks.
    decimal
        ``"."`` or ``","``.
    n_header_lines
        Lines above the first row of data.
    above
        Those lines.
    names
        The header's cells; empty if there is none.
    units
        Cells of a row of units; empty if there is none.
    kinds
        What each column holds in the first rows.
    rows
        The first rows, cell by cell.
    heading
        Names, units and more, as they stand above the columns.
    missing
        Spellings of a missing value.
    evidence
        What was concluded rather than stated.
    """

    encoding: str
    separator: str
    decimal: str
    n_header_lines: int
    above: tuple[str, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    kinds: tuple[CellKind, ...]
    rows: tuple[tuple[str, ...], ...]
    heading: Heading = field(default_factory=Heading)
    missing: tuple[str, ...] = MISSING
    evidence: tuple[Evidence, ...] = ()

    @property
    def n_columns(self) -> int:
        """Cells in a row."""
        return len(self.kinds)


# ------------------------------------------------------------------------------- rows and columns


def find_layout(name: str, head: Head, options: Mapping[str, Any]) -> Layout:
    """Find the table in the beginning of a file.

    Parameters
    ----------
    name
        Of the file, for messages.
    head
        Its beginning.
    options
        Of a scheme.

    Raises
    ------
    UnsupportedFormatError
        If there is no table of numbers.
    UncertainMappingError
        If separator and decimal mark cannot be told apart.
    """
    n_skip = int(options.get("skip_rows", 0))
    if (
        not n_skip
        and "separator" not in options
        and (told := re.fullmatch(r"sep=(.)", head.lines[0].strip()))
    ):
        n_skip, options = 1, {**options, "separator": told[1]}
    missing = (*MISSING, *options.get("missing_values", ()))
    lines = head.lines[n_skip:]
    last = len(lines)
    while last and not lines[last - 1].strip():
        last -= 1
    body = [i for i in range(max(0, last - _BODY_LINES), last) if _is_row(lines[i])]
    guess = _best_guess(lines, body, missing, options)
    if guess is None:
        words = _words_only(name, head, n_skip, lines[:last], missing)
        if words is not None:
            return words
        _refuse_header_only(name, lines[:last])
        message = (
            f"{name}: no numeric table: no run of rows with numbers in the same columns reaches the "
            "end of the beginning; if it is a recording, write a mapping scheme for it"
        )
        raise UnsupportedFormatError(message)
    first = _first_row(lines, guess, missing, options)
    if options.get("header") is not False:
        _refuse_two_tables(name, lines[:first], guess, missing, n_skip)
    rows = [cells_of(line, guess.separator) for line in lines[first:last] if _is_row(line)]
    if guess.separator != " ":
        rows = [_without_remark(row, guess.n_columns) for row in rows]
    rows = [row for row in rows if len(row) <= guess.n_columns or not any(row[guess.n_columns :])]
    rows = [(row + [""] * guess.n_columns)[: guess.n_columns] for row in rows[:_BODY_LINES]]
    evidence = head.evidence + _decimal_evidence(name, guess, rows, options)
    layout = Layout(
        head.encoding,
        guess.separator,
        guess.decimal,
        n_skip + first,
        head.lines[: n_skip + first],
        (),
        (),
        tuple(
            _kind([row[i] for row in rows], guess.decimal, missing) for i in range(guess.n_columns)
        ),
        tuple(map(tuple, rows)),
        missing=missing,
        evidence=evidence,
    )
    return _with_header(layout, lines[:first], options)


def _best_guess(
    lines: tuple[str, ...], body: list[int], missing: tuple[str, ...], options: Mapping[str, Any]
) -> _Guess | None:
    best: _Guess | None = None
    for separator in [str(options["separator"])] if "separator" in options else _SEPARATORS:
        for decimal in [str(options["decimal"])] if "decimal" in options else (".", ","):
            if decimal == separator:
                continue
            guess = _guess(lines, body, separator, decimal, missing)
            if guess is not None and (best is None or guess.merit > best.merit):
                best = guess
    return best


def _words_only(
    name: str, head: Head, n_skip: int, lines: tuple[str, ...], missing: tuple[str, ...]
) -> Layout | None:
    """Return the layout of a table without a column of numbers: a header and rows of as many cells."""
    filled = [(i, line) for i, line in enumerate(lines) if _is_row(line)]
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    separators = {"csv": _SEPARATORS[:-1], "tsv": ("\t",), "txt": ("\t",)}.get(ending, ())
    for separator in separators:
        rows = [cells_of(line, separator) for _, line in filled]
        n_columns = len(rows[0]) if rows else 0
        if n_columns < 2 or len(rows) < 2 or len({cell.lower() for cell in rows[0]}) < n_columns:
            continue
        if all(len(row) == n_columns for row in rows) and all(rows[0]):
            body = rows[1 : 1 + _BODY_LINES]
            return Layout(
                head.encoding,
                separator,
                ".",
                n_skip + filled[0][0] + 1,
                head.lines[: n_skip + filled[0][0] + 1],
                tuple(rows[0]),
                (),
                tuple(_kind([row[i] for row in body], ".", missing) for i in range(n_columns)),
                tuple(map(tuple, body)),
                Heading(names=tuple(rows[0])),
                missing=missing,
                evidence=head.evidence,
            )
    return None


@dataclass(frozen=True, slots=True)
class _Guess:
    separator: str
    decimal: str
    n_columns: int
    numeric: frozenset[int]
    merit: tuple[float, ...]


def _is_row(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _without_remark(row: list[str], n_columns: int) -> list[str]:
    """Leave out cells beyond the columns if they are words: remarks that only some rows have."""
    more = row[n_columns:]
    if more and len(more) <= MOST_MORE and not any(map(_is_any_number, more)):
        return row[:n_columns]
    return row


def _is_any_number(cell: str) -> bool:
    return is_number(cell, ".") or is_number(cell, ",")


def _guess(
    lines: tuple[str, ...], body: list[int], separator: str, decimal: str, missing: tuple[str, ...]
) -> _Guess | None:
    """Judge a separator and a decimal mark by the last rows looked at."""
    found = [(i, cells_of(lines[i], separator)) for i in body]
    found = [(i, row) for i, row in found if any(is_number(cell, decimal) for cell in row)]
    if not found:
        return None
    lengths = [len(row) for _, row in found]
    n_columns = Counter(lengths[-_TRUSTED_ROWS:]).most_common(1)[0][0]
    if separator != " ":
        found = [(i, _without_remark(row, n_columns)) for i, row in found]
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
        n_numbers = sum(is_number(cell, decimal) for cell in cells)
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
        -_SEPARATORS.index(separator) if separator in _SEPARATORS else 0,
    )
    return _Guess(separator, decimal, n_columns, frozenset(numeric), merit)


def _first_row(
    lines: tuple[str, ...], guess: _Guess, missing: tuple[str, ...], options: Mapping[str, Any]
) -> int:
    """Return the index of the first row of data."""
    if options.get("header") is False:
        return 0
    first = len(lines)
    while first and not _is_row(lines[first - 1]):
        first -= 1
    footers = 0
    while first and footers <= 3 and not _is_data(lines[first - 1], guess, missing):
        first -= 1
        footers += 1
    top = first
    while top:
        line = lines[top - 1]
        if _is_row(line) and not _is_data(line, guess, missing):
            break
        if not _is_row(line) and not any(_is_row(above) for above in lines[: top - 1]):
            break
        top -= 1
    while top < first and not _is_row(lines[top]):
        top += 1
    return _below_labels(lines, top, first, guess, missing, options)


def _below_labels(
    lines: tuple[str, ...],
    top: int,
    first: int,
    guess: _Guess,
    missing: tuple[str, ...],
    options: Mapping[str, Any],
) -> int:
    """Return the first row from ``top`` on that is no label of the columns."""
    # "Rate (Hz),250,250" above the rows is none of them
    while top < first and is_labelled(cells_of(lines[top], guess.separator)):
        top += 1
    # a row with a word where numbers belong, at the very top, names the columns
    if top < first and not _is_pure(lines[top], guess, missing):
        top += 1
    if options.get("header") is True and not any(_is_row(line) for line in lines[:top]):
        top += 1
    return top


def _refuse_header_only(name: str, lines: tuple[str, ...]) -> None:
    """Say it where names of columns are all there is."""
    filled = [line for line in lines if line.strip()]
    for separator in _SEPARATORS[:-1]:
        labels = labels_of(cells_of(filled[-1], separator)) if len(filled) <= 2 else []
        if any(time_label(label)[0] or label.unit for label in labels) and len(labels) > 1:
            message = f"{name}: the file has a header but no rows; upload it again"
            raise EmptyFileError(message)


def _refuse_two_tables(
    name: str, above: tuple[str, ...], guess: _Guess, missing: tuple[str, ...], n_skip: int
) -> None:
    """Refuse where rows of numbers stand above what interrupts the table: they would be lost."""
    run = 0
    for i, line in enumerate(above):
        cells = cells_of(line, guess.separator)
        if guess.separator != " ":
            cells = _without_remark(cells, guess.n_columns)
        fits = _is_row(line) and len(cells) == guess.n_columns and _is_data(line, guess, missing)
        if run >= 2 and not fits and line.strip():
            message = (
                f"{name}: line {n_skip + i + 1} ({shown(line.strip())}) breaks the run of rows with numbers: "
                "several tables in one file, or a damaged row; split or repair it"
            )
            raise CorruptFileError(message)
        run = run + 1 if fits and _is_pure(line, guess, missing) else 0


def _is_data(line: str, guess: _Guess, missing: tuple[str, ...]) -> bool:
    cells = cells_of(line, guess.separator)
    if guess.separator != " ":
        cells = _without_remark(cells, guess.n_columns)
    if not _is_row(line) or len(cells) > guess.n_columns:
        return False
    filled = [cells[i] for i in guess.numeric if i < len(cells) and cells[i] not in missing]
    n_numbers = sum(is_number(cell, guess.decimal) for cell in filled)
    if not filled:
        return len(cells) == guess.n_columns and guess.n_columns > 1
    return n_numbers >= 0.5 * len(filled)


def _is_pure(line: str, guess: _Guess, missing: tuple[str, ...]) -> bool:
    cells = cells_of(line, guess.separator)
    wanted = [cells[i] for i in guess.numeric if i < len(cells)]
    return all(cell in missing or is_number(cell, guess.decimal) for cell in wanted)


def _kind(cells: list[str], decimal: str, missing: tuple[str, ...]) -> CellKind:
    filled = [cell for cell in cells if cell not in missing]
    if not filled:
        return "empty"
    half = 0.5 * len(filled)
    if sum(is_number(cell, decimal) for cell in filled) > half:
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


def _decimal_evidence(
    name: str, guess: _Guess, rows: list[list[str]], options: Mapping[str, Any]
) -> tuple[Evidence, ...]:
    """Say that a comma was taken as decimal mark; refuse where it may separate thousands or columns."""
    if "decimal" in options:
        return ()
    if guess.decimal == ",":
        cells = [cell for row in rows for cell in row if "," in cell]
        if cells and all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in cells):
            message = (
                f"{name}: numbers such as {cells[0]!r} may be decimals or thousands; say which with "
                '`decimal = ","` or "." in a mapping scheme'
            )
            raise UncertainMappingError(message)
        return (Evidence("content", "inferred", "a comma was read as the decimal mark"),)
    if (
        guess.separator == ","
        and "separator" not in options
        and not name.lower().endswith(".csv")
        and guess.n_columns == 2
        and all(len(row) == 2 and all(map(is_integer, row)) for row in rows)
    ):
        message = (
            f"{name}: {','.join(rows[0])!r} may be one number or two; say which with "
            "`separator` or `decimal` in a mapping scheme"
        )
        raise UncertainMappingError(message)
    return ()


# ------------------------------------------------------------------------------- header


def _with_header(layout: Layout, above: tuple[str, ...], options: Mapping[str, Any]) -> Layout:
    """Find the names, and what else stands above the columns, in the lines above the first row."""
    if options.get("header") is False:
        return layout
    heading = heading_of(
        above,
        layout.separator,
        layout.n_columns,
        is_last_empty=layout.kinds[-1] == "empty",
        is_first_empty=layout.kinds[0] == "empty",
        is_first_counter=is_counter([row[0] for row in layout.rows]),
    )
    return replace(layout, names=heading.names, units=heading.units, heading=heading)


def is_counter(cells: Sequence[str]) -> bool:
    """Whether cells count rows: whole numbers from 0 or 1 on, one by one."""
    bare = [cell.strip("\"'") for cell in cells]
    if len(bare) < 2 or not all(map(is_integer, bare)):
        return False
    first = int(bare[0])
    return first in (0, 1) and all(int(cell) == first + i for i, cell in enumerate(bare))
