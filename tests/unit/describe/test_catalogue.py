"""The catalogue lists every dataset once, whoever writes at the same time, and stays small."""

from __future__ import annotations

import io
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow.parquet as pq
import pytest

from sparc_fuse_core.command.main import main
from sparc_fuse_core.describe.columns import batches_of, catalogue_schema, write_batches
from sparc_fuse_core.describe.items import add_to_catalogue, items_table
from sparc_fuse_core.describe.rows import DatasetFacts
from sparc_fuse_core.describe.withdrawn import withdraw_everywhere
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.destination import open_destination
from tests.unit.describe.test_rows import item

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.storage.destination import Destination


def listed(destination: Destination) -> list[tuple[str, str]]:
    data = destination.read_bytes("catalogue.parquet")
    assert data is not None
    rows = pq.read_table(io.BytesIO(data)).to_pylist()
    return sorted((row["dataset_id"], row["output"]) for row in rows)


def items_of(dataset_id: str, *paths: str, **facts: Any) -> bytes:
    return items_table([item(path, **facts) for path in paths], [], DatasetFacts(dataset_id, "1"))


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_no_dataset_is_lost_when_many_end_at_once(
    place: str, tmp_path: Path, bucket: str, s3_endpoint: str
) -> None:
    target = str(tmp_path / "out") if place == "folder" else f"s3://{bucket}/r"
    destination = open_destination(target, Settings.from_environment())

    def add(number: int) -> None:
        own = open_destination(target, Settings.from_environment())
        add_to_catalogue(own, str(number), items_of(str(number), "a", "b"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    assert len(listed(destination)) == 12
    add_to_catalogue(destination, "3", items_of("3", "c"))
    add_to_catalogue(destination, "4", items_of("4", "d", status="failed"))
    found = listed(destination)
    assert [output for number, output in found if number == "3"] == ["c.zarr"]
    assert not [output for number, output in found if number == "4"]
    assert len(found) == 9


def test_a_withdrawn_dataset_is_in_no_version_of_the_catalogue(
    bucket: str, s3_endpoint: str
) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    enabled = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    target, settings = f"s3://{bucket}/r", Settings.from_environment()
    destination = open_destination(target, settings)
    for number in ("224", "2"):
        add_to_catalogue(destination, number, items_of(number, "a"))
        destination.write_bytes(f"{number}/latest.json", b"{}")
    withdraw_everywhere(target, "224", settings, remove=False)
    assert len(listed(destination)) == 2
    withdraw_everywhere(target, "224", settings, remove=True)
    assert listed(destination) == [("2", "a.zarr")]
    versions = client.list_object_versions(Bucket=bucket, Prefix="r/catalogue.parquet")["Versions"]
    assert len(versions) == 1


def test_it_can_be_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    destination = open_destination(tmp_path, Settings())
    for number in ("1", "2"):
        destination.write_bytes(f"{number}/7/items.parquet", items_of(number, "a"))
        destination.write_bytes(f"{number}/latest.json", b'{"version": "7"}')
    destination.write_bytes("3/latest.json", b'{"version": "../1"}')
    destination.write_bytes("catalogue.parquet", b"cut short")
    assert main(["catalogue", str(tmp_path)]) == 0
    assert "2 datasets" in capsys.readouterr().out
    assert listed(destination) == [("1", "a.zarr"), ("2", "a.zarr")]


def test_a_catalogue_that_cannot_be_read_is_replaced(tmp_path: Path) -> None:
    destination = open_destination(tmp_path, Settings())
    destination.write_bytes("catalogue.parquet", b"PAR1 cut short PAR1")
    add_to_catalogue(destination, "1", items_of("1", "a"))
    assert listed(destination) == [("1", "a.zarr")]


def test_a_row_takes_25_bytes() -> None:
    chance = random.Random(1)

    def rows(n_rows: int) -> Iterator[dict[str, Any]]:
        for n in range(n_rows):
            size, dataset = chance.randint(10**5, 10**9), n // 400
            name = f"primary/sub-{n // 10 % 40}/sam-{n % 3}/rec_{chance.randint(0, 10**6):06d}.acq.zarr"
            yield {
                "dataset_id": str(dataset),
                "dataset_name": f"Dataset number {dataset} about the vagus nerve of rats",
                "kind": "signal",
                "species": "Rattus norvegicus",
                "sex": chance.choice(["male", "female"]),
                "age": f"{chance.randint(6, 20)} weeks",
                "anatomy": chance.choice(["colon", "vagus nerve", "stomach"]),
                "rate_hz": chance.choice([1000.0, 2000.0, 30000.0]),
                "duration_s": size / 30000,
                "channels": [f"CH{i}" for i in range(16)],
                "units": ["mV"],
                "n_events": chance.randint(0, 100),
                "bytes": size,
                "source_bytes": round(size * 1.4),
                "doi": f"10.26275/abcd-{dataset}",
                "output": name,
            }

    out = io.BytesIO()
    n_rows = 12_000
    assert (
        write_batches(batches_of(rows(n_rows), catalogue_schema()), catalogue_schema(), out)
        == n_rows
    )
    # 5 MB for 200,000; the footer is the same for few and for many
    footer = pq.ParquetFile(io.BytesIO(out.getvalue())).metadata.serialized_size
    assert (len(out.getvalue()) - footer) / n_rows < 25
    assert footer < 20_000


def test_uploads_are_in_the_buckets_catalogue_and_not_in_the_published_one(
    bucket: str, s3_endpoint: str
) -> None:
    target = f"s3://{bucket}/datasets"
    settings = Settings.from_environment()
    destination = open_destination(target, settings)
    for name in ("224", "my trial", "364", "22a"):
        table = items_of(name, "x")
        destination.write_bytes(f"{name}/1/items.parquet", table)
        destination.write_bytes(f"{name}/latest.json", b'{"version": "1"}')
        add_to_catalogue(destination, name, table)

    def names(key: str) -> set[str]:
        table = pq.read_table(io.BytesIO(destination.read_bytes(key) or b""))
        return set(table.column("dataset_id").to_pylist())

    for _ in range(2):
        assert names("catalogue.parquet") == {"224", "my trial", "364", "22a"}
        assert names(".sparc-fuse/published.parquet") == {"224", "364"}
        assert main(["catalogue", target]) == 0
    withdraw_everywhere(target, "224", settings, remove=True)
    assert names(".sparc-fuse/published.parquet") == {"364"}
    versions = boto3.client("s3", endpoint_url=s3_endpoint).list_object_versions(
        Bucket=bucket, Prefix="datasets/.sparc-fuse/published.parquet"
    )
    assert len(versions["Versions"]) == 1


def test_browsers_are_told_what_an_object_is(bucket: str, s3_endpoint: str, tmp_path: Path) -> None:
    destination = open_destination(f"s3://{bucket}/r", Settings.from_environment())
    store = tmp_path / "x.zarr"
    kinds = {
        "zarr.json": "application/json",
        "thumb.png": "image/png",
        ".zattrs": "application/json",
        "c/0/0": "binary/octet-stream",
        # of a store that somebody else made: it never runs as a page of the results' address
        "evil.html": "binary/octet-stream",
        "index.html": "binary/octet-stream",
        "evil.svg": "binary/octet-stream",
    }
    for name in kinds:
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(b"1")
    destination.put_result(store, "x.zarr")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    found = {
        name: client.head_object(Bucket=bucket, Key=f"r/x.zarr/{name}")["ContentType"]
        for name in kinds
    }
    assert found == kinds
    for name in ("index.html", "items.parquet", "schema.org.jsonld", "CITATION.cff"):
        destination.write_bytes(f"224/2/{name}", b"1")
        kind = client.head_object(Bucket=bucket, Key=f"r/224/2/{name}")["ContentType"]
        assert kind.partition(";")[0].partition("/")[2] in (
            "html",
            "plain",
            "ld+json",
            "vnd.apache.parquet",
        )
