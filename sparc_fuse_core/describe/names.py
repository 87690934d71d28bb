"""Names of what describes a dataset's results, beside its manifest."""

from __future__ import annotations

ITEMS = "items.parquet"
RO_CRATE = "ro-crate-metadata.json"
CROISSANT = "croissant.json"
SCHEMA_ORG = "schema.org.jsonld"
DATACITE = "datacite.json"
CITATION = "CITATION.cff"
PAGE = "index.html"

DESCRIPTIONS = (ITEMS, RO_CRATE, CROISSANT, SCHEMA_ORG, DATACITE, CITATION, PAGE)

#: Of all datasets, beside their folders.
CATALOGUE = "catalogue.parquet"

#: The catalogue without uploads: what is shown under the catalogue's name where results are published.
PUBLIC_CATALOGUE = ".sparc-fuse/published.parquet"


def is_public(dataset_id: str) -> bool:
    """Whether a dataset is one of Discover, which has a number; an upload never has one."""
    return dataset_id.isascii() and dataset_id.isdigit()
