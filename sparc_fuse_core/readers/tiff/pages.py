"""Regions of TIFF pages: only the rows, strips or tiles that a block needs are read and decoded.

tifffile finds pages and decodes segments; this module decides which ones. Uncompressed pages are read
row by row without decoding. Decoded segments are kept while they fit `CACHE_BYTES`, so that reading a
compressed plane band by band, or colour by colour, decodes each strip or tile once.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SizeLimitError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.unpacked import check_unpacked
from sparc_fuse_core.readers.tiff import libtiff, subsampled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    #: A page or frame of tifffile, whose attributes are optional in its types, and its key page.
    Page = Any
    Bounds = tuple[int, int]

#: What tifffile and imagecodecs raise on bytes that are not what they should be.
DECODE_ERRORS = (
    *DAMAGE,
    tifffile.TiffFileError,
    AssertionError,
    EOFError,
    MemoryError,
    SyntaxError,
)

#: Decoded segments that are kept; more where samples of a pixel (RGB) are decoded together but asked for
#: one channel after the other.
CACHE_BYTES = 64_000_000
SAMPLES_CACHE_BYTES = 256_000_000
#: One strip or tile has to be decoded whole; beyond this it is refused.
MAX_SEGMENT_BYTES = 4_000_000_000
#: No lossless codec packs more tightly than this; a header that announces more is wrong.
_MAX_RATIO = 200_000
_CCITT = (2, 3, 4)
_OPEN_FILES = 16


class PageReader:
    """Reads regions of pages, of one file or of a set of files.

    Parameters
    ----------
    name
        Of the leading file, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._files: OrderedDict[str, BinaryIO] = OrderedDict()
        self._segments: OrderedDict[Any, np.ndarray[Any, Any]] = OrderedDict()
        self._n_bytes = 0
        self._checked: Any = None
        self._whole: tuple[Any, np.ndarray[Any, Any]] | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Close all files and forget what was decoded."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()
            self._segments.clear()
            self._n_bytes = 0
            self._whole = None

    def region(
        self, page: Page, separate: int, depth: int, of_y: Bounds, of_x: Bounds
    ) -> np.ndarray[Any, Any]:
        """Return rows and columns of one page: shape (y, x, contiguous samples).

        Parameters
        ----------
        page
            A page or frame of tifffile.
        separate, depth
            Index of the sample plane and of the slice, where a page holds several.
        of_y, of_x
            First and last plus one.
        """
        key = page.keyframe
        n_samples = key.shaped[4]
        at = (page.parent.filehandle.path, page.offset)
        if at != self._checked:
            check_page(self._name, page, page.parent.filehandle.size)
            self._checked = at
        if is_plain(key) and is_contiguous(page):
            plane = separate * key.shaped[1] + depth
            offset = page.dataoffsets[0] + plane * _plane_bytes(key)
            return self.rows(page, offset, of_y, of_x)
        if libtiff.shows_colours(key):
            return self._colours(page)[slice(*of_y), slice(*of_x)]
        block = np.empty((of_y[1] - of_y[0], of_x[1] - of_x[0], n_samples), native(key.dtype))
        for index, top, left, slice_index in _segments_of(key, separate, depth, of_y, of_x):
            try:
                segment = self._segment(page, index)
            except UnsupportedFeatureError:
                if not libtiff.may_be_decoded(key):
                    raise
                return self._colours(page)[slice(*of_y), slice(*of_x)]
            height, width = segment.shape[1:3]
            y0, y1 = max(of_y[0], top), min(of_y[1], top + height)
            x0, x1 = max(of_x[0], left), min(of_x[1], left + width)
            block[y0 - of_y[0] : y1 - of_y[0], x0 - of_x[0] : x1 - of_x[0]] = segment[
                slice_index, y0 - top : y1 - top, x0 - left : x1 - left
            ]
        return block

    def _colours(self, page: Page) -> np.ndarray[Any, Any]:
        """Return a page that is decoded whole, by another library; the last one is kept."""
        handle = page.parent.filehandle
        at = (handle.path, page.offset)
        if self._whole is None or self._whole[0] != at:
            key = page.keyframe
            n_bytes = key.imagelength * key.imagewidth * 4
            check_unpacked(self._name, sum(page.databytecounts), n_bytes)
            if subsampled.is_read(key):
                self._whole = (at, self._strips(page))
            else:
                path = Path(handle.path)
                self._whole = (at, libtiff.page_colours(path, page.index, self._name, key))
        return self._whole[1]

    def _strips(self, page: Page) -> np.ndarray[Any, Any]:
        key = page.keyframe
        found = np.empty((key.imagelength, key.imagewidth, 3), np.uint8)
        step = min(key.rowsperstrip, key.imagelength)
        for i, top in enumerate(range(0, key.imagelength, step)):
            n_rows = min(step, key.imagelength - top)
            data = self._read(page, page.dataoffsets[i], page.databytecounts[i])
            try:
                found[top : top + n_rows] = subsampled.strip_colours(data, key, n_rows)
            except (ValueError, TypeError) as err:
                message = (
                    f"{self._name}: strip {i} of page {page.index} is too short; upload it again"
                )
                raise CorruptFileError(message) from err
        return found

    def rows(self, page: Page, offset: int, of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        """Return a region of an uncompressed plane that begins at ``offset`` of the page's file."""
        key = page.keyframe
        width, n_samples = key.shaped[3:]
        dtype = key.dtype.newbyteorder(page.parent.byteorder)
        stride = width * n_samples * dtype.itemsize
        n_rows = of_y[1] - of_y[0]
        data = self._read(page, offset + of_y[0] * stride, n_rows * stride)
        plane = np.frombuffer(data, dtype).reshape(n_rows, width, n_samples)
        return plane[:, of_x[0] : of_x[1]]

    def _segment(self, page: Page, index: int) -> np.ndarray[Any, Any]:
        """Return one decoded strip or tile: shape (depth, y, x, contiguous samples)."""
        at = (page.parent.filehandle.path, page.offset, index)
        with self._lock:
            if at in self._segments:
                self._segments.move_to_end(at)
                return self._segments[at]
        segment = self._decode(page, index)
        limit = SAMPLES_CACHE_BYTES if page.keyframe.shaped[4] > 1 else CACHE_BYTES
        with self._lock:
            if at not in self._segments and segment.nbytes <= limit:
                self._segments[at] = segment
                self._n_bytes += segment.nbytes
            while self._n_bytes > limit:
                _, dropped = self._segments.popitem(last=False)
                self._n_bytes -= dropped.nbytes
        return segment

    def _decode(self, page: Page, index: int) -> np.ndarray[Any, Any]:
        key = page.keyframe
        offset, n_bytes = page.dataoffsets[index], page.databytecounts[index]
        # an offset or length of 0 marks a segment that was never written
        data = self._read(page, offset, n_bytes) if offset and n_bytes else None
        try:
            tables = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
            with np.errstate(all="ignore"):
                segment, _, shape = key.decode(data, index, **tables)
        except DECODE_ERRORS as err:
            if feature := libtiff.feature_of(key) or _feature_of(err):
                message = f"{self._name}: page {page.index} has {feature}, which is not read; save it without"
                raise UnsupportedFeatureError(message) from err
            message = (
                f"{self._name}: strip or tile {index} of page {page.index} cannot be decoded "
                f"({err}); upload the original again"
            )
            raise CorruptFileError(message) from err
        if segment is None:
            return np.full(shape, key.nodata, native(key.dtype))
        found: np.ndarray[Any, Any] = segment
        if found.dtype == bool:
            found = found.astype(np.uint8)
        return found

    def _read(self, page: Page, offset: int, n_bytes: int) -> bytes:
        handle = page.parent.filehandle
        with self._lock:
            file = self._files.get(handle.path)
            if file is None:
                # the set's files are opened as they are needed, a few at a time
                if len(self._files) >= _OPEN_FILES:
                    self._files.popitem(last=False)[1].close()
                file = self._files[handle.path] = open(handle.path, "rb", 0)  # noqa: PTH123, SIM115
            self._files.move_to_end(handle.path)
            parts = []
            wanted, at = n_bytes, offset
            while wanted:
                # one call gives at most 2 GiB
                part = os.pread(file.fileno(), wanted, at)
                if not part:
                    break
                parts.append(part)
                wanted -= len(part)
                at += len(part)
        if wanted:
            message = (
                f"{self._name}: truncated: page {page.index} needs {n_bytes} bytes at {offset}, "
                f"the file ends {wanted} bytes before; upload it again"
            )
            raise CorruptFileError(message)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _feature_of(err: BaseException) -> str:
    """Return what a decoder says that it does not do, or ``""`` if the bytes are at fault."""
    said = str(err).splitlines()[0] if str(err) else ""
    cannot = (
        isinstance(err, NotImplementedError) or "not supported" in said or "not implemented" in said
    )
    return f"a way of storing that no decoder here knows ({said[:120]})" if cannot else ""


def native(dtype: Any) -> np.dtype[Any]:
    """Return ``dtype`` in native byte order; one bit becomes uint8 (0 or 1), which every reader has."""
    found: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    return np.dtype(np.uint8) if found == np.dtype(bool) else found


def is_plain(key: Page) -> bool:
    """Return whether the values of a page lie in its file as they are: rows one after the other."""
    return bool(
        key.compression == 1
        and key.predictor == 1
        and key.fillorder == 1
        and not key.is_tiled
        and key.sampleformat != 5  # integers in pairs
        and key.bitspersample == key.dtype.itemsize * 8
        and not key.is_subsampled
        # a strip that starts a row anew for each slice cannot be told from here
        and key.shaped[1] == 1
    )


def is_contiguous(page: Page) -> bool:
    """Return whether the strips of a page follow each other."""
    if len(page.dataoffsets) == 1:
        return True
    offsets = np.asarray(page.dataoffsets, dtype=np.int64)
    lengths = np.asarray(page.databytecounts, dtype=np.int64)
    return len(offsets) == len(lengths) and bool((offsets[:-1] + lengths[:-1] == offsets[1:]).all())


def check_page(name: str, page: Page, n_file_bytes: int) -> None:
    """Refuse what a page cannot be.

    Raises
    ------
    EmptyFileError
        If it has no pixels.
    UnsupportedFeatureError
        If nothing decodes its compression or type.
    CorruptFileError
        If it announces more than its strips or tiles, or its file, can hold.
    SizeLimitError
        If one strip or tile is larger than `MAX_SEGMENT_BYTES`, or far larger than what is stored of it.
    """
    key = page.keyframe
    if key.dtype is None:
        message = (
            f"{name}: samples of {key.bitspersample} bits (format {key.sampleformat}) are not read"
        )
        raise UnsupportedFeatureError(message)
    n_pixels = math.prod(key.shaped)
    if n_pixels <= 0 or not page.dataoffsets:
        message = f"{name}: page {page.index} has no pixels"
        raise EmptyFileError(message)
    problem = _problem(page, n_pixels * key.bitspersample // 8, n_file_bytes)
    if problem:
        message = f"{name}: page {page.index} {problem}; upload the original again"
        raise CorruptFileError(message)
    if not (is_plain(key) and is_contiguous(page)):
        n_bytes = math.prod(_segment_shape(key)) * native(key.dtype).itemsize
        if n_bytes > MAX_SEGMENT_BYTES:
            message = (
                f"{name}: page {page.index} is one strip or tile of {n_bytes / 1e9:.1f} GB; at most "
                f"{MAX_SEGMENT_BYTES / 1e9:.0f} GB can be decoded at once; store it in tiles"
            )
            raise SizeLimitError(message)
        check_unpacked(name, max(page.databytecounts), n_bytes)


def _problem(page: Page, announced: int, n_file_bytes: int) -> str:
    """Return why ``announced`` bytes of pixels cannot be in the strips or tiles of a page."""
    key = page.keyframe
    offsets, lengths = page.dataoffsets, page.databytecounts
    if len(offsets) != len(lengths) or min(lengths) < 0:
        return f"has {len(offsets)} offsets and {len(lengths)} lengths of strips or tiles"
    end = max(offset + length for offset, length in zip(offsets, lengths, strict=True))
    if end > n_file_bytes:
        return f"reaches to byte {end} of a file of {n_file_bytes} bytes: truncated"
    if is_plain(key) and is_contiguous(page):
        if int(offsets[0]) + announced > n_file_bytes:
            return f"announces {announced} bytes of pixels; the file has {n_file_bytes}: truncated"
        # the length of an only strip is often wrong, and not needed
        if len(lengths) > 1 and sum(lengths) < announced:
            return f"announces {announced} bytes of pixels; its strips have {sum(lengths)}"
    elif len(offsets) < _n_segments(key):
        return f"has {len(offsets)} of the {_n_segments(key)} strips or tiles that it announces"
    elif key.compression not in _CCITT and announced > _MAX_RATIO * max(int(sum(lengths)), 5):
        return f"announces {announced} bytes of pixels in {sum(lengths)} bytes"
    return ""


def _plane_bytes(key: Page) -> int:
    return int(math.prod(key.shaped[2:]) * key.dtype.itemsize)


def _segment_shape(key: Page) -> tuple[int, int, int, int]:
    """Return depth, rows, columns and samples of a whole strip or tile."""
    n_samples = key.shaped[4]
    if key.is_tiled:
        return (key.tiledepth, key.tilelength, key.tilewidth, n_samples)
    return (1, min(key.rowsperstrip, key.shaped[2]), key.shaped[3], n_samples)


def _grid(key: Page) -> tuple[int, int, int]:
    """Return how many strips or tiles there are along depth, y and x."""
    sizes = _segment_shape(key)[:3]
    if min(sizes) <= 0:
        return (0, 0, 0)
    n_depth, n_y, n_x = (
        math.ceil(n / size) for n, size in zip(key.shaped[1:4], sizes, strict=True)
    )
    return n_depth, n_y, n_x


def _n_segments(key: Page) -> int:
    return int(key.shaped[0]) * math.prod(_grid(key))


def _segments_of(
    key: Page, separate: int, depth: int, of_y: Bounds, of_x: Bounds
) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, first row, first column and slice of the strips or tiles of a region."""
    n_depth, n_y, n_x = _grid(key)
    d_size, y_size, x_size, _ = _segment_shape(key)
    if of_y[0] == of_y[1] or of_x[0] == of_x[1]:
        return
    first = (separate * n_depth + depth // d_size) * n_y
    for i in range(of_y[0] // y_size, (of_y[1] - 1) // y_size + 1):
        for j in range(of_x[0] // x_size, (of_x[1] - 1) // x_size + 1):
            yield (first + i) * n_x + j, i * y_size, j * x_size, depth % d_size
