"""Fargate: convert the one item that ``RUN_KEY`` and ``ITEM_INDEX`` name.

Exit code 0 if the item has its receipt, whatever it says; 99 if it needs a larger machine and there is one
(``HAS_LARGER`` is ``true``, or ``disk`` where only the disk can be larger); 1 if the task could not bring one.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import time

from sparc_fuse_core.cloud.environment import Cloud
from sparc_fuse_core.cloud.tasks import convert_task, record_failure
from sparc_fuse_core.errors import (
    DiskFullError,
    OutOfMemoryError,
    OutputNotWritableError,
    PublishError,
    SourceUnavailableError,
    SparcFuseError,
)
from sparc_fuse_core.privacy.quiet import quiet_libraries

_LOG = logging.getLogger(__name__)

_ATTEMPTS = 4

#: Exit code by which the workflow hears that the item needs a larger machine.
NEEDS_LARGER = 99
_LARGER = (OutOfMemoryError, DiskFullError)
_CURED_BY: dict[str, tuple[type[SparcFuseError], ...]] = {
    "true": _LARGER,
    "disk": (DiskFullError,),
}

#: What this same task cannot do another time.
_NOT_AGAIN = (OutOfMemoryError, OutputNotWritableError, DiskFullError)

#: First pause, in pauses between two requests: those were all tried before the item failed.
_PAUSES = 40


def main() -> int:
    """Convert the item and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    quiet_libraries()
    try:
        cloud = Cloud.from_environment()
        run_key, index = os.environ["RUN_KEY"], int(os.environ["ITEM_INDEX"])
        status = _convert(run_key, index, cloud)["status"]
    except _LARGER as err:
        _LOG.warning("item %s: %s; it goes to a larger task", index, err)
        return NEEDS_LARGER
    except (SparcFuseError, KeyError, ValueError) as err:
        _LOG.error("%s: %s", type(err).__name__, err)
        return 1
    _LOG.info("item %s: %s", index, status)
    return 0


def _convert(run_key: str, index: int, cloud: Cloud) -> dict[str, str]:
    """Convert; the workflow sees only exit codes, so what is transient is tried again here."""
    for attempt in range(_ATTEMPTS):
        is_last = attempt == _ATTEMPTS - 1
        try:
            return convert_task(run_key, index, cloud)
        except (SourceUnavailableError, OutOfMemoryError, PublishError) as err:
            if isinstance(err, _CURED_BY.get(os.environ.get("HAS_LARGER", ""), ())):
                raise
            if is_last or isinstance(err, _NOT_AGAIN):
                cause = json.dumps({"errorMessage": str(err)})
                failure = {"Error": type(err).__name__, "Cause": cause}
                return record_failure(run_key, index, failure, cloud)
            longest_s = _PAUSES * cloud.settings.retry_pause_s * 2**attempt
            time.sleep(random.uniform(0, longest_s))  # noqa: S311 - full jitter
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main())
