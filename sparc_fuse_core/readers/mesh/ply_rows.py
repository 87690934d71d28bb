"""The rows of PLY elements: text, or bytes of either order; lists of any length."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, TYPE_CHECKING

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import Array, text_lines, told, truncated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Property:
    """A value of each row, or a list of them where `of_count` is the type of its length."""

    name: str
    of_values: str
    of_count: str = ""


@dataclass(slots=True)
class Element:
    """A kind of rows, as announced."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Column:
    """Values of a property; those of row i are ``starts[i]`` to ``starts[i + 1]`` where they are lists."""

    values: Array
    starts: Array | None = None


def elements(
    path: Path, file: IO[bytes], announced: Sequence[Element], order: str
) -> Iterator[tuple[Element, dict[str, Column]]]:
    """Yield the columns of each element; ``file`` is at the first row, ``order`` is empty for text.

    Raises
    ------
    TruncatedFileError, CorruptFileError
        If rows are missing or damaged.
    """
    lines = (line for line in text_lines(path, file) if line) if not order else iter(())
    for element in announced:
        names = [p.name for p in element.properties]
        if len(set(names)) != len(names):
            message = f"{path.name}: two properties of {told(element.name)} have one name"
            raise CorruptFileError(message)
        if not order:
            columns = _text_rows(path, lines, element)
        elif any(p.of_count for p in element.properties):
            columns = _lists(path, file, element, order)
        else:
            columns = _records(path, file, element, order)
        yield element, columns


def _records(path: Path, file: IO[bytes], element: Element, order: str) -> dict[str, Column]:
    dtype = np.dtype([(f"f{i}", order + p.of_values) for i, p in enumerate(element.properties)])
    rows = _table(path, file, dtype, element)
    return {p.name: _column(rows[f"f{i}"]) for i, p in enumerate(element.properties)}


def _table(path: Path, file: IO[bytes], dtype: np.dtype, element: Element) -> Array:
    content = file.read(dtype.itemsize * element.count)
    if len(content) < dtype.itemsize * element.count:
        raise truncated(path, f"the {element.count} of {told(element.name)} that it announces")
    return np.frombuffer(content, dtype)


def _column(values: Array, starts: Array | None = None) -> Column:
    return Column(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("=")), starts)


def _lists(path: Path, file: IO[bytes], element: Element, order: str) -> dict[str, Column]:
    """Read rows with lists: at once where all are as long as those of the first row, else one by one."""
    begin = file.tell()
    lengths = _lengths(path, file, element, order) if element.count else []
    file.seek(begin)
    fields: list[tuple[str, str, int]] = []
    for i, (p, n) in enumerate(zip(element.properties, lengths, strict=False)):
        if p.of_count:
            fields.append((f"n{i}", order + p.of_count, 1))
        fields.append((f"f{i}", order + p.of_values, n if p.of_count else 1))
    dtype = np.dtype([(name, kind, (n,)) for name, kind, n in fields])
    left = path.stat().st_size - begin
    if element.count and dtype.itemsize * element.count <= left:
        rows = _table(path, file, dtype, element)
        if all(
            (rows[f"n{i}"] == n).all()
            for i, (p, n) in enumerate(zip(element.properties, lengths, strict=True))
            if p.of_count
        ):
            return {
                p.name: _column(
                    rows[f"f{i}"].reshape(-1),
                    np.arange(element.count + 1, dtype=np.int64) * n if p.of_count else None,
                )
                for i, (p, n) in enumerate(zip(element.properties, lengths, strict=True))
            }
        file.seek(begin)
    return _one_by_one(path, file, element, order)


def _lengths(path: Path, file: IO[bytes], element: Element, order: str) -> list[int]:
    """Return how many values each property has in the next row; the file is then behind it."""
    found = []
    for p in element.properties:
        n = 1
        if p.of_count:
            (n,) = np.frombuffer(
                _bytes(path, file, order + p.of_count, 1, element), order + p.of_count
            )
        if int(n) < 0:
            message = f"{path.name}: a list of {int(n)} values in {told(element.name)}"
            raise CorruptFileError(message)
        _bytes(path, file, order + p.of_values, int(n), element)
        found.append(int(n))
    return found


def _bytes(path: Path, file: IO[bytes], kind: str, n: int, element: Element) -> bytes:
    n_bytes = np.dtype(kind).itemsize * n
    # a damaged length is not allocated
    content = file.read(n_bytes) if n_bytes <= path.stat().st_size else b""
    if len(content) < n_bytes:
        raise truncated(path, f"the {element.count} of {told(element.name)} that it announces")
    return content


def _one_by_one(path: Path, file: IO[bytes], element: Element, order: str) -> dict[str, Column]:
    content = file.read()
    at = 0
    pieces: list[list[bytes]] = [[] for _ in element.properties]
    starts: list[array[int]] = [array("q", [0]) for _ in element.properties]
    counts = [
        struct.Struct(order + np.dtype(p.of_count).char) if p.of_count else None
        for p in element.properties
    ]
    sizes = [np.dtype(p.of_values).itemsize for p in element.properties]
    rank = range(len(element.properties))
    try:
        for _ in range(element.count):
            for i in rank:
                reader = counts[i]
                n = 1
                if reader is not None:
                    (n,) = reader.unpack_from(content, at)
                    at += reader.size
                stop = at + n * sizes[i]
                if n < 0 or stop > len(content):
                    raise truncated(path, f"a list of {n} values in {told(element.name)}")
                pieces[i].append(content[at:stop])
                starts[i].append(starts[i][-1] + n)
                at = stop
    except struct.error as err:
        what = f"the {element.count} of {told(element.name)} that it announces"
        raise truncated(path, what) from err
    file.seek(at - len(content), 2)
    return {
        p.name: _column(
            np.frombuffer(b"".join(pieces[i]), order + p.of_values),
            np.frombuffer(starts[i], np.int64) if p.of_count else None,
        )
        for i, p in enumerate(element.properties)
    }


def _text_rows(path: Path, lines: Iterator[bytes], element: Element) -> dict[str, Column]:
    if any(p.of_count for p in element.properties):
        return _text_lists(path, lines, element)
    width = len(element.properties)
    blocks: list[Array] = []
    left = element.count
    while left:
        rows = list(islice(lines, min(left, _ROWS_AT_ONCE)))
        if not rows:
            raise truncated(path, f"the {element.count} of {told(element.name)} that it announces")
        words = [row.split() for row in rows]
        for row, parts in zip(rows, words, strict=True):
            if len(parts) != width:
                raise _damaged(path, element, row, f"{len(parts)} numbers instead of {width}")
        try:
            blocks.append(np.array(words, dtype="S").astype(np.float64).reshape(-1, width))
        except ValueError as err:
            raise _damaged(path, element, rows[0], "a row behind it holds no numbers") from err
        left -= len(rows)
    table = np.concatenate(blocks) if blocks else np.empty((0, width))
    return {
        p.name: Column(_as_written(path, element, p, table[:, i].copy()))
        for i, p in enumerate(element.properties)
    }


def _damaged(path: Path, element: Element, row: bytes, why: str) -> CorruptFileError:
    text = shown(row.decode("utf-8", "replace"))
    message = f"{path.name}: a row of {told(element.name)} ({text}) is damaged: {why}"
    return CorruptFileError(message)


def _as_written(path: Path, element: Element, p: Property, values: Array) -> Array:
    """Return whole numbers in their type, others as they are."""
    dtype = np.dtype(p.of_values)
    if dtype.kind == "f":
        return values
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        fits = (values == np.floor(values)) & (values >= limits.min) & (values <= limits.max)
    if not fits.all():
        message = f"{path.name}: {told(element.name)} {shown(p.name)} holds what is no {dtype}"
        raise CorruptFileError(message)
    return values.astype(dtype)


def _text_lists(path: Path, lines: Iterator[bytes], element: Element) -> dict[str, Column]:
    values: list[array[float]] = [array("d") for _ in element.properties]
    starts: list[array[int]] = [array("q", [0]) for _ in element.properties]
    n_rows = 0
    for row in islice(lines, element.count):
        words = row.split()
        at = 0
        try:
            for i, p in enumerate(element.properties):
                n = 1
                if p.of_count:
                    n, at = int(words[at]), at + 1
                values[i].extend(float(word) for word in words[at : at + max(n, 0)])
                starts[i].append(len(values[i]))
                # a negative length ends before the row's end
                at += n if n >= 0 else len(words) + 1
        except (ValueError, LookupError) as err:
            raise _damaged(path, element, row, "not the numbers that are announced") from err
        if at != len(words):
            raise _damaged(path, element, row, "fewer or more numbers than are announced")
        n_rows += 1
    if n_rows < element.count:
        raise truncated(path, f"the {element.count} of {told(element.name)} that it announces")
    found = {}
    for i, p in enumerate(element.properties):
        numbers = np.frombuffer(values[i], np.float64) if values[i] else np.empty(0)
        of_rows = np.frombuffer(starts[i], np.int64) if p.of_count else None
        found[p.name] = Column(_as_written(path, element, p, numbers), of_rows)
    return found
