"""NeuroExplorer and Plexon: runs of samples, each with its start in s and its first sample or length.

NeuroExplorer's MATLAB export has ``X`` with ``X_ts`` (starts), ``X_ind``, ``X_ts_step`` (s); its readNexFile
structs with ``ADFrequency``, ``timestamps``, ``fragmentStarts``, ``data``; Plexon's plx_ad ``adfreq``, ``ts``,
``fn`` (lengths), ``ad``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Segment
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import numbers_of, text_of
from sparc_fuse_core.readers.exports.views import one_row
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, as_vector
from sparc_fuse_core.readers.shared.tree import Numeric, scalar

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map the continuous variables of a place that has them."""
    members = scope.members
    if members.keys() >= {"ADFrequency", "timestamps", "fragmentStarts", "data"}:
        return _map_fragments(scope, ("ADFrequency", "timestamps", "fragmentStarts", "data"), done)
    if members.keys() >= {"adfreq", "ts", "fn", "ad"}:
        return _map_fragments(scope, ("adfreq", "ts", "fn", "ad"), done)
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


def _map_fragments(scope: Scope, keys: tuple[str, str, str, str], done: Mapped) -> bool:
    """Map the runs of one channel: rate in Hz, starts in s, first samples from 1 or lengths, values."""
    node, rate_hz = scope.members[keys[3]], scalar(scope.members[keys[0]])
    starts, counts = (numbers_of(scope.members[key])[0] for key in keys[1:3])
    if not isinstance(node, Numeric) or not node.is_real or not node.is_vector:
        return False
    if rate_hz is None or not 0 < rate_hz < math.inf or not starts or len(starts) != len(counts):
        return False
    if not all(math.isfinite(value) for value in (*starts, *counts)):
        return False
    if keys[2] == "fn":
        edges = [0]
        for count in counts:
            edges.append(edges[-1] + int(count))
    else:
        edges = [int(first) - 1 for first in counts] + [node.n_values]
    if edges[0] != 0 or edges[-1] != node.n_values or any(b <= a for a, b in pairwise(edges)):
        return False
    segments = tuple(
        Segment(a, b - a, start) for (a, b), start in zip(pairwise(edges), starts, strict=True)
    )
    path = scope.child(keys[3])
    done.claims.append(
        Claim(
            path,
            one_row(as_vector(node.rows)),
            (text_of(scope.members.get("name")) or keys[3],),
            # readNexFile returns millivolts; plx_ad returns counts
            ("mV" if keys[3] == "data" else "",),
            TimeAxis(rate_hz, starts[0], None, "s"),
            node.matlab_class,
            group=path,
            segments=segments if len(segments) > 1 else (),
        )
    )
    done.used.update(scope.child(key) for key in keys)
    done.say("signals", "file", f"`{keys[1]}` are the starts in s of the runs in `{keys[3]}`")
    return True
