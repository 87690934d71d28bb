"""Measure conversion against a hand-written floor, side by side; print ratios, write JSON."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.inputs import write_all


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = {
            "recording 192 MB": folder / "short.wav",
            "recording 768 MB": folder / "long.wav",
            "stack 503 MB": folder / "stack.tif",
        }
        # in a process of its own: a child's peak memory starts at its parent's
        making = multiprocessing.get_context("spawn").Process(target=write_all, args=(folder,))
        making.start()
        making.join()
        rows = []
        for workload, source in inputs.items():
            results = {}
            for what in ("floor", "ours", "verified"):
                out = folder / f"{source.stem}-{what}"
                command = [sys.executable, "-m", "benchmarks.work", what, str(source), str(out)]
                # as worker processes run
                environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
                done = subprocess.run(
                    command, check=True, capture_output=True, text=True, env=environment
                )
                results[what] = json.loads(done.stdout)
            for what, result in results.items():
                ratio = round(result["cpu_s"] / results["floor"]["cpu_s"], 2)
                rows.append({"workload": workload, "way": what, "cpu_to_floor": ratio, **result})
                print("  ".join(f"{key}: {value}" for key, value in rows[-1].items()))
        target = Path("build") / "bench.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
