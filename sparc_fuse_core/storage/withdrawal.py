"""Withdraw a dataset: take away everything that was ever published of it, every version, for good.

Versions of the dataset are folders below its id; a versioned bucket keeps older versions of every object, which
a plain deletion only hides. Both go, with receipts, manifests, the objects of runs, unfinished uploads, and
what ``--identity keep-beside`` put beside a folder of results.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.addresses import is_s3, s3_address, s3_parts
from sparc_fuse_core.errors import OutputNotWritableError, PublishError, RequestError
from sparc_fuse_core.paths import expanded, safe_relative
from sparc_fuse_core.privacy.beside import folder_beside
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.storage.results import WORK_FOLDER, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

#: Objects that one request deletes.
_TOGETHER = 1000


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What is there of a dataset, or was until it was removed.

    Attributes
    ----------
    places
        Folders, or prefixes of the bucket, that hold something of it.
    versions
        Versions of the dataset, by their folders.
    n_objects
        Files, or objects of the bucket with all versions and deletion marks.
    n_bytes
        Their size.
    """

    places: tuple[str, ...]
    versions: tuple[str, ...]
    n_objects: int
    n_bytes: int


def withdraw(
    target: str | Path, dataset_id: str, settings: Settings, *, remove: bool
) -> Withdrawal:
    """Find, and if ``remove`` is set remove, everything of a dataset.

    Parameters
    ----------
    target
        Folder of results, or ``s3://bucket/prefix``.
    dataset_id
        As in the results: Discover's number, or the name of the folder that was converted.

    Raises
    ------
    RequestError
        If ``dataset_id`` cannot be one, or the target is neither folder nor bucket.
    DatasetBusyError
        If a run works on one of its versions.
    PublishError
        If something may not be removed; what could be is gone.
    """
    parts = safe_relative(dataset_id).parts
    if len(parts) != 1 or dataset_id.startswith("."):
        message = (
            f"{dataset_id!a}: not the id of a dataset; it is the folder's name below the results"
        )
        raise RequestError(message)
    if is_s3(str(target)):
        return _from_bucket(str(target), dataset_id, settings, remove=remove)
    if "://" in str(target):
        message = f"{target}: results lie in a folder or in s3://bucket/prefix"
        raise RequestError(message)
    return _from_folder(expanded(target), dataset_id, settings, remove=remove)


def _refuse_while_busy(
    target: str | Path, dataset_id: str, versions: Sequence[str], settings: Settings
) -> None:
    """Raise `DatasetBusyError` if a run holds the lock of a version."""
    for version in versions:
        destination = open_destination(target, settings, folder=f"{dataset_id}/{version}")
        with destination.lock():
            pass


# ------------------------------------------------------------------------------- a folder


def _from_folder(root: Path, dataset_id: str, settings: Settings, *, remove: bool) -> Withdrawal:
    places = [root / dataset_id, folder_beside(root) / dataset_id]
    places = [place for place in places if place.is_dir() and not place.is_symlink()]
    versions = sorted(
        entry.name
        for entry in (root / dataset_id).glob("*")
        if entry.is_dir() and not entry.name.startswith(".")
    )
    sizes = [
        file.lstat().st_size
        for place in places
        for file in place.rglob("*")
        if file.is_symlink() or file.is_file()
    ]
    found = Withdrawal(tuple(map(str, places)), tuple(versions), len(sizes), sum(sizes))
    if remove and places:
        _refuse_while_busy(root, dataset_id, versions, settings)
        for place in places:
            with writing(str(place)):
                shutil.rmtree(place)
    return found


# ------------------------------------------------------------------------------- a bucket


def _from_bucket(target: str, dataset_id: str, settings: Settings, *, remove: bool) -> Withdrawal:
    # an unused boto3 takes half a second of every start
    from sparc_fuse_core.storage.clients import own_s3_client

    bucket, prefix = s3_parts(target)
    base = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    prefixes = [f"{base}{dataset_id}/", f"{base}{WORK_FOLDER}/runs/{dataset_id}/"]
    client = own_s3_client(settings)
    places, versions, n_objects, n_bytes = [], set(), 0, 0
    with _refusals(target):
        for place in prefixes:
            before = n_objects
            for entry in _every_version(client, bucket, place):
                n_objects += 1
                n_bytes += int(entry.get("Size") or 0)
                inner = entry["Key"].removeprefix(prefixes[0])
                if place == prefixes[0] and "/" in inner:
                    versions.add(inner.partition("/")[0])
            if n_objects > before:
                places.append(s3_address(bucket, place))
        found = Withdrawal(tuple(places), tuple(sorted(versions)), n_objects, n_bytes)
        if remove and places:
            named = [version for version in found.versions if not version.startswith(".")]
            _refuse_while_busy(target, dataset_id, named, settings)
            for place in prefixes:
                _remove_versions(client, bucket, place)
                _abort_uploads(client, bucket, place)
    return found


def remove_older_versions(target: str | Path, key: str, settings: Settings) -> None:
    """Remove all versions of an object but the newest; in a folder, or a bucket that keeps none, nothing.

    Raises
    ------
    PublishError
        If they may not be removed.
    """
    if not is_s3(str(target)):
        return
    from sparc_fuse_core.storage.clients import own_s3_client

    bucket, prefix = s3_parts(str(target))
    whole = f"{prefix.strip('/')}/{key}" if prefix.strip("/") else key
    client = own_s3_client(settings)
    with _refusals(str(target)):
        older = [
            entry
            for entry in _every_version(client, bucket, whole)
            if entry["Key"] == whole and not entry.get("IsLatest")
        ]
        _remove(client, bucket, older)


def _every_version(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield every version and deletion mark below a prefix; where a bucket keeps none, its objects."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Versions") or ()
        yield from page.get("DeleteMarkers") or ()


def _remove_versions(client: Any, bucket: str, prefix: str) -> None:
    _remove(client, bucket, _every_version(client, bucket, prefix))


def _remove(client: Any, bucket: str, entries: Iterable[dict[str, Any]]) -> None:
    waiting: list[dict[str, str]] = []

    def send() -> None:
        if not waiting:
            return
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": waiting, "Quiet": True})
        if refused := answer.get("Errors"):
            first = refused[0]
            message = (
                f"{s3_address(bucket, first.get('Key', ''))}: {len(refused)} object(s) could not be "
                f"removed ({first.get('Code')}: {first.get('Message')}); run it again with the right to "
                "delete versions (s3:DeleteObjectVersion)"
            )
            raise OutputNotWritableError(message)
        waiting.clear()

    for entry in entries:
        version = entry.get("VersionId")
        waiting.append({"Key": entry["Key"], **({"VersionId": version} if version else {})})
        if len(waiting) == _TOGETHER:
            send()
    send()


def _abort_uploads(client: Any, bucket: str, prefix: str) -> None:
    """End unfinished uploads: their parts are stored, and nothing lists them."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for upload in page.get("Uploads") or ():
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )


@contextlib.contextmanager
def _refusals(target: str) -> Iterator[None]:
    """Turn what boto3 raises into errors that name the target."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError as err:
        message = f"{target}: no credentials; set those of an account that may delete there"
        raise OutputNotWritableError(message) from err
    except ClientError as err:
        code = str(err.response.get("Error", {}).get("Code", ""))
        message = f"{target}: the bucket refuses ({code}); check its name, credentials and region"
        kind = OutputNotWritableError if code in ("AccessDenied", "403") else PublishError
        raise kind(message) from err
    except BotoCoreError as err:
        message = f"{target}: {type(err).__name__}; the bucket cannot be reached: try again"
        raise PublishError(message) from err
