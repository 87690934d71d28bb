"""``sparc-fuse cloud`` against the real state machine and handlers on an embedded AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rehearsal.embedded_aws import EmbeddedAws, embedded_aws
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.sample import CORRUPT, write_sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEP = "primary/sub-1/sam-1/sleep.edf"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with embedded_aws(pause_scale=0.001) as one:
        yield one


@pytest.fixture
def cloud(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("SPARC_FUSE_STATE_MACHINE_ARN", aws.state_machine_arn)
    monkeypatch.setenv("SPARC_FUSE_APP_BUCKET", aws.bucket)
    return Command(capsys)


class Command:
    """Runs the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = cli.main(["cloud", *arguments])
        self.out, self.err = self._capsys.readouterr()
        return code


def test_from_folder_to_results(cloud: Command, aws: EmbeddedAws, tmp_path: Path) -> None:
    folder = tmp_path / "my trial"
    write_sample(folder)
    assert cloud("upload", str(folder)) == 0
    assert "15 sent, 0 unchanged, 0 removed" in cloud.out
    assert cloud("upload", str(folder)) == 0
    assert "0 sent, 15 unchanged, 0 removed" in cloud.out

    assert cloud("start", "uploads/my trial", "--wait", "--every", "0.2") == 1
    name = cloud.out.partition(":")[0]
    assert f"failed files/{CORRUPT}" in cloud.err
    assert "8 converted, 0 unchanged, 6 unsupported, 1 failed" in cloud.out
    assert f"manifest: s3://{aws.bucket}/datasets/my trial/upload/manifest.json" in cloud.out

    assert cloud("status", "uploads/my trial") == 1
    assert f"{name}: SUCCEEDED" in cloud.out
    assert "items: 9 of 9 finished, 0 unchanged from before" in cloud.out
    assert f"failed: files/{CORRUPT}: TruncatedFileError" in cloud.out
    assert cloud("status", name, "--json") == 1
    told = json.loads(cloud.out)
    assert (told["n_to_do"], told["n_finished"], told["status"]) == (9, 9, "SUCCEEDED")
    assert told["cost_usd"] > 0
    assert [failure["path"] for failure in told["failures"]] == [f"files/{CORRUPT}"]
    assert cloud("status") == 0
    assert name in cloud.out

    assert cloud("start", "uploads/my trial") == 0
    assert f"{name}: was done already" in cloud.out

    assert cloud("retry", name, "--wait", "--every", "0.2") == 1
    assert cloud.out.startswith(f"{name}-2: started")
    assert "0 converted, 8 unchanged, 6 unsupported, 1 failed" in cloud.out
    assert "planned: 1 of 9 items to do" in cloud.err

    (folder / CORRUPT).write_bytes((folder / SLEEP).read_bytes())
    (folder / "primary/sub-2/notes.pzfx").unlink()
    assert cloud("upload", str(folder)) == 0
    assert "1 sent, 13 unchanged, 1 removed" in cloud.out
    assert cloud("start", "uploads/my trial", "--wait", "--every", "0.2") == 0
    assert "1 converted, 8 unchanged, 5 unsupported, 0 failed" in cloud.out
    assert cloud("retry", "uploads/my trial") == 0
    assert "nothing failed" in cloud.out


def test_a_cost_limit_ends_the_execution_and_is_told(
    cloud: Command, aws: EmbeddedAws, tmp_path: Path
) -> None:
    folder = tmp_path / "dear"
    write_sample(folder)
    assert cloud("upload", str(folder)) == 0
    assert (
        cloud("start", "uploads/dear", "--cost-limit-usd", "1e-9", "--wait", "--every", "0.2") == 1
    )
    assert "FAILED" in cloud.out
    assert "CostLimitError" in cloud.out
    assert "ended before it was planned" in cloud.out
    assert cloud("logs", "uploads/dear") == 0
    assert "CostLimitError" in cloud.out
    assert cloud("retry", "uploads/dear", "--wait", "--every", "0.2") == 1
    assert "-2: started" in cloud.out, "this AWS knows no redrive, so it begins anew"
