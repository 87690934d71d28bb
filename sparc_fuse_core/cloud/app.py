"""The deployed app as its users see it: executions, how far they are, what came of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.addresses import is_s3, s3_parts
from sparc_fuse_core.cloud.app_bucket import AppBucket
from sparc_fuse_core.cloud.aws import AT_WORK, asking, aws_client
from sparc_fuse_core.cloud.environment import RESULTS, Cloud
from sparc_fuse_core.cloud.executions import describe, find_execution, lists_machine
from sparc_fuse_core.cloud.logs import LogLine, json_object, run_logs
from sparc_fuse_core.cloud.request import parse_request
from sparc_fuse_core.cloud.run_objects import folder_of
from sparc_fuse_core.cloud.start import Starter
from sparc_fuse_core.convert.receipt import Receipt
from sparc_fuse_core.errors import CloudError
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.cloud.executions import Started
    from sparc_fuse_core.settings import Settings

_REQUESTS = 16

#: Receipts that are read to tell about failures; more are only counted.
_MOST_READ = 2000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an execution is.

    Attributes
    ----------
    run_key
        Where the run's own objects lie, below ``datasets/``; ``""`` before it is planned.
    n_items, n_to_do, cost_usd
        As planned: all items, those to be converted or copied, and the estimate for these.
    max_concurrency, quotas
        Items at once as planned, and what of the account's quotas was known then.
    n_finished
        Items that have a receipt of this run.
    map_counts
        Of the map: ``running``, ``pending``, ``succeeded``, ``failed`` … child executions.
    """

    name: str
    arn: str
    status: str
    started: datetime
    stopped: datetime | None
    request: Mapping[str, Any]
    run_key: str = ""
    n_items: int = 0
    n_to_do: int = 0
    cost_usd: float = 0.0
    max_concurrency: int = 0
    quotas: Mapping[str, float] = field(default_factory=dict)
    n_finished: int = 0
    map_counts: Mapping[str, int] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""
    redrivable: bool = False

    @property
    def seconds(self) -> float:
        """Time since it was started, until it stopped."""
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def failures(self) -> list[Receipt]:
        """Receipts of items that failed."""
        return [receipt for receipt in self.receipts if receipt.status == "failed"]

    @property
    def folder(self) -> str:
        """Folder of the results below ``datasets/``, or ``""`` before it is planned."""
        return folder_of(self.run_key) if self.run_key else ""


class App:
    """The state machine and the bucket of one deployment."""

    def __init__(self, settings: Settings, state_machine_arn: str, bucket: str) -> None:
        self.settings = settings
        self.state_machine_arn = state_machine_arn
        self.bucket = bucket
        self.machine = aws_client("stepfunctions", settings)
        self.objects = AppBucket(bucket, settings)
        self.cloud = Cloud(f"s3://{bucket}/{RESULTS}", settings)
        self.starter = Starter(self.cloud, state_machine_arn)

    @classmethod
    def find(cls, settings: Settings) -> App:
        """Return the app that the settings name, or that the stack's outputs tell of.

        Raises
        ------
        CloudError
            If there is no such stack, or it has no such outputs.
        """
        arn, bucket = settings.state_machine_arn, settings.app_bucket
        if not (arn and bucket):
            outputs = stack_outputs(settings)
            arn = arn or outputs.get("StateMachineArn", "")
            bucket = bucket or outputs.get("Bucket", "")
        if not (arn and bucket):
            message = (
                f"stack {settings.stack_name}: its outputs name no state machine and bucket; is it this app, "
                "and deployed to its end?"
            )
            raise CloudError(message)
        return cls(settings, arn, bucket)

    @property
    def results_uri(self) -> str:
        """Where results lie."""
        return f"s3://{self.bucket}/{RESULTS}"

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs; see `stack_outputs`."""
        return stack_outputs(self.settings)

    def outputs_if_found(self) -> dict[str, str]:
        """Return the stack's outputs if it is the one of this bucket and may be asked, else nothing."""
        try:
            outputs = stack_outputs(self.settings)
        except CloudError:
            return {}
        return outputs if outputs.get("Bucket") == self.bucket else {}

    def latest(self, n: int) -> list[dict[str, Any]]:
        """Return the latest executions, of datasets and of lists, as the service lists them."""
        found: list[dict[str, Any]] = []
        for arn in (self.state_machine_arn, lists_machine(self.state_machine_arn)):
            with asking("executions"):
                try:
                    answer = self.machine.list_executions(stateMachineArn=arn, maxResults=n)
                except self.machine.exceptions.StateMachineDoesNotExist:
                    if arn == self.state_machine_arn:
                        raise
                    continue  # deployed before there were lists
            found += answer["executions"]
        return sorted(found, key=lambda entry: entry["startDate"], reverse=True)[:n]

    def progress(self, wanted: str, *, known: Mapping[str, Receipt] | None = None) -> Progress:
        """Return how far the execution is that ``wanted`` names: an ARN, a name, or a dataset.

        Parameters
        ----------
        known
            Receipts by key that were read before; they are not read again.

        Raises
        ------
        ExecutionNotFoundError
            If there is none.
        """
        found = find_execution(self.machine, self.state_machine_arn, wanted)
        arn = str(found["executionArn"])
        planned = self._planned(arn)
        keys = self._receipt_keys(planned["run_key"], found["startDate"]) if planned else []
        return Progress(
            name=str(found["name"]),
            arn=arn,
            status=str(found["status"]),
            started=found["startDate"],
            stopped=found.get("stopDate") if found["status"] not in AT_WORK else None,
            request=json_object(found.get("input")),
            run_key=str(planned.get("run_key", "")),
            n_items=int(planned.get("n_items", 0)),
            n_to_do=int(planned.get("n_to_do", 0)),
            cost_usd=float(planned.get("cost_usd", 0.0)),
            max_concurrency=int(planned.get("max_concurrency", 0)),
            quotas=planned.get("quotas") or {},
            n_finished=len(keys),
            map_counts=self._map_counts(arn) if planned.get("n_to_do") else {},
            receipts=tuple(self._receipts(keys, known or {})),
            output=json_object(found.get("output")),
            error=str(found.get("error", "")),
            cause=_cause_of(found.get("cause")),
            redrivable=found.get("redriveStatus") == "REDRIVABLE",
        )

    def manifest(self, progress: Progress) -> dict[str, Any]:
        """Return the manifest that an execution wrote.

        Raises
        ------
        CloudError
            If it is not there (any more).
        """
        uri = str(progress.output.get("manifest", ""))
        bucket, key = s3_parts(uri) if is_s3(uri) else ("", "")
        found = self.objects.read(key) if bucket == self.bucket else None
        if found is None:
            message = f"{uri or progress.name}: no manifest; a later run may be replacing it"
            raise CloudError(message)
        manifest: dict[str, Any] = json.loads(found[0])
        return manifest

    def cancel(self, progress: Progress) -> None:
        """Stop an execution and what it has started."""
        with asking(progress.name):
            self.machine.stop_execution(
                executionArn=progress.arn, error="Cancelled", cause="sparc-fuse cloud cancel"
            )

    def redrive(self, progress: Progress) -> bool:
        """Go on with a failed execution where it stopped; False if the service does not take it."""
        if not progress.redrivable:
            return False
        with asking(progress.name):
            try:
                self.machine.redrive_execution(executionArn=progress.arn)
            except self.machine.exceptions.ExecutionNotRedrivable:
                return False
        return True

    def start_again(self, progress: Progress) -> Started:
        """Start a new execution of the same request; it does what has no result yet."""
        request = parse_request({**progress.request, "overwrite": False})
        return self.starter.start(request, again=True)

    def state(self, arn: str) -> str:
        """Return the status of an execution."""
        found = describe(self.machine, arn)
        return str(found["status"]) if found else ""

    def logs(self, progress: Progress) -> list[LogLine]:
        """Return what the functions and tasks of a run logged, in the order of time."""
        return run_logs(
            self.state_machine_arn.rpartition(":")[2],
            progress.name,
            progress.started,
            progress.stopped,
            self.settings,
        )

    def _planned(self, arn: str) -> dict[str, Any]:
        """Return what the state Plan gave to the states after it, or ``{}`` before it has."""
        with asking("history"):
            history = self.machine.get_execution_history(
                executionArn=arn, maxResults=100, includeExecutionData=True
            )
        for event in history["events"]:
            exited = event.get("stateExitedEventDetails", {})
            if exited.get("name") == "Plan":
                return json_object(exited.get("output"))
        return {}

    def _map_counts(self, arn: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        with asking("map runs"):
            runs = self.machine.list_map_runs(executionArn=arn)["mapRuns"]
            for run in runs:
                stated = self.machine.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
                for name, value in stated.items():
                    if isinstance(value, int):
                        counts[name] = counts.get(name, 0) + value
        return counts

    def _receipt_keys(self, run_key: str, since: datetime) -> list[str]:
        """Return the keys of receipts that were written since a run began."""
        below = f"{RESULTS}/{folder_of(run_key)}/{WORK_FOLDER}/receipts/"
        return [key for key, entry in self.objects.entries(below) if entry["LastModified"] >= since]

    def _receipts(self, keys: list[str], known: Mapping[str, Receipt]) -> list[Receipt]:
        def read(key: str) -> Receipt | None:
            if key in known:
                return known[key]
            found = self.objects.read(key)
            try:
                return Receipt.from_json(json.loads(found[0])) if found else None
            except (ValueError, KeyError, TypeError):
                return None

        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = list(pool.map(read, keys[:_MOST_READ]))
        return [receipt for receipt in found if receipt is not None]


def stack_outputs(settings: Settings) -> dict[str, str]:
    """Return the outputs of the stack that the settings name.

    Raises
    ------
    CloudError
        If there is no such stack, or it cannot be asked.
    """
    client = aws_client("cloudformation", settings)
    name, region = settings.stack_name, settings.output_region
    try:
        with asking(f"stack {name}"):
            stacks = client.describe_stacks(StackName=name)["Stacks"]
    except CloudError as err:
        if type(err) is not CloudError:
            raise
        message = (
            f"no stack {name} in {region}; deploy it (docs/operations.md), or say where it is: --stack, "
            "--region, or --state-machine and --bucket"
        )
        raise CloudError(message) from err
    return {entry["OutputKey"]: entry["OutputValue"] for entry in stacks[0].get("Outputs") or ()}


def _cause_of(cause: Any) -> str:
    """Return what a cause says to people: of a function's error the message without the trace."""
    stated = json_object(cause)
    return str(stated.get("errorMessage") or cause or "")
