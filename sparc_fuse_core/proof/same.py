"""Two stores compared by what they hold: where their bytes differ, their values may still be the same.

Another version of a library compresses to other bytes, another version of the converter may state more. Both
are read by plain zarr, block by block, with nothing of this package.
"""

from __future__ import annotations

import itertools
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.storage import LocalStore, ZipStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Array = np.ndarray[Any, Any]

_BLOCK_BYTES = 8 << 20
_MOST = 5
_TOLERANCE = 1e-9

#: What the root and its groups must say the same of; all else may be said in other words.
_FACTS = ("kind", "streams", "start_time", "n_events", "ome", "multiscales", "incomplete")
_ARRAY_FACTS = ("units", "_FillValue")
#: Made from the values: another version may choose other bins and levels.
_DERIVED = "overview"


def value_differences(published: Path, made: Path) -> list[str]:
    """Return what differs between two results of one kind, at most a few sentences.

    What only ``made`` has, a newer version states in addition.

    Raises
    ------
    ValueError
        If results of this kind are not compared.
    """
    if published.suffix == ".npz":
        return _compare_packed(published, made)
    if not published.is_dir() and not zipfile.is_zipfile(published):
        message = f"values of {published.suffix} are not compared"
        raise ValueError(message)
    with _opened(published) as one, _opened(made) as other:
        roots = [zarr.open_group(store, mode="r") for store in (one, other)]
        return list(itertools.islice(_differences(*roots), _MOST))


def _opened(result: Path) -> Any:
    return LocalStore(result, read_only=True) if result.is_dir() else ZipStore(result, mode="r")


def _differences(one: zarr.Group, other: zarr.Group) -> Iterator[str]:
    yield from _fact_differences("the root", one.attrs, other.attrs, _FACTS)
    for path, member in sorted(one.members(max_depth=None)):
        if _DERIVED in path.split("/"):
            continue
        counterpart = other.get(path)
        if type(counterpart) is not type(member):
            yield f"{path} is not made any more"
        elif isinstance(member, zarr.Array):
            yield from _array_differences(path, member, counterpart)
        else:
            yield from _fact_differences(path, member.attrs, counterpart.attrs, _FACTS)


def _fact_differences(where: str, one: Any, other: Any, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name in one and not _says_as_much(_plain(one[name]), _plain(other.get(name))):
            yield f"{name} of {where}: {_short(one[name])}, made again {_short(other.get(name))}"


def _plain(value: Any) -> Any:
    """Return what an attribute holds, which may be a JSON text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _says_as_much(one: Any, other: Any) -> bool:
    """Whether ``other`` has all that ``one`` has; keys may come to a mapping."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(key in other and _says_as_much(part, other[key]) for key, part in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_says_as_much, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=_TOLERANCE) or (one != one and other != other)
    return bool(one == other)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _array_differences(path: str, one: Any, other: Any) -> Iterator[str]:
    if one.shape != other.shape:
        yield f"{path}: shape {one.shape}, made again {other.shape}"
        return
    yield from _fact_differences(path, one.attrs, other.attrs, _ARRAY_FACTS)
    scales = [
        (a.attrs.get("scale_factor", 1.0), a.attrs.get("add_offset", 0.0)) for a in (one, other)
    ]
    is_stored_alike = scales[0] == scales[1]
    for key in _blocks(one):
        try:
            values = [np.asarray(array[key]) for array in (one, other)]
        except Exception as err:  # noqa: BLE001 - whatever a codec raises, these values cannot be read
            yield f"{path}: cannot be read ({type(err).__name__})"
            return
        if not is_stored_alike:
            values = [
                part.astype(float) * gain + offset
                for part, (gain, offset) in zip(values, scales, strict=True)
            ]
        if text := _differing(*values, is_exact=is_stored_alike):
            yield f"{path}: {text}"
            return


def _blocks(array: Any) -> Iterator[tuple[slice, ...]]:
    """Yield blocks of a few megabytes made of whole chunks, along the first axes one chunk at a time."""
    itemsize = getattr(np.dtype(array.dtype), "itemsize", 16)
    block = list(array.chunks)
    left = max(1, _BLOCK_BYTES // max(1, math.prod(block) * itemsize))
    for axis in reversed(range(len(block))):
        n_chunks = math.ceil(array.shape[axis] / block[axis]) or 1
        taken = min(left, n_chunks)
        block[axis] *= taken
        left = left // taken if taken == n_chunks else 1
    spans = [
        [slice(begin, min(begin + step, size)) for begin in range(0, size, step)]
        for size, step in zip(array.shape, block, strict=True)
    ]
    yield from itertools.product(*spans)


def _differing(one: Array, other: Array, *, is_exact: bool) -> str:
    if one.dtype.kind in "fc" and other.dtype.kind in "fc":
        if is_exact:
            wrong = ~((one == other) | (np.isnan(one) & np.isnan(other)))
        else:
            wrong = ~np.isclose(one, other, rtol=_TOLERANCE, atol=0.0, equal_nan=True)
    else:
        wrong = np.asarray(one != other)
    if not wrong.any():
        return ""
    at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return f"{one[at]}, made again {other[at]} ({int(wrong.sum())} of {wrong.size} values differ)"


def _compare_packed(published: Path, made: Path) -> list[str]:
    found = []
    with np.load(published, allow_pickle=False) as one, np.load(made, allow_pickle=False) as other:
        for name in one.files:
            if name not in other.files:
                found.append(f"{name} is not made any more")
                continue
            pair = one[name], other[name]
            if pair[0].shape != pair[1].shape:
                found.append(f"{name}: shape {pair[0].shape}, made again {pair[1].shape}")
            elif text := _differing(*pair, is_exact=True):
                found.append(f"{name}: {text}")
    return found[:_MOST]
