"""Write what describes a dataset's results, before its manifest; and list them in the catalogue, after it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.citation import citation
from sparc_fuse_core.describe.datacite import datacite
from sparc_fuse_core.describe.names import (
    CATALOGUE,
    CITATION,
    CROISSANT,
    DATACITE,
    ITEMS,
    PAGE,
    RO_CRATE,
    SCHEMA_ORG,
)
from sparc_fuse_core.describe.outputs import Outputs
from sparc_fuse_core.describe.page import page_bytes
from sparc_fuse_core.describe.ro_crate import ro_crate
from sparc_fuse_core.describe.rows import DatasetFacts
from sparc_fuse_core.describe.schema_org import schema_org
from sparc_fuse_core.describe.statements import statements_of
from sparc_fuse_core.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)


def dataset_facts(plan: Plan, record: Mapping[str, Any], tables: SdsTables | None) -> DatasetFacts:
    """Return what the publisher states of a dataset.

    Parameters
    ----------
    record
        Of Discover, as it may be published; empty of a folder.
    """
    return DatasetFacts(
        plan.dataset_id, plan.version, plan.description, record, tables or SdsTables()
    )


def describe(
    dataset: DatasetFacts,
    items: Iterable[Mapping[str, Any]],
    skipped: Iterable[Mapping[str, Any]],
    destination: Destination,
) -> bytes:
    """Write what describes the results of a run, and the page that shows them; return ``items.parquet``.

    Parameters
    ----------
    items, skipped
        As in the manifest; each is gone through once, a few thousand at a time in memory.
    """
    # planning and converting need no pyarrow
    from sparc_fuse_core.describe.items import items_table

    folder = f"{dataset.dataset_id}/{dataset.version}"
    outputs = Outputs()
    table = items_table(outputs.of(items), skipped, dataset)
    destination.write_bytes(f"{folder}/{ITEMS}", table)
    for name, document in documents(dataset, table, outputs).items():
        try:
            destination.write_bytes(f"{folder}/{name}", document)
        except (PublishError, OSError) as err:  # results are whole without it
            _LOG.warning("%s/%s is without %s: %s", destination.uri, folder, name, err)
    return table


def documents(dataset: DatasetFacts, items: bytes, outputs: Outputs) -> dict[str, bytes]:
    """Return the page and the documents by which the dataset is found and cited, by name.

    One whose required statements the publisher does not make is not among them.

    Parameters
    ----------
    items
        ``items.parquet``.
    """
    from sparc_fuse_core.describe.croissant import croissant

    stated = statements_of(dataset)
    graph = schema_org(stated)
    found: dict[str, dict[str, Any] | None] = {
        SCHEMA_ORG: graph,
        CROISSANT: croissant(stated, items),
        DATACITE: datacite(stated),
    }
    texts = {name: _text(document) for name, document in found.items() if document}
    if cff := citation(stated):
        texts[CITATION] = cff
    texts[PAGE] = page_bytes(graph)
    sizes = {name: len(text) for name, text in (*texts.items(), (ITEMS, items))}
    today = datetime.now(UTC).date().isoformat()
    crate = ro_crate(stated, dataset.dataset_id, outputs, sizes, today)
    return {**texts, RO_CRATE: _text(crate)}


def _text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()


def list_in_catalogue(dataset: DatasetFacts, items: bytes, destination: Destination) -> None:
    """Put the results into the catalogue of all datasets; that it cannot be written fails no run.

    ``sparc-fuse catalogue`` writes it anew.
    """
    from sparc_fuse_core.describe.items import add_to_catalogue

    try:
        add_to_catalogue(destination, dataset.dataset_id, items)
    except (PublishError, OSError) as err:
        _LOG.warning("%s/%s does not list this run: %s", destination.uri, CATALOGUE, err)
