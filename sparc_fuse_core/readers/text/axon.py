"""Axon text files: columns that are sweeps of a few signals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks

if TYPE_CHECKING:
    from sparc_fuse_core.model import Contents, Recording
    from sparc_fuse_core.readers.text.headers import Stated


def as_sweeps(contents: Contents, stated: Stated) -> Contents:
    """Turn columns into sweeps where the file says which signal each column is a trace of.

    Left as columns, with their titles as names, where the statement does not fit the columns.
    """
    if len(contents.recordings) != 1:
        return contents
    recording = contents.recordings[0]
    names = tuple(dict.fromkeys(stated.sweeps))
    n_sweeps, left_over = divmod(recording.n_channels, max(len(names), 1))
    columns = [[i for i, one in enumerate(stated.sweeps) if one == name] for name in names]
    units = [
        {recording.channel_units[i] for i in rows if i < recording.n_channels} for rows in columns
    ]
    if (
        left_over
        or len(stated.sweeps) != recording.n_channels
        or any(len(rows) != n_sweeps for rows in columns)
        or any(len(unit) != 1 for unit in units)
        or recording.times is not None
        or n_sweeps < 2
    ):
        return contents
    starts = stated.sweep_start_s if len(stated.sweep_start_s) == n_sweeps else ()
    swept = replace(
        recording,
        signals=_sweeps(recording, columns),
        channel_names=names,
        channel_units=tuple(unit.pop() for unit in units),
        sweep_start_s=starts,
    )
    return replace(contents, recordings=(swept,))


def _sweeps(recording: Recording, columns: list[list[int]]) -> FunctionBlocks:
    """Blocks of shape (n_channels, n_sweeps, n_samples); ``columns[channel][sweep]`` is the column."""
    signals = recording.signals
    shape = (len(columns), len(columns[0]), recording.n_samples)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (from_sweep, to_sweep), samples = bounds
        block = np.empty(
            (last - first, to_sweep - from_sweep, samples[1] - samples[0]), signals.dtype
        )
        for i, rows in enumerate(columns[first:last]):
            for j, column in enumerate(rows[from_sweep:to_sweep]):
                block[i, j] = signals[(slice(column, column + 1), slice(*samples))][0]
        return block

    return FunctionBlocks(shape, signals.dtype, read)
