"""Write what one file holds and compare it with its source; each kind loads only what it needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.plan.items import ConvertOptions
    from sparc_fuse_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """What a store holds, and what in it differs from its source.

    Attributes
    ----------
    things
        Facts about each stream, image, shape or array.
    differences
        A sentence each; empty if the store is what the source says.
    """

    things: tuple[Mapping[str, Any], ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writing:
    """Where, how and with which attributes the contents of a file are written.

    Attributes
    ----------
    out
        New folder.
    name
        Of the source file.
    on_values
        Told how many values were written since the last call.
    on_verify
        Called once, when all is written.
    """

    out: Path
    name: str
    attributes: dict[str, Any]
    options: ConvertOptions
    settings: Settings
    on_values: Callable[[int], None]
    on_verify: Callable[[], None]


def kind_of(contents: Contents) -> str:
    """Return what the result of a file is: the first of these that it holds."""
    if contents.recordings:
        return "signal"
    if contents.images:
        return "image"
    if len(contents.events):
        return "signal"
    if contents.shapes:
        return "shapes"
    return "arrays" if contents.arrays is not None else "table"


def write_and_compare(contents: Contents, writing: Writing) -> Written:
    """Write ``contents`` as what `kind_of` says they are."""
    by_kind = {
        "signal": _signals,
        "image": _images,
        "shapes": _shapes,
        "arrays": _arrays,
        "table": _tables,
    }
    return by_kind[kind_of(contents)](contents, writing)


# a recording needs no image libraries, and those of the comparison only after it is written


def _signals(contents: Contents, writing: Writing) -> Written:
    from sparc_fuse_core.writers import zarr_signals

    facts = zarr_signals.write(
        contents,
        writing.out,
        writing.attributes,
        budget_bytes=writing.settings.memory_budget_bytes,
        zarr_format=writing.options.zarr_format,
        profile=writing.options.profile,
        on_values=writing.on_values,
    )
    writing.on_verify()
    from sparc_fuse_core.verify.recordings import compare_signals

    whole_bytes = writing.settings.verify_whole_bytes
    return Written(
        tuple(facts), tuple(compare_signals(contents, writing.out, whole_bytes=whole_bytes))
    )


def _images(contents: Contents, writing: Writing) -> Written:
    from sparc_fuse_core.verify import images as image_checks
    from sparc_fuse_core.writers import ome_zarr

    summaries = ome_zarr.write_images(
        contents.images,
        writing.out,
        writing.name,
        ome_zarr_version=writing.options.ome_zarr_version,
        memory_budget_bytes=writing.settings.memory_budget_bytes,
        attributes=writing.attributes,
        on_values=writing.on_values,
    )
    writing.on_verify()
    image_checks.validate(writing.out)
    differences = image_checks.compare_images(
        contents.images,
        writing.out,
        whole_bytes=writing.settings.verify_whole_bytes,
    )
    return Written(tuple(dataclasses.asdict(s) for s in summaries), tuple(differences))


def _shapes(contents: Contents, writing: Writing) -> Written:
    from sparc_fuse_core.writers import shapes

    facts = shapes.write(
        contents.shapes,
        writing.out,
        writing.attributes,
        zarr_format=writing.options.zarr_format,
    )
    return Written(tuple(facts), ())


def _arrays(contents: Contents, writing: Writing) -> Written:
    from sparc_fuse_core.model import ArrayGroup
    from sparc_fuse_core.writers import kept_arrays

    tree = contents.arrays or ArrayGroup()
    facts = kept_arrays.write_arrays(
        tree,
        writing.out,
        writing.attributes,
        budget_bytes=writing.settings.memory_budget_bytes,
        zarr_format=writing.options.zarr_format,
        on_values=writing.on_values,
    )
    writing.on_verify()
    from sparc_fuse_core.verify.kept_arrays import compare_arrays

    whole_bytes = writing.settings.verify_whole_bytes
    return Written(tuple(facts), tuple(compare_arrays(tree, writing.out, whole_bytes=whole_bytes)))


def _tables(contents: Contents, writing: Writing) -> Written:
    from sparc_fuse_core.writers import kept_arrays

    facts = kept_arrays.write_tables(
        contents.tables,
        writing.out,
        writing.attributes,
        budget_bytes=writing.settings.memory_budget_bytes,
        zarr_format=writing.options.zarr_format,
        on_values=writing.on_values,
    )
    writing.on_verify()
    from sparc_fuse_core.verify.kept_arrays import compare_tables

    whole_bytes = writing.settings.verify_whole_bytes
    differences = compare_tables(contents.tables, writing.out, whole_bytes=whole_bytes)
    return Written(tuple(facts), tuple(differences))
