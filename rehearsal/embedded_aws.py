"""An AWS of one process: S3, Step Functions and EventBridge by moto over HTTP, functions and tasks for real.

Everything listens on 127.0.0.1 only and ends with the context. One at a time: moto keeps its state in the
process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import requests

try:
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from moto.stepfunctions.parser.api import ExecutionStatus
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends
    from werkzeug.serving import make_server
except ImportError as err:
    message = f"rehearsal: {err}; run `pip install '.[rehearsal]'` in the folder of the project"
    raise SystemExit(message) from err

from rehearsal.definition import (
    DATASETS,
    FUNCTIONS,
    ROOT,
    WORKFLOW,
    load_definition,
    substitutions,
)
from rehearsal.engine import Counts, taught
from rehearsal.functions import Answer, Concurrency, Function
from rehearsal.gate import Gate
from rehearsal.tasks import Tasks

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

REGION = "eu-north-1"
ACCOUNT = "123456789012"

#: Of this process's environment, what a function or a task has too.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")

#: A map worker of moto calls itself again for each item.
_RECURSION = 100_000

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended.

    Attributes
    ----------
    entered, retried
        How often each state was entered, and tried again.
    largest_input_bytes
        Of any state.
    """

    arn: str
    status: str
    output: dict[str, Any]
    error: str
    cause: str
    entered: Counter[str]
    retried: Counter[str]
    largest_input_bytes: int


class EmbeddedAws:
    """The app as it would be deployed; make one with `embedded_aws`."""

    def __init__(
        self, endpoint: str, bucket: str, gate: Gate, folder: Path, settings: Mapping[str, str]
    ) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self.gate = gate
        self.folder = folder
        self.counts = Counts()
        self.concurrency = Concurrency()
        # named after the bucket: moto keeps what an earlier one in this process made
        self.name = bucket
        self.state_machine_arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{self.name}"
        self._settings = dict(settings)
        self.functions = {
            name: Function(
                name,
                f"lambdas.{name}.handler",
                {**self.environment_of(name), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "4096"},
                ROOT,
                folder / f"{name}.log",
            )
            for name in FUNCTIONS
        }
        self.tasks = Tasks(self.environment_of("convert"), ROOT, folder / "task.log")

    def environment_of(self, name: str) -> dict[str, str]:
        """Return the environment of a function or task, credentials of its role included."""
        passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        return {
            **passed_on,
            "PYTHONPATH": str(ROOT),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": name,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_EC2_METADATA_DISABLED": "true",
            "OUTPUT_URI": f"s3://{self.bucket}/datasets",
            "MAX_CONCURRENCY": str(os.cpu_count() or 1),
            "STATE_MACHINE_ARN": self.state_machine_arn,
            "MALLOC_ARENA_MAX": "2",
            **self._settings,
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client of a user of this AWS."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="user",
            aws_secret_access_key="rehearsal",  # noqa: S106 - moto takes any
        )

    def deploy(self) -> None:
        """Make the bucket, the state machines and the log of their events."""
        self.client("s3").create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        values = substitutions(REGION, ACCOUNT, self.name)
        for name, definition in ((self.name, WORKFLOW), (f"{self.name}-datasets", DATASETS)):
            self.client("stepfunctions").create_state_machine(
                name=name,
                definition=load_definition(values, definition),
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/workflow",
            )
        self.client("logs").create_log_group(logGroupName=self.name)
        events = self.client("events")
        events.put_rule(Name=self.name, EventPattern=json.dumps({"source": ["sparc-fuse"]}))
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.name}"
        events.put_targets(Rule=self.name, Targets=[{"Id": "log", "Arn": arn}])

    def invoke(self, name: str, payload: bytes) -> Answer:
        """Call a function, if the account has room for it."""
        with self.concurrency.one():
            return self.functions[name].invoke(payload)

    def start(self, request: Any, name: str = "") -> str:
        """Start an execution and return its ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.state_machine_arn,
            name=name or f"run-{uuid.uuid4().hex[:12]}",
            input=json.dumps(request, sort_keys=True),
        )
        return str(started["executionArn"])

    def wait(
        self, arn: str, timeout_s: float = 600.0, on_poll: Callable[[], None] | None = None
    ) -> Outcome:
        """Wait for an execution and return how it ended.

        Raises
        ------
        TimeoutError
            If it is still running then.
        """
        client = self.client("stepfunctions")
        deadline_s = time.monotonic() + timeout_s
        while True:
            described = client.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                break
            if time.monotonic() > deadline_s:
                message = f"{arn}: still running after {timeout_s:.0f} s"
                raise TimeoutError(message)
            if on_poll is not None:
                on_poll()
            time.sleep(_POLL_S)
        return Outcome(
            arn,
            described["status"],
            json.loads(described.get("output") or "{}"),
            described.get("error", ""),
            described.get("cause", ""),
            self.counts.entered(arn),
            self.counts.retried(arn),
            self.counts.largest_input_bytes(arn),
        )

    def run(self, request: Any, name: str = "", timeout_s: float = 600.0) -> Outcome:
        """Start an execution and wait for it."""
        return self.wait(self.start(request, name), timeout_s)

    def stop(self, arn: str) -> None:
        """Stop an execution; what its functions are doing goes on, as on AWS.

        moto would call it running until they have ended.
        """
        self.client("stepfunctions").stop_execution(executionArn=arn)
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        backend.describe_execution(arn).exec_status = ExecutionStatus.ABORTED

    def redrive(self, arn: str) -> None:
        """Go on with a failed execution from the state that failed, with that state's input.

        moto has no RedriveExecution. What AWS does for a state outside the map is done by hand here: same
        execution, same name, the states before are not repeated. (A redriven map would run its failed
        children only; this one would run all of them.)
        """
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        execution = backend.describe_execution(arn)
        history = execution.exec_worker.env.event_manager.get_event_history()
        entered = [
            e["stateEnteredEventDetails"] for e in history if "stateEnteredEventDetails" in e
        ]
        machine = execution.state_machine
        machine.definition = json.dumps(
            {**json.loads(machine.definition), "StartAt": entered[-1]["name"]}
        )
        execution.input_data = json.loads(entered[-1]["input"])
        execution.exec_worker = execution.error = execution.cause = None
        execution.start()

    def events(self) -> list[dict[str, Any]]:
        """Return the events that the app has announced."""
        logs = self.client("logs")
        found: list[dict[str, Any]] = []
        for stream in logs.describe_log_streams(logGroupName=self.name)["logStreams"]:
            page = logs.get_log_events(
                logGroupName=self.name, logStreamName=stream["logStreamName"], startFromHead=True
            )
            found += [json.loads(event["message"]) for event in page["events"]]
        return found

    def close(self) -> None:
        """End all processes."""
        for function in self.functions.values():
            function.close()
        self.tasks.close()


@contextlib.contextmanager
def embedded_aws(
    settings: Mapping[str, str] | None = None,
    *,
    pause_scale: float = 1.0,
) -> Iterator[EmbeddedAws]:
    """Yield an AWS with the app deployed in it.

    Parameters
    ----------
    settings
        Environment variables of every function and task, over the usual ones.
    pause_scale
        What the pauses between retries are multiplied by.
    """
    bucket = f"sparc-fuse-{uuid.uuid4().hex[:12]}"
    gate = Gate(DomainDispatcherApplication(create_backend_app), bucket)
    server = make_server(
        "127.0.0.1",
        0,
        gate,
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    port = server.server_address[1]
    endpoint = f"http://127.0.0.1:{port}"
    folder = Path(tempfile.mkdtemp(prefix="sparc-fuse-rehearsal-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_serving(server))
        # the engine reaches the other services through the server too
        stack.enter_context(mock.patch.dict(os.environ, {"MOTO_PORT": str(port)}))
        stack.enter_context(_recursion(_RECURSION))
        for name in ("moto", "werkzeug"):  # each request is a line, each caught error a page
            stack.enter_context(_silent(name))
        requests.post(
            f"{endpoint}/moto-api/config",
            json={
                "stepfunctions": {"execute_state_machine": True},
                "lambda": {"use_docker": False},
            },
            timeout=30,
        ).raise_for_status()
        aws = EmbeddedAws(endpoint, bucket, gate, folder, settings or {})
        stack.callback(aws.close)
        stack.enter_context(taught(aws.invoke, aws.tasks, aws.counts, pause_scale=pause_scale))
        aws.deploy()
        yield aws


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _recursion(limit: int) -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, limit))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
