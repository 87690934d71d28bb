"""A dataset uploaded to a bucket of one's own, in SPARC Dataset Structure below a prefix.

The bucket is reached like that of the results: same endpoint, region and credentials. Uploads have no
hashes to compare, so entity tags say what changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.addresses import s3_address, s3_parts
from sparc_fuse_core.errors import DatasetNotFoundError, EmptyDatasetError
from sparc_fuse_core.sources.by_s3 import ByS3
from sparc_fuse_core.sources.names import front_of, is_hidden
from sparc_fuse_core.sources.s3_answers import reading
from sparc_fuse_core.sources.source import OWN_ACCOUNT, SourceFile
from sparc_fuse_core.storage.clients import own_s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings

VERSION = "upload"

#: Empty object that says, last, that an upload is complete.
COMPLETE = ".complete"


class BucketSource(ByS3):
    """Objects below ``s3://bucket/prefix``; its last part is the dataset's id, the version ``"upload"``."""

    def __init__(self, uri: str, settings: Settings) -> None:
        bucket, prefix = s3_parts(uri)
        self._bucket = bucket
        self._prefix = prefix.rstrip("/")
        self._settings = settings
        self._files: list[SourceFile] | None = None

    @property
    def dataset_id(self) -> str:
        """Last part of the prefix."""
        return self._prefix.rpartition("/")[2] or self._bucket

    @property
    def version(self) -> str:
        """Always ``"upload"``."""
        return VERSION

    @property
    def uri(self) -> str:
        """The bucket and prefix."""
        return s3_address(self._bucket, self._prefix)

    @property
    def description(self) -> Mapping[str, Any]:
        """Where the dataset is; SDS tables tell the rest."""
        return {"uri": self.uri}

    def metadata(self) -> Mapping[str, Any]:
        """Return nothing: an upload has no Discover record."""
        return {}

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file in path order.

        Folder markers and hidden files (the upload's own marker among them) are left out. Where
        ``files`` at the top is not Discover's own, ``files/`` is put in front.

        Raises
        ------
        DatasetNotFoundError
            If there is no such bucket, or nothing below the prefix.
        EmptyDatasetError
            If what lies there is no file.
        SourceRefusedError
            If it may not be listed, or lies in another region.
        SourceUnavailableError, SourceThrottledError
            If S3 still does not answer after all attempts.
        """
        if self._files is None:
            self._files = self._listed()
        if not self._files:
            message = f"{self.uri}: no file lies below it, only folder markers or hidden files"
            raise EmptyDatasetError(message)
        yield from self._files

    def _listed(self) -> list[SourceFile]:
        below = f"{self._prefix}/" if self._prefix else ""
        found = {str(entry["Key"]).removeprefix(below): entry for entry in self._objects(below)}
        if not found:
            message = f"{self.uri}: nothing lies below it; check bucket and prefix"
            raise DatasetNotFoundError(message)
        front = front_of(name for name in found if name and not is_hidden(name))
        files = [
            SourceFile(
                path=front + name,
                size_bytes=int(entry["Size"]),
                uri=f"s3://{self._bucket}/{entry['Key']}",
                etag=str(entry["ETag"]).strip('"'),
                account=OWN_ACCOUNT,
            )
            for name, entry in found.items()
            if name and not name.endswith("/") and not is_hidden(name)
        ]
        return sorted(files, key=lambda file: file.path)

    def _objects(self, below: str) -> Iterator[Mapping[str, Any]]:
        client = own_s3_client(self._settings)
        params: dict[str, Any] = {"Bucket": self._bucket, "Prefix": below}
        while True:
            with reading(self.uri):
                page = client.list_objects_v2(**params)
            yield from page.get("Contents") or ()
            if not page.get("IsTruncated"):
                return
            params["ContinuationToken"] = page["NextContinuationToken"]
