"""``sparc-fuse verify``: published results proven again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.command.exit_codes import FAILED, OK

if TYPE_CHECKING:
    import argparse


def add_verify(command: argparse.ArgumentParser) -> None:
    """Add the options of ``verify``."""
    command.add_argument(
        "folder", type=Path, help="results of a dataset's version: the folder of its manifest.json"
    )
    command.add_argument(
        "--source",
        metavar="DATASET",
        help="what they were made from: a folder, s3://bucket/prefix or Discover id; its bytes are compared "
        "and each result is made again (Discover's are fetched without it)",
    )
    command.add_argument(
        "--results-only", action="store_true", help="check the bytes of the results alone"
    )
    command.add_argument("--schemes", type=Path, metavar="FOLDER", help="as for convert")
    command.add_argument("--json", action="store_true", help="print as JSON")
    command.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    from sparc_fuse_core.run.proving import extra_files, prove, read_manifest
    from sparc_fuse_core.schemes.schemes import load_schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.pointed import point_at

    settings = Settings.from_environment()
    manifest = read_manifest(options.folder)
    source, version = options.source, None
    # a folder may be called 224, its version is "local"
    if source is None and manifest["dataset_id"].isdigit() and manifest["version"].isdigit():
        source, version = manifest["dataset_id"], manifest["version"]
    opened = None
    if source is not None and not options.results_only:
        opened = point_at([source], version=version, settings=settings)[0].source
    schemes = load_schemes(options.schemes, with_built_in=True)
    proofs = list(prove(options.folder, manifest, opened, schemes, settings))
    extra = extra_files(options.folder, manifest)
    n_wrong = sum(not proof.is_right for proof in proofs)
    if options.json:
        rows = [{**asdict(proof), "right": proof.is_right} for proof in proofs]
        print(json.dumps({"results": rows, "not_in_manifest": extra}, indent=1))
    else:
        for proof in proofs:
            said = [f"result {proof.result}"]
            said += [f"source {proof.source}"] if proof.source else []
            said += [f"made again {proof.again}"] if proof.again else []
            why = f" ({proof.why})" if proof.why else ""
            print(f"{'right' if proof.is_right else 'WRONG'}  {proof.path}: {', '.join(said)}{why}")
        for name in extra:
            print(f"WRONG  {name}: not in the manifest")
        print(f"{len(proofs)} results, {n_wrong} wrong, {len(extra)} not in the manifest")
        if opened is None:
            print("their sources were not looked at: name them with --source")
    return FAILED if n_wrong or extra or not proofs else OK
