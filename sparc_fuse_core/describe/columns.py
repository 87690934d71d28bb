"""The columns of ``items.parquet`` and ``catalogue.parquet``, and writing them a batch at a time.

Columns by which one searches come first. Pages are compressed with zstd and grouped by 50,000 rows, after a
first group of 4,000, so that a browser reads the footer and the columns that it asks for, not the file.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

#: Written into the files; changes when a reader could notice.
TABLE_VERSION = 1

_ROWS_A_GROUP = 50_000
#: The first group is small: of it a browser answers while it reads the others.
_ROWS_OF_FIRST = 4_000
_PAGE_BYTES = 64 * 1024
#: Rows that are Python objects at once.
_ROWS_AT_ONCE = 2_000

_TEXTS = pa.list_(pa.string())

#: Name, type, what it means. Lists are of what differs, in the order of the file.
_FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("dataset_id", pa.string(), "Discover's number, or the folder's name"),
    ("version", pa.string(), "of the dataset"),
    ("dataset_name", pa.string(), "title of the dataset, as stated"),
    ("kind", pa.string(), "signal, image, shapes, arrays or table"),
    ("modality", _TEXTS, "study techniques that the dataset states, else its approaches"),
    ("species", pa.string(), "of the subject, as subjects.xlsx states it"),
    ("species_id", pa.string(), "NCBITaxon: as stated, or of the full scientific name"),
    ("sex", pa.string(), "as stated"),
    ("sex_id", pa.string(), "identifier stated with it"),
    ("age", pa.string(), "as stated"),
    ("age_category", pa.string(), "as stated"),
    ("strain", pa.string(), "as stated"),
    ("strain_id", pa.string(), "RRID as stated"),
    (
        "anatomy",
        pa.string(),
        "where the sample or site lies, as samples.xlsx or sites.xlsx states it",
    ),
    ("anatomy_id", pa.string(), "identifier stated with it (UBERON, ILX, FMA)"),
    ("organs", _TEXTS, "organ systems that the dataset states"),
    ("sample_type", pa.string(), "as stated"),
    ("subject_id", pa.string(), "that the path names, or the sample's row"),
    ("sample_id", pa.string(), "that the path names"),
    ("site_id", pa.string(), "that the path names"),
    ("performance_id", pa.string(), "that the path names"),
    ("pool_id", pa.string(), "that the path names"),
    ("rate_hz", pa.float64(), "samples per second of the main stream"),
    ("rates_hz", pa.list_(pa.float64()), "of all streams"),
    ("duration_s", pa.float64(), "of the main stream, of one sweep where there are several"),
    ("n_channels", pa.int32(), "of all streams, or of the first image"),
    ("channels", _TEXTS, "names of channels, at most 64"),
    ("units", _TEXTS, "of channels; of an image's axes"),
    ("n_things", pa.int32(), "streams, images, arrays or shapes"),
    ("n_events", pa.int64(), "events and annotations"),
    ("axes", pa.string(), "of an image's shape: t, c, z, y, x"),
    ("dtype", pa.string(), "of the values"),
    ("pixel_size_x", pa.float64(), "in pixel_unit; only where the file states a unit"),
    ("pixel_size_y", pa.float64(), "in its unit"),
    ("pixel_size_z", pa.float64(), "in its unit"),
    ("pixel_unit", pa.string(), "of pixel_size_x"),
    ("format", pa.string(), "of the source, a row of `sparc-fuse formats`"),
    ("bytes", pa.int64(), "of the result"),
    ("source_bytes", pa.int64(), "of the source's files"),
    ("score", pa.float32(), "how sure the mapping is, 0 to 1; none of arrays and tables"),
    ("verified", pa.bool_(), "compared with its source"),
    ("incomplete", pa.bool_(), "ends before what its header announces"),
    ("thumbnail", pa.bool_(), "there is .sparc-fuse/thumbnails/<output>.png below the version"),
    ("licence", pa.string(), "of the dataset, as stated"),
    ("doi", pa.string(), "of the dataset's version"),
    ("output", pa.string(), "of the result, below <dataset_id>/<version>/"),
    # the catalogue ends here: what follows does not help to find a result
    ("shape", pa.list_(pa.int64()), "of the main stream, or of what comes first"),
    ("n_objects", pa.int32(), "files or objects of the result"),
    ("path", pa.string(), "of the source in the dataset"),
    ("status", pa.string(), "converted, unsupported or failed"),
    ("error", pa.string(), "class of what went wrong"),
    ("message", pa.string(), "what the user is told"),
    ("digest", pa.string(), "SHA-256 of the result, see manifest.json"),
)
_LAST_OF_CATALOGUE = "output"
#: Columns whose values differ from row to row: they are stored as what they do not share with the row before.
_PATHS = ("output", "path")
_NUMBERS = ("bytes", "source_bytes", "duration_s")


def item_schema() -> pa.Schema:
    """Return the columns of ``items.parquet``."""
    fields = [pa.field(name, kind, metadata={"description": said}) for name, kind, said in _FIELDS]
    return pa.schema(fields, metadata={"sparc_fuse_items": str(TABLE_VERSION)})


def catalogue_schema() -> pa.Schema:
    """Return the columns of ``catalogue.parquet``."""
    schema = item_schema()
    names = schema.names[: schema.names.index(_LAST_OF_CATALOGUE) + 1]
    return pa.schema([schema.field(name) for name in names], metadata=schema.metadata)


def described_columns() -> list[tuple[str, str, str]]:
    """Return (name, type, meaning) of each column of ``items.parquet``."""
    return [(name, str(kind), said) for name, kind, said in _FIELDS]


def batches_of(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield rows as batches, few of them as Python objects at once; columns that a row lacks are null."""
    left = iter(rows)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        columns = [
            pa.array([row.get(name) for row in some], type=schema.field(name).type)
            for name in schema.names
        ]
        yield pa.record_batch(columns, schema=schema)


def write_batches(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, out: Path | BinaryIO
) -> int:
    """Write batches in groups of 50,000 rows, a small one first; return how many rows there are."""
    n_rows = 0
    plain = [name for name in (*_PATHS, *_NUMBERS) if name in schema.names]
    paths = [name for name in _PATHS if name in schema.names]
    # lists are told by the path of their values
    dictionary = [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
        if field.name not in plain
    ]
    with pq.ParquetWriter(
        out,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=12,
        use_dictionary=dictionary,
        column_encoding=dict.fromkeys(paths, "DELTA_BYTE_ARRAY"),
        write_statistics=True,
        # of the rows that are shown a browser reads the pages, not 50,000 rows
        write_page_index=True,
        data_page_size=_PAGE_BYTES,
        store_schema=False,
    ) as writer:
        waiting: list[pa.RecordBatch] = []
        n_waiting = 0
        for batch in batches:
            waiting.append(batch)
            n_waiting += batch.num_rows
            if n_waiting >= (_ROWS_A_GROUP if n_rows else _ROWS_OF_FIRST):
                writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=n_waiting)
                waiting, n_rows, n_waiting = [], n_rows + n_waiting, 0
        if waiting or not n_rows:
            table = pa.Table.from_batches(waiting, schema)
            writer.write_table(table, row_group_size=max(1, n_waiting))
    return n_rows + n_waiting
