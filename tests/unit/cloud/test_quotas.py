"""How many items run at once under an account's quotas."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import pytest

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.expected import check_cost
from sparc_fuse_core.cloud.quotas import Quotas, items_at_once
from sparc_fuse_core.cloud.request import parse_request
from sparc_fuse_core.cloud.run_objects import map_entry
from sparc_fuse_core.errors import CostLimitError
from sparc_fuse_core.plan.items import Item, Runner
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile


def item(runner: Runner, memory_bytes: int = 400_000_000) -> Item:
    file = SourceFile("files/primary/x.wav", 1000)
    return Item(
        (file,), "wav", None, runner, memory_bytes, 3000, 4.0, 0.0, "primary/x.wav.zarr", "key"
    )


@pytest.mark.parametrize(
    ("quotas", "n_lambda", "n_fargate", "expected"),
    [
        (Quotas(), 300, 0, 200),
        (Quotas(), 3, 2, 5),
        (Quotas(functions=10), 300, 0, 9),
        (Quotas(functions=1), 300, 0, 1),
        (Quotas(functions=1000), 300, 0, 200),
        # a task has two vCPUs at least
        (Quotas(spot_vcpus=6.0), 0, 100, 3),
        (Quotas(spot_vcpus=0.0), 0, 100, 1),
        (Quotas(functions=10, spot_vcpus=6.0), 300, 100, 12),
        (Quotas(functions=10, spot_vcpus=6.0), 1, 1, 2),
        (Quotas(functions=10), 0, 0, 1),
    ],
)
def test_as_many_as_find_room(quotas: Quotas, n_lambda: int, n_fargate: int, expected: int) -> None:
    items = [item("lambda")] * n_lambda + [item("fargate")] * n_fargate
    assert items_at_once(items, quotas, Settings(), 200) == expected


def test_the_smallest_task_counts() -> None:
    large = item("fargate", 100_000_000_000)
    assert items_at_once([large] * 9, Quotas(spot_vcpus=32.0), Settings(), 200) == 2
    mixed = [large, item("fargate")] * 9
    assert items_at_once(mixed, Quotas(spot_vcpus=32.0), Settings(), 200) == 16


def test_the_map_sends_an_item_of_a_terabyte_to_a_task_with_a_volume() -> None:
    large = dataclasses.replace(item("fargate"), disk_bytes=3 * 10**12, seconds=50_000.0)
    entry = map_entry(7, large, Quotas(), Settings())
    assert (entry["index"], entry["runner"], entry["has_larger"]) == (7, "volume", True)
    # ECS takes CPU and memory as text, sizes as numbers
    assert entry["volume"] == {"cpu": "4096", "memory": "17408", "gib": 3492, "seconds": 200_000}
    # where only two vCPUs may run it is slower, and still done
    small = map_entry(7, large, Quotas(spot_vcpus=2.0, demand_vcpus=2.0), Settings())
    assert (small["runner"], small["volume"]["cpu"]) == ("volume", "2048")
    usual = map_entry(7, item("fargate"), Quotas(), Settings())
    assert (usual["runner"], usual["volume"]["gib"]) == ("fargate", 1000)
    assert usual["volume"]["memory"] == usual["largest"]["memory"]
    json.dumps([entry, small, usual], allow_nan=False)


def test_an_app_has_a_limit_of_cost_for_requests_that_state_none() -> None:
    environment = {"OUTPUT_URI": "s3://b/datasets", "COST_LIMIT_USD": "2"}
    cloud = Cloud.from_environment(environment)
    assert cloud.cost_limit_usd == 2
    assert Cloud.from_environment({"OUTPUT_URI": "s3://b/datasets"}).cost_limit_usd == 0
    costly: Any = SimpleNamespace(cost_usd=3.0)
    plan: Any = SimpleNamespace(dataset_id="224")
    with pytest.raises(CostLimitError, match="app's limit"):
        check_cost(plan, [costly], parse_request({"dataset_id": 224}), cloud.cost_limit_usd)
    stated = parse_request({"dataset_id": 224, "cost_limit_usd": 6})
    # the upper end of the estimate is held against it
    check_cost(plan, [costly], stated, cloud.cost_limit_usd)
    check_cost(plan, [costly], parse_request({"dataset_id": 224}), 0)
