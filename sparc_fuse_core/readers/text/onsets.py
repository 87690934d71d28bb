"""Tables of events: a time and a label in each row, or a time alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Contents, EventTable
from sparc_fuse_core.readers.text.axis import clock_column, timed
from sparc_fuse_core.readers.text.kept import columns_of, table_of, texts_of
from sparc_fuse_core.readers.text.kinds import MOST_COMMENTS
from sparc_fuse_core.readers.text.table import evidence_of
from sparc_fuse_core.readers.text.time import unit_named
from sparc_fuse_core.readers.text.units import time_label
from sparc_fuse_core.readers.text.verdict import TwoReadingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.text.table import Table


def read_events(table: Table, options: Mapping[str, Any]) -> Contents:
    """Make events of the rows; further columns are kept beside them as a table.

    Raises
    ------
    TwoReadingsError
        If a row has no time.
    """
    meaning, labels = table.plan.meaning, table.plan.labels
    clock = meaning.clock
    if clock is None or table.store.n_rows > MOST_COMMENTS:
        raise TwoReadingsError("Kept as a table, because it has too many rows to be events.")
    column = clock_column(table, clock)
    unit = column.unit or 1
    everything = (slice(0, table.store.n_rows),)
    times = np.asarray(column.times[everything], dtype=np.float64)
    if clock.role == "number" and column.origin_ns is not None:
        times = times - times[0]
    # dividing is rounded correctly, multiplying with 0.001 is not
    seconds = times * float(unit.numerator) / float(unit.denominator)
    durations = np.full(len(seconds), math.nan)
    if meaning.duration is not None and meaning.duration in table.numeric:
        stated = unit_named(time_label(labels[meaning.duration])[1]) or unit_named(
            "" if not labels[meaning.duration].unit else labels[meaning.duration].unit
        )
        factor = float(stated or unit)
        durations = np.asarray(table.vector(meaning.duration)[everything]) * factor
    elif meaning.end is not None and meaning.end in table.numeric:
        ends = np.asarray(table.vector(meaning.end)[everything], dtype=np.float64)
        ended = ends * float(unit.numerator) / float(unit.denominator)
        durations = ended - seconds if not bool((ended < seconds).any()) else durations
    words = [""] * len(seconds)
    if meaning.label is not None:
        words = texts_of(table, meaning.label)
    name = labels[clock.position].name.lower()
    kind = "spike" if "spike" in name else "event"
    taken = {clock.position, clock.date, meaning.label, meaning.duration}
    rest = [i for i in columns_of(table) if i not in taken]
    start_time = timed(table, clock, options).start_time
    return Contents(
        events=EventTable(
            time_s=seconds.tolist(),
            duration_s=durations.tolist(),
            label=words,
            channel=[""] * len(seconds),
            kind=[kind] * len(seconds),
        ),
        tables=(table_of(table),) if rest else (),
        start_time=start_time,
        metadata=dict(table.stated.metadata),
        evidence=(*table.layout.evidence, *table.plan.evidence, *evidence_of(table)),
    )
