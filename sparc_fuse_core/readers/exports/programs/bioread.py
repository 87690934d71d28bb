"""Files of bioread (acq2hdf5, acq2mat): channels as the words in them say, markers by their sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.headers import text_of
from sparc_fuse_core.readers.shared.tree import Cells, Node, Struct, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_WRAPS = 1 << 32


def map_place(scope: Scope, done: Mapped) -> bool:
    """Take the markers of a file; its channels state all that is needed."""
    here: Mapping[str, Node] = {**scope.attributes, **scope.members}
    rate_hz = scalar(here.get("samples_per_second"))
    markers = here.get("event_markers")
    if rate_hz is None or not 0 < rate_hz < math.inf or not isinstance(markers, Struct | Cells):
        return False
    items = markers.fields.values() if isinstance(markers, Struct) else markers.items
    found = []
    for item in items:
        if not isinstance(item, Struct):
            return False
        facts = {**item.attributes, **item.fields}
        index = scalar(facts.get("global_sample_index", facts.get("sample_index")))
        if index is None or not math.isfinite(index):
            continue
        # an index before the first sample is stored as if it had no sign
        index = index - _WRAPS if index >= _WRAPS / 2 else index
        channel = text_of(facts.get("channel"))
        kind = text_of(facts.get("type"))
        found.append(
            Event(
                index / rate_hz,
                math.nan,
                text_of(facts.get("label")),
                "" if channel == "Global" else channel,
                kind if kind != "None" else "marker",
            )
        )
    if found:
        done.events += sorted(found, key=lambda event: event.time_s)
        done.used.add(scope.child("event_markers"))
    return False
