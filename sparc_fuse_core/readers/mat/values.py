"""Turn what scipy and mat-io return into nodes of `tree`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.io import matlab
from scipy.sparse import issparse

from sparc_fuse_core.readers.mat.moments import durations, instants
from sparc_fuse_core.readers.shared.tree import (
    MAX_CELLS,
    MAX_METADATA_VALUES,
    Cells,
    Left,
    Node,
    Numeric,
    Struct,
    Text,
)

_CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
_MAX_DEPTH = 40


def node_of(value: Any, matlab_class: str = "", depth: int = 0, max_cells: int = MAX_CELLS) -> Node:
    """Return the node for one value.

    Parameters
    ----------
    value
        As scipy's ``loadmat`` or mat-io's ``load_from_mat`` return it.
    matlab_class
        Class of a numeric variable, where a listing states it.
    depth
        How many structs and cells it lies in.
    max_cells
        Elements of a cell or struct array that are looked into.
    """
    if depth > _MAX_DEPTH:
        return Left(f"nested more than {_MAX_DEPTH} levels deep")
    special = _special(value, depth, max_cells)
    if special is not None:
        return special
    array = np.asarray(value)
    if array.dtype.names and all(array.dtype[name].kind == "O" for name in array.dtype.names):
        return _structs(array, getattr(value, "classname", None) or "struct", depth, max_cells)
    kind = array.dtype.kind
    if kind == "O":
        return _cells(array, depth, max_cells)
    if kind in "USTa":
        lines = np.atleast_1d(array).reshape(-1, order="F")
        return Text(tuple(str(line) for line in lines))
    if kind == "M":
        return instants(array)
    if kind == "m":
        return durations(array)
    if kind in "biufc":
        return Numeric(array.T, matlab_class or _CLASSES.get(array.dtype.name, array.dtype.name))
    return Left(f"values of type {array.dtype}", array.shape)


def _special(value: Any, depth: int, max_cells: int) -> Node | None:
    """Return the node of what is no plain array."""
    if type(value).__module__.partition(".")[0] in ("pandas", "matio"):
        # mat-io, and with it pandas, is loaded already where it has made such a value
        from sparc_fuse_core.readers.mat.object_values import object_node

        return object_node(value, depth, max_cells, node_of)
    if isinstance(value, matlab.MatlabFunction):
        return Left("a function handle")
    if isinstance(value, matlab.MatlabOpaque):
        return Left("an object that scipy does not decode")
    if issparse(value):
        return sparse(value)
    if isinstance(value, matlab.MatlabObject) and value.dtype.names is None:
        return Left(f"an object of class {value.classname}", value.shape)
    return None


def sparse(matrix: Any) -> Node:
    """Return a small sparse matrix as the full one; a larger one is left."""
    rows, columns = matrix.shape
    if rows * columns <= MAX_METADATA_VALUES:
        try:
            # scipy itself writes wherever the file's indices say
            matrix.check_format(full_check=True)
        except ValueError as err:
            return Left(f"a damaged sparse matrix ({err})", (rows, columns))
        return Numeric(matrix.toarray().T, "sparse")
    return Left("a sparse matrix", (rows, columns))


def _structs(array: np.ndarray[Any, Any], class_name: str, depth: int, max_cells: int) -> Node:
    names = array.dtype.names or ()
    if array.size > max_cells:
        return Left(f"a struct array of {array.size} elements", array.shape)
    items = tuple(
        Struct(
            {name: node_of(element[name], "", depth + 1, max_cells) for name in names}, class_name
        )
        for element in array.reshape(-1, order="F")
    )
    return items[0] if len(items) == 1 else Cells(array.shape, items, class_name)


def _cells(array: np.ndarray[Any, Any], depth: int, max_cells: int) -> Node:
    if array.size > max_cells:
        return Left(f"a cell array of {array.size} elements", array.shape)
    flat = array.reshape(-1, order="F")
    return Cells(array.shape, tuple(node_of(item, "", depth + 1, max_cells) for item in flat))
