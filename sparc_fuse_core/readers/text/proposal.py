"""What a table of text offers for a mapping scheme."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import UncertainMappingError, UnsupportedFormatError
from sparc_fuse_core.readers.shared.findings import Findings
from sparc_fuse_core.readers.text.head import read_head
from sparc_fuse_core.readers.text.headers import stated_by
from sparc_fuse_core.readers.text.kinds import is_number
from sparc_fuse_core.readers.text.labchart import is_labchart
from sparc_fuse_core.readers.text.layout import find_layout
from sparc_fuse_core.readers.text.packed import unpacked
from sparc_fuse_core.readers.text.programs import told_by
from sparc_fuse_core.readers.text.spike2 import is_spike2
from sparc_fuse_core.readers.text.units import labels_of, time_label

if TYPE_CHECKING:
    from sparc_fuse_core.readers.text.head import Head
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.units import Label

_MOST_COLUMNS = 60


def inspect(path: Path) -> Findings:
    """Describe a table and what its columns may be."""
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="sparc-fuse-") as folder:
        head = read_head(unpacked(path, Path(folder)), {})
    if is_labchart(head) or is_spike2(head) or told_by(path, head) is not None:
        findings.remarks.append("a program's own export: it states all and needs no scheme")
        return findings
    try:
        layout = find_layout(path.name, head, {})
    except UncertainMappingError as err:
        findings.remarks.append(str(err))
        findings.offer("decimal", ",", "if a comma is the decimal mark")
        findings.offer("separator", ",", "if a comma separates cells")
        return findings
    except UnsupportedFormatError as err:
        _describe_lines(findings, head, str(err))
        return findings
    _describe_layout(findings, layout)
    stated = stated_by(path.name, layout.above, layout.n_columns)
    names = stated.names or layout.names or ("",) * layout.n_columns
    labels = labels_of(list(names), unit_in_parentheses=stated.unit_in_parentheses)
    _describe_columns(findings, layout, labels)
    if stated.rate_hz is not None:
        findings.remarks.append(f"the header states {stated.rate_hz:g} samples per second")
    _offer_time(findings, layout, labels, has_rate=stated.rate_hz is not None)
    _offer_signals(findings, layout, labels)
    return findings


def _describe_lines(findings: Findings, head: Head, why: str) -> None:
    findings.remarks += [why, "its first lines are:"]
    findings.remarks += [f"  {line[:100]}" for line in head.lines[:8]]
    findings.offer("skip_rows", 1, "if lines at the top are no part of the table")
    findings.offer("separator", ",", "what lies between cells")
    findings.offer("header", True, "whether a row of names stands above the data")


def _describe_layout(findings: Findings, layout: Layout) -> None:
    findings.remarks.append(
        f"{layout.n_columns} columns, {layout.encoding}, {layout.n_header_lines} lines above the data"
    )
    if layout.encoding != "utf-8":
        findings.offer("encoding", layout.encoding, "as its bytes show", is_stated=True)
    findings.offer("separator", layout.separator, "as its rows show", is_stated=True)
    if layout.decimal != ".":
        findings.offer("decimal", layout.decimal, "as its numbers show", is_stated=True)
    why = "names stand above the data" if layout.names else "the first row is data"
    findings.offer("header", bool(layout.names), why, is_stated=True)


def _describe_columns(findings: Findings, layout: Layout, labels: list[Label]) -> None:
    for i, label in list(enumerate(labels))[:_MOST_COLUMNS]:
        values = ", ".join(row[i] for row in layout.rows[:3])
        unit = f" in {label.unit}" if label.unit else ""
        name = f" {label.name!r}" if label.name else ""
        findings.remarks.append(f"column {i}{name}{unit}: {layout.kinds[i]}s such as {values}")
    if len(labels) > _MOST_COLUMNS:
        findings.remarks.append(f"… and {len(labels) - _MOST_COLUMNS} more columns")


def _offer_time(findings: Findings, layout: Layout, labels: list[Label], *, has_rate: bool) -> None:
    stated = [
        i for i, label in enumerate(labels) if time_label(label)[0] and layout.kinds[i] != "text"
    ]
    if stated:
        i = stated[0]
        findings.offer("time_column", labels[i].cell, "its header says time", is_stated=True)
        if layout.kinds[i] in ("clock", "datetime"):
            why = "as its cells are spelled"
            findings.offer("time_format", layout.kinds[i], why, is_stated=True)
        elif not time_label(labels[i])[1]:
            findings.offer(
                "time_unit", "s", "the header states no unit of time: say it if you know"
            )
        return
    for i in range(layout.n_columns):
        if layout.kinds[i] in ("clock", "datetime"):
            findings.offer("time_column", labels[i].cell or i, "its cells are times")
            findings.offer("time_format", layout.kinds[i], "as they are spelled")
        elif _rises_evenly(layout, i):
            findings.offer("time_column", labels[i].cell or i, "it rises in steps of one size")
            findings.offer("time_unit", "s", "if that column is time, in which unit?")
    if not has_rate:
        why = "if there is no column of time and you know the samples per second"
        findings.offer("sampling_rate_hz", 1000, why)


def _rises_evenly(layout: Layout, position: int) -> bool:
    cells = [row[position] for row in layout.rows]
    if len(cells) < 3 or not all(is_number(cell, layout.decimal) for cell in cells):
        return False
    values = [float(cell.replace(",", ".")) for cell in cells]
    steps = [two - one for one, two in itertools.pairwise(values)]
    return min(steps) > 0 and max(steps) < 1.01 * min(steps)


def _offer_signals(findings: Findings, layout: Layout, labels: list[Label]) -> None:
    numbers = [
        labels[i].cell or i
        for i, kind in enumerate(layout.kinds)
        if kind in ("integer", "number") and not time_label(labels[i])[0]
    ]
    words = [labels[i].cell or i for i, kind in enumerate(layout.kinds) if kind == "text"]
    why = "keep only those that are signals; without this all columns of numbers but time are"
    findings.offer("signal_columns", numbers[:_MOST_COLUMNS], why)
    if words:
        why = "words to keep as metadata"
        findings.offer("metadata_columns", words[:_MOST_COLUMNS], why)
        why = (
            "if rows of several channels stand below each other: the column that names the channel"
        )
        findings.offer("channel_column", words[0], why)
        findings.offer("value_column", (numbers or [0])[0], "… and the column of its values")
        why = (
            "if rows of several subjects stand below each other: the column that names the subject"
        )
        findings.offer("subject_column", words[0], why)
