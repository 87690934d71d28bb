"""Statements in the lines above a table: key and value, in words, in cells, in JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


_COMMENT = re.compile(r"^\s*(?:[#%;!*]+|//+)\s*")
NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)?|[.]\d+)(?:[eE][+-]?\d+)?"

#: ``key: value``, ``key = value``, ``key := value``.
_KEYED = re.compile(r"\s*([^\W\d_][^:=\t]{0,79}?)\s*(?::=|[:=])\s*(.+?)\s*")

#: ``Sampling rate 1000 Hz``: a key, a number and at most a unit.
_SPACED = re.compile(rf"\s*([^\W\d_][^\d:=]{{0,79}}?)\s+({NUMBER})\s*([^\W\d_][\w/]*)?\s*")

#: ``Start Time 10:15:30``, ``Start Date 3/4/2021``.
_DATED = re.compile(r"\s*([^\W\d_][^\d:=]{0,79}?)\s+(\d{1,4}[-/.:]\d{1,2}[-/.:]\d.*?)\s*")
BRACKETS = re.compile(r"\s*[(\[{]([^()\[\]{}]*)[)\]}]\s*")
_MOST_FACTS = 300


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement.

    Attributes
    ----------
    key
        As written, without the unit in brackets.
    unit
        That the key has in brackets; ``""`` if none.
    values
        Cells that follow, stripped, without quotes; at least one.
    """

    key: str
    unit: str
    values: tuple[str, ...]


def bare(line: str) -> str:
    """Return a line without the marks of a comment and without quotes around it."""
    text = _COMMENT.sub("", line).strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:
        text = text[1:-1].strip()
    return text


def facts_of(lines: Iterable[str]) -> Iterator[tuple[str, list[Fact]]]:
    """Yield each line with what it states as keys with values; a line may state nothing."""
    for number, line in enumerate(lines):
        if number >= _MOST_FACTS:
            return
        # "(hh:mm:ss)" after a key says how its value is spelled
        text = re.sub(r"\s*\([hmsdy:./\- ]{4,}\)", "", bare(line)[:2000], flags=re.IGNORECASE)
        if text.startswith("{"):
            yield text, list(_in_json(text))
        elif text:
            cells = _cells(text)
            yield text, list(_in_cells(cells) if len(cells) > 1 else _in_words(text))


def _in_json(text: str) -> Iterator[Fact]:
    """Yield the plain values of an object in one line, as some programs comment their header."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        return
    for key, value in facts.items() if isinstance(facts, dict) else ():
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(one, str | int | float) for one in values):
            yield _fact(str(key), tuple(map(str, values)))


def _cells(text: str) -> list[str]:
    for separator in ("\t", ";", ","):
        if separator in text:
            # a decimal comma separates nothing: "Intervall = 0,004 s"
            if separator == "," and re.search(r"[:=\s]\d+,\d+\s*[^\W\d]*$", text):
                continue
            return [_clean(cell) for cell in text.split(separator)]
    return [text]


def _clean(cell: str) -> str:
    return cell.strip().strip("\"'").strip()


def _in_cells(cells: Sequence[str]) -> Iterator[Fact]:
    filled = [cell for cell in cells if cell]
    keyed = [_KEYED.fullmatch(cell) for cell in filled]
    if filled and all(keyed):
        # "fs=250, units=mV": each cell is a statement
        for match in keyed:
            if match:
                yield _fact(match[1], (match[2],))
        return
    first = _KEYED.fullmatch(cells[0])
    if first and not _DATED.fullmatch(cells[0]):
        yield _fact(first[1], (first[2], *filter(None, cells[1:])))
        return
    values = list(cells[1:])
    while values and not values[-1]:
        values.pop()
    if values and cells[0] and not re.match(r"[\d+.-]", cells[0]):
        yield _fact(cells[0].rstrip(":= "), tuple(values))


def _in_words(text: str) -> Iterator[Fact]:
    for pattern in (_DATED, _KEYED, _SPACED):
        match = pattern.fullmatch(text)
        if match:
            value = " ".join(filter(None, match.groups()[1:]))
            yield _fact(match[1], (value,))
            return


def _fact(key: str, values: tuple[str, ...]) -> Fact:
    found = BRACKETS.search(key)
    unit = found[1].strip() if found else ""
    name = BRACKETS.sub(" ", key).strip() if found else key.strip()
    return Fact(name.rstrip(":= ").strip(), unit, tuple(map(_clean, values)))
