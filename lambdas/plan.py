"""Lambda: plan a dataset, or look at those of a list before any of them is started."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.list_tasks import check_budget, estimate_one
from sparc_fuse_core.cloud.metrics import log_metrics
from sparc_fuse_core.cloud.request import parse_request
from sparc_fuse_core.cloud.tasks import plan_run


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan ``event["request"]`` for the execution ``event["execution"]``, named ``event["run"]``.

    For the list of the execution ``event["list"]``: ``"estimate"`` is one of its requests, ``"budget"`` all.
    """
    if "estimate" in event:
        cloud = Cloud.from_environment()
        return estimate_one(event["estimate"], event["index"], event["list"], cloud)
    if "budget" in event:
        return check_budget(event["budget"], event["list"], Cloud.from_environment())
    request = parse_request(event["request"])
    planned = plan_run(request, event["run"], event["execution"], Cloud.from_environment())
    log_metrics({"CostUsd": planned["cost_usd"]}, {"run_key": planned["run_key"]})
    return planned
