"""The list of watched datasets in the bucket: read and changed in one way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.request import Request, has_no_version, parse_request
from sparc_fuse_core.errors import CloudError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sparc_fuse_core.cloud.app_bucket import AppBucket

WATCH_LIST = "watch/datasets.json"
_WATCH_LIST_BYTES = 1024 * 1024


def watch_request(entry: Any) -> Request:
    """Return the request of one entry of the watch list: a dataset, or a request without a version.

    Raises
    ------
    RequestError
        If it is neither.
    """
    is_id = isinstance(entry, int | str) and not isinstance(entry, bool)
    request = parse_request({"dataset_id": entry} if is_id else entry)
    if request.version is not None or request.overwrite:
        message = (
            "a watched dataset has no version and no overwrite: each new version is started once"
        )
        raise RequestError(message)
    if has_no_version(request.dataset_id):
        message = (
            f"{request.dataset_id}: only published datasets have versions to be watched; uploads start by "
            "themselves"
        )
        raise RequestError(message)
    return request


def read_watch_list(bucket: AppBucket) -> tuple[list[Any], str]:
    """Return the entries of the watch list, and the entity tag that it has now (``""``: no list).

    Raises
    ------
    RequestError
        If it is there and is no watch list.
    """
    found = bucket.read_json(WATCH_LIST, _WATCH_LIST_BYTES)
    if found is None:
        return [], ""
    stated, tag = found
    entries = stated.get("datasets") if isinstance(stated, dict) else None
    if not isinstance(entries, list) or set(stated) != {"datasets"}:
        message = f'{bucket.uri(WATCH_LIST)}: expected {{"datasets": [224, {{"dataset_id": 364}}]}}'
        raise RequestError(message)
    return entries, tag


def watch(bucket: AppBucket, entry: Mapping[str, Any]) -> list[Any]:
    """Put a dataset into the watch list, in place of an entry that it has; return the list.

    Raises
    ------
    CloudError
        If somebody else has changed the list meanwhile.
    """
    wanted = watch_request(entry).dataset_id
    plain: Any = int(wanted) if wanted.isdigit() else wanted
    tidy = plain if set(entry) == {"dataset_id"} else {**entry, "dataset_id": plain}
    return _change(bucket, lambda entries: [*(e for e in entries if _id_of(e) != wanted), tidy])


def unwatch(bucket: AppBucket, dataset_id: str) -> list[Any]:
    """Take a dataset out of the watch list; return the list.

    Raises
    ------
    RequestError
        If it is not in it.
    CloudError
        If somebody else has changed the list meanwhile.
    """

    def without(entries: list[Any]) -> list[Any]:
        left = [entry for entry in entries if _id_of(entry) != dataset_id]
        if len(left) == len(entries):
            message = f"{dataset_id}: is not watched"
            raise RequestError(message)
        return left

    return _change(bucket, without)


def _change(bucket: AppBucket, change: Callable[[list[Any]], list[Any]]) -> list[Any]:
    entries, tag = read_watch_list(bucket)
    changed = change(entries)
    data = json.dumps({"datasets": changed}, indent=1).encode()
    if not bucket.write_if_unchanged(WATCH_LIST, data, tag):
        message = f"{bucket.uri(WATCH_LIST)}: was changed by someone else; run it again"
        raise CloudError(message)
    return changed


def _id_of(entry: Any) -> str:
    return str(entry.get("dataset_id", "") if isinstance(entry, dict) else entry)
