"""Ask an HTTP service again while it is only busy: exponential pauses with full jitter."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import requests

from sparc_fuse_core.errors import SourceThrottledError, SourceUnavailableError

if TYPE_CHECKING:
    from sparc_fuse_core.settings import Settings

#: Answers that may change by themselves. 500 is among them: the service also gives it for permanent
#: faults, so callers classify a dataset first by a call that tells those apart.
TRANSIENT = frozenset({429, 500, 502, 503, 504})

_MAX_PAUSE_S = 30.0


def pause(settings: Settings, n: int, at_least_s: float = 0.0) -> None:
    """Wait before attempt ``n``: a random time up to the doubled pause (full jitter)."""
    limit_s = min(_MAX_PAUSE_S, settings.retry_pause_s * 2 ** (n - 1))
    time.sleep(max(min(at_least_s, _MAX_PAUSE_S), random.uniform(0, limit_s)))  # noqa: S311


def retry_after_s(answer: requests.Response) -> float:
    """Return the pause the service asks for, in seconds; 0 if it names none that is a number."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0


def ask(
    session: requests.Session, method: str, url: str, settings: Settings, **options: Any
) -> requests.Response:
    """Send a request and return the answer, whatever it says, unless it stays transient.

    Raises
    ------
    SourceThrottledError
        If the service still answers 429 at the last attempt.
    SourceUnavailableError
        If it cannot be reached, or still answers 5xx.
    """
    wait_s, fault = 0.0, ""
    status = 0
    for n in range(max(1, settings.request_attempts)):
        if n:
            pause(settings, n, wait_s)
        try:
            answer = session.request(method, url, timeout=settings.request_timeout_s, **options)
        except (requests.ConnectionError, requests.Timeout) as err:
            fault, wait_s, status = f"cannot be reached ({type(err).__name__})", 0.0, 0
            continue
        if answer.status_code not in TRANSIENT:
            return answer
        status, wait_s = answer.status_code, retry_after_s(answer)
        fault = f"answers {status}: {answer.text[:200]}"
    message = f"{url} {fault}; check the network and try again"
    if status == 429:
        raise SourceThrottledError(message)
    raise SourceUnavailableError(message)
