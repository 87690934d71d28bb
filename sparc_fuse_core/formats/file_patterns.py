"""Names of numbered pictures by a stated pattern: ``img_t{t}_z{z}_c{c}.tif`` says what each part counts.

``{t}``, ``{z}`` and ``{c}`` stand for numbers, ``{c}`` also for a channel's name. Nothing is guessed: a pattern
is what a mapping scheme states.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import SchemeError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIELD = re.compile(r"\{(\w+)\}")
_PARTS = {"t": r"(?P<t>\d+)", "z": r"(?P<z>\d+)", "c": r"(?P<c>[^/\\]+?)"}


def places_of(pattern: str, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return, for each of ``names`` that ``pattern`` fits, the text of each of its fields.

    Raises
    ------
    SchemeError
        If the pattern has no field, one twice, or another one than t, z and c.
    """
    fields = _FIELD.findall(pattern)
    if not fields or len(set(fields)) != len(fields) or set(fields) - set(_PARTS):
        message = (
            f"series_pattern {pattern!r}: expected one or more of {{t}}, {{z}} and {{c}}, each once"
        )
        raise SchemeError(message)
    text = "".join(
        _PARTS[part] if i % 2 else re.escape(part) for i, part in enumerate(_FIELD.split(pattern))
    )
    expression = re.compile(text, re.IGNORECASE)
    matches = ((name, expression.fullmatch(name)) for name in names)
    return {name: match.groupdict() for name, match in matches if match}
