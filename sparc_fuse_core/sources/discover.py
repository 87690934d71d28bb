"""Datasets of the Pennsieve Discover API: what a dataset is, which files it has, where their bytes are.

One call gives the whole file list; the bytes come straight from the bucket that the answer names. Paths
are those of the bucket's keys: display names differ from them in half of all files.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from sparc_fuse_core.errors import (
    DatasetEmbargoedError,
    DatasetNotFoundError,
    DatasetTypeError,
    DatasetUnpublishedError,
    EmptyDatasetError,
    SourceError,
    SourceUnavailableError,
    VersionNotFoundError,
)
from sparc_fuse_core.sources.by_s3 import ByS3
from sparc_fuse_core.sources.http import ask
from sparc_fuse_core.sources.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings

#: From this size on the stored SHA-256 is that of an upload in parts, not of the file.
_PLAIN_SHA256_BELOW_BYTES = 5 * 1024**3

_PAGE = 100
_MOST_FILES = 2_000_000
_MOST_FOLDERS_DEEP = 100
_BUCKET_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f]*)?")
_OLDEST_SCHEMA = 4.0


class DiscoverSource(ByS3):
    """One version of one published dataset.

    Make one with `open`, which asks the service what the dataset is and refuses what cannot be converted.
    """

    def __init__(
        self, record: Mapping[str, Any], settings: Settings, session: requests.Session
    ) -> None:
        self._record = dict(record)
        self._settings = settings
        self._session = session
        self._files: list[SourceFile] | None = None

    @classmethod
    def open(
        cls, dataset: str, *, version: str | int | None = None, settings: Settings
    ) -> DiscoverSource:
        """Resolve an id or a DOI, to the latest version unless one is given.

        Raises
        ------
        DatasetNotFoundError, VersionNotFoundError
            If there is no such dataset or version.
        DatasetUnpublishedError, DatasetEmbargoedError, DatasetTypeError
            If it was withdrawn, is under embargo, or holds no research files.
        SourceError
            If it was published in a layout older than schema 4.
        SourceUnavailableError
            If the service does not answer.
        """
        session = requests.Session()
        base = settings.discover_url.rstrip("/")
        if dataset.isdigit():
            url = f"{base}/datasets/{dataset}"
        else:
            doi = dataset.partition("doi.org/")[2] or dataset
            url = f"{base}/datasets/doi/{quote(doi, safe='/')}"
        record = _classified(ask(session, "GET", url, settings), f"dataset {dataset}", version=None)
        if version is not None and str(version) != str(record["version"]):
            url = f"{base}/datasets/{record['id']}/versions/{quote(str(version), safe='')}"
            what = f"dataset {record['id']} version {version}"
            record = _classified(ask(session, "GET", url, settings), what, version=version)
        _refuse_unconvertible(record)
        return cls(record, settings, session)

    @property
    def dataset_id(self) -> str:
        """Discover's number."""
        return str(self._record["id"])

    @property
    def version(self) -> str:
        """Number of the version."""
        return str(self._record["version"])

    @property
    def description(self) -> Mapping[str, Any]:
        """Facts for manifest and attributes, as stated."""
        record = self._record
        people = [
            " ".join(part for part in (who.get("firstName"), who.get("lastName")) if part)
            for who in record.get("contributors") or ()
        ]
        facts = {
            "id": record["id"],
            "version": record["version"],
            "name": record.get("name"),
            "doi": record.get("doi"),
            "licence": record.get("license"),
            "uri": record.get("uri"),
            "authors": people,
            "upload_date": record.get("versionPublishedAt"),
        }
        year = str(record.get("versionPublishedAt") or "")[:4]
        if people and year and facts["name"] and facts["doi"]:
            publisher = f"{who}. " if (who := record.get("organizationName")) else ""
            facts["citation"] = (
                f"{', '.join(people)} ({year}). {facts['name']} (Version {record['version']}) "
                f"[Data set]. {publisher}https://doi.org/{facts['doi']}"
            )
        return {name: value for name, value in facts.items() if value}

    def metadata(self) -> Mapping[str, Any]:
        """Return the record as the API gives it."""
        return self._record

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file, from the manifest in one call, else by walking the folders.

        Raises
        ------
        EmptyDatasetError
            If the listing names no file.
        """
        if self._files is None:
            files = self._from_manifest()
            if files is None:
                files = self._from_folders()
            self._files = sorted(files, key=lambda file: file.path)
        if not self._files:
            message = f"dataset {self.dataset_id} version {self.version}: the listing has no file"
            raise EmptyDatasetError(message)
        yield from self._files

    @property
    def _base(self) -> str:
        root = self._settings.discover_url.rstrip("/")
        return f"{root}/datasets/{self.dataset_id}/versions/{self.version}"

    def _from_manifest(self) -> list[SourceFile] | None:
        """Return the files of ``manifest.json``, or None if there is none that can be used."""
        try:
            answer = ask(self._session, "GET", f"{self._base}/metadata", self._settings)
        except SourceUnavailableError:
            return None  # a missing manifest is answered by 500; the walk tells whether all is down
        if answer.status_code != 200:
            return None
        try:
            listed = answer.json()["files"]
            return [self._file(entry, str(entry["path"])) for entry in listed]
        except (ValueError, KeyError, TypeError):
            return None

    def _from_folders(self) -> list[SourceFile]:
        """Return the files that a walk over the folders finds.

        Raises
        ------
        SourceError
            If the answers are no listing, or have no end.
        """
        try:
            found = list(itertools.islice(self._walk("", set()), _MOST_FILES + 1))
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            message = f"dataset {self.dataset_id}: what the service lists cannot be read ({err!r})"
            raise SourceError(message) from err
        if len(found) > _MOST_FILES:
            message = f"dataset {self.dataset_id}: the listing has more than {_MOST_FILES} files"
            raise SourceError(message)
        return found

    def _walk(self, folder: str, seen: set[str]) -> Iterator[SourceFile]:
        """Yield files below ``folder`` page by page; folders that repeat are not entered again."""
        offset = 0
        while True:
            params: dict[str, Any] = {"limit": _PAGE, "offset": offset}
            if folder:
                params["path"] = folder
            answer = ask(
                self._session, "GET", f"{self._base}/files/browse", self._settings, params=params
            )
            if answer.status_code != 200:
                message = f"dataset {self.dataset_id}: listing answers {answer.status_code}"
                raise SourceError(message)
            page = answer.json()
            entries = page.get("files") or []
            for entry in entries:
                if entry.get("type") == "Directory" or "uri" not in entry:
                    path = str(entry["path"])
                    if path not in seen:
                        seen.add(path)
                        if path.count("/") > _MOST_FOLDERS_DEEP or len(seen) > _MOST_FILES:
                            message = f"dataset {self.dataset_id}: its folders have no end"
                            raise SourceError(message)
                        yield from self._walk(path, seen)
                else:
                    yield self._file(entry, self._path_of(str(entry["uri"])))
            offset += len(entries)
            # a page without entries ends the walk even where the total is wrong
            if not entries or offset >= int(page.get("totalCount") or 0):
                return

    def _path_of(self, uri: str) -> str:
        """Return the path below the dataset's root of an object's uri."""
        root = str(self._record["uri"]).rstrip("/") + "/"
        if not uri.startswith(root):
            message = f"dataset {self.dataset_id}: {uri} does not lie below {root}"
            raise SourceError(message)
        return uri.removeprefix(root)

    def _file(self, entry: Mapping[str, Any], path: str) -> SourceFile:
        size_bytes = max(0, int(entry.get("size") or 0))
        name = str(entry.get("name") or "")
        root = str(self._record["uri"]).rstrip("/")
        return SourceFile(
            path=path,
            size_bytes=size_bytes,
            name=name if name != PurePosixPath(path).name else "",
            sha256=plain_sha256(entry.get("sha256"), size_bytes),
            version_id=str(entry.get("s3VersionId") or entry.get("s3Version") or ""),
            uri=f"{root}/{path}",
            dataset=f"{self.dataset_id}/{self.version}",
        )


def plain_sha256(stated: Any, size_bytes: int) -> str:
    """Return a listing's base64 hash as hex, or ``""`` where it is not that of the file itself."""
    if not isinstance(stated, str) or "-" in stated or size_bytes >= _PLAIN_SHA256_BELOW_BYTES:
        return ""
    try:
        digest = base64.b64decode(stated, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""


def _classified(
    answer: requests.Response, what: str, *, version: str | int | None
) -> dict[str, Any]:
    """Return the record, or raise the error that its status means."""
    status = answer.status_code
    if status == 200:
        try:
            record: dict[str, Any] = answer.json()
            _check_record(record)
        except (ValueError, KeyError, TypeError):
            message = f"{what}: the service's answer is not a dataset"
            raise SourceError(message) from None
        return record
    if status in (400, 404, 422):
        message = f"{what}: Discover has none; look it up on sparc.science"
        raise (DatasetNotFoundError if version is None else VersionNotFoundError)(message)
    if status == 410:
        message = f"{what}: was unpublished and cannot be had any more"
        raise DatasetUnpublishedError(message)
    if status in (401, 403):
        message = f"{what}: is under embargo; its files are not public yet"
        raise DatasetEmbargoedError(message)
    message = f"{what}: the service answers {status}: {answer.text[:200]}"
    raise SourceError(message)


def _check_record(record: Mapping[str, Any]) -> None:
    """Fail if what becomes paths and addresses is not of the kind that it has to be.

    Raises
    ------
    ValueError
        If id or version are no numbers, or the files do not lie in a bucket.
    """
    if not (str(record["id"]).isdecimal() and str(record["version"]).isdecimal()):
        message = "id or version is no number"
        raise ValueError(message)
    if not _BUCKET_URI.fullmatch(str(record["uri"])):
        message = "its files lie in no bucket"
        raise ValueError(message)


def _refuse_unconvertible(record: Mapping[str, Any]) -> None:
    what = f"dataset {record['id']} version {record['version']}"
    if record.get("status") == "UNPUBLISHED":
        message = f"{what}: was unpublished and cannot be had any more"
        raise DatasetUnpublishedError(message)
    if record.get("embargo") or str(record.get("status", "")).startswith("EMBARGO"):
        until = record.get("embargoReleaseDate")
        message = f"{what}: is under embargo{f' until {until}' if until else ''}"
        raise DatasetEmbargoedError(message)
    kind = record.get("datasetType")
    if kind not in (None, "research"):
        message = f"{what}: is a {kind}, which holds no research files to convert"
        raise DatasetTypeError(message)
    schema = record.get("pennsieveSchemaVersion")
    try:
        old = schema is not None and float(schema) < _OLDEST_SCHEMA
    except (TypeError, ValueError):
        old = False
    if old:
        message = (
            f"{what}: published in layout {schema}, before files lay below files/; "
            "choose a newer version"
        )
        raise SourceError(message)
