"""Lists of datasets as their users see them: started, how far each dataset is, stopped, begun again."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.aws import AT_WORK, asking
from sparc_fuse_core.cloud.environment import RESULTS
from sparc_fuse_core.cloud.executions import describe, execution_arn, lists_machine
from sparc_fuse_core.cloud.list_tasks import list_key
from sparc_fuse_core.cloud.logs import json_object
from sparc_fuse_core.cloud.many import parse_list
from sparc_fuse_core.errors import CloudError, ExecutionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.executions import Started

_REQUESTS = 8
_LIST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class OfList:
    """How far one dataset of a list is.

    Attributes
    ----------
    state
        ``"done"`` before, ``"refused"``, ``"waiting"``, ``"not started"``, or the status of its execution in
        lower case.
    name
        Of its execution, ``""`` if it has none.
    n_failed
        Items that failed, once it has ended.
    error, message
        Why it was refused, or ended.
    """

    dataset_id: str
    version: str
    state: str
    name: str
    n_to_do: int
    cost_usd: float
    n_failed: int = 0
    error: str = ""
    message: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing of it has failed so far."""
        wrong = ("refused", "not started", "failed", "timed_out", "aborted")
        return self.state not in wrong and not self.n_failed


@dataclass(frozen=True, slots=True)
class ListProgress:
    """How far a list is; ``datasets`` is empty until all were looked at."""

    name: str
    arn: str
    status: str
    started: datetime
    stopped: datetime | None
    request: Mapping[str, Any]
    cost_usd: float = 0.0
    cost_limit_usd: float | None = None
    datasets: tuple[OfList, ...] = ()
    error: str = ""
    cause: str = ""

    @property
    def seconds(self) -> float:
        """Time since it was started, until it stopped."""
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()


def list_progress(app: App, wanted: str) -> ListProgress:
    """Return how far the list is that ``wanted``, a name or an ARN, is of.

    Raises
    ------
    ExecutionNotFoundError
        If there is none.
    """
    machine = lists_machine(app.state_machine_arn)
    arn = wanted if wanted.startswith("arn:") else execution_arn(machine, wanted)
    found = describe(app.machine, arn)
    if found is None:
        message = f"{wanted}: no list of this name in the last 90 days; `sparc-fuse cloud status` lists them"
        raise ExecutionNotFoundError(message)
    name = str(found["name"])
    is_over = found["status"] not in AT_WORK
    stored = app.objects.read_json(f"{RESULTS}/{list_key(name)}", _LIST_BYTES)
    stated: dict[str, Any] = stored[0] if stored and isinstance(stored[0], dict) else {}
    with ThreadPoolExecutor(_REQUESTS) as pool:
        entries = list(
            pool.map(lambda e: _of_list(app, e, is_over=is_over), stated.get("datasets") or ())
        )
    cause = json_object(found.get("cause"))
    return ListProgress(
        name=name,
        arn=arn,
        status=str(found["status"]),
        started=found["startDate"],
        stopped=found.get("stopDate") if is_over else None,
        request=json_object(found.get("input")),
        cost_usd=float(stated.get("cost_usd") or 0.0),
        cost_limit_usd=stated.get("cost_limit_usd"),
        datasets=tuple(entries),
        error=str(found.get("error") or ""),
        cause=str(cause.get("errorMessage") or found.get("cause") or ""),
    )


def _of_list(app: App, entry: Mapping[str, Any], *, is_over: bool) -> OfList:
    state, name = str(entry.get("outcome", "")), str(entry.get("name", ""))
    error, message, n_failed = str(entry.get("error", "")), str(entry.get("message", "")), 0
    if state == "start":
        found = describe(app.machine, execution_arn(app.state_machine_arn, name))
        if found is None:
            state, name = ("not started" if is_over else "waiting"), ""
        else:
            state = str(found["status"]).lower()
            counts = json_object(found.get("output")).get("counts")
            n_failed = int(counts.get("failed", 0)) if isinstance(counts, dict) else 0
            error = str(found.get("error") or "")
            cause = json_object(found.get("cause"))
            message = str(cause.get("errorMessage") or found.get("cause") or "")
    return OfList(
        str(entry.get("dataset_id", "")),
        str(entry.get("version", "")),
        state,
        name,
        int(entry.get("n_to_do") or 0),
        float(entry.get("cost_usd") or 0.0),
        n_failed,
        error,
        message,
    )


def cancel_list(app: App, progress: ListProgress) -> int:
    """Stop a list and the executions that it has started; return how many of these."""
    with asking(progress.name):
        app.machine.stop_execution(
            executionArn=progress.arn, error="Cancelled", cause="sparc-fuse cloud cancel"
        )
    running = [entry for entry in progress.datasets if entry.state == "running"]
    for entry in running:
        # AWS stops them with the list; one that has ended meanwhile needs no stopping
        with contextlib.suppress(CloudError), asking(entry.name):
            app.machine.stop_execution(
                executionArn=execution_arn(app.state_machine_arn, entry.name),
                error="Cancelled",
                cause=f"sparc-fuse cloud cancel {progress.name}",
            )
    return len(running)


def start_list_again(app: App, progress: ListProgress) -> Started:
    """Start the same list again; what has a result is not done again."""
    values = json.loads(json.dumps(progress.request))
    for entry in values.get("datasets", ()):
        entry.pop("overwrite", None)
    return app.starter.start_list(parse_list(values))
