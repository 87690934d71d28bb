"""A dataset's manifest and tables after its results were lifted: digests, sizes and parts as they are now."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.receipt import DONE
from sparc_fuse_core.describe.names import CATALOGUE, ITEMS
from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.opening.places import read_file
from sparc_fuse_core.run.manifest import LATEST, MANIFEST
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.destination import open_destination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Folders above a store in which its manifest is looked for.
_MOST_ABOVE = 40

#: Columns of ``items.parquet`` by what the manifest calls them.
_COLUMNS = {"bytes_out": "bytes", "n_objects": "n_objects", "digest": "digest"}


def renew(
    lifted: Mapping[str, Mapping[str, Any]], settings: Settings | None = None
) -> Iterator[str]:
    """Write what the manifests above lifted stores say of them anew, and the tables beside these.

    Parameters
    ----------
    lifted
        Facts by store: a path, or an ``s3://`` URL.

    Yields
    ------
    What was done, or could not be, for each manifest.
    """
    settings = settings or Settings.from_environment()
    of_folder: dict[str, dict[str, Mapping[str, Any]]] = {}

    @functools.cache
    def holds_manifest(folder: str) -> bool:
        return read_file(folder, MANIFEST, settings) is not None

    for store, facts in lifted.items():
        place = store.rstrip("/") if "://" in store else str(Path(store).absolute())
        folder = _folder_of(place, holds_manifest)
        if folder:
            of_folder.setdefault(folder, {})[place.removeprefix(f"{folder}/")] = facts
    for folder, results in of_folder.items():
        try:
            n_items = _renew(folder, results, settings)
        except (SparcFuseError, OSError, ValueError, KeyError, TypeError) as err:
            why = f"could not be renewed ({err})"
            yield f"{folder}/{MANIFEST}: {why}: it tells old digests and sizes of what was lifted"
        else:
            yield f"{folder}/{MANIFEST}: renewed, {n_items} of {len(results)} lifted stores are in it"


def _folder_of(store: str, holds_manifest: Callable[[str], bool]) -> str:
    """Return the folder above a store that holds a manifest, or ``""``."""
    folder = store
    for _ in range(_MOST_ABOVE):
        folder = folder.rpartition("/")[0]
        if not folder or folder.endswith(":/"):
            break
        if holds_manifest(folder):
            return folder
    return ""


def _renew(folder: str, results: Mapping[str, Mapping[str, Any]], settings: Settings) -> int:
    """Renew one manifest, then its tables; return how many results it tells of."""
    destination = open_destination(folder, settings)
    found: dict[str, Mapping[str, Any]] = {}

    def changed(data: bytes | None) -> bytes | None:
        manifest = json.loads(data or b"{}")
        found.clear()
        for item in manifest.get("items", ()):
            facts = results.get(item.get("output"))
            if facts is not None and item.get("status") in DONE:
                item.update(facts)
                found[item["output"]] = item
        return json.dumps(manifest, indent=1, allow_nan=False).encode() if found else None

    destination.change_bytes(MANIFEST, changed)
    table = destination.read_bytes(ITEMS)
    if found and table is not None:
        renewed = _table(table, found)
        destination.write_bytes(ITEMS, renewed)
        _renew_catalogue(folder, renewed, settings)
    return len(found)


def _table(data: bytes, found: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return ``items.parquet`` with the sizes and digests of what was lifted."""
    import pyarrow.parquet as pq

    from sparc_fuse_core.describe.columns import batches_of, item_schema, write_batches

    rows = pq.read_table(io.BytesIO(data)).to_pylist()
    for row in rows:
        item = found.get(row.get("output"))
        if item is not None:
            row.update({column: item[name] for name, column in _COLUMNS.items()})
    out = io.BytesIO()
    write_batches(batches_of(rows, item_schema()), item_schema(), out)
    return out.getvalue()


def _renew_catalogue(folder: str, items: bytes, settings: Settings) -> None:
    """Renew the catalogue of all datasets, if there is one and it lists this version."""
    above, _, dataset_id = folder.rpartition("/")[0].rpartition("/")
    if not above or above.endswith(":/") or read_file(above, CATALOGUE, settings) is None:
        return
    pointer = read_file(f"{above}/{dataset_id}", LATEST, settings)
    if pointer and json.loads(pointer).get("version") == folder.rpartition("/")[2]:
        from sparc_fuse_core.describe.items import add_to_catalogue

        add_to_catalogue(open_destination(above, settings), dataset_id, items)
