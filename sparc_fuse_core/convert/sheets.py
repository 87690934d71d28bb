"""Small tables of a dataset, xlsx or csv, as rows of texts; bounded, whatever the file claims.

A table is read in the process that runs everything, so nothing of it may be slow, large or fatal: sizes are
looked at before anything is unpacked, rows and columns are counted, and whatever the libraries raise is one
error.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_ROWS = 20_000
_MAX_COLUMNS = 256
_MAX_CELL_CHARACTERS = 32_767  # Excel's own limit
_MAX_CHARACTERS = 8_000_000
_MAX_CSV_BYTES = 16_000_000
#: Of one part of a workbook, and of all of them, unpacked: XML in memory takes ten times as much.
_MAX_PART_BYTES = 20_000_000
_MAX_BOOK_BYTES = 60_000_000
_MAX_PARTS = 2_000


def read_rows(path: Path) -> list[list[str]]:
    """Return the cells of the first sheet as texts, without empty rows.

    Raises
    ------
    CorruptFileError
        If it is no table that can be read.
    SizeLimitError
        If it unpacks to more than a table of this kind ever holds.
    """
    try:
        rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _book_rows(path)
        return list(_bounded(rows, path.name))
    except (SizeLimitError, CorruptFileError):
        raise
    except Exception as err:  # the libraries raise what they happen to meet in a damaged file
        message = f"{path.name}: not readable as a table ({type(err).__name__}: {err})"
        raise CorruptFileError(message[:500]) from err


def _bounded(rows: Iterable[list[str]], name: str) -> Iterator[list[str]]:
    n_characters = n_rows = 0
    for row in rows:
        # the library makes rows as wide as it was asked for
        while row and not row[-1]:
            row.pop()
        if not row:
            continue
        n_rows += 1
        n_characters += sum(map(len, row))
        if n_characters > _MAX_CHARACTERS or n_rows > MAX_ROWS:
            message = (
                f"{name}: a table of more than {MAX_ROWS} rows or {_MAX_CHARACTERS} characters"
            )
            raise SizeLimitError(message)
        yield row


def _csv_rows(path: Path) -> Iterator[list[str]]:
    if path.stat().st_size > _MAX_CSV_BYTES:
        message = f"{path.name}: a table of {path.stat().st_size / 1e6:.0f} MB"
        raise SizeLimitError(message)
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for row in csv.reader(io.StringIO(text)):
        yield [cell.strip() for cell in row[:_MAX_COLUMNS]]


def _book_rows(path: Path) -> Iterator[list[str]]:
    # workers get the tables as JSON and need no spreadsheet library
    from openpyxl import load_workbook

    _check_unpacked(path)
    with path.open("rb") as file:
        book = load_workbook(file, read_only=True, data_only=True)
        try:
            # rows beyond the first empty cells are made up by the library: bounded in both directions
            for row in book.worksheets[0].iter_rows(
                values_only=True, max_row=MAX_ROWS, max_col=_MAX_COLUMNS
            ):
                yield [
                    "" if cell is None else str(cell)[:_MAX_CELL_CHARACTERS].strip() for cell in row
                ]
        finally:
            book.close()


def _check_unpacked(path: Path) -> None:
    """Refuse a workbook by the sizes that it states, which no reading goes beyond."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    sizes = [part.file_size for part in parts]
    if (
        len(parts) > _MAX_PARTS
        or max(sizes, default=0) > _MAX_PART_BYTES
        or (sum(sizes) > _MAX_BOOK_BYTES)
    ):
        message = f"{path.name}: a workbook that unpacks to {sum(sizes) / 1e6:.0f} MB"
        raise SizeLimitError(message)
