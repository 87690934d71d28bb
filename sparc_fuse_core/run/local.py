"""Convert a dataset on this machine: plan, worker processes, receipts settled, manifest.

Each worker is a process of its own, so that a reader that crashes or runs out of memory loses one file.
Files run side by side as far as their estimated memory fits, not one for each core blindly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sparc_fuse_core.convert.context import make_context
from sparc_fuse_core.convert.receipt import Receipt, write_receipt
from sparc_fuse_core.describe.describing import dataset_facts, describe, list_in_catalogue
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.privacy.beside import file_beside, folder_beside, keep_beside
from sparc_fuse_core.run.manifest import make_manifest, skipped_before, write_manifest
from sparc_fuse_core.run.origin import check_origin
from sparc_fuse_core.run.work import find_work, settle, standing, withdraw
from sparc_fuse_core.run.workers import convert_all
from sparc_fuse_core.storage.destination import open_destination

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.plan.items import ConvertOptions, Item, Plan
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination
    from sparc_fuse_core.storage.locks import Held


class Watcher(Protocol):
    """Told what happens, for progress display."""

    def planned(self, plan: Plan, to_do: Sequence[Item], done: Sequence[Receipt]) -> None:
        """Take the plan; ``done`` is unchanged since an earlier run."""

    def progress(self, path: str, stage: str, amount: int) -> None:
        """Note that an item moved on: ``"fetch"`` bytes, ``"write"`` values, ``"verify"``, ``"publish"``."""

    def finished(self, receipt: Receipt) -> None:
        """Take the receipt of an item."""


class Silence:
    """A watcher that shows nothing."""

    def planned(self, plan: Plan, to_do: Sequence[Item], done: Sequence[Receipt]) -> None:
        """Show nothing."""

    def progress(self, path: str, stage: str, amount: int) -> None:
        """Show nothing."""

    def finished(self, receipt: Receipt) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes
    ----------
    receipts
        One for each item of the plan, in its order.
    manifest_uri
        Where the manifest is.
    seconds
        Wall time.
    """

    plan: Plan
    receipts: tuple[Receipt, ...]
    manifest: dict[str, Any]
    manifest_uri: str
    seconds: float

    @property
    def n_failed(self) -> int:
        """Files of this run that failed, skipped ones with a fault included."""
        failed = [entry.path for entry in self.receipts if entry.status == "failed"]
        return len(failed) + sum(entry.status == "failed" for entry in self.plan.skipped)

    @property
    def paths(self) -> frozenset[str]:
        """Paths of the files that this run was about."""
        skipped = (entry.path for entry in self.plan.skipped)
        return frozenset([*(receipt.path for receipt in self.receipts), *skipped])

    @property
    def n_results(self) -> int:
        """Results of this run and unchanged ones of earlier runs."""
        return sum(receipt.is_done for receipt in self.receipts)


def convert_dataset(
    source: Source,
    target: str | Path,
    schemes: Schemes,
    settings: Settings,
    *,
    paths: Sequence[str] = (),
    options: ConvertOptions | None = None,
    n_workers: int = 0,
    overwrite: bool = False,
    keep_identity_beside: bool = False,
    watcher: Watcher | None = None,
    log: Path | None = None,
) -> Run:
    """Convert a dataset into a folder or a bucket on this machine.

    Parameters
    ----------
    target
        Folder, or ``s3://bucket/prefix``.
    paths
        What to convert; everything if empty.
    n_workers
        Processes at most; 0 for one each core.
    overwrite
        Convert again what is unchanged.
    keep_identity_beside
        Write what is left out of the results to `folder_beside` of them, on this machine.
    log
        File to which workers write the tracebacks of errors that nobody foresaw.

    Raises
    ------
    SparcFuseError
        If the run cannot start or its manifest cannot be written. A file's own failure is its receipt.
    """
    started = time.monotonic()
    watcher = watcher or Silence()
    plan = plan_dataset(source, schemes, settings, paths=paths, options=options, here=True)
    destination = open_destination(target, settings, folder=plan.folder)
    beside = folder_beside(target) if keep_identity_beside else None
    n_workers = max(0, n_workers) or os.cpu_count() or 1
    job = _Job(str(target), settings, n_workers, watcher, log, beside)
    with destination.lock() as held:
        destination.sweep()
        receipts, manifest, key = _run(plan, source, destination, held, job, paths, overwrite)
    return Run(
        plan, tuple(receipts), manifest, f"{destination.uri}/{key}", time.monotonic() - started
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """How the items of a run are worked on."""

    target: str
    settings: Settings
    n_workers: int
    watcher: Watcher
    log: Path | None
    beside: Path | None


def _run(
    plan: Plan,
    source: Source,
    destination: Destination,
    held: Held,
    job: _Job,
    paths: Sequence[str],
    overwrite: bool,
) -> tuple[list[Receipt], dict[str, Any], str]:
    """Do what is to be done while the lock is held; return receipts, manifest and the manifest's key."""
    before = skipped_before(plan, destination) if paths else ()
    context_once = functools.cache(lambda: make_context(plan, source, job.settings))

    def stays(receipt: Receipt) -> bool:
        """Tell whether a result may stay: no free text of a human; what was left out is kept if asked for."""
        if receipt.free_text and not context_once().keeps_free_text(receipt.path):
            return False
        key = f"{plan.folder}/{receipt.output}"
        return job.beside is None or file_beside(job.beside, key).is_file()

    work = find_work(plan, destination, stays, paths=paths, overwrite=overwrite)
    check_origin(source, plan, work, destination)
    if job.beside is not None:
        # a copy of an earlier version's result tells nothing of what was left out of it
        again = [dataclasses.replace(item, copy_from="") for item in work.to_do]
        work = dataclasses.replace(work, to_do=again)
    planned = {item.output for item in plan.items}
    job.watcher.planned(plan, work.to_do, [r for r in work.known if r.output in planned])
    # every worker's end is seen here and gets a receipt, so results stay until others replace them
    withdraw(plan, work, destination, replaced=False)
    warnings: tuple[str, ...] = ()
    if work.to_do:
        context = context_once()
        if job.beside is not None:
            context = dataclasses.replace(context, beside=str(job.beside))
            tables = context.tables.aside if context.tables else ()
            keep_beside(job.beside, f"{plan.folder}/dataset-tables", "dataset tables", tables)
        warnings = context.tables.warnings if context.tables else ()
        with contextlib.closing(
            convert_all(
                work.to_do, context, job.target, held.token, job.n_workers, job.watcher, job.log
            )
        ) as finished:
            for ended in finished:
                held.check()
                receipt = standing(ended, work.to_do, plan, destination, stays)
                write_receipt(destination, plan.folder, receipt)
                job.watcher.finished(receipt)
    held.check()
    receipts = [*work.known, *settle(plan.folder, work.to_do, destination)]
    receipts.sort(key=lambda receipt: receipt.path)
    context = context_once()
    dataset = dataset_facts(plan, context.dataset_metadata, context.tables)
    manifest = make_manifest(
        plan,
        receipts,
        dataset=dataset,
        whole_dataset=work.is_whole,
        skipped_before=before,
        warnings=warnings,
    )
    items = describe(dataset, manifest["items"], manifest["skipped"], destination)
    key = write_manifest(plan, destination, manifest)
    list_in_catalogue(dataset, items, destination)
    return [receipt for receipt in receipts if receipt.output in planned], manifest, key
