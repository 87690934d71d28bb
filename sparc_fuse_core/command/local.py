"""``sparc-fuse convert`` and ``plan``: the same plan, carried out on this machine or shown."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.ending import above_zero, say
from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.formats.choice import READERS
from sparc_fuse_core.plan.items import FILE_FORMATS, PROFILES, ConvertOptions
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sparc_fuse_core.run.local import Run
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.sources.pointed import Pointed

_MOST_WORKERS = 1024


def add_convert(command: argparse.ArgumentParser) -> None:
    """Add the options of ``convert``."""
    _add_dataset(command)
    command.add_argument(
        "--output-dir", "-o", default="./output", help="folder or s3://bucket/prefix (./output)"
    )
    _add_options(command)
    command.add_argument(
        "--workers", type=_workers, default=0, metavar="N", help="processes (0: one a core)"
    )
    command.add_argument("--overwrite", action="store_true", help="convert unchanged files again")
    command.add_argument(
        "--verify",
        default="roundtrip",
        metavar="HOW",
        help="roundtrip: read back and compared with the source (always done); independent: another library "
        "reads each file too; sample:5%%: such a part of them",
    )
    command.add_argument("--json", action="store_true", help="print the manifest's JSON at the end")
    command.add_argument(
        "--identity",
        choices=("leave-out", "keep-beside"),
        default="leave-out",
        help="keep-beside: what identifies goes to <folder of results>-left-out, never into results",
    )
    command.set_defaults(run=_convert)


def add_plan(command: argparse.ArgumentParser) -> None:
    """Add the options of ``plan``."""
    _add_dataset(command)
    _add_options(command)
    command.add_argument(
        "--cloud",
        action="store_true",
        help="show where it would run in the cloud, and at what cost",
    )
    command.add_argument("--json", action="store_true", help="print the plan as JSON")
    command.set_defaults(run=_plan, verify="roundtrip")


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
        "--schemes",
        type=Path,
        metavar="FOLDER",
        help="folder of mapping schemes of your own, beside the built-in ones; theirs come first",
    )


def _add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--burned-in",
        choices=("refuse", "publish"),
        default="refuse",
        help="DICOM pictures that say that text is burned into them: look at them before you publish",
    )
    command.add_argument(
        "--file-format",
        choices=FILE_FORMATS,
        default="zarr",
        help="of recordings; images are OME-Zarr, with zarr.zip as one file (zarr)",
    )
    command.add_argument(
        "--zarr-format", type=int, choices=(2, 3), default=3, help="2 for old readers (3)"
    )
    command.add_argument(
        "--ome-zarr-version",
        choices=("0.4", "0.5"),
        help="of images (0.5; 0.4 with --zarr-format 2)",
    )
    command.add_argument(
        "--profile",
        choices=PROFILES,
        default="default",
        help="dense: smaller recordings, for readers that have the package pcodec",
    )
    command.add_argument(
        "--salvage",
        action="store_true",
        help="convert recordings that end before what their header announces, as far as they go",
    )
    command.add_argument(
        "--reader",
        choices=READERS,
        default="own",
        help="neo: the recordings that neo reads are read by it, not by this project's own readers",
    )
    command.add_argument(
        "--rate",
        type=above_zero,
        metavar="HZ",
        help="samples per second of every recording that does not state them",
    )
    command.add_argument(
        "--unit",
        default="",
        metavar="UNIT",
        help="unit of every channel that does not state one, such as mV",
    )


def _workers(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _MOST_WORKERS:
        message = f"{number} is not from 0 to {_MOST_WORKERS}"
        raise argparse.ArgumentTypeError(message)
    return number


def _convert_options(options: argparse.Namespace) -> ConvertOptions:
    version: Any = options.ome_zarr_version or ("0.4" if options.zarr_format == 2 else "0.5")
    if options.zarr_format == 2 and version == "0.5":
        message = (
            "--zarr-format 2 and --ome-zarr-version 0.5: OME-Zarr 0.5 is Zarr 3; leave one out"
        )
        raise RequestError(message)
    return ConvertOptions(
        options.file_format,
        options.zarr_format,
        version,
        options.profile,
        options.rate,
        options.unit,
        options.burned_in == "publish",
        options.salvage,
        options.reader,
        options.verify,
    )


def _pointed_and_schemes(
    options: argparse.Namespace, settings: Settings
) -> tuple[list[Pointed], Schemes]:
    from sparc_fuse_core.schemes.schemes import load_schemes
    from sparc_fuse_core.sources.pointed import point_at

    schemes = load_schemes(options.schemes, with_built_in=True)
    return point_at(options.what, version=options.dataset_version, settings=settings), schemes


def _convert(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.display import print_summary, watcher_for
    from sparc_fuse_core.run.local import convert_dataset

    settings = Settings.from_environment()
    convert_options = _convert_options(options)
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
                options=convert_options,
                n_workers=options.workers,
                overwrite=options.overwrite,
                keep_identity_beside=options.identity == "keep-beside",
                watcher=watcher,
                log=options.log,
            )
        if options.json:
            print(json.dumps(run.manifest, indent=1))
        else:
            print_summary(run, sys.stdout, run.paths if one.paths else None)
        if run.n_failed or not run.n_results:
            code = FAILED
        if not run.n_results:
            say(f"nothing was converted: {_why_nothing(run)}")
    if options.log.exists():
        say(f"the log of unexpected errors is {options.log}; please report it")
    return code


def _why_nothing(run: Run) -> str:
    """Say why a run has no result: the reason of the first of each kind."""
    reasons = {receipt.error: receipt.message for receipt in reversed(run.receipts)}
    reasons |= {entry.error: entry.reason for entry in reversed(run.plan.skipped)}
    n_files = len(run.receipts) + len(run.plan.skipped)
    told = [reason.removeprefix("files/") for reason in reasons.values()]
    n = f"{n_files} file{'s' if n_files != 1 else ''}"
    return f"{n}, {_shortened(told)}" if told else "no file was found"


def _shortened(reasons: Iterable[str]) -> str:
    first, *rest = reasons
    return f"for example {first}" + (f"; {rest[0]}" if rest else "")


def _plan(options: argparse.Namespace) -> int:
    from sparc_fuse_core.command.display import print_plan

    settings = Settings.from_environment()
    convert_options = _convert_options(options)
    pointed, schemes = _pointed_and_schemes(options, settings)
    for one in pointed:
        plan = plan_dataset(
            one.source,
            schemes,
            settings,
            paths=one.paths,
            options=convert_options,
            here=not options.cloud,
        )
        if options.json:
            print(json.dumps(plan.to_json(), indent=1))
        else:
            print_plan(plan, sys.stdout, cloud=options.cloud)
    return OK
