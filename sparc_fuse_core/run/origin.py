"""Where a folder of results came from: another dataset of the same name does not take them away.

A local dataset's results lie below its folder's name. ``a/data`` and ``b/data`` would share them, and a run
for the second would drop what it did not plan: all results of the first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.run.work import Work
    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination


def check_origin(source: Source, plan: Plan, work: Work, destination: Destination) -> None:
    """Refuse to drop results of another place; then remember this place.

    Only a keyed digest is kept, since a path may name a person. A dataset that was moved goes on as long as
    nothing of its earlier results is to be dropped.

    Raises
    ------
    RequestError
        If results would be dropped that were made from another folder, zip or bucket of the same name.
    """
    place = str(source.description.get("uri", ""))
    if not place:
        return
    key = f"{plan.folder}/{WORK_FOLDER}/origin.json"
    known = _read(destination.read_bytes(key))
    if known is not None:
        salt, digest = known
        if hmac.compare_digest(digest, _digest(salt, place)):
            return
        if work.dropped:
            message = (
                f"{plan.folder}: holds {len(work.dropped)} results of another dataset of this name, which "
                "this run would remove; give an output of its own with -o, or delete that folder first"
            )
            raise RequestError(message)
    salt = secrets.token_hex(16)
    destination.write_bytes(
        key, json.dumps({"salt": salt, "digest": _digest(salt, place)}, indent=1).encode()
    )


def _digest(salt: str, place: str) -> str:
    return hmac.new(salt.encode(), place.encode(), hashlib.sha256).hexdigest()


def _read(data: bytes | None) -> tuple[str, str] | None:
    """Return salt and digest, or None where none were written or they cannot be read."""
    try:
        values = json.loads(data or b"")
        return str(values["salt"]), str(values["digest"])
    except (ValueError, KeyError, TypeError):
        return None
