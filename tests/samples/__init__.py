"""True files for tests: every sample writes a real file by a means independent of our reader.

One module a family; each appends `Sample`s to its ``SAMPLES``. The compliance test
(``tests/unit/readers/test_reader_compliance.py``) finds them by itself. What is known of a file is its `Truth`:
the numbers it was written from, never what our reader said.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True)
class StreamTruth:
    """One expected `Recording`, in the file's order.

    ``physical`` has shape (n_channels, n_samples) or (n_channels, n_sweeps, n_samples), in ``units``;
    ``tolerance`` is absolute (0: bit-exact after ``stored * gain + offset`` in float64).
    """

    physical: np.ndarray
    rate_hz: float | None
    names: tuple[str, ...]
    units: tuple[str, ...]
    dtype: str  # of the stored values, native byte order: "int16"
    tolerance: float = 0.0
    start_s: float = 0.0
    segments: tuple[tuple[int, int, float], ...] = ()  # start_sample, n_samples, start_s
    times: np.ndarray | None = None


@dataclass(frozen=True)
class ImageTruth:
    """One expected `Image`: ``pixels`` in the order of ``axes``."""

    pixels: np.ndarray
    axes: str
    scale: Mapping[str, float] = field(default_factory=dict)
    axis_units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    kind: str = "intensity"
    tolerance: float = 0.0  # > 0 for lossy codecs


@dataclass(frozen=True)
class ShapesTruth:
    """One expected `Shapes`: exactly these arrays, and units of those that have one."""

    kind: str
    arrays: Mapping[str, np.ndarray]
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What a sample holds.

    ``path`` is the leading file. ``events`` are (time_s, label, channel) in order of time.
    ``error`` names the class in `sparc_fuse_core.errors` for files that must be refused; everything
    else is empty then.
    """

    path: Path
    streams: tuple[StreamTruth, ...] = ()
    images: tuple[ImageTruth, ...] = ()
    events: tuple[tuple[float, str, str], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    error_says: str = ""
    shapes: tuple[ShapesTruth, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)  # by path, where no signal is


@dataclass(frozen=True)
class Sample:
    """A named file of one format (a row of ``formats.FORMATS``)."""

    name: str
    format: str
    write: Callable[[Path], Truth]


def all_samples() -> list[Sample]:
    """Return every sample of every family."""
    found: list[Sample] = []
    for module in pkgutil.iter_modules(__path__):
        found += getattr(importlib.import_module(f"{__name__}.{module.name}"), "SAMPLES", [])
    return found
