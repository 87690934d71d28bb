"""Uncompressed BMP whose colours lie in bit fields of their own: the masks of the header, as they are stored.

Source: the BITMAPINFOHEADER and BITMAPV4HEADER structures (biCompression BI_BITFIELDS and
BI_ALPHABITFIELDS; rows from the bottom unless the height is negative, padded to four bytes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_BITFIELDS, _ALPHABITFIELDS = 3, 6
_INFO_BYTES = 40


@dataclass(frozen=True, slots=True)
class BitFields:
    """Layout of the pixels: masks of R, G, B and perhaps A, all of ``bits`` bits."""

    width: int
    height: int
    top_down: bool
    depth: int
    masks: tuple[int, ...]
    bits: int
    offset_bytes: int

    def decode(self, data: bytes) -> np.ndarray[Any, Any]:
        """Return the stored values: shape (y, x, samples), uint8 or uint16.

        Raises
        ------
        ValueError
            If there are fewer rows than the header announces.
        """
        word = self.depth // 8
        stride = -(-self.width * word // 4) * 4
        rows = np.frombuffer(data, np.uint8, stride * self.height, self.offset_bytes)
        pixels = rows.reshape(self.height, stride)[:, : self.width * word]
        words = np.ascontiguousarray(pixels).view("<u2" if word == 2 else "<u4")
        if not self.top_down:
            words = words[::-1]
        dtype = np.uint8 if self.bits <= 8 else np.uint16
        samples = [((words & mask) >> _shift(mask)).astype(dtype) for mask in self.masks]
        return np.stack(samples, axis=-1)


def bit_fields(head: bytes) -> BitFields | None:
    """Return the layout of a BMP with bit fields of one width; None for all others."""
    if head[:2] != b"BM" or len(head) < 14 + _INFO_BYTES + 16:
        return None
    (offset,) = struct.unpack_from("<I", head, 10)
    n_header, width, height, _, depth, compression = struct.unpack_from("<IiiHHI", head, 14)
    if compression not in (_BITFIELDS, _ALPHABITFIELDS) or depth not in (16, 32):
        return None
    if n_header < _INFO_BYTES or width <= 0 or not height:
        return None
    has_alpha = compression == _ALPHABITFIELDS or n_header >= _INFO_BYTES + 16
    masks = struct.unpack_from("<4I", head, 14 + _INFO_BYTES)[: 4 if has_alpha else 3]
    masks = masks[:3] if len(masks) == 4 and not masks[3] else masks
    widths = {mask.bit_count() for mask in masks}
    solid = all(mask and mask >> _shift(mask) == (1 << mask.bit_count()) - 1 for mask in masks)
    if len(widths) != 1 or not solid:
        return None
    return BitFields(width, abs(height), height < 0, depth, masks, widths.pop(), offset)


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
