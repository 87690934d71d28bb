"""Gatan DigitalMicrograph .dm3 and .dm4: images, stacks and spectrum images.

Pixels are mapped from the file. A third axis is z, t or, where it is an energy or a spectrum, channels; its
unit decides, never its position. Reciprocal units (1/nm) and energies have no place in OME-Zarr's axes:
their calibration stays in the metadata. Spectra, curves, complex and 4-D values are no images: they are kept as
arrays with their axes where a file holds nothing else.
"""

from __future__ import annotations

import math
import struct
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import ArrayGroup, Contents, Evidence, Image, StoredArray
from sparc_fuse_core.readers.dm.axes import (
    COMPLEX,
    axes_of,
    calibrations_of,
    entries_of,
    is_picture,
    text_of,
)
from sparc_fuse_core.readers.dm.tags import Tree, place_of, read_tags
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names
from sparc_fuse_core.readers.shared.units import length_unit, time_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DTYPES = {
    1: "i2",
    2: "f4",
    6: "u1",
    7: "i4",
    9: "i1",
    10: "u2",
    11: "u4",
    12: "f8",
    14: "u1",
}
_BINARY = 14
_COLOUR = (8, 23)  # a 32-bit number for each pixel
_FACTS = ("Voltage", "Indicated Magnification", "Actual Magnification", "Operation Mode")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a DigitalMicrograph file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        with path.open("rb") as file:
            version, order, tree = read_tags(file)
    except (ValueError, KeyError, IndexError, OverflowError, OSError, struct.error) as err:
        message = f"{path.name}: not a readable DigitalMicrograph file ({err}); upload it again"
        raise CorruptFileError(message) from err
    with ExitStack() as stack:
        yield _contents(path, version, order, tree, stack)


def _contents(path: Path, version: int, order: str, tree: Tree, stack: ExitStack) -> Contents:
    images = []
    groups: list[ArrayGroup] = []
    evidence = []
    for number, entry in entries_of(tree):
        try:
            found = _image(path, order, entry, stack)
        except (KeyError, TypeError, AttributeError) as err:
            message = f"{path.name}: image {number} is damaged: {err!r}"
            raise CorruptFileError(message) from err
        if isinstance(found, Image):
            images.append(found)
            if "c" in found.axes and found.kind != "rgb":
                sentence = f"{found.name or 'image'}: its spectral axis is kept as channels"
                evidence.append(Evidence("axes", "file", sentence))
        elif isinstance(found, ArrayGroup):
            groups.append(found)
        else:
            evidence.append(Evidence("content", "missing", found))
    if groups and not images:
        names = unique_names(group.name for group in groups)
        named = [replace(g, name=name or "data") for g, name in zip(groups, names, strict=True)]
        sentence = (
            "spectra and curves are kept as arrays with their axes: a wavelength is no length"
        )
        return Contents(
            arrays=ArrayGroup(groups=tuple(named)),
            metadata={"dm_version": version},
            evidence=(*evidence, Evidence("axes", "file", sentence)),
        )
    evidence += [
        Evidence(
            "content", "missing", f"{group.name!r} is no image: left out beside those that are"
        )
        for group in groups
    ]
    if not images and evidence:
        message = f"{path.name}: no image in it: " + "; ".join(e.sentence for e in evidence)
        raise UnsupportedFormatError(message)
    if not images:
        message = f"{path.name}: holds no image but a thumbnail"
        raise EmptyFileError(message)
    names = unique_names(image.name for image in images)
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        metadata={"dm_version": version},
        evidence=tuple(evidence),
    )


def _image(path: Path, order: str, entry: Tree, stack: ExitStack) -> Image | ArrayGroup | str:
    """Return an image, an array with its axes where the entry is none, or why it cannot be read."""
    data: Tree = entry["ImageData"]
    name = str(entry.get("Name") or "")
    label = repr(name) if name else "an image"
    # stated from the fastest axis, x, on
    shape = tuple(int(n) for n in data["Dimensions"].values())[::-1]
    kind = int(data["DataType"])
    if kind not in _DTYPES and kind not in _COLOUR and kind not in COMPLEX:
        return f"{label} has pixels of type {kind} (packed), which is not read"
    axes = axes_of(entry, data, shape)
    is_image = is_picture(axes, kind)
    place = place_of(data["Data"])
    colour = kind in _COLOUR
    dtype = np.dtype("u1" if colour else f"{order}{(_DTYPES | COMPLEX)[kind]}")
    stored = (*shape, 4) if colour else shape
    size = math.prod(stored) * dtype.itemsize
    if not all(shape) or place is None or place.size_bytes != size:
        held = place.size_bytes if place else 0
        message = f"{path.name}: {label} of shape {shape} needs {size} bytes, the file has {held}"
        raise CorruptFileError(message)
    if place.offset_bytes + size > path.stat().st_size:
        message = f"{path.name}: truncated inside {label}; upload it again"
        raise CorruptFileError(message)
    mapped = MappedFile(path, dtype, stored, place.offset_bytes)
    stack.callback(mapped.close)
    pixels: Any = mapped
    if not is_image:
        return _arrays(name, mapped, entry, data)
    if colour:
        axes = axes.replace("yx", "cyx").replace("zc", "cz")
        shape = tuple(
            3 if axis == "c" else shape[axes.replace("c", "").index(axis)] for axis in axes
        )
        pixels = by_plane(axes, shape, dtype, _colour_reader(mapped, order), samples=True)
    calibrations = calibrations_of(data)
    scale, units = _scale(axes.replace("c", "") if colour else axes, calibrations)
    channels = _energies(axes, shape, calibrations) if "c" in axes and not colour else ()
    return Image(
        name,
        pixels,
        axes,
        scale,
        units,
        "rgb" if colour else "label" if kind == _BINARY else "intensity",
        RGB if colour else channels,
        RGB_COLORS if colour else (),
        metadata=_metadata(entry, data, calibrations),
    )


def _arrays(name: str, values: MappedFile, entry: Tree, data: Tree) -> ArrayGroup:
    """Return values that are no image with the calibration of each axis; nothing is claimed of them."""
    calibrations = calibrations_of(data)
    n_axes = len(values.shape)
    brightness = (data.get("Calibrations") or {}).get("Brightness") or {}
    # calibrations go from the fastest axis on
    axes = [
        calibrations[n_axes - 1 - i] if n_axes - 1 - i < len(calibrations) else {}
        for i in range(n_axes)
    ]
    names = [f"axis_{i}" for i in range(n_axes)]
    coordinates = [
        StoredArray(
            axis_name,
            (np.arange(length) - axis["origin"]) * axis["scale"],
            (axis_name,),
            axis["unit"],
        )
        for axis_name, axis, length in zip(names, axes, values.shape, strict=True)
        if axis and axis["unit"] and math.isfinite(axis["scale"]) and math.isfinite(axis["origin"])
    ]
    array = StoredArray("values", values, tuple(names), text_of(brightness.get("Units")))
    facts = _metadata(entry, data, calibrations)
    return ArrayGroup(name, (array, *coordinates), attributes=facts)


def _colour_reader(mapped: MappedFile, order: str) -> Any:
    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        key = (*(slice(i, i + 1) for i in index), slice(*of_y), slice(*of_x), slice(0, 4))
        block = mapped[key].reshape(of_y[1] - of_y[0], of_x[1] - of_x[0], 4)
        # a pixel is one 32-bit number: unused, red, green and blue from its highest byte on
        return block[..., 2::-1] if order == "<" else block[..., 1:]

    return read_plane


def _scale(
    axes: str, calibrations: list[dict[str, Any]]
) -> tuple[dict[str, float], dict[str, str]]:
    scale, units = {}, {}
    for axis, calibration in zip(axes[::-1], calibrations, strict=False):
        find = time_unit if axis == "t" else length_unit
        unit = "" if axis == "c" else find(calibration["unit"])
        if unit and math.isfinite(calibration["scale"]) and calibration["scale"] > 0:
            scale[axis], units[axis] = calibration["scale"], unit
    return scale, units


def _energies(
    axes: str, shape: tuple[int, ...], calibrations: list[dict[str, Any]]
) -> tuple[str, ...]:
    """Return the stated energy or wavelength of each channel, where the axis is calibrated."""
    if len(calibrations) < len(axes) or not calibrations[2]["unit"]:
        return ()
    axis = calibrations[2]
    return tuple(
        f"{(i - axis['origin']) * axis['scale']:g} {axis['unit']}" for i in range(shape[0])
    )


def _metadata(entry: Tree, data: Tree, calibrations: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "axis_calibrations_x_first": [
            {key: v if key == "unit" or math.isfinite(v) else None for key, v in c.items()}
            for c in calibrations
        ]
    }
    brightness = (data.get("Calibrations") or {}).get("Brightness") or {}
    if brightness:
        facts["brightness"] = {
            "origin": float(brightness.get("Origin", 0.0)),
            "scale": float(brightness.get("Scale", 1.0)),
            "unit": text_of(brightness.get("Units")),
        }
    microscope = (entry.get("ImageTags") or {}).get("Microscope Info") or {}
    if isinstance(microscope, dict):
        for key in _FACTS:
            value = microscope.get(key)
            if isinstance(value, str) or (isinstance(value, float) and math.isfinite(value)):
                facts[key.lower().replace(" ", "_")] = value
    return facts
