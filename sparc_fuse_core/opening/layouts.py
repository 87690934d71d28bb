"""What the root of a store says about its layout, version by version.

Layout 1 laid further streams beside the first, with a suffix; layout 2 has a group for each. Stores of
older releases and of other writers state no layout.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import IncompleteResultError, RequestError, UnknownLayoutError
from sparc_fuse_core.writers.attributes import nested

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The newest layout of each kind that this version reads.
_NEWEST = {"signals": 2, "arrays": 2, "table": 2}

_LAYOUT = re.compile(r"sparc-fuse-([a-z]+)-(\d+)")


def layout_version(attributes: Mapping[str, Any]) -> int:
    """Return the version of a store's layout; 0 if it states none of ours.

    Raises
    ------
    UnknownLayoutError
        If it is newer than this version of the package.
    """
    stated = attributes.get("layout")
    match = _LAYOUT.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        return 0
    kind, version = match[1], int(match[2])
    if not 1 <= version <= _NEWEST.get(kind, 0):
        message = (
            f"the store's layout is {stated!r}, which this version does not know; "
            "a newer sparc-fuse reads it"
        )
        raise UnknownLayoutError(message)
    return version


def streams_of(attributes: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return what the root's attributes say of each stream, the main one first; None of other writers.

    Raises
    ------
    IncompleteResultError
        If the attribute is damaged.
    UnknownLayoutError
        If the layout is newer than this version.
    """
    version = layout_version(attributes)
    if version == 0 or "signals" not in str(attributes["layout"]):
        return None
    streams = nested(attributes.get("streams"))
    needed = {"name", "shape", "sampling_rate_hz", "start_s", "uneven", "n_segments"}
    needed |= {"suffix"} if version == 1 else {"group"}
    if not isinstance(streams, list) or not all(
        isinstance(stream, dict) and needed <= stream.keys() for stream in streams
    ):
        message = "the store's attribute 'streams' is damaged; convert the file again"
        raise IncompleteResultError(message)
    return streams


def choose_stream(streams: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the stream called ``name``; ``""`` is the main one.

    Raises
    ------
    RequestError
        If there is none of this name.
    """
    for stream in streams:
        if not name or name in (stream["name"], stream.get("group")):
            return stream
    known = ", ".join(repr(stream["name"]) for stream in streams) or "none: it holds events only"
    message = f"no stream {name!r} in the store; its streams are {known}"
    raise RequestError(message)
