"""Which container a video is in, by its first bytes, and whether it is as long as it says.

FFmpeg reads what is there of a file that was cut, and says nothing: what a container states of its own length
is therefore compared here. MPEG streams state none.

Sources: RFC 8794 (EBML), RFC 9559 (Matroska), RFC 3533 (Ogg), "Advanced Systems Format Specification" (3.2),
"Adobe Flash Video File Format Specification" (annex E), ISO/IEC 13818-1 (transport and program streams).
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, FormatMismatchError

if TYPE_CHECKING:
    from pathlib import Path

_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_SEGMENT = 0x18538067
_PACKET_BYTES = 188
_HEAD_BYTES = 65_536
_PAGE = struct.Struct("<4sBBqIIIB")
#: A page of Ogg is at most this long.
_PAGE_BYTES = 27 + 255 + 255 * 255
_LAST_PAGE = 4


def container_of(path: Path) -> str:
    """Return FFmpeg's name of the container of ``path``.

    Raises
    ------
    FormatMismatchError
        If it is none that is read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[4:8] in _MP4_BOXES:
        return "mov"
    named = (
        (b"\x1aE\xdf\xa3", "matroska"),
        (b"OggS", "ogg"),
        (_ASF, "asf"),
        (b"FLV\x01", "flv"),
        (b"\0\0\x01\xba", "mpeg"),
        (b"\0\0\x01\xb3", "mpegvideo"),
    )
    for magic, name in named:
        if head.startswith(magic):
            return name
    if _transport_packet(head):
        return "mpegts"
    message = (
        f"{path.name}: none of AVI, MP4/MOV, WebM/Matroska, Ogg, WMV, FLV and MPEG: its first bytes are "
        f"{head[:12]!r}; upload it again"
    )
    raise FormatMismatchError(message)


def check_whole(path: Path, container: str) -> None:
    """Refuse a video that is shorter than its container says.

    Raises
    ------
    CorruptFileError
        If it is.
    """
    n_bytes = path.stat().st_size
    checks = {
        "matroska": _matroska_bytes,
        "ogg": _ogg_bytes,
        "asf": _asf_bytes,
        "flv": _flv_bytes,
        "mpegts": _transport_bytes,
    }
    if container not in checks:
        return
    with path.open("rb") as file:
        stated = checks[container](file, n_bytes)
    if stated > n_bytes:
        message = f"{path.name}: truncated: {n_bytes} of at least {stated} bytes; upload it again"
        raise CorruptFileError(message)


def _transport_packet(head: bytes) -> int:
    """Return the length of a packet of a transport stream, with the time stamps of camcorders 192; or 0."""
    for start, size in ((0, _PACKET_BYTES), (4, _PACKET_BYTES + 4)):
        marks = head[start : start + 5 * size : size]
        if len(marks) > 1 and set(marks) == {0x47}:
            return size
    return 0


def _transport_bytes(file: IO[bytes], n_bytes: int) -> int:
    size = _transport_packet(file.read(_HEAD_BYTES))
    return -(-n_bytes // size) * size if size else 0


def _element(file: IO[bytes]) -> tuple[int, int]:
    """Return id and size of the EBML element at the file's position; -1 for a size that is not stated."""
    numbers = []
    for keep_mark in (True, False):
        first = file.read(1)
        if not first or not first[0]:
            return 0, -1
        length = 9 - first[0].bit_length()
        data = first + file.read(length - 1)
        value = int.from_bytes(data, "big")
        if not keep_mark:
            value &= (1 << 7 * length) - 1
            value = -1 if value == (1 << 7 * length) - 1 else value
        numbers.append(value)
    return numbers[0], numbers[1]


def _matroska_bytes(file: IO[bytes], n_bytes: int) -> int:
    """Return where the segment ends; a live recording does not say it."""
    del n_bytes
    size = _element(file)[1]
    file.seek(max(0, size), 1)
    name, size = _element(file)
    return file.tell() + size if name == _SEGMENT and size >= 0 else 0


def _ogg_bytes(file: IO[bytes], n_bytes: int) -> int:
    """Return where the last page that begins in the file ends."""
    page = _last_page(file, n_bytes)
    if len(page) < _PAGE.size:
        return n_bytes + 1
    n_segments = _PAGE.unpack_from(page)[-1]
    lengths = page[_PAGE.size : _PAGE.size + n_segments]
    end = n_bytes - len(page) + _PAGE.size + n_segments + sum(lengths)
    return end if len(lengths) == n_segments else n_bytes + 1


def _last_page(file: IO[bytes], n_bytes: int) -> bytes:
    """Return the file from the last page that begins in it on; nothing where none begins near its end."""
    file.seek(max(0, n_bytes - 2 * _PAGE_BYTES))
    tail = file.read()
    at = tail.rfind(b"OggS")
    return tail[at:] if at >= 0 else b""


def ogg_says_its_end(path: Path) -> bool:
    """Whether the last page of an Ogg file is marked as one."""
    with path.open("rb") as file:
        page = _last_page(file, path.stat().st_size)
    return len(page) > 5 and bool(page[5] & _LAST_PAGE)


def _asf_bytes(file: IO[bytes], n_bytes: int) -> int:
    """Return the size that the file's properties state, unless it was a broadcast."""
    del n_bytes
    head = file.read(_HEAD_BYTES)
    at = head.find(_ASF_FILE)
    if at < 0 or at + 92 > len(head):
        return 0
    size, flags = struct.unpack_from("<Q", head, at + 40)[0], head[at + 88]
    return 0 if flags & 1 else int(size)


def _flv_bytes(file: IO[bytes], n_bytes: int) -> int:
    """Return where the last tag ends that begins in the file."""
    head = file.read(9)
    at = int.from_bytes(head[5:9], "big") + 4
    while 9 < at < n_bytes:
        file.seek(at)
        tag = file.read(4)
        at += 11 + int.from_bytes(tag[1:4], "big") + 4
    return at
