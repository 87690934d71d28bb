"""Where a result lies: a path, a ``.zarr.zip``, a bucket, a web server; and what zarr opens for it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import obstore
import zarr
from obstore.exceptions import BaseError
from obstore.store import HTTPStore
from zarr.storage import LocalStore, ObjectStore, ZipStore

from sparc_fuse_core.addresses import is_s3, s3_parts
from sparc_fuse_core.blosc_frames import FramesStore
from sparc_fuse_core.errors import ResultNotFoundError
from sparc_fuse_core.opening.damage import place_of, told_as_damage
from sparc_fuse_core.opening.remote_store import RemoteStore, named
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.bucket import s3_store

if TYPE_CHECKING:
    from pathlib import Path

#: A reader waits for a person: fewer tries than a conversion.
_TRIES = 3


def store_of(target: str | Path, settings: Settings | None = None) -> Any:
    """Return what zarr opens for a path, a ``.zarr.zip``, an ``s3://`` or an ``http(s)://`` URL.

    Raises
    ------
    ResultNotFoundError
        If the path does not exist, or is a file that is no zip.
    """
    text = str(target)
    if _is_remote(text):
        return FramesStore(
            RemoteStore(ObjectStore(objects_at(text, settings), read_only=True), text)
        )
    path = expanded(text)
    if not path.exists():
        message = f"{text}: no such result"
        raise ResultNotFoundError(message)
    if path.is_dir():
        # a path as text may be read as a URL: `;` and `::` mean something there
        return FramesStore(LocalStore(path, read_only=True))
    if not zipfile.is_zipfile(path):
        message = f"{text}: a file that is no zipped result; `sparc-fuse convert` makes one of it"
        raise ResultNotFoundError(message)
    return FramesStore(ZipStore(path, mode="r"))


def read_file(folder: str, name: str, settings: Settings | None = None) -> bytes | None:
    """Return the bytes of a small file below a folder or URL, or None if there is none."""
    if not _is_remote(folder):
        path = expanded(folder) / name
        return path.read_bytes() if path.is_file() else None
    try:
        return bytes(obstore.get(objects_at(folder, settings), name).bytes())
    except FileNotFoundError as err:
        _refuse_missing_bucket(err, folder)
        return None
    except BaseError as err:
        raise named(err, f"{folder}/{name}") from err


def below(folder: str, path: str) -> str:
    """Return the address of what lies below a folder or URL; in a web address names are written encoded."""
    is_web = folder.startswith(("http://", "https://"))
    return f"{folder}/{quote(path) if is_web else path}"


def open_group(store: Any) -> zarr.Group:
    """Open the group at the top of a store, Zarr v3 or else v2.

    Raises
    ------
    ResultNotFoundError
        If there is none.
    IncompleteResultError
        If its metadata cannot be read.
    """
    with told_as_damage(f"{place_of(store)}: the metadata of the store"):
        try:
            return zarr.open_group(store, mode="r", zarr_format=3)
        except FileNotFoundError:
            return _open_version_2(store)


def _open_version_2(store: Any) -> zarr.Group:
    try:
        return zarr.open_group(store, mode="r", zarr_format=2)
    except FileNotFoundError as err:
        where = place_of(store)
        if is_s3(where):
            read_file(where, "zarr.json")  # says so if there is not even a bucket
        message = f"{where}: no Zarr group, so no result; `sparc-fuse convert` makes one of a file"
        raise ResultNotFoundError(message) from err


def _refuse_missing_bucket(err: FileNotFoundError, url: str) -> None:
    if "NoSuchBucket" in str(err):
        message = (
            f"{url}: there is no bucket {s3_parts(url)[0]}; check its name, and SPARC_FUSE_OUTPUT_REGION or "
            "AWS_ENDPOINT_URL if it is elsewhere"
        )
        raise ResultNotFoundError(message) from err


def _is_remote(text: str) -> bool:
    return is_s3(text) or text.startswith(("http://", "https://"))


def objects_at(url: str, settings: Settings | None) -> Any:
    """Return the objects below a URL as obstore has them."""
    if is_s3(url):
        bucket, prefix = s3_parts(url)
        return s3_store(bucket, prefix.strip("/"), settings or Settings.from_environment())
    return HTTPStore.from_url(
        url.rstrip("/"),
        client_options={"allow_http": url.startswith("http://")},
        retry_config={"max_retries": _TRIES},
    )
