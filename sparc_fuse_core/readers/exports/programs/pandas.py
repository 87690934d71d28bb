"""A DataFrame that pandas stored in HDF5 in its fixed format: blocks of columns, their names, the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.headers import lines_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows, picked_rows
from sparc_fuse_core.readers.shared.tree import Node, Numeric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.scope import Scope

_NS = 1e-9
_MOST_BLOCKS = 1000


def frame_members(scope: Scope) -> dict[str, Node] | None:
    """Return the columns and the index of a place that pandas wrote, by name, else None."""
    if text_of(scope.attributes.get("pandas_type")) != "frame":
        return None
    members = scope.members
    index = members.get("axis1")
    columns: dict[str, Node] = {}
    if isinstance(index, Numeric):
        columns[text_of(index.attributes.get("name")) or "index"] = _index(index)
    n_rows = index.n_values if isinstance(index, Numeric) else None
    for i in range(_MOST_BLOCKS):
        items, values = members.get(f"block{i}_items"), members.get(f"block{i}_values")
        if items is None or not isinstance(values, Numeric):
            break
        names = lines_of(items)
        if names is None or len(values.shape) != 2 or values.shape[1] != len(names):
            return None
        if n_rows is not None and values.shape[0] != n_rows:
            return None
        rows = channel_rows(values, 0, 1)
        for k, name in enumerate(names):
            columns[name] = Numeric(picked_rows(rows, [k]), values.matlab_class, is_reversed=False)
    if isinstance(index, Numeric) and _counts_rows(index):
        del columns[next(iter(columns))]
    return columns or None


def _counts_rows(node: Numeric) -> bool:
    """Whether an index without a name numbers the rows, as pandas does where none is given."""
    if text_of(node.attributes.get("name")) or text_of(node.attributes.get("kind")) != "integer":
        return False
    rows = node.whole().reshape(-1)
    return bool(rows.size) and bool((rows == np.arange(rows.size)).all())


def _index(node: Numeric) -> Numeric:
    """Return the index; one of datetimes counts nanoseconds since 1970."""
    attributes: Mapping[str, Node] = node.attributes
    if text_of(attributes.get("kind")).startswith("datetime64") and node.is_real and node.n_values:
        stamps = node.whole().reshape(-1).astype("datetime64[ns]")
        seconds = (stamps - stamps[0]).astype(np.int64) * _NS
        return Numeric(seconds, "datetime", "s", _NS, str(stamps[0]), is_reversed=False)
    return Numeric(node.rows, node.matlab_class, is_reversed=node.is_reversed)
