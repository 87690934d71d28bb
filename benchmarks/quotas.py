"""What becomes of many items in an account with small quotas: the real state machine, and work that takes time.

::

    python -m benchmarks.quotas

The definition is the deployed one, run by the rehearsal's engine; functions and tasks do nothing for as long
as an item would take, scaled. A function above the concurrency, and a task above the vCPUs, is refused as AWS
refuses it.
"""

from __future__ import annotations

import itertools
import json
import logging
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.embedded_aws import EmbeddedAws, embedded_aws
from rehearsal.engine import Counts, taught
from rehearsal.functions import Answer, Concurrency
from rehearsal.tasks import NO_ROOM, QuotaReachedError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: One second of AWS in seconds here.
SCALE = 0.002

#: MaxConcurrency of the map where nobody knows the quotas, which is the worst that can be.
AT_ONCE = 200


@dataclass(frozen=True)
class Case:
    """Items that each take so long, and what the account lets run at once."""

    runner: str
    n_items: int
    seconds: float
    functions: int = 1000
    vcpus: float = 0.0


CASES = (
    Case("lambda", 300, 30, functions=10),
    Case("lambda", 300, 120, functions=10),
    Case("lambda", 300, 120, functions=50),
    Case("lambda", 300, 400, functions=100),
    Case("fargate", 100, 300, vcpus=6),
    Case("fargate", 200, 600, vcpus=64),
    Case("fargate", 200, 1200, vcpus=256),
)


class Functions:
    """The functions of the workflow; the converting one takes its time."""

    def __init__(self, aws: EmbeddedAws, case: Case) -> None:
        self._aws, self._case = aws, case
        self.concurrency = Concurrency(case.functions)
        self.recorded: list[dict[str, Any]] = []
        self._numbers = itertools.count()

    def invoke(self, name: str, payload: bytes) -> Answer:
        """Answer an event, or refuse it."""
        with self.concurrency.one():
            answer = self._answer(name, json.loads(payload))
        return Answer(json.dumps(answer).encode(), is_error=False)

    def _answer(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        if name == "plan":
            return self._plan()
        if name == "convert":
            if "failure" in event:
                self.recorded.append(event["failure"])
                return {"status": "failed"}
            time.sleep(self._case.seconds * SCALE)
            return {"status": "converted"}
        if name == "consolidate":
            return {"n_receipts": self._case.n_items}
        return {"most_failed_for_now": False}

    def _plan(self) -> dict[str, Any]:
        size = {"cpu": "2048", "memory": "4096", "disk_gib": 40}
        volume = {"cpu": "4096", "memory": "17408", "gib": 1000, "seconds": 43_200}
        entry = {
            "runner": self._case.runner,
            **size,
            "has_larger": True,
            "largest": size,
            "volume": volume,
        }
        entries = [{"index": index, **entry} for index in range(self._case.n_items)]
        run = f"datasets/.sparc-fuse/runs/{next(self._numbers)}"
        self._aws.client("s3").put_object(
            Bucket=self._aws.bucket, Key=f"{run}/items.json", Body=json.dumps(entries)
        )
        return {
            "bucket": self._aws.bucket,
            "run_key": run,
            "dataset": "many",
            "items_key": f"{run}/items.json",
            "map_prefix": f"{run}/map",
            "n_to_do": len(entries),
            "max_concurrency": AT_ONCE,
            "tolerated_failure_percentage": 100.0,
        }


class WaitingTasks:
    """Tasks that end by themselves after the time of an item."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._running: dict[str, tuple[str, float, float]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.n_started = self.n_refused = 0

    def run(self, parameters: Mapping[str, Any]) -> str:
        """Start one, or refuse it."""
        provider = parameters["CapacityProviderStrategy"][0]["CapacityProvider"]
        vcpus = int(parameters["Overrides"]["Cpu"]) / 1024
        now = time.monotonic()
        with self._lock:
            in_use = sum(
                n for of, n, ends in self._running.values() if of == provider and ends > now
            )
            if self._case.vcpus and in_use + vcpus > self._case.vcpus:
                self.n_refused += 1
                raise QuotaReachedError(NO_ROOM)
            self.n_started += 1
            arn = f"arn:aws:ecs:eu-north-1:123456789012:task/{next(self._numbers)}"
            self._running[arn] = (provider, vcpus, now + self._case.seconds * SCALE)
        return arn

    def describe(self, arn: str) -> dict[str, Any] | None:
        """Return what ECS says of a task that has ended, None before."""
        if self._running[arn][2] > time.monotonic():
            return None
        container = {"Name": "convert", "ExitCode": 0, "LastStatus": "STOPPED"}
        return {"TaskArn": arn, "LastStatus": "STOPPED", "Containers": [container]}


def main() -> int:
    """Print a row for each case; exit code 1 if an item was lost."""
    rows = [
        "| account | items | s an item | refused | converted | failed | lost | least hours | hours |"
    ]
    rows.append("| --- " * 9 + "|")
    n_lost = 0
    logging.disable(logging.WARNING)
    with embedded_aws(pause_scale=SCALE) as aws:
        for case in CASES:
            functions, tasks = Functions(aws, case), WaitingTasks(case)
            counts = Counts()
            began_s = time.monotonic()
            standing: Any = tasks
            with taught(functions.invoke, standing, counts, pause_scale=SCALE):
                outcome = aws.wait(aws.start({"dataset_id": 1}), timeout_s=1200)
            hours = (time.monotonic() - began_s) / SCALE / 3600
            entered = counts.entered(outcome.arn)
            lost, failed = entered["WithoutReceipt"], len(functions.recorded)
            converted = entered["WhereToRun"] - lost - failed
            is_lambda = case.runner == "lambda"
            account = f"{case.functions} functions" if is_lambda else f"{case.vcpus:g} vCPUs"
            at_once = min(AT_ONCE, case.functions if is_lambda else int(case.vcpus / 2))
            least = case.n_items / at_once * case.seconds / 3600
            refused = functions.concurrency.n_refused + tasks.n_refused
            rows.append(
                f"| {account} | {case.n_items} | {case.seconds:g} | {refused:,} | {converted} | {failed} | "
                f"{lost} | {least:.1f} | {hours:.1f} |"
            )
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
            n_lost += case.n_items - converted
            if outcome.status != "SUCCEEDED":
                n_lost += 1
    sys.stdout.write("\n".join(rows) + "\n")
    return bool(n_lost)


if __name__ == "__main__":
    sys.exit(main())
