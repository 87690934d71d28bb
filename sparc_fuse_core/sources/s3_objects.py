"""Where the bytes of one object come from: a publisher's bucket, one's own, or a signed URL.

Each is read in pieces from any byte on; attempts are the caller's.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

import requests
from botocore import UNSIGNED
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
)
from urllib3.exceptions import HTTPError

from sparc_fuse_core.addresses import s3_parts
from sparc_fuse_core.errors import (
    SourceFileNotFoundError,
    SourceRefusedError,
    SourceUnavailableError,
)
from sparc_fuse_core.sources.http import ask
from sparc_fuse_core.sources.s3_answers import reading, source_error, status_and_code
from sparc_fuse_core.storage.clients import aws_client, own_s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import SourceFile

_PIECE_BYTES = 1024 * 1024

#: What a file listed of its own size may be longer: Discover's manifest.json, which lists itself.
MAX_MANIFEST_BYTES = 200_000_000

#: Signed URLs lead here, or to where the user said that the service or its storage is.
_SIGNED_HOSTS = (".amazonaws.com",)


class ChangedError(Exception):
    """The object is not the one that the part belongs to."""


class TrickleError(SourceUnavailableError):
    """Bytes arrive, but too slowly to ever be all; told to others as what it is derived from."""


class Origin(Protocol):
    """Where the bytes come from."""

    etag: str
    md5: str

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        """Return the pieces from byte ``start`` on; the first call sets ``etag``, later ones ask for it.

        ``md5`` is set where the entity tag is the MD5 of the whole object.
        """


def byte_range(start: int, stop: int | None) -> str:
    """Return the header of a ranged request."""
    return f"bytes={start}-{'' if stop is None else stop - 1}"


class PublishedObject:
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
        """Return the pieces from byte ``start`` on; see `Origin`."""
        params = dict(self._params)
        if start and self.etag:
            params["IfMatch"] = self.etag
        if start or stop is not None:
            params["Range"] = byte_range(start, stop)
        try:
            answer = self._client.get_object(**params)
        except ClientError as err:
            status, code = status_and_code(err)
            if status == 412:
                raise ChangedError from err
            raise source_error(self._file.path, status, code) from err
        except NoCredentialsError as err:
            message = f"{self._file.path}: {self._params['Bucket']} is requester pays: set AWS credentials"
            raise SourceRefusedError(message) from err
        except BotoCoreError as err:
            message = f"{self._file.path}: S3 cannot be reached ({err})"
            raise SourceUnavailableError(message) from err
        self.etag = answer["ETag"]
        return _pieces_of(answer["Body"], self._file.path)


class OwnObject:
    """An object of an upload: the one that was listed, or none."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        bucket, key = s3_parts(file.uri)
        self._file = file
        self._params = {"Bucket": bucket, "Key": key}
        self._client = own_s3_client(settings, attempts=1)
        self.etag = file.etag
        self.md5 = ""

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        """Return the pieces from byte ``start`` on; see `Origin`."""
        params: dict[str, Any] = dict(self._params)
        if self.etag:
            params["IfMatch"] = f'"{self.etag}"'
        if start or stop is not None:
            params["Range"] = byte_range(start, stop)
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


class SignedUrl:
    """One file through Discover's download-manifest; a fresh URL for every attempt, for they expire."""

    def __init__(self, file: SourceFile, settings: Settings) -> None:
        self._file = file
        self._settings = settings
        self._session = requests.Session()
        self.etag = self.md5 = ""

    def read_from(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        """Return the pieces from byte ``start`` on; see `Origin`."""
        headers = {"If-Match": self.etag} if start and self.etag else {}
        if start or stop is not None:
            headers["Range"] = byte_range(start, stop)
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
        is_whole_or_part = answer.status_code == 206 or (answer.status_code == 200 and not start)
        if not is_whole_or_part:
            answer.close()
        if answer.status_code == 412:
            raise ChangedError
        if answer.status_code == 404:
            message = f"{self._file.path}: vanished since the dataset was listed"
            raise SourceFileNotFoundError(message)
        if not is_whole_or_part:
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
        settings = self._settings
        stated = (settings.discover_url, settings.source_s3_endpoint, settings.pennsieve_url)
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
