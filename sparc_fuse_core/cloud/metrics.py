"""What a run costs and came to, as CloudWatch metrics: lines of the log in the embedded metric format.

CloudWatch reads the numbers out of the log, so nothing is called and no right is needed. Without
``METRICS_NAMESPACE`` nothing is logged. Format: AWS, "CloudWatch embedded metric format", specification 1.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sparc_fuse_core.convert.receipt import Receipt

#: Every metric with its unit, as CloudWatch names units.
METRICS = {
    "ItemsConverted": "Count",
    "ItemsUnchanged": "Count",
    "ItemsUnsupported": "Count",
    "ItemsFailed": "Count",
    "ItemsFailedForNow": "Count",
    "FailedPercent": "Percent",
    "Seconds": "Seconds",
    "Gigabytes": "Gigabytes",
    "CostUsd": "None",
}

#: Classes of errors that are announced, the most frequent first.
_MOST_CLASSES = 20

_GB = 1_000_000_000


class RunMetrics:
    """Counts receipts on their way to somebody else: those of a large dataset are read from a disk."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self.n_for_now = 0
        self._seconds, self._n_bytes = 0.0, 0

    def counting(self, receipts: Iterable[Receipt]) -> Iterator[Receipt]:
        """Yield ``receipts`` as they come."""
        for receipt in receipts:
            self._counts[receipt.status] += 1
            self.n_for_now += receipt.failed_for_now
            if receipt.status == "failed":
                self._errors[receipt.error] += 1
            if receipt.status == "converted":
                self._seconds += receipt.seconds
                self._n_bytes += receipt.bytes_in
            yield receipt

    @property
    def errors(self) -> dict[str, int]:
        """Failed items by the class of their error, the most frequent first."""
        return dict(self._errors.most_common(_MOST_CLASSES))

    @property
    def failed_percent(self) -> float:
        """Of the items that can be converted, those that failed."""
        n_failed = self._counts["failed"]
        n_items = n_failed + self._counts["converted"] + self._counts["unchanged"]
        return round(100 * n_failed / n_items, 1) if n_items else 0.0

    def values(self) -> dict[str, float]:
        """Return items by status, and seconds and source gigabytes of what was converted in this run."""
        return {
            "ItemsConverted": self._counts["converted"],
            "ItemsUnchanged": self._counts["unchanged"],
            "ItemsUnsupported": self._counts["unsupported"],
            "ItemsFailed": self._counts["failed"],
            "ItemsFailedForNow": self.n_for_now,
            "FailedPercent": self.failed_percent,
            "Seconds": self._seconds,
            "Gigabytes": self._n_bytes / _GB,
        }


def log_metrics(
    values: Mapping[str, float],
    facts: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Log ``values``, each a name of `METRICS`, with ``facts`` that logs can be searched for.

    Raises
    ------
    KeyError
        If a name is no metric.
    """
    variables = os.environ if environment is None else environment
    namespace = variables.get("METRICS_NAMESPACE", "")
    if not namespace:
        return
    definition = {
        "Namespace": namespace,
        "Dimensions": [[]],
        "Metrics": [{"Name": name, "Unit": METRICS[name]} for name in values],
    }
    about = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [definition]}
    # one write: lines of the log must not be mixed
    sys.stdout.write(json.dumps({"_aws": about, **facts, **values}, allow_nan=False) + "\n")
    sys.stdout.flush()
