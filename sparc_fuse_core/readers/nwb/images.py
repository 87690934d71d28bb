"""Image series of NWB: frames over time, as the imaging plane scales them.

The schema has frame, x, y (and z) as the axes of ``data`` (ImageSeries, TwoPhotonSeries, OnePhotonSeries), so x
and y are exchanged for an image. Frames in files of their own are not followed.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.model import Evidence, Image
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, check_filter, member
from sparc_fuse_core.readers.hdf5.facts import attributes_of, number_of, read_small, text_of
from sparc_fuse_core.readers.shared.units import length_unit

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = frozenset(
    ("ImageSeries", "TwoPhotonSeries", "OnePhotonSeries", "ImageMaskSeries", "OpticalSeries")
)
#: Axes of ``data`` by their number, and of the image that is made of them.
_AXES = {3: ("txy", "tyx"), 4: ("txyz", "tzyx")}


def is_image_series(group: h5py.Group, kind: str) -> bool:
    """Whether a series holds frames of three or four axes."""
    data = member(group, "data") if "data" in group else None
    return (
        kind in _KINDS
        and isinstance(data, h5py.Dataset)
        and data.shape is not None
        and len(data.shape) in _AXES
        and data.dtype.kind in "biuf"
        and data.size > 0
    )


def read_images(group: h5py.Group, path: str, file_path: Path, evidence: list[Evidence]) -> Image:
    """Return the frames of a series as an image.

    Parameters
    ----------
    group
        Of a series for which `is_image_series` is true.
    path
        Its place in the file.
    file_path
        For messages.
    evidence
        Takes what was concluded.
    """
    data = group["data"]
    check_filter(data, file_path)
    stored, axes = _AXES[len(data.shape)]
    order = [stored.index(axis) for axis in axes]
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    step_s = _frame_step_s(group)
    if step_s:
        scale["t"], units["t"] = step_s, "second"
    spacing, unit = _spacing(group, len(axes) - 1)
    for axis, step in zip("xyz", spacing, strict=False):
        scale[axis] = step
        if unit:
            units[axis] = unit
    evidence.append(
        Evidence("axes", "file", "the schema has frame, x, y as the axes of an image series")
    )
    facts = {
        key: value
        for key, value in attributes_of(group).items()
        if key not in ("namespace", "object_id")
    }
    return Image(
        PurePosixPath(path).name,
        _ordered(StoredBlocks(data), order),
        axes,
        scale,
        units,
        metadata=facts,
    )


def _frame_step_s(group: h5py.Group) -> float | None:
    """Return the time between frames in s, by the rate, or by times that are even."""
    start = member(group, "starting_time") if "starting_time" in group else None
    rate_hz = (
        number_of(start.attrs["rate"]) if start is not None and "rate" in start.attrs else None
    )
    if rate_hz is not None and rate_hz > 0:
        return 1.0 / rate_hz
    times = member(group, "timestamps") if "timestamps" in group else None
    if not isinstance(times, h5py.Dataset) or times.size < 2:
        return None
    steps = np.diff(np.asarray(times[()], dtype=np.float64))
    step = float(np.median(steps))
    return step if step > 0 and np.abs(steps - step).max() < 0.01 * step else None


def _spacing(group: h5py.Group, n_axes: int) -> tuple[tuple[float, ...], str]:
    """Return the step along x, y (and z) that the imaging plane states, and its unit."""
    plane = member(group, "imaging_plane") if "imaging_plane" in group else None
    if not isinstance(plane, h5py.Group) or "grid_spacing" not in plane:
        return (), ""
    spacing = member(plane, "grid_spacing")
    if not isinstance(spacing, h5py.Dataset):
        return (), ""
    values = read_small(spacing)
    if (
        not isinstance(values, list)
        or len(values) < 2
        or not all(_is_step(value) for value in values)
    ):
        return (), ""
    unit = length_unit(text_of(spacing.attrs.get("unit", "")))
    return tuple(float(value) for value in values[:n_axes]), unit


def _is_step(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def _ordered(rows: StoredBlocks, order: list[int]) -> FunctionBlocks:
    """Return an array with its axes in another order, read block by block."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        key: list[slice] = [slice(None)] * len(order)
        for axis, pair in zip(order, bounds, strict=True):
            key[axis] = slice(*pair)
        return np.ascontiguousarray(rows[tuple(key)].transpose(order))

    dtype = np.dtype(np.uint8) if rows.dtype.kind == "b" else rows.dtype
    return FunctionBlocks(tuple(rows.shape[axis] for axis in order), dtype, read)
