"""The deployed app as its users see it: executions and how far they are, logs, uploads, the watch list."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from boto3.s3.transfer import TransferConfig

from sparc_fuse_core.cloud.aws import AT_WORK, asking, aws_client
from sparc_fuse_core.cloud.executions import describe, find_execution
from sparc_fuse_core.cloud.start import RESULTS, WATCH_LIST, Starter, watch_request
from sparc_fuse_core.cloud.tasks import UPLOADS, Cloud, folder_of, parse_request
from sparc_fuse_core.convert.receipt import Receipt
from sparc_fuse_core.errors import CloudError, IntegrityError, RequestError, SourceFileNotFoundError
from sparc_fuse_core.sources.bucket import COMPLETE
from sparc_fuse_core.sources.local import LocalSource, path_of
from sparc_fuse_core.sources.s3 import own_client, reading
from sparc_fuse_core.storage.destination import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.cloud.executions import Started
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import SourceFile

_REQUESTS = 16

#: Receipts that are read to tell about failures; more are only counted.
_MOST_READ = 2000

#: Files from this size on are sent in parts of it.
_PART_BYTES = 64 * 1024 * 1024

#: Functions of the app; their log groups are named after the stack.
FUNCTIONS = ("start", "plan", "convert", "consolidate", "manifest")

#: Logs arrive a little after what they tell of.
_LOG_DELAY = timedelta(minutes=2)


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


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of CloudWatch Logs."""

    when: datetime
    origin: str
    message: str


class App:
    """The state machine and the bucket of one deployment."""

    def __init__(self, settings: Settings, state_machine_arn: str, bucket: str) -> None:
        self.settings = settings
        self.state_machine_arn = state_machine_arn
        self.bucket = bucket
        self._machine = aws_client("stepfunctions", settings)
        self._s3 = own_client(settings, attempts=settings.request_attempts)
        self._results = Cloud(f"s3://{bucket}/{RESULTS}", settings)
        self.starter = Starter(self._results, state_machine_arn)

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
            outputs = _stack_outputs(settings)
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

    def latest(self, n: int) -> list[dict[str, Any]]:
        """Return the latest executions as the service lists them."""
        with asking("executions"):
            answer = self._machine.list_executions(
                stateMachineArn=self.state_machine_arn, maxResults=n
            )
        return list(answer["executions"])

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
        found = find_execution(self._machine, self.state_machine_arn, wanted)
        arn = str(found["executionArn"])
        planned = self._planned(arn)
        keys = self._receipt_keys(planned["run_key"], found["startDate"]) if planned else []
        return Progress(
            name=str(found["name"]),
            arn=arn,
            status=str(found["status"]),
            started=found["startDate"],
            stopped=found.get("stopDate") if found["status"] not in AT_WORK else None,
            request=_json_object(found.get("input")),
            run_key=str(planned.get("run_key", "")),
            n_items=int(planned.get("n_items", 0)),
            n_to_do=int(planned.get("n_to_do", 0)),
            cost_usd=float(planned.get("cost_usd", 0.0)),
            max_concurrency=int(planned.get("max_concurrency", 0)),
            quotas=planned.get("quotas") or {},
            n_finished=len(keys),
            map_counts=self._map_counts(arn) if planned.get("n_to_do") else {},
            receipts=tuple(self._receipts(keys, known or {})),
            output=_json_object(found.get("output")),
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
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        data = self._read(key) if bucket == self.bucket else None
        if data is None:
            message = f"{uri or progress.name}: no manifest; a later run may be replacing it"
            raise CloudError(message)
        manifest: dict[str, Any] = json.loads(data)
        return manifest

    def cancel(self, progress: Progress) -> None:
        """Stop an execution and what it has started."""
        with asking(progress.name):
            self._machine.stop_execution(
                executionArn=progress.arn, error="Cancelled", cause="sparc-fuse cloud cancel"
            )

    def redrive(self, progress: Progress) -> bool:
        """Go on with a failed execution where it stopped; False if the service does not take it."""
        if not progress.redrivable:
            return False
        with asking(progress.name):
            try:
                self._machine.redrive_execution(executionArn=progress.arn)
            except self._machine.exceptions.ExecutionNotRedrivable:
                return False
        return True

    def start_again(self, progress: Progress) -> Started:
        """Start a new execution of the same request; it does what has no result yet."""
        request = parse_request({**progress.request, "overwrite": False})
        return self.starter.start(request, again=True)

    def state(self, arn: str) -> str:
        """Return the status of an execution."""
        found = describe(self._machine, arn)
        return str(found["status"]) if found else ""

    def logs(self, progress: Progress) -> Iterator[LogLine]:
        """Yield what the functions and tasks of a run logged, in the order of time.

        A function's invocation belongs to the run if one of its lines names the run; so does a task.
        """
        client = aws_client("logs", self.settings)
        stack = self.state_machine_arn.rpartition(":")[2]
        groups = [f"/aws/lambda/{stack}-{name}" for name in FUNCTIONS]
        groups.append(f"/aws/ecs/{stack}-convert")
        window = {
            "startTime": _milliseconds(progress.started - _LOG_DELAY),
            "endTime": _milliseconds((progress.stopped or datetime.now(UTC)) + _LOG_DELAY),
        }
        lines: list[LogLine] = []
        for group in groups:
            lines += _group_lines(client, group, progress.name, window)
        yield from sorted(lines, key=lambda line: line.when)

    def upload(
        self, folder: Path, name: str, on_file: Callable[[str, str], None] | None = None
    ) -> dict[str, int]:
        """Upload a folder to ``uploads/<name>/`` and say, last, that it is complete.

        What is there already is not sent again; files that the folder no longer has are removed.

        Parameters
        ----------
        on_file
            Told (``"sent"``, ``"unchanged"`` or ``"removed"``, path).

        Raises
        ------
        RequestError
            If the name cannot be used, or the folder holds no file.
        CloudError
            If the bucket refuses.
        """
        parse_request({"dataset_id": UPLOADS + name})
        files = {file.path: file for file in LocalSource(folder).list_files()}
        if not files:
            message = f"{folder}: no files in it"
            raise RequestError(message)
        tell = on_file or (lambda _what, _path: None)
        below = f"{UPLOADS}{name}/"
        there = self._tags(below)
        counts = {"sent": 0, "unchanged": 0, "removed": 0}
        with asking(f"s3://{self.bucket}/{below}"):
            # while files change the upload is not complete
            self._s3.delete_object(Bucket=self.bucket, Key=below + COMPLETE)

        def send(file: SourceFile) -> str:
            if there.get(below + file.path) == _tag_of(path_of(file)):
                return "unchanged"
            with asking(f"s3://{self.bucket}/{below}{file.path}"):
                self._s3.upload_file(
                    str(path_of(file)),
                    self.bucket,
                    below + file.path,
                    Config=TransferConfig(_PART_BYTES, 4, _PART_BYTES),
                )
            return "sent"

        with ThreadPoolExecutor(_REQUESTS) as pool:
            for path, what in zip(files, pool.map(send, files.values()), strict=True):
                counts[what] += 1
                tell(what, path)
        for key in sorted(there):
            path = key.removeprefix(below)
            if path not in files and path != COMPLETE:
                with asking(f"s3://{self.bucket}/{key}"):
                    self._s3.delete_object(Bucket=self.bucket, Key=key)
                counts["removed"] += 1
                tell("removed", path)
        with asking(f"s3://{self.bucket}/{below}{COMPLETE}"):
            self._s3.put_object(Bucket=self.bucket, Key=below + COMPLETE, Body=b"")
        return counts

    def watched(self) -> tuple[list[Any], str]:
        """Return the entries of the watch list, and the entity tag that it has now (``""``: no list).

        Raises
        ------
        RequestError
            If it is there and cannot be read.
        """
        try:
            with reading(f"s3://{self.bucket}/{WATCH_LIST}"):
                answer = self._s3.get_object(Bucket=self.bucket, Key=WATCH_LIST)
                with answer["Body"] as body:
                    data = body.read()
        except SourceFileNotFoundError:
            return [], ""
        try:
            entries = json.loads(data)["datasets"]
            if not isinstance(entries, list):
                raise TypeError  # noqa: TRY301 - one message for all that is wrong
        except (ValueError, KeyError, TypeError) as err:
            message = f's3://{self.bucket}/{WATCH_LIST}: expected {{"datasets": [224, …]}}'
            raise RequestError(message) from err
        return entries, str(answer["ETag"])

    def watch(self, entry: Mapping[str, Any]) -> list[Any]:
        """Put a dataset into the watch list, in place of an entry that it has; return the list."""
        wanted = watch_request(entry).dataset_id
        plain: Any = int(wanted) if wanted.isdigit() else wanted
        tidy = plain if set(entry) == {"dataset_id"} else {**entry, "dataset_id": plain}
        return self._change_watched(
            lambda entries: [*(e for e in entries if _id_of(e) != wanted), tidy]
        )

    def unwatch(self, dataset_id: str) -> list[Any]:
        """Take a dataset out of the watch list; return the list.

        Raises
        ------
        RequestError
            If it is not in it.
        """

        def without(entries: list[Any]) -> list[Any]:
            left = [entry for entry in entries if _id_of(entry) != dataset_id]
            if len(left) == len(entries):
                message = f"{dataset_id}: is not watched"
                raise RequestError(message)
            return left

        return self._change_watched(without)

    def _change_watched(self, change: Callable[[list[Any]], list[Any]]) -> list[Any]:
        entries, tag = self.watched()
        changed = change(entries)
        data = json.dumps({"datasets": changed}, indent=1).encode()
        # another command may have changed the list meanwhile: then nothing is written
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            with reading(f"s3://{self.bucket}/{WATCH_LIST}"):
                self._s3.put_object(Bucket=self.bucket, Key=WATCH_LIST, Body=data, **condition)
        except IntegrityError as err:
            message = f"s3://{self.bucket}/{WATCH_LIST}: was changed by someone else; run it again"
            raise CloudError(message) from err
        return changed

    def _planned(self, arn: str) -> dict[str, Any]:
        """Return what the state Plan gave to the states after it, or ``{}`` before it has."""
        with asking("history"):
            history = self._machine.get_execution_history(
                executionArn=arn, maxResults=100, includeExecutionData=True
            )
        for event in history["events"]:
            exited = event.get("stateExitedEventDetails", {})
            if exited.get("name") == "Plan":
                return _json_object(exited.get("output"))
        return {}

    def _map_counts(self, arn: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        with asking("map runs"):
            runs = self._machine.list_map_runs(executionArn=arn)["mapRuns"]
            for run in runs:
                stated = self._machine.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
                for name, value in stated.items():
                    if isinstance(value, int):
                        counts[name] = counts.get(name, 0) + value
        return counts

    def _receipt_keys(self, run_key: str, since: datetime) -> list[str]:
        """Return the keys of receipts that were written since a run began."""
        below = f"{RESULTS}/{folder_of(run_key)}/{WORK_FOLDER}/receipts/"
        return [key for key, entry in self._objects(below) if entry["LastModified"] >= since]

    def _receipts(self, keys: list[str], known: Mapping[str, Receipt]) -> list[Receipt]:
        def read(key: str) -> Receipt | None:
            if key in known:
                return known[key]
            try:
                return Receipt.from_json(json.loads(self._read(key) or b""))
            except (ValueError, KeyError, TypeError):
                return None

        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = list(pool.map(read, keys[:_MOST_READ]))
        return [receipt for receipt in found if receipt is not None]

    def _tags(self, below: str) -> dict[str, str]:
        return {key: str(entry["ETag"]).strip('"') for key, entry in self._objects(below)}

    def _objects(self, below: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        params: dict[str, Any] = {"Bucket": self.bucket, "Prefix": below}
        while True:
            with asking(f"s3://{self.bucket}/{below}"):
                page = self._s3.list_objects_v2(**params)
            for entry in page.get("Contents") or ():
                yield str(entry["Key"]), entry
            if not page.get("IsTruncated"):
                return
            params["ContinuationToken"] = page["NextContinuationToken"]

    def _read(self, key: str) -> bytes | None:
        try:
            with reading(f"s3://{self.bucket}/{key}"):
                answer = self._s3.get_object(Bucket=self.bucket, Key=key)
                with answer["Body"] as body:
                    return cast("bytes", body.read())
        except SourceFileNotFoundError:
            return None


def _stack_outputs(settings: Settings) -> dict[str, str]:
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


def _group_lines(client: Any, group: str, run: str, window: Mapping[str, int]) -> list[LogLine]:
    """Return the lines of one log group that belong to a run."""
    origin = group.rpartition("/")[2]
    named = list(_events(client, logGroupName=group, filterPattern=f'"{run}"', **window))
    wanted: dict[str, set[str]] = {}
    for event in named:
        # what names the invocation in a function's line; a task's log stream is the task's own
        wanted.setdefault(event["logStreamName"], set()).add(_request_id(event["message"]))
    lines = []
    for stream, requests in wanted.items():
        is_task = group.startswith("/aws/ecs/")
        for event in _events(client, logGroupName=group, logStreamNames=[stream], **window):
            if is_task or _request_id(event["message"]) in requests:
                when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                lines.append(LogLine(when, origin, str(event["message"]).rstrip()))
    return lines


def _events(client: Any, **params: Any) -> Iterator[dict[str, Any]]:
    while True:
        with asking(str(params["logGroupName"])):
            try:
                page = client.filter_log_events(**params)
            except client.exceptions.ResourceNotFoundException:
                return  # nothing has been logged there yet
        yield from page.get("events") or ()
        token = page.get("nextToken")
        # an answer may be empty and still have a next page; the same token again is the end
        if not token or token == params.get("nextToken"):
            return
        params["nextToken"] = token


def _request_id(message: str) -> str:
    """Return the invocation that a function's line belongs to, or ``""``."""
    stated = _json_object(message)
    record = stated.get("record")
    inner = record.get("requestId") if isinstance(record, dict) else None
    return str(stated.get("requestId") or stated.get("AWSRequestId") or inner or "")


def _cause_of(cause: Any) -> str:
    """Return what a cause says to people: of a function's error the message without the trace."""
    stated = _json_object(cause)
    return str(stated.get("errorMessage") or cause or "")


def _json_object(text: Any) -> dict[str, Any]:
    try:
        stated = json.loads(text or "{}")
    except (ValueError, TypeError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _id_of(entry: Any) -> str:
    return str(entry.get("dataset_id", "") if isinstance(entry, dict) else entry)


def _tag_of(path: Path) -> str:
    """Return the entity tag that S3 gives to a file sent as `_PART_BYTES` tells."""
    with path.open("rb") as content:
        if path.stat().st_size < _PART_BYTES:
            return hashlib.md5(content.read(), usedforsecurity=False).hexdigest()
        digests = []
        while part := content.read(_PART_BYTES):
            digests.append(hashlib.md5(part, usedforsecurity=False).digest())
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    return f"{whole}-{len(digests)}"
