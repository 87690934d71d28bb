"""Results of layout 1 that lie in a bucket are lifted there, images and collections too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import numpy as np
import pytest

import sparc_fuse_core as sf
from sparc_fuse_core.command.main import main
from tests.samples.layout_1 import PIXELS, write_images_of_layout_1, write_layout_1

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


def _keys(endpoint: str, bucket: str) -> dict[str, str]:
    """Return the tag of each object by its key."""
    pages = boto3.client("s3", endpoint_url=endpoint).get_paginator("list_objects_v2")
    return {
        one["Key"]: one["ETag"]
        for page in pages.paginate(Bucket=bucket)
        for one in page.get("Contents", ())
    }


def test_a_collection(
    s3_endpoint: str, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images_of_layout_1(tmp_path / "x.czi.ome.zarr")
    sf.upload_to_s3(tmp_path / "x.czi.ome.zarr", bucket, "ds/x.czi.ome.zarr")
    before = _keys(s3_endpoint, bucket)
    assert any("x.czi.1.ome.zarr/" in key for key in before)
    assert main(["lift", f"s3://{bucket}/ds/x.czi.ome.zarr"]) == 0
    assert "lifted to layout 2: images 0, 1" in capsys.readouterr().out
    after = _keys(s3_endpoint, bucket)
    assert all(key.startswith("ds/x.czi.ome.zarr/") for key in after)
    assert not any("x.czi.1.ome.zarr/" in key for key in after)  # nothing of the old one is left
    assert "ds/x.czi.ome.zarr/OME/METADATA.ome.xml" in after
    opened = sf.open_image(f"s3://{bucket}/ds/x.czi.ome.zarr")
    assert opened.attrs["images"] == ["0", "1"]
    np.testing.assert_array_equal(opened["image"].values, PIXELS)
    labels = sf.open_image(f"s3://{bucket}/ds/x.czi.ome.zarr", image="1")
    np.testing.assert_array_equal(labels["image"].values, PIXELS[0] % 5)
    assert main(["lift", f"s3://{bucket}/ds/x.czi.ome.zarr"]) == 0
    assert "unchanged" in capsys.readouterr().out
    assert _keys(s3_endpoint, bucket) == after


def test_a_recording_equals_what_is_lifted_in_a_folder(
    s3_endpoint: str, bucket: str, tmp_path: Path
) -> None:
    write_layout_1(tmp_path / "x.acq.zarr")
    sf.upload_to_s3(tmp_path / "x.acq.zarr", bucket, "ds/x.acq.zarr")
    assert main(["lift", str(tmp_path / "x.acq.zarr")]) == 0
    assert main(["lift", f"s3://{bucket}/ds/x.acq.zarr"]) == 0
    there = boto3.client("s3", endpoint_url=s3_endpoint)
    here = {
        f"ds/x.acq.zarr/{file.relative_to(tmp_path / 'x.acq.zarr').as_posix()}": file.read_bytes()
        for file in (tmp_path / "x.acq.zarr").rglob("*")
        if file.is_file()
    }
    assert set(_keys(s3_endpoint, bucket)) == set(here)
    for key, stored in here.items():
        assert there.get_object(Bucket=bucket, Key=key)["Body"].read() == stored, key


@pytest.mark.parametrize("gone", ["x.czi.1.ome.zarr/0/zarr.json", "x.czi.0.ome.zarr/0/c/0/1/0"])
def test_half_removed_stays_as_it_is(
    s3_endpoint: str, bucket: str, tmp_path: Path, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images_of_layout_1(tmp_path / "x.czi.ome.zarr")
    (tmp_path / "x.czi.ome.zarr" / gone).unlink()
    sf.upload_to_s3(tmp_path / "x.czi.ome.zarr", bucket, "ds/x.czi.ome.zarr")
    before = _keys(s3_endpoint, bucket)
    assert main(["lift", f"s3://{bucket}/ds/x.czi.ome.zarr"]) != 0
    said = capsys.readouterr()
    assert f"s3://{bucket}/ds/x.czi.ome.zarr: " in said.out + said.err
    assert "lifted.zarr" not in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert _keys(s3_endpoint, bucket) == before
