"""Many datasets in one call, on the real state machines with the real handlers."""

from __future__ import annotations

import io
import json
import re
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lambdas import start as start_function
from rehearsal.embedded_aws import EmbeddedAws, embedded_aws
from sparc_fuse_core.cloud.list_tasks import list_key
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.plan.estimates import ACCURACY
from sparc_fuse_core.version import CONVERTER_VERSION
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
        "SPARC_FUSE_REQUEST_ATTEMPTS": "2",
        "SPARC_FUSE_RETRY_PAUSE_S": "0.001",
        "MAX_CONCURRENCY": "40",
    }
    with embedded_aws(settings, pause_scale=0.001) as one:
        yield one


class Command:
    """Runs the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = cli.main(["cloud", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def cloud(
    aws: EmbeddedAws,
    discover: DiscoverServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "SPARC_FUSE_STATE_MACHINE_ARN": aws.state_machine_arn,
        "SPARC_FUSE_APP_BUCKET": aws.bucket,
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
    }.items():
        monkeypatch.setenv(name, value)
    return Command(capsys)


def stored(aws: EmbeddedAws, key: str) -> Any:
    with aws.client("s3").get_object(Bucket=aws.bucket, Key=f"datasets/{key}")["Body"] as body:
        return json.load(body)


def inputs(aws: EmbeddedAws) -> dict[str, dict[str, Any]]:
    """Inputs of all executions of datasets, by name."""
    client = aws.client("stepfunctions")
    found = client.list_executions(stateMachineArn=aws.state_machine_arn)["executions"]
    arns = {entry["name"]: entry["executionArn"] for entry in found}
    return {
        name: json.loads(client.describe_execution(executionArn=arn)["input"])
        for name, arn in arns.items()
    }


def test_a_list_from_its_cost_to_its_results(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    discover.add_dataset(301, {"files/primary/a.wav": wav(1)})
    discover.add_dataset(302, {f"files/primary/{n}.wav": wav(n) for n in (2, 3)})
    discover.add_dataset(303, {"files/primary/bad.wav": b"RIFF"})
    assert cloud("plan", "301", "302", "303", "--json") == 0
    told = json.loads(cloud.out)
    limit = told["most_usd"] * 1.5

    words = ("start", "301", "302", "999", "303", "--cost-limit-usd", str(limit), "--at-once", "24")
    assert cloud(*words, "--wait", "--every", "0.2") == 1
    name = cloud.out.partition(":")[0]
    assert name.startswith("list-4-")
    rows = {line.split()[0]: line.split() for line in cloud.out.splitlines() if line[:1] == "3"}
    assert {row[0]: row[2] for row in rows.values() if len(row) > 5} == dict.fromkeys(
        ("301", "302", "303"), "succeeded"
    )
    assert rows["303"][4] == "1", "the item that failed"
    assert "999: refused: DatasetNotFoundError" in cloud.out
    for number in (301, 302, 303):
        assert stored(aws, f"{number}/2/manifest.json")["dataset_id"] == str(number)
    # one budget: the shares are the limit, whatever became of each; one concurrency
    known = stored(aws, list_key(name))
    started = {e["name"]: e for e in known["datasets"] if e["outcome"] == "start"}
    given = {child: values for child, values in inputs(aws).items() if child in started}
    assert sum(values["cost_limit_usd"] for values in given.values()) == pytest.approx(limit)
    for child, values in given.items():
        assert values["cost_limit_usd"] > ACCURACY * started[child]["cost_usd"]
        assert values["version"] == "2"
        assert values["max_concurrency"] == 24, "one dataset at once, as each has 20 items at least"

    assert cloud("status", name, "--json") == 1
    told = json.loads(cloud.out)
    assert told["status"] == "SUCCEEDED"
    assert [entry["n_failed"] for entry in told["datasets"]] == [0, 0, 0, 1]
    assert cloud("status") == 0
    assert name in cloud.out
    assert cloud("logs", name) == 0
    assert cloud.out.count("sparc-fuse cloud logs 30") == 3

    # what it cost afterwards, from what each function noted of itself
    assert cloud("cost", "302", "--json") == 0
    (version,) = json.loads(cloud.out)["versions"]
    assert (version["version"], version["n_items"], version["n_unknown"]) == ("2", 2, 0)
    spent = [item["spent"] for item in stored(aws, "302/2/manifest.json")["items"]]
    assert {entry["on"] for entry in spent} == {"lambda"}
    gb_s = sum(entry["seconds"] * entry["memory_mib"] / 1024 for entry in spent)
    assert version["lambda_gb_s"] == pytest.approx(gb_s)
    assert version["compute_usd"] == pytest.approx(gb_s * 0.0000166667 + 2 * 0.0000002)
    assert version["bytes_in"] == sum(len(wav(n)) for n in (2, 3))
    assert version["transfer_usd"] == pytest.approx(version["bytes_in"] / 1e9 * 0.02)
    assert cloud("cost", "999") == 2
    assert "no result was made of it" in cloud.err

    # again: what is done is not started, nor counted
    n_before = len(inputs(aws))
    assert cloud("retry", name, "--wait", "--every", "0.2") == 1
    assert cloud.out.startswith(f"{name}-2: started")
    assert len(inputs(aws)) == n_before + 1, "only the one whose item failed"
    assert cloud("plan", "301", "302", "303") == 0
    assert "3 datasets, 1 of 4 items to do" in cloud.out


def test_a_limit_for_all_is_held_before_any_is_started(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    for number in (311, 312):
        discover.add_dataset(number, {"files/primary/a.wav": wav(number)})
    assert cloud("plan", "311", "312", "--json") == 0
    most = json.loads(cloud.out)["most_usd"]
    before = inputs(aws)
    limit = str(most * 0.9)
    assert cloud("start", "311", "312", "--cost-limit-usd", limit, "--wait", "--every", "0.2") == 1
    assert "CostLimitError: 2 datasets: about" in cloud.out
    assert "311" in cloud.out
    assert inputs(aws) == before
    assert cloud("status", "311") == 2, "it has no execution"


def test_a_limit_of_its_own_refuses_one_dataset_only(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer, tmp_path: Any
) -> None:
    for number in (321, 322):
        discover.add_dataset(number, {"files/primary/a.wav": wav(number)})
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([{"dataset_id": 321, "cost_limit_usd": 1e-9}, 322]))
    assert cloud("start", "--list", str(listed), "--wait", "--every", "0.2") == 1
    assert "321: refused: CostLimitError" in cloud.out
    assert stored(aws, "322/2/manifest.json")["counts"]["converted"] == 1


def test_the_stacks_limit_holds_for_a_list_that_states_none(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lambdas import plan as plan_function

    discover.add_dataset(331, {"files/primary/a.wav": wav(331)})
    for name, value in aws.environment_of("plan").items():
        if name.startswith(("OUTPUT_URI", "AWS_ENDPOINT", "SPARC_FUSE")):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("COST_LIMIT_USD", "3")
    request = {"dataset_id": "331"}
    event = {"estimate": request, "index": 0, "list": "list-1-x"}
    assert plan_function.handler(event, None) == {"index": 0}
    budget = {"datasets": [request]}
    answer = plan_function.handler({"budget": budget, "list": "list-1-x"}, None)
    (started,) = answer["starts"]
    assert started["input"]["cost_limit_usd"] == pytest.approx(3)
    budget["cost_limit_usd"] = 7
    (started,) = plan_function.handler({"budget": budget, "list": "list-1-x"}, None)["starts"]
    assert started["input"]["cost_limit_usd"] == pytest.approx(7)


def test_none_that_can_be_had_fails_the_list(cloud: Command) -> None:
    assert cloud("start", "990", "991", "--wait", "--every", "0.2") == 1
    assert "none of the 2 datasets can be started" in cloud.out


def test_a_dataset_whose_plan_is_lost_stops_no_other(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    discover.add_dataset(341, {"files/primary/a.wav": wav(341)})
    discover.add_dataset(342, {"files/primary/a.wav": wav(342)})
    # for good: more often than is tried
    discover.faults.status["/datasets/341"] = [503] * 100
    assert cloud("start", "341", "342", "--wait", "--every", "0.2") == 1
    discover.faults.status.clear()
    assert "341: refused: WorkerLostError" in cloud.out
    assert stored(aws, "342/2/manifest.json")["counts"]["converted"] == 1


def test_a_request_in_the_bucket_starts_a_list_once(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    discover.add_dataset(351, {"files/primary/a.wav": wav(351)})
    monkeypatch.setenv("OUTPUT_URI", f"s3://{aws.bucket}/datasets")
    monkeypatch.setenv("STATE_MACHINE_ARN", aws.state_machine_arn)
    body = json.dumps({"datasets": [351], "cost_limit_usd": 1}).encode()
    aws.client("s3").put_object(Bucket=aws.bucket, Key="requests/list.json", Body=body)
    detail = {"bucket": {"name": aws.bucket}, "object": {"key": "requests/list.json"}}
    event = {"id": "1", "time": "2020-01-01T00:00:00Z", "detail": detail}
    first = start_function.handler(event, None)
    assert (first["outcome"], first["name"][:7]) == ("started", "list-1-")
    second = start_function.handler(event, None)
    assert second["outcome"] in ("running", "ended")
    assert cloud("retry", first["name"], "--wait", "--every", "0.2") == 0
    assert stored(aws, "351/2/manifest.json")["counts"]["converted"] == 1
    wrong = json.dumps({"datasets": [351, "x y"]}).encode()
    aws.client("s3").put_object(Bucket=aws.bucket, Key="requests/list.json", Body=wrong)
    with pytest.raises(ValueError, match=r"requests/list\.json: datasets: .x y"):
        start_function.handler(event, None)


def test_a_list_is_stopped_with_what_it_started(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    discover.add_dataset(361, {"files/primary/a.wav": wav(361)})
    aws.concurrency.limit = 1
    try:
        with aws.concurrency.one():  # nothing finds room, so all waits
            assert cloud("start", "361", "362") == 0
            name = cloud.out.partition(":")[0]
            assert cloud("status", name) == 0
            assert "nothing is started before all were" in cloud.out
            assert cloud("start", "361", "362") == 0
            assert f"{name}: is being done already" in cloud.out
            assert cloud("cancel", name) == 0
            assert f"{name}: stopped" in cloud.out
    finally:
        aws.concurrency.limit = 0


def age(aws: EmbeddedAws, number: int) -> None:
    """Make a dataset's results those of release 0.1.0, whose keys were others."""
    client = aws.client("s3")
    pages = client.list_objects_v2(Bucket=aws.bucket, Prefix=f"datasets/{number}/2/")["Contents"]
    keys = [entry["Key"] for entry in pages]
    for key in keys:
        if key.endswith("manifest.json") or "/receipts/" in key:
            with client.get_object(Bucket=aws.bucket, Key=key)["Body"] as body:
                text = body.read().decode()
            aged = text.replace(
                f'"converter_version": "{CONVERTER_VERSION}"', '"converter_version": "0.1.0"'
            )
            assert aged != text
            aged = re.sub(r'"key": "\w+"', '"key": "of-the-older-release"', aged)
            client.put_object(Bucket=aws.bucket, Key=key, Body=aged.encode())


def test_what_an_older_converter_made_is_found_and_made_again(
    cloud: Command, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    for number in (371, 372, 373):
        discover.add_dataset(number, {f"files/primary/{n}.wav": wav(number + n) for n in (0, 1)})
    assert cloud("start", "371", "372", "--wait", "--every", "0.2") == 0
    assert cloud("start", "373", "primary/0.wav", "--wait", "--every", "0.2") == 0
    assert cloud("reconvert", "371", "372", "373") == 0
    assert "nothing to do: all complete results are by converter" in cloud.out
    age(aws, 371)
    age(aws, 373)
    before = inputs(aws)
    assert cloud("reconvert", "371", "372", "373") == 0
    assert "371/2: 2 by 0.1.0" in cloud.out
    assert "372/2" not in cloud.out
    assert "2 datasets, 3 of 3 items to do" in cloud.out
    assert inputs(aws) == before, "without --yes nothing starts"
    assert cloud("reconvert", "371", "372", "373", "--yes", "--cost-limit-usd", "1") == 0
    name = cloud.out.splitlines()[-2].partition(":")[0]
    assert cloud("retry", name, "--wait", "--every", "0.2") == 0
    started = [v for n, v in inputs(aws).items() if n not in before]
    assert {v["dataset_id"] for v in started} == {"371", "373"}
    (partial,) = {tuple(v["paths"]) for v in started if v["dataset_id"] == "373"}
    assert partial == ("files/primary/0.wav",), "what was converted in part stays so"
    for number in (371, 373):
        items = stored(aws, f"{number}/2/manifest.json")["items"]
        assert {item["converter_version"] for item in items} == {CONVERTER_VERSION}
    assert cloud("reconvert", "371", "372", "373") == 0
    assert "nothing to do" in cloud.out
    assert cloud("reconvert", "999") == 2
    assert "999: no complete result" in cloud.err
