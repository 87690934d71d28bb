"""DICOM files on disk: with or without preamble and meta header, deflated, and which make one series.

Encodings: DICOM PS3.5 (10.1 default transfer syntax, A.5 deflated) and PS3.10 (7.1 preamble).
"""

from __future__ import annotations

import re
import struct
import tempfile
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydicom import dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from sparc_fuse_core.errors import (
    CorruptFileError,
    DamagedPartError,
    EmptyFileError,
    SizeLimitError,
    SparcFuseError,
    UnsupportedFeatureError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.series_names import without_numbers
from sparc_fuse_core.formats.signatures import HEAD_BYTES, is_bare_dicom
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from contextlib import ExitStack

    from pydicom import Dataset

_EXTENSIONS = (".dcm", ".ima", ".dicom", ".dic")
#: Keyword of the pixels by the element that holds them.
_PIXELS = {0x08: "FloatPixelData", 0x09: "DoubleFloatPixelData", 0x10: "PixelData"}
_PIXEL_GROUP = 0x7FE0
#: Elements of which a DICOM file has one at least.
_TELLING = ("SOPClassUID", "Modality", "Rows", "DirectoryRecordSequence")
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
#: Newer than the library's list.
_JPEG_XL = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (110, 111, 112))
_DIRECTORY = "1.2.840.10008.1.3.10"
#: A deflated header is looked for in as many unpacked bytes; more than the pixels beyond it is refused.
_DEFLATED_HEADER_BYTES = 16_000_000
_DEFLATED_BEYOND_BYTES = 64_000_000
_BLOCK_BYTES = 1_000_000
#: What pydicom raises on damaged bytes.
_DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    AssertionError,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
_PATHS = re.compile(r"'?src'?|(?:[A-Za-z]:)?[\\/](?:[^\s'\"\\/]+[\\/])+[^\s'\"]*")


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file of the series: its header without pixels.

    Attributes
    ----------
    path
        As it is named.
    data
        Where its bytes are: ``path`` itself, or what a deflated file was unpacked to.
    syntax
        How pixels are encoded, stated or, without a meta header, as the elements themselves are.
    pixels
        Keyword of the element that holds the pixels, or ``""``.
    pixels_vr, pixels_at
        Type of that element, ``""`` where it is implicit, and where its value begins in ``data``.
    """

    path: Path
    data: Path
    header: Dataset
    syntax: UID
    pixels: str
    pixels_vr: str
    pixels_at: int


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what pydicom raises on damaged bytes into an error of ours."""
    try:
        with warnings.catch_warnings():
            # about values that break a rule of their type: none of them changes the pixels
            warnings.simplefilter("ignore")
            yield
    except SparcFuseError:
        raise
    except _DAMAGE as err:
        # pydicom lists its plugins on further lines
        said = _PATHS.sub("the file", str(err).splitlines()[0].rstrip(":") if str(err) else "")
        message = f"{path.name}: damaged DICOM ({said}); upload it again"
        raise CorruptFileError(message) from err


def open_file(path: Path, stack: ExitStack) -> DicomFile:
    """Read the header of one file; a deflated one is unpacked for as long as ``stack`` is open.

    Raises
    ------
    CorruptFileError
        If nothing in it is a DICOM element.
    SizeLimitError
        If it unpacks to far more than the pixels that its header announces.
    """
    with reported(path):
        data, syntax = path, None
        with path.open("rb") as file:
            read_preamble(file, force=True)
            meta = _read_file_meta_info(file)
            if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
                data = _unpacked(path, file, stack)
                syntax = ExplicitVRLittleEndian
        with data.open("rb") as file:
            header = dcmread(file, stop_before_pixels=True, force=True)
            if not any(keyword in header for keyword in _TELLING):
                message = f"{path.name}: no DICOM element can be read; upload it again"
                raise CorruptFileError(message)
            if syntax is None:
                syntax = header.file_meta.get("TransferSyntaxUID") or _own_syntax(header)
            header.file_meta.TransferSyntaxUID = syntax = UID(syntax)
            # reading stopped in front of the pixels, or at the end
            tag = file.read(4)
            known = syntax.is_transfer_syntax and not syntax.is_private
            layout = "<HH" if not known or syntax.is_little_endian else ">HH"
            group, element = struct.unpack(layout, tag) if len(tag) == 4 else (0, 0)
            vr, at = "", file.tell() + 4
            # some files state types where they have none
            if not (known and syntax.is_implicit_VR) and (stated := file.read(2)).isupper():
                # the types that pixels have are followed by two unused bytes and a long length
                vr, at = stated.decode("latin-1"), file.tell() + 6
            pixels = _PIXELS.get(element, "") if group == _PIXEL_GROUP else ""
        return DicomFile(path, data, header, syntax, pixels, vr, at)


def _own_syntax(header: Dataset) -> UID:
    """Return the syntax of elements without a meta header: that in which they could be read."""
    is_implicit, is_little_endian = header.original_encoding
    if is_implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian


def _unpacked(path: Path, file: BinaryIO, stack: ExitStack) -> Path:
    """Unpack the elements after the file's position, as many bytes as header and pixels have at most."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-fuse-")))
    target = folder / path.name
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    limit, n_bytes, rest = _DEFLATED_HEADER_BYTES, 0, b""
    looked = False
    try:
        with target.open("wb") as out:
            while not unpacker.eof:
                packed = rest or file.read(_BLOCK_BYTES)
                if not packed:
                    break
                block = unpacker.decompress(packed, _BLOCK_BYTES)
                rest = unpacker.unconsumed_tail
                n_bytes += out.write(block)
                if n_bytes >= limit and not looked:
                    out.flush()
                    limit, looked = max(limit, _announced(target) + _DEFLATED_BEYOND_BYTES), True
                    check_unpacked(path.name, path.stat().st_size, limit)
                if n_bytes > limit + _BLOCK_BYTES:
                    message = (
                        f"{path.name}: unpacks to more than {limit / 1e6:.0f} MB, which its header does "
                        "not announce: a damaged file or a size bomb"
                    )
                    raise SizeLimitError(message)
    except zlib.error as err:
        message = f"{path.name}: its deflated elements are damaged ({err}); upload it again"
        raise CorruptFileError(message) from err
    return target


def _announced(path: Path) -> int:
    """Return how many bytes of pixels the header at the start of ``path`` announces."""
    header = dcmread(path, stop_before_pixels=True, force=True)
    n_bytes = int(header.get("BitsAllocated") or 0) // 8
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"):
        n_bytes *= int(header.get(keyword) or 1)
    return n_bytes


def check(file: DicomFile) -> None:
    """Refuse what holds no picture, or one that is spread over tiles."""
    path, header = file.path, file.header
    if header.get("SOPClassUID") == _WHOLE_SLIDE:
        message = f"{path.name}: a whole-slide DICOM file, whose frames are tiles, is not read"
        raise UnsupportedFormatError(message)
    if not file.pixels:
        if _is_index(header):
            message = (
                f"{path.name}: an index of DICOM files (DICOMDIR); the files themselves are read"
            )
            raise UnsupportedFormatError(message)
        if "Rows" in header and "SpectroscopyData" not in header:
            message = f"{path.name}: truncated before its pixels; upload it again"
            raise CorruptFileError(message)
        stated = str(header.get("Modality") or "")
        # a code, or what damage made of it
        what = stated if re.fullmatch(r"[A-Z]{2,10}", stated) else "unknown"
        message = f"{path.name}: DICOM without pixels (modality {what}); there is no image in it"
        raise UnsupportedFormatError(message)
    n_samples = header.get("SamplesPerPixel") or 1
    if n_samples not in (1, 3):
        message = f"{path.name}: {n_samples} samples for each pixel are not read"
        raise UnsupportedFormatError(message)
    try:
        get_decoder(file.syntax)
    except NotImplementedError as err:
        message = f"{path.name}: pixels encoded as {_syntax_name(file.syntax)} are not read; export it without"
        raise UnsupportedFeatureError(message) from err
    if not header.get("Rows") or not header.get("Columns"):
        message = f"{path.name}: an image of {header.get('Rows')} × {header.get('Columns')} pixels"
        raise EmptyFileError(message)


def _syntax_name(syntax: UID) -> str:
    """Return what a transfer syntax is called; what is no identifier at all is damage."""
    if not syntax.is_valid:
        message = "the transfer syntax is no identifier"
        raise ValueError(message)
    name = "JPEG XL" if syntax in _JPEG_XL else syntax.name
    return f"{name} ({syntax})" if name != syntax else f"transfer syntax {syntax}"


def series_files(leading: DicomFile, stack: ExitStack) -> tuple[list[DicomFile], list[Evidence]]:
    """Return all files that belong to the leading one, it first.

    Those are the files of its series, and those named alike but for their numbers, or whose names say as
    little: a dataset's listing cannot tell series apart, so they are planned as one item. A leading file
    without pixels (a report, an index) is left out where others have some.

    Raises
    ------
    CorruptFileError
        If one of them cannot be read.
    UnsupportedFormatError
        If none of them holds pixels that are read.
    """
    files = [leading] if leading.pixels else []
    evidence: list[Evidence] = []
    series = leading.header.get("SeriesInstanceUID")
    seen = {leading.path.resolve()}
    instances = {leading.header.get("SOPInstanceUID")}
    name = without_numbers(leading.path.name)
    nameless = leading.path.suffix.lower() not in _EXTENSIONS
    for path in sorted(leading.path.parent.iterdir()):
        if not path.is_file() or path.resolve() in seen or not _is_candidate(path):
            continue
        seen.add(path.resolve())
        alike = without_numbers(path.name) == name
        alike |= nameless and path.suffix.lower() not in _EXTENSIONS
        try:
            other = open_file(path, stack)
        except CorruptFileError as err:
            if alike:
                raise _not_whole(leading.path, path) from err
            sentence = f"{path.name}, beside it, is not readable; it may belong to the series"
            evidence.append(Evidence("content", "missing", sentence))
            continue
        same_series = bool(series) and other.header.get("SeriesInstanceUID") == series
        if not (same_series or alike):
            continue
        instance = other.header.get("SOPInstanceUID")
        why = _why_left_out(leading, other, instances)
        if why is not None:
            evidence += why
            continue
        check(other)
        instances.add(instance)
        files.append(other)
    if not files:
        check(leading)
    elif not leading.pixels:
        sentence = f"{leading.path.name} holds no pixels; it is left out"
        evidence.append(Evidence("content", "missing", sentence))
    return files, evidence


def _why_left_out(
    leading: DicomFile, other: DicomFile, instances: AbstractSet[Any]
) -> list[Evidence] | None:
    """Return what is said of a file that gives no picture; None for one that does.

    Raises
    ------
    CorruptFileError
        If a slice of the series has lost its pixels.
    """
    name, instance = other.path.name, other.header.get("SOPInstanceUID")
    if _is_index(other.header):
        return []
    if instance is not None and instance in instances:
        sentence = f"{name} is a second copy of a file of the series; it is left out"
        return [Evidence("content", "file", sentence)]
    if other.pixels:
        return None
    if leading.pixels and other.header.get("Modality") in (None, leading.header.get("Modality")):
        raise _not_whole(leading.path, other.path)
    sentence = f"{name}, beside it, holds no pixels; it is left out"
    return [Evidence("content", "missing", sentence)]


def _is_index(header: Dataset) -> bool:
    """Whether a file only lists others (DICOMDIR)."""
    return (
        "DirectoryRecordSequence" in header
        or header.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY
    )


def _not_whole(leading: Path, bad: Path) -> DamagedPartError:
    """Return why a series with an unreadable file is refused: without it, slices would seem further apart."""
    message = (
        f"{leading.name}: its series is not whole: {bad.name} is damaged or has no pixels; upload that file "
        "again, or move it elsewhere if it does not belong to the series"
    )
    return DamagedPartError(message, bad.name)


def _is_candidate(path: Path) -> bool:
    if path.suffix.lower() in _EXTENSIONS:
        return True
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return head[128:132] == b"DICM" or (not path.suffix and is_bare_dicom(head))
