"""Sources against a real HTTP server that plays Discover and S3, faults included, and local folders."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core import errors
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile, fetch_file, open_source
from sparc_fuse_core.sources.discover import plain_sha256
from sparc_fuse_core.sources.staging import stage
from tests.servers.discover import DATA, PAYING_BUCKET, DiscoverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "files/primary/sub-1/20_1021.acq": b"biopac" * 1000,
    "files/primary/sub-1/été (1).csv": b"a,b\n1,2\n",
    "files/subjects.xlsx": b"x",
    "manifest.json": b"{}",
}


@pytest.fixture
def server() -> Iterator[DiscoverServer]:
    one = DiscoverServer()
    one.add_dataset(224, dict(FILES))
    yield one
    one.close()


@pytest.fixture
def settings(server: DiscoverServer) -> Settings:
    return Settings(
        discover_url=server.url,
        source_s3_endpoint=server.url,
        retry_pause_s=0.001,
        request_attempts=4,
        request_timeout_s=5,
    )


def test_lists_and_fetches_every_file(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    server.names[224]["files/primary/sub-1/20_1021.acq"] = "20 1021.acq"
    source = open_source(224, settings=settings)
    assert (source.dataset_id, source.version) == ("224", "2")
    files = list(source.list_files())
    assert [file.path for file in files] == sorted(FILES)
    for file in files:
        seen: list[int] = []
        assert source.fetch(file, tmp_path, seen.append).read_bytes() == FILES[file.path]
        assert source.head(file, 3) == FILES[file.path][:3]
        assert sum(seen) == file.size_bytes
        assert SourceFile.from_json(json.loads(json.dumps(file.to_json()))) == file
    assert files[0].name == "20 1021.acq"
    assert server.log.count("GET /datasets/224/versions/2/metadata") == 1


def test_walks_the_folders_where_there_is_no_manifest(
    server: DiscoverServer, settings: Settings
) -> None:
    server.faults.no_manifest = True
    server.page = 1
    from_walk = list(open_source(224, settings=settings).list_files())
    server.faults.no_manifest = False
    assert from_walk == list(open_source(224, settings=settings).list_files())


def test_a_lying_total_ends_the_walk(server: DiscoverServer, settings: Settings) -> None:
    server.faults.no_manifest = server.faults.wrong_total = True
    assert len(list(open_source(224, settings=settings).list_files())) == len(FILES)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"embargo": True}, "DatasetEmbargoedError"),
        ({"datasetType": "collection"}, "DatasetTypeError"),
        ({"datasetType": "release"}, "DatasetTypeError"),
        ({"pennsieveSchemaVersion": "3.0"}, "SourceError"),
        ({"status": "UNPUBLISHED"}, "DatasetUnpublishedError"),
    ],
)
def test_datasets_that_cannot_be_converted_say_why(
    server: DiscoverServer, settings: Settings, record: dict[str, object], error: str
) -> None:
    server.add_dataset(7, dict(FILES), **record)
    with pytest.raises(getattr(errors, error), match="dataset 7") as caught:
        open_source(7, settings=settings)
    assert type(caught.value).__name__ == error


def test_unknown_withdrawn_and_empty_datasets(server: DiscoverServer, settings: Settings) -> None:
    server.tombstones.add(8)
    server.add_dataset(9, {})
    with pytest.raises(errors.DatasetNotFoundError, match="404404"):
        open_source(404404, settings=settings)
    with pytest.raises(errors.DatasetNotFoundError, match="no-such-folder"):
        open_source("no-such-folder", settings=settings)
    with pytest.raises(errors.VersionNotFoundError, match="version 17"):
        open_source(224, version=17, settings=settings)
    with pytest.raises(errors.DatasetUnpublishedError):
        open_source(8, settings=settings)
    with pytest.raises(errors.EmptyDatasetError):
        list(open_source(9, settings=settings).list_files())


def test_transient_answers_are_asked_again(server: DiscoverServer, settings: Settings) -> None:
    server.faults.status["/datasets/224"] = [503, 429, 500]
    assert open_source(224, settings=settings).version == "2"


def test_a_storm_ends_in_a_retryable_error(server: DiscoverServer, settings: Settings) -> None:
    server.faults.status["/datasets/224"] = [503] * 50
    with pytest.raises(errors.SourceUnavailableError, match="503"):
        open_source(224, settings=settings)
    server.faults.status["/datasets/224"] = [429] * 50
    with pytest.raises(errors.SourceThrottledError):
        open_source(224, settings=settings)


def test_no_network_is_a_retryable_error() -> None:
    away = Settings(discover_url="http://127.0.0.1:9", request_attempts=2, retry_pause_s=0.001)
    with pytest.raises(errors.SourceUnavailableError, match="check the network"):
        open_source(224, settings=away)


def first_file(server: DiscoverServer, settings: Settings) -> SourceFile:
    return next(iter(open_source(224, settings=settings).list_files()))


def test_a_broken_body_is_continued_not_begun_again(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    file = first_file(server, settings)
    server.faults.broken_bodies = 3
    seen: list[int] = []
    path = fetch_file(file, tmp_path, settings, seen.append)
    assert path.read_bytes() == FILES[file.path]
    assert sum(seen) == file.size_bytes, "no byte is fetched twice"
    assert [p.name for p in tmp_path.iterdir()] == ["20_1021.acq"], "no part is left"


def test_wrong_bytes_are_refused(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    file = first_file(server, settings)
    for wrong in (
        dataclasses.replace(file, sha256="0" * 64),
        dataclasses.replace(file, size_bytes=file.size_bytes - 5, sha256=""),
    ):
        with pytest.raises(errors.IntegrityError, match=r"20_1021\.acq"):
            fetch_file(wrong, tmp_path, settings)
        assert not list(tmp_path.iterdir())


def test_a_vanished_file_is_named(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    file = first_file(server, settings)
    del server.files[224][file.path]
    with pytest.raises(errors.SourceFileNotFoundError, match=r"20_1021\.acq"):
        fetch_file(file, tmp_path, settings)


def test_a_refusal_falls_back_to_a_signed_url_that_may_expire(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    file = first_file(server, settings)
    server.faults.refuse_s3 = 403
    server.faults.expired_urls = 2
    server.faults.broken_bodies = 1
    assert fetch_file(file, tmp_path, settings).read_bytes() == FILES[file.path]
    asked = [line for line in server.log if line.endswith("download-manifest")]
    assert len(asked) == 4, "a fresh URL for every attempt"


def test_an_archived_version_says_so(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    file = dataclasses.replace(first_file(server, settings), dataset="")
    server.faults.refuse_s3 = 405
    with pytest.raises(errors.VersionNotStoredError, match="rehydrated"):
        fetch_file(file, tmp_path, settings)


def test_buckets_that_the_user_names_are_requester_pays(
    server: DiscoverServer, settings: Settings, tmp_path: Path
) -> None:
    server.add_dataset(5, {"files/primary/a.csv": b"1,2"}, bucket=PAYING_BUCKET)
    settings = dataclasses.replace(settings, paid_buckets=PAYING_BUCKET)
    file = next(iter(open_source(5, settings=settings).list_files()))
    assert fetch_file(file, tmp_path, settings).read_bytes() == b"1,2"
    assert not any("download-manifest" in line for line in server.log)


def test_recorded_answers_are_understood() -> None:
    record = json.loads((DATA / "dataset-364-v1.json").read_text(encoding="utf-8"))
    assert record["datasetType"] == "research"
    assert record["uri"].startswith("s3://")
    assert plain_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 0) == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    for stated in ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=-3", None, "AAAA", "not base64!"):
        assert plain_sha256(stated, 0) == ""
    assert plain_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 5 * 1024**3) == ""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "a/../../b",
        "..",
        "a//b",
        "C:/x",
        "a\\b",
        "a\0",
        "x" * 300,
        "caf\udce9.csv",
    ],
)
def test_paths_that_leave_the_output_are_refused(path: str) -> None:
    with pytest.raises(errors.UnsafePathError):
        safe_relative(path)


def test_odd_names_are_kept() -> None:
    assert str(safe_relative("files/primary/Ünï (1)'!*.acq")) == "files/primary/Ünï (1)'!*.acq"


def test_a_local_folder_lists_what_lies_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    (folder / "primary").mkdir(parents=True)
    (folder / "primary" / "naïve 1.csv").write_bytes(b"1")
    (folder / ".hidden").write_bytes(b"1")
    (folder / "loop").symlink_to(folder)
    (tmp_path / "outside.csv").write_bytes(b"1")
    (folder / "primary" / "out.csv").symlink_to(tmp_path / "outside.csv")
    source = open_source(str(folder), settings=Settings())
    files = list(source.list_files())
    assert [file.path for file in files] == ["files/primary/naïve 1.csv"]
    fetched = source.fetch(files[0], tmp_path / "scratch")
    assert fetched.read_bytes() == b"1"
    (folder / "primary" / "naïve 1.csv").unlink()
    with pytest.raises(errors.SourceFileNotFoundError, match="naïve"):
        source.fetch(files[0], tmp_path / "other")


def test_staging_keeps_folders_and_original_names(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    (folder / "a" / "_x_" / "stack1").mkdir(parents=True)
    (folder / "a" / "x.vsi").write_bytes(b"v")
    (folder / "a" / "_x_" / "stack1" / "frame_t.ets").write_bytes(b"e")
    files = list(open_source(str(folder), settings=Settings()).list_files())
    files.sort(key=lambda file: not file.path.endswith(".vsi"))
    files[1] = dataclasses.replace(files[1], name="frame t.ets")

    def fetch(file: SourceFile, place: Path, on_bytes: object) -> Path:
        return fetch_file(file, place, Settings())

    leading = stage(files, fetch, tmp_path / "scratch")
    assert leading.read_bytes() == b"v"
    assert (leading.parent / "_x_" / "stack1" / "frame t.ets").read_bytes() == b"e"
