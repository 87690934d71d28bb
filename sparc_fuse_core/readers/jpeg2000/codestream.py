"""JPEG 2000 codestreams, tile by tile: only the tiles that a block needs are read and decoded.

A tile is cut out as a codestream of its own: the main header with the tile's own extent, then the tile's
parts. Coordinates are those of the reference grid, so the decoder's result is that of the whole. Markers:
ITU-T T.800, annex A.
"""

from __future__ import annotations

import math
import os
import struct
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SizeLimitError,
    UnsupportedFeatureError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    Bounds = tuple[int, int]

#: Decoded tiles that are kept (one is, however large); more where components are decoded together but
#: asked for one channel after the other.
CACHE_BYTES = 64_000_000
COMPONENTS_CACHE_BYTES = 256_000_000
#: A tile is decoded whole; a larger one is refused.
MAX_TILE_BYTES = 8_000_000_000
#: Bytes of pixels that one byte can stand for: a packet without content takes one bit.
_MAX_RATIO = 1_000_000
_SOC, _SIZ, _SOT, _EOC = b"\xff\x4f", 0xFF51, 0xFF90, b"\xff\xd9"
_TLM, _PLM, _PPM = 0xFF55, 0xFF57, 0xFF60
_ERRORS = (ValueError, RuntimeError, TypeError, MemoryError, OverflowError, struct.error)


class Pieces:
    """A codestream in a file: one or several runs of bytes.

    Parameters
    ----------
    name
        Of the file, for messages.
    file
        Open for reading; stays open until the last read.
    runs
        (offset, length) of each run.
    """

    def __init__(self, name: str, file: BinaryIO, runs: Sequence[tuple[int, int]]) -> None:
        self.name = name
        self._file = file
        self._runs = tuple(runs)
        self.n_bytes = sum(length for _, length in runs)

    def read(self, at: int, n_bytes: int) -> bytes:
        """Return ``n_bytes`` from ``at`` on, counted from the codestream's start."""
        parts = []
        wanted = n_bytes
        for offset, length in self._runs:
            if at < length and n_bytes > 0:
                taken = min(n_bytes, length - at)
                parts.append(os.pread(self._file.fileno(), taken, offset + at))
                n_bytes -= taken
                at = 0
            else:
                at -= length
        data = b"".join(parts)
        if n_bytes > 0 or len(data) != wanted:
            message = f"{self.name}: truncated: a codestream ends early; upload the original again"
            raise CorruptFileError(message)
        return data


@dataclass(frozen=True, slots=True)
class Size:
    """Contents of the SIZ marker: extents on the reference grid."""

    x1: int
    y1: int
    x0: int
    y0: int
    tile_width: int
    tile_height: int
    tile_x0: int
    tile_y0: int
    components: tuple[tuple[int, int, int], ...]  # precision, horizontal and vertical step

    @property
    def n_tiles_x(self) -> int:
        """Number of tiles in a row."""
        return math.ceil((self.x1 - self.tile_x0) / self.tile_width)

    @property
    def n_tiles_y(self) -> int:
        """Number of rows of tiles."""
        return math.ceil((self.y1 - self.tile_y0) / self.tile_height)

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return (self.components[0][0] & 0x7F) + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that holds a sample."""
        kind = "i" if self.components[0][0] & 0x80 else "u"
        return np.dtype(f"{kind}{1 if self.bits <= 8 else 2 if self.bits <= 16 else 4}")


class Codestream:
    """Reads regions of one codestream.

    Parameters
    ----------
    pieces
        Where it lies.

    Raises
    ------
    CorruptFileError, EmptyFileError, UnsupportedFeatureError, SizeLimitError
        If its header cannot be true, holds no pixels, or has components of several kinds.
    """

    size: Size

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._name = pieces.name
        self._lock = Lock()
        self._tiles: OrderedDict[int, np.ndarray[Any, Any]] = OrderedDict()
        self._markers: list[bytes] = []
        self._parts: dict[int, list[tuple[int, int]]] = {}
        self._whole = False
        try:
            self._parse()
        except struct.error as err:
            raise self._corrupt(f"its header cannot be read ({err})") from err
        self._check()
        if self._whole:
            size = self.size
            width, height = size.x1 - size.tile_x0, size.y1 - size.tile_y0
            self.size = replace(size, tile_width=width, tile_height=height)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, components."""
        size = self.size
        return size.y1 - size.y0, size.x1 - size.x0, len(size.components)

    def region(self, of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        """Return rows and columns: shape (y, x, components)."""
        size = self.size
        block = np.empty((of_y[1] - of_y[0], of_x[1] - of_x[0], self.shape[2]), size.dtype)
        if not block.size:
            return block
        y0, y1 = of_y[0] + size.y0, of_y[1] + size.y0
        x0, x1 = of_x[0] + size.x0, of_x[1] + size.x0
        for row in range((y0 - size.tile_y0) // size.tile_height, self._last(y1, "y")):
            for column in range((x0 - size.tile_x0) // size.tile_width, self._last(x1, "x")):
                top, left, bottom, right = self._extent(row, column)
                tile = self._tile(row, column)
                ya, yb = max(y0, top), min(y1, bottom)
                xa, xb = max(x0, left), min(x1, right)
                block[ya - y0 : yb - y0, xa - x0 : xb - x0] = tile[
                    ya - top : yb - top, xa - left : xb - left
                ]
        return block

    def _last(self, end: int, axis: str) -> int:
        size = self.size
        if axis == "y":
            return (end - 1 - size.tile_y0) // size.tile_height + 1
        return (end - 1 - size.tile_x0) // size.tile_width + 1

    def _extent(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return top, left, bottom and right of a tile on the reference grid."""
        size = self.size
        top = size.tile_y0 + row * size.tile_height
        left = size.tile_x0 + column * size.tile_width
        return (
            max(top, size.y0),
            max(left, size.x0),
            min(top + size.tile_height, size.y1),
            min(left + size.tile_width, size.x1),
        )

    def _tile(self, row: int, column: int) -> np.ndarray[Any, Any]:
        number = row * self.size.n_tiles_x + column
        with self._lock:
            if number not in self._tiles:
                self._tiles[number] = self._decode(row, column)
                limit = COMPONENTS_CACHE_BYTES if self.shape[2] > 1 else CACHE_BYTES
                while len(self._tiles) > 1 and (
                    sum(tile.nbytes for tile in self._tiles.values()) > limit
                ):
                    self._tiles.popitem(last=False)
            self._tiles.move_to_end(number)
            return self._tiles[number]

    def _decode(self, row: int, column: int) -> np.ndarray[Any, Any]:
        top, left, bottom, right = self._extent(row, column)
        whole = self._whole
        data = self._pieces.read(0, self._pieces.n_bytes) if whole else self._cut_out(row, column)
        try:
            tile: np.ndarray[Any, Any] = imagecodecs.jpeg2k_decode(data)
        except _ERRORS as err:
            raise self._corrupt(f"tile {row}, {column} cannot be decoded ({err})") from err
        expected = (bottom - top, right - left, self.shape[2])
        if tile.ndim == 2:
            tile = tile[..., None]
        if tile.shape != expected or tile.dtype != self.size.dtype:
            raise self._corrupt(
                f"tile {row}, {column} is {tile.shape} of {tile.dtype}, not {expected} of "
                f"{self.size.dtype}"
            )
        return tile

    def _cut_out(self, row: int, column: int) -> bytes:
        """Return one tile as a codestream."""
        size = self.size
        top, left, bottom, right = self._extent(row, column)
        corner_x = size.tile_x0 + column * size.tile_width
        corner_y = size.tile_y0 + row * size.tile_height
        siz = bytearray(self._siz)
        struct.pack_into(
            ">8I",
            siz,
            6,
            right,
            bottom,
            left,
            top,
            size.tile_width,
            size.tile_height,
            corner_x,
            corner_y,
        )
        data = [_SOC, bytes(siz), *self._markers]
        for at, n_bytes in self._parts[row * size.n_tiles_x + column]:
            part = bytearray(self._pieces.read(at, n_bytes))
            struct.pack_into(">HI", part, 4, 0, n_bytes)
            data.append(bytes(part))
        return b"".join([*data, _EOC])

    def _parse(self) -> None:
        """Read the main header and find the parts of each tile."""
        pieces = self._pieces
        if pieces.read(0, 2) != _SOC:
            raise self._corrupt("a codestream does not begin as one")
        at = 2
        self._siz = b""
        while True:
            marker, n_bytes = struct.unpack(">HH", pieces.read(at, 4))
            if marker == _SOT:
                break
            if marker < 0xFF00 or n_bytes < 2:
                raise self._corrupt(f"marker {marker:#x} in the main header")
            if marker == _SIZ:
                self._siz = pieces.read(at, n_bytes + 2)
                self.size = self._parse_size(self._siz)
            elif marker == _PPM:
                # packet headers of all tiles lie in the main header: tiles cannot be cut out
                self._whole = True
            elif marker not in (_TLM, _PLM):
                self._markers.append(pieces.read(at, n_bytes + 2))
            at += n_bytes + 2
        if not self._siz:
            raise self._corrupt("no size in the main header")
        self._find_parts(at)

    def _find_parts(self, at: int) -> None:
        pieces = self._pieces
        while at + 12 <= pieces.n_bytes:
            marker, _, tile, n_bytes = struct.unpack(">HHHI", pieces.read(at, 10))
            if marker != _SOT:
                break
            if n_bytes == 0:
                end = pieces.n_bytes
                n_bytes = end - at - (2 if pieces.read(end - 2, 2) == _EOC else 0)
                self._parts.setdefault(tile, []).append((at, n_bytes))
                return
            if n_bytes < 14 or at + n_bytes > pieces.n_bytes:
                raise self._corrupt(f"truncated: tile {tile} reaches beyond the end")
            self._parts.setdefault(tile, []).append((at, n_bytes))
            at += n_bytes

    def _parse_size(self, data: bytes) -> Size:
        values = struct.unpack_from(">8IH", data, 6)
        components = tuple(struct.unpack_from(">3B", data, 40 + 3 * i) for i in range(values[8]))
        x1, y1, x0, y0, width, height, tile_x0, tile_y0, _ = values
        return Size(x1, y1, x0, y0, width, height, tile_x0, tile_y0, components)

    def _check(self) -> None:
        size = self.size
        if not size.components or size.x1 <= size.x0 or size.y1 <= size.y0:
            message = f"{self._name}: a codestream without pixels"
            raise EmptyFileError(message)
        placed = (
            min(size.tile_width, size.tile_height) > 0
            and size.tile_x0 <= size.x0 < size.tile_x0 + size.tile_width
            and size.tile_y0 <= size.y0 < size.tile_y0 + size.tile_height
        )
        if not placed:
            raise self._corrupt("tiles that do not cover the picture")
        if len(set(size.components)) != 1 or size.components[0][1:] != (
            1,
            1,
        ):
            message = f"{self._name}: components of several sizes or depths, which are not read"
            raise UnsupportedFeatureError(message)
        if size.bits > 32:
            message = f"{self._name}: samples of {size.bits} bits are not read"
            raise UnsupportedFeatureError(message)
        n_tiles = size.n_tiles_x * size.n_tiles_y
        if len(self._parts) < n_tiles or max(self._parts) >= n_tiles:
            raise self._corrupt(f"{len(self._parts)} of {n_tiles} tiles are in the file")
        n_bytes = math.prod(self.shape) * size.dtype.itemsize
        if n_bytes > _MAX_RATIO * self._pieces.n_bytes:
            raise self._corrupt(
                f"{n_bytes} bytes of pixels announced in {self._pieces.n_bytes} bytes"
            )
        one = min(size.tile_width, self.shape[1]) * min(size.tile_height, self.shape[0])
        n_tile_bytes = one * self.shape[2] * size.dtype.itemsize
        if n_tile_bytes > MAX_TILE_BYTES or (self._whole and n_bytes > MAX_TILE_BYTES):
            message = (
                f"{self._name}: one tile of {n_tile_bytes / 1e9:.1f} GB; at most "
                f"{MAX_TILE_BYTES / 1e9:.0f} GB can be decoded at once; store it in tiles"
            )
            raise SizeLimitError(message)

    def _corrupt(self, why: str) -> CorruptFileError:
        return CorruptFileError(f"{self._name}: {why}; upload the original again")
