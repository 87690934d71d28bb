"""What converting one item took where it ran: Lambda's or Fargate's time and size, noted in its receipt.

AWS bills a function from its first line to its answer, a task from the moment its image is pulled. A function
has no tags of one invocation, so that only this tells what a dataset took of it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from sparc_fuse_core.plan.estimates import PRICES

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG = logging.getLogger(__name__)

_TIMEOUT_S = 2.0
_MOST_BYTES = 1_000_000

#: A task is billed for a minute at least.
_LEAST_TASK_S = 60.0

#: Disk of a task that costs nothing.
_FREE_DISK_GIB = 20

_HOURS_A_MONTH = 730.0

#: What Spot costs of the price on demand, about; it changes by itself.
SPOT_SHARE = 0.3


class Spent:
    """Begins to count when it is made."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._began_s = time.monotonic()

    def so_far(self) -> dict[str, Any]:
        """Return what was taken until now; empty on a machine that is neither function nor task."""
        seconds = time.monotonic() - self._began_s
        memory = self._environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        if memory.isdigit():
            return {"on": "lambda", "seconds": round(seconds, 3), "memory_mib": int(memory)}
        place = self._environment.get("ECS_CONTAINER_METADATA_URI_V4", "")
        if place:
            return self._of_task(place, seconds)
        return {}

    def _of_task(self, place: str, seconds: float) -> dict[str, Any]:
        try:
            # the address is the platform's own
            with urlopen(f"{place}/task", timeout=_TIMEOUT_S) as answer:  # noqa: S310
                told = json.loads(answer.read(_MOST_BYTES))
            limits = told["Limits"]
            spent = {
                "on": "fargate",
                "vcpus": float(limits["CPU"]),
                "memory_mib": int(limits["Memory"]),
            }
            reserved = told.get("EphemeralStorageMetrics") or {}
            if reserved.get("Reserved"):
                spent["disk_gib"] = round(float(reserved["Reserved"]) / 1024)
            if begun := told.get("PullStartedAt"):
                began = datetime.fromisoformat(str(begun).replace("Z", "+00:00"))
                seconds = max(seconds, (datetime.now(UTC) - began).total_seconds())
        except (OSError, ValueError, KeyError, TypeError) as err:
            _LOG.warning("what this task takes is not known: %s", err)
            return {}
        spent["seconds"] = round(seconds, 3)
        if self._environment.get("CAPACITY") == "spot":
            spent["spot"] = True
        volume = self._environment.get("VOLUME_GIB", "")
        if volume.isdigit():
            spent["volume_gib"] = int(volume)
        return spent


def compute_usd(spent: Mapping[str, Any]) -> float:
    """Return what the time and size of one item cost, in US dollars, by the prices of the planner."""
    gb, seconds = float(spent["memory_mib"]) / 1024, float(spent["seconds"])
    if spent["on"] == "lambda":
        return gb * seconds * PRICES["lambda_gb_s"] + PRICES["lambda_request"]
    hours = max(_LEAST_TASK_S, seconds) / 3600
    usd = hours * (float(spent["vcpus"]) * PRICES["fargate_vcpu_h"] + gb * PRICES["fargate_gb_h"])
    usd *= SPOT_SHARE if spent.get("spot") else 1.0
    disk_gib = int(spent.get("disk_gib", 0))
    usd += hours * max(0, disk_gib - _FREE_DISK_GIB) * PRICES["fargate_disk_gb_h"]
    volume_gib = int(spent.get("volume_gib", 0))
    return usd + hours * volume_gib * PRICES["volume_gb_month"] / _HOURS_A_MONTH
