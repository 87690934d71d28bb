"""Re-read arrays and tables with zarr-python and compare them with the source."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from sparc_fuse_core.writers.kept_arrays import (
    block_shape,
    keys_of_blocks,
    walk_groups,
    walk_tables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import ArrayGroup, StoredArray, Table

_BLOCK_BYTES = 2 << 20
_STRATA = 8


def compare_arrays(tree: ArrayGroup, store: Path, *, whole_bytes: int) -> list[str]:
    """Return what differs between ``store`` and the tree it was written from.

    Parameters
    ----------
    whole_bytes
        Arrays up to this size are compared value by value, of larger ones blocks.
    """
    pairs = (
        (f"{group}/{key}".lstrip("/"), array)
        for group, _, named in walk_groups(tree)
        for array, key, _ in named
    )
    return _compare(pairs, store, whole_bytes)


def compare_tables(tables: Sequence[Table], store: Path, *, whole_bytes: int) -> list[str]:
    """Return what differs between ``store`` and the tables it was written from; see `compare_arrays`."""
    pairs = (
        (f"{group}/{key}".lstrip("/"), column)
        for group, _, columns in walk_tables(tables)
        for column, key in columns
    )
    return _compare(pairs, store, whole_bytes)


def _compare(pairs: Iterator[tuple[str, StoredArray]], store: Path, whole_bytes: int) -> list[str]:
    root = zarr.open_group(store, mode="r")
    differences = []
    for path, array in pairs:
        found = root.get(path)
        if not isinstance(found, zarr.Array):
            differences.append(f"{path} is absent")
        elif tuple(found.shape) != tuple(array.values.shape):
            differences.append(f"{path}: shape {found.shape} instead of {array.values.shape}")
        elif not _same_values(array, found, whole_bytes):
            differences.append(f"{path}: values differ")
    return differences


def _same_values(array: StoredArray, found: Any, whole_bytes: int) -> bool:
    shape, dtype = tuple(array.values.shape), np.dtype(array.values.dtype)
    if dtype.kind in "UT":
        everything = (slice(None),) * len(shape)
        expected = np.asarray(array.values[everything]).tolist()
        return bool(np.asarray(found[...]).tolist() == expected)
    if found.dtype != dtype.newbyteorder("="):
        return False
    block = block_shape(shape, (1,) * len(shape), _BLOCK_BYTES // dtype.itemsize)
    keys = list(keys_of_blocks(shape, block))
    if math.prod(shape) * dtype.itemsize > whole_bytes:
        last = len(keys) - 1
        keys = [keys[n] for n in sorted({round(i * last / _STRATA) for i in range(_STRATA + 1)})]
    return all(
        np.array_equal(
            np.asarray(found[key]),
            np.asarray(array.values[key]),
            equal_nan=dtype.kind in "fc",
        )
        for key in keys
    )
