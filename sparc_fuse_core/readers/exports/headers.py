"""What a node says in words: headers beside arrays, and the numbers and lines of a text."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.readers.shared.tree import Cells, Node, Numeric, Struct, Table, Text, texts
from sparc_fuse_core.readers.shared.vocabulary import (
    quantity_of,
)

HEADER_WORDS = frozenset(
    ("info", "hdr", "header", "meta", "metadata", "properties", "attrs", "attributes")
)

#: Structs of these names hold events, whose fields say nothing about the samples beside.
NO_HEADERS = frozenset(("event", "side"))

#: Numbers of one statement that are read.
MOST_NUMBERS = 4096

#: A struct beside the data that holds no longer array is a header: what it states is about them.
LONGEST_IN_HEADER = 64
HEADER_DEPTH = 3


def is_header(node: Node) -> bool:
    """Whether a node holds facts only: a struct, or structs, without an array that could be samples."""
    if isinstance(node, Struct):
        return not holds_array(node, 0)
    if isinstance(node, Cells):
        items = node.items
        return 0 < len(items) <= MOST_NUMBERS and all(
            isinstance(item, Struct) and not holds_array(item, 0) for item in items
        )
    return False


def holds_array(node: Node, depth: int) -> bool:
    """Whether something long lies in a node, as deep as is looked."""
    if isinstance(node, Numeric):
        return node.n_values >= LONGEST_IN_HEADER
    if isinstance(node, Table):
        return True
    if depth > HEADER_DEPTH:
        return isinstance(node, Struct | Cells)
    if isinstance(node, Struct):
        return any(holds_array(item, depth + 1) for item in node.fields.values())
    if isinstance(node, Cells):
        return any(holds_array(item, depth + 1) for item in node.items)
    return False


def header_members(node: Node) -> dict[str, Node]:
    """Return what a header holds by name; of several structs, one cell array for each field."""
    if isinstance(node, Struct):
        return {**node.attributes, **node.fields}
    if (
        isinstance(node, Cells)
        and node.items
        and all(isinstance(item, Struct) for item in node.items)
    ):
        items = [item for item in node.items if isinstance(item, Struct)]
        names = [name for name in items[0].fields if all(name in item.fields for item in items)]
        return {
            name: Cells((1, len(items)), tuple(item.fields[name] for item in items))
            for name in names
        }
    return {}


def numbers_of(node: Node) -> tuple[tuple[float, ...], str]:
    """Return the numbers of a small array, cell or text (``"500 Hz"``), and the unit that a text states."""
    if isinstance(node, Numeric):
        if not node.is_real or not 0 < node.n_values <= MOST_NUMBERS or not node.is_vector:
            return (), ""
        return tuple(float(value) for value in node.whole().reshape(-1)), ""
    if isinstance(node, Text):
        found = [quantity_of(line) for line in node.lines[:MOST_NUMBERS]]
        if not found or any(one is None for one in found):
            return (), ""
        units = {one[1] for one in found if one is not None}
        return tuple(one[0] for one in found if one is not None), units.pop() if len(
            units
        ) == 1 else ""
    if isinstance(node, Cells) and 0 < len(node.items) <= MOST_NUMBERS:
        parts = [numbers_of(item) for item in node.items]
        if all(len(values) == 1 for values, _ in parts):
            units = {unit for _, unit in parts}
            return tuple(values[0] for values, _ in parts), units.pop() if len(units) == 1 else ""
    return (), ""


def lines_of(node: Node) -> tuple[str, ...] | None:
    """Return texts, or whole numbers as texts (numbers of channels), without padding."""
    lines = texts(node)
    if lines is not None:
        return tuple(line.strip() for line in lines)
    if (
        isinstance(node, Numeric)
        and node.is_real
        and node.is_vector
        and node.n_values <= MOST_NUMBERS
    ):
        return tuple(f"{value:.15g}" for value in node.whole().reshape(-1))
    if isinstance(node, Cells) and node.items:
        parts = [lines_of(item) for item in node.items]
        if all(part is not None and len(part) == 1 for part in parts):
            return tuple(part[0] for part in parts if part)
    return None


def parts_of(line: str, n_parts: int) -> tuple[str, ...] | None:
    """Return the parts of a list in one text (``"ECG, BP"``) if there is one for each channel, else None."""
    for mark in (",", ";", "|", "\t"):
        parts = tuple(part.strip() for part in line.split(mark))
        if len(parts) == n_parts and all(parts):
            return parts
    return None


def text_of(node: Any) -> str:
    """Return the one text that a node holds, or ``""``."""
    lines = texts(node)
    return lines[0].strip() if lines and len(lines) == 1 else ""
