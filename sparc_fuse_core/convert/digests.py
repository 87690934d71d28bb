"""Digests of what was read and of what was written, so that anybody can check either."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.convert.staged import Staged

_BLOCK_BYTES = 1 << 20


def sha256_of(staged: Staged) -> dict[str, str]:
    """Return the SHA-256 of the files that were read, by path, where nothing else identifies their bytes.

    A publisher's digest and a bucket's version id stand as they are.
    """
    found = {}
    for file in staged.files:
        here = staged.folder / PurePosixPath(file.path).relative_to(staged.above)
        if not file.sha256 and not file.version_id and here.is_file():
            found[file.path] = sha256_of_file(here)
    return found


def digests_of(result: Path) -> tuple[str, str]:
    """Return the digest of a result, and its Zarr checksum if it is a folder, else ``""``.

    Every file is read once. The digest of a file is its SHA-256, that of a folder the SHA-256 of what
    ``find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`` prints in it: for each file its
    SHA-256, two spaces, ``./`` and its path, in the order of the paths' bytes.

    The Zarr checksum is the one by which DANDI names a store (`zarr_checksum` on PyPI): of each folder the
    MD5 of a JSON text that lists the folders in it and its files, each by name with digest and size;
    written as ``<md5>-<number of files>--<bytes>``.
    """
    if result.is_file():
        return _hashed(result)[0], ""
    tree = _Folder()
    listed = []
    for file in result.rglob("*"):
        if not file.is_file():
            continue
        *above, name = file.relative_to(result).parts
        sha256, md5, n_bytes = _hashed(file)
        listed.append(("/".join([".", *above, name]), sha256))
        tree.at(above).files[name] = (md5, n_bytes)
    listing = hashlib.sha256()
    for path, sha256 in sorted(listed, key=lambda entry: entry[0].encode()):
        listing.update(f"{sha256}  {path}\n".encode())
    return listing.hexdigest(), tree.checksum()[0]


class _Folder:
    """A folder of a store: MD5 and size of its files, and the folders in it."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, int]] = {}
        self.folders: dict[str, _Folder] = {}

    def at(self, parts: list[str]) -> _Folder:
        """Return the folder at ``parts`` below this one."""
        found = self
        for part in parts:
            found = found.folders.setdefault(part, _Folder())
        return found

    def checksum(self) -> tuple[str, int, int]:
        """Return checksum, number of files and bytes."""
        n_files, n_bytes = len(self.files), sum(size for _, size in self.files.values())
        folders = []
        for name, folder in sorted(self.folders.items()):
            digest, n_inner, inner_bytes = folder.checksum()
            folders.append({"digest": digest, "name": name, "size": inner_bytes})
            n_files, n_bytes = n_files + n_inner, n_bytes + inner_bytes
        files = [
            {"digest": md5, "name": name, "size": size}
            for name, (md5, size) in sorted(self.files.items())
        ]
        text = json.dumps({"directories": folders, "files": files}, separators=(",", ":"))
        md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        return f"{md5}-{n_files}--{n_bytes}", n_files, n_bytes


def _hashed(path: Path) -> tuple[str, str, int]:
    """Return SHA-256, MD5 and bytes of a file that is read once."""
    sha256, md5, n_bytes = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            sha256.update(block)
            md5.update(block)
            n_bytes += len(block)
    return sha256.hexdigest(), md5.hexdigest(), n_bytes


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
