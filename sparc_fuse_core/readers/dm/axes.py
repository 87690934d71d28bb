"""What the entries of a DigitalMicrograph file are: pictures with axes, or spectra, curves and complex values.

The plan asks too, as a picture and an array go to outputs of different names: nothing heavy is imported here.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from sparc_fuse_core.readers.dm.tags import Tree, read_tags
from sparc_fuse_core.readers.shared.units import time_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Data types of complex values, with numpy's.
COMPLEX = {3: "c8", 13: "c16"}
_ENERGIES = ("eV", "keV")


def only_arrays(file: BinaryIO) -> bool:
    """Whether a file holds spectra, curves or complex values and no picture.

    What cannot be read is not; that is told when it is converted.
    """
    try:
        _, _, tree = read_tags(file)
        found = [
            is_picture(
                axes_of(entry, data, tuple(int(n) for n in data["Dimensions"].values())[::-1]),
                int(data["DataType"]),
            )
            for _, entry in entries_of(tree)
            for data in (entry["ImageData"],)
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return False
    except struct.error:
        return False
    return bool(found) and not any(found)


def entries_of(tree: Tree) -> Iterator[tuple[int, Tree]]:
    """Yield number and tags of each image that is no thumbnail."""
    thumbnails = {
        entry.get("ImageIndex")
        for entry in (tree.get("Thumbnails") or {}).values()
        if isinstance(entry, dict)
    }
    entries = tree.get("ImageList") or {}
    for number, entry in enumerate(entries.values() if isinstance(entries, dict) else ()):
        if number not in thumbnails and isinstance(entry, dict) and "ImageData" in entry:
            yield number, entry


def is_picture(axes: str, kind: int) -> bool:
    """Whether values of a data type along ``axes`` (of `axes_of`) are a picture."""
    return axes.endswith("yx") and kind not in COMPLEX


def calibrations_of(data: Tree) -> list[dict[str, Any]]:
    """Return origin, scale and unit of each axis, from x on; physical = (index - origin) * scale."""
    dimensions = (data.get("Calibrations") or {}).get("Dimension") or {}
    return [
        {
            "origin": float(dimension.get("Origin", 0.0)),
            "scale": float(dimension.get("Scale", math.nan)),
            "unit": text_of(dimension.get("Units")),
        }
        for dimension in dimensions.values()
    ]


def text_of(value: Any) -> str:
    """Return a tag's text, or ``""`` where it holds something else."""
    return str(value) if isinstance(value, str) else ""


def axes_of(entry: Tree, data: Tree, shape: tuple[int, ...]) -> str:
    """Return the letters of the axes, or ``""`` / letters that are no image."""
    units = [c["unit"] for c in calibrations_of(data)][: len(shape)]
    units += [""] * (len(shape) - len(units))
    about = (entry.get("ImageTags") or {}).get("Meta Data") or {}
    form = text_of(about.get("Format")) if isinstance(about, dict) else ""
    if any(unit in _ENERGIES for unit in units[:2]):
        return "spectra"
    if len(shape) == 2:
        # a line of positions with a spectrum each, or one spectrum: a wavelength in nm is no length
        is_spectrum = form in ("Spectrum", "Spectrum image") or 1 in shape
        return "spectra" if is_spectrum else "yx"
    if len(shape) != 3:
        return ""
    if form == "Spectrum":
        return "spectra"
    if units[2] in _ENERGIES or form == "Spectrum image":
        return "cyx"
    return "tyx" if time_unit(units[2]) else "zyx"
