"""Several images of one file as others write them: the ``bioformats2raw.layout`` 3 collection.

Members are called ``0``, ``1`` …; ``OME/METADATA.ome.xml`` tells their names, sizes and steps, and the group
``OME`` their order. That is what ome-zarr-py and Bio-Formats look for
(OME-NGFF 0.4 and 0.5, "bioformats2raw.layout").
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.writers.zarr_arrays import create_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Image

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"

#: Pixel types of OME's model by ours; others have none there.
_TYPES = {
    **{name: name for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32")},
    "float32": "float",
    "float64": "double",
    "bool": "bit",
}

#: OME's symbols of the units that NGFF spells out.
_UNITS = {
    "angstrom": "\u00c5",
    "picometer": "pm",
    "nanometer": "nm",
    "micrometer": "\u00b5m",
    "millimeter": "mm",
    "centimeter": "cm",
    "decimeter": "dm",
    "meter": "m",
    "kilometer": "km",
    "inch": "in",
    "foot": "ft",
    "yard": "yd",
    "mile": "mi",
    "parsec": "pc",
    "picosecond": "ps",
    "nanosecond": "ns",
    "microsecond": "\u00b5s",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
}


def series_paths(n_images: int) -> list[str]:
    """Return where each image of a file lies below its result: ``""`` for an only one."""
    return [""] if n_images == 1 else [str(n) for n in range(n_images)]


def write_collection(
    out: Path,
    images: Sequence[Image],
    base_name: str,
    version: Literal["0.4", "0.5"],
    attributes: Mapping[str, Any],
) -> None:
    """Make the root and the group ``OME`` of a collection; its images are written by the caller.

    Parameters
    ----------
    base_name
        Of the source file; images without a name of their own are called by it.
    version
        Of OME-Zarr.
    """
    paths = series_paths(len(images))
    layout: dict[str, Any] = {"bioformats2raw.layout": 3}
    series: dict[str, Any] = {"series": paths}
    if version != "0.4":
        layout = {"ome": {"version": version, **layout}}
        series = {"ome": {"version": version, **series}}
    zarr_format: Literal[2, 3] = 2 if version == "0.4" else 3
    create_group(out, {**attributes, **layout}, zarr_format)
    create_group(out / "OME", series, zarr_format)
    document = ome_xml(images, base_name)
    if document is not None:
        (out / "OME" / "METADATA.ome.xml").write_bytes(document)


def ome_xml(images: Sequence[Image], base_name: str) -> bytes | None:
    """Return the OME-XML of images, or None where OME's model lacks the type of one's pixels."""
    root = ET.Element("OME", {"xmlns": _NAMESPACE})
    for n, image in enumerate(images):
        dtype = np.dtype(image.pixels.dtype).newbyteorder("=").name
        if dtype not in _TYPES:
            return None
        element = ET.SubElement(
            root, "Image", {"ID": f"Image:{n}", "Name": _xml_text(image.name) or base_name}
        )
        element.append(_pixels(image, n, _TYPES[dtype]))
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _pixels(image: Image, n: int, dtype: str) -> ET.Element:
    sizes = dict(zip(image.axes, image.pixels.shape, strict=True))
    stated = {
        "ID": f"Pixels:{n}",
        "DimensionOrder": "XYZCT",
        "Type": dtype,
        **{f"Size{axis.upper()}": str(sizes.get(axis, 1)) for axis in "xyzct"},
    }
    names = {"x": "PhysicalSizeX", "y": "PhysicalSizeY", "z": "PhysicalSizeZ", "t": "TimeIncrement"}
    for axis, name in names.items():
        unit = _UNITS.get(image.axis_units.get(axis, ""))
        if (
            axis in image.scale and unit
        ):  # without a unit OME's model would take micrometres or seconds
            stated |= {name: repr(float(image.scale[axis])), f"{name}Unit": unit}
    if image.significant_bits is not None:
        stated["SignificantBits"] = str(image.significant_bits)
    pixels = ET.Element("Pixels", stated)
    for c in range(sizes.get("c", 1)):
        channel = {"ID": f"Channel:{n}:{c}", "SamplesPerPixel": "1"}
        name = _xml_text(image.channel_names[c]) if image.channel_names else ""
        ET.SubElement(pixels, "Channel", channel | ({"Name": name} if name else {}))
    ET.SubElement(pixels, "MetadataOnly")
    return pixels


def _xml_text(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    safe: str = json_safe(text)
    return "".join(letter for letter in safe if letter.isprintable())
