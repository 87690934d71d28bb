"""What readers of images share: blocks read plane by plane, unique names, lengths in micrometre.

A plane is one (y, x) picture; the axes before it are looped over, so that memory follows the block asked
for and not the file.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Bounds = tuple[int, int]
    ReadPlane = Callable[[tuple[int, ...], Bounds, Bounds], np.ndarray[Any, Any]]

RGB = ("R", "G", "B")
RGB_COLORS = ("FF0000", "00FF00", "0000FF")


def by_plane(
    axes: str,
    shape: tuple[int, ...],
    dtype: Any,
    read_plane: ReadPlane,
    *,
    samples: bool = False,
    kept: bool = False,
) -> FunctionBlocks:
    """Return blocks of ``axes`` and ``shape`` that call ``read_plane`` for each plane they need.

    Parameters
    ----------
    axes
        Ends in ``"yx"``; all before it (without ``c``, where `samples`) index planes.
    read_plane
        Called with the plane's index, (start, stop) of y and of x; returns (y, x), or (y, x, c) where
        `samples`.
    samples
        The values of ``c`` lie together in a plane, as those of RGB pixels do.
    kept
        What ``read_plane`` returns never changes afterwards: a block of one plane is then no copy.
    """
    at_c = axes.index("c") if samples else -1

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = np.empty([stop - start for start, stop in bounds], dtype)
        if not block.size:
            return block
        *leading, of_y, of_x = bounds
        if kept and not samples and all(stop - start == 1 for start, stop in leading):
            plane = read_plane(tuple(start for start, _ in leading), of_y, of_x)
            return plane.astype(dtype, copy=False)[(None,) * len(leading)]
        view = block
        if samples:
            first, last = leading.pop(at_c)
            view = np.moveaxis(block, at_c, -1)
        for index in product(*(range(start, stop) for start, stop in leading)):
            plane = read_plane(index, of_y, of_x)
            place = tuple(i - start for i, (start, _) in zip(index, leading, strict=True))
            view[place] = plane[..., first:last] if samples else plane
        return block

    return FunctionBlocks(shape, np.dtype(dtype), read)


def unique_names(names: Iterable[str]) -> list[str]:
    """Return ``names``, later equal ones numbered: a, a (2); a sole empty name stays empty."""
    wanted = list(names)
    if len(wanted) > 1:
        wanted = [name or f"image {i}" for i, name in enumerate(wanted)]
    taken: set[str] = set()
    result = []
    for name in wanted:
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        taken.add(free)
        result.append(free)
    return result
