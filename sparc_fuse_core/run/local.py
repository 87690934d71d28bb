"""Convert a dataset on this machine: plan, worker processes, receipts settled, manifest.

Each worker is a process of its own, so that a reader that crashes or runs out of memory loses one file.
Files run side by side as far as their estimated memory fits, not one for each core blindly.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import re
import signal
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sparc_fuse_core.convert.context import make_context
from sparc_fuse_core.convert.receipt import Receipt, lost, write_receipt
from sparc_fuse_core.errors import OutOfMemoryError, SparcFuseError
from sparc_fuse_core.plan.items import ConvertOptions, Item, Plan
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.manifest import make_manifest, skipped_before, write_manifest
from sparc_fuse_core.run.reuse import copy_or_convert
from sparc_fuse_core.run.work import find_work, settle, withdraw
from sparc_fuse_core.sources import fetching
from sparc_fuse_core.storage.destination import open_destination

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sparc_fuse_core.convert.context import Context
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination
    from sparc_fuse_core.storage.locks import Held

_POLL_S = 0.1


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
    job = _Job(str(target), settings, max(0, n_workers) or os.cpu_count() or 1, watcher, log)
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
    work = find_work(plan, destination, paths=paths, overwrite=overwrite)
    planned = {item.output for item in plan.items}
    job.watcher.planned(plan, work.to_do, [r for r in work.known if r.output in planned])
    # every worker's end is seen here and gets a receipt, so results stay until others replace them
    withdraw(plan, work, destination, replaced=False)
    warnings: tuple[str, ...] = ()
    if work.to_do:
        context = make_context(plan, source, job.settings)
        warnings = context.tables.warnings if context.tables else ()
        with contextlib.closing(_convert_all(work.to_do, context, held.token, job)) as finished:
            for receipt in finished:
                held.check()
                write_receipt(destination, plan.folder, receipt)
                job.watcher.finished(receipt)
    held.check()
    receipts = [*work.known, *settle(plan.folder, work.to_do, destination)]
    receipts.sort(key=lambda receipt: receipt.path)
    manifest = make_manifest(
        plan, receipts, whole_dataset=work.is_whole, skipped_before=before, warnings=warnings
    )
    key = write_manifest(plan, destination, manifest)
    return [receipt for receipt in receipts if receipt.output in planned], manifest, key


def _convert_all(
    items: Sequence[Item], context: Context, token: str, job: _Job
) -> Generator[Receipt, None, None]:
    """Yield the receipt of each item as it is finished."""
    # each thread of a worker would keep a heap of its own: twice the memory (measured 463 to 279 MB)
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    spawn = multiprocessing.get_context("spawn")
    messages = spawn.Queue()
    begin = (messages, context, token, job.target, job.log)
    slots = [_Slot(spawn, begin) for _ in range(min(job.n_workers, len(items)))]
    waiting = deque(sorted(items, key=lambda item: -item.seconds))  # longest first fills both ends
    running: dict[Future[dict[str, Any]], tuple[_Slot, Item]] = {}
    budget_bytes = _available_bytes()
    try:
        while waiting or running:
            _start(slots, waiting, running, budget_bytes)
            finished, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            _relay(messages, job.watcher)
            for future in finished:
                slot, item = running.pop(future)
                yield _receipt_of(future, slot, item)
    finally:
        for slot in slots:
            slot.close(kill=bool(running))
        messages.close()
        messages.cancel_join_thread()


class _Slot:
    """One worker process, replaced when it dies."""

    def __init__(self, spawn: Any, begin: tuple[Any, ...]) -> None:
        self._spawn = spawn
        self._begin = begin
        self.busy = False
        self.restart()

    def restart(self) -> None:
        self._pool = ProcessPoolExecutor(
            1, mp_context=self._spawn, initializer=_begin_worker, initargs=self._begin
        )

    def submit(self, item: Item) -> Future[dict[str, Any]]:
        self.busy = True
        return self._pool.submit(_work, item.to_json())

    def close(self, *, kill: bool) -> None:
        if kill:
            # nothing half-written is seen: results are written aside, staging is swept
            for process in list((self._pool._processes or {}).values()):
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _start(
    slots: list[_Slot],
    waiting: deque[Item],
    running: dict[Future[dict[str, Any]], tuple[_Slot, Item]],
    budget_bytes: int,
) -> None:
    """Give work to free slots while the estimated memory fits; one item always runs."""
    for slot in slots:
        if slot.busy or not waiting:
            continue
        in_use = sum(item.memory_bytes for _, item in running.values())
        fitting = [
            i for i, item in enumerate(waiting) if in_use + item.memory_bytes <= budget_bytes
        ]
        if not fitting and running:
            return
        chosen = fitting[0] if fitting else 0
        item = waiting[chosen]
        del waiting[chosen]
        running[slot.submit(item)] = (slot, item)


def _receipt_of(future: Future[dict[str, Any]], slot: _Slot, item: Item) -> Receipt:
    slot.busy = False
    try:
        return Receipt.from_json(future.result())
    except BrokenProcessPool:
        slot.close(kill=True)
        slot.restart()
        return lost(item)


def _relay(messages: Any, watcher: Watcher) -> None:
    while True:
        try:
            path, stage, amount = messages.get_nowait()
        except queue.Empty:
            return
        watcher.progress(path, stage, amount)


def _available_bytes() -> int:
    """Four fifths of the memory that can be had now, what the page cache would give back included."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), flags=re.MULTILINE)
        if found:
            return int(int(found[1]) * 1024 * 0.8)
    return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 0.8)


_worker: dict[str, Any] = {}


def _begin_worker(
    messages: Any, context: Context, token: str, target: str, log: Path | None
) -> None:
    """Prepare a worker process: the parent alone answers Ctrl-C, and ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if log is not None:
        handler = logging.FileHandler(log, encoding="utf-8", delay=True)
        handler.setLevel(logging.ERROR)
        logging.getLogger("sparc_fuse_core").addHandler(handler)
    _worker.update(
        messages=messages,
        context=context,
        destination=open_destination(target, context.settings, folder=context.folder, token=token),
    )


def _work(item_json: dict[str, Any]) -> dict[str, Any]:
    """Convert one item in a worker process."""
    item = Item.from_json(item_json)
    context: Context = _worker["context"]
    return convert_on_this_machine(
        item, context, _worker["destination"], _telling(item.path)
    ).to_json()


def convert_on_this_machine(
    item: Item,
    context: Context,
    destination: Destination,
    on_progress: Callable[[str, int], None] | None = None,
) -> Receipt:
    """Convert one item; errors that a cloud would retry elsewhere are failures on one machine."""
    fetch = fetching(context.settings)
    try:
        return copy_or_convert(item, context, fetch, destination, on_progress)
    except OutOfMemoryError as err:
        error: SparcFuseError = err
    except MemoryError:
        error = OutOfMemoryError(
            f"{item.path}: out of memory; close other programs or use a larger machine"
        )
    except SparcFuseError as err:
        error = err
    receipt = lost(item).to_json()
    return Receipt.from_json({**receipt, "error": type(error).__name__, "message": str(error)})


def _telling(path: str) -> Callable[[str, int], None]:
    """Return a progress callback that sends at most ten messages a second."""
    messages = _worker["messages"]
    current, amount_waiting, sent_s = "", 0, 0.0

    def tell(stage: str, amount: int) -> None:
        nonlocal current, amount_waiting, sent_s
        now_s = time.monotonic()
        if stage != current:
            if amount_waiting:
                messages.put((path, current, amount_waiting))
            current, amount_waiting, sent_s = stage, 0, 0.0
        amount_waiting += amount
        if now_s - sent_s >= _POLL_S:
            messages.put((path, stage, amount_waiting))
            amount_waiting, sent_s = 0, now_s

    return tell
