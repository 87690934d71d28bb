"""Images of layout 1 as layout 2 has them: the same pixels, other names and attributes.

Layout 1 called members of a collection after their file (``x.czi.0.ome.zarr``), listed them nowhere that
others look, gave an image without a name none, and had flags and nested facts among its attributes.
Pixels did not change, so their objects are taken over as they are.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr

from sparc_fuse_core.errors import IncompleteResultError, VerificationError
from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.model import Contents, Image
from sparc_fuse_core.opening.ome import images_of, ome_of
from sparc_fuse_core.verify.images import validate
from sparc_fuse_core.writers.attributes import plain
from sparc_fuse_core.writers.ome_collection import series_paths, write_collection
from sparc_fuse_core.writers.ome_zarr import ImageSummary, image_facts
from sparc_fuse_core.writers.zarr_arrays import consolidate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparc_fuse_core.storage.destination import Destination

#: Attributes of an image itself, which the writer states.
_OF_IMAGE = frozenset(
    {
        "image_name",
        "image_kind",
        "image_metadata",
        "image_channel_names",
        "physical_size_known",
        "ome",
        "multiscales",
        "omero",
        "image-label",
        "bioformats2raw.layout",
        "source_metadata",
    }
)
_DOCUMENTS = ("zarr.json", ".zattrs", ".zgroup", ".zarray", ".zmetadata")


def is_old_image(root: zarr.Group) -> bool:
    """Whether a store is an image, or images of one file, as layout 1 wrote them.

    A copy of an OME-Zarr keeps what its own writer stated, and is none.
    """
    attributes, ome = dict(root.attrs), ome_of(root)
    if "converter_version" not in attributes or not isinstance(attributes.get("auto_mapped"), bool):
        return False
    return "image_kind" in attributes or "bioformats2raw.layout" in ome


def lift_images(
    root: zarr.Group,
    store: str,
    name: str,
    out: Path,
    destination: Destination,
    public: Callable[[Contents], tuple[Contents, dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Write the images of a store of layout 1 as layout 2 into the new folder ``out``; return what was written.

    Parameters
    ----------
    root, store, name
        The old store, where it lies, and its key in ``destination``.
    public
        Returns contents without what may not be published, and the attributes of the dataset and file.

    Raises
    ------
    IncompleteResultError
        If an image, or a level of one, is absent.
    VerificationError
        If what was written is no valid OME-Zarr, objects that are absent among the reasons.
    """
    paths = images_of(root)
    groups = [_group(root, path, store) for path in paths]
    facts: Any = root.attrs.get("source_metadata", {})
    contents, attributes = public(
        Contents(
            images=tuple(_image(group, store) for group in groups),
            metadata=facts if isinstance(facts, dict) else {},
        )
    )
    kept = {key: value for key, value in attributes.items() if key not in _OF_IMAGE}
    kept["source_metadata"] = dict(contents.metadata)
    version: Literal["0.4", "0.5"] = "0.4" if root.metadata.zarr_format == 2 else "0.5"
    base_name = str(root.attrs.get("original_file_name") or PurePosixPath(name).name)
    places = series_paths(len(groups))
    if len(groups) > 1:
        write_collection(out, contents.images, base_name, version, plain(kept))
    summaries = []
    for path, place, group, image in zip(paths, places, groups, contents.images, strict=True):
        here = out / place if place else out
        _take_over(f"{store}/{path}".rstrip("/"), f"{name}/{path}".rstrip("/"), here, destination)
        new = zarr.open_group(here, mode="r+", zarr_format=root.metadata.zarr_format)
        new.attrs.put(
            {**plain({**kept, **image_facts(image)}), **_renamed(group, image, base_name)}
        )
        consolidate(here, root.metadata.zarr_format)
        summaries.append(asdict(_summary(group, image, place)))
    if len(groups) > 1:
        consolidate(out, root.metadata.zarr_format)
    try:
        validate(out)
    except VerificationError as err:
        found = str(err).removeprefix(f"{out.name}: ").replace(f"{out.name}/", "")
        message = (
            f"{store}: it stays as it is: lifted it would be {found}; convert its source again"
        )
        raise VerificationError(message) from err
    return summaries


def _group(root: zarr.Group, path: str, store: str) -> zarr.Group:
    group = root.get(path) if path else root
    if not isinstance(group, zarr.Group) or "multiscales" not in ome_of(group):
        message = (
            f"{store}: image {path!r} is absent from the store: it is incomplete; convert it again"
        )
        raise IncompleteResultError(message)
    return group


def _levels(group: zarr.Group, store: str) -> list[zarr.Array[Any]]:
    found = []
    for entry in ome_of(group)["multiscales"][0]["datasets"]:
        array = group.get(entry["path"])
        if not isinstance(array, zarr.Array):
            message = (
                f"{store}: level {entry['path']} is absent: it is incomplete; convert it again"
            )
            raise IncompleteResultError(message)
        found.append(array)
    return found


def _image(group: zarr.Group, store: str) -> Image:
    """Return what an image's attributes say of it; its pixels are the old store's."""
    multiscale = ome_of(group)["multiscales"][0]
    attributes: Any = dict(group.attrs)
    scale = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    known = set(attributes.get("physical_size_known") or ())
    axes = multiscale["axes"]
    steps = {
        axis["name"]: step for axis, step in zip(axes, scale, strict=True) if axis["name"] in known
    }
    return Image(
        str(attributes.get("image_name") or ""),
        _levels(group, store)[0],
        "".join(axis["name"] for axis in axes),
        steps,
        {axis["name"]: axis["unit"] for axis in axes if "unit" in axis and axis["name"] in steps},
        attributes.get("image_kind", "intensity"),
        tuple(map(str, attributes.get("image_channel_names") or ())),
        metadata=attributes.get("image_metadata") or {},
    )


def _renamed(group: zarr.Group, image: Image, base_name: str) -> dict[str, Any]:
    """Return the OME metadata with the names of layout 2, and said of labels what they are."""
    ome = dict(ome_of(group))
    attributes: dict[str, Any] = {key: ome[key] for key in ("multiscales", "omero") if key in ome}
    multiscale = {**ome["multiscales"][0], "name": json_safe(image.name or base_name)}
    attributes["multiscales"] = [multiscale]
    channels = ome.get("omero", {}).get("channels", ())
    if image.channel_names and len(channels) == len(image.channel_names):
        told = zip(channels, image.channel_names, strict=True)
        named = [
            {**one, "label": json_safe(label) or f"channel {n}"}
            for n, (one, label) in enumerate(told)
        ]
        attributes["omero"] = {**ome["omero"], "channels": named}
    version = str(ome.get("version") or multiscale.get("version") or "0.4")
    if image.kind == "label" and np.dtype(image.pixels.dtype).kind in "iu":
        attributes["image-label"] = {"version": version}
    if group.metadata.zarr_format == 2:
        return attributes
    return {"ome": {"version": version, **attributes}}


def _summary(group: zarr.Group, image: Image, place: str) -> ImageSummary:
    levels = tuple(tuple(array.shape) for array in _levels(group, place))
    return ImageSummary(
        name=image.name,
        path=place,
        shape=levels[0],
        dtype=np.dtype(image.pixels.dtype).name,
        axes=image.axes,
        kind=image.kind,
        levels=levels,
        scale=dict(image.scale),
        axis_units=dict(image.axis_units),
        channel_names=image.channel_names,
    )


def _take_over(store: str, key: str, out: Path, destination: Destination) -> None:
    """Put the objects of an image into a new folder: linked where they lie on this disk, else copied."""
    if "://" not in store:
        shutil.copytree(store, out, copy_function=_link)
        return
    for found in destination.list_keys(key):
        inner = PurePosixPath(found).relative_to(key)
        data = destination.read_bytes(found)
        if data is not None:
            place = out.joinpath(*inner.parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def _link(source: str, target: str) -> None:
    """Link pixels; documents are copied, for they are written over."""
    if Path(source).name not in _DOCUMENTS:
        try:
            os.link(source, target)
        except OSError:  # this file system knows no links
            pass
        else:
            return
    shutil.copyfile(source, target)
