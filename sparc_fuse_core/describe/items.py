"""``items.parquet`` of a dataset, and the catalogue of all datasets of one place."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sparc_fuse_core.addresses import is_s3
from sparc_fuse_core.describe.columns import (
    batches_of,
    catalogue_schema,
    item_schema,
    write_batches,
)
from sparc_fuse_core.describe.names import CATALOGUE, ITEMS, PAGE, PUBLIC_CATALOGUE, is_public
from sparc_fuse_core.describe.page import is_own_page, search_page_bytes
from sparc_fuse_core.describe.rows import row_of_item, row_of_skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sparc_fuse_core.describe.rows import DatasetFacts
    from sparc_fuse_core.storage.destination import Destination


_ROWS_AT_ONCE = 20_000


def items_table(
    items: Iterable[Mapping[str, Any]],
    skipped: Iterable[Mapping[str, Any]],
    dataset: DatasetFacts,
) -> bytes:
    """Return ``items.parquet``: one row for each item and each file that was left out, in their order."""

    def rows() -> Iterator[dict[str, Any]]:
        for item in items:
            yield row_of_item(item, dataset)
        for entry in skipped:
            yield row_of_skipped(entry, dataset)

    out = io.BytesIO()
    write_batches(batches_of(rows(), item_schema()), item_schema(), out)
    return out.getvalue()


def add_to_catalogue(destination: Destination, dataset_id: str, items: bytes | None) -> None:
    """Put a dataset's results into the catalogue in place of what it said of that dataset before.

    Runs of other datasets that end at the same time are not lost: the destination changes an object as a whole,
    or again.

    Parameters
    ----------
    items
        The dataset's ``items.parquet``; None takes the dataset out.
    """

    def changed(before: bytes | None) -> bytes | None:
        parts = [_others(before, dataset_id)] if before is not None else []
        if items is not None:
            parts.append(_results(items))
        elif before is None:
            return None
        out = io.BytesIO()
        write_batches((batch for part in parts for batch in part), catalogue_schema(), out)
        return out.getvalue()

    destination.change_bytes(CATALOGUE, changed)
    if is_s3(destination.uri) and is_public(dataset_id):
        destination.change_bytes(PUBLIC_CATALOGUE, changed)
    if items is not None:
        _put_page(destination)


def rebuild_catalogue(destination: Destination) -> int:
    """Write the catalogue anew from each dataset's latest ``items.parquet``; return how many there are."""
    found = []
    for dataset_id in destination.list_datasets():
        pointer = _pointer(destination.read_bytes(f"{dataset_id}/latest.json"))
        key = f"{dataset_id}/{pointer}/{ITEMS}"
        if pointer and destination.read_bytes(key) is not None:
            found.append(key)

    def batches(keys: list[str]) -> Iterator[pa.RecordBatch]:
        for key in keys:
            data = destination.read_bytes(key)
            if data is not None:
                yield from _results(data)

    public = [key for key in found if is_public(key.partition("/")[0])]
    shown = {CATALOGUE: found} | ({PUBLIC_CATALOGUE: public} if is_s3(destination.uri) else {})
    for name, keys in shown.items():
        out = io.BytesIO()
        write_batches(batches(keys), catalogue_schema(), out)
        destination.write_bytes(name, out.getvalue())
    _put_page(destination)
    return len(found)


def _put_page(destination: Destination) -> None:
    """Put the page that searches the catalogue beside it; a page that somebody else put there stays."""
    page = search_page_bytes()
    there = destination.read_bytes(PAGE)
    if there is None or (there != page and is_own_page(there)):
        destination.write_bytes(PAGE, page)


def _pointer(data: bytes | None) -> str:
    try:
        version = json.loads(data or b"{}").get("version", "")
    except (ValueError, AttributeError):
        return ""
    return version if isinstance(version, str) and "/" not in version else ""


def _others(catalogue: bytes, dataset_id: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of other datasets; of a catalogue that cannot be read none: it is rebuilt."""
    try:
        file = pq.ParquetFile(io.BytesIO(catalogue))
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            kept = batch.filter(pc.not_equal(batch.column("dataset_id"), dataset_id))
            yield _as_catalogue(kept)
    except (pa.ArrowException, KeyError):
        return


def _results(items: bytes) -> Iterator[pa.RecordBatch]:
    for batch in pq.ParquetFile(io.BytesIO(items)).iter_batches(_ROWS_AT_ONCE):
        yield _as_catalogue(batch.filter(pc.equal(batch.column("status"), "converted")))


def _as_catalogue(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows with the catalogue's columns; those that an older release did not write are null."""
    schema = catalogue_schema()
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)
