"""Lay the files of one item out as they lie in the dataset, so that a reader finds the companions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import UnsafePathError
from sparc_fuse_core.paths import safe_relative

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path, PurePosixPath

    from sparc_fuse_core.sources import SourceFile


def stage(
    files: Sequence[SourceFile],
    fetch: Callable[[SourceFile, Path, Callable[[int], None] | None], Path],
    folder: Path,
    on_bytes: Callable[[int], None] | None = None,
) -> Path:
    """Fetch all ``files`` below ``folder``, in the dataset's own arrangement; return the leading one.

    Headers name their companions by the name before publication: where it differs, a link under that name
    lies beside the file.
    """
    paths = [safe_relative(file.path) for file in files]
    common = _common_parent(paths)
    leading: Path | None = None
    for file, path in zip(files, paths, strict=True):
        place = folder.joinpath(*path.relative_to(common).parent.parts)
        place.mkdir(parents=True, exist_ok=True)
        fetched = fetch(file, place, on_bytes)
        if file.name and file.name != fetched.name:
            with contextlib.suppress(UnsafePathError, FileExistsError):
                if len(safe_relative(file.name).parts) == 1:
                    (place / file.name).symlink_to(fetched.name)
        leading = leading or fetched
    if leading is None:
        message = "an item without files"
        raise ValueError(message)
    return leading


def _common_parent(paths: Sequence[PurePosixPath]) -> PurePosixPath:
    """Return the deepest folder that holds all of ``paths``."""
    common = paths[0].parent
    while not all(path.is_relative_to(common) for path in paths):
        common = common.parent
    return common
