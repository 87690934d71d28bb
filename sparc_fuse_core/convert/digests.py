"""Digests of what was read and of what was written, so that anybody can check either."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.convert.staged import Staged


def sha256_of(staged: Staged) -> dict[str, str]:
    """Return the SHA-256 of the files that were read, by path, where nothing else identifies their bytes.

    A publisher's digest and a bucket's version id stand as they are.
    """
    found = {}
    for file in staged.files:
        here = staged.folder / PurePosixPath(file.path).relative_to(staged.above)
        if not file.sha256 and not file.version_id and here.is_file():
            found[file.path] = _sha256(here)
    return found


def digest_of(result: Path) -> str:
    """Return the digest of a result: a file's SHA-256, or that of the listing of a folder's.

    The listing is what ``find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`` prints in the
    folder: for each file its SHA-256, two spaces, ``./`` and its path, in the order of the paths' bytes.
    """
    if result.is_file():
        return _sha256(result)
    files = {f"./{file.relative_to(result).as_posix()}": file for file in result.rglob("*")}
    listing = hashlib.sha256()
    for name in sorted(files, key=str.encode):
        if files[name].is_file():
            listing.update(f"{_sha256(files[name])}  {name}\n".encode())
    return listing.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
