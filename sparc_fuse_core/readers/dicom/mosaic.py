"""Siemens mosaics: the slices of a volume tiled in one sheet, as the CSA header beside the picture says.

Tiles run from the upper left, row by row, in a square grid that just holds them; the last places may be
empty. The sheet's stated position is that of a slice as large as the sheet, centred on the real one.
Source: the layout as the documentation of nibabel ("Siemens mosaic format") describes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.dicom.csa import csa_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom import Dataset

_MAX_SLICES = 4096


@dataclass(frozen=True, slots=True)
class Mosaic:
    """How one sheet is cut.

    Attributes
    ----------
    n_slices
        How many tiles hold a slice.
    rows, columns
        Of one tile.
    grid
        Tiles along each side of the sheet.
    positions_mm
        Of each slice along the stated normal; empty where the header lacks position or spacing.
    b_value
        Of diffusion, s/mm², where stated.
    slice_times_ms
        Of each slice within its volume, where stated.
    """

    n_slices: int
    rows: int
    columns: int
    grid: int
    positions_mm: tuple[float, ...] = ()
    b_value: float | None = None
    slice_times_ms: tuple[float, ...] = ()

    def corner(self, number: int) -> tuple[int, int]:
        """Return first row and column of a slice in the sheet."""
        return number // self.grid * self.rows, number % self.grid * self.columns


def is_mosaic(header: Dataset) -> bool:
    """Return whether the file says that its picture is a mosaic."""
    return "MOSAIC" in [str(part) for part in header.get("ImageType") or ()]


def mosaic_of(header: Dataset) -> Mosaic | None:
    """Return how the sheet of a mosaic is cut; None where its number of slices is not stated or cannot be."""
    tags = csa_numbers(header)
    n_slices = _count(header, tags)
    if not 0 < n_slices <= _MAX_SLICES:
        return None
    grid = math.ceil(math.sqrt(n_slices))
    sheet = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    if not all(sheet) or sheet[0] % grid or sheet[1] % grid:
        return None
    rows, columns = sheet[0] // grid, sheet[1] // grid
    b_values = tags.get("B_value", ())
    times = tags.get("MosaicRefAcqTimes", ())
    return Mosaic(
        n_slices,
        rows,
        columns,
        grid,
        _positions(header, tags, n_slices, (sheet[0] - rows, sheet[1] - columns)),
        b_values[0] if b_values else None,
        times if len(times) == n_slices else (),
    )


def _count(header: Dataset, tags: Mapping[str, tuple[float, ...]]) -> int:
    stated = tags.get("NumberOfImagesInMosaic")
    if stated:
        return int(stated[0])
    try:
        return int(header.private_block(0x0019, "SIEMENS MR HEADER")[0x0A].value)
    except (KeyError, TypeError, ValueError):
        return 0


def _positions(
    header: Dataset, tags: Mapping[str, tuple[float, ...]], n_slices: int, beyond: tuple[int, int]
) -> tuple[float, ...]:
    """Return where each slice lies; ``beyond``: rows and columns by which the sheet exceeds a tile."""
    step = header.get("SpacingBetweenSlices")
    corner, axes, spacing = (
        [float(part) for part in header.get(keyword) or ()]
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    if step is None or not float(step) > 0:
        return ()
    if len(corner) != 3 or len(axes) != 6 or len(spacing) != 2:
        return tuple(i * float(step) for i in range(n_slices))
    along_row, along_column = np.array(axes[:3]), np.array(axes[3:])
    normal = np.array(tags.get("SliceNormalVector", ()))
    if normal.shape != (3,) or not normal.any():
        normal = np.cross(along_row, along_column)
    origin = (
        np.array(corner)
        + along_column * spacing[0] * beyond[0] / 2
        + along_row * spacing[1] * beyond[1] / 2
    )
    first = float(np.dot(origin, normal))
    return tuple(first + i * float(step) for i in range(n_slices))
