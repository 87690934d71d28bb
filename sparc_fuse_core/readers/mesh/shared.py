"""What readers of meshes share: polygons as flat indices, checks of what a header announces, sentences.

Face i has the corners ``face_vertex[face_start[i]:face_start[i + 1]]``, as in Wavefront OBJ; none is cut into
triangles, none of the vertices is merged with another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError, TruncatedFileError
from sparc_fuse_core.privacy.texts import shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path
    from typing import IO

Array = np.ndarray[Any, np.dtype[Any]]

#: A line of text is no longer than this.
MAX_LINE_BYTES = 1_000_000
#: Of a name that a file gives an array.
_MOST_CHARACTERS = 100


def whole_file(path: Path, most_bytes: int) -> bytes:
    """Return what a file holds.

    Raises
    ------
    SizeLimitError
        If that is more than may be loaded whole.
    """
    if path.stat().st_size > most_bytes:
        message = f"{path.name}: more than {most_bytes >> 30} GiB, which is loaded whole; save it in parts"
        raise SizeLimitError(message)
    return path.read_bytes()


def text_lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file without their ends.

    Raises
    ------
    CorruptFileError
        If a line is longer than any program writes.
    """
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            message = f"{path.name}: a line of more than {MAX_LINE_BYTES} characters; it is damaged"
            raise CorruptFileError(message)
        yield line.strip()


def truncated(path: Path, what: str) -> TruncatedFileError:
    """Return the error of a file that ends before ``what`` it announces."""
    return TruncatedFileError(f"{path.name}: ends before {what}; upload it again")


def triangles(n: int) -> dict[str, Array]:
    """Return faces of three corners each, whose vertices follow one another in the file."""
    return {
        "face_start": np.arange(0, 3 * n + 1, 3, dtype=np.int64),
        "face_vertex": np.arange(3 * n, dtype=np.int64),
    }


def check_indices(path: Path, kind: str, indices: Array, n_vertices: int) -> None:
    """Refuse corners that name a vertex that is not there.

    Raises
    ------
    CorruptFileError
        If there is one.
    """
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= n_vertices):
        message = f"{path.name}: {kind} name a vertex that is not there ({n_vertices} are)"
        raise CorruptFileError(message)


#: Names that programs give elements and arrays: they tell nothing of a person.
_USUAL = frozenset(("vertex", "face", "edge", "tristrips", "material", "camera", "points", "cells"))


def told(name: str) -> str:
    """Return how a message tells the name of an element."""
    return name if name.lower() in _USUAL else shown(name)


def array_name(prefix: str, name: str, taken: Container[str]) -> str:
    """Return a name for an array that a file calls ``name``: one part of a path, of bounded length, unique."""
    plain = "".join(
        c if c.isprintable() and c not in "/\\" else "_" for c in name[:_MOST_CHARACTERS]
    )
    free, number = f"{prefix}_{plain}", 1
    while free in taken:
        number += 1
        free = f"{prefix}_{plain}_{number}"
    return free
