"""STL: triangles with a normal each, binary or as text; vertices as stored, none merged.

A binary file may begin with "solid" as a text does: its length tells. The format states no unit.

Source: 3D Systems, "StereoLithography Interface Specification" (1988); two bytes behind each triangle, which it
leaves unused, hold colours in ways of several programs: they are kept as they are.
"""

from __future__ import annotations

import math
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, FormatMismatchError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import Array, text_lines, triangles, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_HEADER_BYTES = 80
_COUNT_BYTES = 4
_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_MOST_SOLIDS = 100_000
_NO_UNIT = Evidence("scale", "file", "STL states no unit of length")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an STL file; see `sparc_fuse_core.readers.Reader`."""
    del options
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES + _COUNT_BYTES)
    n = int.from_bytes(head[_HEADER_BYTES:], "little")
    is_whole = len(head) == _HEADER_BYTES + _COUNT_BYTES
    is_binary = is_whole and n_bytes == len(head) + n * _TRIANGLE.itemsize
    is_text = head.lstrip()[:5].lower() == b"solid" and not is_binary
    yield _text(path) if is_text else _binary(path, head, n, n_bytes)


def _binary(path: Path, head: bytes, n: int, n_bytes: int) -> Contents:
    if len(head) < _HEADER_BYTES + _COUNT_BYTES:
        message = f"{path.name}: neither a binary STL nor one of text; upload it again"
        raise FormatMismatchError(message)
    if not n:
        message = f"{path.name}: no triangle in it"
        raise EmptyFileError(message)
    announced = len(head) + n * _TRIANGLE.itemsize
    if n_bytes < announced:
        raise truncated(path, f"the {n} triangles that it announces")
    stored = np.fromfile(path, _TRIANGLE, n, offset=len(head))
    arrays = {
        "vertices": stored["corners"].reshape(-1, 3).copy(),
        "face_normals": stored["normal"].copy(),
    }
    if stored["attribute"].any():
        arrays["face_attribute"] = stored["attribute"].copy()
    if not np.isfinite(arrays["vertices"]).all():
        message = f"{path.name}: holds coordinates that are no numbers; it is damaged, or no STL"
        raise CorruptFileError(message)
    evidence = [_NO_UNIT]
    if n_bytes > announced:
        sentence = f"{n_bytes - announced} bytes behind the triangles are left out"
        evidence.append(Evidence("content", "missing", sentence))
    text = head[:_HEADER_BYTES].split(b"\0")[0].decode("ascii", "replace").strip()
    return _contents(arrays, {"header": text} if text.isprintable() and text else {}, evidence)


def _text(path: Path) -> Contents:
    """Read facets; each line is a statement of its own, as all programs write them."""
    corners: array[float] = array("d")
    normals: array[float] = array("d")
    groups: array[int] = array("q")
    names: list[str] = []
    with path.open("rb") as file:
        number, ended = 0, False
        for number, line in enumerate(text_lines(path, file), 1):
            words = line.split()
            ended = words[0].lower() == b"endsolid" if words else ended
            try:
                _add(words, corners, normals, names)
            except (ValueError, IndexError, OverflowError) as err:
                told = shown(line.decode("utf-8", "replace"))
                message = f"{path.name}: line {number} ({told}) is damaged: {err}"
                raise CorruptFileError(message) from err
            if words and words[0].lower() == b"endfacet":
                if len(corners) != 3 * len(normals):
                    message = f"{path.name}: line {number}: a facet that is no triangle"
                    raise CorruptFileError(message)
                groups.append(len(names) - 1)
        if not ended or len(corners) != 9 * len(groups) or len(normals) != 3 * len(groups):
            raise truncated(path, f"the end of its last solid (line {number})")
    if not groups:
        message = f"{path.name}: no triangle in it"
        raise EmptyFileError(message)
    arrays: dict[str, Array] = {
        "vertices": np.frombuffer(corners, np.float64).reshape(-1, 3),
        "face_normals": np.frombuffer(normals, np.float64).reshape(-1, 3),
    }
    if len(names) > 1:
        arrays["face_group"] = np.frombuffer(groups, np.int64)
    solids = [{"solid": name} for name in names]
    return _contents(arrays, {"groups": solids} if any(names) else {}, [_NO_UNIT])


def _add(
    words: Sequence[bytes], corners: array[float], normals: array[float], names: list[str]
) -> None:
    if not words:
        return
    key = words[0].lower()
    if key == b"vertex":
        corners.extend(_numbers(words[1:]))
    elif key == b"facet":
        if len(words) < 2 or words[1].lower() != b"normal":
            message = "a facet without a normal"
            raise ValueError(message)
        normals.extend(_numbers(words[2:]))
    elif key == b"solid":
        if len(names) >= _MOST_SOLIDS:
            message = f"more than {_MOST_SOLIDS} solids"
            raise ValueError(message)
        names.append(b" ".join(words[1:]).decode("utf-8", "replace"))
    elif key not in (b"outer", b"endloop", b"endfacet", b"endsolid", b"color"):
        message = "unknown statement"
        raise ValueError(message)


def _numbers(words: Sequence[bytes]) -> list[float]:
    numbers = [float(word) for word in words]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        message = "expected 3 finite numbers"
        raise ValueError(message)
    return numbers


def _contents(
    arrays: dict[str, Array], metadata: dict[str, Any], evidence: list[Evidence]
) -> Contents:
    arrays |= triangles(len(arrays["face_normals"]))
    shape = Shapes("mesh", "mesh", arrays, metadata=metadata)
    return Contents(shapes=(shape,), evidence=tuple(evidence))
