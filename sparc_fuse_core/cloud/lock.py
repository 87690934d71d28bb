"""One run at a time for each version of a dataset: a lock object in the results bucket.

The lock names the execution that holds it. It stays when an execution fails, so that a redrive of it goes
on where it stopped; another run takes it over once its holder is no longer running. S3's conditional writes
decide between two that come at once.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sparc_fuse_core.cloud.aws import AT_WORK, asking, aws_client
from sparc_fuse_core.errors import CloudError, DatasetBusyError, PublishError, RunSupersededError
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.bucket import Bucket


class RunLock:
    """The lock of one folder of results, seen by one execution.

    Parameters
    ----------
    folder
        ``"224/2"``.
    execution
        ARN of the execution that asks.
    """

    def __init__(self, bucket: Bucket, folder: str, execution: str, settings: Settings) -> None:
        self._bucket = bucket
        self._folder = folder
        self._key = f"{folder}/{WORK_FOLDER}/running.json"
        self._execution = execution
        self._settings = settings

    def take(self) -> None:
        """Take the lock, or take it over from an execution that has ended; one's own is kept.

        Raises
        ------
        DatasetBusyError
            If another execution holds it and is running, or was faster.
        """
        stated = {
            "execution": self._execution,
            "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        data = json.dumps(stated).encode()
        if self._bucket.write_new(self._key, data):
            self._bucket.probe(self._key, data)
            return
        found = self._bucket.read_tagged(self._key)
        holder = _holder(found[0]) if found else ""
        if found and holder == self._execution:
            return
        is_free = found is not None and not self._is_running(holder)
        if not (is_free and found and self._bucket.write_over(self._key, data, found[1])):
            message = (
                f"{self._folder}: is being converted by {holder or 'another execution'}; "
                "start again when that has ended"
            )
            raise DatasetBusyError(message)

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises
        ------
        RunSupersededError
            If it is not.
        """
        data = self._bucket.read(self._key)
        if data is None or _holder(data) != self._execution:
            other = _holder(data) if data else "nobody"
            message = (
                f"{self._folder}: now held by {other}, not by {self._execution}; "
                "start a new execution, it converts only what is not done"
            )
            raise RunSupersededError(message)

    def release(self) -> None:
        """Give the lock back if it is held."""
        with contextlib.suppress(RunSupersededError):
            self.check()
            self._bucket.delete(self._key)

    def _is_running(self, execution: str) -> bool:
        """Whether an execution is still at work; True where that cannot be told."""
        client = aws_client("stepfunctions", self._settings)
        unknown = (client.exceptions.ExecutionDoesNotExist, client.exceptions.InvalidArn)
        try:
            with asking(execution.rpartition(":")[2]), contextlib.suppress(*unknown):
                return client.describe_execution(executionArn=execution)["status"] in AT_WORK
        except CloudError as err:
            message = f"{self._folder}: held by {execution}, which cannot be looked up ({err})"
            raise DatasetBusyError(message) from err
        return False


def _holder(data: bytes) -> str:
    try:
        return str(json.loads(data)["execution"])
    except (ValueError, KeyError, TypeError) as err:
        message = f"the lock does not name an execution ({err}); delete it if nothing is running"
        raise PublishError(message) from err
