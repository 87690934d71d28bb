"""Events of an opened recording as other libraries take them: each in the run that it belongs to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from sparc_fuse_core.opening.runs import Run


class HandedEvent(NamedTuple):
    """One event.

    Attributes
    ----------
    time_s, duration_s
        From the recording's start; the duration is NaN where none is stated.
    text
        Its label, else its kind.
    channel, sweep
        ``""`` and -1 where none is stated.
    """

    time_s: float
    duration_s: float
    text: str
    channel: str
    sweep: int

    @property
    def stop_s(self) -> float:
        """When it ends."""
        return self.time_s if math.isnan(self.duration_s) else self.time_s + self.duration_s


def handed_events(dataset: xr.Dataset) -> list[HandedEvent]:
    """Return the events of an opened recording in their order."""
    if "event_time_s" not in dataset:
        return []
    names = ("time_s", "duration_s", "label", "channel", "kind")
    times, durations, labels, channels, kinds = (dataset[f"event_{name}"].values for name in names)
    sweeps = dataset["event_sweep"].values if "event_sweep" in dataset else [-1] * len(times)
    return [
        HandedEvent(
            float(times[n]),
            float(durations[n]),
            str(labels[n]) or str(kinds[n]),
            str(channels[n]),
            int(sweeps[n]),
        )
        for n in range(len(times))
    ]


def by_run(
    dataset: xr.Dataset, runs: Sequence[Run]
) -> tuple[list[list[HandedEvent]], list[HandedEvent]]:
    """Return the events of each run, and those of none.

    An event belongs to the sweep that it names, else to every run that it lies in or lasts into. Where no
    times of sweeps are known, one that names none belongs to none.
    """
    timed = bool(runs) and (runs[0].sweep < 0 or "sweep_start_s" in dataset)
    inside: list[list[HandedEvent]] = [[] for _ in runs]
    outside = []
    for event in handed_events(dataset):
        if event.sweep >= 0:
            places = [n for n, run in enumerate(runs) if run.sweep == event.sweep]
        else:
            places = [n for n, run in enumerate(runs) if timed and _touches(event, run)]
        for n in places:
            inside[n].append(event)
        if not places:
            outside.append(event)
    return inside, outside


def _touches(event: HandedEvent, run: Run) -> bool:
    """Whether an event lies in a run, or lasts into it."""
    return event.time_s < run.stop_s and (event.time_s >= run.start_s or event.stop_s > run.start_s)
