"""MAT files of version 4 to 7: scipy, one variable at a time; mat-io where MATLAB objects are inside.

scipy silently folds all tables, timetables, datetimes and strings of a file into one key ``"None"``, of which
the last wins. A file that holds such objects (its header points to a subsystem, or the listing fails on
one) is therefore read by mat-io.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from typing import TYPE_CHECKING

from scipy.io import loadmat, matlab, whosmat

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.readers.mat5_scan import check_layout
from sparc_fuse_core.readers.mat_tree import MAX_CELLS, Left, Node
from sparc_fuse_core.readers.mat_values import is_told, node_of

if TYPE_CHECKING:
    from pathlib import Path

#: What scipy and `mat_objects` raise on bytes that are no MAT file, or not a whole one.
READ_ERRORS = (
    matlab.MatReadError,
    zlib.error,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    UnboundLocalError,
    ValueError,
)

_SUBSYSTEM_FIELD = slice(116, 124)
_NUMERIC_CLASSES = frozenset({"double", "single", "logical"}) | frozenset(
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
)


def version_of(head: bytes) -> str:
    """Return ``"4"``, ``"5"`` (v5, v6 and v7 share it) or ``"7.3"``, from a file's first 128 bytes."""
    if head[:4] and 0 in head[:4]:
        return "4"
    return {1: "5", 2: "7.3"}.get(_major(head), "5")


def _major(head: bytes) -> int:
    if len(head) < 128:
        return 1
    high = 125 if head[126:128] == b"IM" else 124
    return head[high]


def _has_objects(head: bytes) -> bool:
    """Whether the header of a v5 file points to a subsystem (blanks or zeros: none)."""
    field = head[_SUBSYSTEM_FIELD]
    return version_of(head) == "5" and len(field) == 8 and field not in (b" " * 8, bytes(8))


def read_variables(
    path: Path, head: bytes, max_cells: int = MAX_CELLS
) -> tuple[dict[str, Node], list[str]]:
    """Read the variables of a v4 to v7 file, and what the libraries warned of.

    Raises
    ------
    CorruptFileError
        If the file is damaged; a variable that cannot be decoded fails the file.
    EmptyFileError
        If there is no variable.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if version_of(head) == "5":
                check_layout(path)
            variables = (_with_matio if _has_objects(head) else _with_scipy)(path, max_cells)
    except READ_ERRORS as err:
        message = (
            f"{path.name}: not a readable MAT file ({type(err).__name__}: {err}); "
            "save it again, or upload the original again"
        )
        raise CorruptFileError(message) from err
    if not variables:
        message = f"{path.name}: the MAT file holds no variable"
        raise EmptyFileError(message)
    return variables, sorted({str(warning.message) for warning in caught if is_told(warning)})


def _with_scipy(path: Path, max_cells: int) -> dict[str, Node]:
    variables: dict[str, Node] = {}
    listed = whosmat(path)
    if any(matlab_class == "opaque" or name == "None" for name, _, matlab_class in listed):
        return _with_matio(path, max_cells)
    names = [name for name, _, _ in listed]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        message = f"variables {twice} are there twice"
        raise ValueError(message)
    for name, shape, matlab_class in listed:
        if matlab_class == "function":
            variables[name] = Left("a function handle", tuple(shape))
            continue
        # one at a time, so that at most one variable is held twice
        loaded = loadmat(path, variable_names=[name], spmatrix=False)
        value = loaded[name]
        if isinstance(value, str) and value.startswith("Read error"):
            raise ValueError(value)
        known = matlab_class if matlab_class in _NUMERIC_CLASSES else ""
        variables[name] = node_of(value, known, 0, max_cells)
    return variables


def _with_matio(path: Path, max_cells: int) -> dict[str, Node]:
    # with pandas, which it loads, half a second that few files need
    from sparc_fuse_core.readers.mat_objects import load_objects

    variables: dict[str, Node] = {}
    for name, value in load_objects(path).items():
        if isinstance(value, str) and value.startswith("Read error"):
            raise ValueError(value)
        variables[name] = node_of(value, "", 0, max_cells)
    return variables
