"""What all items of one run share: the dataset's own facts, its tables, the options."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.attributes import entity_ids
from sparc_fuse_core.convert.sds_tables import SdsTables, read_tables
from sparc_fuse_core.convert.staged import sibling_index
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.privacy.species import keeps_free_text
from sparc_fuse_core.privacy.tables import public_record
from sparc_fuse_core.sources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.privacy.sieve import Why
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source


@dataclass(frozen=True, slots=True)
class Context:
    """What all items of one run share; picklable, so that it reaches a worker process once.

    Attributes
    ----------
    folder
        Of the dataset's results: ``"224/2"``.
    description, dataset_metadata, tables
        SPARC facts for the attributes of every result.
    siblings
        OME-TIFF files by path, for the parts of sets.
    beside
        Folder of this machine for what is left out of the results, or ``""``; never in the JSON.
    """

    folder: str
    options: ConvertOptions
    settings: Settings
    description: Mapping[str, Any] = field(default_factory=dict)
    dataset_metadata: Mapping[str, Any] = field(default_factory=dict)
    tables: SdsTables | None = None
    siblings: Mapping[str, SourceFile] = field(default_factory=dict)
    beside: str = ""

    def keeps_free_text(self, path: str) -> bool:
        """Tell whether free text of a file may be published: its subject is stated as not human."""
        return self.tables is not None and keeps_free_text(self.tables.rows, entity_ids(path))

    def left_out(self, path: str, of_file: Mapping[Why, int]) -> dict[str, int]:
        """Return how many statements about a file are not published: its own, and those of the tables."""
        of_tables = self.tables.left_out_of(entity_ids(path)) if self.tables is not None else {}
        counts: Counter[str] = Counter(of_tables)
        counts.update({str(why): number for why, number in of_file.items()})
        return dict(counts)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping, without the settings: those are each machine's own."""
        return {
            "folder": self.folder,
            "options": dataclasses.asdict(self.options),
            "description": dict(self.description),
            "dataset_metadata": dict(self.dataset_metadata),
            "tables": self.tables.to_json() if self.tables else None,
            "siblings": {path: file.to_json() for path, file in self.siblings.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], settings: Settings) -> Context:
        """Read what `to_json` returned."""
        tables = SdsTables.from_json(values["tables"]) if values["tables"] else None
        options = ConvertOptions(**values["options"])
        siblings = {p: SourceFile.from_json(file) for p, file in values["siblings"].items()}
        return cls(
            **{
                **values,
                "options": options,
                "tables": tables,
                "settings": settings,
                "siblings": siblings,
            }
        )


def make_context(plan: Plan, source: Source, settings: Settings) -> Context:
    """Read the dataset's metadata and SDS tables once for all items."""
    scratch = Path(tempfile.mkdtemp(prefix="sparc-fuse-"))
    try:
        tables = read_tables(source, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Context(
        plan.folder,
        plan.options,
        settings,
        plan.description,
        public_record(dict(source.metadata())),
        tables,
        sibling_index(plan.siblings),
    )
