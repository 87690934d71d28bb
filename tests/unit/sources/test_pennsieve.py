"""Datasets of a workspace of Pennsieve, against a server that answers as the platform's source says."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING

import boto3
import pytest

from sparc_fuse_core import errors
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetching, open_source, pennsieve_login
from tests.servers.pennsieve import DATASET, KEY, SECRET, UUID, PennsieveServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[PennsieveServer]:
    pennsieve_login._tokens.clear()
    one = PennsieveServer()
    primary = one.folder("primary")
    subject = one.folder("sub-1", primary)
    one.package("a b.csv", {"a b.csv": b"t (s),x (mV)\n0,1\n1,2\n"}, subject)
    one.package("pair", {"p.hdr": b"12", "p.img": b"3"}, subject)
    one.package("many", {f"{n}.bin": bytes([n]) * 9 for n in range(5)}, subject)
    one.package("late.csv", {"late.csv": b"x"}, subject, state="UNAVAILABLE")
    one.package("samples.xlsx", {"samples.xlsx": b"not really"})
    one.package(".DS_Store", {".DS_Store": b"x"}, subject)
    yield one
    one.close()


@pytest.fixture
def settings(server: PennsieveServer) -> Settings:
    return Settings(
        pennsieve_url=server.url,
        pennsieve_login_url=server.url,
        pennsieve_api_key=KEY,
        pennsieve_api_secret=SECRET,
        request_attempts=4,
        retry_pause_s=0.001,
    )


def test_what_is_listed_is_the_tree_as_it_would_be_published(
    server: PennsieveServer, settings: Settings
) -> None:
    source = open_source(DATASET, settings=settings)
    files = {file.path: file for file in source.list_files()}
    assert list(files) == [
        "files/primary/sub-1/a b.csv",
        *(f"files/primary/sub-1/many/{n}.bin" for n in range(5)),
        "files/primary/sub-1/pair/p.hdr",
        "files/primary/sub-1/pair/p.img",
        "files/samples.xlsx",
    ]
    assert files["files/primary/sub-1/many/3.bin"].size_bytes == 9
    assert (source.dataset_id, source.version) == (UUID, "draft")
    assert source.description == {"id": DATASET, "name": "Mine", "licence": "MIT"}
    identities = {file.identity for file in files.values()}
    assert len(identities) == len(files)
    assert server.tokens == ["token-0"], "one token for all requests"
    plan = plan_dataset(source, Schemes(), settings)
    assert plan.folder == f"{UUID}/draft"


def test_files_come_whole_and_by_ranges_without_the_token_for_storage(
    server: PennsieveServer, settings: Settings, tmp_path: Path
) -> None:
    source = open_source(DATASET, settings=settings)
    file = next(f for f in source.list_files() if f.path.endswith("a b.csv"))
    assert file.to_json()["account"] == "pennsieve"
    path = fetching(settings)(file, tmp_path, None)
    assert (path.name, path.read_bytes()[:5]) == ("a b.csv", b"t (s)")
    assert source.head(file, 4, 2) == b"(s),"
    server.expire_tokens()
    assert source.head(file, 1) == b"t", "a token that ended is renewed"
    assert server.tokens == ["token-0", "token-1"]


def test_a_url_that_ended_is_asked_for_anew(
    server: PennsieveServer, settings: Settings, tmp_path: Path
) -> None:
    source = open_source(DATASET, settings=settings)
    file = next(f for f in source.list_files() if f.path.endswith("0.bin"))
    server.status["/storage/"] = [403]
    assert fetching(settings)(file, tmp_path, None).read_bytes() == b"\0" * 9
    asked = [line for line in server.log if "download-manifest" in line]
    assert len(asked) >= 2
    server.contents.pop(int(file.uri.rpartition("/")[2]))
    with pytest.raises(errors.SourceFileNotFoundError, match="vanished"):
        fetching(settings)(file, tmp_path / "again", None)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ({"pennsieve_api_secret": "another"}, r"wrong, was deleted or has expired \(NotAuthorized"),
        ({"pennsieve_api_key": "another"}, "wrong, was deleted or has expired"),
        ({"pennsieve_api_key": "", "pennsieve_api_secret": ""}, "need an API key: set"),
        ({"pennsieve_api_key": "", "pennsieve_secret_arn": "224"}, "not the ARN of a secret"),
    ],
)
def test_a_key_that_is_wrong_says_so_and_is_not_shown(
    settings: Settings, key: dict[str, str], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = dataclasses.replace(settings, **key)
    with pytest.raises(errors.PennsieveKeyError, match=says) as told:
        list(open_source(DATASET, settings=wrong).list_files())
    for secret in (SECRET, "another", KEY):
        assert secret not in str(told.value)
        assert secret not in caplog.text
        assert secret not in repr(wrong)


def test_what_the_api_refuses_is_told(server: PennsieveServer, settings: Settings) -> None:
    def refused(status: list[int], kind: type[Exception], says: str) -> None:
        server.status[f"/datasets/{DATASET}"] = status
        with pytest.raises(kind, match=says):
            list(open_source(DATASET, settings=settings).list_files())

    refused([401, 401], errors.PennsieveKeyError, "takes no token of this API key")
    refused([403], errors.PennsieveKeyError, "may not see it; ask its owner")
    refused([404], errors.DatasetNotFoundError, "one workspace only")
    refused([400], errors.SourceRefusedError, "answers 400")
    refused([503] * 4, errors.SourceUnavailableError, "503")
    with pytest.raises(errors.DatasetNotFoundError, match="as Pennsieve shows it"):
        open_source("N:dataset:../../x", settings=settings)
    with pytest.raises(errors.RequestError, match="has no version 1"):
        open_source(DATASET, version=1, settings=settings)
    server.status["/"] = [429] * 4
    pennsieve_login._tokens.clear()
    with pytest.raises(errors.SourceThrottledError):
        list(open_source(DATASET, settings=settings).list_files())


def test_a_listing_that_is_hostile_ends(server: PennsieveServer, settings: Settings) -> None:
    round_about = server.folder("x")
    server.packages[-1]["content"]["parentId"] = round_about
    server.package("in it.csv", {"in it.csv": b"x"}, round_about)
    with pytest.raises(errors.SourceError, match="folders have no end"):
        list(open_source(DATASET, settings=settings).list_files())
    server.packages.pop()
    server.package("..", {"a/../../up.csv": b"x"})
    paths = [file.path for file in open_source(DATASET, settings=settings).list_files()]
    assert "files/a_.._.._up.csv" in paths
    server.packages[-1]["content"].pop("packageType")
    with pytest.raises(errors.SourceError, match="cannot be read"):
        list(open_source(DATASET, settings=settings).list_files())


def test_the_key_comes_from_secrets_manager(
    server: PennsieveServer, settings: Settings, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    client = boto3.client("secretsmanager", endpoint_url=s3_endpoint, region_name="eu-north-1")

    def stored(name: str, text: str) -> Settings:
        arn = client.create_secret(Name=name, SecretString=text)["ARN"]
        none = {"pennsieve_api_key": "", "pennsieve_api_secret": ""}
        return dataclasses.replace(settings, pennsieve_secret_arn=arn, **none)

    right = stored("right", json.dumps({"api_key": KEY, "api_secret": SECRET}))
    assert len(list(open_source(DATASET, settings=right).list_files())) == 9
    for n, text in enumerate(
        (SECRET, "[]", '{"api_key": "x"}', '{"api_key": "", "api_secret": ""}')
    ):
        pennsieve_login._tokens.clear()
        with pytest.raises(errors.PennsieveKeyError, match="secret") as told:
            list(open_source(DATASET, settings=stored(f"wrong-{n}", text)).list_files())
        assert SECRET not in str(told.value)
        assert told.value.__cause__ is None
    gone = dataclasses.replace(right, pennsieve_secret_arn=right.pennsieve_secret_arn[:-3] + "zzz")
    pennsieve_login._tokens.clear()
    with pytest.raises(errors.PennsieveKeyError, match="ResourceNotFoundException"):
        list(open_source(DATASET, settings=gone).list_files())
