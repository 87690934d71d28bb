"""The documented Python functions, over the same core as the command and the cloud.

Names, parameters, defaults and return shapes are a contract with code written against earlier releases.
Endpoints are settings: environment variables ``SPARC_FUSE_DISCOVER_URL``, ``SPARC_FUSE_SOURCE_S3_ENDPOINT``,
``SPARC_FUSE_OUTPUT_S3_ENDPOINT`` (or ``AWS_ENDPOINT_URL``), ``SPARC_FUSE_SCICRUNCH_KEY``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import boto3
import numpy as np
import requests
import zarr
from zarr.codecs import BloscCodec, BloscShuffle
from zarr.storage import ObjectStore

from sparc_fuse_core.api.imaging import convert_imaging_file
from sparc_fuse_core.convert.item import make_context
from sparc_fuse_core.errors import EmptyDatasetError, RequestError, SourceError
from sparc_fuse_core.opening.recordings import EVEN_TIME, open_zarr
from sparc_fuse_core.plan.planner import ConvertOptions, Item, plan_dataset
from sparc_fuse_core.run.local import convert_here
from sparc_fuse_core.run.receipts import read_receipt, write_receipt
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetch_file, open_source
from sparc_fuse_core.storage.bucket import open_bucket, s3_store
from sparc_fuse_core.storage.destination import files_below, open_destination, roots_of
from sparc_fuse_core.version import CONVERTER_VERSION
from sparc_fuse_core.writers.dense_arrays import dense_codec
from sparc_fuse_core.writers.zarr_arrays import with_inline_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr

    from sparc_fuse_core.convert.item import Context

__all__ = [
    "consolidate_s3_metadata",
    "convert_imaging_file",
    "create_xarray_zarr_from_raw",
    "download_and_convert_sparc_data",
    "download_and_move_sparc_file",
    "fetch_dataset_metadata",
    "generate_and_upload_manifest",
    "get_sparc_datasets_by_id",
    "list_primary_files",
    "list_sparc_datasets",
    "open_zarr_from_s3",
    "print_project_metadata",
    "upload_to_s3",
]

_PRIMARY = "files/primary/"

#: Values copied at once from a raw store.
_COPY_VALUES = 4_000_000


# ------------------------------------------------------------------------------------- datasets
def fetch_dataset_metadata(dataset_id: int) -> dict[str, Any]:
    """Return the metadata of a dataset's latest version as the Discover API gives it.

    Raises
    ------
    requests.HTTPError
        If the service answers with an error.
    """
    settings = Settings.from_environment()
    answer = requests.get(
        f"{settings.discover_url.rstrip('/')}/datasets/{int(dataset_id)}",
        timeout=settings.request_timeout_s,
    )
    answer.raise_for_status()
    metadata: dict[str, Any] = answer.json()
    return metadata


def list_primary_files(dataset_id: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the files below ``files/primary/`` and the dataset's metadata.

    Each file is a dict with ``path``, ``name``, ``size``, ``uri``, ``sha256`` and ``s3VersionId``.
    """
    source = open_source(dataset_id, settings=Settings.from_environment())
    files = [
        {
            "path": file.path,
            "name": file.name or PurePosixPath(file.path).name,
            "size": file.size_bytes,
            "uri": file.uri,
            "sha256": file.sha256 or None,
            "s3VersionId": file.version_id or None,
        }
        for file in source.list_files()
        if file.path.startswith(_PRIMARY)
    ]
    return files, dict(source.metadata())


def list_sparc_datasets(max_id: int = 1000) -> dict[str, list[Any]]:
    """Return datasets with id 0 to ``max_id`` grouped by type name; print how many there are of each."""
    grouped = get_sparc_datasets_by_id(list(range(max_id + 1)))
    for name, ids in sorted(grouped.items()):
        print(f"{name}: {len(ids)}")
    print(f"total: {sum(len(ids) for ids in grouped.values())}")
    return grouped


def get_sparc_datasets_by_id(
    ids: int | list[int] | tuple[int, ...] | set[int],
) -> dict[str, list[Any]]:
    """Return dataset ids grouped by the name of their type.

    The type is Discover's ``datasetType``, or SciCrunch's where ``SPARC_FUSE_SCICRUNCH_KEY`` is set. A
    dataset without one is under ``"<invalid type>"``, an answer without an id under ``"<no id>"``.

    Raises
    ------
    TypeError
        If ``ids`` is not an integer, list, tuple or set.
    """
    if isinstance(ids, bool) or not isinstance(ids, int | list | tuple | set):
        message = f"ids: an integer, list, tuple or set, not {type(ids).__name__}"
        raise TypeError(message)
    wanted = sorted({ids} if isinstance(ids, int) else {int(number) for number in ids})
    settings = Settings.from_environment()
    pairs = (
        _types_of_scicrunch(wanted, settings)
        if settings.scicrunch_key
        else _types_of_discover(wanted, settings)
    )
    grouped: dict[str, list[Any]] = {}
    for number, type_name in pairs:
        if number is None:
            grouped.setdefault("<no id>", []).append(None)
        else:
            grouped.setdefault(type_name or "<invalid type>", []).append(number)
    return grouped


def _types_of_discover(
    ids: Sequence[int], settings: Settings
) -> Iterable[tuple[int | None, str | None]]:
    size = 100
    for start in range(0, len(ids), size):
        answer = requests.get(
            f"{settings.discover_url.rstrip('/')}/datasets",
            params=[
                *(("ids", n) for n in ids[start : start + size]),
                ("limit", size),
                ("offset", 0),
            ],
            timeout=settings.request_timeout_s,
        )
        answer.raise_for_status()
        for entry in answer.json()["datasets"]:
            yield entry.get("id"), entry.get("datasetType")


def _types_of_scicrunch(
    ids: Sequence[int], settings: Settings
) -> Iterable[tuple[int | None, str | None]]:
    size = 1000
    for start in range(0, len(ids), size):
        part = [str(number) for number in ids[start : start + size]]
        answer = requests.post(
            settings.scicrunch_url,
            json={"size": size, "query": {"terms": {"_id": part}}},
            headers={"apikey": settings.scicrunch_key},
            timeout=settings.request_timeout_s,
        )
        answer.raise_for_status()
        for hit in answer.json()["hits"]["hits"]:
            types = hit.get("_source", {}).get("item", {}).get("types") or [{}]
            number = hit.get("_id")
            yield (int(number) if number else None), types[0].get("name")


def print_project_metadata(metadata: dict[str, Any]) -> None:
    """Print the ``item`` field, or the project's own fields where there is none, as indented JSON."""
    shown = metadata.get("item")
    if not shown:
        fields = (
            "id",
            "name",
            "description",
            "version",
            "doi",
            "license",
            "tags",
            "contributors",
            "uri",
        )
        shown = {name: metadata[name] for name in fields if name in metadata}
    print(json.dumps(shown, indent=4, ensure_ascii=False))


# ------------------------------------------------------------------------------------- files
def download_and_move_sparc_file(rel_path: str, dataset_id: int, output_dir: str | Path) -> Path:
    """Download one file into ``output_dir`` and return where it is.

    Parameters
    ----------
    rel_path
        Path in the dataset; ``primary/`` in front is added if missing.

    Raises
    ------
    FileNotFoundError
        If the dataset has no file of exactly this path.
    """
    settings = Settings.from_environment()
    source = open_source(dataset_id, settings=settings)
    wanted = _PRIMARY + rel_path.strip("/").removeprefix("files/").removeprefix("primary/")
    for file in source.list_files():
        if file.path == wanted:
            folder = Path(output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            return fetch_file(file, folder, settings, None)
    message = f"{rel_path}: dataset {dataset_id} has no file {wanted}"
    raise FileNotFoundError(message)


def download_and_convert_sparc_data(
    dataset_id: int,
    primary_paths: str | list[str] | None = None,
    *,
    output_dir: str | Path = "./output",
    descriptors_dir: str | Path = "./mapping_schemes",
    file_format: str = "npz",
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """Download primary files, convert them, and clean up.

    Parameters
    ----------
    primary_paths
        One path or a list, with or without ``primary/`` in front; all primary files if None.
    descriptors_dir
        Folder of mapping schemes; the built-in ones if it does not exist.
    file_format
        ``"npz"``, ``"zarr"``, ``"zarr.zip"`` or ``"mat"``. Images become OME-Zarr always.

    Returns
    -------
    One dict a file: ``rel_path, local_path, std_path, descriptor_id, mapping_score, status, error``, with
    status ``"ok"``, ``"failed"`` or ``"unsupported"``. ``local_path`` is None: downloads are temporary.

    Raises
    ------
    ValueError
        If there is nothing to process. A file's own failure is its dict.
    """
    settings = Settings.from_environment()
    options = ConvertOptions(file_format=file_format)
    folder = Path(descriptors_dir)
    schemes = load_schemes(folder if folder.is_dir() else None)
    source = open_source(dataset_id, settings=settings)
    asked = [primary_paths] if isinstance(primary_paths, str) else primary_paths
    paths = [
        f"primary/{p.strip('/').removeprefix('files/').removeprefix('primary/')}"
        for p in asked or ()
    ]
    try:
        plan = plan_dataset(source, schemes, settings, paths=paths or ["primary"], options=options)
    except (SourceError, FileNotFoundError) as err:
        if isinstance(err, FileNotFoundError | EmptyDatasetError):
            message = f"nothing to process: {err}"
            raise RequestError(message) from err
        raise
    if not plan.items and not plan.skipped:
        message = f"nothing to process: dataset {dataset_id} has no primary file"
        raise RequestError(message)
    destination = open_destination(output_dir, settings)
    context = make_context(plan, source, settings)
    rows = [_row(entry.path, None, "", None, entry.status, entry.reason) for entry in plan.skipped]
    for item in plan.items:
        rows.append(_convert_for_api(item, context, destination, overwrite=overwrite))  # noqa: PERF401
    return sorted(rows, key=lambda row: row["rel_path"])


def _convert_for_api(
    item: Item, context: Context, destination: Any, *, overwrite: bool
) -> dict[str, Any]:
    key = f"{context.folder}/{item.output}"
    receipt = read_receipt(destination, context.folder, item.output)
    if (
        overwrite
        or receipt is None
        or receipt.key != item.key
        or receipt.status != "converted"
        or not destination.has_result(key)
    ):
        receipt = convert_here(item, context, destination)
        write_receipt(destination, context.folder, receipt)
    converted = receipt.status in ("converted", "unchanged")
    return _row(
        item.path,
        str(Path(destination.uri) / key) if converted else None,
        receipt.scheme or receipt.format,
        receipt.score,
        "ok" if converted else receipt.status,
        receipt.message or None,
    )


def _row(
    path: str,
    std_path: str | None,
    descriptor: str,
    score: float | None,
    status: str,
    error: str | None,
) -> dict[str, Any]:
    return {
        "rel_path": path.removeprefix("files/"),
        "local_path": None,
        "std_path": std_path,
        "descriptor_id": descriptor or None,
        "mapping_score": score,
        "status": status,
        "error": error,
    }


# ------------------------------------------------------------------------------------- buckets
def _settings(region: str) -> Settings:
    return dataclasses.replace(Settings.from_environment(), output_region=region)


def _client(region: str) -> Any:
    endpoint = Settings.from_environment().output_s3_endpoint or None
    return boto3.client("s3", region_name=region, endpoint_url=endpoint)


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
    target = open_bucket(bucket, "", _settings(region))
    prefix = remote_path.strip("/")
    if folder.is_dir():
        files = files_below(folder, prefix)
        there = target.sizes_and_tags(prefix)
    else:
        files = {prefix: folder}
        facts = target.size_and_tag(prefix)
        there = {} if facts is None else {prefix: facts}
    known = [key for key in files if key in there]
    with ThreadPoolExecutor() as pool:
        same = list(pool.map(lambda key: target.holds(files[key], there[key]), known))
    unchanged = {key for key, holds in zip(known, same, strict=True) if holds}
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
    listing = _client(region).list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
    if not listing.get("KeyCount"):
        message = f"s3://{bucket}/{prefix}: no store"
        raise FileNotFoundError(message)
    store = ObjectStore(s3_store(bucket, prefix, _settings(region)))
    zarr_format: Literal[2, 3] = zarr.open_group(store, mode="r+").metadata.zarr_format
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(store, zarr_format=zarr_format)
    if zarr_format == 3:
        target = open_bucket(bucket, prefix, _settings(region))
        root = target.read("zarr.json")
        if root is not None:
            target.write("zarr.json", with_inline_chunks(root, target.read))


def open_zarr_from_s3(bucket: str, zarr_path: str, region: str = "eu-north-1") -> xr.Dataset:
    """Open a recording in a bucket lazily, in physical units, dimensions (``channel``, ``time``).

    ``ds["signals"].sel(channel=1).isel(time=slice(0, 100000)).load()`` fetches that slice only. Sets
    ``AWS_DEFAULT_REGION`` if it is not set.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    return open_zarr(f"s3://{bucket}/{zarr_path.strip('/')}", settings=_settings(region))


@dense_codec()
def create_xarray_zarr_from_raw(
    bucket: str, raw_zarr_path: str, xarray_zarr_path: str, region: str = "eu-north-1"
) -> None:
    """Write an xarray-readable store from one that holds ``signals`` and ``time``.

    Dimensions are (``channel``, ``time``) with a ``time`` coordinate; ``channel`` is 0 … n-1; attributes
    are carried over. Values are copied block by block as they are stored, so memory is bounded.

    Raises
    ------
    FileNotFoundError
        If there is no raw store.
    KeyError
        If it holds no ``signals`` or no ``time``.
    ValueError
        If ``signals`` is not two-dimensional or ``time`` has another length.
    """
    settings = _settings(region)
    source = ObjectStore(s3_store(bucket, raw_zarr_path.strip("/"), settings), read_only=True)
    raw = zarr.open_group(source, mode="r")
    for name in ("signals", "time"):
        if name not in raw:
            message = f"s3://{bucket}/{raw_zarr_path}: no array {name!r} in the store"
            raise KeyError(message)
    signals, time = raw["signals"], raw["time"]
    if not isinstance(signals, zarr.Array) or not isinstance(time, zarr.Array):
        message = f"s3://{bucket}/{raw_zarr_path}: signals and time must be arrays"
        raise RequestError(message)
    if signals.ndim != 2 or time.shape != signals.shape[-1:]:
        message = f"s3://{bucket}/{raw_zarr_path}: signals {signals.shape} with time {time.shape}"
        raise RequestError(message)
    target = ObjectStore(s3_store(bucket, xarray_zarr_path.strip("/"), settings))
    own = {"streams", "layout", "profile", "coordinates"}
    attributes = {name: value for name, value in raw.attrs.items() if name not in own}
    root = zarr.open_group(target, mode="w", zarr_format=3, attributes=attributes)
    _copy(signals, root, "signals", ("channel", "time"), (1, 65_536))
    copied = _copy(time, root, "time", ("time",), (1_000_000,))
    even = _even(time)
    if even is not None:
        copied.attrs.update(zip(EVEN_TIME, even, strict=True))
    channel = np.arange(signals.shape[0])
    root.create_array("channel", data=channel, dimension_names=("channel",))
    consolidate_s3_metadata(bucket, xarray_zarr_path, region)


def _copy(
    source: zarr.Array[Any],
    root: zarr.Group,
    name: str,
    dimensions: tuple[str, ...],
    chunk: tuple[int, ...],
) -> zarr.Array[Any]:
    dtype = np.dtype(source.dtype).newbyteorder("=")
    shape = source.shape
    chunks = tuple(max(1, min(c, n)) for c, n in zip(chunk, shape, strict=True))
    integer = dtype.kind in "iu"
    codec = BloscCodec(
        cname="zstd",
        clevel=3 if integer else 1,
        shuffle=BloscShuffle.bitshuffle if integer else BloscShuffle.shuffle,
        typesize=dtype.itemsize,
    )
    array = root.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        compressors=[codec],
        dimension_names=dimensions,
        attributes=dict(source.attrs),
    )
    rows = shape[0] if len(shape) == 2 else 1
    span = max(chunks[-1], _COPY_VALUES // max(rows, 1) // chunks[-1] * chunks[-1])
    for start in range(0, shape[-1], span):
        array[..., start : start + span] = source[..., start : start + span]
    return array


def _even(time: zarr.Array[Any]) -> tuple[float, float] | None:
    """Return (start, step) in seconds where every time lies within a millionth of a step of an even grid."""
    attributes = {str(name): value for name, value in time.attrs.items()}
    if attributes.get("units", "s") not in ("s", "seconds") or time.shape[0] < 2:
        return None
    scale = float(str(attributes.get("scale_factor", 1.0)))
    offset = float(str(attributes.get("add_offset", 0.0)))

    def seconds(start: int, stop: int) -> np.ndarray[Any, Any]:
        return np.asarray(time[start:stop], dtype=float) * scale + offset

    n_times = time.shape[0]
    first, last = seconds(0, 1)[0], seconds(n_times - 1, n_times)[0]
    step = (last - first) / (n_times - 1)
    if not np.isfinite(step) or step <= 0:
        return None
    for start in range(0, n_times, _COPY_VALUES):
        values = seconds(start, min(start + _COPY_VALUES, n_times))
        grid = first + step * np.arange(start, start + values.size)
        if not np.all(np.abs(values - grid) <= 1e-6 * step):
            return None
    return float(first), float(step)


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
    _client(region).put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
