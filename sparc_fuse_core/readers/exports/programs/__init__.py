"""Layouts of programs: what their own exports mean by definition, beyond what the words in them state.

A rule looks at one place of the tree. It claims what it knows, marks it as used, and leaves the rest to the
mapper; it returns True where nothing is left to ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.programs import (
    acquisition,
    bioread,
    brain,
    eeglab,
    fieldtrip,
    intan,
    lsl,
    mcs,
    neuroexplorer,
    nix,
    simulink,
    spike2,
    suite2p,
    tdt,
)

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_RULES = (
    eeglab.map_place,
    fieldtrip.map_place,
    tdt.map_place,
    intan.map_place,
    spike2.map_place,
    neuroexplorer.map_place,
    simulink.map_place,
    bioread.map_place,
    acquisition.map_place,
    brain.map_place,
    mcs.map_place,
    lsl.map_place,
    nix.map_place,
    suite2p.map_place,
)


def map_program(scope: Scope, done: Mapped) -> bool:
    """Map a place that a program laid out; return whether that was all of it."""
    return any(rule(scope, done) for rule in _RULES)
