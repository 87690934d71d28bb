"""One bucket through obstore: few requests, bounded concurrency, errors that name the object."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from sparc_fuse_core.errors import OutputNotWritableError, PublishError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

#: Objects from this size on are uploaded in parts.
_PART_BYTES = 8 * 1024 * 1024


def s3_store(bucket: str, prefix: str, settings: Settings) -> S3Store:
    """Return an obstore of ``s3://bucket/prefix`` with endpoint, region and time-outs from settings.

    Credentials come from where boto3 finds them: environment, profile, or the role of the machine.
    """
    options: dict[str, Any] = {
        "region": settings.output_region,
        "client_options": {"timeout": timedelta(seconds=settings.request_timeout_s)},
        "retry_config": {"max_retries": settings.request_attempts},
    }
    if settings.output_s3_endpoint:
        options["endpoint"] = settings.output_s3_endpoint
        options["virtual_hosted_style_request"] = False
        if settings.output_s3_endpoint.startswith("http://"):
            options["client_options"]["allow_http"] = True
    credentials = _credentials()
    if credentials is not None:
        options["credential_provider"] = credentials
    return S3Store(bucket, prefix=prefix or None, **options)


def _credentials() -> Any | None:
    """Return boto3's credentials as a provider; None leaves it to the object store itself."""
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    return Boto3CredentialProvider(session) if session.get_credentials() is not None else None


def open_bucket(bucket: str, prefix: str, settings: Settings) -> Bucket:
    """Open a bucket; no request is made yet."""
    return Bucket(bucket, prefix, s3_store(bucket, prefix, settings))


class Bucket:
    """Objects below a prefix of a bucket; every error names the object."""

    def __init__(self, bucket: str, prefix: str, store: S3Store) -> None:
        self._name = "/".join(part for part in (f"s3://{bucket}", prefix) if part)
        self._store = store

    def upload(self, file: Path, key: str) -> None:
        """Put one file."""
        with self._errors(key):
            obstore.put(self._store, key, file, chunk_size=_PART_BYTES)

    def write(self, key: str, data: bytes) -> None:
        """Put bytes."""
        with self._errors(key):
            obstore.put(self._store, key, data)

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes, or None if there is no such object."""
        with self._errors(key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, or None if there is no such object."""
        with self._errors(key):
            try:
                return int(obstore.head(self._store, key)["size"])
            except (NotFoundError, FileNotFoundError):
                return None

    def copy(self, source: str, key: str) -> None:
        """Copy an object inside the bucket, without its bytes passing here (up to 5 GB)."""
        with self._errors(key):
            obstore.copy(self._store, source, key)

    def delete(self, key: str) -> None:
        """Delete an object; none there is no error."""
        with self._errors(key), contextlib.suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self._store, key)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every key that is ``prefix`` or lies below it."""
        with self._errors(prefix):
            for batch in obstore.list(self._store, prefix=prefix or None, chunk_size=1000):
                for entry in batch:
                    yield str(entry["path"])

    def etags(self, prefix: str) -> dict[str, str]:
        """Return the entity tag (the MD5 of what was uploaded in one part) of each key below a prefix."""
        found = {}
        with self._errors(prefix):
            for batch in obstore.list(self._store, prefix=prefix or None, chunk_size=1000):
                for entry in batch:
                    found[str(entry["path"])] = str(entry["e_tag"] or "").strip('"')
        return found

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        where = f"{self._name}/{key}"
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as err:
            message = f"{where}: the bucket refuses (check credentials and region): {_first(err)}"
            raise OutputNotWritableError(message) from err
        except BaseError as err:
            message = f"{where}: {_first(err)}"
            raise PublishError(message) from err


def _first(err: Exception) -> str:
    """First line of an error, without the debug dump that follows."""
    return str(err).strip().splitlines()[0][:300]
