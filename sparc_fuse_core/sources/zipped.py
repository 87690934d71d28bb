"""A zip of files as a source: read where it is; each file is unpacked when it is converted."""

from __future__ import annotations

import contextlib
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlparse

from sparc_fuse_core.errors import (
    CorruptFileError,
    IntegrityError,
    SourceFileNotFoundError,
    SourceRefusedError,
)
from sparc_fuse_core.readers.shared.unpacked import check_unpacked
from sparc_fuse_core.sources.names import SDS_FOLDERS, front_of, is_hidden
from sparc_fuse_core.sources.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VERSION = "local"
SCHEME = "zip+file"

_STEP_BYTES = 1 << 20
_ENCRYPTED, _UTF_8 = 0x1, 0x800
#: What archivers add beside the files of macOS.
_NOT_FILES = ("__MACOSX",)


class ZipSource:
    """A ``.zip``; its name without the suffix is the dataset's id, its version ``"local"``."""

    def __init__(self, file: Path) -> None:
        self._file = file.absolute()

    @property
    def dataset_id(self) -> str:
        """Name of the file without its suffix."""
        return self._file.stem or "dataset"

    @property
    def version(self) -> str:
        """Always ``"local"``."""
        return VERSION

    @property
    def description(self) -> Mapping[str, Any]:
        """Where the zip is; SDS tables tell the rest."""
        return {"uri": self._file.as_uri()}

    def metadata(self) -> Mapping[str, Any]:
        """Return nothing: a zip has no Discover record."""
        return {}

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file in path order; hidden ones, links and what macOS adds are left out.

        Names without the mark of UTF-8 are read as UTF-8 where they are such (macOS packs so), else as code
        page 437. A single folder that holds all the rest is taken for the dataset itself.

        Raises
        ------
        CorruptFileError
            If it cannot be read as a zip.
        """
        found = _by_name(_entries(self._file))
        names = sorted(found)
        above = _common_folder(names)
        front = front_of(name.removeprefix(above) for name in names)
        base = self._file.as_uri().removeprefix("file:")
        for name in names:
            entry = found[name]
            yield SourceFile(
                path=front + name.removeprefix(above),
                size_bytes=entry.file_size,
                uri=f"{SCHEME}:{base}#{quote(entry.filename)}",
                etag=f"crc-{entry.CRC:08x}",
            )

    def fetch(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """Unpack one file into ``folder``; see `fetch_file`."""
        return fetch_file(file, folder, on_bytes)

    def head(self, file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        """Return the first bytes of a file; errors are those of `fetch_file`.

        What lies farther on (``begin``) is not told: all before it would have to be unpacked.
        """
        if begin:
            return b""
        with _unpacking(file) as packed:
            return packed.read(n_bytes)


def holds_files(path: Path) -> bool:
    """Whether a zip holds files to convert, rather than being itself what one format is made of.

    A set of ImageJ regions and a zipped Zarr store are single things.
    """
    name = path.name.lower()
    if name.endswith((".zarr.zip", ".roi.zip", "roiset.zip")) or not zipfile.is_zipfile(path):
        return False
    try:
        names = [entry.filename.lower() for entry in _entries(path)]
    except CorruptFileError:
        return True  # named when it is listed
    return not (names and all(name.endswith(".roi") for name in names))


def _entries(path: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [
                entry
                for entry in archive.infolist()
                if not entry.is_dir()
                and not stat.S_ISLNK(entry.external_attr >> 16)
                and not is_hidden(entry.filename)
                and PurePosixPath(entry.filename).parts[:1] not in [(name,) for name in _NOT_FILES]
            ]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as err:
        message = f"{path.name}: not readable as a zip ({err}); pack it again"
        raise CorruptFileError(message) from err


def _by_name(entries: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by the names that their packer meant."""
    found = {_meant(entry): entry for entry in entries}
    # two names that would become one stay as they are
    return found if len(found) == len(entries) else {entry.filename: entry for entry in entries}


def _meant(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry: the standard library takes a name without the mark for code page 437."""
    name = entry.filename
    if entry.flag_bits & _UTF_8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _common_folder(names: list[str]) -> str:
    """Return ``"folder/"`` if everything lies in one folder that is not a part of the dataset, else ``""``."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    top = tops.pop() if len(tops) == 1 else ""
    return f"{top}/" if top and top not in (*SDS_FOLDERS, "files", "..") and not _store(top) else ""


def _store(name: str) -> bool:
    return name.lower().endswith(".zarr")


def fetch_file(
    file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
) -> Path:
    """Unpack a file of a zip into ``folder``; no more bytes than the zip announces are written.

    Raises
    ------
    SourceFileNotFoundError
        If the zip, or the file in it, is no longer there.
    SourceRefusedError
        If it is encrypted, or packed in a way that cannot be read.
    SizeLimitError
        If it would unpack to far more than is stored.
    IntegrityError
        If its bytes are not those that the zip announces.
    """
    target = folder / PurePosixPath(file.path).name
    folder.mkdir(parents=True, exist_ok=True)
    left = file.size_bytes
    with _unpacking(file) as packed, target.open("xb") as out:
        while piece := packed.read(min(_STEP_BYTES, left + 1)):
            left -= len(piece)
            if left < 0:
                message = f"{file.path}: more bytes than the zip announces; pack it again"
                raise IntegrityError(message)
            out.write(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
    return target


@contextlib.contextmanager
def _unpacking(file: SourceFile) -> Iterator[IO[bytes]]:
    """Open a file of a zip; what goes wrong names the file."""
    uri = urlparse(file.uri)
    try:
        with zipfile.ZipFile(unquote(uri.path)) as archive:
            entry = archive.getinfo(unquote(uri.fragment))
            if entry.flag_bits & _ENCRYPTED:
                message = f"{file.path}: encrypted in the zip; pack it without a password"
                raise SourceRefusedError(message)
            if (entry.file_size, f"crc-{entry.CRC:08x}") != (file.size_bytes, file.etag):
                message = f"{file.path}: changed since the zip was listed; run again"
                raise IntegrityError(message)
            check_unpacked(file.path, entry.compress_size, entry.file_size)
            with archive.open(entry) as packed:
                yield packed
    except (FileNotFoundError, KeyError):
        message = f"{file.path}: no longer in the zip; run again"
        raise SourceFileNotFoundError(message) from None
    except NotImplementedError as err:
        message = f"{file.path}: packed in a way that cannot be read ({err}); pack it again"
        raise SourceRefusedError(message) from err
    except (zipfile.BadZipFile, zlib.error, EOFError) as err:
        message = f"{file.path}: damaged in the zip ({err}); pack it again"
        raise IntegrityError(message) from err
