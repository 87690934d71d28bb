"""Run one command and say what it cost: CPU of its whole process tree, peak memory, wall time."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_POLL_S = 0.02


@dataclass(frozen=True)
class Cost:
    """What one run took. ``facts`` is the JSON object on the last line the command printed."""

    cpu_s: float
    wall_s: float
    peak_rss_mb: float
    facts: dict[str, Any] = field(default_factory=dict)


class MeasuredCommandError(Exception):
    """A measured command failed; the message ends with what it printed."""


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``command`` to its end.

    CPU is user and system time of the command and of all children it waited for, imports included. Peak
    memory is the largest sum of the resident memory of all living processes of the tree, seen every 20 ms,
    and at least what the kernel says was the peak of a single one.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        peak_kb = 0
        while True:
            peak_kb = max(peak_kb, _tree_kb(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            time.sleep(_POLL_S)
        wall_s = time.perf_counter() - started
        out.seek(0)
        text = out.read()
    if process.returncode:
        message = f"{' '.join(command)}: exit {process.returncode}\n{text[-3000:]}"
        raise MeasuredCommandError(message)
    last = text.strip().rpartition("\n")[2]
    facts = json.loads(last) if last.startswith("{") else {}
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, peak_kb * 1024 / 1e6, facts)


def _tree_kb(root: int) -> int:
    """Return the resident memory of a process and its descendants, or one's own peak if that is larger."""
    together, highest = 0, 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(word) for word in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue  # it ended meanwhile
        values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        if "VmRSS" in values:
            together += int(values["VmRSS"].split()[0])
            highest = max(highest, int(values["VmHWM"].split()[0]))
    return max(together, highest)


def objects_and_bytes(path: Path) -> tuple[int, int]:
    """Return how many files lie below ``path`` and how many bytes they hold."""
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return len(sizes), sum(sizes)
