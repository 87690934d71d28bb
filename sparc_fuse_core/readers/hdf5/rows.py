"""Datasets of HDF5 as channels, with the names and units that their attributes state."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, turned
from sparc_fuse_core.readers.hdf5.facts import attribute, texts_of

if TYPE_CHECKING:
    import h5py

    from sparc_fuse_core.model import Blocks

_UNIT_ATTRIBUTES = ("units", "unit")
_NAME_ATTRIBUTES = ("channel_names", "channels", "channel names", "labels", "column_names")


def is_samples(dataset: h5py.Dataset) -> bool:
    """Whether a dataset can hold samples: numbers along one or two axes, in this file."""
    shape = dataset.shape
    return (
        shape is not None
        and 1 <= len(shape) <= 2
        and dataset.size > 0
        and dataset.dtype.kind in "biuf"
    )


def channels_first(dataset: h5py.Dataset, samples_first: bool) -> Blocks:
    """Return (n_channels, n_samples); a vector is one channel."""
    stored = StoredBlocks(dataset)
    if dataset.dtype.kind == "b":
        stored = _as_bytes(stored)
    if len(dataset.shape) == 2:
        return turned(stored) if samples_first else stored

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        return stored[(slice(start, stop),)][None, :][first:last]

    return FunctionBlocks((1, dataset.shape[0]), stored.dtype, read)


def _as_bytes(stored: Any) -> Any:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = stored[tuple(slice(*pair) for pair in bounds)]
        return np.asarray(block).astype(np.uint8)

    return FunctionBlocks(stored.shape, np.dtype(np.uint8), read)


def units_of(dataset: h5py.Dataset, n_channels: int) -> tuple[str, ...]:
    """Return the unit of each channel, as the dataset's attributes state it."""
    stated = attribute(dataset, _UNIT_ATTRIBUTES)
    found = texts_of(stated) if stated is not None else ()
    if len(found) == n_channels:
        return found
    return (found[0] if len(found) == 1 else "",) * n_channels


def names_of(dataset: h5py.Dataset, n_channels: int) -> tuple[str, ...]:
    """Return the channels' names by attribute, else the dataset's own name for each."""
    stated = attribute(dataset, _NAME_ATTRIBUTES)
    found = texts_of(stated) if stated is not None else ()
    if len(found) == n_channels:
        return found
    return (PurePosixPath(str(dataset.name)).name,) * n_channels
