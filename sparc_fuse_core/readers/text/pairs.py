"""Columns that go time, value, time, value: each clock with its own columns, rates and length.

Streams that turn out to share a clock are one. A shorter pair ends before the table does: what follows must be
empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.model import Contents, EventTable, Recording, rate_name
from sparc_fuse_core.readers.text.axis import Timed, pieces, timed
from sparc_fuse_core.readers.text.table import evidence_of, remarks
from sparc_fuse_core.readers.text.time import TimeAxis
from sparc_fuse_core.readers.text.verdict import TwoReadingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.model import Evidence
    from sparc_fuse_core.readers.text.table import Table


def read_pairs(table: Table, options: Mapping[str, Any]) -> Contents:
    """Make one recording for each clock of a table.

    Raises
    ------
    TwoReadingsError
        If a column of times or values has holes.
    """
    evidence: list[Evidence] = [*table.layout.evidence, *table.plan.evidence]
    found: dict[tuple[Any, ...], tuple[Timed, int, list[int]]] = {}
    for hz, positions in table.plan.meaning.rated:
        n_rows = _length(table, positions[0])
        if any(_length(table, i) != n_rows for i in positions):
            raise TwoReadingsError("Kept as a table, because channels of one rate end apart.")
        found[(n_rows, hz, 0.0)] = (Timed(TimeAxis(hz, 0.0, None, "s")), n_rows, list(positions))
    _check_durations(found.values())
    for clock, positions in table.plan.meaning.groups:
        n_rows = _length(table, clock.position)
        one = timed(table, clock, options, n_rows)
        evidence += one.evidence
        # uneven times are a stream of their own
        shared = (
            (one.axis.rate_hz, one.axis.start_s) if one.axis.times is None else (clock.position,)
        )
        key = (n_rows, *shared)
        found.setdefault(key, (one, n_rows, []))[2].extend(positions)
    recordings = []
    for one, n_rows, members in found.values():
        positions = tuple(members)
        gain, offset, units = table.scale(positions)
        axis = one.axis
        recordings.append(
            Recording(
                rate_name(axis.rate_hz),
                _rows(table, positions, n_rows),
                table.names(positions),
                units,
                axis.rate_hz,
                gain=gain,
                offset=offset,
                start_s=axis.start_s,
                times=axis.times,
                time_units=axis.units,
            )
        )
    events, metadata = EventTable(), dict(table.stated.metadata)
    first, *_ = found.values()
    if table.parser.comments or table.parser.states or table.parser.remarks:
        events, more = remarks(table, first[0].axis)
        metadata |= more
    return Contents(
        recordings=tuple(recordings),
        events=events,
        start_time=next((one.start_time for one, _, _ in found.values() if one.start_time), ""),
        metadata=metadata,
        evidence=tuple(dict.fromkeys([*evidence, *evidence_of(table)])),
    )


def _check_durations(streams: Iterable[tuple[Timed, int, list[int]]]) -> None:
    """Refuse columns whose lengths do not go with their rates, as one of the two is wrong."""
    spans = [
        (n_rows / (one.axis.rate_hz or 1), 1 / (one.axis.rate_hz or 1))
        for one, n_rows, _ in streams
    ]
    if spans and max(s for s, _ in spans) - min(s for s, _ in spans) > 1.01 * max(
        step for _, step in spans
    ):
        raise TwoReadingsError(
            "Kept as a table, because the rates that are stated for its columns do not go with their lengths."
        )


def _length(table: Table, position: int) -> int:
    """Return how many rows of a column are filled; the rest must be empty."""
    column = table.vector(position)  # NaN where a cell is empty
    n_rows = n_filled = 0
    for block in pieces(column):
        filled = np.isfinite(block)
        count = int(filled.sum())
        if count and (n_filled < n_rows or not filled[:count].all()):
            raise TwoReadingsError(
                f"Kept as a table, because the times in column {table.plan.labels[position].cell!r} have holes."
            )
        n_rows += len(block)
        n_filled += count
    return n_filled


def _rows(table: Table, positions: Sequence[int], n_rows: int) -> FunctionBlocks:
    dtype = "int64" if all(map(table.is_integer, positions)) else "float64"
    whole = table.store.blocks([table.places[i] for i in positions], dtype)
    return FunctionBlocks(
        (len(positions), n_rows),
        np.dtype(dtype),
        lambda bounds: whole[tuple(slice(*pair) for pair in bounds)],
    )
