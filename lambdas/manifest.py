"""Lambda: write the manifest of a run."""

from __future__ import annotations

from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.tasks import manifest_run


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Write the manifest of the run ``event["run_key"]``."""
    return manifest_run(event["run_key"], Cloud.from_environment())
