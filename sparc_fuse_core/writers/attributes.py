"""Attributes that every reader takes: texts, numbers and lists of them.

NetCDF knows no nested attribute, no flag, no null and no empty list; Zarr's JSON knows them all, so a store
with them opens everywhere and can be written nowhere else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.json_values import json_safe

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The convention that the arrays follow: ``scale_factor``, ``add_offset``, ``coordinates``, ``units``.
CONVENTIONS = "CF-1.11"

_LARGEST = 2**63 - 1


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``attributes`` as texts, numbers and lists of one of them.

    Flags become 0 and 1. What is nested, mixed or beyond 64 bits becomes one JSON text, which
    `nested` reads. What holds nothing (null, an empty list or mapping) is left out.
    """
    safe: dict[str, Any] = json_safe(attributes)
    return {name: _plain(value) for name, value in safe.items() if value not in (None, [], {})}


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str | float) or (isinstance(value, int) and abs(value) <= _LARGEST):
        return value
    if isinstance(value, list):
        if all(isinstance(entry, str) for entry in value):
            return value
        if all(isinstance(entry, bool) for entry in value):
            return [int(entry) for entry in value]
        if all(_is_number(entry) for entry in value):
            return value
    return json_text(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def json_text(value: Any) -> str:
    """Return nested facts as one text."""
    return json.dumps(json_safe(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def nested(value: Any) -> Any:
    """Return the facts of an attribute that may be nested: of layout 1 as they are, else read from JSON.

    A text that is no JSON is returned as it is.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
