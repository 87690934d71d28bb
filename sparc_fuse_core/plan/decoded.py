"""How large a compressed file's values are, as its header tells: disk, time and cost follow from that.

Only large files of formats that compress are looked into, by one to a few ranged requests of some kilobytes.
What is read is a plan's estimate, never a fact of a result: a header that cannot be understood, or says what
cannot be, tells nothing, and the measured factor of the format stands (`sparc_fuse_core.plan.estimates`).

Sources: TIFF 6.0 and BigTIFF; ITU-T T.81 (JPEG); ISO/IEC 15444-1 (JPEG 2000); PNG 1.2; ISO/IEC 14496-12 (MP4);
Microsoft's AVI RIFF reference; NIfTI-1 and -2; NRRD 5; ZEISS CZI file format (directory of sub-blocks).
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Returns bytes of the file: (first byte, how many at most).
    Read = Callable[[int, int], bytes]

#: Smaller ones fit anywhere, whatever they hold.
LEAST_BYTES = 4_000_000

_HEAD_BYTES = 65_536
_MOOV_BYTES = 2_000_000
_MOST_BOXES = 16

#: A header that announces more than this many times the file is not believed for a plan.
_MOST_INFLATION = 5_000

#: Of TIFF: what keeps every value, so that a result is about as large as what is stored.
_LOSSLESS = {5, 8, 32773, 32946, 34925, 50000}
_JPEG, _JPEG_AGAIN = {6, 7}, 0.75
_TIFF_FIELDS = {1: "B", 3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What is stored smaller than its values.

    Attributes
    ----------
    n_bytes
        Of all values.
    disk_bytes
        That result and scratch files take beside the source.
    """

    n_bytes: int
    disk_bytes: int


def decoded(path: str, size_bytes: int, read: Read) -> Decoded | None:
    """Return what the header of a file tells, or None where it tells nothing."""
    name = path.lower()
    look = next((one for suffixes, one in _LOOKS if name.endswith(suffixes)), None)
    if look is None:
        return None
    try:
        found = look(size_bytes, read)
    except (struct.error, ValueError, LookupError, ArithmeticError, zlib.error):
        return None
    if found is None or not 0 < found.n_bytes <= _MOST_INFLATION * size_bytes:
        return None
    return found


def looked_into(path: str) -> bool:
    """Whether the header of such a file can tell."""
    return path.lower().endswith(tuple(suffix for suffixes, _ in _LOOKS for suffix in suffixes))


def _lossy(n_bytes: int) -> Decoded:
    # what was thrown away is not compressed again: pyramid and compression about cancel out
    return Decoded(n_bytes, n_bytes)


def _tiff(size_bytes: int, read: Read) -> Decoded | None:
    """Take the first page's ratio for all of them."""
    head = read(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    is_big = struct.unpack_from(order + "H", head, 2)[0] == 43
    (offset,) = struct.unpack_from(order + ("Q" if is_big else "I"), head, 8 if is_big else 4)
    page = read(offset, _HEAD_BYTES)
    n_entries = struct.unpack_from(order + ("Q" if is_big else "H"), page)[0]
    begin, step = (8, 20) if is_big else (2, 12)
    tags: dict[int, tuple[int, tuple[int, ...]]] = {}
    for place in range(begin, begin + min(n_entries, 500) * step, step):
        tag, kind = struct.unpack_from(order + "HH", page, place)
        if tag not in (256, 257, 258, 259, 277, 279, 325) or kind not in _TIFF_FIELDS:
            continue
        count = struct.unpack_from(order + ("Q" if is_big else "I"), page, place + 4)[0]
        code, room = _TIFF_FIELDS[kind], 8 if is_big else 4
        value = place + (12 if is_big else 8)
        data, at = page, value
        if count * struct.calcsize(code) > room:
            (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), page, value)
            data, at = read(at, min(count * struct.calcsize(code), _HEAD_BYTES)), 0
        n = min(count, (len(data) - at) // struct.calcsize(code))
        tags[tag] = (count, struct.unpack_from(f"{order}{n}{code}", data, at))
    width, height = tags[256][1][0], tags[257][1][0]
    bits = tags.get(258, (1, (1,)))[1][0]
    per_pixel = tags.get(277, (1, (1,)))[1][0]
    compression = tags.get(259, (1, (1,)))[1][0]
    if compression == 1:
        return None
    # thousands of tiles: those that were read stand for the rest
    count, stored = tags.get(325) or tags[279]
    ratio = width * height * bits * per_pixel / 8 / (sum(stored) / len(stored) * count)
    n_bytes = round(max(ratio, 1.0) * size_bytes)
    if compression in _LOSSLESS:
        return Decoded(n_bytes, 2 * size_bytes)
    # JPEG's blocks are smooth and compress again: two slides came to 0.4 and about 0.9 of their values
    return Decoded(n_bytes, round(_JPEG_AGAIN * n_bytes) if compression in _JPEG else n_bytes)


def _jpeg(_size_bytes: int, read: Read) -> Decoded | None:
    head = read(0, _HEAD_BYTES)
    if head[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], struct.unpack_from(">H", head, at + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            precision, height, width, n_components = struct.unpack_from(">BHHB", head, at + 4)
            return _lossy(height * width * n_components * -(-precision // 8))
        at += 2 + length
    return None


def _jpeg_2000(_size_bytes: int, read: Read) -> Decoded | None:
    head = read(0, _HEAD_BYTES)
    begin = head.find(b"\xff\x4f\xff\x51")
    if begin < 0:
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", head, begin + 8)
    (n_components,) = struct.unpack_from(">H", head, begin + 40)
    depth = (head[begin + 42] & 0x7F) + 1
    return _lossy((x1 - x0) * (y1 - y0) * n_components * -(-depth // 8))


def _png(size_bytes: int, read: Read) -> Decoded | None:
    head = read(0, 33)
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    width, height, bits, colour = struct.unpack_from(">IIBB", head, 16)
    per_pixel = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    return Decoded(width * height * per_pixel * -(-bits // 8), 2 * size_bytes)


def _avi(_size_bytes: int, read: Read) -> Decoded | None:
    head = read(0, _HEAD_BYTES)
    if head[8:12] != b"AVI " or head[24:28] != b"avih":
        return None
    n_frames, width, height = (struct.unpack_from("<I", head, 32 + at)[0] for at in (16, 32, 36))
    # of OpenDML: the frames of all parts, not of the first gigabyte
    extended = head.find(b"dmlh")
    if extended >= 0:
        n_frames = max(n_frames, struct.unpack_from("<I", head, extended + 8)[0])
    return _lossy(n_frames * width * height * 3)


def _mp4(size_bytes: int, read: Read) -> Decoded | None:
    at = 0
    for _ in range(_MOST_BOXES):
        head = read(at, 16)
        n_bytes, kind = struct.unpack_from(">I4s", head)
        if n_bytes == 1:
            (n_bytes,) = struct.unpack_from(">Q", head, 8)
        if kind == b"moov":
            return _moov(read(at, min(n_bytes, _MOOV_BYTES)))
        if n_bytes < 8 or at + n_bytes >= size_bytes:
            return None
        at += n_bytes
    return None


def _moov(moov: bytes) -> Decoded | None:
    """Add up the pictures of all tracks that have some."""
    total = 0
    for track in moov.split(b"trak")[1:]:
        if b"vmhd" not in track:
            continue
        sizes, header = track.find(b"stsz"), track.find(b"tkhd")
        if min(sizes, header) < 0:
            continue
        (n_frames,) = struct.unpack_from(">I", track, sizes + 12)
        # fixed-point numbers, the last of a header that is longer in version 1
        width, height = struct.unpack_from(">II", track, header + (92 if track[header + 4] else 80))
        total += n_frames * (width >> 16) * (height >> 16) * 3
    return _lossy(total) if total else None


def _unzipped(data: bytes, n_bytes: int) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(data, n_bytes)


def _nifti(size_bytes: int, read: Read) -> Decoded | None:
    head = _unzipped(read(0, 4096), 540)
    for order in "<>":
        if struct.unpack_from(order + "i", head)[0] == 348:
            dims = struct.unpack_from(order + "8h", head, 40)
            (bits,) = struct.unpack_from(order + "h", head, 72)
        elif struct.unpack_from(order + "i", head)[0] == 540:
            dims = struct.unpack_from(order + "8q", head, 16)
            (bits,) = struct.unpack_from(order + "h", head, 14)
        else:
            continue
        n_bytes = math.prod(max(dim, 1) for dim in dims[1 : dims[0] + 1]) * bits // 8
        # unpacked whole before it is read
        return Decoded(n_bytes, n_bytes + size_bytes)
    return None


_NRRD_BYTES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8"), 1),
    **dict.fromkeys(("short", "int16", "ushort", "unsigned short", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "int32", "uint", "unsigned int", "uint32", "float"), 4),
    **dict.fromkeys(("double", "longlong", "int64", "ulonglong", "uint64"), 8),
}


def _nrrd(size_bytes: int, read: Read) -> Decoded | None:
    head = read(0, _HEAD_BYTES).partition(b"\n\n")[0].decode("ascii", "replace")
    if not head.startswith("NRRD"):
        return None
    fields = dict(re.findall(r"^(\w+): *(.+?)\r?$", head, flags=re.MULTILINE))
    if fields.get("encoding", "raw") not in ("gz", "gzip", "bz2", "bzip2"):
        return None
    n_bytes = math.prod(map(int, fields["sizes"].split())) * _NRRD_BYTES.get(fields["type"], 1)
    return Decoded(n_bytes, n_bytes + size_bytes)


def _zipped_text(size_bytes: int, read: Read) -> Decoded | None:
    """Take the ratio of the first lines for all of them."""
    data = read(0, _HEAD_BYTES)
    begun = _unzipped(data, 100 * _HEAD_BYTES)
    n_bytes = round(len(begun) / len(data) * size_bytes)
    return Decoded(n_bytes, n_bytes + size_bytes)


#: Of CZI: bytes of a pixel by its type, and which compressions keep every value.
_CZI_PIXEL_BYTES = {0: 1, 1: 2, 2: 4, 3: 3, 4: 6, 8: 12, 9: 4, 10: 8, 11: 8, 12: 4, 13: 8}
_CZI_PLAIN, _CZI_LOSSLESS = 0, {2, 5, 6}
_CZI_ENTRY = struct.Struct("<2siqiiB5si")
_CZI_MOST_DIMENSIONS = 40


def _czi(size_bytes: int, read: Read) -> Decoded | None:
    """Add up the blocks that the directory lists; of a long one those that were read stand for the rest."""
    head = read(0, 128)
    if head[:10] != b"ZISRAWFILE":
        return None
    (position,) = struct.unpack_from("<q", head, 84)
    if not 0 < position < size_bytes:
        return None
    directory = read(position, _MOOV_BYTES)
    if directory[:15] != b"ZISRAWDIRECTORY":
        return None
    (n_entries,) = struct.unpack_from("<i", directory, 32)
    at, n_read, n_bytes, lossy = 160, 0, 0, False
    is_plain = True
    while n_read < n_entries and at + _CZI_ENTRY.size <= len(directory):
        _, pixel, _, _, compression, _, _, n_dimensions = _CZI_ENTRY.unpack_from(directory, at)
        end = at + _CZI_ENTRY.size + 20 * n_dimensions
        if not 0 < n_dimensions <= _CZI_MOST_DIMENSIONS or end > len(directory):
            break
        # a dimension: its name, first, size, first as a number, size as it is stored
        sizes = struct.iter_unpack("<4siifi", directory[at + _CZI_ENTRY.size : end])
        n_bytes += (
            math.prod(stored or size for _, _, size, _, stored in sizes) * _CZI_PIXEL_BYTES[pixel]
        )
        is_plain &= compression == _CZI_PLAIN
        lossy |= compression not in {_CZI_PLAIN, *_CZI_LOSSLESS}
        n_read += 1
        at = end
    if is_plain or not n_read:
        return None
    n_bytes = n_bytes * n_entries // n_read
    return _lossy(n_bytes) if lossy else Decoded(n_bytes, 2 * size_bytes)


_LOOKS: tuple[tuple[tuple[str, ...], Callable[[int, Read], Decoded | None]], ...] = (
    ((".nii.gz",), _nifti),
    ((".csv.gz", ".tsv.gz", ".txt.gz"), _zipped_text),
    ((".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi", ".scn", ".bif", ".svslide"), _tiff),
    ((".jpg", ".jpeg"), _jpeg),
    ((".jp2", ".j2k", ".j2c", ".jpf"), _jpeg_2000),
    ((".png",), _png),
    ((".avi",), _avi),
    ((".mp4", ".mov", ".m4v"), _mp4),
    ((".nrrd", ".nhdr"), _nrrd),
    ((".czi",), _czi),
)
