"""What starts an execution, and that it starts once: real events against S3 and Step Functions over HTTP."""

from __future__ import annotations

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.stepfunctions.models import StateMachine

from lambdas import start
from sparc_fuse_core import errors
from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.executions import execution_arn
from sparc_fuse_core.cloud.request import as_input, parse_request
from sparc_fuse_core.cloud.start import Starter, upload_of
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def discover() -> Iterator[DiscoverServer]:
    one = DiscoverServer()
    for number in (224, 364, 7):
        one.add_dataset(number, {"files/primary/a.csv": b"a\n1\n"})
    yield one
    one.close()


@pytest.fixture
def app(
    s3_endpoint: str, bucket: str, discover: DiscoverServer, monkeypatch: pytest.MonkeyPatch
) -> App:
    return App(s3_endpoint, bucket, discover, monkeypatch)


class App:
    """The start function's surroundings: a bucket, a state machine, the Discover service."""

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        discover: DiscoverServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.bucket = bucket
        options = {"endpoint_url": endpoint, "region_name": "eu-north-1"}
        self.s3 = boto3.client("s3", **options)
        self.machines = boto3.client("stepfunctions", **options)
        self.arn = self.machines.create_state_machine(
            name=f"convert-{bucket}",
            definition=json.dumps(WAITS),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]
        environment = {
            "OUTPUT_URI": f"s3://{bucket}/datasets",
            "STATE_MACHINE_ARN": self.arn,
            "SPARC_FUSE_DISCOVER_URL": discover.url,
            "SPARC_FUSE_RETRY_PAUSE_S": "0.001",
            "SPARC_FUSE_REQUEST_ATTEMPTS": "2",
            "AWS_ENDPOINT_URL": endpoint,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        self.starter = Starter(Cloud.from_environment(), self.arn)

    def put(self, key: str, content: Any = b"") -> dict[str, Any]:
        """Put an object and return the event that tells of it."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        return self.event(key)

    def event(self, key: str) -> dict[str, Any]:
        return {
            "version": "0",
            "id": f"id-{key}",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "region": "eu-north-1",
            "detail": {"bucket": {"name": self.bucket}, "object": {"key": key, "size": 5}},
        }

    def inputs(self) -> list[dict[str, Any]]:
        """Inputs of all executions, the first first."""
        found = self.machines.list_executions(stateMachineArn=self.arn)["executions"]
        described = [
            self.machines.describe_execution(executionArn=entry["executionArn"]) for entry in found
        ]
        return [json.loads(entry["input"]) for entry in sorted(described, key=_start)]

    def stop(self, name: str) -> None:
        self.machines.stop_execution(executionArn=execution_arn(self.arn, name))


def _start(entry: dict[str, Any]) -> Any:
    return entry["startDate"]


def test_a_request_starts_the_latest_version(app: App) -> None:
    event = app.put("requests/one.json", {"dataset_id": 224, "paths": ["primary"]})
    outcome = start.handler(event, None)
    assert outcome["outcome"] == "started"
    assert app.inputs() == [{"dataset_id": "224", "version": "2", "paths": ["primary"]}]
    assert json.loads(json.dumps(outcome)) == outcome, "Lambda returns JSON"


def test_the_input_is_a_request_that_plan_takes() -> None:
    full = {
        "dataset_id": "224",
        "version": "2",
        "paths": ["b", "a"],
        "file_format": "npz",
        "profile": "dense",
        "overwrite": True,
        "cost_limit_usd": 0,
    }
    for values in (full, {"dataset_id": "224"}, {"dataset_id": "uploads/été 1"}):
        request = parse_request(values)
        assert as_input(request) == values
        assert parse_request(as_input(request)) == request


def test_the_same_event_twice_starts_once(app: App) -> None:
    event = app.put("requests/one.json", {"dataset_id": 224})
    outcomes = [start.handler(event, None)["outcome"] for _ in range(3)]
    assert outcomes == ["started", "running", "running"]
    again = app.put("requests/two.json", {"dataset_id": "224", "version": 2})
    assert start.handler(again, None)["outcome"] == "running", "the same work by another request"
    assert len(app.inputs()) == 1


def test_different_work_has_executions_of_its_own(app: App) -> None:
    requests = [
        {"dataset_id": 224},
        {"dataset_id": 364},
        {"dataset_id": 224, "paths": ["primary"]},
        {"dataset_id": 224, "file_format": "npz"},
    ]
    for n, request in enumerate(requests):
        event = app.put(f"requests/{n}.json", request)
        assert start.handler(event, None)["outcome"] == "started"
    assert len(app.inputs()) == len(requests)


def test_many_at_once_start_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    # Step Functions takes a name once; moto's check and its start are two steps
    lock, begin = threading.Lock(), StateMachine.start_execution

    def one_at_a_time(*arguments: Any, **options: Any) -> Any:
        with lock:
            return begin(*arguments, **options)

    monkeypatch.setattr(StateMachine, "start_execution", one_at_a_time)
    request = parse_request({"dataset_id": 224})
    together = threading.Barrier(6)

    def act(_n: int) -> str:
        together.wait()
        return app.starter.start(request).outcome

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(act, range(6)))
    assert set(outcomes) <= {"started", "running"}
    assert len(app.inputs()) == 1


def test_after_a_failure_the_next_request_starts_and_a_late_copy_does_not(app: App) -> None:
    first = app.put("requests/one.json", {"dataset_id": 224})
    name = start.handler(first, None)["name"]
    app.stop(name)
    late = start.handler(first, None)
    assert (late["outcome"], late["status"]) == ("ended", "ABORTED"), "a copy of the event"
    after = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    again = {**first, "id": "other", "time": after}
    assert start.handler(again, None) | {"arn": ""} == {
        "key": "requests/one.json",
        "arn": "",
        "name": f"{name}-2",
        "outcome": "started",
        "status": "RUNNING",
    }
    assert start.handler(again, None)["outcome"] == "running"
    assert len(app.inputs()) == 2


def test_overwrite_is_done_again_for_each_request_once(app: App) -> None:
    event = app.put("requests/one.json", {"dataset_id": 224, "overwrite": True})
    assert [start.handler(event, None)["outcome"] for _ in range(2)] == ["started", "running"]
    assert start.handler({**event, "id": "another put"}, None)["outcome"] == "started"
    assert app.inputs() == [{"dataset_id": "224", "version": "2", "overwrite": True}] * 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{'dataset_id': 224}", "not JSON"),
        (b'{"dataset_id": 224, "cost_limit_usd": Infinity}', "Infinity"),
        (b"[" * 60_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"dataset_id": 224}' + b" " * 70_000, "larger than"),
        ([224], "JSON object"),
        ({}, "dataset_id"),
        ({"dataset": 224}, "dataset: no such option"),
        ({"dataset_id": 224, "paths": "primary"}, "paths"),
        ({"dataset_id": 224, "overwrite": "yes"}, "overwrite"),
        ({"dataset_id": 224, "version": "v2"}, "version"),
        ({"dataset_id": 224, "file_format": "nwb"}, "nwb"),
        ({"dataset_id": 224, "profile": "small"}, "small"),
        ({"dataset_id": "../224"}, "dataset_id"),
        ({"dataset_id": "uploads/a/b"}, "dataset_id"),
        ({"dataset_id": "uploads/224"}, "uploads/224"),
    ],
)
def test_a_bad_request_names_the_object_and_starts_nothing(
    app: App, content: Any, said: str
) -> None:
    with pytest.raises(errors.RequestError, match=said) as caught:
        start.handler(app.put("requests/äh 1.json", content), None)
    assert "requests/äh 1.json" in str(caught.value)
    assert app.inputs() == []


def test_a_byte_order_mark_is_no_fault(app: App) -> None:
    event = app.put("requests/from-windows.json", b'\xef\xbb\xbf{"dataset_id": 224}')
    assert start.handler(event, None)["outcome"] == "started"


def test_events_that_are_not_ours(app: App) -> None:
    with pytest.raises(errors.RequestError, match="gone"):
        start.handler(app.event("requests/deleted.json"), None)
    for key in ("requests/notes.txt", "uploads/a/b/.complete", "datasets/224/2/manifest.json"):
        assert start.handler(app.put(key), None)["outcome"] == "ignored"
    other = app.event("requests/a.json")
    other["detail"]["bucket"]["name"] = "elsewhere"
    for event in (other, {}, {"detail": None}, {"action": "dance"}):
        with pytest.raises(errors.RequestError):
            start.handler(event, None)
    assert app.inputs() == []


def test_an_unknown_dataset_and_a_silent_service_are_told_apart(app: App) -> None:
    with pytest.raises(errors.DatasetNotFoundError, match="404404"):
        start.handler(app.put("requests/a.json", {"dataset_id": 404404}), None)
    away = dataclasses.replace(Cloud.from_environment().settings, discover_url="http://127.0.0.1:9")
    starter = Starter(Cloud(f"s3://{app.bucket}/datasets", away), app.arn)
    with pytest.raises(errors.SourceUnavailableError):
        starter.start(parse_request({"dataset_id": 224}))
    assert app.inputs() == []


def test_an_upload_starts_when_it_is_complete_and_again_when_it_changed(app: App) -> None:
    app.put("uploads/my trial/primary/a b.csv", b"a\n1\n")
    marker = app.put("uploads/my trial/.complete")
    assert [start.handler(marker, None)["outcome"] for _ in range(2)] == ["started", "running"]
    assert app.inputs() == [{"dataset_id": "uploads/my trial"}]
    app.put("uploads/my trial/primary/a b.csv", b"a\n1\n")
    assert start.handler(app.put("uploads/my trial/.complete"), None)["outcome"] == "running"
    app.put("uploads/my trial/primary/a b.csv", b"a\n2\n")
    assert start.handler(app.put("uploads/my trial/.complete"), None)["outcome"] == "started"
    assert len(app.inputs()) == 2
    asked = app.put("requests/a.json", {"dataset_id": "uploads/my trial"})
    assert start.handler(asked, None)["outcome"] == "running", "the same by a request"


def test_an_empty_upload_says_so(app: App) -> None:
    with pytest.raises(errors.EmptyDatasetError, match="nothing"):
        start.handler(app.put("uploads/nothing/.complete"), None)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("uploads/a b/.complete", "a b"),
        ("uploads/a/b/.complete", None),
        ("uploads//.complete", None),
        ("uploads/a/.complete.txt", None),
        ("datasets/uploads/a/.complete", None),
    ],
)
def test_markers(key: str, name: str | None) -> None:
    assert upload_of(key) == name


def test_watching_starts_what_has_no_results(app: App, discover: DiscoverServer) -> None:
    assert start.handler({"action": "watch"}, None)["started"] == [], "no list, nothing to do"
    entries = [224, {"dataset_id": 364, "paths": ["primary"], "cost_limit_usd": 5}, 7, 224]
    app.put("watch/datasets.json", {"datasets": entries})
    app.put("datasets/7/2/manifest.json", {})
    report = start.handler({"action": "watch"}, None)
    assert (len(report["started"]), report["done"]) == (2, ["7/2"]), "224 is there twice"
    assert sorted(app.inputs(), key=lambda entry: entry["dataset_id"]) == [
        {"dataset_id": "224", "version": "2"},
        {"dataset_id": "364", "version": "2", "paths": ["primary"], "cost_limit_usd": 5},
    ]
    discover.add_dataset(7, {"files/primary/a.csv": b"new"}, version=3)
    report = start.handler({"action": "watch"}, None)
    assert [name.startswith("7-3-") for name in report["started"]] == [True]
    assert len(report["running"]) == 2


def test_results_of_a_part_are_not_those_of_the_dataset(app: App) -> None:
    app.put("watch/datasets.json", {"datasets": [224]})
    app.put("datasets/224/2/manifest.json", {})
    app.put("datasets/224/latest.json", {"version": "2", "whole_dataset": False})
    assert len(start.handler({"action": "watch"}, None)["started"]) == 1


def test_a_watched_dataset_whose_run_failed_is_started_again(app: App) -> None:
    app.put("watch/datasets.json", {"datasets": [224]})
    (name,) = start.handler({"action": "watch"}, None)["started"]
    app.stop(name)
    assert start.handler({"action": "watch"}, None)["started"] == [f"{name}-2"]


def test_one_bad_entry_stops_no_other_and_is_told(app: App, discover: DiscoverServer) -> None:
    discover.tombstones.add(8)
    discover.faults.status["/datasets/7"] = [503] * 9
    bad = [404404, 8, 7, {"dataset_id": 224, "version": 1}, {"dataset": 1}, None, True]
    bad += ["uploads/mine", {"dataset_id": 224, "overwrite": True}]
    app.put("watch/datasets.json", {"datasets": [*bad, 224, 364]})
    with pytest.raises(errors.WatchError, match="9 of 11") as caught:
        start.handler({"action": "watch"}, None)
    for said in ("404404", "DatasetUnpublishedError", "SourceUnavailableError", "uploads/mine"):
        assert said in str(caught.value)
    assert sorted(entry["dataset_id"] for entry in app.inputs()) == ["224", "364"]


@pytest.mark.parametrize("content", [b"no", [224], {"datasets": 224}, {"datasets": [], "more": 1}])
def test_a_bad_watch_list_is_named(app: App, content: Any) -> None:
    app.put("watch/datasets.json", content)
    with pytest.raises(errors.RequestError, match=r"watch/datasets\.json"):
        start.handler({"action": "watch"}, None)


def test_a_state_machine_that_is_not_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    event = app.put("requests/a.json", {"dataset_id": 224})
    monkeypatch.setenv("STATE_MACHINE_ARN", app.arn + "-gone")
    with pytest.raises(errors.CloudError, match="StateMachineDoesNotExist"):
        start.handler(event, None)
    for arn in ("", "arn:aws:s3:::x"):
        monkeypatch.setenv("STATE_MACHINE_ARN", arn)
        with pytest.raises(errors.CloudError):
            start.handler(event, None)
