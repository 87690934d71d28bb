"""Fargate tasks as processes: the container's own entry point, with the environment of the overrides.

``describe`` gives what ECS would say of a task, ``StopCode`` and ``ExitCode`` among it: the state machine
reads nothing else.
"""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.functions import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_VCPUS = 16
_MOST_VOLUME_GIB = 16_384

COMMAND = ("-m", "containers.convert_task")

#: What RunTask answers then, with HTTP status 200.
NO_ROOM = (
    "You’ve reached the limit on the number of vCPUs you can run concurrently. For more information, see "
    "the Troubleshooting section of the Amazon ECS Developer Guide."
)


class QuotaReachedError(Exception):
    """The account runs as many vCPUs as it may; no task was started."""


@dataclass(slots=True)
class Tasks:
    """Runs tasks of the one task definition.

    Attributes
    ----------
    environment
        Of the container, before the overrides.
    spot_interruptions
        How many Spot tasks to come are taken away while they run.
    memory_bytes
        A task past it is killed, as by the kernel, unless it is the largest; 0 for no limit.
    volumes_refused
        How many tasks to come find no room for their volume.
    full_below_gib, file_bytes
        A task with less disk than the first may write no file larger than the second, as a full disk refuses
        it; 0 for no limit.
    quota_vcpus
        vCPUs at once, of Spot and of the other tasks each; 0 for any number.
    n_refused
        Tasks that found no room; for tests.
    started
        Overrides and capacity provider of each task, for tests.
    """

    environment: Mapping[str, str]
    root: Path
    log: Path
    spot_interruptions: int = 0
    memory_bytes: int = 0
    volumes_refused: int = 0
    full_below_gib: int = 0
    file_bytes: int = 0
    quota_vcpus: float = 0.0
    n_refused: int = 0
    started: list[dict[str, Any]] = field(default_factory=list)
    _running: dict[str, _Task] = field(default_factory=dict)
    _without_volume: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, parameters: Mapping[str, Any]) -> str:
        """Start a task with ``ecs:runTask`` parameters; return its ARN.

        Raises
        ------
        QuotaReachedError
            If the account has no room for it.
        """
        overrides = parameters["Overrides"]
        (container,) = overrides["ContainerOverrides"]
        (strategy,) = parameters["CapacityProviderStrategy"]
        disk_gib = _disk_gib(parameters)
        provider = strategy["CapacityProvider"]
        variables = {str(v["Name"]): str(v["Value"]) for v in container["Environment"]}
        arn = f"arn:aws:ecs:eu-north-1:123456789012:task/{uuid.uuid4().hex}"
        vcpus = int(overrides["Cpu"]) / 1024
        with self._lock:
            in_use = sum(
                task.vcpus
                for task in self._running.values()
                if task.provider == provider and task.is_running()
            )
            if self.quota_vcpus and in_use + vcpus > self.quota_vcpus:
                self.n_refused += 1
                raise QuotaReachedError(NO_ROOM)
            tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", ())}
            told = {"provider": provider, "variables": variables, "disk_gib": disk_gib}
            self.started.append({**told, **overrides, "tags": tags})
            if self.volumes_refused and parameters.get("VolumeConfigurations"):
                self.volumes_refused -= 1
                self._without_volume.add(arn)
                return arn
            is_taken_away = provider == "FARGATE_SPOT" and self.spot_interruptions > 0
            if is_taken_away:
                self.spot_interruptions -= 1
            self._running[arn] = task = _Task(
                self, variables, provider, vcpus, is_taken_away=is_taken_away
            )
            if disk_gib < self.full_below_gib:
                task.fill_disk(self.file_bytes)
        return arn

    def describe(self, arn: str) -> dict[str, Any] | None:
        """Return what ECS says of a stopped task; None while it runs."""
        if arn in self._without_volume:
            return {
                "TaskArn": arn,
                "LastStatus": "STOPPED",
                # none has begun, so there is no exit code
                "Containers": [{"Name": "convert", "LastStatus": "STOPPED"}],
                "StopCode": "TaskFailedToStart",
                "StoppedReason": "Could not create the volume: VolumeLimitExceeded",
            }
        task = self._running[arn]
        if self.memory_bytes and task.vcpus < _LARGEST_VCPUS:
            task.kill_past(self.memory_bytes)
        code = task.code()
        if code is None:
            return None
        stopped = {"StopCode": "EssentialContainerExited"}
        stopped["StoppedReason"] = "Essential container in task exited"
        if task.is_taken_away:
            stopped = {"StopCode": "SpotInterruption"}
            stopped["StoppedReason"] = "Your Spot Task was interrupted."
        exit_code = 128 - code if code < 0 else code
        container = {"Name": "convert", "ExitCode": exit_code, "LastStatus": "STOPPED"}
        return {"TaskArn": arn, "LastStatus": "STOPPED", "Containers": [container], **stopped}

    def kill_running(self) -> None:
        """Kill the tasks that are at work, as a lost machine would."""
        for task in list(self._running.values()):
            task.kill()

    def close(self) -> None:
        """End all tasks."""
        for task in self._running.values():
            task.close()


def _disk_gib(parameters: Mapping[str, Any]) -> int:
    """Return the disk of a task; what ECS would not start is an error.

    A volume that its definition leaves to the start has to be there then, and has what ECS asks of one.

    Raises
    ------
    ValueError
        If ECS would refuse it.
    """
    has_volume = ":task-definition/convert-volume:" in parameters["TaskDefinition"]
    volumes = parameters.get("VolumeConfigurations", [])
    if not has_volume and not volumes:
        return int(parameters["Overrides"]["EphemeralStorage"]["SizeInGiB"])
    if not has_volume or [volume["Name"] for volume in volumes] != ["scratch"]:
        message = f"volumes {volumes} do not fit {parameters['TaskDefinition']}"
        raise ValueError(message)
    managed = volumes[0]["ManagedEBSVolume"]
    gib = managed["SizeInGiB"]
    if not isinstance(gib, int) or not 1 <= gib <= _MOST_VOLUME_GIB or not managed["RoleArn"]:
        message = f"no volume: {managed}"
        raise ValueError(message)
    return gib


class _Task:
    def __init__(
        self,
        tasks: Tasks,
        variables: Mapping[str, str],
        provider: str,
        vcpus: float,
        *,
        is_taken_away: bool,
    ) -> None:
        self.is_taken_away = is_taken_away
        self.provider = provider
        self.vcpus = vcpus
        self._scratch = Path(tempfile.mkdtemp(prefix="sparc-fuse-task-"))
        self._log = tasks.log.open("ab")
        self._popen = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, *COMMAND],
            stdout=self._log,
            stderr=self._log,
            cwd=tasks.root,
            env={**tasks.environment, **variables, "TMPDIR": str(self._scratch)},
        )
        if is_taken_away:
            self._popen.terminate()

    def is_running(self) -> bool:
        return self._popen.poll() is None

    def code(self) -> int | None:
        code = self._popen.poll()
        if code is not None:
            self.close()
        return code

    def kill_past(self, memory_bytes: int) -> None:
        if resident_bytes(self._popen.pid) > memory_bytes:
            self.kill()

    def fill_disk(self, file_bytes: int) -> None:
        """Refuse it what makes a file larger; Python sees an OSError, as of a full disk."""
        resource.prlimit(self._popen.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()

    def close(self) -> None:
        self.kill()
        self._popen.wait()
        self._log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
