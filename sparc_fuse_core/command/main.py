"""The command ``sparc-fuse``: plan, convert, look at formats and results.

Exit codes: 0 if nothing failed, 1 if a file failed or nothing was converted, 2 for a wrong call, 130 after
Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.command.cloud import add_cloud_commands
from sparc_fuse_core.command.ending import ended, log_file
from sparc_fuse_core.command.exit_codes import FAILED as FAILED
from sparc_fuse_core.command.exit_codes import INTERRUPTED as INTERRUPTED
from sparc_fuse_core.command.exit_codes import OK as OK
from sparc_fuse_core.command.exit_codes import WRONG_CALL as WRONG_CALL
from sparc_fuse_core.command.finding import add_catalogue
from sparc_fuse_core.command.local import add_convert, add_plan
from sparc_fuse_core.command.proving import add_verify
from sparc_fuse_core.command.terminal import shown_streams
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # a name that the terminal cannot show must not stop a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with shown_streams():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    if more:
        # argparse takes the words of a list from one place; `convert set --overwrite primary` has two
        if "what" not in options or any(word.startswith("-") for word in more):
            parser.error(
                f"unknown: {shlex.join(more)}; `sparc-fuse COMMAND --help` lists the options"
            )
        options.what += more
    options.log = log_file()
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.CRITICAL,
        format="%(levelname)s %(message)s",
    )
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as err:  # noqa: BLE001 - no traceback reaches the user
        return ended(err, options.log)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sparc-fuse",
        description="Turn a SPARC dataset into Zarr recordings and OME-Zarr images.",
    )
    parser.add_argument("--version", action="version", version=f"sparc-fuse {CONVERTER_VERSION}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log to standard error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_convert(commands.add_parser("convert", help="convert a dataset on this machine"))
    add_plan(commands.add_parser("plan", help="show what would be done to each file"))

    verify = "prove published results again: their bytes, their source, and made once more"
    add_verify(commands.add_parser("verify", help=verify))

    formats = commands.add_parser("formats", help="list the formats and how each was verified")
    formats.add_argument("--json", action="store_true", help="print as JSON")
    formats.add_argument(
        "--coverage",
        action="store_true",
        help="every extension that SPARC accepts and that NEO and Bio-Formats read, and what reads it here",
    )
    formats.set_defaults(run=_formats)

    sample = commands.add_parser("sample", help="write a small dataset of true files to try with")
    sample.add_argument("folder", type=Path, help="new folder")
    sample.set_defaults(run=_sample)

    show = commands.add_parser("open", help="print what a result holds and draw it")
    show.add_argument("store", help="path, s3:// or http(s):// URL of a result")
    show.add_argument("--picture", type=Path, help="PNG to write (beside the store's name)")
    show.set_defaults(run=_open)

    look = commands.add_parser("view", help="look at results in the browser")
    look.add_argument(
        "folder",
        nargs="?",
        default="./output",
        help="folder or s3://bucket/prefix of results, or one store (./output)",
    )
    look.add_argument("--no-browser", action="store_true", help="print the address only")
    look.set_defaults(run=_view)

    lift = commands.add_parser("lift", help="rewrite results of layout 1 in layout 2")
    lift.add_argument("store", help="a store, a folder of stores, or an s3:// URL of a store")
    lift.set_defaults(run=_lift)

    gone = commands.add_parser(
        "withdraw", help="remove a dataset's results, all versions, for good"
    )
    gone.add_argument(
        "dataset", help="its id in the results: 224, or the folder that was converted"
    )
    gone.add_argument(
        "--from", dest="target", default="./output", help="folder or s3://bucket/prefix (./output)"
    )
    gone.add_argument(
        "--yes", action="store_true", help="remove; without it only what is there is said"
    )
    gone.set_defaults(run=_withdraw)

    listing = commands.add_parser("catalogue", help="write the catalogue of all datasets anew")
    add_catalogue(listing)

    scheme = commands.add_parser("scheme", help="check or propose mapping schemes")
    actions = scheme.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="check all schemes of a folder, or one")
    check.add_argument("folder", type=Path, nargs="?", help="folder of .toml files, or one of them")
    check.set_defaults(run=_scheme_check)
    new = actions.add_parser("new", help="propose a scheme for a file, explained")
    new.add_argument("--from", dest="file", type=Path, required=True, help="the file")
    new.add_argument("-o", "--output", type=Path, help="file to write (standard output)")
    new.set_defaults(run=_scheme_new)

    cloud = commands.add_parser("cloud", help="start and watch conversions in the deployed app")
    add_cloud_commands(cloud)
    return parser


def _formats(options: argparse.Namespace) -> int:
    from sparc_fuse_core.formats import coverage, table

    what = coverage if options.coverage else table
    print(json.dumps(what.as_records(), indent=1) if options.json else what.as_text())
    return OK


def _sample(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.sample import write_sample

    written = write_sample(options.folder)
    folder = shlex.quote(str(options.folder))
    print(f"{len(written)} files in {options.folder}; now: sparc-fuse convert {folder}")
    return OK


def _open(options: argparse.Namespace) -> int:
    from sparc_fuse_core.opening.picture import describe_and_draw

    text, picture = describe_and_draw(options.store, options.picture)
    print(text)
    if picture is not None:
        print(f"picture: {picture}")
    return OK


def _view(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.view import view

    view(options.folder, browser=not options.no_browser)
    return OK


def _withdraw(options: argparse.Namespace) -> int:
    from sparc_fuse_core.describe.withdrawn import withdraw_everywhere
    from sparc_fuse_core.settings import Settings

    settings = Settings.from_environment()
    found = withdraw_everywhere(options.target, options.dataset, settings, remove=options.yes)
    if not found.n_objects:
        print(f"nothing of {options.dataset} in {options.target}")
        return FAILED
    print(
        f"{options.dataset}: {found.n_objects} objects, {found.n_bytes / 1e6:.1f} MB, versions "
        f"{', '.join(found.versions) or 'none'}, in {', '.join(found.places)}"
    )
    again = f"sparc-fuse withdraw {options.dataset} --from {options.target} --yes"
    print("removed" if options.yes else f"nothing is removed yet; to remove it for good: {again}")
    if options.yes and str(options.target).startswith("s3://"):
        from sparc_fuse_core.cloud.published import forget_withdrawn

        if said := forget_withdrawn(options.target, options.dataset, settings):
            print(said)
    return OK


def _lift(options: argparse.Namespace) -> int:
    from sparc_fuse_core.convert.lift import lift_all
    from sparc_fuse_core.run.lifted import renew

    code = OK
    changed = {}
    try:
        for store, outcome in lift_all(options.store):
            print(f"{store}: {outcome.said}")
            code = FAILED if outcome.said.startswith("failed") else code
            if outcome.facts:
                changed[store] = outcome.facts
    finally:
        for said in renew(changed):
            print(said)
    return code


def _scheme_check(options: argparse.Namespace) -> int:
    from sparc_fuse_core.schemes.schemes import check, default_schemes_folder

    faults = check(options.folder or default_schemes_folder())
    print("\n".join(faults) if faults else "all schemes are right")
    return FAILED if faults else OK


def _scheme_new(options: argparse.Namespace) -> int:
    from sparc_fuse_core.schemes.proposals import propose, write_proposal

    if options.output is None:
        print(propose(options.file))
        return OK
    written = write_proposal(options.file, options.output)
    place, folder = shlex.quote(str(written)), shlex.quote(str(written.parent))
    file = shlex.quote(str(options.file))
    print(
        f"{written}: go through its lines, then\n"
        f"sparc-fuse scheme check {place}\nsparc-fuse convert {file} --schemes {folder}"
    )
    return OK


if __name__ == "__main__":
    sys.exit(main())
