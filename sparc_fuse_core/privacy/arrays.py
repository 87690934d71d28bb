"""Channels, arrays and columns that hold who somebody is: left out whole, whatever their values."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.privacy.sieve import GONE, PERSONS_NUMBER
from sparc_fuse_core.privacy.words import is_about_somebody, is_personal, kind_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sparc_fuse_core.model import ArrayGroup, Recording, StoredArray, Table
    from sparc_fuse_core.model.values import Blocks
    from sparc_fuse_core.privacy.sieve import Sieve

#: Values of an array that are looked at, and set aside.
_LOOKED_AT = 100_000
_IDS = frozenset(("id", "ids", "pid", "code", "number", "no", "nr"))
#: A measured number as people write it (``90%``, ``<0.5``, ``1'000``), too short for the number of a record.
_SHORT_NUMBER = re.compile(
    r"[<>≤≥~]?\s?[-+−]?(?:\d{1,5}(?:[.,]\d{1,6})?|\d{1,3}['’]\d{3}(?:\.\d{1,6})?)\s?%?"
)
_NO_VALUES = frozenset(("", "nan", "na", "n/a", "n.a.", "-", "--", "---", "nd", "n.d."))
_ONE_FOR_EACH_CHANNEL = ("channel_names", "channel_units", "gain", "offset", "channel_start_s")


def without_channels(recordings: Sequence[Recording], sieve: Sieve) -> Iterator[Recording]:
    """Yield the recordings without channels of record numbers, birth dates or positions on the globe."""
    for recording in recordings:
        kept = [i for i, name in enumerate(recording.channel_names) if not is_personal(name)]
        for i, name in enumerate(recording.channel_names):
            if i not in kept:
                sieve.leave("(a channel)", (name,), "identity", recording.name or "stream")
        if len(kept) == recording.n_channels:
            yield recording
        elif kept:
            columns: dict[str, Any] = {
                column: tuple(getattr(recording, column)[i] for i in kept)
                for column in _ONE_FOR_EACH_CHANNEL
                if getattr(recording, column)
            }
            yield replace(recording, signals=_rows(recording.signals, kept), **columns)


def _rows(signals: Blocks, kept: Sequence[int]) -> FunctionBlocks:
    """Return some channels; the others between them are read and dropped."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), *rest = bounds
        wanted = list(kept[first:last])
        inner = tuple(slice(*part) for part in rest)
        if not wanted:
            return np.empty((0, *(stop - start for start, stop in rest)), signals.dtype)
        block = np.asarray(signals[(slice(wanted[0], wanted[-1] + 1), *inner)])
        return block[[i - wanted[0] for i in wanted]]

    return FunctionBlocks((len(kept), *signals.shape[1:]), signals.dtype, read)


def without_nodes(group: ArrayGroup, sieve: Sieve, path: tuple[str, ...] = ()) -> ArrayGroup:
    """Return a tree without the arrays that identify, and without texts that may not be published."""
    arrays = []
    for number, array in enumerate(group.arrays, start=1):
        kept = _screened(array, (*path, array.name), sieve)
        if kept is not None:
            arrays.append(replace(kept, name=sieve.name(array.name, number)))
    groups = []
    for number, below in enumerate(group.groups, start=len(group.arrays) + 1):
        kept_below = without_nodes(below, sieve, (*path, below.name))
        if kept_below.arrays or kept_below.groups or kept_below.attributes:
            groups.append(replace(kept_below, name=sieve.name(below.name, number)))
    attributes = sieve.value(dict(group.attributes), path)
    return replace(
        group,
        arrays=tuple(arrays),
        groups=tuple(groups),
        attributes={} if attributes is GONE else attributes,
    )


def without_columns(table: Table, sieve: Sieve) -> tuple[StoredArray, ...]:
    """Return the columns of a table that may be published."""
    columns = []
    for number, column in enumerate(table.columns, start=1):
        kept = _screened(column, (table.name, column.name) if table.name else (column.name,), sieve)
        if kept is not None:
            columns.append(replace(kept, name=sieve.name(column.name, number)))
    return tuple(columns)


def _screened(array: StoredArray, path: tuple[str, ...], sieve: Sieve) -> StoredArray | None:
    """Return an array with what of it may be published; None if that is nothing."""
    attributes = sieve.value(dict(array.attributes), path)
    tells = [one for one in array.dimensions if sieve.name(one, 0) != one]
    array = replace(
        array,
        attributes={} if attributes is GONE else attributes,
        units=sieve.unit(array.units, path),
        dimensions=() if tells else array.dimensions,
    )
    if array.values.dtype.kind in "SUOT":
        return _texts(array, path, sieve)
    n_values = int(np.prod(array.values.shape))
    if is_about_somebody(path):
        sieve.leave(_shown(array.values, n_values), path, "identity", "file")
        return None
    if not sieve.free_text and _are_numbers_of_people(array, path[-1], n_values):
        sieve.leave(_shown(array.values, n_values), path, "unlisted", "file")
        return None
    if (
        n_values == 1
        and array.values.dtype.kind in "iuf"
        and sieve.value(_whole(array.values).tolist(), path) is GONE
    ):
        return None
    return array


def _are_numbers_of_people(array: StoredArray, name: str, n_values: int) -> bool:
    """Tell whether an array called an id holds long whole numbers only, as record numbers are."""
    if not _IDS & {*words_of(name)} or kind_of(name) == "fact" or not 1 < n_values <= _LOOKED_AT:
        return False
    values = _whole(array.values)
    if values.dtype.kind not in "iuf":
        return False
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return bool(known.size and (known == np.round(known)).all() and (known >= PERSONS_NUMBER).all())


def _whole(values: Blocks) -> np.ndarray[Any, Any]:
    return np.asarray(values[tuple(slice(None) for _ in values.shape)])


def _shown(values: Blocks, n_values: int) -> Any:
    if n_values > _LOOKED_AT:
        return f"({n_values} values)"
    return _whole(values).tolist()


def _are_short_numbers(texts: Sequence[str], path: tuple[str, ...]) -> bool:
    """Tell whether the texts of a column are measured numbers, and the column is about nobody."""
    if is_about_somebody(path) or is_personal(path[-1]) or kind_of(path[-1]) or len(texts) < 2:
        return False
    if _IDS & {*words_of(path[-1])}:
        return False
    filled = [text.strip() for text in texts if text.strip().lower() not in _NO_VALUES]
    return bool(filled) and all(_SHORT_NUMBER.fullmatch(text) for text in filled)


def _texts(array: StoredArray, path: tuple[str, ...], sieve: Sieve) -> StoredArray | None:
    """Judge the different texts of an array once each, as the statements they are."""
    values = _whole(array.values)
    different = sorted({str(text) for text in values.ravel().tolist()})
    if _are_short_numbers(different, path):
        return array
    kept: dict[str, str] = {}
    before = len(sieve.aside)
    for text in different:
        judged = sieve.value(text, path)
        kept[text] = "" if judged is GONE else judged
    sieve.join(before)
    if not any(kept.values()):
        return None if any(different) else array
    made = np.array([kept[str(text)] for text in values.ravel().tolist()], dtype=str)
    return replace(array, values=made.reshape(values.shape))
