"""Lay out what an item is read from: its files, and what only a look inside of them names.

An OME-TIFF tells which other files are parts of its set; a Zarr store tells by its root metadata whether
it is one to copy. Both are looked at before the rest is fetched.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.opened import files_opened, unread
from sparc_fuse_core.errors import (
    MissingCompanionError,
    OutOfMemoryError,
    PartOfSetError,
)
from sparc_fuse_core.formats.registry import ZARR_METADATA, format_named, load_reader, zarr_folder
from sparc_fuse_core.formats.signatures import recognise
from sparc_fuse_core.readers.shared.salvage import salvaging
from sparc_fuse_core.sources.staging import common_parent, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.plan.items import Item
    from sparc_fuse_core.sources import Fetch, SourceFile

#: Results and scratch need about as much again as the files of a set.
_ROOM = 2


@dataclasses.dataclass(slots=True)
class Staged:
    """An item's files on this machine.

    Attributes
    ----------
    path
        The leading file.
    files
        All that were fetched, those that the set's description named included.
    folder, above
        Where they lie here, and the folder of the dataset that this stands for.
    """

    path: Path
    format: Format
    files: list[SourceFile]
    folder: Path
    above: PurePosixPath


def sibling_index(files: Iterable[SourceFile]) -> dict[str, SourceFile]:
    """Return files by path in the dataset, and by the name that they had before publication."""
    index: dict[str, SourceFile] = {}
    for file in files:
        index[file.path] = file
        if file.name:
            index.setdefault(str(PurePosixPath(file.path).parent / file.name), file)
    return index


def stage_item(
    item: Item, fetch: Fetch, folder: Path, on_bytes: Callable[[int], None] | None
) -> Staged:
    """Fetch the files of ``item`` below ``folder``; of a Zarr store only if it is OME-Zarr.

    Raises
    ------
    UnsupportedFormatError
        If it is a Zarr store that is not OME-Zarr, or of a version that is not taken.
    """
    row = format_named(item.format)
    files = list(item.files)
    if row.name != "ome-zarr":
        above = common_parent([PurePosixPath(file.path) for file in files])
        path = stage(files, fetch, folder, on_bytes, common=above)
        return Staged(path, recognise(path, row), files, folder, above)
    from sparc_fuse_core.readers.ome_zarr import root_metadata

    above = PurePosixPath(zarr_folder(item.path)).parent
    store = folder / PurePosixPath(zarr_folder(item.path)).name
    first = [f for f in files if PurePosixPath(f.path).name in ZARR_METADATA]
    if first:
        stage(first, fetch, folder, on_bytes, common=above)
    root_metadata(store)
    rest = [f for f in files if f not in first]
    if rest:
        stage(rest, fetch, folder, on_bytes, common=above)
    return Staged(store, row, files, folder, above)


def open_staged(
    staged: Staged,
    reader_options: Mapping[str, Any],
    stack: ExitStack,
    fetch: Fetch,
    siblings: Mapping[str, SourceFile],
    on_bytes: Callable[[int], None] | None,
    *,
    salvage: bool = False,
) -> Contents:
    """Open the leading file; fetch what it names of its set and open it again.

    Raises
    ------
    MissingCompanionError
        If the dataset does not have what the set needs.
    PartOfSetError
        If the dataset has the file that leads the set.
    OutOfMemoryError
        If this machine's disk has no room for the set.
    """
    reader = load_reader(staged.format)
    parent = PurePosixPath(staged.files[0].path).parent
    while True:
        try:
            with files_opened(staged.folder) as opened, salvaging(salvage) as notes:
                contents = stack.enter_context(reader(staged.path, reader_options))
            if notes:
                said = tuple(dict.fromkeys(notes))
                contents = dataclasses.replace(contents, evidence=(*contents.evidence, *said))
            return _with_unread(staged, contents, opened)
        except PartOfSetError as err:
            if str(parent / err.leader) not in siblings:
                message = f"{err}; but {err.leader} is not in the dataset: add it"
                raise MissingCompanionError(message, (err.leader,)) from err
            raise
        except MissingCompanionError as err:
            names = [str(parent / name.replace("\\", "/")) for name in err.absent]
            have = {file.path for file in staged.files}
            more = [siblings[n] for n in names if n in siblings and siblings[n].path not in have]
            if not more or len(more) < len(names):
                raise
            n_bytes = sum(file.size_bytes for file in more)
            if shutil.disk_usage(staged.folder).free < _ROOM * n_bytes:
                message = (
                    f"{staged.path.name}: its set of {len(more) + 1} files needs "
                    f"{_ROOM * n_bytes / 1e9:.0f} GB of disk; it needs a larger machine"
                )
                raise OutOfMemoryError(message) from err
            stage(more, fetch, staged.folder, on_bytes, common=staged.above)
            staged.files += more


def _with_unread(staged: Staged, contents: Contents, opened: set[str]) -> Contents:
    """Say which data files of a set of recordings the reader did not open."""
    # what a child opens is not seen here
    if staged.format.kind != "signal" or len(staged.files) == 1 or staged.format.may_crash:
        return contents
    companions = [
        staged.folder.joinpath(*PurePosixPath(file.path).relative_to(staged.above).parts)
        for file in staged.files
    ]
    said = unread((path for path in companions if path != staged.path), opened)
    if said is None:
        return contents
    return dataclasses.replace(contents, evidence=(*contents.evidence, said))
