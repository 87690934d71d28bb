"""Withdraw a dataset from the app: results, originals and watching, recorded so that it is not made again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.environment import RESULTS
from sparc_fuse_core.cloud.published import forget_withdrawn
from sparc_fuse_core.cloud.request import UPLOADS, WORKSPACE
from sparc_fuse_core.cloud.watch_list import read_watch_list, unwatch
from sparc_fuse_core.cloud.withdrawal_record import RECORDS, record_key
from sparc_fuse_core.describe.withdrawn import withdraw_everywhere
from sparc_fuse_core.errors import PublishError, RequestError
from sparc_fuse_core.storage.withdrawal import Withdrawal, withdraw

if TYPE_CHECKING:
    from sparc_fuse_core.cloud.app import App

_RECORD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What there is of a dataset in the app, or was until it was removed.

    Attributes
    ----------
    results, originals
        What was converted, and of an upload its own files.
    is_watched
        Whether new versions of it were looked for.
    said
        What the network that publishes results was told; ``""`` for nothing.
    """

    results: Withdrawal
    originals: Withdrawal | None
    is_watched: bool
    said: str = ""

    @property
    def n_objects(self) -> int:
        """Objects, all versions and deletion marks counted."""
        return self.results.n_objects + (self.originals.n_objects if self.originals else 0)


def withdraw_from_app(app: App, dataset: str, *, remove: bool) -> Withdrawn:
    """Find, and if ``remove`` is set remove, all that the app has of a dataset; called again it finishes.

    Parameters
    ----------
    dataset
        Discover's number, or ``uploads/NAME``.

    Raises
    ------
    RequestError
        If it cannot be an id.
    DatasetBusyError
        If a run works on it; stop it first.
    PublishError
        If something may not be removed; what could be is gone.
    """
    is_upload = dataset.startswith(UPLOADS)
    dataset_id = _id_in_results(dataset)
    if not is_upload and not dataset.isdigit() and not dataset.startswith(WORKSPACE):
        message = (
            f"{dataset}: name the dataset by its number (224), as uploads/NAME or as N:dataset:…"
        )
        raise RequestError(message)
    target = app.results_uri
    entries, _ = read_watch_list(app.objects)
    watched = [entry for entry in entries if _id_of(entry) == dataset]
    # looked at first, so that nothing is recorded of what is not there, or is busy
    results = withdraw(target, dataset_id, app.settings, remove=False)
    originals: Withdrawal | None = None
    if is_upload:
        uploads = f"s3://{app.bucket}/{UPLOADS.rstrip('/')}"
        originals = withdraw(uploads, dataset_id, app.settings, remove=False)
    found = Withdrawn(results, originals, bool(watched))
    if not remove or not (found.n_objects or watched):
        return found
    destination = app.cloud.open()
    before = destination.read_bytes(record_key(dataset_id))
    # first the record, so that nothing makes anew what is being removed
    destination.write_bytes(record_key(dataset_id), _record(dataset_id, found))
    try:
        withdraw_everywhere(target, dataset_id, app.settings, remove=True)
    except PublishError:
        raise
    except BaseException:
        if before is None:
            destination.remove_result(record_key(dataset_id))
        raise
    if watched:
        unwatch(app.objects, dataset)
    if is_upload:
        withdraw(uploads, dataset_id, app.settings, remove=True)
    said = forget_withdrawn(target, dataset_id, app.settings)
    return Withdrawn(results, originals, bool(watched), said)


def _record(dataset_id: str, found: Withdrawn) -> bytes:
    originals = found.originals
    values = {
        "dataset_id": dataset_id,
        "withdrawn": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": [v for v in found.results.versions if not v.startswith(".")],
        "n_objects": found.n_objects,
        "n_bytes": found.results.n_bytes + (originals.n_bytes if originals else 0),
    }
    return json.dumps(values, indent=1).encode()


def withdrawals(app: App) -> list[dict[str, Any]]:
    """Return the records of what was withdrawn."""
    found = []
    for key, _ in app.objects.entries(f"{RESULTS}/{RECORDS}"):
        stored = app.objects.read_json(key, _RECORD_BYTES)
        if stored is not None and isinstance(stored[0], dict):
            found.append(stored[0])
    return found


def allow_again(app: App, dataset: str) -> None:
    """Remove the record of a withdrawal, so that the dataset may be converted again.

    Raises
    ------
    RequestError
        If there is none.
    """
    dataset_id = _id_in_results(dataset)
    destination = app.cloud.open()
    if destination.read_bytes(record_key(dataset_id)) is None:
        message = f"{dataset}: was not withdrawn from this app"
        raise RequestError(message)
    destination.remove_result(record_key(dataset_id))


def _id_in_results(dataset: str) -> str:
    return dataset.removeprefix(UPLOADS).removeprefix(WORKSPACE)


def _id_of(entry: Any) -> str:
    return str(entry.get("dataset_id", "") if isinstance(entry, dict) else entry)
