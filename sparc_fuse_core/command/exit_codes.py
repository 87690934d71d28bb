"""What the command's exit code means."""

from __future__ import annotations

OK = 0
#: A file, or the run, failed.
FAILED = 1
#: The call is wrong, or cannot be answered.
WRONG_CALL = 2
INTERRUPTED = 130
