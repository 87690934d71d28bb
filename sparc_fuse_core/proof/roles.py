"""Columns and arrays that a library knows by name only, given the role that they have in the store."""

from __future__ import annotations

import dataclasses
import re

from sparc_fuse_core.proof.seen import Channel, Seen

_UNIT = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")


def fitted(seen: Seen, stored: Seen) -> Seen:
    """Return ``seen`` with named columns as channels, where the store holds channels.

    Which column is a time is a question of meaning: a column is a channel if the store has one of its name,
    with or without the unit in brackets. Columns of other names are not compared.
    """
    if not seen.arrays or stored.arrays or not stored.channels:
        return seen
    names = {channel.name for channel in stored.channels}
    channels = [
        Channel(values, name if name in names else _UNIT.sub("", name))
        for name, values in seen.arrays.items()
        if name in names or _UNIT.sub("", name) in names
    ]
    return dataclasses.replace(seen, channels=tuple(channels), arrays={}, partial=True)
