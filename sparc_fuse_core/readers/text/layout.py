"""How a text file is laid out, found from its beginning: encoding, separator, decimal mark, header.

The table is the run of rows that reaches the end of what was looked at; what stands above it is its
header. A row of numbers is data, never a header. A scheme's options stand above what is found.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SchemeError,
    UncertainMappingError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.text.clock import is_clock, is_datetime
from sparc_fuse_core.readers.text.columns import MISSING, is_integer, is_number
from sparc_fuse_core.readers.text.units import is_unit_row, labels_of, time_label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD_BYTES = 1_000_000
_MOST_LINES = 1000
_BODY_LINES = 300
_TRUSTED_ROWS = 50
_SEPARATORS = ("\t", ";", ",", "|", " ")

CellKind = Literal["integer", "number", "clock", "datetime", "text", "empty"]


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
    missing: tuple[str, ...] = MISSING
    evidence: tuple[Evidence, ...] = ()

    @property
    def n_columns(self) -> int:
        """Cells in a row."""
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class Head:
    """The decoded beginning of a file.

    Attributes
    ----------
    lines
        Without line ends; a line cut by the limit is left out.
    is_whole
        Whether that is the whole file.
    """

    encoding: str
    lines: tuple[str, ...]
    is_whole: bool
    evidence: tuple[Evidence, ...] = ()


def read_head(path: Path, options: Mapping[str, Any]) -> Head:
    """Decode the beginning of a file.

    Raises
    ------
    EmptyFileError
        If there is nothing but blanks.
    CorruptFileError
        If the bytes are no text.
    SchemeError
        If the scheme's encoding is unknown or does not fit.
    """
    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    if not raw.strip():
        message = f"{path.name}: the file is empty ({len(raw)} bytes of blanks); upload it again"
        raise EmptyFileError(message)
    is_whole = len(raw) < HEAD_BYTES
    evidence: tuple[Evidence, ...] = ()
    if "encoding" in options:
        encoding = _stated_encoding(path.name, str(options["encoding"]), raw)
    else:
        encoding, evidence = _found_encoding(path.name, raw)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw, final=is_whole)
    except UnicodeDecodeError as err:
        if "encoding" in options:
            message = f"{path.name}: not {encoding}, as the scheme says ({err})"
            raise SchemeError(message) from err
        message = f"{path.name}: not readable as {encoding} ({err}); upload the file again"
        raise CorruptFileError(message) from err
    lines = re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))
    if not is_whole:
        lines.pop()
    if not lines:
        message = (
            f"{path.name}: no line ends in the first {HEAD_BYTES} bytes: no numeric table with one "
            "row for each sample; transpose it, or export it as columns"
        )
        raise UnsupportedFormatError(message)
    return Head(
        encoding, tuple(lines[:_MOST_LINES]), is_whole and len(lines) <= _MOST_LINES, evidence
    )


def _stated_encoding(name: str, stated: str, raw: bytes) -> str:
    try:
        encoding = codecs.lookup(stated).name
    except LookupError:
        message = f"{name}: the scheme's encoding {stated!r} is unknown"
        raise SchemeError(message) from None
    if encoding == "utf-16":
        # without a byte order mark Python takes the machine's order; the file's own decides
        return _wide_encoding(raw) or "utf-16-le"
    return encoding


def _wide_encoding(raw: bytes) -> str:
    """Return the UTF-16 or UTF-32 codec that the bytes show, or ``""``."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return encoding
    sample = raw[: 4096 & ~1]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _found_encoding(name: str, raw: bytes) -> tuple[str, tuple[Evidence, ...]]:
    if wide := _wide_encoding(raw):
        return wide, ()
    if b"\0" in raw:
        message = f"{name}: not text: it has zero bytes; upload the file again, or name it as it is"
        raise CorruptFileError(message)
    if sum(raw.count(code) for code in _CONTROLS) > len(raw) // 100:
        message = f"{name}: not text: it has control characters throughout"
        raise CorruptFileError(message)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw, final=len(raw) < HEAD_BYTES)
    except UnicodeDecodeError:
        import charset_normalizer  # only where it is not UTF-8

        best = charset_normalizer.from_bytes(raw[:65536], explain=False).best()
        # whatever is guessed, digits and separators must be what they are in ASCII
        guess = best.encoding if best is not None else ""
        encoding = guess if guess.startswith(("cp125", "latin", "iso8859", "mac_")) else "cp1252"
        sentence = f"the encoding is not stated; letters beyond ASCII were read as {encoding}"
        return encoding, (Evidence("names", "inferred", sentence),)
    return "utf-8", ()


_CONTROLS = [bytes([code]) for code in range(32) if code not in (9, 10, 11, 12, 13, 26)]


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
    best: tuple[tuple[float, ...], _Guess] | None = None
    for separator in [str(options["separator"])] if "separator" in options else _SEPARATORS:
        for decimal in [str(options["decimal"])] if "decimal" in options else (".", ","):
            if decimal == separator:
                continue
            guess = _guess(lines, body, separator, decimal, missing)
            if guess is not None and (best is None or guess.merit > best[0]):
                best = guess.merit, guess
    if best is None:
        _refuse_header_only(name, lines[:last])
        message = (
            f"{name}: no numeric table: no run of rows with numbers in the same columns reaches the "
            "end of the beginning; if it is a recording, write a mapping scheme for it"
        )
        raise UnsupportedFormatError(message)
    guess = best[1]
    first = _first_row(lines, guess, missing, options)
    if options.get("header") is not False:
        _refuse_two_tables(name, lines[:first], guess, missing, n_skip)
    rows = [cells_of(line, guess.separator) for line in lines[first:last] if _is_row(line)]
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
        missing,
        evidence,
    )
    return _with_header(layout, lines[:first], options)


@dataclass(frozen=True, slots=True)
class _Guess:
    separator: str
    decimal: str
    n_columns: int
    numeric: frozenset[int]
    merit: tuple[float, ...]


def _is_row(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def cells_of(line: str, separator: str) -> list[str]:
    """Cut a line into stripped cells; a trailing separator makes an empty one."""
    if separator == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


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
    # the run at the end counts: names, facts and remarks above a short table must not outvote it
    begin = len(found)
    while begin and lengths[begin - 1] <= n_columns:
        begin -= 1
    is_ragged = lengths[begin:].count(n_columns) < 0.9 * (len(found) - begin)
    if is_ragged:
        # rows that only ever get shorter: columns of unequal length side by side
        if lengths != sorted(lengths, reverse=True):
            return None
        n_columns, begin = lengths[0], 0
    if begin == len(found):
        return None
    same = [row for _, row in found[begin:]]
    n_lines = sum(i >= found[begin][0] for i in body)
    numeric = set()
    n_typed = n_filled = 0
    for i in range(n_columns):
        cells = [row[i] for row in same if i < len(row) and row[i] not in missing]
        n_numbers = sum(is_number(cell, decimal) for cell in cells)
        n_typed += n_numbers + sum(is_clock(cell) or is_datetime(cell) for cell in cells)
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
        fits = _is_row(line) and len(cells) == guess.n_columns and _is_data(line, guess, missing)
        if run >= 2 and not fits and line.strip():
            message = (
                f"{name}: line {n_skip + i + 1} ({line.strip()[:60]!r}) breaks the run of rows with numbers: "
                "several tables in one file, or a damaged row; split or repair it"
            )
            raise CorruptFileError(message)
        run = run + 1 if fits and _is_pure(line, guess, missing) else 0


def _is_data(line: str, guess: _Guess, missing: tuple[str, ...]) -> bool:
    cells = cells_of(line, guess.separator)
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
    if sum(map(is_clock, filled)) > half:
        return "clock"
    if sum(map(is_datetime, filled)) > half:
        return "datetime"
    return "text"


def _decimal_evidence(
    name: str, guess: _Guess, rows: list[list[str]], options: Mapping[str, Any]
) -> tuple[Evidence, ...]:
    """Say that a comma was taken as decimal mark; refuse where it may separate thousands or columns."""
    if "decimal" in options:
        return ()
    if guess.decimal == ",":
        cells = [cell for row in rows for cell in row if "," in cell]
        if all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in cells):
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
    """Find the names, and the units below them, in the lines above the first row."""
    if options.get("header") is False:
        return layout
    candidates: list[list[str]] = []
    for line in reversed(above):
        if line.strip():
            cells = _header_cells(line, layout)
            if not cells:
                break
            candidates.append(cells)
            if len(candidates) == 2:
                break
    if not candidates:
        return layout
    if is_unit_row(candidates[0]):
        # a lone row that reads like units may as well be names: then it names the columns
        if len(candidates) == 2:
            return replace(layout, names=tuple(candidates[1]), units=tuple(candidates[0]))
        if not any(time_label(label)[0] for label in labels_of(candidates[0])):
            return replace(layout, units=tuple(candidates[0]))
    return replace(layout, names=tuple(candidates[0]))


def _header_cells(line: str, layout: Layout) -> list[str]:
    """Cut a header line into one cell for each column; empty if it does not fit."""
    bare = re.sub(r"^\s*(?:#|%|//)+", "", line)
    ways = [cells_of(bare, layout.separator)]
    if layout.separator == " ":
        ways += [[cell.strip() for cell in re.split(r"\t+|\s{2,}|[,;]", bare) if cell.strip()]]
    elif "\t" in bare and layout.separator != "\t":
        ways.append(cells_of(bare, "\t"))
    for cells in ways:
        if len(cells) == layout.n_columns and any(cells):
            # "key: value" over two columns is a fact, not two names
            if any(re.search(r"[:=]$", cell) for cell in cells[:1]):
                continue
            return cells
        if len(cells) == layout.n_columns + 1 and not cells[-1]:
            return cells[:-1]
        is_one_less = len(cells) == layout.n_columns - 1 and layout.kinds[-1] == "empty"
        if is_one_less and cells:
            return [*cells, ""]
    return []
