"""Small facts of an HDF5 file: attributes, scalars and texts as JSON-able values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.readers.hdf5.arrays import member
from sparc_fuse_core.readers.shared.tree import MAX_METADATA_CHARACTERS, MAX_METADATA_VALUES, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_MEMBERS = 20_000
_MAX_DEPTH = 40


def attribute(item: Any, names: tuple[str, ...]) -> Any:
    """Return the first attribute whose lower-case name is in ``names``, else None."""
    for name in item.attrs:
        if name.lower() in names:
            return item.attrs[name]
    return None


def text_of(value: Any) -> str:
    """Return a text from an attribute or scalar, ``""`` if it is none."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size == 1 else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\x00 ")
    return value.strip("\x00 ") if isinstance(value, str) else ""


def texts_of(value: Any) -> tuple[str, ...]:
    """Return the texts of an array of texts, or one text as one."""
    array = np.asarray(value)
    if array.dtype.kind not in "SUO":
        return ()
    return tuple(text_of(one) for one in array.reshape(-1))


def number_of(value: Any) -> float | None:
    """Return the one finite number that a value is, else None."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size != 1:
        return None
    number = float(array.reshape(-1)[0])
    return number if np.isfinite(number) else None


def read_small(dataset: h5py.Dataset) -> Any:
    """Return a small dataset's values as JSON-able, else None."""
    if dataset.shape is None or dataset.size > MAX_METADATA_VALUES:
        return None
    if dataset.dtype.kind not in "biufSOU":
        return None
    if dataset.dtype.kind == "O" and h5py.check_string_dtype(dataset.dtype) is None:
        return None
    return json_of(dataset[()])


def json_of(value: Any) -> Any:
    """Return numbers and texts as JSON knows them; None for anything else, or too much of it."""
    array = np.asarray(value)
    if array.size > MAX_METADATA_VALUES or array.dtype.kind not in "biufSUO":
        return None
    if array.dtype.kind in "SUO":
        texts = texts_of(array)
        if sum(map(len, texts)) > MAX_METADATA_CHARACTERS:
            return None
        return texts[0] if array.size == 1 else list(texts)
    return plain(array.reshape(-1)[0]) if array.size == 1 else plain(array.tolist())


def attributes_of(item: Any) -> dict[str, Any]:
    """Return the small attributes of a group or dataset (those of HDF5's own conventions left out)."""
    found = {}
    for name in item.attrs:
        if name in ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid"):
            continue
        value = json_of(item.attrs[name]) if not _is_reference(item, name) else None
        if value is not None:
            found[name] = value
    return found


def _is_reference(item: Any, name: str) -> bool:
    return h5py.check_ref_dtype(item.attrs.get_id(name).dtype) is not None


def datasets(
    group: h5py.Group, prefix: str = "", depth: int = 0, outside: list[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield (path, dataset) of everything below ``group`` that lies in this file, in its order.

    ``outside`` takes the paths of what does not.
    """
    for count, name in enumerate(group):
        if count >= _MAX_MEMBERS:
            return
        item = member(group, name)
        path = f"{prefix}{name}"
        if isinstance(item, h5py.Group) and depth < _MAX_DEPTH:
            yield from datasets(item, f"{path}/", depth + 1, outside)
        elif isinstance(item, h5py.Dataset):
            yield path, item
        elif item is None and outside is not None:
            outside.append(path)
