"""A new version of a dataset: results of files that did not change are copied, not converted again.

The same key (file, scheme, converter, options) is the same work. What a result states of the dataset, such as
version and DOI, is written anew into the copy.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.attributes import DATASET_ATTRIBUTES, dataset_attributes
from sparc_fuse_core.convert.item import convert_item
from sparc_fuse_core.convert.receipt import (
    file_facts,
    is_whole,
    read_receipt,
    thumbnail_path,
)
from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.plan.estimates import copy_cost_usd
from sparc_fuse_core.run.manifest import earlier_version
from sparc_fuse_core.writers.attributes import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sparc_fuse_core.convert.context import Context
    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.plan.items import Item, Plan
    from sparc_fuse_core.sources import Fetch
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)

_REQUESTS = 32

#: Attributes that only a result's own groups have: which of a store's groups state facts of the dataset.
_MARKS = ("source_path", "converter_version", "original_file_name")


def mark_earlier(plan: Plan, items: Sequence[Item], destination: Destination) -> list[Item]:
    """Return the items; where an earlier version has the result, it is to be copied from there."""
    version = earlier_version(plan, destination)
    if not version:
        return list(items)
    folder = f"{plan.dataset_id}/{version}"

    def marked(item: Item) -> Item:
        receipt = _usable(item, folder, destination)
        if receipt is None or not receipt.proves(plan.options.verify):
            return item
        cost_usd = min(copy_cost_usd(receipt.n_objects), item.cost_usd)
        return dataclasses.replace(item, copy_from=folder, cost_usd=round(cost_usd, 6))

    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(marked, items))


def copy_or_convert(
    item: Item,
    context: Context,
    fetch: Fetch,
    destination: Destination,
    on_progress: Callable[[str, int], None] | None = None,
) -> Receipt:
    """Copy the result of an earlier version if the item says so and it can be, else convert.

    Parameters and errors are those of `sparc_fuse_core.convert.item.convert_item`.
    """
    if item.copy_from:
        if on_progress is not None:
            on_progress("publish", 0)
        try:
            receipt = _copied(item, context, destination)
        except SparcFuseError as err:
            _LOG.warning("%s: not copied from %s, so converted: %s", item.path, item.copy_from, err)
            receipt = None
        if receipt is not None:
            return receipt
    return convert_item(item, context, fetch, destination, on_progress)


def _usable(item: Item, folder: str, destination: Destination) -> Receipt | None:
    """Return the receipt of the same work in ``folder``, if its result is there."""
    # packed files hold their attributes inside; without hash or version nothing says that it is the same file
    if not item.output.endswith(".zarr") or not all(f.sha256 or f.version_id for f in item.files):
        return None
    if item.format == "ome-zarr":
        return None  # a copy of its source, byte for byte: there is nothing to be stated anew
    receipt = read_receipt(destination, folder, item.output)
    if (
        receipt is None
        or not receipt.speaks_for(item)
        # of the other files of a set the key knows nothing
        or len(receipt.files) != len(item.files)
        or not is_whole(receipt, folder, destination)
    ):
        return None
    return receipt


def _copied(item: Item, context: Context, destination: Destination) -> Receipt | None:
    """Copy the result and return its receipt, or None if it is not there whole, or something is in its way."""
    started = time.monotonic()
    earlier = _usable(item, item.copy_from, destination)
    source, key = f"{item.copy_from}/{item.output}", f"{context.folder}/{item.output}"
    if earlier is not None and earlier.free_text and not context.keeps_free_text(item.path):
        return None  # the tables say now that the subject is human
    if earlier is None or next(iter(destination.list_keys(key)), None) is not None:
        return None
    stated = dataset_attributes(
        item.path, context.description, context.dataset_metadata, context.tables
    )
    stated = plain(stated)
    stated["original_file_name"] = item.files[0].name or PurePosixPath(item.path).name
    replaced, more_bytes = {}, 0
    for name, old in _metadata_objects(source, destination):
        replaced[name] = json.dumps(_restated(old, stated), indent=2, allow_nan=False).encode()
        more_bytes += len(replaced[name]) - len(old)
    if not replaced:
        return None
    destination.copy_result(source, key, replaced)
    thumbnail = ""
    picture = (
        destination.read_bytes(f"{item.copy_from}/{earlier.thumbnail}")
        if earlier.thumbnail
        else None
    )
    if picture is not None:
        thumbnail = thumbnail_path(item.output)
        destination.write_bytes(f"{context.folder}/{thumbnail}", picture)
    return dataclasses.replace(
        earlier,
        status="unchanged",
        thumbnail=thumbnail,
        # of a copy, whose attributes state another version
        digest="",
        zarr_checksum="",
        files=file_facts(item.files),
        message=f"the same file as in version {item.copy_from.rpartition('/')[2]}: its result was copied",
        bytes_out=earlier.bytes_out + more_bytes,
        seconds=round(time.monotonic() - started, 3),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _metadata_objects(source: str, destination: Destination) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each object of a store that states facts of the dataset."""
    groups = [""]
    seen = set()
    for group in groups:
        for name in ("zarr.json", ".zattrs", ".zmetadata"):
            inner = f"{group}{name}"
            data = destination.read_bytes(f"{source}/{inner}")
            if data is None or inner in seen:
                continue
            seen.add(inner)
            yield inner, data
            # images of a collection state the facts too; the collection's metadata names them
            groups += [
                f"{child}/"
                for child, attributes in _attribute_mappings(json.loads(data))
                if child and not group and f"{child}/" not in groups and _is_ours(attributes)
            ]


def _attribute_mappings(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path of the group, its attributes) of a metadata object, consolidated ones included."""
    if "zarr_consolidated_format" in document:
        for name, entry in document["metadata"].items():
            if name.endswith(".zattrs"):
                yield name.removesuffix(".zattrs").rstrip("/"), entry
    elif "node_type" in document:
        yield "", document.get("attributes") or {}
        inner = (document.get("consolidated_metadata") or {}).get("metadata") or {}
        for name, entry in inner.items():
            yield name, entry.get("attributes") or {}
    else:
        yield "", document


def _is_ours(attributes: Mapping[str, Any]) -> bool:
    return all(name in attributes for name in _MARKS)


def _restated(data: bytes, stated: Mapping[str, Any]) -> Any:
    """Return a metadata object with the facts of the dataset replaced."""
    document = json.loads(data)
    for _, attributes in _attribute_mappings(document):
        if not _is_ours(attributes):
            continue
        for name in list(attributes):
            if name in DATASET_ATTRIBUTES or name.startswith("sparc_"):
                del attributes[name]
        attributes.update(stated)
    return document
