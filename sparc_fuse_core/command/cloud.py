"""``sparc-fuse cloud``: start, watch, cancel and repeat conversions in the deployed app.

Building the parser loads none of boto3; each command imports what it needs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.cloud_costs import add_cost, show_costs
from sparc_fuse_core.command.cloud_lists import (
    is_list,
    log_list,
    repeat_list,
    show_list,
    start_list,
    stop_list,
)
from sparc_fuse_core.command.cloud_many import add_datasets, named, show_expected, show_older
from sparc_fuse_core.command.cloud_progress import as_json, describe, exit_code, n_failed, say, wait
from sparc_fuse_core.command.cloud_watch import add_watched, remove_watched, show_watched
from sparc_fuse_core.command.cloud_withdrawal import add_withdraw, run_withdraw
from sparc_fuse_core.command.ending import above_zero
from sparc_fuse_core.command.exit_codes import OK
from sparc_fuse_core.formats.choice import READERS
from sparc_fuse_core.plan.items import FILE_FORMATS, PROFILES
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.request import Request

_LISTED = 20

#: Links that are printed where no file was named.
_STORES = 5


def add_cloud_commands(cloud: argparse.ArgumentParser) -> None:
    """Add the commands of the deployed app to the parser of ``sparc-fuse cloud``."""
    actions = cloud.add_subparsers(required=True, metavar="ACTION")

    start = _action(actions, "start", "convert a dataset in the cloud, or many", _start)
    add_datasets(start)
    start.add_argument("--dataset-version", help="version of the dataset (the latest)")
    _add_request(start)
    start.add_argument(
        "--at-once",
        type=_count,
        metavar="N",
        help="items at once at most, of all datasets together",
    )
    start.add_argument("--overwrite", action="store_true", help="convert unchanged files again")
    _add_wait(start)

    plan = _action(
        actions, "plan", "tell what datasets would cost, without starting anything", _plan
    )
    add_datasets(plan)
    _add_request(plan)
    plan.add_argument("--overwrite", action="store_true", help="as if nothing were converted yet")
    plan.add_argument("--json", action="store_true", help="print as JSON")

    again = _action(actions, "reconvert", "convert again what an older converter made", _reconvert)
    again.add_argument("datasets", nargs="*", metavar="DATASET", help="all of the bucket if none")
    again.add_argument(
        "--yes",
        action="store_true",
        help="start; without it only what there is and its cost is said",
    )
    again.add_argument(
        "--cost-limit-usd", type=above_zero, metavar="USD", help="do nothing if it would cost more"
    )
    again.add_argument(
        "--at-once",
        type=_count,
        metavar="N",
        help="items at once at most, of all datasets together",
    )

    add_cost(_action(actions, "cost", "tell what the results of a dataset cost", _cost))

    status = _action(actions, "status", "tell how far an execution is, or list the latest", _status)
    status.add_argument("id", nargs="?", help="name or ARN of an execution, or a dataset")
    status.add_argument("--json", action="store_true", help="print as JSON")

    logs = _action(actions, "logs", "print what was logged for an execution", _logs)
    logs.add_argument("id", help="name or ARN of an execution, or a dataset")

    cancel = _action(actions, "cancel", "stop an execution", _cancel)
    cancel.add_argument("id", help="name or ARN of an execution, or a dataset")

    retry = _action(actions, "retry", "go on with an execution, or repeat what failed", _retry)
    retry.add_argument("id", help="name or ARN of an execution, or a dataset")
    retry.add_argument(
        "--new", action="store_true", help="start anew with the app as it is deployed now"
    )
    _add_wait(retry)

    url = _action(actions, "url", "print the public links of a dataset's results", _url)
    url.add_argument("dataset", help="Discover id")
    url.add_argument("paths", nargs="*", help="files or folders; the first results if none")
    url.add_argument("--dataset-version", default="", help="version of the dataset (the latest)")

    upload = _action(actions, "upload", "upload a folder; it is then converted by itself", _upload)
    upload.add_argument("folder", type=Path, help="dataset in SPARC Dataset Structure")
    upload.add_argument("--name", help="name of the upload (the folder's)")

    add_withdraw(_action(actions, "withdraw", "remove all of a dataset, for good", _withdraw))

    watch = actions.add_parser("watch", help="datasets whose new versions are converted")
    edits = watch.add_subparsers(required=True, metavar="EDIT")
    listed = _action(edits, "list", "list the watched datasets", _watch_list)
    listed.add_argument("--json", action="store_true", help="print as JSON")
    add = _action(edits, "add", "watch a dataset", _watch_add)
    add.add_argument("dataset", help="Discover id or DOI")
    add.add_argument("paths", nargs="*", help="files, folders or patterns; all if none")
    _add_request(add)
    remove = _action(edits, "remove", "watch a dataset no more", _watch_remove)
    remove.add_argument("dataset", help="Discover id or DOI as listed")


def _action(actions: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    """Add a command that speaks to the deployed app, with the options that say which one."""
    command: argparse.ArgumentParser = actions.add_parser(name, help=text)
    app = command.add_argument_group("the app", "found by its stack unless it is named")
    app.add_argument("--stack", help="name of the CloudFormation stack (SparcFuse)")
    app.add_argument("--region", help="region of the app (eu-north-1)")
    app.add_argument("--state-machine", metavar="ARN", help="the state machine itself")
    app.add_argument("--bucket", help="the results bucket itself")
    command.set_defaults(run=run)
    return command


def _add_request(command: argparse.ArgumentParser) -> None:
    command.add_argument("--file-format", choices=FILE_FORMATS, default="zarr")
    command.add_argument(
        "--profile", choices=PROFILES, default="default", help="dense: smaller recordings"
    )
    command.add_argument(
        "--salvage", action="store_true", help="convert recordings that end early as far as they go"
    )
    command.add_argument(
        "--reader", choices=READERS, default="own", help="neo: it reads the recordings that it can"
    )
    command.add_argument(
        "--cost-limit-usd", type=above_zero, metavar="USD", help="do nothing if it would cost more"
    )


def _add_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument("--wait", action="store_true", help="show progress until it has ended")
    command.add_argument(
        "--every", type=above_zero, default=5.0, metavar="S", help="seconds between looks (5)"
    )


def _app(options: argparse.Namespace) -> App:
    from sparc_fuse_core.cloud.app import App

    named = {
        "stack_name": options.stack,
        "output_region": options.region,
        "state_machine_arn": options.state_machine,
        "app_bucket": options.bucket,
    }
    settings = Settings.from_environment()
    return App.find(
        dataclasses.replace(settings, **{name: value for name, value in named.items() if value})
    )


def _request_values(options: argparse.Namespace) -> dict[str, Any]:
    values = {"dataset_id": options.dataset, **_shared_values(options, options.paths)}
    if options.cost_limit_usd is not None:
        values["cost_limit_usd"] = options.cost_limit_usd
    return values


def _shared_values(options: argparse.Namespace, paths: list[str]) -> dict[str, Any]:
    """Return what one request and a list of them state alike; what is usual is left out."""
    values: dict[str, Any] = {}
    if paths:
        values["paths"] = paths
    if options.file_format != "zarr":
        values["file_format"] = options.file_format
    if options.profile != "default":
        values["profile"] = options.profile
    if options.salvage:
        values["salvage"] = True
    if options.reader != "own":
        values["reader"] = options.reader
    return values


def _plan(options: argparse.Namespace) -> int:
    from sparc_fuse_core.cloud.many import parse_list

    entries, paths = named(options)
    values = {"datasets": entries, **_shared_values(options, paths)}
    if options.overwrite:
        values["overwrite"] = True
    requests = parse_list(values).requests
    limit_usd = options.cost_limit_usd
    return show_expected(_app(options), requests, limit_usd, as_json=options.json)


def _reconvert(options: argparse.Namespace) -> int:
    return show_older(_app(options), options)


def _cost(options: argparse.Namespace) -> int:
    return show_costs(_app(options), options)


def _start(options: argparse.Namespace) -> int:
    from sparc_fuse_core.cloud.request import parse_request

    entries, paths = named(options)
    values = _shared_values(options, paths)
    if options.cost_limit_usd is not None:
        values["cost_limit_usd"] = options.cost_limit_usd
    if options.overwrite:
        values["overwrite"] = True
    if options.at_once:
        values["max_concurrency"] = options.at_once
    if len(entries) > 1 or options.list is not None:
        return start_list(_app, options, {"datasets": entries, **values})
    values["dataset_id"] = entries[0]
    if options.dataset_version:
        values["version"] = options.dataset_version
    request: Request = parse_request(values)
    app = _app(options)
    nonce = datetime.now(UTC).isoformat() if request.overwrite else ""
    started = app.starter.start(request, nonce=nonce)
    said = {
        "started": "started",
        "running": "is being done already",
        "done": "was done already; `retry` repeats what failed, `start --overwrite` does all again",
        "ended": f"has ended: {started.status}",
    }[started.outcome]
    say(f"{started.name}: {said}")
    if options.wait:
        return wait(app, started.arn, options.every)
    say(f"next: sparc-fuse cloud status {started.name}")
    say(f"results: {app.results_uri}")
    return OK


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        message = f"{text}: a whole number from 1 on"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _status(options: argparse.Namespace) -> int:
    app = _app(options)
    if options.id is None:
        found = app.latest(_LISTED)
        if options.json:
            say(json.dumps(found, indent=1, default=str))
        for entry in () if options.json else found:
            say(f"{entry['startDate']:%Y-%m-%d %H:%M}  {entry['status']:9}  {entry['name']}")
        if not found and not options.json:
            say("no execution in the last 90 days; `sparc-fuse cloud start 224` starts one")
        return OK
    if is_list(options.id):
        return show_list(app, options.id, as_json=options.json)
    progress = app.progress(options.id)
    if options.json:
        say(json.dumps(as_json(progress), indent=1))
    else:
        describe(progress, app.results_uri, sys.stdout)
    return exit_code(progress)


def _logs(options: argparse.Namespace) -> int:
    app = _app(options)
    if is_list(options.id):
        return log_list(app, options.id)
    progress = app.progress(options.id)
    n_lines = 0
    for line in app.logs(progress):
        n_lines += 1
        say(f"{line.when:%H:%M:%S} {line.origin}: {line.message}")
    if not n_lines:
        say(f"{progress.name}: nothing is logged (yet), or it is past the logs' retention")
    for receipt in progress.failures:
        say(f"failed: {receipt.path}: {receipt.error}: {receipt.message}")
    if progress.error or progress.cause:
        say(f"{progress.status}: {progress.error}: {progress.cause}")
    return OK


def _cancel(options: argparse.Namespace) -> int:
    app = _app(options)
    if is_list(options.id):
        return stop_list(app, options.id)
    progress = app.progress(options.id)
    if progress.stopped is not None:
        say(f"{progress.name}: has ended already ({progress.status}); nothing is stopped")
        return OK
    app.cancel(progress)
    say(
        f"{progress.name}: stopped, with its map and its tasks; {progress.n_finished} of "
        f"{progress.n_to_do} items were finished and stay"
    )
    say("there is no manifest, so nothing reads as a complete dataset; go on with:")
    say(f"  sparc-fuse cloud retry {progress.name}")
    return OK


def _retry(options: argparse.Namespace) -> int:
    app = _app(options)
    if is_list(options.id):
        return repeat_list(app, options)
    progress = app.progress(options.id)
    if progress.stopped is None:
        say(f"{progress.name}: is still running")
    elif progress.status == "SUCCEEDED" and not n_failed(progress):
        say(f"{progress.name}: nothing failed, so there is nothing to repeat")
        return OK
    elif progress.status != "SUCCEEDED" and not options.new and app.redrive(progress):
        say(f"{progress.name}: goes on where it stopped")
    else:
        started = app.start_again(progress)
        say(
            f"{started.name}: {'started' if started.outcome == 'started' else 'is running already'}; "
            "it does what has no result yet"
        )
        progress = dataclasses.replace(progress, arn=started.arn, name=started.name)
    if options.wait:
        return wait(app, progress.arn, options.every)
    say(f"next: sparc-fuse cloud status {progress.name}")
    return OK


def _url(options: argparse.Namespace) -> int:
    from sparc_fuse_core.cloud.published import links

    found = links(_app(options), options.dataset, options.dataset_version, options.paths)
    say(f"page: {found.page}")
    say(f"manifest: {found.manifest}")
    shown = found.stores if options.paths else found.stores[:_STORES]
    for store in shown:
        say(store)
    if more := len(found.stores) - len(shown):
        say(f"{more} further results: name a file or folder, or look at the manifest")
    return OK


def _upload(options: argparse.Namespace) -> int:
    from sparc_fuse_core.cloud.uploads import upload

    app = _app(options)
    name = options.name or options.folder.resolve().name
    counts = upload(
        options.folder, name, app.bucket, app.settings, lambda what, path: say(f"{what} {path}")
    )
    say(
        f"{counts['sent']} sent, {counts['unchanged']} unchanged, {counts['removed']} removed; complete: "
        f"s3://{app.bucket}/uploads/{name}"
    )
    say(f"its conversion starts by itself: sparc-fuse cloud status uploads/{name}")
    return OK


def _withdraw(options: argparse.Namespace) -> int:
    return run_withdraw(_app(options), options)


def _watch_list(options: argparse.Namespace) -> int:
    return show_watched(_app(options), as_json=options.json)


def _watch_add(options: argparse.Namespace) -> int:
    return add_watched(_app(options), _request_values(options))


def _watch_remove(options: argparse.Namespace) -> int:
    return remove_watched(_app(options), options.dataset)
