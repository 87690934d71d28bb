"""Axes and steps that an OME-Zarr states: in 0.4 and 0.5, and by coordinate systems in 0.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def axes_of(multiscale: Mapping[str, Any]) -> list[Any]:
    """Return the axes: of the image (0.4, 0.5), or of the coordinate system that its levels map to (0.6)."""
    axes: list[Any] | None = multiscale.get("axes")
    if axes is not None:
        return axes
    systems = multiscale["coordinateSystems"]
    output = multiscale["datasets"][0]["coordinateTransformations"][0].get("output") or {}
    name = output.get("name") if isinstance(output, dict) else output
    chosen = next((system for system in systems if system.get("name") == name), systems[0])
    found: list[Any] = chosen["axes"]
    return found


def steps_of(
    multiscale: Mapping[str, Any], dataset: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Yield the transformations of a level in the order in which they are applied.

    Those inside of a sequence (0.6) come one by one. Transformations of the whole image are applied after
    each level's (0.4, 0.5); in 0.6 they lead to other coordinate systems and are not its own.
    """
    of_all = multiscale.get("coordinateTransformations") or () if "axes" in multiscale else ()
    for part in (*(dataset.get("coordinateTransformations") or ()), *of_all):
        if part["type"] == "sequence":
            yield from part["transformations"]
        else:
            yield part
