"""What the XML of a LIF states of each image: dimensions, channels, tiles."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import liffile
import numpy as np

from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree import ElementTree as ET

    import liffile

_GRADIENT = re.compile(r"\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_COLORS = {
    "Red": "FF0000",
    "Green": "00FF00",
    "Blue": "0000FF",
    "Gray": "FFFFFF",
    "Cyan": "00FFFF",
    "Magenta": "FF00FF",
    "Yellow": "FFFF00",
}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis of an image, as its header states it."""

    number: int
    length: int
    origin: float
    extent: float  # from the first to the last element
    unit: str
    step_bytes: int

    @property
    def step(self) -> float:
        """Distance of two elements; NaN of a single one."""
        return self.extent / (self.length - 1) if self.length > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: how its values are stored and shown."""

    dtype: np.dtype[Any]
    bits: int
    tag: int  # 0 gray, 1 red, 2 green, 3 blue
    lut: str
    name: str
    offset_bytes: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One image element of the header."""

    name: str
    dimensions: tuple[Dimension, ...]
    channels: tuple[Channel, ...]
    offset_bytes: int
    size_bytes: int
    tiles: tuple[Mapping[str, float], ...] = ()


def pictures_of(path: Path, file: liffile.LifFile) -> tuple[list[Picture], list[str]]:
    """Return the images of the header, and what is left out and why."""
    pictures, left_out = [], []
    try:
        for name, element in _elements(file.xml_element, ""):
            if element.find("./Data/SingleMoleculeDetection") is not None:
                left_out.append(f"{name!r} holds photon lifetimes, not pixels")
                continue
            description = element.find("./Data/Image/ImageDescription")
            memory = element.find("./Memory")
            if description is None or memory is None:
                continue
            block = file.memory_blocks.get(memory.get("MemoryBlockID") or "")
            picture = Picture(
                name,
                tuple(_dimension(d) for d in description.iter("DimensionDescription")),
                _named(element, [_channel(c) for c in description.iter("ChannelDescription")]),
                block.offset if block is not None else -1,
                block.size if block is not None else 0,
                _tiles(element),
            )
            if block is None or not block.size:
                left_out.append(f"{name!r} was never recorded: its memory block is empty")
            elif 1 not in {d.number for d in picture.dimensions}:
                left_out.append(f"{name!r} has no x axis")
            else:
                _check(path, picture)
                pictures.append(picture)
    except (KeyError, ValueError) as err:
        message = f"{path.name}: the header is damaged ({err!r})"
        raise CorruptFileError(message) from err
    return pictures, left_out


def _elements(parent: ET.Element, base: str) -> Iterator[tuple[str, ET.Element]]:
    """Yield every element that holds data, with its path in the container."""
    for element in (*parent.findall("./Element"), *parent.findall("./Children/Element")):
        name = element.get("Name") or ""
        # the outermost element is the file itself
        path = f"{base}/{name}" if base else name
        if element.find("./Data/Image") is not None or (
            element.find("./Data/SingleMoleculeDetection") is not None
        ):
            yield path, element
        yield from _elements(element, path if parent.tag == "Element" or base else "")


def _named(element: ET.Element, channels: list[Channel]) -> tuple[Channel, ...]:
    """Give channels without a name that of their filter cube or dye in the hardware's settings.

    Those settings list wide-field channels, or the active detectors with the dye of their band; they are
    taken where there are as many as channels.
    """
    if any(channel.name for channel in channels):
        return tuple(channels)
    names = [
        info.get("UserDefName") or info.get("FluoCubeName") or ""
        for info in element.iter("WideFieldChannelInfo")
    ]
    if len(names) != len(channels):
        bands = {
            band.get("Channel"): band.get("DyeName") or "" for band in element.iter("MultiBand")
        }
        active = {
            int(number): bands.get(number, "")
            for detector in element.iter("Detector")
            if detector.get("IsActive") == "1"
            and (number := detector.get("Channel") or "").isdigit()
        }
        names = [active[number] for number in sorted(active)]
    if len(names) != len(channels) or not all(names):
        return tuple(channels)
    return tuple(replace(channel, name=name) for channel, name in zip(channels, names, strict=True))


def _tiles(element: ET.Element) -> tuple[Mapping[str, float], ...]:
    """Return column, row and stage place in metre of each tile of a mosaic, as stated; not stitched."""
    tiles = []
    for tile in element.iter("Tile"):
        stated = {
            "column": tile.get("FieldX"),
            "row": tile.get("FieldY"),
            "position_x_m": tile.get("PosX"),
            "position_y_m": tile.get("PosY"),
            "position_z_m": tile.get("PosZ"),
        }
        try:
            tiles.append({key: float(text) for key, text in stated.items() if text})
        except ValueError:
            return ()
    return tuple(tiles)


def _dimension(element: ET.Element) -> Dimension:
    return Dimension(
        int(element.attrib["DimID"]),
        int(element.attrib["NumberOfElements"]),
        float(element.attrib["Origin"]),
        float(element.attrib["Length"]),
        element.get("Unit") or "",
        int(element.attrib["BytesInc"]),
    )


def _channel(element: ET.Element) -> Channel:
    bits = int(element.attrib["Resolution"])
    itemsize = next((size for size in (1, 2, 4, 8) if bits <= 8 * size), 0)
    kind = {"0": "u", "1": "f"}.get(element.attrib["DataType"], "")
    if not kind or not itemsize or bits < 1 or (kind == "f" and itemsize == 1):
        message = f"channel of {bits} bits and data type {element.attrib['DataType']}"
        raise ValueError(message)
    properties = {
        entry.findtext("Key"): entry.findtext("Value") or ""
        for entry in element.findall("ChannelProperty")
    }
    return Channel(
        np.dtype(f"<{kind}{itemsize}"),
        bits,
        int(element.attrib["ChannelTag"]),
        element.get("LUTName") or "",
        properties.get("DyeName", ""),
        int(element.attrib["BytesInc"]),
    )


def color_of(lut: str) -> str:
    """Return RRGGBB of a display table: a colour's name, or the end of a gradient."""
    match = _GRADIENT.search(lut)
    if match:
        return "".join(f"{min(int(part), 255):02X}" for part in match.groups())
    return _COLORS.get(lut, "")


def _check(path: Path, picture: Picture) -> None:
    """Refuse a layout that reaches beyond its memory block or states a dimension twice."""
    numbers = [d.number for d in picture.dimensions]
    if not picture.channels or len(set(numbers)) != len(numbers):
        message = f"{path.name}: image {picture.name!r} states no channel, or a dimension twice"
        raise CorruptFileError(message)
    if any(d.length < 1 or d.step_bytes < 0 for d in picture.dimensions):
        message = f"{path.name}: image {picture.name!r} has an empty or negative dimension"
        raise CorruptFileError(message)
    last = sum((d.length - 1) * d.step_bytes for d in picture.dimensions)
    end = max(c.offset_bytes + c.dtype.itemsize for c in picture.channels)
    if last + end > picture.size_bytes:
        message = (
            f"{path.name}: image {picture.name!r} needs {last + end} bytes, its memory block "
            f"holds {picture.size_bytes}"
        )
        raise CorruptFileError(message)
