"""Write arrays and tables that nothing calls signals: the file's own names and types, and no claim.

A tree of arrays becomes a tree of groups; a table its columns along ``row``. The stores open with plain
xarray, group by group and as a DataTree. Units that xarray would turn into times when it decodes stand in
``stated_units``: nothing says that the numbers are such times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import bounds_of
from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.writers.attributes import CONVENTIONS, json_text, plain
from sparc_fuse_core.writers.encoding import is_time_unit
from sparc_fuse_core.writers.keys import key_of
from sparc_fuse_core.writers.memory import give_back
from sparc_fuse_core.writers.zarr_arrays import (
    consolidate,
    create_bulk_array,
    create_group,
    put_small_array,
    start_writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import zarr

    from sparc_fuse_core.model import ArrayGroup, StoredArray, Table
    from sparc_fuse_core.writers.zarr_arrays import ZarrFormat

ARRAYS_LAYOUT = "sparc-fuse-arrays-2"
TABLE_LAYOUT = "sparc-fuse-table-2"

#: Arrays of up to so many bytes are one chunk, written at once.
_SMALL_BYTES = 1 << 20
_SHARD_BYTES = 64 << 20
_OLDEST_CHUNK_BYTES = 1 << 20
#: Of so many arrays the receipt tells name, shape and type.
_N_TOLD = 1000


class _Writing:
    """Where and how the arrays of one store are written."""

    def __init__(
        self,
        out: Path,
        zarr_format: ZarrFormat,
        budget_bytes: int,
        on_values: Callable[[int], None] | None,
    ) -> None:
        self._out = out
        self._zarr_format = zarr_format
        self._budget_bytes = budget_bytes
        self._on_values = on_values
        self.facts: list[dict[str, Any]] = []

    def put(
        self, array: StoredArray, group: zarr.Group, key: str, dimensions: Sequence[str]
    ) -> None:
        """Write one array into ``group``."""
        path = f"{group.path}/{key}".lstrip("/")
        attributes = _attributes(array, key)
        if _is_text(array):
            texts = np.asarray(array.values[_everything(array)]).astype(np.dtypes.StringDType())
            put_small_array(group, key, texts, dimensions, attributes)
            self._told(path, array, "text")
            return
        dtype = _storable(array)
        if math.prod(array.values.shape) * dtype.itemsize <= _SMALL_BYTES:
            values = np.asarray(array.values[_everything(array)]).astype(dtype, copy=False)
            put_small_array(group, key, values, dimensions, attributes)
        else:
            self._put_in_blocks(array, dtype, path, dimensions, attributes)
        self._told(path, array, dtype.name)

    def _put_in_blocks(
        self,
        array: StoredArray,
        dtype: np.dtype[Any],
        path: str,
        dimensions: Sequence[str],
        attributes: dict[str, Any],
    ) -> None:
        shape = tuple(array.values.shape)
        chunk = block_shape(shape, (1,) * len(shape), _OLDEST_CHUNK_BYTES // dtype.itemsize)
        n_bytes = min(_SHARD_BYTES, self._budget_bytes // 4)
        shard = block_shape(shape, chunk, n_bytes // dtype.itemsize)
        target = create_bulk_array(
            self._out / path,
            shape=shape,
            dtype=dtype,
            chunk=chunk,
            shard=None if chunk == shard else shard,
            dimensions=dimensions,
            attributes=attributes,
            zarr_format=self._zarr_format,
        )
        for key in keys_of_blocks(shape, shard):
            values = np.asarray(array.values[key]).astype(dtype, copy=False)
            start_writing(target, key, values).result()

    def _told(self, path: str, array: StoredArray, dtype: str) -> None:
        if len(self.facts) < _N_TOLD:
            shape = list(array.values.shape)
            self.facts.append(
                {"name": path, "shape": shape, "dtype": dtype, "units": [array.units]}
            )
        if self._on_values is not None:
            self._on_values(math.prod(array.values.shape))


def write_arrays(
    tree: ArrayGroup,
    out: Path,
    attributes: Mapping[str, Any],
    *,
    budget_bytes: int,
    zarr_format: ZarrFormat = 3,
    on_values: Callable[[int], None] | None = None,
) -> list[dict[str, Any]]:
    """Write a tree of arrays to the new group ``out`` and return facts about each array.

    Parameters
    ----------
    attributes
        Attributes of the root.
    budget_bytes
        What the buffers of this call may hold.
    on_values
        Told how many values were written since the last call.

    Raises
    ------
    UnsupportedFormatError
        If an array holds neither numbers nor texts.
    """
    root = create_group(out, {}, zarr_format)
    writing = _Writing(out, zarr_format, budget_bytes, on_values)
    for group, node, named in walk_groups(tree):
        target = root if group == "" else root.require_group(group)
        for array, key, dimensions in named:
            writing.put(array, target, key, dimensions)
        if group:
            target.attrs.update(_group_attributes(node, group.rpartition("/")[2]))
    facts = {"kind": "arrays", "layout": ARRAYS_LAYOUT, "Conventions": CONVENTIONS}
    stated = {"source_attributes": json_safe(tree.attributes), "n_arrays": tree.n_arrays}
    root.attrs.update(plain({**attributes, **facts, **stated}))
    consolidate(out, zarr_format)
    give_back()
    return writing.facts


def write_tables(
    tables: Sequence[Table],
    out: Path,
    attributes: Mapping[str, Any],
    *,
    budget_bytes: int,
    zarr_format: ZarrFormat = 3,
    on_values: Callable[[int], None] | None = None,
) -> list[dict[str, Any]]:
    """Write tables to the new group ``out``: an only one to its root, several to a child group each.

    Parameters and errors are those of `write_arrays`.
    """
    root = create_group(out, {}, zarr_format)
    writing = _Writing(out, zarr_format, budget_bytes, on_values)
    facts = {"kind": "table", "layout": TABLE_LAYOUT, "Conventions": CONVENTIONS}
    own: dict[str, Any] = {}
    for group, table, columns in walk_tables(tables):
        target = root.require_group(group) if group else root
        for column, key in columns:
            writing.put(column, target, key, ["row"])
        stated = {
            "table_name": table.name,
            "columns": [key for _, key in columns],
            "column_names": [column.name for column, _ in columns],
            "column_units": [column.units for column, _ in columns],
            "n_rows": table.n_rows,
            "source_attributes": json_safe(table.metadata),
        }
        if group:
            target.attrs.update(plain(stated))
        else:
            own = stated
    if len(tables) > 1:
        own = {"tables": [group for group, _, _ in walk_tables(tables)]}
    root.attrs.update(plain({**attributes, **facts, **own}))
    consolidate(out, zarr_format)
    give_back()
    return writing.facts


def walk_groups(
    tree: ArrayGroup,
) -> Iterator[tuple[str, ArrayGroup, list[tuple[StoredArray, str, tuple[str, ...]]]]]:
    """Yield (path in the store, node, its arrays with key and dimensions), parents first."""
    yield from _walk(tree, "", {})


def _walk(
    node: ArrayGroup, path: str, sizes: dict[str, int]
) -> Iterator[tuple[str, ArrayGroup, list[tuple[StoredArray, str, tuple[str, ...]]]]]:
    # xarray aligns a group with the groups above it: a dimension has one length in all of them
    sizes = dict(sizes)
    taken: set[str] = set()
    keys = {key_of(array.name, taken): array for array in node.arrays}
    named = []
    for key, array in keys.items():
        dimensions = array.dimensions
        if not _fit(array, sizes, keys):
            dimensions = _own_dimensions(array, f"{path}/{key}".lstrip("/"), {*keys, *sizes})
        sizes.update(zip(dimensions, array.values.shape, strict=True))
        named.append((array, key, dimensions))
    yield path, node, named
    for group in node.groups:
        below = f"{path}/{key_of(group.name, taken)}".lstrip("/")
        yield from _walk(group, below, sizes)


def _fit(array: StoredArray, sizes: Mapping[str, int], siblings: Mapping[str, StoredArray]) -> bool:
    """Whether the stated dimensions can be used beside those of other arrays."""
    stated, shape = array.dimensions, array.values.shape
    if len(stated) != len(shape) or not all(stated) or len(set(stated)) != len(stated):
        return False
    if any(sizes.get(name, n) != n for name, n in zip(stated, shape, strict=True)):
        return False
    # xarray takes an array with the name of a dimension for the labels along it
    return all(
        siblings[name].dimensions == (name,) and siblings[name].values.shape == (n,)
        for name, n in zip(stated, shape, strict=True)
        if name in siblings
    )


def _own_dimensions(array: StoredArray, path: str, taken: set[str]) -> tuple[str, ...]:
    own = []
    for axis in range(len(array.values.shape)):
        name = f"{path.replace('/', '.')}_{axis}"
        while name in taken:
            name += "_"
        own.append(name)
    return tuple(own)


def walk_tables(
    tables: Sequence[Table],
) -> Iterator[tuple[str, Table, list[tuple[StoredArray, str]]]]:
    """Yield (path in the store, table, its columns with their keys)."""
    groups: set[str] = set()
    for table in tables:
        taken: set[str] = set()
        columns = [
            (column, key_of(column.name or f"column_{n}", taken))
            for n, column in enumerate(table.columns, 1)
        ]
        yield key_of(table.name, groups) if len(tables) > 1 else "", table, columns


def _group_attributes(node: ArrayGroup, key: str) -> dict[str, Any]:
    stated = {"stated_name": node.name if node.name != key else None}
    return plain({**stated, "source_attributes": json_safe(node.attributes)})


def _attributes(array: StoredArray, key: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if array.name and array.name != key:
        attributes["long_name"] = array.name
    if array.units:
        attributes["stated_units" if is_time_unit(array.units) else "units"] = array.units
    if array.attributes:
        # in one text: as attributes of the array a scale or a missing value would be applied by readers
        attributes["source_attributes"] = json_text(array.attributes)
    return plain(attributes)


def _everything(array: StoredArray) -> tuple[slice, ...]:
    return (slice(None),) * len(array.values.shape)


def _is_text(array: StoredArray) -> bool:
    return np.dtype(array.values.dtype).kind in "UT"


def _storable(array: StoredArray) -> np.dtype[Any]:
    dtype = np.dtype(array.values.dtype).newbyteorder("=")
    widest = 16 if dtype.kind == "c" else 8
    if dtype.kind not in "biufc" or dtype.itemsize > widest:
        message = f"array {array.name!r}: {dtype} has no Zarr type every reader knows"
        raise UnsupportedFormatError(message)
    return dtype


def block_shape(shape: Sequence[int], unit: Sequence[int], n_values: int) -> tuple[int, ...]:
    """Return a block of whole ``unit`` blocks and about ``n_values`` values, widest along the last axes."""
    block = list(unit)
    for axis in reversed(range(len(shape))):
        free = n_values // max(1, math.prod(block))
        n_units = max(1, min(-(-shape[axis] // unit[axis]), free))
        block[axis] = unit[axis] * n_units
    return tuple(block)


def keys_of_blocks(shape: Sequence[int], block: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield the keys of the blocks that cover ``shape``, in C order."""
    counts = [-(-n // step) for n, step in zip(shape, block, strict=True)]
    for index in np.ndindex(*counts):
        starts = [i * step for i, step in zip(index, block, strict=True)]
        whole = tuple(slice(start, start + step) for start, step in zip(starts, block, strict=True))
        yield tuple(slice(*bounds) for bounds in bounds_of(whole, tuple(shape)))
