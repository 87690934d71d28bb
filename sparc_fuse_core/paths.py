"""Paths that come from a dataset, checked before they name anything on this machine; and a user's own."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from sparc_fuse_core.errors import UnsafePathError

#: Longest file name that common file systems take, in bytes of UTF-8.
MAX_PART_BYTES = 255


def expanded(text: str | Path) -> Path:
    """Return a path of the user's with ``~`` followed, as far as there is such a home."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where there is none


def safe_relative(path: str) -> PurePosixPath:
    """Return ``path`` if it stays below the folder it is joined to.

    Raises
    ------
    UnsafePathError
        If it is empty, absolute, climbs with ``..``, names a drive, holds a NUL, is no UTF-8, or has a
        part that no file system takes.
    """
    shown = ascii(path[:200])
    if not path or path.startswith(("/", "\\")) or "\x00" in path:
        message = f"{shown}: an empty or absolute path, or one with a NUL; rename the file"
        raise UnsafePathError(message)
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        message = f"{shown}: a path with an empty part, '.' or '..'; rename the file"
        raise UnsafePathError(message)
    if any(
        "\\" in part or (len(part) > 1 and part[1] == ":" and i == 0)
        for i, part in enumerate(parts)
    ):
        message = f"{shown}: a path with a backslash or a drive; rename the file"
        raise UnsafePathError(message)
    try:
        sizes = [len(part.encode("utf-8")) for part in parts]
    except UnicodeEncodeError:
        message = f"{shown}: a name that is no UTF-8; rename the file"
        raise UnsafePathError(message) from None
    if max(sizes) > MAX_PART_BYTES:
        message = f"{shown}: a part longer than {MAX_PART_BYTES} bytes; shorten the name"
        raise UnsafePathError(message)
    return PurePosixPath(path)
