"""``sparc-fuse cloud``: which app is meant, what is stopped and repeated, what is said of faults."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from boto3.s3.transfer import TransferConfig
from moto.core.responses import ActionResult
from moto.stepfunctions.responses import StepFunctionResponse

from sparc_fuse_core import errors
from sparc_fuse_core.cloud import app as cloud_app
from sparc_fuse_core.cloud import watch_list
from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.executions import Started
from sparc_fuse_core.cloud.published import forget
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.cloud_progress import describe
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage import bucket as storage_bucket
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.cloud.app_bucket import AppBucket

WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}

#: Plain resources of a stack whose outputs are those of the app.
TEMPLATE = {
    "Resources": {"Results": {"Type": "AWS::S3::Bucket"}},
    "Parameters": {"Bucket": {"Type": "String"}, "Machine": {"Type": "String"}},
    "Outputs": {
        "Bucket": {"Value": {"Ref": "Bucket"}},
        "StateMachineArn": {"Value": {"Ref": "Machine"}},
    },
}


@pytest.fixture
def app(
    s3_endpoint: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Deployed]:
    requests.post(
        f"{s3_endpoint}/moto-api/config",
        json={"stepfunctions": {"execute_state_machine": False}},
        timeout=30,
    ).raise_for_status()
    discover = DiscoverServer()
    discover.add_dataset(224, {"files/primary/a.csv": b"a\n1\n"})
    monkeypatch.setenv("SPARC_FUSE_DISCOVER_URL", discover.url)
    monkeypatch.setenv("SPARC_FUSE_REQUEST_ATTEMPTS", "2")
    monkeypatch.setenv("SPARC_FUSE_RETRY_PAUSE_S", "0.001")
    yield Deployed(s3_endpoint, bucket, capsys)
    discover.close()


class Deployed:
    """An app whose executions run until they are stopped."""

    def __init__(self, endpoint: str, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.endpoint, self.bucket = endpoint, bucket
        self._capsys = capsys
        self.machines = self.client("stepfunctions")
        self.stack = f"Stack-{bucket}"
        self.arn = self.machines.create_state_machine(
            name=self.stack,
            definition=json.dumps(WAITS),
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )["stateMachineArn"]
        self.out = self.err = ""

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint, region_name="eu-north-1")

    def deploy_stack(self) -> None:
        self.client("cloudformation").create_stack(
            StackName=self.stack,
            TemplateBody=json.dumps(TEMPLATE),
            Parameters=[
                {"ParameterKey": "Bucket", "ParameterValue": self.bucket},
                {"ParameterKey": "Machine", "ParameterValue": self.arn},
            ],
        )

    def change_stack(self, more: dict[str, str]) -> None:
        outputs = TEMPLATE["Outputs"] | {name: {"Value": value} for name, value in more.items()}
        self.client("cloudformation").update_stack(
            StackName=self.stack,
            TemplateBody=json.dumps(TEMPLATE | {"Outputs": outputs}),
            Parameters=[
                {"ParameterKey": "Bucket", "ParameterValue": self.bucket},
                {"ParameterKey": "Machine", "ParameterValue": self.arn},
            ],
        )

    def __call__(self, *arguments: str, named: bool = True) -> int:
        app = ["--state-machine", self.arn, "--bucket", self.bucket] if named else []
        code = cli.main(["cloud", *arguments, *app])
        self.out, self.err = self._capsys.readouterr()
        return code


def test_the_app_is_found_by_its_stack(app: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app("status", named=False) == 2
    assert "no stack SparcFuse in eu-north-1" in app.err
    app.deploy_stack()
    assert app("start", "224", "--stack", app.stack, named=False) == 0
    monkeypatch.setenv("SPARC_FUSE_STACK_NAME", app.stack)
    assert app("status", "224", named=False) == 0
    assert "RUNNING" in app.out
    assert app("status", "224", "--region", "eu-west-1", named=False) == 2
    assert "in eu-west-1" in app.err


def test_a_stack_of_something_else_is_told(app: Deployed) -> None:
    template = {"Resources": TEMPLATE["Resources"]}
    app.client("cloudformation").create_stack(
        StackName=app.stack, TemplateBody=json.dumps(template)
    )
    assert app("status", "--stack", app.stack, named=False) == 2
    assert "is it this app" in app.err


def test_links_of_what_is_published(app: Deployed) -> None:
    put = functools.partial(app.client("s3").put_object, Bucket=app.bucket)
    items = [
        {"path": "files/primary/a b.edf", "output": "primary/a b.edf.zarr", "status": "converted"},
        {"path": "files/bad.edf", "output": "", "status": "failed"},
        *({"path": f"files/more/{i}", "output": f"more/{i}.zarr"} for i in range(9)),
    ]
    app.deploy_stack()
    assert app("url", "224", "--stack", app.stack) == 2
    assert "are not published: deploy with `-c sparc-fuse:publish=true`" in app.err
    published = {"PublishedUrl": "https://d1.example.org", "DistributionId": "E1"}
    app.change_stack(published)
    assert app("url", "224", "--stack", app.stack) == 2
    assert "was not converted, or withdrawn" in app.err
    put(Key="datasets/224/latest.json", Body=json.dumps({"version": "2"}))
    put(Key="datasets/224/2/manifest.json", Body=json.dumps({"items": items}))
    assert app("url", "224", "--stack", app.stack) == 0
    assert app.out.splitlines()[:3] == [
        "page: https://d1.example.org/224/2/",
        "manifest: https://d1.example.org/224/2/manifest.json",
        "https://d1.example.org/224/2/primary/a%20b.edf.zarr",
    ]
    assert "5 further results" in app.out
    assert app("url", "224", "more", "--stack", app.stack) == 0
    assert len(app.out.splitlines()) == 11
    assert app("url", "224", "primary/a b.edf", "--stack", app.stack) == 0
    assert app.out.count("/224/2/") == 3
    for wrong, said in (("elsewhere", "no result of elsewhere"), ("mor", "no result of mor")):
        assert app("url", "224", wrong, "--stack", app.stack) == 2
        assert said in app.err
    assert app("url", "uploads/mine", "--stack", app.stack) == 2
    assert "uploads never are" in app.err


def test_what_is_withdrawn_or_replaced_is_forgotten_by_the_network(
    app: Deployed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = app.client("cloudfront")
    origin = {
        "Id": "o",
        "DomainName": "b.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    made = network.create_distribution(
        DistributionConfig={
            "CallerReference": app.bucket,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
        }
    )["Distribution"]["Id"]

    def told() -> int:
        found = network.list_invalidations(DistributionId=made)["InvalidationList"]
        return int(found["Quantity"])

    app.deploy_stack()
    app.change_stack({"PublishedUrl": "https://d1.example.org", "DistributionId": made})
    monkeypatch.setenv("SPARC_FUSE_STACK_NAME", app.stack)
    for dataset in ("224", "mine"):
        app.client("s3").put_object(Bucket=app.bucket, Key=f"datasets/{dataset}/2/x", Body=b"1")
    assert cli.main(["withdraw", "224", "--from", f"s3://{app.bucket}/datasets"]) == 0
    assert told() == 0
    assert cli.main(["withdraw", "224", "--from", f"s3://{app.bucket}/datasets", "--yes"]) == 0
    assert told() == 1
    assert cli.main(["withdraw", "mine", "--from", f"s3://{app.bucket}/datasets", "--yes"]) == 0
    assert told() == 1

    cloud = Cloud(f"s3://{app.bucket}/datasets", Settings.from_environment(), distribution_id=made)
    forget("mine/upload", cloud)
    assert told() == 1
    forget("224/2", cloud)
    assert told() == 2
    forget("224/2", dataclasses.replace(cloud, distribution_id="NONE"))
    assert "replaced results may be shown for days still" in caplog.text


def test_starting_says_what_happens_next(app: Deployed) -> None:
    assert app("start", "224", "primary", "--cost-limit-usd", "2.5") == 0
    name = app.out.partition(":")[0]
    assert f"{name}: started" in app.out
    assert f"sparc-fuse cloud status {name}" in app.out
    assert f"s3://{app.bucket}/datasets" in app.out
    assert app("status", name, "--json") == 0
    assert json.loads(app.out)["request"] == {
        "dataset_id": "224",
        "version": "2",
        "paths": ["primary"],
        "cost_limit_usd": 2.5,
    }
    assert app("start", "224", "primary", "--cost-limit-usd", "2.5") == 0
    assert f"{name}: is being done already" in app.out


def test_overwriting_is_a_new_execution_each_time(app: Deployed) -> None:
    names = set()
    for _ in range(2):
        assert app("start", "224", "--overwrite") == 0
        names.add(app.out.partition(":")[0])
    assert len(names) == 2


def test_cancel_and_go_on(app: Deployed) -> None:
    app("start", "224")
    name = app.out.partition(":")[0]
    assert app("retry", name) == 0
    assert "still running" in app.out
    assert app("cancel", "224") == 0
    assert f"{name}: stopped" in app.out
    assert "no manifest" in app.out
    assert app("cancel", name) == 0
    assert "has ended already (ABORTED)" in app.out
    assert app("status", name) == 1
    assert f"sparc-fuse cloud retry {name}" in app.out
    assert app("retry", name) == 0
    assert f"{name}-2: started" in app.out
    assert app("status", "224", "--json") == 0
    assert json.loads(app.out)["name"] == f"{name}-2", "the latest of the dataset"


def test_retry_redrives_where_the_service_can(
    app: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    app("start", "224")
    name = app.out.partition(":")[0]
    app("cancel", name)
    redriven: list[str] = []
    describe = StepFunctionResponse.describe_execution

    def with_redrive_status(self: StepFunctionResponse) -> ActionResult:
        answer = describe(self)
        answer.result["redriveStatus"] = "REDRIVABLE"  # type: ignore[index]
        return answer

    def redrive(self: StepFunctionResponse) -> ActionResult:
        redriven.append(self._get_param("executionArn"))
        return ActionResult({"redriveDate": 0})

    monkeypatch.setattr(StepFunctionResponse, "describe_execution", with_redrive_status)
    monkeypatch.setattr(StepFunctionResponse, "redrive_execution", redrive, raising=False)
    assert app("retry", name) == 0
    assert "goes on where it stopped" in app.out
    assert [arn.rpartition(":")[2] for arn in redriven] == [name]
    assert app("retry", name, "--new") == 0
    assert f"{name}-2: started" in app.out
    assert len(redriven) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "no-such-run"], "ExecutionNotFoundError"),
        (["status", "uploads/no such"], "ExecutionNotFoundError"),
        (["status", "arn:aws:s3:::x"], "ExecutionNotFoundError"),
        (["logs", "999"], "ExecutionNotFoundError"),
        (["start", "404404"], "DatasetNotFoundError"),
        (["start", "no-such-folder"], "RequestError"),
        (["start", "224", "--dataset-version", "x"], "version"),
        (["start", "uploads/nothing"], "DatasetNotFoundError"),
        (["upload", "no-such-folder"], "DatasetNotFoundError"),
        (["watch", "add", "uploads/x"], "uploads start by themselves"),
        (["watch", "remove", "224"], "is not watched"),
    ],
)
def test_wrong_calls_are_told(app: Deployed, arguments: list[str], said: str) -> None:
    assert app(*arguments) == 2
    assert said in app.err
    assert "Traceback" not in app.err


def test_a_cost_limit_is_above_zero(app: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app("start", "224", "--cost-limit-usd", "-1")
    assert ended.value.code == 2
    assert "--cost-limit-usd: -1 is no number above 0" in capsys.readouterr().err


def test_a_local_folder_is_to_be_uploaded(app: Deployed, tmp_path: Path) -> None:
    assert app("start", str(tmp_path)) == 2
    assert "sparc-fuse cloud upload" in app.err


def test_missing_credentials_and_a_dead_endpoint(
    app: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert app("status") == 2
        assert "CloudUnavailableError" in app.err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert app("status") == 2
    assert "CloudRefusedError" in app.err
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    assert app("status") == 2
    assert "no-such-profile" in app.err


def test_the_watch_list_is_edited(app: Deployed) -> None:
    assert app("watch", "list") == 0
    assert "no dataset is watched" in app.out
    assert app("watch", "add", "224") == 0
    assert app("watch", "add", "364", "primary", "--cost-limit-usd", "5") == 0
    assert app("watch", "add", "224") == 0
    assert app("watch", "list", "--json") == 0
    entries = json.loads(app.out)["datasets"]
    assert entries == [{"dataset_id": 364, "paths": ["primary"], "cost_limit_usd": 5.0}, 224]
    stored = app.client("s3").get_object(Bucket=app.bucket, Key="watch/datasets.json")["Body"]
    assert json.load(stored) == {"datasets": entries}
    assert app("watch", "remove", "364") == 0
    assert app.out == "224\n"


def test_two_edits_of_the_watch_list_at_once(
    app: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = watch_list.read_watch_list

    def with_another_between(objects: AppBucket) -> tuple[list[Any], str]:
        answer = read(objects)
        data = b'{"datasets": [7]}'
        app.client("s3").put_object(Bucket=app.bucket, Key="watch/datasets.json", Body=data)
        return answer

    monkeypatch.setattr(watch_list, "read_watch_list", with_another_between)
    assert app("watch", "add", "224") == 2
    assert "changed by someone else" in app.err
    monkeypatch.setattr(watch_list, "read_watch_list", read)
    app("watch", "list")
    assert app.out == "7\n"


def test_a_broken_watch_list_is_told(app: Deployed) -> None:
    app.client("s3").put_object(Bucket=app.bucket, Key="watch/datasets.json", Body=b"[]")
    assert app("watch", "add", "224") == 2
    assert "watch/datasets.json" in app.err


def put_log(app: Deployed, group: str, stream: str, *messages: str) -> None:
    client = app.client("logs")
    existing = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if not existing:
        client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName=stream)
    now_ms = int(time.time() * 1000)
    client.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": now_ms + i, "message": text} for i, text in enumerate(messages)],
    )


def test_logs_are_those_of_the_run(app: Deployed) -> None:
    app("start", "224")
    name = app.out.partition(":")[0]
    assert app("logs", name) == 0
    assert "nothing is logged" in app.out

    def line(request_id: str, message: str) -> str:
        return json.dumps({"requestId": request_id, "level": "INFO", "message": message})

    put_log(
        app,
        f"/aws/lambda/{app.stack}-convert",
        "one environment, two runs",
        line("a", f"run .sparc-fuse/runs/224/2/{name} item 3"),
        line("a", "reading took long"),
        line("b", "run of somebody else"),
    )
    put_log(app, f"/aws/ecs/{app.stack}-convert", "task/1", f"item 4 of {name}", "INFO done")
    put_log(app, f"/aws/ecs/{app.stack}-convert", "task/2", "INFO not ours")
    assert app("logs", "224") == 0
    assert "reading took long" in app.out
    assert "INFO done" in app.out
    assert "somebody else" not in app.out
    assert "not ours" not in app.out


def test_large_files_are_not_sent_twice(
    app: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_bucket, "_PART_BYTES", 5 * 2**20)
    monkeypatch.setattr(storage_bucket, "_WHOLE_BYTES", 2**20)
    folder = tmp_path / "large"
    (folder / "primary").mkdir(parents=True)
    (folder / "primary/a b.wav").write_bytes(b"0123456789abcdef" * (12 * 2**16))
    (folder / "primary/.DS_Store").write_bytes(b"x")
    assert app("upload", str(folder), "--name", "été 1") == 0
    assert "1 sent" in app.out
    (stored,) = [
        entry
        for entry in app.client("s3").list_objects_v2(Bucket=app.bucket)["Contents"]
        if entry["Key"].endswith(".wav")
    ]
    assert stored["ETag"].endswith('-3"'), "it was sent in parts"
    assert stored["Key"] == "uploads/été 1/files/primary/a b.wav"
    assert app("upload", str(folder), "--name", "été 1") == 0
    assert "0 sent, 1 unchanged" in app.out
    app.client("s3").upload_file(
        str(folder / "primary/a b.wav"),
        app.bucket,
        stored["Key"],
        Config=TransferConfig(6 * 2**20, 2, 6 * 2**20),
    )
    monkeypatch.setattr(storage_bucket, "_PARTS_OF_OTHERS", (6 * 2**20,))
    assert app("upload", str(folder), "--name", "été 1") == 0
    assert "0 sent, 1 unchanged" in app.out, "another program's parts were not recognised"
    assert app("upload", str(folder), "--name", "224") == 2
    assert "another name" in app.err


def test_waiting_outlasts_a_service_that_is_away_for_a_while(
    app: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    app("start", "224")
    name = app.out.partition(":")[0]
    app("cancel", name)
    look = cloud_app.App.progress
    faults = [errors.CloudUnavailableError("away")] * 3

    def sometimes(self: cloud_app.App, *arguments: Any, **options: Any) -> Any:
        if "known" in options and faults:
            raise faults.pop()
        return look(self, *arguments, **options)

    monkeypatch.setattr(cloud_app.App, "progress", sometimes)
    monkeypatch.setattr(cloud_app.App, "start_again", lambda self, progress: _started(progress))
    assert app("retry", name, "--new", "--wait", "--every", "0.01") == 1
    assert app.err.count("looking again") == 3
    assert "ABORTED" in app.out


def _started(progress: Any) -> Any:
    return Started(progress.arn, progress.name, "started")


def test_status_says_how_many_run_at_once_and_what_the_account_allows() -> None:
    progress = cloud_app.Progress(
        name="224-2-abc",
        arn="arn",
        status="RUNNING",
        started=datetime.now(UTC),
        stopped=None,
        request={"dataset_id": 224},
        run_key=".sparc-fuse/runs/224/2/224-2-abc",
        n_items=300,
        n_to_do=300,
        max_concurrency=12,
        quotas={"functions": 10, "spot_vcpus": 6.0},
    )
    out = io.StringIO()
    describe(progress, "s3://bucket/datasets", out)
    said = "at once: 12 items at most; the account allows 10 functions at once, 6 vCPUs of Fargate Spot"
    assert said in out.getvalue().splitlines()
