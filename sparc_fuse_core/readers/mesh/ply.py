"""PLY: elements with named properties, as text or in bytes of either order; all of them are kept.

Of an element ``vertex`` the properties x, y, z are `vertices`, nx, ny, nz `vertex_normals`, red, green, blue
(alpha) `vertex_colors`; of ``face`` the list of vertices is `face_start` and `face_vertex`. All others keep
their names behind that of their element. Numbers of a text are kept as they are written, not in the narrower
type that its header names. The format states no unit.

Source: G. Turk, "The PLY Polygon File Format" (1994).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.ply_rows import Column, Element, Property, elements
from sparc_fuse_core.readers.mesh.shared import Array, array_name, check_indices, told, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_MOST_LINES = 10_000
_MOST_LINE_BYTES = 10_000
_MOST_PROPERTIES = 1_000
#: Properties of a vertex that are one array, and its name.
_TOGETHER = (
    (("x", "y", "z"), "vertices"),
    (("nx", "ny", "nz"), "vertex_normals"),
    (("red", "green", "blue", "alpha"), "vertex_colors"),
    (("red", "green", "blue"), "vertex_colors"),
)
_CORNERS = ("vertex_indices", "vertex_index")


@dataclass(slots=True)
class _Header:
    """What is announced."""

    order: str = ""
    elements: list[Element] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    n_textures: int = 0


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a PLY file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        header = _header(path, file)
        _check_counts(path, header, file.tell())
        arrays: dict[str, Array] = {}
        for element, columns in elements(path, file, header.elements, header.order):
            for name, values in _named(element, columns, arrays):
                if name in arrays:
                    message = f"{path.name}: two elements are called {told(element.name)}"
                    raise CorruptFileError(message)
                arrays[name] = values
    n_vertices = len(arrays["vertices"]) if "vertices" in arrays else 0
    if not n_vertices:
        message = f"{path.name}: no vertex in it"
        raise EmptyFileError(message)
    if "face_vertex" in arrays:
        check_indices(path, "faces", arrays["face_vertex"], n_vertices)
    evidence = [Evidence("scale", "file", "PLY states no unit of length")]
    if header.n_textures:
        # their names are paths of the machine that exported the mesh
        sentence = f"{header.n_textures} pictures of textures are named, not read"
        evidence.append(Evidence("content", "missing", sentence))
    metadata = {"comments": header.comments} if header.comments else {}
    yield Contents(
        shapes=(Shapes("mesh", "mesh", arrays, metadata=metadata),), evidence=tuple(evidence)
    )


def _header(path: Path, file: IO[bytes]) -> _Header:
    if file.readline(_MOST_LINE_BYTES).strip() != b"ply":
        message = f"{path.name}: does not begin with ply as this format does"
        raise FormatMismatchError(message)
    header = _Header()
    for number in range(2, _MOST_LINES):
        line = file.readline(_MOST_LINE_BYTES)
        words = line.decode("utf-8", "replace").split()
        if not line:
            raise truncated(path, "the end of its header")
        if words == ["end_header"]:
            if not header.order and not header.elements:
                break
            return header
        try:
            _add(header, words)
        except (ValueError, LookupError) as err:
            text = shown(" ".join(words))
            message = f"{path.name}: line {number} of the header ({text}) is damaged: {err}"
            raise CorruptFileError(message) from err
    message = f"{path.name}: its header has no end, or states nothing; upload it again"
    raise CorruptFileError(message)


def _add(header: _Header, words: Sequence[str]) -> None:
    key, rest = (words[0], words[1:]) if words else ("", ())
    if key in ("comment", "obj_info"):
        if rest and rest[0].lower() == "texturefile":
            header.n_textures += 1
        elif rest:
            header.comments.append(" ".join(rest))
    elif key == "format":
        header.order = _ORDERS[rest[0]]
    elif key == "element":
        name, count = rest
        header.elements.append(Element(name, int(count)))
    elif key == "property":
        properties = header.elements[-1].properties
        if len(properties) >= _MOST_PROPERTIES:
            message = f"more than {_MOST_PROPERTIES} properties"
            raise ValueError(message)
        if rest[0] == "list":
            _, of_count, of_values, name = rest
            properties.append(Property(name, _TYPES[of_values], _TYPES[of_count]))
        else:
            of_values, name = rest
            properties.append(Property(name, _TYPES[of_values]))
    elif key:
        message = "unknown statement"
        raise ValueError(message)


def _check_counts(path: Path, header: _Header, n_header_bytes: int) -> None:
    """Refuse what cannot be in the file, before it is looped over."""
    least = 0
    for element in header.elements:
        if element.count < 0 or (element.count and not element.properties):
            message = (
                f"{path.name}: {element.count} elements {told(element.name)} without properties"
            )
            raise CorruptFileError(message)
        if any(p.of_count[:1] == "f" for p in element.properties):
            message = f"{path.name}: lists of {told(element.name)} whose length is no whole number"
            raise UnsupportedFeatureError(f"{message}; save it again")
        of_row = sum(
            np.dtype(p.of_count or p.of_values).itemsize if header.order else 2
            for p in element.properties
        )
        # the last line of a text may lack its end
        least += element.count * of_row - (not header.order and element.count > 0)
    if least > path.stat().st_size - n_header_bytes:
        counts = ", ".join(f"{e.count} of {told(e.name)}" for e in header.elements[:10])
        raise truncated(path, f"the elements that it announces ({counts})")


def _named(
    element: Element, columns: Mapping[str, Column], taken: Mapping[str, Array]
) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of an element."""
    left = dict(columns)
    if element.name == "vertex":
        for names, together in _TOGETHER:
            parts = [left[name].values for name in names if name in left]
            if len(parts) == len(names) and all(left[name].starts is None for name in names):
                if len({part.dtype for part in parts}) > 1:
                    continue
                yield together, np.stack(parts, axis=-1)
                for name in names:
                    del left[name]
    for name, column in left.items():
        if element.name == "face" and name in _CORNERS and column.starts is not None:
            yield "face_start", column.starts
            yield "face_vertex", column.values.astype(np.int64)
            continue
        plain = array_name(array_name("", element.name, ())[1:], name, taken)
        if column.starts is not None:
            yield f"{plain}_start", column.starts
        yield plain, column.values
