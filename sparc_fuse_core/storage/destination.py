"""Where results go: a folder or a bucket, with the same promises.

A result appears under its final name only when it is whole. In a folder it is written aside and renamed;
in a bucket its root metadata is uploaded last (and removed first when an older result is replaced), so
that an upload cut short opens nowhere. Everything that is not a result lies below ``.sparc-fuse/``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sparc_fuse_core.addresses import is_s3, s3_parts
from sparc_fuse_core.errors import (
    RequestError,
)
from sparc_fuse_core.storage.bucket_results import BucketDestination
from sparc_fuse_core.storage.folder import FolderDestination

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Iterator, Mapping

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.locks import Held


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

    def change_bytes(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace a small object by what ``change`` makes of it, so that no other writer's change is lost.

        ``change`` is given None where there is no object; where it returns None nothing is written. It is
        called again if the object has changed meanwhile.
        """

    def list_datasets(self) -> list[str]:
        """Return the names of the folders at the top, those of this converter's own left out."""

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
    fence: Callable[[], None] | None = None,
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
    fence
        Called while a result is sent to a bucket and before it opens; raises if another run has taken over.

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
            bucket, prefix.strip("/"), settings, folder=folder, may_delete=may_delete, fence=fence
        )
    if "://" in text:
        message = f"{text}: results go to a folder or to s3://bucket/prefix"
        raise RequestError(message)
    return FolderDestination(Path(target), folder, token)
