"""The command ``sparc-fuse``: plan, convert, look at formats and results.

Exit codes: 0 if nothing failed, 1 if a file failed, 2 for a wrong call, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.command.cloud import add_cloud_commands
from sparc_fuse_core.command.exit_codes import FAILED as FAILED
from sparc_fuse_core.command.exit_codes import INTERRUPTED as INTERRUPTED
from sparc_fuse_core.command.exit_codes import OK as OK
from sparc_fuse_core.command.exit_codes import WRONG_CALL as WRONG_CALL
from sparc_fuse_core.command.terminal import shown_streams
from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.plan.items import FILE_FORMATS, PROFILES, ConvertOptions
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.run.local import Run
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.sources.pointed import Pointed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    with shown_streams():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.CRITICAL,
        format="%(levelname)s %(message)s",
    )
    try:
        return int(options.run(options))
    except SparcFuseError as err:
        sys.stderr.write(f"sparc-fuse: {type(err).__name__}: {err}\n")
        return WRONG_CALL
    except KeyboardInterrupt:
        sys.stderr.write("sparc-fuse: interrupted; run the same command again to continue\n")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sparc-fuse",
        description="Turn a SPARC dataset into Zarr recordings and OME-Zarr images.",
    )
    parser.add_argument("--version", action="version", version=f"sparc-fuse {CONVERTER_VERSION}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log to standard error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    convert = commands.add_parser("convert", help="convert a dataset on this machine")
    _add_dataset(convert)
    convert.add_argument(
        "--output-dir", "-o", default="./output", help="folder or s3://bucket/prefix (./output)"
    )
    _add_format(convert)
    convert.add_argument("--workers", type=int, default=0, help="processes (one a core)")
    convert.add_argument("--overwrite", action="store_true", help="convert unchanged files again")
    convert.add_argument("--json", action="store_true", help="print the manifest's JSON at the end")
    convert.set_defaults(run=_convert)

    plan = commands.add_parser(
        "plan", help="show what would be done to each file, and what it costs"
    )
    _add_dataset(plan)
    _add_format(plan)
    plan.add_argument("--json", action="store_true", help="print the plan as JSON")
    plan.set_defaults(run=_plan)

    formats = commands.add_parser("formats", help="list the formats and how each was verified")
    formats.add_argument("--json", action="store_true", help="print as JSON")
    formats.set_defaults(run=_formats)

    sample = commands.add_parser("sample", help="write a small dataset of true files to try with")
    sample.add_argument("folder", type=Path, help="new folder")
    sample.set_defaults(run=_sample)

    show = commands.add_parser("open", help="print a converted recording or image and draw it")
    show.add_argument("store", help="path or s3:// URL of a result")
    show.add_argument("--picture", type=Path, help="PNG to write (beside the store's name)")
    show.set_defaults(run=_open)

    scheme = commands.add_parser("scheme", help="check or propose mapping schemes")
    actions = scheme.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="check all schemes of a folder")
    check.add_argument("folder", type=Path, nargs="?", help="folder of .toml files")
    check.set_defaults(run=_scheme_check)
    new = actions.add_parser("new", help="propose a scheme for a file, explained")
    new.add_argument("--from", dest="file", type=Path, required=True, help="the file")
    new.set_defaults(run=_scheme_new)

    cloud = commands.add_parser("cloud", help="start and watch conversions in the deployed app")
    add_cloud_commands(cloud)
    return parser


def _add_dataset(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what",
        nargs="+",
        metavar="WHAT",
        help="a dataset (Discover id 224, DOI, folder, zip, s3://bucket/prefix), then files, folders or "
        "patterns of it (all if none); or files and folders of this machine",
    )
    command.add_argument("--dataset-version", help="version of the dataset (the latest)")
    command.add_argument(
        "--schemes", type=Path, help="folder of mapping schemes (the built-in ones)"
    )


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--file-format", choices=FILE_FORMATS, default="zarr")
    command.add_argument("--zarr-format", type=int, choices=(2, 3), default=3)
    command.add_argument("--ome-zarr-version", choices=("0.4", "0.5"), default="0.5")
    command.add_argument(
        "--profile",
        choices=PROFILES,
        default="default",
        help="dense: smaller recordings, for readers that have the package pcodec",
    )


def _convert_options(options: argparse.Namespace) -> ConvertOptions:
    return ConvertOptions(
        options.file_format, options.zarr_format, options.ome_zarr_version, options.profile
    )


def _pointed_and_schemes(
    options: argparse.Namespace, settings: Settings
) -> tuple[list[Pointed], Schemes]:
    from sparc_fuse_core.schemes.schemes import default_schemes_folder, load_schemes
    from sparc_fuse_core.sources.pointed import point_at

    schemes = load_schemes(options.schemes or default_schemes_folder())
    return point_at(options.what, version=options.dataset_version, settings=settings), schemes


def _convert(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.display import print_summary, watcher_for
    from sparc_fuse_core.run.local import convert_dataset

    settings = Settings.from_environment()
    pointed, schemes = _pointed_and_schemes(options, settings)
    code = OK
    for one in pointed:
        with watcher_for(sys.stderr) as watcher:
            run = convert_dataset(
                one.source,
                options.output_dir,
                schemes,
                settings,
                paths=one.paths,
                options=_convert_options(options),
                n_workers=options.workers,
                overwrite=options.overwrite,
                watcher=watcher,
            )
        if options.json:
            print(json.dumps(run.manifest, indent=1))
        else:
            print_summary(run, sys.stdout)
        if not run.receipts and not run.n_failed:
            sys.stderr.write(f"sparc-fuse: nothing was converted: {_why_nothing(run)}\n")
        if run.n_failed or not run.n_results:
            code = FAILED
    return code


def _why_nothing(run: Run) -> str:
    """Say why a run had nothing to convert."""
    n_left = len(run.plan.skipped)
    reasons = sorted({entry.reason for entry in run.plan.skipped}, key=len)
    return f"{n_left} files left out, such as {reasons[0]}" if reasons else "no file was found"


def _plan(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.display import print_plan

    settings = Settings.from_environment()
    pointed, schemes = _pointed_and_schemes(options, settings)
    for one in pointed:
        plan = plan_dataset(
            one.source, schemes, settings, paths=one.paths, options=_convert_options(options)
        )
        if options.json:
            print(json.dumps(plan.to_json(), indent=1))
        else:
            print_plan(plan, sys.stdout)
    return OK


def _formats(options: argparse.Namespace) -> int:
    from sparc_fuse_core.formats.table import as_records, as_text

    print(json.dumps(as_records(), indent=1) if options.json else as_text())
    return OK


def _sample(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.sample import write_sample

    written = write_sample(options.folder)
    print(f"{len(written)} files in {options.folder}; now: sparc-fuse convert {options.folder}")
    return OK


def _open(options: argparse.Namespace) -> int:
    from sparc_fuse_core.opening.picture import describe_and_draw

    text, picture = describe_and_draw(options.store, options.picture)
    print(text)
    print(f"picture: {picture}")
    return OK


def _scheme_check(options: argparse.Namespace) -> int:
    from sparc_fuse_core.schemes.schemes import check, default_schemes_folder

    faults = check(options.folder or default_schemes_folder())
    print("\n".join(faults) if faults else "all schemes are right")
    return FAILED if faults else OK


def _scheme_new(options: argparse.Namespace) -> int:
    from sparc_fuse_core.schemes.proposals import propose

    print(propose(options.file))
    return OK


if __name__ == "__main__":
    sys.exit(main())
