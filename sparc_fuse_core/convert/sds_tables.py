"""The tables of the SPARC Dataset Structure: subjects, samples, performances, the description."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.sheets import read_rows
from sparc_fuse_core.errors import SourceUnavailableError, SparcFuseError
from sparc_fuse_core.privacy.tables import public_description, public_rows
from sparc_fuse_core.privacy.texts import public_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.privacy.sieve import Aside
    from sparc_fuse_core.sources import Source

#: Tables that are joined to a file's ids: name, the column that holds the id, the kind of id.
_TABLES = {
    "subjects": ("subject id", "subject"),
    "samples": ("sample id", "sample"),
    "performances": ("performance id", "performance"),
    "sites": ("site id", "site"),
}


#: Names that columns had in earlier versions of the SPARC Dataset Structure.
_EARLIER_NAMES = {
    "specimen type": "sample type",
    "specimen anatomical location": "sample anatomical location",
    "protocol io location": "protocol url or doi",
    "protocol.io location": "protocol url or doi",
}


@dataclass(frozen=True, slots=True)
class SdsTables:
    """The rows of a dataset's tables by entity id; small, JSON both ways.

    Attributes
    ----------
    rows
        ``rows["subject"]["sub-1"]`` is a mapping of column to text.
    description
        Elements of ``dataset_description``, each with its values; ``""`` where a column has none.
    warnings
        What could not be read, in a sentence each.
    left_out
        How many cells of a row are not published, by why: ``left_out["subject sub-1"]``.
    aside
        Those cells: never published, not in the JSON.
    """

    rows: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    description: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    aside: tuple[Aside, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {
            "rows": {kind: dict(rows) for kind, rows in self.rows.items()},
            "description": dict(self.description),
            "warnings": list(self.warnings),
            "left_out": {where: dict(counts) for where, counts in self.left_out.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SdsTables:
        """Read what `to_json` returned."""
        return cls(
            values["rows"],
            values["description"],
            tuple(values["warnings"]),
            values.get("left_out", {}),
        )

    def left_out_of(self, ids: Mapping[str, str]) -> dict[str, int]:
        """Return how many cells of the rows that ``ids`` name are not published, by why."""
        counts: Counter[str] = Counter()
        for kind, number in ids.items():
            for name in dict.fromkeys((number, number.partition("-")[2])):
                counts.update(self.left_out.get(f"{kind} {name}", {}))
        return dict(counts)


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
            table = read_rows(source.fetch(file, scratch))
        except SourceUnavailableError:
            raise  # the same call may succeed later: without it results would lack what the table states
        except (SparcFuseError, OSError) as err:
            warnings.append(f"{file.path}: left out: {public_message(str(err))}")
            continue
        if name == "dataset_description":
            description.update(_elements(table))
        else:
            column, kind = _TABLES[name]
            rows[kind] = _by_id(table, column)
    public, aside = public_rows(rows)
    left_out: dict[str, Counter[str]] = {}
    for one in aside:
        left_out.setdefault(one.where, Counter())[one.why] += 1
    described = public_description(description)
    return SdsTables(public, described, tuple(warnings), left_out, tuple(aside))


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
    """Return the elements of ``dataset_description``: values stand from the fourth column on.

    An empty cell within stays one: what stands in the same column belongs to the same contributor.
    """
    return {_normal(row[0]): row[3:] for row in table[1:] if row and row[0] and any(row[3:])}


def row_of(tables: SdsTables, kind: str, number: str) -> Mapping[str, str]:
    """Return the row of an id; tables may leave the prefix (``sub-``) away."""
    rows = tables.rows.get(kind, {})
    return rows.get(number) or rows.get(number.partition("-")[2]) or {}
