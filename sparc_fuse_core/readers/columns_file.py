"""Tables of Apache Arrow (.parquet, .feather, .arrow): typed columns, understood as other exports are.

A column is read when it is sliced. Whole numbers with gaps are doubles with NaN where that loses nothing;
instants are seconds from the first. Nested columns are named and left out.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, ipc, parquet

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import (
    CorruptFileError,
    FormatMismatchError,
    NothingToConvertError,
    SizeLimitError,
)
from sparc_fuse_core.readers.exports.contents import contents_of_tree
from sparc_fuse_core.readers.shared.tree import Left, Node, Numeric, Table, Text
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_MOST_COLUMNS = 10_000
_MOST_TEXTS = 2_000_000
_MOST_BYTES = 4 << 30
_LARGEST_EXACT = 2**53
_NS = 1e-9
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_decimal,
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a table; see `sparc_fuse_core.readers.Reader`."""
    with ExitStack() as stack:
        try:
            schema, n_rows, column = _opened(path, stack)
            node = _table(path, schema, n_rows, column)
        except (pa.ArrowException, OSError, ValueError, KeyError) as err:
            if isinstance(err, (CorruptFileError, SizeLimitError, NothingToConvertError)):
                raise
            message = (
                f"{path.name}: not a readable table of Arrow ({type(err).__name__}); save it again"
            )
            raise CorruptFileError(message) from err
        yield contents_of_tree(
            {path.stem: node},
            {},
            path.name,
            rate_hz=options.get("sampling_rate_hz"),
            orientation=str(options.get("orientation", "")),
        )


def _opened(
    path: Path, stack: ExitStack
) -> tuple[pa.Schema, int, Callable[[int], pa.ChunkedArray]]:
    """Return the columns, how many rows they have, and what reads one."""
    with path.open("rb") as head:
        magic = head.read(6)
    if magic[:4] == b"PAR1":
        file = stack.enter_context(parquet.ParquetFile(path))
        about = file.metadata
        n_bytes = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        _check(path, n_bytes, about.num_columns)

        latest: list[tuple[int, pa.ChunkedArray]] = []

        def of_parquet(number: int) -> pa.ChunkedArray:
            if not latest or latest[0][0] != number:
                latest.clear()
                rows = file.read(columns=[file.schema_arrow.field(number).name], use_threads=False)
                latest.append((number, rows.column(0)))
            return latest[0][1]

        return file.schema_arrow, about.num_rows, of_parquet
    if magic != b"ARROW1":
        message = f"{path.name}: neither Parquet nor Arrow; rename it to what it is"
        raise FormatMismatchError(message)
    source = stack.enter_context(pa.memory_map(str(path)))
    reader = ipc.open_file(source)
    _check(path, path.stat().st_size, len(reader.schema))
    batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
    n_bytes = sum(batch.nbytes for batch in batches)
    _check(path, n_bytes, len(reader.schema))
    rows = pa.Table.from_batches(batches, reader.schema)
    rows.validate(full=True)
    return reader.schema, rows.num_rows, rows.column


def _check(path: Path, n_bytes: int, n_columns: int) -> None:
    if n_columns > _MOST_COLUMNS:
        message = f"{path.name}: {n_columns} columns; save it as HDF5"
        raise SizeLimitError(message)
    check_unpacked(path.name, path.stat().st_size, n_bytes)
    if n_bytes > _MOST_BYTES:
        message = f"{path.name}: {n_bytes / 1e9:.1f} GB of columns; save it in parts"
        raise SizeLimitError(message)


def _table(
    path: Path, schema: pa.Schema, n_rows: int, column: Callable[[int], pa.ChunkedArray]
) -> Table:
    if not n_rows or not len(schema):
        message = f"{path.name}: no row in it"
        raise NothingToConvertError(message)
    names = schema.names
    columns = []
    for number, field in enumerate(schema):
        if names.count(field.name) > 1:
            node: Node = Left("a name that several columns have", (n_rows,))
        else:
            node = _node(number, field.type, n_rows, column)
        columns.append((field.name, node))
    units = tuple(_unit(field) for field in schema)
    return Table(tuple(columns), units if any(units) else (), None)


def _unit(field: pa.Field) -> str:
    stated = (field.metadata or {}).get(b"units") or (field.metadata or {}).get(b"unit") or b""
    return stated.decode("utf-8", "replace")


def _node(
    number: int, kind: pa.DataType, n_rows: int, column: Callable[[int], pa.ChunkedArray]
) -> Node:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(number, kind, n_rows, column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _instants(_plain(column(number)))
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        return _durations(_plain(column(number)), kind)
    if any(is_kind(kind) for is_kind in _TEXTS):
        if n_rows > _MOST_TEXTS:
            return Left(f"{n_rows} texts", (n_rows,))
        values = _plain(column(number)).to_pylist()
        return Text(tuple("" if value is None else str(value) for value in values))
    return Left(f"a column of type {str(kind)[:80]}", (n_rows,))


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without its dictionary."""
    if pa.types.is_dictionary(values.type):
        return values.cast(values.type.value_type)
    return values


def _numbers(
    number: int, kind: pa.DataType, n_rows: int, column: Callable[[int], pa.ChunkedArray]
) -> Node:
    values = _plain(column(number))
    dtype = np.dtype(kind.to_pandas_dtype())
    if values.null_count and not pa.types.is_floating(kind):
        if pa.types.is_boolean(kind):
            texts = values.cast(pa.string()).to_pylist()
            return Text(tuple("" if one is None else one for one in texts))
        limits = compute.min_max(values).as_py()
        if any(one is not None and abs(one) > _LARGEST_EXACT for one in limits.values()):
            return Left("whole numbers with gaps that no double holds", (n_rows,))
        dtype = np.dtype(np.float64)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        ((start, stop),) = bounds
        part = _plain(column(number)).slice(start, stop - start)
        missing = part.is_null().to_numpy() if part.null_count else None
        if missing is not None:
            part = part.drop_null()
        found = part.to_numpy().astype(dtype, copy=False)
        if missing is None:
            return np.asarray(found)
        # a missing double is as good as NaN
        block = np.full(stop - start, np.nan, dtype)
        block[~missing] = found
        return block

    return Numeric(FunctionBlocks((n_rows,), dtype, read), dtype.name, is_reversed=False)


def _instants(values: pa.ChunkedArray) -> Node:
    """Return instants as seconds from the first one; texts where one is missing."""
    if values.null_count:
        return Text(tuple("" if one is None else str(one) for one in values.to_pylist()))
    stamps = values.cast(pa.timestamp("ns", tz=getattr(values.type, "tz", None)))
    ns = stamps.cast(pa.int64()).to_numpy()
    start = str(np.datetime64(int(ns[0]), "ns"))
    return Numeric((ns - ns[0]) * _NS, "datetime", "s", _NS, start, is_reversed=False)


def _durations(values: pa.ChunkedArray, kind: pa.DataType) -> Node:
    if values.null_count:
        return Left("durations with gaps", (len(values),))
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    whole = pa.int32() if kind.bit_width == 32 else pa.int64()
    seconds = values.cast(whole).to_numpy() / per_second
    return Numeric(seconds, "duration", "s", 1 / per_second, is_reversed=False)
