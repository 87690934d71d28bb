"""Publish a dataset's own OME-Zarr: validated, copied byte for byte, never written anew."""

from __future__ import annotations

import filecmp
import shutil
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, VerificationError
from sparc_fuse_core.verify.images import validate

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents


def copy_store(contents: Contents, store: Path, out: Path) -> tuple[dict[str, Any], ...]:
    """Copy ``store`` to the new folder ``out``; return the facts of its images.

    Raises
    ------
    CorruptFileError
        If a validator refuses it; all findings are named.
    VerificationError
        If the copy differs.
    """
    try:
        validate(store, written_here=False)
    except VerificationError as err:
        message = f"{err}; export it again"
        raise CorruptFileError(message) from err
    # files may be links to where they lie: their content is copied
    shutil.copytree(store, out, symlinks=False)
    for file in store.rglob("*"):
        twin = out / file.relative_to(store)
        if file.is_file() and not filecmp.cmp(file, twin, shallow=False):
            message = f"{store.name}: {file.relative_to(store)} was not copied as it is"
            raise VerificationError(message)
    return tuple(
        {
            "name": image.name,
            "shape": tuple(image.pixels.shape),
            "dtype": str(image.pixels.dtype),
            "axes": image.axes,
            "scale": dict(image.scale),
            "axis_units": dict(image.axis_units),
            "channel_names": tuple(image.channel_names),
            "passed_through": True,
        }
        for image in contents.images
    )
