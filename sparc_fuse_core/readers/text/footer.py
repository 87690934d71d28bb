"""Statements below the last row of a table: a rate, units, a missing value."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.facts import said_by

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.readers.text.head import Head
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout

_TAIL_BYTES = 16_384
_MOST_LINES = 40
_WORDS_FIRST = re.compile(r"\s*[\"'#%;!*/]*\s*[^\W\d_]")


def lines_below(path: Path, head: Head, layout: Layout) -> list[str]:
    """Return the lines of words at the end of a file, in its order."""
    if head.is_whole:
        lines = list(head.lines[layout.n_header_lines :])
    else:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            # letters of two or four bytes begin at a multiple of four
            file.seek(max(0, size - _TAIL_BYTES) & ~3)
            text = file.read().decode(head.encoding, "replace")
        lines = re.split("\r\n|\n|\r", text)[1:]
    below: list[str] = []
    for line in reversed(lines):
        if line.strip():
            if not _is_words(line, layout) or len(below) == _MOST_LINES:
                break
            below.append(line)
    return below[::-1]


def _is_words(line: str, layout: Layout) -> bool:
    is_stated = re.search(r"[:=]", line) is not None
    return _WORDS_FIRST.match(line) is not None and (
        is_stated or len(cells_of(line, layout.separator)) != layout.n_columns
    )


def with_footer(stated: Stated, below: list[str]) -> Stated:
    """Return what is stated above and below a table; what stands below adds, and may contradict."""
    if not below:
        return stated
    said, more = stated.said, said_by(below)
    return replace(
        stated,
        said=replace(
            said,
            rates=(*said.rates, *more.rates),
            loose_interval=said.loose_interval or more.loose_interval,
            units=said.units or more.units,
            unit=said.unit or ("" if said.units else more.unit),
            missing=(*said.missing, *more.missing),
            scale=said.scale or more.scale,
            scale_unit=said.scale_unit or more.scale_unit,
            offset=said.offset or more.offset,
            time_unit=said.time_unit or more.time_unit,
        ),
    )
