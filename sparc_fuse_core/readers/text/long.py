"""Tables that hold several channels or subjects below each other, told apart by a column.

Rows are sorted by group into a second scratch file, in the order of the file within each group. Groups
of one length, rate and type share a stream; where they start apart, each channel has its own start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import Contents, Evidence, Recording
from sparc_fuse_core.readers.text.axis import (
    axis_evidence,
    clock_column,
    period_rate,
    stated_rate,
)
from sparc_fuse_core.readers.text.kinds import MOST_DISTINCT
from sparc_fuse_core.readers.text.table import evidence_of
from sparc_fuse_core.readers.text.time import TimeAxis, time_axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.text.table import Table

_ROWS = 1 << 17
#: Groups of one table; more means that the column does not name groups.
MOST_GROUPS = 4096


class GroupedColumns:
    """Columns of 8-byte numbers, each group's rows in one run.

    Parameters
    ----------
    path
        Scratch file, created.
    groups
        Group of each row, shape (n_rows,), from 0.
    columns
        Shape (n_rows,) each.
    n_groups
        How many there are.
    """

    def __init__(
        self, path: Path, groups: Blocks, columns: Sequence[Blocks], n_groups: int
    ) -> None:
        self._dtypes = [np.dtype(column.dtype) for column in columns]
        n_rows = groups.shape[0]
        counts = np.zeros(n_groups, np.int64)
        for start in range(0, n_rows, _ROWS):
            block = groups[(slice(start, start + _ROWS),)]
            counts += np.bincount(block, minlength=n_groups)
        self.counts = [int(n) for n in counts]
        self._starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
        self._n_rows = n_rows
        self._file = path.open("w+b", buffering=0)
        try:
            self._fill(groups, columns)
        except BaseException:
            self._file.close()
            raise

    def _fill(self, groups: Blocks, columns: Sequence[Blocks]) -> None:
        position = self._starts.copy()
        for start in range(0, self._n_rows, _ROWS):
            key = (slice(start, start + _ROWS),)
            block = np.asarray(groups[key])
            order = np.argsort(block, kind="stable")
            present, begins = np.unique(block[order], return_index=True)
            ends = [*begins[1:], len(block)]
            for i, column in enumerate(columns):
                values = np.ascontiguousarray(np.asarray(column[key])[order])
                for group, begin, end in zip(present, begins, ends, strict=True):
                    at = 8 * (i * self._n_rows + int(position[group]))
                    left = values[begin:end].data.cast("B")
                    while left:
                        n_written = os.pwrite(self._file.fileno(), left, at)
                        left, at = left[n_written:], at + n_written
            position[present] += np.asarray(ends) - begins

    def vector(self, group: int, column: int) -> FunctionBlocks:
        """Blocks of shape (n_rows of the group,)."""
        base = column * self._n_rows + int(self._starts[group])
        dtype = self._dtypes[column]

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            start, stop = bounds[0]
            raw = os.pread(self._file.fileno(), 8 * (stop - start), 8 * (base + start))
            return np.frombuffer(raw, dtype)

        return FunctionBlocks((self.counts[group],), dtype, read)

    def close(self) -> None:
        """Close the scratch file; further reads fail."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class _Group:
    """The channels of one group, on one clock."""

    name: str
    rows: tuple[FunctionBlocks, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    axis: TimeAxis
    words: Mapping[str, list[str]]


def read_grouped(
    table: Table, scratch: Path, stack: ExitStack, options: Mapping[str, Any]
) -> Contents:
    """Make recordings of a table with a column of channels or of subjects.

    Raises
    ------
    CorruptFileError
        If the column names too many groups to be one of channels or subjects.
    """
    plan = table.plan
    meaning = plan.meaning
    position = next(
        (i for i in (meaning.channel, meaning.subject, meaning.trial) if i is not None), None
    )
    if position is None:
        message = f"{table.name}: no column of channels or subjects"
        raise CorruptFileError(message)
    found = list(table.parser.distinct[position])
    if len(found) > MOST_GROUPS:
        message = (
            f"{table.name}: column {plan.labels[position].cell!r} has {len(found)} different values, too "
            f"many to be channels or subjects (at most {MOST_GROUPS})"
        )
        raise CorruptFileError(message)
    is_integer = all(map(table.is_integer, plan.signals))
    columns: list[Blocks] = [
        table.vector(i, np.int64 if is_integer else np.float64) for i in plan.signals
    ]
    clock = None
    if plan.clock is not None:
        clock = clock_column(table, plan.clock)
        columns.append(clock.times)
    if plan.period is not None:
        columns.append(table.vector(plan.period))
    columns += [table.vector(i, np.int64) for i in plan.metadata if i in table.places]
    grouped = GroupedColumns(scratch, table.vector(position, np.int64), columns, len(found))
    stack.callback(grouped.close)

    evidence = [*table.layout.evidence, *plan.evidence]
    groups = []
    n_signals = len(plan.signals)
    header_hz, _, said = (None, "", []) if plan.period is not None else stated_rate(table, options)
    evidence += said
    for code, name in enumerate(found):
        at = n_signals
        axis = TimeAxis(None, 0.0, None, "s")
        clock_vector = None
        if clock is not None:
            clock_vector, at = grouped.vector(code, at), at + 1
        rate_hz = header_hz
        if plan.period is not None:
            rate_hz, at = period_rate(table, grouped.vector(code, at)) or rate_hz, at + 1
        if clock_vector is not None and clock is not None and plan.time is not None:
            axis = time_axis(clock_vector, clock.unit, clock.fineness, hint_hz=rate_hz)
            evidence += axis_evidence(
                axis, plan.labels[plan.time].cell, rate_hz, f"the sample period of {name!r}"
            )
        elif rate_hz is not None:
            axis = TimeAxis(rate_hz, 0.0, None, "s")
        groups.append(
            _Group(
                name,
                tuple(grouped.vector(code, i) for i in range(n_signals)),
                _channel_names(table, name),
                table.units(plan.signals),
                axis,
                _words(table, grouped, code, at),
            )
        )
    evidence += evidence_of(table)
    recordings = _trials(groups) if meaning.trial is not None else _streams(groups)
    return Contents(
        recordings=tuple(recordings),
        start_time=table.stated.said.start_time,
        metadata=dict(table.stated.metadata),
        evidence=tuple(_once(evidence)),
    )


def _channel_names(table: Table, group: str) -> tuple[str, ...]:
    if table.plan.meaning.trial is not None:
        return table.names(table.plan.signals)
    if table.plan.meaning.channel is not None:
        return (group,) if len(table.plan.signals) == 1 else table.names(table.plan.signals)
    return tuple(f"{group}_{name}" for name in table.names(table.plan.signals))


def _words(table: Table, grouped: GroupedColumns, group: int, at: int) -> dict[str, list[str]]:
    """Return the distinct words of each metadata column in one group, in the order of the file."""
    found = {}
    for i, position in enumerate(i for i in table.plan.metadata if i in table.places):
        words = list(table.parser.distinct.get(position, {}))
        codes = grouped.vector(group, at + i)
        seen: dict[int, None] = {}
        for start in range(0, codes.shape[0], _ROWS):
            block = codes[(slice(start, start + _ROWS),)]
            values, firsts = np.unique(block, return_index=True)
            seen |= dict.fromkeys(values[np.argsort(firsts)].tolist())
        name = table.plan.labels[position].name or f"column {position + 1}"
        kept = [words[code] for code in seen if words[code]]
        found[name] = kept[:MOST_DISTINCT]
    return found


def _streams(groups: list[_Group]) -> list[Recording]:
    """Join groups of one length and rate (or without any clock); others stay apart."""
    joined: dict[tuple[Any, ...], list[_Group]] = {}
    for i, group in enumerate(groups):
        axis = group.axis
        clock = ("times", i) if axis.times is not None else ("rate", axis.rate_hz)
        joined.setdefault((group.rows[0].shape[0], clock), []).append(group)
    streams = []
    for members in joined.values():
        axis = members[0].axis
        starts = [member.axis.start_s for member in members for _ in member.rows]
        words: dict[str, dict[str, list[str]]] = {}
        for member in members:
            for column, values in member.words.items():
                words.setdefault(column, {})[member.name] = values
        streams.append(
            Recording(
                "table" if len(joined) == 1 else f"table {members[0].name}",
                _stacked([row for member in members for row in member.rows]),
                tuple(name for member in members for name in member.names),
                tuple(unit for member in members for unit in member.units),
                axis.rate_hz,
                start_s=min(starts),
                channel_start_s=tuple(starts) if len(set(starts)) > 1 else (),
                times=axis.times,
                time_units=axis.units,
                metadata=words,
            )
        )
    return streams


def _trials(groups: list[_Group]) -> list[Recording]:
    """Return trials of one length, rate and start as sweeps; others as recordings of their own."""
    first = groups[0]
    alike = all(
        group.axis.times is None
        and group.rows[0].shape == first.rows[0].shape
        and group.axis.rate_hz == first.axis.rate_hz
        and group.axis.start_s == first.axis.start_s
        for group in groups
    )
    if not alike or len(groups) < 2:
        return [recording for group in groups for recording in _streams([group])]
    n_samples, dtype = first.rows[0].shape[0], first.rows[0].dtype

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (from_sweep, to_sweep), samples = bounds
        block = np.empty((high - low, to_sweep - from_sweep, samples[1] - samples[0]), dtype)
        for j, group in enumerate(groups[from_sweep:to_sweep]):
            for i, row in enumerate(group.rows[low:high]):
                block[i, j] = row[(slice(*samples),)]
        return block

    shape = (len(first.rows), len(groups), n_samples)
    return [
        Recording(
            "table",
            FunctionBlocks(shape, dtype, read),
            first.names,
            first.units,
            first.axis.rate_hz,
            start_s=first.axis.start_s,
            time_units=first.axis.units,
            metadata={"sweeps": [group.name for group in groups]},
        )
    ]


def _stacked(rows: list[FunctionBlocks]) -> FunctionBlocks:
    """Blocks of shape (n_rows, n_samples)."""
    n_samples, dtype = rows[0].shape[0], rows[0].dtype

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), samples = bounds
        block = np.empty((last - first, samples[1] - samples[0]), dtype)
        for i, row in enumerate(rows[first:last]):
            block[i] = row[(slice(*samples),)]
        return block

    return FunctionBlocks((len(rows), n_samples), dtype, read)


def _once(evidence: list[Evidence]) -> list[Evidence]:
    return list(dict.fromkeys(evidence))
