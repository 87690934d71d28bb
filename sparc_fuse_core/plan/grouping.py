"""Find the files that belong together before any work is planned.

A BrainVision header with its samples and markers, a TDT block, a ``.vsi`` with its folder: one reader opens
them as one, so they are one unit of work, named after the leading file. Names are looked at, and for files
whose name says nothing the format that their first bytes told (`content`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.formats.companions import Listing, folder_of, same_stem
from sparc_fuse_core.formats.registry import (
    FORMATS,
    OME_TIFF_EXTENSIONS,
    ZARR_ROOTS,
    extensions_of,
    find_format,
    zarr_folder,
)
from sparc_fuse_core.formats.series_names import is_copy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.sources import SourceFile


@dataclass(frozen=True, slots=True)
class Group:
    """A leading file, what belongs to it, and the format its name suggests."""

    leading: SourceFile
    companions: tuple[SourceFile, ...]
    format: Format

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All of them, the leading one first."""
        return (self.leading, *self.companions)


@dataclass(frozen=True, slots=True)
class Ungrouped:
    """A file that leads no group and belongs to none, with the reason."""

    file: SourceFile
    reason: str


#: Rank of sets that claim only files of their own extensions.
_AFTER_ALL = 1 + max(row.claim_order for row in FORMATS)


def group_files(
    files: Iterable[SourceFile],
    by_content: Mapping[str, Format] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Group], list[Ungrouped]]:
    """Return the groups in path order, and the files that no format knows.

    Every file is in exactly one group or ungrouped, except samples that two headers share and the
    description that OME-TIFF files share. ``by_content`` has the format, by path, of files whose name tells
    none; ``names`` those of the files that a header, by its path, says belong to it.
    """
    stores, others = _zarr_stores(files)
    listing = Listing(others, by_content or {}, names or {})
    rows: dict[str, Format] = {}
    unknown: dict[str, str] = {}
    for file in listing.files:
        try:
            rows[file.path] = listing.by_content.get(file.path) or find_format(file.path)
        except UnsupportedFormatError as err:
            unknown[file.path] = str(err)
    ranked = sorted(
        (file for file in listing.files if file.path in rows),
        # a copy belongs to what it was copied from
        key=lambda file: (_rank(rows[file.path], file), is_copy(file.path), file.path),
    )
    groups: list[Group] = []
    taken: set[str] = set()
    for file in ranked:
        if file.path in taken:
            continue
        row = rows[file.path]
        companions = _companions(file, listing, row)
        taken.add(file.path)
        taken.update(o.path for o in companions if not _stands_alone(row, rows.get(o.path)))
        groups.append(Group(file, tuple(companions), row))
    groups += [_store_group(folder, members) for folder, members in stores.items()]
    groups.sort(key=lambda group: group.leading.path)
    ungrouped = [
        Ungrouped(file, _orphan(file) or unknown[file.path])
        for file in listing.files
        if file.path in unknown and file.path not in taken
    ]
    return groups, ungrouped


def _zarr_stores(
    files: Iterable[SourceFile],
) -> tuple[dict[str, list[SourceFile]], list[SourceFile]]:
    """Return the files of each Zarr store by its folder, and all files that lie in none."""
    stores: dict[str, list[SourceFile]] = defaultdict(list)
    others = []
    for file in files:
        folder = zarr_folder(file.path)
        if folder:
            stores[folder].append(file)
        else:
            others.append(file)
    return stores, others


def _store_group(folder: str, members: list[SourceFile]) -> Group:
    """Return a store as one group; it is led by the object that makes it open, if that is there."""
    row = next(row for row in FORMATS if row.name == "ome-zarr")
    members.sort(key=lambda file: file.path)
    roots = {f"{folder}/{name}": rank for rank, name in enumerate(ZARR_ROOTS)}
    leading = min(members, key=lambda file: (roots.get(file.path, len(roots)), file.path))
    rest = tuple(file for file in members if file is not leading)
    return Group(leading, rest, row)


def siblings_of_sets(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files that another file of their folder may name as a part of its set.

    OME-TIFF files that do not lie alone, and samples beside headers that name them. Which belong together is
    told inside of them only: a worker that finds out asks for the rest.
    """
    by_folder: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        by_folder[folder_of(file)].append(file)
    found: list[SourceFile] = []
    for members in by_folder.values():
        tiffs = [file for file in members if _is_ome_tiff(file)]
        found += tiffs if len(tiffs) > 1 else []
        suffixes = {PurePosixPath(file.path).suffix.lower() for file in members}
        named = tuple(
            suffix
            for row in FORMATS
            if row.named_samples and suffixes & set(row.extensions)
            for suffix in row.named_samples
        )
        found += [file for file in members if named and file.path.lower().endswith(named)]
    return tuple(found)


def _is_ome_tiff(file: SourceFile) -> bool:
    return any(part in OME_TIFF_EXTENSIONS for part in extensions_of(file.path))


def _rank(row: Format, file: SourceFile) -> tuple[int, int]:
    """Order in which files may claim others; of one format the extension that is named first leads.

    Where files go on in others, those others come last.
    """
    if row.claim_order:
        named = [i for i, suffix in enumerate(row.extensions) if file.path.lower().endswith(suffix)]
        return row.claim_order, named[0] if named else len(row.extensions)
    goes_on = bool(row.parts and re.search(row.parts, file.path.lower()))
    return (_AFTER_ALL if row.claims or row.companions else _AFTER_ALL + 1), int(goes_on)


def _stands_alone(row: Format, other: Format | None) -> bool:
    """Whether a file that a header borrows values from is an item of its own, too."""
    return row.borrows and other is not None and bool(other.reader) and not other.needs_scheme


def _companions(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    if row.claims is not None:
        return row.claims(file, listing, row)
    return same_stem(file, listing, row) if row.companions else []


def _orphan(file: SourceFile) -> str:
    """Why a file with the extension of a companion is alone, or ``""``."""
    extensions = set(extensions_of(file.path))
    for row in FORMATS:
        if extensions & set(row.companions):
            leaders = ", ".join(row.extensions)
            return (
                f"{file.path}: part of a {row.title} set whose leading file ({leaders}) is absent"
            )
    return ""
