"""Withdraw a dataset from the results and from the catalogue that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.describe.names import CATALOGUE, PUBLIC_CATALOGUE
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.storage.withdrawal import remove_older_versions, withdraw

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.withdrawal import Withdrawal


def withdraw_everywhere(
    target: str | Path, dataset_id: str, settings: Settings, *, remove: bool
) -> Withdrawal:
    """Do what `sparc_fuse_core.storage.withdrawal.withdraw` does, and take the dataset out of the catalogue.

    A versioned bucket keeps the catalogue's earlier versions, which list the dataset too: those go as well.
    Called again it finishes what was cut short. Parameters and errors are those of that function.
    """
    found = withdraw(target, dataset_id, settings, remove=remove)
    if remove:
        from sparc_fuse_core.describe.items import add_to_catalogue

        destination = open_destination(target, settings)
        if destination.read_bytes(CATALOGUE) is not None:
            add_to_catalogue(destination, dataset_id, None)
            for name in (CATALOGUE, PUBLIC_CATALOGUE):
                remove_older_versions(target, name, settings)
    return found
