"""Leica LIF: every image of the container, read by the byte steps that its header states.

liffile finds the header and the memory blocks. Each dimension and channel states its distance in bytes,
so a plane is a strided view of one read, whatever the scan (xyz, xzt, RGB with padded rows). Wavelength
axes become channels; mosaic positions, rotations and loops become images of their own: nothing is
stitched or folded into time. Leica states lengths in metre from the first to the last element.
"""

from __future__ import annotations

import math
import struct
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import liffile
import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.lif.elements import Channel, Dimension, Picture, color_of, pictures_of
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_AXES = {1: "x", 2: "y", 3: "z", 4: "t"}
_WAVELENGTHS = {5: "emission", 9: "excitation"}
_FURTHER = {6: "rotation", 7: "xt slice", 8: "t slice", 10: "position", 11: "loop"}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a LIF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        file = liffile.LifFile(path)
    except (ValueError, KeyError, AttributeError, OSError, struct.error, ET.ParseError) as err:
        message = f"{path.name}: not a readable LIF file ({err}); upload it again"
        raise CorruptFileError(message) from err
    with file:
        if file.type != liffile.LifFileType.LIF:
            message = f"{path.name}: a Leica {file.type.name} file, not a LIF container"
            raise UnsupportedFormatError(message)
        yield _contents(path, file)


def _contents(path: Path, file: liffile.LifFile) -> Contents:
    pictures, left_out = pictures_of(path, file)
    images: list[Image] = []
    evidence = [Evidence("content", "missing", sentence) for sentence in left_out]
    size_bytes = path.stat().st_size
    for picture in pictures:
        if picture.offset_bytes + picture.size_bytes > size_bytes:
            message = f"{path.name}: truncated inside image {picture.name!r}; upload it again"
            raise CorruptFileError(message)
        found = _images(path, file, picture)
        images += found
        evidence += _evidence(picture, len(found))
    if not images:
        reason = "; ".join(left_out) or "the header lists none"
        message = f"{path.name}: no image to read ({reason})"
        if left_out:
            raise UnsupportedFormatError(message)
        raise EmptyFileError(message)
    names = unique_names(image.name for image in images)
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        metadata={"lif_version": file.version},
        evidence=tuple(evidence),
    )


def _images(path: Path, file: liffile.LifFile, picture: Picture) -> list[Image]:
    """Return one image for each dtype and each combination of positions, rotations and loops."""
    further = [d for d in picture.dimensions if _is_further(d)]
    dtypes = list(dict.fromkeys(channel.dtype for channel in picture.channels))
    images = []
    for combination in product(*(range(d.length) for d in further)):
        shift = sum(d.step_bytes * i for d, i in zip(further, combination, strict=True))
        place = {
            _FURTHER.get(d.number, f"dimension {d.number}"): i
            for d, i in zip(further, combination, strict=True)
        }
        for dtype in dtypes:
            channels = [channel for channel in picture.channels if channel.dtype == dtype]
            name = " ".join(
                [picture.name]
                + [f"{label} {i}" for label, i in place.items()]
                + ([str(dtype.name)] if len(dtypes) > 1 else [])
            )
            image = _image(path, file, picture, channels, name, shift, place)
            at = place.get("position")
            if at is not None and at < len(picture.tiles):
                image = replace(image, metadata={**image.metadata, "tile": dict(picture.tiles[at])})
            images.append(image)
    return images


def _is_further(dimension: Dimension) -> bool:
    known = dimension.number in _AXES or dimension.number in _WAVELENGTHS
    return dimension.length > 1 and not known


def _image(
    path: Path,
    file: liffile.LifFile,
    picture: Picture,
    channels: Sequence[Channel],
    name: str,
    shift_bytes: int,
    place: Mapping[str, int],
) -> Image:
    spatial = {_AXES[d.number]: d for d in picture.dimensions if d.number in _AXES}
    waves = [d for d in picture.dimensions if d.number in _WAVELENGTHS and d.length > 1]
    rgb = sorted(channel.tag for channel in channels) == [1, 2, 3] and not waves
    if rgb:
        channels = sorted(channels, key=lambda channel: channel.tag)
    # offset in bytes of each c: a channel at each combination of wavelengths
    bands = list(product(*(range(d.length) for d in waves)))
    offsets = [
        channel.offset_bytes + sum(d.step_bytes * i for d, i in zip(waves, band, strict=True))
        for channel in channels
        for band in bands
    ]
    names = RGB if rgb else _names(channels, waves, bands)
    with_c = len(offsets) > 1 or any(names)
    axes = "".join(
        axis
        for axis in "tczyx"
        if axis in "yx"
        or (axis == "c" and with_c)
        or (axis in spatial and spatial[axis].length > 1)
    )
    lengths = {axis: dimension.length for axis, dimension in spatial.items()}
    # a line scan (xz, xt) has no y axis: one row
    lengths |= {"y": lengths.get("y", 1), "c": len(offsets)}
    steps = {axis: dimension.step_bytes for axis, dimension in spatial.items()}
    start = picture.offset_bytes + shift_bytes
    dtype = channels[0].dtype

    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        at = dict(zip(axes, index, strict=False)) | {"y": of_y[0], "x": of_x[0]}
        offset = start + offsets[at.pop("c", 0)]
        offset += sum(steps.get(axis, 0) * i for axis, i in at.items())
        shape = (of_y[1] - of_y[0], of_x[1] - of_x[0])
        strides = (steps.get("y", 0), steps["x"])
        size = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + dtype.itemsize
        file.filehandle.seek(offset)
        data = file.filehandle.read(size)
        if len(data) != size:
            message = f"{path.name}: truncated inside image {name!r}; upload it again"
            raise CorruptFileError(message)
        return np.ndarray(shape, dtype, data, 0, strides)

    colors = RGB_COLORS if rgb else tuple(color_of(c.lut) for c in channels)
    scale, units = _scale(axes, spatial)
    return Image(
        name,
        by_plane(axes, tuple(lengths[axis] for axis in axes), dtype, read_plane),
        axes,
        scale,
        units,
        "rgb" if rgb else "intensity",
        names if with_c and any(names) else (),
        colors if with_c and len(colors) == len(offsets) and all(colors) else (),
        channels[0].bits if len({channel.bits for channel in channels}) == 1 else None,
        {
            "dimensions": [
                {
                    "id": d.number,
                    "n": d.length,
                    "origin": d.origin,
                    "length": d.extent,
                    "unit": d.unit,
                }
                for d in picture.dimensions
            ],
            "lut_names": [channel.lut for channel in channels],
            **place,
        },
    )


def _names(
    channels: Sequence[Channel], waves: Sequence[Dimension], bands: Sequence[tuple[int, ...]]
) -> tuple[str, ...]:
    """Return a name for each c: the dye, where stated, and the wavelengths."""
    names = []
    for channel, band in product(channels, bands):
        parts = [channel.name] if channel.name else []
        for dimension, i in zip(waves, band, strict=True):
            value = dimension.origin + i * dimension.step
            shown = f"{value * 1e9:g} nm" if dimension.unit == "m" else f"{value:g}"
            parts.append(f"{_WAVELENGTHS[dimension.number]} {shown}")
        names.append(" ".join(parts))
    return tuple(names)


def _scale(axes: str, spatial: Mapping[str, Dimension]) -> tuple[dict[str, float], dict[str, str]]:
    scale, units = {}, {}
    for axis, dimension in spatial.items():
        step = abs(dimension.step)
        if axis not in axes or not math.isfinite(step) or step == 0:
            continue
        if axis == "t" and dimension.unit == "s":
            scale[axis], units[axis] = step, "second"
        elif axis != "t" and dimension.unit == "m":
            scale[axis], units[axis] = step * 1e6, "micrometer"
    return scale, units


def _evidence(picture: Picture, n_images: int) -> Iterator[Evidence]:
    for dimension in picture.dimensions:
        if dimension.length < 2:
            continue
        if dimension.number in _WAVELENGTHS:
            yield Evidence(
                "axes",
                "file",
                f"image {picture.name!r}: its {_WAVELENGTHS[dimension.number]} wavelength axis is "
                "kept as channels, named by the stated wavelengths",
            )
        elif dimension.number not in _AXES:
            label = _FURTHER.get(dimension.number, f"dimension {dimension.number}")
            yield Evidence(
                "axes",
                "file",
                f"image {picture.name!r}: its {dimension.length} elements of {label!r} are separate "
                f"images ({n_images} in all); tiles are not stitched",
            )
        elif dimension.number in (1, 2, 3) and dimension.extent < 0:
            yield Evidence(
                "scale",
                "file",
                f"image {picture.name!r}: {_AXES[dimension.number]} runs against the stage's axis; "
                "the order is kept as stored",
            )
