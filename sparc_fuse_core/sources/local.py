"""A local folder as a source: a dataset in SPARC Dataset Structure, or any folder of files."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from sparc_fuse_core.errors import (
    DatasetNotFoundError,
    DiskFullError,
    IntegrityError,
    SourceFileNotFoundError,
    SourceRefusedError,
)
from sparc_fuse_core.formats.registry import ZARR_METADATA
from sparc_fuse_core.sources.names import front_of
from sparc_fuse_core.sources.source import SourceFile
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

VERSION = "local"

#: How much of a manifest is looked at to tell whose it is.
_HEAD_BYTES = 65536
#: Folders inside of each other; paths of the operating system end at 4096 bytes anyway.
_MAX_DEPTH = 200


class LocalSource:
    """A folder; its name is the dataset's id, its version ``"local"``.

    Parameters
    ----------
    only
        Files and folders below it that are listed, each file with what lies beside it; all if empty.
    """

    def __init__(self, folder: Path, only: Sequence[PurePosixPath] = ()) -> None:
        self._folder = folder.resolve()
        self._only = tuple(only)
        self._refused: dict[str, str] = {}
        if not self._folder.is_dir():
            message = f"{folder}: no such folder"
            raise DatasetNotFoundError(message)

    @property
    def dataset_id(self) -> str:
        """Name of the folder."""
        return self._folder.name or "dataset"

    @property
    def version(self) -> str:
        """Always ``"local"``."""
        return VERSION

    @property
    def description(self) -> Mapping[str, Any]:
        """Where the folder is; SDS tables tell the rest."""
        return {"uri": self._folder.as_uri()}

    def metadata(self) -> Mapping[str, Any]:
        """Return nothing: a folder has no Discover record."""
        return {}

    @property
    def front(self) -> str:
        """What stands before a path in the folder: ``"files/"``, or ``""`` where it has Discover's own."""
        return front_of(e.name for e in _entries(self._folder) if not e.name.startswith("."))

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file in path order.

        Hidden files (but the metadata of Zarr version 2), links that leave the folder, and results of this
        converter are left out. Where ``files`` at the top is not Discover's own, ``files/`` is put in front.

        Raises
        ------
        DatasetNotFoundError
            If the folder holds results of this converter.
        SourceRefusedError
            If a folder may not be read.
        """
        front = self.front
        if _is_result(self._folder, {e.name for e in _entries(self._folder)}):
            message = (
                f"{self._folder}: holds results of an earlier conversion; name what they came from"
            )
            raise DatasetNotFoundError(message)
        self._refused = {}
        found = self._selected() if self._only else set(self._walk(self._folder))
        for file in sorted(found, key=lambda path: path.relative_to(self._folder).as_posix()):
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            except OSError as err:
                self._refuse(file, err.strerror or str(err))
                continue
            yield SourceFile(
                path=front + file.relative_to(self._folder).as_posix(),
                size_bytes=status.st_size,
                uri=file.as_uri(),
                etag=str(status.st_mtime_ns),
            )

    @property
    def refused(self) -> Mapping[str, str]:
        """What the last listing left out though it looks like a file or folder, and why."""
        return dict(self._refused)

    def _refuse(self, place: Path, why: str) -> None:
        path = self.front + place.relative_to(self._folder).as_posix()
        self._refused[path] = f"{path}: {why}: not read"

    def _selected(self) -> set[Path]:
        """Return what was named, what may belong to it, and the tables at the top."""
        top = _entries(self._folder)
        found = {Path(e.path) for e in top if _is_listed(e) and self._is_file(e)}
        named: dict[Path, list[str]] = {}
        for name in self._only:
            place = self._folder / name
            if place.is_dir():
                found.update(self._walk(place))
            else:
                # a link that was named is followed, whatever it leads to; a pipe holds no file
                if place.is_file() or not place.exists():
                    found.add(place)
                else:
                    self._refuse(place, "no regular file")
                named.setdefault(place.parent, []).append(place.name)
        for parent, names in named.items():
            found.update(self._beside(parent, names))
        return found

    def _beside(self, parent: Path, names: Sequence[str]) -> Iterator[Path]:
        """Yield the files of a folder, and of the folders in it that may hold parts of the named ones."""
        for entry in _entries(parent):
            if not _is_listed(entry):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if any(_may_belong(entry.name, name) for name in names):
                    yield from self._walk(path)
            elif self._is_file(entry) and self._inside(path):
                yield path

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a file, or a link to one; what is neither that nor a folder is noted."""
        try:
            if entry.is_file():
                return True
            # a link to a folder is left out without a word, as ever
            if not entry.is_dir():
                self._refuse(Path(entry.path), "a link that leads nowhere, or no regular file")
        except OSError as err:  # a link to itself, or a chain of them
            self._refuse(Path(entry.path), err.strerror or str(err))
        return False

    def _walk(self, folder: Path, depth: int = 0) -> Iterator[Path]:
        try:
            entries = _entries(folder)
        except (OSError, SourceRefusedError) as err:
            if folder == self._folder:
                raise
            self._refuse(
                folder, "may not be read" if isinstance(err, PermissionError) else str(err)
            )
            return
        names = {entry.name for entry in entries}
        is_top = folder == self._folder
        if not is_top and (WORK_FOLDER in names or _is_result(folder, names)):
            return
        for entry in entries:
            if not _is_listed(entry):
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth >= _MAX_DEPTH:
                    self._refuse(path, f"a folder below {_MAX_DEPTH} others")
                    continue
                yield from self._walk(path, depth + 1)
            elif self._is_file(entry) and self._inside(path) and not _is_pointer(entry, entries):
                yield path

    def _inside(self, file: Path) -> bool:
        if not file.is_symlink() or file.resolve().is_relative_to(self._folder):
            return True
        self._refuse(file, "a link that leaves the dataset's folder")
        return False

    def fetch(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """Put a file into ``folder``; see `fetch_file`."""
        return fetch_file(file, folder, on_bytes)

    def head(self, file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        """Return the first bytes of a file, or those from ``begin`` on.

        Raises
        ------
        SourceFileNotFoundError, SourceRefusedError
            If it vanished or may not be read.
        """
        try:
            with path_of(file).open("rb") as opened:
                opened.seek(begin)
                return opened.read(n_bytes)
        except FileNotFoundError:
            message = f"{file.path}: vanished since the dataset was listed; run again"
            raise SourceFileNotFoundError(message) from None
        except OSError as err:
            message = f"{file.path}: may not be read ({err.strerror}); change its permissions"
            raise SourceRefusedError(message) from err


def is_sds_folder(folder: Path) -> bool:
    """Whether a folder is the top of a dataset in SPARC Dataset Structure."""
    return (folder / "primary").is_dir() or any(folder.glob("dataset_description.*"))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError as err:
        message = f"{folder}: may not be read ({err.strerror}); change its permissions"
        raise SourceRefusedError(message) from err


def _is_listed(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") or entry.name in ZARR_METADATA


def _is_result(folder: Path, names: AbstractSet[str]) -> bool:
    """Whether a folder holds results of this converter: its manifest says so."""
    if "manifest.json" not in names:
        return False
    try:
        with (folder / "manifest.json").open("rb") as file:
            return b'"name": "sparc-fuse"' in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _is_pointer(entry: os.DirEntry[str], entries: Sequence[os.DirEntry[str]]) -> bool:
    """Whether a file is the ``latest.json`` that lies above results."""
    return entry.name == "latest.json" and any(
        (Path(other.path) / WORK_FOLDER).is_dir()
        for other in entries
        if other.is_dir(follow_symlinks=False)
    )


def _may_belong(folder: str, file: str) -> bool:
    """Whether a folder beside a file may hold parts of it: ``_x_`` of x.vsi, ``x.oif.files``."""
    stem = PurePosixPath(file).stem.casefold()
    return stem in folder.casefold() or file.casefold() == "structure.oebin"


def path_of(file: SourceFile) -> Path:
    """Return where a local file lies."""
    return Path(unquote(urlparse(file.uri).path))


def fetch_file(
    file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
) -> Path:
    """Put a link to a local file into ``folder`` (a copy where links cannot be made).

    Raises
    ------
    SourceFileNotFoundError
        If it vanished since it was listed.
    IntegrityError
        If its size changed since then.
    SourceRefusedError
        If it may not be read.
    """
    origin = path_of(file)
    target = folder / Path(file.path).name
    try:
        status = origin.stat()
        if not stat.S_ISREG(status.st_mode):
            message = f"{file.path}: no regular file any more; run again"
            raise IntegrityError(message)
        size_bytes = status.st_size
        with origin.open("rb"):
            pass
        folder.mkdir(parents=True, exist_ok=True)
        try:
            target.symlink_to(origin)
        except OSError:
            shutil.copyfile(origin, target)
    except FileNotFoundError:
        message = f"{file.path}: vanished since the dataset was listed; run again"
        raise SourceFileNotFoundError(message) from None
    except PermissionError as err:
        message = f"{file.path}: may not be read ({err.strerror}); change its permissions"
        raise SourceRefusedError(message) from err
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"{file.path}: no space left to copy it"
            raise DiskFullError(message) from err
        raise
    check_unchanged(file)
    if on_bytes is not None:
        on_bytes(size_bytes)
    return target


def check_unchanged(file: SourceFile) -> None:
    """Check that a local file is the one that was listed: a link to it is no copy of it.

    Raises
    ------
    IntegrityError
        If its size or the time of its last change are others.
    """
    try:
        status = path_of(file).stat()
    except OSError as err:
        message = f"{file.path}: vanished while it was read ({err.strerror}); run again"
        raise IntegrityError(message) from err
    if status.st_size != file.size_bytes:
        message = f"{file.path}: {status.st_size} bytes, {file.size_bytes} when listed; run again"
        raise IntegrityError(message)
    if file.etag and str(status.st_mtime_ns) != file.etag:
        message = f"{file.path}: it was written to after it was listed; run again"
        raise IntegrityError(message)
