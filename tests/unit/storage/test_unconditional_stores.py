"""Stores without conditional writes are said to be such, and what S3 refuses is told in words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core import open_results, open_zarr
from sparc_fuse_core.cloud.lock import RunLock
from sparc_fuse_core.errors import (
    DatasetBusyError,
    OutputNotWritableError,
    ResultNotFoundError,
    SourceRefusedError,
    SparcFuseError,
)
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage import bucket as buckets
from sparc_fuse_core.storage import locks
from tests.servers.one_answer_s3 import OneAnswerS3, refusal
from tests.servers.unconditional_s3 import UnconditionalS3

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture(params=[True, False], ids=["refuses", "ignores"])
def store(request: pytest.FixtureRequest, _credentials: None) -> Iterator[UnconditionalS3]:
    server = UnconditionalS3(refuses=request.param)
    yield server
    server.close()


def test_a_store_without_conditional_writes_is_said_to_be_one(
    store: UnconditionalS3, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SILENT_S", 0.2)
    monkeypatch.setattr(buckets, "_WARNED", set())
    opened = buckets.open_bucket(
        "b", "", Settings(output_s3_endpoint=store.url, request_attempts=1)
    )
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with locks.object_lock(opened, "x/running.json", "x") as held:
                held.check()
                assert store.objects["/b/x/running.json"]
    said = [r.getMessage() for r in caplog.records if "no conditional writes" in r.getMessage()]
    assert len(said) == 1, "to be said once, not never and not for each run"
    assert "start one at a time" in said[0]


def test_the_lock_of_the_cloud_says_so_too(
    store: UnconditionalS3, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "_WARNED", set())
    settings = Settings(output_s3_endpoint=store.url, request_attempts=1)
    opened = buckets.open_bucket("b", "", settings)
    with caplog.at_level(logging.WARNING):
        RunLock(opened, "z/1", "arn:aws:states:x", settings).take()
    assert "arn:aws:states:x" in store.objects["/b/z/1/.sparc-fuse/running.json"].decode()
    said = [r.getMessage() for r in caplog.records]
    assert len([text for text in said if "no conditional writes" in text]) == 1, said


def test_a_lock_that_beats_is_kept_there_too(
    store: UnconditionalS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BEAT_S", 0.05)
    monkeypatch.setattr(locks, "SILENT_S", 0.3)
    opened = buckets.open_bucket(
        "b", "", Settings(output_s3_endpoint=store.url, request_attempts=1)
    )
    with locks.object_lock(opened, "y/running.json", "y") as held:
        try:
            with locks.object_lock(opened, "y/running.json", "y"):
                taken = True
        except DatasetBusyError:
            taken = False
        if taken:  # a store that ignores conditions lets the last one win: the first must notice
            with pytest.raises(SparcFuseError):
                held.check()


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (404, "NoSuchBucket", ResultNotFoundError, "there is no bucket b"),
        (404, "NoSuchKey", ResultNotFoundError, "no "),
        (403, "SignatureDoesNotMatch", SourceRefusedError, "AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", SourceRefusedError, "AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", SourceRefusedError, "check credentials, bucket and region"),
    ],
)
@pytest.mark.usefixtures("_credentials")
def test_what_a_bucket_refuses_is_told_apart(
    status: int,
    code: str,
    error: type[Exception],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = OneAnswerS3(status, refusal(code))
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        for opening in (open_zarr, open_results):
            with pytest.raises(error, match=said) as refused:
                opening("s3://b/x.zarr")
            if code == "NoSuchKey":
                assert "bucket" not in str(refused.value)
    finally:
        server.close()


@pytest.mark.usefixtures("_credentials")
def test_a_missing_bucket_for_results_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    server = OneAnswerS3(404, refusal("NoSuchBucket"))
    try:
        settings = Settings(output_s3_endpoint=server.url, request_attempts=1)
        with pytest.raises(OutputNotWritableError, match="no such bucket"):
            list(buckets.open_bucket("b", "", settings).list_keys("x"))
    finally:
        server.close()
