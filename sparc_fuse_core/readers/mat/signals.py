"""Signals found in MATLAB variables, and the recordings that are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, transposed
from sparc_fuse_core.model import Evidence, Recording
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, turned
from sparc_fuse_core.readers.shared.time_axis import (
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
)
from sparc_fuse_core.readers.shared.tree import Node, Numeric, find, scopes, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.model import Blocks

#: Names that mean time and nothing else, lower case; the unit is part of some.
TIME_NAMES: dict[str, str] = {
    **dict.fromkeys(("t", "time", "times", "timestamp", "timestamps", "timer", "tvec"), ""),
    **dict.fromkeys(("timevec", "time_vector", "timevector", "time_axis"), ""),
    **dict.fromkeys(("time_s", "t_s", "time_sec", "t_sec", "time_seconds"), "s"),
    **dict.fromkeys(("time_ms", "t_ms"), "ms"),
    **dict.fromkeys(("time_us", "t_us"), "us"),
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One variable that is a signal: its channels, time last."""

    path: str
    rows: Blocks  # (n_channels, n_samples)
    matlab_class: str
    names: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(slots=True)
class Mapped:
    """What has been mapped so far."""

    recordings: list[Recording] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    metadata: dict[str, Any] = field(default_factory=dict)

    def say(self, fact: str, basis: Any, sentence: str) -> None:
        """Add one sentence of evidence, once."""
        told = Evidence(fact, basis, sentence)
        if told not in self.evidence:
            self.evidence.append(told)

    def add(self, name: str, signals: Sequence[Signal], axis: TimeAxis, **facts: Any) -> None:
        """Add signals that share a clock: one recording for each stored type."""
        for dtype, members in _by_dtype(signals).items():
            taken = {recording.name for recording in self.recordings}
            label = name if name not in taken else f"{name}_{dtype}"
            while label in taken:
                label += "_"
            self.recordings.append(
                Recording(
                    name=label,
                    signals=joined([signal.rows for signal in members], dtype),
                    channel_names=tuple(text for signal in members for text in signal.names),
                    channel_units=tuple(text for signal in members for text in signal.units),
                    sampling_rate_hz=axis.rate_hz,
                    start_s=axis.start_s,
                    times=axis.times,
                    time_units=axis.units if axis.times is not None else "s",
                    metadata=facts,
                )
            )


def _by_dtype(signals: Sequence[Signal]) -> dict[str, list[Signal]]:
    """Group by type; doubles that MATLAB packed as small integers become doubles again among others.

    MATLAB stores whole-numbered doubles as integers to save space: no property of the data.
    """
    classes: dict[str, set[str]] = {}
    for signal in signals:
        classes.setdefault(signal.matlab_class, set()).add(_native(signal.rows.dtype))
    groups: dict[str, list[Signal]] = {}
    for signal in signals:
        stored = classes[signal.matlab_class]
        wide = {"double": "float64", "single": "float32"}.get(signal.matlab_class)
        dtype = wide if wide and len(stored) > 1 else _native(signal.rows.dtype)
        groups.setdefault(dtype, []).append(signal)
    return groups


def _native(dtype: Any) -> str:
    kind = np.dtype(dtype)
    return "uint8" if kind.kind == "b" else kind.newbyteorder("=").name


def joined(parts: list[Blocks], dtype: str) -> Blocks:
    """Stack (n_channels, n_samples) parts along the channels, in one native type."""
    if len(parts) == 1 and np.dtype(parts[0].dtype) == np.dtype(dtype):
        return parts[0]
    starts = np.cumsum([0, *(part.shape[0] for part in parts)])
    kind = np.dtype(dtype)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), kind)
        for part, offset in zip(parts, starts, strict=False):
            low, high = max(first, int(offset)), min(last, int(offset) + part.shape[0])
            if low < high:
                key = (slice(low - int(offset), high - int(offset)), slice(start, stop))
                block[low - first : high - first] = part[key]
        return block

    return FunctionBlocks((int(starts[-1]), parts[0].shape[1]), kind, read)


def channels_of(node: Numeric, n_samples: int | None, orientation: str) -> Blocks | None:
    """Return (n_channels, n_samples), or None if it cannot be told which axis is time.

    Parameters
    ----------
    node
        A real array of at most 2 axes longer than 1.
    n_samples
        Length of the time axis, if known.
    orientation
        ``"samples_first"``, ``"channels_first"`` (as MATLAB shows it), or ``""``.
    """
    if not node.is_real or len(node.rows.shape) != 2 or not node.n_values:
        return None
    n_rows, n_columns = node.shape
    if orientation:
        as_stored = orientation == "samples_first"
    elif n_samples is None:
        if n_rows == n_columns and n_rows > 1:
            return None
        as_stored = n_rows > n_columns
    elif n_rows == n_columns == n_samples and n_rows > 1:
        return None
    elif n_samples in (n_rows, n_columns):
        as_stored = n_rows == n_samples
    else:
        return None
    # the axes of `rows` are MATLAB's reversed: samples first there is channels first here
    rows: Blocks = node.rows if as_stored else _turned(node.rows)
    return rows if n_samples is None or rows.shape[1] == n_samples else None


def _turned(rows: Blocks) -> Blocks:
    """Exchange the axes: a table in a file is read once for each block, one in memory piecewise."""
    return turned(rows) if isinstance(rows, StoredBlocks) else transposed(rows)


def signal_of(path: str, node: Numeric, rows: Blocks) -> Signal:
    """Return a signal whose channels bear the name of their variable."""
    n_channels = rows.shape[0]
    name = path.rpartition(".")[2]
    return Signal(path, rows, node.matlab_class, (name,) * n_channels, ("",) * n_channels)


def time_axis_of(node: Numeric, unit: str) -> TimeAxis | None:
    """Return the time axis that a variable is, or None if it is none."""
    if not node.is_vector or not node.is_real:
        return None
    times = as_vector(node.rows)
    if not is_increasing(times):
        return None
    return describe_times(times, node.unit or unit, node.resolution_s)


def label_texts(node: Node | None, n_channels: int) -> tuple[str, ...] | None:
    """Return one text for each channel, from texts or channel numbers, else None."""
    lines = texts(node)
    if lines is None and isinstance(node, Numeric) and node.is_real and node.is_vector:
        lines = tuple(f"{value:.15g}" for value in node.whole().reshape(-1))
    return lines if lines is not None and len(lines) == n_channels else None


def find_any(variables: Mapping[str, Node], path: str) -> tuple[str, Node] | None:
    """Return a variable by its path; ``*`` as the first part is any struct that has the rest."""
    head, _, rest = path.partition(".")
    if head != "*":
        node = find(variables, path)
        return None if node is None else (path, node)
    for prefix, scope in scopes(variables):
        node = find(scope, rest) if prefix else None
        if node is not None:
            return f"{prefix}.{rest}", node
    return None
