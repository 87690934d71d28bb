"""What a reader yields, without what identifies: the one door between readers and what is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.facts import listed
from sparc_fuse_core.privacy.texts import (
    is_fact_text,
    is_telling,
    line_kind,
    redacted,
    repeats,
    tokens_of,
    without,
)
from sparc_fuse_core.privacy.words import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sparc_fuse_core.model import Contents, EventTable
    from sparc_fuse_core.privacy.facts import Listed

Why = Literal["identity", "free text", "unlisted", "private"]

#: A whole number from here on could be somebody's, where no name says what it counts.
_PERSONS_NUMBER = 100_000


@dataclass(frozen=True, slots=True)
class Aside:
    """One statement that is not published.

    Attributes
    ----------
    where
        ``"file"``, or the stream, image or shape that stated it.
    name
        Path of the statement.
    value
        What was stated.
    why
        Why it is left out.
    """

    where: str
    name: str
    value: Any
    why: Why

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {"where": self.where, "name": self.name, "value": self.value, "why": self.why}


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
    first = _Sieve(rules, free_text=free_text)
    _sieved(contents, first)
    tokens = tokens_of(_texts(one.value for one in first.aside if one.why == "identity"))
    sieve = _Sieve(rules, free_text=free_text, tokens=tokens)
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
        elif isinstance(value, int) and not isinstance(value, bool) and value >= _PERSONS_NUMBER:
            yield f"{value} "


def _sieved(contents: Contents, sieve: _Sieve) -> Contents:
    recordings = tuple(
        replace(
            one,
            name=name,
            channel_names=tuple(map(redacted, one.channel_names)),
            metadata=sieve.tree(one.name or "stream", one.metadata),
        )
        for one, name in _named(contents.recordings, sieve)
    )
    images = tuple(
        replace(
            one,
            name=name,
            channel_names=tuple(map(redacted, one.channel_names)),
            metadata=sieve.tree(one.name or "image", one.metadata),
        )
        for one, name in _named(contents.images, sieve)
    )
    shapes = tuple(
        replace(one, name=name, metadata=sieve.tree(one.name or "shape", one.metadata))
        for one, name in _named(contents.shapes, sieve)
    )
    return replace(
        contents,
        recordings=recordings,
        images=images,
        shapes=shapes,
        events=_without_paths(contents.events),
        metadata=sieve.tree("file", contents.metadata),
        evidence=tuple(
            Evidence(one.fact, one.basis, without(one.sentence, sieve.tokens))
            for one in contents.evidence
        ),
    )


def _named(things: Sequence[Any], sieve: _Sieve) -> list[tuple[Any, str]]:
    """Return each thing with a name that tells nothing; names stay apart."""
    taken: set[str] = set()
    named = []
    for thing in things:
        name = base = without(thing.name, sieve.tokens)
        count = 1
        while name in taken:
            count += 1
            name = f"{base} {count}"
        taken.add(name)
        named.append((thing, name))
    return named


def _without_paths(events: EventTable) -> EventTable:
    """Return events whose labels hold no path and no address."""
    made: dict[str, str] = {}
    for label in set(events.label):
        clean = redacted(str(label))
        if clean != label:
            made[label] = clean
    return replace(events, label=[made.get(one, one) for one in events.label]) if made else events


_GONE: Any = object()


@dataclass(slots=True)
class _Sieve:
    """Walks the statements of a file and keeps what the format's row allows."""

    rules: Listed
    free_text: bool
    tokens: frozenset[str] = frozenset()
    aside: list[Aside] = field(default_factory=list)
    where: str = ""

    def tree(self, where: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be published of the metadata of ``where``."""
        self.where = where
        kept = self._node(json_safe(dict(metadata)), ())
        return {} if kept is _GONE else kept

    def _node(self, node: Any, path: tuple[str, ...]) -> Any:
        if isinstance(node, Mapping):
            kept = {}
            for number, (key, value) in enumerate(node.items(), start=1):
                part = self._node(value, (*path, key))
                if part is not _GONE:
                    # a name can be a path, the address of a device, or somebody's name
                    telling = is_telling(key) or repeats(key, self.tokens)
                    kept[f"(name {number} left out)" if telling else key] = part
            return kept if kept or not node else _GONE
        if isinstance(node, list) and any(isinstance(part, Mapping) for part in node):
            parts = [self._node(part, path) for part in node]
            if all(part is _GONE for part in parts):
                return _GONE
            return [{} if part is _GONE else part for part in parts]
        return self._leaf(node, path)

    def _leaf(self, value: Any, path: tuple[str, ...]) -> Any:
        names = tuple(part.lower() for part in path)
        if _matches(names, self.rules.identities):
            return self._leave(value, path, "identity")
        if _matches(names, self.rules.facts):
            return self._fact(value, path)
        if _matches(names, self.rules.lines):
            return self._lines(value, path)
        if _matches(names, self.rules.notes):
            return self._note(value, path)
        if _matches(names, self.rules.named_by_users):
            return self._by_name(value, path)
        return self._leave(value, path, _why_unlisted(path))

    def _leave(self, value: Any, path: tuple[str, ...], why: Why) -> Any:
        if value in ("", None, [], {}):
            return _GONE
        self.aside.append(Aside(self.where, ".".join(path), value, why))
        return _GONE

    def _fact(self, value: Any, path: tuple[str, ...]) -> Any:
        """Keep a fact; of a list, the texts that can be facts."""
        bad: list[str] = []

        def checked(text: str) -> str:
            if is_fact_text(text) and not repeats(text, self.tokens):
                return text
            bad.append(text)
            return ""

        kept = _over_texts(value, checked)
        if bad:
            self._leave(bad if len(bad) > 1 else bad[0], path, "identity")
        return _GONE if bad and kept == "" else kept

    def _note(self, value: Any, path: tuple[str, ...]) -> Any:
        if not self.free_text:
            return self._leave(value, path, "free text")
        return self._lines(value, path)

    def _lines(self, value: Any, path: tuple[str, ...]) -> Any:
        """Keep the lines that may be kept: facts, and free text where it is allowed."""
        left: dict[Why, list[str]] = {}

        def sifted(text: str) -> str:
            kept = []
            for line in text.splitlines():
                kind = line_kind(line)
                if kind != "identity" and repeats(line, self.tokens):
                    kind = "identity"
                if kind == "fact" or not line.strip() or (kind == "free text" and self.free_text):
                    kept.append(line)
                else:
                    left.setdefault("identity" if kind == "identity" else "free text", []).append(
                        line
                    )
            return "\n".join(kept) if any(line.strip() for line in kept) else ""

        kept = _over_texts(value, sifted)
        for why, lines in left.items():
            self._leave(lines, path, why)
        if isinstance(kept, list) and left:
            kept = [part for part in kept if part != ""]
        return _GONE if left and kept in ("", []) else kept

    def _by_name(self, value: Any, path: tuple[str, ...]) -> Any:
        """Judge a statement by the names that users gave."""
        kind = kind_of(path[-1])
        if kind != "fact" and any(kind_of(part) == "identity" for part in path):
            return self._leave(value, path, "identity")
        if not _has_text(value):
            if kind != "fact" and not self.free_text and _could_be_a_persons(value):
                return self._leave(value, path, "unlisted")
            return value
        if kind == "fact":
            return self._fact(value, path)
        if isinstance(value, str) and "\n" in value:
            return self._lines(value, path)
        return self._note(value, path)


def _matches(names: Sequence[str], patterns: Iterable[str]) -> bool:
    return any(_match(names, pattern.split(".")) for pattern in patterns)


def _match(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if pattern[-1] == "**":
        head = pattern[:-1]
        return len(names) > len(head) and _match(names[: len(head)], head) if head else bool(names)
    # a name may hold dots itself: the last part of a pattern takes them
    return len(names) == len(pattern) and all(map(fnmatchcase, names, pattern))


def _why_unlisted(path: Sequence[str]) -> Why:
    if path[0] == "private":
        return "private"
    return "identity" if any(kind_of(part) == "identity" for part in path) else "unlisted"


def _over_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_over_texts(part, change) for part in value]
    return value


def _has_text(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_text(part) for part in value)
    return isinstance(value, str) and _number(value) is None and value not in ("", "*")


def _number(value: Any) -> float | None:
    """Return the number that a value is or spells."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _could_be_a_persons(value: Any) -> bool:
    """Tell whether a single number is whole and long: a record number, a date of birth."""
    if isinstance(value, list):
        return len(value) == 1 and _could_be_a_persons(value[0])
    number = _number(value)
    return number is not None and number.is_integer() and abs(number) >= _PERSONS_NUMBER
