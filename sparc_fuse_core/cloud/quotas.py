"""What the account lets run at once, and how many items that is.

A quota that cannot be asked for bounds nothing: items that find no room wait, whatever was expected here.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sparc_fuse_core.cloud.aws import asking, aws_client
from sparc_fuse_core.errors import CloudError, SizeLimitError
from sparc_fuse_core.plan.estimates import FargateSize, fargate_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sparc_fuse_core.plan.items import Item
    from sparc_fuse_core.settings import Settings

_T = TypeVar("_T")

_LOG = logging.getLogger(__name__)

#: Service Quotas' codes of "Fargate Spot vCPU resource count" and "Fargate On-Demand vCPU resource count".
_SPOT_VCPUS = "L-36FBB829"
_DEMAND_VCPUS = "L-3032A538"

#: Of the account's functions, what is left to those that plan, start and collect.
_OTHERS_SHARE = 0.1

#: The plan does not wait long for an answer that it can do without.
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """What runs at once at most; None where it is not known.

    Attributes
    ----------
    functions
        Invocations of Lambda functions: the account's, or what is reserved for the converting one.
    spot_vcpus, demand_vcpus
        vCPUs of Fargate Spot tasks, and of tasks on demand.
    """

    functions: int | None = None
    spot_vcpus: float | None = None
    demand_vcpus: float | None = None

    @property
    def task_vcpus(self) -> float | None:
        """VCPUs that one task may have, on Spot and on demand."""
        return min((q for q in (self.spot_vcpus, self.demand_vcpus) if q is not None), default=None)

    def to_json(self) -> dict[str, float]:
        """Return what is known, JSON-able."""
        known = dataclasses.asdict(self)
        return {name: value for name, value in known.items() if value is not None}


def account_quotas(settings: Settings, items: Sequence[Item], *, reserved: int = 0) -> Quotas:
    """Return the quotas that matter for ``items``.

    Parameters
    ----------
    reserved
        Concurrency that is reserved for the converting function; 0 if it shares the account's.
    """
    runners = {item.runner for item in items}
    functions: int | None = None
    if "lambda" in runners:
        functions = reserved or _functions(settings)
    if not runners:
        return Quotas()
    # what is planned for a function may need a task yet
    spot, demand = (_vcpus(code, settings) for code in (_SPOT_VCPUS, _DEMAND_VCPUS))
    return Quotas(functions, spot, demand)


def items_at_once(items: Sequence[Item], quotas: Quotas, settings: Settings, most: int) -> int:
    """Return how many of ``items`` run at once: as many as find room, ``most`` at most, at least one."""
    in_functions = sum(item.runner == "lambda" for item in items)
    in_tasks = len(items) - in_functions
    if quotas.functions is not None:
        in_functions = min(in_functions, max(1, round(quotas.functions * (1 - _OTHERS_SHARE))))
    if quotas.spot_vcpus is not None and in_tasks:
        sizes = [size_within(item, quotas, settings) for item in items if item.runner == "fargate"]
        smallest = min((size.vcpus for size in sizes if size is not None), default=0.25)
        in_tasks = min(in_tasks, max(1, int(quotas.spot_vcpus / smallest)))
    return max(1, min(most, in_functions + in_tasks))


def size_within(item: Item, quotas: Quotas, settings: Settings) -> FargateSize | None:
    """Return the task for an item, as large as the account may run; None if it may run none that holds it."""
    try:
        return fargate_size(item, settings, quotas.task_vcpus)
    except SizeLimitError:
        return None


def _functions(settings: Settings) -> int | None:
    def ask(client: Any) -> int:
        limits = client.get_account_settings()["AccountLimit"]
        # without what is reserved for single functions
        return int(limits.get("UnreservedConcurrentExecutions") or limits["ConcurrentExecutions"])

    return _asked("lambda", ask, settings)


def _vcpus(code: str, settings: Settings) -> float | None:
    def ask(client: Any) -> float:
        answer = client.get_service_quota(ServiceCode="fargate", QuotaCode=code)
        return float(answer["Quota"]["Value"])

    return _asked("service-quotas", ask, settings)


def _asked(service: str, ask: Callable[[Any], _T], settings: Settings) -> _T | None:
    try:
        client = aws_client(service, settings, timeout_s=_TIMEOUT_S, attempts=2)
        with asking(service):
            return ask(client)
    except (CloudError, KeyError, TypeError, ValueError) as err:
        _LOG.warning("the account's quota is not known: %s", err)
        return None
