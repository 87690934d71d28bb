"""What a program's own header tells of a text file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.readers.text.headers import Stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Told:
    """What a program's header tells.

    Attributes
    ----------
    lines
        Of the beginning of the file, as `find_layout` is to see them.
    options
        How the rows are written, in the words of a scheme.
    stated
        Returns names, units and rate for so many columns.
    """

    lines: tuple[str, ...]
    options: Mapping[str, Any]
    stated: Callable[[int], Stated] = field(default=lambda _n: Stated())


def fitted(cells: Sequence[str], n_columns: int) -> tuple[str, ...]:
    """Return one cell for each column; rows may end in a separator."""
    return tuple([*cells, *[""] * n_columns][:n_columns])
