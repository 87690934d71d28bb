"""What a file states at one place, one thing each, and whom it is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.vocabulary import (
    Meaning,
    is_offset_to_unit,
    meaning_of,
    normal,
    scale_of,
    words_of,
)

if TYPE_CHECKING:
    from sparc_fuse_core.readers.shared.tree import Node

_MOST_WORDS = 8
#: Names of places: of a program's settings, and of what holds moments.
SETTINGS = frozenset(
    (
        "params",
        "param",
        "parameters",
        "ops",
        "opts",
        "opt",
        "options",
        "par",
        "cfg",
        "config",
        "settings",
    )
)
MOMENTS = frozenset(
    (
        "mrk",
        "marker",
        "markers",
        "event",
        "events",
        "annotation",
        "annotations",
        "trigger",
        "triggers",
    )
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a file states.

    Attributes
    ----------
    meaning
        What its name says.
    name, path
        Of the member or attribute; ``path`` as people are shown it.
    node
        Its value.
    rank
        0 for a member or attribute of the place, 1 for a header beside, more for places above.
    """

    meaning: Meaning
    name: str
    path: str
    node: Node
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """What is stated about the rate of one array.

    Attributes
    ----------
    values_hz
        One rate, or one for each channel; empty if none is stated.
    path
        What states it.
    is_shared
        Stated for the place, not for this array.
    is_of_processing
        Stated among the settings of a program (``ops.fs``), which may be about what is not in the file.
    problem
        Why a statement is none, as a sentence; ``""`` if there is no doubt.
    is_open
        Whether who knows the rate may say it in spite of the problem: what is stated is none of it.
    interval
        As stated without a unit.
    """

    values_hz: tuple[float, ...] = ()
    path: str = ""
    is_shared: bool = True
    is_of_processing: bool = False
    problem: str = ""
    is_open: bool = False
    interval: float | None = None

    def leaves_open(self, rate_hz: float) -> bool:
        """Whether a caller's rate is no contradiction; an interval without a unit has to fit in some unit."""
        if self.values_hz or (self.problem and not self.is_open):
            return False
        if self.interval is None:
            return True
        units = (1.0, 1e-3, 1e-6, 1e-9)
        return any(abs(rate_hz * self.interval * unit - 1) < 0.01 for unit in units)


def attribute_meaning(name: str) -> Meaning | None:
    """Return what the name of an attribute states of what it is attached to."""
    if scale_of(name) is not None:
        return Meaning("scale")
    if is_offset_to_unit(name):
        return Meaning("offset")
    meaning = meaning_of(name)
    if meaning is not None and meaning.subject in (
        "long",
        "standard",
        "display",
        "y",
        "data",
        "signal",
        "channel",
    ):
        return Meaning(meaning.kind, meaning.unit)
    return meaning


@lru_cache(maxsize=32_768)
def subjects_of(array: str) -> tuple[str, ...]:
    """Return what a statement about the array of this name may call it: its name, or the first words of it."""
    words = words_of(array)[:_MOST_WORDS]
    found = (normal(array), *("".join(words[:n]) for n in range(1, len(words))))
    return tuple(dict.fromkeys(one for one in found if one))


def speaks_of(subject: str, array: str) -> bool:
    """Whether a statement about ``subject`` is about the array of this name."""
    return bool(subject) and subject in subjects_of(array)
