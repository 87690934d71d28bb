"""Start executions for what happens in the bucket, and for new versions of watched datasets.

Events come at least once, at times twice: the execution's name says what is to be done, so the second
delivery finds the first one's execution. What cannot be started is an error that names the object, so that
the event ends in the dead-letter queue.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.aws import aws_client
from sparc_fuse_core.cloud.executions import Started, start_once
from sparc_fuse_core.cloud.tasks import UPLOADS, Cloud, Request, execution_name, parse_request
from sparc_fuse_core.errors import (
    CloudError,
    RequestError,
    SourceFileNotFoundError,
    SparcFuseError,
    WatchError,
)
from sparc_fuse_core.run.manifest import LATEST, MANIFEST
from sparc_fuse_core.sources import open_source
from sparc_fuse_core.sources.bucket import COMPLETE
from sparc_fuse_core.sources.s3 import own_client, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.settings import Settings

_LOG = logging.getLogger(__name__)

#: Where things lie in the bucket; results elsewhere than what starts an execution.
RESULTS = "datasets"
REQUESTS = "requests/"
WATCH_LIST = "watch/datasets.json"

#: Largest request and watch list that are read.
_REQUEST_BYTES = 64 * 1024
_WATCH_LIST_BYTES = 1024 * 1024

#: Watched datasets asked about at once, and how long and often for each: one that does not answer must
#: not use up the time of the others.
_WATCHED_AT_ONCE = 8
_WATCH_TIMEOUT_S = 20.0
_WATCH_ATTEMPTS = 3


def start_for_event(
    event: Mapping[str, Any], cloud: Cloud, state_machine_arn: str
) -> dict[str, Any]:
    """Do what an event asks for: an object put into the bucket, or ``{"action": "watch"}``.

    Raises
    ------
    RequestError
        If the object does not state a request that can be done; it names the object.
    SourceError
        If the dataset cannot be had.
    CloudError
        If AWS refuses.
    WatchError
        If some of the watched datasets could not be started; the others were.
    """
    starter = Starter(cloud, state_machine_arn)
    if event.get("action") == "watch":
        return starter.watch(_time_of(event))
    detail = event.get("detail")
    try:
        bucket, key = str(detail["bucket"]["name"]), str(detail["object"]["key"])  # type: ignore[index]
    except (KeyError, TypeError):
        message = 'the event is neither "Object Created" of S3 nor {"action": "watch"}'
        raise RequestError(message) from None
    if bucket != starter.bucket:
        message = f"s3://{bucket}/{key}: not in the app's bucket {starter.bucket}"
        raise RequestError(message)
    name = upload_of(key)
    if name is not None:
        values: Any = {"dataset_id": UPLOADS + name}
    elif key.startswith(REQUESTS) and key.endswith(".json"):
        values = starter.read_json(key, _REQUEST_BYTES)
    else:
        _LOG.info("%s: starts nothing", key)
        return {"key": key, "outcome": "ignored"}
    try:
        request = parse_request(values)
    except RequestError as err:
        message = f"s3://{bucket}/{key}: {err}"
        raise RequestError(message) from err
    nonce = str(event.get("id", "")) if request.overwrite else ""
    started = starter.start(request, asked_at=_time_of(event), nonce=nonce)
    _LOG.info("%s: %s %s", key, started.name, started.outcome)
    return {"key": key, **dataclasses.asdict(started)}


def upload_of(key: str) -> str | None:
    """Return the name of the upload that the marker ``key`` completes, or None if it is no marker."""
    found = re.fullmatch(rf"{UPLOADS}([^/]+)/{re.escape(COMPLETE)}", key)
    return found[1] if found else None


class Starter:
    """Starts executions of one state machine for one bucket."""

    def __init__(self, cloud: Cloud, state_machine_arn: str) -> None:
        self._cloud = cloud
        self._arn = state_machine_arn
        self._executions = aws_client("stepfunctions", cloud.settings)
        self._s3 = own_client(cloud.settings, attempts=cloud.settings.request_attempts)
        self.bucket = cloud.bucket

    def start(
        self,
        request: Request,
        *,
        asked_at: datetime | None = None,
        nonce: str = "",
        again: bool = False,
    ) -> Started:
        """Start a request once, for the version that is the latest now unless it names one.

        Parameters
        ----------
        asked_at, again
            As in `sparc_fuse_core.cloud.executions.start_once`.
        nonce
            Tells two requests for the same work apart; for what is to be done again.
        """
        resolved, content = self.resolve(request, self._cloud.settings)
        digest = hashlib.sha256(f"{content}|{nonce}".encode()).hexdigest()[:8]
        name = execution_name(resolved) + (f"-{digest}" if content or nonce else "")
        return start_once(
            self._executions, self._arn, name, as_input(resolved), asked_at=asked_at, again=again
        )

    def resolve(self, request: Request, settings: Settings) -> tuple[Request, str]:
        """Return the request with id and version as they stand now, and a digest of an upload's files.

        An upload has no version: what its files are tells whether it is the same work.
        """
        if request.dataset_id.startswith(UPLOADS):
            source = open_source(f"s3://{self.bucket}/{request.dataset_id}", settings=settings)
            facts = json.dumps([[file.path, file.identity] for file in source.list_files()])
            return request, hashlib.sha256(facts.encode()).hexdigest()
        source = open_source(request.dataset_id, version=request.version, settings=settings)
        return dataclasses.replace(
            request, dataset_id=source.dataset_id, version=source.version
        ), ""

    def read_json(self, key: str, limit_bytes: int) -> Any:
        """Return the JSON of an object of the bucket.

        Raises
        ------
        RequestError
            If it is gone, too large, or no JSON.
        """
        what = f"s3://{self.bucket}/{key}"
        try:
            with reading(what):
                answer = self._s3.get_object(Bucket=self.bucket, Key=key)
                with answer["Body"] as body:
                    data = body.read(limit_bytes + 1)
        except SourceFileNotFoundError as err:
            message = f"{what}: gone before it was read; put it again"
            raise RequestError(message) from err
        if len(data) > limit_bytes:
            message = f"{what}: larger than {limit_bytes} bytes; it should be a short JSON object"
            raise RequestError(message)
        try:
            return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as err:
            message = f"{what}: not JSON ({err})"
            raise RequestError(message) from err

    def watch(self, asked_at: datetime | None = None) -> dict[str, Any]:
        """Start the newest version of each watched dataset that has no complete results yet.

        Returns
        -------
        dict
            ``{"started": […], "running": […], "done": […], "ended": […]}``: execution names, or
            ``"<id>/<version>"`` where results are complete.

        Raises
        ------
        RequestError
            If the watch list as a whole cannot be read.
        WatchError
            If some of its entries could not be started; raised after all the others were.
        """
        entries = self._watched()
        with ThreadPoolExecutor(_WATCHED_AT_ONCE) as pool:
            outcomes = list(pool.map(lambda entry: self._watch_one(entry, asked_at), entries))
        report: dict[str, Any] = {"started": [], "running": [], "done": [], "ended": []}
        faults = []
        for outcome, what in outcomes:
            if outcome == "fault":
                faults.append(what)
            else:
                report[outcome].append(what)
        _LOG.info("watched: %s", json.dumps(report))
        if faults:
            message = (
                f"{len(faults)} of {len(entries)} watched datasets could not be started, the others were "
                f"seen to: {'; '.join(faults)}"
            )
            raise WatchError(message)
        return report

    def _watched(self) -> list[Any]:
        try:
            stated = self.read_json(WATCH_LIST, _WATCH_LIST_BYTES)
        except RequestError as err:
            if isinstance(err.__cause__, SourceFileNotFoundError):
                _LOG.info("no %s: nothing is watched", WATCH_LIST)
                return []
            raise
        entries = stated.get("datasets") if isinstance(stated, dict) else None
        if not isinstance(entries, list) or set(stated) != {"datasets"}:
            message = f's3://{self.bucket}/{WATCH_LIST}: expected {{"datasets": [224, {{"dataset_id": 364}}]}}'
            raise RequestError(message)
        # an entry that is there twice is one
        return list({json.dumps(entry, sort_keys=True): entry for entry in entries}.values())

    def _watch_one(self, entry: Any, asked_at: datetime | None) -> tuple[str, str]:
        """Return an outcome and what it is of; a fault of one entry stays its own."""
        shown = json.dumps(entry)[:100]
        try:
            request = watch_request(entry)
            settings = self._cloud.settings
            patience = dataclasses.replace(
                settings,
                request_timeout_s=min(settings.request_timeout_s, _WATCH_TIMEOUT_S),
                request_attempts=min(settings.request_attempts, _WATCH_ATTEMPTS),
            )
            resolved, _ = self.resolve(request, patience)
            has_manifest, is_whole = self._results_of(resolved)
            if has_manifest and (is_whole or request.paths):
                return "done", f"{resolved.dataset_id}/{resolved.version}"
            started = start_once(
                self._executions,
                self._arn,
                execution_name(resolved),
                as_input(resolved),
                asked_at=asked_at,
                again=not has_manifest,
            )
        except SparcFuseError as err:
            _LOG.error("watched dataset %s: %s: %s", shown, type(err).__name__, err)
            return "fault", f"{shown}: {type(err).__name__}: {err}"
        return started.outcome, started.name

    def _results_of(self, request: Request) -> tuple[bool, bool]:
        """Whether a version has a manifest, and whether it is known to be of the whole dataset."""
        dataset = f"{self._cloud.prefix}{request.dataset_id}"
        key = f"{dataset}/{request.version}/{MANIFEST}"
        try:
            with reading(f"s3://{self.bucket}/{key}"):
                self._s3.head_object(Bucket=self.bucket, Key=key)
        except SourceFileNotFoundError:
            return False, False
        try:
            latest = self.read_json(f"{dataset}/{LATEST}", _REQUEST_BYTES)
        except RequestError:
            return True, True  # not to be told; a manifest is there
        is_about = isinstance(latest, dict) and latest.get("version") == request.version
        return True, not is_about or bool(latest.get("whole_dataset", True))


def watch_request(entry: Any) -> Request:
    """Return the request of one entry of the watch list: a dataset, or a request without a version.

    Raises
    ------
    RequestError
        If it is neither.
    """
    is_id = isinstance(entry, int | str) and not isinstance(entry, bool)
    request = parse_request({"dataset_id": entry} if is_id else entry)
    if request.version is not None or request.overwrite:
        message = (
            "a watched dataset has no version and no overwrite: each new version is started once"
        )
        raise RequestError(message)
    if request.dataset_id.startswith(UPLOADS):
        message = f"{request.dataset_id}: uploads start by themselves; only published datasets are watched"
        raise RequestError(message)
    return request


def as_input(request: Request) -> dict[str, Any]:
    """Return a request as the input of an execution; what is not said is left out."""
    values: dict[str, Any] = {"dataset_id": request.dataset_id}
    if request.version is not None:
        values["version"] = request.version
    if request.paths:
        values["paths"] = list(request.paths)
    if request.options.file_format != "zarr":
        values["file_format"] = request.options.file_format
    if request.options.profile != "default":
        values["profile"] = request.options.profile
    if request.options.salvage:
        values["salvage"] = True
    if request.overwrite:
        values["overwrite"] = True
    if request.cost_limit_usd is not None:
        values["cost_limit_usd"] = request.cost_limit_usd
    return values


def state_machine_of(environment: Mapping[str, str]) -> str:
    """Return ``STATE_MACHINE_ARN``.

    Raises
    ------
    CloudError
        If it is not set.
    """
    arn = environment.get("STATE_MACHINE_ARN", "")
    if not arn:
        message = "STATE_MACHINE_ARN is not set"
        raise CloudError(message)
    return arn


def _time_of(event: Mapping[str, Any]) -> datetime | None:
    """When an event happened; None if it does not say so with a time zone."""
    try:
        when = datetime.fromisoformat(str(event["time"]))
    except (KeyError, ValueError):
        return None
    return when if when.tzinfo else None


def _refuse_constant(name: str) -> None:
    message = f"{name} is no number"
    raise ValueError(message)
