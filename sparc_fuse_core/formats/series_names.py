"""Names of the files of one series: equal but for their numbers.

A listing cannot tell series apart, so files named alike are planned as one item; the reader separates them.
"""

from __future__ import annotations

import re

#: Numbers, also in a row as identifiers have them: "IM-0001-0002", "1.2.840.113619.2.5.1".
_NUMBERS = re.compile(r"\d+(?:[._-]\d+)*")
#: Names that are an identifier whole: at least eight hexadecimal digits, hyphens between them.
_IDENTIFIER = re.compile(r"(?=[^.]*\d)[0-9a-f]{4,}[0-9a-f-]{4,}(?=\.|$)")


def without_numbers(name: str) -> str:
    """Return what the names of one series share: numbers and hexadecimal identifiers become ``#``."""
    return _NUMBERS.sub("#", re.sub(f"^(?:{_IDENTIFIER.pattern})", "#", name.lower()))
