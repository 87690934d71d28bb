"""What a result is made of, and how the operating system's refusals are told."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import (
    DiskFullError,
    OutputNotWritableError,
    PublishError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


#: How names of scratch folders outside of a results folder begin.
SCRATCH_PREFIX = "sparc-fuse-"

WORK_FOLDER = ".sparc-fuse"

#: Objects without which nothing opens a store, in the order in which they are removed.
ROOT_NAMES = ("zarr.json", ".zmetadata", ".zgroup", ".zattrs", ".zarray")

#: Those by which one tells that a store is there.
OPENING_NAMES = ("zarr.json", ".zgroup", ".zarray")

#: In the work folder of a dataset: the lock of a folder, and of a bucket.
LOCK_FILE = "running.lock"
LOCK_OBJECT = "running.json"


def roots_of(key: str) -> list[str]:
    """Return the keys of a store that `ROOT_NAMES` names."""
    return [f"{key}/{name}" for name in ROOT_NAMES]


def files_below(folder: Path, key: str) -> dict[str, Path]:
    """Return the files of a folder by the keys that they have as the store ``key``."""
    return {
        f"{key}/{file.relative_to(folder).as_posix()}": file
        for file in folder.rglob("*")
        if file.is_file()
    }


@contextlib.contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn the operating system's refusals into errors that name ``what``."""
    try:
        yield
    except OSError as err:
        if isinstance(err, PublishError):
            raise
        if err.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            message = f"{what}: no space left; free some or choose another --output-dir"
            raise DiskFullError(message) from err
        if err.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = f"{what}: not writable ({err.strerror}); choose another --output-dir"
            raise OutputNotWritableError(message) from err
        message = f"{what}: {err.strerror or err}"
        raise PublishError(message) from err


def sweep_scratch() -> None:
    """Remove scratch of an earlier invocation that was killed; for a sandbox that has one at a time."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def is_json(data: bytes | None) -> bool:
    """Whether an object holds a JSON object."""
    try:
        return data is not None and isinstance(json.loads(data), dict)
    except ValueError:
        return False


def is_store(key: str) -> bool:
    """Whether a result is a store, many objects, rather than one."""
    return key.endswith(".zarr")
