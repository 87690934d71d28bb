"""Turn what mat-io makes of MATLAB objects (tables, categories, maps …) into nodes of `tree`."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from sparc_fuse_core.readers.mat.matio_objects import (
    MatlabCanonicalEmpty,
    MatlabContainerMap,
    MatlabEnumerationArray,
    MatlabFunction,
    MatlabObject,
    MatlabOpaque,
    MatlabOpaqueArray,
)
from sparc_fuse_core.readers.mat.moments import durations, instants
from sparc_fuse_core.readers.shared.tree import (
    MAX_CELLS,
    MAX_METADATA_VALUES,
    Cells,
    Left,
    Node,
    Numeric,
    Struct,
    Table,
    Text,
)


class Decode(Protocol):
    """Returns the node of a value inside of another: `values.node_of`."""

    def __call__(
        self, value: Any, matlab_class: str = "", depth: int = 0, max_cells: int = MAX_CELLS, /
    ) -> Node:
        """Decode ``value``."""


def object_node(value: Any, depth: int, max_cells: int, decode: Decode) -> Node | None:
    """Return the node of a value that mat-io or pandas has a class for, else None.

    Parameters
    ----------
    decode
        What turns the values inside of it into nodes.
    """
    if isinstance(value, pd.DataFrame):
        return _table(value, depth, decode)
    if isinstance(value, pd.Categorical):
        return _categorical(value)
    if isinstance(value, MatlabContainerMap):
        items = {str(key): decode(item, "", depth + 1, max_cells) for key, item in value.items()}
        return Struct(items, "containers.Map")
    if isinstance(value, MatlabFunction):
        return Left("a function handle")
    if isinstance(value, MatlabOpaque | MatlabOpaqueArray | MatlabEnumerationArray):
        return Left(f"an object of class {value.classname}")
    if isinstance(value, MatlabCanonicalEmpty):
        return Cells((0, 0), ())
    if isinstance(value, MatlabObject) and value.dtype.names is None:
        return Left(f"an object of class {value.classname}", value.shape)
    return None


def _categorical(value: pd.Categorical) -> Node:
    names = [str(name) for name in value.categories]
    codes = np.asarray(value.codes).reshape(-1, order="F")
    return Text(tuple(names[code] if code >= 0 else "" for code in codes))


def _table(frame: pd.DataFrame, depth: int, decode: Decode) -> Table:
    columns = tuple(
        (str(name), _column(frame.iloc[:, i], depth, decode))
        for i, name in enumerate(frame.columns)
    )
    stated = frame.attrs.get("VariableUnits", frame.attrs.get("varUnits", []))
    units = tuple(str(unit) for unit in stated)
    times = None
    if frame.index.dtype.kind in "mM" and len(frame.index):
        clock = frame.index.to_numpy()
        found = instants(clock) if clock.dtype.kind == "M" else durations(clock)
        times = found if isinstance(found, Numeric) else None
    facts: dict[str, Any] = {}
    if frame.attrs.get("Description"):
        facts["description"] = str(frame.attrs["Description"])
    described = frame.attrs.get("VariableDescriptions", frame.attrs.get("varDescriptions", []))
    if len(described):
        facts["variable_descriptions"] = [str(text) for text in described]
    if frame.index.dtype.kind in "UTO" or str(frame.index.dtype) in ("str", "string"):
        facts["row_names"] = [str(name) for name in frame.index[:MAX_METADATA_VALUES]]
    return Table(columns, units if len(units) == len(columns) else (), times, facts)


def _column(series: pd.Series[Any], depth: int, decode: Decode) -> Node:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _categorical(series.array)
    if isinstance(series.dtype, pd.StringDtype):
        return Text(tuple("" if pd.isna(one) else str(one) for one in series))
    return decode(series.to_numpy(), "", depth + 1)
