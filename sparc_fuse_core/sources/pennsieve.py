"""Datasets of one's own on Pennsieve, published or not: listed and fetched by the platform's API with a key.

What is here is a workspace's dataset as it is now: it has no version, results lie at ``<uuid>/draft``. A
folder is a package of the type Collection; a package of one file is that file, one of several is a folder of
its name, as in what Pennsieve publishes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests

from sparc_fuse_core.errors import (
    DatasetNotFoundError,
    EmptyDatasetError,
    PennsieveKeyError,
    SourceError,
    SourceFileNotFoundError,
    SourceRefusedError,
)
from sparc_fuse_core.sources.by_s3 import ByS3
from sparc_fuse_core.sources.http import ask
from sparc_fuse_core.sources.names import front_of, is_hidden
from sparc_fuse_core.sources.pennsieve_login import token
from sparc_fuse_core.sources.s3_objects import SignedUrl
from sparc_fuse_core.sources.source import PENNSIEVE_ACCOUNT, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings

VERSION = "draft"

NODE_ID = re.compile(r"N:dataset:([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_PACKAGE_ID = re.compile(r"N:package:[0-9a-f-]{36}")
_FILE_URI = re.compile(rf"pennsieve:({_PACKAGE_ID.pattern})/(\d+)")

_FOLDER = "Collection"
_PAGE = 100
_MOST_PACKAGES = 2_000_000
_MOST_FOLDERS_DEEP = 100

#: Files of packages that are not complete, or of no use.
_NOT_THERE = ("UNAVAILABLE", "UPLOADED", "DELETING", "DELETED", "RESTORING", "ERROR")


class PennsieveSource(ByS3):
    """One dataset of a workspace, as it is now."""

    def __init__(self, node_id: str, settings: Settings) -> None:
        found = NODE_ID.fullmatch(node_id)
        if found is None:
            message = f"{node_id}: expected N:dataset: and the dataset's id, as Pennsieve shows it"
            raise DatasetNotFoundError(message)
        self._node_id, self._uuid = node_id, found[1]
        self._settings = settings
        self._session = requests.Session()
        self._record: dict[str, Any] | None = None
        self._files: list[SourceFile] | None = None

    @property
    def dataset_id(self) -> str:
        """The dataset's own id, without ``N:dataset:``."""
        return self._uuid

    @property
    def version(self) -> str:
        """Always ``"draft"``."""
        return VERSION

    @property
    def description(self) -> Mapping[str, Any]:
        """Facts for manifest and attributes, as stated."""
        content = self._dataset()
        facts = {
            "id": self._node_id,
            "name": content.get("name"),
            "licence": content.get("license"),
        }
        return {name: value for name, value in facts.items() if value}

    def metadata(self) -> Mapping[str, Any]:
        """Return nothing: it has no record in Discover."""
        return {}

    def list_files(self) -> Iterator[SourceFile]:
        """Yield every file in path order; hidden ones are left out.

        Raises
        ------
        PennsieveKeyError
            If the key is missing, wrong or expired, or may not see the dataset.
        DatasetNotFoundError
            If there is no such dataset in the workspace of the key.
        EmptyDatasetError
            If it holds no file.
        """
        if self._files is None:
            self._dataset()
            self._files = self._listed()
        if not self._files:
            message = f"{self._node_id}: holds no file that is uploaded completely"
            raise EmptyDatasetError(message)
        yield from self._files

    def _dataset(self) -> dict[str, Any]:
        if self._record is None:
            answer = authorized(
                self._session,
                "GET",
                f"/datasets/{quote(self._node_id)}",
                self._settings,
                self._node_id,
            )
            try:
                self._record = dict(answer.json()["content"])
            except (ValueError, KeyError, TypeError):
                message = f"{self._node_id}: the service's answer is not a dataset"
                raise SourceError(message) from None
        return self._record

    def _listed(self) -> list[SourceFile]:
        try:
            packages = {int(p["content"]["id"]): p for p in self._packages()}
            found = [
                (path, file)
                for package in packages.values()
                if package["content"]["packageType"] != _FOLDER
                and package["content"].get("state") not in _NOT_THERE
                for path, file in self._files_of(package, packages)
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            message = (
                f"{self._node_id}: what the service lists cannot be read ({type(err).__name__})"
            )
            raise SourceError(message) from err
        front = front_of(path for path, _ in found)
        return sorted(
            (self._file(front + path, content) for path, content in found if not is_hidden(path)),
            key=lambda file: file.path,
        )

    def _packages(self) -> Iterator[dict[str, Any]]:
        """Yield all packages of the dataset, folders too, page by page."""
        params: dict[str, Any] = {"pageSize": _PAGE, "includeSourceFiles": "true"}
        n_packages, seen = 0, set()
        place = f"/datasets/{quote(self._node_id)}/packages"
        while True:
            answer = authorized(
                self._session, "GET", place, self._settings, self._node_id, params=params
            )
            page = answer.json()
            for package in page["packages"]:
                n_packages += 1
                yield package
            cursor = page.get("cursor")
            if not cursor:
                return
            if cursor in seen or n_packages > _MOST_PACKAGES:
                message = f"{self._node_id}: its listing has no end"
                raise SourceError(message)
            seen.add(cursor)
            params["cursor"] = cursor

    def _files_of(
        self, package: Mapping[str, Any], packages: Mapping[int, Mapping[str, Any]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield path and facts of each file of a package."""
        sources = (package.get("objects") or {}).get("source") or []
        contents = [source["content"] for source in sources]
        if package.get("isTruncated"):
            contents = list(self._all_files_of(str(package["content"]["nodeId"])))
        parts = self._folders(package, packages)
        if len(contents) > 1:
            parts = [*parts, str(package["content"]["name"])]
        for content in contents:
            yield "/".join(map(_as_part, [*parts, str(content["filename"])])), content

    def _all_files_of(self, package_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield the facts of all files of a package that has more than the listing holds."""
        offset = 0
        while True:
            answer = authorized(
                self._session,
                "GET",
                f"/packages/{quote(package_id)}/sources-paged",
                self._settings,
                package_id,
                params={"limit": _PAGE, "offset": offset},
            )
            page = answer.json()
            for result in page["results"]:
                yield result["content"]
            offset += len(page["results"])
            if not page["results"] or offset >= int(page["totalCount"]) or offset > _MOST_PACKAGES:
                return

    def _folders(
        self, package: Mapping[str, Any], packages: Mapping[int, Mapping[str, Any]]
    ) -> list[str]:
        """Return the names of the folders that a package lies in, the outermost first."""
        names: list[str] = []
        parent = package["content"].get("parentId")
        while parent is not None:
            if len(names) > _MOST_FOLDERS_DEEP:
                message = f"{self._node_id}: its folders have no end"
                raise SourceError(message)
            folder = packages[int(parent)]["content"]
            names.insert(0, str(folder["name"]))
            parent = folder.get("parentId")
        return names

    def _file(self, path: str, content: Mapping[str, Any]) -> SourceFile:
        package_id, file_id = str(content["packageId"]), int(content["id"])
        if not _PACKAGE_ID.fullmatch(package_id):
            message = f"{self._node_id}: a file's package has no id that can be asked for"
            raise SourceError(message)
        name = str(content["filename"])
        return SourceFile(
            path=path,
            size_bytes=max(0, int(content["size"])),
            name=name if name != path.rpartition("/")[2] else "",
            uri=f"pennsieve:{package_id}/{file_id}",
            etag=f"{file_id}-{content.get('updatedAt') or ''}",
            account=PENNSIEVE_ACCOUNT,
        )


class PennsieveFile(SignedUrl):
    """One file of a workspace; a fresh URL for every attempt, for they expire."""

    def _url(self) -> str:
        found = _FILE_URI.fullmatch(self._file.uri)
        if found is None:
            message = f"{self._file.path}: {self._file.uri!a} names no file of Pennsieve"
            raise SourceFileNotFoundError(message)
        wanted = {"nodeIds": [found[1]], "fileIds": [int(found[2])]}
        answer = authorized(
            self._session,
            "POST",
            "/packages/download-manifest",
            self._settings,
            self._file.path,
            json=wanted,
        )
        try:
            (entry,) = answer.json()["data"]
            url = str(entry["url"])
        except (ValueError, KeyError, TypeError):
            message = f"{self._file.path}: vanished since the dataset was listed"
            raise SourceFileNotFoundError(message) from None
        return self._checked(url)


def authorized(
    session: requests.Session,
    method: str,
    place: str,
    settings: Settings,
    what: str,
    **options: Any,
) -> requests.Response:
    """Ask the platform's API, with a new token once if the one at hand is no longer taken.

    Raises
    ------
    PennsieveKeyError
        If the key is missing, wrong or expired, or may not see ``what``.
    DatasetNotFoundError
        If there is no such thing.
    SourceUnavailableError, SourceThrottledError
        If the service still does not answer after all attempts.
    """
    url = f"{settings.pennsieve_url.rstrip('/')}{place}"
    for renew in (False, True):
        headers = {"Authorization": f"Bearer {token(settings, renew=renew)}"}
        answer = ask(session, method, url, settings, headers=headers, **options)
        if answer.status_code != 401:
            break
    status = answer.status_code
    if status == 200:
        return answer
    if status == 401:
        message = f"{what}: Pennsieve takes no token of this API key (401); make a new key there"
        raise PennsieveKeyError(message)
    if status == 403:
        message = f"{what}: the user of this API key may not see it; ask its owner to share it with that user"
        raise PennsieveKeyError(message)
    if status == 404:
        message = f"{what}: not in the workspace of this API key; a key sees one workspace only"
        raise DatasetNotFoundError(message)
    host = urlsplit(url).hostname
    message = f"{what}: {host} answers {status} to {method} {place.partition('?')[0]}"
    raise SourceRefusedError(message)


def _as_part(name: str) -> str:
    """Return a name as one part of a path; the name itself stays the file's display name."""
    return name.replace("/", "_")
