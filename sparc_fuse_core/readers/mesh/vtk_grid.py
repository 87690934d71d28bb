"""What both kinds of VTK files hold: points, cells and data of either, as arrays.

Cells of poly data are `point`, `line`, `face` and `strip`, those of an unstructured grid `cell` with VTK's code
of their kind in `cell_type`. Data of points are `point_data_…`, of cells `cell_data_…`, of the whole
`field_data_…`. Points of a structured grid vary along x first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.readers.mesh.shared import Array, array_name, check_indices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(slots=True)
class Grid:
    """One grid, or a piece of one.

    Attributes
    ----------
    kind
        As VTK calls it: ``"POLYDATA"``.
    arrays
        By the names that they will have.
    dimensions
        Points along x, y, z of a structured grid, else None.
    facts
        Origin, spacing and the like; names of arrays as the file has them where they had to be changed.
    """

    kind: str
    arrays: dict[str, Array] = field(default_factory=dict)
    dimensions: tuple[int, int, int] | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, prefix: str, name: str, values: Array) -> None:
        """Add data under a free name."""
        self.arrays[array_name(prefix, name, self.arrays)] = values

    def n_points(self) -> int:
        """Return how many points there are."""
        if "vertices" in self.arrays:
            return len(self.arrays["vertices"])
        nx, ny, nz = self.dimensions or (0, 0, 0)
        return nx * ny * nz


#: VTK's names of the cells of poly data, old and new, and ours.
CELLS = {
    "VERTICES": "point",
    "Verts": "point",
    "LINES": "line",
    "Lines": "line",
    "POLYGONS": "face",
    "Polys": "face",
    "TRIANGLE_STRIPS": "strip",
    "Strips": "strip",
}


def check_cells(path: Path, grid: Grid, kind: str) -> None:
    """Refuse cells that do not follow one another, or name a point that is not there.

    Raises
    ------
    CorruptFileError
        If there are such cells.
    """
    starts, corners = grid.arrays[f"{kind}_start"], grid.arrays[f"{kind}_vertex"]
    if (
        not len(starts)
        or starts[0] != 0
        or starts[-1] != len(corners)
        or (np.diff(starts) < 0).any()
    ):
        message = f"{path.name}: its {kind} cells do not follow one another; upload it again"
        raise CorruptFileError(message)
    check_indices(path, f"{kind} cells", corners, grid.n_points())


def split_cells(path: Path, kind: str, n_cells: int, flat: Array) -> dict[str, Array]:
    """Return starts and corners of cells that are stored as their number of corners, then these.

    Raises
    ------
    CorruptFileError
        If the numbers do not add up.
    """
    flat = flat.astype(np.int64)
    starts = np.zeros(n_cells + 1, np.int64)
    if n_cells and len(flat) % n_cells == 0:
        # nearly always all cells have as many corners as the first
        table = flat.reshape(n_cells, -1)
        if (table[:, 0] == table.shape[1] - 1).all():
            starts = np.arange(n_cells + 1, dtype=np.int64) * (table.shape[1] - 1)
            return {f"{kind}_start": starts, f"{kind}_vertex": table[:, 1:].reshape(-1).copy()}
    counts = flat.tolist()
    keep = np.ones(len(flat), bool)
    at = 0
    for i in range(n_cells):
        if not at < len(counts) or counts[at] < 0:
            message = f"{path.name}: its {kind} cells are cut or damaged; upload it again"
            raise CorruptFileError(message)
        keep[at] = False
        starts[i + 1] = starts[i] + counts[at]
        at += counts[at] + 1
    if at != len(flat):
        message = f"{path.name}: its {kind} cells do not add up; upload it again"
        raise CorruptFileError(message)
    return {f"{kind}_start": starts, f"{kind}_vertex": flat[keep]}


def contents(
    path: Path, grids: Sequence[Grid], metadata: dict[str, Any], left_out: Sequence[str]
) -> Contents:
    """Return grids as shapes.

    Raises
    ------
    EmptyFileError
        If none has a point.
    """
    if not any(grid.n_points() for grid in grids):
        message = f"{path.name}: no point in it"
        raise EmptyFileError(message)
    evidence = [Evidence("scale", "file", "VTK states no unit of length")]
    evidence += [Evidence("content", "missing", sentence) for sentence in left_out]
    shapes = []
    for i, grid in enumerate(grids):
        facts: dict[str, Any] = {"dataset": grid.kind}
        if grid.dimensions is not None:
            facts["dimensions_xyz"] = list(grid.dimensions)
        name = f"piece {i}" if len(grids) > 1 else "mesh"
        shapes.append(Shapes(name, "mesh", _gridded(grid), metadata=facts | grid.facts))
    return Contents(shapes=tuple(shapes), metadata=metadata, evidence=tuple(evidence))


def _gridded(grid: Grid) -> dict[str, Array]:
    """Return arrays, data of the points of a structured grid as (z, y, x) and components."""
    if grid.dimensions is None:
        return grid.arrays
    nx, ny, nz = grid.dimensions
    return {
        name: values.reshape(nz, ny, nx, *values.shape[1:])
        if name.startswith("point_data_") and len(values) == nx * ny * nz
        else values
        for name, values in grid.arrays.items()
    }
