"""MAT files of version 7.3: HDF5, walked by h5py, so that large arrays stay in the file.

MATLAB writes axes reversed, texts as uint16, cells and struct arrays as references into ``#refs#``, the class
of everything in the attribute ``MATLAB_class`` and, for an empty array, its *shape* as the data
(``MATLAB_empty``). Objects (tables, strings, datetimes …) lie in a subsystem that mat-io decodes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.errors import CorruptFileError, NothingToConvertError
from sparc_fuse_core.readers.hdf5.arrays import HDF5_ERRORS, StoredBlocks, member
from sparc_fuse_core.readers.mat.v5 import READ_ERRORS, is_told
from sparc_fuse_core.readers.shared.tree import MAX_CELLS, Cells, Left, Node, Numeric, Struct, Text

if TYPE_CHECKING:
    from pathlib import Path

_HIDDEN = ("#refs#", "#subsystem#")
_OPAQUE = 3
_MAX_DEPTH = 40
_HEAD_BYTES = 128
_OUTSIDE = "a link to another file, or values in one: not followed"
_MAX_TEXT_BYTES = 1 << 20
_MAX_SPARSE_BYTES = 1 << 26
_CLASSES = {"float64": "double", "float32": "single"}


#: Parts of a file that are looked at whatever its size, and the bytes that each further one takes at least.
_FEW_NODES = 20_000
_LEAST_NODE_BYTES = 16


@dataclass(slots=True)
class _Budget:
    """What may be looked at: links and references can make a small file an endless tree.

    Attributes
    ----------
    max_cells
        Elements of one cell or struct array.
    left
        Nodes of the whole file.
    above
        Addresses of the objects that the one at hand lies in.
    """

    max_cells: int
    left: int
    above: list[int] = field(default_factory=list)


def read_variables(
    file: h5py.File, path: Path, max_cells: int = MAX_CELLS
) -> tuple[dict[str, Node], list[str]]:
    """Return the variables of an open v7.3 file, and what mat-io warned of.

    Raises
    ------
    CorruptFileError
        If the file is damaged.
    NothingToConvertError
        If there is no variable.
    """
    variables: dict[str, Node] = {}
    told: list[str] = []
    objects: list[str] = []
    budget = _Budget(max_cells, _FEW_NODES + path.stat().st_size // _LEAST_NODE_BYTES)
    try:
        for name in file:
            if name in _HIDDEN:
                continue
            item = member(file, name)
            if item is not None and int(item.attrs.get("MATLAB_object_decode", 0)) == _OPAQUE:
                objects.append(name)
                variables[name] = Left("an object that could not be decoded")
            elif item is not None:
                variables[name] = _node(item, 0, budget)
            else:
                variables[name] = Left(_OUTSIDE)
    except HDF5_ERRORS as err:
        message = f"{path.name}: damaged MAT v7.3 file ({err}); upload the original again"
        raise CorruptFileError(message) from err
    if objects:
        decoded, told = _decode_objects(file, path, objects)
        variables.update(decoded)
    if not variables:
        message = f"{path.name}: the MAT file holds no variable"
        raise NothingToConvertError(message)
    return variables, told


def _decode_objects(
    file: h5py.File, path: Path, names: list[str]
) -> tuple[dict[str, Node], list[str]]:
    """Decode MATLAB objects by mat-io; what it cannot is left, said, and nothing else is lost."""
    # scipy, mat-io and pandas cost 80 MB, which most files of this version do without
    from sparc_fuse_core.readers.mat.matio_objects import load_stored_objects
    from sparc_fuse_core.readers.mat.values import node_of

    decoded: dict[str, Node] = {}
    told: set[str] = set()
    with path.open("rb") as raw:
        byte_order = "<" if raw.read(_HEAD_BYTES)[126:] == b"IM" else ">"
    for name in names:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                loaded = load_stored_objects(file, [name], byte_order)
            decoded[name] = node_of(loaded[name])
            told |= {str(one.message) for one in caught if is_told(one)}
        except READ_ERRORS as err:
            decoded[name] = Left(f"an object that mat-io does not decode ({type(err).__name__})")
    return decoded, sorted(told)


def _node(item: Any, depth: int, budget: _Budget) -> Node:
    if item is None:
        return Left(_OUTSIDE)
    if depth > _MAX_DEPTH:
        return Left(f"nested more than {_MAX_DEPTH} levels deep")
    address = h5py.h5o.get_info(item.id).addr
    budget.left -= 1
    if address in budget.above:
        return Left("it contains itself")
    if budget.left < 0:
        return Left("more parts than the file can hold: some are in it many times")
    budget.above.append(address)
    try:
        return _known(item, depth, budget)
    finally:
        budget.above.pop()


def _known(item: Any, depth: int, budget: _Budget) -> Node:
    attributes = item.attrs
    class_name = _text(attributes.get("MATLAB_class", b""))
    if "MATLAB_sparse" in attributes:
        return _sparse(item, int(attributes["MATLAB_sparse"]))
    if class_name == "function_handle":
        return Left("a function handle")
    if int(attributes.get("MATLAB_object_decode", 0)) == _OPAQUE:
        return Left(f"an object of class {class_name} inside a struct or cell")
    if isinstance(item, h5py.Group):
        return _group(item, class_name or "struct", depth, budget)
    return _array(item, class_name, depth, budget)


def _array(item: Any, class_name: str, depth: int, budget: _Budget) -> Node:
    if (
        not isinstance(item, h5py.Dataset)
        or item.dtype.kind not in "biufcVOS"
        or item.shape is None
    ):
        return Left(f"an HDF5 {type(item).__name__}")
    if item.attrs.get("MATLAB_empty"):
        return _empty(item, class_name)
    if h5py.check_ref_dtype(item.dtype) is not None:
        return _cells(item, depth, budget)
    if class_name == "char":
        return _characters(item)
    if item.dtype.names is not None:
        return _complex(item, class_name)
    if item.dtype.kind in "OSV":
        return Left(f"an HDF5 dataset of type {item.dtype}", item.shape[::-1])
    return Numeric(StoredBlocks(item), class_name or _CLASSES.get(item.dtype.name, item.dtype.name))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _empty(item: h5py.Dataset, class_name: str) -> Node:
    shape = tuple(int(length) for length in item[()].reshape(-1)[:32])
    if 0 not in shape and class_name not in ("char", "cell", "struct"):
        return Left("an empty array that is none", shape)
    if class_name == "char":
        return Text(())
    if class_name in ("cell", "struct"):
        return Cells(shape, (), class_name)
    return Numeric(np.empty(shape[::-1]), class_name)


def _characters(item: h5py.Dataset) -> Node:
    if item.nbytes > _MAX_TEXT_BYTES:
        return Left("a char array of more than 1 MB", item.shape[::-1])
    units = np.atleast_1d(item[()]).astype("<u2").T
    rows = np.atleast_2d(units)
    return Text(tuple(row.tobytes().decode("utf-16-le", "replace") for row in rows))


def _complex(item: h5py.Dataset, class_name: str) -> Node:
    if item.dtype.names != ("real", "imag"):
        return Left(f"an HDF5 compound of {item.dtype.names}", item.shape[::-1])
    if item.size > MAX_CELLS:
        return Left("an array of complex numbers", item.shape[::-1])
    values = item[()]
    return Numeric(values["real"] + 1j * values["imag"], class_name)


def _sparse(item: Any, n_rows: int) -> Node:
    from scipy.sparse import csc_array

    from sparc_fuse_core.readers.mat.values import sparse

    if any(member(item, name) is None for name in ("jc", "data", "ir") if name in item):
        return Left(_OUTSIDE)
    columns = np.asarray(item["jc"][()]) if "jc" in item else np.zeros(1, np.int64)
    shape = (n_rows, len(columns) - 1)
    if "data" not in item or "ir" not in item:
        return sparse(csc_array(shape))
    if item["data"].nbytes > _MAX_SPARSE_BYTES or item["data"].dtype.names is not None:
        return Left("a sparse matrix", shape)
    return sparse(csc_array((item["data"][()], item["ir"][()], columns), shape=shape))


def _group(group: h5py.Group, class_name: str, depth: int, budget: _Budget) -> Node:
    names = _field_names(group)
    members = {name: member(group, name) for name in names}
    arrays = [
        item
        for item in members.values()
        if isinstance(item, h5py.Dataset)
        and h5py.check_ref_dtype(item.dtype) is not None
        and "MATLAB_class" not in item.attrs
    ]
    if arrays and len(arrays) == len(members):
        return _struct_array(group, members, class_name, depth, budget)
    fields = {name: _node(item, depth + 1, budget) for name, item in members.items()}
    return Struct(fields, class_name)


def _field_names(group: h5py.Group) -> list[str]:
    """Return the fields in MATLAB's order, where it is stored, else in HDF5's."""
    names = list(group)
    stored = group.attrs.get("MATLAB_fields")
    if isinstance(stored, np.ndarray) and stored.dtype.kind == "O":
        order = [b"".join(letters).decode("utf-8", "replace") for letters in stored]
        if sorted(order) == sorted(names):
            return order
    return names


def _struct_array(
    group: h5py.Group,
    members: dict[str, h5py.Dataset],
    class_name: str,
    depth: int,
    budget: _Budget,
) -> Node:
    """Return a struct array: each field is a dataset of references, one for each element."""
    shapes = {item.shape for item in members.values()}
    if len(shapes) != 1:
        return Left("a struct array whose fields differ in number")
    shape = shapes.pop()
    n_items = int(np.prod(shape))
    if n_items > budget.max_cells:
        return Left(f"a struct array of {n_items} elements", shape[::-1])
    # HDF5's order with reversed axes is MATLAB's order with columns first
    columns = {name: item[()].reshape(-1) for name, item in members.items()}
    items = tuple(
        Struct(
            {
                name: _node(member(group.file, refs[i]), depth + 1, budget)
                for name, refs in columns.items()
            },
            class_name,
        )
        for i in range(n_items)
    )
    return items[0] if n_items == 1 else Cells(shape[::-1], items, class_name)


def _cells(item: h5py.Dataset, depth: int, budget: _Budget) -> Node:
    if item.size > budget.max_cells:
        return Left(f"a cell array of {item.size} elements", item.shape[::-1])
    references = item[()].reshape(-1)
    items = tuple(
        _node(member(item.file, reference), depth + 1, budget) if reference else Cells((0, 0), ())
        for reference in references
    )
    return Cells(item.shape[::-1], items)
