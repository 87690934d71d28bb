"""A local folder as a source: a dataset in SPARC Dataset Structure, or any folder of files."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
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
from sparc_fuse_core.sources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VERSION = "local"


class LocalSource:
    """A folder; its name is the dataset's id, its version ``"local"``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
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

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file in path order.

        Hidden files (but the metadata of Zarr version 2) and links that leave the folder are left out. A
        folder named ``files`` at the top is the dataset's own; otherwise ``files/`` is put in front, as
        Discover does.
        """
        prefix = "" if (self._folder / "files").is_dir() else "files/"
        found = [file for file in self._walk(self._folder) if self._inside(file)]
        for file in sorted(found, key=lambda path: path.relative_to(self._folder).as_posix()):
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            yield SourceFile(
                path=prefix + file.relative_to(self._folder).as_posix(),
                size_bytes=status.st_size,
                uri=file.as_uri(),
                etag=str(status.st_mtime_ns),
            )

    def _walk(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            children = sorted(entries, key=lambda entry: entry.name)
        for entry in children:
            if entry.name.startswith(".") and entry.name not in ZARR_METADATA:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)

    def _inside(self, file: Path) -> bool:
        return not file.is_symlink() or file.resolve().is_relative_to(self._folder)

    def fetch(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """Put a file into ``folder``; see `fetch_file`."""
        return fetch_file(file, folder, on_bytes)

    def head(self, file: SourceFile, n_bytes: int) -> bytes:
        """Return the first bytes of a file.

        Raises
        ------
        SourceFileNotFoundError, SourceRefusedError
            If it vanished or may not be read.
        """
        try:
            with path_of(file).open("rb") as opened:
                return opened.read(n_bytes)
        except FileNotFoundError:
            message = f"{file.path}: vanished since the dataset was listed; run again"
            raise SourceFileNotFoundError(message) from None
        except OSError as err:
            message = f"{file.path}: may not be read ({err.strerror}); change its permissions"
            raise SourceRefusedError(message) from err


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
        size_bytes = origin.stat().st_size
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
    if size_bytes != file.size_bytes:
        message = f"{file.path}: {size_bytes} bytes, {file.size_bytes} when listed; run again"
        raise IntegrityError(message)
    if on_bytes is not None:
        on_bytes(size_bytes)
    return target
