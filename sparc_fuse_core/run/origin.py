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

from sparc_fuse_core.convert.receipt import read_receipt
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.sources.local import path_of
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.run.work import Work
    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination


def check_origin(source: Source, plan: Plan, work: Work, destination: Destination) -> None:
    """Refuse to drop results of another place; then remember this place.

    Only a keyed digest is kept, since a path may name a person. A dataset that was moved goes on as long as
    its files are, byte for byte, those that the results were made from.

    Raises
    ------
    RequestError
        If results of another folder, zip or bucket of the same name would be dropped, replaced or taken for
        this one's.
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
        replaced = (read_receipt(destination, plan.folder, item.output) for item in work.to_do)
        earlier = [*work.known, *(receipt for receipt in replaced if receipt and receipt.is_done)]
        if work.dropped or not _are_the_same(earlier, plan):
            message = (
                f"{plan.folder}: holds results of another dataset of this name, which this run would take "
                "away or mix with its own; give an output of its own with -o, or delete that folder first"
            )
            raise RequestError(message)
    salt = secrets.token_hex(16)
    destination.write_bytes(
        key, json.dumps({"salt": salt, "digest": _digest(salt, place)}, indent=1).encode()
    )


def _are_the_same(receipts: Sequence[Receipt], plan: Plan) -> bool:
    """Whether results said to be unchanged were made from the very bytes that are planned now."""
    planned = {file.path: file for file in plan.siblings}
    planned |= {file.path: file for item in plan.items for file in item.files}
    for facts in (file for receipt in receipts for file in receipt.files):
        file = planned.get(facts["path"])
        if file is None:
            return False
        if file.uri.startswith("file:") and facts.get("sha256"):
            with path_of(file).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != facts["sha256"]:
                    return False
    return True


def _digest(salt: str, place: str) -> str:
    return hmac.new(salt.encode(), place.encode(), hashlib.sha256).hexdigest()


def _read(data: bytes | None) -> tuple[str, str] | None:
    """Return salt and digest, or None where none were written or they cannot be read."""
    try:
        values = json.loads(data or b"")
        return str(values["salt"]), str(values["digest"])
    except (ValueError, KeyError, TypeError):
        return None
