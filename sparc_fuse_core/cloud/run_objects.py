"""The objects of one run in the results bucket: written by the plan, read by the tasks after it.

They lie below ``.sparc-fuse/runs/<folder>/<run>/``, all runs under one prefix, as a bucket forgets by prefix.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.describing import dataset_facts
from sparc_fuse_core.errors import (
    PublishError,
    SizeLimitError,
)
from sparc_fuse_core.plan.estimates import (
    FargateSize,
    fargate_size,
    largest_size,
    longest_s,
    with_volume,
)
from sparc_fuse_core.plan.items import Item
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.cloud.quotas import Quotas
    from sparc_fuse_core.describe.rows import DatasetFacts
    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.destination import Destination

#: Items in one object: few objects to write for the plan, little to read for a worker.
ITEMS_TOGETHER = 100

#: Larger items (a series of thousands of files) have an object of their own, or all would read them.
_OWN_OBJECT_BYTES = 20_000

#: Where the objects of runs lie, below the results.
_RUNS = f"{WORK_FOLDER}/runs/"


def run_key_of(folder: str, run: str) -> str:
    """Return the key below which a run of a folder of results has its own objects."""
    return f"{_RUNS}{folder}/{run}"


def folder_of(run_key: str) -> str:
    """Return the folder of results that a run works on."""
    return run_key.removeprefix(_RUNS).rpartition("/")[0]


def _items_key(run_key: str, index: int) -> str:
    """Return where the item ``index`` of a run lies, among others."""
    return f"{run_key}/items/{index // ITEMS_TOGETHER:06d}.json"


def _own_key(run_key: str, index: int) -> str:
    """Return where the item ``index`` lies if it is large."""
    return f"{run_key}/items/own/{index}.json"


def write_items(destination: Destination, run_key: str, start: int, items: Sequence[Item]) -> None:
    """Put items, the first of which has the index ``start``: together, large ones apart."""
    together: list[dict[str, Any] | None] = []
    for index, item in enumerate(items, start):
        values = item.to_json()
        is_large = len(json.dumps(values)) > _OWN_OBJECT_BYTES
        if is_large:
            write_object(destination, _own_key(run_key, index), values)
        together.append(None if is_large else values)
    write_object(destination, _items_key(run_key, start), together)


def read_items(destination: Destination, run_key: str, start: int) -> list[Item]:
    """Return the items that lie together from the index ``start`` on."""
    together = read_object(destination, _items_key(run_key, start))
    return [
        Item.from_json(values or read_object(destination, _own_key(run_key, index)))
        for index, values in enumerate(together, start)
    ]


def read_item(destination: Destination, run_key: str, index: int) -> Item:
    """Return one item of a run."""
    values = read_object(destination, _items_key(run_key, index))[index % ITEMS_TOGETHER]
    return Item.from_json(values or read_object(destination, _own_key(run_key, index)))


def map_entry(index: int, item: Item, quotas: Quotas, settings: Settings) -> dict[str, Any]:
    """Return what the map passes to one child: small, whatever the item.

    ``largest`` is where it goes if its task has too little of anything, ``volume`` if that has too little
    disk, or from the beginning. An item that no task of the account
    holds says why, and is not tried.
    """
    try:
        size = fargate_size(item, settings, quotas.task_vcpus)
    except SizeLimitError as err:
        failure = {"Error": "SizeLimitError", "Cause": json.dumps({"errorMessage": str(err)})}
        if item.runner == "fargate":
            return {"index": index, "runner": "none", "failure": failure}
        size = fargate_size(item, settings)
    largest = largest_size(quotas.demand_vcpus)
    has_larger = largest is not None and (
        largest.memory_mib > size.memory_mib or largest.disk_gib > size.disk_gib
    )
    volume = with_volume(item, size if size.volume_gib else largest or size)
    return {
        "index": index,
        "runner": "volume" if size.volume_gib and item.runner == "fargate" else item.runner,
        **_overrides(size),
        "has_larger": has_larger,
        "largest": _overrides(largest or size),
        "volume": {
            "cpu": str(volume.cpu_units),
            "memory": str(volume.memory_mib),
            "gib": volume.volume_gib,
            "seconds": longest_s(item),
        },
    }


def _overrides(size: FargateSize) -> dict[str, Any]:
    return {
        "cpu": str(size.cpu_units),
        "memory": str(size.memory_mib),
        "disk_gib": size.disk_gib,
    }


def write_facts(destination: Destination, run_key: str, dataset: DatasetFacts) -> None:
    """Put what the publisher states of the dataset, for the manifest's task."""
    values = {"record": dataset.record, "tables": dataset.tables.to_json()}
    write_object(destination, f"{run_key}/dataset.json", values)


def read_facts(destination: Destination, run_key: str, plan: Plan) -> DatasetFacts:
    """Return what `write_facts` put."""
    values = read_object(destination, f"{run_key}/dataset.json")
    return dataset_facts(plan, values["record"], SdsTables.from_json(values["tables"]))


def write_object(destination: Destination, key: str, values: Any) -> None:
    """Put an object of a run."""
    destination.write_bytes(key, json.dumps(values, allow_nan=False).encode())


def read_object(destination: Destination, key: str) -> Any:
    """Return an object of a run.

    Raises
    ------
    PublishError
        If it is not there.
    """
    data = destination.read_bytes(key)
    if data is None:
        message = f"{destination.uri}/{key}: not there; was the run planned?"
        raise PublishError(message)
    return json.loads(data)
