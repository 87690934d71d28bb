"""One table of text as recordings: parsed once into a scratch file, read from there.

Columns of one table share one clock and make one stream. Whole numbers stay int64 while all signals
are; beside decimals they become float64, which is exact up to 2**53, and columns of larger whole
numbers make a stream of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.shared.units import SECONDS
from sparc_fuse_core.readers.shared.vocabulary import is_unit, quantity_of, time_unit_of
from sparc_fuse_core.readers.text.axis import pieces, time_at, timed
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.columns import EXACT, TableParser
from sparc_fuse_core.readers.text.kinds import MOST_COMMENTS, MOST_DISTINCT, STORED
from sparc_fuse_core.readers.text.lines import line_blocks
from sparc_fuse_core.readers.text.repeats import header_lines
from sparc_fuse_core.readers.text.store import ColumnStore
from sparc_fuse_core.readers.text.time import Printed, printed
from sparc_fuse_core.readers.text.units import time_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.blocks import FunctionBlocks
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.roles import Columns
    from sparc_fuse_core.readers.text.time import TimeAxis

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

    def __init__(
        self, path: Path, layout: Layout, plan: Columns, stated: Stated, *, by_scheme: bool = False
    ) -> None:
        self.name = path.name
        self.by_scheme = by_scheme
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
            missing=(*layout.missing, *self.stated.said.missing),
            n_columns=layout.n_columns,
            columns=plan.columns,
            store=self.store,
            integers={i for i, kind in enumerate(layout.kinds) if kind == "integer"},
            n_more=len(layout.heading.more),
            order=plan.clock.order if plan.clock is not None else "",
            drop_without=plan.time if drop_without_time else None,
            n_lines=layout.n_header_lines,
            header_lines=header_lines(layout.above),
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

    def scale(
        self, positions: Sequence[int]
    ) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None, tuple[str, ...]]:
        """Return gain and offset of channels where a scale is stated for each, and their units."""
        units = list(self.units(positions))
        heading, said = self.layout.heading, self.stated.said
        gains, offsets = [], []
        for k, i in enumerate(positions):
            cell = heading.scales[i] if heading.scales else said.scale
            is_inverse = cell.startswith("/")
            quantity = quantity_of(cell.lstrip("/"))
            shift = quantity_of(heading.offsets[i] if heading.offsets else said.offset)
            if quantity is None or not math.isfinite(quantity[0]) or not quantity[0]:
                return None, None, tuple(units)
            gains.append(1 / quantity[0] if is_inverse else quantity[0])
            offsets.append(shift[0] if shift else 0.0)
            per_step = quantity[1].split("/")[0].strip()
            units[k] = units[k] or said.scale_unit or (per_step if is_unit(per_step) else "")
        return tuple(gains), tuple(offsets), tuple(units)

    @property
    def numeric(self) -> frozenset[int]:
        """Positions of the columns that are stored as the numbers they are."""
        return frozenset(c.position for c in self.plan.columns if c.role in ("number", "boolean"))

    def column(self, position: int) -> FunctionBlocks:
        """Blocks of shape (n_rows,) of a column of numbers, whole ones as integers."""
        return self.vector(position, np.int64 if self.is_integer(position) else np.float64)

    @property
    def is_by_scheme(self) -> bool:
        """Whether a scheme says which column is what."""
        return self.plan.period is not None or bool(self.plan.metadata) or self.by_scheme

    @property
    def clock_position(self) -> int:
        """Position of the dates, or of the times."""
        clock = self.plan.clock
        if clock is None:
            return 0
        return clock.position if clock.date is None else clock.date

    def is_integer(self, position: int) -> bool:
        """Whether every value of the column is a whole number."""
        return self.store.integer[self.places[position]]

    def doubtful_groups(self) -> list[int]:
        """Return columns with cells such as ``1.001`` where nothing tells thousands from decimals."""
        return [
            i
            for i in self.parser.grouped_example
            if i in self.numeric and self._is_whole(self.vector(i))
        ]

    @staticmethod
    def _is_whole(column: FunctionBlocks) -> bool:
        n_rows = column.shape[0]
        pieces = (column[(slice(i, i + (1 << 18)),)] for i in range(0, n_rows, 1 << 18))
        return all((np.isnan(piece) | (piece == np.rint(piece))).all() for piece in pieces)

    def by_dtype(self, further: Sequence[int] = ()) -> list[tuple[str, tuple[int, ...], str]]:
        """Return (name of the stream, its columns, dtype): mostly one; ``further`` are signals too."""
        signals = tuple(sorted({*self.plan.signals, *further}))
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


# ------------------------------------------------------------------------------- one clock


def read_table(table: Table, options: Mapping[str, Any]) -> Contents:
    """Make recordings of a table whose rows share one clock.

    Raises
    ------
    TwoReadingsError
        If it is none after all.
    """
    found = timed(table, table.plan.clock, options)
    evidence = [*table.layout.evidence, *table.plan.evidence, *found.evidence]
    evidence += evidence_of(table) + scale_evidence(table)
    recordings = tuple(
        _recording(table, name, positions, dtype, found.axis)
        for name, positions, dtype in table.by_dtype(further_signals(table, found.axis))
    )
    events, metadata = remarks(table, found.axis)
    return Contents(
        recordings=recordings,
        events=events,
        start_time=found.start_time,
        metadata={
            **table.stated.metadata,
            **_distinct(table),
            **(found.facts or {}),
            **metadata,
        },
        evidence=tuple(evidence),
    )


def _recording(
    table: Table, name: str, positions: Sequence[int], dtype: str, axis: TimeAxis
) -> Recording:
    gain, offset, units = table.scale(positions)
    return Recording(
        name,
        table.store.blocks([table.places[i] for i in positions], dtype),
        table.names(positions),
        units,
        axis.rate_hz,
        gain=gain,
        offset=offset,
        start_s=axis.start_s,
        times=axis.times,
        time_units=axis.units,
    )


def further_signals(table: Table, axis: TimeAxis) -> tuple[int, ...]:
    """Return columns that looked like row numbers or a second time, and tell more than that."""
    meaning = table.plan.meaning
    found = [i for i in meaning.counters if not _numbers_rows(table, i)]
    found += [i for i in meaning.other_times if not _runs_alike(table, i, axis)]
    return tuple(found)


def _numbers_rows(table: Table, position: int) -> bool:
    if not table.is_integer(position):
        return False
    column = table.vector(position, np.int64)
    first = int(column[(slice(0, 1),)][0])
    at = first
    for block in pieces(column):
        if not np.array_equal(block, np.arange(at, at + len(block))):
            return False
        at += len(block)
    return True


def _runs_alike(table: Table, position: int, axis: TimeAxis) -> bool:
    """Whether a column of times tells the same times as the axis, in another unit or from another start."""
    column = table.vector(position)
    n_rows = column.shape[0]
    first, last = (float(column[(slice(i, i + 1),)][0]) for i in (0, n_rows - 1))
    span = time_at(axis, n_rows - 1) - time_at(axis, 0)
    if n_rows < 3 or not span > 0 or not last > first:
        return False
    fineness = table.fineness(position)
    stated = table.plan.labels[position].unit or time_label(table.plan.labels[position])[1]
    units = [time_unit_of(stated)] if time_unit_of(stated) else list(SECONDS)
    per_second = (last - first) / span
    exact = [1 / float(SECONDS[unit]) for unit in units]
    per_second = next((one for one in exact if abs(per_second / one - 1) < 1e-3), 0.0)
    if not per_second:
        return False
    at = 0
    for block in pieces(column):
        if axis.times is None:
            run = np.arange(at, at + len(block)) / (axis.rate_hz or 1.0)
        else:
            run = np.asarray(axis.times[(slice(at, at + len(block)),)]) - time_at(axis, 0)
        far = np.abs(block - first - run * per_second)
        if not (far <= 2 * fineness.resolution(block)).all():
            return False
        at += len(block)
    return True


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
        such = f"such as {shown(example)}"
        sentence = f"{n_cells} cells of column {column!r} are no numbers ({such}) and became NaN"
        found.append(Evidence("content", "inferred", sentence))
    for n_found, what in (
        (parser.n_short_rows, "rows end early; their missing cells became NaN"),
        (parser.n_blank_lines, "blank lines among the rows were left out"),
        (parser.n_repeated, "lines that repeat the header amid the rows were left out"),
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


def scale_evidence(table: Table) -> list[Evidence]:
    """Say it where an amplification is stated whose direction is not."""
    heading, said = table.layout.heading, table.stated.said
    gain = said.gain or ", ".join(filter(None, heading.gains))
    if not gain:
        return []
    sentence = f"a gain of {gain} is stated; whether it has been applied is not: values are kept as they are"
    return [Evidence("calibration", "inferred", sentence)]


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


def remarks(table: Table, axis: TimeAxis) -> tuple[EventTable, dict[str, Any]]:
    """Return remarks and states as events; as metadata where there is no time in seconds."""
    parser, labels = table.parser, table.plan.labels
    found = [(row, math.nan, text, "", "comment") for row, text in parser.comments]
    found += [(row, math.nan, text, "", "comment") for row, text in parser.remarks]
    metadata: dict[str, Any] = {}
    for position, changes in parser.states.items():
        name = labels[position].name or f"column {position + 1}"
        if len(changes) == 1:
            metadata[name] = changes[0][1]
            continue
        ends = [row for row, _ in changes[1:]] + [table.store.n_rows]
        found += [
            (row, float(end), text, name, "state")
            for (row, text), end in zip(changes, ends, strict=True)
            if text and text not in table.layout.missing
        ]
    if not found:
        return EventTable(), metadata
    if axis.rate_hz is None and (axis.times is None or not axis.units):
        rows = [{"sample": row, "text": text} for row, _, text, _, _ in found[:_MOST_UNTIMED]]
        return EventTable(), {**metadata, "comments": rows, "n_comments": len(found)}
    events = []
    for row, end, text, name, kind in sorted(found[:MOST_COMMENTS], key=lambda one: one[0]):
        time_s = time_at(axis, row)
        until = math.nan
        if not math.isnan(end):
            last = time_at(axis, min(int(end), table.store.n_rows - 1))
            if axis.rate_hz is not None:
                last = axis.start_s + end / axis.rate_hz
            until = last - time_s
        events.append(Event(time_s, until, text, name, kind))
    return EventTable.from_events(events), metadata
