"""What an OME-Zarr says of its images: its metadata in 0.4 and 0.5, and where its images lie."""

from __future__ import annotations

from typing import Any

import zarr

from sparc_fuse_core.errors import RequestError


def ome_of(group: zarr.Group) -> Any:
    """Return the OME metadata of a group: below ``ome`` in 0.5, at its top in 0.4."""
    attributes: Any = dict(group.attrs)
    return attributes.get("ome", attributes)


def images_of(root: zarr.Group) -> list[str]:
    """Return the paths of the images in a store; ``""`` is the store itself.

    Raises
    ------
    RequestError
        If there is none.
    """
    ome = ome_of(root)
    if "multiscales" in ome:
        names = [""]
    elif "plate" in ome:
        fields = [(well["path"], root.get(well["path"])) for well in ome["plate"].get("wells", ())]
        names = [
            f"{path}/{field['path']}"
            for path, well in fields
            if isinstance(well, zarr.Group)
            for field in ome_of(well).get("well", {}).get("images", ())
        ]
    elif "bioformats2raw.layout" in ome:
        listing = root.get("OME")
        listed = ome_of(listing).get("series") if isinstance(listing, zarr.Group) else None
        names = list(listed or (name for name in root.group_keys() if name != "OME"))
    else:
        names = []
    if not names:
        kind = root.attrs.get("kind")
        what = (
            f"it is of kind {kind!r}"
            if kind not in (None, "signal")
            else "open_zarr opens recordings"
        )
        message = f"the store holds no image: {what}"
        raise RequestError(message)
    return names
