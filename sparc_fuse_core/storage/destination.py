"""Where results go: a folder or a bucket, with the same promises.

A result appears under its final name only when it is whole. In a folder it is written aside and renamed;
in a bucket its root metadata is uploaded last (and removed first when an older result is replaced), so
that an upload cut short opens nowhere. Everything that is not a result lies below ``.sparc-fuse/``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tempfile
import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from sparc_fuse_core.addresses import is_s3, s3_address, s3_parts
from sparc_fuse_core.errors import (
    DiskFullError,
    OutputNotWritableError,
    PublishError,
    RequestError,
)
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.storage.locks import check_folder, folder_lock, object_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.locks import Held

WORK_FOLDER = ".sparc-fuse"

#: Objects without which nothing opens a store, in the order in which they are removed.
ROOT_NAMES = ("zarr.json", ".zmetadata", ".zgroup", ".zattrs", ".zarray")

#: Those by which one tells that a store is there.
_OPENS = ("zarr.json", ".zgroup", ".zarray")

#: In the work folder of a dataset: the lock of a folder, and of a bucket.
_LOCK_FILE = "running.lock"
_LOCK_OBJECT = "running.json"


def roots_of(key: str) -> list[str]:
    """Return the keys of a store that `ROOT_NAMES` names."""
    return [f"{key}/{name}" for name in ROOT_NAMES]


def files_below(folder: Path, key: str) -> dict[str, Path]:
    """Return the files of a folder by the keys that they have as the store ``key``."""
    return {
        f"{key}/{file.relative_to(folder).as_posix()}": file
        for file in folder.rglob("*")
        if file.is_file()
    }


class Destination(Protocol):
    """A place for results. Keys are relative, with ``/``: ``"224/2/primary/x.acq.zarr"``."""

    @property
    def uri(self) -> str:
        """What users are told: a path or ``s3://bucket/prefix``."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """Yield an empty folder for work in progress, removed afterwards."""

    def put_result(self, path: Path, key: str) -> list[str]:
        """Commit a file or a store (a folder, which may be moved away) as ``key``.

        Returns the keys that an older result left there and that may not be deleted from here.
        """

    def copy_result(self, source: str, key: str, replaced: Mapping[str, bytes]) -> None:
        """Commit a copy of the store ``source`` as ``key``, where nothing is yet.

        ``replaced`` holds objects, by their name inside the store, that are put instead of copied.
        """

    def withdraw_result(self, key: str) -> None:
        """Take away what makes the result at ``key`` open, before it is replaced."""

    def remove_result(self, key: str) -> None:
        """Remove what is at ``key``, whole or not; nothing there is no error."""

    def read_bytes(self, key: str) -> bytes | None:
        """Return a small object, or None."""

    def write_bytes(self, key: str, data: bytes) -> None:
        """Put a small object; it appears whole or not at all."""

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield the key of every object below ``prefix``."""

    def count_result(self, key: str) -> tuple[int, int]:
        """Return how many objects the result at ``key`` has, and their bytes; (0, 0) if it does not open."""

    def lock(self) -> contextlib.AbstractContextManager[Held]:
        """Hold the lock of the dataset's folder while a run writes into it.

        Raises `DatasetBusyError` if another run, on any host, holds it.
        """

    def sweep(self) -> None:
        """Remove what killed runs left behind; only for who holds the lock."""


def open_destination(
    target: str | Path,
    settings: Settings,
    *,
    folder: str = "",
    token: str = "",
    may_delete: bool = True,
) -> Destination:
    """Return the destination for a folder or an ``s3://bucket/prefix``.

    Parameters
    ----------
    folder
        Of the dataset: ``"224/2"``. Its lock and its staging lie in it.
    token
        Of the run that holds the lock, for a worker of it: nothing is committed once another run has it.
    may_delete
        False where the role may only put (a worker in the cloud): what an older result left in a bucket
        is then named instead of deleted.

    Raises
    ------
    RequestError
        If the URL is neither.
    OutputNotWritableError
        If the folder cannot be made or written.
    """
    text = str(target)
    if is_s3(text):
        bucket, prefix = s3_parts(text)
        return BucketDestination(
            bucket, prefix.strip("/"), settings, folder=folder, may_delete=may_delete
        )
    if "://" in text:
        message = f"{text}: results go to a folder or to s3://bucket/prefix"
        raise RequestError(message)
    return FolderDestination(Path(target), folder, token)


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn the operating system's refusals into errors that name ``what``."""
    try:
        yield
    except OSError as err:
        if isinstance(err, PublishError):
            raise
        if err.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            message = f"{what}: no space left; free some or choose another --output-dir"
            raise DiskFullError(message) from err
        if err.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = f"{what}: not writable ({err.strerror}); choose another --output-dir"
            raise OutputNotWritableError(message) from err
        message = f"{what}: {err.strerror or err}"
        raise PublishError(message) from err


class FolderDestination:
    """Results in a local folder.

    Parameters
    ----------
    folder
        Of the dataset, below ``root``: its staging belongs to the run that holds its lock, so that no
        run ever sweeps what another is writing.
    token
        Of that run, for its workers.
    """

    def __init__(self, root: Path, folder: str = "", token: str = "") -> None:
        self._folder = folder
        self._token = token
        # links and ".." are followed once: tensorstore takes no "..", and a rename needs one disk
        self._root = expanded(root).resolve()
        with writing(str(self._root)):
            if self._root.exists() and not self._root.is_dir():
                message = f"{self._root}: not a folder; choose another --output-dir"
                raise OutputNotWritableError(message)
            self._staging.mkdir(parents=True, exist_ok=True)
            probe = self._staging / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()

    @property
    def _staging(self) -> Path:
        return self._work_folder / "staging"

    @property
    def _work_folder(self) -> Path:
        return self._path(self._folder) / WORK_FOLDER

    @property
    def _what(self) -> str:
        return str(self._path(self._folder))

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self._root)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a folder on the same disk, so that a commit is a rename."""
        with writing(str(self._staging)):
            self._staging.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=self._staging))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_result(self, path: Path, key: str) -> list[str]:
        """Rename ``path`` to its final place; an older result is moved aside first."""
        target = self._path(key)
        if self._token:
            check_folder(self._work_folder / _LOCK_FILE, self._token, self._what)
        with writing(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                with self.scratch() as aside:
                    target.rename(aside / "old")
                    try:
                        path.rename(target)
                    except BaseException:
                        (aside / "old").rename(target)
                        raise
            else:
                path.rename(target)
        return []

    def copy_result(self, source: str, key: str, replaced: Mapping[str, bytes]) -> None:
        """Copy aside and rename."""
        with writing(str(self._path(key))), self.scratch() as aside:
            copy = aside / "copy"
            shutil.copytree(self._path(source), copy)
            for name, data in replaced.items():
                copy.joinpath(*PurePosixPath(name).parts).write_bytes(data)
            self.put_result(copy, key)

    def withdraw_result(self, key: str) -> None:
        """Remove it: in a folder that is one rename."""
        self.remove_result(key)

    def remove_result(self, key: str) -> None:
        """Move a result aside and delete it, so that no half of it is ever seen."""
        target = self._path(key)
        if target.exists():
            with writing(str(target)), self.scratch() as aside:
                target.rename(aside / "old")

    def read_bytes(self, key: str) -> bytes | None:
        """Return the file's bytes, or None if there is none."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write_bytes(self, key: str, data: bytes) -> None:
        """Write aside and rename."""
        target = self._path(key)
        with writing(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            # not beside the target: a longer name may be more than the file system takes
            self._staging.mkdir(parents=True, exist_ok=True)
            aside = self._staging / uuid.uuid4().hex
            try:
                aside.write_bytes(data)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every file below ``prefix``."""
        base = self._path(prefix)
        for file in sorted(base.rglob("*")):
            if file.is_file():
                yield file.relative_to(self._root).as_posix()

    def count_result(self, key: str) -> tuple[int, int]:
        """Return (files, bytes) of a result; (0, 0) if it does not open."""
        target = self._path(key)
        if target.is_file():
            return 1, target.stat().st_size
        sizes = {name: file.stat().st_size for name, file in files_below(target, "").items()}
        roots = [name for name in _OPENS if f"/{name}" in sizes]
        if not roots or not all(_is_json(self.read_bytes(f"{key}/{name}")) for name in roots):
            return 0, 0
        return len(sizes), sum(sizes.values())

    @contextlib.contextmanager
    def lock(self) -> Iterator[Held]:
        """Hold the folder's lock file."""
        with contextlib.ExitStack() as stack:
            with writing(self._what):
                held = stack.enter_context(folder_lock(self._work_folder / _LOCK_FILE, self._what))
            yield held

    def sweep(self) -> None:
        """Empty the staging folder: whoever holds the lock is the only one to use it."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*PurePosixPath(key).parts)


class BucketDestination:
    """Results in an S3 bucket, below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        settings: Settings,
        *,
        folder: str = "",
        may_delete: bool = True,
    ) -> None:
        # obstore is needed only where a bucket is: planning and folders do without it
        from sparc_fuse_core.storage import bucket as object_store

        self._bucket = bucket
        self._prefix = prefix
        self._folder = folder
        self._may_delete = may_delete
        self._store = object_store.open_bucket(bucket, prefix, settings)

    @property
    def uri(self) -> str:
        """The bucket and prefix."""
        return s3_address(self._bucket, self._prefix)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on this machine."""
        with writing(tempfile.gettempdir()):
            folder = Path(tempfile.mkdtemp(prefix="sparc-fuse-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_result(self, path: Path, key: str) -> list[str]:
        """Upload; the objects that make it open last, and what an older result left is removed."""
        if path.is_file():
            self._store.upload(path, key)
            return []
        files = files_below(path, key)
        roots = roots_of(key)
        older = set(self.list_keys(key))
        if self._may_delete:
            self._delete([name for name in roots if name in older])
        self._store.upload_all({name: files[name] for name in files if name not in roots})
        leftovers = sorted(older - files.keys() - (set(roots) if self._may_delete else set()))
        if self._may_delete:
            self._delete(leftovers)
            leftovers = []
        for name in reversed(roots):
            if name in files:
                self._store.upload(files[name], name)
        return leftovers

    def copy_result(self, source: str, key: str, replaced: Mapping[str, bytes]) -> None:
        """Copy inside the bucket; the objects that make it open last."""
        names = [name.removeprefix(f"{source}/") for name in self.list_keys(source)]
        inner = [name for name in names if name not in ROOT_NAMES and name not in replaced]
        self._store.copy_all({f"{key}/{name}": f"{source}/{name}" for name in inner})
        for name in (*(replaced.keys() - ROOT_NAMES), *reversed(ROOT_NAMES)):
            if name in replaced:
                self._store.write(f"{key}/{name}", replaced[name])
            elif name in names:
                self._store.copy_all({f"{key}/{name}": f"{source}/{name}"})

    def withdraw_result(self, key: str) -> None:
        """Delete the root metadata, or the file itself."""
        self._delete(roots_of(key) if _is_store(key) else [key])

    def remove_result(self, key: str) -> None:
        """Delete the root metadata first, then the rest."""
        if not _is_store(key):
            self._delete([key])
            return
        keys = list(self.list_keys(key))
        roots = [name for name in roots_of(key) if name in keys]
        self._delete(roots)
        self._delete([name for name in keys if name not in roots])

    def _delete(self, keys: list[str]) -> None:
        self._store.delete_all(keys)

    def read_bytes(self, key: str) -> bytes | None:
        """Return an object's bytes, or None."""
        return self._store.read(key)

    def write_bytes(self, key: str, data: bytes) -> None:
        """Put an object (atomic in S3)."""
        self._store.write(key, data)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every object below ``prefix`` (and the object itself)."""
        yield from self._store.list_keys(prefix)

    def count_result(self, key: str) -> tuple[int, int]:
        """Return (objects, bytes) of a result by one listing; (0, 0) if nothing there opens."""
        found = self._store.sizes_and_tags(key)
        names = (key, *(f"{key}/{name}" for name in _OPENS))
        if not any(name in found for name in names):
            return 0, 0
        return len(found), sum(size for size, _ in found.values())

    @contextlib.contextmanager
    def lock(self) -> Iterator[Held]:
        """Hold the object that the cloud's runs take too."""
        key = f"{self._folder}/{WORK_FOLDER}/{_LOCK_OBJECT}"
        with object_lock(self._store, key, f"{self.uri}/{self._folder}") as held:
            yield held

    def sweep(self) -> None:
        """Nothing to do: uploads cut short are removed by the bucket's lifecycle rule."""


def _is_json(data: bytes | None) -> bool:
    try:
        return data is not None and isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _is_store(key: str) -> bool:
    """Whether a result is a store, many objects, rather than one."""
    return key.endswith(".zarr")
