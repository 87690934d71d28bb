"""Arrays and tables that can be read and that nothing calls a signal: kept without a claim."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model.values import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model.values import Blocks


@dataclass(frozen=True, slots=True)
class StoredArray:
    """One named array that no rule calls a signal: kept as it is, without a claim.

    Attributes
    ----------
    name
        As the file calls it.
    values
        Any number of axes, none included (a scalar). Booleans, integers, real and complex numbers of up
        to 8 bytes a part, read when sliced; or texts, as a numpy array of ``str``.
    dimensions
        Name of each axis where the file states it; else empty.
    units
        As the file states it; ``""`` if it does not. It is noted, not applied.
    attributes
        JSON-able facts about the array, as stated by the file.
    """

    name: str
    values: Blocks
    dimensions: tuple[str, ...] = ()
    units: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fail where a reader is wrong, not where its result is used."""
        if self.dimensions and len(self.dimensions) != len(self.values.shape):
            refuse(self, f"{len(self.dimensions)} dimensions for shape {self.values.shape}")


@dataclass(frozen=True, slots=True)
class ArrayGroup:
    """A node of a file's tree: arrays, and groups below it. A struct, a folder of HDF5, a JSON object.

    A sparse matrix is a group of its three arrays; what it is stands in the group's attributes.

    Attributes
    ----------
    name
        As the file calls it; ``""`` for the root.
    arrays, groups
        In the file's order; names are unique among both together.
    attributes
        JSON-able facts about the group, as stated by the file.
    """

    name: str = ""
    arrays: tuple[StoredArray, ...] = ()
    groups: tuple[ArrayGroup, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that names can be told apart."""
        names = [array.name for array in self.arrays] + [group.name for group in self.groups]
        if len(set(names)) != len(names):
            refuse(self, f"names are not unique: {names[:50]}")

    @property
    def n_arrays(self) -> int:
        """Number of arrays, those of groups below included."""
        return len(self.arrays) + sum(group.n_arrays for group in self.groups)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length that no rule calls signals: kept as they are, without a claim.

    Attributes
    ----------
    name
        Unique within its file: the sheet's name, or ``""`` for the only table.
    columns
        Each of shape (n_rows,); names as the header states them, ``""`` where it states none.
    metadata
        JSON-able facts about the table, as stated by the file.
    """

    name: str
    columns: tuple[StoredArray, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the columns have one length."""
        shapes = {tuple(column.values.shape) for column in self.columns}
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            refuse(self, f"columns of shapes {sorted(shapes)}")

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.columns[0].values.shape[0] if self.columns else 0
