"""Stores in a bucket: uploaded, consolidated, opened, announced."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import zarr
from zarr.storage import ObjectStore

from sparc_fuse_core.opening.recordings import open_zarr
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.bucket import open_bucket, s3_store
from sparc_fuse_core.storage.clients import own_s3_client
from sparc_fuse_core.storage.results import files_below, roots_of
from sparc_fuse_core.version import CONVERTER_VERSION
from sparc_fuse_core.writers.dense_arrays import dense_codec
from sparc_fuse_core.writers.zarr_arrays import with_inline_chunks

if TYPE_CHECKING:
    import xarray as xr


# ------------------------------------------------------------------------------------- buckets
def settings_of(region: str) -> Settings:
    """Return the settings of the environment, for a bucket in ``region``."""
    return dataclasses.replace(Settings.from_environment(), output_region=region)


def upload_to_s3(
    local_path: str | Path, bucket: str, remote_path: str, region: str = "eu-north-1"
) -> None:
    """Upload a local folder; objects that are there with the same size and content are not sent again.

    Raises
    ------
    FileNotFoundError
        If ``local_path`` does not exist.
    PublishError
        If the bucket cannot be reached or refuses.
    """
    folder = Path(local_path)
    if not folder.exists():
        message = f"{local_path}: no such file or folder"
        raise FileNotFoundError(message)
    target = open_bucket(bucket, "", settings_of(region))
    prefix = remote_path.strip("/")
    if folder.is_dir():
        files = files_below(folder, prefix)
        there = target.sizes_and_tags(prefix)
    else:
        files = {prefix: folder}
        facts = target.size_and_tag(prefix)
        there = {} if facts is None else {prefix: facts}
    unchanged = target.unchanged(files, there)
    to_send = {key: file for key, file in files.items() if key not in unchanged}
    # what makes a store open goes last: an upload cut short does not look whole
    roots = roots_of(prefix)
    target.upload_all({key: file for key, file in to_send.items() if key not in roots})
    for key in reversed(roots):
        if key in to_send:
            target.upload(to_send[key], key)


@dense_codec()
def consolidate_s3_metadata(bucket: str, remote_path: str, region: str = "eu-north-1") -> None:
    """Consolidate the metadata of the Zarr store at ``s3://bucket/remote_path``, v2 or v3.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If S3 cannot be reached or refuses.
    """
    prefix = remote_path.strip("/")
    # asked through botocore first, whose errors are the documented ones
    listing = own_s3_client(settings_of(region)).list_objects_v2(
        Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1
    )
    if not listing.get("KeyCount"):
        message = f"s3://{bucket}/{prefix}: no store"
        raise FileNotFoundError(message)
    store = ObjectStore(s3_store(bucket, prefix, settings_of(region)))
    zarr_format: Literal[2, 3] = zarr.open_group(store, mode="r+").metadata.zarr_format
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(store, zarr_format=zarr_format)
    if zarr_format == 3:
        target = open_bucket(bucket, prefix, settings_of(region))
        root = target.read("zarr.json")
        if root is not None:
            target.write("zarr.json", with_inline_chunks(root, target.read))


def open_zarr_from_s3(bucket: str, zarr_path: str, region: str = "eu-north-1") -> xr.Dataset:
    """Open a recording in a bucket lazily, in physical units, dimensions (``channel``, ``time``).

    ``ds["signals"].sel(channel=1).isel(time=slice(0, 100000)).load()`` fetches that slice only. Sets
    ``AWS_DEFAULT_REGION`` if it is not set.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    return open_zarr(f"s3://{bucket}/{zarr_path.strip('/')}", settings=settings_of(region))


def generate_and_upload_manifest(
    dataset_id: int, bucket: str, xarray_zarr_path: str, region: str = "eu-north-1"
) -> None:
    """Write a manifest of one store as ``latest.json`` beside it.

    The documented error of earlier releases was ``subprocess.CalledProcessError`` from the AWS command
    line; there is no subprocess any more, so botocore's errors are raised.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If S3 cannot be reached or refuses.
    """
    path = PurePosixPath(xarray_zarr_path.strip("/"))
    manifest = {
        "dataset_id": dataset_id,
        "zarr_path": str(path),
        "uri": f"s3://{bucket}/{path}",
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "file_format": "zarr",
        "converter": {"name": "sparc-fuse", "version": CONVERTER_VERSION},
    }
    key = f"{path.parent}/latest.json" if str(path.parent) != "." else "latest.json"
    body = json.dumps(manifest, indent=2).encode()
    own_s3_client(settings_of(region)).put_object(
        Bucket=bucket, Key=key, Body=body, ContentType="application/json"
    )
