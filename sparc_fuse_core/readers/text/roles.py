"""What becomes of each column of a table: by what the file states, or by a mapping scheme."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import SchemeError, UnsupportedFormatError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.words import kind_of
from sparc_fuse_core.readers.shared.vocabulary import time_unit_of
from sparc_fuse_core.readers.text.first_rows import Clock
from sparc_fuse_core.readers.text.kinds import Column, is_number, may_be_grouped
from sparc_fuse_core.readers.text.labels import labels_stated, two_units
from sparc_fuse_core.readers.text.meaning import meaning_of_table
from sparc_fuse_core.readers.text.units import Label, time_label
from sparc_fuse_core.readers.text.verdict import Meaning, is_remark_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.kinds import Role
    from sparc_fuse_core.readers.text.layout import Layout

#: Options that say how a file is written, or what it is as a whole; the columns are still found in the file.
_NOT_OF_COLUMNS = frozenset(
    (
        *("encoding", "separator", "decimal", "header", "skip_rows", "missing_values"),
        *("unit_in_parentheses", "channel_units", "sampling_rate_hz"),
    )
)


@dataclass(frozen=True, slots=True)
class Columns:
    """What becomes of each column; positions count from 0.

    Attributes
    ----------
    labels
        Name and unit of each column.
    meaning
        What the table is, and which columns are what.
    period, metadata
        Positions that a scheme names.
    columns
        All that are read, in the order in which they are stored.
    """

    labels: tuple[Label, ...]
    meaning: Meaning
    period: int | None
    metadata: tuple[int, ...]
    columns: tuple[Column, ...]
    evidence: tuple[Evidence, ...]

    @property
    def clock(self) -> Clock | None:
        """How the table tells time."""
        return self.meaning.clock

    @property
    def time(self) -> int | None:
        """Position of the column of times."""
        return None if self.meaning.clock is None else self.meaning.clock.position

    @property
    def signals(self) -> tuple[int, ...]:
        """Positions of the samples."""
        return self.meaning.signals


def plan_columns(name: str, layout: Layout, stated: Stated, options: Mapping[str, Any]) -> Columns:
    """Decide what becomes of each column.

    Raises
    ------
    SchemeError
        If the scheme names a column that the file lacks, or one of words as a signal.
    UnsupportedFormatError
        If the scheme leaves no signal.
    """
    labels = tuple(labels_stated(layout, stated, options))
    if not options.keys() - _NOT_OF_COLUMNS:
        meaning = meaning_of_table(name, layout, labels, stated, options)
        doubts = tuple(two_units(layout, stated, options))
        if doubts and meaning.purpose == "signals":
            meaning = replace(meaning, evidence=(*meaning.evidence, *doubts))
        return columns_of(labels, layout, meaning)
    return _by_scheme(name, layout, list(labels), options)


def columns_of(labels: tuple[Label, ...], layout: Layout, meaning: Meaning) -> Columns:
    """Return the plan of a table that has been understood."""
    roles: dict[int, Role] = {i: "blank" for i, kind in enumerate(layout.kinds) if kind == "empty"}
    if meaning.purpose != "signals":
        # kept as it is: numbers as numbers, all else as text
        for i, kind in enumerate(layout.kinds):
            if kind != "empty" or labels[i].cell:
                roles[i] = "number" if _is_all_numbers(layout, i) else "code"
    else:
        roles |= {i: _role_of_values(layout, i) for i in meaning.signals}
        roles |= dict.fromkeys(meaning.states, "state")
        roles |= dict.fromkeys(meaning.comments, "comment")
        # whose words are somebody's name are no events: gathered, for the screen to leave out and count
        whose = [i for i in (*meaning.states, *meaning.comments) if _names_somebody(labels[i])]
        roles |= dict.fromkeys(whose, "distinct")
        roles |= dict.fromkeys((*meaning.counters, *meaning.other_times), "number")
        grouping = (meaning.channel, meaning.subject, meaning.trial)
        roles |= {i: "code" for i in grouping if i is not None}
    metadata = tuple(i for i, role in roles.items() if role == "distinct")
    clocks: list[Clock | None] = [clock for clock, _ in meaning.groups] or [meaning.clock]
    for clock in clocks:
        if clock is not None:
            roles[clock.position] = clock.role
            if clock.date is not None:
                roles[clock.date] = "date"
    columns = tuple(Column(i, roles[i]) for i in sorted(roles))
    return Columns(labels, meaning, None, metadata, columns, meaning.evidence)


def _names_somebody(label: Label) -> bool:
    return "identity" in (kind_of(label.name), kind_of(label.cell))


def _role_of_values(layout: Layout, i: int) -> Role:
    return "boolean" if layout.kinds[i] == "boolean" else "number"


def _is_all_numbers(layout: Layout, i: int) -> bool:
    """Whether a column of a table that is kept can be stored as numbers without a loss."""
    if layout.kinds[i] not in ("integer", "number"):
        return False
    filled = [row[i] for row in layout.rows if row[i] not in layout.missing]
    has_codes = any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in filled)
    return not has_codes and all(
        is_number(c, layout.decimal) or may_be_grouped(c, layout.decimal) for c in filled
    )


def _by_scheme(
    name: str, layout: Layout, labels: list[Label], options: Mapping[str, Any]
) -> Columns:
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
    clock = None
    if time is not None:
        role = _time_role(layout, time, options)
        clock = Clock(time, role, _time_unit(labels[time], role, options))
    free = [i for i in range(layout.n_columns) if i not in taken and i != time]
    signals = _signals(find, layout, options, free)
    remaining = [i for i in free if i not in signals]
    if comment is None and "signal_columns" not in options:
        comment = next((i for i in remaining if _is_remark(layout, labels, i)), None)
    gathered = _words(layout, remaining, comment, options)
    left_out = [i for i in remaining if i != comment and i not in gathered]
    evidence += _left_out(find, layout, left_out, gathered)
    if not signals:
        message = (
            f"{name}: no numeric table: no column of numbers besides time; if it is a recording, write a "
            "mapping scheme for it"
        )
        raise UnsupportedFormatError(message)
    is_grouped = channel is not None or subject is not None
    roles: dict[int, Role] = dict.fromkeys(gathered, "distinct")
    roles |= dict.fromkeys(metadata, "code" if is_grouped else "distinct")
    roles |= {i: _role_of_values(layout, i) for i in signals}
    single: dict[int | None, Role] = {
        period: "number",
        comment: "comment",
        channel: "code",
        subject: "code",
        time: "number" if clock is None else clock.role,
    }
    roles |= {i: role for i, role in single.items() if i is not None}
    meaning = Meaning(
        "signals",
        clock=clock,
        signals=tuple(signals),
        comments=() if comment is None else (comment,),
        channel=channel,
        subject=subject,
    )
    return Columns(
        labels=tuple(labels),
        meaning=meaning,
        period=period,
        metadata=(*metadata, *(i for i in gathered if i not in metadata)),
        columns=tuple(Column(i, roles[i]) for i in sorted(roles)),
        evidence=tuple(evidence),
    )


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
        if i not in taken and time_label(label)[0] and kind not in ("text", "empty"):
            return i
    return None


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
        if layout.kinds[i] not in ("integer", "number", "boolean", "empty"):
            message = f"{find.name}: signal column {find.shown(i)} holds words, not numbers"
            raise SchemeError(message)
    return wanted


def _is_remark(layout: Layout, labels: list[Label], i: int) -> bool:
    return is_remark_name(labels[i].name) and layout.kinds[i] in (
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
        if i != comment and i >= first and layout.kinds[i] in ("text", "clock", "datetime", "date")
    ]


def _left_out(
    find: _Finder,
    layout: Layout,
    left_out: list[int],
    gathered: list[int],
) -> list[Evidence]:
    found = []
    if gathered:
        shown = ", ".join(map(find.shown, gathered[:10]))
        sentence = f"columns of words are no signals ({shown}); their distinct values are kept"
        found.append(Evidence("signals", "inferred", sentence))
    named = [i for i in left_out if layout.kinds[i] != "empty"]
    if named:
        shown = ", ".join(map(find.shown, named[:10]))
        found.append(Evidence("signals", "scheme", f"columns left out by the scheme: {shown}"))
    return found
