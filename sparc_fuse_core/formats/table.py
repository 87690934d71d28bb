"""The table of formats, generated from the registry: for `sparc-fuse formats` and the README."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.formats.registry import FORMATS

_COLUMNS = ("format", "extensions", "library (licence)", "what is kept", "verified with")


def as_records() -> list[dict[str, Any]]:
    """Return each row as JSON-able data."""
    return [
        {
            "name": row.name,
            "title": row.title,
            "extensions": list(row.extensions),
            "kind": row.kind,
            "read": row.reader is not None,
            "library": row.library,
            "licence": row.licence,
            "extra": row.extra,
            "keeps": row.keeps,
            "verified": row.verified,
            "needs_scheme": row.needs_scheme,
            "reason": row.reason,
        }
        for row in FORMATS
    ]


def _cells(row: Any) -> tuple[str, ...]:
    library = f"{row.library} ({row.licence})" if row.licence else row.library
    return (row.title, " ".join(row.extensions), library, row.keeps, row.verified)


def as_text() -> str:
    """Return the table for a terminal: what is read, then what is known and not read."""
    read = [_cells(row) for row in FORMATS if row.reader]
    widths = [max(len(cells[i]) for cells in [_COLUMNS, *read]) for i in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in [_COLUMNS, *read]
    ]
    lines += ["", "known, not read:"]
    lines += [
        f"  {' '.join(row.extensions)}: {row.reason}" for row in FORMATS if row.reader is None
    ]
    return "\n".join(lines)


def as_markdown() -> str:
    """Return the table of formats that are read, as in the README."""
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in FORMATS if row.reader]
    return "\n".join(lines)


def written_into(page: str) -> str:
    """Return a page with its table of formats as it is now.

    Raises
    ------
    ValueError
        If the page has none.
    """
    lines = page.split("\n")
    start = f"| {_COLUMNS[0]} |"
    found = [i for i, line in enumerate(lines) if line.startswith(start)]
    if len(found) != 1:
        message = f"the page has {len(found)} tables that begin with {start!r}, not one"
        raise ValueError(message)
    end = found[0]
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return "\n".join([*lines[: found[0]], as_markdown(), *lines[end:]])
