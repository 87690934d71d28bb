"""Rows of text to columns of numbers, block by block, at the speed of the parser.

A block of whole lines is parsed (by simdjson where it holds plain numbers only, else by pyarrow) and its
columns are appended to one scratch file as they come: channel-major within a block, so nothing grows
with the file. A block that the fast parsers refuse (a row too short, a word amid numbers) is read cell
by cell instead.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.text.clock import NO_TIME, nanoseconds_of, unwrapped
from sparc_fuse_core.readers.text.kinds import (
    BOOLEANS,
    INTEGER,
    MOST_COMMENTS,
    MOST_DISTINCT,
    STORED,
    Column,
    is_number,
    is_words,
    may_be_grouped,
    number_of,
)
from sparc_fuse_core.readers.text.plain import PlainNumbers

if TYPE_CHECKING:
    import pyarrow as pa

    from sparc_fuse_core.readers.text.clock import DateOrder
    from sparc_fuse_core.readers.text.store import ColumnStore

#: Integers up to here are exact in float64.
EXACT = 2**53
_NOT_INTEGER = re.compile(r"In CSV column #(\d+): CSV conversion error to int64")


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
    n_more
        Further cells that a row may have: a remark.
    order
        Of day and month in dates.
    drop_without
        Position of the column whose missing values drop a row.
    n_lines
        Lines of the file before the next block.
    header_lines
        Lines that are left out where they stand again amid the rows.
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
    n_more: int = 0
    order: DateOrder = ""
    drop_without: int | None = None
    n_lines: int = 0
    header_lines: frozenset[str] = frozenset()
    n_repeated: int = 0
    n_dropped: int = 0
    n_comment_lines: int = 0
    n_short_rows: int = 0
    n_blank_lines: int = 0
    is_cut_off: bool = False
    footer: list[str] = field(default_factory=list)
    bad_cells: Counter[int] = field(default_factory=Counter)
    bad_example: dict[int, str] = field(default_factory=dict)
    grouped_example: dict[int, str] = field(default_factory=dict)
    distinct: dict[int, dict[str, int]] = field(default_factory=dict)
    comments: list[tuple[int, str]] = field(default_factory=list)
    states: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    clock_digits: int = 0
    tail: bytes = b""

    def __post_init__(self) -> None:
        self._last_clock: int | None = None
        self._further: list[tuple[int, str]] = []  # of the block that is parsed: (row in it, text)
        # integers have their own type there, and a decimal comma is no JSON
        is_plain = (
            self.decimal == "."
            and not any(map(is_number, self.missing))
            and all(
                column.role == "number" and column.position not in self.integers
                for column in self.columns
            )
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

        # pyarrow makes a row without values of a blank line
        if self.n_columns > 1 and (b"\n\n" in block or block.startswith(b"\n")):
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
        self._further = []
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
                        f"{shown(filled)} below; name it in the header or set `ignore_columns` in a scheme"
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
            if line.strip() in self.header_lines:
                self.n_repeated += 1
                continue
            row = next(csv.reader([line], delimiter=self.separator), [])
            if any(cell.strip() for cell in row[self.n_columns : self.n_columns + self.n_more]):
                text = "; ".join(filter(None, map(str.strip, row[self.n_columns :])))
                self._further.append((len(rows), text))
            elif any(cell.strip() for cell in row[self.n_columns :]):
                message = (
                    f"{self.name}: line {self.n_lines + i + 1} has {len(row)} cells instead of "
                    f"{self.n_columns}; repair the file or export it again"
                )
                raise CorruptFileError(message)
            if is_words(row, self.columns, self.n_columns, self.missing, self.decimal):
                self.footer.append(line[:200])
                continue
            if self.footer:
                message = (
                    f"{self.name}: text amid the numbers before line {self.n_lines + i + 1} "
                    f"({shown(self.footer[-1])}): several tables in one file; split them"
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

    def _numbers(self, position: int, cells: list[str]) -> np.ndarray[Any, Any]:
        values: list[float] = []
        is_integer = position in self.integers
        for cell in cells:
            value = number_of(cell, self.decimal)
            if value is None and may_be_grouped(cell, self.decimal):
                # thousands, if other cells of the column show the decimal mark: asked when all is read
                self.grouped_example.setdefault(position, cell)
                value = float(re.sub("[.,]", "", cell))
            if value is not None:
                values.append(value)
                is_integer = is_integer and INTEGER.fullmatch(cell) is not None
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
        if column.role == "boolean":
            return self._booleans(column.position, cells)
        kind = "datetime" if column.role == "date" else column.role
        values, digits = nanoseconds_of(cells, kind, self.order)
        self.clock_digits = max(self.clock_digits, digits)
        if column.role == "clock":
            is_time = values != NO_TIME
            values[is_time], self._last_clock = unwrapped(values[is_time], self._last_clock)
        return values

    def _booleans(self, position: int, cells: list[str]) -> np.ndarray[Any, Any]:
        numbers = [BOOLEANS.get(cell.strip().lower()) for cell in cells]
        if None not in numbers:
            return np.array(numbers, np.int64)
        for cell, number in zip(cells, numbers, strict=True):
            if number is None and cell.strip() not in self.missing:
                self.bad_cells[position] += 1
                self.bad_example.setdefault(position, cell[:40])
        return np.array([math.nan if n is None else n for n in numbers], np.float64)

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
        self._gather(texts, keep)
        if self._further:
            kept = np.arange(len(arrays[0])) if keep is None else np.cumsum(keep) - 1
            self.remarks += [(self.store.n_rows + int(kept[i]), text) for i, text in self._further]
            self._further = []
        self.store.append(arrays)

    def _gather(self, texts: dict[int, list[str]], keep: np.ndarray[Any, Any] | None) -> None:
        """Take what is text in the rows that are kept."""
        for column in self.columns:
            cells = texts.get(column.position, [])
            if keep is not None and cells:
                cells = [cell for cell, kept in zip(cells, keep, strict=True) if kept]
            if column.role == "distinct":
                seen = self.distinct.setdefault(column.position, {})
                for cell in dict.fromkeys(cells):
                    if len(seen) <= MOST_DISTINCT and cell.strip():
                        seen.setdefault(cell.strip(), len(seen))
            elif column.role == "state":
                self._note_states(column.position, cells)
            elif column.role == "comment":
                self.comments += [
                    (self.store.n_rows + i, cell.strip())
                    for i, cell in enumerate(cells)
                    if cell.strip() and len(self.comments) < MOST_COMMENTS
                ]

    def _note_states(self, position: int, cells: list[str]) -> None:
        changes = self.states.setdefault(position, [])
        last = changes[-1][1] if changes else None
        for i, cell in enumerate(map(str.strip, cells)):
            if cell != last:
                last = cell
                if len(changes) < MOST_COMMENTS:
                    changes.append((self.store.n_rows + i, cell))
