"""One bucket through obstore: few requests, bounded concurrency, errors that name the object."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from sparc_fuse_core.addresses import s3_address
from sparc_fuse_core.errors import OutputNotWritableError, PublishError, RunSupersededError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from obstore import ObjectMeta

    from sparc_fuse_core.settings import Settings

_LOG = logging.getLogger(__name__)

#: Buckets of which it was said that they cannot decide between two writers.
_WARNED: set[str] = set()

#: Larger files are uploaded in parts of the second size, so that they are not held in memory whole.
_WHOLE_BYTES = 32 * 1024 * 1024
_PART_BYTES = 8 * 1024 * 1024
_MOST_PARTS = 10_000

#: In which other programs and earlier releases send large files.
_PARTS_OF_OTHERS = (5 * 2**20, 16 * 2**20, 64 * 2**20)

#: Content types by the ends of names. No page is among them: what a dataset holds is never one.
_KINDS = {
    ".json": "application/json",
    "/.zattrs": "application/json",
    "/.zarray": "application/json",
    "/.zgroup": "application/json",
    "/.zmetadata": "application/json",
    ".jsonld": "application/ld+json",
    ".png": "image/png",
    ".cff": "text/plain; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
}

#: Files in flight at once, and how much of their content (measured: 1,473 objects of 72 kB take 0.3 CPU s
#: in 32 threads; obstore's asyncio calls took no less, and aborted the interpreter at its end).
_IN_FLIGHT = 32
_IN_FLIGHT_BYTES = 64 * 1024 * 1024


def s3_store(bucket: str, prefix: str, settings: Settings) -> S3Store:
    """Return an obstore of ``s3://bucket/prefix`` with endpoint, region and time-outs from settings.

    Credentials come from where boto3 finds them: environment, profile, or the role of the machine.
    """
    options: dict[str, Any] = {
        "region": settings.output_region,
        "client_options": {"timeout": timedelta(seconds=settings.request_timeout_s)},
        "retry_config": {"max_retries": settings.request_attempts},
    }
    # TLS protects bodies already; only on an unprotected way are they hashed for the signature as well
    options["unsigned_payload"] = True
    if settings.output_s3_endpoint:
        options["endpoint"] = settings.output_s3_endpoint
        options["virtual_hosted_style_request"] = False
        url = urlsplit(settings.output_s3_endpoint)
        if url.scheme == "http":
            options["client_options"]["allow_http"] = True
            options["unsigned_payload"] = url.hostname in ("127.0.0.1", "localhost", "::1")
    return S3Store(bucket, prefix=prefix or None, **options, **_credentials())


def _credentials() -> dict[str, Any]:
    """Return what finds the credentials: the environment's own, else boto3; {} leaves it to obstore."""
    variables = os.environ
    if variables.get("AWS_ACCESS_KEY_ID") and not variables.get("AWS_PROFILE"):
        # obstore reads these itself; boto3's session would take 20 ms of every opening
        return {}
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    if session.get_credentials() is None:
        return {}
    return {"credential_provider": Boto3CredentialProvider(session)}


def open_bucket(bucket: str, prefix: str, settings: Settings) -> Bucket:
    """Open a bucket; no request is made yet."""
    return Bucket(bucket, prefix, s3_store(bucket, prefix, settings))


class Bucket:
    """Objects below a prefix of a bucket; every error names the object."""

    def __init__(self, bucket: str, prefix: str, store: S3Store) -> None:
        self._name = s3_address(bucket, prefix)
        self._store = store

    def upload(self, file: Path, key: str) -> None:
        """Put one file: in one request, or in parts of `part_bytes` where it is large."""
        with self._errors(key):
            if file.stat().st_size <= _WHOLE_BYTES:
                obstore.put(
                    self._store, key, file.read_bytes(), attributes=_named(key), use_multipart=False
                )
            else:
                chunk_size = part_bytes(file.stat().st_size)
                obstore.put(
                    self._store,
                    key,
                    file,
                    attributes=_named(key),
                    chunk_size=chunk_size,
                    max_concurrency=4,
                )

    def upload_all(
        self,
        files: Mapping[str, Path],
        on_file: Callable[[str], None] | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Put many files by key, the small ones 32 at a time, large ones as memory allows.

        ``on_file`` is told each key that was sent; ``before`` is called before each, and may raise to stop.

        Raises
        ------
        PublishError
            At the first that fails; what was sent stays.
        """
        sizes = {key: file.stat().st_size for key, file in files.items()}

        def send(key: str) -> None:
            if before is not None:
                before()
            self.upload(files[key], key)

        small = [key for key in files if sizes[key] <= _IN_FLIGHT_BYTES // _IN_FLIGHT]
        large = [key for key in files if sizes[key] > _IN_FLIGHT_BYTES // _IN_FLIGHT]
        for keys in (small, large):
            largest = max((min(sizes[key], _WHOLE_BYTES) for key in keys), default=1)
            n_threads = max(1, min(_IN_FLIGHT, _IN_FLIGHT_BYTES // max(largest, 1)))
            with ThreadPoolExecutor(n_threads) as pool:
                try:
                    sent = pool.map(send, keys)
                    for key, _ in zip(keys, sent, strict=True):
                        if on_file is not None:
                            on_file(key)
                except (PublishError, RunSupersededError):
                    pool.shutdown(cancel_futures=True)
                    raise

    def write(self, key: str, data: bytes) -> None:
        """Put bytes."""
        with self._errors(key):
            # the only pages there are: this package's own
            page = key == "index.html" or key.endswith("/index.html")
            kind = {"Content-Type": "text/html; charset=utf-8"} if page else _named(key)
            obstore.put(self._store, key, data, attributes=kind)

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes, or None if there is no such object."""
        with self._errors(key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def read_range(self, key: str, first: int, n_bytes: int) -> bytes:
        """Return some bytes of an object; none if it is gone."""
        with self._errors(key):
            try:
                return bytes(obstore.get_range(self._store, key, start=first, length=n_bytes))
            except (NotFoundError, FileNotFoundError):
                return b""

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, or None if there is no such object."""
        found = self.size_and_tag(key)
        return None if found is None else found[0]

    def size_and_tag(self, key: str) -> tuple[int, str] | None:
        """Return an object's size in bytes and its entity tag, or None if there is no such object."""
        with self._errors(key):
            try:
                return _size_and_tag(obstore.head(self._store, key))
            except (NotFoundError, FileNotFoundError):
                return None

    def copy_all(self, sources: Mapping[str, str]) -> None:
        """Copy objects inside the bucket (new key: old key); their bytes do not pass here, up to 5 GB each.

        Raises
        ------
        PublishError
            At the first that fails; what was copied stays.
        """

        def copy(key: str) -> None:
            with self._errors(key):
                obstore.copy(self._store, sources[key], key)

        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            try:
                list(pool.map(copy, sources))
            except PublishError:
                pool.shutdown(cancel_futures=True)
                raise

    def delete(self, key: str) -> None:
        """Delete an object; none there is no error."""
        with self._errors(key), contextlib.suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self._store, key)

    def delete_all(self, keys: Sequence[str]) -> None:
        """Delete objects, 1,000 a request; none there is no error."""
        if keys:
            with self._errors(keys[0]), contextlib.suppress(NotFoundError, FileNotFoundError):
                obstore.delete(self._store, list(keys))

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and entity tag, or None if there is no such object."""
        with self._errors(key):
            try:
                answer = obstore.get(self._store, key)
                return bytes(answer.bytes()), str(answer.meta["e_tag"] or "")
            except (NotFoundError, FileNotFoundError):
                return None

    def write_new(self, key: str, data: bytes) -> bool:
        """Put an object unless there is one; of several writers exactly one is told True."""
        with self._errors(key):
            try:
                obstore.put(
                    self._store,
                    key,
                    data,
                    attributes=_named(key),
                    mode="create",
                    use_multipart=False,
                )
            except AlreadyExistsError:
                return False
            except GenericError as err:
                self._only_without_condition(err)
                if self.read(key) is not None:
                    return False
                self.write(key, data)
            return True

    def probe(self, key: str, data: bytes) -> None:
        """Say so, once, if the store takes an object, just written, as new another time."""
        if self._name not in _WARNED and self.write_new(key, data):
            self._warn("ignores them")

    def _only_without_condition(self, err: BaseError) -> None:
        """Go on if the store says that it has no conditional writes, else raise."""
        if "501 Not Implemented" not in str(err):
            raise err
        self._warn("refuses them")

    def _warn(self, what: str) -> None:
        if self._name not in _WARNED:
            _WARNED.add(self._name)
            _LOG.warning(
                "%s: this store knows no conditional writes (it %s): two runs that begin at the same moment "
                "may not see each other; start one at a time for one dataset",
                self._name,
                what,
            )

    def write_over(self, key: str, data: bytes, tag: str) -> bool:
        """Put an object in place of the one with this entity tag; False if it is another by now."""
        with self._errors(key):
            try:
                obstore.put(
                    self._store,
                    key,
                    data,
                    attributes=_named(key),
                    mode={"e_tag": tag},
                    use_multipart=False,
                )
            except (PreconditionError, NotFoundError, FileNotFoundError):
                return False
            except GenericError as err:
                self._only_without_condition(err)
                found = self.size_and_tag(key)
                if found is None or found[1] != tag.strip('"'):
                    return False
                self.write(key, data)
            return True

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every key that is ``prefix`` or lies below it."""
        with self._errors(prefix):
            for batch in obstore.list(self._store, prefix=prefix or None, chunk_size=1000):
                for entry in batch:
                    yield str(entry["path"])

    def list_folders(self) -> list[str]:
        """Return the first parts of all keys that have more than one."""
        with self._errors(""):
            found = obstore.list_with_delimiter(self._store)
            return sorted(str(prefix).rstrip("/") for prefix in found["common_prefixes"])

    def unchanged(
        self, files: Mapping[str, Path], there: Mapping[str, tuple[int, str]]
    ) -> set[str]:
        """Return the keys of ``files`` whose objects, ``there`` by key, have the same content."""
        known = [key for key in files if key in there]
        with ThreadPoolExecutor() as pool:
            same = list(pool.map(lambda key: self.holds(files[key], there[key]), known))
        return {key for key, holds in zip(known, same, strict=True) if holds}

    def holds(self, file: Path, size_and_tag: tuple[int, str]) -> bool:
        """Whether an object, listed with this size and entity tag, has the content of ``file``.

        The tag is the MD5 of an object, or of the MD5s of its parts; a bucket with its own keys tags
        otherwise, and then nothing is taken for the same.
        """
        size, tag = size_and_tag
        if file.stat().st_size != size:
            return False
        with file.open("rb") as content:
            if "-" not in tag:
                return tag == hashlib.file_digest(content, _md5).hexdigest()
            # another program may have sent it in parts of another size: those that fit the number of parts
            n_parts = int(tag.rpartition("-")[2]) if tag.rpartition("-")[2].isdigit() else 0
            for n_bytes in {part_bytes(size), *_PARTS_OF_OTHERS}:
                if -(-size // n_bytes) == n_parts:
                    content.seek(0)
                    if tag == _tag_of_parts(content, n_bytes):
                        return True
        return False

    def sizes_and_tags(self, prefix: str) -> dict[str, tuple[int, str]]:
        """Return size and entity tag of each key below a prefix."""
        found = {}
        with self._errors(prefix):
            for batch in obstore.list(self._store, prefix=prefix or None, chunk_size=1000):
                for entry in batch:
                    found[str(entry["path"])] = _size_and_tag(entry)
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
            if "NoSuchBucket" in str(err):
                message = f"{where}: there is no such bucket; check its name and region"
                raise OutputNotWritableError(message) from err
            raise PublishError(message) from err


def part_bytes(size_bytes: int) -> int:
    """Return in parts of which size a file is sent: S3 takes 10,000 at most."""
    return max(_PART_BYTES, -(-size_bytes // _MOST_PARTS // 2**20) * 2**20)


def _tag_of_parts(content: BinaryIO, n_bytes: int) -> str:
    parts = []
    while part := content.read(n_bytes):
        parts.append(_md5(part).digest())
    return f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def _named(key: str) -> dict[str, str] | None:
    """Return the content type that a key's name says; None leaves it to the store.

    Browsers show, and networks compress, what is called by its type.
    """
    kind = next((kind for end, kind in _KINDS.items() if key.endswith(end)), None)
    return {"Content-Type": kind} if kind else None


_md5 = functools.partial(hashlib.md5, usedforsecurity=False)


def _size_and_tag(entry: ObjectMeta) -> tuple[int, str]:
    return int(entry["size"]), str(entry["e_tag"] or "").strip('"')


def _first(err: Exception) -> str:
    """First line of an error, without the debug dump that follows."""
    return str(err).strip().splitlines()[0][:300]
