"""Lambda: plan a dataset."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.metrics import log_metrics
from sparc_fuse_core.cloud.request import parse_request
from sparc_fuse_core.cloud.tasks import plan_run


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan ``event["request"]`` for the execution ``event["execution"]``, named ``event["run"]``."""
    request = parse_request(event["request"])
    planned = plan_run(request, event["run"], event["execution"], Cloud.from_environment())
    log_metrics({"CostUsd": planned["cost_usd"]}, {"run_key": planned["run_key"]})
    return planned
