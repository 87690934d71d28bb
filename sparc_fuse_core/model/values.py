"""Arrays that stay where they are until they are sliced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np


class Blocks(Protocol):
    """An n-dimensional array whose shape is known now and whose values are read when sliced.

    numpy arrays, memory maps, h5py datasets and zarr arrays satisfy it as they are. It is valid until
    the reader's ``with`` block ends.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values, in any byte order."""

    def __getitem__(self, key: tuple[slice, ...], /) -> Any:
        """Read one block; ``key`` has one slice (step 1) for each axis."""


class Named(Protocol):
    """A part of a file with a name."""

    @property
    def name(self) -> str:
        """As the file calls it."""


def refuse(thing: Named, why: str) -> None:
    """Say what a reader made wrong, where it made it.

    Raises
    ------
    ValueError
        Always.
    """
    message = f"{type(thing).__name__} {thing.name!r}: {why}"
    raise ValueError(message)
