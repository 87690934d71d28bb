"""What an item took: read from the environment of Lambda and the metadata of Fargate, priced by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.cloud.request import tag_value
from sparc_fuse_core.cloud.spent import SPOT_SHARE, Spent, compute_usd
from tests.servers.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Metadata(LocalServer):
    """Fargate's task metadata, version 4, as AWS's page shows an answer."""

    def __init__(self) -> None:
        pulled = (datetime.now(UTC) - timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
        self.answer = json.dumps(
            {
                "Cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
                "Family": "curltest",
                "DesiredStatus": "RUNNING",
                "Limits": {"CPU": 2, "Memory": 8192},
                "PullStartedAt": pulled,
                "LaunchType": "FARGATE",
                "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 102400},
            }
        ).encode()
        self.paths: list[str] = []
        super().__init__(type("Handler", (_Handler,), {"owner": self}))


class _Handler(BaseHTTPRequestHandler):
    owner: Metadata

    def do_GET(self) -> None:
        self.owner.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.owner.answer)))
        self.end_headers()
        self.wfile.write(self.owner.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    one = Metadata()
    yield one
    one.close()


def test_a_function_knows_its_memory() -> None:
    spent = Spent({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "4096"}).so_far()
    assert (spent["on"], spent["memory_mib"]) == ("lambda", 4096)
    assert 0 <= spent["seconds"] < 60
    # a GB-second by AWS's price list, and a request
    usd = compute_usd({"on": "lambda", "memory_mib": 4096, "seconds": 120.0})
    assert usd == pytest.approx(480 * 0.0000166667 + 0.0000002)


def test_a_task_is_billed_from_the_pull_of_its_image(metadata: Metadata) -> None:
    place = {"ECS_CONTAINER_METADATA_URI_V4": f"{metadata.url}/v4/abc"}
    spent = Spent(place).so_far()
    assert metadata.paths == ["/v4/abc/task"]
    assert 600 <= spent.pop("seconds") < 660
    assert spent == {"on": "fargate", "vcpus": 2.0, "memory_mib": 8192, "disk_gib": 100}
    assert Spent({**place, "VOLUME_GIB": "2000"}).so_far()["volume_gib"] == 2000
    assert Spent({**place, "CAPACITY": "spot"}).so_far()["spot"] is True
    assert "spot" not in Spent({**place, "CAPACITY": "demand"}).so_far()


def test_a_task_costs_a_minute_at_least() -> None:
    task = {"on": "fargate", "vcpus": 2.0, "memory_mib": 8192, "seconds": 1800.0}
    on_demand = 0.5 * (2 * 0.0445 + 8 * 0.0049)
    assert compute_usd(task) == pytest.approx(on_demand)
    assert compute_usd({**task, "spot": True}) == pytest.approx(SPOT_SHARE * on_demand)
    assert compute_usd({**task, "seconds": 1.0}) == pytest.approx(on_demand / 30)
    # disk past 20 GB, and a volume, cost by the hour, on Spot as much
    disk = compute_usd({**task, "disk_gib": 120, "volume_gib": 730}) - on_demand
    assert disk == pytest.approx(0.5 * (100 * 0.000122 + 0.0836))
    assert compute_usd({**task, "disk_gib": 20}) == pytest.approx(on_demand)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"Limits": {"CPU": null, "Memory": 1}}'])
def test_what_is_not_known_is_not_made_up(metadata: Metadata, answer: bytes) -> None:
    assert Spent({}).so_far() == {}
    metadata.answer = answer
    assert Spent({"ECS_CONTAINER_METADATA_URI_V4": metadata.url}).so_far() == {}
    assert Spent({"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:9"}).so_far() == {}


def test_a_tag_takes_what_tags_take() -> None:
    assert tag_value("uploads/été 1+x@y") == "uploads/été 1+x@y"
    assert tag_value("uploads/a#b&c") == "uploads/a_b_c"
    assert len(tag_value("uploads/" + "x" * 300)) == 256
