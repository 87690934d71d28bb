"""Write what describes a dataset's results, before its manifest; and list them in the catalogue, after it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.names import CATALOGUE, ITEMS, PAGE
from sparc_fuse_core.describe.page import page_bytes
from sparc_fuse_core.describe.rows import DatasetFacts
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
    table = items_table(items, skipped, dataset)
    destination.write_bytes(f"{folder}/{ITEMS}", table)
    try:
        destination.write_bytes(f"{folder}/{PAGE}", page_bytes())
    except (PublishError, OSError) as err:  # results are whole without it
        _LOG.warning("%s/%s is without its page: %s", destination.uri, folder, err)
    return table


def list_in_catalogue(dataset: DatasetFacts, items: bytes, destination: Destination) -> None:
    """Put the results into the catalogue of all datasets; that it cannot be written fails no run.

    ``sparc-fuse catalogue`` writes it anew.
    """
    from sparc_fuse_core.describe.items import add_to_catalogue

    try:
        add_to_catalogue(destination, dataset.dataset_id, items)
    except (PublishError, OSError) as err:
        _LOG.warning("%s/%s does not list this run: %s", destination.uri, CATALOGUE, err)
