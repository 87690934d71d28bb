"""Lines of text to cells."""

from __future__ import annotations

import csv


def cells_of(line: str, separator: str) -> list[str]:
    """Cut a line into stripped cells; a trailing separator makes an empty one."""
    if separator == " ":
        if '"' not in line:
            return line.split()
        line = " ".join(line.split())
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def is_row(line: str) -> bool:
    """Whether a line may be a row of a table: it is neither blank nor a comment."""
    return bool(line.strip()) and line.lstrip()[0] not in "#%"
