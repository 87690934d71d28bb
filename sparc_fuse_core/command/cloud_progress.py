"""How far an execution is: described, waited for, as JSON; and the exit code it comes to."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.errors import CloudUnavailableError, SourceUnavailableError

if TYPE_CHECKING:
    from sparc_fuse_core.cloud.app import App, Progress
    from sparc_fuse_core.convert.receipt import Receipt

_SHOWN_FAILURES = 20

#: Looks in a row without an answer after which waiting ends.
_MOST_FAULTS = 10


@dataclasses.dataclass(frozen=True, slots=True)
class _Ended:
    """A run that has its manifest, as the summary takes it."""

    manifest: dict[str, Any]
    manifest_uri: str
    seconds: float


def wait(app: App, arn: str, every_s: float) -> int:
    """Show each item as it is finished, until the execution has ended; return the exit code."""
    from sparc_fuse_core.command.display import print_summary

    known: dict[str, Receipt] = {}
    is_planned, n_said, n_faults = False, 0, 0
    while True:
        try:
            progress = app.progress(arn, known=known)
            n_faults = 0
        except (CloudUnavailableError, SourceUnavailableError) as err:
            # the execution goes on without being looked at
            n_faults += 1
            if n_faults == _MOST_FAULTS:
                raise
            note(f"looking again: {err}")
            time.sleep(every_s)
            continue
        if progress.run_key and not is_planned:
            is_planned = True
            note(
                f"planned: {progress.n_to_do} of {progress.n_items} items to do, about US$ "
                f"{progress.cost_usd:.4f}"
            )
        for receipt in progress.receipts:
            key = f"datasets/{progress.folder}/.sparc-fuse/receipts/{receipt.output}.json"
            if key not in known:
                n_said += 1
                tail = f": {receipt.message}" if receipt.message else f" ({receipt.seconds:.1f} s)"
                note(f"[{n_said}/{progress.n_to_do}] {receipt.status} {receipt.path}{tail}")
            known[key] = receipt
        if progress.stopped is not None:
            break
        time.sleep(every_s)
    if progress.status != "SUCCEEDED":
        describe(progress, app.results_uri, sys.stdout)
        return FAILED
    manifest = app.manifest(progress)
    ended = _Ended(manifest, str(progress.output["manifest"]), progress.seconds)
    print_summary(ended, sys.stdout)
    return exit_code(progress)


def describe(progress: Progress, results_uri: str, stream: TextIO) -> None:
    """Write how far an execution is, and what failed."""

    def say(text: str) -> None:
        stream.write(f"{text}\n")

    say(f"{progress.name}: {progress.status}, {duration(progress.seconds)}")
    say(f"request: {json.dumps(progress.request)}")
    if not progress.run_key:
        say("not planned yet" if progress.stopped is None else "ended before it was planned")
    else:
        say(
            f"items: {progress.n_finished} of {progress.n_to_do} finished, "
            f"{progress.n_items - progress.n_to_do} unchanged from before; estimated US$ "
            f"{progress.cost_usd:.4f}"
        )
        if progress.n_to_do and progress.max_concurrency:
            names = {"functions": "functions at once", "spot_vcpus": "vCPUs of Fargate Spot"}
            known = [f"{value:g} {names[k]}" for k, value in progress.quotas.items() if k in names]
            allowed = f"; the account allows {', '.join(known)}" if known else ""
            say(f"at once: {progress.max_concurrency} items at most{allowed}")
        if progress.map_counts and progress.stopped is None:
            shown = ", ".join(
                f"{value} {name}" for name, value in progress.map_counts.items() if value
            )
            say(f"map: {shown}")
        say(f"results: {results_uri}/{progress.folder}/")
    failures = progress.failures
    for receipt in failures[:_SHOWN_FAILURES]:
        say(f"failed: {receipt.path}: {receipt.error}: {receipt.message}")
    if len(failures) > _SHOWN_FAILURES:
        say(f"… and {len(failures) - _SHOWN_FAILURES} more")
    if progress.error or progress.cause:
        say(f"error: {progress.error}: {progress.cause}")
    counts = progress.output.get("counts")
    if isinstance(counts, dict):
        say(", ".join(f"{value} {name}" for name, value in counts.items()))
        say(f"manifest: {progress.output.get('manifest')}")
    if progress.stopped is not None and (progress.status != "SUCCEEDED" or n_failed(progress)):
        say(f"repeat what failed: sparc-fuse cloud retry {progress.name}")


def as_json(progress: Progress) -> dict[str, Any]:
    """Return the same, JSON-able."""
    values = dataclasses.asdict(dataclasses.replace(progress, receipts=()))
    del values["receipts"]
    values["started"] = progress.started.isoformat()
    values["stopped"] = progress.stopped.isoformat() if progress.stopped else None
    values["seconds"] = round(progress.seconds, 1)
    values["failures"] = [
        {"path": receipt.path, "error": receipt.error, "message": receipt.message}
        for receipt in progress.failures
    ]
    return values


def n_failed(progress: Progress) -> int:
    """Return how many items of an execution failed."""
    counts = progress.output.get("counts")
    return int(counts.get("failed", 0)) if isinstance(counts, dict) else 0


def exit_code(progress: Progress) -> int:
    """Return 0 if an execution goes well, 1 if it or an item of it failed."""
    if progress.stopped is None:
        return OK
    return OK if progress.status == "SUCCEEDED" and not n_failed(progress) else FAILED


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def say(text: str) -> None:
    """Write a line for who called."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Write a line that is no result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
