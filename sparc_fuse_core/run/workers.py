"""Worker processes of a run on this machine: each takes one item after the other, and may die of it.

A process that dies is replaced and its item tried once more; one that takes too long is ended. Items run side
by side as far as their estimated memory fits, not one for each core blindly.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import queue
import re
import signal
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.child import Child, end_with_parent, silence
from sparc_fuse_core.convert.receipt import Receipt, lost
from sparc_fuse_core.errors import (
    CrashedError,
    OutOfMemoryError,
    ReaderCrashedError,
    SparcFuseError,
    TimeLimitError,
)
from sparc_fuse_core.plan.items import Item
from sparc_fuse_core.proof.opinion import keep_child
from sparc_fuse_core.run.reuse import copy_or_convert
from sparc_fuse_core.sources import fetching
from sparc_fuse_core.storage.destination import open_destination

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sparc_fuse_core.convert.context import Context
    from sparc_fuse_core.run.local import Watcher
    from sparc_fuse_core.storage.destination import Destination

_POLL_S = 0.1
#: A process that dies may have been killed by another's hunger for memory: one more try.
_TRIES = 2
#: How often the estimated time is added to the time limit.
_PATIENCE = 20.0
_TOO_LATE = (
    "not converted within the time that a file may take; if it is whole, raise "
    "SPARC_FUSE_ITEM_TIME_LIMIT_S"
)


def convert_all(
    items: Sequence[Item],
    context: Context,
    target: str,
    token: str,
    n_workers: int,
    watcher: Watcher,
    log: Path | None = None,
) -> Generator[Receipt, None, None]:
    """Yield the receipt of each item as it is finished.

    Parameters
    ----------
    token
        Of the run that holds the lock of ``target``.
    log
        File for the tracebacks of errors that nobody foresaw.
    """
    # each thread of a worker would keep a heap of its own: twice the memory (measured 463 to 279 MB)
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    spawn = multiprocessing.get_context("spawn")
    messages = spawn.Queue()
    begin = (messages, context, target, token, log)
    slots = [_Slot(spawn, begin) for _ in range(min(n_workers, len(items)))]
    waiting = deque(sorted(items, key=lambda item: -item.seconds))  # longest first fills both ends
    running: dict[Future[dict[str, Any]], tuple[_Slot, Item]] = {}
    budget_bytes = _available_bytes()
    try:
        while waiting or running:
            _start(slots, waiting, running, budget_bytes)
            finished, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            _relay(messages, watcher)
            for slot in slots:
                slot.end_if_late()
            for future in finished:
                slot, item = running.pop(future)
                receipt = _receipt_of(future, slot, item)
                if receipt is None:
                    running[slot.submit(item)] = (slot, item)
                    continue
                slot.n_tries = 0
                yield receipt
    finally:
        for slot in slots:
            slot.close(kill=bool(running))
        messages.close()
        messages.cancel_join_thread()


class _Slot:
    """One worker process, replaced when it dies.

    Attributes
    ----------
    n_tries
        How often the item at work has been begun.
    deadline_s, is_late
        When the item at work has to be finished, on `time.monotonic`, and whether it was not.
    """

    def __init__(self, spawn: Any, begin: tuple[Any, ...]) -> None:
        self._spawn = spawn
        self._begin = begin
        self._limit_s = begin[1].settings.item_time_limit_s
        self.busy = False
        self.n_tries = 0
        self.deadline_s = math.inf
        self.is_late = False
        self.restart()

    def restart(self) -> None:
        self._pool = ProcessPoolExecutor(
            1,
            mp_context=self._spawn,
            initializer=_begin_worker,
            initargs=(*self._begin, logging.getLogger().isEnabledFor(logging.INFO)),
        )

    def submit(self, item: Item) -> Future[dict[str, Any]]:
        self.busy = True
        self.n_tries += 1
        self.is_late = False
        self.deadline_s = time.monotonic() + self._limit_s + _PATIENCE * item.seconds
        return self._pool.submit(_work, item.to_json())

    def end_if_late(self) -> None:
        """End the process if the item at work takes longer than it may."""
        if self.busy and not self.is_late and time.monotonic() > self.deadline_s:
            self.is_late = True
            for process in list((self._pool._processes or {}).values()):
                process.kill()

    @property
    def exit_codes(self) -> list[int | None]:
        """How its processes ended."""
        processes = list((self._pool._processes or {}).values())
        for process in processes:
            process.join(5)
        return [process.exitcode for process in processes]

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


def _receipt_of(future: Future[dict[str, Any]], slot: _Slot, item: Item) -> Receipt | None:
    """Return the receipt of an item, or None where its process ended and a second try is due."""
    slot.busy = False
    try:
        return Receipt.from_json(future.result())
    except BrokenProcessPool:
        codes = slot.exit_codes
        slot.close(kill=True)
        slot.restart()
        if slot.is_late:
            return _failed(item, TimeLimitError(f"{item.path}: {_TOO_LATE}"))
        if slot.n_tries < _TRIES:
            return None
        if -signal.SIGKILL in codes:
            message = (
                f"{item.path}: its process was killed at both tries, mostly for lack of memory"
            )
            return _failed(item, OutOfMemoryError(message))
        message = (
            f"{item.path}: what reads it ended the process at both tries: the file is damaged, or of a kind "
            "that its library does not bear; export it again from the program that wrote it"
        )
        return _failed(item, ReaderCrashedError(message))


def _failed(item: Item, error: SparcFuseError) -> Receipt:
    receipt = lost(item).to_json()
    return Receipt.from_json({**receipt, "error": type(error).__name__, "message": str(error)})


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
    messages: Any, context: Context, target: str, token: str, log: Path | None, is_verbose: bool
) -> None:
    """Prepare a worker process: the parent alone answers Ctrl-C, and ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    if not is_verbose:
        # libraries print what a file tells them to
        silence()
    if log is not None:
        handler = logging.FileHandler(log, encoding="utf-8", delay=True)
        handler.setLevel(logging.ERROR)
        logging.getLogger("sparc_fuse_core").addHandler(handler)
    keep_child()
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
    return _failed(item, error)


def convert_in_child(item: Item, context: Context, target: str) -> Receipt:
    """Convert one item in a child process of its own, so that the caller survives whatever the file does."""
    with Child(with_credentials=_needs_credentials(item, target)) as child:
        for n_left in reversed(range(_TRIES)):
            try:
                limit_s = context.settings.item_time_limit_s + _PATIENCE * item.seconds
                found = child.call(
                    "run.workers:convert_for_parent", item, context, target, timeout_s=limit_s
                )
            except CrashedError as err:
                if n_left:
                    continue
                if err.code == -signal.SIGKILL:
                    message = f"{item.path}: its process was killed at both tries, mostly for lack of memory"
                    return _failed(item, OutOfMemoryError(message))
                message = f"{item.path}: what reads it was {err} at both tries: the file is damaged"
                return _failed(item, ReaderCrashedError(message))
            except TimeLimitError:
                return _failed(item, TimeLimitError(f"{item.path}: {_TOO_LATE}"))
            except SparcFuseError as err:
                return _failed(item, err)
            return Receipt.from_json(found)
    raise AssertionError


def convert_for_parent(item: Item, context: Context, target: str) -> dict[str, Any]:
    """Convert one item; what `convert_in_child` calls in the child."""
    return convert_on_this_machine(
        item, context, open_destination(target, context.settings, folder=context.folder)
    ).to_json()


def _needs_credentials(item: Item, target: str) -> bool:
    return "://" in target or not all(file.uri.startswith("file:") for file in item.files)


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
