"""Write images as OME-Zarr 0.5 (Zarr v3, sharded) or 0.4 (Zarr v2): one pass over the pixels.

Full resolution and dtype are kept. Lower levels are made while level 0 is written: y and x are halved, and z
where its stated step allows; only where z is halved is a plane read again, the one before, band by band.
Several images of one file lie below a collection (the ``bioformats2raw.layout`` convention). A physical
size that the source does not state is a scale of 1.0 without a unit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr

from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.writers.attributes import plain
from sparc_fuse_core.writers.memory import give_back
from sparc_fuse_core.writers.ome_collection import series_paths, write_collection
from sparc_fuse_core.writers.ome_metadata import averages, image_metadata, levels_of
from sparc_fuse_core.writers.pyramid import PlanePyramid, halve_mean, halve_nearest
from sparc_fuse_core.writers.zarr_arrays import (
    consolidate,
    create_bulk_array,
    create_group,
    start_writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Image
    from sparc_fuse_core.writers.pyramid import Level, Rows

OmeZarrVersion = Literal["0.4", "0.5"]

_CHUNK = 1024
_SHARD = 4096
_MIN_BAND_ROWS = 16


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What was written for one image.

    Attributes
    ----------
    path
        Of its store, relative to the result: ``""`` for the only image.
    shape, dtype, axes
        Of level 0.
    levels
        Shape of every level.
    scale, axis_units
        As the source states them.
    """

    name: str
    path: str
    shape: tuple[int, ...]
    dtype: str
    axes: str
    kind: str
    levels: tuple[tuple[int, ...], ...]
    scale: dict[str, float]
    axis_units: dict[str, str]
    channel_names: tuple[str, ...]


def write_images(
    images: Sequence[Image],
    out: Path,
    base_name: str,
    *,
    ome_zarr_version: OmeZarrVersion = "0.5",
    memory_budget_bytes: int,
    attributes: Mapping[str, Any],
    on_values: Callable[[int], None] | None = None,
    halve_z: bool = True,
) -> list[ImageSummary]:
    """Write the images of one file: one store, or a collection of several.

    Parameters
    ----------
    out
        New folder.
    base_name
        Name of the source file; names images that have no name of their own.
    halve_z
        Whether lower levels halve z, where its stated step allows.
    """
    paths = series_paths(len(images))
    if len(images) > 1:
        write_collection(out, images, base_name, ome_zarr_version, plain(attributes))
    summaries = [
        write_image(
            image,
            out / path if path else out,
            name=base_name,
            path=path,
            ome_zarr_version=ome_zarr_version,
            memory_budget_bytes=memory_budget_bytes,
            attributes=attributes,
            on_values=on_values,
            halve_z=halve_z,
        )
        for image, path in zip(images, paths, strict=True)
    ]
    if len(images) > 1:
        consolidate(out, _zarr_format(ome_zarr_version))
    give_back()
    return summaries


def _zarr_format(version: OmeZarrVersion) -> Literal[2, 3]:
    return 2 if version == "0.4" else 3


def write_image(
    image: Image,
    out: Path,
    *,
    name: str = "",
    path: str = "",
    ome_zarr_version: OmeZarrVersion = "0.5",
    memory_budget_bytes: int,
    attributes: Mapping[str, Any],
    on_values: Callable[[int], None] | None = None,
    halve_z: bool = True,
) -> ImageSummary:
    """Write one image as one multiscale into the new folder ``out``.

    Parameters
    ----------
    name
        What it is called where the file gives it no name of its own.

    Raises
    ------
    UnsupportedFormatError
        If the pixels are complex, or of a type without a Zarr equivalent.
    """
    dtype = np.dtype(image.pixels.dtype).newbyteorder("=")
    if dtype.kind not in "iufb" or dtype.itemsize > 8:
        message = f"image {image.name!r}: pixels of type {dtype} have no place in OME-Zarr"
        raise UnsupportedFormatError(message)
    shape = tuple(image.pixels.shape)
    levels = levels_of(image, halve_z=halve_z)
    band_rows = _band_rows(shape[-1], dtype.itemsize, memory_budget_bytes)
    zarr_format = _zarr_format(ome_zarr_version)
    create_group(out, {}, zarr_format)
    arrays = [
        _create_level(out / str(n), level.shape, dtype, band_rows, image.axes, zarr_format)
        for n, level in enumerate(levels)
    ]
    extremes = _LevelWriter(image, levels, arrays, dtype, band_rows).write_all(on_values)
    wrapped = image_metadata(image, name, ome_zarr_version, levels, extremes)
    zarr.open_group(out, mode="r+", zarr_format=zarr_format).attrs.update(
        {**plain({**attributes, **image_facts(image)}), **wrapped}
    )
    consolidate(out, zarr_format)
    return ImageSummary(
        name=image.name,
        path=path,
        shape=shape,
        dtype=dtype.name,
        axes=image.axes,
        kind=image.kind,
        levels=tuple(level.shape for level in levels),
        scale=dict(image.scale),
        axis_units=dict(image.axis_units),
        channel_names=tuple(image.channel_names),
    )


def _band_rows(n_x: int, itemsize: int, budget_bytes: int) -> int:
    """Rows held at once: a power of two, such that what is held fits the budget.

    That is one band being compressed, one being read, bands of lower levels (half, a quarter, … of it)
    and one of these once more while it is put together.
    """
    rows = _SHARD
    while rows > _MIN_BAND_ROWS and 3.5 * rows * n_x * itemsize > budget_bytes:
        rows //= 2
    return rows


def _create_level(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    band_rows: int,
    axes: str,
    zarr_format: Literal[2, 3],
) -> Any:
    n_y, n_x = shape[-2:]
    rows, columns = min(_CHUNK, band_rows), _CHUNK
    if n_y <= rows:
        rows = n_y
    columns = min(columns, n_x)
    shard_rows = rows if n_y <= rows else min(band_rows, -(-n_y // rows) * rows)
    # low shards are wide: as many pixels, so as few objects
    together = max(1, _SHARD * _SHARD // (shard_rows * columns))
    shard_columns = columns * min(together, -(-n_x // columns))
    leading = (1,) * (len(shape) - 2)
    chunk, shard = (*leading, rows, columns), (*leading, shard_rows, shard_columns)
    return create_bulk_array(
        path,
        shape=shape,
        dtype=dtype,
        chunk=chunk,
        shard=None if chunk == shard else shard,
        dimensions=list(axes),
        attributes={},
        zarr_format=zarr_format,
        image=True,
    )


class _LevelWriter:
    """Writes all levels of one image, plane by plane and band by band."""

    def __init__(
        self,
        image: Image,
        levels: list[Level],
        arrays: list[Any],
        dtype: np.dtype[Any],
        band_rows: int,
    ) -> None:
        self._image = image
        self._levels = levels
        self._arrays = arrays
        self._dtype = dtype
        self._band_rows = band_rows
        self._averages = averages(image)
        self._pending: list[tuple[Any, int]] = []

    def write_all(self, on_values: Callable[[int], None] | None) -> dict[int, tuple[float, float]]:
        """Write all levels; return (minimum, maximum) of each channel."""
        image, shape = self._image, self._levels[0].shape
        extremes: dict[int, tuple[float, float]] = {}
        # planes in an order in which a decoded RGB plane serves all its channels before the next z or t
        order = [i for i, axis in enumerate(image.axes[:-2]) if axis != "c"]
        order += [i for i, axis in enumerate(image.axes[:-2]) if axis == "c"]
        for picked in itertools.product(*(range(shape[i]) for i in order)):
            index = tuple(picked[order.index(i)] for i in range(len(shape) - 2))
            channel = index[image.axes.index("c")] if "c" in image.axes else 0
            pyramid = self._plane(index)
            for rows in self._bands(index):
                extremes[channel] = _wider(extremes.get(channel), rows)
                # the band before was compressed while this one was read
                self._wait(rows.nbytes // 2)
                pyramid.feed(rows)
                if on_values is not None:
                    on_values(rows.size)
            pyramid.finish()
        self._wait(0)
        return extremes

    def _bands(self, index: tuple[int, ...]) -> Iterator[Rows]:
        """Read one plane of the source."""
        n_y, n_x = self._levels[0].shape[-2:]
        leading = tuple(slice(i, i + 1) for i in index)
        for start in range(0, n_y, self._band_rows):
            stop = min(start + self._band_rows, n_y)
            block = np.asarray(self._image.pixels[(*leading, slice(start, stop), slice(0, n_x))])
            yield np.ascontiguousarray(block.reshape(stop - start, n_x), self._dtype)

    def _plane(self, index: tuple[int, ...]) -> PlanePyramid:
        """Return what takes one plane of level 0 and writes each level that is then complete.

        Where z is halved, a plane goes on to the next level with its partner, the one after it; the last
        of an odd number by itself. Of labels the first of two goes on.
        """
        writes: list[Callable[[int, Rows], None]] = []
        halves: list[Callable[[int, Rows], Rows]] = []
        halve = halve_mean if self._averages else halve_nearest
        at_z = self._image.axes.find("z")
        for n, array in enumerate(self._arrays):
            writes.append(self._band_writer(array, index))
            if n + 1 == len(self._arrays):
                break
            earlier: tuple[int, ...] | None = None
            if at_z >= 0 and self._levels[n + 1].factors[at_z] > self._levels[n].factors[at_z]:
                z = index[at_z]
                is_second = bool(z % 2)
                is_last = z + 1 == self._levels[n].shape[at_z]
                if is_second if not self._averages else not (is_second or is_last):
                    break
                if is_second:
                    earlier = (*index[:at_z], z - 1, *index[at_z + 1 :])
                index = (*index[:at_z], z // 2, *index[at_z + 1 :])
            halves.append(self._halver(halve, array, earlier))
        return PlanePyramid(writes, halves, self._band_rows)

    def _band_writer(self, array: Any, index: tuple[int, ...]) -> Callable[[int, Rows], None]:
        """Return what starts writing rows of one plane of ``array``."""
        leading = tuple(slice(i, i + 1) for i in index)

        def write(first: int, rows: Rows) -> None:
            key = (*leading, slice(first, first + len(rows)))
            writing = start_writing(array, key, rows[(None,) * len(leading)])
            self._pending.append((writing, rows.nbytes))

        return write

    def _halver(
        self, halve: Callable[..., Rows], array: Any, earlier: tuple[int, ...] | None
    ) -> Callable[[int, Rows], Rows]:
        """Return what halves rows, together with those of an earlier plane where there is one."""
        if earlier is None:
            return lambda _first, rows: halve(rows)

        def halve_two(first: int, rows: Rows) -> Rows:
            # read back: holding planes would take memory with the size of a plane
            self._wait(0)
            before = array[(*earlier, slice(first, first + len(rows)))].read().result()
            return halve(np.asarray(before), rows)

        return halve_two

    def _wait(self, n_bytes: int) -> None:
        """Wait until at most ``n_bytes`` are being written."""
        while sum(size for _, size in self._pending) > n_bytes:
            self._pending.pop(0)[0].result()


def _wider(known: tuple[float, float] | None, rows: np.ndarray[Any, Any]) -> tuple[float, float]:
    low, high = rows.min(), rows.max()
    if rows.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        finite = rows[np.isfinite(rows)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    if known is None:
        return float(low), float(high)
    return min(known[0], float(low)), max(known[1], float(high))


def image_facts(image: Image) -> dict[str, Any]:
    """Return what is stated of an image beside its OME metadata."""
    facts: dict[str, Any] = {
        "image_name": json_safe(image.name),
        "image_kind": image.kind,
        "physical_size_known": sorted(image.scale),
        "image_metadata": json_safe(image.metadata),
    }
    if image.channel_names:
        facts["image_channel_names"] = json_safe(image.channel_names)
    return facts
