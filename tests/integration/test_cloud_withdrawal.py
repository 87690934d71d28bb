"""``sparc-fuse cloud withdraw`` on the real state machine: all versions gone, recorded, not made again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.embedded_aws import EmbeddedAws, embedded_aws
from sparc_fuse_core.command import main as cli
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV = b"time (s),a (mV)\n" + b"".join(b"%g,%d\n" % (i / 10, i) for i in range(20))


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
        one.client("s3").put_bucket_versioning(
            Bucket=one.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        yield one


@pytest.fixture
def cloud(
    aws: EmbeddedAws,
    discover: DiscoverServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "SPARC_FUSE_STATE_MACHINE_ARN": aws.state_machine_arn,
        "SPARC_FUSE_APP_BUCKET": aws.bucket,
        "SPARC_FUSE_DISCOVER_URL": discover.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": discover.url,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["cloud", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def every_key(aws: EmbeddedAws) -> set[str]:
    """Keys of all versions and deletion marks."""
    found = aws.client("s3").list_object_versions(Bucket=aws.bucket)
    assert not found["IsTruncated"]
    return {e["Key"] for kind in ("Versions", "DeleteMarkers") for e in found.get(kind, ())}


def of(keys: set[str], name: str) -> set[str]:
    return {key for key in keys if f"/{name}/" in key}


def test_a_dataset_is_gone_with_all_versions_and_stays_so(
    cloud: Any, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    for number in (401, 402):
        discover.add_dataset(number, {"files/primary/a.csv": CSV})
        assert cloud("start", str(number), "--wait", "--every", "0.2")[0] == 0
    assert cloud("start", "401", "--overwrite", "--wait", "--every", "0.2")[0] == 0
    assert cloud("watch", "add", "401")[0] == 0
    before = every_key(aws)

    code, said = cloud("withdraw", "401")
    assert code == 0
    assert "nothing is removed yet" in said
    assert every_key(aws) == before, "without --yes nothing changes"

    code, said = cloud("withdraw", "401", "--yes")
    assert code == 0, said
    left = every_key(aws)
    assert of(left, "401") == set()
    assert of(left, "402") == of(before, "402")
    record = "datasets/.sparc-fuse/withdrawn/401.json"
    assert left - before == {record}
    with aws.client("s3").get_object(Bucket=aws.bucket, Key=record)["Body"] as body:
        told = json.load(body)
    assert set(told) == {"dataset_id", "withdrawn", "versions", "n_objects", "n_bytes"}
    assert told["versions"] == ["2"]
    assert told["n_objects"] > 10
    assert "no dataset is watched" in cloud("watch", "list")[1]
    assert "401: 20" in cloud("withdraw")[1]

    code, said = cloud("start", "401", "--overwrite", "--wait", "--every", "0.2")
    assert code == 1
    assert "DatasetWithdrawnError" in said
    assert of(every_key(aws), "401") == set(), "a refused plan leaves nothing"
    code, said = cloud("start", "401", "402", "--wait", "--every", "0.2")
    assert "401: refused: DatasetWithdrawnError" in said
    assert "401" not in {row.split()[0] for row in cloud("plan", "402")[1].splitlines()}

    assert cloud("withdraw", "401", "--allow-again")[0] == 0
    assert cloud("start", "401", "--overwrite", "--wait", "--every", "0.2")[0] == 0
    assert of(every_key(aws), "401")


def test_an_upload_is_gone_with_its_originals(cloud: Any, aws: EmbeddedAws, tmp_path: Any) -> None:
    (tmp_path / "primary").mkdir()
    (tmp_path / "primary" / "a.csv").write_bytes(CSV)
    assert cloud("upload", str(tmp_path), "--name", "mine")[0] == 0
    assert cloud("start", "uploads/mine", "--wait", "--every", "0.2")[0] == 0
    assert {key.split("/")[0] for key in of(every_key(aws), "mine")} == {"uploads", "datasets"}
    code, said = cloud("withdraw", "uploads/mine", "--yes")
    assert code == 0
    assert "its originals: 2 objects" in said
    assert of(every_key(aws), "mine") == set()


def test_what_is_at_work_or_not_there_is_refused(
    cloud: Any, aws: EmbeddedAws, discover: DiscoverServer
) -> None:
    assert cloud("withdraw", "499", "--yes")[0] == 1
    assert "was not withdrawn" in cloud("withdraw", "499", "--allow-again")[1]
    for name in ("mine", "..", "datasets", "uploads/..", "uploads/a/b", "4 5"):
        assert cloud("withdraw", name, "--yes")[0] == 2, name
    assert cloud("withdraw", "--yes")[0] == 2
    discover.add_dataset(403, {"files/primary/a.csv": CSV})
    assert cloud("start", "403", "--wait", "--every", "0.2")[0] == 0
    client = aws.client("s3")
    lock = "datasets/403/2/.sparc-fuse/running.json"
    arn = aws.start({"dataset_id": "403"}, "403-at-work")
    aws.wait(arn)
    holder = json.dumps({"execution": arn, "host": "elsewhere"}).encode()
    client.put_object(Bucket=aws.bucket, Key=lock, Body=holder)
    code, said = cloud("withdraw", "403", "--yes")
    assert code == 2
    assert "DatasetBusyError" in said or "works on" in said, said
    assert "datasets/.sparc-fuse/withdrawn/403.json" not in {
        e["Key"] for e in client.list_objects_v2(Bucket=aws.bucket)["Contents"]
    }
    assert client.head_object(Bucket=aws.bucket, Key="datasets/403/2/manifest.json")
