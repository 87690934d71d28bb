"""Bring a dataset's folder in order before the manifest: receipts read, results checked, leftovers gone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sparc_fuse_core.convert.receipt import Receipt, lost, read_receipt, receipt_key
from sparc_fuse_core.storage.destination import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sparc_fuse_core.plan.items import Item, Plan
    from sparc_fuse_core.storage.destination import Destination


def split_done(plan: Plan, destination: Destination) -> tuple[list[Item], list[Receipt]]:
    """Return (items still to do, receipts of those already converted, as ``"unchanged"``).

    Done means: a receipt with the item's key, status converted or unchanged, and a whole result.
    """
    to_do, done = [], []
    is_done = done_already(plan, destination)
    for item in plan.items:
        receipt = is_done(item)
        if receipt is None:
            to_do.append(item)
        else:
            done.append(receipt)
    return to_do, done


def done_already(plan: Plan, destination: Destination) -> Callable[[Item], Receipt | None]:
    """Return what tells whether an item is done: its receipt as ``"unchanged"``, else None."""
    siblings = {file.path: file.identity for file in plan.siblings}

    def find(item: Item) -> Receipt | None:
        receipt = read_receipt(destination, plan.folder, item.output)
        if (
            receipt is None
            or receipt.key != item.key
            or not receipt.is_done
            or not _set_is_the_same(receipt, item, siblings)
            or not is_whole(receipt, plan.folder, destination)
        ):
            return None
        return dataclasses.replace(receipt, status="unchanged")

    return find


def is_whole(receipt: Receipt, folder: str, destination: Destination) -> bool:
    """Whether a receipt's result opens and has all its objects, to the byte."""
    found = destination.count_result(f"{folder}/{receipt.output}")
    return found == (receipt.n_objects, receipt.bytes_out)


def _set_is_the_same(receipt: Receipt, item: Item, siblings: Mapping[str, str]) -> bool:
    """Whether the files that a set's description named are as they were; the item's key has its own only."""
    planned = {file.path for file in item.files}
    return all(
        siblings.get(file["path"]) == file.get("identity")
        for file in receipt.files
        if file["path"] not in planned
    )


def consolidate(plan: Plan, destination: Destination) -> list[Receipt]:
    """Return one receipt for each item of the plan, in its order, after setting the folder right.

    An item without a receipt was lost with its worker: it is ``"failed"``. A result without a converted
    receipt (an older version of a file that now fails) is removed, so that nothing stale reads as a result.
    """
    receipts = []
    for item in plan.items:
        receipt = read_receipt(destination, plan.folder, item.output)
        if receipt is None or receipt.key != item.key:
            receipt = lost(item)
        if not receipt.is_done:
            destination.remove_result(f"{plan.folder}/{item.output}")
        receipts.append(receipt)
    return receipts


def with_earlier(
    plan: Plan, receipts: list[Receipt], destination: Destination, paths: Sequence[str]
) -> list[Receipt]:
    """Add what earlier runs did to files that this run did not name, so that the manifest is whole."""
    if not paths:
        return receipts
    known = {receipt.output for receipt in receipts}
    others = [
        read_receipt(destination, plan.folder, output)
        for output in earlier_outputs(plan, destination)
        if output not in known
    ]
    # what this run did not do is not counted as done by it
    kept = [
        dataclasses.replace(r, status="unchanged" if r.is_done else r.status)
        for r in others
        if r is not None
    ]
    return sorted([*receipts, *kept], key=lambda r: r.path)


def remove_output(plan: Plan, output: str, destination: Destination) -> None:
    """Remove a result of an earlier run, and its receipt."""
    destination.remove_result(f"{plan.folder}/{output}")
    destination.remove_result(receipt_key(plan.folder, output))


def earlier_outputs(plan: Plan, destination: Destination) -> list[str]:
    """Return the outputs that receipts of earlier runs name."""
    prefix = f"{plan.folder}/{WORK_FOLDER}/receipts/"
    return [
        key.removeprefix(prefix).removesuffix(".json")
        for key in destination.list_keys(prefix.rstrip("/"))
        if key.endswith(".json")
    ]
