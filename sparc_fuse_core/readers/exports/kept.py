"""A tree that states no signal, kept as it is: names, types, shapes and texts, and no claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.model import ArrayGroup, StoredArray
from sparc_fuse_core.readers.exports.headers import text_of
from sparc_fuse_core.readers.shared.tree import (
    Cells,
    Left,
    Node,
    Numeric,
    Struct,
    Table,
    Text,
    as_facts,
    texts,
)
from sparc_fuse_core.readers.shared.vocabulary import meaning_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.model import Blocks

_MAX_DEPTH = 40
_MAX_ARRAYS = 20_000


class _Budget:
    def __init__(self) -> None:
        self.left = _MAX_ARRAYS


def kept_tree(
    members: Mapping[str, Node], attributes: Mapping[str, Node] | None = None
) -> ArrayGroup:
    """Return a tree as arrays and groups; what was not read is named in the attributes of its group."""
    return _group("", members.items(), attributes or {}, 0, _Budget())


def _group(
    name: str,
    members: Iterable[tuple[str, Node]],
    attributes: Mapping[str, Node],
    depth: int,
    budget: _Budget,
    facts: Mapping[str, Any] | None = None,
) -> ArrayGroup:
    arrays: list[StoredArray] = []
    groups: list[ArrayGroup] = []
    left: dict[str, str] = {}
    for member, node in members:
        if budget.left <= 0 or depth > _MAX_DEPTH:
            left[member] = "more than is looked into"
            continue
        kept = _kept(member, node, depth, budget)
        if isinstance(kept, StoredArray):
            budget.left -= 1
            arrays.append(kept)
        elif isinstance(kept, ArrayGroup):
            groups.append(kept)
        else:
            left[member] = kept
    own: dict[str, Any] = {**(facts or {}), **_facts(attributes)}
    if left:
        own["left_out"] = left
    return ArrayGroup(name, tuple(arrays), tuple(groups), own)


def _kept(name: str, node: Node, depth: int, budget: _Budget) -> StoredArray | ArrayGroup | str:
    if isinstance(node, Numeric):
        return _array(name, node)
    if isinstance(node, Text):
        lines = node.lines
        values = np.array(lines[0] if len(lines) == 1 else list(lines), dtype=np.str_)
        return StoredArray(name, values)
    if isinstance(node, Struct):
        is_plain = node.class_name in ("struct", "group", "object")
        own = {} if is_plain else {"class": node.class_name}
        return _group(name, node.fields.items(), node.attributes, depth + 1, budget, own)
    if isinstance(node, Table):
        columns = {
            column: (node.units[i] if node.units else "", item)
            for i, (column, item) in enumerate(node.columns)
        }
        members: list[tuple[str, Node]] = [(column, item) for column, (_, item) in columns.items()]
        if node.times is not None:
            members.insert(0, ("Time" if "Time" not in columns else "row_times", node.times))
        units = {column: unit for column, (unit, _) in columns.items() if unit}
        facts: dict[str, Any] = {
            "class": "table",
            **({"units": units} if units else {}),
            **node.facts,
        }
        return _group(name, members, {}, depth + 1, budget, facts)
    if isinstance(node, Cells):
        return _cells(name, node, depth, budget)
    return _reason(node)


def _reason(node: Left) -> str:
    shape = "x".join(map(str, node.shape))
    return f"{node.reason}" + (f" of shape {shape}" if shape else "")


def _cells(name: str, node: Cells, depth: int, budget: _Budget) -> StoredArray | ArrayGroup:
    """Keep a cell array of texts or single numbers as one array, any other as numbered members."""
    lines = texts(node) if node.items else None
    if lines is not None:
        return StoredArray(name, np.array(list(lines), dtype=np.str_))
    numbers = [item for item in node.items if isinstance(item, Numeric) and item.n_values == 1]
    if (
        node.items
        and len(numbers) == len(node.items)
        and len({item.matlab_class for item in numbers}) == 1
    ):
        values = np.array([item.whole().reshape(-1)[0] for item in numbers])
        return StoredArray(name, values)
    members = ((str(i), item) for i, item in enumerate(node.items, start=1))
    facts = {"class": node.class_name, "shape": list(node.shape)}
    return _group(name, members, {}, depth + 1, budget, facts)


def _array(name: str, node: Numeric) -> StoredArray:
    attributes = dict(_facts(node.attributes))
    units = node.unit
    for key, item in node.attributes.items():
        meaning = meaning_of(key)
        if meaning is not None and meaning.kind == "unit" and not meaning.subject and text_of(item):
            units = text_of(item)
            attributes.pop(key, None)
            break
    if node.start:
        attributes["start"] = node.start
    stated = attributes.get("dims", ())
    # the one dimension of a vector is a text by itself
    listed = [stated] if isinstance(stated, str) else stated
    dimensions = tuple(listed) if isinstance(listed, list) else ()
    fits = (
        len(dimensions) == len(node.shape)
        and all(isinstance(one, str) and one for one in dimensions)
        and len(set(dimensions)) == len(dimensions)
    )
    values = natural(node)
    if node.matlab_class == "logical":
        values = _as_bool(values)
    return StoredArray(name, values, dimensions if fits else (), units, attributes)


def _as_bool(stored: Blocks) -> Blocks:
    """MATLAB stores truth values as bytes."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return np.asarray(stored[tuple(slice(*pair) for pair in bounds)]).astype(bool)

    return FunctionBlocks(tuple(stored.shape), np.dtype(bool), read)


def natural(node: Numeric) -> Blocks:
    """Return an array with the axes in the order in which its program shows them."""
    rows = node.rows
    if not node.is_reversed or len(rows.shape) < 2:
        return rows
    if isinstance(rows, np.ndarray):
        return rows.T

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return np.asarray(rows[tuple(slice(*pair) for pair in reversed(bounds))]).T

    return FunctionBlocks(tuple(rows.shape)[::-1], np.dtype(rows.dtype), read)


def _facts(attributes: Mapping[str, Node]) -> dict[str, Any]:
    facts = {}
    for name, node in attributes.items():
        value, why = as_facts(node)
        if not why and value not in (None, ""):
            facts[name] = value
    return facts


def holds_values(group: ArrayGroup) -> bool:
    """Whether any array of a tree holds a value."""
    arrays = any(0 not in tuple(array.values.shape) for array in group.arrays)
    return arrays or any(holds_values(one) for one in group.groups)
