"""One place of a tree and all that is stated there: by members, attributes, headers beside and places above.

A statement is a member or attribute whose name is in the vocabulary and whose value can be what the name says.
The nearest statement counts; one about a signal by name (``fs_emg``, ``units.ecg``) before one about all. Two
that contradict each other at one place state nothing, and that is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.privacy.words import is_about_somebody
from sparc_fuse_core.readers.exports.headers import (
    HEADER_DEPTH,
    HEADER_WORDS,
    NO_HEADERS,
    header_members,
    holds_array,
    is_header,
    lines_of,
    numbers_of,
    parts_of,
    text_of,
)
from sparc_fuse_core.readers.exports.no_recordings import rate_of_another, reduction_of
from sparc_fuse_core.readers.exports.statements import (
    MOMENTS,
    SETTINGS,
    Rate,
    Statement,
    attribute_meaning,
    subjects_of,
)
from sparc_fuse_core.readers.shared.tree import Cells, Node, Numeric, Struct, Text, texts
from sparc_fuse_core.readers.shared.vocabulary import (
    Meaning,
    hertz_in,
    is_offset_to_unit,
    meaning_of,
    normal,
    rate_hz_of,
    scale_of,
    seconds_in,
    words_of,
)
from sparc_fuse_core.readers.shared.words import OTHER_RATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.readers.shared.words import Kind

#: Kinds of statements that are collected.
_COLLECTED = frozenset(
    (
        "rate",
        "interval",
        "unit",
        "label",
        "description",
        "scale",
        "offset",
        "gain",
        "missing",
        "start",
        "dimensions",
        "count",
    )
)

#: Two rates that differ by less are one, rounded.
RATE_TOLERANCE = 1e-4
#: Fields of the header that edfread returns: ``frequency`` is samples a second there.
_OF_EDFREAD = frozenset(("frequency", "samples", "duration", "physicalMin", "digitalMax"))
#: Words in the name of a statement that are about every array of its place.
_WORDS_OF_ALL = "channel channels chan ch signal signals data sampling sample acquisition acq daq"
_ABOUT_ALL = frozenset(_WORDS_OF_ALL.split())
_MOST_HEADERS = 64
_OF_FRAMES = frozenset(("fps", "framerate", "framespersecond", "imagingrate", "volumerate"))

#: Names of arrays that say nothing about what they hold.
_GENERIC_WORDS = """
    data signal signals value values x y v s d sig sigs samples trace traces raw rawdata timeseries recording
    recordings rec record val dat array arr0 channel ch f wave waveform
"""
GENERIC = frozenset(_GENERIC_WORDS.split())


@dataclass(slots=True)
class Scope:
    """A struct, group, object or table of the tree."""

    path: str
    members: Mapping[str, Node]
    attributes: Mapping[str, Node]
    above: Scope | None = None
    separator: str = "."
    #: Whether its members are in the order in which they were made.
    is_ordered: bool = True
    #: Unit of its times where a program defines it.
    time_unit: str = ""
    statements: list[Statement] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    #: Vectors of times that were looked at: they may be long.
    known_times: dict[str, Any] = field(default_factory=dict)
    #: Its statements by kind and subject, and what may be a vector of times.
    index: dict[str, dict[str, list[Statement]]] = field(default_factory=dict)
    time_members: list[tuple[str, Node, Meaning]] | None = None

    def __post_init__(self) -> None:
        """Collect what is stated here."""
        for name, node in (*self.attributes.items(), *self.members.items()):
            self._collect(name, self.child(name), node, 0)
        structs = [name for name, node in self.members.items() if isinstance(node, Struct | Cells)]
        # so many are the things of a list, not headers of what lies beside them
        for name in structs if len(structs) <= _MOST_HEADERS else ():
            node = self.members[name]
            meaning = meaning_of(name)
            is_plain = meaning is None or meaning.kind not in NO_HEADERS
            if is_header(node) and is_plain and not OTHER_RATES & set(words_of(name)):
                self.headers.add(name)
                self._collect_header(self.child(name), node, 1, self._subject_of_header(name))

    def child(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.path}{self.separator}{name}" if self.path else name

    @property
    def name(self) -> str:
        """Return the last part of the path, without an index."""
        return self.path.rpartition(self.separator)[2].partition("(")[0]

    @property
    def is_of_moments(self) -> bool:
        """Whether it is called as what holds events (``mrk.y``): a rate stated elsewhere is not of these."""
        return normal(self.name) in MOMENTS

    def _collect(self, name: str, path: str, node: Node, rank: int) -> None:
        if scale_of(name) is not None or is_offset_to_unit(name):
            kind: Kind = "scale" if scale_of(name) is not None else "offset"
            self.statements.append(Statement(Meaning(kind), name, path, node, rank))
            return
        meaning = meaning_of(name)
        if meaning is None or meaning.kind not in _COLLECTED:
            return
        if isinstance(node, Cells) and any(isinstance(item, Struct) for item in node.items):
            return
        if (
            meaning.subject in _ABOUT_ALL
            and meaning.kind != "start"
            and meaning.subject not in self._names()
        ):
            meaning = Meaning(meaning.kind, meaning.unit)
        if isinstance(node, Struct) and isinstance(
            value := node.fields.get("value"), Numeric | Text
        ):
            # a value and its unit
            unit = text_of(node.fields.get("unit", node.fields.get("units")))
            about = Meaning(meaning.kind, meaning.unit or unit, meaning.subject)
            self.statements.append(Statement(about, name, path, value, rank))
            return
        if isinstance(node, Struct) and not holds_array(node, 0):
            # units.ecg, fs.emg: one for each signal
            for field_name, item in node.fields.items():
                if isinstance(item, Numeric | Text):
                    about = Meaning(meaning.kind, meaning.unit, normal(field_name))
                    where = f"{path}{self.separator}{field_name}"
                    self.statements.append(Statement(about, name, where, item, rank))
            return
        self.statements.append(Statement(meaning, name, path, node, rank))

    def _names(self) -> set[str]:
        return {normal(member) for member in self.members}

    def _subject_of_header(self, name: str) -> str:
        """Return the member that a header is about (``DataInfo`` of ``Data``), or ``""``."""
        words = words_of(name)
        subject = "".join(words[:-1])
        if len(words) < 2 or words[-1] not in HEADER_WORDS:
            return ""
        is_member = any(normal(member) == subject and member != name for member in self.members)
        return subject if is_member else ""

    def _collect_header(self, path: str, node: Node, depth: int, subject: str = "") -> None:
        before = len(self.statements)
        members = header_members(node)
        if members.keys() >= _OF_EDFREAD:
            where = f"{path}{self.separator}frequency"
            statement = Statement(Meaning("rate"), "frequency", where, members["frequency"], depth)
            self.statements.append(statement)
        for name, item in members.items():
            where = f"{path}{self.separator}{name}"
            self._collect(name, where, item, depth)
            is_other = bool(OTHER_RATES & set(words_of(name)))
            if depth < HEADER_DEPTH and is_header(item) and not is_other:
                self._collect_header(where, item, depth + 1)
        if subject:
            self.statements[before:] = [
                one
                if one.meaning.subject
                else replace(one, meaning=replace(one.meaning, subject=subject))
                for one in self.statements[before:]
            ]

    def indexed(self) -> dict[str, dict[str, list[Statement]]]:
        """Return the statements of this place by kind and subject."""
        if not self.index:
            for one in self.statements:
                self.index.setdefault(one.meaning.kind, {}).setdefault(
                    one.meaning.subject, []
                ).append(one)
        return self.index

    def _about(
        self, kinds: tuple[str, ...], subjects: Iterable[str]
    ) -> list[tuple[int, Statement]]:
        """Return the statements of some kinds about one of some subjects, with their distances."""
        found = []
        distance = 0
        place: Scope | None = self
        while place is not None:
            index = place.indexed()
            found += [
                (distance + one.rank, one)
                for kind in kinds
                for subject in subjects
                for one in index.get(kind, {}).get(subject, ())
            ]
            distance += 10
            place = place.above
        return found

    def find(
        self, kinds: tuple[str, ...], array: str, own: Mapping[str, Node] | None = None
    ) -> list[Statement]:
        """Return the nearest statements of some kinds about an array, by its name.

        Parameters
        ----------
        kinds
            See `words.Word`.
        array
            Name of the member.
        own
            Its attributes.
        """
        attached = [
            Statement(meaning, name, f"{self.child(array)}.{name}", node)
            for name, node in (own or {}).items()
            if (meaning := attribute_meaning(name)) is not None
            and meaning.kind in kinds
            and not meaning.subject
        ]
        if attached:
            return attached
        found = self._about(kinds, subjects_of(array)) or self._about(kinds, ("",))
        nearest = min((rank for rank, _ in found), default=0)
        return [one for rank, one in found if rank == nearest]

    # ------------------------------------------------------------------------- rates

    def rate_of(self, array: str, own: Mapping[str, Node], n_channels: int) -> Rate:
        """Return what is stated about the rate of a member."""
        found = self.find(("rate", "interval"), array, own)
        problems: list[str] = []
        rates: list[tuple[tuple[float, ...], Statement]] = []
        for one in found:
            values, problem = self.hertz_of(one, own)
            if values and len(values) in (1, n_channels):
                rates.append((values, one))
            elif problem:
                problems.append(problem)
        # a rate of pictures beside one of samples is another thing's
        rates = [one for one in rates if normal(one[1].name) not in _OF_FRAMES] or rates
        if not rates:
            bare = [numbers_of(one.node)[0] for one in found if one.meaning.kind == "interval"]
            positive = (values[0] for values in bare if values and values[0] > 0)
            return Rate(problem="; ".join(problems), is_open=True, interval=next(positive, None))
        first, source = rates[0]
        for other, statement in rates[1:]:
            if len(other) != len(first) or not np.allclose(
                other, first, rtol=RATE_TOLERANCE, atol=0
            ):
                return Rate(problem=f"`{source.path}` and `{statement.path}` state different rates")
        if why := rate_of_another(self, source, first):
            return Rate(problem=why, is_open=True)
        if less := reduction_of(self):
            return Rate(
                problem=f"whether `{source.path}` is the rate before or after `{less}` is not stated: different"
            )
        if len(set(first)) == 1:
            first = first[:1]
        is_shared = not source.meaning.subject and source.name not in own
        parts = {normal(part) for part in source.path.split(self.separator)[:-1]}
        return Rate(first, source.path, is_shared, bool(parts & SETTINGS))

    def hertz_of(
        self, one: Statement, own: Mapping[str, Node] | None = None
    ) -> tuple[tuple[float, ...], str]:
        """Return the rates that a statement of rate or interval gives, and why it gives none."""
        values, unit = numbers_of(one.node)
        if not values:
            return (), ""
        unit = one.meaning.unit or unit or self.unit_of_statement(one, own)
        kind = one.meaning.kind
        rates = tuple(rate_hz_of(kind, value, unit) or math.nan for value in values)
        if all(math.isfinite(rate) for rate in rates):
            return rates, ""
        shown = f"`{one.path}` = {values[0]:g}" + (f" {unit}" if unit else "")
        if kind == "interval" and not unit and 0 < values[0] < math.inf:
            return (), f"{shown}: the unit of the interval is not stated"
        return (), f"{shown} is no {kind}"

    def unit_of_statement(self, one: Statement, own: Mapping[str, Node] | None = None) -> str:
        """Return the unit of a rate, interval or time that another statement gives (``isi_units``)."""
        for name, node in (own or {}).items():
            meaning = meaning_of(name)
            if (
                meaning is not None
                and meaning.kind == "unit"
                and meaning.subject == normal(one.name)
            ):
                return text_of(node)
        if isinstance(one.node, Numeric):
            attached = [
                text
                for name, node in one.node.attributes.items()
                if (meaning := meaning_of(name))
                and meaning.kind == "unit"
                and (text := text_of(node))
            ]
            if attached:
                return attached[0]
        subjects = (
            {normal(one.name), *_TIME_SUBJECTS}
            if one.meaning.kind != "rate"
            else {normal(one.name)}
        )
        exact = [text_of(other.node) for _, other in self._about(("unit",), (normal(one.name),))]
        if exact and exact[0]:
            return exact[0]
        for _, other in self._about(("unit",), sorted(subjects)):
            text = text_of(other.node)
            if seconds_in(text) or hertz_in(text):
                return text
        return ""

    # ------------------------------------------------------------------------- texts and numbers

    def texts_of(
        self, kind: str, array: str, own: Mapping[str, Node], n_channels: int
    ) -> tuple[tuple[str, ...], str, bool]:
        """Return a text for each channel, what states them, and whether it states one for each."""
        alone: tuple[tuple[str, ...], str, bool] = ((), "", False)
        for one in self.find((kind,), array, own):
            if is_about_somebody(one.path.split(".")):
                continue  # the name of a patient is no channel's
            lines = lines_of(one.node)
            if lines is None or (kind == "unit" and texts(one.node) is None):
                continue
            if len(lines) == 1 and texts(one.node) is None:
                continue  # the number of channels, or of one, is no name
            if len(lines) == 1 and n_channels > 1:
                lines = parts_of(lines[0], n_channels) or lines
            if len(lines) == n_channels and any(lines):
                return lines, one.path, True
            if len(lines) == 1 and lines[0] and not alone[0]:
                alone = (lines * n_channels, one.path, False)
        return alone

    def numbers_about(
        self, kinds: tuple[str, ...], array: str, own: Mapping[str, Node]
    ) -> list[tuple[tuple[float, ...], Statement]]:
        """Return the numbers of the nearest statements of some kinds."""
        found = []
        for one in self.find(kinds, array, own):
            values, _ = numbers_of(one.node)
            if values:
                found.append((values, one))
        return found


_TIME_SUBJECTS = frozenset(("time", "t", "x", "xaxis", "interval", "sampling", "sample"))
