"""What a request would do and cost, before anything is started or changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.cloud.request import UPLOADS
from sparc_fuse_core.cloud.withdrawal_record import refuse_withdrawn
from sparc_fuse_core.errors import CostLimitError, SparcFuseError
from sparc_fuse_core.plan.estimates import ACCURACY
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.manifest import MANIFEST
from sparc_fuse_core.run.work import find_work
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sparc_fuse_core.cloud.environment import Cloud
    from sparc_fuse_core.cloud.request import Request
    from sparc_fuse_core.plan.items import Item, Plan
    from sparc_fuse_core.sources import Source

#: Datasets that are looked at at once.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Expected:
    """What one dataset comes to.

    Attributes
    ----------
    n_items, n_to_do
        All items, and those without a result of the same work.
    n_skipped
        Files that are not converted.
    n_bytes
        Of the sources of what is to be done.
    in_tasks
        Items to be done by Fargate; the others are by Lambda.
    cost_usd
        Estimate, in US dollars; it may be wrong by `sparc_fuse_core.plan.estimates.ACCURACY`.
    has_manifest
        Whether an earlier run of this version came to its end.
    """

    dataset_id: str
    version: str
    n_items: int
    n_to_do: int
    n_skipped: int
    n_bytes: int
    in_tasks: int
    cost_usd: float
    has_manifest: bool

    @property
    def most_usd(self) -> float:
        """What a limit is held against."""
        return ACCURACY * self.cost_usd

    @property
    def is_done(self) -> bool:
        """Whether a run would find nothing to do."""
        return not self.n_to_do and self.has_manifest


def open_requested(request: Request, cloud: Cloud) -> Source:
    """Return the source of a request's dataset; errors as `sparc_fuse_core.sources.open_source`."""
    if request.dataset_id.startswith(UPLOADS):
        return open_source(f"s3://{cloud.bucket}/{request.dataset_id}", settings=cloud.settings)
    return open_source(request.dataset_id, version=request.version, settings=cloud.settings)


def expect(request: Request, cloud: Cloud) -> Expected:
    """Return what a run of ``request`` would find to do; nothing is changed, no lock is taken.

    Raises
    ------
    DatasetWithdrawnError
        If its results were withdrawn from the app.
    SourceError
        If the dataset cannot be had.
    PublishError
        If the results cannot be read.
    """
    source = open_requested(request, cloud)
    plan = plan_dataset(
        source, load_schemes(), cloud.settings, paths=request.paths, options=request.options
    )
    destination = cloud.open(may_delete=False)
    refuse_withdrawn(plan.dataset_id, destination)
    work = find_work(
        plan,
        destination,
        paths=request.paths,
        overwrite=request.overwrite,
        on_known=lambda _: None,
    )
    return Expected(
        plan.dataset_id,
        plan.version,
        len(plan.items),
        len(work.to_do),
        len(plan.skipped),
        sum(item.size_bytes for item in work.to_do),
        sum(item.runner == "fargate" for item in work.to_do),
        sum(item.cost_usd for item in work.to_do),
        destination.read_bytes(f"{plan.folder}/{MANIFEST}") is not None,
    )


def expect_all(
    requests: Iterable[Request], cloud: Cloud
) -> Iterator[tuple[Request, Expected | SparcFuseError]]:
    """Yield what each request comes to, or why that cannot be told; one fault stops no other."""

    def one(request: Request) -> tuple[Request, Expected | SparcFuseError]:
        try:
            return request, expect(request, cloud)
        except SparcFuseError as err:
            return request, err

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(one, requests)


def check_own_limit(expected: Expected, request: Request) -> None:
    """Hold what one dataset would cost against the limit that its own request states.

    Raises
    ------
    CostLimitError
        If it is more.
    """
    limit_usd = request.cost_limit_usd
    if limit_usd is not None and expected.most_usd > limit_usd:
        message = (
            f"dataset {expected.dataset_id}: about {expected.cost_usd:.4f} US dollars, at most "
            f"{expected.most_usd:.4f}, more than its limit of {limit_usd:.4f}"
        )
        raise CostLimitError(message)


def check_cost(plan: Plan, to_do: Sequence[Item], request: Request, default_usd: int) -> None:
    """Hold what is to be done against the request's limit, or the app's (``default_usd``, 0 for none).

    Raises
    ------
    CostLimitError
        If it would cost more.
    """
    cost_usd = sum(item.cost_usd for item in to_do)
    most_usd = ACCURACY * cost_usd
    stated_usd = request.cost_limit_usd
    limit_usd = stated_usd if stated_usd is not None else default_usd or None
    if limit_usd is not None and most_usd > limit_usd:
        whose = "limit" if stated_usd is not None else "app's limit (for requests that state none)"
        message = (
            f"dataset {plan.dataset_id}: about {cost_usd:.4f} US dollars, at most {most_usd:.4f}, more than "
            f"the {whose} of {limit_usd:.4f}; raise cost_limit_usd or choose fewer paths"
        )
        raise CostLimitError(message)
