"""Write vectors and meshes as a Zarr group: one child group for each, one array for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.writers.attributes import CONVENTIONS, plain
from sparc_fuse_core.writers.zarr_arrays import consolidate, create_group, put_small_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Shapes
    from sparc_fuse_core.writers.zarr_arrays import ZarrFormat


def write(
    shapes: Sequence[Shapes],
    out: Path,
    attributes: Mapping[str, Any],
    *,
    zarr_format: ZarrFormat = 3,
) -> list[dict[str, Any]]:
    """Write ``shapes`` to the new group ``out`` and return facts about each.

    Child groups are numbered in the file's order; the name as stated is an attribute, for names may hold
    any character.
    """
    root = create_group(out, {}, zarr_format)
    facts = []
    for n, shape in enumerate(shapes):
        group = root.create_group(f"{n:05d}")
        group.attrs.update(
            plain({"name": shape.name, "kind": shape.kind, "source_metadata": shape.metadata})
        )
        for name, values in shape.arrays.items():
            dimensions = [f"{name}_{axis}" for axis in range(values.ndim)]
            unit = shape.units.get(name)
            put_small_array(group, name, values, dimensions, {"units": unit} if unit else None)
        facts.append(
            {
                "name": shape.name,
                "kind": shape.kind,
                "arrays": {name: list(values.shape) for name, values in shape.arrays.items()},
            }
        )
    facts_of_root = {"kind": "shapes", "Conventions": CONVENTIONS, "n_shapes": len(shapes)}
    root.attrs.update(plain({**attributes, **facts_of_root}))
    consolidate(out, zarr_format)
    return facts
