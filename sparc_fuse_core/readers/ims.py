"""Imaris IMS (HDF5): resolution level 0, without the padding of its chunks.

Layout: Bitplane, "Imaris 5.5 file format": attributes are arrays of single characters; the pixel size
is the extent divided by the number of pixels; channels and time points are groups.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.hdf5.arrays import member, open_hdf5
from sparc_fuse_core.readers.shared.planes import by_plane
from sparc_fuse_core.readers.shared.units import length_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Bounds = tuple[int, int]

#: Chunks are several slices thick: kept, so that the next slice need not decode them again.
_CHUNK_CACHE_BYTES = 128_000_000
_CHUNK_CACHE_SLOTS = 20_011
_ERRORS = (ValueError, TypeError, LookupError, OSError, RuntimeError, AttributeError, OverflowError)
_NO_NAME = "(name not specified)"
_MAX_TEXT = 65_536


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an IMS file; see `sparc_fuse_core.readers.Reader`."""
    del options
    cache = {"rdcc_nbytes": _CHUNK_CACHE_BYTES, "rdcc_nslots": _CHUNK_CACHE_SLOTS}
    with open_hdf5(path, **cache) as file:
        try:
            contents = _contents(path, file)
        except _ERRORS as err:
            if isinstance(err, CorruptFileError):
                raise
            message = f"{path.name}: its groups cannot be read ({err}); upload the original again"
            raise CorruptFileError(message) from err
        yield contents


def _contents(path: Path, file: h5py.File) -> Contents:
    level = _inside(
        path, file, f"{_text(file, 'DataSetDirectoryName', 'DataSet')}/ResolutionLevel 0"
    )
    info_name = _text(file, "DataSetInfoDirectoryName", "DataSetInfo")
    info = _inside(path, file, info_name) if info_name in file else None
    image_info = _group(info, "Image")
    time_info = _group(info, "TimeInfo")
    n_times = _count(path, level, "TimePoint")
    first = _inside(path, level, "TimePoint 0")
    n_channels = _count(path, first, "Channel")
    stated = _integer(time_info, "DatasetTimePoints") or _integer(time_info, "FileTimePoints")
    if stated and stated > n_times:
        message = f"{path.name}: {n_times} of {stated} time points are in the file; upload it again"
        raise CorruptFileError(message)
    channel = _inside(path, first, "Channel 0")
    data = _data(path, channel)
    lengths = {"t": n_times, "c": n_channels}
    for axis, padded in zip("zyx", data.shape, strict=True):
        size = _integer(channel, f"ImageSize{axis.upper()}") or _integer(image_info, axis.upper())
        lengths[axis] = padded if size is None else size
        if not 0 < lengths[axis] <= padded:
            message = f"{path.name}: {lengths[axis]} pixels along {axis} stated, {padded} stored"
            raise CorruptFileError(message)
    axes = "".join(axis for axis in "tczyx" if axis in "yx" or lengths[axis] > 1)
    shape = tuple(lengths[axis] for axis in axes)
    n_empty = _check_all(path, level, lengths, data)
    planes = _Planes(path, level)

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        at = dict(zip(axes[:-2], index, strict=True))
        return planes(at.get("t", 0), at.get("c", 0), at.get("z", 0), of_y, of_x)

    scale, units, evidence = _scale(image_info, lengths)
    if n_empty:
        sentence = f"{n_empty} stacks (channels of time points) were never written; they read as 0"
        evidence.append(Evidence("content", "missing", sentence))
    step_s, stamps = _times(time_info, n_times)
    if step_s is not None:
        scale["t"], units["t"] = step_s, "second"
    scale = {axis: step for axis, step in scale.items() if axis in axes}
    names, colors = _channels(info, n_channels)
    facts: dict[str, Any] = {"imaris_version": _text(file, "ImarisVersion", "")}
    for key in ("Name", "Description", "RecordingDate"):
        text = _text(image_info, key, "")
        if text and len(text) < _MAX_TEXT:
            facts[key.lower()] = text
    if stamps:
        facts["time_points"] = stamps
    pixels = by_plane(axes, shape, data.dtype.newbyteorder("="), read_plane)
    units = {axis: unit for axis, unit in units.items() if axis in scale}
    image = Image(
        "", pixels, axes, scale, units, channel_names=names, channel_colors=colors, metadata=facts
    )
    return Contents(images=(image,), evidence=tuple(evidence))


class _Planes:
    """Reads a region of one plane; one data set is open at a time, with its chunks."""

    def __init__(self, path: Path, level: h5py.Group) -> None:
        self._name = path.name
        self._path = path
        self._level = level
        self._last: tuple[tuple[int, int], h5py.Dataset] | None = None
        self._lock = Lock()

    def __call__(self, t: int, c: int, z: int, of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        """Return rows and columns of slice ``z``: shape (y, x)."""
        with self._lock:
            try:
                if self._last is None or self._last[0] != (t, c):
                    self._last = None
                    group = _inside(self._path, self._level, f"TimePoint {t}/Channel {c}")
                    self._last = ((t, c), _data(self._path, group))
                plane: np.ndarray[Any, Any] = self._last[1][z, slice(*of_y), slice(*of_x)]
            except _ERRORS as err:
                if isinstance(err, CorruptFileError):
                    raise
                message = (
                    f"{self._name}: slice {z} of channel {c}, time point {t} cannot be decoded ({err}); "
                    "upload it again"
                )
                raise CorruptFileError(message) from err
        return plane


def _inside(path: Path, group: h5py.Group, name: str) -> h5py.Group:
    """Return a group below ``group``.

    Raises
    ------
    CorruptFileError
        If it is absent.
    OutsideFileError
        If it lies in another file.
    """
    try:
        return group[name]
    except KeyError as err:
        message = f"{path.name}: no group {name!r}: not an IMS file, or damaged"
        raise CorruptFileError(message) from err


def _data(path: Path, channel: h5py.Group) -> h5py.Dataset:
    data = _inside(path, channel, "Data")
    if not isinstance(data, h5py.Dataset) or data.ndim != 3 or data.dtype.kind not in "uif":
        message = f"{path.name}: {channel.name}/Data is no stack of numbers (z, y, x)"
        raise CorruptFileError(message)
    return data


def _count(path: Path, group: h5py.Group, word: str) -> int:
    """Return how many groups ``word 0``, ``word 1`` … there are."""
    numbers = {int(name.split()[-1]) for name in group if _is_numbered(name, word)}
    if not numbers:
        message = f"{path.name}: no {word} in {group.name}"
        raise EmptyFileError(message)
    if numbers != set(range(len(numbers))):
        message = f"{path.name}: {word} numbers {sorted(numbers)[:5]} … are not 0, 1, 2 …"
        raise CorruptFileError(message)
    return len(numbers)


def _is_numbered(name: str, word: str) -> bool:
    parts = name.split()
    return len(parts) == 2 and parts[0] == word and parts[1].isdecimal()


def _check_all(
    path: Path, level: h5py.Group, lengths: Mapping[str, int], first: h5py.Dataset
) -> int:
    """Check that every stack has the shape and type of the first; return how many were never written."""
    n_empty = 0
    for t in range(lengths["t"]):
        for c in range(lengths["c"]):
            data = _data(path, _inside(path, level, f"TimePoint {t}/Channel {c}"))
            large = all(n >= lengths[a] for n, a in zip(data.shape, "zyx", strict=True))
            if data.dtype != first.dtype or not large:
                message = (
                    f"{path.name}: {data.name} is {data.shape} of {data.dtype}, the first channel "
                    f"{first.shape} of {first.dtype}; export channels of one kind"
                )
                raise CorruptFileError(message)
            n_empty += data.id.get_storage_size() == 0
    return n_empty


def _scale(
    info: h5py.Group | None, lengths: Mapping[str, int]
) -> tuple[dict[str, float], dict[str, str], list[Evidence]]:
    """Return extent divided by number of pixels, for x, y and z."""
    steps = {}
    for i, axis in enumerate("xyz"):
        low, high = _number(info, f"ExtMin{i}"), _number(info, f"ExtMax{i}")
        step = (high - low) / lengths[axis]
        if math.isfinite(step) and step > 0:
            steps[axis] = step
    text = _text(info, "Unit", "")
    unit = length_unit(text)
    if unit or not steps:
        return steps, dict.fromkeys(steps, unit), []
    sentence = f"the file gives lengths in {text!r}: not a known unit; numbers are kept without one"
    return steps, {}, [Evidence("scale", "missing", sentence)]


def _times(info: h5py.Group | None, n_times: int) -> tuple[float | None, list[str]]:
    """Return the step in seconds, where the stated times are even, and the stated times."""
    stamps = [_text(info, f"TimePoint{i + 1}", "") for i in range(n_times)]
    if n_times < 2 or not all(stamps):
        return None, [stamp for stamp in stamps if stamp]
    try:
        moments = [datetime.fromisoformat(stamp.strip()) for stamp in stamps]
        steps = [(b - a) / timedelta(seconds=1) for a, b in pairwise(moments)]
    except (ValueError, TypeError):
        return None, stamps
    mean = sum(steps) / len(steps)
    # stamps are rounded to the millisecond
    even = mean > 0 and max(abs(step - mean) for step in steps) <= max(1e-3 * mean, 1.1e-3)
    return (mean if even else None), stamps


def _channels(info: h5py.Group | None, n_channels: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and colours of the channels, where they are stated."""
    names, colors = [], []
    for i in range(n_channels):
        group = _group(info, f"Channel {i}")
        name = _text(group, "Name", "")
        names.append("" if name == _NO_NAME else name)
        parts = _text(group, "Color", "").split()
        try:
            levels = [round(float(part) * 255) for part in parts]
        except (ValueError, OverflowError):
            levels = []
        fine = len(levels) == 3 and all(0 <= level <= 255 for level in levels)
        colors.append("".join(f"{level:02X}" for level in levels) if fine else "")
    return (tuple(names) if any(names) else ()), (tuple(colors) if all(colors) else ())


def _group(parent: h5py.Group | None, name: str) -> h5py.Group | None:
    found = None if parent is None or name not in parent else member(parent, name)
    return found if isinstance(found, h5py.Group) else None


def _text(group: h5py.Group | None, name: str, default: str) -> str:
    """Return an attribute, which IMS stores as an array of single characters."""
    if group is None or name not in group.attrs:
        return default
    value = np.asarray(group.attrs[name])
    if value.dtype.kind == "S":
        return b"".join(value.ravel().tolist()).decode("utf-8", "replace").strip("\0 ")
    if value.dtype.kind in "OU":
        return "".join(str(part) for part in value.ravel().tolist()).strip("\0 ")
    return str(value.ravel()[0]) if value.size else default


def _number(group: h5py.Group | None, name: str) -> float:
    try:
        return float(_text(group, name, "nan"))
    except ValueError:
        return math.nan


def _integer(group: h5py.Group | None, name: str) -> int | None:
    value = _number(group, name)
    return int(value) if math.isfinite(value) else None
