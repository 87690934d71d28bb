"""AVIF: one picture, or frames along t; samples in the bits that are stored, 8 to 12.

A turn or mirror that the file asks viewers for is told, not applied. Frames have no step: their times are left.

Source: AOMedia, "AV1 Image File Format" and ISO/IEC 23008-12 (properties ispe, irot, imir, av1C).
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from sparc_fuse_core.errors import CorruptFileError, FormatMismatchError, SizeLimitError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BRANDS = (b"avif", b"avis")
_HEAD_BYTES = 1 << 20
_MOST_FILE_BYTES = 1 << 30
_MOST_BYTES = 4 << 30
_TWO_BYTES = 2
_SAMPLES = 4


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an AVIF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    n_file_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[4:8] != b"ftyp" or head[8:12] not in _BRANDS:
        message = f"{path.name}: no AVIF file; rename it to what it is"
        raise FormatMismatchError(message)
    if n_file_bytes > _MOST_FILE_BYTES:
        message = (
            f"{path.name}: {n_file_bytes / 1e9:.1f} GB, which are decoded whole; save it as TIFF"
        )
        raise SizeLimitError(message)
    _check_size(path, head, n_file_bytes)
    try:
        pixels = np.asarray(imagecodecs.avif_decode(path.read_bytes()))
    except (imagecodecs.AvifError, ValueError, RuntimeError) as err:
        message = (
            f"{path.name}: cannot be decoded ({type(err).__name__}); upload the original again"
        )
        raise CorruptFileError(message) from err
    yield _contents(head, pixels)


def _sizes(head: bytes, name: bytes, layout: str) -> Iterator[tuple[int, ...]]:
    """Yield the numbers behind the version of each box of a name, as far as they are there."""
    at = head.find(name)
    while at >= 0:
        if at + 8 + struct.calcsize(layout) <= len(head):
            yield struct.unpack_from(layout, head, at + 8)
        at = head.find(name, at + 4)


def _check_size(path: Path, head: bytes, n_file_bytes: int) -> None:
    """Refuse what would be far more than the file can hold, before it is decoded."""
    n_pixels = max((width * height for width, height in _sizes(head, b"ispe", ">II")), default=0)
    n_frames = max((count for _, count in _sizes(head, b"stsz", ">II")), default=1)
    n_bytes = n_pixels * max(n_frames, 1) * _SAMPLES * _TWO_BYTES
    check_unpacked(path.name, n_file_bytes, n_bytes)
    if n_bytes > _MOST_BYTES:
        message = f"{path.name}: {n_bytes / 1e9:.1f} GB of pixels, which are decoded whole; save it as TIFF"
        raise SizeLimitError(message)


def _contents(head: bytes, pixels: np.ndarray[Any, Any]) -> Contents:
    n_frames = pixels.shape[0] if head[8:12] == b"avis" and pixels.ndim in (3, 4) else 0
    is_color = pixels.ndim - bool(n_frames) == 3
    evidence = []
    if n_frames > 1:
        evidence.append(Evidence("time", "missing", "the times of the frames are not read"))
    elif n_frames == 1:
        pixels, n_frames = pixels[0], 0
    axes = ("t" if n_frames else "") + ("cyx" if is_color else "yx")
    samples = pixels.shape[-1] if is_color else 1
    if is_color:
        pixels = np.moveaxis(pixels, -1, -3)
    named = samples in (3, 4)
    for box, what in ((b"irot", "a turn"), (b"imir", "a mirror")):
        if box in head:
            sentence = f"the file asks viewers for {what}, which is not applied"
            evidence.append(Evidence("axes", "file", sentence))
    image = Image(
        "",
        pixels,
        axes,
        kind="rgb" if named else "intensity",
        channel_names=(*RGB, "A")[:samples]
        if named
        else ("gray", "A")[:samples]
        if is_color
        else (),
        channel_colors=(*RGB_COLORS, "FFFFFF")[:samples] if named else (),
        significant_bits=_bits(head) if pixels.dtype.itemsize == _TWO_BYTES else None,
    )
    return Contents(images=(image,), evidence=tuple(evidence))


def _bits(head: bytes) -> int | None:
    """Return the bits of a sample as the codec's configuration states them."""
    at = head.find(b"av1C")
    if at < 0 or at + 7 > len(head):
        return None
    flags = head[at + 6]
    if not flags & 0x40:
        return None
    return 12 if flags & 0x20 else 10
