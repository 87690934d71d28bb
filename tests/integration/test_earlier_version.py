"""A new version of a dataset: results of unchanged files are copied and say what a conversion would say."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from openpyxl import Workbook

from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.describe.names import DESCRIPTIONS
from sparc_fuse_core.opening.recordings import open_zarr
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.run.local import Run, convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEP = "primary/sub-1/sam-1/sleep.edf"
CHANGED = "primary/sub-1/sam-1/blood_pressure.csv"
STACK = "primary/sub-1/sam-1/nerve_stack.ome.tif"
SCENES = "primary/sub-1/sam-1/scenes.tif"
PATHS = (SLEEP, CHANGED, STACK, SCENES)


@pytest.fixture(scope="module")
def first_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("first") / "dataset"
    write_sample(folder)
    write_scenes(folder / SCENES)
    return read_all(folder)


@pytest.fixture(scope="module")
def second_files(
    first_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """One recording changed, and the table of subjects tells something new."""
    book = Workbook()
    book.active.append(["subject id", "sex", "species"])
    book.active.append(["sub-1", "male", "Sus scrofa"])
    path = tmp_path_factory.mktemp("second") / "subjects.xlsx"
    book.save(path)
    lines = first_files[f"files/{CHANGED}"].splitlines(keepends=True)
    return {
        **first_files,
        "files/subjects.xlsx": path.read_bytes(),
        f"files/{CHANGED}": b"".join(lines[:-1]),
    }


def write_scenes(path: Path) -> None:
    """Two series of different shape in one file, so that the result is a collection."""

    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(np.arange(48, dtype="uint8").reshape(6, 8))
        file.write(np.arange(60, dtype="uint8").reshape(6, 10))


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        f"files/{p.relative_to(folder).as_posix()}": p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


class Published:
    """Dataset 224, in version 1, and what converts it."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.server = DiscoverServer()
        self.publish(files, 1)
        self.settings = dataclasses.replace(
            Settings.from_environment(),
            discover_url=self.server.url,
            source_s3_endpoint=self.server.url,
            retry_pause_s=0.001,
        )

    def publish(self, files: dict[str, bytes], version: int) -> None:
        self.server.add_dataset(224, files, version=version, doi=f"10.26275/version-{version}")

    def convert(self, target: Path | str, **options: Any) -> Run:
        return convert_dataset(
            open_source(224, settings=self.settings),
            target,
            load_schemes(),
            self.settings,
            n_workers=2,
            **{"paths": PATHS, **options},
        )

    def fetched(self) -> list[str]:
        """Files of the dataset that were asked for since the last call."""
        paths = [line.partition("/224/")[2] for line in self.server.log if "/224/files/" in line]
        self.server.log.clear()
        return sorted(set(paths) & {f"files/{path}" for path in PATHS})


@pytest.fixture
def published(bucket: str, first_files: dict[str, bytes]) -> Iterator[Published]:
    one = Published(first_files)
    yield one
    one.server.close()


def statuses(run: Run) -> dict[str, str]:
    return {receipt.path: receipt.status for receipt in run.receipts}


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: str, s3_endpoint: str) -> Place:
    return Place(tmp_path if request.param == "folder" else f"s3://{bucket}/out", s3_endpoint)


class Place:
    """A folder or a bucket, with what lies in it as a mapping."""

    def __init__(self, target: Path | str, endpoint: str) -> None:
        self.target = target
        self._endpoint = endpoint

    def read(self, folder: str) -> dict[str, bytes]:
        if not isinstance(self.target, str):
            root = self.target / folder
            return {
                p.relative_to(root).as_posix(): p.read_bytes()
                for p in root.rglob("*")
                if p.is_file()
            }
        bucket, _, prefix = self.target.removeprefix("s3://").partition("/")
        client = boto3.client("s3", endpoint_url=self._endpoint)
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{prefix}/{folder}/"
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {
            key.removeprefix(f"{prefix}/{folder}/"): client.get_object(Bucket=bucket, Key=key)[
                "Body"
            ].read()
            for key in keys
        }

    def delete(self, key: str) -> None:
        if not isinstance(self.target, str):
            (self.target / key).unlink()
            return
        bucket, _, prefix = self.target.removeprefix("s3://").partition("/")
        client = boto3.client("s3", endpoint_url=self._endpoint)
        client.delete_object(Bucket=bucket, Key=f"{prefix}/{key}")


def results(files: dict[str, bytes]) -> dict[str, Any]:
    """Objects of stores; metadata parsed, for a copy's attributes stand in another order."""
    names = ("zarr.json", ".zattrs", ".zmetadata")
    return {
        name: json.loads(data) if name.endswith(names) else data
        for name, data in files.items()
        if ".sparc-fuse" not in name and "manifest" not in name and name not in DESCRIPTIONS
    }


def found_by(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Rows of items.parquet without what differs of a copy: its digest, the word on it, bytes of dates."""
    rows = pq.read_table(io.BytesIO(files["items.parquet"])).to_pylist()
    return [
        {k: v for k, v in row.items() if k not in ("digest", "message", "bytes")} for row in rows
    ]


@pytest.mark.parametrize(
    "options",
    [ConvertOptions(), ConvertOptions(zarr_format=2, ome_zarr_version="0.4")],
    ids=["zarr 3", "zarr 2"],
)
def test_a_copy_says_what_a_conversion_says(
    published: Published,
    second_files: dict[str, bytes],
    place: Place,
    tmp_path_factory: pytest.TempPathFactory,
    options: ConvertOptions,
) -> None:
    first = published.convert(place.target, options=options)
    assert set(statuses(first).values()) == {"converted"}
    published.publish(second_files, 2)
    published.fetched()
    run = published.convert(place.target, options=options)
    assert published.fetched() == [f"files/{CHANGED}"], "nothing else comes over the network"
    assert statuses(run) == {
        f"files/{path}": "converted" if path == CHANGED else "unchanged" for path in PATHS
    }
    afresh = tmp_path_factory.mktemp("afresh")
    published.convert(afresh, options=options)
    copied, wanted = place.read("224/2"), Place(afresh, "").read("224/2")
    assert results(copied) == results(wanted)
    assert found_by(copied) == found_by(wanted)
    for receipt in run.receipts:
        assert copied[receipt.thumbnail] == wanted[receipt.thumbnail]
    assert any(name.startswith(f"{SCENES}.ome.zarr/OME/") for name in copied), "a collection"
    for receipt in run.receipts:
        store = {n: d for n, d in copied.items() if n.startswith(f"{receipt.output}/")}
        assert receipt.n_objects == len(store)
        assert receipt.bytes_out == sum(map(len, store.values()))
        if receipt.status == "unchanged":
            assert "version 1" in receipt.message
    assert results(place.read("224/1")), "the earlier version stays"


def test_copies_open_and_stay_unchanged(
    published: Published, second_files: dict[str, bytes], place: Place
) -> None:
    published.convert(place.target)
    published.publish(second_files, 2)
    published.convert(place.target)
    opened = open_zarr(f"{place.target}/224/2/{SLEEP}.zarr")
    assert (opened.attrs["version"], opened.attrs["doi"]) == (2, "10.26275/version-2")
    assert json.loads(opened.attrs["sparc_subject"])["species"] == "Sus scrofa"
    assert float(opened["signals"].max()) == pytest.approx(1.1, abs=0.1)
    opened.close()
    published.fetched()
    assert set(statuses(published.convert(place.target)).values()) == {"unchanged"}
    assert published.fetched() == []
    published.publish(second_files, 3)
    third = published.convert(place.target)
    assert set(statuses(third).values()) == {"unchanged"}, "a copy is copied again"
    assert published.fetched() == []


def test_a_part_first_still_finds_the_earlier_version(
    published: Published, second_files: dict[str, bytes], place: Place
) -> None:
    published.convert(place.target)
    published.publish(second_files, 2)
    published.convert(place.target, paths=(CHANGED,))
    published.fetched()
    run = published.convert(place.target)
    assert set(statuses(run).values()) == {"unchanged"}
    assert published.fetched() == []


def test_what_is_not_whole_is_converted(
    published: Published, first_files: dict[str, bytes], place: Place
) -> None:
    published.convert(place.target, paths=(SLEEP, STACK))
    inner = [n for n in place.read(f"224/1/{SLEEP}.zarr") if "/c/" in n]
    place.delete(f"224/1/{SLEEP}.zarr/{inner[0]}")
    published.publish(first_files, 2)
    run = published.convert(place.target, paths=(SLEEP, STACK))
    assert statuses(run) == {f"files/{SLEEP}": "converted", f"files/{STACK}": "unchanged"}


def test_options_overwrite_and_packed_files_are_converted(
    published: Published, first_files: dict[str, bytes], tmp_path: Path
) -> None:
    published.convert(tmp_path, paths=(SLEEP,))
    published.publish(first_files, 2)
    other = published.convert(tmp_path, paths=(SLEEP,), options=ConvertOptions(zarr_format=2))
    assert set(statuses(other).values()) == {"converted"}
    again = published.convert(tmp_path, paths=(SLEEP,), overwrite=True)
    assert set(statuses(again).values()) == {"converted"}
    packed = ConvertOptions("npz")
    published.convert(tmp_path, paths=(SLEEP,), options=packed)
    published.publish(first_files, 3)
    last = published.convert(tmp_path, paths=(SLEEP,), options=packed)
    assert set(statuses(last).values()) == {"converted"}
    with np.load(tmp_path / "224/3" / f"{SLEEP}.npz") as content:
        assert json.loads(str(content["attributes"]))[""]["version"] == 3


def test_a_file_without_hash_or_version_is_converted(
    published: Published, first_files: dict[str, bytes], tmp_path: Path, monkeypatch: Any
) -> None:
    entry = DiscoverServer.entry
    nameless = {"sha256": None, "s3VersionId": None}
    monkeypatch.setattr(DiscoverServer, "entry", lambda *a: {**entry(*a), **nameless})
    published.convert(tmp_path, paths=(SLEEP,))
    published.publish(first_files, 2)
    run = published.convert(tmp_path, paths=(SLEEP,))
    assert set(statuses(run).values()) == {"converted"}
