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
from sparc_fuse_core.formats.registry import (
    FORMATS,
    OME_TIFF_EXTENSIONS,
    ZARR_ROOTS,
    Format,
    extensions_of,
    find_format,
    zarr_folder,
)
from sparc_fuse_core.formats.series_names import without_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sparc_fuse_core.sources import SourceFile


@dataclass(frozen=True, slots=True)
class Group:
    """A leading file, what belongs to it, and the format its name suggests."""

    leading: SourceFile
    companions: tuple[SourceFile, ...]
    format: Format


@dataclass(frozen=True, slots=True)
class Ungrouped:
    """A file that leads no group and belongs to none, with the reason."""

    file: SourceFile
    reason: str


#: Extensions of the samples of a BrainVision header; ``.dat`` is also everybody else's.
BRAINVISION_SAMPLES = (".eeg", ".dat", ".seg", ".avg")

#: Samples that headers name: they may lie under a stem that another header has for its own.
_NAMED_BY_HEADERS = {
    ".vhdr": (*BRAINVISION_SAMPLES, ".vmrk"),
    ".set": (".fdt",),
}


class _Listing:
    """The files of a dataset by folder and by lower-case suffix, and the formats that content told."""

    def __init__(
        self,
        files: Iterable[SourceFile],
        by_content: Mapping[str, Format],
        names: Mapping[str, Sequence[str]],
    ) -> None:
        self.files = sorted(files, key=lambda file: file.path)
        self.by_content = by_content
        self.names = names
        self.by_folder: dict[str, list[SourceFile]] = defaultdict(list)
        for file in self.files:
            self.by_folder[_folder(file)].append(file)

    def siblings(self, file: SourceFile, suffixes: Iterable[str]) -> list[SourceFile]:
        """Files of the same folder with one of ``suffixes``."""
        wanted = tuple(suffixes)
        return [
            other
            for other in self.by_folder[_folder(file)]
            if other is not file and other.path.lower().endswith(wanted)
        ]

    def named(self, file: SourceFile) -> list[SourceFile]:
        """Files of the same folder that the header ``file`` names, by their name now or before publication."""
        wanted = {name.casefold() for name in self.names.get(file.path, ())}
        if not wanted:
            return []
        return [
            other
            for other in self.by_folder[_folder(file)]
            if other is not file
            and {PurePosixPath(other.path).name.casefold(), other.name.casefold()} & wanted
        ]

    def below(self, folder: str) -> list[SourceFile]:
        """All files at any depth below ``folder``."""
        return [file for file in self.files if file.path.startswith(f"{folder}/")]


def _folder(file: SourceFile) -> str:
    return str(PurePosixPath(file.path).parent)


def _stem(file: SourceFile) -> str:
    return PurePosixPath(file.path).stem.lower()


def _same_stem(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    found = listing.siblings(file, row.companions)
    return [other for other in found if _stem(other) == _stem(file)]


def _brainvision(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # headers name their files, under other stems too: what is missing under the header's own is looked for
    # among the files of the folder that no other header has for its own
    own = _same_stem(file, listing, row)
    endings = {PurePosixPath(other.path).suffix.lower() for other in own}
    found = list(own)
    if not endings & set(BRAINVISION_SAMPLES):
        found += _without_leader(file, listing, row, BRAINVISION_SAMPLES)
    if ".vmrk" not in endings:
        found += listing.siblings(file, (".vmrk",))
    return found


def _eeglab(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # a dataset that was renamed still names its samples as they were
    return _same_stem(file, listing, row) or _without_leader(file, listing, row, row.companions)


def _without_leader(
    file: SourceFile, listing: _Listing, row: Format, suffixes: Iterable[str]
) -> list[SourceFile]:
    led = {_stem(other) for other in listing.siblings(file, row.extensions)}
    return [other for other in listing.siblings(file, suffixes) if _stem(other) not in led]


def _tdt(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    leaders = listing.siblings(file, (".tsq",))
    members = listing.siblings(file, row.companions)
    if not leaders:
        return members
    return [other for other in members if _stem(other).startswith(_stem(file))]


def _blackrock(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    suffixes = (*(f".ns{n}" for n in range(1, 10)), ".nev", ".ccf")
    found = listing.siblings(file, suffixes)
    return [other for other in found if _stem(other) == _stem(file)]


def _vsi(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    path = PurePosixPath(file.path)
    return listing.below(str(path.parent / f"_{path.stem}_"))


def _folder_of_stem(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    path = PurePosixPath(file.path)
    return listing.below(str(path.parent / path.stem))


def _oif(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    if not file.path.lower().endswith(".oif"):
        return []
    return listing.below(f"{file.path}.files")


def _openephys(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    return [other for other in listing.below(_folder(file)) if other is not file]


def _intan(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # "info.rhd" is the header of a folder of .dat files, any other name holds its own samples
    return listing.siblings(file, (".dat",)) if _stem(file) == "info" else []


def _tiff(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # a small text that describes the planes of the OME-TIFF files beside it
    return listing.siblings(file, row.companions)


def _dicom(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # names of a series differ in their numbers only; the reader separates series by their UID
    def name(other: SourceFile) -> str:
        return without_numbers(PurePosixPath(other.path).name)

    return [
        other
        for other in listing.by_folder[_folder(file)]
        if other is not file
        and (
            other.path.lower().endswith(row.extensions) or listing.by_content.get(other.path) is row
        )
        and name(other) == name(file)
    ]


def _nifti(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # a header and its voxels as two files
    path = file.path.lower().removesuffix(".gz")
    if not path.endswith(".hdr"):
        return []
    stem = path.removesuffix(".hdr")
    return [
        other
        for other in listing.siblings(file, (".img", ".img.gz"))
        if other.path.lower().removesuffix(".gz").removesuffix(".img") == stem
    ]


def _by_header(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    return listing.named(file)


def _bids(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    # rows of BIDS physiology have no header: a .json of the same name holds it
    match = re.fullmatch(r"(.+_(?:physio|stim))\.tsv(?:\.gz)?", file.path.lower())
    if match is None:
        return []
    return [o for o in listing.siblings(file, (".json",)) if o.path.lower() == f"{match[1]}.json"]


_RULES: dict[str, Callable[[SourceFile, _Listing, Format], list[SourceFile]]] = {
    "brainvision": _brainvision,
    "eeglab": _eeglab,
    "tdt": _tdt,
    "blackrock": _blackrock,
    "intan": _intan,
    "vsi": _vsi,
    "oif": _oif,
    "oib": _oif,
    "olympus": _oif,
    "openephys": _openephys,
    "dicom": _dicom,
    "nifti": _nifti,
    "nrrd": _by_header,
    "metamorph": _by_header,
    "tiff": _tiff,
    "text": _bids,
}

#: Leading files of sets whose members may have an extension of their own come first.
_ORDER = (
    "vsi",
    "openephys",
    "intan",
    "brainvision",
    "tdt",
    "blackrock",
    "eeglab",
    "olympus",
    "oib",
    "oif",
)


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
    listing = _Listing(others, by_content or {}, names or {})
    rows: dict[str, Format] = {}
    unknown: dict[str, str] = {}
    for file in listing.files:
        try:
            rows[file.path] = listing.by_content.get(file.path) or _row_of(file)
        except UnsupportedFormatError as err:
            unknown[file.path] = str(err)
    ranked = sorted(
        (file for file in listing.files if file.path in rows),
        key=lambda file: (_rank(rows[file.path], file), file.path),
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
        by_folder[_folder(file)].append(file)
    found: list[SourceFile] = []
    for members in by_folder.values():
        tiffs = [file for file in members if _is_ome_tiff(file)]
        found += tiffs if len(tiffs) > 1 else []
        suffixes = {PurePosixPath(file.path).suffix.lower() for file in members}
        named = tuple(s for leader in suffixes for s in _NAMED_BY_HEADERS.get(leader, ()))
        found += [file for file in members if named and file.path.lower().endswith(named)]
    return tuple(found)


def _is_ome_tiff(file: SourceFile) -> bool:
    return any(part in OME_TIFF_EXTENSIONS for part in extensions_of(file.path))


def _row_of(file: SourceFile) -> Format:
    if PurePosixPath(file.path).name.lower() == "structure.oebin":
        return next(row for row in FORMATS if row.name == "openephys")
    return find_format(file.path)


def _rank(row: Format, file: SourceFile) -> tuple[int, int]:
    """Order in which files may claim others; of Blackrock files the highest rate leads."""
    if row.name in _ORDER:
        suffix = PurePosixPath(file.path).suffix.lower()
        number = int(suffix[-1]) if row.name == "blackrock" and suffix[-1].isdigit() else 0
        return _ORDER.index(row.name), -number
    claims = row.companions or row.name in _RULES or file.path.lower().endswith((".vms", ".vmu"))
    return (len(_ORDER) if claims else len(_ORDER) + 1), 0


def _stands_alone(row: Format, other: Format | None) -> bool:
    """Whether a file that a header borrows values from is an item of its own, too."""
    return (
        row.name == "nrrd" and other is not None and bool(other.reader) and not other.needs_scheme
    )


def _companions(file: SourceFile, listing: _Listing, row: Format) -> list[SourceFile]:
    if row.name in _RULES:
        return _RULES[row.name](file, listing, row)
    if file.path.lower().endswith((".vms", ".vmu")):
        return listing.named(file)
    if file.path.lower().endswith(".mrxs"):
        return _folder_of_stem(file, listing, row)
    return _same_stem(file, listing, row) if row.companions else []


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
