"""``sparc-fuse cloud plan``: what a list would cost, asked of Discover and a bucket; nothing starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from sparc_fuse_core.command import main as cli
from sparc_fuse_core.plan.estimates import ACCURACY
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARN = "arn:aws:states:eu-north-1:123456789012:stateMachine:Nothing"


@pytest.fixture
def discover(
    s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DiscoverServer]:
    one = DiscoverServer()
    one.add_dataset(224, {"files/primary/a.csv": b"a\n1\n", "files/primary/b.pzfx": b"x"})
    one.add_dataset(225, {f"files/primary/{i}/b.csv": b"b\n2\n" for i in range(3)})
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "SPARC_FUSE_DISCOVER_URL": one.url,
        "SPARC_FUSE_SOURCE_S3_ENDPOINT": one.url,
        "SPARC_FUSE_REQUEST_ATTEMPTS": "1",
        "SPARC_FUSE_STATE_MACHINE_ARN": ARN,
        "SPARC_FUSE_APP_BUCKET": bucket,
    }.items():
        monkeypatch.setenv(name, value)
    yield one
    one.close()


def plan(*words: str) -> int:
    return cli.main(["cloud", "plan", *words])


def expected_usd(discover: DiscoverServer, number: int) -> float:
    settings = Settings(discover_url=discover.url, source_s3_endpoint=discover.url)
    return plan_dataset(open_source(number, settings=settings), Schemes(), settings).cost_usd


def test_the_cost_of_a_list_is_the_sum_and_nothing_is_started(
    discover: DiscoverServer,
    s3_endpoint: str,
    bucket: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("225  # the second\n", encoding="utf-8")
    assert plan("224", "--list", str(listed)) == 0
    out = capsys.readouterr().out
    head, first, second, total = out.splitlines()
    assert head.split()[:4] == ["dataset", "version", "items", "to"]
    assert first.split()[:6] == ["224", "2", "1", "1", "0", "1"]
    assert second.split()[:6] == ["225", "2", "3", "3", "0", "0"]
    assert total.startswith("2 datasets, 4 of 4 items to do")
    assert "nothing was started" in total
    assert plan("224", "225", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    wanted = expected_usd(discover, 224) + expected_usd(discover, 225)
    assert told["cost_usd"] == pytest.approx(wanted, abs=1e-5)
    assert told["most_usd"] == pytest.approx(ACCURACY * wanted, abs=1e-5)
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0, "a plan leaves nothing behind"


def test_one_that_cannot_be_had_stops_no_other(
    discover: DiscoverServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan("224", "999", "225", "--json") == 1
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [entry["dataset_id"] for entry in told["datasets"]] == ["224", "225"]
    assert [(f["dataset_id"], f["error"]) for f in told["faults"]] == [
        ("999", "DatasetNotFoundError")
    ]
    assert "999: DatasetNotFoundError" in said.err


def test_a_limit_that_is_too_low_is_told(
    discover: DiscoverServer, capsys: pytest.CaptureFixture[str]
) -> None:
    most = ACCURACY * (expected_usd(discover, 224) + expected_usd(discover, 225))
    assert plan("224", "225", "--cost-limit-usd", str(most * 0.99)) == 1
    assert "would refuse it" in capsys.readouterr().err
    assert plan("224", "225", "--cost-limit-usd", str(most * 1.01)) == 0


def test_a_wrong_call_is_told(
    discover: DiscoverServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing.txt"
    for words, says in (
        ([], "name a dataset"),
        ([str(tmp_path)], "a folder of this machine"),
        (["--list", str(nothing)], "cannot be read as a list"),
    ):
        assert plan(*words) == 2
        assert says in capsys.readouterr().err
    nothing.write_bytes(b"\xff\xfe2")
    assert plan("--list", str(nothing)) == 2
    nothing.write_bytes(b"224\n" * 300_000)
    assert plan("--list", str(nothing)) == 2
    assert "larger than" in capsys.readouterr().err
