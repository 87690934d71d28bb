"""``python -m rehearsal --dataset ID|DOI|FOLDER``: the cloud part on this machine, for any dataset.

Exit codes as of ``sparc-fuse``: 0 if nothing failed, 1 if a file failed, 2 if the execution did.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.embedded_aws import embedded_aws
from rehearsal.run import Rehearsal, export, print_states, rehearse, show_one_store
from sparc_fuse_core.command.display import print_summary
from sparc_fuse_core.command.ending import ended, log_file
from sparc_fuse_core.command.main import FAILED, OK, WRONG_CALL
from sparc_fuse_core.plan.items import FILE_FORMATS
from sparc_fuse_core.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("--dataset", required=True, help="Discover id, DOI, or a local folder")
    parser.add_argument("--output", type=Path, default=Path("rehearsal-output"), help="folder")
    parser.add_argument("--paths", nargs="*", default=[], help="files, folders or patterns")
    parser.add_argument("--file-format", choices=FILE_FORMATS, default="zarr")
    options = parser.parse_args(arguments)
    settings = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    try:
        with embedded_aws(settings) as aws:
            asked = {"file_format": options.file_format}
            done = rehearse(aws, options.dataset, sys.stderr, paths=options.paths, options=asked)
            if not isinstance(done, Rehearsal):
                print_states(done, sys.stdout)
                sys.stderr.write(f"rehearsal: {done.error}: {done.cause}\n")
                return WRONG_CALL
            n_objects = export(aws, options.output)
            sys.stdout.write(f"{n_objects} objects exported to {options.output}\n")
            print_states(done.outcome, sys.stdout)
            print_summary(done, sys.stdout)
            sys.stdout.write(f"{show_one_store(aws, done)}\n")
            return FAILED if done.n_failed else OK
    except (Exception, KeyboardInterrupt) as err:  # noqa: BLE001 - no traceback reaches the user
        return ended(err, log_file())


if __name__ == "__main__":
    sys.exit(main())
