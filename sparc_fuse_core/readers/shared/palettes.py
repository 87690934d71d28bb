"""Palettes: a picture whose palette has colours is what the colours show; one of grays stays indices.

Indices of a gray palette, and of one bit, are labels or intensities in their own right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by index: ``table`` of shape (n, 3), or (n, 4) with alpha, uint8 or uint16."""

    table: np.ndarray[Any, Any]

    @property
    def n_samples(self) -> int:
        """3 for colours, 4 with alpha."""
        return int(self.table.shape[1])

    def colours(self, indices: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the colour of each index: the shape of ``indices``, then samples.

        Raises
        ------
        ValueError
            If an index has no colour.
        """
        if indices.size and int(indices.max()) >= len(self.table):
            message = f"index {int(indices.max())} in a palette of {len(self.table)} colours"
            raise ValueError(message)
        found: np.ndarray[Any, Any] = self.table[indices]
        return found


def palette_of(table: np.ndarray[Any, Any], alpha: Sequence[int] = ()) -> Palette | None:
    """Return the palette of ``table`` (n, 3) where it has colours, else None.

    16-bit tables that only repeat 8 bits (as 257 or 256 times a value, or below 256) become 8 bits. ``alpha``
    has values for the first entries; all others are opaque.
    """
    if table.ndim != 2 or table.shape[1] != 3 or not len(table):
        return None
    if not (table != table[:, :1]).any():
        return None
    found = table
    if table.dtype != np.uint8:
        wide = table.astype(np.int64)
        if (wide % 257 == 0).all():
            found = (wide // 257).astype(np.uint8)
        elif (wide % 256 == 0).all():
            found = (wide // 256).astype(np.uint8)
        elif wide.max() < 256:
            found = wide.astype(np.uint8)
        else:
            found = wide.astype(np.uint16)
    if any(value != 255 for value in alpha) and found.dtype == np.uint8:
        opacity = np.full((len(found), 1), 255, np.uint8)
        n_stated = min(len(alpha), len(found))
        opacity[:n_stated, 0] = list(alpha)[:n_stated]
        found = np.hstack([found, opacity])
    return Palette(np.ascontiguousarray(found))
