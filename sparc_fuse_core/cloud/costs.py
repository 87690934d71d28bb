"""What a dataset has cost: what its receipts tell, and what AWS has billed for its tag."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.aws import asking, aws_client
from sparc_fuse_core.cloud.environment import RESULTS
from sparc_fuse_core.cloud.request import UPLOADS, WORKSPACE, tag_value
from sparc_fuse_core.cloud.spent import compute_usd
from sparc_fuse_core.errors import CloudError, RequestError
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.plan.estimates import PRICES
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from sparc_fuse_core.cloud.app import App

#: Tag of tasks by which a bill is split; it has to be activated in Billing once.
TAG = "dataset"

#: Where Cost Explorer answers, whatever the region of the app.
_BILLING_REGION = "us-east-1"

#: A TB and month of S3 Standard, US dollars.
STORAGE_USD_PER_TB_MONTH = 23.0

_REQUESTS = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """What the results of one version cost that lie there now, by their receipts.

    Attributes
    ----------
    n_items, n_unknown
        Receipts, and those that do not say what they took (made elsewhere, or by an earlier release).
    lambda_gb_s, vcpu_h
        Time of functions by memory, and of tasks by processors.
    compute_usd, transfer_usd, requests_usd
        Functions and tasks; sources from the publisher's region; objects written and state transitions.
    bytes_in, bytes_out
        Of sources and results.
    """

    version: str
    n_items: int = 0
    n_unknown: int = 0
    lambda_gb_s: float = 0.0
    vcpu_h: float = 0.0
    compute_usd: float = 0.0
    transfer_usd: float = 0.0
    requests_usd: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def usd(self) -> float:
        """All of it but storage."""
        return self.compute_usd + self.transfer_usd + self.requests_usd

    @property
    def storage_usd_month(self) -> float:
        """What the results cost each month."""
        return self.bytes_out / 1e12 * STORAGE_USD_PER_TB_MONTH


def costs(app: App, dataset: str) -> list[Cost]:
    """Return what the results of a dataset cost, version by version.

    Raises
    ------
    RequestError
        If there are no receipts of it.
    """
    folder = safe_relative(dataset.removeprefix(UPLOADS).removeprefix(WORKSPACE)).as_posix()
    below = f"{RESULTS}/{folder}/"
    keys: dict[str, list[str]] = {}
    for key, _ in app.objects.entries(below):
        version, _, rest = key.removeprefix(below).partition("/")
        if rest.startswith(f"{WORK_FOLDER}/receipts/"):
            keys.setdefault(version, []).append(key)
    if not keys:
        message = f"{dataset}: no result was made of it in s3://{app.bucket}/{RESULTS}"
        raise RequestError(message)
    away = not dataset.startswith(UPLOADS) and app.settings.output_region != "us-east-1"
    return [
        _cost(version, _receipts(app, keys[version]), is_transferred=away)
        for version in sorted(keys)
    ]


def _receipts(app: App, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
    def read(key: str) -> dict[str, Any]:
        found = app.objects.read(key)
        try:
            values = json.loads(found[0]) if found else {}
        except ValueError:
            values = {}
        return values if isinstance(values, dict) else {}

    with ThreadPoolExecutor(_REQUESTS) as pool:
        yield from pool.map(read, keys)


def _cost(version: str, receipts: Iterable[Mapping[str, Any]], *, is_transferred: bool) -> Cost:
    n_items = n_unknown = bytes_in = bytes_out = n_objects = 0
    lambda_gb_s = vcpu_h = usd = 0.0
    for receipt in receipts:
        n_items += 1
        bytes_in += int(receipt.get("bytes_in") or 0)
        bytes_out += int(receipt.get("bytes_out") or 0)
        n_objects += int(receipt.get("n_objects") or 0)
        spent = receipt.get("spent")
        if not spent:
            n_unknown += 1
            continue
        usd += compute_usd(spent)
        if spent["on"] == "lambda":
            lambda_gb_s += spent["memory_mib"] / 1024 * spent["seconds"]
        else:
            vcpu_h += spent["vcpus"] * spent["seconds"] / 3600
    return Cost(
        version,
        n_items,
        n_unknown,
        lambda_gb_s,
        vcpu_h,
        usd,
        bytes_in / 1e9 * PRICES["transfer_gb"] if is_transferred else 0.0,
        (n_objects + 2 * n_items) * PRICES["put"] + 8 * n_items * PRICES["transition"],
        bytes_in,
        bytes_out,
    )


def billed(app: App, dataset: str, begin: date, end: date) -> dict[str, float]:
    """Return what AWS has billed for the tag of a dataset, in US dollars by service; Fargate's tasks only.

    Asking costs US$ 0.01.

    Raises
    ------
    CloudError
        If Cost Explorer cannot be asked, or does not know the tag.
    """
    client = aws_client("ce", app.settings, region=_BILLING_REGION)
    found: dict[str, float] = {}
    params: dict[str, Any] = {
        "TimePeriod": {"Start": begin.isoformat(), "End": end.isoformat()},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
        "Filter": {
            "And": [
                {"Tags": {"Key": "project", "Values": [app.settings.stack_name]}},
                {"Tags": {"Key": TAG, "Values": [tag_value(dataset)]}},
            ]
        },
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    while True:
        with asking("Cost Explorer"):
            page = client.get_cost_and_usage(**params)
        try:
            for group in (g for month in page["ResultsByTime"] for g in month["Groups"]):
                amount = float(group["Metrics"]["UnblendedCost"]["Amount"])
                found[group["Keys"][0]] = found.get(group["Keys"][0], 0.0) + amount
        except (KeyError, TypeError, ValueError) as err:
            message = f"Cost Explorer: what it answers cannot be read ({err!r})"
            raise CloudError(message) from err
        if not page.get("NextPageToken"):
            return found
        params["NextPageToken"] = page["NextPageToken"]
