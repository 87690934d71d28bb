"""An HDF5 file as a tree: groups, datasets still unread, attributes as facts attached to them.

Links are followed within the file only, an object once; a compound dataset is a table of its fields. What
cannot be read here (a vendor's filter, references, values in another file) is left, with the reason.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.readers.hdf5.arrays import HDF5_ERRORS, StoredBlocks, member, missing_filter
from sparc_fuse_core.readers.hdf5.facts import texts_of
from sparc_fuse_core.readers.shared.tree import Left, Node, Numeric, Struct, Table, Text

_MAX_OBJECTS = 20_000
_MAX_DEPTH = 40
_MAX_TEXTS = 100_000
_MAX_ATTRIBUTES = 1000
_MAX_ATTRIBUTE_VALUES = 65_536
#: Attributes of HDF5's own conventions, which say nothing about what is measured.
_HIDDEN = frozenset(
    ("REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties")
)
#: netCDF marks so what is a length only.
_LENGTH_ONLY = "This is a netCDF dimension but not a netCDF variable"


class _Walk:
    def __init__(self) -> None:
        self.left = _MAX_OBJECTS
        self.above: set[int] = set()


def tree_of(file: h5py.Group) -> Struct:
    """Return the tree of an open file; arrays are valid while it is."""
    return _group(file, _Walk(), 0)


def _group(group: h5py.Group, walk: _Walk, depth: int) -> Struct:
    fields: dict[str, Node] = {}
    for name in group:
        if walk.left <= 0:
            fields["…"] = Left(f"more than {_MAX_OBJECTS} objects")
            break
        walk.left -= 1
        item = member(group, name)
        if item is None:
            fields[name] = Left("a link that leads out of the file, or nowhere")
        elif isinstance(item, h5py.Group):
            fields[name] = _below(item, walk, depth)
        elif isinstance(item, h5py.Dataset):
            node = dataset_node(item)
            if node is not None:
                fields[name] = node
        else:
            fields[name] = Left(f"an HDF5 {type(item).__name__}")
    return Struct(fields, "group", attribute_nodes(group))


def _below(item: h5py.Group, walk: _Walk, depth: int) -> Node:
    address = int(h5py.h5o.get_info(item.id).addr)
    if depth >= _MAX_DEPTH:
        return Left(f"nested more than {_MAX_DEPTH} levels deep")
    if address in walk.above:
        return Left("a link to a group above it")
    walk.above.add(address)
    try:
        return _group(item, walk, depth + 1)
    finally:
        walk.above.discard(address)


def dataset_node(item: h5py.Dataset) -> Node | None:
    """Return the node of a dataset, or None where netCDF stores nothing but a length."""
    attributes = attribute_nodes(item)
    name = attributes.get("NAME")
    if isinstance(name, Text) and name.lines and name.lines[0].startswith(_LENGTH_ONLY):
        return None
    kind = attributes.get("CLASS")
    if isinstance(kind, Text) and "DIMENSION_SCALE" in kind.lines:
        attributes = {key: node for key, node in attributes.items() if key not in ("CLASS", "NAME")}
    shape = item.shape
    if shape is None:
        return Left("an empty dataset")
    lacking = missing_filter(item)
    if lacking:
        return Left(f"compressed with {lacking}", tuple(shape))
    if item.dtype.names is not None and item.dtype.kind == "V":
        return _compound(item)
    if item.dtype.kind in "biufc" and item.dtype.itemsize <= 16 and item.dtype.metadata is None:
        return Numeric(
            StoredBlocks(item), item.dtype.name, attributes=attributes, is_reversed=False
        )
    if h5py.check_enum_dtype(item.dtype) is not None:
        return Numeric(
            StoredBlocks(item), item.dtype.name, attributes=attributes, is_reversed=False
        )
    return _texts(item)


def _texts(item: h5py.Dataset) -> Node:
    is_text = item.dtype.kind == "S" or h5py.check_string_dtype(item.dtype) is not None
    if not is_text:
        return Left(f"an HDF5 dataset of type {item.dtype}", tuple(item.shape))
    if item.size > _MAX_TEXTS:
        return Left(f"{item.size} texts", tuple(item.shape))
    return Text(texts_of(item[()]))


def _compound(item: h5py.Dataset) -> Node:
    names = item.dtype.names or ()
    columns: list[tuple[str, Node]] = []
    for name in names:
        dtype, shape = item.dtype[name].base, (*item.shape, *item.dtype[name].shape)
        if dtype.kind in "biufc" and dtype.metadata is None and dtype.names is None:
            rows = _field(item, name, shape, dtype)
            columns.append((name, Numeric(rows, dtype.name, is_reversed=False)))
        elif dtype.kind == "S" and item.size <= _MAX_TEXTS and len(shape) <= 1:
            columns.append((name, Text(texts_of(item.fields(name)[()]))))
        else:
            columns.append((name, Left(f"a field of type {dtype}", shape)))
    if len(item.shape) == 1:
        return Table(tuple(columns), (), None)
    return Struct(dict(columns), "compound", attribute_nodes(item))


def _field(
    item: h5py.Dataset, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> FunctionBlocks:
    n_axes = len(item.shape)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        key = tuple(slice(*pair) for pair in bounds)
        block = np.asarray(item.fields(name)[key[:n_axes]])
        return block[(slice(None),) * n_axes + key[n_axes:]]

    return FunctionBlocks(shape, dtype, read)


def attribute_nodes(item: Any) -> dict[str, Node]:
    """Return the attributes of a group or dataset as nodes, and the names of a dataset's dimensions."""
    found: dict[str, Node] = {}
    for name in list(item.attrs)[:_MAX_ATTRIBUTES]:
        if name not in _HIDDEN:
            node = _attribute(item, name)
            if node is not None:
                found[name] = node
    dimensions = _dimensions(item) if isinstance(item, h5py.Dataset) else ()
    if dimensions and "dims" not in found:
        found["dims"] = Text(dimensions)
    return found


def _attribute(item: Any, name: str) -> Node | None:
    try:
        handle = item.attrs.get_id(name)
        if handle.shape is None or int(np.prod(handle.shape)) > _MAX_ATTRIBUTE_VALUES:
            return None
        if h5py.check_ref_dtype(handle.dtype) is not None:
            return None
        value = np.asarray(item.attrs[name])
    except HDF5_ERRORS:
        return None
    if value.dtype.kind in "biufc":
        return Numeric(value, value.dtype.name, is_reversed=False)
    lines = texts_of(value) if value.dtype.kind in "SUO" else ()
    return Text(lines) if lines else None


def _dimensions(item: h5py.Dataset) -> tuple[str, ...]:
    """Return a name for each axis: its label, or the name of the scale that is attached to it."""
    names = []
    for dimension in item.dims:
        label = dimension.label
        if not label and len(dimension):
            try:
                label = str(dimension[0].name or "").rpartition("/")[2]
            except HDF5_ERRORS:
                label = ""
        names.append(label)
    return tuple(names) if any(names) else ()
