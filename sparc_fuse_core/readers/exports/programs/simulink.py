"""Simulink's "Structure with time": ``time`` in seconds, ``signals`` with values and a label each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.clocks import read_times
from sparc_fuse_core.readers.exports.headers import lines_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.tree import Cells, Numeric, Struct
from sparc_fuse_core.readers.shared.vocabulary import Meaning, split_unit

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map a structure that a scope or a To Workspace block left."""
    times, signals = scope.members.get("time"), scope.members.get("signals")
    if (
        not isinstance(times, Numeric)
        or times.n_values < 2
        or not isinstance(signals, Struct | Cells)
    ):
        return False
    items = signals.items if isinstance(signals, Cells) else (signals,)
    structs = [item for item in items if isinstance(item, Struct) and "values" in item.fields]
    if not structs or not any("dimensions" in item.fields for item in structs):
        return False
    clock = read_times(scope, "time", times, Meaning("time", "s"))
    if clock is None:
        return False
    found = 0
    for i, item in enumerate(structs, start=1):
        values = item.fields["values"]
        if not isinstance(values, Numeric) or not values.is_real or len(values.shape) != 2:
            continue
        if values.shape[0] != times.n_values:
            continue
        n_channels = values.shape[1]
        node = item.fields.get("label")
        lines = lines_of(node) if node is not None else None
        label = text_of(item.fields.get("label")) or text_of(item.fields.get("title"))
        lines = lines if lines and len(lines) == n_channels else (label,) * n_channels
        parts = [split_unit(line) for line in lines]
        path = scope.child("signals") + (f"({i})" if isinstance(signals, Cells) else "")
        rows = channel_rows(values, 0, 1)
        done.claims.append(
            Claim(
                path,
                rows,
                tuple(name for name, _ in parts),
                tuple(unit for _, unit in parts),
                clock.axis,
                values.matlab_class,
                group=scope.path,
            )
        )
        done.used.add(path)
        found += 1
    if found:
        done.used.update((scope.child("time"), scope.child("signals")))
        done.say("signals", "file", "Simulink's structure with time: seconds of the simulation")
    return False
