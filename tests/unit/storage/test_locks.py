"""Two runs into one output: the other's results and staging are safe, a dead run hinders nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from sparc_fuse_core.errors import DatasetBusyError, RunSupersededError
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage import locks
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.storage.folder import FolderDestination

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from sparc_fuse_core.storage.locks import folder_lock
with folder_lock(Path(sys.argv[1]), "out/set/local"):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path, *before: str) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-c", HOLD, str(path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert holder.stdout is not None
    holder.stdout.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT_S", 0.2)
    monkeypatch.setattr(locks, "SILENT_S", 1.0)


def test_a_living_holder_is_named_and_a_killed_one_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "running.lock"
    holder = hold(path)
    try:
        with pytest.raises(DatasetBusyError, match=rf"process {holder.pid} on "):
            locks.folder_lock(path, "out").__enter__()
    finally:
        end(holder)
    started = time.monotonic()
    with locks.folder_lock(path, "out") as held:
        held.check()
    assert time.monotonic() - started < 5
    with locks.folder_lock(path, "out"):
        pass


def unshare(*options: str) -> list[str]:
    command = ["unshare", *options]
    try:
        done = subprocess.run([*command, "true"], check=False, capture_output=True, timeout=10)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if done.returncode:
        pytest.skip("namespaces are not allowed here")
    return command


def test_a_container_of_the_same_host_is_seen(tmp_path: Path) -> None:
    # process numbers of another container mean nothing here
    before = unshare("--pid", "--fork", "--kill-child", "--uts")
    holder = hold(tmp_path / "running.lock", *before)
    try:
        with pytest.raises(DatasetBusyError):
            locks.folder_lock(tmp_path / "running.lock", "out").__enter__()
    finally:
        end(holder)


@pytest.mark.usefixtures("quick")
def test_another_host_is_believed_while_its_beat_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "running.lock"
    # a network drive without locks: nothing tells but the beat
    monkeypatch.setattr(locks, "fcntl", None)
    with locks.folder_lock(path, "out") as first:
        with monkeypatch.context() as there:
            there.setattr(locks, "_boot", lambda: "another kernel")
            with pytest.raises(DatasetBusyError):
                locks.folder_lock(path, "out").__enter__()
        # the first one sleeps with its lid closed; another takes over; the first wakes up
        words = json.loads(path.read_bytes())
        path.write_text(json.dumps({**words, "token": "another", "host": "b"}))
        time.sleep(0.5)
        with pytest.raises(RunSupersededError):
            first.check()
        with locks.folder_lock(path, "out") as second:
            second.check()


def test_nothing_is_committed_for_a_run_that_lost_its_lock(tmp_path: Path) -> None:
    owner = open_destination(tmp_path / "out", Settings(), folder="set/local")
    with owner.lock() as held:
        worker = FolderDestination(tmp_path / "out", "set/local", held.token)
        with worker.scratch() as scratch:
            (scratch / "x").write_text("whole")
            worker.put_result(scratch / "x", "set/local/x")
    with worker.scratch() as scratch:
        (scratch / "y").write_text("late")
        with pytest.raises(RunSupersededError):
            worker.put_result(scratch / "y", "set/local/y")
    assert (tmp_path / "out/set/local/x").read_text() == "whole"
    assert not (tmp_path / "out/set/local/y").exists()


def test_staging_of_another_dataset_is_not_swept(tmp_path: Path) -> None:
    other = open_destination(tmp_path, Settings(), folder="two/local")
    with other.scratch() as scratch:
        mine = open_destination(tmp_path, Settings(), folder="one/local")
        with mine.lock():
            mine.sweep()
        assert scratch.is_dir()


@pytest.mark.usefixtures("quick")
def test_one_local_run_into_a_bucket_at_a_time(bucket: str, s3_endpoint: str) -> None:
    def destination() -> Any:
        settings = Settings(output_s3_endpoint=s3_endpoint)
        return open_destination(f"s3://{bucket}/p", settings, folder="set/local")

    with destination().lock() as held:
        with pytest.raises(DatasetBusyError, match=rf"process {os.getpid()}"):
            destination().lock().__enter__()
        held.check()
    with destination().lock():
        pass
    # one that died without a word
    place = destination()
    place.write_bytes("set/local/.sparc-fuse/running.json", b'{"token": "dead", "beat": 3}')
    with place.lock():
        pass
    place.write_bytes("set/local/.sparc-fuse/running.json", b'{"execution": "arn:of:the:cloud"}')
    with pytest.raises(DatasetBusyError, match="arn:of:the:cloud"):
        place.lock().__enter__()
