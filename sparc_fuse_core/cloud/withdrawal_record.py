"""The record of a withdrawal: as long as it is there, no execution plans the dataset.

It lies at ``.sparc-fuse/withdrawn/<id>.json`` below the results and says which dataset, when, and how much
was removed.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import DatasetWithdrawnError
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from sparc_fuse_core.storage.destination import Destination

#: Where the records lie, below the results.
RECORDS = f"{WORK_FOLDER}/withdrawn/"


def record_key(dataset_id: str) -> str:
    """Return where the record of a dataset, by its id in the results, lies."""
    return f"{RECORDS}{dataset_id}.json"


def refuse_withdrawn(dataset_id: str, destination: Destination) -> None:
    """Let nothing be done for a dataset, by its id in the results, that was withdrawn.

    Raises
    ------
    DatasetWithdrawnError
        If it was; the message says how that is lifted.
    """
    data = destination.read_bytes(record_key(dataset_id))
    if data is None:
        return
    when = ""
    with contextlib.suppress(ValueError, KeyError, TypeError):  # that it is there is what counts
        when = f" on {str(json.loads(data)['withdrawn'])[:10]}"
    message = (
        f"dataset {dataset_id}: its results were withdrawn from this app{when}; to convert it again, lift that "
        f"first: sparc-fuse cloud withdraw {dataset_id} --allow-again"
    )
    raise DatasetWithdrawnError(message)
