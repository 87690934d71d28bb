"""FieldTrip's raw and timelock structures: labels, trials with their own times in seconds.

Definitions: ft_datatype_raw, ft_datatype_timelock (fieldtriptoolbox.org).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.readers.exports.axes import Axes
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.clocks import Times, read_times, reconciled
from sparc_fuse_core.readers.exports.headers import numbers_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import TimeAxis
from sparc_fuse_core.readers.shared.tree import Cells, Node, Numeric, texts
from sparc_fuse_core.readers.shared.vocabulary import Meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map a structure of trials; of a timelock structure only the unit of its times is told."""
    members = scope.members
    labels = texts(members.get("label"))
    if not labels or "time" not in members:
        return False
    if not {"dimord", "cfg", "fsample", "trial", "avg", "hdr", "elec", "grad"} & members.keys():
        return False
    trials, times = members.get("trial"), members["time"]
    if (
        not isinstance(trials, Cells | Numeric)
        or isinstance(times, Numeric)
        or not isinstance(times, Cells)
    ):
        scope.time_unit = "s"
        return False
    items = trials.items if isinstance(trials, Cells) else (trials,)
    if len(items) != len(times.items):
        return False
    parts = [_part(scope, item, times.items[i], len(labels)) for i, item in enumerate(items)]
    found = [part for part in parts if part is not None]
    if not found or len(found) != len(parts):
        return False
    rate = _rate_hz(members.get("fsample"))
    claims = _claims(scope, tuple(labels), found, rate)
    if claims is None:
        return False
    done.claims += claims
    done.used.update(scope.child(name) for name in ("trial", "time", "label", "fsample"))
    done.say("signals", "file", "a raw data structure of FieldTrip: labels, trials, times in s")
    return False


def _rate_hz(node: Node | None) -> float | None:
    values, _ = numbers_of(node) if node is not None else ((), "")
    return values[0] if len(values) == 1 and values[0] > 0 else None


def _part(scope: Scope, item: Node, times: Node, n_channels: int) -> tuple[Blocks, Times] | None:
    if not isinstance(item, Numeric) or not isinstance(times, Numeric) or not item.is_real:
        return None
    if len(item.shape) != 2 or item.shape != (n_channels, times.n_values) or not times.is_vector:
        return None
    clock = read_times(scope, "time", times, Meaning("time", "s"))
    axes = Axes(1, 0)
    return None if clock is None else (channel_rows(item, axes.sample, axes.channel), clock)


def _claims(
    scope: Scope, names: tuple[str, ...], parts: Sequence[tuple[Blocks, Times]], rate: float | None
) -> list[Claim] | None:
    path = scope.child("trial")
    units = ("",) * len(names)
    stated, _, is_each = scope.texts_of("unit", "trial", {}, len(names))
    units = stated if is_each else units
    axes = [_clock(times, rate) for _, times in parts]
    same = {
        (rows.shape, axis.rate_hz, np.dtype(rows.dtype))
        for (rows, _), axis in zip(parts, axes, strict=True)
    }
    if len(parts) == 1:
        return [Claim(path, parts[0][0], names, units, axes[0], group=path)]
    if len(same) == 1 and axes[0].rate_hz is not None:
        starts = [axis.start_s for axis in axes]
        is_aligned = max(starts) - min(starts) < 0.5 / axes[0].rate_hz
        axis = axes[0] if is_aligned else TimeAxis(axes[0].rate_hz, 0.0, None, "s")
        rows = stacked_sweeps([rows for rows, _ in parts])
        sweeps = () if is_aligned else tuple(starts)
        return [Claim(path, rows, names, units, axis, sweep_start_s=sweeps, group=path)]
    return [
        Claim(f"{path}({i})", rows, names, units, axis, group=f"{path}({i})")
        for i, ((rows, _), axis) in enumerate(zip(parts, axes, strict=True), start=1)
    ]


def _clock(times: Times, rate: float | None) -> TimeAxis:
    axis = times.axis
    if rate is None or axis.rate_hz is not None or axis.times is None:
        if (
            rate is not None
            and axis.rate_hz is not None
            and abs(axis.rate_hz - rate) <= 1e-4 * rate
        ):
            return TimeAxis(rate, axis.start_s, None, "s")
        return axis
    return reconciled(times, rate, "fsample")[0] or axis


def stacked_sweeps(parts: Sequence[Blocks]) -> FunctionBlocks:
    """Stack (n_channels, n_samples) parts of one shape as sweeps."""
    n_channels, n_samples = parts[0].shape

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (c0, c1), (s0, s1), (start, stop) = bounds
        block = np.empty((c1 - c0, s1 - s0, stop - start), parts[0].dtype)
        for i in range(s0, s1):
            block[:, i - s0] = np.asarray(parts[i][(slice(c0, c1), slice(start, stop))])
        return block

    return FunctionBlocks((n_channels, len(parts), n_samples), np.dtype(parts[0].dtype), read)
