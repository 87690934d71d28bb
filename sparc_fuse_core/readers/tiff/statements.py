"""Facts of a page's own tags: finite numbers, bounded XML, what is worth keeping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: A page of tifffile, whose properties are optional in its types.
    Page = Any

#: Units of the resolution tags (TIFF 6.0).
INCH = 2
CENTIMETRE = 3

_MAX_XML = 1_000_000


def first_of(stated: Mapping[str, Any], *keys: str) -> float | None:
    """Return the first of some numbers that is finite and positive."""
    for key in keys:
        value = number(stated.get(key))
        if math.isfinite(value) and value > 0:
            return value
    return None


def xml_of(text: str) -> ET.Element | None:
    """Return XML of bounded size without entities, or None."""
    if not text.lstrip().startswith("<") or len(text) > _MAX_XML:
        return None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)  # noqa: S314 - entities are refused above
    except (ET.ParseError, ValueError):
        return None


def finite(value: Any) -> float | None:
    """Return a number, or None where there is none."""
    found = number(value)
    return found if math.isfinite(found) else None


def facts_of(scale: Scale, name: str, stated: Mapping[str, Any]) -> ImageFacts:
    """Return a scale, the name of who states it, and what else is stated."""
    kept = {key: value for key, value in stated.items() if _is_fact(value)}
    return ImageFacts(
        scale.steps,
        scale.units,
        metadata={name: kept} if kept else {},
        evidence=tuple(scale.evidence),
    )


def _is_fact(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_fact(part) for part in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (int, str)) and value != ""
