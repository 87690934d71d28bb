"""The thirteen documented functions, against real servers."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import requests
import zarr
from botocore.exceptions import ClientError

import sparc_fuse_core as sf
from sparc_fuse_core.command.sample import CORRUPT, write_sample
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

# ruff: noqa: E501
SIGNATURES = {
    "consolidate_s3_metadata": "(bucket, remote_path, region='eu-north-1')",
    "convert_imaging_file": "(local_path, *, output_dir, ome_zarr_version=None, method='dask_image_gaussian', output_scale='3')",
    "create_xarray_zarr_from_raw": "(bucket, raw_zarr_path, xarray_zarr_path, region='eu-north-1')",
    "download_and_convert_sparc_data": "(dataset_id, primary_paths=None, *, output_dir='./output', descriptors_dir='./mapping_schemes', file_format='npz', overwrite=False)",
    "download_and_move_sparc_file": "(rel_path, dataset_id, output_dir)",
    "fetch_dataset_metadata": "(dataset_id)",
    "generate_and_upload_manifest": "(dataset_id, bucket, xarray_zarr_path, region='eu-north-1')",
    "get_sparc_datasets_by_id": "(ids)",
    "list_primary_files": "(dataset_id)",
    "list_sparc_datasets": "(max_id=1000)",
    "open_zarr_from_s3": "(bucket, zarr_path, region='eu-north-1')",
    "print_project_metadata": "(metadata)",
    "upload_to_s3": "(local_path, bucket, remote_path, region='eu-north-1')",
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscoverServer]:
    one = DiscoverServer()
    folder = tmp_path / "source"
    write_sample(folder)
    one.add_dataset(224, folder)
    monkeypatch.setenv("SPARC_FUSE_DISCOVER_URL", one.url)
    monkeypatch.setenv("SPARC_FUSE_SOURCE_S3_ENDPOINT", one.url)
    yield one
    one.close()


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signatures_are_the_contract(name: str) -> None:
    signature = inspect.signature(getattr(sf, name))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == SIGNATURES[name]


def test_the_import_is_light() -> None:
    code = "import sys, sparc_fuse_core; assert not {'numpy','zarr','boto3','requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_metadata_and_listing(server: DiscoverServer, capsys: pytest.CaptureFixture[str]) -> None:
    metadata = sf.fetch_dataset_metadata(224)
    assert metadata["id"] == 224
    with pytest.raises(requests.HTTPError):
        sf.fetch_dataset_metadata(999)
    files, same = sf.list_primary_files(224)
    assert same == metadata
    assert all(file["path"].startswith("files/primary/") for file in files)
    assert len(files) == 10
    sf.print_project_metadata(metadata)
    assert json.loads(capsys.readouterr().out)["id"] == 224
    sf.print_project_metadata({"item": {"name": "x"}})
    assert json.loads(capsys.readouterr().out) == {"name": "x"}


def test_types(server: DiscoverServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.add_dataset(7, {}, datasetType=None)
    assert sf.get_sparc_datasets_by_id({224, 7, 9}) == {"research": [224], "<invalid type>": [7]}
    assert sf.get_sparc_datasets_by_id(224) == {"research": [224]}
    with pytest.raises(TypeError):
        sf.get_sparc_datasets_by_id("224")  # type: ignore[arg-type]
    assert sf.list_sparc_datasets(10) == {"<invalid type>": [7]}
    assert "total: 1" in capsys.readouterr().out


def test_one_file(server: DiscoverServer, tmp_path: Path) -> None:
    for name in ("sub-1/sam-1/steps.abf", "primary/sub-1/sam-1/steps.abf"):
        path = sf.download_and_move_sparc_file(name, 224, tmp_path / "one")
        assert path.read_bytes()[:4] == b"ABF "
    with pytest.raises(FileNotFoundError, match="steps"):
        sf.download_and_move_sparc_file("sub-1/steps.abf", 224, tmp_path)


def test_download_and_convert(server: DiscoverServer, tmp_path: Path) -> None:
    rows = sf.download_and_convert_sparc_data(
        224, ["sub-1/sam-1/sleep.edf", f"{CORRUPT}"], output_dir=tmp_path / "out"
    )
    good, bad = rows
    assert set(good) == {
        "rel_path",
        "local_path",
        "std_path",
        "descriptor_id",
        "mapping_score",
        "status",
        "error",
    }
    assert (good["status"], good["mapping_score"], good["error"]) == ("ok", 1.0, None)
    with np.load(good["std_path"], allow_pickle=False) as content:
        assert content["signals"].shape == (1, 30_000)
        assert json.loads(str(content["attributes"]))[""]["database_id"] == 224
    assert bad["status"] == "failed"
    assert "truncated" in bad["error"]
    with pytest.raises(ValueError, match="nothing to process"):
        sf.download_and_convert_sparc_data(224, "no-such.edf", output_dir=tmp_path)
    leftovers = list((tmp_path / "out").rglob("*.edf"))
    assert not leftovers


def test_bucket_functions(bucket: str, s3_endpoint: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw.zarr"
    root = zarr.open_group(raw, mode="w", zarr_format=2, attributes={"subject": "sub-1"})
    signals = np.random.default_rng(0).normal(size=(3, 5000))
    root.create_array("signals", data=signals)
    root.create_array("time", data=np.arange(5000) / 100.0)
    sf.upload_to_s3(raw, bucket, "raw.zarr")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    before = objects(client, bucket)
    sf.upload_to_s3(raw, bucket, "raw.zarr")
    assert objects(client, bucket) == before, "what is unchanged is not sent again"
    sf.consolidate_s3_metadata(bucket, "raw.zarr")
    sf.consolidate_s3_metadata(bucket, "raw.zarr")
    sf.create_xarray_zarr_from_raw(bucket, "raw.zarr", "x.zarr")
    opened = sf.open_zarr_from_s3(bucket, "x.zarr")
    assert opened["signals"].dims == ("channel", "time")
    np.testing.assert_array_equal(opened["signals"].values, signals)
    np.testing.assert_array_equal(
        opened["signals"].sel(channel=1).isel(time=slice(0, 100)).values, signals[1, :100]
    )
    assert opened.attrs["subject"] == "sub-1"
    older = sf.open_zarr_from_s3(bucket, "raw.zarr")
    assert older["signals"].dims == ("channel", "time")
    sf.generate_and_upload_manifest(224, bucket, "x.zarr")
    manifest = json.load(client.get_object(Bucket=bucket, Key="latest.json")["Body"])
    assert manifest["dataset_id"] == 224
    with pytest.raises(FileNotFoundError):
        sf.consolidate_s3_metadata(bucket, "none.zarr")
    with pytest.raises(ClientError):
        sf.generate_and_upload_manifest(224, "no-such-bucket-here", "x.zarr")


def objects(client: Any, bucket: str) -> dict[str, Any]:
    listing = client.list_objects_v2(Bucket=bucket)["Contents"]
    return {entry["Key"]: entry["LastModified"] for entry in listing}


def test_own_store_through_raw(bucket: str, tmp_path: Path) -> None:
    from sparc_fuse_core.model import Contents, Recording
    from sparc_fuse_core.writers import zarr_signals

    stored = np.arange(-500, 500, dtype=np.int16).reshape(2, 500)
    recording = Recording("a", stored, ("x", "y"), ("mV", "mV"), 100.0, (0.5, 0.5), (1.0, 1.0))
    zarr_signals.write(Contents((recording,)), tmp_path / "own.zarr", {}, budget_bytes=10**7)
    sf.upload_to_s3(tmp_path / "own.zarr", bucket, "own.zarr")
    sf.create_xarray_zarr_from_raw(bucket, "own.zarr", "again.zarr")
    opened = sf.open_zarr_from_s3(bucket, "again.zarr")
    np.testing.assert_allclose(opened["signals"].values, stored * 0.5 + 1.0)
    np.testing.assert_allclose(opened["time"].values, np.arange(500) / 100)


@pytest.mark.parametrize("version", [None, "0.4", "0.5"])
def test_convert_imaging_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    write_sample(tmp_path / "d")
    monkeypatch.chdir(tmp_path / "d")
    source = tmp_path / "d/primary/sub-1/sam-1/nerve_stack.ome.tif"
    method = "mean" if version else "dask_image_gaussian"
    out = sf.convert_imaging_file(
        source, output_dir=Path("../o"), ome_zarr_version=version, method=method
    )
    assert out.resolve() == tmp_path / "o" / "nerve_stack.ome.tif.ome.zarr"
    root = zarr.open_group(out, mode="r")
    ome: Any = root.attrs if version == "0.4" else root.attrs["ome"]
    assert ome["multiscales"][0]["type"] == method
    assert [d["path"] for d in ome["multiscales"][0]["datasets"]] == ["0", "1"]
    assert root["1"].shape == (2, 12, 160, 192)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="method"):
        sf.convert_imaging_file(source, output_dir=tmp_path / "p", method="magic")
    assert not any((tmp_path / "p").glob("*.zarr"))
