"""What a table can be found to be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sparc_fuse_core.model import Evidence
    from sparc_fuse_core.readers.text.first_rows import Clock

Purpose = Literal["signals", "events", "table"]

#: How far a stated rate and the steps of a time column may be apart and still be one.
RATE_TOLERANCE = 0.01
_REMARKS = re.compile(r"(?:comment|event|marker|annotation|note|remark)s?")


class TwoReadingsError(Exception):
    """What was taken for a recording is none after all: it is kept as a table. Never leaves the reader."""


def is_remark_name(name: str) -> bool:
    """Whether a column of this name holds remarks."""
    return _REMARKS.fullmatch(name.strip().lower()) is not None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a table is and what its columns are; positions count from 0.

    Attributes
    ----------
    reasons
        Why it is no recording, and what would make it one.
    is_open
        Whether it is still to be said what would make it one.
    signals, states, comments, counters, other_times
        Positions of samples, of words that hold from row to row, of remarks, of row numbers, and of further
        times of the same rows.
    groups
        Pairs of time and values: each a clock and the columns on it; empty if all share one.
    rated
        Columns of several rates beside each other: each rate and its columns.
    channel, subject, trial
        Position of the column that tells rows of several channels, subjects or trials apart.
    label, duration, end
        Of an event table; the end is in the unit of the onset.
    """

    purpose: Purpose
    reasons: tuple[str, ...] = ()
    is_open: bool = False
    clock: Clock | None = None
    signals: tuple[int, ...] = ()
    states: tuple[int, ...] = ()
    comments: tuple[int, ...] = ()
    counters: tuple[int, ...] = ()
    other_times: tuple[int, ...] = ()
    groups: tuple[tuple[Clock, tuple[int, ...]], ...] = ()
    rated: tuple[tuple[float, tuple[int, ...]], ...] = ()
    channel: int | None = None
    subject: int | None = None
    trial: int | None = None
    label: int | None = None
    duration: int | None = None
    end: int | None = None
    evidence: tuple[Evidence, ...] = field(default=())
