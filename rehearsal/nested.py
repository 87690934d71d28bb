"""Executions that a state machine starts and waits for (``states:startExecution.sync:2``).

moto hands the state's parameters to the API as they are cased, which refuses them. Here the execution is
started and looked at through the API; what the state gets is cased as AWS cases it, the output as JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is replaced, for `mock.patch.object`.
SERVICE = state_task_service_sfn.StateTaskServiceSfn

_RUNNING = "RUNNING"


def start(
    state: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    """Start the execution that a state's parameters name."""
    client = _client(resource_runtime_part, state_credentials)
    answer = client.start_execution(
        stateMachineArn=normalised_parameters["StateMachineArn"],
        name=normalised_parameters["Name"],
        input=normalised_parameters["Input"],
    )
    env.stack.append({"ExecutionArn": answer["executionArn"]})


def wait(
    state: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> Callable[[], dict[str, Any] | None]:
    """Return what looks whether the execution has ended."""
    client = _client(resource_runtime_part, state_credentials)
    arn = env.stack.pop()["ExecutionArn"]

    def look() -> dict[str, Any] | None:
        found = client.describe_execution(executionArn=arn)
        if found["status"] == _RUNNING:
            return None
        values = {
            "ExecutionArn": arn,
            "Name": found["name"],
            "Status": found["status"],
            "Input": json.loads(found["input"]),
            "Error": found.get("error"),
            "Cause": found.get("cause"),
        }
        if found["status"] == "SUCCEEDED":
            return {**values, "Output": json.loads(found["output"])}
        name = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
        raise FailureEventException(
            failure_event=FailureEvent(
                env=env,
                error_name=name,
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(
                    taskFailedEventDetails=TaskFailedEventDetails(
                        resourceType="states",
                        resource="startExecution.sync:2",
                        error=name.error_name,
                        cause=json.dumps(values),
                    )
                ),
            )
        )

    return look


def _client(resource_runtime_part: Any, state_credentials: Any) -> Any:
    return boto_client_for(
        service="stepfunctions",
        region=resource_runtime_part.region,
        state_credentials=state_credentials,
    )
