"""Structures of brain imaging programs whose times are in seconds by definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Tell the unit of Brainstorm's ``Time``; the words in its struct say the rest."""
    if {"F", "Time", "ChannelFlag"} <= scope.members.keys():
        scope.time_unit = "s"
        done.say("signals", "file", "the struct of a Brainstorm recording: `Time` is in s")
    return False
