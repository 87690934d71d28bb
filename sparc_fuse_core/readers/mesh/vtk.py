"""VTK files of versions 1 to 5 (.vtk), text or binary: points, cells, and all data of either.

Binary numbers are big-endian. Names are stored as in an address (``%20``). The format states no unit.

Source: "VTK File Formats", simple legacy formats; cells of version 5 (OFFSETS, CONNECTIVITY) as its notes
describe them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    FormatMismatchError,
    SparcFuseError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import MAX_LINE_BYTES, Array, truncated
from sparc_fuse_core.readers.mesh.vtk_grid import CELLS, Grid, check_cells, contents, split_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_TYPES = {
    "char": "i1",
    "signed_char": "i1",
    "unsigned_char": "u1",
    "short": "i2",
    "unsigned_short": "u2",
    "int": "i4",
    "unsigned_int": "u4",
    "long": "i8",
    "unsigned_long": "u8",
    "vtkidtype": "i4",
    "vtktypeint64": "i8",
    "vtktypeuint64": "u8",
    "vtktypeint32": "i4",
    "vtktypeuint32": "u4",
    "vtktypeint16": "i2",
    "vtktypeuint16": "u2",
    "vtktypeint8": "i1",
    "vtktypeuint8": "u1",
    "float": "f4",
    "double": "f8",
}
_SETS = (
    *("STRUCTURED_POINTS", "STRUCTURED_GRID", "RECTILINEAR_GRID"),
    *("POLYDATA", "UNSTRUCTURED_GRID", "FIELD"),
)
_MOST_ARRAYS = 10_000
_MOST_COMPONENTS = 10_000


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a VTK file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        yield _File(path, file).read()


class _File:
    """Reads statement by statement."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.file = file
        self.size_bytes = path.stat().st_size
        self.is_binary = False
        self.where = ""
        self.n_data = 0
        self.left_out: list[str] = []
        self.grid = Grid("")
        self._next: list[str] | None = None

    def read(self) -> Contents:
        """Read all statements."""
        first = self.file.readline(256)
        if not first.startswith(b"# vtk DataFile Version"):
            message = f"{self.path.name}: does not begin as VTK files do; rename it to what it is"
            raise FormatMismatchError(message)
        version = first.decode("ascii", "replace").split()[-1]
        title = self.file.readline(MAX_LINE_BYTES).decode("utf-8", "replace").strip()
        kind = self.file.readline(256).strip().upper()
        if kind not in (b"ASCII", b"BINARY"):
            message = f"{self.path.name}: its third line says neither ASCII nor BINARY"
            raise CorruptFileError(message)
        self.is_binary = kind == b"BINARY"
        while words := self.words():
            try:
                self._statement(words[0].upper(), words[1:])
            except (ValueError, LookupError, OverflowError) as err:
                if isinstance(err, SparcFuseError):
                    raise
                message = f"{self.path.name}: statement {shown(' '.join(words))} is damaged"
                raise CorruptFileError(message) from err
        metadata: dict[str, Any] = {"vtk_version": version}
        if title:
            metadata["title"] = title
        return contents(self.path, [self.grid], metadata, self.left_out)

    def words(self) -> list[str]:
        """Return the words of the next line that has some; none at the end."""
        if self._next is not None:
            words, self._next = self._next, None
            return words
        while line := self.file.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                message = f"{self.path.name}: a line of more than {MAX_LINE_BYTES} characters"
                raise CorruptFileError(message)
            if line.strip():
                return line.decode("utf-8", "replace").split()
        return []

    def _statement(self, key: str, rest: Sequence[str]) -> None:
        if key == "METADATA":
            self._skip_metadata()
        elif key in ("POINT_DATA", "CELL_DATA"):
            self.where, self.n_data = key.lower(), self._count(rest[0])
        elif key == "FIELD":
            self._field(self.where or "field_data", int(rest[1]))
        elif self.where:
            self._data(key, rest)
        elif key == "DATASET":
            if rest[0].upper() not in _SETS:
                message = f"{self.path.name}: a data set {shown(rest[0])} is not read"
                raise UnsupportedFeatureError(message)
            self.grid.kind = rest[0].upper()
        else:
            self._geometry(key, rest)

    def _geometry(self, key: str, rest: Sequence[str]) -> None:
        grid = self.grid
        if key == "DIMENSIONS":
            nx, ny, nz = (self._count(word, 1) for word in rest)
            grid.dimensions = (nx, ny, nz)
        elif key in ("ORIGIN", "SPACING", "ASPECT_RATIO"):
            name = "origin_xyz" if key == "ORIGIN" else "spacing_xyz"
            grid.facts[name] = [float(word) for word in rest]
        elif key == "POINTS":
            grid.arrays["vertices"] = self._numbers(rest[1], self._count(rest[0]), 3)
        elif key in ("X_COORDINATES", "Y_COORDINATES", "Z_COORDINATES"):
            grid.arrays[key.lower()] = self._numbers(rest[1], self._count(rest[0]))
        elif key == "CELL_TYPES":
            grid.arrays["cell_type"] = self._numbers("int", self._count(rest[0]))
        elif key in CELLS or key == "CELLS":
            self._cells(CELLS.get(key, "cell"), self._count(rest[0]), self._count(rest[1]))
        else:
            message = f"{self.path.name}: unknown statement {shown(key)}; it is damaged"
            raise CorruptFileError(message)

    def _count(self, word: str, least: int = 0) -> int:
        n = int(word)
        if n < least:
            message = f"{self.path.name}: announces {n} elements; it is damaged"
            raise CorruptFileError(message)
        return n

    def _skip_metadata(self) -> None:
        """Pass over what VTK notes of an array: to the first blank line."""
        while (line := self.file.readline(MAX_LINE_BYTES)).strip():
            pass
        del line

    def _cells(self, kind: str, n: int, n_numbers: int) -> None:
        after = self.words() if not self.is_binary or self._says_offsets() else []
        if after[:1] == ["OFFSETS"]:
            starts = self._numbers(after[1], n).astype(np.int64)
            word, of_type = self.words()
            if word != "CONNECTIVITY":
                message = f"{self.path.name}: cells without their corners; upload it again"
                raise CorruptFileError(message)
            corners = self._numbers(of_type, n_numbers).astype(np.int64)
            found = {f"{kind}_start": starts, f"{kind}_vertex": corners}
        else:
            self._next = after or None
            flat = self._numbers("int", n_numbers)
            found = split_cells(self.path, kind, n, flat)
        self.grid.arrays |= found
        check_cells(self.path, self.grid, kind)

    def _says_offsets(self) -> bool:
        at = self.file.tell()
        says = self.file.read(8) == b"OFFSETS "
        self.file.seek(at)
        return says

    def _data(self, key: str, rest: Sequence[str]) -> None:
        """Read one array of points or cells."""
        n, known = self.n_data, _DATA.get(key)
        if key == "SCALARS":
            n_parts = int(rest[2]) if len(rest) > 2 else 1
            self._table_before_values()
            self._add(rest[0], self._numbers(rest[1], n, n_parts))
        elif key == "COLOR_SCALARS":
            # numbers from 0 to 1 in a text, bytes in a binary file
            kind = "unsigned_char" if self.is_binary else "float"
            self._add(rest[0], self._numbers(kind, n, int(rest[1])))
        elif key == "LOOKUP_TABLE":
            kind = "unsigned_char" if self.is_binary else "float"
            table = self._numbers(kind, self._count(rest[1]), 4)
            self.grid.add("lookup_table", unquote(rest[0]), table)
        elif key == "TEXTURE_COORDINATES":
            self._add(rest[0], self._numbers(rest[2], n, int(rest[1])))
        elif known is not None:
            self._add(rest[0], self._numbers(rest[1], n, known))
        else:
            message = f"{self.path.name}: unknown data {shown(key)}; it is damaged"
            raise CorruptFileError(message)

    def _table_before_values(self) -> None:
        """Pass over the line that names the table of colours, which may be absent."""
        at = self.file.tell()
        words = self.words()
        if words[:1] != ["LOOKUP_TABLE"]:
            self.file.seek(at)

    def _add(self, name: str, values: Array) -> None:
        if len(self.grid.arrays) > _MOST_ARRAYS:
            message = f"{self.path.name}: more than {_MOST_ARRAYS} arrays"
            raise CorruptFileError(message)
        self.grid.add(self.where, unquote(name), values)

    def _field(self, prefix: str, n_arrays: int) -> None:
        if not 0 <= n_arrays <= _MOST_ARRAYS:
            message = f"{self.path.name}: announces {n_arrays} arrays of a field; it is damaged"
            raise CorruptFileError(message)
        for _ in range(n_arrays):
            words = self.words()
            while words[:1] == ["METADATA"]:
                self._skip_metadata()
                words = self.words()
            if words == ["NULL_ARRAY"]:
                continue
            name, n_parts, n, of_type = words
            values = self._numbers(of_type, self._count(n), int(n_parts))
            if len(self.grid.arrays) <= _MOST_ARRAYS:
                self.grid.add(prefix, unquote(name), values)

    def _numbers(self, of_type: str, n: int, n_parts: int = 1) -> Array:
        """Return ``n`` values of ``n_parts`` numbers each: shape (n,) or (n, n_parts)."""
        kind = of_type.lower()
        if kind in ("string", "utf8_string", "unicode_string", "variant", "bit"):
            message = f"{self.path.name}: an array of type {kind} is not read; save it without"
            raise UnsupportedFeatureError(message)
        code = _TYPES[kind]
        if not 0 < n_parts <= _MOST_COMPONENTS:
            message = f"{self.path.name}: values of {n_parts} components; it is damaged"
            raise CorruptFileError(message)
        total = n * n_parts
        values = self._bytes(code, total) if self.is_binary else self._text(code, total)
        return values if n_parts == 1 else values.reshape(n, n_parts)

    def _bytes(self, code: str, total: int) -> Array:
        dtype = np.dtype(f">{code}")
        n_bytes = total * dtype.itemsize
        content = self.file.read(n_bytes) if n_bytes <= self.size_bytes else b""
        if len(content) < n_bytes:
            raise truncated(self.path, f"{total} numbers that it announces")
        return np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))

    def _text(self, code: str, total: int) -> Array:
        """Read numbers of a text: as they are written, whole ones in their type."""
        if 2 * total - 1 > self.size_bytes:
            raise truncated(self.path, f"{total} numbers that it announces")
        blocks: list[Array] = []
        n = 0
        while n < total:
            words = self.words()
            if not words:
                raise truncated(self.path, f"{total} numbers that it announces")
            blocks.append(np.array(words, dtype="S").astype(np.float64))
            n += len(words)
        if n > total:
            message = (
                f"{self.path.name}: a line has more numbers than the {total} that it announces"
            )
            raise CorruptFileError(message)
        values = np.concatenate(blocks) if blocks else np.empty(0)
        if code[0] == "f":
            return values
        limits = np.iinfo(np.dtype(code))
        lost = code in ("i8", "u8") and len(values) and np.abs(values).max() > 2.0**53
        if (
            lost
            or ((values != np.floor(values)) | (values < limits.min) | (values > limits.max)).any()
        ):
            message = f"{self.path.name}: numbers that are no {np.dtype(code)}; it is damaged"
            raise CorruptFileError(message)
        return values.astype(code)


_DATA: dict[str, int] = {"VECTORS": 3, "NORMALS": 3, "TENSORS": 9, "TENSORS6": 6}
