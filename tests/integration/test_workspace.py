"""A workspace's dataset through the real state machine: the key is nowhere but in its secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rehearsal.embedded_aws import REGION, EmbeddedAws, embedded_aws
from sparc_fuse_core.command import main as cli
from tests.servers.pennsieve import DATASET, KEY, SECRET, UUID, PennsieveServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV = b"time (s),a (mV)\n" + b"".join(b"%g,%d\n" % (i / 10, i) for i in range(20))
NAME = "pennsieve"
ACCOUNT_ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret"


@pytest.fixture(scope="module")
def server() -> Iterator[PennsieveServer]:
    one = PennsieveServer()
    primary = one.folder("primary")
    one.package("a.csv", {"a.csv": CSV}, primary)
    one.package("b.csv", {"b.csv": CSV}, primary)
    yield one
    one.close()


@pytest.fixture(scope="module")
def aws(server: PennsieveServer) -> Iterator[EmbeddedAws]:
    settings = {
        "SPARC_FUSE_PENNSIEVE_URL": server.url,
        "SPARC_FUSE_PENNSIEVE_LOGIN_URL": server.url,
        "SPARC_FUSE_PENNSIEVE_SECRET_ARN": f"{ACCOUNT_ARN}:{NAME}",
        "SPARC_FUSE_REQUEST_ATTEMPTS": "2",
        "SPARC_FUSE_RETRY_PAUSE_S": "0.001",
    }
    with embedded_aws(settings, pause_scale=0.001) as one:
        secret = json.dumps({"api_key": KEY, "api_secret": SECRET})
        one.client("secretsmanager").create_secret(Name=NAME, SecretString=secret)
        yield one


def test_it_is_converted_and_the_key_is_nowhere_else(
    aws: EmbeddedAws, server: PennsieveServer
) -> None:
    outcome = aws.run({"dataset_id": DATASET})
    assert outcome.status == "SUCCEEDED", outcome.cause
    assert outcome.output["counts"]["converted"] == 2
    client = aws.client("s3")
    entries = client.list_objects_v2(Bucket=aws.bucket)["Contents"]
    keys = [entry["Key"] for entry in entries]
    assert f"datasets/{UUID}/draft/manifest.json" in keys
    for key in keys:
        with client.get_object(Bucket=aws.bucket, Key=key)["Body"] as body:
            data = body.read()
        for secret in (KEY, SECRET, *server.tokens, "/storage/"):
            assert secret.encode() not in data, f"{key} holds {secret}"
    history = aws.client("stepfunctions").get_execution_history(executionArn=outcome.arn)
    logs = "".join(path.read_text(errors="replace") for path in aws.folder.glob("*.log"))
    for secret in (KEY, SECRET, *server.tokens):
        assert secret not in json.dumps(history, default=str)
        assert secret not in logs
    again = aws.run({"dataset_id": DATASET})
    assert again.output["counts"] == {**outcome.output["counts"], "converted": 0, "unchanged": 2}


def test_a_key_that_has_expired_ends_the_execution_by_name(
    aws: EmbeddedAws, server: PennsieveServer
) -> None:
    server.key = ("another", "key")
    server.expire_tokens()
    try:
        outcome = aws.run({"dataset_id": DATASET})
    finally:
        server.key = (KEY, SECRET)
    assert (outcome.status, outcome.error) == ("FAILED", "PennsieveKeyError")
    assert "wrong, was deleted or has expired" in outcome.cause
    assert KEY not in outcome.cause


def test_who_starts_it_needs_no_key(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "SPARC_FUSE_STATE_MACHINE_ARN": aws.state_machine_arn,
        "SPARC_FUSE_APP_BUCKET": aws.bucket,
    }.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        assert cli.main(["cloud", "start", DATASET, "--wait", "--every", "0.2"]) == 0
        assert "2 unchanged" in capsys.readouterr().out
    assert cli.main(["cloud", "status", DATASET]) == 0
    assert cli.main(["cloud", "plan", DATASET]) == 1
    assert "PennsieveKeyError: datasets of one's own on Pennsieve need" in capsys.readouterr().err
