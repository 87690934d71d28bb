"""Tables, and matrices whose labels name their columns, as members of a place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.headers import lines_of
from sparc_fuse_core.readers.exports.views import channel_rows, picked_rows
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Table, Text
from sparc_fuse_core.readers.shared.vocabulary import meaning_of, split_unit

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.scope import Scope


def table_members(table: Table) -> dict[str, Node]:
    """Return the columns of a table by name, each with its unit attached, and its row times."""
    members: dict[str, Node] = {}
    for i, (name, node) in enumerate(table.columns):
        unit = table.units[i] if table.units else ""
        if unit and isinstance(node, Numeric):
            node = replace(node, attributes={**node.attributes, "units": Text((unit,))})
        members[name] = node
    if table.times is not None and "Time" not in members:
        members["Time"] = table.times
    return members


def labelled_columns(scope: Scope, name: str, node: Numeric) -> dict[str, Node] | None:
    """Return the columns of a matrix by their labels if one of these is time, else None.

    Which axis holds the columns is known by the number of labels.
    """
    long = [axis for axis, length in enumerate(node.shape) if length != 1]
    if len(long) != 2 or len(node.shape) != 2:
        return None
    for one in scope.find(("label",), name, node.attributes):
        lines = lines_of(one.node)
        if lines is None or len(lines) < 2 or len(set(lines)) != len(lines):
            continue
        axes = [axis for axis in long if node.shape[axis] == len(lines)]
        is_time = [
            (meaning := meaning_of(line)) is not None
            and meaning.kind == "time"
            and not meaning.subject
            for line in lines
        ]
        if len(axes) != 1 or sum(is_time) != 1:
            continue
        rows = channel_rows(node, 1 - axes[0], axes[0])
        units = scope.texts_of("unit", name, node.attributes, len(lines))
        columns: dict[str, Node] = {}
        for i, line in enumerate(lines):
            column = picked_rows(rows, [i])
            stated = units[0][i] if units[2] else split_unit(line, lines)[1]
            attributes: dict[str, Node] = {"units": Text((stated,))} if stated else {}
            columns[line or f"column {i + 1}"] = Numeric(
                column, node.matlab_class, attributes=attributes, is_reversed=False
            )
        return columns
    return None
