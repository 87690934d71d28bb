"""Lambda: start an execution for an object put into the bucket, or for new versions of watched datasets."""

from __future__ import annotations

import os
from typing import Any

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.start import start_for_event, state_machine_of


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do what the event of EventBridge asks for."""
    return start_for_event(event, Cloud.from_environment(), state_machine_of(os.environ))
