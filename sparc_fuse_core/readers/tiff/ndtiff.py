"""Micro-Manager's NDTiff: ``NDTiff.index`` beside the files says where each plane lies and what it is.

tifffile reads the index; it opens what that names, and numbers channels as they appear. Here the names are
confined to the folder, and channels are called as the index calls them.
Source: the format's description in the NDTiffStorage repository (version 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tifffile.tifffile import read_ndtiff_index

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "NDTiff.index"
_MAX_PLANES = 2_000_000
_MAX_CHANNELS = 4_096


def check_index(path: Path) -> None:
    """Refuse an index beside ``path`` that names anything but files beside it.

    Raises
    ------
    CorruptFileError
        If it cannot be read, or names a file elsewhere.
    MissingCompanionError
        If it names a file that is not there.
    """
    index = path.with_name(INDEX)
    # a set is staged as links into the folder where it lies: real places are compared
    home = path.resolve().parent
    if index.resolve().parent != home:
        message = f"{path.name}: {INDEX} beside it is a link; put the file itself there"
        raise CorruptFileError(message)
    names: set[str] = set()
    for number, (_, name, *_) in enumerate(read_ndtiff_index(index)):
        if number >= _MAX_PLANES:
            message = f"{path.name}: {INDEX} lists more than {_MAX_PLANES} planes"
            raise CorruptFileError(message)
        names.add(name)
    for name in sorted(names):
        other = path.with_name(name) if name and "/" not in name and "\\" not in name else None
        if other is None or name in (".", "..") or "\0" in name or other.resolve().parent != home:
            message = f"{path.name}: {INDEX} names a file that does not lie beside it"
            raise CorruptFileError(message)
        if not other.is_file():
            message = f"{path.name}: {name}, which {INDEX} names, is absent; put it beside the file"
            raise MissingCompanionError(message, (name,))


def channels_of(path: Path) -> tuple[str, ...]:
    """Return the names of the channels in the order in which the index first has them; empty if numbered."""
    found: dict[str, None] = {}
    for axes, *_ in read_ndtiff_index(path.with_name(INDEX)):
        name = axes.get("channel")
        if not isinstance(name, str) or len(found) > _MAX_CHANNELS:
            return ()
        found.setdefault(name)
    return tuple(found)
