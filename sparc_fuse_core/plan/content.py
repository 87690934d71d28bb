"""Look into files whose name tells no format: PACS exports, series named by identifiers, misnamed files.

Only the first bytes are asked for, by ranged requests, a few at a time. A name that a format knows is believed
when planning and checked when the file is read.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import SourceError, SourceUnavailableError, UnsupportedFormatError
from sparc_fuse_core.formats.registry import find_format, zarr_folder
from sparc_fuse_core.formats.signatures import HEAD_BYTES, format_of_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.sources import Source, SourceFile

_SIDE_BY_SIDE = 16
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
    wanted = wanted[:MAX_LOOKS]
    if not wanted:
        return {}

    def look(file: SourceFile) -> Format | None:
        try:
            return format_of_content(source.head(file, HEAD_BYTES))
        except SourceUnavailableError:
            raise
        except SourceError:
            # what may not be read is told when it is fetched
            return None

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(look, wanted))
    return {file.path: row for file, row in zip(wanted, found, strict=True) if row is not None}


def _name_tells_nothing(path: str) -> bool:
    """Whether no format knows the name, or one that states nothing by itself (``.dat``, ``.gz``)."""
    if zarr_folder(path):
        return False
    try:
        row = find_format(path)
    except UnsupportedFormatError:
        return True
    return row.needs_scheme or (row.name == "archive" and path.lower().endswith(".gz"))
