"""Which files belong to a leading one: a rule for each kind of set, named in the row of its format.

A rule is given the leading file, the listing of its dataset and its row. Only names are looked at, and the
formats that first bytes told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.formats.series_names import without_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.sources import SourceFile

Rule = Callable[["SourceFile", "Listing", "Format"], "list[SourceFile]"]

#: Extensions of the samples of a BrainVision header; ``.dat`` is also everybody else's.
BRAINVISION_SAMPLES = (".eeg", ".dat", ".seg", ".avg")


class Listing:
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
            self.by_folder[folder_of(file)].append(file)

    def siblings(self, file: SourceFile, suffixes: Iterable[str]) -> list[SourceFile]:
        """Files of the same folder with one of ``suffixes``."""
        wanted = tuple(suffixes)
        return [
            other
            for other in self.by_folder[folder_of(file)]
            if other is not file and other.path.lower().endswith(wanted)
        ]

    def named(self, file: SourceFile) -> list[SourceFile]:
        """Files of the same folder that the header ``file`` names, by their name now or before publication."""
        wanted = {name.casefold() for name in self.names.get(file.path, ())}
        if not wanted:
            return []
        return [
            other
            for other in self.by_folder[folder_of(file)]
            if other is not file
            and {PurePosixPath(other.path).name.casefold(), other.name.casefold()} & wanted
        ]

    def below(self, folder: str) -> list[SourceFile]:
        """All files at any depth below ``folder``."""
        return [file for file in self.files if file.path.startswith(f"{folder}/")]


def folder_of(file: SourceFile) -> str:
    """Return the folder of a file in the dataset."""
    return str(PurePosixPath(file.path).parent)


def _stem(file: SourceFile) -> str:
    return PurePosixPath(file.path).stem.lower()


def same_stem(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return files of the row's companions with the leading file's stem."""
    found = listing.siblings(file, row.companions)
    return [other for other in found if _stem(other) == _stem(file)]


def brainvision(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return what a header names, under other stems too.

    What is missing under its own is looked for among the files of the folder that no other header has for
    its own.
    """
    own = same_stem(file, listing, row)
    endings = {PurePosixPath(other.path).suffix.lower() for other in own}
    found = list(own)
    if not endings & set(BRAINVISION_SAMPLES):
        found += _without_leader(file, listing, row, BRAINVISION_SAMPLES)
    if ".vmrk" not in endings:
        found += listing.siblings(file, (".vmrk",))
    return found


def eeglab(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the samples: a dataset that was renamed still names them as they were."""
    return same_stem(file, listing, row) or _without_leader(file, listing, row, row.companions)


def _without_leader(
    file: SourceFile, listing: Listing, row: Format, suffixes: Iterable[str]
) -> list[SourceFile]:
    led = {_stem(other) for other in listing.siblings(file, row.extensions)}
    return [other for other in listing.siblings(file, suffixes) if _stem(other) not in led]


def tdt(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the members of a block: all of the folder, of several blocks those named like it."""
    leaders = listing.siblings(file, (".tsq",))
    members = listing.siblings(file, row.companions)
    if not leaders:
        return members
    return [other for other in members if _stem(other).startswith(_stem(file))]


def blackrock(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return files of the same recording at other rates, events and settings."""
    suffixes = (*(f".ns{n}" for n in range(1, 10)), ".nev", ".ccf")
    found = listing.siblings(file, suffixes)
    return [other for other in found if _stem(other) == _stem(file)]


def vsi(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the pixels of a cellSens file: the folder ``_<stem>_``."""
    path = PurePosixPath(file.path)
    return listing.below(str(path.parent / f"_{path.stem}_"))


def by_header(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the files that the header names."""
    return listing.named(file)


def bids(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the header of rows of BIDS physiology: a .json of the same name."""
    match = re.fullmatch(r"(.+_(?:physio|stim))\.tsv(?:\.gz)?", file.path.lower())
    if match is None:
        return []
    return [o for o in listing.siblings(file, (".json",)) if o.path.lower() == f"{match[1]}.json"]


def slide(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the pixels of a slide: of MIRAX the folder of its stem, of Hamamatsu what the header names."""
    if file.path.lower().endswith((".vms", ".vmu")):
        return listing.named(file)
    if not file.path.lower().endswith(".mrxs"):
        return []
    path = PurePosixPath(file.path)
    return listing.below(str(path.parent / path.stem))


def oif(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the planes and settings of an OIF: the folder ``<name>.files``; an OIB holds its own."""
    if not file.path.lower().endswith(".oif"):
        return []
    return listing.below(f"{file.path}.files")


def openephys(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return all below the folder of ``structure.oebin``."""
    return [other for other in listing.below(folder_of(file)) if other is not file]


def intan(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the samples of ``info.rhd``, a header of .dat files; any other name holds its own."""
    return listing.siblings(file, (".dat",)) if _stem(file) == "info" else []


#: Micro-Manager's files of planes; those after the first are numbered.
_NDTIFF = re.compile(r"(?:^|_)NDTiffStack(?:_\d+)?\.tiff?$", re.IGNORECASE)


def tiff(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the text that describes the OME-TIFF files beside it, and what a scheme's pattern names.

    With the index of Micro-Manager's NDTiff all stacks of the folder are one acquisition.
    """
    found = listing.siblings(file, row.companions) + listing.named(file)
    beside = {PurePosixPath(other.path).name: other for other in listing.by_folder[folder_of(file)]}
    if "NDTiff.index" in beside and _NDTIFF.search(PurePosixPath(file.path).name):
        found.append(beside.pop("NDTiff.index"))
        found += [o for name, o in beside.items() if o is not file and _NDTIFF.search(name)]
    return found


def micromanager(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the planes of an acquisition: the pictures of the folder that are called ``img_…``."""
    return [
        other
        for other in listing.siblings(file, (".tif", ".tiff"))
        if PurePosixPath(other.path).name.lower().startswith("img_")
    ]


def dicom(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return files whose names differ in their numbers only; the reader separates series by UID.

    Where names say nothing, a folder's files are taken together: a series may have names of several kinds.
    """

    def is_nameless(other: SourceFile) -> bool:
        index = PurePosixPath(other.path).name.casefold() == "dicomdir"
        return listing.by_content.get(other.path) is row and not index

    name = without_numbers(PurePosixPath(file.path).name)
    others = [other for other in listing.by_folder[folder_of(file)] if other is not file]
    if is_nameless(file):
        return [other for other in others if is_nameless(other)]
    return [
        other
        for other in others
        if other.path.lower().endswith(row.extensions)
        and without_numbers(PurePosixPath(other.path).name) == name
    ]


def nifti(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the voxels of a header, where they are two files."""
    path = file.path.lower().removesuffix(".gz")
    if not path.endswith(".hdr"):
        return []
    stem = path.removesuffix(".hdr")
    return [
        other
        for other in listing.siblings(file, (".img", ".img.gz"))
        if other.path.lower().removesuffix(".gz").removesuffix(".img") == stem
    ]


#: Parts of the sets that Bio-Formats opens, by the extension of what leads: those of the leading file's stem.
_BIOFORMATS_BESIDE = {
    ".dv": (".dv.log",),
    ".hed": (".img",),
    ".ics": (".ids",),
    ".pcoraw": (".rec",),
    ".pst": (".inf",),
    ".r3d": (".r3d.log",),
    ".sdt": (".set",),
    ".spc": (".set",),
}
#: The same of parts anywhere below the leading file's folder.
_BIOFORMATS_BELOW = {
    ".mvd2": (".aisf", ".aiix", ".atsf"),
    ".xlef": (".lof", ".xlif", ".xlcf"),
}
BIOFORMATS_SETS = frozenset((*_BIOFORMATS_BESIDE, *_BIOFORMATS_BELOW, ".oir", ".sldy"))
#: Extensions that only parts of such sets have.
BIOFORMATS_PARTS = (".ids", ".aisf", ".aiix", ".atsf", ".dv.log", ".r3d.log")


def is_part_for_bioformats(leading: PurePosixPath, other: PurePosixPath) -> bool:
    """Whether ``other`` belongs to the set that ``leading`` stands for, by their names."""
    suffix, name = leading.suffix.lower(), other.name.lower()
    stem = leading.name.lower().removesuffix(suffix)
    if other.parent == leading.parent:
        if name in {f"{stem}{ending}" for ending in _BIOFORMATS_BESIDE.get(suffix, ())}:
            return True
        # an .oir goes on in files without extension
        if suffix == ".oir" and re.fullmatch(re.escape(stem) + r"_\d{5}", name):
            return True
    if suffix == ".sldy":
        return leading.with_suffix(".dir") in other.parents
    return name.endswith(_BIOFORMATS_BELOW.get(suffix, ("/",))) and leading.parent in other.parents


def bioformats(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the parts of a set that Bio-Formats opens by its leading file."""
    leading, folder = PurePosixPath(file.path), folder_of(file)
    if leading.suffix.lower() not in BIOFORMATS_SETS:
        return []
    return [
        other
        for other in (listing.files if folder == "." else listing.below(folder))
        if other is not file and is_part_for_bioformats(leading, PurePosixPath(other.path))
    ]


def openephys_files(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the other channels, spikes and events of a recording: those of the folder."""
    return listing.siblings(file, row.extensions)


def elan(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the header and the events of samples: their names with ``.ent`` and ``.pos`` behind."""
    name = file.path.lower()
    return [
        other
        for other in listing.siblings(file, (".ent", ".pos"))
        if other.path.lower() in (f"{name}.ent", f"{name}.pos")
    ]


def neuroscope(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the header and the samples at other rates: those of the same stem."""
    found = listing.siblings(file, (".xml", ".dat", ".lfp", ".eeg"))
    return [other for other in found if _stem(other) == _stem(file)]


def neuronexus(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return samples and time stamps: ``<stem>_data.xdat`` and ``<stem>_timestamp.xdat``."""
    stem = PurePosixPath(file.path).name.lower().removesuffix(".xdat.json")
    return [
        other
        for other in listing.siblings(file, (".xdat",))
        if PurePosixPath(other.path).name.lower() in (f"{stem}_data.xdat", f"{stem}_timestamp.xdat")
    ]


#: Annotations of a WFDB record, by annotator.
WFDB_ANNOTATORS = (
    *(
        ".atr",
        ".qrs",
        ".ann",
        ".apn",
        ".ecg",
        ".wqrs",
        ".sta",
        ".stb",
        ".ari",
        ".al",
        ".ev",
        ".mrk",
    ),
)


def wfdb(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return the samples that the header names, those of its stem, and its annotations."""
    beside = listing.siblings(file, (".dat", *WFDB_ANNOTATORS))
    own = [other for other in beside if _stem(other) == _stem(file)]
    named = [other for other in listing.named(file) if other not in own]
    return own + named


def fif(file: SourceFile, listing: Listing, row: Format) -> list[SourceFile]:
    """Return where a recording goes on: ``a-1.fif`` after ``a.fif``, in BIDS ``_split-02_`` after 01."""
    name = PurePosixPath(file.path).name.lower()
    stem, dot, suffix = name.partition(".")
    first = re.search(r"_split-0*1_", stem)
    if first:
        before, after = re.escape(stem[: first.start()]), re.escape(stem[first.end() :])
        pattern = rf"{before}_split-\d+_{after}"
    else:
        pattern = rf"{re.escape(stem)}-\d+"
    return [
        other
        for other in listing.siblings(file, row.extensions)
        if re.fullmatch(pattern + re.escape(dot + suffix), PurePosixPath(other.path).name.lower())
    ]
