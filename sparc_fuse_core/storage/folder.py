"""Results in a local folder: written aside and renamed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import (
    OutputNotWritableError,
)
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.storage.locks import check_folder, folder_lock, waiting_lock
from sparc_fuse_core.storage.results import (
    LOCK_FILE,
    OPENING_NAMES,
    WORK_FOLDER,
    files_below,
    is_json,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sparc_fuse_core.storage.locks import Held


class FolderDestination:
    """Results in a local folder.

    Parameters
    ----------
    folder
        Of the dataset, below ``root``: its staging belongs to the run that holds its lock, so that no
        run ever sweeps what another is writing.
    token
        Of that run, for its workers.
    """

    def __init__(self, root: Path, folder: str = "", token: str = "") -> None:
        self._folder = folder
        self._token = token
        # links and ".." are followed once: tensorstore takes no "..", and a rename needs one disk
        self._root = expanded(root).resolve()
        with writing(str(self._root)):
            if self._root.exists() and not self._root.is_dir():
                message = f"{self._root}: not a folder; choose another --output-dir"
                raise OutputNotWritableError(message)
            self._staging.mkdir(parents=True, exist_ok=True)
            probe = self._staging / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()

    @property
    def _staging(self) -> Path:
        return self._work_folder / "staging"

    @property
    def _work_folder(self) -> Path:
        return self._path(self._folder) / WORK_FOLDER

    @property
    def _what(self) -> str:
        return str(self._path(self._folder))

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self._root)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a folder on the same disk, so that a commit is a rename."""
        with writing(str(self._staging)):
            self._staging.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=self._staging))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_result(self, path: Path, key: str) -> list[str]:
        """Rename ``path`` to its final place; an older result is moved aside first."""
        target = self._path(key)
        if self._token:
            check_folder(self._work_folder / LOCK_FILE, self._token, self._what)
        with writing(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                with self.scratch() as aside:
                    target.rename(aside / "old")
                    try:
                        path.rename(target)
                    except BaseException:
                        (aside / "old").rename(target)
                        raise
            else:
                path.rename(target)
        return []

    def copy_result(self, source: str, key: str, replaced: Mapping[str, bytes]) -> None:
        """Copy aside and rename."""
        with writing(str(self._path(key))), self.scratch() as aside:
            copy = aside / "copy"
            shutil.copytree(self._path(source), copy)
            for name, data in replaced.items():
                copy.joinpath(*PurePosixPath(name).parts).write_bytes(data)
            self.put_result(copy, key)

    def withdraw_result(self, key: str) -> None:
        """Remove it: in a folder that is one rename."""
        self.remove_result(key)

    def remove_result(self, key: str) -> None:
        """Move a result aside and delete it, so that no half of it is ever seen."""
        target = self._path(key)
        if target.exists():
            with writing(str(target)), self.scratch() as aside:
                target.rename(aside / "old")

    def read_bytes(self, key: str) -> bytes | None:
        """Return the file's bytes, or None if there is none."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write_bytes(self, key: str, data: bytes) -> None:
        """Write aside and rename."""
        target = self._path(key)
        with writing(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            # not beside the target: a longer name may be more than the file system takes
            self._staging.mkdir(parents=True, exist_ok=True)
            aside = self._staging / uuid.uuid4().hex
            try:
                aside.write_bytes(data)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)

    def change_bytes(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Change it while no other process of this machine does."""
        with writing(str(self._path(key))):
            lock = self._root / WORK_FOLDER / "change.lock"
            lock.parent.mkdir(parents=True, exist_ok=True)
            with waiting_lock(lock):
                data = change(self.read_bytes(key))
                if data is not None:
                    self.write_bytes(key, data)

    def list_datasets(self) -> list[str]:
        """Return the folders at the top."""
        found = (entry.name for entry in self._root.iterdir() if entry.is_dir())
        return sorted(name for name in found if not name.startswith("."))

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield every file below ``prefix``."""
        base = self._path(prefix)
        for file in sorted(base.rglob("*")):
            if file.is_file():
                yield file.relative_to(self._root).as_posix()

    def count_result(self, key: str) -> tuple[int, int]:
        """Return (files, bytes) of a result; (0, 0) if it does not open."""
        target = self._path(key)
        if target.is_file():
            return 1, target.stat().st_size
        sizes = {name: file.stat().st_size for name, file in files_below(target, "").items()}
        roots = [name for name in OPENING_NAMES if f"/{name}" in sizes]
        if not roots or not all(is_json(self.read_bytes(f"{key}/{name}")) for name in roots):
            return 0, 0
        return len(sizes), sum(sizes.values())

    @contextlib.contextmanager
    def lock(self) -> Iterator[Held]:
        """Hold the folder's lock file."""
        with contextlib.ExitStack() as stack:
            with writing(self._what):
                held = stack.enter_context(folder_lock(self._work_folder / LOCK_FILE, self._what))
            yield held

    def sweep(self) -> None:
        """Empty the staging folder: whoever holds the lock is the only one to use it."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*PurePosixPath(key).parts)
