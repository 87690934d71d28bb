"""Publish a dataset's own OME-Zarr: validated, its images and labels copied byte for byte.

Attributes pass the same policy as those of other formats (`sparc_fuse_core.privacy.stores`); what is neither
image nor label (OME-XML, tables, other files) is left out.
"""

from __future__ import annotations

import filecmp
import shutil
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import VerificationError
from sparc_fuse_core.privacy.stores import PublicStore
from sparc_fuse_core.readers.ome_zarr import accept

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.privacy.sieve import Aside


def copy_store(
    contents: Contents, store: Path, out: Path, *, free_text: bool
) -> tuple[tuple[dict[str, Any], ...], tuple[Aside, ...]]:
    """Copy ``store`` to the new folder ``out``; return the facts of its images and what was left out.

    Raises
    ------
    CorruptFileError
        If most validators refuse the copy; all findings are named.
    VerificationError
        If the copy differs.
    """
    public = PublicStore(store, free_text=free_text)
    for inner, content in public.files():
        twin = out / inner
        twin.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            twin.write_bytes(content)
            continue
        # files may be links to where they lie: their content is copied
        shutil.copyfile(store / inner, twin)
        if not filecmp.cmp(store / inner, twin, shallow=False):
            message = f"{store.name}: {inner} was not copied as it is"
            raise VerificationError(message)
    accept(out)
    return _facts(contents), tuple(public.aside)


def _facts(contents: Contents) -> tuple[dict[str, Any], ...]:
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
