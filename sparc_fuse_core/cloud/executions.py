"""Executions of the state machine: started once for the same work, found again, described.

A name says what an execution does, and the service takes each name once in 90 days. So a second start of the
same work finds the first; after a failure the next start takes the name with a number behind it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from sparc_fuse_core.cloud.tasks import dataset_part
from sparc_fuse_core.errors import (
    CloudError,
    CloudRefusedError,
    CloudUnavailableError,
    ExecutionNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sparc_fuse_core.settings import Settings

#: States in which an execution still works, or is about to.
AT_WORK = ("RUNNING", "PENDING_REDRIVE")

#: Names that are tried after failures; past it somebody has to look.
_MOST_NAMES = 100

#: Executions of other names that are looked into for a dataset.
_MOST_DESCRIBED = 50

_REFUSED = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidClientToken",
    "InvalidSignature",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)
_BUSY = (
    "ExecutionLimitExceeded",
    "InternalFailure",
    "InternalServerError",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttl",
    "TooManyRequests",
)


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


def aws_client(service: str, settings: Settings) -> Any:
    """Return a boto3 client in the results' region; ``AWS_ENDPOINT_URL`` is honoured by boto3 itself."""
    with asking(service):
        return boto3.client(
            service,
            region_name=settings.output_region,
            config=Config(
                retries={
                    "mode": "standard",
                    "total_max_attempts": max(1, settings.request_attempts),
                },
                connect_timeout=settings.request_timeout_s,
                read_timeout=settings.request_timeout_s,
            ),
        )


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn the refusals of AWS into errors that name ``what``.

    Raises
    ------
    CloudRefusedError
        Without credentials or permission.
    CloudUnavailableError
        If the service does not answer or asks for fewer requests.
    CloudError
        For any other refusal.
    """
    try:
        yield
    except ClientError as err:
        stated = err.response.get("Error", {})
        code, said = str(stated.get("Code", "")), str(stated.get("Message", ""))
        status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        text = f"{what}: {err.operation_name} answers {code}: {said}"
        if code.startswith(_REFUSED) or status in (401, 403):
            message = f"{text}; check the credentials and what their role may do"
            raise CloudRefusedError(message) from err
        if code.startswith(_BUSY) or status == 429 or status >= 500:
            message = f"{text}; try again"
            raise CloudUnavailableError(message) from err
        raise CloudError(text) from err
    except (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
    ) as err:
        message = f"{what}: no AWS credentials are found ({err}); set AWS_PROFILE or log in"
        raise CloudRefusedError(message) from err
    except BotoCoreError as err:
        message = f"{what}: AWS cannot be reached ({err}); check the network and the region"
        raise CloudUnavailableError(message) from err


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
