"""Suite2p's ``Fall.mat``: ``F``, ``Fneu``, ``spks``, a row a cell, at ``ops.fs`` frames a second."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import TimeAxis
from sparc_fuse_core.readers.shared.tree import Numeric, find, scalar

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map the traces of a place that has Suite2p's variables."""
    rate_hz = scalar(find(scope.members, "ops.fs"))
    if rate_hz is None or not 0 < rate_hz < math.inf:
        return False
    cells = scope.members.get("iscell")
    if not isinstance(cells, Numeric) or len(cells.shape) != 2 or "F" not in scope.members:
        return False
    for name in ("F", "Fneu", "spks"):
        node = scope.members.get(name)
        if not isinstance(node, Numeric) or not node.is_real or len(node.shape) != 2:
            continue
        n_cells, n_frames = node.shape
        if n_cells != cells.shape[0] or n_frames < 2:
            continue
        path = scope.child(name)
        axis = TimeAxis(rate_hz, 0.0, None, "s")
        rows = channel_rows(node, 1, 0)
        names, units = (name,) * n_cells, ("",) * n_cells
        done.claims.append(
            Claim(path, rows, names, units, axis, node.matlab_class, group=scope.path)
        )
        done.used.update((path, scope.child("ops.fs")))
        done.say("signals", "file", "Suite2p's traces: a row a cell, `ops.fs` frames a second")
    return False
