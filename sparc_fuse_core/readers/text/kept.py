"""A table that nothing calls a recording: its columns as they are, under the file's own names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, StoredArray
from sparc_fuse_core.model import Table as KeptTable
from sparc_fuse_core.readers.text.table import evidence_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.readers.text.table import Table

#: Text of one column that is held in memory at once.
_MOST_TEXT_BYTES = 256_000_000


def read_kept(table: Table, reasons: Sequence[str]) -> Contents:
    """Return the table without any claim, and what would make signals of it."""
    said = [Evidence("content", "file", reason) for reason in reasons]
    return Contents(
        tables=(table_of(table),),
        start_time=table.stated.said.start_time,
        metadata=dict(table.stated.metadata),
        evidence=(*said, *table.layout.evidence, *evidence_of(table)),
    )


def table_of(table: Table) -> KeptTable:
    """Return all columns that hold something or have a name."""
    columns = []
    for i in columns_of(table):
        label = table.plan.labels[i]
        values: Any = table.column(i) if i in table.numeric else np.array(texts_of(table, i))
        columns.append(StoredArray(label.name, values, units=label.unit))
    return KeptTable("", tuple(columns), {})


def columns_of(table: Table) -> list[int]:
    """Return the positions of the columns that are stored."""
    return sorted(table.places)


def texts_of(table: Table, position: int) -> list[str]:
    """Return the texts of a column, row by row.

    Raises
    ------
    UnsupportedFormatError
        If they are too many to hold.
    """
    if position in table.numeric:
        values = table.column(position)[(slice(0, table.store.n_rows),)]
        return ["" if math.isnan(value) else f"{value:.15g}" for value in values.tolist()]
    words = list(table.parser.distinct.get(position, {}))
    longest = max((len(word) for word in words), default=1)
    if table.store.n_rows * max(longest, 1) * 4 > _MOST_TEXT_BYTES:
        message = (
            f"{table.name}: column {table.plan.labels[position].cell!r} holds too much text to be kept; if the "
            "others are signals, write a mapping scheme"
        )
        raise UnsupportedFormatError(message)
    codes = table.vector(position, np.int64)[(slice(0, table.store.n_rows),)]
    return [words[code] for code in codes.tolist()]
