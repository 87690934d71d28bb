"""Fetch one object from the bucket that the listing names: ranged, resumed, checked.

The open-data bucket is read without signing, others as requester pays. What arrived stays in a ``.part``
file and is continued after a broken answer, as long as the object is still the same one (its entity tag).
Where S3 refuses, the Discover API is asked for a signed URL of this one file.
"""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from urllib3.exceptions import HTTPError

from sparc_fuse_core.errors import (
    DiskFullError,
    IntegrityError,
    SourceError,
    SourceFileNotFoundError,
    SourceRefusedError,
    SourceThrottledError,
    SourceUnavailableError,
    VersionNotStoredError,
)
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.sources.http import TRANSIENT, ask, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import SourceFile

_PIECE_BYTES = 1024 * 1024
_OPEN_BUCKET = "aod-discover"


class _Changed(Exception):  # noqa: N818 - never leaves this module
    """The object is not the one that the part belongs to."""


class _Origin(Protocol):
    """Where the bytes come from."""

    etag: str

    def read_from(self, start: int) -> Iterator[bytes]:
        """Return the pieces from byte ``start`` on; the first call sets ``etag``, later ones need it."""


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
        If size or SHA-256 are not those announced.
    DiskFullError
        If there is no space for it.
    """
    name = safe_relative(file.path).name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    try:
        try:
            _download(file, _S3Object(file, settings), target, settings, on_bytes)
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


def _download_signed(
    file: SourceFile,
    target: Path,
    settings: Settings,
    on_bytes: Callable[[int], None] | None,
    refusal: SourceError,
) -> None:
    try:
        _download(file, _SignedUrl(file, settings), target, settings, on_bytes)
    except (SourceRefusedError, SourceFileNotFoundError) as err:
        raise refusal from err


def _download(
    file: SourceFile,
    origin: _Origin,
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
            _continue(part, origin, before, file.size_bytes, on_bytes)
            break
        except _Changed:
            part.unlink(missing_ok=True)
            after = -1
            fault: SourceError = SourceUnavailableError(f"{file.path}: changed while it was read")
        except SourceUnavailableError as err:
            fault = err
            after = part.stat().st_size if part.exists() else 0
        n_idle = 0 if after > before else n_idle + 1
        if n_idle >= max(1, settings.request_attempts):
            part.unlink(missing_ok=True)
            raise fault
        pause(settings, max(1, n_idle))
    _check(file, part)
    part.replace(target)


def _continue(
    part: Path,
    origin: _Origin,
    start: int,
    size_bytes: int,
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Append what is missing to ``part``."""
    if start and start >= size_bytes:
        return
    pieces = origin.read_from(start)
    n_read = start
    with part.open("ab") as out:
        for piece in pieces:
            out.write(piece)
            n_read += len(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
    if n_read < size_bytes:
        message = f"{part.name.removesuffix('.part')}: the answer broke off at byte {n_read} of {size_bytes}"
        raise SourceUnavailableError(message)


def _check(file: SourceFile, part: Path) -> None:
    size_bytes = part.stat().st_size
    # manifest.json lists a wrong size for itself
    if size_bytes != file.size_bytes and PurePosixPath(file.path).name != "manifest.json":
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


class _S3Object:
    """An object read through boto3; retries are the caller's."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        bucket, _, key = file.uri.removeprefix("s3://").partition("/")
        self._file = file
        self.etag = ""
        self._params: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if file.version_id:
            self._params["VersionId"] = file.version_id
        options: dict[str, Any] = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": settings.request_timeout_s,
            "read_timeout": settings.request_timeout_s,
        }
        if settings.source_s3_endpoint:
            options["s3"] = {"addressing_style": "path"}
        if _OPEN_BUCKET in bucket:
            options["signature_version"] = UNSIGNED
        else:
            self._params["RequestPayer"] = "requester"
        self._client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=settings.source_s3_endpoint or None,
            config=Config(**options),
        )

    def read_from(self, start: int) -> Iterator[bytes]:
        params = dict(self._params)
        if start:
            params.update(Range=f"bytes={start}-", IfMatch=self.etag)
        try:
            answer = self._client.get_object(**params)
        except ClientError as err:
            raise self._error(err) from err
        except NoCredentialsError as err:
            message = f"{self._file.path}: {self._params['Bucket']} is requester pays: set AWS credentials"
            raise SourceRefusedError(message) from err
        except BotoCoreError as err:
            message = f"{self._file.path}: S3 cannot be reached ({err})"
            raise SourceUnavailableError(message) from err
        self.etag = answer["ETag"]
        return self._pieces(answer["Body"])

    def _pieces(self, body: Any) -> Iterator[bytes]:
        try:
            while piece := body.read(_PIECE_BYTES):
                yield piece
        except (BotoCoreError, HTTPError, ConnectionError) as err:
            message = f"{self._file.path}: the answer broke off ({type(err).__name__})"
            raise SourceUnavailableError(message) from err
        finally:
            body.close()

    def _error(self, err: ClientError) -> Exception:
        status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = err.response.get("Error", {}).get("Code", "")
        what = f"{self._file.path}: S3 answers {status} {code}"
        if status == 412:
            return _Changed()
        if status == 404:
            return SourceFileNotFoundError(f"{what}: it vanished since the dataset was listed")
        if status == 405:
            return VersionNotStoredError(
                f"{what}: this version is archived and must be rehydrated first"
            )
        if status in (401, 403):
            return SourceRefusedError(f"{what}: not allowed, or archived; check credentials")
        if status in (429, 503):
            return SourceThrottledError(f"{what}: asks for fewer requests")
        if status in TRANSIENT or status == 0:
            return SourceUnavailableError(what)
        return SourceError(what)


class _SignedUrl:
    """One file through Discover's download-manifest; a fresh URL for every attempt, for they expire."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        self._file = file
        self._settings = settings
        self._session = requests.Session()
        self.etag = ""

    def read_from(self, start: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={start}-", "If-Match": self.etag} if start else {}
        try:
            answer = self._session.get(
                self._url(),
                headers={**headers, "Accept-Encoding": "identity"},
                stream=True,
                timeout=self._settings.request_timeout_s,
            )
        except (requests.ConnectionError, requests.Timeout) as err:
            message = f"{self._file.path}: cannot be reached ({type(err).__name__})"
            raise SourceUnavailableError(message) from err
        if answer.status_code == 412:
            raise _Changed
        if answer.status_code == 404:
            message = f"{self._file.path}: vanished since the dataset was listed"
            raise SourceFileNotFoundError(message)
        if answer.status_code not in (200, 206) or (start and answer.status_code == 200):
            # 403 is what an expired URL answers: the next attempt asks for a new one
            message = f"{self._file.path}: the signed URL answers {answer.status_code}"
            raise SourceUnavailableError(message)
        self.etag = answer.headers.get("ETag", "")
        return self._pieces(answer)

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        try:
            yield from answer.iter_content(_PIECE_BYTES)
        except requests.RequestException as err:
            message = f"{self._file.path}: the answer broke off ({type(err).__name__})"
            raise SourceUnavailableError(message) from err
        finally:
            answer.close()

    def _url(self) -> str:
        number, _, version = self._file.dataset.partition("/")
        base = self._settings.discover_url.rstrip("/")
        url = f"{base}/datasets/{quote(number)}/versions/{quote(version)}/files/download-manifest"
        answer = ask(self._session, "POST", url, self._settings, json={"paths": [self._file.path]})
        if answer.status_code != 200:
            message = f"{self._file.path}: download-manifest answers {answer.status_code}: {answer.text[:200]}"
            raise SourceRefusedError(message)
        wanted = PurePosixPath(self._file.path).name
        for entry in answer.json().get("data") or ():
            last = str(entry.get("url", "")).partition("?")[0].rpartition("/")[2]
            if entry.get("fileName") in (wanted, self._file.name) or last == quote(wanted):
                return str(entry["url"])
        message = f"{self._file.path}: download-manifest does not name it"
        raise SourceFileNotFoundError(message)
