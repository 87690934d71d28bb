"""SPARC metadata in every result: ids from the path, SDS tables, the dataset's record. True or absent."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.sds_tables import SdsTables, row_of
from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.writers.streams import main_recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model import Contents

_ENTITIES = {
    "sub": "subject",
    "sam": "sample",
    "perf": "performance",
    "site": "site",
    "pool": "pool",
}


def entity_ids(path: str) -> dict[str, str]:
    """Return subject, sample, performance, site and pool ids that a path names by prefix.

    The deepest folder of a kind counts; the file's own name is not a folder.
    """
    found: dict[str, str] = {}
    for part in PurePosixPath(path).parts[:-1]:
        prefix, dash, rest = part.partition("-")
        if dash and rest and prefix in _ENTITIES:
            found[_ENTITIES[prefix]] = part
    return found


def conversion_attributes(
    contents: Contents,
    *,
    item_path: str,
    source_format: str,
    auto_mapped: bool,
    description: Mapping[str, Any],
    dataset_metadata: Mapping[str, Any],
    tables: SdsTables | None,
    original_file_name: str,
) -> dict[str, Any]:
    """Return the attributes of a result: every one true, or absent.

    Parameters
    ----------
    item_path
        Path of the leading file in the dataset.
    auto_mapped
        Whether the reader mapped the file by itself, without a scheme.
    description, dataset_metadata
        Of the source: its facts, and the Discover record.
    """
    attributes: dict[str, Any] = {
        "source_format": source_format,
        "source_path": item_path,
        "original_file_name": original_file_name,
        "auto_mapped": auto_mapped,
        **dataset_attributes(item_path, description, dataset_metadata, tables),
        **stream_attributes(contents),
    }
    notes = [evidence.sentence for evidence in contents.evidence]
    if notes:
        attributes["notes"] = notes
    if contents.metadata:
        attributes["source_metadata"] = dict(contents.metadata)
    safe: dict[str, Any] = json_safe(attributes)
    return safe


#: Attributes that state facts of the dataset's version; so does each that begins with ``sparc_``.
DATASET_ATTRIBUTES = (
    "anatomical_location",
    "database_id",
    "dataset_description",
    "doi",
    "licence",
    "upload_date",
    "version",
)


def dataset_attributes(
    item_path: str,
    description: Mapping[str, Any],
    dataset_metadata: Mapping[str, Any],
    tables: SdsTables | None,
) -> dict[str, Any]:
    """Return the attributes that come from the dataset and not from the file."""
    ids = entity_ids(item_path)
    attributes: dict[str, Any] = {}
    for name, key in (
        ("database_id", "id"),
        ("version", "version"),
        ("doi", "doi"),
        ("upload_date", "upload_date"),
        ("licence", "licence"),
    ):
        if description.get(key):
            attributes[name] = description[key]
    attributes.update({f"sparc_{kind}_id": number for kind, number in ids.items()})
    tables = tables or SdsTables()
    for kind, number in ids.items():
        row = row_of(tables, kind, number)
        if row:
            attributes[f"sparc_{kind}"] = dict(row)
        location = row.get("sample anatomical location")
        if location:
            attributes["anatomical_location"] = location
    if dataset_metadata:
        attributes["sparc_metadata"] = dict(dataset_metadata)
    if tables.description:
        attributes["dataset_description"] = {k: list(v) for k, v in tables.description.items()}
    safe: dict[str, Any] = json_safe(attributes)
    return safe


def stream_attributes(contents: Contents) -> dict[str, Any]:
    """Return what is said of the main stream beside its channels, which the writer states."""
    first = main_recording(contents.recordings)
    if first is None:
        return {}
    stated = first.sampling_rate_hz is not None or first.times is not None
    facts: dict[str, Any] = {"time_auto_generated": not stated}
    if stated and (first.sampling_rate_hz is not None or first.time_units):
        facts["time_units"] = "s"
    if first.sampling_rate_hz is not None:
        facts["sampling_frequency"] = first.sampling_rate_hz
    if len(first.signals.shape) == 3:
        facts["sweep_mode"] = "equal sweeps"
    elif first.segments:
        facts["sweep_mode"] = "segments"
    return facts
