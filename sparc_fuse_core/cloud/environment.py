"""What a task knows from its environment, and where things lie in the app's bucket."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.addresses import s3_parts
from sparc_fuse_core.cloud.lock import RunLock
from sparc_fuse_core.errors import (
    RequestError,
)
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.bucket import open_bucket
from sparc_fuse_core.storage.destination import open_destination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sparc_fuse_core.storage.destination import Destination

#: Where things lie in the bucket; results elsewhere than what starts an execution.
RESULTS = "datasets"
REQUESTS = "requests/"


@dataclass(frozen=True, slots=True)
class Cloud:
    """What a task knows from its environment.

    Attributes
    ----------
    target
        ``s3://bucket/prefix`` of the results (``OUTPUT_URI``).
    settings
        From ``SPARC_FUSE_…``.
    max_concurrency
        Items that run at once at most (``MAX_CONCURRENCY``).
    convert_concurrency
        Invocations reserved for the converting function (``CONVERT_CONCURRENCY``); 0 for none.
    cost_limit_usd
        Of a request that states none (``COST_LIMIT_USD``, whole US dollars); 0 for no limit.
    distribution_id
        Of the network that publishes the results (``DISTRIBUTION_ID``); ``""`` if none does.
    """

    target: str
    settings: Settings
    max_concurrency: int = 200
    convert_concurrency: int = 0
    cost_limit_usd: int = 0
    distribution_id: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Cloud:
        """Read the environment.

        Raises
        ------
        RequestError
            If a variable is missing or cannot be used.
        """
        variables = os.environ if environment is None else environment
        target = variables.get("OUTPUT_URI", "")
        try:
            s3_parts(target)
        except RequestError as err:
            message = f"OUTPUT_URI={target!r}: expected s3://bucket/prefix"
            raise RequestError(message) from err
        limits = []
        for name, default in (
            ("MAX_CONCURRENCY", "200"),
            ("CONVERT_CONCURRENCY", ""),
            ("COST_LIMIT_USD", ""),
        ):
            text = variables.get(name) or default
            if text and (not text.isdigit() or not int(text)):
                message = f"{name}={text!r}: expected a positive integer"
                raise RequestError(message)
            limits.append(int(text or 0))
        at_once, reserved, cost_usd = limits
        return cls(
            target,
            Settings.from_environment(variables),
            at_once,
            reserved,
            cost_usd,
            variables.get("DISTRIBUTION_ID", ""),
        )

    @property
    def bucket(self) -> str:
        """Name of the app's bucket."""
        return s3_parts(self.target)[0]

    @property
    def prefix(self) -> str:
        """Prefix of the results in the bucket, ``""`` or with a slash at its end."""
        prefix = s3_parts(self.target)[1].strip("/")
        return f"{prefix}/" if prefix else ""

    def open(
        self, *, may_delete: bool = True, fence: Callable[[], None] | None = None
    ) -> Destination:
        """Open the results bucket; parameters as `sparc_fuse_core.storage.destination.open_destination`."""
        return open_destination(self.target, self.settings, may_delete=may_delete, fence=fence)

    def lock(self, folder: str, execution: str) -> RunLock:
        """Return the lock of a folder of results for an execution."""
        bucket = open_bucket(self.bucket, self.prefix.rstrip("/"), self.settings)
        return RunLock(bucket, folder, execution, self.settings)
