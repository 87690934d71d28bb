"""netCDF (.nc, .cdf): variables with their dimensions and attributes, understood as other exports are.

netCDF-4 is HDF5 and goes to that reader. Of the classic kinds (CDF-1, CDF-2, CDF-5) the header is read here and
variables are mapped: those along the unlimited dimension are interleaved record by record. ``scale_factor`` and
``add_offset`` are applied only where a variable is called a signal.

Source: Unidata, "The NetCDF Classic Format Specification".
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import CorruptFileError, FormatMismatchError, TruncatedFileError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.exports.contents import contents_of_tree
from sparc_fuse_core.readers.shared.tree import Left, Node, Numeric, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_TYPES = {
    1: ">i1",
    2: "S1",
    3: ">i2",
    4: ">i4",
    5: ">f4",
    6: ">f8",
    7: ">u1",
    8: ">u2",
    9: ">u4",
    10: ">i8",
    11: ">u8",
}
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_MOST_ELEMENTS = 20_000
_MOST_AXES = 1024
_MOST_HEADER_BYTES = 64 << 20
_MOST_TEXTS = 100_000
_MOST_CHARACTERS = 16_000_000


@dataclass(frozen=True, slots=True)
class _Variable:
    """One variable, as stated."""

    name: str
    dimensions: tuple[int, ...]
    attributes: dict[str, Node]
    dtype: np.dtype[Any]
    begin: int


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a netCDF file; see `sparc_fuse_core.readers.Reader`."""
    with path.open("rb") as file:
        magic = file.read(4)
        if magic[:3] == b"CDF" and magic[3:] in (b"\1", b"\2", b"\5"):
            with ExitStack() as stack:
                members, attributes = _Header(path, file, magic[3]).members(stack)
                yield contents_of_tree(
                    members,
                    attributes,
                    path.name,
                    rate_hz=options.get("sampling_rate_hz"),
                    orientation=str(options.get("orientation", "")),
                )
            return
    if magic != b"\x89HDF":
        message = f"{path.name}: neither netCDF nor HDF5; rename it to what it is"
        raise FormatMismatchError(message)
    with load_reader(format_named("hdf5"))(path, options) as contents:
        yield contents


class _Header:
    """Reads the header of a classic file, element by element."""

    def __init__(self, path: Path, file: IO[bytes], version: int) -> None:
        self.path = path
        self.file = file
        self.count = np.dtype(">i8" if version == 5 else ">i4")
        self.offset = np.dtype(">i4" if version == 1 else ">i8")
        self.size_bytes = path.stat().st_size
        self.n_left = _MOST_HEADER_BYTES

    def _bytes(self, n_bytes: int) -> bytes:
        # a damaged length is not allocated
        content = self.file.read(n_bytes) if 0 <= n_bytes <= self.n_left else b""
        self.n_left -= len(content)
        if len(content) != n_bytes:
            message = (
                f"{self.path.name}: ends within its header, or announces too much; upload it again"
            )
            raise TruncatedFileError(message)
        return content

    def _number(self, dtype: np.dtype[Any]) -> int:
        return int(np.frombuffer(self._bytes(dtype.itemsize), dtype)[0])

    def _text(self) -> str:
        n = self._number(self.count)
        text = self._bytes(n).decode("utf-8", "replace")
        self._bytes(-n % 4)
        return text

    def _list(self, kind: int) -> int:
        """Return how many elements the next list has; it must be of ``kind``, or absent."""
        tag, n = self._number(np.dtype(">i4")), self._number(self.count)
        if (tag, n) == (0, 0):
            return 0
        if tag != kind or not 0 <= n <= _MOST_ELEMENTS:
            message = f"{self.path.name}: its header is damaged; upload it again"
            raise CorruptFileError(message)
        return n

    def _attributes(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for _ in range(self._list(_ATTRIBUTES)):
            name = self._text()
            dtype = self._type()
            n = self._number(self.count)
            content = self._bytes(n * dtype.itemsize)
            self._bytes(-len(content) % 4)
            if dtype.kind == "S":
                found[name] = Text((content.decode("utf-8", "replace").rstrip("\0"),))
            else:
                values = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
                found[name] = Numeric(values, values.dtype.name, is_reversed=False)
        return found

    def _type(self) -> np.dtype[Any]:
        code = self._number(np.dtype(">i4"))
        if code not in _TYPES:
            message = f"{self.path.name}: numbers of type {code}; it is damaged"
            raise CorruptFileError(message)
        return np.dtype(_TYPES[code])

    def members(self, stack: ExitStack) -> tuple[dict[str, Node], dict[str, Node]]:
        """Return variables and global attributes; arrays are valid while ``stack`` is."""
        n_records = self._number(np.dtype(">i8") if self.count.itemsize == 8 else np.dtype(">u4"))
        dimensions = [
            (self._text(), self._number(self.count)) for _ in range(self._list(_DIMENSIONS))
        ]
        attributes = self._attributes()
        variables = [self._variable(len(dimensions)) for _ in range(self._list(_VARIABLES))]
        moving = [
            one for one in variables if one.dimensions and not dimensions[one.dimensions[0]][1]
        ]
        padded = [-(-self._row_bytes(one, dimensions) // 4) * 4 for one in moving]
        # a lone variable along records is not padded
        record = self._row_bytes(moving[0], dimensions) if len(moving) == 1 else sum(padded)
        if n_records == 0xFFFFFFFF or n_records < 0:
            begin = min((one.begin for one in moving), default=self.size_bytes)
            n_records = (self.size_bytes - begin) // record if record else 0
        members: dict[str, Node] = {}
        for one in variables:
            shape = tuple(
                (dimensions[i][1] or n_records) if not place else dimensions[i][1]
                for place, i in enumerate(one.dimensions)
            )
            stride = record if one in moving else 0
            named = dict(one.attributes)
            if one.dimensions and "dims" not in named:
                named["dims"] = Text(tuple(dimensions[i][0] for i in one.dimensions))
            members[one.name] = self._node(one, shape, stride, named, stack)
        return members, attributes

    def _variable(self, n_dimensions: int) -> _Variable:
        name = self._text()
        n_axes = self._number(self.count)
        if not 0 <= n_axes <= _MOST_AXES:
            message = f"{self.path.name}: a variable of {n_axes} axes; it is damaged"
            raise CorruptFileError(message)
        axes = tuple(self._number(self.count) for _ in range(n_axes))
        if any(not 0 <= axis < n_dimensions for axis in axes):
            message = f"{self.path.name}: a variable along a dimension that is not there"
            raise CorruptFileError(message)
        attributes = self._attributes()
        dtype = self._type()
        # the size that is stated here is too small to be relied on for large variables
        self._number(self.count)
        return _Variable(name, axes, attributes, dtype, self._number(self.offset))

    @staticmethod
    def _row_bytes(one: _Variable, dimensions: list[tuple[str, int]]) -> int:
        """Return the bytes of one record of a variable."""
        n: int = math.prod(dimensions[i][1] for i in one.dimensions[1:])
        return n * one.dtype.itemsize

    def _node(
        self,
        one: _Variable,
        shape: tuple[int, ...],
        record_bytes: int,
        attributes: dict[str, Node],
        stack: ExitStack,
    ) -> Node:
        n_values = math.prod(shape)
        if any(length < 0 for length in shape):
            message = f"{self.path.name}: a dimension of {min(shape)}; it is damaged"
            raise CorruptFileError(message)
        if not n_values:
            if one.dtype.kind == "S":
                return Text(())
            nothing = np.empty(shape, one.dtype.newbyteorder("="))
            return Numeric(nothing, nothing.dtype.name, is_reversed=False)
        row = math.prod(shape[1:]) * one.dtype.itemsize
        last = (
            (shape[0] - 1) * record_bytes + row if record_bytes else n_values * one.dtype.itemsize
        )
        if one.begin < 0 or one.begin + last > self.size_bytes:
            message = f"{self.path.name}: ends before the {n_values} values of a variable; upload it again"
            raise TruncatedFileError(message)
        if record_bytes:
            rows = MappedFile(self.path, np.uint8, (self.size_bytes,))
            stack.callback(rows.close)
            stored: Any = _records(rows, one, shape, record_bytes)
        else:
            stored = MappedFile(self.path, one.dtype, shape, one.begin)
            stack.callback(stored.close)
        if one.dtype.kind == "S":
            return _texts(stored, shape)
        native = _native(stored, shape, one.dtype)
        return Numeric(native, native.dtype.name, attributes=attributes, is_reversed=False)


def _records(
    file: MappedFile, one: _Variable, shape: tuple[int, ...], record_bytes: int
) -> FunctionBlocks:
    """Return a variable whose first axis goes from record to record."""
    row = math.prod(shape[1:]) * one.dtype.itemsize

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (start, stop), *rest = bounds
        if stop <= start:
            return np.empty([b - a for a, b in bounds], one.dtype)
        begin = one.begin + start * record_bytes
        content = file[slice(begin, begin + (stop - start - 1) * record_bytes + row)]
        table = np.ndarray((stop - start, row), np.uint8, content.tobytes(), 0, (record_bytes, 1))
        values = np.ascontiguousarray(table).view(one.dtype).reshape(stop - start, *shape[1:])
        return values[(slice(None), *(slice(*pair) for pair in rest))]

    return FunctionBlocks(shape, one.dtype, read)


def _native(stored: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FunctionBlocks:
    native = dtype.newbyteorder("=")

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return np.asarray(stored[tuple(slice(*pair) for pair in bounds)]).astype(native)

    return FunctionBlocks(shape, native, read)


def _texts(stored: Any, shape: tuple[int, ...]) -> Node:
    """Return characters: the last axis is the length of a text."""
    n_texts = math.prod(shape[:-1])
    if n_texts > _MOST_TEXTS or math.prod(shape) > _MOST_CHARACTERS:
        return Left(f"{n_texts} texts", shape)
    values = np.asarray(stored[(slice(None),) * len(shape)]).reshape(n_texts, -1)
    rows = (row.tobytes().split(b"\0")[0].decode("utf-8", "replace") for row in values)
    return Text(tuple(row.rstrip() for row in rows))
