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
import re
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote, urlsplit

import requests
from botocore import UNSIGNED
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from urllib3.exceptions import HTTPError

from sparc_fuse_core.addresses import s3_parts
from sparc_fuse_core.errors import (
    DatasetNotFoundError,
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
from sparc_fuse_core.sources.source import OWN_ACCOUNT
from sparc_fuse_core.storage.clients import aws_client, own_s3_client

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import SourceFile

_PIECE_BYTES = 1024 * 1024
#: What a file listed of its own size may be longer: Discover's manifest.json, which lists itself.
_MAX_MANIFEST_BYTES = 200_000_000
#: Slower than this, over the time that one request may take, is no answer.
_LEAST_BYTES_PER_S = 1000
#: Signed URLs lead here, or to where the user said that the service or its storage is.
_SIGNED_HOSTS = (".amazonaws.com",)

_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
_OTHER_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


class _Changed(Exception):  # noqa: N818 - never leaves this module
    """The object is not the one that the part belongs to."""


class _TrickleError(SourceUnavailableError):
    """Bytes arrive, but too slowly to ever be all; told to others as what it is derived from."""


class _Origin(Protocol):
    """Where the bytes come from."""

    etag: str
    md5: str

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        """Return the pieces from byte ``start`` on; the first call sets ``etag``, later ones need it.

        ``md5`` is set where the entity tag is the MD5 of the whole object.
        """


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
            kind = _OwnObject if file.account == OWN_ACCOUNT else _S3Object
            _download(file, kind(file, settings), target, settings, on_bytes)
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


def read_head(file: SourceFile, n_bytes: int, settings: Settings) -> bytes:
    """Return the first bytes of an object by a ranged request, at most ``n_bytes``.

    Raises
    ------
    SourceError
        As `fetch_file`.
    """
    wanted = min(n_bytes, file.size_bytes)
    if not wanted:
        return b""
    kind = _OwnObject if file.account == OWN_ACCOUNT else _S3Object
    for attempt in range(max(1, settings.request_attempts)):
        try:
            return _first(kind(file, settings), wanted)
        except (SourceRefusedError, VersionNotStoredError):
            if not file.dataset:
                raise
            return _first(_SignedUrl(file, settings), wanted)
        except SourceUnavailableError as err:
            fault = err
            pause(settings, attempt + 1)
    raise fault


def _first(origin: _Origin, n_bytes: int) -> bytes:
    # a server that knows no ranges sends all: what is beyond is left unread
    pieces = origin.read_from(0, n_bytes)
    head = next(pieces, b"")
    while len(head) < n_bytes and (piece := next(pieces, b"")):
        head += piece
    return head[:n_bytes]


def _byte_range(start: int, stop: int | None) -> str:
    return f"bytes={start}-{'' if stop is None else stop - 1}"


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
            _continue(file, part, origin, before, settings, on_bytes)
            break
        except IntegrityError:
            part.unlink(missing_ok=True)
            raise
        except _Changed:
            part.unlink(missing_ok=True)
            after = -1
            fault: SourceError = SourceUnavailableError(f"{file.path}: changed while it was read")
        except SourceUnavailableError as err:
            fault = err
            after = part.stat().st_size if part.exists() else 0
        # a trickle is no progress: it would never end
        n_idle = 0 if after > before and not isinstance(fault, _TrickleError) else n_idle + 1
        if n_idle >= max(1, settings.request_attempts):
            part.unlink(missing_ok=True)
            raise SourceUnavailableError(str(fault)) if type(fault) is _TrickleError else fault
        pause(settings, max(1, n_idle))
    _check(file, part, origin.md5)
    part.replace(target)


def _continue(
    file: SourceFile,
    part: Path,
    origin: _Origin,
    start: int,
    settings: Settings,
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Append what is missing to ``part``: no more than is listed, and not for ever."""
    size_bytes = file.size_bytes
    if start and start >= size_bytes:
        return
    limit = max(size_bytes, _MAX_MANIFEST_BYTES if _lists_itself(file) else 0)
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
                raise _TrickleError(message)
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


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn S3's refusals of a bucket of one's own into errors that name ``what``."""
    try:
        yield
    except ClientError as err:
        raise _own_error(what, err) from err
    except _NO_CREDENTIALS as err:
        message = f"{what}: no AWS credentials are found; set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        raise SourceRefusedError(message) from err
    except BotoCoreError as err:
        message = f"{what}: S3 cannot be reached ({err}); check network and region"
        raise SourceUnavailableError(message) from err


def _own_error(what: str, err: ClientError) -> SourceError:
    status, code = _status_and_code(err)
    text = f"{what}: S3 answers {status} {code}"
    if code == "NoSuchBucket":
        return DatasetNotFoundError(f"{text}: there is no such bucket")
    if code in _OTHER_REGION or status == 301:
        return SourceRefusedError(
            f"{text}: the bucket lies in another region; set SPARC_FUSE_OUTPUT_REGION to it"
        )
    return _source_error(what, status, code)


def _status_and_code(err: ClientError) -> tuple[int, str]:
    status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return status, str(err.response.get("Error", {}).get("Code", ""))


def _source_error(what: str, status: int, code: str) -> SourceError:
    """Return the error for an answer of S3 about one object, of a publisher's bucket or one's own."""
    text = f"{what}: S3 answers {status} {code}"
    if status == 412:
        return IntegrityError(f"{text}: it changed since the dataset was listed; start again")
    if status == 404:
        return SourceFileNotFoundError(f"{text}: it vanished since the dataset was listed")
    if status == 405:
        return VersionNotStoredError(
            f"{text}: this version is archived and must be rehydrated first"
        )
    if code == "InvalidObjectState":
        return SourceRefusedError(f"{text}: it is archived; restore it first")
    if status in (429, 503) or code in _BUSY:
        return SourceThrottledError(f"{text}: asks for fewer requests")
    if status in TRANSIENT or status == 0 or code in ("RequestTimeout", "RequestTimeTooSkewed"):
        return SourceUnavailableError(f"{text}; try again")
    if status in (401, 403) or code in ("ExpiredToken", "InvalidToken"):
        return SourceRefusedError(f"{text}: not allowed; check credentials and the role's policy")
    return SourceError(text)


class _S3Object:
    """An object read through boto3; retries are the caller's."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        bucket, key = s3_parts(file.uri)
        self._file = file
        self.etag = self.md5 = ""
        self._params: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if file.version_id:
            self._params["VersionId"] = file.version_id
        options: dict[str, Any] = {}
        if bucket in settings.paid_buckets.split(","):
            self._params["RequestPayer"] = "requester"
        else:
            # the bucket's name is a listing's: nobody's signature goes to whoever owns it
            options["signature_version"] = UNSIGNED
        self._client = aws_client(
            "s3",
            settings,
            region="us-east-1",
            endpoint=settings.source_s3_endpoint,
            attempts=1,
            **options,
        )

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        params = dict(self._params)
        if start:
            params["IfMatch"] = self.etag
        if start or stop is not None:
            params["Range"] = _byte_range(start, stop)
        try:
            answer = self._client.get_object(**params)
        except ClientError as err:
            status, code = _status_and_code(err)
            if status == 412:
                raise _Changed from err
            raise _source_error(self._file.path, status, code) from err
        except NoCredentialsError as err:
            message = f"{self._file.path}: {self._params['Bucket']} is requester pays: set AWS credentials"
            raise SourceRefusedError(message) from err
        except BotoCoreError as err:
            message = f"{self._file.path}: S3 cannot be reached ({err})"
            raise SourceUnavailableError(message) from err
        self.etag = answer["ETag"]
        return _pieces_of(answer["Body"], self._file.path)


class _OwnObject:
    """An object of an upload: the one that was listed, or none."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        bucket, key = s3_parts(file.uri)
        self._file = file
        self._params = {"Bucket": bucket, "Key": key}
        self._client = own_s3_client(settings, attempts=1)
        self.etag = file.etag
        self.md5 = ""

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        params: dict[str, Any] = dict(self._params)
        if self.etag:
            params["IfMatch"] = f'"{self.etag}"'
        if start or stop is not None:
            params["Range"] = _byte_range(start, stop)
        with reading(self._file.path):
            answer = self._client.get_object(**params)
        self.etag = str(answer["ETag"]).strip('"')
        # with a key of KMS or of the customer the entity tag is no MD5
        plain = answer.get("ServerSideEncryption") in (None, "AES256")
        if (
            plain
            and "SSECustomerAlgorithm" not in answer
            and re.fullmatch("[0-9a-f]{32}", self.etag)
        ):
            self.md5 = self.etag
        return _pieces_of(answer["Body"], self._file.path)


def _pieces_of(body: Any, path: str) -> Iterator[bytes]:
    # botocore's own waits for a whole piece, which a trickle never fills; lengths are checked by the caller
    read = getattr(body._raw_stream, "read1", body.read)
    try:
        while piece := read(_PIECE_BYTES):
            yield piece
    except (BotoCoreError, HTTPError, ConnectionError) as err:
        message = f"{path}: the answer broke off ({type(err).__name__})"
        raise SourceUnavailableError(message) from err
    finally:
        body.close()


class _SignedUrl:
    """One file through Discover's download-manifest; a fresh URL for every attempt, for they expire."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        self._file = file
        self._settings = settings
        self._session = requests.Session()
        self.etag = self.md5 = ""

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        headers = {"If-Match": self.etag} if start else {}
        if start or stop is not None:
            headers["Range"] = _byte_range(start, stop)
        try:
            answer = self._session.get(
                self._url(),
                headers={**headers, "Accept-Encoding": "identity"},
                stream=True,
                timeout=self._settings.request_timeout_s,
                allow_redirects=False,
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
            # as it comes: a whole piece of a trickle would be waited for
            while piece := answer.raw.read1(_PIECE_BYTES):
                yield piece
        except (requests.RequestException, HTTPError, OSError) as err:
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
                return self._checked(str(entry["url"]))
        message = f"{self._file.path}: download-manifest does not name it"
        raise SourceFileNotFoundError(message)

    def _checked(self, url: str) -> str:
        """Return a URL that leads to S3, or to a host that the user named."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        stated = (self._settings.discover_url, self._settings.source_s3_endpoint)
        named = {(urlsplit(one).scheme, urlsplit(one).netloc.lower()) for one in stated if one}
        is_s3_host = (
            parts.scheme == "https" and parts.port in (None, 443) and host.endswith(_SIGNED_HOSTS)
        )
        if not is_s3_host and (parts.scheme, parts.netloc.lower()) not in named:
            message = (
                f"{self._file.path}: its signed URL leads to {host or 'no host'}, which is not S3"
            )
            raise SourceRefusedError(message)
        return url
