"""Which reader a format gets where two can: this project's own, or NEO where somebody asks for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparc_fuse_core.formats.format import Format

READERS = ("own", "neo")

#: Rows that this project reads itself and NEO reads right, too (``readers/neo/kinds`` says what it does not).
NEO_TOO = frozenset(("abf", "blackrock", "brainvision", "neuralynx", "openephys", "smr", "tdt"))


def read_by(row: Format, reader: str) -> Format:
    """Return ``row`` with the reader that is asked for; itself where that one does not read the format."""
    if reader != "neo" or row.name not in NEO_TOO:
        return row
    return dataclasses.replace(
        row,
        reader="neo.second",
        library="neo",
        licence="BSD-3-Clause",
        extra="neo",
        options=(),
        memory_factor=0.0,
        may_crash=False,
    )
