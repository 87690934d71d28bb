"""Look into files whose name tells no format, and into headers that name the files of their set.

Only the first bytes are asked for, by ranged requests, a few at a time. A name that a format knows is believed
when planning and checked when the file is read.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from sparc_fuse_core.errors import (
    SizeLimitError,
    SourceError,
    SourceUnavailableError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.registry import find_format, zarr_folder
from sparc_fuse_core.formats.set_headers import HEADER_BYTES, HEADERS, names_in_header
from sparc_fuse_core.formats.signatures import HEAD_BYTES, format_of_content
from sparc_fuse_core.plan.decoded import LEAST_BYTES, Decoded, decoded, looked_into

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.sources import Source, SourceFile

Told = TypeVar("Told")

_SIDE_BY_SIDE = 16
#: Names that all headers together may announce.
_MOST_NAMES = 2_000_000
#: More files without a known name than this are not looked into: they are listed as unknown.
MAX_LOOKS = 20_000
#: Headers longer than the first bytes that are asked for whole.
_MAX_LONG = 1_000
#: Formats of images whose files may hold spectra alone; their tags lie before and behind the values.
_MAY_BE_ARRAYS = (".dm3", ".dm4")
_BUFFER_BYTES = 32_768
_MOST_RANGES = 64


def formats_by_content(files: Iterable[SourceFile], source: Source) -> Mapping[str, Format]:
    """Return the format, by path, of the ``files`` that only their first bytes tell.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [file for file in files if file.size_bytes and _name_tells_nothing(file.path)]
    found = _looked(wanted[:MAX_LOOKS], source, HEAD_BYTES, lambda _, head: format_of_content(head))
    return {path: row for path, row in found.items() if row is not None}


def names_by_header(files: Iterable[SourceFile], source: Source) -> Mapping[str, tuple[str, ...]]:
    """Return, by path of each header of a set among ``files``, the names of the files that it says it has.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [file for file in files if file.size_bytes and file.path.lower().endswith(HEADERS)]

    def begun(path: str, head: bytes) -> tuple[str, ...] | None:
        # a list of names may go on; data behind an attached header does not
        whole = len(head) < HEAD_BYTES or _ends_within(head)
        return names_in_header(path, head) if whole else None

    first = _looked(wanted[:MAX_LOOKS], source, HEAD_BYTES, begun)
    long = [file for file in wanted if first.get(file.path, ()) is None]
    rest = _looked(long[:_MAX_LONG], source, HEADER_BYTES, names_in_header)
    found: dict[str, tuple[str, ...]] = {}
    n_names = 0
    for path, names in (first | rest).items():
        n_names += len(names or ())
        if n_names > _MOST_NAMES:
            break  # a few bytes can announce any number of them
        if names:
            found[path] = names
    return found


def sizes_by_header(
    files: Iterable[SourceFile], source: Source, least_bytes: int = LEAST_BYTES
) -> Mapping[str, Decoded]:
    """Return what the headers of large compressed files tell of their values, by path.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [f for f in files if f.size_bytes >= least_bytes and looked_into(f.path)][:MAX_LOOKS]

    def look(file: SourceFile) -> Decoded | None:
        try:
            return decoded(
                file.path,
                file.size_bytes,
                lambda begin, n_bytes: source.head(file, n_bytes, begin),
            )
        except SourceUnavailableError:
            raise
        except (SourceError, SizeLimitError):
            return None  # told when it is fetched

    if not wanted:
        return {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(look, wanted))
    return {file.path: one for file, one in zip(wanted, found, strict=True) if one is not None}


def without_pictures(files: Iterable[SourceFile], source: Source) -> frozenset[str]:
    """Return the paths of files of a format of images that hold spectra, curves or arrays alone.

    Raises
    ------
    SourceUnavailableError
        If the source does not answer; the same call may succeed later.
    """
    wanted = [f for f in files if f.size_bytes and f.path.lower().endswith(_MAY_BE_ARRAYS)]
    if not wanted:
        return frozenset()
    from sparc_fuse_core.readers.dm.axes import only_arrays

    def look(file: SourceFile) -> bool:
        try:
            with io.BufferedReader(_Ranged(file, source), _BUFFER_BYTES) as begun:
                return only_arrays(begun)
        except SourceUnavailableError:
            raise
        except (SourceError, SizeLimitError, OSError):
            return False  # told when it is fetched

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(look, wanted[:MAX_LOOKS]))
    return frozenset(file.path for file, so in zip(wanted, found, strict=False) if so)


class _Ranged(io.RawIOBase):
    """A file of a source, read by ranges; `OSError` after `_MOST_RANGES` of them."""

    def __init__(self, file: SourceFile, source: Source) -> None:
        self._file = file
        self._source = source
        self._at = 0
        self._n_left = _MOST_RANGES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size_bytes}[whence]
        if base + offset < 0:
            message = "before the file's begin"
            raise OSError(message)
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        n_bytes = min(len(buffer), self._file.size_bytes - self._at)
        if n_bytes <= 0:
            return 0
        if not self._n_left:
            message = "its tags are scattered over too many places"
            raise OSError(message)
        self._n_left -= 1
        data = self._source.head(self._file, n_bytes, self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _ends_within(head: bytes) -> bool:
    """Whether an NRRD header ends in ``head``: at its first empty line."""
    return head.startswith(b"NRRD") and (b"\n\n" in head or b"\r\n\r\n" in head)


def _looked(
    files: Sequence[SourceFile], source: Source, n_bytes: int, told: Callable[[str, bytes], Told]
) -> dict[str, Told]:
    """Return what the first bytes of each file tell, by its path; of what may not be read, what none tell."""

    def look(file: SourceFile) -> Told:
        try:
            head = source.head(file, n_bytes)
        except SourceUnavailableError:
            raise
        except (SourceError, SizeLimitError):
            # told when it is fetched
            head = b""
        return told(file.path, head)

    if not files:
        return {}
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(look, files))
    return {file.path: one for file, one in zip(files, found, strict=True)}


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
    suffix = PurePosixPath(path).suffix.lower()
    return row.needs_scheme or (row.name, suffix) in (("archive", ".gz"), ("structured", ".xml"))
