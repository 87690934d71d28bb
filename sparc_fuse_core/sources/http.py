"""Ask an HTTP service again while it is only busy: exponential pauses with full jitter."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from sparc_fuse_core.errors import SourceError, SourceThrottledError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.settings import Settings

#: Answers that may change by themselves. 500 is among them: the service also gives it for permanent
#: faults, so callers classify a dataset first by a call that tells those apart.
TRANSIENT = frozenset({429, 500, 502, 503, 504})

_MAX_PAUSE_S = 30.0
#: The longest listing known (a dataset of 45,000 files) has 30 MB.
_MAX_ANSWER_BYTES = 500_000_000
_PIECE_BYTES = 65_536
_MOST_REDIRECTS = 5
#: How often the time of one request all of them together may take.
_MOST_REQUESTS_TIME = 10


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


def _as_it_comes(answer: requests.Response) -> Iterator[bytes]:
    """Yield a body in whatever pieces arrive: a whole piece of a trickle would be waited for."""
    try:
        while piece := answer.raw.read1(_PIECE_BYTES, decode_content=True):
            yield piece
    except HTTPError as err:
        message = f"the answer broke off ({type(err).__name__})"
        raise requests.ConnectionError(message) from err


def _bounded(
    session: requests.Session, method: str, url: str, settings: Settings, options: dict[str, Any]
) -> requests.Response:
    """Return an answer whose body has been read: not for ever, not without end, not from elsewhere.

    Raises
    ------
    SourceError
        If the answer leads to another host, or is larger than any listing.
    requests.Timeout
        If it is not whole in time.
    """
    began_s = time.monotonic()
    place = url
    for _ in range(_MOST_REDIRECTS):
        answer = session.request(
            method,
            place,
            timeout=settings.request_timeout_s,
            stream=True,
            allow_redirects=False,
            **options,
        )
        if not answer.is_redirect:
            break
        wanted = urljoin(place, answer.headers["Location"])
        answer.close()
        if urlsplit(wanted)[:2] != urlsplit(place)[:2]:
            message = (
                f"{url}: redirects to another place ({urlsplit(wanted).hostname}), not followed"
            )
            raise SourceError(message)
        place = wanted
    body = bytearray()
    with answer:
        for piece in _as_it_comes(answer):
            body += piece
            if len(body) > _MAX_ANSWER_BYTES:
                message = f"{url}: an answer of more than {_MAX_ANSWER_BYTES / 1e6:.0f} MB"
                raise SourceError(message)
            if time.monotonic() - began_s > _MOST_REQUESTS_TIME * settings.request_timeout_s:
                message = f"{url}: not whole after {time.monotonic() - began_s:.0f} s"
                raise requests.Timeout(message)
    answer._content = bytes(body)  # as requests does for an answer that is not streamed
    return answer


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
    end_s = time.monotonic() + _MOST_REQUESTS_TIME * settings.request_timeout_s
    status = 0
    for n in range(max(1, settings.request_attempts)):
        if n:
            pause(settings, n, wait_s)
        if n and time.monotonic() > end_s:
            break
        try:
            answer = _bounded(session, method, url, settings, options)
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as err:
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
