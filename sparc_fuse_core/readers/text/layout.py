"""How a text file is laid out, found from its beginning: encoding, separator, decimal mark, header.

The table is the run of rows that reaches the end of what was looked at; what stands above it is its
header. A row of numbers is data, never a header. A scheme's options stand above what is found.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    UncertainMappingError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.shared.vocabulary import is_unit
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.clock import is_clock, is_datetime
from sparc_fuse_core.readers.text.guesses import (
    BODY_LINES,
    SEPARATORS,
    CellKind,
    Guess,
    best_guess,
    is_any_number,
    is_data,
    is_pure,
    is_row,
    kind_of,
    without_remark,
)
from sparc_fuse_core.readers.text.heading import Heading, heading_of, is_labelled
from sparc_fuse_core.readers.text.kinds import MISSING, is_integer, number_of
from sparc_fuse_core.readers.text.units import labels_of, time_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.readers.text.head import Head


#: So many rows of numbers are a table, not lines of a header.
_MANY_ROWS = 8


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
    body = [i for i in range(max(0, last - BODY_LINES), last) if is_row(lines[i])]
    guess = best_guess(lines, body, missing, options)
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
    rows = [cells_of(line, guess.separator) for line in lines[first:last] if is_row(line)]
    if guess.separator != " ":
        rows = [without_remark(row, guess.n_columns) for row in rows]
    rows = [row for row in rows if len(row) <= guess.n_columns or not any(row[guess.n_columns :])]
    rows = [(row + [""] * guess.n_columns)[: guess.n_columns] for row in rows[:BODY_LINES]]
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
            kind_of([row[i] for row in rows], guess.decimal, missing)
            for i in range(guess.n_columns)
        ),
        tuple(map(tuple, rows)),
        missing=missing,
        evidence=evidence,
    )
    return _with_header(layout, lines[:first], options)


def _first_row(
    lines: tuple[str, ...], guess: Guess, missing: tuple[str, ...], options: Mapping[str, Any]
) -> int:
    """Return the index of the first row of data."""
    if options.get("header") is False:
        return 0
    first = len(lines)
    while first and not is_row(lines[first - 1]):
        first -= 1
    footers = 0
    while first and footers <= 3 and not is_data(lines[first - 1], guess, missing):
        first -= 1
        footers += 1
    top = first
    while top:
        line = lines[top - 1]
        if is_row(line) and not is_data(line, guess, missing):
            break
        if not is_row(line) and not any(is_row(above) for above in lines[: top - 1]):
            break
        top -= 1
    while top < first and not is_row(lines[top]):
        top += 1
    return _below_labels(lines, top, first, guess, missing, options)


def _below_labels(
    lines: tuple[str, ...],
    top: int,
    first: int,
    guess: Guess,
    missing: tuple[str, ...],
    options: Mapping[str, Any],
) -> int:
    """Return the first row from ``top`` on that is no label of the columns."""
    # "Rate (Hz),250,250" above the rows is none of them
    while top < first and is_labelled(cells_of(lines[top], guess.separator)):
        top += 1
    if _is_damaged(lines, top - 1, guess, missing):
        return top - 1
    # a row with a word where numbers belong, at the very top, names the columns
    if (
        top < first
        and not is_pure(lines[top], guess, missing)
        and not _is_damaged(lines, top, guess, missing)
    ):
        top += 1
    if options.get("header") is True and not any(is_row(line) for line in lines[:top]):
        top += 1
    return top


def _is_damaged(lines: tuple[str, ...], i: int, guess: Guess, missing: tuple[str, ...]) -> bool:
    """Whether a line is data in spite of a word among its numbers (``0,<0.5``): the names stand above it."""
    if i < 1 or not is_row(lines[i]) or not is_row(lines[i - 1]):
        return False
    cells, names = (cells_of(line, guess.separator) for line in (lines[i], lines[i - 1]))
    if not len(cells) == len(names) == guess.n_columns > 1:
        return False
    begins = is_any_number(cells[0]) or is_clock(cells[0]) or is_datetime(cells[0])
    words = [cell for cell in cells[1:] if cell not in missing and not is_any_number(cell)]
    is_named = all(names) and not any(map(is_any_number, names))
    return begins and is_named and not any(map(is_unit, words))


def _refuse_header_only(name: str, lines: tuple[str, ...]) -> None:
    """Say it where names of columns are all there is."""
    filled = [line for line in lines if line.strip()]
    for separator in SEPARATORS[:-1]:
        labels = labels_of(cells_of(filled[-1], separator)) if 0 < len(filled) <= 2 else []
        if any(time_label(label)[0] or label.unit for label in labels) and len(labels) > 1:
            message = f"{name}: the file has a header but no rows; upload it again"
            raise EmptyFileError(message)


def _refuse_two_tables(
    name: str, above: tuple[str, ...], guess: Guess, missing: tuple[str, ...], n_skip: int
) -> None:
    """Refuse where rows of numbers stand above what interrupts the table: they would be lost."""
    run = 0
    other: tuple[int, int] = (
        0,
        0,
    )  # cells of rows of numbers in other columns, and how many of them in a row
    for i, line in enumerate(above):
        if not line.strip():
            continue
        if other[1] >= _MANY_ROWS and not _is_numbers(line):
            _say_two_tables(name, n_skip + i + 1, line)
        n_cells = len(cells_of(line, guess.separator)) if _is_numbers(line) else 0
        other = (n_cells, other[1] + 1 if n_cells == other[0] and n_cells > 1 else 0)
        cells = cells_of(line, guess.separator)
        if guess.separator != " ":
            cells = without_remark(cells, guess.n_columns)
        fits = is_row(line) and len(cells) == guess.n_columns and is_data(line, guess, missing)
        if run >= 2 and not fits:
            _say_two_tables(name, n_skip + i + 1, line)
        run = run + 1 if fits and is_pure(line, guess, missing) else 0


def _is_numbers(line: str) -> bool:
    """Whether a line holds nothing but numbers, whatever parts them."""
    cells = re.split(r"[\s,;]+", line.strip().strip(",;"))
    return is_row(line) and all(map(is_any_number, cells))


def _say_two_tables(name: str, number: int, line: str) -> None:
    message = (
        f"{name}: line {number} ({shown(line.strip())}) breaks the run of rows with numbers: "
        "several tables in one file, or a damaged row; split or repair it"
    )
    raise CorruptFileError(message)


def _decimal_evidence(
    name: str, guess: Guess, rows: list[list[str]], options: Mapping[str, Any]
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


def _with_header(layout: Layout, above: tuple[str, ...], options: Mapping[str, Any]) -> Layout:
    """Find the names, and what else stands above the columns, in the lines above the first row."""
    if options.get("header") is False:
        return layout
    numbers = [row[0] for row in layout.rows]
    heading = heading_of(
        above,
        layout.separator,
        layout.n_columns,
        is_last_empty=layout.kinds[-1] == "empty",
        is_first_empty=layout.kinds[0] == "empty",
        is_first_counter=is_counter(numbers) and numbers[0].strip("\"'") == "1",
    )
    if heading.names and not heading.names[0] and _is_time_shifted(layout, heading):
        heading = Heading()
    return replace(layout, names=heading.names, units=heading.units, heading=heading)


def _is_time_shifted(layout: Layout, heading: Heading) -> bool:
    """Whether names for all columns but the first would call one time that goes back: then they do not."""
    label = labels_of(heading.names[1:2])
    if not label or not time_label(label[0])[0] or layout.kinds[1] not in ("integer", "number"):
        return False
    values = [number_of(row[1], layout.decimal) for row in layout.rows]
    filled = [value for value in values if value is not None]
    return any(two < one for one, two in itertools.pairwise(filled))


def is_counter(cells: Sequence[str]) -> bool:
    """Whether cells count rows: whole numbers from 0 or 1 on, one by one."""
    bare = [cell.strip("\"'") for cell in cells]
    if len(bare) < 2 or not all(map(is_integer, bare)):
        return False
    first = int(bare[0])
    return first in (0, 1) and all(int(cell) == first + i for i, cell in enumerate(bare))


def _words_only(
    name: str, head: Head, n_skip: int, lines: tuple[str, ...], missing: tuple[str, ...]
) -> Layout | None:
    """Return the layout of a table without a column of numbers: a header and rows of as many cells."""
    filled = [(i, line) for i, line in enumerate(lines) if is_row(line)]
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    separators = {"csv": SEPARATORS[:-1], "tsv": ("\t",), "txt": ("\t",)}.get(ending, ())
    for separator in separators:
        rows = [cells_of(line, separator) for _, line in filled]
        n_columns = len(rows[0]) if rows else 0
        if n_columns < 2 or len(rows) < 2 or len({cell.lower() for cell in rows[0]}) < n_columns:
            continue
        if all(len(row) == n_columns for row in rows) and all(rows[0]):
            body = rows[1 : 1 + BODY_LINES]
            return Layout(
                head.encoding,
                separator,
                ".",
                n_skip + filled[0][0] + 1,
                head.lines[: n_skip + filled[0][0] + 1],
                tuple(rows[0]),
                (),
                tuple(kind_of([row[i] for row in body], ".", missing) for i in range(n_columns)),
                tuple(map(tuple, body)),
                Heading(names=tuple(rows[0])),
                missing=missing,
                evidence=head.evidence,
            )
    return None
