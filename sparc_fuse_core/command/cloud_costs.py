"""``sparc-fuse cloud cost``: what a dataset has cost, by its receipts and by AWS's bill."""

from __future__ import annotations

import argparse
import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.cloud_progress import say
from sparc_fuse_core.command.exit_codes import OK
from sparc_fuse_core.command.tables import aligned

if TYPE_CHECKING:
    from sparc_fuse_core.cloud.app import App

_HEAD = (
    *("version", "items", "unknown", "Lambda GB-s", "Fargate vCPU-h"),
    *("compute US$", "transfer US$", "requests US$", "sum US$", "stored GB", "US$ a month"),
)

#: Days of bills that are asked for; AWS keeps thirteen months.
_DAYS = 90


def add_cost(command: argparse.ArgumentParser) -> None:
    """Add the options of ``cost``."""
    command.add_argument("dataset", help="Discover id, or uploads/NAME")
    command.add_argument(
        "--billed",
        action="store_true",
        help="also what AWS has billed for the dataset's tag (asking costs US$ 0.01)",
    )
    command.add_argument(
        "--since", type=_day, metavar="DAY", help=f"first day of the bill ({_DAYS} days ago)"
    )
    command.add_argument("--json", action="store_true", help="print as JSON")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text}: a day such as 2026-01-31"
        raise argparse.ArgumentTypeError(message) from None


def show_costs(app: App, options: argparse.Namespace) -> int:
    """Print what the results of a dataset cost."""
    from sparc_fuse_core.cloud.costs import billed, costs

    found = costs(app, options.dataset)
    bill: dict[str, float] | None = None
    end = datetime.now(UTC).date() + timedelta(days=1)
    begin = options.since or end - timedelta(days=_DAYS)
    if options.billed:
        bill = billed(app, options.dataset, begin, end)
    if options.json:
        values: dict[str, Any] = {
            "dataset": options.dataset,
            "versions": [
                {
                    **dataclasses.asdict(cost),
                    "usd": cost.usd,
                    "storage_usd_month": cost.storage_usd_month,
                }
                for cost in found
            ],
        }
        if bill is not None:
            values["billed_usd"] = bill
        say(json.dumps(values, indent=1))
        return OK
    rows = [
        (
            cost.version,
            str(cost.n_items),
            str(cost.n_unknown),
            f"{cost.lambda_gb_s:.0f}",
            f"{cost.vcpu_h:.2f}",
            f"{cost.compute_usd:.4f}",
            f"{cost.transfer_usd:.4f}",
            f"{cost.requests_usd:.4f}",
            f"{cost.usd:.4f}",
            f"{cost.bytes_out / 1e9:.3f}",
            f"{cost.storage_usd_month:.4f}",
        )
        for cost in found
    ]
    for line in aligned(_HEAD, rows):
        say(line)
    say(
        "by the receipts of what lies there now: attempts without a result, planning and what was replaced "
        "since are not in it"
    )
    if bill is not None:
        for service, usd in sorted(bill.items()):
            say(f"billed since {begin} for the tag: {service}: US$ {usd:.4f}")
        if not bill:
            say(
                f"billed since {begin} for the tag: nothing; tags count from the day after `dataset` and "
                "`project` were activated as cost allocation tags, and only Fargate has them"
            )
    return OK
