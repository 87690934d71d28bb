"""Wavefront OBJ meshes: vertices, faces, lines, points, normals, texture coordinates, groups.

Indices come back from 0. Faces keep their corners, however many: none is cut into triangles. The format
states no unit. Material files are named, not read.
"""

from __future__ import annotations

import math
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, FormatMismatchError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Free-form curves and surfaces: known, not read.
_FREE_FORM = frozenset(
    "cstype deg bmat step curv curv2 surf parm trim hole scrv sp end con vp bevel c_interp d_interp "  # noqa: SIM905
    "lod shadow_obj trace_obj ctech stech mg".split()
)


@dataclass(slots=True)
class _Polygons:
    """Faces, lines or points: flat indices of their corners, and where each begins."""

    vertices: array[int] = field(default_factory=lambda: array("q"))
    textures: array[int] = field(default_factory=lambda: array("q"))
    normals: array[int] = field(default_factory=lambda: array("q"))
    starts: array[int] = field(default_factory=lambda: array("q", [0]))
    groups: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class _Mesh:
    """What was read so far."""

    vertices: array[float] = field(default_factory=lambda: array("d"))
    colors: array[float] = field(default_factory=lambda: array("d"))
    textures: array[float] = field(default_factory=lambda: array("d"))
    normals: array[float] = field(default_factory=lambda: array("d"))
    faces: _Polygons = field(default_factory=_Polygons)
    lines: _Polygons = field(default_factory=_Polygons)
    points: _Polygons = field(default_factory=_Polygons)
    #: (object, group, material) of the faces that follow, numbered
    groups: dict[tuple[str, str, str], int] = field(default_factory=dict)
    current: tuple[str, str, str] = ("", "", "")
    libraries: list[str] = field(default_factory=list)
    free_form: int = 0


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an OBJ file; see `sparc_fuse_core.readers.Reader`."""
    del options
    mesh = _Mesh()
    for number, words in _lines(path):
        try:
            _add(mesh, words)
        except (ValueError, IndexError, OverflowError) as err:
            message = f"{path.name}: line {number} ({shown(' '.join(words))}) is damaged"
            raise CorruptFileError(message) from err
    yield _contents(path, mesh)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line numbers and words; continued lines are joined, comments dropped."""
    with path.open("rb") as file:
        if b"\0" in file.read(4096):
            message = f"{path.name}: binary, not a Wavefront OBJ (is it a compiler's object file?)"
            raise FormatMismatchError(message)
    pending = ""
    with path.open(encoding="utf-8", errors="replace") as text:
        for number, line in enumerate(text, 1):
            content = pending + line.split("#", 1)[0].rstrip()
            if content.endswith("\\"):
                pending = content[:-1] + " "
                continue
            pending = ""
            words = content.split()
            if words:
                yield number, words


def _add(mesh: _Mesh, words: Sequence[str]) -> None:
    key, values = words[0], words[1:]
    if key in _ADDERS:
        _ADDERS[key](mesh, values)
    elif key in _FREE_FORM:
        mesh.free_form += 1
    elif key != "s":  # smoothing groups only shade
        message = f"unknown statement {key!r}"
        raise ValueError(message)


def _add_vertex(mesh: _Mesh, values: Sequence[str]) -> None:
    numbers = _numbers(values, (3, 4, 6, 7))
    # a fourth value is the weight of free-form curves; six hold a colour
    mesh.vertices.extend(numbers[:3])
    if len(numbers) >= 6:
        before = len(mesh.vertices) // 3 - 1
        mesh.colors.extend([math.nan] * (3 * before - len(mesh.colors)))
        mesh.colors.extend(numbers[-3:])


def _add_texture(mesh: _Mesh, values: Sequence[str]) -> None:
    mesh.textures.extend((*_numbers(values, (1, 2, 3)), 0.0, 0.0)[:3])


def _add_normal(mesh: _Mesh, values: Sequence[str]) -> None:
    mesh.normals.extend(_numbers(values, (3,)))


def _numbers(values: Sequence[str], counts: tuple[int, ...]) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) not in counts or not all(math.isfinite(number) for number in numbers):
        message = f"expected {' or '.join(map(str, counts))} finite numbers"
        raise ValueError(message)
    return numbers


def _adder(kind: str, fewest: int) -> Callable[[_Mesh, Sequence[str]], None]:
    def add(mesh: _Mesh, corners: Sequence[str]) -> None:
        polygons: _Polygons = getattr(mesh, kind)
        if len(corners) < fewest:
            message = f"{len(corners)} corners"
            raise ValueError(message)
        for corner in corners:
            parts = [*corner.split("/"), "", ""]
            polygons.vertices.append(_index(parts[0], len(mesh.vertices) // 3))
            polygons.textures.append(_index(parts[1], len(mesh.textures) // 3) if parts[1] else -1)
            polygons.normals.append(_index(parts[2], len(mesh.normals) // 3) if parts[2] else -1)
        polygons.starts.append(len(polygons.vertices))
        polygons.groups.append(mesh.groups.setdefault(mesh.current, len(mesh.groups)))

    return add


def _index(text: str, n_known: int) -> int:
    """Return an index from 0; negative ones count back from the latest."""
    number = int(text)
    if number == 0:
        message = "index 0: indices begin at 1"
        raise ValueError(message)
    return number - 1 if number > 0 else n_known + number


def _set(position: int) -> Callable[[_Mesh, Sequence[str]], None]:
    def assign(mesh: _Mesh, values: Sequence[str]) -> None:
        parts = list(mesh.current)
        parts[position] = " ".join(values)
        mesh.current = (parts[0], parts[1], parts[2])

    return assign


_ADDERS: dict[str, Callable[[_Mesh, Sequence[str]], None]] = {
    "v": _add_vertex,
    "vt": _add_texture,
    "vn": _add_normal,
    "f": _adder("faces", 3),
    "fo": _adder("faces", 3),
    "l": _adder("lines", 2),
    "p": _adder("points", 1),
    "o": _set(0),
    "g": _set(1),
    "usemtl": _set(2),
    "mtllib": lambda mesh, values: mesh.libraries.append(" ".join(values)),
}


def _contents(path: Path, mesh: _Mesh) -> Contents:
    vertices = np.frombuffer(mesh.vertices, np.float64).reshape(-1, 3)
    if not len(vertices):
        message = f"{path.name}: no vertex in it"
        raise EmptyFileError(message)
    arrays: dict[str, np.ndarray[Any, Any]] = {"vertices": vertices}
    if mesh.colors:
        missing = [math.nan] * (len(mesh.vertices) - len(mesh.colors))
        colors = np.array([*mesh.colors, *missing], np.float64)
        arrays["vertex_colors"] = colors.reshape(-1, 3)
    for name in ("textures", "normals"):
        values = np.frombuffer(getattr(mesh, name), np.float64).reshape(-1, 3)
        if len(values):
            arrays["texture_coordinates" if name == "textures" else "normals"] = values
    lengths = {
        "vertex": len(vertices),
        "texture": len(mesh.textures) // 3,
        "normal": len(mesh.normals) // 3,
    }
    for kind in ("faces", "lines", "points"):
        arrays |= _polygons(path, kind, getattr(mesh, kind), lengths)
    evidence = []
    if mesh.free_form:
        sentence = f"{mesh.free_form} statements of free-form curves or surfaces are left out"
        evidence.append(Evidence("content", "missing", sentence))
    if mesh.libraries:
        # their names are paths of the machine that exported the mesh
        sentence = f"{len(mesh.libraries)} libraries of materials are named, not read"
        evidence.append(Evidence("content", "missing", sentence))
    groups = [{"object": o, "group": g, "material": m} for o, g, m in mesh.groups]
    metadata = {"groups": groups, "material_libraries": mesh.libraries}
    return Contents(
        shapes=(Shapes("mesh", "mesh", arrays, metadata=metadata),), evidence=tuple(evidence)
    )


def _polygons(
    path: Path, kind: str, polygons: _Polygons, lengths: Mapping[str, int]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return ``face_vertex``, ``face_start`` …: face i has corners start[i] to start[i + 1]."""
    if len(polygons.starts) == 1:
        return {}
    one = kind.removesuffix("s")
    found = {
        f"{one}_start": np.frombuffer(polygons.starts, np.int64),
        f"{one}_group": np.frombuffer(polygons.groups, np.int64),
    }
    for what in ("vertex", "texture", "normal"):
        source = polygons.vertices if what == "vertex" else getattr(polygons, f"{what}s")
        indices = np.frombuffer(source, np.int64)
        if what != "vertex" and (indices == -1).all():
            continue
        lowest = 0 if what == "vertex" else -1
        if indices.min() < lowest or indices.max() >= lengths[what]:
            message = f"{path.name}: {kind} name a {what} that is not there ({lengths[what]} are)"
            raise CorruptFileError(message)
        found[f"{one}_{what}"] = indices
    return found
