"""Recognise a format by its first bytes; extensions lie.

``.acq`` may be BIOPAC or AxoScope (ABF), ``.nev`` Blackrock or Neuralynx, ``.mat`` v5 or HDF5, ``.edf``
may be BDF. The content decides, the extension only where the content says nothing. A DICOM file may begin
with a preamble of any format (DICOM PS3.10, 7.1; a TIFF header in particular), so its mark is looked at
before all others.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import (
    EmptyFileError,
    FormatMismatchError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.format import Format, Signature
from sparc_fuse_core.formats.registry import FORMATS, find_format, format_named

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 4096

#: Containers of no format that is read.
_OTHER = (
    Signature("zip", b"PK\x03\x04"),
    Signature("pdf", b"%PDF"),
    Signature("gzip", b"\x1f\x8b"),
)

_SIGNATURES = sorted(
    [*(signature for row in FORMATS for signature in row.signatures), *_OTHER],
    key=lambda signature: not signature.before_all,
)
_GIVEN_AWAY = {container: row for row in FORMATS for container in row.gives_away}
#: What is read as it is inside of a gzip.
_PACKED = {
    inside: format_named(name)
    for inside, name in (("nifti", "nifti"), ("analyze", "nifti"), ("mrc", "mrc"))
}
#: Brands of the same boxes for pictures and sound.
_NO_VIDEO = (
    b"heic",
    b"heix",
    b"mif1",
    b"msf1",
    b"avif",
    b"avis",
    b"crx ",
    b"M4A ",
    b"M4B ",
    b"jp2 ",
)
#: The first element of XML, behind its declaration and comments.
_FIRST_ELEMENT = re.compile(
    rb"\s*(?:<\?[^>]*>\s*|<!--(?:(?!-->).)*-->\s*)*<(?:[\w.-]+:)?([\w.-]+)[\s>]", re.DOTALL
)
#: Formats by the first element of their XML.
_BY_ELEMENT = {b"mbf": format_named("mbf"), b"VTKFile": format_named("vtk-xml")}
_MICROMANAGER = (b'"MicroManagerVersion"', b'"FrameKey-')
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
#: Elements in order that make a file without preamble DICOM, and how long the first ones are at most.
_BARE_ELEMENTS = 4
_BARE_LENGTH = 1024
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())


def container_of(head: bytes) -> str:
    """Return the container that the first bytes of a file name, or ``""``."""
    return next((s.container for s in _SIGNATURES if s.is_in(head)), "")


def format_of_content(head: bytes) -> Format | None:
    """Return the format that the first `HEAD_BYTES` of a file give away, whatever its name; else None.

    A gzip is looked into: what it holds is its format where that format is read compressed (NIfTI, MRC). What
    two letters or a run of blanks name has to look like the format's header, too.
    """
    container = container_of(head)
    if container == "gzip":
        inside = container_of(_unpacked(head))
        return _PACKED.get(inside)
    if (container == "bmp" and not _is_bmp(head)) or (container == "edf" and not _is_edf(head)):
        return None
    if container == "mp4" and head[8:12] in _NO_VIDEO:
        return None
    if not container and is_bare_dicom(head):
        return format_named("dicom")
    if head.lstrip()[:1] == b"{" and any(mark in head for mark in _MICROMANAGER):
        return format_named("micromanager")
    if (
        not container
        and _first_element(head) == b"Configuration"
        and b"<GlobalConfiguration" in head
    ):
        return format_named("spikegadgets")
    if not container and (by_element := _BY_ELEMENT.get(_first_element(head))) is not None:
        return by_element
    return _GIVEN_AWAY.get(container)


def _first_element(head: bytes) -> bytes:
    found = _FIRST_ELEMENT.match(head.removeprefix(b"\xef\xbb\xbf"))
    return found[1] if found else b""


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
    if (
        expected.name == "structured"
        and (told := _BY_ELEMENT.get(_first_element(head))) is not None
    ):
        return told
    if container in (*expected.containers, *expected.gives_away):
        return expected
    has_signature = bool(expected.containers) and not expected.loose
    if not has_signature and (not container or not expected.loose):
        return expected
    other = _GIVEN_AWAY.get(container)
    # two letters ("BM") or a run of blanks are too little to overrule a name that has no signature
    unmistakable = container not in ("bmp", "edf", "gzip", "mp4")
    if other is not None and (has_signature or unmistakable):
        return other
    if not has_signature:
        return expected
    message = (
        f"{path.name}: named as {expected.title}, but its first bytes are {head[:8]!r}"
        + (f" ({container})" if container else "")
        + "; rename it to what it is, or upload the original again"
    )
    raise FormatMismatchError(message)
