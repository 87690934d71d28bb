"""Convert many datasets: the functions of ``stacks/datasets.asl.json``.

What is known of a list lies below ``.sparc-fuse/runs/.lists/<execution>/``: ``<n>.json`` for each dataset, and
``list.json`` with all of them. No dataset's id begins with a dot, so nothing else lies there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.expected import check_own_limit, expect
from sparc_fuse_core.cloud.many import RequestList, parse_list
from sparc_fuse_core.cloud.request import (
    Request,
    as_input,
    dataset_part,
    has_no_version,
    parse_request,
)
from sparc_fuse_core.cloud.run_objects import read_object, run_key_of, write_object
from sparc_fuse_core.errors import (
    CostLimitError,
    PublishError,
    RequestError,
    SourceThrottledError,
    SourceUnavailableError,
    SparcFuseError,
)
from sparc_fuse_core.plan.estimates import ACCURACY
from sparc_fuse_core.privacy.texts import public_message
from sparc_fuse_core.run.work import each

if TYPE_CHECKING:
    from sparc_fuse_core.cloud.environment import Cloud

_LOG = logging.getLogger(__name__)

#: Errors that the state machine tries again.
_AGAIN = (SourceUnavailableError, SourceThrottledError, PublishError)

#: Items at once that one dataset of a list has at least, where there are so many for all.
_ITEMS_AT_ONCE = 20

#: Datasets at once: an inline map has 40 at most.
_DATASETS_AT_ONCE = 40


def list_key(name: str) -> str:
    """Return the key, below the results, of what is known of the list that the execution ``name`` works on."""
    return f"{run_key_of('.lists', name)}/list.json"


def _one_key(name: str, index: int) -> str:
    return f"{run_key_of('.lists', name)}/{index}.json"


def estimate_one(values: Any, index: int, name: str, cloud: Cloud) -> dict[str, Any]:
    """Note what one dataset of a list would cost, or why it cannot be had.

    Raises
    ------
    SourceUnavailableError, SourceThrottledError, PublishError
        Try again.
    """
    request = parse_request(values)
    noted: dict[str, Any] = {"dataset_id": request.dataset_id, "version": request.version or ""}
    try:
        expected = expect(request, cloud)
        noted |= dataclasses.asdict(expected)
        if has_no_version(request.dataset_id):
            noted["dataset_id"] = request.dataset_id
        check_own_limit(expected, request)
    except _AGAIN:
        raise
    except SparcFuseError as err:
        _LOG.warning("list %s: dataset %s: %s", name, request.dataset_id, err)
        noted |= {"error": type(err).__name__, "message": public_message(str(err))}
    write_object(cloud.open(), _one_key(name, index), noted)
    return {"index": index}


def check_budget(values: Any, name: str, cloud: Cloud) -> dict[str, Any]:
    """Hold a list against its limit; return the executions to start, and how many at once.

    Each gets a share of the limit, and all shares together are the limit. A list without one has the stack's.

    Raises
    ------
    CostLimitError
        If all together would cost more; nothing was started.
    RequestError
        If none of the datasets can be had.
    """
    requests = parse_list(values)
    destination = cloud.open()

    def noted_of(index: int) -> dict[str, Any]:
        request = requests.requests[index]
        if destination.read_bytes(_one_key(name, index)) is None:
            return {
                "dataset_id": request.dataset_id,
                "version": request.version or "",
                "error": "WorkerLostError",
                "message": f"dataset {request.dataset_id}: could not be looked at; start it again",
            }
        found: dict[str, Any] = read_object(destination, _one_key(name, index))
        return found

    entries = each(noted_of, range(len(requests.requests)))
    for index, entry in enumerate(entries):
        entry["outcome"] = _outcome(entry)
        if entry["outcome"] == "start":
            entry["name"] = _execution_name(entry, index, name)
    to_start = [index for index, entry in enumerate(entries) if entry["outcome"] == "start"]
    cost_usd = sum(entries[index]["cost_usd"] for index in to_start)
    limit_usd = requests.cost_limit_usd
    if limit_usd is None:
        limit_usd = cloud.cost_limit_usd or None
    summary = {"cost_usd": round(cost_usd, 6), "cost_limit_usd": limit_usd, "datasets": entries}
    write_object(destination, list_key(name), summary)
    if limit_usd is not None and ACCURACY * cost_usd > limit_usd:
        message = (
            f"{len(to_start)} datasets: about {cost_usd:.4f} US dollars, at most {ACCURACY * cost_usd:.4f}, "
            f"more than the limit of {limit_usd:.4f} for all; raise cost_limit_usd or take a shorter list"
        )
        raise CostLimitError(message)
    if all("error" in entry for entry in entries):
        first = entries[0]
        message = (
            f"none of the {len(entries)} datasets can be started; the first: {first['error']}: "
            f"{first['message']}"
        )
        raise RequestError(message)
    at_once, items_each = _at_once(requests, len(to_start), cloud)
    spare_usd = None
    if limit_usd is not None and to_start:
        spare_usd = (limit_usd - ACCURACY * cost_usd) / len(to_start)
    starts = [
        {
            "name": entries[index]["name"],
            "input": _input(requests.requests[index], entries[index], spare_usd, items_each),
        }
        for index in to_start
    ]
    return {"starts": starts, "at_once": at_once}


def _outcome(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return "refused"
    is_done = not entry["n_to_do"] and entry["has_manifest"]
    return "done" if is_done else "start"


def _execution_name(entry: dict[str, Any], index: int, name: str) -> str:
    """Return the name of a dataset's execution: each list has its own, and the same when asked again."""
    digest = hashlib.sha256(f"{name}|{index}".encode()).hexdigest()[:12]
    return f"{dataset_part(entry['dataset_id'])}-{entry['version'] or 'latest'}-{digest}"


def _at_once(requests: RequestList, n_datasets: int, cloud: Cloud) -> tuple[int, int]:
    """Return how many datasets run at once, and how many items of each: together what all may."""
    most = min(cloud.max_concurrency, requests.max_concurrency or cloud.max_concurrency)
    at_once = max(1, min(n_datasets, most // _ITEMS_AT_ONCE, _DATASETS_AT_ONCE))
    return at_once, max(1, most // at_once)


def _input(
    request: Request, entry: dict[str, Any], spare_usd: float | None, items_each: int
) -> dict[str, Any]:
    """Return the input of a dataset's execution: the version looked at, its share of the limit."""
    own_usd = request.cost_limit_usd
    share_usd = None if spare_usd is None else ACCURACY * entry["cost_usd"] + spare_usd
    limits = [limit for limit in (own_usd, share_usd) if limit is not None]
    unversioned = has_no_version(request.dataset_id)
    return as_input(
        dataclasses.replace(
            request,
            dataset_id=entry["dataset_id"],
            version=None if unversioned else entry["version"],
            cost_limit_usd=min(limits) if limits else None,
            max_concurrency=items_each,
        )
    )
