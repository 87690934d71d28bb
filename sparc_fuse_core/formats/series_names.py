"""Names of the files of one series: equal but for their numbers.

A listing cannot tell series apart, so files named alike are planned as one item; the reader separates them.
"""

from __future__ import annotations

import re

#: Numbers, also in a row as identifiers have them: "IM-0001-0002", "1.2.840.113619.2.5.1".
_NUMBERS = re.compile(r"\d+(?:[._-]\d+)*")
#: Names that are an identifier whole: at least eight hexadecimal digits, hyphens between them.
_IDENTIFIER = re.compile(r"(?=[^.]*\d)[0-9a-f]{4,}[0-9a-f-]{4,}(?=\.|$)")
#: What file managers and browsers add to a second copy's name: "s1 (1).dcm", "s1 - Copy.dcm", "s1 copy 2.dcm".
_COPY = re.compile(
    r"(?<=\S) (?:\(\d+\)|- (?:copy|kopie)(?: \(\d+\))?|copy(?: \d+)?)(?=\.[^.]*$|$)", re.IGNORECASE
)


def without_numbers(name: str) -> str:
    """Return what the names of one series share: numbers and hexadecimal identifiers become ``#``.

    What marks a second copy is left out: a copy is planned with what it was copied from.
    """
    name = _COPY.sub("", name.lower())
    return _NUMBERS.sub("#", re.sub(f"^(?:{_IDENTIFIER.pattern})", "#", name))


def is_copy(name: str) -> bool:
    """Whether a name is marked as that of a second copy, or one of a numbered series."""
    return _COPY.search(name) is not None
