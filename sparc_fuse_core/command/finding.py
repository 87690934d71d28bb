"""The command ``sparc-fuse catalogue``: what all datasets of one place hold, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.command.exit_codes import FAILED, OK

if TYPE_CHECKING:
    import argparse


def add_catalogue(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "target", nargs="?", default="./output", help="folder or s3://bucket/prefix (./output)"
    )
    parser.set_defaults(run=_catalogue)


def _catalogue(options: argparse.Namespace) -> int:
    from sparc_fuse_core.describe.items import rebuild_catalogue
    from sparc_fuse_core.describe.names import CATALOGUE
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.destination import open_destination

    destination = open_destination(options.target, Settings.from_environment())
    n_datasets = rebuild_catalogue(destination)
    print(f"{destination.uri}/{CATALOGUE}: {n_datasets} datasets")  # noqa: T201 - what was asked for
    return OK if n_datasets else FAILED
