"""Labelled moments of a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Sweep of an event that belongs to none.
NO_SWEEP = -1


@dataclass(frozen=True, slots=True)
class Event:
    """One labelled moment.

    Attributes
    ----------
    time_s
        Seconds from the start of the recording.
    duration_s
        NaN if the file states none.
    label
        Text or code as the file states it.
    channel
        Name of the channel it belongs to, or ``""`` for the whole recording.
    kind
        What the format calls it: ``"comment"``, ``"marker"``, ``"spike"``, ``"annotation"`` …
    sweep
        Index of the sweep it belongs to, or `NO_SWEEP`.
    """

    time_s: float
    duration_s: float = math.nan
    label: str = ""
    channel: str = ""
    kind: str = ""
    sweep: int = NO_SWEEP


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events as columns of one length, so that a million spikes stay small.

    Attributes
    ----------
    time_s, duration_s
        Shape (n_events,), seconds; duration NaN where not stated.
    label, channel, kind
        One text for each event.
    sweep
        Index of the sweep of each event, `NO_SWEEP` outside of sweeps; empty where no event has one.
    """

    time_s: Sequence[float] = ()
    duration_s: Sequence[float] = ()
    label: Sequence[str] = ()
    channel: Sequence[str] = ()
    kind: Sequence[str] = ()
    sweep: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Check that the columns have one length."""
        lengths = {len(getattr(self, name)) for name in EVENT_COLUMNS}
        if len(self.sweep):
            lengths.add(len(self.sweep))
        if len(lengths) != 1:
            message = f"event columns of different lengths: {sorted(lengths)}"
            raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_s)

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> EventTable:
        """Make a table from single events, in their order."""
        rows = list(events)
        return cls(
            time_s=[event.time_s for event in rows],
            duration_s=[event.duration_s for event in rows],
            label=[event.label for event in rows],
            channel=[event.channel for event in rows],
            kind=[event.kind for event in rows],
            sweep=[event.sweep for event in rows],
        )


EVENT_COLUMNS = ("time_s", "duration_s", "label", "channel", "kind")
