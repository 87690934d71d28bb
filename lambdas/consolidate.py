"""Lambda: collect the receipts of a run."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.tasks import settle_run


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Consolidate the run ``event["run_key"]``."""
    return settle_run(event["run_key"], Cloud.from_environment())
