"""All that one file holds, and where its facts come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.model.events import EventTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model.arrays import ArrayGroup, Table
    from sparc_fuse_core.model.image import Image, Shapes
    from sparc_fuse_core.model.recording import Recording

Basis = Literal["file", "scheme", "inferred", "missing"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where one fact of the result comes from; the score of a mapping is made of these.

    Attributes
    ----------
    fact
        ``"signals"``, ``"time"``, ``"units"``, ``"names"``, ``"axes"``, ``"scale"``,
        ``"calibration"``, ``"content"``, ``"completeness"`` (the recording ends early).
    basis
        ``"file"``: stated by it; ``"scheme"``: by the mapping scheme; ``"inferred"``: concluded from
        the values or from convention; ``"missing"``: absent, and left absent.
    sentence
        What a user is told.
    """

    fact: str
    basis: Basis
    sentence: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All that one file (with its companions) holds.

    Attributes
    ----------
    recordings, images, shapes
        In the file's order. Names of images, shapes and tables are unique within each.
    arrays
        The tree of what can be read and is no signal, or None.
    tables
        Tables that are no signals and no events.
    events
        All events of the file, on the recording's clock.
    start_time
        When the recording started, in ISO 8601 as far as the file states it: date and time, date alone, a
        zone only where stated; ``""`` if it does not. Times of samples and events count from it.
    metadata
        JSON-able facts about the file, as stated by it: device, comments, remaining variables.
    evidence
        Inferences and gaps a reader knows of. Missing units, names and rates are found by themselves.
    """

    recordings: tuple[Recording, ...] = ()
    images: tuple[Image, ...] = ()
    shapes: tuple[Shapes, ...] = ()
    arrays: ArrayGroup | None = None
    tables: tuple[Table, ...] = ()
    events: EventTable = field(default_factory=EventTable)
    start_time: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        """Check that names can be told apart, and that the start is one."""
        for things in (self.images, self.shapes, self.tables):
            names = [thing.name for thing in things]
            if len(set(names)) != len(names):
                message = f"names are not unique: {names}"
                raise ValueError(message)
        if self.start_time:
            datetime.fromisoformat(self.start_time)
