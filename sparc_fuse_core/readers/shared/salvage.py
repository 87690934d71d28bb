"""Recordings that end before what their header announces: refused, or read as far as they go.

A reader that finds less than is announced calls `ends_early` and goes on with the whole blocks that are there.
Outside of `salvaging` the call does not return: the error says how much there is, and names the option. What
was read so is marked: its evidence lowers the score and stands in the result.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import TruncatedFileError
from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

_notes: ContextVar[list[Evidence] | None] = ContextVar("salvage_notes", default=None)


@contextmanager
def salvaging(allowed: bool) -> Iterator[list[Evidence]]:
    """Let readers go on where a recording ends early, and collect what they say of it.

    Parameters
    ----------
    allowed
        Whether the caller asked for it; without that `ends_early` raises.
    """
    notes: list[Evidence] = []
    token = _notes.set(notes if allowed else None)
    try:
        yield notes
    finally:
        _notes.reset(token)


def ends_early(name: str, there: str) -> None:
    """Refuse a recording that ends early, or note how far it goes if it is to be salvaged.

    Parameters
    ----------
    name
        Of the file.
    there
        How much of what is announced is there, such as ``"41 of 60 data records"``.

    Raises
    ------
    TruncatedFileError
        If nobody asked to salvage it.
    """
    notes = _notes.get()
    if notes is None:
        message = f"{name}: truncated: it holds {there}; upload it again, or convert that with `--salvage`"
        raise TruncatedFileError(message)
    sentence = f"Incomplete: {name} holds {there}; the recording ends with the last whole one."
    notes.append(Evidence("completeness", "missing", sentence))
