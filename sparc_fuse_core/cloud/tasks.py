"""Convert a dataset in the cloud: one function for each task of ``stacks/workflow.asl.json``.

The tasks share nothing but the results bucket. A run's own objects lie below
``.sparc-fuse/runs/<folder>/<run>/``, all runs under one prefix, as a bucket forgets by prefix:
``plan.json``, ``context.json``, ``siblings/`` (files that a set may name), ``items.json`` (what the map reads),
``items/<n>.json`` (100 items each, large ones apart; what workers read), ``known/<n>.json`` (receipts that
are not made again), ``receipts/<n>.json`` (of the items, 100 each), ``receipts.json`` (they are all there) and
``outcome.json``. No task holds all receipts of a dataset in memory.
States pass keys of these, so that nothing they hold grows with the dataset.

Who deletes: planning withdraws what is to be replaced, settling removes what is left over. Workers
only put.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import re
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from sparc_fuse_core import errors
from sparc_fuse_core.cloud.expected import check_cost, open_requested
from sparc_fuse_core.cloud.metrics import RunMetrics, log_metrics
from sparc_fuse_core.cloud.published import forget
from sparc_fuse_core.cloud.quotas import account_quotas, items_at_once
from sparc_fuse_core.cloud.request import has_no_version, tag_value
from sparc_fuse_core.cloud.run_objects import (
    ITEMS_TOGETHER,
    folder_of,
    map_entry,
    read_facts,
    read_item,
    read_items,
    read_object,
    run_key_of,
    write_facts,
    write_items,
    write_object,
)
from sparc_fuse_core.cloud.run_receipts import KnownReceipts, receipts_key, receipts_of
from sparc_fuse_core.cloud.siblings import StoredSiblings, write_siblings
from sparc_fuse_core.cloud.spent import Spent
from sparc_fuse_core.cloud.withdrawal_record import refuse_withdrawn
from sparc_fuse_core.convert.context import Context, make_context
from sparc_fuse_core.convert.receipt import Receipt, lost, read_receipt, write_receipt
from sparc_fuse_core.describe.describing import dataset_facts, describe, list_in_catalogue
from sparc_fuse_core.errors import (
    DiskFullError,
    OutOfMemoryError,
    PublishError,
    RequestError,
    RunSupersededError,
    SparcFuseError,
)
from sparc_fuse_core.plan.items import Plan, Skipped
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.manifest import manifest_head, skipped_before, write_spooled
from sparc_fuse_core.run.reuse import copy_or_convert
from sparc_fuse_core.run.work import (
    Work,
    each,
    find_work,
    mark_replaced,
    settle,
    standing_replaced,
    withdraw,
)
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.sources import fetching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.cloud.environment import Cloud
    from sparc_fuse_core.cloud.lock import RunLock
    from sparc_fuse_core.cloud.request import Request
    from sparc_fuse_core.run.spool import Spool
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)


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
    DatasetWithdrawnError
        If its results were withdrawn from the app; nothing was changed.
    SourceError
        If the dataset cannot be had; nothing was changed.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", run):
        message = f"run={run!r}: expected letters, digits, _ . and -"
        raise RequestError(message)
    _LOG.info("run %s: plan", run)
    source = open_requested(request, cloud)
    plan = plan_dataset(
        source, load_schemes(), cloud.settings, paths=request.paths, options=request.options
    )
    destination = cloud.open()
    refuse_withdrawn(plan.dataset_id, destination)
    is_first = next(iter(destination.list_keys(plan.folder)), None) is None
    lock = cloud.lock(plan.folder, execution)
    lock.take()
    run_key = run_key_of(plan.folder, run)
    context_once = functools.cache(lambda: make_context(plan, source, cloud.settings))
    known = KnownReceipts(destination, run_key)

    def stays(receipt: Receipt) -> bool:
        # free text of an animal, whose tables say by now that it is a human
        return not receipt.free_text or context_once().keeps_free_text(receipt.path)

    try:
        work = find_work(
            plan,
            destination,
            stays,
            paths=request.paths,
            overwrite=request.overwrite,
            on_known=known.add,
        )
        known.end()
        check_cost(plan, work.to_do, request, cloud.cost_limit_usd)
        if request.overwrite:
            work = mark_replaced(plan, work, destination, stays)
        context = context_once()
        before = skipped_before(plan, destination) if request.paths else []
        if not is_first:
            withdraw(plan, work, destination, replaced=True)
            forget(plan.folder, cloud)
        most = min(cloud.max_concurrency, request.max_concurrency or cloud.max_concurrency)
        at_once = dataclasses.replace(cloud, max_concurrency=most)
        planned = _write_run(
            plan, work, context, run_key, execution, at_once, known.n_objects, before
        )
        unversioned = has_no_version(request.dataset_id)
        return {
            **planned,
            "dataset": tag_value(request.dataset_id if unversioned else plan.dataset_id),
        }
    except BaseException:
        # what was withdrawn is found to be missing by the next run, so nothing has to be held for it
        with contextlib.suppress(PublishError):
            lock.release()
        raise


def _write_run(
    plan: Plan,
    work: Work,
    context: Context,
    run_key: str,
    execution: str,
    cloud: Cloud,
    n_known: int,
    skipped: Sequence[Skipped],
) -> dict[str, Any]:
    destination = cloud.open()
    to_do = work.to_do
    if to_do:
        # thousands of files, of which one worker asks for a few
        n_parts = write_siblings(destination, run_key, context.siblings)
        alone = dataclasses.replace(context, siblings={})
        shared = {"execution": execution, "context": alone.to_json(), "siblings": n_parts}
        write_object(destination, f"{run_key}/context.json", shared)
    each(
        lambda start: write_items(
            destination, run_key, start, to_do[start : start + ITEMS_TOGETHER]
        ),
        range(0, len(to_do), ITEMS_TOGETHER),
    )
    quotas = account_quotas(cloud.settings, to_do, reserved=cloud.convert_concurrency)
    entries = [map_entry(i, item, quotas, cloud.settings) for i, item in enumerate(to_do)]
    write_object(destination, f"{run_key}/items.json", entries)
    if not to_do:
        write_object(destination, f"{run_key}/receipts.json", {"n_receipts": 0})
    stated = {
        "execution": execution,
        "plan": dataclasses.replace(plan, items=(), siblings=()).to_json(),
        "whole_dataset": work.is_whole,
        "n_to_do": len(to_do),
        "n_known": n_known,
        "skipped_before": [dataclasses.asdict(entry) for entry in skipped],
        "warnings": list(context.tables.warnings) if to_do and context.tables else [],
    }
    write_object(destination, f"{run_key}/plan.json", stated)
    write_facts(destination, run_key, dataset_facts(plan, context.dataset_metadata, context.tables))
    below = f"{cloud.prefix}{run_key}"
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
    OutOfMemoryError, DiskFullError
        The item needs a larger machine.
    RunSupersededError
        Another run has taken over; nothing was published.
    """
    _LOG.info("run %s: convert item %s", run_key, index)
    spent = Spent()
    superseded: list[RunSupersededError] = []
    lock: RunLock | None = None

    def fence() -> None:
        try:
            if lock is not None:
                lock.check()
        except RunSupersededError as err:
            superseded.append(err)
            raise

    destination = cloud.open(may_delete=False, fence=fence)
    item = read_item(destination, run_key, index)
    shared = read_object(destination, f"{run_key}/context.json")
    context = dataclasses.replace(
        Context.from_json(shared["context"], cloud.settings),
        siblings=StoredSiblings(destination, run_key, shared["siblings"]),
    )
    lock = cloud.lock(context.folder, shared["execution"])
    fence()
    done = read_receipt(destination, context.folder, item.output)
    if done is not None and done.speaks_for(item) and done.mark != item.replaces:
        return {"status": done.status}
    try:
        receipt = copy_or_convert(item, context, fetching(cloud.settings), destination)
    except MemoryError as err:
        message = f"{item.path}: out of memory; it needs a larger machine"
        raise OutOfMemoryError(message) from err
    if superseded:
        raise superseded[0]
    if receipt.error == "PublishError":
        raise PublishError(receipt.message)
    if receipt.error == "DiskFullError":
        here_gb = shutil.disk_usage(tempfile.gettempdir()).total / 1e9
        message = (
            f"{item.path}: its source of {item.size_bytes / 1e9:.3g} GB, scratch files and result need more "
            f"disk than the {here_gb:.0f} GB here (planned: {item.disk_bytes / 1e9:.3g} GB)"
        )
        raise DiskFullError(message)
    receipt = dataclasses.replace(receipt, spent=spent.so_far())
    receipt = standing_replaced(receipt, item, context.folder, destination)
    fence()
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
    item = read_item(destination, run_key, index)
    folder = folder_of(run_key)
    cloud.lock(folder, read_object(destination, f"{run_key}/context.json")["execution"]).check()
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
            f"{', ' + message if message else ''}); if it does so again, the file is damaged or too large"
        )
    receipt = dataclasses.replace(lost(item), error=name, message=message or item.path)
    receipt = standing_replaced(receipt, item, folder, destination)
    write_receipt(destination, folder, receipt)
    return {"status": receipt.status}


def settle_run(run_key: str, cloud: Cloud) -> dict[str, Any]:
    """Collect a run's receipts into one object, after removing what is no result.

    Raises
    ------
    RunSupersededError
        If another run has taken over; nothing was changed.
    """
    _LOG.info("run %s: consolidate", run_key)
    destination = cloud.open()
    stated = read_object(destination, f"{run_key}/plan.json")
    folder = folder_of(run_key)
    cloud.lock(folder, stated["execution"]).check()
    for start in range(0, stated["n_to_do"], ITEMS_TOGETHER):
        receipts = settle(folder, read_items(destination, run_key, start), destination)
        write_object(
            destination, receipts_key(run_key, start), [receipt.to_json() for receipt in receipts]
        )
    settled = {"n_receipts": stated["n_to_do"]}
    write_object(destination, f"{run_key}/receipts.json", settled)
    return settled


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
    stated = read_object(destination, f"{run_key}/plan.json")
    lock = cloud.lock(folder_of(run_key), stated["execution"])
    if before is None:
        lock.check()
        with destination.scratch() as scratch:
            receipts = receipts_of(run_key, stated, destination, scratch)
            metrics = RunMetrics()
            outcome = _outcome(run_key, stated, receipts, metrics, destination)
        write_object(destination, outcome_key, outcome)
        log_metrics(metrics.values(), {"run_key": run_key})
    else:
        outcome = json.loads(before)
    forget(folder_of(run_key), cloud)
    lock.release()
    return outcome


def _outcome(
    run_key: str,
    stated: Mapping[str, Any],
    receipts: Spool,
    metrics: RunMetrics,
    destination: Destination,
) -> dict[str, Any]:
    """Write the manifest; return what is announced."""
    plan = Plan.from_json(stated["plan"])
    dataset = read_facts(destination, run_key, plan)
    head, skipped = manifest_head(
        plan,
        metrics.counting(receipts),
        dataset=dataset,
        whole_dataset=stated["whole_dataset"],
        skipped_before=[Skipped(**entry) for entry in stated["skipped_before"]],
        warnings=stated.get("warnings") or (),
    )
    items = (json.loads(line) for line in receipts.lines())
    table = describe(dataset, items, skipped, destination)
    key = write_spooled(plan, destination, head, skipped, receipts, metrics.n_for_now)
    list_in_catalogue(dataset, table, destination)
    return {
        "dataset_id": plan.dataset_id,
        "version": plan.version,
        "manifest": f"{destination.uri}/{key}",
        "counts": head["counts"],
        "failed_for_now": metrics.n_for_now,
        "failed_percent": metrics.failed_percent,
        "errors": metrics.errors,
        # nothing is wrong with the files: what converts them is
        "most_failed_for_now": stated["n_to_do"] < 2 * metrics.n_for_now,
    }
