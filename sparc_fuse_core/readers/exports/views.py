"""Arrays of a tree as channels: axes in order, stored numbers made physical, nothing read before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, transposed
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, turned
from sparc_fuse_core.readers.shared.time_axis import as_vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.shared.tree import Numeric


def channel_rows(
    node: Numeric, sample_axis: int, channel_axis: int | None = None, sweep_axis: int | None = None
) -> Blocks:
    """Return (n_channels, n_samples), or (n_channels, n_sweeps, n_samples) where there is an axis of sweeps.

    Parameters
    ----------
    node
        An array; axes that are not named have length 1.
    sample_axis, channel_axis, sweep_axis
        Axes of ``node.shape``.
    """
    n_axes = len(node.shape)

    def stored(axis: int) -> int:
        return n_axes - 1 - axis if node.is_reversed else axis

    rows = node.rows
    if channel_axis is None and sweep_axis is None:
        return one_row(as_vector(rows))
    if n_axes == 2 and sweep_axis is None and channel_axis is not None:
        if stored(channel_axis) == 0:
            return rows
        return turned(rows) if isinstance(rows, StoredBlocks) else transposed(rows)
    wanted = [axis for axis in (channel_axis, sweep_axis, sample_axis) if axis is not None]
    places = [stored(axis) for axis in wanted]
    shape = [node.shape[axis] for axis in wanted]
    if channel_axis is None:
        shape.insert(0, 1)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        inner = bounds[1:] if channel_axis is None else bounds
        key = [slice(0, 1)] * n_axes
        for place, pair in zip(places, inner, strict=True):
            key[place] = slice(*pair)
        block = np.asarray(rows[tuple(key)])
        rest = [axis for axis in range(n_axes) if axis not in places]
        block = block.transpose((*rest, *places)).reshape([stop - start for start, stop in inner])
        if channel_axis is None:
            block = block[None][bounds[0][0] : bounds[0][1]]
        return np.ascontiguousarray(block)

    return FunctionBlocks(tuple(shape), np.dtype(rows.dtype), read)


def one_row(vector: Blocks) -> FunctionBlocks:
    """View shape (n,) as (1, n)."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        return np.asarray(vector[(slice(start, stop),)])[None, :][first:last]

    return FunctionBlocks((1, vector.shape[0]), np.dtype(vector.dtype), read)


def picked_rows(rows: Blocks, indices: Sequence[int]) -> Blocks:
    """Return some of the channels of (n_channels, n_samples)."""
    if list(indices) == list(range(rows.shape[0])):
        return rows
    chosen = list(indices)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), rows.dtype)
        for i, index in enumerate(chosen[first:last]):
            block[i] = np.asarray(rows[(slice(index, index + 1), slice(start, stop))])[0]
        return block

    return FunctionBlocks((len(chosen), rows.shape[1]), np.dtype(rows.dtype), read)


def physical(
    rows: Blocks, gain: Sequence[float], offset: Sequence[float], missing: Sequence[float]
) -> FunctionBlocks:
    """Return stored × gain + offset as float64, and NaN where the stored value stands for none.

    Parameters
    ----------
    rows
        Channels first.
    gain, offset
        One for each channel.
    missing
        Stored values that mean: no value.
    """
    scale, shift = np.array(gain), np.array(offset)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = np.asarray(rows[tuple(slice(*pair) for pair in bounds)])
        first, last = bounds[0]
        spread = (slice(first, last), *(None,) * (block.ndim - 1))
        values: np.ndarray[Any, Any] = block * scale[spread] + shift[spread]
        for one in missing:
            values[np.isnan(block) if np.isnan(one) else block == one] = np.nan
        return values

    return FunctionBlocks(tuple(rows.shape), np.dtype(np.float64), read)
