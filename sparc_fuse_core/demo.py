"""The demonstration behind ``make demo``: a dataset of true files becomes Zarr, checked and drawn.

Exit code 0 means that exactly the planted corrupt file failed and everything else is right.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import xarray as xr

from sparc_fuse_core import cli
from sparc_fuse_core.consolidate import read_receipt
from sparc_fuse_core.display import print_summary, watcher_for
from sparc_fuse_core.local_run import Run, convert_dataset
from sparc_fuse_core.picture import describe_and_draw
from sparc_fuse_core.publish import open_destination
from sparc_fuse_core.sample import CORRUPT, UNSUPPORTED, write_sample
from sparc_fuse_core.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

_OPENED = "primary/sub-1/sam-1/sleep.edf"


def main(folder: Path) -> int:
    """Run the demonstration in ``folder``, which is made anew."""
    say = sys.stdout.write
    shutil.rmtree(folder, ignore_errors=True)
    dataset = folder / "sample-dataset"
    say(f"1. a small SPARC dataset of true files: {dataset}\n")
    write_sample(dataset)
    say("2. converting it\n")
    settings = Settings.from_environment()
    source = open_source(str(dataset), settings=settings)
    with watcher_for(sys.stderr) as watcher:
        run = convert_dataset(source, folder / "output", load_schemes(), settings, watcher=watcher)
    print_summary(run, sys.stdout)
    faults = list(_faults(run))
    again = convert_dataset(source, folder / "output", load_schemes(), settings)
    if again.manifest["counts"]["converted"]:
        faults.append("a second run converted something again")
    store = folder / "output" / run.plan.folder / f"{_OPENED}.zarr"
    say(f"\n3. one result in plain xarray: xr.open_zarr({str(store)!r})\n")
    with xr.open_zarr(store) as opened:
        say(f"{opened}\n")
    for path in (f"{_OPENED}.zarr", "primary/sub-1/sam-1/nerve_stack.ome.tif.ome.zarr"):
        result = folder / "output" / run.plan.folder / path
        _, picture = describe_and_draw(str(result), folder / f"{result.name}.png")
        say(f"picture: {picture}\n")
    for fault in faults:
        say(f"WRONG: {fault}\n")
    if not faults:
        say("\nright: exactly the planted corrupt file failed, all else is verified\n")
    return cli.FAILED if faults else cli.OK


def _faults(run: Run) -> list[str]:
    """Return what is not as planted."""
    faults = []
    failed = {receipt.path for receipt in run.receipts if receipt.status == "failed"}
    if failed != {f"files/{CORRUPT}"}:
        faults.append(f"failed: {sorted(failed)}; planted: files/{CORRUPT}")
    if run.n_failed != 1:
        faults.append(f"{run.n_failed} failures in the manifest")
    if f"files/{UNSUPPORTED}" not in {entry.path for entry in run.plan.skipped}:
        faults.append(f"{UNSUPPORTED} is not reported as unsupported")
    destination = open_destination(Path(run.manifest_uri).parents[2], Settings())
    for receipt in run.receipts:
        stored = read_receipt(destination, run.plan.folder, receipt.output)
        if receipt.status == "converted" and receipt.verification != "verified":
            faults.append(f"{receipt.path} was published unverified")
        if stored is None:
            faults.append(f"{receipt.path} has no receipt")
    return faults


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".demo")))
