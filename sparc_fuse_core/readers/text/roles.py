"""Which column of a table is what: time, signal, remark, metadata; by header or by scheme."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import SchemeError, UnsupportedFormatError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.text.columns import Column, is_number
from sparc_fuse_core.readers.text.units import Label, labels_of, time_label, time_unit_of, unit_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.text.columns import Role
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout

_REMARKS = re.compile(r"(?:comment|event|marker|annotation|note|remark)s?")
#: Names that also other things than time have: they are time only where they increase.
_WEAK_TIME_NAMES = frozenset({"t", "timer", "elapsed", "times", "temps", "zeit"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each column; positions count from 0.

    Attributes
    ----------
    labels
        Name and unit of each column.
    time, time_role, time_unit
        Position of time or None, how it is spelled, key of `text_units.SECONDS` or ``""``.
    period, channel, subject, comment
        Positions or None.
    signals, metadata
        Positions.
    columns
        All that are read, in the order in which they are stored.
    """

    labels: tuple[Label, ...]
    time: int | None
    time_role: Role
    time_unit: str
    period: int | None
    channel: int | None
    subject: int | None
    comment: int | None
    signals: tuple[int, ...]
    metadata: tuple[int, ...]
    columns: tuple[Column, ...]
    evidence: tuple[Evidence, ...]


def plan_columns(name: str, layout: Layout, stated: Stated, options: Mapping[str, Any]) -> Plan:
    """Decide what each column is.

    Raises
    ------
    SchemeError
        If the scheme names a column that the file lacks, or one of words as a signal.
    UnsupportedFormatError
        If no signal is left.
    """
    labels = _labels(layout, stated, options)
    find = _Finder(name, labels)
    channel, subject, period, comment = (
        find.one(options, key)
        for key in ("channel_column", "subject_column", "period_column", "comment_column")
    )
    metadata = find.many(options, "metadata_columns")
    ignored = find.many(options, "ignore_columns")
    taken = {channel, subject, period, comment, *metadata, *ignored}
    evidence: list[Evidence] = []
    time = find.one(options, "time_column")
    if time is not None:
        evidence.append(Evidence("time", "scheme", f"time is column {find.shown(time)}"))
    elif channel is None:
        time = _stated_time(layout, labels, taken)
    time_role: Role = "number" if time is None else _time_role(layout, time, options)
    time_unit = "" if time is None else _time_unit(labels[time], time_role, options)
    free = [i for i in range(layout.n_columns) if i not in taken and i != time]
    signals = _signals(find, layout, options, free)
    remaining = [i for i in free if i not in signals]
    if comment is None and "signal_columns" not in options:
        comment = next((i for i in remaining if _is_remark(layout, labels, i)), None)
    gathered = _words(layout, remaining, comment, options)
    left_out = [i for i in remaining if i != comment and i not in gathered]
    evidence += _left_out(find, layout, left_out, gathered, options)
    if not signals:
        message = (
            f"{name}: no numeric table: no column of numbers besides time; if it is a recording, write a "
            "mapping scheme for it"
        )
        raise UnsupportedFormatError(message)
    is_grouped = channel is not None or subject is not None
    roles: dict[int, Role] = {i: "blank" for i in left_out if layout.kinds[i] == "empty"}
    if options:
        roles.clear()
    roles |= dict.fromkeys(gathered, "distinct")
    roles |= dict.fromkeys(metadata, "code" if is_grouped else "distinct")
    roles |= dict.fromkeys(signals, "number")
    single: dict[int | None, Role] = {
        period: "number",
        comment: "comment",
        channel: "code",
        subject: "code",
        time: time_role,
    }
    roles |= {i: role for i, role in single.items() if i is not None}
    columns = [Column(i, roles[i]) for i in sorted(roles)]
    return Plan(
        labels=tuple(labels),
        time=time,
        time_role=time_role,
        time_unit=time_unit,
        period=period,
        channel=channel,
        subject=subject,
        comment=comment,
        signals=tuple(signals),
        metadata=(*metadata, *(i for i in gathered if i not in metadata)),
        columns=tuple(columns),
        evidence=tuple(evidence),
    )


def _labels(layout: Layout, stated: Stated, options: Mapping[str, Any]) -> list[Label]:
    """Return name and unit of each column; empty ones where nothing is stated."""
    names = stated.names or layout.names or ("",) * layout.n_columns
    forced = stated.unit_in_parentheses or bool(options.get("unit_in_parentheses"))
    if stated.names:
        labels = [Label(name, name, "") for name in names]
    else:
        labels = labels_of(list(names), unit_in_parentheses=forced)
    units = stated.units or tuple(unit_cell(cell) for cell in layout.units)
    wanted: Mapping[str, str] = options.get("channel_units", {})
    out = []
    for i, label in enumerate(labels):
        unit = label.unit or (units[i] if units else "")
        unit = unit or wanted.get(label.name, wanted.get(label.cell, ""))
        out.append(Label(label.cell, label.name, unit))
    return out


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds columns by name or position."""

    name: str
    labels: list[Label]

    def position(self, key: str, wanted: str | int) -> int:
        if isinstance(wanted, int):
            if wanted < len(self.labels):
                return wanted
            message = f"{self.name}: {key} = {wanted}, but there are {len(self.labels)} columns"
            raise SchemeError(message)
        for attribute in ("cell", "name"):
            found = [
                i
                for i, label in enumerate(self.labels)
                if getattr(label, attribute).strip() == wanted.strip()
            ]
            if len(found) == 1:
                return found[0]
            if found:
                message = (
                    f"{self.name}: {key} = {wanted!r} names {len(found)} columns; give a position"
                )
                raise SchemeError(message)
        shown = ", ".join(repr(label.cell) for label in self.labels[:30])
        message = f"{self.name}: the scheme names column {wanted!r} ({key}); the file has {shown}"
        raise SchemeError(message)

    def one(self, options: Mapping[str, Any], key: str) -> int | None:
        return self.position(key, options[key]) if key in options else None

    def many(self, options: Mapping[str, Any], key: str) -> tuple[int, ...]:
        return tuple(self.position(key, wanted) for wanted in options.get(key, ()))

    def shown(self, position: int) -> str:
        cell = self.labels[position].cell
        return repr(cell) if cell else f"number {position + 1}"


def _time_role(layout: Layout, time: int, options: Mapping[str, Any]) -> Role:
    stated = options.get("time_format")
    if stated == "clock":
        return "clock"
    if stated == "datetime":
        return "datetime"
    if stated is None and layout.kinds[time] == "clock":
        return "clock"
    if stated is None and layout.kinds[time] == "datetime":
        return "datetime"
    return "number"


def _time_unit(label: Label, role: Role, options: Mapping[str, Any]) -> str:
    if role != "number":
        return "s"
    stated = time_label(label)[1] or time_unit_of(label.unit)
    return stated or str(options.get("time_unit", ""))


def _stated_time(layout: Layout, labels: list[Label], taken: set[int | None]) -> int | None:
    """Return the first column whose header says that it is time."""
    for i, label in enumerate(labels):
        kind = layout.kinds[i]
        if i in taken or not time_label(label)[0] or kind in ("text", "empty"):
            continue
        is_weak = label.name.strip().lower() in _WEAK_TIME_NAMES and kind in ("integer", "number")
        if not is_weak or _increases(layout, i):
            return i
    return None


def _increases(layout: Layout, position: int) -> bool:
    cells = [row[position] for row in layout.rows]
    if not all(is_number(cell, layout.decimal) for cell in cells):
        return False
    values = [float(cell.replace(",", ".")) for cell in cells]
    return all(one <= two for one, two in itertools.pairwise(values)) and values[-1] > values[0]


def _signals(
    find: _Finder, layout: Layout, options: Mapping[str, Any], free: list[int]
) -> list[int]:
    if "value_column" in options:
        wanted = [find.position("value_column", options["value_column"])]
    elif "signal_columns" in options:
        wanted = list(find.many(options, "signal_columns"))
    elif "first_signal_column" in options:
        first = int(options["first_signal_column"])
        if first >= layout.n_columns:
            message = f"{find.name}: first_signal_column = {first}, but there are {layout.n_columns} columns"
            raise SchemeError(message)
        # a trailing separator makes no signal
        wanted = [
            i for i in free if i >= first and (layout.kinds[i] != "empty" or find.labels[i].cell)
        ]
    else:
        return [
            i
            for i in free
            if layout.kinds[i] in ("integer", "number")
            or (layout.kinds[i] == "empty" and find.labels[i].cell)
        ]
    for i in wanted:
        if layout.kinds[i] not in ("integer", "number", "empty"):
            message = f"{find.name}: signal column {find.shown(i)} holds words, not numbers"
            raise SchemeError(message)
    return wanted


def _is_remark(layout: Layout, labels: list[Label], i: int) -> bool:
    return _REMARKS.fullmatch(labels[i].name.strip().lower()) is not None and layout.kinds[i] in (
        "text",
        "empty",
    )


def _words(
    layout: Layout, remaining: list[int], comment: int | None, options: Mapping[str, Any]
) -> list[int]:
    """Return columns of words whose distinct values are kept although nobody asked for them."""
    if any(key in options for key in ("signal_columns", "value_column", "channel_column")):
        return []
    first = int(options.get("first_signal_column", 0))
    return [
        i
        for i in remaining
        if i != comment and i >= first and layout.kinds[i] in ("text", "clock", "datetime")
    ]


def _left_out(
    find: _Finder,
    layout: Layout,
    left_out: list[int],
    gathered: list[int],
    options: Mapping[str, Any],
) -> list[Evidence]:
    found = []
    if gathered:
        shown = ", ".join(map(find.shown, gathered[:10]))
        sentence = f"columns of words are no signals ({shown}); their distinct values are kept"
        found.append(Evidence("signals", "inferred", sentence))
    named = [i for i in left_out if layout.kinds[i] != "empty"]
    if named and options:
        shown = ", ".join(map(find.shown, named[:10]))
        found.append(Evidence("signals", "scheme", f"columns left out by the scheme: {shown}"))
    return found
