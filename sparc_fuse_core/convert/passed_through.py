"""Publish a dataset's own OME-Zarr: validated, its images and labels copied byte for byte.

Attributes pass the same policy as those of other formats (`sparc_fuse_core.privacy.stores`); what is neither
image nor label (OME-XML, tables, other files) is left out.
"""

from __future__ import annotations

import filecmp
import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import UnsupportedFormatError, VerificationError
from sparc_fuse_core.privacy.stores import PublicStore
from sparc_fuse_core.readers.ome_zarr import accept

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.privacy.sieve import Aside


_METADATA = ("zarr.json", ".zarray", ".zmetadata")
#: The codec of Zarr version 2 and 3 by whatever registry.
_PICKLE = re.compile(rb'"(?:numcodecs\.)?pickle"')


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
        if PurePosixPath(inner).name in _METADATA:
            _refuse_code(store, str(inner), content)
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


def _refuse_code(store: Path, inner: str, content: bytes | None) -> None:
    """Refuse an array whose chunks are pickled objects: who opens it runs what its author wrote.

    Raises
    ------
    UnsupportedFormatError
        If metadata name such a codec.
    """
    text = (store / inner).read_bytes() if content is None else content
    if _PICKLE.search(text):
        message = (
            f"{store.name}: {inner} stores pickled Python objects, which run code when they are opened; save "
            "numbers instead"
        )
        raise UnsupportedFormatError(message)


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
