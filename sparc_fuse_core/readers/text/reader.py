"""Delimited text: CSV, TSV, LabChart and OpenSignals exports, BioSSPy and Axon text files.

The layout is found from the beginning of the file, or told by a mapping scheme; rows are then parsed
once, block by block, into a scratch file of columns that lives as long as the ``with`` block.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.readers.text.axon import as_sweeps
from sparc_fuse_core.readers.text.headers import stated_by
from sparc_fuse_core.readers.text.labchart import is_labchart, read_labchart
from sparc_fuse_core.readers.text.layout import find_layout, read_head
from sparc_fuse_core.readers.text.long import read_grouped
from sparc_fuse_core.readers.text.roles import plan_columns
from sparc_fuse_core.readers.text.table import Table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.model import Contents


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a table of text; see `sparc_fuse_core.readers.Reader`."""
    head = read_head(path, options)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-fuse-")))
        if is_labchart(head) and not options:
            yield read_labchart(path, head, folder, stack)
            return
        layout = find_layout(path.name, head, options)
        stated = stated_by(path.name, layout.above, layout.n_columns)
        plan = plan_columns(path.name, layout, stated, options)
        table = Table(path, layout, plan, stated).parse(
            folder / "columns",
            stack,
            drop_without_time=bool(options.get("drop_rows_without_time")),
        )
        if plan.channel is not None or plan.subject is not None:
            yield read_grouped(table, folder / "groups", stack, options)
        elif stated.sweeps:
            yield as_sweeps(read_table(table, options), stated)
        else:
            yield read_table(table, options)
