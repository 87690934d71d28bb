"""What a run has to do, and what came of it: one algorithm for one machine and the cloud.

Found first: items without a result of the same key are to be done, the others are known. Then what would
claim too much is withdrawn. When all is done, each item is settled: one receipt, and nothing left over that
reads as a result.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sparc_fuse_core.convert.receipt import (
    Receipt,
    is_whole,
    lost,
    read_receipt,
    receipt_key,
    thumbnail_path,
)
from sparc_fuse_core.run.manifest import withdraw_manifest
from sparc_fuse_core.run.reuse import mark_earlier
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sparc_fuse_core.plan.items import Item, Plan
    from sparc_fuse_core.storage.destination import Destination

_In = TypeVar("_In")
_Out = TypeVar("_Out")

#: Requests to the destination in flight at once.
_REQUESTS = 32

#: Receipts in memory at once where there may be a hundred thousand.
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Work:
    """What a plan comes to, beside what earlier runs did.

    Attributes
    ----------
    to_do
        Items without a result of the same key, in the plan's order.
    known
        Receipts of unchanged items, and of files that a request for some paths does not name.
    dropped
        Outputs of earlier runs that the whole dataset no longer has.
    is_whole
        Whether all paths were asked for.
    """

    to_do: list[Item]
    known: list[Receipt]
    dropped: list[str]
    is_whole: bool


def find_work(
    plan: Plan,
    destination: Destination,
    stays: Callable[[Receipt], bool] = lambda _: True,
    *,
    paths: Sequence[str] = (),
    overwrite: bool = False,
    on_known: Callable[[list[Receipt]], None] | None = None,
) -> Work:
    """Return what is to be done for ``plan``; nothing is changed.

    Parameters
    ----------
    stays
        Asked of each unchanged result whether it may stay; else it is made again.
    paths
        What was asked for; everything if empty.
    overwrite
        Do again what is done already.
    on_known
        Takes the known receipts some hundred at a time; they are then not held, and not in what is returned.
    """
    held: list[Receipt] = []
    hand_over = on_known or held.extend
    earlier = set(_earlier_outputs(plan, destination))
    planned = {item.output for item in plan.items}
    find_done = done_already(plan, destination)

    def unchanged(item: Item) -> Receipt | None:
        if overwrite or item.output not in earlier:
            return None
        done = find_done(item)
        return done if done is not None and stays(done) else None

    to_do: list[Item] = []
    for items in batched(plan.items):
        found = each(unchanged, items)
        to_do += [item for item, receipt in zip(items, found, strict=True) if receipt is None]
        hand_over([receipt for receipt in found if receipt is not None])
    if not overwrite:
        to_do = mark_earlier(plan, to_do, destination)
    others = sorted(earlier - planned)
    if not paths:
        return Work(to_do, held, others, is_whole=True)
    for outputs in batched(others):
        kept = each(lambda output: read_receipt(destination, plan.folder, output), outputs)
        # what this run did not do is not counted as done by it
        hand_over(
            [
                dataclasses.replace(receipt, status="unchanged") if receipt.is_done else receipt
                for receipt in kept
                if receipt is not None
            ]
        )
    return Work(to_do, held, [], is_whole=False)


def mark_replaced(
    plan: Plan,
    work: Work,
    destination: Destination,
    stays: Callable[[Receipt], bool] = lambda _: True,
) -> Work:
    """Return the work; items whose same work has a whole result say so, and `withdraw` leaves that alone.

    For workers that nobody watches: their item names the receipt that is not theirs.
    """
    find_done = done_already(plan, destination)

    def marked(item: Item) -> Item:
        if find_done(item) is None:
            return item
        receipt = read_receipt(destination, plan.folder, item.output)
        if receipt is None or not stays(receipt):
            return item
        return dataclasses.replace(item, replaces=receipt.mark)

    return dataclasses.replace(work, to_do=each(marked, work.to_do))


def done_already(plan: Plan, destination: Destination) -> Callable[[Item], Receipt | None]:
    """Return what tells whether an item is done: its receipt as ``"unchanged"``, else None.

    Done means: a receipt that speaks for the item, of files as they are now, and a whole result.
    """
    siblings = {file.path: file.identity for file in plan.siblings}

    def find(item: Item) -> Receipt | None:
        receipt = read_receipt(destination, plan.folder, item.output)
        if (
            receipt is None
            or not receipt.speaks_for(item)
            or not receipt.proves(plan.options.verify)
            or not _set_is_the_same(receipt, item, siblings)
            or not is_whole(receipt, plan.folder, destination)
        ):
            return None
        return dataclasses.replace(receipt, status="unchanged")

    return find


def standing(
    receipt: Receipt,
    items: Sequence[Item],
    plan: Plan,
    destination: Destination,
    stays: Callable[[Receipt], bool] = lambda _: True,
) -> Receipt:
    """Return a receipt, or the earlier one of the same work where doing it again failed.

    The result of the same file, converter and options is still there, whole: a full disk or a worker that
    was lost is no reason to take it away.
    """
    if receipt.is_done:
        return receipt
    # a name that is no UTF-8 is another one in its receipt
    item = next((item for item in items if item.output == receipt.output), None)
    earlier = None if item is None else done_already(plan, destination)(item)
    if earlier is None or not stays(earlier):
        return receipt
    return _in_place_of(receipt, earlier)


def standing_replaced(
    receipt: Receipt, item: Item, folder: str, destination: Destination
) -> Receipt:
    """Return a receipt, or the one that ``item`` was to replace if that result is still whole."""
    if receipt.is_done or not item.replaces:
        return receipt
    earlier = read_receipt(destination, folder, item.output)
    if (
        earlier is None
        or earlier.mark != item.replaces
        or not is_whole(earlier, folder, destination)
    ):
        return receipt
    return _in_place_of(receipt, earlier)


def _in_place_of(failed: Receipt, earlier: Receipt) -> Receipt:
    why = f"converting it again failed, so the earlier result stands: {failed.error}: {failed.message}"
    return dataclasses.replace(earlier, status="unchanged", message=why)


def withdraw(plan: Plan, work: Work, destination: Destination, *, replaced: bool) -> None:
    """Take away what would claim too much while results change: the manifest first.

    Parameters
    ----------
    replaced
        Take away results that will be replaced too, and their receipts: where a worker can be lost, an older
        receipt must not speak for it. What `mark_replaced` marked stays.
    """
    if work.to_do or work.dropped:
        withdraw_manifest(plan, destination)

    def remove(output: str) -> None:
        destination.remove_result(f"{plan.folder}/{output}")
        destination.remove_result(receipt_key(plan.folder, output))
        destination.remove_result(f"{plan.folder}/{thumbnail_path(output)}")

    def clear(item: Item) -> None:
        destination.withdraw_result(f"{plan.folder}/{item.output}")
        destination.remove_result(receipt_key(plan.folder, item.output))

    each(remove, work.dropped)
    if replaced:
        each(clear, (item for item in work.to_do if not item.replaces))


def settle(folder: str, items: Iterable[Item], destination: Destination) -> list[Receipt]:
    """Return one receipt for each item, in their order, after removing what is no result.

    An item without a receipt was lost with its worker: it is ``"failed"``. A result without a converted
    receipt (an older version of a file that now fails) is removed, so that nothing stale reads as a result;
    so is what a worker had to leave because it may not delete.
    """

    def settled(item: Item) -> Receipt:
        receipt = read_receipt(destination, folder, item.output)
        is_other = receipt is not None and receipt.mark == item.replaces
        if receipt is None or receipt.key != item.key or is_other:
            receipt = standing_replaced(lost(item), item, folder, destination)
        if receipt.is_done:
            for leftover in receipt.leftovers:
                destination.remove_result(leftover)
        else:
            destination.remove_result(f"{folder}/{item.output}")
        if not receipt.thumbnail:
            # of an older version of the file
            destination.remove_result(f"{folder}/{thumbnail_path(item.output)}")
        return dataclasses.replace(receipt, leftovers=())

    return each(settled, items)


def batched(things: Sequence[_In], n: int = _TOGETHER) -> Iterator[Sequence[_In]]:
    """Yield ``things`` some at a time: what comes of all of them is never held at once."""
    for start in range(0, len(things), n):
        yield things[start : start + n]


def each(work: Callable[[_In], _Out], things: Iterable[_In]) -> list[_Out]:
    """Return what ``work`` gives for each of ``things``, many side by side: for requests."""
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(work, things))


def _set_is_the_same(receipt: Receipt, item: Item, siblings: Mapping[str, str]) -> bool:
    """Whether the files that a set's description named are as they were; the item's key has its own only."""
    planned = {file.path for file in item.files}
    return all(
        siblings.get(file["path"]) == file.get("identity")
        for file in receipt.files
        if file["path"] not in planned
    )


def _earlier_outputs(plan: Plan, destination: Destination) -> list[str]:
    """Return the outputs that receipts of earlier runs name."""
    prefix = f"{plan.folder}/{WORK_FOLDER}/receipts/"
    return [
        key.removeprefix(prefix).removesuffix(".json")
        for key in destination.list_keys(prefix.rstrip("/"))
        if key.endswith(".json")
    ]
