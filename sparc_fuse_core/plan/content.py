"""Look into files whose name tells no format, and into headers that name the files of their set.

Only the first bytes are asked for, by ranged requests, a few at a time. A name that a format knows is believed
when planning and checked when the file is read.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import (
    SizeLimitError,
    SourceError,
    SourceUnavailableError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.registry import find_format, zarr_folder
from sparc_fuse_core.formats.set_headers import HEADER_BYTES, HEADERS, names_in_header
from sparc_fuse_core.formats.signatures import HEAD_BYTES, format_of_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.sources import Source, SourceFile

_SIDE_BY_SIDE = 16
#: Names that all headers together may announce.
_MOST_NAMES = 2_000_000
#: More files without a known name than this are not looked into: they are listed as unknown.
MAX_LOOKS = 20_000


def formats_by_content(files: Iterable[SourceFile], source: Source) -> Mapping[str, Format]:
    """Return the format, by path, of the ``files`` that only their first bytes tell.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [file for file in files if file.size_bytes and _name_tells_nothing(file.path)]
    heads = _heads(wanted[:MAX_LOOKS], source, HEAD_BYTES)
    found = {path: format_of_content(head) for path, head in heads.items()}
    return {path: row for path, row in found.items() if row is not None}


def names_by_header(files: Iterable[SourceFile], source: Source) -> Mapping[str, tuple[str, ...]]:
    """Return, by path of each header of a set among ``files``, the names of the files that it says it has.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [file for file in files if file.size_bytes and file.path.lower().endswith(HEADERS)]
    heads = _heads(wanted[:MAX_LOOKS], source, HEAD_BYTES)
    long = [file for file in wanted if len(heads.get(file.path, b"")) == HEAD_BYTES]
    # a list of names may go on; data behind an attached header does not
    lists = [file for file in long if not _ends_within(heads[file.path])]
    heads |= _heads(lists, source, HEADER_BYTES)
    found: dict[str, tuple[str, ...]] = {}
    n_names = 0
    for path, head in heads.items():
        names = names_in_header(path, head)
        n_names += len(names)
        if n_names > _MOST_NAMES:
            break  # a few bytes can announce any number of them
        if names:
            found[path] = names
    return found


def _ends_within(head: bytes) -> bool:
    """Whether an NRRD header ends in ``head``: at its first empty line."""
    return head.startswith(b"NRRD") and (b"\n\n" in head or b"\r\n\r\n" in head)


def _heads(files: Sequence[SourceFile], source: Source, n_bytes: int) -> dict[str, bytes]:
    """Return the first bytes of each file by its path; nothing of what may not be read."""

    def look(file: SourceFile) -> bytes:
        try:
            return source.head(file, n_bytes)
        except SourceUnavailableError:
            raise
        except (SourceError, SizeLimitError):
            # told when it is fetched
            return b""

    if not files:
        return {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(look, files))
    return {file.path: head for file, head in zip(files, found, strict=True)}


def _name_tells_nothing(path: str) -> bool:
    """Whether no format knows the name, or one that states nothing by itself (``.dat``, ``.gz``)."""
    if zarr_folder(path):
        return False
    if PurePosixPath(path).name.lower() == "metadata.txt":
        return True
    try:
        row = find_format(path)
    except UnsupportedFormatError:
        return True
    return row.needs_scheme or (row.name == "archive" and path.lower().endswith(".gz"))
