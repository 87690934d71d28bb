"""Images, and vectors and meshes beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.model.values import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from sparc_fuse_core.model.values import Blocks

ImageKind = Literal["intensity", "rgb", "label"]


@dataclass(frozen=True, slots=True)
class Image:
    """One image, written as one OME-Zarr multiscale.

    Attributes
    ----------
    name
        Unique within its file: a series or scene name, or ``""`` for the only one.
    pixels
        One axis for each letter of `axes`; dtype as in the file.
    axes
        A subsequence of ``"tczyx"`` ending in ``"yx"``; RGB is ``c`` of length 3.
    scale
        Step along each axis, in the unit of `axis_units`; an axis is absent if unknown.
    axis_units
        NGFF unit name of each axis that has a scale, e.g. ``{"x": "micrometer", "t": "second"}``.
        An axis with a scale whose unit the file does not state is absent.
    kind
        ``"label"`` for palettes' indices, masks and 1-bit images: averaged never.
    channel_names
        One for each ``c``, or empty where the file states none.
    channel_colors
        One ``RRGGBB`` for each ``c``, or empty.
    significant_bits
        Bits in use where the file states them (12 in 16), else None.
    metadata
        JSON-able facts about the image, as stated by the file.
    """

    name: str
    pixels: Blocks
    axes: str
    scale: Mapping[str, float] = field(default_factory=dict)
    axis_units: Mapping[str, str] = field(default_factory=dict)
    kind: ImageKind = "intensity"
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    significant_bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fail where a reader is wrong, not where its result is used."""
        order = [letter for letter in "tczyx" if letter in self.axes]
        if list(self.axes) != order or not self.axes.endswith("yx"):
            refuse(self, f"axes {self.axes!r} are not in the order of 'tczyx', ending in 'yx'")
        if len(self.pixels.shape) != len(self.axes):
            refuse(self, f"axes {self.axes!r} for shape {self.pixels.shape}")
        for axis, step in self.scale.items():
            if axis not in self.axes or not (math.isfinite(step) and step > 0):
                refuse(self, f"scale {step} on axis {axis!r}")
        if any(axis not in self.scale for axis in self.axis_units):
            refuse(self, "a unit without a scale")
        n_channels = self.pixels.shape[self.axes.index("c")] if "c" in self.axes else 1
        for label in ("channel_names", "channel_colors"):
            if getattr(self, label) and len(getattr(self, label)) != n_channels:
                refuse(self, f"{len(getattr(self, label))} {label} for {n_channels} channels")
        if self.kind == "rgb" and n_channels not in (3, 4):
            refuse(self, f"an RGB image has 3 or 4 channels, not {n_channels}")


@dataclass(frozen=True, slots=True)
class Shapes:
    """Vectors, meshes and curves: named arrays that are neither samples nor pixels.

    Attributes
    ----------
    name
        Unique within its file.
    kind
        ``"roi"``, ``"mesh"``, ``"finite elements"`` …
    arrays
        Small numpy arrays by name: vertices, faces, nodes …
    units
        Unit of an array, where the file states it.
    metadata
        JSON-able facts, as stated by the file.
    """

    name: str
    kind: str
    arrays: Mapping[str, np.ndarray[Any, Any]]
    units: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
