"""Rows of text to columns of numbers, block by block, at the speed of the parser.

A block of whole lines is parsed (by simdjson where it holds plain numbers only, else by pyarrow) and its
columns are appended to one scratch file as they come: channel-major within a block, so nothing grows
with the file. A block that the fast parsers refuse (a row too short, a word amid numbers) is read cell
by cell instead.
"""

from __future__ import annotations

import codecs
import csv
import math
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.text.clock import NO_TIME, nanoseconds_of, unwrapped
from sparc_fuse_core.readers.text.plain import PlainNumbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

#: Bytes of text parsed at once (measured on 176 MB: 0.74 CPU s at 0.5 to 1 MB, 0.92 at 2 MB).
BLOCK_BYTES = 1_000_000
LONGEST_LINE_BYTES = 32_000_000
#: Integers up to here are exact in float64.
EXACT = 2**53
#: Distinct texts of one column kept as metadata.
MOST_DISTINCT = 1000
#: Remarks kept; more are counted.
MOST_COMMENTS = 1_000_000

#: Spellings of "no value" that programs write; scheme option ``missing_values`` adds to them.
MISSING = (
    *("", "NaN", "nan", "NAN", "-nan", "-NaN", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None"),
    *("-", "--", "*", "?", ".", "#NUM!", "#DIV/0!", "#VALUE!", "-nan(ind)", "1.#QNAN", "-1.#IND"),
)

Role = Literal["number", "clock", "datetime", "code", "distinct", "comment", "blank"]


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes of one column: kept in the store, or gathered as text.

    Attributes
    ----------
    position
        In the file, from 0.
    role
        ``number``: stored; ``clock``, ``datetime``: stored as ns; ``code``: stored as an index into its
        distinct texts; ``distinct``: its distinct texts; ``comment``: (row, text); ``blank``: must be empty.
    """

    position: int
    role: Role


STORED: tuple[Role, ...] = ("number", "clock", "datetime", "code")


class ColumnStore:
    """Columns of 8-byte numbers in one scratch file, in pieces of a few thousand rows.

    A piece holds each column in one run, as int64 until a value is not an integer, then as float64.
    """

    def __init__(self, path: Path, n_columns: int) -> None:
        self.n_columns = n_columns
        self.n_rows = 0
        self.largest = [0] * n_columns  # magnitude of the integers in each column
        self.integer = [True] * n_columns
        self._file = path.open("w+b", buffering=0)
        self._starts = [0]  # first row of each piece, and the end
        self._offsets: list[int] = []
        self._kinds: list[tuple[bool, ...]] = []

    def append(self, arrays: Sequence[np.ndarray[Any, Any]]) -> None:
        """Append rows: one array of int64 or float64 for each column, of one length."""
        n_rows = len(arrays[0]) if arrays else 0
        if not n_rows:
            return
        self._offsets.append(self._file.seek(0, os.SEEK_END))
        kinds = []
        for i, array in enumerate(arrays):
            is_integer = array.dtype.kind == "i"
            kinds.append(is_integer)
            if is_integer:
                self.largest[i] = max(self.largest[i], int(array.max()), -int(array.min()))
            else:
                self.integer[i] = False
            self._write(np.ascontiguousarray(array))
        self.n_rows += n_rows
        self._starts.append(self.n_rows)
        self._kinds.append(tuple(kinds))

    def _write(self, array: np.ndarray[Any, Any]) -> None:
        left = array.data.cast("B")
        while left:
            left = left[self._file.write(left) :]

    def blocks(self, columns: Sequence[int], dtype: Any) -> FunctionBlocks:
        """Blocks of shape (n_columns, n_rows)."""
        kind = np.dtype(dtype)

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            (first, last), (start, stop) = bounds
            return self._read(columns[first:last], start, stop, kind)

        return FunctionBlocks((len(columns), self.n_rows), kind, read)

    def vector(self, column: int, dtype: Any = np.float64) -> FunctionBlocks:
        """Blocks of shape (n_rows,)."""
        kind = np.dtype(dtype)

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            rows: np.ndarray[Any, Any] = self._read((column,), *bounds[0], kind)[0]
            return rows

        return FunctionBlocks((self.n_rows,), kind, read)

    def _read(
        self, columns: Sequence[int], start: int, stop: int, dtype: np.dtype[Any]
    ) -> np.ndarray[Any, Any]:
        block = np.empty((len(columns), stop - start), dtype)
        if not block.size:
            return block
        low, high = min(columns), max(columns)
        piece = int(np.searchsorted(self._starts, start, side="right")) - 1
        while self._starts[piece] < stop:
            begin, end = self._starts[piece], self._starts[piece + 1]
            n_rows = end - begin
            raw = os.pread(
                self._file.fileno(),
                8 * n_rows * (high - low + 1),
                self._offsets[piece] + 8 * n_rows * low,
            )
            rows = slice(max(start, begin) - begin, min(stop, end) - begin)
            into = slice(rows.start + begin - start, rows.stop + begin - start)
            for i, column in enumerate(columns):
                stored = np.int64 if self._kinds[piece][column] else np.float64
                values = np.frombuffer(raw, stored, n_rows, 8 * n_rows * (column - low))
                block[i, into] = values[rows]
            piece += 1
            if piece == len(self._offsets):
                break
        return block

    def close(self) -> None:
        """Close the scratch file; further reads fail."""
        self._file.close()


def line_blocks(path: Path, encoding: str, n_skip: int) -> Iterator[bytes]:
    """Yield blocks of whole lines without the first ``n_skip``; the last may lack its line end.

    UTF-16 and UTF-32 become UTF-8; 8-bit encodings stay as they are. Bare carriage returns become
    line feeds.
    """
    wide = encoding.startswith(("utf-16", "utf-32"))
    decode = codecs.getincrementaldecoder(encoding)() if wide else None
    rest = b""
    with path.open("rb") as file:
        while True:
            data = file.read(BLOCK_BYTES * (2 if wide else 1))
            if decode is not None:
                try:
                    text = decode.decode(data, final=not data)
                except UnicodeDecodeError as err:
                    message = f"{path.name}: not {encoding} as its beginning says ({err})"
                    raise CorruptFileError(message) from err
                piece = text.removeprefix("\ufeff").encode()
            else:
                piece = data.removeprefix(codecs.BOM_UTF8)
            if not data:
                block = rest + piece
                break
            block, rest = _whole_lines(rest, piece)
            if len(rest) > LONGEST_LINE_BYTES:
                message = (
                    f"{path.name}: a line of more than {LONGEST_LINE_BYTES} bytes is no table row"
                )
                raise CorruptFileError(message)
            while n_skip and block:
                n_skip -= 1
                block = block[block.index(b"\n") + 1 :]
            if block:
                yield block
    if block and not n_skip:
        yield block.replace(b"\r", b"\n")


def _whole_lines(rest: bytes, piece: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines of ``rest + piece`` with line feeds, and what follows them."""
    cut = piece.rfind(b"\n") + 1
    if cut and b"\r" not in piece and not rest.endswith(b"\r"):
        # mostly so: copied once
        return b"".join((rest, memoryview(piece)[:cut])), piece[cut:]
    block = rest + piece
    if b"\r" in block:
        held = block.endswith(b"\r")
        block = block.replace(b"\r\n", b"\n")
        block = block[:-1].replace(b"\r", b"\n") + (b"\r" if held else block[-1:])
    cut = block.rfind(b"\n") + 1
    return block[:cut], block[cut:]


@dataclass
class TableParser:
    """Parses blocks of lines into a store, and gathers what is not numbers.

    Attributes
    ----------
    name
        Of the file, for messages.
    separator, decimal, encoding, missing
        How cells are written; a blank as separator means any run of blanks.
    n_columns
        Cells in a row.
    columns
        What becomes of each column that is wanted.
    integers
        Positions of columns that hold only integers so far.
    drop_without
        Position of the column whose missing values drop a row.
    n_lines
        Lines of the file before the next block.
    """

    name: str
    separator: str
    decimal: str
    encoding: str
    missing: tuple[str, ...]
    n_columns: int
    columns: tuple[Column, ...]
    store: ColumnStore
    integers: set[int]
    drop_without: int | None = None
    n_lines: int = 0
    n_dropped: int = 0
    n_comment_lines: int = 0
    n_short_rows: int = 0
    n_blank_lines: int = 0
    is_cut_off: bool = False
    footer: list[str] = field(default_factory=list)
    bad_cells: Counter[int] = field(default_factory=Counter)
    bad_example: dict[int, str] = field(default_factory=dict)
    distinct: dict[int, dict[str, int]] = field(default_factory=dict)
    comments: list[tuple[int, str]] = field(default_factory=list)
    clock_digits: int = 0
    tail: bytes = b""

    def __post_init__(self) -> None:
        self._last_clock: int | None = None
        # integers have their own type there, and a decimal comma is no JSON
        is_plain = self.decimal == "." and all(
            column.role == "number" and column.position not in self.integers
            for column in self.columns
        )
        self._plain = PlainNumbers(self.separator, self.n_columns) if is_plain else None
        self._drop = None if self.drop_without is None else self._place_of(self.drop_without)

    def _place_of(self, position: int) -> int:
        stored = [column.position for column in self.columns if column.role in STORED]
        return stored.index(position)

    def feed(self, block: bytes) -> None:
        """Parse whole lines and append them."""
        n_before = self.n_comment_lines + self.n_blank_lines
        block = self._tidy(block)
        if not block or block.isspace():
            return
        plain = self._plain.read(block) if self._plain is not None else None
        texts: dict[int, list[str]] = {}
        if plain is not None:
            arrays = [plain[column.position] for column in self.columns]
        else:
            arrays, texts, block = self._parse_any(block)
        # rows are counted, not line ends: that would cost as much as a tenth of the parsing
        self.n_lines += len(arrays[0]) + self.n_comment_lines + self.n_blank_lines - n_before
        self._take(arrays, texts)
        self.tail = block[-65536:]

    def _parse_any(
        self, block: bytes
    ) -> tuple[list[np.ndarray[Any, Any]], dict[int, list[str]], bytes]:
        """Parse what may be more than numbers; return the columns, texts and the lines taken."""
        import pyarrow as pa  # which a table of plain numbers does without

        try:
            arrays, texts = self._parse_fast(block)
        except pa.ArrowInvalid:
            if b"\n\n" in block:
                self.n_blank_lines += len(re.findall(rb"\n(?=\n+[^\n])", block))
                block = re.sub(rb"\n\n+", b"\n", block).lstrip(b"\n")
            try:
                arrays, texts = self._parse_fast(block)
            except pa.ArrowInvalid:
                arrays, texts = self._parse_slowly(block)
        return arrays, texts, block

    def _tidy(self, block: bytes) -> bytes:
        # one letter is found much faster than two
        if b"#" in block and (b"\n#" in block or block.startswith(b"#")):
            block, n_comments = re.subn(rb"(?m)^#[^\n]*(?:\n|\Z)", b"", block)
            self.n_comment_lines += n_comments
        if self.n_columns == 1 and b"\n\n" in block:
            self.n_blank_lines += len(re.findall(rb"\n(?=\n+[^\n])", block))
        if self.separator == " ":
            block = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", block)
            block = re.sub(rb"[ \t]+", b" ", block)
        return block

    # --------------------------------------------------------------------------- fast

    def _parse_fast(self, block: bytes) -> tuple[list[np.ndarray[Any, Any]], dict[int, list[str]]]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        names = [str(i) for i in range(self.n_columns)]
        while True:
            types = {names[column.position]: self._type(column) for column in self.columns}
            try:
                table = arrow_csv.read_csv(
                    pa.BufferReader(block),
                    read_options=arrow_csv.ReadOptions(
                        column_names=names, block_size=len(block) + 1
                    ),
                    parse_options=arrow_csv.ParseOptions(
                        delimiter=self.separator, ignore_empty_lines=self.n_columns == 1
                    ),
                    convert_options=arrow_csv.ConvertOptions(
                        column_types=types,
                        include_columns=list(types),
                        null_values=list(self.missing),
                        decimal_point=self.decimal,
                        check_utf8=False,
                    ),
                )
                break
            except pa.ArrowInvalid as err:
                refused = _NOT_INTEGER.search(str(err))
                if refused is None or int(refused[1]) not in self.integers:
                    raise
                self.integers.discard(int(refused[1]))
        arrays = []
        texts: dict[int, list[str]] = {}
        for column, cells in zip(self.columns, table.columns, strict=True):
            whole = cells.combine_chunks() if cells.num_chunks != 1 else cells.chunk(0)
            if column.role == "number":
                if whole.null_count and pa.types.is_integer(whole.type):
                    self._note_magnitude(column.position, whole)
                arrays.append(whole.to_numpy(zero_copy_only=False))
            elif column.role != "blank":
                texts[column.position] = [
                    cell.decode(self._text_encoding, "replace") if cell else ""
                    for cell in whole.to_pylist()
                ]
                if column.role in STORED:
                    arrays.append(self._stored_text(column, texts[column.position]))
        return arrays, texts

    def _note_magnitude(self, position: int, integers: pa.Array) -> None:
        """Missing values turn integers into floats: remember how large they were."""
        present = integers.drop_null().to_numpy()
        if len(present):
            place = self._place_of(position)
            largest = max(int(present.max()), -int(present.min()))
            self.store.largest[place] = max(self.store.largest[place], largest)

    @property
    def _text_encoding(self) -> str:
        return "utf-8" if self.encoding.startswith("utf") else self.encoding

    def _type(self, column: Column) -> pa.DataType:
        import pyarrow as pa

        match column.role:
            case "number":
                return pa.int64() if column.position in self.integers else pa.float64()
            case "blank":
                return pa.null()
            case _:
                return pa.binary()

    # --------------------------------------------------------------------------- cell by cell

    def _parse_slowly(
        self, block: bytes
    ) -> tuple[list[np.ndarray[Any, Any]], dict[int, list[str]]]:
        rows = self._rows(block)
        arrays = []
        texts: dict[int, list[str]] = {}
        for column in self.columns:
            cells = [row[column.position].strip() for row in rows]
            if column.role == "number":
                arrays.append(self._numbers(column.position, cells))
            elif column.role == "blank":
                filled = next((cell for cell in cells if cell not in self.missing), "")
                if filled:
                    message = (
                        f"{self.name}: column {column.position + 1} is empty at first but holds "
                        f"{filled!r} below; name it in the header or set `ignore_columns` in a scheme"
                    )
                    raise CorruptFileError(message)
            else:
                texts[column.position] = cells
                if column.role in STORED:
                    arrays.append(self._stored_text(column, cells))
        return arrays, texts

    def _rows(self, block: bytes) -> list[list[str]]:
        """Cut lines into rows of ``n_columns`` cells; leave out what follows the last number."""
        lines = block.decode(self._text_encoding, "replace").split("\n")
        ended = lines[-1] == ""
        rows: list[list[str]] = []
        for i, line in enumerate(lines):
            if not line.strip():
                continue
            row = next(csv.reader([line], delimiter=self.separator), [])
            if any(cell.strip() for cell in row[self.n_columns :]):
                message = (
                    f"{self.name}: line {self.n_lines + i + 1} has {len(row)} cells instead of "
                    f"{self.n_columns}; repair the file or export it again"
                )
                raise CorruptFileError(message)
            if self._is_words(row):
                self.footer.append(line[:200])
                continue
            if self.footer:
                message = (
                    f"{self.name}: text amid the numbers before line {self.n_lines + i + 1} "
                    f"({self.footer[-1]!r}): several tables in one file; split them"
                )
                raise CorruptFileError(message)
            if len(row) < self.n_columns:
                if i == len(lines) - 1 and not ended:
                    self.is_cut_off = True
                    continue
                self.n_short_rows += 1
                row += [""] * (self.n_columns - len(row))
            rows.append(row)
        return rows

    def _is_words(self, row: list[str]) -> bool:
        """Whether no number is where numbers belong, but some words are."""
        cells = [
            row[column.position].strip()
            for column in self.columns
            if column.role == "number" and column.position < len(row)
        ]
        filled = [cell for cell in cells if cell not in self.missing]
        if not filled:
            wanted = any(column.role == "number" for column in self.columns)
            return wanted and len(row) < self.n_columns
        return not any(_NUMBERS[self.decimal].fullmatch(cell) for cell in filled)

    def _numbers(self, position: int, cells: list[str]) -> np.ndarray[Any, Any]:
        values: list[float] = []
        is_integer = position in self.integers
        for cell in cells:
            if _NUMBERS[self.decimal].fullmatch(cell):
                values.append(float(cell.replace(",", ".") if self.decimal == "," else cell))
                is_integer = is_integer and _INTEGER.fullmatch(cell) is not None
            else:
                values.append(math.nan)
                is_integer = False
                if cell not in self.missing:
                    self.bad_cells[position] += 1
                    self.bad_example.setdefault(position, cell[:40])
        if is_integer:
            integers = [int(cell) for cell in cells]
            if all(-(2**63) <= value < 2**63 for value in integers):
                return np.array(integers, np.int64)
        self.integers.discard(position)
        return np.array(values, np.float64)

    # --------------------------------------------------------------------------- both

    def _stored_text(self, column: Column, cells: list[str]) -> np.ndarray[Any, Any]:
        if column.role == "code":
            codes = self.distinct.setdefault(column.position, {})
            return np.array(
                [codes.setdefault(cell.strip(), len(codes)) for cell in cells], np.int64
            )
        values, digits = nanoseconds_of(cells, column.role)
        self.clock_digits = max(self.clock_digits, digits)
        if column.role == "clock":
            is_time = values != NO_TIME
            values[is_time], self._last_clock = unwrapped(values[is_time], self._last_clock)
        return values

    def _take(self, arrays: list[np.ndarray[Any, Any]], texts: dict[int, list[str]]) -> None:
        keep = None
        if self._drop is not None and arrays:
            times = arrays[self._drop]
            keep = times != NO_TIME if times.dtype.kind == "i" else ~np.isnan(times)
            if keep.all():
                keep = None
            else:
                self.n_dropped += int((~keep).sum())
                arrays = [array[keep] for array in arrays]
        for column in self.columns:
            cells = texts.get(column.position, [])
            if keep is not None and cells:
                cells = [cell for cell, kept in zip(cells, keep, strict=True) if kept]
            if column.role == "distinct":
                seen = self.distinct.setdefault(column.position, {})
                for cell in dict.fromkeys(cells):
                    if len(seen) <= MOST_DISTINCT and cell.strip():
                        seen.setdefault(cell.strip(), len(seen))
            elif column.role == "comment":
                self.comments += [
                    (self.store.n_rows + i, cell.strip())
                    for i, cell in enumerate(cells)
                    if cell.strip() and len(self.comments) < MOST_COMMENTS
                ]
        self.store.append(arrays)


_NUMBERS = {
    mark: re.compile(
        rf"[+-]?(?:\d+(?:{re.escape(mark)}\d*)?|{re.escape(mark)}\d+)(?:[eE][+-]?\d+)?"
        r"|[+-]?(?i:inf(?:inity)?)"
    )
    for mark in ".,"
}
_INTEGER = re.compile(r"[+-]?\d+")
_NOT_INTEGER = re.compile(r"In CSV column #(\d+): CSV conversion error to int64")


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a number, written with this decimal mark."""
    return _NUMBERS[decimal].fullmatch(cell.strip()) is not None


def is_integer(cell: str) -> bool:
    """Whether a cell is a whole number without decimal mark or exponent."""
    return _INTEGER.fullmatch(cell.strip()) is not None
