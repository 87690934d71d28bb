"""Multi Channel Systems' HDF5 export: converter counts, with the scale of each row in ``InfoChannel``.

Source: Multi Channel Systems, "MCS HDF5 Raw Data File Format" (``Tick`` in µs; value in ``Unit`` = (count −
``ADZero``) × ``ConversionFactor`` × 10^``Exponent``; ``ChannelDataTimeStamps``: time in µs, first and last
index of each run without a gap).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.model import Segment
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import lines_of, numbers_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import TimeAxis
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Table

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_NUMBERS = ("RowIndex", "Exponent", "ADZero", "Tick", "ConversionFactor")


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map one stream of analog samples; return whether the place is one."""
    data, info = scope.members.get("ChannelData"), scope.members.get("InfoChannel")
    if not isinstance(data, Numeric) or not isinstance(info, Table) or len(data.shape) != 2:
        return False
    n_channels, n_samples = data.shape
    columns = dict(info.columns)
    facts = {key: numbers_of(columns[key])[0] for key in _NUMBERS if key in columns}
    if set(facts) != set(_NUMBERS) or any(len(found) != n_channels for found in facts.values()):
        return False
    ticks = set(facts["Tick"])
    if len(ticks) != 1 or not 0 < min(ticks) < math.inf or n_samples < 2:
        return False
    if sorted(facts["RowIndex"]) != list(range(n_channels)):
        return False
    order = [facts["RowIndex"].index(row) for row in range(n_channels)]
    gain = [facts["ConversionFactor"][i] * 10.0 ** facts["Exponent"][i] for i in order]
    offset = [-facts["ADZero"][i] * one for i, one in zip(order, gain, strict=True)]
    if not all(math.isfinite(one) and one != 0 for one in gain):
        return False
    runs = _runs(scope.members.get("ChannelDataTimeStamps"), n_samples)
    names, units = (_texts(columns.get(key), order) for key in ("Label", "Unit"))
    path = scope.child("ChannelData")
    done.claims.append(
        Claim(
            path,
            channel_rows(data, 1, 0),
            names,
            units,
            TimeAxis(1e6 / min(ticks), runs[0].start_s if runs else 0.0, None, "s"),
            data.matlab_class,
            tuple(gain),
            tuple(offset),
            group=path,
            segments=runs if len(runs) > 1 else (),
        )
    )
    done.used.update((path, scope.child("InfoChannel"), scope.child("ChannelDataTimeStamps")))
    done.say("signals", "file", "Multi Channel Systems' HDF5: scale and tick of `InfoChannel`")
    return True


def _texts(node: Node | None, order: list[int]) -> tuple[str, ...]:
    lines = lines_of(node) if node is not None else None
    if lines is None or len(lines) != len(order):
        return ("",) * len(order)
    return tuple(lines[i] for i in order)


def _runs(node: Node | None, n_samples: int) -> tuple[Segment, ...]:
    """Return the runs without a gap if they are those of all samples, else none."""
    if not isinstance(node, Numeric) or len(node.shape) != 2 or 3 not in node.shape:
        return ()
    if node.n_values > 3 * n_samples:
        return ()
    values = np.asarray(node.whole(), dtype=np.float64)
    for table in (values, values.T):
        if table.shape[1] != 3:
            continue
        firsts, lasts = table[:, 1], table[:, 2]
        is_whole = firsts[0] == 0 and lasts[-1] == n_samples - 1 and (lasts >= firsts).all()
        if is_whole and (firsts[1:] == lasts[:-1] + 1).all():
            return tuple(
                Segment(int(first), int(last - first) + 1, float(time) / 1e6)
                for time, first, last in table
            )
    return ()
