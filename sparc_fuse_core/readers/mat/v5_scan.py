"""Walk the tags of a MAT v5 file before scipy reads it.

scipy's decoder is compiled and trusts every tag: a single wrong byte (an unknown data type, a count that is
too large) makes it read outside of its memory and ends the process. This walk checks what a tag may say, with
as little decompression as possible: the values of a variable's own array are not looked at.

Layout: "MAT-File Format", MathWorks, chapter "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXT_SIZES = {**_SIZES, 16: 1, 17: 2, 18: 4}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_NUMERIC = range(6, 16)
_COMPLEX_FLAG = 0x08
_MAX_DEPTH = 60
_MAX_ELEMENTS = 1 << 48
_PIECE = 1 << 16
_COPIED_BYTES = 1 << 22
#: Enough for the flags, up to 32 dimensions, a name and the tag of the values.
_VARIABLE_HEAD_BYTES = 512


class MatLayoutError(ValueError):
    """A tag says what the format does not allow."""


class MatReadError(ValueError):
    """What scipy or mat-io says of a file that it cannot read."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable at the top level of a file.

    Attributes
    ----------
    offset_bytes, size_bytes
        In the file; of a compressed one without its tag.
    order
        ``"<"`` or ``">"``.
    head
        Its first bytes from its matrix tag on, decompressed.
    """

    offset_bytes: int
    size_bytes: int
    is_compressed: bool
    order: str
    head: bytes


def check_layout(path: Path) -> None:
    """Check the tags of a v5 file.

    Raises
    ------
    MatLayoutError
        If a tag is wrong or the file ends too early.
    zlib.error
        If a compressed variable cannot be decompressed.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            message = f"it ends within its header, after {len(head)} bytes"
            raise MatLayoutError(message)
        order = "<" if head[126:128] == b"IM" else ">"
        position = _HEADER_BYTES
        while position < size_bytes:
            file.seek(position)
            kind, n_bytes = _long_tag(file.read(8), order)
            if position + 8 + n_bytes > size_bytes:
                message = f"a variable of {n_bytes} bytes at byte {position} goes beyond the end"
                raise MatLayoutError(message)
            _check_variable(file, kind, n_bytes, order)
            position += 8 + n_bytes


def whole_part(path: Path, folder: Path) -> Path:
    """Return the file, or, where it ends within a variable and is to be salvaged, a copy of those before it.

    Parameters
    ----------
    path
        A v5 file.
    folder
        For the copy, which has the file's name.

    Raises
    ------
    TruncatedFileError
        If nobody asked to salvage it.
    """
    size_bytes = path.stat().st_size
    n_whole, position, kind = 0, _HEADER_BYTES, _MATRIX
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER_BYTES)[126:128] == b"IM" else ">"
        while position + 8 <= size_bytes:
            file.seek(position)
            kind, n_bytes = _long_tag(file.read(8), order)
            if kind not in (_MATRIX, _COMPRESSED) or position + 8 + n_bytes > size_bytes:
                break
            position += 8 + n_bytes
            n_whole += 1
        if not n_whole or position == size_bytes or kind not in (_MATRIX, _COMPRESSED):
            return path  # whole, or nothing to salvage, or no tag at all
        rest = f"{size_bytes - position} bytes of the next"
        ends_early(path.name, f"{n_whole} whole variable{'s' * (n_whole > 1)} and {rest}")
        file.seek(0)
        target = folder / path.name
        with target.open("wb") as out:
            left = position
            while left:
                piece = file.read(min(left, _COPIED_BYTES))
                if not piece:
                    break
                out.write(piece)
                left -= len(piece)
    return target


def variables_of(path: Path) -> Iterator[Variable]:
    """Yield the variables of a file that `check_layout` accepted."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER_BYTES)[126:128] == b"IM" else ">"
        position = _HEADER_BYTES
        while position < size_bytes:
            file.seek(position)
            kind, n_bytes = _long_tag(file.read(8), order)
            if kind == _COMPRESSED:
                head = zlib.decompressobj().decompress(
                    file.read(min(n_bytes, _PIECE)), _VARIABLE_HEAD_BYTES
                )
                yield Variable(position + 8, n_bytes, True, order, head)
            else:
                file.seek(position)
                head = file.read(min(8 + n_bytes, _VARIABLE_HEAD_BYTES))
                yield Variable(position, 8 + n_bytes, False, order, head)
            position += 8 + n_bytes


def _long_tag(raw: bytes, order: str) -> tuple[int, int]:
    if len(raw) < 8:
        message = "it ends within a tag"
        raise MatLayoutError(message)
    kind, n_bytes = struct.unpack(f"{order}II", raw)
    return kind, n_bytes


def _check_variable(file: BinaryIO, kind: int, n_bytes: int, order: str) -> None:
    if kind == _MATRIX:
        _Walk(_Plain(file, n_bytes), order).matrix(n_bytes, 0)
    elif kind == _COMPRESSED:
        stream = _Inflated(file, n_bytes)
        inner, inner_bytes = _long_tag(stream.take(8), order)
        if inner != _MATRIX:
            message = f"a compressed variable holds data of type {inner}"
            raise MatLayoutError(message)
        check_unpacked(Path(file.name).name, n_bytes, inner_bytes)
        _Walk(stream, order).matrix(inner_bytes, 0)
    else:
        message = f"a variable is of type {kind}, no array"
        raise MatLayoutError(message)


class _Plain:
    """Bytes of an uncompressed variable."""

    def __init__(self, file: BinaryIO, n_bytes: int) -> None:
        self._file = file
        self._left = n_bytes

    def take(self, n_bytes: int) -> bytes:
        raw = self._file.read(n_bytes) if n_bytes <= self._left else b""
        self._left -= n_bytes
        if len(raw) != n_bytes:
            message = "an array ends too early"
            raise MatLayoutError(message)
        return raw

    def skip(self, n_bytes: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            message = "an array ends too early"
            raise MatLayoutError(message)
        self._file.seek(n_bytes, 1)


class _Inflated:
    """Bytes of a compressed variable, decompressed only as far as they are asked for."""

    def __init__(self, file: BinaryIO, n_bytes: int) -> None:
        self._file = file
        self._left = n_bytes
        self._zlib = zlib.decompressobj()
        self._ready = b""

    def take(self, n_bytes: int) -> bytes:
        parts = []
        while n_bytes:
            part = self._some(n_bytes)
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def skip(self, n_bytes: int) -> None:
        while n_bytes:
            n_bytes -= len(self._some(n_bytes))

    def _some(self, n_bytes: int) -> bytes:
        while not self._ready:
            raw = self._zlib.unconsumed_tail
            if not raw and self._left and not self._zlib.eof:
                raw = self._file.read(min(_PIECE, self._left))
                self._left -= len(raw)
            if not raw:
                message = "a compressed array ends too early"
                raise MatLayoutError(message)
            self._ready = self._zlib.decompress(raw, _PIECE)
        part, self._ready = self._ready[:n_bytes], self._ready[n_bytes:]
        return part


class _Walk:
    """Follows the tags of one variable."""

    def __init__(self, stream: _Plain | _Inflated, order: str) -> None:
        self._stream = stream
        self._order = order

    def matrix(self, n_bytes: int, depth: int) -> None:
        """Check one array; ``n_bytes`` follow its tag."""
        if depth > _MAX_DEPTH:
            message = f"arrays are nested more than {_MAX_DEPTH} deep"
            raise MatLayoutError(message)
        if n_bytes == 0 and depth:
            return  # an empty cell or field
        flags = self._small((6,), 8)
        word = struct.unpack(f"{self._order}II", flags)[0]
        array_class, is_complex = word & 0xFF, bool(word >> 8 & _COMPLEX_FLAG)
        if array_class == _OPAQUE:
            for _ in range(3):
                self._small((1,))
            self._nested(depth)
            return
        dims = self._small((5, 6))
        if len(dims) % 4 or len(dims) < 8:
            message = f"dimensions take {len(dims)} bytes"
            raise MatLayoutError(message)
        shape = struct.unpack(f"{self._order}{len(dims) // 4}i", dims)
        n_elements = math.prod(shape)
        if min(shape) < 0 or len(shape) > 32 or n_elements > _MAX_ELEMENTS:
            message = f"an array of shape {shape}"
            raise MatLayoutError(message)
        self._small((1, 2, 16))  # its name
        self._content(array_class, n_elements, is_complex, depth, n_bytes)

    def _content(
        self, array_class: int, n_elements: int, is_complex: bool, depth: int, n_bytes: int
    ) -> None:
        if array_class in _NUMERIC:
            # the rest of a variable's own array holds nothing but values
            for _ in range(1 + is_complex):
                self._values(_SIZES, n_elements, keep_going=bool(depth) or is_complex)
        elif array_class == _CHAR:
            self._values(_TEXT_SIZES, None, keep_going=bool(depth))
        elif array_class == _CELL:
            self._many(n_elements, depth, n_bytes)
        elif array_class in (_STRUCT, _OBJECT):
            if array_class == _OBJECT:
                self._small((1,))
            n_fields = self._fields()
            self._many(n_elements * n_fields, depth, n_bytes)
        elif array_class == _SPARSE:
            self._sparse(is_complex)
        elif array_class == _FUNCTION:
            self._nested(depth)
        else:
            message = f"an array of class {array_class}"
            raise MatLayoutError(message)

    def _sparse(self, is_complex: bool) -> None:
        """Check row indices, column pointers and values."""
        for _ in range(2):
            self._values({5: 4, 6: 4}, None, keep_going=True)
        for _ in range(1 + is_complex):
            self._values(_SIZES, None, keep_going=True)

    def _fields(self) -> int:
        """Return how many fields a struct has."""
        length: int = struct.unpack(f"{self._order}i", self._small((5,), 4))[0]
        names = self._small((1,))
        if length <= 0 or len(names) % length:
            message = f"field names of {length} bytes take {len(names)}"
            raise MatLayoutError(message)
        return len(names) // length

    def _many(self, n_items: int, depth: int, n_bytes: int) -> None:
        if n_items * 8 > n_bytes:
            message = f"{n_items} cells or fields in {n_bytes} bytes"
            raise MatLayoutError(message)
        for _ in range(n_items):
            self._nested(depth)

    def _nested(self, depth: int) -> None:
        kind, n_bytes = _long_tag(self._stream.take(8), self._order)
        if kind != _MATRIX:
            message = f"a cell or field is of type {kind}, no array"
            raise MatLayoutError(message)
        self.matrix(n_bytes, depth + 1)

    def _tag(self) -> tuple[int, int, bytes | None]:
        """Return type, number of bytes and, for the short form, the data itself."""
        raw = self._stream.take(8)
        first = struct.unpack(f"{self._order}I", raw[:4])[0]
        if first >> 16:
            n_bytes = first >> 16
            if n_bytes > 4:
                message = f"a short element of {n_bytes} bytes"
                raise MatLayoutError(message)
            return first & 0xFFFF, n_bytes, raw[4 : 4 + n_bytes]
        return first, _long_tag(raw, self._order)[1], None

    def _small(self, kinds: tuple[int, ...], n_bytes: int | None = None) -> bytes:
        """Read a short element whole."""
        kind, length, data = self._tag()
        if kind not in kinds or (n_bytes is not None and length != n_bytes) or length > 1 << 24:
            message = f"an element of type {kind} and {length} bytes where {kinds} is expected"
            raise MatLayoutError(message)
        return data if data is not None else self._stream.take(length + -length % 8)[:length]

    def _values(self, sizes: dict[int, int], n_elements: int | None, *, keep_going: bool) -> None:
        kind, length, data = self._tag()
        if kind not in sizes or length % sizes[kind]:
            message = f"values of type {kind} in {length} bytes"
            raise MatLayoutError(message)
        if n_elements is not None and length != n_elements * sizes[kind]:
            message = f"{length} bytes of values of type {kind} for {n_elements} elements"
            raise MatLayoutError(message)
        if data is None and keep_going:
            self._stream.skip(length + -length % 8)
