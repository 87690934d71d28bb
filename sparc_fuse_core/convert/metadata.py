"""SPARC metadata in every result: ids from the path, SDS tables, the dataset's record. True or absent."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import SourceUnavailableError, SparcFuseError
from sparc_fuse_core.json_values import json_safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.sources import Source

_ENTITIES = {
    "sub": "subject",
    "sam": "sample",
    "perf": "performance",
    "site": "site",
    "pool": "pool",
}

#: Tables that are joined to a file's ids: name, the column that holds the id, the kind of id.
_TABLES = {
    "subjects": ("subject id", "subject"),
    "samples": ("sample id", "sample"),
    "performances": ("performance id", "performance"),
}

#: Names that columns had in earlier versions of the SPARC Dataset Structure.
_EARLIER_NAMES = {
    "specimen type": "sample type",
    "specimen anatomical location": "sample anatomical location",
    "protocol io location": "protocol url or doi",
    "protocol.io location": "protocol url or doi",
}

_MAX_TABLE_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class SdsTables:
    """The rows of a dataset's tables by entity id; small, JSON both ways.

    Attributes
    ----------
    rows
        ``rows["subject"]["sub-1"]`` is a mapping of column to text.
    description
        Elements of ``dataset_description``, each with its values.
    warnings
        What could not be read, in a sentence each.
    """

    rows: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    description: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {
            "rows": {kind: dict(rows) for kind, rows in self.rows.items()},
            "description": dict(self.description),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SdsTables:
        """Read what `to_json` returned."""
        return cls(values["rows"], values["description"], tuple(values["warnings"]))


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


def read_tables(source: Source, scratch: Path) -> SdsTables:
    """Fetch and read the SDS tables at the top of a dataset; a broken one is a warning.

    Raises
    ------
    SourceUnavailableError
        If a table cannot be had now.
    """
    rows: dict[str, dict[str, dict[str, str]]] = {}
    description: dict[str, list[str]] = {}
    warnings: list[str] = []
    for file in source.list_files():
        path = PurePosixPath(file.path)
        name, suffix = path.stem.lower(), path.suffix.lower()
        if len(path.parts) != 2 or path.parts[0] != "files" or suffix not in (".xlsx", ".csv"):
            continue
        if name not in _TABLES and name != "dataset_description":
            continue
        try:
            table = _read_rows(source.fetch(file, scratch))
        except SourceUnavailableError:
            raise  # the same call may succeed later: without it results would lack what the table states
        except (SparcFuseError, OSError, ValueError, KeyError, zipfile.BadZipFile) as err:
            warnings.append(f"{file.path}: not readable as a table ({err})")
            continue
        if name == "dataset_description":
            description.update(_elements(table))
        else:
            column, kind = _TABLES[name]
            rows[kind] = _by_id(table, column)
    return SdsTables(rows, description, tuple(warnings))


def _read_rows(path: Path) -> list[list[str]]:
    """Return the cells of the first sheet as texts, without empty rows."""
    if path.suffix.lower() == ".csv":
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
    else:
        # workers get the tables as JSON and need no spreadsheet library
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException

        with path.open("rb") as file:
            try:
                book = load_workbook(file, read_only=True, data_only=True)
            except InvalidFileException as err:
                raise ValueError(str(err)) from err
            try:
                sheet = book.worksheets[0]
                rows = [
                    ["" if cell is None else str(cell).strip() for cell in row]
                    for row in sheet.iter_rows(values_only=True, max_row=_MAX_TABLE_ROWS)
                ]
            finally:
                book.close()
    return [row for row in rows if any(row)]


def _normal(header: str) -> str:
    word = re.sub(r"[\s_]+", " ", header.strip().lower())
    return _EARLIER_NAMES.get(word, word)


def _by_id(table: list[list[str]], id_column: str) -> dict[str, dict[str, str]]:
    """Return rows by id. Rows whose id is a sentence (version 1 explains its columns) are left out."""
    if not table:
        return {}
    header = [_normal(cell) for cell in table[0]]
    if id_column not in header:
        return {}
    at = header.index(id_column)
    found = {}
    for row in table[1:]:
        number = row[at] if at < len(row) else ""
        if not number or len(number.split()) > 3:
            continue
        cells = zip(header, row, strict=False)
        found[number] = {name: value for name, value in cells if name and value}
    return found


def _elements(table: list[list[str]]) -> dict[str, list[str]]:
    """Return the elements of ``dataset_description``: values stand from the fourth column on."""
    return {
        _normal(row[0]): values
        for row in table[1:]
        if row and row[0] and (values := [cell for cell in row[3:] if cell])
    }


def _row_for(tables: SdsTables, kind: str, number: str) -> Mapping[str, str]:
    """Return the row of an id; tables may leave the prefix (``sub-``) away."""
    rows = tables.rows.get(kind, {})
    return rows.get(number) or rows.get(number.partition("-")[2]) or {}


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
    converted: datetime,
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
        "conversion_date": converted.isoformat(timespec="seconds"),
        **dataset_attributes(item_path, description, dataset_metadata, tables),
        **_signal_attributes(contents),
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
        row = _row_for(tables, kind, number)
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


def _signal_attributes(contents: Contents) -> dict[str, Any]:
    """Return what is said of the leading stream."""
    if not contents.recordings:
        return {}
    first = max(contents.recordings, key=lambda recording: recording.n_values)
    stated = first.sampling_rate_hz is not None or first.times is not None
    facts: dict[str, Any] = {"time_auto_generated": not stated}
    if stated and (first.sampling_rate_hz is not None or first.time_units):
        facts["time_units"] = "s"
    if first.sampling_rate_hz is not None:
        facts["sampling_frequency"] = first.sampling_rate_hz
    if any(first.channel_names):
        facts["channel_names"] = list(first.channel_names)
    if any(first.channel_units):
        facts["channel_units"] = list(first.channel_units)
    if len(first.signals.shape) == 3:
        facts["sweep_mode"] = "equal sweeps"
    elif first.segments:
        facts["sweep_mode"] = "segments"
    return facts
