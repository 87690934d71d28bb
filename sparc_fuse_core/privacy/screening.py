"""What a reader yields, without what identifies: the one door between readers and what is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.arrays import without_channels, without_columns, without_nodes
from sparc_fuse_core.privacy.facts import listed
from sparc_fuse_core.privacy.sieve import PERSONS_NUMBER, Aside, Sieve
from sparc_fuse_core.privacy.texts import named_without, tokens_of, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sparc_fuse_core.model import Contents, EventTable, Shapes, Table


@dataclass(frozen=True, slots=True)
class Screened:
    """What may be published, and what may not.

    Attributes
    ----------
    contents
        As the reader yielded it, without what is left out; blocks are the same.
    aside
        What was left out: never published, never logged.
    """

    contents: Contents
    aside: tuple[Aside, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many statements were left out, by why."""
        return dict(Counter(one.why for one in self.aside))


def screen(contents: Contents, format_name: str, *, free_text: bool) -> Screened:
    """Leave out what must not be published of a file.

    Parameters
    ----------
    format_name
        Key of the row of the formats table.
    free_text
        Whether comments and descriptions may be published: `species.keeps_free_text`.
    """
    rules = listed(format_name)
    # first what the file calls identities, then all else that repeats one of them
    first = Sieve(rules, free_text=free_text)
    _sieved(contents, first)
    tokens = tokens_of(
        (one.name, text)
        for one in first.aside
        if one.why == "identity"
        for text in _texts([one.value])
    )
    sieve = Sieve(rules, free_text=free_text, tokens=tokens)
    return Screened(_sieved(contents, sieve), tuple(sieve.aside))


def _texts(values: Iterable[Any]) -> Iterable[str]:
    """Yield the short texts of values: a whole document's words are not names."""
    for value in values:
        if isinstance(value, str):
            if "\n" not in value.strip():
                yield value
        elif isinstance(value, list):
            yield from _texts(value)
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, int) and not isinstance(value, bool) and value >= PERSONS_NUMBER:
            yield f"{value} "


def _sieved(contents: Contents, sieve: Sieve) -> Contents:
    recordings = tuple(
        replace(
            one,
            # streams of one name are told apart by the writer
            name=named_without(one.name, sieve.tokens),
            channel_names=sieve.channel_names(one.channel_names),
            channel_units=tuple(sieve.unit(unit, ("unit",)) for unit in one.channel_units),
            metadata=sieve.tree(one.name or "stream", one.metadata),
        )
        for one in without_channels(contents.recordings, sieve)
    )
    images = tuple(
        replace(
            one,
            name=name,
            channel_names=sieve.channel_names(one.channel_names),
            metadata=sieve.tree(one.name or "image", one.metadata),
        )
        for one, name in _named(contents.images, sieve)
    )
    shapes = tuple(
        replace(
            _with_named_arrays(one, sieve),
            name=name,
            metadata=sieve.tree(one.name or "shape", one.metadata),
        )
        for one, name in _named(contents.shapes, sieve)
    )
    tables = tuple(
        replace(
            one,
            name=name,
            columns=without_columns(one, sieve),
            metadata=sieve.tree(one.name or "table", one.metadata),
        )
        for one, name in _named(contents.tables, sieve)
    )
    return replace(
        contents,
        recordings=recordings,
        images=images,
        shapes=shapes,
        tables=tables,
        arrays=without_nodes(contents.arrays, sieve) if contents.arrays is not None else None,
        events=_without_names(contents.events, sieve.tokens),
        metadata=sieve.tree("file", contents.metadata),
        evidence=tuple(
            Evidence(one.fact, one.basis, without(one.sentence, sieve.tokens))
            for one in contents.evidence
        )
        + _columns_gone(contents.tables, tables, sieve),
    )


def _with_named_arrays(shapes: Shapes, sieve: Sieve) -> Shapes:
    """Return shapes whose arrays have names that tell nothing: programs take over those that users gave."""
    new = {name: sieve.name(name, n) for n, name in enumerate(shapes.arrays, start=1)}
    if all(name == shown for name, shown in new.items()):
        return shapes
    return replace(
        shapes,
        arrays={new[name]: values for name, values in shapes.arrays.items()},
        units={new[name]: unit for name, unit in shapes.units.items()},
    )


def _columns_gone(
    before: Sequence[Table], after: Sequence[Table], sieve: Sieve
) -> tuple[Evidence, ...]:
    """Name the columns of text that are withheld from tables; who somebody is, is not named."""
    left = {(one.name, one.why) for one in sieve.aside}
    found = []
    for table, kept in zip(before, after, strict=True):
        names = {column.name for column in kept.columns}
        for number, column in enumerate(table.columns, start=1):
            shown = sieve.name(column.name, number)
            path = f"{table.name}.{column.name}" if table.name else column.name
            if shown not in names and (path, "free text") in left:
                sentence = f"column {shown!r} is free text and withheld: it may be about a person"
                found.append(Evidence("content", "missing", sentence))
    return tuple(found)


def _named(things: Sequence[Any], sieve: Sieve) -> list[tuple[Any, str]]:
    """Return each thing with a name that tells nothing; names stay apart."""
    taken: set[str] = set()
    named = []
    for thing in things:
        name = base = named_without(thing.name, sieve.tokens)
        count = 1
        while name in taken:
            count += 1
            name = f"{base} {count}"
        taken.add(name)
        named.append((thing, name))
    return named


def _without_names(events: EventTable, tokens: frozenset[str]) -> EventTable:
    """Return events whose labels hold no path, no address and nothing that ``tokens`` tell."""
    made: dict[str, str] = {}
    for label in set(events.label):
        clean = without(str(label), tokens)
        if clean != label:
            made[label] = clean
    return replace(events, label=[made.get(one, one) for one in events.label]) if made else events
