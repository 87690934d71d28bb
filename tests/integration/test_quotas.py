"""An account with small quotas: items wait for room, none is lost, and failures keep their reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rehearsal.embedded_aws import embedded_aws
from tests.integration.test_workflow import App, fail_s3, wav
from tests.servers.discover import DiscoverServer, Faults

if TYPE_CHECKING:
    from collections.abc import Iterator

#: 300 seconds of waiting are 0.15: less than a conversion, as on AWS.
PAUSE_SCALE = 0.0005


@pytest.fixture(scope="module")
def deployed() -> Iterator[App]:
    discover = DiscoverServer()
    settings = {
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
        "SPARC_FUSE_REQUEST_ATTEMPTS": "1",
        "SPARC_FUSE_RETRY_PAUSE_S": "0.0001",
        # as if nobody knew the account's quotas
        "MAX_CONCURRENCY": "20",
    }
    try:
        with embedded_aws(settings, pause_scale=PAUSE_SCALE) as aws:
            yield App(aws, discover)
    finally:
        discover.close()


@pytest.fixture
def app(deployed: App) -> Iterator[App]:
    deployed.aws.gate.functions = deployed.aws.gate.spot_vcpus = None
    yield deployed
    deployed.aws.concurrency.limit = 0
    deployed.aws.tasks.quota_vcpus = 0.0
    deployed.aws.functions["convert"].timeout_s = 900.0
    deployed.discover.faults = Faults()


def test_items_wait_for_functions_that_are_in_use(app: App) -> None:
    files = {f"files/primary/sub-1/{n:03d}.wav": wav(seed=n) for n in range(24)}
    number = app.dataset(files)
    broken = "files/primary/sub-1/000.wav"
    fail_s3(app, broken, [500] * 1000)
    app.aws.concurrency.limit = 2
    outcome = app.run(number)
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert app.aws.concurrency.n_refused > 24, "nothing was throttled"
    assert outcome.output["counts"]["converted"] == 23
    assert not outcome.entered["WithoutReceipt"]
    assert app.manifest(f"{number}/2")[broken]["error"] == "SourceUnavailableError"


def test_no_more_is_begun_than_the_account_has_room_for(app: App) -> None:
    number = app.dataset({f"files/primary/sub-1/{n:03d}.wav": wav(seed=n) for n in range(8)})
    app.aws.concurrency.limit = 3
    app.aws.gate.functions = 3
    before = app.aws.concurrency.n_refused
    outcome = app.run(number)
    assert outcome.output["counts"]["converted"] == 8
    assert app.aws.concurrency.n_refused == before
    log = (app.aws.folder / "plan.log").read_text()
    assert "may not ask for quotas" in log, "the test before was not refused"


def test_two_executions_share_what_the_account_has(app: App) -> None:
    numbers = [
        app.dataset({f"files/primary/sub-1/{n:03d}.wav": wav(seed=n) for n in range(10)})
        for _ in range(2)
    ]
    app.aws.concurrency.limit = 1
    arns = [app.aws.start({"dataset_id": number}) for number in numbers]
    for arn in arns:
        outcome = app.aws.wait(arn, timeout_s=120)
        assert outcome.output["counts"]["converted"] == 10, outcome.cause


def test_a_quota_below_the_usual_task_takes_a_smaller_one_or_says_why(app: App) -> None:
    number = app.dataset({"files/primary/sub-1/0.wav": wav(seed=0)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.gate.spot_vcpus = app.aws.tasks.quota_vcpus = 1.0
    outcome = app.run(number)
    assert outcome.output["counts"]["converted"] == 1
    assert app.aws.tasks.started[-1]["Cpu"] == "1024"
    # a file whose reader is not in the Lambda image, and no task at all
    number = app.dataset({"files/primary/a.vsi": b"x" * 100})
    app.aws.functions["convert"].timeout_s = 900.0
    app.aws.gate.spot_vcpus = 0.1
    outcome = app.run(number)
    assert outcome.entered["NoTaskIsLargeEnough"] == 1
    refused = app.manifest(f"{number}/2")["files/primary/a.vsi"]
    assert refused["error"] == "SizeLimitError"
    assert "ask AWS for more" in refused["message"]
    assert outcome.status == "SUCCEEDED"


def test_items_wait_for_vcpus_that_are_in_use(app: App) -> None:
    number = app.dataset({f"files/primary/sub-1/{n}.wav": wav(seed=n) for n in range(4)})
    app.aws.functions["convert"].timeout_s = 0.001
    app.aws.tasks.quota_vcpus = 2.0
    outcome = app.run(number)
    assert outcome.entered["WaitForSpotQuota"] > 0
    assert app.aws.tasks.n_refused > 0, "the quota was never reached"
    assert outcome.output["counts"]["converted"] == 4
    assert not outcome.entered["ConvertOnDemand"], "a quota is no lack of Spot capacity"
    app.aws.tasks.spot_interruptions = 2
    again = app.run(number, overwrite=True)
    assert again.entered["ConvertOnDemand"] >= 2
    assert again.output["counts"]["converted"] == 4
