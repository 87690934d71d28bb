"""Coverage: every extension of the lists of `accepted`, and what reads it here or why nothing does.

All but the lists and their reasons follows from the formats table. It is printed by
``sparc-fuse formats --coverage`` and written to docs/coverage.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.formats.accepted import LISTS, NOT_READ, NUMBERS, TOTALS
from sparc_fuse_core.formats.registry import FORMATS

if TYPE_CHECKING:
    from sparc_fuse_core.formats.accepted import Accepted, Program
    from sparc_fuse_core.formats.format import Format

Status = Literal["read", "part of a set", "with a scheme", "not read"]

_BY_EXTENSION = {extension: row for row in FORMATS for extension in row.extensions}
_BY_NAME = {row.name: row for row in FORMATS}
_COLUMNS = ("extension", "format, as the list calls it", "here", "by", "verified with, or why not")


@dataclass(frozen=True, slots=True)
class Covered:
    """One extension of one format of one list.

    Attributes
    ----------
    accepted_by, program, extension
        The list, the format as it calls it, the extension.
    status
        Whether it is read: as a file, as part of a set, if a mapping scheme describes it, or not.
    row, library
        Which row of the formats table has it, and what reads it; ``""`` where nothing does.
    detail
        How the reader was verified; of what is not read, why.
    n_files
        How many files SPARC has of this extension, where that is published; else None.
    """

    accepted_by: str
    program: str
    extension: str
    status: Status
    row: str
    library: str
    detail: str
    n_files: int | None


def coverage() -> list[Covered]:
    """Return every extension of every list, in the lists' order."""
    return [
        _covered(accepted, program, extension)
        for accepted in LISTS
        for program in accepted.programs
        for extension in program.extensions
    ]


def _covered(accepted: Accepted, program: Program, extension: str) -> Covered:
    status: Status = "not read"
    row, detail = _row(program, extension)
    if row is not None and row.reader is not None and not program.reason:
        status = "read"
        detail = row.verified
        if row.needs_scheme:
            status = "with a scheme"
        elif extension in row.companions:
            status = "part of a set"
    else:
        detail = program.reason or detail or NOT_READ[accepted.name]
    is_read = status != "not read"
    return Covered(
        accepted.name,
        program.name,
        extension,
        status,
        row.name if row is not None and is_read else "",
        row.library if row is not None and is_read else "",
        detail,
        NUMBERS.get(extension) if accepted.name == "SPARC" else None,
    )


def _row(program: Program, extension: str) -> tuple[Format | None, str]:
    """Return the row that has these files, and why it does not read them, where it says so."""
    if program.row:
        row = _BY_NAME.get(program.row)
    else:
        row = _BY_EXTENSION.get(extension)
        if row is None or row.reader is None:
            # a part of a set has no row of its own, or one that says so
            led = (one for one in FORMATS if one.reader and extension in one.companions)
            row = next(led, row)
    return row, row.reason if row is not None else ""


def as_records() -> list[dict[str, Any]]:
    """Return each line as JSON-able data."""
    return [asdict(one) for one in coverage()]


def summary() -> list[str]:
    """Return a sentence for each list: how many of its extensions are read."""
    lines = []
    for accepted in LISTS:
        found = [one for one in coverage() if one.accepted_by == accepted.name]
        by = {
            status: sum(one.status == status for one in found)
            for status in ("read", "part of a set", "with a scheme", "not read")
        }
        told = ", ".join(f"{n} {status}" for status, n in by.items() if n)
        lines.append(
            f"{accepted.name}: {len(found)} extensions of {len(accepted.programs)} formats: {told}"
        )
    counted = sum(NUMBERS.values())
    read = sum(
        one.n_files or 0
        for one in coverage()
        if one.accepted_by == "SPARC" and one.status in ("read", "part of a set")
    )
    total = sum(TOTALS.values())
    lines.append(
        f"SPARC's files: {read:,} of the {counted:,} whose extension is counted have a reader "
        f"({total:,} files in all: {', '.join(f'{n:,} {kind}' for kind, n in TOTALS.items())})"
    )
    return lines


def as_text() -> str:
    """Return the coverage for a terminal: SPARC's numbers of files first."""
    lines = []
    for accepted in LISTS:
        lines += [f"{accepted.name} ({accepted.source})"]
        for one in (one for one in coverage() if one.accepted_by == accepted.name):
            count = f"{one.n_files:>9,}" if one.n_files is not None else " " * 9
            by = f"{one.status}: {one.row}, {one.library}" if one.row else one.status
            shown = f"{one.extension or '(none)':<15}{count}  {by} ({one.detail}) - {one.program}"
            lines.append(f"  {shown}")
        lines.append("")
    return "\n".join([*lines, *summary()])


def as_page() -> str:
    """Return docs/coverage.md."""
    lines = [
        "# Coverage",
        "",
        "Generated by `make format` from the table of formats and the lists in",
        "`sparc_fuse_core/formats/accepted.py`; `sparc-fuse formats --coverage` prints it. A picture that",
        "is part of a program's set is read as the file it is; which sets are put together, the README's",
        "table of formats says. *Verified with* is a real file compared with another program, a file that",
        "another program wrote, a synthetic one written from the format's description, or nothing",
        "(unverified). A format that is read may still hold a file that is refused, with a reason.",
        "",
        *(f"- {line}" for line in summary()),
    ]
    for accepted in LISTS:
        counts = accepted.name == "SPARC"
        columns = [*_COLUMNS, "files"] if counts else list(_COLUMNS)
        lines += ["", f"## {accepted.name}", "", f"Source: {accepted.source}.", ""]
        lines += [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        for one in (one for one in coverage() if one.accepted_by == accepted.name):
            by = f"{one.row}: {one.library}" if one.row else ""
            cells = [one.extension or "(none)", one.program, one.status, by, one.detail]
            if counts:
                cells.append(f"{one.n_files:,}" if one.n_files is not None else "")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
