"""Calls functions of this package in a process of their own, which may crash, hang or print as it likes.

Libraries in C end the whole process on some damaged files. What is called here ends a child only: the caller
gets a named error. A child ends with its parent, sees none of its credentials unless it needs them, and
answers one call after the other.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sparc_fuse_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE = "sparc_fuse_core"
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.25
#: Parts of names of variables that a child which reads and writes on this machine has no use for.
_SECRET = ("AWS_", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "PRIVATE_KEY")


class Child:
    """A process that calls functions by name; use it in a ``with`` block.

    Parameters
    ----------
    with_credentials
        Whether it gets variables that hold secrets: for what reads or writes a bucket.
    """

    def __init__(self, *, with_credentials: bool = False) -> None:
        self._with_credentials = with_credentials
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def n_starts(self) -> int:
        """How many processes it has had."""
        return self._n_starts

    _n_starts = 0

    def call(
        self,
        function: str,
        *arguments: Any,
        timeout_s: float | None = None,
        on_message: Callable[[Any], None] | None = None,
    ) -> Any:
        """Call ``"module:function"`` of this package and return what it returns.

        Parameters
        ----------
        on_message
            Takes what the function sends by `tell`.

        Raises
        ------
        CrashedError
            If the process ended without an answer.
        TimeLimitError
            If there was none in time; the process is ended.
        SparcFuseError
            What the function raised; an error that is not of this package is `UnexpectedError`.
        """
        with self._lock:
            self._start()
            deadline = None if timeout_s is None else time.monotonic() + timeout_s
            try:
                self._requests.send_bytes(pickle.dumps((function, arguments)))
                while True:
                    kind, value = self._answer(function, deadline)
                    if kind != "message":
                        break
                    if on_message is not None:
                        on_message(value)
            except errors.TimeLimitError:
                self._kill()
                raise
            except (EOFError, OSError) as err:
                raise self._crashed() from err
            except BaseException:
                # the answer to this call must not be taken for that to the next
                self._kill()
                raise
        if kind == "error":
            raise _rebuilt(value)
        return value

    def _answer(self, function: str, deadline: float | None) -> tuple[str, Any]:
        while not self._answers.poll(_POLL_S):
            if deadline is not None and time.monotonic() > deadline:
                message = f"{function.rpartition(':')[2]}: no end after the time that it may take"
                raise errors.TimeLimitError(message)
        answer: tuple[str, Any] = pickle.loads(self._answers.recv_bytes())  # noqa: S301 - our child
        return answer

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        requests_end, self_requests = os.pipe()
        self_answers, answers_end = os.pipe()
        environment = {
            name: value
            for name, value in os.environ.items()
            if self._with_credentials or not any(part in name.upper() for part in _SECRET)
        }
        environment["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        # each thread would keep a heap of its own
        environment.setdefault("MALLOC_ARENA_MAX", "2")
        talks = logging.getLogger().isEnabledFor(logging.INFO)
        # -P: a file beside the data is never taken for a module
        command = [
            sys.executable,
            "-P",
            "-m",
            f"{_PACKAGE}.child",
            str(requests_end),
            str(answers_end),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - the command is our own
            command,
            stdin=subprocess.DEVNULL,
            # libraries print what a file tells them to
            stdout=subprocess.DEVNULL,
            stderr=None if talks else subprocess.DEVNULL,
            env=environment,
            pass_fds=(requests_end, answers_end),
        )
        os.close(requests_end)
        os.close(answers_end)
        self._requests = Connection(self_requests, readable=False)
        self._answers = Connection(self_answers, writable=False)
        self._n_starts += 1

    def _crashed(self) -> errors.CrashedError:
        process = self._process
        code = None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout=10)
        self._kill()
        return errors.CrashedError(_ending(code), code or 0)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        for connection in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                connection.close()  # without requests it ends by itself
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _rebuilt(stated: tuple[str, str, dict[str, Any]]) -> BaseException:
    """Return the error that the child raised."""
    name, message, attributes = stated
    kind = getattr(errors, name, None)
    if name == "MemoryError":
        return MemoryError(message)
    if not (isinstance(kind, type) and issubclass(kind, errors.SparcFuseError)):
        return errors.UnexpectedError(f"{name}: {message}")
    error = kind(message)
    for key, value in attributes.items():
        with contextlib.suppress(AttributeError):
            setattr(error, key, value)
    return error


# ------------------------------------------------------------------------------------ in the child

_sends: list[Callable[[Any], None]] = []


def tell(value: Any) -> None:
    """Send something to the caller before the call ends; nothing where there is no parent."""
    for send in _sends:
        send(value)


def _serve(requests_fd: int, answers_fd: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone answers Ctrl-C
    end_with_parent()
    requests = Connection(requests_fd, writable=False)
    answers = Connection(answers_fd, readable=False)
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while True:
            try:
                waiting.put(requests.recv_bytes())
            except (EOFError, OSError):
                # nobody wants the answer any more; a library that hangs would not hear of it
                os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    _sends.append(lambda value: answers.send_bytes(pickle.dumps(("message", value))))
    while True:
        function, arguments = pickle.loads(waiting.get())  # noqa: S301 - the parent's
        answers.send_bytes(_called(function, arguments))


def _called(function: str, arguments: tuple[Any, ...]) -> bytes:
    try:
        module, _, name = function.partition(":")
        found = importlib.import_module(f"{_PACKAGE}.{module}")
        return pickle.dumps(("value", attrgetter(name)(found)(*arguments)))
    except Exception as err:
        logging.getLogger(__name__).info("in a child: %s", function, exc_info=True)
        attributes = {key: value for key, value in vars(err).items() if not key.startswith("__")}
        stated = (type(err).__name__, str(err), attributes)
        with contextlib.suppress(Exception):
            return pickle.dumps(("error", stated))
        return pickle.dumps(("error", (*stated[:2], {})))


def silence() -> None:
    """Send what libraries in C print nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def end_with_parent() -> None:
    """Let Linux end this process when its parent ends, in whatever way; elsewhere the pipe tells."""
    parent = os.getppid()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    # as the module that others import, not a second one
    from sparc_fuse_core import child

    child._serve(int(sys.argv[1]), int(sys.argv[2]))
