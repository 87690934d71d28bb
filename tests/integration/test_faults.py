"""Faults that come together or strike those that are to tell of faults: nothing is lost, and it is said why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from rehearsal import functions
from rehearsal.embedded_aws import embedded_aws
from rehearsal.functions import Function
from tests.integration.test_workflow import OTHER, WAV, App, fail_s3, killer, wav
from tests.servers.discover import DiscoverServer, Faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def deployed() -> Iterator[App]:
    discover = DiscoverServer()
    settings = {
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
        "SPARC_FUSE_REQUEST_ATTEMPTS": "1",
        "SPARC_FUSE_RETRY_PAUSE_S": "0.0001",
        "MAX_CONCURRENCY": "4",
    }
    try:
        # 300 seconds of waiting are 0.15
        with embedded_aws(settings, pause_scale=0.0005) as aws:
            yield App(aws, discover)
    finally:
        discover.close()


@pytest.fixture
def app(deployed: App) -> Iterator[App]:
    aws = deployed.aws
    timeout_s = aws.functions["convert"].timeout_s
    yield deployed
    aws.gate.watch = None
    aws.gate.refused.clear()
    aws.concurrency.limit = 0
    aws.tasks.quota_vcpus = aws.tasks.spot_interruptions = 0
    aws.tasks.full_below_gib = aws.tasks.volumes_refused = aws.tasks.file_bytes = 0
    aws.functions["convert"].timeout_s = timeout_s
    for function in aws.functions.values():
        if function.file_bytes:
            function.close()
            function.file_bytes = 0
    deployed.discover.faults = Faults()


def test_a_storm_of_all_at_once_loses_nothing(app: App) -> None:
    """One function and one task at a time for three executions, Spot taken away, a file that cannot be had."""
    numbers = [
        app.dataset({f"files/primary/{n}.wav": wav(seed=10 * k + n) for n in range(2)})
        for k in range(2)
    ]
    broken = "files/primary/broken.wav"
    numbers.append(app.dataset({broken: wav(), WAV: wav(seed=9)}))
    fail_s3(app, broken, [500] * 1000)
    app.aws.concurrency.limit = 1
    app.aws.tasks.quota_vcpus = 2.0
    app.aws.tasks.spot_interruptions = 2
    # each that converts runs out of time in its function, so that all come to the tasks
    app.aws.functions["convert"].timeout_s = 0.001
    before = app.aws.concurrency.n_refused, app.aws.tasks.n_refused
    arns = [app.aws.start({"dataset_id": number}) for number in numbers]
    outcomes = [app.aws.wait(arn, timeout_s=300) for arn in arns]
    assert [o.status for o in outcomes] == ["SUCCEEDED"] * 3, [o.cause for o in outcomes]
    assert [o.output["counts"]["converted"] for o in outcomes] == [2, 2, 1]
    assert app.aws.concurrency.n_refused > before[0]
    assert app.aws.tasks.n_refused > before[1]
    # of both that were taken away, once more for each time that it had to wait
    assert sum(o.entered["ConvertOnDemand"] for o in outcomes) >= 2
    assert not sum(o.entered["WithoutReceipt"] for o in outcomes)
    failed = app.manifest(f"{numbers[2]}/2")[broken]
    assert failed["error"] == "SourceUnavailableError", "the reason was lost"


def test_who_was_to_record_a_failure_dies_each_time(app: App) -> None:
    number = app.dataset({WAV: wav(), OTHER: wav(seed=1)})
    fail_s3(app, WAV, [500] * 1000)
    app.aws.gate.watch = killer(app, "convert", "*/receipts/*a.wav*")
    # what was under way when it died does not arrive
    app.aws.gate.refused.append(("convert", "Put", "*/receipts/*a.wav*"))
    outcome = app.run(number)
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.retried["RecordFailure"] == 2
    assert outcome.entered["WithoutReceipt"] == 1
    counts = outcome.output["counts"]
    assert (counts["converted"], counts["failed"], outcome.output["failed_for_now"]) == (1, 1, 1)
    assert app.manifest(f"{number}/2")[WAV]["error"] == "WorkerLostError"
    app.aws.gate.watch = None
    app.aws.gate.refused.clear()
    app.discover.faults = Faults()
    assert app.run(number).output["counts"]["failed"] == 0


def test_a_task_whose_disk_is_full_goes_to_the_largest(app: App) -> None:
    number = app.dataset({WAV: wav(600_000)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.full_below_gib, app.aws.tasks.file_bytes = 200, 500_000
    outcome = app.run(number)
    assert outcome.entered["ConvertOnSpot"] == outcome.entered["ConvertOnLargest"] == 1
    assert outcome.output["counts"]["converted"] == 1


def test_the_largest_disk_is_followed_by_a_volume(app: App) -> None:
    number = app.dataset({WAV: wav(600_000)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.full_below_gib, app.aws.tasks.file_bytes = 201, 500_000
    app.aws.tasks.volumes_refused = 2
    outcome = app.run(number)
    assert outcome.entered["ConvertOnLargest"] == 1
    assert (outcome.entered["WaitForVolume"], outcome.entered["ConvertOnVolume"]) == (2, 3)
    assert outcome.output["counts"]["converted"] == 1
    assert [task["disk_gib"] for task in app.aws.tasks.started[-4:]] == [200, *[1000] * 3]
    assert app.aws.tasks.started[-1]["provider"] == "FARGATE"
    with app.open(f"{number}/2", "primary/sub-1/a.wav.zarr") as opened:
        assert opened.sizes["sample"] == 600_000


def test_a_disk_that_is_nowhere_large_enough_is_said_with_the_reason(app: App) -> None:
    number = app.dataset({WAV: wav(600_000), OTHER: wav(seed=1)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.full_below_gib, app.aws.tasks.file_bytes = 10**6, 500_000
    outcome = app.run(number)
    items = app.manifest(f"{number}/2")
    assert (items[WAV]["status"], items[WAV]["error"]) == ("failed", "DiskFullError")
    assert "need more disk than the" in items[WAV]["message"]
    assert items[OTHER]["status"] == "converted"
    assert not any(key.startswith("primary/sub-1/a.wav") for key in app.results(f"{number}/2"))
    assert outcome.status == "SUCCEEDED"


def test_a_full_disk_of_who_writes_the_manifest_fails_by_name_and_is_redriven(app: App) -> None:
    number = app.dataset({WAV: wav()})
    manifest = app.aws.functions["manifest"]
    manifest.close()
    manifest.file_bytes = 100
    failed = app.run(number)
    assert (failed.status, failed.error) == ("FAILED", "DiskFullError"), failed.cause
    assert "manifest.json" not in app.results(f"{number}/2")
    manifest.close()
    manifest.file_bytes = 0
    app.aws.redrive(failed.arn)
    assert app.aws.wait(failed.arn).output["counts"]["converted"] == 1


def test_a_process_that_was_killed_after_its_answer_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It seems to live until the kernel has ended it: the next event would be lost with it."""
    root = functions.Path(__file__).parents[2]
    function = Function(
        "echo", "operator.is_not", {"PYTHONPATH": str(root)}, root, tmp_path / "log"
    )
    answer = functions._Process.answer
    killed: list[float] = []

    def answer_then_die(process: functions._Process, *parameters: object) -> functions.Answer:
        answered = answer(process, *parameters)  # type: ignore[arg-type]
        function.kill_busy()
        killed.append(time.monotonic())
        return answered

    monkeypatch.setattr(functions._Process, "answer", answer_then_die)
    try:
        for n in (1, 2):
            assert not function.invoke(b"{}").is_error
            assert function.n_processes == n
        assert len(killed) == 2
    finally:
        function.close()
