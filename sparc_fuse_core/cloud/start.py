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
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.app_bucket import AppBucket
from sparc_fuse_core.cloud.aws import aws_client
from sparc_fuse_core.cloud.environment import REQUESTS, Cloud
from sparc_fuse_core.cloud.executions import Started, lists_machine, start_once
from sparc_fuse_core.cloud.expected import open_requested
from sparc_fuse_core.cloud.many import RequestList, list_input, list_name, parse_list
from sparc_fuse_core.cloud.request import (
    UPLOADS,
    WORKSPACE,
    Request,
    as_input,
    execution_name,
    has_no_version,
    parse_request,
)
from sparc_fuse_core.cloud.watch_list import (
    read_watch_list,
    watch_request,
)
from sparc_fuse_core.errors import (
    CloudError,
    RequestError,
    SparcFuseError,
    WatchError,
)
from sparc_fuse_core.run.manifest import LATEST, MANIFEST
from sparc_fuse_core.sources import open_source
from sparc_fuse_core.sources.bucket import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.settings import Settings

_LOG = logging.getLogger(__name__)


#: Largest request and watch list that are read.
_REQUEST_BYTES = 64 * 1024

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
        stated = starter.objects.read_json(key, _REQUEST_BYTES)
        if stated is None:
            message = f"s3://{bucket}/{key}: gone before it was read; put it again"
            raise RequestError(message)
        values = stated[0]
    else:
        _LOG.info("%s: starts nothing", key)
        return {"key": key, "outcome": "ignored"}
    try:
        if isinstance(values, dict) and "datasets" in values:
            listed = starter.start_list(parse_list(values), asked_at=_time_of(event))
            _LOG.info("%s: %s %s", key, listed.name, listed.outcome)
            return {"key": key, **dataclasses.asdict(listed)}
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
        self.objects = AppBucket(cloud.bucket, cloud.settings)
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

    def start_list(self, requests: RequestList, *, asked_at: datetime | None = None) -> Started:
        """Start a list unless it is at work; one that has ended is looked at again, for new versions.

        Parameters
        ----------
        asked_at
            As in `sparc_fuse_core.cloud.executions.start_once`.
        """
        return start_once(
            self._executions,
            lists_machine(self._arn),
            list_name(requests),
            list_input(requests),
            asked_at=asked_at,
            again=True,
        )

    def resolve(self, request: Request, settings: Settings) -> tuple[Request, str]:
        """Return the request with id and version as they stand now, and a digest of an unversioned one's files.

        An upload and a dataset of a workspace have no version: what the files are tells whether it is the
        same work.
        """
        has_key = settings.pennsieve_api_key or settings.pennsieve_secret_arn
        if request.dataset_id.startswith(WORKSPACE) and not has_key:
            # only the app has the key: it looks, and finds nothing to do if nothing changed
            return request, datetime.now(UTC).isoformat()
        if has_no_version(request.dataset_id):
            cloud = dataclasses.replace(self._cloud, settings=settings)
            source = open_requested(request, cloud)
            facts = json.dumps([[file.path, file.identity] for file in source.list_files()])
            return request, hashlib.sha256(facts.encode()).hexdigest()
        source = open_source(request.dataset_id, version=request.version, settings=settings)
        return dataclasses.replace(
            request, dataset_id=source.dataset_id, version=source.version
        ), ""

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
        listed, _ = read_watch_list(self.objects)
        # an entry that is there twice is one
        entries = list({json.dumps(entry, sort_keys=True): entry for entry in listed}.values())
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
            has_manifest, is_whole, has_passed = self._results_of(resolved)
            if has_manifest and has_passed and (is_whole or request.paths):
                return "done", f"{resolved.dataset_id}/{resolved.version}"
            started = start_once(
                self._executions,
                self._arn,
                execution_name(resolved),
                as_input(resolved),
                asked_at=asked_at,
                again=not has_manifest or not has_passed,
            )
        except SparcFuseError as err:
            _LOG.error("watched dataset %s: %s: %s", shown, type(err).__name__, err)
            return "fault", f"{shown}: {type(err).__name__}: {err}"
        return started.outcome, started.name

    def _results_of(self, request: Request) -> tuple[bool, bool, bool]:
        """Whether a version has a manifest, of the whole dataset, where nothing failed for now only."""
        dataset = f"{self._cloud.prefix}{request.dataset_id}"
        if not self.objects.exists(f"{dataset}/{request.version}/{MANIFEST}"):
            return False, False, True
        try:
            stated = self.objects.read_json(f"{dataset}/{LATEST}", _REQUEST_BYTES)
        except RequestError:
            stated = None
        if stated is None:
            return True, True, True  # not to be told; a manifest is there
        latest = stated[0]
        is_about = isinstance(latest, dict) and latest.get("version") == request.version
        if not is_about:
            return True, True, True
        return True, bool(latest.get("whole_dataset", True)), not latest.get("failed_for_now")


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
