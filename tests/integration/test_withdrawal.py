"""A withdrawn dataset is gone from folder and bucket with all its versions; others are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from sparc_fuse_core.command.main import main
from sparc_fuse_core.errors import DatasetBusyError, RequestError
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.storage.withdrawal import withdraw

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = (
    "224/1/manifest.json",
    "224/2/files/a.edf.zarr/zarr.json",
    "224/2/.sparc-fuse/receipts/a.json",
    "224/latest.json",
)
_OTHERS = ("2245/1/manifest.json", "22/1/manifest.json")


def _filled(root: Path) -> None:
    for key in (*_KEYS, *_OTHERS):
        file = root / "out" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    beside = root / "out-left-out" / "224" / "2" / "a.json"
    beside.parent.mkdir(parents=True)
    beside.write_text("name")


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _filled(tmp_path)
    asked = ["withdraw", "224", "--from", str(tmp_path / "out")]
    assert main(asked) == 0
    assert "--yes" in capsys.readouterr().out
    assert (tmp_path / "out" / "224" / "latest.json").exists()
    assert main([*asked, "--yes"]) == 0
    assert "5 objects" in capsys.readouterr().out
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.json") if p.is_file()}
    assert left == {f"out/{key}" for key in _OTHERS}
    assert not (tmp_path / "out" / "224").exists()
    assert not (tmp_path / "out-left-out" / "224").exists()
    assert main(asked) != 0


def test_a_running_conversion_stops_it(tmp_path: Path) -> None:
    _filled(tmp_path)
    held = open_destination(tmp_path / "out", Settings(), folder="224/2")
    with held.lock(), pytest.raises(DatasetBusyError):
        withdraw(tmp_path / "out", "224", Settings(), remove=True)
    assert (tmp_path / "out" / "224" / "latest.json").exists()


@pytest.mark.parametrize("name", ["..", "", "a/b", ".sparc-fuse", "/etc", "a\\b"])
def test_what_is_no_id_removes_nothing(tmp_path: Path, name: str) -> None:
    _filled(tmp_path)
    with pytest.raises((RequestError, ValueError)):
        withdraw(tmp_path / "out", name, Settings(), remove=True)
    assert len(list(tmp_path.rglob("*.json"))) == 7


@pytest.mark.parametrize("versioned", [True, False])
def test_a_bucket(s3_endpoint: str, bucket: str, versioned: bool) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    if versioned:
        configuration = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=configuration)
    keys = [*_KEYS, *_OTHERS]
    objects = [f"results/{key}" for key in keys] + ["results/.sparc-fuse/runs/224/2/r/plan.json"]
    for key in objects * 2:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    client.delete_object(Bucket=bucket, Key=objects[0])
    client.create_multipart_upload(Bucket=bucket, Key="results/224/2/large")
    settings = Settings.from_environment()
    found = withdraw(f"s3://{bucket}/results", "224", settings, remove=False)
    # two versions of five objects and a mark; or four objects
    assert found.n_objects == (11 if versioned else 4)
    assert set(found.versions) >= {"2"}
    withdraw(f"s3://{bucket}/results", "224", settings, remove=True)
    there = client.list_object_versions(Bucket=bucket)
    left = {one["Key"] for kind in ("Versions", "DeleteMarkers") for one in there.get(kind, ())}
    assert left == {f"results/{key}" for key in _OTHERS}
    assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert withdraw(f"s3://{bucket}/results", "224", settings, remove=True).n_objects == 0
