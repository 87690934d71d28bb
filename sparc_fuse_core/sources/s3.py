"""Fetch one object from the bucket that the listing names: ranged, resumed, checked.

The publisher's buckets are read without signing unless the user names them as paid ones, one's own (uploads)
with the endpoint, region and credentials of the results. What arrived stays in a ``.part``
file and is continued after a broken answer, as long as the object is still the same one (its entity tag).
Where S3 refuses, the Discover API is asked for a signed URL of this one file.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from sparc_fuse_core.errors import (
    DiskFullError,
    IntegrityError,
    SourceError,
    SourceFileNotFoundError,
    SourceRefusedError,
    SourceUnavailableError,
    VersionNotStoredError,
)
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.sources.http import pause
from sparc_fuse_core.sources.s3_objects import (
    MAX_MANIFEST_BYTES,
    ChangedError,
    Origin,
    OwnObject,
    PublishedObject,
    SignedUrl,
    TrickleError,
)
from sparc_fuse_core.sources.source import OWN_ACCOUNT, PENNSIEVE_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import SourceFile

#: Slower than this, over the time that one request may take, is no answer.
_LEAST_BYTES_PER_S = 1000


def fetch_file(
    file: SourceFile,
    folder: Path,
    settings: Settings,
    on_bytes: Callable[[int], None] | None = None,
) -> Path:
    """Put one object into ``folder`` under its path's last part and return where it is.

    Raises
    ------
    SourceUnavailableError, SourceThrottledError
        If it still fails after all attempts; the same call may succeed later.
    SourceFileNotFoundError, VersionNotStoredError, SourceRefusedError
        If it is gone, archived, or not allowed.
    IntegrityError
        If size, SHA-256 or MD5 are not those announced, or an uploaded file changed since it was listed.
    DiskFullError
        If there is no space for it.
    """
    name = safe_relative(file.path).name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    try:
        try:
            _download(file, _origin(file, settings), target, settings, on_bytes)
        except (SourceRefusedError, VersionNotStoredError) as refusal:
            if not file.dataset:
                raise
            _download_signed(file, target, settings, on_bytes, refusal)
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"{file.path}: no space left to fetch it ({file.size_bytes / 1e6:.0f} MB)"
            raise DiskFullError(message) from err
        raise
    return target


def read_head(file: SourceFile, n_bytes: int, settings: Settings, begin: int = 0) -> bytes:
    """Return the first bytes of an object, or those from ``begin`` on, by a ranged request.

    Raises
    ------
    SourceError
        As `fetch_file`.
    """
    wanted = min(n_bytes, file.size_bytes - begin)
    if wanted <= 0:
        return b""
    for attempt in range(max(1, settings.request_attempts)):
        try:
            return _piece(_origin(file, settings), begin, wanted)
        except (SourceRefusedError, VersionNotStoredError):
            if not file.dataset:
                raise
            return _piece(SignedUrl(file, settings), begin, wanted)
        except SourceUnavailableError as err:
            fault = err
            pause(settings, attempt + 1)
    raise fault


def _origin(file: SourceFile, settings: Settings) -> Origin:
    if file.account == OWN_ACCOUNT:
        return OwnObject(file, settings)
    if file.account == PENNSIEVE_ACCOUNT:
        from sparc_fuse_core.sources.pennsieve import PennsieveFile

        return PennsieveFile(file, settings)
    return PublishedObject(file, settings)


def _piece(origin: Origin, begin: int, n_bytes: int) -> bytes:
    # a server that knows no ranges sends all: what is beyond is left unread
    pieces = origin.read_from(begin, begin + n_bytes)
    head = next(pieces, b"")
    while len(head) < n_bytes and (piece := next(pieces, b"")):
        head += piece
    return head[:n_bytes]


def _download_signed(
    file: SourceFile,
    target: Path,
    settings: Settings,
    on_bytes: Callable[[int], None] | None,
    refusal: SourceError,
) -> None:
    try:
        _download(file, SignedUrl(file, settings), target, settings, on_bytes)
    except (SourceRefusedError, SourceFileNotFoundError) as err:
        raise refusal from err


def _download(
    file: SourceFile,
    origin: Origin,
    target: Path,
    settings: Settings,
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Fetch with as many attempts as the settings allow; only ones without a new byte count."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    n_idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _continue(file, part, origin, before, settings, on_bytes)
            break
        except IntegrityError:
            part.unlink(missing_ok=True)
            raise
        except ChangedError:
            part.unlink(missing_ok=True)
            after = -1
            fault: SourceError = SourceUnavailableError(f"{file.path}: changed while it was read")
        except SourceUnavailableError as err:
            fault = err
            after = part.stat().st_size if part.exists() else 0
        # a trickle is no progress: it would never end
        n_idle = 0 if after > before and not isinstance(fault, TrickleError) else n_idle + 1
        if n_idle >= max(1, settings.request_attempts):
            part.unlink(missing_ok=True)
            raise SourceUnavailableError(str(fault)) if type(fault) is TrickleError else fault
        pause(settings, max(1, n_idle))
    _check(file, part, origin.md5)
    part.replace(target)


def _continue(
    file: SourceFile,
    part: Path,
    origin: Origin,
    start: int,
    settings: Settings,
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Append what is missing to ``part``: no more than is listed, and not for ever."""
    size_bytes = file.size_bytes
    if start and start >= size_bytes:
        return
    limit = max(size_bytes, MAX_MANIFEST_BYTES if _lists_itself(file) else 0)
    n_read = start
    began_s = time.monotonic()
    pieces = origin.read_from(start)
    with contextlib.closing(cast("Generator[bytes]", pieces)), part.open("ab") as out:
        for piece in pieces:
            n_read += len(piece)
            if n_read > limit:
                message = f"{file.path}: more bytes arrive than the {size_bytes} that are listed"
                raise IntegrityError(message)
            out.write(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
            waited_s = time.monotonic() - began_s
            if waited_s > settings.request_timeout_s and (
                n_read - start < waited_s * _LEAST_BYTES_PER_S
            ):
                message = f"{file.path}: no more than {n_read - start} bytes in {waited_s:.0f} s"
                raise TrickleError(message)
    if n_read < size_bytes:
        message = f"{part.name.removesuffix('.part')}: the answer broke off at byte {n_read} of {size_bytes}"
        raise SourceUnavailableError(message)


def _lists_itself(file: SourceFile) -> bool:
    """Whether a file's listed size is that of before it was listed."""
    return PurePosixPath(file.path).name == "manifest.json"


def _check(file: SourceFile, part: Path, md5: str) -> None:
    size_bytes = part.stat().st_size
    if size_bytes != file.size_bytes and not _lists_itself(file):
        part.unlink()
        message = (
            f"{file.path}: {size_bytes} bytes arrived, {file.size_bytes} are listed; try again"
        )
        raise IntegrityError(message)
    if file.sha256:
        with part.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file.sha256:
            part.unlink()
            message = f"{file.path}: SHA-256 {found} instead of {file.sha256}; report it to the dataset's owner"
            raise IntegrityError(message)
    if md5:
        with part.open("rb") as content:
            found = hashlib.file_digest(content, _md5).hexdigest()
        if found != md5:
            part.unlink()
            message = f"{file.path}: MD5 {found} arrived, {md5} is stored; try again"
            raise IntegrityError(message)


#: S3's choice; it guards against damage on the way, not against forgery.
_md5 = functools.partial(hashlib.md5, usedforsecurity=False)
