"""Walks what a file states and keeps what its format's row allows; remembers what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.privacy.texts import (
    is_fact_text,
    is_telling,
    line_kind,
    named_without,
    repeats,
)
from sparc_fuse_core.privacy.words import is_about_somebody, kind_at, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sparc_fuse_core.privacy.facts import Listed

Why = Literal["identity", "free text", "unlisted", "private"]

#: A whole number from here on could be somebody's, where no name says what it counts.
PERSONS_NUMBER = 100_000
#: Elements that a maker added to a format for itself: a reader hands them over below this name.
PRIVATE = "private"


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


#: Stands for a statement that is left out.
GONE: Any = object()


@dataclass(slots=True)
class Sieve:
    """Walks the statements of a file and keeps what the format's row allows."""

    rules: Listed
    free_text: bool
    tokens: frozenset[str] = frozenset()
    aside: list[Aside] = field(default_factory=list)
    where: str = ""

    def value(self, value: Any, path: tuple[str, ...], where: str = "file") -> Any:
        """Return what may be published of one statement, or `GONE`."""
        self.where = where
        return self._node(json_safe(value), path)

    def name(self, text: str, number: int) -> str:
        """Return a name that users gave, or its number where it tells something."""
        telling = is_telling(text) or repeats(text, self.tokens)
        return f"(name {number} left out)" if telling else text

    def channel_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return names of channels without what identifies; they are facts otherwise."""
        return tuple(named_without(name, self.tokens) for name in names)

    def unit(self, text: str, path: tuple[str, ...]) -> str:
        """Return a unit, or ``""`` where somebody wrote something else into its place."""
        if self.name(text, 0) == text:
            return text
        self.leave(text, path, "identity", "file")
        return ""

    def leave(self, value: Any, path: tuple[str, ...], why: Why, where: str) -> None:
        """Note that a statement is left out."""
        self.where = where
        self._leave(value, path, why)

    def join(self, before: int) -> None:
        """Make one statement of those that were left out since there were ``before``."""
        parts = self.aside[before:]
        if len(parts) > 1:
            whys = [part.why for part in parts]
            why: Why = "identity" if "identity" in whys else whys[0]
            values = [part.value for part in parts]
            self.aside[before:] = [Aside(parts[0].where, parts[0].name, values, why)]

    def tree(self, where: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be published of the metadata of ``where``."""
        self.where = where
        kept = self._node(json_safe(dict(metadata)), ())
        return {} if kept is GONE else kept

    def _node(self, node: Any, path: tuple[str, ...]) -> Any:
        if isinstance(node, Mapping):
            kept = {}
            for number, (key, value) in enumerate(node.items(), start=1):
                part = self._node(value, (*path, key))
                if part is not GONE:
                    # a name can be a path, the address of a device, or somebody's name
                    hidden = _matches(_lower((*path, key)), self.rules.hidden_names)
                    shown = f"(name {number} left out)" if hidden else self.name(key, number)
                    kept[shown] = part
            return kept if kept or not node else GONE
        if isinstance(node, list) and _holds_names(node):
            parts = [self._node(part, path) for part in node]
            if all(part is GONE for part in parts):
                return GONE
            return [{} if part is GONE else part for part in parts]
        return self._leaf(node, path)

    def _leaf(self, value: Any, path: tuple[str, ...]) -> Any:
        names = _lower(path)
        if names[0] == PRIVATE:
            return self._leave(value, path, "private")
        if _matches(names, self.rules.notes):
            return self._note(value, path)
        if _matches(names, self.rules.lines):
            return self._lines(value, path)
        if _matches(names, self.rules.identities):
            return self._leave(value, path, "identity")
        if _matches(names, self.rules.facts):
            return self._fact(value, path)
        if _matches(names, self.rules.named_by_users):
            return self._by_name(value, path)
        return self._leave(value, path, _why_unlisted(path))

    def _leave(self, value: Any, path: tuple[str, ...], why: Why) -> Any:
        if value in ("", None, [], {}):
            return GONE
        self.aside.append(Aside(self.where, ".".join(path), value, why))
        return GONE

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
        return GONE if bad and kept == "" else kept

    def _note(self, value: Any, path: tuple[str, ...]) -> Any:
        if not self.free_text:
            return self._leave(value, path, "free text")
        return self._lines(value, path)

    def _lines(self, value: Any, path: tuple[str, ...]) -> Any:
        """Keep the lines that may be kept: facts, and free text where it is allowed."""
        left: dict[Why, list[str]] = {}

        def sifted(text: str) -> str:
            if text.lstrip().startswith("<"):
                # a document is never published whole
                left.setdefault("free text", []).append(text)
                return ""
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
        return GONE if left and kept in ("", []) else kept

    def _by_name(self, value: Any, path: tuple[str, ...]) -> Any:
        """Judge a statement by the names that users gave."""
        kind = kind_at(path)
        if is_about_somebody(path):
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


def _lower(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.lower() for part in path)


def _holds_names(node: Any) -> bool:
    """Tell whether a value has named parts, at whatever depth."""
    if isinstance(node, Mapping):
        return True
    return isinstance(node, list) and any(map(_holds_names, node))


def _matches(names: Sequence[str], patterns: Iterable[str]) -> bool:
    return any(_match(names, pattern.split(".")) for pattern in patterns)


def _match(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if pattern[-1] == "**":
        head = pattern[:-1]
        return len(names) > len(head) and _match(names[: len(head)], head) if head else bool(names)
    # a name may hold dots itself: the last part of a pattern takes them
    return len(names) == len(pattern) and all(map(fnmatchcase, names, pattern))


def _why_unlisted(path: Sequence[str]) -> Why:
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
    return number is not None and number.is_integer() and abs(number) >= PERSONS_NUMBER
