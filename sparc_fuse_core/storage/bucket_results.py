"""Results in a bucket: what makes them open is uploaded last."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.addresses import s3_address
from sparc_fuse_core.errors import PublishError
from sparc_fuse_core.storage.locks import object_lock
from sparc_fuse_core.storage.results import (
    LOCK_OBJECT,
    OPENING_NAMES,
    ROOT_NAMES,
    WORK_FOLDER,
    files_below,
    is_store,
    roots_of,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.locks import Held


#: Of a change that others come in between of.
_TRIES = 30

#: A worker that was stopped for a while may put so much longer into what another run has taken over.
_FENCE_S = 2.0


class _Fence:
    """Asks now and then, by whichever thread comes, whether the run may still write."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check
        self._lock = threading.Lock()
        self._asked = float("-inf")

    def pass_by(self) -> None:
        # the clock that goes on while a machine sleeps
        now = time.time()
        with self._lock:
            if 0 <= now - self._asked < _FENCE_S:
                return
            self._asked = now
        self.check()


class BucketDestination:
    """Results in an S3 bucket, below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        settings: Settings,
        *,
        folder: str = "",
        may_delete: bool = True,
        fence: Callable[[], None] | None = None,
    ) -> None:
        # obstore is needed only where a bucket is: planning and folders do without it
        from sparc_fuse_core.storage import bucket as object_store

        self._bucket = bucket
        self._prefix = prefix
        self._folder = folder
        self._may_delete = may_delete
        self._fence = _Fence(fence or (lambda: None))
        self._store = object_store.open_bucket(bucket, prefix, settings)

    @property
    def uri(self) -> str:
        """The bucket and prefix."""
        return s3_address(self._bucket, self._prefix)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a temporary folder on this machine."""
        with writing(tempfile.gettempdir()):
            folder = Path(tempfile.mkdtemp(prefix="sparc-fuse-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_result(self, path: Path, key: str) -> list[str]:
        """Upload; the objects that make it open last, and what an older result left is removed."""
        self._fence.check()
        if path.is_file():
            self._store.upload(path, key)
            return []
        files = files_below(path, key)
        roots = roots_of(key)
        older = set(self.list_keys(key))
        self._close_older([name for name in roots if name in older])
        self._store.upload_all(
            {name: files[name] for name in files if name not in roots}, before=self._fence.pass_by
        )
        # whoever took over meanwhile has its own result here: one that opens must not be of two
        self._fence.check()
        leftovers = sorted(older - files.keys() - (set(roots) if self._may_delete else set()))
        if self._may_delete:
            self._delete(leftovers)
            leftovers = []
        for name in reversed(roots):
            if name in files:
                self._store.upload(files[name], name)
        return leftovers

    def _close_older(self, roots: list[str]) -> None:
        """Make sure that an older result opens no more while its objects are replaced."""
        if self._may_delete:
            self._delete(roots)
            return
        for name in roots:
            # an empty object opens nowhere; what stays empty is among the leftovers
            self._store.write(name, b"")

    def copy_result(self, source: str, key: str, replaced: Mapping[str, bytes]) -> None:
        """Copy inside the bucket; the objects that make it open last."""
        names = [name.removeprefix(f"{source}/") for name in self.list_keys(source)]
        inner = [name for name in names if name not in ROOT_NAMES and name not in replaced]
        self._fence.check()
        self._store.copy_all({f"{key}/{name}": f"{source}/{name}" for name in inner})
        self._fence.check()
        for name in (*(replaced.keys() - ROOT_NAMES), *reversed(ROOT_NAMES)):
            if name in replaced:
                self._store.write(f"{key}/{name}", replaced[name])
            elif name in names:
                self._store.copy_all({f"{key}/{name}": f"{source}/{name}"})

    def withdraw_result(self, key: str) -> None:
        """Delete the root metadata, or the file itself."""
        self._delete(roots_of(key) if is_store(key) else [key])

    def remove_result(self, key: str) -> None:
        """Delete the root metadata first, then the rest."""
        if not is_store(key):
            self._delete([key])
            return
        keys = list(self.list_keys(key))
        roots = [name for name in roots_of(key) if name in keys]
        self._delete(roots)
        self._delete([name for name in keys if name not in roots])

    def _delete(self, keys: list[str]) -> None:
        self._store.delete_all(keys)

    def read_bytes(self, key: str) -> bytes | None:
        """Return an object's bytes, or None."""
        return self._store.read(key)

    def write_bytes(self, key: str, data: bytes) -> None:
        """Put an object (atomic in S3)."""
        self._store.write(key, data)

    def change_bytes(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Put it on the condition that the object is still the one that was read, else begin again."""
        for attempt in range(_TRIES):
            found = self._store.read_tagged(key)
            data = change(found[0] if found else None)
            if data is None:
                return
            if found is None:
                is_done = self._store.write_new(key, data)
            else:
                is_done = self._store.write_over(key, data, found[1])
            if is_done:
                return
            time.sleep(random.uniform(0, 0.2 * (attempt + 1)))  # noqa: S311 - only to come apart
        message = f"{self.uri}/{key}: is changed by others all the time; try again"
        raise PublishError(message)

    def list_datasets(self) -> list[str]:
        """Return the first parts of the keys."""
        return [name for name in self._store.list_folders() if not name.startswith(".")]

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every object below ``prefix`` (and the object itself)."""
        yield from self._store.list_keys(prefix)

    def count_result(self, key: str) -> tuple[int, int]:
        """Return (objects, bytes) of a result by one listing; (0, 0) if nothing there opens."""
        found = self._store.sizes_and_tags(key)
        names = (key, *(f"{key}/{name}" for name in OPENING_NAMES))
        if not any(name in found for name in names):
            return 0, 0
        return len(found), sum(size for size, _ in found.values())

    @contextlib.contextmanager
    def lock(self) -> Iterator[Held]:
        """Hold the object that the cloud's runs take too."""
        key = f"{self._folder}/{WORK_FOLDER}/{LOCK_OBJECT}"
        with object_lock(self._store, key, f"{self.uri}/{self._folder}") as held:
            yield held

    def sweep(self) -> None:
        """Nothing to do: uploads cut short are removed by the bucket's lifecycle rule."""
