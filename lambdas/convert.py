"""Lambda: convert one item, or record why it could not be."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.tasks import convert_task, record_failure
from sparc_fuse_core.privacy.quiet import quiet_in_lambda
from sparc_fuse_core.storage.results import sweep_scratch

quiet_in_lambda()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Convert item ``event["index"]`` of ``event["run_key"]``; with ``"failure"`` only note it."""
    sweep_scratch()
    cloud = Cloud.from_environment()
    if "failure" in event:
        return record_failure(event["run_key"], event["index"], event["failure"], cloud)
    return convert_task(event["run_key"], event["index"], cloud)
