"""An image as a small picture: the level that fits, its middle slice, channels in their colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from PIL import Image

from sparc_fuse_core.model.ngff import axes_of
from sparc_fuse_core.opening.ome import images_of, ome_of
from sparc_fuse_core.opening.thumbnails.canvas import SIDE, png_of_pixels
from sparc_fuse_core.opening.thumbnails.reading import array_at, is_cheap

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_CHANNELS = 4
#: Shares of pixels that may be black or white where the image states no window.
_DARK, _BRIGHT = 0.5, 99.5
_COLOURS = ("00FF00", "FF00FF", "00FFFF", "FFFF00")


def image_thumbnail(root: zarr.Group) -> bytes | None:
    """Draw the first image; None where no level of it is small enough to be read."""
    path = images_of(root)[0]
    group = root[path] if path else root
    if not isinstance(group, zarr.Group):
        return None
    ome = ome_of(group)
    multiscale = ome["multiscales"][0]
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in axes_of(multiscale)]
    array = _level(group, [entry["path"] for entry in multiscale["datasets"]], axes)
    planes = None if array is None else _planes(array, axes)
    if planes is None:
        return None
    if "image-label" in ome:
        return png_of_pixels(_labels(planes[0]), smooth=False)
    channels = (ome.get("omero") or {}).get("channels") or []
    if len(channels) < len(planes):
        channels = [{} for _ in planes]
    return png_of_pixels(_shown(planes, channels))


def _level(group: zarr.Group, paths: list[str], axes: list[str]) -> Any:
    """Return the finest level that is not much larger than the picture, else the coarsest."""
    found = None
    for path in paths:
        array = array_at(group, path)
        if array is None or array.ndim != len(axes):
            continue
        found = array
        if max(array.shape[axes.index("y")], array.shape[axes.index("x")]) <= 2 * SIDE:
            break
    return found


def _planes(array: Any, axes: list[str]) -> NDArray[Any] | None:
    """Return the middle plane of each of the first channels, shape (n_channels, y, x); None if too large."""
    at: list[Any] = []
    part = []
    for axis, length in zip(axes, array.shape, strict=True):
        if axis in "yx":
            at.append(slice(None))
            part.append(length)
        elif axis == "c":
            at.append(slice(0, _MOST_CHANNELS))
            part.append(min(length, _MOST_CHANNELS))
        else:
            at.append(length // 2)
            part.append(1)
    if 0 in array.shape or not is_cheap(array, part):
        return None
    values = np.asarray(array[tuple(at)])
    kept = [axis for axis in axes if axis in ("c", "y", "x")]
    values = np.moveaxis(values, [kept.index("y"), kept.index("x")], [-2, -1])
    values = values.reshape(-1, *values.shape[-2:])
    if values.dtype.kind == "c":
        values = np.abs(values)
    # of a level that is much too large every n-th pixel
    step = max(1, max(values.shape[-2:]) // (8 * SIDE))
    return values[:, ::step, ::step]


def _shown(planes: NDArray[Any], channels: list[Any]) -> Image.Image:
    names = [str(channel.get("label", "")).lower() for channel in channels[:3]]
    if len(planes) >= 3 and names in (["red", "green", "blue"], ["r", "g", "b"]):
        if planes.dtype == np.uint8:
            return Image.fromarray(np.ascontiguousarray(np.moveaxis(planes[:3], 0, -1)), "RGB")
        rows = [_grey(plane, {}) for plane in planes[:3]]
        return Image.fromarray(_bytes(np.stack(rows, axis=-1)), "RGB")
    if len(planes) == 1:
        return Image.fromarray(_bytes(_grey(planes[0], channels[0])), "L")
    mixed = np.zeros((*planes.shape[1:], 3), np.float32)
    for n, (plane, channel) in enumerate(zip(planes, channels, strict=False)):
        colour = str(channel.get("color", ""))
        if not re.fullmatch(r"[0-9A-Fa-f]{6}", colour):
            colour = _COLOURS[n]
        weights = np.array([int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)
        mixed += _grey(plane, channel)[..., None] * weights
    return Image.fromarray(_bytes(mixed), "RGB")


def _grey(plane: NDArray[Any], channel: Any) -> NDArray[np.float32]:
    """Return a plane from 0 to 1: by the window that its channel states, else by its own values."""
    values = plane.astype(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return np.zeros(plane.shape, np.float32)
    window = channel.get("window") or {}
    try:
        low, high = float(window["start"]), float(window["end"])
    except (KeyError, TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        low, high = (float(np.percentile(known, share)) for share in (_DARK, _BRIGHT))
    if not low < high:
        low, high = float(known.min()), float(known.max())
    span = high - low if np.isfinite(high - low) and high > low else 1.0
    shown: NDArray[np.float32] = np.clip((np.nan_to_num(values) - low) / span, 0, 1).astype(
        np.float32
    )
    return shown


def _labels(plane: NDArray[Any]) -> Image.Image:
    """Return labels in colours that tell neighbouring numbers apart; 0 is black."""
    numbers = np.asarray(plane).astype(np.int64).astype(np.uint64)
    mixed = (numbers * np.uint64(2654435761)) & np.uint64(0xFFFFFF)
    colours = np.stack([(mixed >> np.uint64(shift)) & np.uint64(0xFF) for shift in (0, 8, 16)], -1)
    shown = (colours // 2 + 96).astype(np.uint8)
    shown[numbers == 0] = 0
    return Image.fromarray(shown, "RGB")


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
