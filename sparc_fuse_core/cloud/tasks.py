"""Convert a dataset in the cloud: one function for each task of ``stacks/workflow.asl.json``.

The tasks share nothing but the results bucket. A run's own objects lie below
``.sparc-fuse/runs/<folder>/<run>/``, all runs under one prefix, as a bucket forgets by prefix:
``plan.json``, ``context.json``, ``items.json`` (what the map reads), ``items/<n>.json`` (100 items each,
large ones apart; what workers read), ``known.json`` (receipts that are not made again), ``receipts.json``
and ``outcome.json``. States pass keys of these, so that nothing they hold grows with the dataset.

Who deletes: planning withdraws what is to be replaced, settling removes what is left over. Workers
only put.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core import errors
from sparc_fuse_core.cloud.lock import RunLock
from sparc_fuse_core.cloud.metrics import log_metrics, run_metrics
from sparc_fuse_core.cloud.quotas import account_quotas, items_at_once
from sparc_fuse_core.convert.context import Context, make_context
from sparc_fuse_core.convert.receipt import Receipt, lost, read_receipt, write_receipt
from sparc_fuse_core.errors import (
    CostLimitError,
    OutOfMemoryError,
    PublishError,
    RequestError,
    RunSupersededError,
    SparcFuseError,
)
from sparc_fuse_core.plan.estimates import fargate_size
from sparc_fuse_core.plan.items import ConvertOptions, Item, Plan
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.manifest import make_manifest, write_manifest
from sparc_fuse_core.run.reuse import copy_or_convert
from sparc_fuse_core.run.work import Work, each, find_work, settle, withdraw
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetching, open_source
from sparc_fuse_core.storage.bucket import open_bucket
from sparc_fuse_core.storage.destination import WORK_FOLDER, open_destination
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)

#: Items in one object: few objects to write for the plan, little to read for a worker.
_ITEMS = 100

#: Larger items (a series of thousands of files) have an object of their own, or all would read them.
_OWN_OBJECT_BYTES = 20_000

#: Where the objects of runs lie, below the results.
_RUNS = f"{WORK_FOLDER}/runs/"

#: Folder of the bucket in which datasets are uploaded.
UPLOADS = "uploads/"


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a task knows from its environment.

    Attributes
    ----------
    target
        ``s3://bucket/prefix`` of the results (``OUTPUT_URI``).
    settings
        From ``SPARC_FUSE_…``.
    max_concurrency
        Items that run at once at most (``MAX_CONCURRENCY``).
    convert_concurrency
        Invocations reserved for the converting function (``CONVERT_CONCURRENCY``); 0 for none.
    """

    target: str
    settings: Settings
    max_concurrency: int = 200
    convert_concurrency: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Cloud:
        """Read the environment.

        Raises
        ------
        RequestError
            If a variable is missing or cannot be used.
        """
        variables = os.environ if environment is None else environment
        target = variables.get("OUTPUT_URI", "")
        if not target.startswith("s3://"):
            message = f"OUTPUT_URI={target!r}: expected s3://bucket/prefix"
            raise RequestError(message)
        limits = []
        for name, default in (("MAX_CONCURRENCY", "200"), ("CONVERT_CONCURRENCY", "")):
            text = variables.get(name) or default
            if text and (not text.isdigit() or not int(text)):
                message = f"{name}={text!r}: expected a positive integer"
                raise RequestError(message)
            limits.append(int(text or 0))
        return cls(target, Settings.from_environment(variables), *limits)

    @property
    def bucket(self) -> str:
        """Name of the app's bucket."""
        return self.target.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        """Prefix of the results in the bucket, ``""`` or with a slash at its end."""
        prefix = self.target.removeprefix("s3://").partition("/")[2].strip("/")
        return f"{prefix}/" if prefix else ""

    def open(self, *, may_delete: bool = True) -> Destination:
        """Open the results bucket."""
        return open_destination(self.target, self.settings, may_delete=may_delete)

    def lock(self, folder: str, execution: str) -> RunLock:
        """Return the lock of a folder of results for an execution."""
        bucket = open_bucket(self.bucket, self.prefix.rstrip("/"), self.settings)
        return RunLock(bucket, folder, execution, self.settings)


@dataclass(frozen=True, slots=True)
class Request:
    """The input of an execution, checked."""

    dataset_id: str
    version: str | None = None
    paths: tuple[str, ...] = ()
    options: ConvertOptions = dataclasses.field(default_factory=ConvertOptions)
    overwrite: bool = False
    cost_limit_usd: float | None = None


def parse_request(values: Any) -> Request:
    """Return the request that ``values`` states.

    Raises
    ------
    RequestError
        If it is no mapping, or a value is missing, unknown or of the wrong kind.
    """
    if not isinstance(values, dict):
        message = 'the input is a JSON object such as {"dataset_id": 224}'
        raise RequestError(message)
    known = (
        *("dataset_id", "version", "paths", "file_format", "profile"),
        *("overwrite", "salvage", "cost_limit_usd"),
    )
    for name in values:
        if name not in known:
            message = f"{name}: no such option; known: {', '.join(known)}"
            raise RequestError(message)
    dataset_id = str(values.get("dataset_id", "")).strip()
    if not re.fullmatch(r"\d+|(https://doi\.org/)?10\.\S+|uploads/[^/.][^/]*", dataset_id):
        message = f"dataset_id={dataset_id!r}: expected a Discover id such as 224, a DOI, or uploads/<name>"
        raise RequestError(message)
    if re.fullmatch(r"uploads/\d+", dataset_id):
        message = f"{dataset_id}: a number is a Discover id; upload it under another name"
        raise RequestError(message)
    version = values.get("version")
    if version is not None and (
        not re.fullmatch(r"[1-9]\d*", str(version)) or dataset_id.startswith(UPLOADS)
    ):
        message = f"version={version!r}: expected a positive integer; an upload has none"
        raise RequestError(message)
    paths = values.get("paths") or []
    if not isinstance(paths, list) or not all(isinstance(p, str) and p for p in paths):
        message = f"paths={paths!r}: expected a list of paths or patterns"
        raise RequestError(message)
    file_format, profile = values.get("file_format"), values.get("profile")
    overwrite, salvage = (_yes_or_no(values, name) for name in ("overwrite", "salvage"))
    limit = values.get("cost_limit_usd")
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if limit is not None and (not is_number or not limit >= 0):
        message = f"cost_limit_usd={limit!r}: expected a number of US dollars"
        raise RequestError(message)
    return Request(
        dataset_id,
        None if version is None else str(version),
        tuple(paths),
        ConvertOptions(
            "zarr" if file_format is None else file_format,
            profile="default" if profile is None else profile,
            salvage=salvage,
        ),
        overwrite,
        limit,
    )


def _yes_or_no(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        message = f"{name}={value!r}: expected true or false"
        raise RequestError(message)
    return value


def plan_run(request: Request, run: str, execution: str, cloud: Cloud) -> dict[str, Any]:
    """Plan a dataset and put what the tasks need into the bucket; return the keys of it.

    Parameters
    ----------
    run, execution
        Name and ARN of the execution.

    Raises
    ------
    CostLimitError
        If what is to be done would cost more than the request allows; nothing was changed.
    DatasetBusyError
        If another execution works on this version; nothing was changed.
    SourceError
        If the dataset cannot be had; nothing was changed.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", run):
        message = f"run={run!r}: expected letters, digits, _ . and -"
        raise RequestError(message)
    _LOG.info("run %s: plan", run)
    source = _open(request, cloud)
    plan = plan_dataset(
        source, load_schemes(), cloud.settings, paths=request.paths, options=request.options
    )
    destination = cloud.open()
    is_first = next(iter(destination.list_keys(plan.folder)), None) is None
    lock = cloud.lock(plan.folder, execution)
    lock.take()
    try:
        work = find_work(plan, destination, paths=request.paths, overwrite=request.overwrite)
        _check_cost(plan, work.to_do, request)
        context = make_context(plan, source, cloud.settings) if work.to_do else None
        if not is_first:
            withdraw(plan, work, destination, replaced=True)
        return _write_run(plan, work, context, run, execution, cloud)
    except BaseException:
        # what was withdrawn is found to be missing by the next run, so nothing has to be held for it
        with contextlib.suppress(PublishError):
            lock.release()
        raise


def _open(request: Request, cloud: Cloud) -> Source:
    if request.dataset_id.startswith(UPLOADS):
        return open_source(f"s3://{cloud.bucket}/{request.dataset_id}", settings=cloud.settings)
    return open_source(request.dataset_id, version=request.version, settings=cloud.settings)


def _check_cost(plan: Plan, to_do: Sequence[Item], request: Request) -> None:
    cost_usd = sum(item.cost_usd for item in to_do)
    if request.cost_limit_usd is not None and cost_usd > request.cost_limit_usd:
        message = (
            f"dataset {plan.dataset_id}: about {cost_usd:.4f} US dollars, more than the limit of "
            f"{request.cost_limit_usd:.4f}; raise cost_limit_usd or choose fewer paths"
        )
        raise CostLimitError(message)


def _write_run(
    plan: Plan, work: Work, context: Context | None, run: str, execution: str, cloud: Cloud
) -> dict[str, Any]:
    destination = cloud.open()
    run_key = run_key_of(plan.folder, run)
    to_do = work.to_do
    if context is not None:
        shared = {"execution": execution, "context": context.to_json()}
        _write(destination, f"{run_key}/context.json", shared)
    each(
        lambda start: _write_items(destination, run_key, start, to_do[start : start + _ITEMS]),
        range(0, len(to_do), _ITEMS),
    )
    _write(destination, f"{run_key}/items.json", [_entry(i, x, cloud) for i, x in enumerate(to_do)])
    known = [receipt.to_json() for receipt in work.known]
    _write(destination, f"{run_key}/known.json" if to_do else f"{run_key}/receipts.json", known)
    stated = {
        "execution": execution,
        "plan": dataclasses.replace(plan, items=()).to_json(),
        "whole_dataset": work.is_whole,
        "n_to_do": len(to_do),
        "warnings": list(context.tables.warnings) if context and context.tables else [],
    }
    _write(destination, f"{run_key}/plan.json", stated)
    below = f"{cloud.prefix}{run_key}"
    quotas = account_quotas(cloud.settings, to_do, reserved=cloud.convert_concurrency)
    return {
        "bucket": cloud.bucket,
        "run_key": run_key,
        "items_key": f"{below}/items.json",
        "map_prefix": f"{below}/map",
        "n_items": len(plan.items),
        "n_to_do": len(to_do),
        "cost_usd": round(sum(item.cost_usd for item in to_do), 6),
        "max_concurrency": items_at_once(to_do, quotas, cloud.settings, cloud.max_concurrency),
        "quotas": quotas.to_json(),
        "tolerated_failure_percentage": 100.0,
    }


def convert_task(run_key: str, index: int, cloud: Cloud) -> dict[str, Any]:
    """Convert one item of a run and store its receipt; return its status.

    Called again for an item that is converted already (its answer was lost on the way), it does nothing.

    Raises
    ------
    SourceUnavailableError
        The source does not answer; try again.
    PublishError
        The bucket does not answer; try again.
    OutOfMemoryError
        The item needs a larger machine.
    RunSupersededError
        Another run has taken over; nothing was published.
    """
    _LOG.info("run %s: convert item %s", run_key, index)
    destination = cloud.open(may_delete=False)
    item = _item(destination, run_key, index)
    shared = _read(destination, f"{run_key}/context.json")
    context = Context.from_json(shared["context"], cloud.settings)
    lock = cloud.lock(context.folder, shared["execution"])
    lock.check()
    done = read_receipt(destination, context.folder, item.output)
    if done is not None and done.speaks_for(item):
        return {"status": done.status}
    superseded: list[RunSupersededError] = []

    def watch(stage: str, _amount: int) -> None:
        if stage == "publish":
            try:
                lock.check()
            except RunSupersededError as err:
                superseded.append(err)
                raise

    try:
        receipt = copy_or_convert(item, context, fetching(cloud.settings), destination, watch)
    except MemoryError as err:
        message = f"{item.path}: out of memory; it needs a larger machine"
        raise OutOfMemoryError(message) from err
    if superseded:
        raise superseded[0]
    if receipt.error == "PublishError":
        raise PublishError(receipt.message)
    write_receipt(destination, context.folder, receipt)
    return {"status": receipt.status}


def record_failure(
    run_key: str, index: int, failure: Mapping[str, Any], cloud: Cloud
) -> dict[str, Any]:
    """Store the receipt of an item that no worker could bring to an end; return its status.

    Parameters
    ----------
    failure
        ``{"Error": …, "Cause": …}`` as the state machine caught it.
    """
    _LOG.info("run %s: no result of item %s: %s", run_key, index, failure)
    destination = cloud.open(may_delete=False)
    item = _item(destination, run_key, index)
    folder = folder_of(run_key)
    cloud.lock(folder, _read(destination, f"{run_key}/context.json")["execution"]).check()
    name, cause = str(failure.get("Error", "")), str(failure.get("Cause", ""))
    try:
        stated = json.loads(cause)
        message = str(stated.get("errorMessage", "")) if isinstance(stated, dict) else ""
    except ValueError:
        message = ""
    known = getattr(errors, name, None)
    if not (isinstance(known, type) and issubclass(known, SparcFuseError)):
        name = "OutOfMemoryError" if "OutOfMemory" in name + cause else "WorkerLostError"
        message = (
            f"{item.path}: ended without a result ({failure.get('Error') or 'no error name'}"
            f"{', ' + message if message else ''}); start the dataset again"
        )
    receipt = dataclasses.replace(lost(item), error=name, message=message or item.path)
    write_receipt(destination, folder, receipt)
    return {"status": receipt.status}


def consolidate_run(run_key: str, cloud: Cloud) -> dict[str, Any]:
    """Collect a run's receipts into one object, after removing what is no result.

    Raises
    ------
    RunSupersededError
        If another run has taken over; nothing was changed.
    """
    _LOG.info("run %s: consolidate", run_key)
    destination = cloud.open()
    stated = _read(destination, f"{run_key}/plan.json")
    folder = folder_of(run_key)
    cloud.lock(folder, stated["execution"]).check()
    receipts = [Receipt.from_json(values) for values in _read(destination, f"{run_key}/known.json")]
    for start in range(0, stated["n_to_do"], _ITEMS):
        receipts += settle(folder, _read_items(destination, run_key, start), destination)
    receipts.sort(key=lambda receipt: receipt.path)
    _write(destination, f"{run_key}/receipts.json", [receipt.to_json() for receipt in receipts])
    return {"n_receipts": len(receipts)}


def manifest_run(run_key: str, cloud: Cloud) -> dict[str, Any]:
    """Write the manifest of a run and give its lock back; return the facts that are announced.

    Called again after that it returns the same.

    Raises
    ------
    RunSupersededError
        If another run has taken over; nothing was changed.
    """
    _LOG.info("run %s: manifest", run_key)
    destination = cloud.open()
    outcome_key = f"{run_key}/outcome.json"
    before = destination.read_bytes(outcome_key)
    stated = _read(destination, f"{run_key}/plan.json")
    lock = cloud.lock(folder_of(run_key), stated["execution"])
    if before is None:
        lock.check()
        plan = Plan.from_json(stated["plan"])
        receipts = [Receipt.from_json(r) for r in _read(destination, f"{run_key}/receipts.json")]
        manifest = make_manifest(
            plan,
            receipts,
            whole_dataset=stated["whole_dataset"],
            warnings=stated.get("warnings") or (),
        )
        key = write_manifest(plan, destination, manifest)
        outcome = {
            "dataset_id": plan.dataset_id,
            "version": plan.version,
            "manifest": f"{destination.uri}/{key}",
            "counts": manifest["counts"],
        }
        _write(destination, outcome_key, outcome)
        log_metrics(run_metrics(receipts), {"run_key": run_key})
    else:
        outcome = json.loads(before)
    lock.release()
    return outcome


def run_key_of(folder: str, run: str) -> str:
    """Return the key below which a run of a folder of results has its own objects."""
    return f"{_RUNS}{folder}/{run}"


def folder_of(run_key: str) -> str:
    """Return the folder of results that a run works on."""
    return run_key.removeprefix(_RUNS).rpartition("/")[0]


def execution_name(request: Request) -> str:
    """Return the name of the execution that does ``request``: the same work has the same name.

    At most 60 characters, so that a suffix fits. A dataset's version should be resolved before: without
    one, all versions to come are the same work.
    """
    facts = json.dumps([CONVERTER_VERSION, dataclasses.asdict(request)], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:12]
    return f"{dataset_part(request.dataset_id)}-{request.version or 'latest'}-{digest}"


def dataset_part(dataset_id: str) -> str:
    """Return how the names of a dataset's executions begin."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", dataset_id)[-38:]


def _items_key(run_key: str, index: int) -> str:
    """Return where the item ``index`` of a run lies, among others."""
    return f"{run_key}/items/{index // _ITEMS:06d}.json"


def _own_key(run_key: str, index: int) -> str:
    """Return where the item ``index`` lies if it is large."""
    return f"{run_key}/items/own/{index}.json"


def _write_items(destination: Destination, run_key: str, start: int, items: Sequence[Item]) -> None:
    together: list[dict[str, Any] | None] = []
    for index, item in enumerate(items, start):
        values = item.to_json()
        is_large = len(json.dumps(values)) > _OWN_OBJECT_BYTES
        if is_large:
            _write(destination, _own_key(run_key, index), values)
        together.append(None if is_large else values)
    _write(destination, _items_key(run_key, start), together)


def _read_items(destination: Destination, run_key: str, start: int) -> list[Item]:
    together = _read(destination, _items_key(run_key, start))
    return [
        Item.from_json(values or _read(destination, _own_key(run_key, index)))
        for index, values in enumerate(together, start)
    ]


def _item(destination: Destination, run_key: str, index: int) -> Item:
    values = _read(destination, _items_key(run_key, index))[index % _ITEMS]
    return Item.from_json(values or _read(destination, _own_key(run_key, index)))


def _entry(index: int, item: Item, cloud: Cloud) -> dict[str, Any]:
    """Return what the map passes to one child: small, whatever the item."""
    size = fargate_size(item, cloud.settings)
    return {
        "index": index,
        "runner": item.runner,
        "cpu": str(size.cpu_units),
        "memory": str(size.memory_mib),
        "disk_gib": size.disk_gib,
    }


def _write(destination: Destination, key: str, values: Any) -> None:
    destination.write_bytes(key, json.dumps(values, allow_nan=False).encode())


def _read(destination: Destination, key: str) -> Any:
    data = destination.read_bytes(key)
    if data is None:
        message = f"{destination.uri}/{key}: not there; was the run planned?"
        raise PublishError(message)
    return json.loads(data)
