"""What MNE found in a file, for the checks and corrections of its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import EventTable, Evidence


@dataclass(slots=True)
class Found:
    """What MNE found in a file, and what is to be said otherwise.

    Attributes
    ----------
    raw, path
        MNE's raw with its header read, and the leading file.
    names, units, scale
        Of the channels, where they are not MNE's; empty ``units`` and ``scale`` leave MNE's.
    stored
        Type of the stored samples where their scale is MNE's ``cal`` alone, which only this file tells.
    gaps
        Stretches without samples: first sample, number of samples; None: as MNE marks them.
    events
        In place of MNE's annotations.
    states_start
        MNE's start is the file's.
    start
        In place of MNE's.
    wanted_bytes, there_bytes
        Of samples: what the header announces, what is there.
    evidence
        What users are told.
    identity
        What is known of the subject besides what MNE says.
    """

    raw: Any
    path: Path
    names: list[str]
    units: list[str] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    stored: str = ""
    gaps: list[tuple[int, int]] | None = None
    events: EventTable | None = None
    states_start: bool = True
    start: str = ""
    wanted_bytes: int = 0
    there_bytes: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    identity: list[str] = field(default_factory=list)
