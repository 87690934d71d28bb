"""A dataset in a bucket of one's own as a source, against a real S3 server over HTTP."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sparc_fuse_core import errors
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile, fetch_file, open_source
from tests.servers.one_answer_s3 import OneAnswerS3, refusal

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "primary/sub-1/Überblick (1) +%20.csv": b"a,b\n1,2\n",
    "primary/sub-1/a b.csv": b"a\n1\n2\n",
    "subjects.csv": b"subject id,sex\nsub-1,female\n",
}


@pytest.fixture
def client(s3_endpoint: str, bucket: str) -> Any:
    return boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")


@pytest.fixture
def settings(bucket: str) -> Settings:
    # the publisher's endpoint is dead: uploads must not be looked for there
    return dataclasses.replace(
        Settings.from_environment(),
        source_s3_endpoint="http://127.0.0.1:9",
        retry_pause_s=0.001,
        request_attempts=2,
    )


def put(client: Any, bucket: str, files: dict[str, bytes], prefix: str = "uploads/my data") -> str:
    for name, content in files.items():
        client.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=content)
    return f"s3://{bucket}/{prefix}"


def test_lists_and_fetches_every_file(
    client: Any, bucket: str, settings: Settings, tmp_path: Path
) -> None:
    uri = put(client, bucket, FILES)
    put(
        client, bucket, {".complete": b"", "primary/": b"", ".git/config": b"x", "a/.DS_Store": b""}
    )
    put(client, bucket, {"not mine.csv": b"1"}, "uploads/my data 2")
    source = open_source(f"{uri}/", settings=settings)
    assert (source.dataset_id, source.version) == ("my data", "upload")
    assert (source.description, source.metadata()) == ({"uri": uri}, {})
    files = list(source.list_files())
    assert [file.path for file in files] == [f"files/{name}" for name in sorted(FILES)]
    for file in files:
        carried = SourceFile.from_json(json.loads(json.dumps(file.to_json())))
        assert carried == file
        seen: list[int] = []
        path = fetch_file(carried, tmp_path, settings, seen.append)
        assert path.read_bytes() == FILES[file.path.removeprefix("files/")]
        assert path.name == file.path.rpartition("/")[2]
        assert sum(seen) == file.size_bytes
        assert source.head(file, 2) == path.read_bytes()[:2]


def test_the_metadata_of_zarr_2_is_data(client: Any, bucket: str, settings: Settings) -> None:
    names = {"primary/a.ome.zarr/.zattrs": b"{}", "primary/a.ome.zarr/0/.zarray": b"{}"}
    uri = put(client, bucket, {**names, "primary/.hidden.zarr/.zgroup": b"{}"})
    listed = [file.path for file in open_source(uri, settings=settings).list_files()]
    assert listed == [f"files/{name}" for name in sorted(names)]


def test_a_folder_named_files_is_the_datasets_own(
    client: Any, bucket: str, settings: Settings
) -> None:
    uri = put(client, bucket, {"files/primary/a.csv": b"1", "readme.md": b"x"})
    paths = [file.path for file in open_source(uri, settings=settings).list_files()]
    assert paths == ["files/primary/a.csv", "readme.md"]


def test_more_than_one_page(
    client: Any, bucket: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = put(client, bucket, {f"primary/ü {i}.csv": b"1" for i in range(8)})
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    assert client.list_objects_v2(Bucket=bucket)["IsTruncated"]
    files = list(open_source(uri, settings=settings).list_files())
    assert [file.path for file in files] == [f"files/primary/ü {i}.csv" for i in range(8)]


def test_the_identity_is_that_of_the_content(client: Any, bucket: str, settings: Settings) -> None:
    def identities() -> dict[str, str]:
        files = open_source(uri, settings=settings).list_files()
        return {file.path: file.identity for file in files}

    uri = put(client, bucket, FILES)
    first = identities()
    put(client, bucket, FILES)
    assert identities() == first, "the same content again is no change"
    put(client, bucket, {"subjects.csv": b"subject id,sex\nsub-1,unknow\n"})
    changed = identities()
    assert {path for path in first if first[path] != changed[path]} == {"files/subjects.csv"}


def test_unsafe_names_are_refused_by_the_plan_and_stop_nothing(
    client: Any, bucket: str, settings: Settings
) -> None:
    uri = put(client, bucket, FILES)
    for key in ("/absolute.csv", "primary//b.csv", "primary/c\\d.csv", "primary/" + "x" * 300):
        client.put_object(Bucket=bucket, Key=f"uploads/my data/{key}", Body=b"1")
    plan = plan_dataset(open_source(uri, settings=settings), load_schemes(), settings)
    assert [item.path for item in plan.items] == [
        "files/primary/sub-1/a b.csv",
        "files/primary/sub-1/Überblick (1) +%20.csv",
    ]
    refused = [entry.path for entry in plan.skipped if entry.error == "UnsafePathError"]
    assert len(refused) == 4


def test_a_file_replaced_since_it_was_listed_is_not_taken(
    client: Any, bucket: str, settings: Settings, tmp_path: Path
) -> None:
    uri = put(client, bucket, {"a.csv": b"12345"})
    (file,) = open_source(uri, settings=settings).list_files()
    put(client, bucket, {"a.csv": b"54321"})
    with pytest.raises(errors.IntegrityError, match=r"a\.csv.*changed since"):
        fetch_file(file, tmp_path, settings)
    client.delete_object(Bucket=bucket, Key="uploads/my data/a.csv")
    with pytest.raises(errors.SourceFileNotFoundError, match=r"a\.csv.*vanished"):
        fetch_file(file, tmp_path, settings)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_in_parts_is_fetched_without_an_md5(
    client: Any, bucket: str, settings: Settings, tmp_path: Path
) -> None:
    content = b"0123456789abcdef" * (6 * 2**16)
    place = {"Bucket": bucket, "Key": "uploads/big/a.wav"}
    upload = client.create_multipart_upload(**place)["UploadId"]
    parts = []
    for number, part in enumerate((content[: 5 * 2**20], content[5 * 2**20 :]), 1):
        answer = client.upload_part(**place, UploadId=upload, PartNumber=number, Body=part)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    (file,) = open_source(f"s3://{bucket}/uploads/big", settings=settings).list_files()
    assert file.etag.endswith("-2")
    assert fetch_file(file, tmp_path, settings).read_bytes() == content


MD5_OF_ABC = "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize(
    ("stored", "headers", "refused"),
    [
        (b"abc", {}, False),
        (b"abd", {}, True),
        (b"abd", {"x-amz-server-side-encryption": "AES256"}, True),
        (b"abd", {"x-amz-server-side-encryption": "aws:kms"}, False),
    ],
)
def test_damage_on_the_way_is_found_where_the_tag_is_an_md5(
    settings: Settings, tmp_path: Path, stored: bytes, headers: dict[str, str], refused: bool
) -> None:
    server = OneAnswerS3(200, stored, {"ETag": f'"{MD5_OF_ABC}"', **headers})
    file = SourceFile("files/a.csv", 3, uri="s3://b-b/a.csv", etag=MD5_OF_ABC, account="own")
    here = dataclasses.replace(settings, output_s3_endpoint=server.url)
    try:
        if refused:
            with pytest.raises(errors.IntegrityError, match="MD5"):
                fetch_file(file, tmp_path, here)
            assert list(tmp_path.iterdir()) == []
        else:
            assert fetch_file(file, tmp_path, here).read_bytes() == stored
    finally:
        server.close()


@pytest.mark.parametrize(
    ("uri", "error", "said"),
    [
        ("s3://no-such-bucket-here/a", "DatasetNotFoundError", "no such bucket"),
        ("s3://{bucket}/nothing/here", "DatasetNotFoundError", "nothing lies below"),
        ("s3:///a", "RequestError", "no bucket"),
    ],
)
def test_wrong_places_are_named(
    bucket: str, settings: Settings, uri: str, error: str, said: str
) -> None:
    with pytest.raises(getattr(errors, error), match=said):
        list(open_source(uri.format(bucket=bucket), settings=settings).list_files())


def test_a_version_is_refused(bucket: str, settings: Settings) -> None:
    with pytest.raises(errors.RequestError, match="no version 3"):
        open_source(f"s3://{bucket}/a", version=3, settings=settings)


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (403, "AccessDenied", "SourceRefusedError", "policy"),
        (403, "InvalidObjectState", "SourceRefusedError", "restore"),
        (400, "ExpiredToken", "SourceRefusedError", "credentials"),
        (301, "PermanentRedirect", "SourceRefusedError", "SPARC_FUSE_OUTPUT_REGION"),
        (400, "AuthorizationHeaderMalformed", "SourceRefusedError", "SPARC_FUSE_OUTPUT_REGION"),
        (503, "SlowDown", "SourceThrottledError", "fewer requests"),
        (500, "InternalError", "SourceUnavailableError", "try again"),
    ],
)
def test_refusals_are_classified(
    settings: Settings, tmp_path: Path, status: int, code: str, error: str, said: str
) -> None:
    server = OneAnswerS3(status, refusal(code))
    away = dataclasses.replace(settings, output_s3_endpoint=server.url)
    file = SourceFile("files/a.csv", 1, uri="s3://some-bucket/a.csv", etag="e", account="own")
    try:
        for act in (
            lambda: list(open_source("s3://some-bucket/d", settings=away).list_files()),
            lambda: fetch_file(file, tmp_path, away),
        ):
            with pytest.raises(errors.SourceError, match=said) as caught:
                act()
            assert type(caught.value).__name__ == error
    finally:
        server.close()
    if error != "SourceRefusedError":
        assert server.n_requests == 2 * settings.request_attempts


def test_missing_credentials_are_said(
    bucket: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(errors.SourceRefusedError, match="AWS_PROFILE"):
        list(open_source(f"s3://{bucket}/a", settings=settings).list_files())


def test_converts_an_upload_with_its_tables(
    client: Any, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sample"
    write_sample(folder)
    for file in folder.rglob("*"):
        if file.is_file():
            key = f"uploads/trial/{file.relative_to(folder).as_posix()}"
            client.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
    uri = f"s3://{bucket}/uploads/trial"
    assert cli.main(["plan", uri, "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    chosen = next(i for i in planned["items"] if i["output"].endswith("sleep.edf.zarr"))
    path = chosen["files"][0]["path"]
    out = tmp_path / "out"
    assert cli.main(["convert", uri, path, "-o", str(out), "--workers", "1"]) == 0
    from_bucket = json.loads((out / "trial/upload" / chosen["output"] / "zarr.json").read_text())
    assert cli.main(["convert", str(folder), path, "-o", str(out), "--workers", "1"]) == 0
    local = json.loads((out / "sample/local" / chosen["output"] / "zarr.json").read_text())
    differing = {
        name
        for name in local["attributes"].keys() | from_bucket["attributes"].keys()
        if local["attributes"].get(name) != from_bucket["attributes"].get(name)
    }
    assert from_bucket["attributes"]["sparc_subject_id"].startswith("sub-")
    assert not differing
