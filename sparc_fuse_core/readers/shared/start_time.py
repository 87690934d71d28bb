"""When a recording started, as files state it: ISO 8601, no more than is there."""

from __future__ import annotations

from datetime import UTC, datetime

#: Earlier and later dates are those of a clock that nobody set, or of damage.
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


def stated_start(text: str) -> str:
    """Return ``text`` if it is a date (with time) that a recording can have started at, else ``""``."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text if _FIRST_YEAR < start.year < _LAST_YEAR else ""


def start_of_unix_time(seconds: float) -> str:
    """Return seconds since 1970 (UTC) as ISO 8601 with its zone; ``""`` for 0 and what is no date."""
    try:
        return stated_start(datetime.fromtimestamp(seconds, UTC).isoformat())
    except (OverflowError, OSError, ValueError):
        return ""
