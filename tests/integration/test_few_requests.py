"""How many requests opening, slicing, the overview and uploads cost, counted at a real server."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import ZstdCodec

import sparc_fuse_core as sf
from sparc_fuse_core.errors import PublishError
from sparc_fuse_core.model import Contents, Recording, Segment
from sparc_fuse_core.opening.remote_store import ranges_together
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.writers import zarr_signals
from tests.servers.counting_s3 import CountingS3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N_CHANNELS, N_SAMPLES, RATE_HZ = 32, 500_000, 1000.0


@pytest.fixture(scope="module")
def stored() -> np.ndarray[Any, Any]:
    noise = np.random.default_rng(8).normal(0, 30, (N_CHANNELS, N_SAMPLES))
    return noise.astype(np.int16)


@pytest.fixture(scope="module")
def local(stored: np.ndarray[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = tuple(f"ch {n}" for n in range(N_CHANNELS))
    scale = {"gain": (0.5,) * N_CHANNELS, "offset": (1.0,) * N_CHANNELS}
    recording = Recording("main", stored, names, ("uV",) * N_CHANNELS, RATE_HZ, **scale)  # type: ignore[arg-type]
    out = tmp_path_factory.mktemp("few") / "x.zarr"
    zarr_signals.write(Contents((recording,)), out, {}, budget_bytes=64_000_000)
    return out


@pytest.fixture(scope="module")
def s3() -> Iterator[CountingS3]:
    server = CountingS3()
    yield server
    server.close()


@pytest.fixture
def bucket(s3: CountingS3, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    name = f"few-{uuid.uuid4().hex[:12]}"
    client(s3).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
    )
    return name


def client(s3: CountingS3) -> Any:
    return boto3.client("s3", endpoint_url=s3.url, region_name="eu-north-1")


def physical(stored: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = stored * 0.5 + 1.0
    return values


def test_open_and_slice(
    s3: CountingS3, bucket: str, local: Path, stored: np.ndarray[Any, Any]
) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    for open_it in (
        lambda: sf.open_zarr_from_s3(bucket, "x.zarr"),
        lambda: sf.open_zarr(f"s3://{bucket}/x.zarr"),
    ):
        s3.log.clear()
        part = open_it()["signals"].sel(channel=1).isel(time=slice(0, 100_000)).load()
        np.testing.assert_array_equal(part.values, physical(stored)[1, :100_000])
        assert part["channel_name"] == "ch 1"
        assert s3.methods() == ["GET", "GET", "GET"], s3.log
        root, index, chunks = s3.log
        assert root.path.endswith("/x.zarr/zarr.json")
        assert index.byte_range.startswith("bytes=-")
        assert chunks.n_bytes < 2 * 65_536 * 2
        assert root.n_bytes < 12_000, "the root is part of every opening"


def test_selecting_by_time_reads_no_time(
    s3: CountingS3, bucket: str, local: Path, stored: np.ndarray[Any, Any]
) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    s3.log.clear()
    part = sf.open_zarr_from_s3(bucket, "x.zarr")["signals"].sel(time=slice(1.0, 2.0), channel=3)
    np.testing.assert_array_equal(part.values, physical(stored)[3, 1000:2001])
    np.testing.assert_allclose(part["time"].values, np.arange(1000, 2001) / RATE_HZ)
    assert len(s3.log) == 3, s3.log


@pytest.mark.parametrize(
    "key",
    [
        (slice(None), slice(None)),
        (slice(2, 9, 3), slice(190_000, 400_000, 7)),
        ([0, 31, -5], slice(None, None, 100_000)),
        (5, slice(499_990, 100, -1)),
        (5, [499_999, 0, 196_608, -3]),
        (-1, slice(196_607, 196_609)),
        (slice(0, 0), slice(None)),
    ],
)
def test_any_selection(
    bucket: str, local: Path, stored: np.ndarray[Any, Any], key: tuple[Any, Any]
) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    opened = sf.open_zarr_from_s3(bucket, "x.zarr")["signals"]
    expected = physical(stored)[key[0]][..., key[1]]
    np.testing.assert_array_equal(opened.isel(channel=key[0], time=key[1]).values, expected)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_gaps_and_streams_look_as_from_a_folder(
    bucket: str, tmp_path: Path, zarr_format: Any
) -> None:
    values = np.random.default_rng(3).integers(-99, 99, (2, 1_500_000), dtype=np.int16)
    segments = (Segment(0, 1_000_000, 0.5), Segment(1_000_000, 500_000, 2000.0))
    gaps = Recording(
        "gaps", values, ("a", "b"), ("mV", "V"), 1000.0, segments=segments, start_s=0.5
    )
    aux = Recording("aux", values[:1, :70_000], ("c",), ("",), 100.0)
    out = tmp_path / "x.zarr"
    zarr_signals.write(
        Contents((gaps, aux)), out, {}, budget_bytes=4_000_000, zarr_format=zarr_format
    )
    sf.upload_to_s3(out, bucket, "x.zarr")
    remote = sf.open_zarr_from_s3(bucket, "x.zarr")
    assert "time" not in remote.indexes, "real times are read when asked"
    xr.testing.assert_identical(remote.load(), sf.open_zarr(out).load())
    further = sf.open_zarr(f"s3://{bucket}/x.zarr", stream="aux")
    np.testing.assert_array_equal(further["signals"].values, values[:1, :70_000])
    xr.testing.assert_identical(further.load(), sf.open_zarr(out, stream="aux").load())
    np.testing.assert_allclose(remote["time"].values[[0, -1]], [0.5, 2499.999])
    after_gap = remote.set_xindex("time")["signals"].sel(time=slice(2000.0, 2000.01), channel=1)
    np.testing.assert_array_equal(after_gap.values[:3], values[1, 1_000_000:1_000_003])


def test_points(bucket: str, local: Path, stored: np.ndarray[Any, Any]) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    opened = sf.open_zarr_from_s3(bucket, "x.zarr")["signals"]
    rows, columns = [0, 31, 7], [499_999, 5, 200_000]
    points = opened.isel(channel=xr.DataArray(rows, dims="p"), time=xr.DataArray(columns, dims="p"))
    np.testing.assert_array_equal(points.values, physical(stored)[rows, columns])


def test_shards_of_another_writer(s3: CountingS3, bucket: str, tmp_path: Path) -> None:
    """zarr-python orders the chunks of a shard otherwise, leaves empty ones out, may index in front."""
    values = np.random.default_rng(0).integers(1, 99, (6, 40_000))
    values[2] = 0
    for where in ("start", "end"):
        root = zarr.open_group(tmp_path / f"{where}.zarr", mode="w", zarr_format=3)
        root.create_array(
            "signals",
            data=values,
            chunks=(1, 1000),
            shards={"shape": (6, 20_000), "index_location": where},
            compressors=[ZstdCodec()],
            dimension_names=("channel", "time"),
        )
        sf.upload_to_s3(tmp_path / f"{where}.zarr", bucket, f"{where}.zarr")
        sf.consolidate_s3_metadata(bucket, f"{where}.zarr")
        s3.log.clear()
        opened = sf.open_zarr_from_s3(bucket, f"{where}.zarr")["signals"]
        np.testing.assert_array_equal(opened[1:4, 500:9_500].values, values[1:4, 500:9_500])
        assert len(s3.log) <= 4, s3.log


def test_stores_made_from_raw_ones_read_no_time(
    s3: CountingS3, bucket: str, tmp_path: Path
) -> None:
    values = np.random.default_rng(2).normal(size=(2, 90_000))
    times = 0.25 + np.arange(90_000) / 30_000
    for name, time in (("even", times), ("uneven", np.where(times > 1, times + 0.01, times))):
        raw = zarr.open_group(tmp_path / name, mode="w", zarr_format=2)
        raw.create_array("signals", data=values)
        raw.create_array("time", data=time)
        sf.upload_to_s3(tmp_path / name, bucket, f"raw-{name}")
        sf.create_xarray_zarr_from_raw(bucket, f"raw-{name}", f"{name}.zarr")
        s3.log.clear()
        opened = sf.open_zarr_from_s3(bucket, f"{name}.zarr")
        picked = opened["signals"].sel(time=slice(1.5, 2.0), channel=1)
        inside = (time >= 1.5) & (time <= 2.0)
        np.testing.assert_array_equal(picked.values, values[1, inside])
        np.testing.assert_allclose(picked["time"].values, time[inside], rtol=1e-12)
        read_time = [request for request in s3.log if "/time/" in request.path]
        assert bool(read_time) == (name == "uneven"), s3.log
    assert opened["time"].attrs.keys().isdisjoint({"even_start_s", "even_step_s"})


def test_overview(s3: CountingS3, bucket: str, local: Path, stored: np.ndarray[Any, Any]) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    s3.log.clear()
    level = sf.overview(f"s3://{bucket}/x.zarr")
    assert level is not None
    assert s3.methods() == ["GET", "GET", "GET"], s3.log
    edges = np.arange(0, N_SAMPLES, level.attrs["samples_per_bin"])
    expected = np.minimum.reduceat(physical(stored), edges, axis=1)
    np.testing.assert_array_equal(level["minimum"].values, expected)
    assert level["maximum"].attrs["units"] == "uV"
    local_level = sf.overview(local)
    xr.testing.assert_identical(level, local_level)


def test_plain_xarray(
    s3: CountingS3, bucket: str, local: Path, stored: np.ndarray[Any, Any]
) -> None:
    sf.upload_to_s3(local, bucket, "x.zarr")
    s3.log.clear()
    options = {"endpoint_url": s3.url, "key": "testing", "secret": "testing"}
    with xr.open_zarr(f"s3://{bucket}/x.zarr", storage_options=options, chunks=None) as opened:
        part = opened["signals"][1, :100_000].values
    np.testing.assert_array_equal(part, physical(stored)[1, :100_000])
    # 8 to find out the format, 2 for the channel numbers, the index and two chunks
    assert len(s3.log) <= 13, s3.log


def test_inlined_chunks_are_those_of_the_arrays(s3: CountingS3, bucket: str, local: Path) -> None:
    document = json.loads((local / "zarr.json").read_bytes())
    assert "inline_chunks" in document["consolidated_metadata"]
    sf.upload_to_s3(local, bucket, "x.zarr")
    key = "x.zarr/zarr.json"
    sf.consolidate_s3_metadata(bucket, "x.zarr")
    again = json.load(client(s3).get_object(Bucket=bucket, Key=key)["Body"])
    assert again == document
    # a name changed by somebody else, consolidated by zarr-python alone: no stale copy is shown
    document["consolidated_metadata"].pop("inline_chunks")
    client(s3).put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())
    s3.log.clear()
    opened = sf.open_zarr_from_s3(bucket, "x.zarr")
    assert opened["channel_name"].values.tolist() == [f"ch {n}" for n in range(N_CHANNELS)]
    assert any("channel_name" in request.path for request in s3.log)


def test_unchanged_files_are_not_sent_again(s3: CountingS3, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for n in range(40):
        (tmp_path / "sub" / str(n)).write_bytes(bytes([n]) * 1000)
    large = np.random.default_rng(1).bytes(33 * 1024 * 1024 + 5)
    (tmp_path / "large").write_bytes(large)
    (tmp_path / "zarr.json").write_text("{}")
    (tmp_path / "empty").touch()
    sf.upload_to_s3(tmp_path, bucket, "a")
    puts = [request.path for request in s3.log if request.method == "PUT"]
    assert puts[-1].endswith("/a/zarr.json"), "what makes a store open goes last"
    body = client(s3).get_object(Bucket=bucket, Key="a/large")["Body"].read()
    assert body == large
    s3.log.clear()
    sf.upload_to_s3(tmp_path, bucket, "a")
    assert s3.methods() == ["GET"], s3.log
    (tmp_path / "sub" / "7").write_bytes(b"x" * 1000)
    s3.log.clear()
    sf.upload_to_s3(tmp_path, bucket, "a")
    assert [(r.method, r.path.rpartition("/")[2]) for r in s3.log][1:] == [("PUT", "7")]
    sf.upload_to_s3(tmp_path / "large", bucket, "one")
    s3.log.clear()
    sf.upload_to_s3(tmp_path / "large", bucket, "one")
    assert s3.methods() == ["HEAD"]


def test_a_result_costs_a_request_for_each_object(s3: CountingS3, bucket: str, local: Path) -> None:
    n_objects = sum(1 for file in local.rglob("*") if file.is_file())
    destination = open_destination(f"s3://{bucket}/out", Settings(output_s3_endpoint=s3.url))
    s3.log.clear()
    destination.put_result(local, "1/2/x.zarr")
    assert s3.methods().count("PUT") == n_objects
    assert len(s3.log) == n_objects + 1, "one listing beside the objects"
    assert s3.log[-1].path == f"/{bucket}/out/1/2/x.zarr/zarr.json"
    s3.log.clear()
    assert destination.count_result("1/2/x.zarr")[0] == n_objects
    assert len(s3.log) == 1


def test_an_upload_cut_short_opens_nowhere(s3: CountingS3, bucket: str, local: Path) -> None:
    settings = Settings(output_s3_endpoint=s3.url, request_attempts=1)
    destination = open_destination(f"s3://{bucket}/out", settings)
    s3.refuse = "x.zarr/signals/c/0/1"
    try:
        with pytest.raises(PublishError, match="signals/c/0/1"):
            destination.put_result(local, "x.zarr")
    finally:
        s3.refuse = ""
    assert destination.count_result("x.zarr") == (0, 0)
    with pytest.raises(FileNotFoundError):
        sf.open_zarr_from_s3(bucket, "out/x.zarr")


def test_windows_read_a_fiftieth(s3: CountingS3, bucket: str, tmp_path: Path) -> None:
    """Random windows of four seconds against downloading the recordings they come from."""
    rng = np.random.default_rng(4)
    stored = rng.integers(-99, 99, (1, 7_000_000), dtype=np.int16)
    one = Recording("m", stored, ("a",), ("mV",), 1000.0)
    out = tmp_path / "x.zarr"
    zarr_signals.write(Contents((one,)), out, {}, budget_bytes=64_000_000)
    names = [f"s3://{bucket}/{n}.zarr" for n in range(4)]
    for n in range(4):
        sf.upload_to_s3(out, bucket, f"{n}.zarr")
    whole = sum(f.stat().st_size for f in (out / "signals").rglob("*") if f.is_file())
    s3.log.clear()
    found = sf.windows(names, 4.0)
    for number in [recording * 1750 + 333 for recording in range(4)]:  # one of each recording
        window = found[number]
        start = window.place.start_sample
        np.testing.assert_array_equal(window.signals, stored[:, start : start + 4000])
    n_read = sum(request.n_bytes for request in s3.log if request.method == "GET")
    assert 50 * n_read < 4 * whole, f"{n_read} bytes of {4 * whole}"


def test_a_window_of_many_channels_is_no_download(
    s3: CountingS3, bucket: str, tmp_path: Path
) -> None:
    """The chunks of a shard that lie between those of a short window are left where they are."""
    n_channels, chunk = 16, 65_536
    stored = np.random.default_rng(5).integers(-99, 99, (n_channels, 12 * chunk), dtype=np.int16)
    names = tuple(f"ch {n}" for n in range(n_channels))
    one = Recording("m", stored, names, ("mV",) * n_channels, 1000.0)
    out = tmp_path / "x.zarr"
    zarr_signals.write(Contents((one,)), out, {}, budget_bytes=200_000_000)
    assert sum(f.is_file() for f in (out / "signals" / "c").rglob("*")) == 1  # one shard
    sf.upload_to_s3(out, bucket, "x.zarr")
    whole = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    ds = sf.open_zarr_from_s3(bucket, "x.zarr")
    s3.log.clear()
    found = ds.signals.isel(time=slice(3 * chunk + 100, 3 * chunk + 4100)).values
    np.testing.assert_array_equal(found, stored[:, 3 * chunk + 100 : 3 * chunk + 4100])
    gets = [request for request in s3.log if request.method == "GET"]
    assert len(gets) <= n_channels + 1  # and the shard's index
    assert 10 * sum(request.n_bytes for request in gets) < whole


def test_ranges_together() -> None:
    """Near ranges are one request; never more than 64 requests, the smallest gaps given up first."""
    assert ranges_together([]) == []
    kb = 1024
    assert ranges_together([(200 * kb, 201 * kb), (0, kb), (65 * kb, 66 * kb)]) == [
        [(0, kb), (65 * kb, 66 * kb)],
        [(200 * kb, 201 * kb)],
    ]
    starts = np.cumsum([0] + [10**6 + n for n in range(99)])  # gaps that grow
    runs = ranges_together([(int(start), int(start) + 10) for start in starts])
    assert len(runs) == 64
    assert len(runs[0]) == 37
    assert {len(run) for run in runs[1:]} == {1}
    alike = ranges_together([(n * 10**6, n * 10**6 + 10) for n in range(500)])
    assert sum(map(len, alike)) == 500
    assert len(alike) == 64
