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
