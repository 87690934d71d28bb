"""Lambda functions as processes: memory and time are limited, an idle process serves the next event.

What goes wrong is reported in Lambda's words, for those are the names that the state machine catches:
``Sandbox.Timedout``, ``Runtime.ExitError`` for a process that was killed (too much memory among the reasons).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How often a process is looked at: its memory, its time.
_LOOK_S = 0.02

#: Time to import the handler; Lambda gives 10 s, a busy laptop may need longer.
_INIT_S = 120.0


class ThrottledError(Exception):
    """The account runs as many functions as it may; nothing was invoked."""


class Concurrency:
    """How many invocations the account has room for.

    Attributes
    ----------
    limit
        At most so many at once; 0 for any number.
    n_refused
        Invocations that found no room; for tests.
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.n_refused = 0
        self._n_running = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Take room for one invocation for as long as the context lasts.

        Raises
        ------
        ThrottledError
            If there is none.
        """
        with self._lock:
            if self.limit and self._n_running >= self.limit:
                self.n_refused += 1
                message = "Rate Exceeded."
                raise ThrottledError(message)
            self._n_running += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_running -= 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What an invocation came to: a JSON text, and whether it states an error."""

    payload: bytes
    is_error: bool


@dataclass(slots=True)
class Function:
    """One Lambda function.

    Attributes
    ----------
    handler
        ``"lambdas.convert.handler"``.
    environment
        The whole environment of its processes.
    memory_bytes, timeout_s
        A process past one of them is killed.
    file_bytes
        Largest file that its processes may write, as a full disk refuses it; 0 for any.
    n_invocations, n_processes
        Counted for tests.
    """

    name: str
    handler: str
    environment: Mapping[str, str]
    root: Path
    log: Path
    memory_bytes: int = 4096 * 2**20
    timeout_s: float = 900.0
    file_bytes: int = 0
    n_invocations: int = 0
    n_processes: int = 0
    _idle: list[_Process] = field(default_factory=list)
    _sandboxes: list[Path] = field(default_factory=list)
    _busy: set[_Process] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, payload: bytes) -> Answer:
        """Answer one event, in an idle process or a new one."""
        with self._lock:
            self.n_invocations += 1
            process = self._idle.pop() if self._idle else None
            if process is None:
                self.n_processes += 1
                process = _Process(self, self._sandbox())
            self._busy.add(process)
        answer = process.answer(payload, self.memory_bytes, self.timeout_s)
        with self._lock:
            self._busy.discard(process)
            if process.is_usable():
                self._idle.append(process)
            else:
                process.close()
                # as on AWS: what comes next in this sandbox finds what the killed process left in /tmp
                self._sandboxes.append(process.scratch)
        return answer

    def _sandbox(self) -> Path:
        if self._sandboxes:
            return self._sandboxes.pop()
        return Path(tempfile.mkdtemp(prefix="lambda-sandbox-"))

    def sandboxes(self) -> list[Path]:
        """Return the temporary folders of all sandboxes."""
        with self._lock:
            return [*self._sandboxes, *(p.scratch for p in (*self._idle, *self._busy))]

    def kill_busy(self) -> int:
        """Kill the processes that are at work, as a lost machine would; return how many."""
        # with the lock: one that has just answered is idle, and no longer among those that are at work
        with self._lock:
            for process in self._busy:
                process.kill()
            return len(self._busy)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            processes, self._idle = [*self._idle, *self._busy], []
        for process in processes:
            process.close()
            self._sandboxes.append(process.scratch)
        for folder in self._sandboxes:
            shutil.rmtree(folder, ignore_errors=True)
        self._sandboxes = []


class _Process:
    """One execution environment."""

    def __init__(self, function: Function, scratch: Path) -> None:
        self.scratch = scratch
        self._log = function.log.open("ab")
        self._popen = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "rehearsal.lambda_process", function.handler],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=function.root,
            env={
                **function.environment,
                "TMPDIR": str(scratch),
                "REHEARSAL_FILE_BYTES": str(function.file_bytes),
            },
        )
        self._is_ready = False
        self._is_killed = False
        self._received = b""

    def is_usable(self) -> bool:
        """Whether it can answer once more; what is killed may seem to live for a moment."""
        return not self._is_killed and self._popen.poll() is None

    def kill(self) -> None:
        self._is_killed = True
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()

    def close(self) -> None:
        self.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._log.close()

    def answer(self, payload: bytes, memory_bytes: int, timeout_s: float) -> Answer:
        stdin = self._popen.stdin
        if stdin is None:
            raise AssertionError
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(json.loads(payload)).encode() + b"\n")
            stdin.flush()
        deadline_s = time.monotonic() + (timeout_s if self._is_ready else _INIT_S)
        for line in self._lines(memory_bytes):
            if line is None:
                if time.monotonic() > deadline_s:
                    self.kill()
                    return _error(
                        "Sandbox.Timedout", f"Error: Task timed out after {timeout_s:.2f} seconds"
                    )
                continue
            values = json.loads(line)
            if "ready" in values:
                self._is_ready = True
                deadline_s = time.monotonic() + timeout_s
                continue
            if "error" in values:
                return Answer(json.dumps(values["error"]).encode(), is_error=True)
            return Answer(json.dumps(values["result"]).encode(), is_error=False)
        code = self._popen.wait()
        why = "signal: killed" if code == -9 else f"exit status {code}"
        return _error("Runtime.ExitError", f"Error: Runtime exited with error: {why}")

    def _lines(self, memory_bytes: int) -> Iterator[bytes | None]:
        """Yield what the process says, and None whenever it says nothing; end with it."""
        stdout = self._popen.stdout
        if stdout is None:
            raise AssertionError
        descriptor = stdout.fileno()
        while True:
            readable, _, _ = select.select([descriptor], [], [], _LOOK_S)
            if resident_bytes(self._popen.pid) > memory_bytes:
                self.kill()
            if not readable:
                yield None
                continue
            piece = os.read(descriptor, 2**20)
            if not piece:
                return
            self._received += piece
            while b"\n" in self._received:
                line, _, self._received = self._received.partition(b"\n")
                yield line


def _error(kind: str, message: str) -> Answer:
    values: dict[str, Any] = {"errorType": kind, "errorMessage": message}
    return Answer(json.dumps(values).encode(), is_error=True)


def resident_bytes(pid: int) -> int:
    """Memory of a process; 0 where the system does not tell (then nothing is limited)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
