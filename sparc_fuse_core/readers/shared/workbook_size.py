"""How large a workbook really is, before a library makes all of its cells.

The library lays a sheet out as a full rectangle, from the first cell to the last, and believes what the archive
states. Two cells in opposite corners, a cell that is repeated a million times, or a part that unpacks to more
than it states would take all memory. So every part is unpacked once here, and corners and repetitions are seen.
"""

from __future__ import annotations

import re
import zipfile
from typing import IO, TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Unpacked parts of a workbook: its cells take more in memory.
MAX_BOOK_BYTES = 400 << 20
MAX_PARTS = 10_000
#: Cells of a sheet's rectangle, empty ones included.
MAX_CELLS = 20_000_000
_BLOCK = 1 << 20
#: A tag or a reference that a block cuts is found with so much of the block before it.
_OVERLAP = 4096
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_ODS_TAG = re.compile(rb"<(/?)table:(table-row|table-cell|covered-table-cell)\b([^>]*)>")
_REPEATED = re.compile(rb"""number-(?:columns|rows)-repeated\s*=\s*["'](\d+)["']""")


def check_workbook(path: Path) -> None:
    """Refuse a workbook whose cells would take all memory.

    Raises
    ------
    SizeLimitError
        If it unpacks to too much, or a sheet spans too many cells.
    CorruptFileError
        If it is no archive, or a part is not what the archive states.
    """
    if not zipfile.is_zipfile(path):
        return  # .xls has at most 65,536 x 256 cells a sheet
    try:
        with zipfile.ZipFile(path) as archive:
            n_parts = len(archive.infolist())
            n_bytes = sum(part.file_size for part in archive.infolist())
            is_small = n_parts <= MAX_PARTS and n_bytes <= MAX_BOOK_BYTES
            n_cells = _most_cells(archive) if is_small else 0
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as err:
        message = f"{path.name}: not a readable workbook ({err}); save it again"
        raise CorruptFileError(message) from err
    if not is_small or n_cells > MAX_CELLS:
        message = (
            f"{path.name}: a workbook of {n_parts} parts, {n_bytes / 1e6:.0f} MB unpacked, {n_cells} cells "
            "in its largest sheet; export it as CSV"
        )
        raise SizeLimitError(message)


def _most_cells(archive: zipfile.ZipFile) -> int:
    """Read every part to its end, and return the cells of the largest sheet."""
    found = [0]
    for part in archive.infolist():
        with archive.open(part) as file:
            found.append(_cells_in(part.filename, file))
    return max(found)


def _cells_in(name: str, file: IO[bytes]) -> int:
    """Read a part to its end, and return how many cells it may lay out."""
    if name.startswith("xl/worksheets/") and name.endswith(".xml"):
        return _rectangle(file)
    if name == "content.xml":
        return _repetitions(file)
    for _ in _blocks(file):
        pass
    return 0


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the part in blocks, each with the end of the one before it."""
    last = b""
    while block := file.read(_BLOCK):
        yield last + block
        last = (last + block)[-_OVERLAP:]


def _rectangle(file: IO[bytes]) -> int:
    rows, columns = [1 << 30, 0], [1 << 30, 0]
    for block in _blocks(file):
        for match in _REFERENCE.finditer(block):
            column = 0
            for letter in match[1].upper():
                column = column * 26 + letter - 64
            row = int(match[2])
            rows = [min(rows[0], row), max(rows[1], row)]
            columns = [min(columns[0], column), max(columns[1], column)]
    return max(0, rows[1] - rows[0] + 1) * max(0, columns[1] - columns[0] + 1)


def _repetitions(file: IO[bytes]) -> int:
    """Return the cells with values of an OpenDocument sheet, repeated ones as often as they are."""
    text = b"".join(iter(lambda: file.read(_BLOCK), b""))
    n_cells, of_row, row_times = 0, 0, 1
    for match in _ODS_TAG.finditer(text):
        repeated = _REPEATED.search(match[3])
        times = int(repeated[1]) if repeated else 1
        if match[2] == b"table-row":
            n_cells += of_row * row_times
            of_row, row_times = 0, times if not match[1] else 1
        elif not match[1] and b"value-type" in match[3]:
            of_row += times
    return n_cells + of_row * row_times
