"""A group of a store as the CF conventions say, read by plain zarr: what xarray shows, without its import.

xarray would bring pandas and pyarrow: a third of a second and 80 MB for each worker, to scale a few samples.
What it refuses, or would turn into something else, is told by `faults`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import zarr

    Array = np.ndarray[Any, Any]

#: Units that are taken for time differences or dates when values are decoded.
_TIMES = re.compile(r"(|milli|micro|nano)seconds?|days?|hours?|minutes?", re.IGNORECASE)


class Decoded:
    """The arrays of one group.

    Parameters
    ----------
    root
        The store's root.
    group
        Path of the group, ``""`` for the root itself.
    """

    def __init__(self, root: zarr.Group, group: str = "") -> None:
        found: Any = root[group] if group else root
        self._group: zarr.Group = found
        self._arrays = dict(found.arrays())

    def __contains__(self, name: str) -> bool:
        """Whether there is such an array."""
        return name in self._arrays

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        return tuple(self._arrays[name].shape)

    def array(self, path: str) -> zarr.Array[Any]:
        """Return an array of this group, or of one below it, as it is stored."""
        found: Any = self._arrays[path] if path in self._arrays else self._group[path]
        return found  # type: ignore[no-any-return]

    def values(self, path: str, key: Any = ...) -> Array:
        """Return values as they are meant; see `as_meant`."""
        array = self.array(path)
        return as_meant(np.asarray(array[key]), array)

    def faults(self) -> Iterator[str]:
        """Yield why plain xarray would not open the group, or would show something else."""
        sizes: dict[str, int] = {}
        for name, array in self._arrays.items():
            dimensions = _dimensions(array)
            if dimensions is None or len(dimensions) != len(array.shape):
                yield f"{name} names {dimensions} for its {len(array.shape)} dimensions"
                continue
            for dimension, size in zip(dimensions, array.shape, strict=True):
                if sizes.setdefault(dimension, size) != size:
                    yield f"dimension {dimension} is {size} long in {name}, elsewhere {sizes[dimension]}"
            units = str(array.attrs.get("units", ""))
            if np.dtype(array.dtype).kind in "iuf" and (
                _TIMES.fullmatch(units.strip()) or " since " in units
            ):
                yield f"{name} has units of {units!r}, which would become dates or time differences"


def as_meant(stored: Array, array: zarr.Array[Any]) -> Array:
    """Return stored × ``scale_factor`` + ``add_offset``, NaN for ``_FillValue``."""
    attributes = array.attrs
    fill = attributes.get("_FillValue")
    if fill is None and array.metadata.zarr_format == 2:
        # what was not written, in version 2
        fill = array.metadata.fill_value
    if not {"scale_factor", "add_offset"} & attributes.keys():
        if fill is None or stored.dtype.kind not in "iu":
            return stored
        return np.where(stored == fill, np.nan, stored)
    scale: Any = attributes.get("scale_factor", 1.0)
    offset: Any = attributes.get("add_offset", 0.0)
    meant: Array = stored.astype(float) * scale + offset
    return meant if fill is None else np.where(stored == fill, np.nan, meant)


def _dimensions(array: zarr.Array[Any]) -> tuple[str, ...] | None:
    named: Any = getattr(array.metadata, "dimension_names", None)
    if named is None:
        named = array.attrs.get("_ARRAY_DIMENSIONS")
    return None if named is None else tuple(map(str, named))
