"""Portable any maps (.pbm .pgm .ppm .pnm .pam): samples as stored, 1, 8 or 16 bits, text or binary.

Numbers are not stretched to the largest that their type holds: what the file calls white is in the metadata.

Source: Netpbm's pages of the formats PBM, PGM, PPM and PAM.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    SizeLimitError,
    TruncatedFileError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEADER_BYTES = 65_536
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
_LARGEST = 65_535
_MOST_TEXT_BYTES = 500_000_000
_MOST_DEPTH = 4
_KINDS = {1: (1, True), 2: (1, True), 3: (3, True), 4: (1, False), 5: (1, False), 6: (3, False)}
_BITMAPS = (1, 4)
_PAM = 7


@dataclass(frozen=True, slots=True)
class _Header:
    """What is stated, and where the samples begin."""

    kind: int
    width: int
    height: int
    depth: int
    largest: int
    is_text: bool
    begin: int


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a portable any map; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        header = _header(path, file.read(_HEADER_BYTES))
        if header.width < 1 or header.height < 1:
            message = f"{path.name}: {header.width} x {header.height} pixels: no pixel in it"
            raise EmptyFileError(message)
        if header.is_text:
            yield _contents(path, header, _numbers(path, file, header), 0)
            return
    is_packed = header.kind in _BITMAPS
    dtype = np.dtype(">u2" if header.largest > 255 else "u1")
    width = -(-header.width // 8) if is_packed else header.width
    shape = (header.height, width, header.depth)
    needed = header.begin + shape[0] * shape[1] * shape[2] * dtype.itemsize
    n_bytes = path.stat().st_size
    if n_bytes < needed:
        message = f"{path.name}: {n_bytes} of {needed} bytes that it announces; upload it again"
        raise TruncatedFileError(message)
    stored = MappedFile(path, dtype, shape, header.begin)
    try:
        pixels = _unpacked(stored, header) if is_packed else stored
        yield _contents(path, header, pixels, n_bytes - needed)
    finally:
        stored.close()


def _header(path: Path, head: bytes) -> _Header:
    kind = head[1] - ord("0") if len(head) > 2 and head[:1] == b"P" else 0
    if kind == _PAM:
        return _pam(path, head)
    if kind not in _KINDS:
        message = f"{path.name}: no portable any map; rename it to what it is"
        raise FormatMismatchError(message)
    n_numbers = 2 if kind in _BITMAPS else 3
    numbers, at = [], 2
    for _ in range(n_numbers):
        found = _TOKEN.match(head, at)
        if found is None or not found[1].isdigit() or len(found[1]) > 9:
            message = f"{path.name}: its header is damaged; upload it again"
            raise CorruptFileError(message)
        numbers.append(int(found[1]))
        at = found.end()
    depth, is_text = _KINDS[kind]
    largest = 1 if kind in _BITMAPS else numbers[2]
    _check_largest(path, largest)
    # one blank parts the header from the samples
    return _Header(kind, numbers[0], numbers[1], depth, largest, is_text, at + 1)


def _check_largest(path: Path, largest: int) -> None:
    if not 0 < largest <= _LARGEST:
        message = f"{path.name}: states {largest} as white, which no such map can; it is damaged"
        raise CorruptFileError(message)


def _pam(path: Path, head: bytes) -> _Header:
    text, end, _ = head.partition(b"ENDHDR\n")
    stated: dict[bytes, int] = {}
    for line in text.splitlines()[1:]:
        key, _, value = line.strip().partition(b" ")
        if value.strip().isdigit() and len(value) < 10:
            stated[key.upper()] = int(value)
    if not end or not {b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"} <= stated.keys():
        message = f"{path.name}: its header is damaged; upload it again"
        raise CorruptFileError(message)
    depth = stated[b"DEPTH"]
    if not 0 < depth <= _MOST_DEPTH:
        message = f"{path.name}: {depth} samples a pixel; it is damaged"
        raise CorruptFileError(message)
    _check_largest(path, stated[b"MAXVAL"])
    begin = len(text) + len(end)
    return _Header(
        _PAM, stated[b"WIDTH"], stated[b"HEIGHT"], depth, stated[b"MAXVAL"], False, begin
    )


def _numbers(path: Path, file: IO[bytes], header: _Header) -> np.ndarray[Any, Any]:
    """Return the samples of a text."""
    if path.stat().st_size > _MOST_TEXT_BYTES:
        message = (
            f"{path.name}: more than {_MOST_TEXT_BYTES / 1e6:.0f} MB of text; save it as binary"
        )
        raise SizeLimitError(message)
    n_values = header.width * header.height * header.depth
    file.seek(header.begin)
    text = re.sub(rb"#[^\n\r]*", b"", file.read())
    if header.kind in _BITMAPS:
        # digits of a bitmap need no blanks between them
        words = np.frombuffer(b"".join(text.split()), "S1")
    else:
        words = np.array(text.split(), dtype="S10")
    if len(words) < n_values:
        message = f"{path.name}: {len(words)} of {n_values} samples; upload it again"
        raise TruncatedFileError(message)
    try:
        values = words[:n_values].astype(np.int64)
    except ValueError as err:
        message = f"{path.name}: holds what is no number; upload it again"
        raise CorruptFileError(message) from err
    if values.min() < 0 or values.max() > header.largest:
        message = (
            f"{path.name}: a sample is larger than the {header.largest} that it states as white"
        )
        raise CorruptFileError(message)
    dtype = np.uint16 if header.largest > 255 else np.uint8
    shape = (header.height, header.width, header.depth)
    return np.asarray(values.astype(dtype).reshape(shape))


def _unpacked(stored: MappedFile, header: _Header) -> FunctionBlocks:
    """Return a bit for each pixel; rows begin with a byte, the highest bit first."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (top, bottom), (left, right), (first, last) = bounds
        block = stored[top:bottom, left // 8 : -(-right // 8), 0:1][..., 0]
        bits = np.unpackbits(block, axis=1)[:, left % 8 : left % 8 + right - left]
        return np.asarray(bits[..., None][..., first:last])

    return FunctionBlocks((header.height, header.width, 1), np.dtype(np.uint8), read)


def _contents(path: Path, header: _Header, pixels: Any, n_left: int) -> Contents:
    evidence = []
    if header.kind in _BITMAPS:
        evidence.append(Evidence("content", "file", "1 is black, 0 is white, as in the file"))
    if n_left > 1:
        sentence = f"{n_left} bytes behind the picture are left out (further pictures?)"
        evidence.append(Evidence("content", "missing", sentence))
    native = np.dtype(pixels.dtype).newbyteorder("=")
    is_color = header.depth >= 3

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        *of_c, of_y, of_x = (slice(*pair) for pair in bounds)
        block = np.asarray(pixels[(of_y, of_x, of_c[0] if of_c else slice(0, 1))]).astype(native)
        return np.moveaxis(block, -1, 0) if of_c else np.asarray(block[..., 0])

    axes = "yx" if header.depth == 1 else "cyx"
    of_c = (header.depth,) if header.depth > 1 else ()
    shape = (*of_c, header.height, header.width)
    names = (*RGB, "A")[: header.depth] if is_color else ("gray", "A") if header.depth == 2 else ()
    bits = header.largest.bit_length()
    image = Image(
        "",
        FunctionBlocks(shape, native, read),
        axes,
        kind="label" if header.kind in _BITMAPS else "rgb" if is_color else "intensity",
        channel_names=names,
        channel_colors=(*RGB_COLORS, "FFFFFF")[: header.depth] if is_color else (),
        significant_bits=bits
        if bits < 8 * native.itemsize and header.kind not in _BITMAPS
        else None,
        metadata={"white": header.largest},
    )
    return Contents(images=(image,), evidence=tuple(evidence))
