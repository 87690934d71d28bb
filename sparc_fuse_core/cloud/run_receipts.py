"""The receipts of a run in the bucket, a hundred in an object: no task holds those of all items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.run_objects import ITEMS_TOGETHER, read_object, write_object
from sparc_fuse_core.run.spool import Spool
from sparc_fuse_core.run.work import batched, each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.storage.destination import Destination


class KnownReceipts:
    """Puts receipts into objects of the run, as they come."""

    def __init__(self, destination: Destination, run_key: str) -> None:
        self._destination, self._run_key = destination, run_key
        self._waiting: list[dict[str, Any]] = []
        self.n_objects = 0

    def add(self, receipts: Sequence[Receipt]) -> None:
        """Take some more."""
        for receipt in receipts:
            self._waiting.append(receipt.to_json())
            if len(self._waiting) == ITEMS_TOGETHER:
                self.end()

    def end(self) -> None:
        """Put what has not yet been put."""
        if self._waiting:
            write_object(
                self._destination, _known_key(self._run_key, self.n_objects), self._waiting
            )
            self.n_objects += 1
            self._waiting = []


def _known_key(run_key: str, number: int) -> str:
    return f"{run_key}/known/{number:06d}.json"


def receipts_key(run_key: str, start: int) -> str:
    """Return where the receipts of the items lie of which the first has the index ``start``."""
    return f"{run_key}/receipts/{start // ITEMS_TOGETHER:06d}.json"


def receipts_of(
    run_key: str, stated: Mapping[str, Any], destination: Destination, scratch: Path
) -> Spool:
    """Collect all receipts of a run on this machine's disk."""
    spool = Spool(scratch)
    read_object(destination, f"{run_key}/receipts.json")  # or they are not all there
    keys = [_known_key(run_key, number) for number in range(stated["n_known"])]
    keys += [receipts_key(run_key, start) for start in range(0, stated["n_to_do"], ITEMS_TOGETHER)]
    for together in batched(keys, 32):
        for values in each(lambda key: read_object(destination, key), together):
            for receipt in values:
                spool.add(receipt)
    return spool
