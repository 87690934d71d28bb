"""What a PNG, JPEG or BMP states of its resolution and of the bits that its samples had.

Sources: PNG (third edition, 11.3.4.3 pHYs, 11.3.2.6 sBIT); JFIF 1.02 (density); BITMAPINFOHEADER.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A pixel of 10 micrometres.
_FINER_THAN_PRINT_DPI = 2540


def resolution_facts(kind: str, head: bytes, info: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the stated resolution, by custom that of a print and no pixel size, and the stated bits."""
    facts: dict[str, Any] = {}
    dpi = info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2:
        values = [float(value) for value in dpi]
        if all(map(math.isfinite, values)):
            facts["resolution_dpi_xy"] = [round(value, 4) for value in values]
    if kind == "PNG" and (bits := _stated_bits(head)):
        facts["significant_bits_of_samples"] = bits
    return facts


def resolution_evidence(facts: Mapping[str, Any]) -> Iterator[Evidence]:
    """Say that a resolution is there which no print has."""
    if max(facts.get("resolution_dpi_xy", (0.0,))) >= _FINER_THAN_PRINT_DPI:
        sentence = (
            "the file states its resolution in pixels per length, finer than prints have: it may be that of "
            "the specimen; it is in the metadata, not taken for a pixel size"
        )
        yield Evidence("content", "file", sentence)


def _stated_bits(head: bytes) -> list[int]:
    """Return the bits of each sample before they were spread over the file's depth (PNG, chunk sBIT)."""
    at = 8
    while at + 8 <= len(head):
        size, name = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if name == b"sBIT":
            return list(head[at + 8 : at + 8 + min(size, 4)])
        if name in (b"IDAT", b"PLTE"):
            break
        at += 12 + size
    return []
