"""Datasets by the Discover API: their metadata, files and types."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import requests

from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


PRIMARY = "files/primary/"


# ------------------------------------------------------------------------------------- datasets
def fetch_dataset_metadata(dataset_id: int) -> dict[str, Any]:
    """Return the metadata of a dataset's latest version as the Discover API gives it.

    Raises
    ------
    requests.HTTPError
        If the service answers with an error.
    """
    settings = Settings.from_environment()
    answer = requests.get(
        f"{settings.discover_url.rstrip('/')}/datasets/{int(dataset_id)}",
        timeout=settings.request_timeout_s,
    )
    answer.raise_for_status()
    metadata: dict[str, Any] = answer.json()
    return metadata


def list_primary_files(dataset_id: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the files below ``files/primary/`` and the dataset's metadata.

    Each file is a dict with ``path``, ``name``, ``size``, ``uri``, ``sha256`` and ``s3VersionId``.
    """
    source = open_source(dataset_id, settings=Settings.from_environment())
    files = [
        {
            "path": file.path,
            "name": file.name or PurePosixPath(file.path).name,
            "size": file.size_bytes,
            "uri": file.uri,
            "sha256": file.sha256 or None,
            "s3VersionId": file.version_id or None,
        }
        for file in source.list_files()
        if file.path.startswith(PRIMARY)
    ]
    return files, dict(source.metadata())


def list_sparc_datasets(max_id: int = 1000) -> dict[str, list[Any]]:
    """Return datasets with id 0 to ``max_id`` grouped by type name; print how many there are of each."""
    grouped = get_sparc_datasets_by_id(list(range(max_id + 1)))
    for name, ids in sorted(grouped.items()):
        print(f"{name}: {len(ids)}")
    print(f"total: {sum(len(ids) for ids in grouped.values())}")
    return grouped


def get_sparc_datasets_by_id(
    ids: int | list[int] | tuple[int, ...] | set[int],
) -> dict[str, list[Any]]:
    """Return dataset ids grouped by the name of their type.

    The type is Discover's ``datasetType``, or SciCrunch's where ``SPARC_FUSE_SCICRUNCH_KEY`` is set. A
    dataset without one is under ``"<invalid type>"``, an answer without an id under ``"<no id>"``.

    Raises
    ------
    TypeError
        If ``ids`` is not an integer, list, tuple or set.
    """
    if isinstance(ids, bool) or not isinstance(ids, int | list | tuple | set):
        message = f"ids: an integer, list, tuple or set, not {type(ids).__name__}"
        raise TypeError(message)
    wanted = sorted({ids} if isinstance(ids, int) else {int(number) for number in ids})
    settings = Settings.from_environment()
    pairs = (
        _types_of_scicrunch(wanted, settings)
        if settings.scicrunch_key
        else _types_of_discover(wanted, settings)
    )
    grouped: dict[str, list[Any]] = {}
    for number, type_name in pairs:
        if number is None:
            grouped.setdefault("<no id>", []).append(None)
        else:
            grouped.setdefault(type_name or "<invalid type>", []).append(number)
    return grouped


def _types_of_discover(
    ids: Sequence[int], settings: Settings
) -> Iterable[tuple[int | None, str | None]]:
    size = 100
    for start in range(0, len(ids), size):
        answer = requests.get(
            f"{settings.discover_url.rstrip('/')}/datasets",
            params=[
                *(("ids", n) for n in ids[start : start + size]),
                ("limit", size),
                ("offset", 0),
            ],
            timeout=settings.request_timeout_s,
        )
        answer.raise_for_status()
        for entry in answer.json()["datasets"]:
            yield entry.get("id"), entry.get("datasetType")


def _types_of_scicrunch(
    ids: Sequence[int], settings: Settings
) -> Iterable[tuple[int | None, str | None]]:
    size = 1000
    for start in range(0, len(ids), size):
        part = [str(number) for number in ids[start : start + size]]
        answer = requests.post(
            settings.scicrunch_url,
            json={"size": size, "query": {"terms": {"_id": part}}},
            headers={"apikey": settings.scicrunch_key},
            timeout=settings.request_timeout_s,
        )
        answer.raise_for_status()
        for hit in answer.json()["hits"]["hits"]:
            types = hit.get("_source", {}).get("item", {}).get("types") or [{}]
            number = hit.get("_id")
            yield (int(number) if number else None), types[0].get("name")


def print_project_metadata(metadata: dict[str, Any]) -> None:
    """Print the ``item`` field, or the project's own fields where there is none, as indented JSON."""
    shown = metadata.get("item")
    if not shown:
        fields = (
            "id",
            "name",
            "description",
            "version",
            "doi",
            "license",
            "tags",
            "contributors",
            "uri",
        )
        shown = {name: metadata[name] for name in fields if name in metadata}
    print(json.dumps(shown, indent=4, ensure_ascii=False))
