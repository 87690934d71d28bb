"""Lay the files of one item out as they lie in the dataset, so that a reader finds the companions."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import UnsafePathError
from sparc_fuse_core.paths import safe_relative

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path, PurePosixPath

    from sparc_fuse_core.sources.source import Fetch, SourceFile


#: Files of one item that are fetched at once, where there are as many.
_SIDE_BY_SIDE = 8


def stage(
    files: Sequence[SourceFile],
    fetch: Fetch,
    folder: Path,
    on_bytes: Callable[[int], None] | None = None,
    *,
    common: PurePosixPath | None = None,
) -> Path:
    """Fetch all ``files`` below ``folder``, in the dataset's own arrangement; return the leading one.

    Headers name their companions by the name before publication: where it differs, a link under that name
    lies beside the file. A few files are fetched side by side.

    Parameters
    ----------
    common
        Folder of the dataset that ``folder`` stands for; by default the deepest one that holds all files.
    """
    if not files:
        message = "an item without files"
        raise ValueError(message)
    paths = [safe_relative(file.path) for file in files]
    above = common or common_parent(paths)
    lock = threading.Lock()

    def count(n_bytes: int) -> None:
        if on_bytes is not None:
            with lock:
                on_bytes(n_bytes)

    def bring(pair: tuple[SourceFile, PurePosixPath]) -> Path:
        file, path = pair
        place = folder.joinpath(*path.relative_to(above).parent.parts)
        place.mkdir(parents=True, exist_ok=True)
        fetched = fetch(file, place, count)
        if file.name and file.name != fetched.name:
            with contextlib.suppress(UnsafePathError, FileExistsError):
                if len(safe_relative(file.name).parts) == 1:
                    (place / file.name).symlink_to(fetched.name)
        return fetched

    pairs = zip(files, paths, strict=True)
    if len(files) < _SIDE_BY_SIDE:
        leading, *_ = [bring(pair) for pair in pairs]
        return leading
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        futures = [pool.submit(bring, pair) for pair in pairs]
        try:
            leading, *_ = [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return leading


def common_parent(paths: Sequence[PurePosixPath]) -> PurePosixPath:
    """Return the deepest folder that holds all of ``paths``."""
    common = paths[0].parent
    while not all(path.is_relative_to(common) for path in paths):
        common = common.parent
    return common
