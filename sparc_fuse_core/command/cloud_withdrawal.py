"""``sparc-fuse cloud withdraw``: what is there of a dataset, taken away, and what was taken away before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.command.cloud_progress import say
from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.errors import RequestError

if TYPE_CHECKING:
    import argparse

    from sparc_fuse_core.cloud.app import App


def add_withdraw(command: argparse.ArgumentParser) -> None:
    """Add the options of ``withdraw``."""
    command.add_argument(
        "dataset",
        nargs="?",
        help="Discover id, or uploads/NAME; without it what was withdrawn is listed",
    )
    command.add_argument(
        "--yes", action="store_true", help="remove; without it only what is there is said"
    )
    command.add_argument(
        "--allow-again", action="store_true", help="let a withdrawn dataset be converted again"
    )


def run_withdraw(app: App, options: argparse.Namespace) -> int:
    """Withdraw a dataset, or say what would be removed; 1 if there is nothing."""
    from sparc_fuse_core.cloud.withdrawal import allow_again, withdraw_from_app

    dataset = options.dataset
    if dataset is None:
        return _list(app, options)
    if options.allow_again:
        allow_again(app, dataset)
        say(f"{dataset}: may be converted again; the next start does")
        return OK
    found = withdraw_from_app(app, dataset, remove=options.yes)
    if not found.n_objects and not found.is_watched:
        say(f"nothing of {dataset} in s3://{app.bucket}")
        return FAILED
    results, originals = found.results, found.originals
    versions = ", ".join(v for v in results.versions if not v.startswith(".")) or "no version"
    say(
        f"{dataset}: {results.n_objects} objects of results, all versions of each, "
        f"{results.n_bytes / 1e6:.1f} MB, of {versions}"
    )
    if originals is not None:
        say(f"its originals: {originals.n_objects} objects, {originals.n_bytes / 1e6:.1f} MB")
    if found.is_watched:
        say(f"on the watch list: {'taken off' if options.yes else 'is taken off'}")
    if not options.yes:
        say(
            "nothing is removed yet; to remove it for good: "
            f"sparc-fuse cloud withdraw {dataset} --yes"
        )
        return OK
    say("removed, and recorded: it is not converted again before `--allow-again`")
    if found.said:
        say(found.said)
    return OK


def _list(app: App, options: argparse.Namespace) -> int:
    from sparc_fuse_core.cloud.withdrawal import withdrawals

    if options.yes or options.allow_again:
        message = "name the dataset: sparc-fuse cloud withdraw 224 --yes"
        raise RequestError(message)
    records = withdrawals(app)
    for record in records:
        say(
            f"{record.get('dataset_id')}: {record.get('withdrawn')}, {record.get('n_objects')} objects, "
            f"versions {', '.join(record.get('versions') or ()) or 'none'}"
        )
    if not records:
        say("nothing was withdrawn")
    return OK
