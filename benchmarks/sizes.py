"""How far the plan's disk is from what a conversion takes: ``python -m benchmarks.sizes FOLDER``.

Each file of the folder is planned as for the cloud, its header looked into whatever its size, and converted
in a process of its own whose temporary folder is measured all the while. One row a format: how many files,
and planned over measured disk, the least, the median and the largest.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.plan import content
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

#: Below that a result is its metadata.
_LEAST_BYTES = 200_000

_CONVERT = """
import sys
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
settings = Settings()
source = open_source(sys.argv[1], settings=settings)
run = convert_dataset(source, sys.argv[2], load_schemes(), settings, paths=sys.argv[3:], n_workers=1)
sys.exit(0 if run.receipts and all(receipt.is_done for receipt in run.receipts) else 3)
"""


def _bytes_below(*folders: Path) -> int:
    total = 0
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                try:
                    found = os.lstat(os.path.join(path, name))  # noqa: PTH118 - thousands of times a second
                except OSError:
                    continue
                total += found.st_size
    return total


def _measured(source: Path, path: str, scratch: Path) -> int | None:
    """Return the most bytes that scratch files and result took at once; None if it is not converted."""
    out, temporary = scratch / "out", scratch / "tmp"
    temporary.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-c", _CONVERT, str(source), str(out), path],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    most = 0
    while process.poll() is None:
        most = max(most, _bytes_below(out, temporary))
        time.sleep(0.005)
    most = max(most, _bytes_below(out, temporary))
    shutil.rmtree(scratch)
    return most if process.returncode == 0 else None


def main(folder: str) -> None:
    """Print the table."""
    content.MAX_LOOKS = max(content.MAX_LOOKS, 10_000)
    ratios: dict[str, list[float]] = defaultdict(list)
    for file in sorted(Path(folder).rglob("*")):
        if not file.is_file() or file.stat().st_size < _LEAST_BYTES:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                source = open_source(str(file.parent), settings=Settings())
                decoded = content.sizes_by_header(source.list_files(), source, 0)
                plan = plan_dataset(source, load_schemes(), Settings(), paths=[file.name])
            except (SparcFuseError, ValueError):
                continue
            for item in plan.items:
                if Path(item.path).name != file.name:
                    continue
                known = [decoded.get(one.path) for one in item.files]
                planned = item.disk_bytes - item.size_bytes
                if all(known):
                    planned = sum(one.disk_bytes for one in known if one)
                took = _measured(file.parent, file.name, Path(scratch) / "one")
                if took is None:
                    continue
                # a task has the source on its disk too; here it is read where it lies
                ratio = (planned + item.size_bytes) / (took + item.size_bytes)
                kind = f"{item.format} {file.suffix.lower()}{' (header)' if all(known) else ''}"
                ratios[kind].append(ratio)
                sys.stdout.write(
                    f"{kind} {file.name} {item.size_bytes} {planned} {took} {ratio:.2f}\n"
                )
                sys.stdout.flush()
    sys.stdout.write(
        "| format | files | least | median | largest |\n| --- | --- | --- | --- | --- |\n"
    )
    for kind, found in sorted(ratios.items()):
        sys.stdout.write(
            f"| {kind} | {len(found)} | {min(found):.2f} | {statistics.median(found):.2f} | "
            f"{max(found):.2f} |\n"
        )


if __name__ == "__main__":
    main(sys.argv[1])
