"""Convert a dataset in the cloud: one function for each task of ``stacks/workflow.asl.json``.

The tasks share nothing but the results bucket. A run's own objects lie below
``<folder>/.sparc-fuse/runs/<run>/``: ``plan.json``, ``context.json``, ``items.json`` (what the map reads),
``items/<index>.json`` (what one worker reads) and ``receipts.json``. States pass keys of these, so that
nothing they hold grows with the dataset.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core import errors
from sparc_fuse_core.consolidate import (
    consolidate,
    earlier_outputs,
    lost,
    remove_dropped,
    split_done,
    with_earlier,
    write_receipt,
)
from sparc_fuse_core.convert import Context, Receipt, make_context, receipt_key
from sparc_fuse_core.earlier_version import bring_item, mark_earlier
from sparc_fuse_core.errors import (
    CostLimitError,
    OutOfMemoryError,
    PublishError,
    RequestError,
    SparcFuseError,
)
from sparc_fuse_core.manifest import make_manifest, withdraw_manifest, write_manifest
from sparc_fuse_core.plan import ConvertOptions, Item, Plan, plan_dataset
from sparc_fuse_core.publish import WORK_FOLDER, open_destination
from sparc_fuse_core.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetch_file, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.publish import Destination
    from sparc_fuse_core.sources import SourceFile

#: Requests to the bucket in flight at once.
_REQUESTS = 32

_GB = 1_000_000_000

#: Fargate sizes: CPU units, and the memory (MiB) that a task of them can have: least, most, step.
_FARGATE_SIZES = (
    (2048, 4096, 16384, 1024),
    (4096, 17408, 30720, 1024),
    (8192, 32768, 61440, 4096),
    (16384, 65536, 122880, 8192),
)


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
    folders_allowed
        Whether a request may name a folder of this machine (``FOLDERS_ALLOWED=1``; rehearsals only).
    """

    target: str
    settings: Settings
    max_concurrency: int = 200
    folders_allowed: bool = False

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
        text = variables.get("MAX_CONCURRENCY", "200")
        if not text.isdigit() or not int(text):
            message = f"MAX_CONCURRENCY={text!r}: expected a positive integer"
            raise RequestError(message)
        allowed = variables.get("FOLDERS_ALLOWED") == "1"
        return cls(target, Settings.from_environment(variables), int(text), allowed)

    def open(self) -> Destination:
        """Open the results bucket."""
        return open_destination(self.target, self.settings)


@dataclass(frozen=True, slots=True)
class Request:
    """The input of an execution, checked."""

    dataset_id: str
    version: str | None = None
    paths: tuple[str, ...] = ()
    options: ConvertOptions = dataclasses.field(default_factory=ConvertOptions)
    overwrite: bool = False
    cost_limit_usd: float | None = None


def parse_request(values: Any, *, folders_allowed: bool = False) -> Request:
    """Return the request that ``values`` states.

    Raises
    ------
    RequestError
        If it is no mapping, or a value is missing, unknown or of the wrong kind.
    """
    if not isinstance(values, dict):
        message = 'the input is a JSON object such as {"dataset_id": 224}'
        raise RequestError(message)
    known = ("dataset_id", "version", "paths", "file_format", "overwrite", "cost_limit_usd")
    for name in values:
        if name not in known:
            message = f"{name}: no such option; known: {', '.join(known)}"
            raise RequestError(message)
    dataset_id = str(values.get("dataset_id", "")).strip()
    if not folders_allowed and not re.fullmatch(
        r"\d+|(https://doi\.org/)?10\..+|uploads/[^/]+", dataset_id
    ):
        message = f"dataset_id={dataset_id!r}: expected a Discover id such as 224, or a DOI"
        raise RequestError(message)
    version = values.get("version")
    if version is not None and not re.fullmatch(r"\d+|local", str(version)):
        message = f"version={version!r}: expected a positive integer"
        raise RequestError(message)
    paths = values.get("paths") or []
    if not isinstance(paths, list) or not all(isinstance(p, str) and p for p in paths):
        message = f"paths={paths!r}: expected a list of paths or patterns"
        raise RequestError(message)
    overwrite = values.get("overwrite", False)
    if not isinstance(overwrite, bool):
        message = f"overwrite={overwrite!r}: expected true or false"
        raise RequestError(message)
    limit = values.get("cost_limit_usd")
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if limit is not None and (not is_number or not limit >= 0):
        message = f"cost_limit_usd={limit!r}: expected a number of US dollars"
        raise RequestError(message)
    return Request(
        dataset_id,
        None if version is None else str(version),
        tuple(paths),
        ConvertOptions(values.get("file_format") or "zarr"),
        overwrite,
        limit,
    )


def plan_run(request: Request, run: str, cloud: Cloud) -> dict[str, Any]:
    """Plan a dataset and put what the tasks need into the bucket; return the keys of it.

    Raises
    ------
    CostLimitError
        If what is to be done would cost more than the request allows; nothing was changed.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", run):
        message = f"run={run!r}: expected letters, digits, _ . and -"
        raise RequestError(message)
    source = open_source(request.dataset_id, version=request.version, settings=cloud.settings)
    plan = plan_dataset(
        source, load_schemes(), cloud.settings, paths=request.paths, options=request.options
    )
    destination = cloud.open()
    to_do, done = (list(plan.items), []) if request.overwrite else _split(plan, destination)
    if not request.overwrite:
        to_do = mark_earlier(plan, to_do, destination)
    cost_usd = sum(item.cost_usd for item in to_do)
    if request.cost_limit_usd is not None and cost_usd > request.cost_limit_usd:
        message = (
            f"dataset {plan.dataset_id}: about {cost_usd:.2f} US dollars, more than the limit of "
            f"{request.cost_limit_usd:.2f}; raise cost_limit_usd or choose fewer paths"
        )
        raise CostLimitError(message)
    earlier = earlier_outputs(plan, destination)
    if not request.paths:
        remove_dropped(plan, destination, earlier)
    run_key = f"{plan.folder}/{WORK_FOLDER}/runs/{run}"
    if to_do:
        withdraw_manifest(plan, destination)
        # an older receipt must not speak for a worker that is lost in this run
        stale = {item.output for item in to_do} & set(earlier)
        _each(lambda out: destination.remove_result(receipt_key(plan.folder, out)), sorted(stale))
        context = make_context(plan, source, cloud.settings)
        _write(destination, f"{run_key}/context.json", context.to_json())
    _each(
        lambda pair: _write(destination, _item_key(run_key, pair[0]), pair[1].to_json()),
        list(enumerate(to_do)),
    )
    _write(destination, f"{run_key}/items.json", [_entry(i, x, cloud) for i, x in enumerate(to_do)])
    _write(destination, f"{run_key}/receipts.json", [receipt.to_json() for receipt in done])
    unchanged = [receipt.output for receipt in done]
    stated = {"plan": plan.to_json(), "paths": list(request.paths), "unchanged": unchanged}
    _write(destination, f"{run_key}/plan.json", stated)
    bucket, _, prefix = cloud.target.removeprefix("s3://").partition("/")
    below = f"{prefix.strip('/')}/{run_key}".lstrip("/")
    return {
        "bucket": bucket,
        "run_key": run_key,
        "items_key": f"{below}/items.json",
        "map_prefix": f"{below}/map",
        "n_items": len(plan.items),
        "n_to_do": len(to_do),
        "cost_usd": round(cost_usd, 6),
        "max_concurrency": max(1, min(cloud.max_concurrency, len(to_do))),
        "tolerated_failure_percentage": 100.0,
    }


def convert_one(run_key: str, index: int, cloud: Cloud) -> dict[str, Any]:
    """Convert one item of a run and store its receipt; return its status.

    Raises
    ------
    SourceUnavailableError
        The source does not answer; try again.
    OutOfMemoryError
        The item needs a larger machine.
    """
    destination = cloud.open()
    item = Item.from_json(_read(destination, _item_key(run_key, index)))
    context = Context.from_json(_read(destination, f"{run_key}/context.json"), cloud.settings)

    def fetch(file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None) -> Path:
        return fetch_file(file, folder, cloud.settings, on_bytes)

    try:
        receipt = bring_item(item, context, fetch, destination)
    except MemoryError as err:
        message = f"{item.path}: out of memory; it needs a larger machine"
        raise OutOfMemoryError(message) from err
    write_receipt(destination, context.folder, receipt)
    return {"status": receipt.status}


def record_failure(
    run_key: str, index: int, failure: Mapping[str, Any], cloud: Cloud
) -> dict[str, Any]:
    """Store the receipt of an item that no worker could bring to an end; return its status."""
    destination = cloud.open()
    item = Item.from_json(_read(destination, _item_key(run_key, index)))
    name, cause = str(failure.get("Error", "")), str(failure.get("Cause", ""))
    try:
        stated = json.loads(cause)
        message = str(stated.get("errorMessage", "")) if isinstance(stated, dict) else ""
    except ValueError:
        message = ""
    known = getattr(errors, name, None)
    if not (isinstance(known, type) and issubclass(known, SparcFuseError)):
        name = "OutOfMemoryError" if "OutOfMemory" in name + cause else "WorkerLostError"
        message = f"{item.path}: ended without a result ({failure.get('Error', 'no error name')})"
    receipt = dataclasses.replace(lost(item), error=name, message=message or item.path)
    write_receipt(destination, run_key.partition(f"/{WORK_FOLDER}/")[0], receipt)
    return {"status": receipt.status}


def consolidate_run(run_key: str, cloud: Cloud) -> dict[str, Any]:
    """Collect a run's receipts into one object; return how many there are."""
    destination = cloud.open()
    stated = _read(destination, f"{run_key}/plan.json")
    plan, unchanged = Plan.from_json(stated["plan"]), set(stated["unchanged"])
    parts = _each(lambda part: consolidate(part, destination), _parts(plan))
    receipts = [receipt for part in parts for receipt in part]
    receipts = [
        dataclasses.replace(r, status="unchanged")
        if r.output in unchanged and r.status == "converted"
        else r
        for r in receipts
    ]
    _write(destination, f"{run_key}/receipts.json", [receipt.to_json() for receipt in receipts])
    return {"n_receipts": len(receipts)}


def manifest_run(run_key: str, cloud: Cloud) -> dict[str, Any]:
    """Write the manifest of a run; return the facts that are announced."""
    destination = cloud.open()
    stated = _read(destination, f"{run_key}/plan.json")
    plan, paths = Plan.from_json(stated["plan"]), stated["paths"]
    receipts = [Receipt.from_json(r) for r in _read(destination, f"{run_key}/receipts.json")]
    every = with_earlier(plan, receipts, destination, paths)
    manifest = make_manifest(plan, every, whole_dataset=not paths)
    key = write_manifest(plan, destination, manifest)
    return {
        "dataset_id": plan.dataset_id,
        "version": plan.version,
        "manifest": f"{destination.uri}/{key}",
        "counts": manifest["counts"],
    }


def execution_name(request: Request) -> str:
    """Return the name of the execution that does ``request``: the same work has the same name."""
    facts = json.dumps(dataclasses.asdict(request), sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:12]
    dataset = re.sub(r"[^A-Za-z0-9_-]+", "-", request.dataset_id)[-40:]
    return f"{dataset}-{request.version or 'latest'}-{digest}"


def _split(plan: Plan, destination: Destination) -> tuple[list[Item], list[Receipt]]:
    parts = _each(lambda part: split_done(part, destination), _parts(plan))
    return [i for to_do, _ in parts for i in to_do], [r for _, done in parts for r in done]


def _parts(plan: Plan) -> list[Plan]:
    """One plan an item: their requests to the bucket go side by side."""
    return [dataclasses.replace(plan, items=(item,)) for item in plan.items]


def _each(work: Callable[[Any], Any], things: Sequence[Any]) -> list[Any]:
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(work, things))


def _item_key(run_key: str, index: int) -> str:
    return f"{run_key}/items/{index}.json"


def _entry(index: int, item: Item, cloud: Cloud) -> dict[str, Any]:
    """Return what the map passes to one child: small, whatever the item."""
    memory_bytes = item.memory_bytes
    if (
        item.runner == "lambda"
    ):  # it comes to Fargate only if Lambda's memory or time was too little
        memory_bytes = 2 * cloud.settings.lambda_memory_bytes
    cpu, memory = _fargate_size(memory_bytes)
    disk_gib = min(200, max(21, 4 * item.size_bytes // _GB + 21))
    return {
        "index": index,
        "runner": item.runner,
        "cpu": str(cpu),
        "memory": str(memory),
        "disk_gib": disk_gib,
    }


def _fargate_size(memory_bytes: int) -> tuple[int, int]:
    """Return CPU units and MiB of the smallest task that holds ``memory_bytes``."""
    wanted = -(-memory_bytes // 2**20)
    for cpu, least, most, step in _FARGATE_SIZES:
        if wanted <= most:
            return cpu, max(least, least - (least - wanted) // step * step)
    return _FARGATE_SIZES[-1][0], _FARGATE_SIZES[-1][2]


def _write(destination: Destination, key: str, values: Any) -> None:
    destination.write_bytes(key, json.dumps(values, allow_nan=False).encode())


def _read(destination: Destination, key: str) -> Any:
    data = destination.read_bytes(key)
    if data is None:
        message = f"{destination.uri}/{key}: not there; was the run planned?"
        raise PublishError(message)
    return json.loads(data)
