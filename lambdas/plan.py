"""Lambda: plan a dataset."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud_run import Cloud, parse_request, plan_run


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Plan ``event["request"]`` under the execution's name ``event["run"]``."""
    cloud = Cloud.from_environment()
    request = parse_request(event["request"], folders_allowed=cloud.folders_allowed)
    return plan_run(request, event["run"], cloud)
