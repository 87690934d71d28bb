"""Spreadsheets (.xlsx, .xlsm, .xls, .ods): each sheet is a table, understood as delimited text is.

calamine reads the cells; a sheet's cells are written out as a delimited table, dates in ISO 8601, and go the
way of text. A sheet that states no recording is kept as a table. Formulas count by the values stored with them.
"""

from __future__ import annotations

import csv
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from sparc_fuse_core.errors import (
    CorruptFileError,
    NothingToConvertError,
    SizeLimitError,
    SparcFuseError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, EventTable, Evidence, StoredArray
from sparc_fuse_core.model import Table as KeptTable
from sparc_fuse_core.readers.shared.workbook_size import MAX_CELLS, check_workbook
from sparc_fuse_core.readers.text.reader import read as read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MAX_SHEETS = 200
#: A list of facts about a recording has no more rows.
_MOST_FACTS = 100
_Cell = Any


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a workbook; see `sparc_fuse_core.readers.Reader`."""
    sheets = _sheets(path)
    if not sheets:
        message = f"{path.name}: no cell of any sheet holds a value"
        raise NothingToConvertError(message)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-fuse-")))
        facts = _facts(sheets)
        parts = {}
        used: set[str] = set()
        for i, (name, rows) in enumerate(sheets.items()):
            part = _sheet(path, folder / str(i), rows, options, stack)
            if facts and part.tables and rows is not facts:
                # what another sheet states of the recording stands above the table in text
                part = _sheet(path, folder / f"{i}_stated", [*facts, *rows], options, stack)
                if not part.tables:
                    used |= {sheet for sheet, other in sheets.items() if other is facts}
                part = (
                    part
                    if not part.tables
                    else _kept(rows, "no column states a time, and nothing a rate")
                )
            parts[name] = part
        yield _together(parts, used)


def _facts(sheets: Mapping[str, list[list[_Cell]]]) -> list[list[_Cell]]:
    """Return the rows of the one sheet that lists names and values, if there are others beside it."""
    found = [
        rows
        for rows in sheets.values()
        if len(rows) <= _MOST_FACTS
        and all(
            isinstance(row[0], str) and row[0] and not any(cell != "" for cell in row[2:])
            for row in rows
        )
    ]
    return found[0] if len(found) == 1 < len(sheets) else []


def _sheets(path: Path) -> dict[str, list[list[_Cell]]]:
    """Return the rows of each sheet that has any, by name, blank rows and columns at its edges left out."""
    check_workbook(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            return _rows_of(path, book)
    except SparcFuseError:
        raise
    except PasswordError as err:
        message = f"{path.name}: the workbook is encrypted; save it without a password"
        raise UnsupportedFormatError(message) from err
    except (CalamineError, OSError, ValueError) as err:
        message = f"{path.name}: not a readable workbook ({err}); save it again"
        raise CorruptFileError(message) from err
    except BaseException as err:
        # the library is written in Rust, whose panics are no Exception
        if type(err).__name__ != "PanicException":
            raise
        message = f"{path.name}: the workbook is damaged; save it again"
        raise CorruptFileError(message) from err


def _rows_of(path: Path, book: CalamineWorkbook) -> dict[str, list[list[_Cell]]]:
    names = [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    found = {}
    n_cells = 0
    for name in names[:_MAX_SHEETS]:
        sheet = book.get_sheet_by_name(name)
        n_cells += sheet.height * sheet.width
        if n_cells > MAX_CELLS:
            message = f"{path.name}: more than {MAX_CELLS} cells; export its sheets as CSV"
            raise SizeLimitError(message)
        rows = [row for row in sheet.to_python() if any(cell != "" for cell in row)]
        if rows:
            found[name] = rows
    return found


def _sheet(
    path: Path,
    folder: Path,
    rows: list[list[_Cell]],
    options: Mapping[str, Any],
    stack: ExitStack,
) -> Contents:
    """Return what one sheet states, or its table."""
    folder.mkdir()
    written = folder / f"{path.stem}.csv"
    with written.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[_as_text(cell) for cell in row] for row in rows])
    if not any(isinstance(cell, int | float) for row in rows for cell in row):
        return _kept(rows, "no cell holds a number")
    try:
        found = stack.enter_context(read_text(written, options))
    except (UnsupportedFormatError, CorruptFileError) as err:
        return _kept(rows, str(err).replace(written.name, path.name))
    claims = any(
        recording.sampling_rate_hz is not None or recording.times is not None
        for recording in found.recordings
    )
    if claims or len(found.events):
        return found
    kept = _kept(rows, "no column states a time, and nothing a rate")
    # the cells have types that the text of them has not
    return replace(kept, evidence=found.evidence) if found.tables else kept


def _as_text(cell: _Cell) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = cell.total_seconds()
        return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}:{seconds % 60:06.3f}"
    return str(cell).strip()


def _kept(rows: list[list[_Cell]], why: str) -> Contents:
    """Return a sheet as a table: the first row is its header if it holds texts only, and others numbers."""
    width = max(len(row) for row in rows)
    rows = [row + [""] * (width - len(row)) for row in rows]
    has_header = len(rows) > 1 and all(isinstance(cell, str) for cell in rows[0])
    header = [str(cell).strip() for cell in rows[0]] if has_header else [""] * width
    body = rows[1:] if has_header else rows
    columns = tuple(_column(header[i], [row[i] for row in body]) for i in range(width))
    sentence = f"Kept as a table, without a claim: {why}."
    return Contents(
        tables=(KeptTable("", columns),), evidence=(Evidence("content", "missing", sentence),)
    )


def _column(name: str, cells: Sequence[_Cell]) -> StoredArray:
    stated = [cell for cell in cells if cell != ""]
    if stated and all(
        isinstance(cell, int | float) and not isinstance(cell, bool) for cell in stated
    ):
        values = np.array([np.nan if cell == "" else cell for cell in cells], dtype=np.float64)
        return StoredArray(name, values)
    if stated and len(stated) == len(cells) and all(isinstance(cell, bool) for cell in cells):
        return StoredArray(name, np.array(cells, dtype=bool))
    return StoredArray(name, np.array([_as_text(cell) for cell in cells], dtype=np.str_))


def _together(parts: Mapping[str, Contents], used: set[str]) -> Contents:
    """Return the sheets of a workbook as one: recordings and events, or tables by the names of the sheets.

    Parameters
    ----------
    parts
        What each sheet states.
    used
        Names of sheets that state facts of another one.
    """
    if len(parts) == 1:
        ((name, only),) = parts.items()
        return replace(only, metadata={**only.metadata, "sheet": name})
    recordings = tuple(
        replace(one, name=f"{sheet}_{one.name}" if one.name else sheet)
        for sheet, part in parts.items()
        for one in part.recordings
    )
    tables = tuple(
        replace(table, name=f"{sheet} {table.name}".strip())
        for sheet, part in parts.items()
        for table in part.tables
    )
    starts = sorted(part.start_time for part in parts.values() if part.start_time)
    has_signals = bool(recordings) or any(len(part.events) for part in parts.values())
    beside = [sheet for sheet, part in parts.items() if has_signals and part.tables]
    # a result is of one kind: what is kept of no sheet is not said to be
    evidence = [
        one for sheet, part in parts.items() if sheet not in beside for one in part.evidence
    ]
    evidence += [
        Evidence(
            "content",
            "missing",
            f"sheet {sheet!r} is a table beside recordings and no part of the result; save it as a "
            "file of its own",
        )
        for sheet in beside
        if sheet not in used
    ]
    return Contents(
        recordings,
        tables=tables,
        events=_events([part.events for part in parts.values()]),
        start_time=starts[0] if starts and len(set(starts)) == 1 else "",
        metadata={"sheets": {name: dict(part.metadata) for name, part in parts.items()}},
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _events(tables: Sequence[EventTable]) -> EventTable:
    stated = [table for table in tables if len(table)]
    if len(stated) <= 1:
        return stated[0] if stated else EventTable()
    return EventTable(
        **{
            column: [value for table in stated for value in getattr(table, column)]
            for column in ("time_s", "duration_s", "label", "channel", "kind")
        }
    )
