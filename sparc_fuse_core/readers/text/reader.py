"""Delimited text: CSV, TSV, LabChart and OpenSignals exports, BioSSPy and Axon text files.

The layout is found from the beginning of the file, or told by a mapping scheme; rows are then parsed
once, block by block, into a scratch file of columns that lives as long as the ``with`` block.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.readers.text.axon import as_sweeps
from sparc_fuse_core.readers.text.footer import lines_below, with_footer
from sparc_fuse_core.readers.text.head import read_head
from sparc_fuse_core.readers.text.headers import stated_by
from sparc_fuse_core.readers.text.kept import read_kept
from sparc_fuse_core.readers.text.labchart import is_labchart, read_labchart
from sparc_fuse_core.readers.text.labview import joined
from sparc_fuse_core.readers.text.layout import find_layout
from sparc_fuse_core.readers.text.long import read_grouped
from sparc_fuse_core.readers.text.onsets import read_events
from sparc_fuse_core.readers.text.packed import unpacked
from sparc_fuse_core.readers.text.pairs import read_pairs
from sparc_fuse_core.readers.text.programs import told_by
from sparc_fuse_core.readers.text.repeats import without_repeats
from sparc_fuse_core.readers.text.roles import columns_of, plan_columns
from sparc_fuse_core.readers.text.spike2 import is_spike2, read_spike2
from sparc_fuse_core.readers.text.table import Table, read_table
from sparc_fuse_core.readers.text.verdict import Meaning, TwoReadingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.roles import Columns


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a table of text; see `sparc_fuse_core.readers.Reader`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-fuse-")))
        text = unpacked(path, folder)
        head = read_head(text, options)
        by_scheme = bool(options.keys() - {"sampling_rate_hz"})
        if is_labchart(head) and not by_scheme:
            yield read_labchart(text, head, folder, stack)
            return
        if is_spike2(head) and not by_scheme:
            yield read_spike2(text, head, folder, stack)
            return
        parts = None if by_scheme else joined(text, head, folder)
        if parts is not None:
            text, head = parts.path, read_head(parts.path, {**options, "encoding": head.encoding})
        told = None if by_scheme else told_by(path, head)
        if told is not None:
            head = replace(head, lines=told.lines)
        elif not by_scheme:
            head = replace(head, lines=without_repeats(head.lines))
        how = {**options, **told.options} if told is not None else options
        layout = find_layout(path.name, head, how)
        if told is not None:
            stated = told.stated(layout.n_columns)
        else:
            stated = stated_by(path.name, layout.above, layout.n_columns)
            if not by_scheme:
                stated = with_footer(stated, lines_below(text, head, layout))
        plan = plan_columns(path.name, layout, stated, options)
        reading = _Reading(text, folder, stack, layout, stated, options)
        try:
            contents = reading.contents(plan)
        except TwoReadingsError as err:
            # found out while its times were read: it is kept as it is
            kept = Meaning("table", reasons=(str(err),))
            contents = reading.contents(columns_of(plan.labels, layout, kept))
        yield contents if parts is None else parts.apart(contents)


class _Reading:
    """One file whose layout is known."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        stack: ExitStack,
        layout: Layout,
        stated: Stated,
        options: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.folder = folder
        self.stack = stack
        self.layout = layout
        self.stated = stated
        self.options = options
        self.n_parsed = 0

    def contents(self, plan: Columns) -> Contents:
        """Parse the rows as planned and make of them what they are."""
        options, meaning = self.options, plan.meaning
        table = self._parsed(plan)
        if meaning.purpose == "table":
            return read_kept(table, meaning.reasons)
        if meaning.purpose == "events":
            return read_events(table, options)
        if any(i is not None for i in (meaning.channel, meaning.subject, meaning.trial)):
            return read_grouped(table, self.folder / "groups", self.stack, options)
        if meaning.groups or meaning.rated:
            return read_pairs(table, options)
        contents = read_table(table, options)
        return as_sweeps(contents, self.stated) if self.stated.sweeps else contents

    def _parsed(self, plan: Columns) -> Table:
        by_scheme = bool(self.options.keys() - {"sampling_rate_hz"})
        while True:
            table = Table(self.path, self.layout, plan, self.stated, by_scheme=by_scheme)
            self.n_parsed += 1
            table.parse(
                self.folder / f"columns{self.n_parsed}",
                self.stack,
                drop_without_time=bool(self.options.get("drop_rows_without_time")),
            )
            words = {i for i in table.parser.bad_cells if i in table.numeric}
            doubtful = table.doubtful_groups()
            if plan.meaning.purpose == "signals":
                if doubtful:
                    example = table.parser.grouped_example[doubtful[0]]
                    message = (
                        f"Kept as a table, because numbers such as {example!r} may be thousands or decimals; a "
                        "mapping scheme says which with `decimal`."
                    )
                    raise TwoReadingsError(message)
                return table
            words.update(doubtful)
            if not words:
                return table
            # a table is kept without a loss: a column with words amid its numbers is text
            plan = replace(
                plan,
                columns=tuple(
                    replace(column, role="code") if column.position in words else column
                    for column in plan.columns
                ),
            )
