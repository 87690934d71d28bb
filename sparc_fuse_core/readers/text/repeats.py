"""A header that stands again amid the rows: a program that was resumed, or files put one below the other.

Only a line that is letter by letter a line above the first row, and holds no number, is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.text.guesses import is_any_number, is_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: A header is looked for in the first lines of a file; its rows of names and units are few.
_MOST_ABOVE = 100
_MOST_HEADERS = 3
_CELLS = re.compile(r"[,;\t|]")


def header_lines(above: Sequence[str]) -> frozenset[str]:
    """Return the last lines above the first row that hold several words and no number."""
    found = [line.strip() for line in above if _is_header(line)]
    return frozenset(found[-_MOST_HEADERS:])


def without_repeats(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the beginning of a file without the lines that repeat its header amid the rows."""
    first = next((i for i, line in enumerate(lines[:_MOST_ABOVE]) if _is_numbers(line)), None)
    headers = header_lines(lines[:first]) if first else frozenset()
    if first is None or not headers:
        return lines
    return (*lines[:first], *(line for line in lines[first:] if line.strip() not in headers))


def _words(cells: Iterable[str]) -> list[str]:
    return [cell.strip().strip("\"'") for cell in cells]


def _is_header(line: str) -> bool:
    cells = _words(_CELLS.split(line))
    filled = [cell for cell in cells if cell]
    return is_row(line) and len(filled) > 1 and not any(map(is_any_number, filled))


def _is_numbers(line: str) -> bool:
    cells = [cell for cell in _words(_CELLS.split(line)) if cell]
    return len(cells) > 1 and sum(map(is_any_number, cells)) >= len(cells) / 2
