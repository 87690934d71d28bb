"""SWC tracings of neurons: points with a radius, a type and a parent each, as stored.

The format states no unit; its authors mean µm, which no file says. Points stay in the file's order; `parent` is
the index of a point's parent, -1 where it has none.

Source: R. C. Cannon et al., "An on-line archive of reconstructed hippocampal neurons" (1998), and the list of
types of neuromorpho.org.
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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_COLUMNS = 7
_MOST_COLUMNS = 64
_MOST_COMMENTS = 1000
_MOST_ID = 2**53


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an SWC file; see `sparc_fuse_core.readers.Reader`."""
    del options
    values, n_columns, comments = _table(path)
    table = np.frombuffer(values, np.float64).reshape(-1, n_columns)
    if not len(table):
        message = f"{path.name}: no point in it"
        raise EmptyFileError(message)
    ids, types, parents = (table[:, column].astype(np.int64) for column in (0, 1, 6))
    arrays = {
        "points": np.ascontiguousarray(table[:, 2:5]),
        "radius": np.ascontiguousarray(table[:, 5]),
        "type": types,
        "id": ids,
        "parent": _indices(path, ids, parents),
    }
    evidence = []
    if n_columns > _COLUMNS:
        arrays["further_columns"] = np.ascontiguousarray(table[:, _COLUMNS:])
        sentence = f"{n_columns - _COLUMNS} columns beyond those of SWC are kept as they are"
        evidence.append(Evidence("content", "file", sentence))
    evidence.append(
        Evidence("scale", "file", "SWC states no unit: lengths are µm by its authors' convention")
    )
    metadata = {"header": "\n".join(comments)} if comments else {}
    shape = Shapes("tracing", "tracing", arrays, metadata=metadata)
    yield Contents(shapes=(shape,), evidence=tuple(evidence))


def _table(path: Path) -> tuple[array[float], int, list[str]]:
    """Return the numbers of all lines, how many a line has, and the comments in front of them."""
    with path.open("rb") as file:
        if b"\0" in file.read(4096):
            message = f"{path.name}: binary, not an SWC tracing (is it a component of Flash?)"
            raise FormatMismatchError(message)
    values: array[float] = array("d")
    comments: list[str] = []
    n_columns = 0
    with path.open(encoding="utf-8-sig", errors="replace") as text:
        for number, line in enumerate(text, 1):
            content, _, comment = line.partition("#")
            words = content.replace(",", " ").split()
            if not words:
                if comment.strip() and not values and len(comments) < _MOST_COMMENTS:
                    comments.append(comment.strip())
                continue
            n_columns = n_columns or len(words)
            try:
                values.extend(_numbers(words, n_columns))
            except ValueError as err:
                message = f"{path.name}: line {number} ({shown(content.strip())}) is damaged: {err}"
                raise CorruptFileError(message) from err
    return values, n_columns or _COLUMNS, comments


def _numbers(words: Sequence[str], n_columns: int) -> list[float]:
    if not _COLUMNS <= len(words) <= _MOST_COLUMNS or len(words) != n_columns:
        message = f"{len(words)} columns where {max(n_columns, _COLUMNS)} are expected"
        raise ValueError(message)
    numbers = [float(word) for word in words]
    if not all(math.isfinite(number) for number in numbers):
        message = "a number that is not finite"
        raise ValueError(message)
    if any(not numbers[i].is_integer() or abs(numbers[i]) > _MOST_ID for i in (0, 1, 6)):
        message = "number, type and parent of a point are whole numbers"
        raise ValueError(message)
    return numbers


def _indices(path: Path, ids: np.ndarray[Any, Any], parents: np.ndarray[Any, Any]) -> Any:
    """Return the index of each point's parent, -1 of a root."""
    order = np.argsort(ids, kind="stable")
    ranked = ids[order]
    if (ranked[1:] == ranked[:-1]).any():
        twice = int(ranked[:-1][ranked[1:] == ranked[:-1]][0])
        message = f"{path.name}: two points have the number {twice}; upload the original again"
        raise CorruptFileError(message)
    roots = parents < 0
    # some programs number points from 1 and write 0 for "none"
    roots |= (parents == 0) & (0 not in ids)
    at = np.minimum(np.searchsorted(ranked, parents), len(ids) - 1)
    lost = (ranked[at] != parents) & ~roots
    if lost.any():
        missing = int(parents[lost][0])
        message = f"{path.name}: the parent {missing} of a point is not there; it is cut or edited"
        raise CorruptFileError(message)
    found = np.where(roots, -1, order[at])
    _check_no_circle(path, found)
    return found


def _check_no_circle(path: Path, parents: np.ndarray[Any, Any]) -> None:
    """Refuse points that are their own ancestors: jumps of doubled length end at a root, or never."""
    at = parents
    for _ in range(len(parents).bit_length() + 1):
        if (at < 0).all():
            return
        at = np.where(at < 0, -1, at[at])
    message = f"{path.name}: points are their own ancestors; the parents go in a circle"
    raise CorruptFileError(message)
