"""From an event to results: the start function, the real state machine, a new version of the dataset."""

from __future__ import annotations

import io
import json
import wave
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lambdas import start
from rehearsal.embedded_aws import EmbeddedAws, embedded_aws
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator


def wav(seed: int) -> bytes:
    samples = np.random.default_rng(seed).integers(-9999, 9999, 400).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(samples.tobytes())
    return out.getvalue()


FIRST = {"files/primary/sub-1/a b.wav": wav(1), "files/primary/sub-1/ü.wav": wav(2)}
SECOND = {**FIRST, "files/primary/sub-1/ü.wav": wav(3)}


@pytest.fixture(scope="module")
def discover() -> Iterator[DiscoverServer]:
    one = DiscoverServer()
    yield one
    one.close()


@pytest.fixture(scope="module")
def aws(discover: DiscoverServer) -> Iterator[EmbeddedAws]:
    settings = {
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
    }
    with embedded_aws(settings, pause_scale=0.001) as one:
        yield one


@pytest.fixture
def as_start_function(
    aws: EmbeddedAws, discover: DiscoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "OUTPUT_URI": f"s3://{aws.bucket}/datasets",
        "STATE_MACHINE_ARN": aws.state_machine_arn,
        "SPARC_FUSE_DISCOVER_URL": discover.url,
    }.items():
        monkeypatch.setenv(name, value)


def put(aws: EmbeddedAws, key: str, values: Any) -> dict[str, Any]:
    """Put an object and return the event that tells of it."""
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    aws.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=data)
    return {
        "id": "an event",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "detail": {"bucket": {"name": aws.bucket}, "object": {"key": key}},
    }


def read(aws: EmbeddedAws, key: str) -> Any:
    return json.load(aws.client("s3").get_object(Bucket=aws.bucket, Key=key)["Body"])


def statuses(aws: EmbeddedAws, version: int) -> dict[str, str]:
    items = read(aws, f"datasets/224/{version}/manifest.json")["items"]
    return {item["path"].rpartition("/")[2]: item["status"] for item in items}


@pytest.mark.usefixtures("as_start_function")
def test_a_request_and_then_a_new_version_by_the_watch(
    aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    discover.add_dataset(224, FIRST, version=1, doi="10.26275/one")
    event = put(aws, "requests/heart study.json", {"dataset_id": 224})
    started = start.handler(event, None)
    assert started["outcome"] == "started"
    assert start.handler(event, None)["arn"] == started["arn"], "delivered twice"
    outcome = aws.wait(started["arn"])
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert statuses(aws, 1) == {"a b.wav": "converted", "ü.wav": "converted"}
    assert start.handler(event, None)["outcome"] == "done"

    put(aws, "watch/datasets.json", {"datasets": [224]})
    assert start.handler({"action": "watch"}, None)["done"] == ["224/1"]

    discover.add_dataset(224, SECOND, version=2, doi="10.26275/two")
    discover.log.clear()
    (name,) = start.handler({"action": "watch"}, None)["started"]
    outcome = aws.wait(f"{aws.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}")
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert statuses(aws, 2) == {"a b.wav": "unchanged", "ü.wav": "converted"}
    assert not any("a b.wav" in line for line in discover.log), "copied inside the bucket"
    copied = read(aws, "datasets/224/2/primary/sub-1/a b.wav.zarr/zarr.json")["attributes"]
    assert (copied["version"], copied["doi"]) == (2, "10.26275/two")
    assert start.handler({"action": "watch"}, None)["done"] == ["224/2"]


@pytest.mark.usefixtures("as_start_function")
def test_an_upload(aws: EmbeddedAws) -> None:
    put(aws, "uploads/my trial/primary/sub-1/a b.wav", wav(1))
    event = put(aws, "uploads/my trial/.complete", b"")
    outcome = aws.wait(start.handler(event, None)["arn"])
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.output["counts"]["converted"] == 1
    assert read(aws, "datasets/my trial/upload/manifest.json")["dataset_id"] == "my trial"
