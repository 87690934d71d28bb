"""``sparc-fuse cloud`` for lists of datasets: started, watched, stopped and repeated."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.cloud_progress import duration, note, say
from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.command.tables import aligned
from sparc_fuse_core.errors import CloudUnavailableError, RequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.lists import ListProgress, OfList

_HEAD = ("dataset", "version", "state", "to do", "failed", "US$", "execution")

#: Looks in a row without an answer after which waiting ends.
_MOST_FAULTS = 10


def is_list(wanted: str) -> bool:
    """Whether an execution's name or ARN is that of a list; loads nothing of AWS."""
    return wanted.rpartition(":")[2].startswith("list-")


def start_list(
    find: Callable[[argparse.Namespace], App], options: argparse.Namespace, values: dict[str, Any]
) -> int:
    """Start many datasets as one list."""
    from sparc_fuse_core.cloud.many import parse_list

    if options.dataset_version:
        message = "--dataset-version is of one dataset; in a list in JSON each may name its version"
        raise RequestError(message)
    requests = parse_list(values)
    app = find(options)
    started = app.starter.start_list(requests)
    said = "started" if started.outcome == "started" else "is being done already"
    say(f"{started.name}: {said}: {len(requests.requests)} datasets")
    if options.wait:
        return wait_for_list(app, started.arn, options.every)
    say(f"next: sparc-fuse cloud status {started.name}")
    say(f"results: {app.results_uri}")
    return OK


def show_list(app: App, wanted: str, *, as_json: bool) -> int:
    """Print how far each dataset of a list is."""
    from sparc_fuse_core.cloud.lists import list_progress

    progress = list_progress(app, wanted)
    if as_json:
        values = dataclasses.asdict(progress)
        values["started"] = progress.started.isoformat()
        values["stopped"] = progress.stopped.isoformat() if progress.stopped else None
        say(json.dumps(values, indent=1))
    else:
        _describe(progress)
    return _exit_code(progress)


def wait_for_list(app: App, arn: str, every_s: float) -> int:
    """Say whenever a dataset of a list has come to another state, until all have ended."""
    from sparc_fuse_core.cloud.lists import list_progress

    known: dict[int, str] = {}
    n_faults = 0
    while True:
        try:
            progress = list_progress(app, arn)
            n_faults = 0
        except CloudUnavailableError as err:
            # the list goes on without being looked at
            n_faults += 1
            if n_faults == _MOST_FAULTS:
                raise
            note(f"looking again: {err}")
            time.sleep(every_s)
            continue
        for n, entry in enumerate(progress.datasets):
            if known.get(n) != entry.state:
                known[n] = entry.state
                tail = f" ({entry.name})" if entry.name else ""
                note(f"{entry.dataset_id}: {entry.state}{tail}")
        if progress.stopped is not None:
            break
        time.sleep(every_s)
    _describe(progress)
    return _exit_code(progress)


def log_list(app: App, wanted: str) -> int:
    """Print why datasets of a list failed, and where their logs are."""
    from sparc_fuse_core.cloud.lists import list_progress

    progress = list_progress(app, wanted)
    for entry in progress.datasets:
        if not entry.is_well:
            say(_why(entry))
        if entry.name:
            say(f"sparc-fuse cloud logs {entry.name}")
    if progress.error or progress.cause:
        say(f"{progress.status}: {progress.error}: {progress.cause}")
    return OK


def stop_list(app: App, wanted: str) -> int:
    """Stop a list and what it has started."""
    from sparc_fuse_core.cloud.lists import cancel_list, list_progress

    progress = list_progress(app, wanted)
    if progress.stopped is not None:
        say(f"{progress.name}: has ended already ({progress.status}); nothing is stopped")
        return OK
    n_stopped = cancel_list(app, progress)
    say(f"{progress.name}: stopped, and {n_stopped} datasets at work; what was finished stays")
    say(f"go on with: sparc-fuse cloud retry {progress.name}")
    return OK


def repeat_list(app: App, options: argparse.Namespace) -> int:
    """Start a list again; datasets that are done are not done again."""
    from sparc_fuse_core.cloud.lists import list_progress, start_list_again

    progress = list_progress(app, options.id)
    if progress.stopped is None:
        say(f"{progress.name}: is still running")
        return wait_for_list(app, progress.arn, options.every) if options.wait else OK
    started = start_list_again(app, progress)
    said = "started" if started.outcome == "started" else "is running already"
    say(f"{started.name}: {said}; it does what has no result yet")
    if options.wait:
        return wait_for_list(app, started.arn, options.every)
    say(f"next: sparc-fuse cloud status {started.name}")
    return OK


def _describe(progress: ListProgress) -> None:
    say(f"{progress.name}: {progress.status}, {duration(progress.seconds)}")
    rows = [
        (
            entry.dataset_id,
            entry.version,
            entry.state,
            str(entry.n_to_do),
            str(entry.n_failed or ""),
            f"{entry.cost_usd:.4f}",
            entry.name,
        )
        for entry in progress.datasets
    ]
    if rows:
        for line in aligned(_HEAD, rows, left=(0, 1, 2, 6)):
            say(line)
        limit = progress.cost_limit_usd
        held = f", of {limit:.2f} allowed" if limit is not None else ""
        say(f"estimated US$ {progress.cost_usd:.4f} for all that is started{held}")
    elif progress.stopped is None:
        say("its datasets are being looked at; nothing is started before all were")
    for entry in progress.datasets:
        if not entry.is_well and (entry.error or entry.message):
            say(_why(entry))
    if progress.error or progress.cause:
        say(f"error: {progress.error}: {progress.cause}")
    if progress.stopped is not None and _exit_code(progress):
        say(f"repeat what failed: sparc-fuse cloud retry {progress.name}")


def _why(entry: OfList) -> str:
    text = ": ".join(part for part in (entry.error, entry.message[:300]) if part)
    return f"{entry.dataset_id}: {entry.state}: {text or 'items failed; see its own status'}"


def _exit_code(progress: ListProgress) -> int:
    if progress.stopped is not None and progress.status != "SUCCEEDED":
        return FAILED
    return OK if all(entry.is_well for entry in progress.datasets) else FAILED
