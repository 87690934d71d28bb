"""MAT files of version 4 to 7: plain arrays by `mat5_arrays`, the rest by scipy; mat-io for MATLAB's objects.

Where objects are inside is told by the header, which then points to a subsystem, or by scipy's listing.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, NothingToConvertError, SizeLimitError
from sparc_fuse_core.readers.mat.v5_arrays import PlainArray, plain_arrays
from sparc_fuse_core.readers.mat.v5_scan import check_layout
from sparc_fuse_core.readers.shared.tree import MAX_CELLS, Node

if TYPE_CHECKING:
    from pathlib import Path

#: What scipy and `mat_objects` raise on bytes that are no MAT file, or not a whole one.
READ_ERRORS = (
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
#: Smaller variables of a file that needs scipy anyway are left to it.
_LARGE_BYTES = 1_000_000


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
    NothingToConvertError
        If there is no variable.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            variables = _read(path, head, max_cells)
    except SizeLimitError:
        raise
    except READ_ERRORS as err:
        message = (
            f"{path.name}: not a readable MAT file ({type(err).__name__}: {err}); "
            "save it again, or upload the original again"
        )
        raise CorruptFileError(message) from err
    if not variables:
        message = f"{path.name}: the MAT file holds no variable"
        raise NothingToConvertError(message)
    return variables, sorted({str(warning.message) for warning in caught if is_told(warning)})


def _read(path: Path, head: bytes, max_cells: int) -> dict[str, Node]:
    plain: list[PlainArray | None] = []
    if version_of(head) == "5":
        check_layout(path)
        if not _has_objects(head):
            plain = plain_arrays(path)
    found = [array for array in plain if array is not None]
    names = [array.name for array in found]
    if plain and len(found) == len(plain) and len(set(names)) == len(names):
        # where it fails, scipy reads the file after all, or says what is wrong with it
        with suppress(RuntimeError, ValueError):
            return {array.name: array.read(path) for array in found}
    # half a second that files of plain arrays do without
    from sparc_fuse_core.readers.mat.v5_scipy import with_matio, with_scipy

    if _has_objects(head):
        return with_matio(path, max_cells)
    large = {
        array.name: partial(array.read, path)
        for array in found
        if array.size_bytes > _LARGE_BYTES and names.count(array.name) == 1
    }
    return with_scipy(path, max_cells, large)


def is_told(warning: warnings.WarningMessage) -> bool:
    """Whether a user needs to know a warning: how a time is displayed changes no value."""
    text = str(warning.message)
    about_display = "Ignoring 'fmt'" in text or "mat_to_duration: Unknown format" in text
    return not about_display and not issubclass(warning.category, DeprecationWarning)
