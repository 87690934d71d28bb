"""Arrays of a store for a small picture: nothing is read that would take much memory or time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of one chunk, and of all that one picture reads: copied stores have chunks as others chose them.
_MOST_CHUNK_BYTES = 64 * 2**20
_MOST_BYTES = 128 * 2**20


def array_at(group: zarr.Group, path: str) -> Any:
    """Return the array at a path in a group, or None."""
    try:
        found = group[path]
    except KeyError:
        return None
    return found if isinstance(found, zarr.Array) else None


def is_cheap(array: Any, shape: Sequence[int]) -> bool:
    """Tell whether a part of an array of this shape can be read with little memory."""
    item = np.dtype(array.dtype).itemsize or 1
    chunk_bytes = math.prod(array.chunks) * item
    # a part is decoded in whole chunks
    whole = [
        -(-length // chunk) * chunk for length, chunk in zip(shape, array.chunks, strict=False)
    ]
    return bool(chunk_bytes <= _MOST_CHUNK_BYTES and math.prod(whole) * item <= _MOST_BYTES)
