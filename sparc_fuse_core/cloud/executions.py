"""Executions of the state machine: started once for the same work, found again, described.

A name says what an execution does, and the service takes each name once in 90 days. So a second start of the
same work finds the first; after a failure the next start takes the name with a number behind it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.cloud.aws import AT_WORK, asking
from sparc_fuse_core.cloud.request import dataset_part
from sparc_fuse_core.errors import (
    CloudError,
    CloudUnavailableError,
    ExecutionNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


#: Names that are tried after failures; past it somebody has to look.
_MOST_NAMES = 100

#: Executions of other names that are looked into for a dataset.
_MOST_DESCRIBED = 50


@dataclass(frozen=True, slots=True)
class Started:
    """What came of a start.

    Attributes
    ----------
    outcome
        ``"started"``; ``"running"`` if the same work is being done; ``"done"`` if it was done already;
        ``"ended"`` if the execution that this very call had started before has failed since.
    status
        Of the execution, as the service states it.
    """

    arn: str
    name: str
    outcome: Literal["started", "running", "done", "ended"]
    status: str = "RUNNING"


def execution_arn(state_machine_arn: str, name: str) -> str:
    """Return the ARN of the execution ``name`` of a state machine.

    Raises
    ------
    CloudError
        If ``state_machine_arn`` is none.
    """
    parts = state_machine_arn.split(":")
    if len(parts) != 7 or parts[2] != "states" or parts[5] != "stateMachine":
        message = f"{state_machine_arn!r}: not the ARN of a state machine"
        raise CloudError(message)
    return ":".join([*parts[:5], "execution", parts[6], name])


def lists_machine(state_machine_arn: str) -> str:
    """Return the ARN of the machine that starts this one for many datasets; the stack names it so."""
    return f"{state_machine_arn}-datasets"


def describe(client: Any, arn: str) -> dict[str, Any] | None:
    """Return what the service states about an execution, or None if there is none (any more)."""
    with asking(arn.rpartition(":")[2]):
        try:
            answer: dict[str, Any] = client.describe_execution(executionArn=arn)
        except client.exceptions.ExecutionDoesNotExist:
            return None
        return answer


def start_once(
    client: Any,
    state_machine_arn: str,
    name: str,
    values: Mapping[str, Any],
    *,
    asked_at: datetime | None = None,
    again: bool = False,
) -> Started:
    """Start the execution ``name`` unless the same work is being done or was done.

    Parameters
    ----------
    values
        Input of the execution.
    asked_at
        When the event happened that asks for it. A failed execution that began later is this event's own:
        the event was delivered twice. Without it every call may follow a failure.
    again
        Start again even if the work was done.

    Raises
    ------
    CloudError
        If AWS refuses, or too many executions of this name have failed.
    """
    text = json.dumps(values, sort_keys=True, allow_nan=False)
    for n in range(1, _MOST_NAMES + 1):
        candidate = name if n == 1 else f"{name}-{n}"
        arn = execution_arn(state_machine_arn, candidate)
        found = describe(client, arn)
        if found is None:
            with asking(candidate):
                try:
                    client.start_execution(
                        stateMachineArn=state_machine_arn, name=candidate, input=text
                    )
                except client.exceptions.ExecutionAlreadyExists:
                    found = describe(client, arn)  # another call was faster
                else:
                    return Started(arn, candidate, "started")
        if found is None:
            message = f"{candidate}: taken, but not to be seen; try again"
            raise CloudUnavailableError(message)
        status = str(found["status"])
        if status in AT_WORK:
            return Started(arn, candidate, "running", status)
        if status == "SUCCEEDED" and not again:
            return Started(arn, candidate, "done", status)
        if asked_at is not None and found["startDate"] >= asked_at.replace(microsecond=0):
            return Started(arn, candidate, "ended", status)
    message = f"{name}: {_MOST_NAMES} executions have ended; find out why before another is started"
    raise CloudError(message)


def find_execution(client: Any, state_machine_arn: str, wanted: str) -> dict[str, Any]:
    """Return the execution that ``wanted`` names: an ARN, a name, or a dataset (then its latest).

    Raises
    ------
    ExecutionNotFoundError
        If there is none.
    """
    arn = wanted if wanted.startswith("arn:") else execution_arn(state_machine_arn, wanted)
    found = describe(client, arn) if ":execution:" in arn and _is_name(arn) else None
    if found is not None:
        return found
    # names begin with the dataset, unless somebody gave another one in the console
    listed = list(executions(client, state_machine_arn))
    start = f"{dataset_part(wanted)}-"
    likely = [entry for entry in listed if entry["name"].startswith(start)]
    for entry in [*likely, *listed[:_MOST_DESCRIBED]]:
        found = describe(client, entry["executionArn"])
        if found is not None and _dataset_of(found) == wanted:
            return found
    message = (
        f"{wanted}: no execution of this name, and none of such a dataset, in the last 90 days; "
        "`sparc-fuse cloud status` lists them"
    )
    raise ExecutionNotFoundError(message)


def executions(client: Any, state_machine_arn: str) -> Iterator[dict[str, Any]]:
    """Yield executions, the latest first."""
    params: dict[str, Any] = {"stateMachineArn": state_machine_arn, "maxResults": 100}
    while True:
        with asking("executions"):
            page = client.list_executions(**params)
        yield from page["executions"]
        if not page.get("nextToken"):
            return
        params["nextToken"] = page["nextToken"]


def _dataset_of(execution: Mapping[str, Any]) -> str:
    try:
        values = json.loads(execution.get("input") or "{}")
        return str(values["dataset_id"])
    except (ValueError, KeyError, TypeError):
        return ""


def _is_name(arn: str) -> bool:
    """Whether the last part can be an execution's name; ``uploads/x`` cannot."""
    name = arn.rpartition(":")[2]
    return 0 < len(name) <= 80 and not any(c in name for c in ' \t\n<>{}[]?*"#%\\^|~`$&,;:/')
