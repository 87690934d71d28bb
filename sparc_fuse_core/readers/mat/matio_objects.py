"""mat-io, which decodes MATLAB objects (tables, timetables, datetimes, strings …), behind one function."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    # it sets a pandas option that has become the default, which pandas says each time
    warnings.simplefilter("ignore")
    import matio
    from matio.utils.matclass import (
        MatlabCanonicalEmpty,
        MatlabContainerMap,
        MatlabEnumerationArray,
        MatlabFunction,
        MatlabObject,
        MatlabOpaque,
        MatlabOpaqueArray,
        MatReadError,
    )
    from matio.v7.matreader7 import MatRead7, read_subsystem

from sparc_fuse_core.readers.mat.v5_scan import MatReadError as UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

__all__ = [
    "MatlabCanonicalEmpty",
    "MatlabContainerMap",
    "MatlabEnumerationArray",
    "MatlabFunction",
    "MatlabObject",
    "MatlabOpaque",
    "MatlabOpaqueArray",
    "load_objects",
    "load_stored_objects",
]

_HEADER_KEYS = ("__header__", "__version__", "__globals__")


def load_objects(path: Path, names: list[str] | None = None) -> dict[str, Any]:
    """Load all variables of a MAT file, or those in ``names``, with MATLAB objects decoded.

    Raises
    ------
    MatReadError
        If mat-io cannot read it.
    """
    try:
        loaded = matio.load_from_mat(
            path,
            # the list is used up by the call
            variable_names=None if names is None else list(names),
            add_table_attrs=True,
            spmatrix=False,
        )
    except MatReadError as err:
        raise UnreadableError(str(err)) from err
    return {name: value for name, value in loaded.items() if name not in _HEADER_KEYS}


def load_stored_objects(file: h5py.File, names: list[str], byte_order: str) -> dict[str, Any]:
    """Load variables of an open v7.3 file, with MATLAB objects decoded.

    mat-io would open the file by itself and follow what leads out of it; it is handed the open one instead.

    Raises
    ------
    MatReadError
        If mat-io cannot read it.
    """
    try:
        subsystem = read_subsystem(file, byte_order, False, True)
        loaded: dict[str, Any] = MatRead7(file, subsystem).get_variables(list(names))
    except MatReadError as err:
        raise UnreadableError(str(err)) from err
    return {name: value for name, value in loaded.items() if name not in _HEADER_KEYS}
