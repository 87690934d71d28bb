"""OFF (Object File Format): vertices with normals, colours and texture coordinates, faces of any size.

Source: Geomview manual, "OFF files". The format states no unit.
"""

from __future__ import annotations

import math
import re
from array import array
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import Array, check_indices, text_lines, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KEYWORD = re.compile(rb"(ST)?(C)?(N)?(4)?(n)?OFF(?:\s+(BINARY))?(?=\s|$)")
_MOST_COLOURS = 4


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an OFF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        lines = _statements(path, file)
        first = next(lines, (0, b""))[1]
        keyword = _KEYWORD.match(first)
        if keyword is None:
            message = f"{path.name}: does not begin with OFF as this format does"
            raise FormatMismatchError(message)
        has_texture, has_color, has_normal, *further = keyword.groups()
        if any(further):
            message = (
                f"{path.name}: {keyword[0].decode()} (binary, or not in 3 dimensions) is not read"
            )
            raise UnsupportedFeatureError(f"{message}; save it as OFF text")
        counts = first[keyword.end() :].split() or next(lines, (0, b""))[1].split()
        n_vertices, n_faces = _counts(path, counts)
        arrays = _vertices(
            path, lines, n_vertices, bool(has_normal), bool(has_color), bool(has_texture)
        )
        arrays |= _faces(path, lines, n_faces, n_vertices)
    shape = Shapes("mesh", "mesh", arrays)
    evidence = (Evidence("scale", "file", "OFF states no unit of length"),)
    yield Contents(shapes=(shape,), evidence=evidence)


def _statements(path: Path, file: Any) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of lines that are not blank, comments dropped."""
    for number, line in enumerate(text_lines(path, file), 1):
        content = line.split(b"#", 1)[0].strip()
        if content:
            yield number, content


def _counts(path: Path, words: list[bytes]) -> tuple[int, int]:
    """Return how many vertices and faces are announced; each takes a line of its own."""
    try:
        n_vertices, n_faces = int(words[0]), int(words[1])
    except (ValueError, IndexError) as err:
        message = f"{path.name}: its numbers of vertices and faces are damaged; upload it again"
        raise CorruptFileError(message) from err
    if n_vertices <= 0:
        message = f"{path.name}: no vertex in it"
        raise EmptyFileError(message)
    if n_faces < 0 or 6 * n_vertices + 2 * n_faces > path.stat().st_size:
        raise truncated(path, f"the {n_vertices} vertices and {n_faces} faces that it announces")
    return n_vertices, n_faces


def _damaged(path: Path, number: int, line: bytes, why: object) -> CorruptFileError:
    told = shown(line.decode("utf-8", "replace"))
    return CorruptFileError(f"{path.name}: line {number} ({told}) is damaged: {why}")


def _vertices(
    path: Path,
    lines: Iterator[tuple[int, bytes]],
    n: int,
    has_normal: bool,
    has_color: bool,
    has_texture: bool,
) -> dict[str, Array]:
    values: array[float] = array("d")
    width = 0
    fewest = 3 + 3 * has_normal + 3 * has_color + 2 * has_texture
    for number, line in islice(lines, n):
        try:
            numbers = [float(word) for word in line.split()]
        except ValueError as err:
            raise _damaged(path, number, line, "expected numbers") from err
        width = width or len(numbers)
        if len(numbers) != width or not fewest <= width <= fewest + (1 if has_color else 0):
            raise _damaged(path, number, line, f"{len(numbers)} numbers of a vertex")
        if not all(map(math.isfinite, numbers)):
            raise _damaged(path, number, line, "a number that is not finite")
        values.extend(numbers)
    if not width or len(values) != n * width:
        raise truncated(path, f"the {n} vertices that it announces")
    table = np.frombuffer(values, np.float64).reshape(n, width)
    arrays = {"vertices": np.ascontiguousarray(table[:, :3])}
    at = 3
    if has_normal:
        arrays["vertex_normals"] = np.ascontiguousarray(table[:, at : at + 3])
        at += 3
    if has_color:
        stop = width - 2 * has_texture
        arrays["vertex_colors"] = np.ascontiguousarray(table[:, at:stop])
        at = stop
    if has_texture:
        arrays["vertex_texture"] = np.ascontiguousarray(table[:, at:])
    return arrays


def _faces(
    path: Path, lines: Iterator[tuple[int, bytes]], n: int, n_vertices: int
) -> dict[str, Array]:
    corners: array[int] = array("q")
    starts: array[int] = array("q", [0])
    colors: array[float] = array("d")
    color_widths: list[int] = []
    for number, line in islice(lines, n):
        words = line.split()
        try:
            n_corners = int(words[0])
            corners.extend(int(word) for word in words[1 : n_corners + 1])
            color = [float(word) for word in words[n_corners + 1 :]]
        except (ValueError, OverflowError) as err:
            raise _damaged(path, number, line, "expected whole numbers of corners") from err
        if not 0 < n_corners < len(words):
            raise _damaged(path, number, line, f"{n_corners} corners, {len(words) - 1} numbers")
        if len(color) > _MOST_COLOURS:
            raise _damaged(path, number, line, f"{len(color)} numbers of a colour")
        starts.append(len(corners))
        color_widths.append(len(color))
        colors.extend(color)
    if len(color_widths) != n:
        raise truncated(path, f"the {n} faces that it announces")
    if not n:
        return {}
    indices = np.frombuffer(corners, np.int64) if corners else np.empty(0, np.int64)
    check_indices(path, "faces", indices, n_vertices)
    arrays: dict[str, Array] = {
        "face_start": np.frombuffer(starts, np.int64),
        "face_vertex": indices,
    }
    if colors:
        widths = np.array(color_widths)
        table = np.full((n, int(widths.max())), np.nan)
        table[np.arange(table.shape[1]) < widths[:, None]] = np.frombuffer(colors, np.float64)
        # one number is an index of a table of colours that the file does not hold
        arrays["face_colors"] = table
    return arrays
