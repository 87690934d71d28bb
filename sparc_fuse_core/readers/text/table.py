"""One table of text as recordings: parsed once into a scratch file, read from there.

Columns of one table share one clock and make one stream. Whole numbers stay int64 while all signals
are; beside decimals they become float64, which is exact up to 2**53, and columns of larger whole
numbers make a stream of their own.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UncertainMappingError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording
from sparc_fuse_core.readers.text.clock import NO_TIME
from sparc_fuse_core.readers.text.columns import (
    EXACT,
    MOST_COMMENTS,
    MOST_DISTINCT,
    STORED,
    ColumnStore,
    TableParser,
    line_blocks,
)
from sparc_fuse_core.readers.text.layout import cells_of
from sparc_fuse_core.readers.text.time import (
    Printed,
    TimeAxis,
    printed,
    seconds,
    time_axis,
    unit_named,
)
from sparc_fuse_core.readers.text.units import time_unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.blocks import FunctionBlocks
    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.roles import Plan

_BLOCK = 1 << 18
#: Remarks kept as metadata where the table has no time to hang them on.
_MOST_UNTIMED = 10_000


class Table:
    """A table that has been parsed.

    Attributes
    ----------
    parser
        What it found besides numbers.
    store
        The numbers.
    """

    def __init__(self, path: Path, layout: Layout, plan: Plan, stated: Stated) -> None:
        self.name = path.name
        self.path = path
        self.layout = layout
        self.plan = plan
        self.stated = stated
        self.places = {
            column.position: place
            for place, column in enumerate(c for c in plan.columns if c.role in STORED)
        }
        self.store: ColumnStore
        self.parser: TableParser

    def parse(
        self,
        scratch: Path,
        stack: ExitStack,
        *,
        drop_without_time: bool,
        blocks: Iterable[bytes] | None = None,
    ) -> Table:
        """Parse all rows into a scratch file that closes with ``stack``."""
        layout, plan = self.layout, self.plan
        self.store = ColumnStore(scratch, len(self.places))
        stack.callback(self.store.close)
        self.parser = TableParser(
            name=self.name,
            separator=layout.separator,
            decimal=layout.decimal,
            encoding=layout.encoding,
            missing=layout.missing,
            n_columns=layout.n_columns,
            columns=plan.columns,
            store=self.store,
            integers={i for i, kind in enumerate(layout.kinds) if kind == "integer"},
            drop_without=plan.time if drop_without_time else None,
            n_lines=layout.n_header_lines,
        )
        if blocks is None:
            blocks = line_blocks(self.path, layout.encoding, layout.n_header_lines)
        for block in blocks:
            self.parser.feed(block)
        if not self.store.n_rows:
            message = f"{self.name}: no row of numbers; the table has a header only"
            raise EmptyFileError(message)
        return self

    def vector(self, position: int, dtype: Any = np.float64) -> FunctionBlocks:
        """Blocks of shape (n_rows,) of the column at ``position``."""
        return self.store.vector(self.places[position], dtype)

    def names(self, positions: Sequence[int]) -> tuple[str, ...]:
        """Return the channels' names."""
        return tuple(self.plan.labels[i].name for i in positions)

    def units(self, positions: Sequence[int]) -> tuple[str, ...]:
        """Return the channels' units."""
        return tuple(self.plan.labels[i].unit for i in positions)

    def is_integer(self, position: int) -> bool:
        """Whether every value of the column is a whole number."""
        return self.store.integer[self.places[position]]

    def by_dtype(self) -> list[tuple[str, tuple[int, ...], str]]:
        """Return (name of the stream, its columns, dtype): mostly one."""
        signals = self.plan.signals
        if all(map(self.is_integer, signals)):
            return [("table", signals, "int64")]
        large = tuple(
            i for i in signals if self.is_integer(i) and self.store.largest[self.places[i]] > EXACT
        )
        rest = tuple(i for i in signals if i not in large)
        streams = [("table", rest, "float64"), ("table_integers", large, "int64")]
        return [stream for stream in streams if stream[1]]

    def fineness(self, position: int) -> Printed:
        """Return how finely the numbers of a column are printed, at its beginning and its end."""
        layout = self.layout
        head = [row[position] for row in layout.rows]
        encoding = "utf-8" if layout.encoding.startswith("utf") else layout.encoding
        lines = self.parser.tail.decode(encoding, "replace").split("\n")[-500:]
        rows = (cells_of(line, layout.separator) for line in lines[1 if len(lines) > 499 else 0 :])
        return printed([*head, *(row[position] for row in rows if len(row) > position)])


def clock_column(table: Table) -> tuple[Blocks, Fraction | None, Printed]:
    """Return the time column as numbers, the seconds in its unit, and how finely it is printed.

    Clock times and dates count from the first row.

    Raises
    ------
    UncertainMappingError
        If a row has no time.
    """
    plan = table.plan
    if plan.time is None:
        message = f"{table.name}: no time column"
        raise UncertainMappingError(message)
    if plan.time_role == "number":
        column: Blocks = table.vector(plan.time)
        _check_times(table, sum(int((~np.isfinite(block)).sum()) for block in _pieces(column)))
        return column, unit_named(plan.time_unit), table.fineness(plan.time)
    stamps = table.vector(plan.time, np.int64)
    _check_times(table, sum(int((b == NO_TIME).sum()) for b in _pieces(stamps)))
    first = int(stamps[(slice(0, 1),)][0])
    digits = table.parser.clock_digits
    return seconds(stamps, Fraction(1, 10**9), first), Fraction(1), Printed(digits, 17)


def _pieces(column: Blocks) -> Iterable[np.ndarray[Any, Any]]:
    for start in range(0, column.shape[0], _BLOCK):
        yield np.asarray(column[(slice(start, start + _BLOCK),)])


def _check_times(table: Table, n_without: int) -> None:
    if n_without:
        message = (
            f"{table.name}: {n_without} of {table.store.n_rows} rows have no readable time; a mapping "
            "scheme with `drop_rows_without_time = true` leaves them out"
        )
        raise UncertainMappingError(message)


# ------------------------------------------------------------------------------- one clock


def read_table(table: Table, options: Mapping[str, Any]) -> Contents:
    """Make recordings of a table whose rows share one clock."""
    evidence = [*table.layout.evidence, *table.plan.evidence]
    axis, said = _axis_of(table, options)
    evidence += said + evidence_of(table)
    recordings = tuple(
        Recording(
            name,
            table.store.blocks([table.places[i] for i in positions], dtype),
            table.names(positions),
            table.units(positions),
            axis.rate_hz,
            start_s=axis.start_s,
            times=axis.times,
            time_units=axis.units,
        )
        for name, positions, dtype in table.by_dtype()
    )
    events, metadata = _remarks(table, axis)
    return Contents(
        recordings=recordings,
        events=events,
        metadata={**table.stated.metadata, **_distinct(table), **metadata},
        evidence=tuple(evidence),
    )


def _axis_of(table: Table, options: Mapping[str, Any]) -> tuple[TimeAxis, list[Evidence]]:
    stated = table.stated
    rate_hz, basis, where = stated.rate_hz, "file", "the header"
    said: list[Evidence] = []
    if rate_hz is None and "sampling_rate_hz" in options:
        rate_hz, basis, where = float(options["sampling_rate_hz"]), "scheme", "the scheme"
    elif rate_hz is not None and not stated.is_rate_unit_stated:
        sentence = f"the header states a sampling rate of {rate_hz:g} without unit, taken as Hz"
        said.append(Evidence("time", "inferred", sentence))
    if rate_hz is None and table.plan.period is not None:
        rate_hz = period_rate(table, table.vector(table.plan.period))
        where = f"column {table.plan.labels[table.plan.period].cell!r}"
    if table.plan.time is None:
        if rate_hz is not None and basis == "scheme":
            said.append(Evidence("time", "scheme", f"the scheme states {rate_hz:g} Hz"))
        return TimeAxis(rate_hz, 0.0, None, "s"), said
    column, unit, fineness = clock_column(table)
    axis = time_axis(column, unit, fineness, hint_hz=rate_hz)
    said += axis_evidence(axis, table.plan.labels[table.plan.time].cell, rate_hz, where)
    return axis, said


def period_rate(table: Table, periods: Blocks) -> float | None:
    """Return the rate that a column of sample periods states, if they are all one."""
    position = table.plan.period
    if position is None:
        return None
    label = table.plan.labels[position]
    unit = unit_named(table.plan.time_unit if not label.unit else time_unit_of(label.unit))
    first = float(periods[(slice(0, 1),)][0])
    if unit is None or not first > 0 or any((block != first).any() for block in _pieces(periods)):
        return None
    return float(1 / (Fraction(str(first)) * unit))


def axis_evidence(
    axis: TimeAxis, cell: str, stated_hz: float | None = None, where: str = ""
) -> list[Evidence]:
    """Say what a time column amounts to, and whether it contradicts a stated rate."""
    column = f"the time column {cell!r}" if cell else "the time column"
    said = []
    if axis.rate_hz is not None and axis.rate_hz != stated_hz:
        sentence = (
            f"a rate of {axis.rate_hz:.12g} Hz follows from the steps of {column}; no time is further than "
            f"{axis.jitter_s:.3g} s from it"
        )
        said.append(Evidence("time", "inferred", sentence))
    if stated_hz is not None and axis.rate_hz != stated_hz:
        sentence = (
            f"{where} states {stated_hz:.12g} Hz, but {column} does not agree; its times are kept"
        )
        said.append(Evidence("time", "inferred", sentence))
    elif axis.times is not None and axis.units:
        sentence = f"no single rate describes {column}: its times are kept as they are"
        said.append(Evidence("time", "file", sentence))
    if axis.goes_back:
        sentence = f"{column} goes back {axis.goes_back} times; its times are kept as they are"
        said.append(Evidence("time", "inferred", sentence))
    return said


# ------------------------------------------------------------------------------- what else was found


def evidence_of(table: Table) -> list[Evidence]:
    """Say what the parser left out or could not read."""
    parser, labels = table.parser, table.plan.labels
    found = []
    if not table.layout.names and not table.stated.names:
        found.append(
            Evidence("content", "inferred", "no header names the columns: all rows are data")
        )
    if parser.n_dropped:
        sentence = (
            f"{parser.n_dropped} rows without a readable time were left out, as the scheme says"
        )
        found.append(Evidence("content", "scheme", sentence))
    for position, n_cells in sorted(parser.bad_cells.items()):
        column = labels[position].cell or f"number {position + 1}"
        example = parser.bad_example[position]
        sentence = f"{n_cells} cells of column {column!r} are no numbers (such as {example!r}) and became NaN"
        found.append(Evidence("content", "inferred", sentence))
    for n_found, what in (
        (parser.n_short_rows, "rows end early; their missing cells became NaN"),
        (parser.n_blank_lines, "blank lines among the rows were left out"),
        (parser.n_comment_lines, "comment lines among the rows were left out"),
    ):
        if n_found:
            found.append(Evidence("content", "inferred", f"{n_found} {what}"))
    if parser.is_cut_off:
        sentence = "the last line is cut off and was left out"
        found.append(Evidence("content", "missing", sentence))
    if parser.footer:
        sentence = f"{len(parser.footer)} lines of text after the table were left out"
        found.append(Evidence("content", "inferred", sentence))
    for position, place in table.places.items():
        if not table.store.integer[place] and table.store.largest[place] > EXACT:
            column = labels[position].cell or f"number {position + 1}"
            sentence = f"whole numbers beyond 2**53 in column {column!r} were rounded to float64"
            found.append(Evidence("content", "inferred", sentence))
    return found


def _distinct(table: Table) -> dict[str, Any]:
    """Return the distinct words of metadata columns."""
    found: dict[str, Any] = {}
    for position in table.plan.metadata:
        values = list(table.parser.distinct.get(position, {}))
        label = table.plan.labels[position]
        name = label.name or f"column {position + 1}"
        if len(values) > MOST_DISTINCT:
            found[name] = f"more than {MOST_DISTINCT} different values"
        elif values:
            found[name] = values
    return found


def _remarks(table: Table, axis: TimeAxis) -> tuple[EventTable, dict[str, Any]]:
    """Return remarks as events; as metadata where there is no time in seconds."""
    comments = table.parser.comments
    if not comments:
        return EventTable(), {}
    if axis.rate_hz is None and (axis.times is None or not axis.units):
        rows = [{"sample": row, "text": text} for row, text in comments[:_MOST_UNTIMED]]
        return EventTable(), {"comments": rows, "n_comments": len(comments)}
    events = [
        Event(time_at(axis, row), label=text, kind="comment")
        for row, text in comments[:MOST_COMMENTS]
    ]
    return EventTable.from_events(events), {}


def time_at(axis: TimeAxis, row: int) -> float:
    """Return the time of a row in seconds."""
    if axis.rate_hz is not None:
        return axis.start_s + row / axis.rate_hz
    if axis.times is None:
        message = "a row without time"
        raise CorruptFileError(message)
    return float(axis.times[(slice(row, row + 1),)][0])
