"""Columns and arrays that a library knows by name only, given the role that they have in the store.

Which column is a time, and which array a signal, is a question of meaning that the first reader answers.
Whether its values are those of the file is not: each channel of the store must be among the file's columns, as
it is or scaled by one factor and one offset where the library shows stored numbers.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.proof.seen import Array

_UNIT = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")
_TOLERANCE = 1e-6
#: Of a matrix with more rows and columns none is taken for a channel.
_MOST_COLUMNS = 4096
_MOST_ABOVE = 8
SCALED = "scale and unit: the library shows the numbers as they are stored"


def fitted(seen: Seen, stored: Seen) -> tuple[Seen, Seen]:
    """Return what was seen and what is stored as far as both can be told to be the same thing."""
    if seen.images and not stored.images:
        # which array is an image is a question of meaning, too
        seen = dataclasses.replace(seen, images=())
    if not seen.arrays:
        return seen, stored
    if stored.arrays:
        return _kept(seen, stored) if seen.partial else (seen, stored)
    if stored.images:
        return dataclasses.replace(
            seen, arrays={}, images=tuple(_images(seen.arrays, stored)), pooled=True, partial=True
        ), stored
    named = _by_name(seen, stored)
    if named and not seen.partial:
        return dataclasses.replace(seen, channels=tuple(named), arrays={}, partial=True), stored
    return _by_values(seen, stored)


def _kept(seen: Seen, stored: Seen) -> tuple[Seen, Seen]:
    """Pair the arrays of one name and shape, else those of the same values."""
    pairs: dict[str, Array] = {}
    columns = list(_columns(seen.arrays))
    for name, values in stored.arrays.items():
        if values.dtype.kind not in "biuf":
            continue
        told = seen.arrays.get(name)
        if told is not None and told.shape == values.shape:
            pairs[name] = told
            continue
        flat = np.asarray(values, dtype=float).ravel()
        for _, column in columns:
            if column.size == flat.size and _same(column, flat):
                pairs[name] = column.reshape(values.shape)
                break
    chosen = {name: stored.arrays[name] for name in pairs}
    return dataclasses.replace(seen, arrays=pairs), dataclasses.replace(stored, arrays=chosen)


def _images(arrays: Mapping[str, Array], stored: Seen) -> Iterator[Array]:
    planes = {image.shape[-2:] for image in stored.images}
    for array in arrays.values():
        if array.ndim >= 2 and array.shape[-2:] in planes:
            yield array


def _by_name(seen: Seen, stored: Seen) -> list[Channel]:
    """Return the columns of which the store has one by this name, with or without the unit in brackets."""
    names = {channel.name for channel in stored.channels}
    return [
        Channel(values, name if name in names else _UNIT.sub("", name))
        for name, values in seen.arrays.items()
        if name in names or _UNIT.sub("", name) in names
    ]


def _by_values(seen: Seen, stored: Seen) -> tuple[Seen, Seen]:
    columns = list(_columns(seen.arrays))
    pairs: list[tuple[Channel, Channel]] = []
    is_scaled = False
    for channel in stored.channels:
        values = np.asarray(channel.values, dtype=float)
        # a few lines above the first sample may be numbers too: counts, units, a start
        alike = [
            (name, column[column.size - values.size :])
            for name, column in columns
            if 0 <= column.size - values.size <= _MOST_ABOVE
        ]
        plain = next((column for _, column in alike if _same(column, values)), None)
        if plain is None:
            scaled = (_as_scaled(column, values) for _, column in alike)
            plain = next((column for column in scaled if column is not None), None)
            is_scaled |= plain is not None
        alike = [(name, column) for name, column in columns if column.size == values.size]
        if plain is None:
            # that of its name must have its values, and so must one that has most of them
            wanted = (channel.name or "").strip()
            named = (c for name, c in alike if wanted and wanted in (name, _UNIT.sub("", name)))
            plain = next(named, None)
        if plain is None:
            plain = next((c for _, c in alike if np.mean(_equal(c, values)) > 0.5), None)
        if plain is not None:
            pairs.append((Channel(plain), channel))
    aside = (*seen.left_aside, SCALED) if is_scaled else seen.left_aside
    one = dataclasses.replace(
        seen, channels=tuple(a for a, _ in pairs), arrays={}, partial=True, left_aside=aside
    )
    return one, dataclasses.replace(stored, channels=tuple(b for _, b in pairs))


def _columns(arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for path, array in arrays.items():
        name = path.rpartition("/")[2]
        squeezed = np.squeeze(np.asarray(array))
        if squeezed.dtype.kind not in "biuf":
            continue
        values = squeezed.astype(float)
        yield name, values.ravel()
        if values.ndim < 2:
            continue
        for axis in (0, values.ndim - 1):
            turned = np.moveaxis(values, axis, 0)
            if len(turned) <= _MOST_COLUMNS:
                for column in turned:
                    yield name, column.ravel()


def _same(one: Array, other: Array) -> bool:
    return bool(_equal(one, other).all())


def _equal(one: Array, other: Array) -> Array:
    finite = np.abs(one[np.isfinite(one)])
    atol = _TOLERANCE * float(finite.max()) if finite.size else 0.0
    return np.isclose(one, other, rtol=_TOLERANCE, atol=atol, equal_nan=True)


def _as_scaled(one: Array, other: Array) -> Array | None:
    """Return ``one`` by the factor and offset that make it ``other``, or None if none do."""
    if not one.size or not (np.isnan(one) == np.isnan(other)).all() or np.isnan(one).all():
        return None
    low, high = int(np.nanargmin(one)), int(np.nanargmax(one))
    span = one[high] - one[low]
    if not np.isfinite(span) or span == 0 or one.size < 3:
        return None
    factor = (other[high] - other[low]) / span
    scaled: Array = (one - one[low]) * factor + other[low]
    return scaled if factor and _same(scaled, other) else None
