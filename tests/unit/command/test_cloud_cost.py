"""``sparc-fuse cloud cost``: what receipts tell and what Cost Explorer has billed, side by side."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
from moto.ce.models import CostExplorerBackend

from sparc_fuse_core.command import main as cli

ARN = "arn:aws:states:eu-north-1:123456789012:stateMachine:Nothing"


def bill(*services: tuple[str, str]) -> dict[str, Any]:
    groups = [
        {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": "USD"}}}
        for name, usd in services
    ]
    return {"ResultsByTime": [{"Groups": groups, "Estimated": False}]}


@pytest.fixture
def cost(
    s3_endpoint: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "SPARC_FUSE_STATE_MACHINE_ARN": ARN,
        "SPARC_FUSE_APP_BUCKET": bucket,
        "SPARC_FUSE_REQUEST_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")

    def put(version: str, name: str, **receipt: Any) -> None:
        key = f"datasets/224/{version}/.sparc-fuse/receipts/{name}.json"
        client.put_object(Bucket=bucket, Key=key, Body=json.dumps(receipt).encode())

    task = {"on": "fargate", "vcpus": 4.0, "memory_mib": 16384, "seconds": 7200.0}
    put("1", "a.zarr", bytes_in=10**9, bytes_out=2 * 10**9, n_objects=100, spent=task)
    put("1", "b.zarr", bytes_in=10**9)
    put("2", "a.zarr", spent={"on": "lambda", "memory_mib": 1024, "seconds": 10.0})
    client.put_object(Bucket=bucket, Key="datasets/224/2/manifest.json", Body=b"{}")

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["cloud", "cost", "224", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_each_version_has_its_cost(cost: Any) -> None:
    code, said = cost("--json")
    assert code == 0
    first, second = json.loads(said)["versions"]
    # by hand: 2 h of 4 vCPU and 16 GB; 2 GB of transfer; 100 objects and 2 receipts of two requests each
    assert first["compute_usd"] == pytest.approx(2 * (4 * 0.0445 + 16 * 0.0049))
    assert first["transfer_usd"] == pytest.approx(0.04)
    assert first["requests_usd"] == pytest.approx(104 * 0.000005 + 16 * 0.000025)
    assert (first["n_items"], first["n_unknown"], first["vcpu_h"]) == (2, 1, 8.0)
    assert first["storage_usd_month"] == pytest.approx(0.046)
    assert (second["lambda_gb_s"], second["vcpu_h"]) == (10.0, 0.0)
    code, said = cost()
    assert said.splitlines()[0].split()[:3] == ["version", "items", "unknown"]
    assert said.splitlines()[1].split()[:3] == ["1", "2", "1"]


def test_a_region_where_the_sources_lie_pays_no_transfer(
    cost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARC_FUSE_OUTPUT_REGION", "us-east-1")
    _, said = cost("--json")
    assert [version["transfer_usd"] for version in json.loads(said)["versions"]] == [0.0, 0.0]


def test_the_bill_is_asked_by_both_tags(
    cost: Any, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    own = CostExplorerBackend.get_cost_and_usage

    def note(backend: Any, body: str) -> Any:
        asked.append(json.loads(body))
        return own(backend, body)

    monkeypatch.setattr(CostExplorerBackend, "get_cost_and_usage", note)
    pages = [bill(("Amazon Elastic Container Service", "1.25"), ("Tax", "0.5"))]
    requests.post(
        f"{s3_endpoint}/moto-api/static/ce/cost-and-usage-results",
        json={"results": pages},
        timeout=30,
    ).raise_for_status()
    code, said = cost("--billed", "--since", "2026-01-31")
    assert code == 0
    assert (
        "billed since 2026-01-31 for the tag: Amazon Elastic Container Service: US$ 1.2500" in said
    )
    (query,) = asked
    assert query["TimePeriod"]["Start"] == "2026-01-31"
    tags = [entry["Tags"] for entry in query["Filter"]["And"]]
    assert tags == [
        {"Key": "project", "Values": ["SparcFuse"]},
        {"Key": "dataset", "Values": ["224"]},
    ]
    code, said = cost("--billed", "--since", "2026-02-01")
    assert "nothing; tags count from the day after" in said
    with pytest.raises(SystemExit):
        cost("--since", "yesterday")
