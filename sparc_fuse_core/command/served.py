"""What ``sparc-fuse view`` serves: objects by key and range, of a folder or of a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sparc_fuse_core.addresses import is_s3, s3_parts
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.paths import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

_PIECE_BYTES = 1 << 20


class Place(Protocol):
    """Objects below a root; keys are relative, with ``/``."""

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes; None if it is not there, or outside."""

    def pieces(self, key: str, first: int, n_bytes: int) -> Iterator[bytes]:
        """Yield a range of an object, a megabyte at a time."""

    def datasets(self) -> list[str]:
        """Return folders in which a ``latest.json`` may lie; ``""`` is the root itself."""


def open_place(target: str | Path, settings: Settings) -> Place:
    """Return the place that a folder or an address in a bucket names.

    Raises
    ------
    RequestError
        If it is neither.
    """
    if is_s3(str(target)):
        return _Bucket(str(target), settings)
    if "://" in str(target):
        message = f"{target}: expected a folder or s3://bucket/prefix"
        raise RequestError(message)
    return _Folder(expanded(target).resolve())


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, key: str) -> Path | None:
        """Return the file, or None if it lies outside: a link may lead there too."""
        try:
            path = (self._root / key).resolve()
        except (ValueError, OSError):
            return None
        return path if path.is_relative_to(self._root) and path.is_file() else None

    def size(self, key: str) -> int | None:
        path = self._path(key)
        return None if path is None else path.stat().st_size

    def pieces(self, key: str, first: int, n_bytes: int) -> Iterator[bytes]:
        path = self._path(key)
        if path is None:
            return
        with path.open("rb") as file:
            file.seek(first)
            while n_bytes > 0 and (piece := file.read(min(n_bytes, _PIECE_BYTES))):
                yield piece
                n_bytes -= len(piece)

    def datasets(self) -> list[str]:
        found = [path.parent.relative_to(self._root) for path in self._root.glob("*/latest.json")]
        return ["", *sorted(path.as_posix() for path in found)]


class _Bucket:
    """Read with the credentials of who looks; nothing of it is kept on this machine."""

    def __init__(self, target: str, settings: Settings) -> None:
        # folders are looked at without it
        from sparc_fuse_core.storage.bucket import open_bucket

        bucket, prefix = s3_parts(target)
        self._store = open_bucket(bucket, prefix.strip("/"), settings)

    def size(self, key: str) -> int | None:
        if not key or any(part in ("", ".", "..") for part in key.split("/")):
            return None
        return self._store.size(key)

    def pieces(self, key: str, first: int, n_bytes: int) -> Iterator[bytes]:
        while n_bytes > 0 and (
            piece := self._store.read_range(key, first, min(n_bytes, 8 * _PIECE_BYTES))
        ):
            yield piece
            first += len(piece)
            n_bytes -= len(piece)

    def datasets(self) -> list[str]:
        return ["", *self._store.list_folders()]
