"""Manifests of older converters: told by their text, however large, and asked for again as they were."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sparc_fuse_core.cloud.app import App
from sparc_fuse_core.cloud.older import _scan, find_older, is_older
from sparc_fuse_core.cloud.request import as_input
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = "arn:aws:states:eu-north-1:123456789012:stateMachine:Nothing"


@pytest.fixture
def app(s3_endpoint: str, bucket: str) -> App:
    settings = Settings(output_s3_endpoint=s3_endpoint, request_attempts=1)
    return App(settings, ARN, bucket)


@pytest.fixture
def put(s3_endpoint: str, bucket: str) -> Callable[..., None]:
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")

    def write(name: str, version: str, made_by: list[str], **head: Any) -> None:
        options = dataclasses.asdict(ConvertOptions())
        manifest = {
            "dataset_id": name,
            "name": 'a "converter_version": "9.9.9" in a text\n "whole_dataset": false',
            "options": {**options, **head.pop("options", {})},
            "whole_dataset": True,
            **head,
            "items": [
                {"path": f"files/{n}.edf", "converter_version": made}
                for n, made in enumerate(made_by)
            ],
            "skipped": [],
        }
        for key, values in (
            (f"{name}/{version}/manifest.json", manifest),
            (f"{name}/latest.json", {"dataset_id": name, "version": version}),
        ):
            body = json.dumps(values, indent=1).encode()
            client.put_object(Bucket=bucket, Key=f"datasets/{key}", Body=body)

    return write


@pytest.mark.parametrize(
    ("version", "current", "older"),
    [
        ("0.1.0", "0.2.0", True),
        ("0.2.0", "0.2.0", False),
        ("0.10.0", "0.2.0", False),
        ("0.2", "0.2.0", True),
        ("1.0.0", "0.2.0", False),
        ("", "0.2.0", True),
        ("dev", "0.2.0", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, current: str, older: bool) -> None:
    assert is_older(version, current) is older


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_a_manifest_is_counted_alike_in_pieces_of_any_size(size: int) -> None:
    versions = ["0.1.0", "0.2.0", "0.1.0", "0.10.3"] * 5
    text = json.dumps([{"a": 1, "converter_version": v, "b": "x" * 40} for v in versions]).encode()
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert _scan(pieces)[0] == {"0.1.0": 10, "0.2.0": 5, "0.10.3": 5}


def test_what_is_behind_is_asked_for_as_it_was(app: App, put: Callable[..., None]) -> None:
    put("224", "3", ["0.1.0", "0.2.0", "0.1.0"], options={"file_format": "npz", "salvage": True})
    put("225", "1", ["0.2.0", "0.3.0"])
    put("mine", "upload", ["0.1.9"])
    put("226", "1", ["0.1.0", "0.2.0"], whole_dataset=False)
    put("227", "1", [])
    found = {entry.dataset_id: entry for entry in find_older(app, "0.2.0")}
    assert sorted(found) == ["224", "226", "mine"]
    assert found["224"].made_by == {"0.1.0": 2, "0.2.0": 1}
    requests = {name: as_input(entry.request) for name, entry in found.items() if entry.request}
    assert requests == {
        "224": {"dataset_id": "224", "version": "3", "file_format": "npz", "salvage": True},
        "226": {"dataset_id": "226", "version": "1", "paths": ["files/0.edf"]},
        "mine": {"dataset_id": "uploads/mine"},
    }
    assert [entry.dataset_id for entry in find_older(app, "0.2.0", ["225", "224"])] == ["224"]


def test_what_cannot_be_asked_for_again_says_so(
    app: App, put: Callable[..., None], s3_endpoint: str, bucket: str
) -> None:
    put("224", "1", ["0.1.0"], options={"rate_hz": 500.0})
    put("225", "1", ["0.1.0"] * 300, whole_dataset=False)
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")
    client.put_object(Bucket=bucket, Key="datasets/226/latest.json", Body=b"[1]")
    faults = {entry.dataset_id: entry.fault for entry in find_older(app, "0.2.0")}
    assert "rate_hz=500.0" in faults["224"]
    assert "300 files by an older converter" in faults["225"]
    assert "cannot be read" in faults["226"]
