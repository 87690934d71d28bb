"""Moments that a tree lists in a stated unit of time: vectors of times, tables of onset, duration and label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.headers import header_members, lines_of
from sparc_fuse_core.readers.exports.tables import table_members
from sparc_fuse_core.readers.shared.tree import Cells, Node, Numeric, Table
from sparc_fuse_core.readers.shared.vocabulary import meaning_of, normal, seconds_in, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_MAX_EVENTS = 1_000_000
_ONSET_WORDS = (
    "onset onsets time times t timestamp timestamps start starts starttime eventtime latency"
)
_ONSETS = frozenset(_ONSET_WORDS.split())
_DURATIONS = frozenset(["duration", "durations", "dur", "length"])
_LABEL_WORDS = """
    label labels trialtype type types name names event events code codes description comment text value
    condition conditions marker markers annotation desc eventtype stimulus kind trigger
"""
_LABELS = frozenset(_LABEL_WORDS.split())
#: Words of a name that lists moments, if a unit of time ends it.
_MOMENTS = frozenset(
    [
        "times",
        "time",
        "onset",
        "onsets",
        "timestamps",
        "peaks",
        "locs",
        "starts",
    ]
)


def map_events(scope: Scope, done: Mapped) -> None:
    """Add the moments of one place that are stated in a unit of time."""
    table = _as_table(scope.path, scope.members)
    if table is not None:
        done.events += table
        done.used.add(scope.path)
        return
    for name, node in scope.members.items():
        path = scope.child(name)
        if path in done.used:
            continue
        if isinstance(node, Table):
            found = _as_table(path, table_members(node))
        elif isinstance(node, Cells):
            found = _as_table(path, header_members(node))
        elif isinstance(node, Numeric):
            found = _as_vector(name, node)
        else:
            found = None
        if found:
            done.events += found
            done.used.add(path)


def _as_vector(name: str, node: Numeric) -> list[Event] | None:
    meaning = meaning_of(name)
    if (
        meaning is None
        or meaning.kind not in ("side", "event")
        or not (words := set(words_of(name)))
    ):
        return None
    unit = seconds_in(meaning.unit) if meaning.unit else None
    if unit is None or not _MOMENTS & words:
        return None
    if not node.is_vector or not node.is_real or node.n_values > _MAX_EVENTS:
        return None
    values = node.whole().reshape(-1).astype(np.float64)
    if not np.isfinite(values).all():
        return None
    label = name.rpartition("_")[0] or name
    return [Event(float(value) * unit, math.nan, "", label, "event") for value in values]


def _as_table(path: str, members: Mapping[str, Node]) -> list[Event] | None:
    """Return the rows of a table of onsets whose unit is stated and of which something else is said."""
    onset = duration = None
    labels: tuple[str, ...] | None = None
    for name, node in members.items():
        meaning = meaning_of(name)
        unit = seconds_in(meaning.unit) if meaning is not None and meaning.unit else None
        words = words_of(name)
        whole = normal(name)
        base = "".join(words[:-1]) if unit is not None and len(words) > 1 else whole
        if (
            base in _ONSETS
            and isinstance(node, Numeric | Cells)
            and unit is not None
            and onset is None
        ):
            onset = _seconds(node, unit)
        elif base in _DURATIONS and isinstance(node, Numeric | Cells) and unit is not None:
            duration = _seconds(node, unit)
        elif whole in _LABELS and labels is None:
            labels = lines_of(node)
    if onset is None or (labels is None and duration is None):
        return None
    n_rows = len(onset)
    if not n_rows or n_rows > _MAX_EVENTS or not np.isfinite(onset).all():
        return None
    if labels is not None and len(labels) != n_rows:
        return None
    if duration is None or len(duration) != n_rows:
        duration = np.full(n_rows, math.nan)
    kind = path.rpartition(".")[2].rpartition("/")[2] or "event"
    return [
        Event(float(onset[i]), float(duration[i]), labels[i] if labels else "", "", kind)
        for i in range(n_rows)
    ]


def _seconds(node: Node, unit: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    if isinstance(node, Cells):
        parts = [item for item in node.items if isinstance(item, Numeric) and item.n_values == 1]
        if len(parts) != len(node.items):
            return None
        return np.array([float(item.whole().reshape(-1)[0]) for item in parts]) * unit
    if (
        isinstance(node, Numeric)
        and node.is_real
        and node.is_vector
        and node.n_values <= _MAX_EVENTS
    ):
        return node.whole().reshape(-1).astype(np.float64) * unit
    return None
