"""Palette colours of DICOM: stored indices become the colours that the file's tables state.

Tables: DICOM PS3.3, C.7.6.3.1.5 and .6 (descriptors, data), C.7.9.2 (segmented tables); pydicom applies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.processing import apply_color_lut

if TYPE_CHECKING:
    from pydicom import Dataset

_LISTED_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one header: ``dtype`` of a colour's parts, ``facts`` for the metadata."""

    header: Dataset
    dtype: np.dtype[Any]
    facts: dict[str, Any]

    def colours(self, indices: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return R, G, B of each index: shape (y, x, 3)."""
        found: np.ndarray[Any, Any] = apply_color_lut(indices, self.header)
        return found


def palette_of(header: Dataset) -> Palette | None:
    """Return the colours of indices; None where the file has none, or only the gray of each index itself."""
    if str(header.get("PhotometricInterpretation") or "") != "PALETTE COLOR":
        return None
    descriptor = header.get("RedPaletteColorLookupTableDescriptor")
    if not descriptor:
        return None
    n_entries, first = int(descriptor[0]) or 65536, int(descriptor[1])
    indices = np.arange(first, first + n_entries).reshape(1, -1)
    try:
        colours = apply_color_lut(indices, header)[0]
    except (AttributeError, ValueError, TypeError, KeyError, IndexError, NotImplementedError):
        return None
    if (colours == colours[:, :1]).all() and _is_ramp(colours[:, 0].astype(int)):
        return None
    facts: dict[str, Any] = {"palette_first_index": first}
    if n_entries <= _LISTED_ENTRIES:
        for i, colour in enumerate(("red", "green", "blue")):
            facts[f"palette_{colour}"] = colours[:, i].tolist()
    return Palette(header, colours.dtype, facts)


def _is_ramp(values: np.ndarray[Any, Any]) -> bool:
    return len(values) < 3 or bool((np.diff(values, 2) == 0).all())
