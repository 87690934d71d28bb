"""Runs of samples that lie apart, read as if they followed each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Number of a run, bounds of channels, bounds of samples within the run → (n_channels, n_samples).
    ReadRun = Callable[[int, tuple[int, int], tuple[int, int]], np.ndarray[Any, Any]]


def joined(
    lengths: Sequence[int], n_channels: int, dtype: np.dtype[Any], read_run: ReadRun
) -> FunctionBlocks:
    """Return runs of samples one after the other: shape (n_channels, samples of all).

    Parameters
    ----------
    lengths
        Samples of each run.
    read_run
        Reads a part of one run.
    """
    ends = np.cumsum(lengths)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        channels, (start, stop) = bounds
        out = np.empty((channels[1] - channels[0], stop - start), dtype)
        if not out.size:
            return out
        run = int(np.searchsorted(ends, start, "right"))
        at = start
        while at < stop:
            begins = int(ends[run]) - lengths[run]
            until = min(stop, int(ends[run]))
            part = read_run(run, channels, (at - begins, until - begins))
            out[:, at - start : until - start] = part
            at, run = until, run + 1
        return out

    return FunctionBlocks((n_channels, int(ends[-1])), dtype, read)
