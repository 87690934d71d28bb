"""MAT files of version 4 to 7 by scipy, one variable at a time; by mat-io where MATLAB objects are inside.

scipy silently folds all tables, timetables, datetimes and strings of a file into one key ``"None"``, of which
the last wins. A file in whose listing such a variable shows is therefore read by mat-io.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from scipy.io import loadmat, matlab, whosmat

from sparc_fuse_core.readers.mat.v5_scan import MatReadError
from sparc_fuse_core.readers.mat.values import node_of
from sparc_fuse_core.readers.shared.tree import Left, Node, Numeric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_NUMERIC_CLASSES = frozenset({"double", "single", "logical"}) | frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
)


def with_scipy(
    path: Path, max_cells: int, plain: Mapping[str, Callable[[], Numeric]]
) -> dict[str, Node]:
    """Read all variables; those in ``plain`` by what it holds.

    Raises
    ------
    MatReadError, ValueError
        If a variable cannot be decoded.
    """
    try:
        return _with_scipy(path, max_cells, plain)
    except matlab.MatReadError as err:
        raise MatReadError(str(err)) from err


def _with_scipy(
    path: Path, max_cells: int, plain: Mapping[str, Callable[[], Numeric]]
) -> dict[str, Node]:
    variables: dict[str, Node] = {}
    listed = whosmat(path)
    if any(matlab_class == "opaque" or name == "None" for name, _, matlab_class in listed):
        return with_matio(path, max_cells)
    names = [name for name, _, _ in listed]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        message = f"variables {twice} are there twice"
        raise ValueError(message)
    for name, shape, matlab_class in listed:
        if matlab_class == "function":
            variables[name] = Left("a function handle", tuple(shape))
            continue
        if name in plain:
            with suppress(RuntimeError, ValueError):  # then scipy reads it, or says what is wrong
                variables[name] = plain[name]()
                continue
        # one at a time, so that at most one variable is held twice
        loaded = loadmat(path, variable_names=[name], spmatrix=False)
        value = loaded[name]
        if isinstance(value, str) and value.startswith("Read error"):
            raise ValueError(value)
        known = matlab_class if matlab_class in _NUMERIC_CLASSES else ""
        variables[name] = node_of(value, known, 0, max_cells)
    return variables


def with_matio(path: Path, max_cells: int) -> dict[str, Node]:
    """Read all variables with mat-io, which knows MATLAB's objects.

    Raises
    ------
    MatReadError, ValueError
        If a variable cannot be decoded.
    """
    # with pandas, which it loads, half a second that few files need
    from sparc_fuse_core.readers.mat.matio_objects import load_objects

    variables: dict[str, Node] = {}
    for name, value in load_objects(path).items():
        if isinstance(value, str) and value.startswith("Read error"):
            raise ValueError(value)
        variables[name] = node_of(value, "", 0, max_cells)
    return variables
