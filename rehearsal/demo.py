"""The demonstration behind ``make demo``: a dataset of true files through the real state machine.

Exit code 0 means that exactly the planted corrupt file failed, everything else is right, a second start of
the same work did it once, and a rerun did nothing again.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from rehearsal.embedded_aws import embedded_aws
from rehearsal.run import (
    Rehearsal,
    export,
    print_states,
    read_manifest,
    rehearse,
    show_one_store,
    start_once,
    upload_folder,
)
from sparc_fuse_core.command.display import print_summary
from sparc_fuse_core.command.main import FAILED, OK
from sparc_fuse_core.command.sample import CORRUPT, UNSUPPORTED, write_sample
from sparc_fuse_core.opening.picture import describe_and_draw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.embedded_aws import EmbeddedAws

_PICTURED = (
    "primary/sub-1/sam-1/sleep.edf.zarr",
    "primary/sub-1/sam-1/nerve_stack.ome.tif.ome.zarr",
)
_N_CONVERTED = 8


def main(folder: Path) -> int:
    """Run the demonstration in ``folder``, which is made anew."""
    say = sys.stdout.write
    shutil.rmtree(folder, ignore_errors=True)
    dataset = folder / "sample-dataset"
    say(f"1. a small SPARC dataset of true files: {dataset}\n")
    write_sample(dataset)
    with embedded_aws() as aws:
        say(f"2. an AWS of this process at {aws.endpoint}; the dataset is uploaded and converted\n")
        request = {"dataset_id": upload_folder(aws, dataset)}
        started_s = time.monotonic()
        arn = start_once(aws, request)
        second = start_once(aws, request)
        outcome = aws.wait(arn)
        if outcome.status != "SUCCEEDED":
            print_states(outcome, sys.stdout)
            say(f"WRONG: the execution ended with {outcome.error}: {outcome.cause}\n")
            return FAILED
        done = read_manifest(aws, outcome, time.monotonic() - started_s)
        print_states(outcome, sys.stdout)
        print_summary(done, sys.stdout)
        faults = _faults(done)
        if second != arn or outcome.entered["Plan"] != 1 or not _is_refused(aws, request):
            faults.append("a second start of the same work did it twice")
        say("\n3. started three times: done once; now again, under another name\n")
        faults += _faults_of_rerun(aws, request["dataset_id"])
        n_objects = export(aws, folder / "output")
        say(
            f"\n4. {n_objects} objects exported to {folder / 'output'}; one opened from the bucket\n"
        )
        say(f"{show_one_store(aws, done)}\n")
    results = folder / "output" / done.manifest["dataset_id"] / done.manifest["version"]
    for path in _PICTURED:
        store = results / path
        _, picture = describe_and_draw(str(store), folder / f"{store.name}.png")
        say(f"picture: {picture}\n")
    for fault in faults:
        say(f"WRONG: {fault}\n")
    if not faults:
        say("\nright: exactly the planted corrupt file failed, all else is verified\n")
    return FAILED if faults else OK


def _is_refused(aws: EmbeddedAws, request: Mapping[str, Any]) -> bool:
    """Whether a start of work that is done is refused."""
    try:
        start_once(aws, request)
    except ClientError as err:
        return bool(err.response["Error"]["Code"] == "ExecutionAlreadyExists")
    return False


def _faults(done: Rehearsal) -> list[str]:
    """Return what is not as planted."""
    faults = []
    items, counts = done.manifest["items"], done.manifest["counts"]
    failed = {item["path"] for item in items if item["status"] == "failed"}
    if failed != {f"files/{CORRUPT}"}:
        faults.append(f"failed: {sorted(failed)}; planted: files/{CORRUPT}")
    if counts["failed"] != 1 or counts["converted"] != _N_CONVERTED:
        faults.append(f"counted {counts}; planted 1 failure and {_N_CONVERTED} results")
    if f"files/{UNSUPPORTED}" not in {entry["path"] for entry in done.manifest["skipped"]}:
        faults.append(f"{UNSUPPORTED} is not reported as unsupported")
    faults += [
        f"{item['path']} was published unverified"
        for item in items
        if item["status"] == "converted" and item["verification"] != "verified"
    ]
    return faults


def _faults_of_rerun(aws: EmbeddedAws, dataset_id: str) -> list[str]:
    """Ask again for everything, then for a folder in which nothing failed."""
    everything = rehearse(aws, dataset_id, sys.stdout, again="again")
    folder = rehearse(aws, dataset_id, sys.stdout, paths=["primary/sub-1"])
    if not isinstance(everything, Rehearsal) or not isinstance(folder, Rehearsal):
        return ["a rerun failed"]
    faults = []
    tried = everything.outcome.entered["WhereToRun"]
    if everything.manifest["counts"]["unchanged"] != _N_CONVERTED or tried != 1:
        faults.append("a rerun tried more than the file that had failed")
    if folder.outcome.entered["ConvertAll"] or not folder.outcome.entered["Announce"]:
        faults.append("a rerun of what is done found something to do")
    return faults


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".demo")))
