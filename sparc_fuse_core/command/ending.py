"""How a command ends: no traceback reaches the user; what nobody foresaw goes to a log file that is named."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from sparc_fuse_core.command.exit_codes import FAILED, INTERRUPTED, OK, WRONG_CALL
from sparc_fuse_core.errors import SparcFuseError, UnexpectedError


def say(text: str) -> None:
    """Write one line to standard error."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"sparc-fuse: {text}\n")
        sys.stderr.flush()


def above_zero(text: str) -> float:
    """Return a number above 0 that an option states; argparse says what is wrong with any other."""
    try:
        number = float(text)
    except ValueError:
        message = f"{text!r} is no plain number, such as 1000"
        raise argparse.ArgumentTypeError(message) from None
    if not 0 < number < math.inf:
        message = f"{text} is no number above 0"
        raise argparse.ArgumentTypeError(message)
    return number


def log_file() -> Path:
    """Return the path of this process's log; it is made when something is logged."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path(tempfile.gettempdir()) / f"sparc-fuse-{stamp}-{os.getpid()}.log"


def ended(error: BaseException, log: Path) -> int:
    """Say what ended the command in one line and return the exit code.

    Errors of this package and refusals of the operating system say what to do; of anything else the
    traceback is written to ``log``.
    """
    if isinstance(error, KeyboardInterrupt):
        say("interrupted; run the same command again to continue")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # what read the output has ended; nothing more can be written, at exit neither
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    if isinstance(error, SparcFuseError) and not isinstance(error, UnexpectedError):
        say(f"{type(error).__name__}: {one_line(str(error))}")
        return WRONG_CALL
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        say(f"{type(error).__name__}: {one_line(f'{name}{error.strerror}')}")
        return FAILED
    say(
        f"unexpected error, a fault of this program: {type(error).__name__}: {one_line(str(error))[:500]}; "
        f"{_logged(error, log)}; please report it"
    )
    return FAILED


def one_line(text: str) -> str:
    """Return a text with line ends and control characters as blanks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _logged(error: BaseException, log: Path) -> str:
    try:
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError as err:
        return f"its log could not be written to {log} ({err.strerror})"
    return f"its log is {log}"
