"""Open converted images lazily: axes in micrometres and seconds, channels by name, any level of the pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr
from xarray.backends.zarr import ZarrArrayWrapper
from xarray.core.indexing import LazilyIndexedArray

from sparc_fuse_core.errors import IncompleteResultError, RequestError
from sparc_fuse_core.model.ngff import axes_of, steps_of
from sparc_fuse_core.opening.damage import SoundArray, told_as_damage
from sparc_fuse_core.opening.ome import images_of, ome_of
from sparc_fuse_core.opening.places import open_group, store_of
from sparc_fuse_core.opening.whole_store import WholeStore

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

#: How many micrometres, or seconds, a unit of OME-NGFF is; others stay as they are.
_MICROMETRES = {
    "angstrom": 1e-4,
    "picometer": 1e-6,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "decimeter": 1e5,
    "meter": 1e6,
    "kilometer": 1e9,
    "inch": 25_400.0,
    "foot": 304_800.0,
    "yard": 914_400.0,
}
_SECONDS = {
    "picosecond": 1e-12,
    "nanosecond": 1e-9,
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
}


def open_image(
    target: str | Path,
    *,
    level: int = 0,
    image: str = "",
    settings: Settings | None = None,
) -> xr.Dataset:
    """Open one level of an OME-Zarr image lazily.

    Parameters
    ----------
    target
        Path of a store, of a ``.ome.zarr.zip``, ``s3://bucket/path``, or ``http(s)://host/path``.
    level
        0 is the full resolution, each further one is coarser; -1 the coarsest.
    image
        Path of one image inside of a collection or plate (``"1"``, ``"A/3/0"``, ``"labels/cells"``); by default
        the first.

    Returns
    -------
    ``image`` with the dimensions that the source has of (``t``, ``c``, ``z``, ``y``, ``x``). Coordinates along
    ``z``, ``y`` and ``x`` are centres of pixels in micrometres where the unit is known, along ``t`` seconds;
    ``units`` of a coordinate is absent where the source states none. ``channel_name`` lies along ``c``.
    Attributes say which level it is and which images there are.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    RequestError
        If it is no image, or has no such level or image.
    IncompleteResultError
        If a part of it is absent or damaged; for pixels, when they are read.
    """
    root = open_group(store_of(target, settings))
    if "converter_version" in root.attrs:
        # written here, where no chunk is left out; other writers leave out those of zeros
        root = open_group(WholeStore(root.store))
    names = images_of(root)
    path = image.strip("/") or names[0]
    group = root[path] if path and path in root else root
    if (path and group is root) or not isinstance(group, zarr.Group):
        message = f"{target}: no image {path!r}; its images are {', '.join(map(repr, names))}"
        raise RequestError(message)
    ome = ome_of(group)
    if "multiscales" not in ome:
        message = f"{target}: {path!r} is no image; its images are {', '.join(map(repr, names))}"
        raise RequestError(message)
    with told_as_damage(f"{target}: what the image says of its axes and levels"):
        dataset = _level(group, ome, level, str(target))
    dataset.attrs["images"] = names
    return dataset


def _level(group: zarr.Group, ome: Any, level: int, target: str) -> xr.Dataset:
    multiscale = ome["multiscales"][0]
    levels = multiscale["datasets"]
    if not -len(levels) <= level < len(levels):
        message = f"{target}: no level {level}; it has {len(levels)}, from 0"
        raise RequestError(message)
    entry = levels[level]
    array = group.get(entry["path"])
    if not isinstance(array, zarr.Array):
        message = f"{target}: level {entry['path']} is absent from the store: it is incomplete"
        raise IncompleteResultError(message)
    stated = axes_of(multiscale)
    axes = [axis["name"] for axis in stated]
    # not by xarray's own opener: other writers name no dimensions in version 2, and lay levels deeper
    variable = xr.Variable(
        tuple(axes),
        LazilyIndexedArray(SoundArray(ZarrArrayWrapper(array), array)),  # type: ignore[no-untyped-call]
        {"long_name": multiscale.get("name") or "image"},
        {"preferred_chunks": dict(zip(axes, array.chunks, strict=True))},
        fastpath=True,
    )
    dataset = xr.Dataset({"image": variable})
    factors = _scales(entry, multiscale, len(axes))
    for axis, (scale, shift), length in zip(stated, factors, array.shape, strict=True):
        if axis["name"] != "c":
            coordinate = _coordinate(axis, scale, shift, length)
            dataset = dataset.assign_coords({axis["name"]: coordinate})
    dataset = _with_channels(dataset, ome, axes, array.shape)
    dataset.attrs = {
        "name": multiscale.get("name", ""),
        "level": level % len(levels),
        "n_levels": len(levels),
    }
    return dataset


def _scales(entry: Any, multiscale: Any, n_axes: int) -> list[tuple[float, float]]:
    """Return (step, place of the first pixel) of each axis: the level's own, then that of all levels."""
    scale, shift = np.ones(n_axes), np.zeros(n_axes)
    for step in steps_of(multiscale, entry):
        if step["type"] == "scale":
            scale, shift = scale * step["scale"], shift * step["scale"]
        elif step["type"] == "translation":
            shift = shift + step["translation"]
    return list(zip(scale.tolist(), shift.tolist(), strict=True))


def _coordinate(axis: Any, scale: float, shift: float, length: int) -> xr.Variable:
    name, unit = axis["name"], axis.get("unit", "")
    table, shown = (_SECONDS, "s") if axis.get("type") == "time" else (_MICROMETRES, "um")
    factor = table.get(unit, 1.0)
    values = (shift + scale * np.arange(length)) * factor
    attributes = {"units": shown if unit in table else unit} if unit else {}
    return xr.Variable((name,), values, attributes)


def _with_channels(
    dataset: xr.Dataset, ome: Any, axes: list[str], shape: tuple[int, ...]
) -> xr.Dataset:
    if "c" not in axes:
        return dataset
    n_channels = shape[axes.index("c")]
    channels = ome.get("omero", {}).get("channels", ())
    dataset = dataset.assign_coords(c=("c", np.arange(n_channels)))
    if len(channels) != n_channels:
        return dataset
    return dataset.assign_coords(
        channel_name=("c", np.array([str(channel.get("label", "")) for channel in channels])),
        channel_color=("c", np.array([str(channel.get("color", "")) for channel in channels])),
    )
