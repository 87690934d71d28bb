"""``sparc-fuse cloud`` for many datasets: what was typed and listed, what it would cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.cloud_progress import note, say
from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.command.tables import aligned
from sparc_fuse_core.errors import RequestError, SparcFuseError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.expected import Expected
    from sparc_fuse_core.cloud.request import Request


#: A list of 500 datasets with their paths is a tenth of it.
_LIST_BYTES = 1_000_000


def add_datasets(command: argparse.ArgumentParser) -> None:
    """Add what names the datasets: words and a file."""
    command.add_argument(
        "datasets",
        nargs="*",
        metavar="DATASET",
        help="Discover id (224), DOI, or uploads/NAME; other words are files, folders or patterns in it",
    )
    command.add_argument(
        "--list", type=Path, metavar="FILE", help="file with a dataset on each line, or JSON"
    )


def named(options: argparse.Namespace) -> tuple[list[Any], list[str]]:
    """Return the datasets that are typed and listed, and the paths that hold for those typed.

    Raises
    ------
    RequestError
        If there is no dataset, a folder is named, or the list cannot be read.
    """
    from sparc_fuse_core.cloud.many import datasets_and_paths, read_list

    datasets, paths = datasets_and_paths(options.datasets)
    for word in datasets:
        if Path(word).is_dir() and not word.startswith("uploads/") and not word.isdigit():
            message = (
                f"{word}: a folder of this machine; `sparc-fuse cloud upload {word}` takes it to the "
                "cloud and starts"
            )
            raise RequestError(message)
    entries: list[Any] = list(datasets)
    if options.list is not None:
        try:
            with options.list.open("rb") as file:
                data = file.read(_LIST_BYTES + 1)
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as err:
            message = f"{options.list}: cannot be read as a list of datasets ({err})"
            raise RequestError(message) from err
        if len(data) > _LIST_BYTES:
            message = f"{options.list}: larger than {_LIST_BYTES} bytes; is it a list of datasets?"
            raise RequestError(message)
        entries += read_list(text, str(options.list))
    if not entries:
        message = "name a dataset (224), several, or --list FILE"
        raise RequestError(message)
    return entries, paths


def show_expected(
    app: App, requests: Sequence[Request], limit_usd: float | None, *, as_json: bool
) -> int:
    """Print what each request would do and cost, and all together; start nothing.

    Exit code 1 if that is more than the limit, or one of them cannot be told.
    """
    from sparc_fuse_core.cloud.expected import expect_all

    found: list[Expected] = []
    faults: list[dict[str, str]] = []
    rows = []
    for request, expected in expect_all(requests, app.cloud):
        if isinstance(expected, SparcFuseError):
            error = type(expected).__name__
            faults.append(
                {"dataset_id": request.dataset_id, "error": error, "message": str(expected)}
            )
            continue
        found.append(expected)
        rows.append(_row(expected))
    cost_usd = sum(expected.cost_usd for expected in found)
    most_usd = sum(expected.most_usd for expected in found)
    if as_json:
        import dataclasses

        values = {
            "datasets": [dataclasses.asdict(expected) for expected in found],
            "faults": faults,
            "cost_usd": round(cost_usd, 6),
            "most_usd": round(most_usd, 6),
        }
        say(json.dumps(values, indent=1))
    elif rows:
        for line in aligned(_HEAD, rows):
            say(line)
        say(
            f"{len(found)} datasets, {sum(e.n_to_do for e in found)} of {sum(e.n_items for e in found)} "
            f"items to do: about US$ {cost_usd:.4f}, at most {most_usd:.4f} (what a cost limit is held "
            "against); nothing was started"
        )
    for fault in faults:
        note(f"{fault['dataset_id']}: {fault['error']}: {fault['message']}")
    if limit_usd is not None and most_usd > limit_usd:
        note(f"more than the limit of {limit_usd:.4f}: `start` would refuse it")
        return FAILED
    return FAILED if faults else OK


_HEAD = ("dataset", "version", "items", "to do", "on Fargate", "left out", "GB", "US$")


def _row(expected: Expected) -> tuple[str, ...]:
    return (
        expected.dataset_id,
        expected.version,
        str(expected.n_items),
        str(expected.n_to_do),
        str(expected.in_tasks),
        str(expected.n_skipped),
        f"{expected.n_bytes / 1e9:.3f}",
        f"{expected.cost_usd:.4f}",
    )


def show_older(app: App, options: argparse.Namespace) -> int:
    """Print what an older converter made and what doing it again would cost; start it with ``--yes``."""
    from sparc_fuse_core.cloud.many import MOST_DATASETS, RequestList
    from sparc_fuse_core.cloud.older import find_older
    from sparc_fuse_core.version import CONVERTER_VERSION

    # what is deployed converts, not what asks for it
    current = app.outputs_if_found().get("ConverterVersion") or CONVERTER_VERSION
    found = find_older(app, current, options.datasets)
    requests = [entry.request for entry in found if entry.request is not None]
    for entry in found:
        made_by = ", ".join(f"{n} by {version}" for version, n in sorted(entry.made_by.items()))
        say(f"{entry.dataset_id}/{entry.version}: {made_by or 'not known'}")
        if entry.fault:
            note(f"{entry.dataset_id}: is not started: {entry.fault}")
    if not requests:
        say(f"nothing to do: all complete results are by converter {current} or newer")
        return FAILED if found else OK
    if len(requests) > MOST_DATASETS:
        say(
            f"the first {MOST_DATASETS} of {len(requests)} are one list; run it again for the others"
        )
        requests = requests[:MOST_DATASETS]
    if not options.yes:
        if current == CONVERTER_VERSION:
            code = show_expected(app, requests, options.cost_limit_usd, as_json=False)
        else:
            code = OK
            say(
                f"the app converts with {current}, this command has {CONVERTER_VERSION}: no estimate"
            )
        say("start it with: sparc-fuse cloud reconvert --yes")
        return code
    started = app.starter.start_list(
        RequestList(tuple(requests), options.cost_limit_usd, options.at_once)
    )
    say(f"{started.name}: {'started' if started.outcome == 'started' else 'is being done already'}")
    say(f"next: sparc-fuse cloud status {started.name}")
    return OK
