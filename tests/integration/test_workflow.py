"""The real state machine with the real handlers, through everything that can go wrong on the way.

``WORKFLOW_TABLE=file.md`` writes what each execution went through as a table.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
import wave
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import xarray as xr
from botocore.exceptions import ClientError

from rehearsal.embedded_aws import EmbeddedAws, Outcome, embedded_aws
from sparc_fuse_core.cloud.metrics import METRICS
from tests.servers.discover import DiscoverServer, Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAV = "files/primary/sub-1/a.wav"
OTHER = "files/primary/sub-1/b.wav"


def wav(n_samples: int = 400, seed: int = 0) -> bytes:
    """Return a WAV file of one channel."""
    samples = np.random.default_rng(seed).integers(-9999, 9999, n_samples).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(samples.tobytes())
    return out.getvalue()


class App:
    """The deployed app, a Discover service, and a new dataset for each test."""

    def __init__(self, aws: EmbeddedAws, discover: DiscoverServer) -> None:
        self.aws, self.discover = aws, discover
        self.number = 1000
        self.case = ""
        self.rows: list[str] = []

    def dataset(self, files: dict[str, bytes]) -> int:
        self.number += 1
        self.discover.add_dataset(self.number, files)
        return self.number

    def upload(self, name: str, files: dict[str, bytes]) -> str:
        client = self.aws.client("s3")
        for path, data in files.items():
            client.put_object(Bucket=self.aws.bucket, Key=f"uploads/{name}/{path}", Body=data)
        return f"uploads/{name}"

    def run(self, dataset: int | str, **request: Any) -> Outcome:
        return self.note(self.aws.run({"dataset_id": dataset, **request}, timeout_s=120))

    def note(self, outcome: Outcome) -> Outcome:
        """Keep what an execution went through, for the table."""
        states = []
        for state, n in outcome.entered.items():
            again = outcome.retried[state]
            states.append(f"{state} {n}" + (f" (+{again} retries)" if again else ""))
        if outcome.status == "SUCCEEDED":
            counts = outcome.output["counts"]
            result = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "nothing"
        else:
            result = f"{outcome.error or outcome.status}"
        self.rows.append(f"| {self.case} | {', '.join(states)} | {outcome.status}: {result} |")
        return outcome

    def keys(self, folder: str) -> set[str]:
        """Keys below a folder of results, relative to it."""
        prefix = f"datasets/{folder}/"
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        return {
            entry["Key"].removeprefix(prefix)
            for page in pages.paginate(Bucket=self.aws.bucket, Prefix=prefix)
            for entry in page.get("Contents", ())
        }

    def results(self, folder: str) -> set[str]:
        """Keys that are not the app's own."""
        return {key for key in self.keys(folder) if not key.startswith(".sparc-fuse/")}

    def json(self, key: str) -> Any:
        body = self.aws.client("s3").get_object(Bucket=self.aws.bucket, Key=f"datasets/{key}")
        with body["Body"] as stream:
            return json.load(stream)

    def manifest(self, folder: str) -> dict[str, dict[str, Any]]:
        """The manifest's items by path."""
        items = self.json(f"{folder}/manifest.json")["items"]
        return {item["path"]: item for item in items}

    def open(self, folder: str, path: str) -> xr.Dataset:
        """Open a store from the bucket with plain xarray."""
        return xr.open_zarr(
            f"s3://{self.aws.bucket}/datasets/{folder}/{path}",
            storage_options={"endpoint_url": self.aws.endpoint, "key": "u", "secret": "s"},
        )


@pytest.fixture(scope="module")
def deployed() -> Iterator[App]:
    discover = DiscoverServer()
    settings = {
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
        # one attempt each, so that what is transient comes to the state machine
        "SPARC_FUSE_REQUEST_ATTEMPTS": "1",
        "SPARC_FUSE_RETRY_PAUSE_S": "0.0001",
        "MAX_CONCURRENCY": "2",
        "METRICS_NAMESPACE": "Rehearsed",
    }
    try:
        with embedded_aws(settings, pause_scale=0.0) as aws:
            app = App(aws, discover)
            yield app
            if table := os.environ.get("WORKFLOW_TABLE"):
                head = "| case | states entered | outcome |\n| --- | --- | --- |\n"
                Path(table).write_text(head + "\n".join(app.rows) + "\n", encoding="utf-8")
    finally:
        discover.close()


@pytest.fixture
def app(deployed: App, request: pytest.FixtureRequest) -> Iterator[App]:
    deployed.case = request.node.name.removeprefix("test_").replace("_", " ")
    convert = deployed.aws.functions["convert"]
    memory_bytes, timeout_s = convert.memory_bytes, convert.timeout_s
    yield deployed
    convert.memory_bytes, convert.timeout_s = memory_bytes, timeout_s
    if convert.file_bytes:
        convert.close()
        convert.file_bytes = 0
    deployed.discover.faults = Faults()
    deployed.aws.gate.refused.clear()
    deployed.aws.gate.watch = None
    deployed.aws.tasks.spot_interruptions = deployed.aws.tasks.memory_bytes = 0


def fail_s3(app: App, path: str, answers: list[int]) -> None:
    """Let the source's S3 answer so for one file."""
    app.discover.faults.status[path] = list(answers)


def test_all_converted_once_and_announced(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1), "files/primary/notes.pzfx": b"x"})
    request = {"dataset_id": number}
    arn = app.aws.start(request, f"all-{number}")
    assert app.aws.start(request, f"all-{number}") == arn, "the same work was started twice"
    outcome = app.note(app.aws.wait(arn))
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.output["counts"] == {
        "converted": 2,
        "unchanged": 0,
        "unsupported": 1,
        "failed": 0,
    }
    assert dict(outcome.entered) == {
        "Plan": 1,
        "AnythingToDo": 1,
        "ConvertAll": 1,
        "WhereToRun": 2,
        "ConvertInLambda": 2,
        "Consolidate": 1,
        "Manifest": 1,
        "DidMostWork": 1,
        "Announce": 1,
    }
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        app.aws.start(request, f"all-{number}")
    announced = [e for e in app.aws.events() if e["detail"]["dataset_id"] == str(number)]
    assert [e["detail-type"] for e in announced] == ["dataset converted"]
    assert announced[0]["detail"] == outcome.output
    with app.open(f"{number}/2", "primary/sub-1/a.wav.zarr") as opened:
        assert opened["signals"].shape == (1, 400)
        assert opened.attrs["database_id"] == number
    assert ".sparc-fuse/running.json" not in app.keys(f"{number}/2"), "the lock was kept"


def test_a_run_logs_what_it_costs_and_came_to(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: b"RIFF"})
    outcome = app.run(number)
    assert outcome.status == "SUCCEEDED"
    logged: dict[str, float] = {}
    for name in ("plan", "manifest"):
        lines = (app.aws.folder / f"{name}.log").read_text().splitlines()
        for line in (line for line in lines if "CloudWatchMetrics" in line):
            values = json.loads(line)
            if f"/runs/{number}/" in values["run_key"]:
                (definition,) = values["_aws"]["CloudWatchMetrics"]
                for metric in definition["Metrics"]:
                    assert metric["Name"] not in logged, "logged twice"
                    logged[metric["Name"]] = values[metric["Name"]]
    assert set(logged) == set(METRICS)
    assert (logged["ItemsConverted"], logged["ItemsFailed"]) == (1, 1)
    assert logged["Gigabytes"] == len(wav()) / 1e9
    assert logged["CostUsd"] > 0
    assert logged["Seconds"] > 0


def test_a_rerun_finds_nothing_to_do(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.run(number)
    outcome = app.run(number)
    assert list(outcome.entered) == [
        "Plan",
        "AnythingToDo",
        "Manifest",
        "DidMostWork",
        "Announce",
    ]
    assert outcome.output["counts"]["unchanged"] == 1


def test_a_rerun_converts_only_what_changed_and_leaves_nothing_of_it(app: App) -> None:
    first = {"primary/a.wav": wav(300_000), "primary/b.wav": wav(seed=2), "primary/c.wav": wav()}
    dataset = app.upload("changing", first)
    assert app.run(dataset).output["counts"]["converted"] == 3
    before = app.results("changing/upload")
    app.upload("changing", {"primary/a.wav": wav(seed=5)})
    app.aws.client("s3").delete_object(Bucket=app.aws.bucket, Key="uploads/changing/primary/c.wav")
    outcome = app.run(dataset)
    assert outcome.output["counts"] == {
        "converted": 1,
        "unchanged": 1,
        "unsupported": 0,
        "failed": 0,
    }
    after = app.results("changing/upload")
    assert not any(key.startswith("primary/c.wav") for key in after), (
        "a dropped file's result stayed"
    )
    small = {k.removeprefix("primary/b") for k in after if k.startswith("primary/b")}
    assert {k.removeprefix("primary/a") for k in after if k.startswith("primary/a")} == small
    assert len(before) > len(after) + len(small), "the first result was to be larger"
    with app.open("changing/upload", "primary/a.wav.zarr") as opened:
        assert opened.sizes["sample"] == 400
    assert "leftovers" not in app.manifest("changing/upload")["files/primary/a.wav"]


def test_a_set_of_many_files_has_an_object_of_its_own(app: App) -> None:
    number = app.dataset(
        {WAV: wav(), **{f"files/primary/dcm/{n:04d}.dcm": b"x" for n in range(120)}}
    )
    outcome = app.run(number)
    assert outcome.output["counts"]["converted"] == 1
    own = [k for k in app.keys(f".sparc-fuse/runs/{number}/2") if "/items/own/" in k]
    assert len(own) == 1
    assert len(app.manifest(f"{number}/2")) == 2


def test_overwrite_does_it_again(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.run(number)
    assert app.run(number, overwrite=True).output["counts"]["converted"] == 1


def test_paths_choose_and_the_manifest_stays_whole(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1)})
    app.run(number, paths=["sub-1/a.wav"])
    outcome = app.run(number, paths=["sub-1/b.wav"], file_format="npz")
    counts = outcome.output["counts"]
    assert (counts["converted"], counts["unchanged"]) == (1, 1)
    outputs = {i["output"] for i in app.manifest(f"{number}/2").values()}
    assert outputs == {"primary/sub-1/a.wav.zarr", "primary/sub-1/b.wav.npz"}
    assert list(app.run(number, paths=["sub-1/a.wav"]).entered)[2] == "Manifest"


def test_one_file_fails_and_the_others_go_on(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav()[:30]})
    outcome = app.run(number)
    assert outcome.status == "SUCCEEDED"
    assert outcome.output["counts"]["failed"] == 1
    assert app.manifest(f"{number}/2")[OTHER]["error"] == "CorruptFileError"
    assert not any(k.startswith("primary/sub-1/b.wav") for k in app.results(f"{number}/2"))


def test_a_source_that_fails_twice_is_asked_again(app: App) -> None:
    number = app.dataset({WAV: wav()})
    fail_s3(app, WAV, [500, 500])
    outcome = app.run(number)
    assert outcome.retried["ConvertInLambda"] == 2
    assert outcome.output["counts"]["converted"] == 1


def test_a_listing_that_fails_twice_is_asked_again(app: App) -> None:
    number = app.dataset({WAV: wav()})
    fail_s3(app, f"/datasets/{number}", [503, 500])
    outcome = app.run(number)
    assert outcome.retried["Plan"] == 2
    assert outcome.status == "SUCCEEDED"


def test_a_throttling_source_is_asked_more_slowly_then_given_up(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav()})
    fail_s3(app, WAV, [503, 503])
    fail_s3(app, OTHER, [503] * 100)
    outcome = app.run(number)
    assert outcome.retried["ConvertInLambda"] == 2 + 6
    assert outcome.entered["RecordFailure"] == 1
    assert app.manifest(f"{number}/2")[OTHER]["error"] == "SourceThrottledError"
    app.discover.faults = Faults()
    again = app.run(number)
    assert again.entered["ConvertInLambda"] == 1, "more than the failed file was done again"
    assert again.output["counts"] == {
        "converted": 1,
        "unchanged": 1,
        "unsupported": 0,
        "failed": 0,
    }


def test_a_function_out_of_memory_goes_to_a_larger_task(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.functions["convert"].memory_bytes = 60 * 2**20
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == 1
    assert not outcome.entered["RecordFailure"]
    assert outcome.output["counts"]["converted"] == 1
    task = app.aws.tasks.started[-1]
    assert int(task["Memory"]) * 2**20 >= 2 * 4096 * 10**6 * 0.95
    assert task["EphemeralStorage"]["SizeInGiB"] >= 21


def test_a_function_out_of_time_goes_to_a_task(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.functions["convert"].timeout_s = 0.001
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == 1
    assert outcome.output["counts"]["converted"] == 1


def test_a_task_out_of_memory_goes_to_the_largest(app: App) -> None:
    number = app.dataset({WAV: wav(3_000_000)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.memory_bytes = 90 * 2**20
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == outcome.entered["ConvertOnLargest"] == 1
    assert outcome.output["counts"]["converted"] == 1
    assert [t["Cpu"] for t in app.aws.tasks.started[-2:]] == ["2048", "16384"]
    assert app.aws.tasks.started[-1]["variables"]["HAS_LARGER"] == "disk"


def test_a_task_taken_away_is_done_on_demand(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.spot_interruptions = 1
    outcome = app.run(number)
    assert outcome.entered["ConvertOnDemand"] == 1
    assert outcome.output["counts"]["converted"] == 1
    assert [t["provider"] for t in app.aws.tasks.started[-2:]] == ["FARGATE_SPOT", "FARGATE"]


def test_a_task_asks_a_silent_source_again_and_then_gives_up(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1)})
    app.aws.functions["convert"].memory_bytes = 60 * 2**20
    fail_s3(app, WAV, [500, 500])
    fail_s3(app, OTHER, [500] * 100)
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == 2
    assert not outcome.entered["WasSpotTakenAway"], "the task has no receipt to show"
    items = app.manifest(f"{number}/2")
    assert items[WAV]["status"] == "converted"
    assert items[OTHER]["error"] == "SourceUnavailableError"


def test_a_task_that_dies_is_a_receipt_and_can_be_done_again(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=3)})
    app.aws.gate.watch = killer(app, "convert", "*/a.wav.zarr/*", also_tasks=True)
    outcome = app.run(number)
    failed = [i for i in app.manifest(f"{number}/2").values() if i["status"] == "failed"]
    # the other file's worker may have been at work too, and died with it
    assert outcome.status == ("SUCCEEDED" if len(failed) == 1 else "FAILED"), outcome.cause
    assert {i["error"] for i in failed} == {"WorkerLostError"}
    left = app.results(f"{number}/2")
    for item in failed:
        assert not any(k.startswith(item["output"]) for k in left), "half a store was left"
    app.aws.gate.watch = None
    again = app.run(number)
    assert again.output["counts"]["failed"] == 0


def test_a_function_killed_while_it_publishes_leaves_nothing_that_opens(app: App) -> None:
    number = app.dataset({WAV: wav(300_000)})
    seen: list[set[str]] = []
    kill = killer(app, "convert", "*/a.wav.zarr/*")

    def watch(role: str, action: str, key: str) -> None:
        if role == "convert" and action == "Put" and "/receipts/" not in key and not seen:
            kill(role, action, key)
            time.sleep(0.1)
            seen.append(app.results(f"{number}/2"))

    app.aws.gate.watch = watch
    outcome = app.run(number)
    assert "primary/sub-1/a.wav.zarr/zarr.json" not in seen[0]
    assert outcome.entered["ConvertOnSpot"] == 1
    assert outcome.output["counts"]["converted"] == 1
    with app.open(f"{number}/2", "primary/sub-1/a.wav.zarr") as opened:
        assert opened.sizes["sample"] == 300_000


@pytest.mark.parametrize(
    ("function", "key"),
    [
        ("plan", "*/items.json"),
        ("consolidate", "*/receipts.json"),
        ("manifest", "*/2/manifest.json"),
    ],
)
def test_a_function_killed_midway_is_called_again(app: App, function: str, key: str) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.gate.watch = killer(app, function, key, times=1)
    outcome = app.run(number)
    assert sum(outcome.retried.values()) == 1
    assert outcome.output["counts"]["converted"] == 1


def killer(
    app: App, function: str, pattern: str, *, times: int = 100, also_tasks: bool = False
) -> Callable[[str, str, str], None]:
    """Kill a function's (and every task's) processes as they put an object whose key matches."""
    left = [times]

    def watch(role: str, action: str, key: str) -> None:
        if (role, action) != (function, "Put") or not left[0]:
            return
        if fnmatchcase(key, pattern):
            left[0] -= 1
            app.aws.functions[function].kill_busy()
            if also_tasks:
                app.aws.tasks.kill_running()

    return watch


def test_a_cost_above_the_limit_stops_before_anything_runs(app: App) -> None:
    number = app.dataset({WAV: wav()})
    outcome = app.run(number, cost_limit_usd=0)
    assert (outcome.status, outcome.error) == ("FAILED", "CostLimitError")
    assert list(outcome.entered) == ["Plan"]
    assert not app.keys(f"{number}/2"), "something was written"
    assert app.run(number, cost_limit_usd=1).status == "SUCCEEDED"


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"dataset_id": "../../etc"},
        {"dataset_id": "uploads/../x"},
        {"dataset_id": "/tmp"},
        {"dataset_id": 224, "paths": "sub-1"},
        {"dataset_id": 224, "version": "latest"},
        {"dataset_id": 224, "overwrite": "yes"},
        {"dataset_id": 224, "file_format": "zip"},
        {"dataset_id": 224, "cost_limit_usd": "5"},
        {"dataset_id": 224, "colour": "red"},
        [224],
    ],
    ids=str,
)
def test_a_malformed_request_is_named(app: App, request_: Any) -> None:
    app.case = f"malformed input {json.dumps(request_)}"
    outcome = app.note(app.aws.run(request_))
    assert (outcome.status, outcome.error) == ("FAILED", "RequestError")
    assert list(outcome.entered) == ["Plan"]
    assert not outcome.retried
    assert json.loads(outcome.cause)["errorMessage"]


def test_an_unknown_dataset_is_named(app: App) -> None:
    for dataset in (999_999, "uploads/nothing-here"):
        outcome = app.run(dataset)
        assert (outcome.status, outcome.error) == ("FAILED", "DatasetNotFoundError")
        assert not outcome.retried


def test_two_at_once_take_turns(app: App) -> None:
    number = app.dataset({WAV: wav()})
    begun, go_on = threading.Event(), threading.Event()

    def watch(role: str, action: str, key: str) -> None:
        if role == "convert" and action == "Put":
            begun.set()
            go_on.wait(60)

    app.aws.gate.watch = watch
    first = app.aws.start({"dataset_id": number})
    assert begun.wait(60)
    second = app.aws.start({"dataset_id": number, "overwrite": True})
    deadline = time.monotonic() + 60
    while app.aws.counts.retried(second)["Plan"] < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (
        app.aws.client("stepfunctions").describe_execution(executionArn=second)["status"]
        == "RUNNING"
    )
    app.aws.gate.watch = None
    go_on.set()
    assert app.note(app.aws.wait(first)).output["counts"]["converted"] == 1
    assert app.note(app.aws.wait(second)).output["counts"]["converted"] == 1


def test_a_run_that_was_stopped_is_taken_over_and_publishes_no_more(app: App) -> None:
    number = app.dataset({WAV: wav()})
    begun, go_on = threading.Event(), threading.Event()
    put: list[str] = []

    def watch(role: str, action: str, key: str) -> None:
        if role == "convert" and action == "Put":
            put.append(key)
        if role == "convert" and "context.json" in key and not begun.is_set():
            begun.set()
            go_on.wait(60)

    app.aws.gate.watch = watch
    first = app.aws.start({"dataset_id": number})
    assert begun.wait(60)
    app.aws.stop(first)
    assert app.note(app.aws.wait(first)).status == "ABORTED"
    second = app.run(number, file_format="npz")
    assert second.output["counts"]["converted"] == 1
    go_on.set()
    time.sleep(1.0)
    assert not [key for key in put if ".zarr/" in key], "the stopped run went on publishing"


def test_a_delayed_worker_does_not_write_over_the_result_of_the_next_run(app: App) -> None:
    number = app.dataset({WAV: wav(seed=1)})
    begun, go_on, late = threading.Event(), threading.Event(), threading.Event()

    def watch(role: str, action: str, key: str) -> None:
        if role == "convert" and action == "Put" and ".zarr/" in key:
            if not begun.is_set():
                begun.set()
                go_on.wait(60)
            if go_on.is_set() and key.endswith("a.wav.zarr/zarr.json"):
                late.set()

    app.aws.gate.watch = watch
    first = app.aws.start({"dataset_id": number})
    assert begun.wait(60), "the worker was to be stopped among the objects of its result"
    app.aws.stop(first)
    assert app.aws.wait(first).status == "ABORTED"
    second = app.run(number, profile="dense")
    assert second.output["counts"]["converted"] == 1
    before = app.json(f"{number}/2/primary/sub-1/a.wav.zarr/zarr.json")
    go_on.set()
    assert not late.wait(2.0), "the stopped run made its own result open"
    assert app.json(f"{number}/2/primary/sub-1/a.wav.zarr/zarr.json") == before
    assert app.manifest(f"{number}/2")[WAV]["status"] == "converted"


def test_a_good_result_survives_an_overwrite_that_fails(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1), "files/primary/notes.pzfx": b"x"})
    app.run(number)
    fail_s3(app, WAV, [500] * 1000)
    app.aws.gate.watch = killer(app, "convert", "*/b.wav.zarr/*", times=0)
    outcome = app.run(number, overwrite=True)
    assert outcome.output["counts"] == {
        "converted": 1,
        "unchanged": 1,
        "unsupported": 1,
        "failed": 0,
    }
    item = app.manifest(f"{number}/2")[WAV]
    assert "the earlier result stands: SourceUnavailableError" in item["message"]
    with app.open(f"{number}/2", "primary/sub-1/a.wav.zarr") as opened:
        assert opened["signals"].shape == (1, 400)
    # of a run for one path too, which drops nothing of what was left out
    outcome = app.run(number, paths=["sub-1/a.wav"], overwrite=True)
    assert outcome.output["counts"]["unchanged"] == 2
    assert outcome.output["counts"]["unsupported"] == 1
    skipped = app.json(f"{number}/2/manifest.json")["skipped"]
    assert [entry["path"] for entry in skipped] == ["files/primary/notes.pzfx"]


def test_a_good_result_survives_the_loss_of_who_was_to_replace_it(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.run(number)
    # neither result nor receipt can be written
    app.aws.gate.refused.append(("convert", "Put", "*a.wav*"))
    outcome = app.run(number, overwrite=True)
    assert outcome.entered["WithoutReceipt"] == 1
    assert outcome.output["counts"]["unchanged"] == 1
    assert "WorkerLostError" in app.manifest(f"{number}/2")[WAV]["message"]
    app.aws.gate.refused.clear()
    assert app.run(number, overwrite=True).output["counts"]["converted"] == 1


@pytest.mark.parametrize("name", ["Über maß 100% #1+2", "日本"])
def test_names_with_spaces_and_unicode(app: App, name: str) -> None:
    path = f"primary/sub-1/{name}/heart sounds {name}.wav"
    outcome = app.run(app.upload(name, {path: wav()}))
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.output["counts"]["converted"] == 1, app.manifest(f"{name}/upload")
    assert f"{path}.zarr/zarr.json" in app.results(f"{name}/upload")


def test_a_bucket_in_another_region_is_a_receipt(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav()})
    fail_s3(app, WAV, [301] * 20)
    outcome = app.run(number)
    assert outcome.output["counts"] == {
        "converted": 1,
        "unchanged": 0,
        "unsupported": 0,
        "failed": 1,
    }
    assert "301" in app.manifest(f"{number}/2")[WAV]["message"]


def test_a_source_that_refuses_is_a_receipt(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav()})
    fail_s3(app, WAV, [403] * 20)
    assert app.run(number).output["counts"]["failed"] == 1
    assert app.manifest(f"{number}/2")[WAV]["error"] in (
        "SourceRefusedError",
        "SourceUnavailableError",
    )
    dataset = app.upload("refused", {"primary/a.wav": wav()})
    app.aws.gate.refused.append(("convert", "Get", "uploads/*"))
    assert app.run(dataset).output["counts"]["failed"] == 1
    item = app.manifest("refused/upload")["files/primary/a.wav"]
    assert item["error"] == "SourceRefusedError"


def test_a_bucket_that_refuses_results_is_a_receipt(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav()})
    app.aws.gate.refused.append(("convert", "Put", "*/b.wav.zarr/*"))
    outcome = app.run(number)
    assert outcome.output["counts"]["failed"] == 1
    assert app.manifest(f"{number}/2")[OTHER]["error"] == "OutputNotWritableError"
    app.aws.gate.refused.clear()
    assert app.run(number).output["counts"]["failed"] == 0


def test_a_disk_too_small_for_the_function_is_a_larger_task(app: App) -> None:
    number = app.dataset({WAV: wav(600_000)})
    convert = app.aws.functions["convert"]
    convert.close()
    convert.file_bytes = 500_000
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == 1
    assert outcome.output["counts"]["converted"] == 1


def test_what_a_killed_function_left_in_its_sandbox_is_swept(app: App) -> None:
    number = app.dataset({WAV: wav(300_000), OTHER: wav(seed=9)})
    convert = app.aws.functions["convert"]
    convert.close()
    kill = killer(app, "convert", "*/a.wav.zarr/*", times=1)
    app.aws.gate.watch = kill
    assert app.run(number).output["counts"]["converted"] == 2
    app.aws.gate.watch = None
    assert any(f for sandbox in convert.sandboxes() for f in sandbox.glob("sparc-fuse-*"))
    assert app.run(number, overwrite=True).output["counts"]["converted"] == 2
    leftovers = [f for sandbox in convert.sandboxes() for f in sandbox.glob("sparc-fuse-*")]
    assert not leftovers


def test_nothing_that_worked_fails_the_execution(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1)})
    for path in (WAV, OTHER):
        fail_s3(app, path, [500] * 1000)
    outcome = app.run(number)
    assert (outcome.status, outcome.error) == ("FAILED", "MostFailedForNow")
    assert not outcome.entered["Announce"]
    (told,) = [e for e in app.aws.events() if e["detail"]["dataset_id"] == str(number)]
    assert told["detail-type"] == "dataset failed"
    assert told["detail"]["errors"] == {"SourceUnavailableError": 2}
    assert told["detail"]["failed_percent"] == 100.0
    assert app.json(f"{number}/latest.json")["failed_for_now"] == 2
    assert ".sparc-fuse/running.json" not in app.keys(f"{number}/2"), "the lock was kept"
    app.discover.faults = Faults()
    again = app.run(number)
    assert again.output["counts"]["converted"] == 2
    assert "failed_for_now" not in app.json(f"{number}/latest.json")


def test_half_of_it_is_a_success_and_more_is_none(app: App) -> None:
    third = "files/primary/sub-1/c.wav"
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1), third: wav(seed=2)})
    for path in (WAV, OTHER):
        fail_s3(app, path, [500] * 1000)
    failed = app.run(number)
    assert (failed.status, failed.error) == ("FAILED", "MostFailedForNow")
    assert app.manifest(f"{number}/2")[third]["status"] == "converted"
    app.discover.faults = Faults()
    fail_s3(app, WAV, [500] * 1000)
    # of two that were to be done again, one
    outcome = app.run(number)
    assert outcome.status == "SUCCEEDED"
    assert outcome.output["errors"] == {"SourceUnavailableError": 1}


def test_a_worker_that_may_not_even_write_its_receipt_is_said_to_be_lost(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1)})
    app.aws.gate.refused.append(("convert", "Put", "*a.wav*"))
    outcome = app.run(number)
    assert outcome.entered["WithoutReceipt"] == 1
    assert outcome.output["counts"]["failed"] == outcome.output["failed_for_now"] == 1
    assert app.manifest(f"{number}/2")[WAV]["error"] == "WorkerLostError"


def test_a_plan_that_cannot_be_written_fails_by_name(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.gate.refused.append(("plan", "Put", "*"))
    outcome = app.run(number)
    assert (outcome.status, outcome.error) == ("FAILED", "OutputNotWritableError")
    assert not outcome.retried
    app.aws.gate.refused.clear()
    assert app.run(number).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("function", "key", "state"),
    [
        ("consolidate", "*/receipts.json", "Consolidate"),
        ("manifest", "*/manifest.json", "Manifest"),
    ],
)
def test_a_redrive_goes_on_where_it_failed(app: App, function: str, key: str, state: str) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.gate.refused.append((function, "Put", key))
    failed = app.run(number)
    assert (failed.status, failed.error) == ("FAILED", "OutputNotWritableError")
    assert f"{state} 1" in app.rows[-1]
    assert "manifest.json" not in app.results(f"{number}/2")
    app.aws.gate.refused.clear()
    app.aws.redrive(failed.arn)
    outcome = app.note(app.aws.wait(failed.arn))
    assert outcome.output["counts"]["converted"] == 1
    assert (outcome.entered["Plan"], outcome.entered["ConvertInLambda"]) == (1, 1)
    assert outcome.entered[state] == 2


def test_a_redrive_of_a_run_that_was_overtaken_changes_nothing(app: App) -> None:
    number = app.dataset({WAV: wav()})
    app.aws.gate.refused.append(("consolidate", "Put", "*/receipts.json"))
    failed = app.run(number)
    app.aws.gate.refused.clear()
    assert app.run(number, file_format="npz").status == "SUCCEEDED"
    before = app.results(f"{number}/2")
    app.aws.redrive(failed.arn)
    outcome = app.note(app.aws.wait(failed.arn))
    assert (outcome.status, outcome.error) == ("FAILED", "RunSupersededError")
    assert app.results(f"{number}/2") == before


def test_500_small_items(app: App) -> None:
    # four of five are broken: they go through the same states and cost a tenth of a conversion
    broken = wav()[:30]
    files = {
        f"files/primary/sub-1/{n:03d}.wav": broken if n % 5 else wav(50, seed=n) for n in range(500)
    }
    number = app.dataset(files)
    outcome = app.run(number, file_format="npz")
    counts = {"converted": 100, "unchanged": 0, "unsupported": 0, "failed": 400}
    assert outcome.output["counts"] == counts
    assert outcome.entered["ConvertInLambda"] == 500
    assert outcome.largest_input_bytes < 1000, "a state's input grows with the dataset"
    items = app.manifest(f"{number}/2")
    assert list(items) == sorted(files)
    assert {item["error"] for item in items.values()} == {"", "CorruptFileError"}
    assert app.aws.functions["convert"].n_processes >= 2, "the map's items ran one by one"


def test_a_worker_may_only_put_results(deployed: App) -> None:
    """What the roles above asked for and were not granted failed their cases; this shows that it would."""
    client = deployed.aws.client("s3")
    worker = boto3.client(
        "s3",
        endpoint_url=deployed.aws.endpoint,
        region_name="eu-north-1",
        aws_access_key_id="convert",
        aws_secret_access_key="x",
    )
    client.put_object(Bucket=deployed.aws.bucket, Key="datasets/x/y", Body=b"1")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.delete_object(Bucket=deployed.aws.bucket, Key="datasets/x/y")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.delete_objects(
            Bucket=deployed.aws.bucket, Delete={"Objects": [{"Key": "datasets/x/y"}]}
        )
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.put_object(Bucket=deployed.aws.bucket, Key="uploads/x/y", Body=b"1")
