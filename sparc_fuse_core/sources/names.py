"""Names at the top of a dataset: which tree it follows, and what of it is hidden.

Discover keeps the files of a dataset below ``files/``, with its own records beside; a folder of a user's
own has no such level. Only names are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.formats.registry import ZARR_METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Folders of the SPARC Dataset Structure that hold data.
SDS_FOLDERS = ("primary", "source", "derivative")

#: What Discover publishes beside ``files/``, in lower case; ``banner.jpg`` may have another suffix.
_BESIDE_FILES = {
    "changelog.md",
    "manifest.json",
    "metadata",
    "metadata.json",
    "readme.md",
    "revisions",
}


def front_of(names: Iterable[str]) -> str:
    """Return what has to stand before the names of a dataset's files: ``"files/"``, or ``""``.

    Parameters
    ----------
    names
        Paths from the dataset's top, with ``/``; their first parts decide.

    Nothing is put before them where ``files`` is Discover's own folder, so where nothing but Discover's
    records lies beside it: a folder of somebody's own may be called ``files`` too.
    """
    tops = {name.partition("/")[0] for name in names}
    others = {top.lower() for top in tops - {"files"}}
    published = all(top in _BESIDE_FILES or top.startswith("banner.") for top in others)
    return "" if "files" in tops and published else "files/"


def is_hidden(name: str) -> bool:
    """Whether a part of a path begins with a dot.

    ``.`` and ``..`` are no names, and are refused when planned; the metadata of Zarr version 2 is data.
    """
    *folders, last = name.split("/")
    parts = folders if last in ZARR_METADATA else [*folders, last]
    return any(part.startswith(".") and part not in (".", "..") for part in parts)
