"""Which source a dataset's name means, and where a file is fetched from.

Importing this module loads neither requests nor boto3; what is needed is imported when it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.addresses import is_s3
from sparc_fuse_core.errors import DatasetNotFoundError, RequestError
from sparc_fuse_core.paths import expanded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import Fetch, Source, SourceFile


def open_source(
    dataset: str | int, *, version: str | int | None = None, settings: Settings
) -> Source:
    """Return the source for a folder, an ``s3://bucket/prefix``, a Discover id, a DOI, or a node id.

    A node id (``N:dataset:…``) is that of a dataset in a workspace of Pennsieve.

    Raises
    ------
    DatasetNotFoundError
        If ``dataset`` is none of them.
    RequestError
        If a folder, bucket or workspace is asked for a version that only Discover has.
    """
    text = str(dataset)
    if is_s3(text):
        if version not in (None, "upload"):
            message = f"{text}: a bucket's dataset has no version {version}"
            raise RequestError(message)
        from sparc_fuse_core.sources.bucket import BucketSource

        return BucketSource(text, settings)
    if text.startswith("N:dataset:"):
        if version not in (None, "draft"):
            message = f"{text}: a dataset of a workspace has no version {version}"
            raise RequestError(message)
        from sparc_fuse_core.sources.pennsieve import PennsieveSource

        return PennsieveSource(text, settings)
    folder = expanded(text)
    if folder.is_dir():
        if version not in (None, "local"):
            message = f"{text}: a folder has no version {version}"
            raise RequestError(message)
        from sparc_fuse_core.sources.local import LocalSource

        return LocalSource(folder)
    is_doi = text.startswith("10.") or "doi.org/" in text
    if not text.isdigit() and not is_doi:
        message = (
            f"{text}: neither a folder here, nor s3://bucket/prefix, a Discover id (224) or a DOI"
        )
        raise DatasetNotFoundError(message)
    from sparc_fuse_core.sources.discover import DiscoverSource

    return DiscoverSource.open(text, version=version, settings=settings)


def fetching(settings: Settings) -> Fetch:
    """Return `fetch_file` with its settings."""

    def fetch(file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None) -> Path:
        return fetch_file(file, folder, settings, on_bytes)

    return fetch


def fetch_file(
    file: SourceFile,
    folder: Path,
    settings: Settings,
    on_bytes: Callable[[int], None] | None = None,
) -> Path:
    """Put one file into ``folder`` from wherever its ``uri`` says; all that a worker needs."""
    if file.uri.startswith("zip+file:"):
        from sparc_fuse_core.sources import zipped

        return zipped.fetch_file(file, folder, on_bytes)
    if file.uri.startswith("file:"):
        from sparc_fuse_core.sources import local

        return local.fetch_file(file, folder, on_bytes)
    from sparc_fuse_core.sources import s3

    return s3.fetch_file(file, folder, settings, on_bytes)


def check_unchanged(file: SourceFile) -> None:
    """Check that what was read where it lies is still what was listed; copies cannot change.

    Raises
    ------
    IntegrityError
        If it was written to, or is gone.
    """
    if file.uri.startswith("file:"):
        from sparc_fuse_core.sources import local

        local.check_unchanged(file)
