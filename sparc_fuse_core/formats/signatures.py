"""Recognise a format by its first bytes; extensions lie.

``.acq`` may be BIOPAC or AxoScope (ABF), ``.nev`` Blackrock or Neuralynx, ``.mat`` v5 or HDF5, ``.edf``
may be BDF. The content decides, the extension only where the content says nothing. A DICOM file may begin
with a preamble of any format (DICOM PS3.10, 7.1; a TIFF header in particular), so its mark is looked at
before all others.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import (
    EmptyFileError,
    FormatMismatchError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.registry import FORMATS, Format, find_format, format_named

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 4096

#: What the first bytes at an offset say: one *container*, which several formats may share.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (512, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (1024, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (2048, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"MATLAB 5.0 MAT-file", "mat5"),
    (0, b"ABF ", "abf"),
    (0, b"ABF2", "abf"),
    (0, b"\xffBIOSEMI", "edf"),
    (0, b"0       ", "edf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"BM", "bmp"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"II+\x00", "tiff"),
    (0, b"MM\x00+", "tiff"),
    (2, b"(C) CED 87", "smr"),
    (0, b"S64", "smrx"),
    (0, b"ZISRAW", "czi"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"%PDF", "pdf"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"NEURALEV", "blackrock"),
    (0, b"BREVENTS", "blackrock"),
    (0, b"NEURALSG", "blackrock"),
    (0, b"NEURALCD", "blackrock"),
    (0, b"BRSMPGRP", "blackrock"),
    (0, b"######## Neuralynx", "neuralynx"),
    (0, b"\x02\x27\x91\xc6", "rhd"),
    (0, b"\xac\x27\x91\xd6", "rhs"),
    (0, b"PLEX", "plexon"),
    (0, b"XELP", "plexon"),
    (0, b"\xda\xce\xbe\x0a", "nd2"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "jpeg2000"),
    (0, b"NRRD", "nrrd"),
    (344, b"n+1\x00", "nifti"),
    (344, b"ni1\x00", "nifti"),
    (4, b"n+2\x00\r\n\x1a\n", "nifti"),
    (4, b"ni2\x00\r\n\x1a\n", "nifti"),
    (4, b"ftyp", "mp4"),
    (0, b"CFWB", "adicht-cfwb"),
    (0, "ADInstruments Compound File".encode("utf-16-le"), "adicht"),
)

#: Containers that the files of a format are made of. A format that is not listed has no signature
#: that can be relied on (text, raw BIOPAC headers, DICOM without preamble).
_CONTAINERS: dict[str, tuple[str, ...]] = {
    "wav": ("riff-wave",),
    "hdf5": ("hdf5",),
    "nwb": ("hdf5",),
    "eeglab": ("mat5", "hdf5"),
    "ims": ("hdf5",),
    "edf": ("edf",),
    "abf": ("abf",),
    "smr": ("smr",),
    "smrx": ("smrx",),
    "tiff": ("tiff",),
    "lsm": ("tiff",),
    "raster": ("png", "jpeg", "bmp"),
    "czi": ("czi",),
    "vsi": ("tiff",),
    "cxd": ("ole2",),
    "nd2": ("nd2", "jpeg2000"),
    "jpeg2000": ("jpeg2000",),
    "intan": ("rhd", "rhs"),
    "blackrock": ("blackrock",),
    "neuralynx": ("neuralynx",),
    "plexon": ("plexon",),
    "numpy": ("npy", "zip"),
    "spreadsheet": ("zip", "ole2"),
}

#: The one format that a container gives away, where the extension was wrong or says nothing.
_FORMAT_OF_CONTAINER = {
    "abf": "abf",
    "riff-avi": "video",
    "mp4": "video",
    "adicht": "adicht",
    "edf": "edf",
    "riff-wave": "wav",
    "png": "raster",
    "jpeg": "raster",
    "bmp": "raster",
    "tiff": "tiff",
    "smr": "smr",
    "smrx": "smrx",
    "mat5": "mat",
    "hdf5": "hdf5",
    "czi": "czi",
    "nd2": "nd2",
    "jpeg2000": "jpeg2000",
    "blackrock": "blackrock",
    "neuralynx": "neuralynx",
    "rhd": "intan",
    "rhs": "intan",
    "plexon": "plexon",
    "npy": "numpy",
    "dicom": "dicom",
    "nrrd": "nrrd",
    "nifti": "nifti",
}

#: Formats that any content may pretend to be: the content decides only when it is unmistakable.
_LOOSE = frozenset({"text", "acq", "mat", "raw", "dicom", "brainvision"})
_KNOWN = frozenset(row.name for row in FORMATS)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
#: Elements in order that make a file without preamble DICOM, and how long the first ones are at most.
_BARE_ELEMENTS = 4
_BARE_LENGTH = 1024
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())


def container_of(head: bytes) -> str:
    """Return the container that the first bytes of a file name, or ``""``."""
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"riff") and len(head) >= 12:
        return {b"WAVE": "riff-wave", b"AVI ": "riff-avi"}.get(head[8:12], "")
    for offset, magic, container in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return container
    return ""


def format_of_content(head: bytes) -> Format | None:
    """Return the format that the first `HEAD_BYTES` of a file give away, whatever its name; else None.

    A gzip is looked into: what it holds is its format where that format is read compressed (NIfTI). What
    two letters or a run of blanks name has to look like the format's header, too.
    """
    container = container_of(head)
    if container == "gzip":
        inside = container_of(_unpacked(head))
        return format_named("nifti") if inside == "nifti" else None
    if (container == "bmp" and not _is_bmp(head)) or (container == "edf" and not _is_edf(head)):
        return None
    if not container and is_bare_dicom(head):
        return format_named("dicom")
    name = _FORMAT_OF_CONTAINER.get(container, "")
    return format_named(name) if name in _KNOWN else None


def format_of(path: Path) -> Format:
    """Return the format of a file here: by its name, checked by content; by content where no format knows it.

    Raises
    ------
    UnsupportedFormatError
        If neither tells.
    EmptyFileError, FormatMismatchError
        See `recognise`.
    """
    try:
        return recognise(path, find_format(path.name))
    except UnsupportedFormatError:
        if not path.is_file():
            raise
        with path.open("rb") as file:
            found = format_of_content(file.read(HEAD_BYTES))
        if found is None:
            raise
        return found


def _unpacked(head: bytes) -> bytes:
    """Return the first bytes inside of a gzip; nothing where they are damaged."""
    try:
        return zlib.decompressobj(31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _is_bmp(head: bytes) -> bool:
    return head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _is_edf(head: bytes) -> bool:
    """Whether the fields of fixed place hold what EDF and BDF have there: numbers, blanks around them."""
    fields = (head[184:192], head[236:244], head[252:256])
    try:
        return len(head) >= 256 and all(float(field.decode("ascii")) >= -1 for field in fields)
    except ValueError:
        return False


def is_bare_dicom(head: bytes) -> bool:
    """Whether a file without preamble begins with DICOM elements: group 2 or 8, tags in rising order.

    Source: DICOM PS3.5, 7.1 (elements), 10.1 (default transfer syntax: implicit VR, little-endian).
    """
    at, last, found = 0, (0, 0), 0
    while found < _BARE_ELEMENTS and at + 8 <= len(head):
        tag = (
            int.from_bytes(head[at : at + 2], "little"),
            int.from_bytes(head[at + 2 : at + 4], "little"),
        )
        if tag <= last or (not found and tag[0] not in (2, 8)):
            return False
        vr = head[at + 4 : at + 6]
        if vr in _LONG_VRS:
            n_bytes, at = int.from_bytes(head[at + 8 : at + 12], "little"), at + 12
        elif vr in _SHORT_VRS:
            n_bytes, at = int.from_bytes(head[at + 6 : at + 8], "little"), at + 8
        else:
            n_bytes, at = int.from_bytes(head[at + 4 : at + 8], "little"), at + 8
        if n_bytes > _BARE_LENGTH or n_bytes % 2:
            return False
        at, last, found = at + n_bytes, tag, found + 1
    return found >= _BARE_ELEMENTS


def recognise(path: Path, expected: Format) -> Format:
    """Return the format that ``path`` really has, given the one that its name suggests.

    Raises
    ------
    EmptyFileError
        If the file has no bytes.
    FormatMismatchError
        If the content is certainly not what the name says, and no reader knows what it is instead.
    """
    if path.is_dir():
        return expected
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        message = f"{path.name}: the file is empty (0 bytes); upload it again"
        raise EmptyFileError(message)
    container = container_of(head)
    if container == "dicom":
        return format_named("dicom")
    allowed = _CONTAINERS.get(expected.name)
    if allowed is not None and container in allowed:
        return expected
    if allowed is None and (not container or expected.name not in _LOOSE):
        return expected
    if expected.name == "mat" and container in ("hdf5", "mat5"):
        return expected
    other = _FORMAT_OF_CONTAINER.get(container, "")
    # two letters ("BM") or a run of blanks are too little to overrule a name that has no signature
    unmistakable = container not in ("bmp", "edf", "gzip", "mp4")
    if other in _KNOWN and (allowed is not None or unmistakable):
        return format_named(other)
    if allowed is None:
        return expected
    message = (
        f"{path.name}: named as {expected.title}, but its first bytes are {head[:8]!r}"
        + (f" ({container})" if container else "")
        + "; rename it to what it is, or upload the original again"
    )
    raise FormatMismatchError(message)
