"""NeuroExplorer's MATLAB export: ``X`` with ``X_ts`` (start of a fragment, s), ``X_ind``, ``X_ts_step`` (s)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Segment
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import numbers_of
from sparc_fuse_core.readers.exports.views import one_row
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, as_vector
from sparc_fuse_core.readers.shared.tree import Numeric, scalar

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map the continuous variables of a place that has them."""
    members = scope.members
    for name, node in members.items():
        parts = {key: members.get(f"{name}_{key}") for key in ("ts", "ts_step")}
        if (
            not isinstance(node, Numeric)
            or None in parts.values()
            or not node.is_real
            or not node.is_vector
        ):
            continue
        step_s = scalar(parts["ts_step"])
        starts = numbers_of(parts["ts"])[0] if parts["ts"] is not None else ()
        index = members.get(f"{name}_ind")
        first = numbers_of(index)[0] if index is not None else (1.0,)
        if step_s is None or not 0 < step_s < math.inf or not starts or len(first) != len(starts):
            continue
        n_samples = node.n_values
        edges = [int(value) - 1 for value in first] + [n_samples]
        if edges[0] != 0 or any(b <= a for a, b in pairwise(edges)):
            continue
        rate_hz = float(f"{1.0 / step_s:.12g}")
        segments = tuple(
            Segment(a, b - a, start) for (a, b), start in zip(pairwise(edges), starts, strict=True)
        )
        path = scope.child(name)
        done.claims.append(
            Claim(
                path,
                one_row(as_vector(node.rows)),
                (name,),
                ("",),
                TimeAxis(rate_hz, starts[0], None, "s"),
                node.matlab_class,
                group=scope.path,
                segments=segments if len(segments) > 1 else (),
            )
        )
        done.used.update(
            (path, *(scope.child(f"{name}_{key}") for key in ("ts", "ind", "ts_step")))
        )
        done.say(
            "signals", "file", "NeuroExplorer's names: `_ts` start in s, `_ts_step` the step in s"
        )
    return False
