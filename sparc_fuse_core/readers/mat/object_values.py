"""Turn what mat-io makes of MATLAB objects (tables, categories, maps …) into nodes of `tree`."""

from __future__ import annotations

from typing import Any

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
from sparc_fuse_core.readers.mat.values import durations, instants, node_of
from sparc_fuse_core.readers.shared.tree import (
    MAX_METADATA_VALUES,
    Cells,
    Left,
    Node,
    Numeric,
    Struct,
    Table,
    Text,
)


def object_node(value: Any, depth: int, max_cells: int) -> Node | None:
    """Return the node of a value that mat-io or pandas has a class for, else None."""
    if isinstance(value, pd.DataFrame):
        return _table(value, depth)
    if isinstance(value, pd.Categorical):
        return _categorical(value)
    if isinstance(value, MatlabContainerMap):
        items = {str(key): node_of(item, "", depth + 1, max_cells) for key, item in value.items()}
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


def _table(frame: pd.DataFrame, depth: int) -> Table:
    columns = tuple(
        (str(name), _column(frame.iloc[:, i], depth)) for i, name in enumerate(frame.columns)
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


def _column(series: pd.Series[Any], depth: int) -> Node:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _categorical(series.array)
    if isinstance(series.dtype, pd.StringDtype):
        return Text(tuple("" if pd.isna(one) else str(one) for one in series))
    return node_of(series.to_numpy(), depth=depth + 1)
