"""What a second reader saw in a file, and what a store shows to plain xarray and zarr."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; what is None was not told, and is not compared.

    Attributes
    ----------
    values
        Shape (n_samples,), in ``unit``; segments and sweeps one after the other.
    start_s
        Of the first sample, from the recording's start.
    """

    values: Array
    name: str | None = None
    unit: str | None = None
    rate_hz: float | None = None
    start_s: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file holds.

    Attributes
    ----------
    images
        Pixels; axes of length 1 count for nothing.
    events
        (seconds, label) of each, or None if the library does not tell them.
    arrays
        By name.
    partial
        The library shows a part of what the file holds: more in the store is no difference.
    steps_um
        Of each image: steps along ``x``, ``y`` and ``z`` in micrometres, as far as told.
    channel_names
        Of the images' channels, or None if the library does not tell them.
    pooled
        The planes of all images are one set: the library tells no axes, or not in which order.
    ascii_names
        The library leaves other letters out of names.
    misses_last
        The library leaves the last sample out.
    left_aside
        What is not compared, and why: known faults of the library.
    """

    channels: tuple[Channel, ...] = ()
    images: tuple[Array, ...] = ()
    events: tuple[tuple[float, str], ...] | None = None
    arrays: dict[str, Array] = field(default_factory=dict)
    steps_um: tuple[dict[str, float], ...] = ()
    channel_names: tuple[str, ...] | None = None
    partial: bool = False
    pooled: bool = False
    ascii_names: bool = False
    misses_last: bool = False
    left_aside: tuple[str, ...] = ()
