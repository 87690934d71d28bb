"""NumPy's .npy and .npz: arrays by name, read when sliced; pickled objects are never opened.

Format: numpy.lib.format (versions 1 to 3).
"""

from __future__ import annotations

import math
import zipfile
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.exports.contents import contents_of_tree
from sparc_fuse_core.readers.shared.tree import Left, Node, Numeric, Table, Text
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Blocks, Contents

_MAX_MEMBERS = 10_000
_MAX_TEXTS = 100_000
_NS = 1e-9
_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    OverflowError,
    MemoryError,
    RecursionError,
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an array or an archive of arrays; see `sparc_fuse_core.readers.Reader`."""
    with ExitStack() as stack:
        try:
            members = _archive(path, stack) if zipfile.is_zipfile(path) else _single(path, stack)
        except _DAMAGE as err:
            message = f"{path.name}: not a readable NumPy file ({err}); save it again"
            raise CorruptFileError(message) from err
        yield contents_of_tree(
            members,
            {},
            path.name,
            rate_hz=options.get("sampling_rate_hz"),
            orientation=str(options.get("orientation", "")),
        )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether columns come first, and type; the file is then at the values."""
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    # version 3 differs in the encoding of field names only
    return npy._read_array_header(file, version)  # type: ignore[attr-defined,no-any-return]


def _single(path: Path, stack: ExitStack) -> dict[str, Node]:
    with path.open("rb") as file:
        shape, is_fortran, dtype = _header(file)
        offset = file.tell()
    if dtype.hasobject:
        return {path.stem: Left("pickled Python objects, which are never opened", shape)}
    n_bytes = math.prod(shape) * dtype.itemsize
    if path.stat().st_size - offset < n_bytes:
        message = (
            f"{path.name}: states {n_bytes} bytes of values, has {path.stat().st_size - offset}"
        )
        raise CorruptFileError(message)
    if not n_bytes:
        return {path.stem: Numeric(np.empty(shape, dtype), dtype.name, is_reversed=False)}
    stored = MappedFile(path, dtype, shape[::-1] if is_fortran else shape, offset)
    stack.callback(stored.close)
    return {path.stem: _node(stored, dtype, is_fortran=is_fortran)}


def _archive(path: Path, stack: ExitStack) -> dict[str, Node]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    members: dict[str, Node] = {}
    for entry in archive.infolist()[:_MAX_MEMBERS]:
        name = entry.filename.removesuffix(".npy")
        if name in members or not entry.filename.endswith(".npy"):
            continue
        check_unpacked(f"{path.name}: {entry.filename}", entry.compress_size, entry.file_size)
        with archive.open(entry) as file:
            shape, is_fortran, dtype = _header(file)
        if dtype.hasobject:
            members[name] = Left("pickled Python objects, which are never opened", shape)
        elif math.prod(shape) * dtype.itemsize > entry.file_size:
            message = f"{path.name}: {entry.filename} states more values than it has"
            raise CorruptFileError(message)
        else:
            stored_shape = shape[::-1] if is_fortran else shape
            rows = _Member(archive, entry, stored_shape, dtype, path.name)
            members[name] = _node(rows, dtype, is_fortran=is_fortran)
    return members


class _Member:
    """One array of an archive, unpacked at the first read."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        entry: zipfile.ZipInfo,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        name: str,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._archive, self._entry, self._name = archive, entry, name
        self._values: np.ndarray[Any, Any] | None = None

    def __getitem__(self, key: Any, /) -> np.ndarray[Any, Any]:
        """Read one block."""
        if self._values is None:
            try:
                with self._archive.open(self._entry) as file:
                    _header(file)
                    raw = file.read(math.prod(self.shape) * self.dtype.itemsize)
                self._values = np.frombuffer(raw, self.dtype).reshape(self.shape)
            except _DAMAGE as err:
                message = f"{self._name}: {self._entry.filename} cannot be unpacked ({err})"
                raise CorruptFileError(message) from err
        return np.array(self._values[key])


def _node(rows: Blocks, dtype: np.dtype[Any], *, is_fortran: bool) -> Node:
    if dtype.names is not None:
        return _table(rows, dtype)
    if dtype.kind in "US":
        n_values = math.prod(rows.shape)
        if n_values > _MAX_TEXTS:
            return Left(f"{n_values} texts", tuple(rows.shape))
        values = np.asarray(rows[(slice(None),) * len(rows.shape)]).reshape(-1)
        return Text(tuple(_text(value) for value in values.tolist()))
    if dtype.kind in "mM":
        return _instants(rows, dtype)
    if dtype.kind not in "biufc" or dtype.itemsize > 16:
        return Left(f"values of type {dtype}", tuple(rows.shape))
    return Numeric(
        rows, dtype.newbyteorder("=").name, is_reversed=is_fortran and len(rows.shape) > 1
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _instants(rows: Blocks, dtype: np.dtype[Any]) -> Node:
    """Return datetimes as seconds from the first one, durations as seconds."""
    values = np.asarray(rows[(slice(None),) * len(rows.shape)])
    if not values.size or np.isnat(values).any():
        return Text(tuple(str(value) for value in values.reshape(-1)[:_MAX_TEXTS]))
    first = values.reshape(-1)[0] if dtype.kind == "M" else np.timedelta64(0, "ns")
    seconds = (values - first).astype("timedelta64[ns]").astype(np.int64) * _NS
    start = str(first.astype("datetime64[ns]")) if dtype.kind == "M" else ""
    kind = "datetime" if start else "duration"
    return Numeric(seconds, kind, "s", _NS, start, is_reversed=False)


def _table(rows: Blocks, dtype: np.dtype[Any]) -> Node:
    """Return a structured array of one axis as a table of its fields."""
    names = dtype.names or ()
    if len(rows.shape) != 1:
        return Left(f"records of {', '.join(names[:5])}", tuple(rows.shape))
    columns: list[tuple[str, Node]] = []
    for name in names:
        kind = dtype[name]
        if kind.shape or kind.kind not in "biufcUSM":
            columns.append((name, Left(f"a field of type {kind}", tuple(rows.shape))))
        else:
            columns.append((name, _node(_field(rows, name, kind), kind, is_fortran=False)))
    return Table(tuple(columns), (), None)


def _field(rows: Blocks, name: str, dtype: np.dtype[Any]) -> FunctionBlocks:
    def read_field(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return np.ascontiguousarray(np.asarray(rows[(slice(*bounds[0]),)])[name])

    return FunctionBlocks(tuple(rows.shape), dtype, read_field)
