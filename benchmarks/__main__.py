"""Measure this project beside peers and a hand-written floor; print one table, write JSON.

``python -m benchmarks --only rhd,stack --repeats 3 --no-peers``. Ways of a workload take turns, each in a new
process; medians are shown. Every output is compared with its input. Inputs, environments and
results are kept below ``build/bench``. This process stays small: a child's peak memory starts at its parent's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import s3_server, table
from benchmarks.measure import Cost, MeasuredCommandError, measure, objects_and_bytes
from benchmarks.venvs import python_of
from benchmarks.workloads import HEAPS, WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.workloads import Way, Workload

FOLDER = Path("build") / "bench"
OWN = ("ours", "verified", "floor", "interpreter", "handler", "1 worker", "2 workers")


def main() -> int:
    """Run what is asked; exit code 1 if an output was wrong or a command of this project failed."""
    options = _parse()
    inputs, outputs = FOLDER / "inputs", FOLDER / "outputs"
    shutil.rmtree(outputs, ignore_errors=True)
    outputs.mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    for workload in WORKLOADS:
        if options.only and workload.name not in options.only:
            continue
        ways = [way for way in workload.ways if not options.no_peers or way.name in OWN]
        source = _input(workload, inputs)
        print(f"{workload.title}: {', '.join(way.name for way in ways)}", flush=True)
        found = _in_turn(workload, ways, source, outputs, options.repeats, faults)
        rows += [{"workload": workload.name, "title": workload.title, **row} for row in found]
        _save(rows, faults)
    print()
    print(table.markdown(rows))
    for fault in faults:
        print(f"\nFAULT {fault}")
    return 1 if faults else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ",".join(workload.name for workload in WORKLOADS)
    parser.add_argument("--only", help=f"some of {names}", type=lambda text: text.split(","))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="this project and the floor only")
    options = parser.parse_args()
    unknown = set(options.only or ()) - {workload.name for workload in WORKLOADS}
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {names}")
    return options


def _input(workload: Workload, folder: Path) -> Path:
    if not workload.source:
        return folder
    path = folder / workload.source
    if workload.source == "store":  # the project's own output: made by the code that is measured
        shutil.rmtree(path, ignore_errors=True)
        _python("-m", "benchmarks.inputs", str(folder), "recording.rhd")
        _python("-m", "benchmarks.ours", "convert", str(folder / "recording.rhd"), str(path))
    elif not path.exists():
        print(f"making {path}", flush=True)
        _python("-m", "benchmarks.inputs", str(folder), workload.source)
    return path


def _python(*arguments: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )


def _in_turn(
    workload: Workload,
    ways: Sequence[Way],
    source: Path,
    outputs: Path,
    n_repeats: int,
    faults: list[str],
) -> list[dict[str, Any]]:
    """Run all ways, one after another, again and again; return one row of medians each."""
    results: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
    for turn in range(n_repeats):
        for way in ways:
            if turn and (way.once or not results[way.name]):
                continue
            out = outputs / f"{workload.name}-{way.name.replace(' ', '-')}{workload.ending}"
            try:
                results[way.name].append(_run(way, source, out, check=turn == 0))
            except MeasuredCommandError as err:
                if way.name in OWN:
                    faults.append(f"{workload.name}, {way.name}: {err}")
                else:
                    print(f"  {way.name} left out: {err}", flush=True)
            shutil.rmtree(out, ignore_errors=True)
    rows = []
    for way in ways:
        if runs := results[way.name]:
            row: dict[str, Any] = {"way": way.name, "n_runs": len(runs)}
            for name in runs[0]:
                row[name] = statistics.median(run[name] for run in runs)
            if way.minus and results.get(way.minus):
                bare = statistics.median(run["cpu_s"] for run in results[way.minus])
                row["cpu_s"] = max(row["cpu_s"] - bare, 0.0)
            rows.append(row)
    return rows


def _run(way: Way, source: Path, out: Path, *, check: bool) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        environment = dict(HEAPS)
        if not way.venv:
            environment["PYTHONPATH"] = str(Path.cwd())
        server = None
        if way.delay_ms is not None:
            server = stack.enter_context(s3_server.running())
            environment |= _credentials(server.url)
            _prepare(way, source, server, environment)
            server.reset(way.delay_ms)
        arguments = [part.format(input=source, out=out) for part in way.arguments]
        if way.venv and arguments[0] == "-m":
            environment["PYTHONPATH"] = str(Path.cwd())
        cost = measure([python_of(FOLDER / "venvs", way.venv), *arguments], environment)
        row = _row(cost)
        if server is not None:
            counts = server.counts()
            row["requests"] = counts["requests"]
            row["mb_moved"] = (counts["bytes_in"] + counts["bytes_out"]) / 1e6
            server.save("bench", f"results/{out.name}.zarr", out)
        if out.exists():
            row["objects"], n_bytes = objects_and_bytes(out)
            row["mb_out"] = n_bytes / 1e6
        if check and way.check:
            _check(way, source, out)
    return row


def _row(cost: Cost) -> dict[str, Any]:
    """Return what is shown; a command that timed itself without its imports is believed."""
    return {
        "cpu_s": cost.facts.get("cpu_s", cost.cpu_s),
        "wall_s": cost.facts.get("wall_s", cost.wall_s),
        "peak_rss_mb": cost.peak_rss_mb,
    }


def _credentials(url: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _prepare(
    way: Way, source: Path, server: s3_server.Endpoint, environment: dict[str, str]
) -> None:
    """Fill the bucket with what the way reads."""
    server.create_bucket("bench")
    if source.name != "store":
        return
    if way.name == "icechunk":
        command = ["benchmarks/peers.py", "icechunk_write", str(source), ""]
        measure([python_of(FOLDER / "venvs", way.venv), *command], environment)
        return
    code = (
        "import sys, sparc_fuse_core as s; s.upload_to_s3(sys.argv[1], 'bench', 'recording.zarr')"
    )
    own = {**environment, "PYTHONPATH": str(Path.cwd())}
    _python("-c", code, str(source), environment=own)


def _check(way: Way, source: Path, out: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.checks", way.check, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"the output is wrong: {done.stderr.strip()[-2000:]}"
        raise MeasuredCommandError(message)


def _save(rows: list[dict[str, Any]], faults: list[str]) -> None:
    content = {"rows": rows, "targets": table.verdicts(rows), "faults": faults}
    (FOLDER / "results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "results.md").write_text(table.markdown(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
