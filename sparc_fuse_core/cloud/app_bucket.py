"""The app's bucket as the parts outside of a run see it: requests, the watch list, receipts, uploads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from sparc_fuse_core.errors import IntegrityError, RequestError, SourceFileNotFoundError
from sparc_fuse_core.sources.s3_answers import reading
from sparc_fuse_core.storage.clients import own_s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings

_PIECE_BYTES = 1_000_000


class AppBucket:
    """Objects of one bucket; every error names the object."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._s3 = own_s3_client(settings)

    def uri(self, key: str) -> str:
        """Return what users are told of an object."""
        return f"s3://{self.name}/{key}"

    def read(self, key: str, limit_bytes: int | None = None) -> tuple[bytes, str] | None:
        """Return an object's bytes, one more than the limit at most, and its entity tag; None if it is gone."""
        try:
            with reading(self.uri(key)):
                answer = self._s3.get_object(Bucket=self.name, Key=key)
                with answer["Body"] as body:
                    size = None if limit_bytes is None else limit_bytes + 1
                    return cast("bytes", body.read(size)), str(answer["ETag"])
        except SourceFileNotFoundError:
            return None

    def read_json(self, key: str, limit_bytes: int) -> tuple[Any, str] | None:
        """Return the JSON of an object and its entity tag; None if it is gone.

        Raises
        ------
        RequestError
            If it is too large, or no JSON.
        """
        found = self.read(key, limit_bytes)
        if found is None:
            return None
        data, tag = found
        if len(data) > limit_bytes:
            message = f"{self.uri(key)}: larger than {limit_bytes} bytes; it should be a short JSON object"
            raise RequestError(message)
        try:
            text = data.decode("utf-8-sig")
            return json.loads(text, parse_constant=_refuse_constant), tag
        except (ValueError, RecursionError) as err:
            message = f"{self.uri(key)}: not JSON ({err})"
            raise RequestError(message) from err

    def pieces(self, key: str) -> Iterator[bytes]:
        """Yield an object's bytes piece by piece.

        Raises
        ------
        SourceFileNotFoundError
            If it is not there.
        """
        with reading(self.uri(key)):
            answer = self._s3.get_object(Bucket=self.name, Key=key)
            with answer["Body"] as body:
                while piece := body.read(_PIECE_BYTES):
                    yield piece

    def folders(self, below: str) -> Iterator[str]:
        """Yield the names of the folders directly below a prefix; hidden ones are left out."""
        params: dict[str, Any] = {"Bucket": self.name, "Prefix": below, "Delimiter": "/"}
        while True:
            with reading(self.uri(below)):
                page = self._s3.list_objects_v2(**params)
            for entry in page.get("CommonPrefixes") or ():
                name = str(entry["Prefix"]).removeprefix(below).rstrip("/")
                if name and not name.startswith("."):
                    yield name
            if not page.get("IsTruncated"):
                return
            params["ContinuationToken"] = page["NextContinuationToken"]

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with reading(self.uri(key)):
                self._s3.head_object(Bucket=self.name, Key=key)
        except SourceFileNotFoundError:
            return False
        return True

    def write_if_unchanged(self, key: str, data: bytes, tag: str) -> bool:
        """Put an object in place of the one with this entity tag (``""``: of none); False if it is another."""
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            with reading(self.uri(key)):
                self._s3.put_object(Bucket=self.name, Key=key, Body=data, **condition)
        except IntegrityError:
            return False
        return True

    def entries(self, below: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield key and listing entry of every object below a prefix."""
        params: dict[str, Any] = {"Bucket": self.name, "Prefix": below}
        while True:
            with reading(self.uri(below)):
                page = self._s3.list_objects_v2(**params)
            for entry in page.get("Contents") or ():
                yield str(entry["Key"]), entry
            if not page.get("IsTruncated"):
                return
            params["ContinuationToken"] = page["NextContinuationToken"]


def _refuse_constant(name: str) -> None:
    message = f"{name} is no number"
    raise ValueError(message)
