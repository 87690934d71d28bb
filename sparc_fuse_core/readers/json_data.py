"""JSON that holds data: lists of numbers become arrays, objects groups, lists of alike objects tables.

Read are also one value a line (JSON Lines), and columns as pandas writes them: an object from row numbers to
values.

A file without a list of numbers is settings or metadata, and is said to be so.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, NothingToConvertError, SizeLimitError
from sparc_fuse_core.readers.exports.contents import contents_of_tree
from sparc_fuse_core.readers.shared.tree import Cells, Left, Node, Numeric, Struct, Table, Text
from sparc_fuse_core.readers.shared.vocabulary import meaning_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents

#: A text in memory takes ten times as much as in the file.
_MAX_BYTES = 512 << 20
_MAX_DEPTH = 40
_MAX_ITEMS = 4096
#: A list of so many numbers is data; shorter ones are settings.
_LEAST_VALUES = 16
#: A longer list of alike objects is a table; a shorter one may be facts of channels.
_MOST_FACTS = 512


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a JSON file; see `sparc_fuse_core.readers.Reader`."""
    value = _loaded(path)
    node = _node(value, 0)
    members = node.fields if isinstance(node, Struct) else {path.stem: node}
    if not any(_holds_data(item, 0) for item in members.values()):
        message = f"{path.name}: settings or metadata, no list of numbers: not a recording or image"
        raise NothingToConvertError(message)
    yield contents_of_tree(
        members,
        {},
        path.name,
        rate_hz=options.get("sampling_rate_hz"),
        orientation=str(options.get("orientation", "")),
    )


def _loaded(path: Path) -> Any:
    size_bytes = path.stat().st_size
    if size_bytes > _MAX_BYTES:
        message = f"{path.name}: {size_bytes / 1e6:.0f} MB of JSON; export the data as CSV or HDF5"
        raise SizeLimitError(message)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        values = _lines(text) if isinstance(err, json.JSONDecodeError) else None
        if values is not None:
            return values
        message = f"{path.name}: not readable as JSON ({str(err)[:200]}); save it again"
        raise CorruptFileError(message) from err


def _lines(text: str) -> list[Any] | None:
    """Return the values of JSON Lines, one a line, or None if it is none."""
    values = []
    for line in text.splitlines():
        if line.strip():
            try:
                values.append(json.loads(line))
            except (ValueError, RecursionError):
                return None
    return values if len(values) > 1 else None


def _node(value: Any, depth: int) -> Node:
    if depth > _MAX_DEPTH:
        return Left(f"nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        if len(value) > 1 and all(name == str(i) for i, name in enumerate(value)):
            return _list(
                list(value.values()), depth
            )  # as pandas writes a column: {"0": 1.5, "1": 1.7}
        return Struct({name: _node(item, depth + 1) for name, item in value.items()}, "object")
    if isinstance(value, list):
        return _list(value, depth)
    if isinstance(value, str):
        return Text((value,))
    if value is None:
        return Text(("",))
    array = _numbers(value)
    return Text((str(value),)) if array is None else _numeric(array)


def _numeric(array: np.ndarray[Any, Any]) -> Numeric:
    return Numeric(array, array.dtype.name, is_reversed=False)


def _numbers(value: Any) -> np.ndarray[Any, Any] | None:
    """Return numbers, or lists of them of one length, as an array; null among numbers is NaN."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return None
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind != "O":
        return None
    flat = array.reshape(-1).tolist()
    if any(
        not (one is None or isinstance(one, int | float)) or isinstance(one, bool) for one in flat
    ):
        return None
    if all(one is None for one in flat):
        return None
    try:
        return np.array([np.nan if one is None else float(one) for one in flat]).reshape(
            array.shape
        )
    except OverflowError:
        return None


def _list(value: list[Any], depth: int) -> Node:
    if not value:
        return Cells((0,), (), "list")
    if all(isinstance(one, str) for one in value):
        return Text(tuple(value))
    if not isinstance(value[0], str | dict):
        array = _numbers(value)
        if array is not None:
            return _numeric(array)
    if all(isinstance(one, dict) for one in value):
        table = _records(value, depth)
        if table is not None:
            return table
    if len(value) > _MAX_ITEMS:
        return Left(f"a list of {len(value)} elements of several kinds", (len(value),))
    return Cells((len(value),), tuple(_node(item, depth + 1) for item in value), "list")


def _records(value: list[dict[str, Any]], depth: int) -> Table | None:
    """Return alike objects of single values as a table, if one is a time or they are many; else None."""
    names = list(value[0])
    if not names or any(list(one) != names for one in value):
        return None
    if any(isinstance(item, dict | list) for item in value[0].values()):
        return None
    meanings = [meaning_of(name) for name in names]
    is_timed = any(one is not None and one.kind == "time" for one in meanings)
    if not is_timed and len(value) <= _MOST_FACTS:
        return None
    columns = {name: _list([one[name] for one in value], depth + 1) for name in names}
    if any(isinstance(node, Cells | Left) for node in columns.values()):
        return None
    return Table(tuple(columns.items()), (), None)


def _holds_data(node: Node, depth: int) -> bool:
    if isinstance(node, Numeric):
        return node.n_values >= _LEAST_VALUES
    if isinstance(node, Table):
        return True
    if isinstance(node, Struct):
        items = tuple(node.fields.values())
        has_onsets = any(
            (one := meaning_of(name)) and one.unit and "onset" in name for name in node.fields
        )
        return has_onsets or any(_holds_data(item, depth + 1) for item in items)
    return isinstance(node, Cells) and any(_holds_data(item, depth + 1) for item in node.items)
