"""Files of numbers as other libraries read them: arrays and columns by name, whatever they mean.

Which column is a time and which array a signal is a question of meaning, that the first reader answers: `roles`
looks for the store's channels among what is found here.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.proof.faults import KnownFaultError
from sparc_fuse_core.proof.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sparc_fuse_core.proof.seen import Array

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MOST_TEXT_BYTES = 64 << 20
_MOST_ARRAYS = 20_000
_DEPTH = 40
_SEPARATORS = (",", "\t", ";", "|", None)
_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*")


def text(files: Sequence[Path]) -> Seen:
    """Read a table of numbers with pandas: the block of lines of as many fields at the end of the file."""
    lines = [line for line in _decoded(files[0]).splitlines() if line.strip()]
    tables = [_table(lines, separator) for separator in _SEPARATORS]
    found = max(
        tables, key=lambda table: sum(np.isfinite(column).sum() for column in table.values())
    )
    if found:
        return Seen(arrays=found, partial=True)
    message = "no lines of as many numbers each"
    raise ValueError(message)


def _decoded(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MOST_TEXT_BYTES + 1)
    if len(data) > _MOST_TEXT_BYTES:
        message = "too large a text"
        raise ValueError(message)
    for mark, name in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(name)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _table(lines: list[str], separator: str | None) -> dict[str, Array]:
    """Return columns of numbers by name, from the last lines that are data."""
    import pandas as pd

    rows = [[field.strip().strip('"') for field in line.split(separator)] for line in lines]
    first = len(rows)
    while first and _is_data(rows[first - 1], separator):
        first -= 1
    if len(rows) - first < 2:
        return {}
    n_fields = max(len(row) for row in rows[first:])
    if separator is not None and n_fields < 2:
        return {}
    head = rows[first - 1] if first else []
    found: dict[str, Array] = {}
    for n in range(n_fields):
        column = [row[n] if n < len(row) else "" for row in rows[first:]]
        if separator != "," and any(_COMMA.fullmatch(field) for field in column):
            column = [field.replace(",", ".") for field in column]
        numbers = pd.to_numeric(pd.Series(column).replace("", "nan"), errors="coerce")
        values = numbers.to_numpy(dtype=float)
        if not np.isnan(values).all():
            name = head[n] if n < len(head) else ""
            found[name if name and name not in found else f"column {n}"] = values
    return found


def _is_data(row: list[str], separator: str | None) -> bool:
    """Whether a row holds a number in some field, and no more words than numbers."""
    n_numbers = sum(_is_number(field, separator) for field in row)
    n_words = sum(bool(field) and not any(map(str.isdigit, field)) for field in row)
    return n_numbers > 0 and n_words <= n_numbers


def _is_number(field: str, separator: str | None) -> bool:
    if separator != "," and _COMMA.fullmatch(field):
        return True
    try:
        float(field)
    except ValueError:
        return False
    return True


def spreadsheet(files: Sequence[Path]) -> Seen:
    """Read the columns of numbers of all sheets with openpyxl."""
    import openpyxl

    book = openpyxl.load_workbook(files[0], read_only=True, data_only=True)
    found: dict[str, Array] = {}
    for sheet in book.worksheets:
        columns: dict[int, list[float]] = {}
        for row in sheet.iter_rows(values_only=True):
            for n, cell in enumerate(row):
                is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
                if is_number or n in columns:
                    columns.setdefault(n, []).append(float(cell) if is_number else np.nan)  # type: ignore[arg-type]
        for n, numbers in columns.items():
            values = np.array(numbers)
            last = np.flatnonzero(~np.isnan(values))[-1]
            found[f"{sheet.title}/{n}"] = values[: last + 1]
    book.close()
    return Seen(arrays=found, partial=True)


def json_file(files: Sequence[Path]) -> Seen:
    """Read the lists of numbers of a JSON file, by their paths."""
    if files[0].stat().st_size > _MOST_TEXT_BYTES:
        message = "too large a text"
        raise ValueError(message)
    found: dict[str, Array] = {}
    for path, value in _lists(json.loads(_decoded(files[0])), "", _DEPTH):
        if len(found) >= _MOST_ARRAYS:
            break
        found[path] = value
    return Seen(arrays=found, partial=True)


def _lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, Array]]:
    if not depth:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, f"{path}/{name}".lstrip("/"), depth - 1)
    elif isinstance(value, list) and value:
        if all(isinstance(row, dict) for row in value):
            for name in value[0]:
                column = [row.get(name) for row in value]
                yield from _lists(column, f"{path}/{name}".lstrip("/"), depth - 1)
            return
        try:
            array = np.array([np.nan if one is None else one for one in value])
        except ValueError:
            array = np.empty(0, object)
        if array.dtype.kind in "biuf" and array.size:
            yield path, array
            return
        for n, inner in enumerate(value):
            yield from _lists(inner, f"{path}/{n}".lstrip("/"), depth - 1)


def hdf5(files: Sequence[Path]) -> Seen:
    """Read the arrays of numbers of an HDF5 file (NWB too) with pyfive, by their paths."""
    import pyfive

    with pyfive.File(_plain_hdf5(files[0])) as file:
        found = {path: np.asarray(dataset[...]) for path, dataset in _numeric(file)}
    return Seen(arrays=found, partial=True)


def matlab(files: Sequence[Path]) -> Seen:
    """Read the arrays of MATLAB 7.3 with pyfive: rows and columns change places, no texts, no empty ones."""
    import pyfive

    with pyfive.File(_plain_hdf5(files[0])) as file:
        found = {
            path: np.asarray(dataset[...]).T
            for path, dataset in _numeric(file)
            if "MATLAB_empty" not in dataset.attrs
            and dataset.attrs.get("MATLAB_class") not in (b"char", "char")
        }
    return Seen(arrays=found, partial=True)


def _plain_hdf5(path: Path) -> str | io.BytesIO:
    """Return what pyfive reads right: it counts addresses from the file's begin, not the user block's end."""
    with path.open("rb") as file:
        head = file.read(4096)
    begin = next((at for at in (0, 512, 1024, 2048) if head[at : at + 8] == _HDF5), 0)
    if not begin:
        return str(path)
    if head[begin + 8] > 1:
        message = "pyfive reads elsewhere than it should behind a user block"
        raise KnownFaultError(message)
    data = path.read_bytes()[begin:]
    # the base address of the superblock
    return io.BytesIO(data[:24] + bytes(8) + data[32:])


def _numeric(file: Any) -> Iterator[tuple[str, Any]]:
    found = (
        (path, dataset)
        for path, dataset in _datasets(file, "", _DEPTH)
        if getattr(dataset.dtype, "kind", "O") in "biuf" and dataset.shape and all(dataset.shape)
    )
    yield from itertools.islice(found, _MOST_ARRAYS)


def _datasets(group: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if not depth:
        return
    for name in group:
        try:
            member = group[name]
        except (KeyError, OSError):
            continue  # a link that leads nowhere, or to another file
        inner = f"{path}/{name}".lstrip("/")
        if hasattr(member, "shape"):
            yield inner, member
        elif hasattr(member, "keys"):
            yield from _datasets(member, inner, depth - 1)


def numpy_file(files: Sequence[Path]) -> Seen:
    """Read ``.npy`` and ``.npz`` with numpy."""
    path = files[0]
    loaded: Any = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        found = {path.stem: loaded}
    else:
        found = {}
        with loaded:
            for name in loaded.files:
                with contextlib.suppress(ValueError):  # objects are refused
                    found[name] = loaded[name]
    plain = {name: array for name, array in found.items() if array.dtype.names is None}
    return Seen(arrays=plain, partial=True)
