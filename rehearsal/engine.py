"""What moto's Step Functions engine is taught, so that it runs the real definition as it is.

* Lambda functions are called directly: moto's own would answer with the event.
* ``ecs:runTask.sync`` starts the container's entry point and waits for it. A task that does not exit with 0
  is ``States.TaskFailed`` with the task's description as cause, as on AWS; moto would drop the capacity
  providers and wait for a task that nobody runs.
* Executions that an execution starts are cased as the API wants them (`rehearsal.nested`).
* A function or task that the account has no room for is refused as on AWS: `Lambda.TooManyRequestsException`,
  and `ECS.AmazonECSException` with what RunTask answers.
* Pauses between retries, and of Wait states, can be shortened: moto really sleeps.
* The parameters of the map's ResultWriter are taken from the state's input, as on AWS; moto takes them from
  the children's outputs and fails.
* States entered and retried are counted, children of the distributed map included; moto keeps no history
  of those.

What moto does not do, and what therefore is not rehearsed: the tolerated failure percentage is never
enforced, and the lists of the map's ResultWriter are empty.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
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
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.result_writer_decl import (
    ResultWriter,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_ecs,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from rehearsal import nested
from rehearsal.functions import ThrottledError
from rehearsal.tasks import QuotaReachedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.functions import Answer
    from rehearsal.tasks import Tasks

#: Of RunTask, which moto does not pass on.
_MORE_PARAMETERS = {"CapacityProviderStrategy", "Tags", "VolumeConfigurations"}

#: The largest state, in bytes of JSON, that was passed on: nothing may grow with the dataset.
_Entered = Counter[str]


class Counts:
    """States entered and retried, by execution."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered: dict[str, _Entered] = {}
        self._retried: dict[str, _Entered] = {}
        self._largest: dict[str, int] = {}

    def enter(self, arn: str, state: str, n_bytes: int) -> None:
        """Count a state, and note how large its input was."""
        with self._lock:
            self._entered.setdefault(arn, Counter())[state] += 1
            self._largest[arn] = max(self._largest.get(arn, 0), n_bytes)

    def retry(self, arn: str, state: str) -> None:
        """Count another attempt of a state."""
        with self._lock:
            self._retried.setdefault(arn, Counter())[state] += 1

    def entered(self, arn: str) -> Counter[str]:
        """Return how often each state of an execution was entered, in the order of the first time."""
        with self._lock:
            return Counter(self._entered.get(arn, Counter()))

    def retried(self, arn: str) -> Counter[str]:
        """Return how often each state was tried again."""
        with self._lock:
            return Counter(self._retried.get(arn, Counter()))

    def largest_input_bytes(self, arn: str) -> int:
        """Return the size of the largest input of any state."""
        with self._lock:
            return self._largest.get(arn, 0)


class Invoke(Protocol):
    """Calls a Lambda function by name."""

    def __call__(self, name: str, payload: bytes) -> Answer:
        """Return its answer."""


@contextlib.contextmanager
def taught(
    invoke: Invoke, tasks: Tasks, counts: Counts, *, pause_scale: float = 1.0
) -> Iterator[None]:
    """Teach the engine for as long as the context lasts."""
    ecs = state_task_service_ecs.StateTaskServiceEcs
    run_task = state_task_service_ecs._SUPPORTED_API_PARAM_BINDINGS
    with contextlib.ExitStack() as stack:
        for target, name, value in (
            (lambda_eval_utils, "_invoke_lambda_function", _calling(invoke)),
            (ecs, "_eval_service_task", _starting(tasks)),
            (ecs, "_build_sync_resolver", _waiting(tasks)),
            (nested.SERVICE, "_eval_service_task", nested.start),
            (nested.SERVICE, "_build_sync2_resolver", nested.wait),
            (retrier_decl, "time", _Clock(pause_scale)),
            (WaitFunction, "_wait_interval", _pausing(pause_scale)),
            (ResultWriter, "_eval_body", _writing_results()),
            (CommonStateField, "_eval_body", _counting_entries(counts)),
            (ExecutionState, "_handle_retry", _counting_retries(counts)),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        known = {**run_task, "runtask": run_task["runtask"] | _MORE_PARAMETERS}
        stack.enter_context(mock.patch.dict(run_task, known))
        yield


class _Clock:
    """A clock whose pauses are scaled."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self._scale)


def _pausing(scale: float) -> Callable[[Any, Any, float], None]:
    def pause(_function: Any, env: Any, wait_seconds: float) -> None:
        ends_s = time.monotonic() + wait_seconds * scale
        while env.is_running() and (left_s := ends_s - time.monotonic()) > 0:
            env.program_state_event.wait(left_s)

    return pause


def _calling(invoke: Invoke) -> Callable[..., Any]:
    def call(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        name = str(parameters["FunctionName"]).rpartition(":")[2]
        try:
            answer = invoke(name, parameters["Payload"])
        except ThrottledError as err:
            raise ClientError(
                {
                    "Error": {"Code": "TooManyRequestsException", "Message": str(err)},
                    "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "rehearsal"},
                },
                "Invoke",
            ) from err
        response = {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": json.loads(answer.payload),
        }
        if answer.is_error:
            response["FunctionError"] = "Unhandled"
        return response

    return call


def _starting(tasks: Tasks) -> Callable[..., None]:
    def start(
        state: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        try:
            arn = tasks.run(normalised_parameters)
        except QuotaReachedError as err:
            name = CustomErrorName("ECS.AmazonECSException")
            cause = json.dumps({"Failures": [{"Reason": str(err)}], "Tasks": []})
            raise _failed(env, name, cause) from err
        env.stack.append({"Tasks": [{"TaskArn": arn}], "Failures": []})

    return start


def _waiting(tasks: Tasks) -> Callable[..., Any]:
    def build(
        state: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> Callable[[], dict[str, Any] | None]:
        arn = env.stack.pop()["Tasks"][0]["TaskArn"]

        def resolve() -> dict[str, Any] | None:
            stopped = tasks.describe(arn)
            if stopped is not None and stopped["Containers"][0].get("ExitCode", 1):
                name = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
                raise _failed(env, name, json.dumps(stopped, separators=(",", ":")))
            return stopped

        return resolve

    return build


def _failed(env: Any, name: Any, cause: str) -> Exception:
    failure: Exception = FailureEventException(
        failure_event=FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(
                taskFailedEventDetails=TaskFailedEventDetails(
                    resourceType="ecs", resource="runTask.sync", error=name.error_name, cause=cause
                )
            ),
        )
    )
    return failure


def _arn_of(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


def _writing_results() -> Callable[..., None]:
    own = ResultWriter._eval_body

    def evaluate(writer: Any, env: Any) -> None:
        env.stack[-1] = env.states.get_input()
        own(writer, env)

    return evaluate


def _counting_entries(counts: Counts) -> Callable[..., None]:
    own = CommonStateField._eval_body

    def evaluate(state: Any, env: Any) -> None:
        n_bytes = len(json.dumps(env.states.get_input()))
        counts.enter(_arn_of(env), state.name, n_bytes)
        own(state, env)

    return evaluate


def _counting_retries(counts: Counts) -> Callable[..., Any]:
    own = ExecutionState._handle_retry

    def handle(state: Any, env: Any, failure_event: Any) -> Any:
        outcome = own(state, env, failure_event)
        if outcome.name == "CanRetry":
            counts.retry(_arn_of(env), state.name)
        return outcome

    return handle
