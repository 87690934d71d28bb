"""Real numeric variables of a MAT v5 file, inflated in one go by libdeflate.

Recordings are large plain arrays. scipy inflates them with zlib through a small buffer (1.1 CPU s for 230 MB
of float64; here 0.4), and a file of nothing else then needs no scipy at all. Everything that is not a
top-level real array of numbers is left to scipy.

Layout: "MAT-File Format", MathWorks, chapter "Level 5 MAT-File Format". The tags were checked before.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from sparc_fuse_core.readers.mat.v5_scan import Variable, variables_of
from sparc_fuse_core.readers.shared.tree import Numeric

if TYPE_CHECKING:
    from pathlib import Path

#: Code of an array class → its name.
_CLASSES = {
    6: "double",
    7: "single",
    8: "int8",
    9: "uint8",
    10: "int16",
    11: "uint16",
    12: "int32",
    13: "uint32",
    14: "int64",
    15: "uint64",
}
#: Code of stored values → their type; MATLAB stores doubles that are small whole numbers as integers.
_STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_COMPLEX, _GLOBAL, _LOGICAL = 0x08, 0x04, 0x02


@dataclass(frozen=True, slots=True)
class PlainArray:
    """Where one real numeric variable lies.

    Attributes
    ----------
    variable
        Its place in the file.
    shape
        As MATLAB shows it.
    dtype
        Of the stored values.
    offset_bytes, size_bytes
        Of the values within the variable, and of the variable, decompressed.
    """

    variable: Variable
    name: str
    matlab_class: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset_bytes: int
    size_bytes: int

    def read(self, path: Path) -> Numeric:
        """Read and decompress the values.

        Raises
        ------
        RuntimeError, ValueError
            If they cannot be decompressed or are fewer than stated.
        """
        with path.open("rb") as file:
            file.seek(self.variable.offset_bytes)
            raw = file.read(self.variable.size_bytes)
        if self.variable.is_compressed:
            data = np.empty(self.size_bytes, np.uint8)
            n_found = len(imagecodecs.deflate_decode(raw, out=data.data))
        else:
            data = np.frombuffer(raw, np.uint8)
            n_found = len(data)
        if n_found != self.size_bytes:
            message = f"variable {self.name}: {n_found} bytes instead of {self.size_bytes}"
            raise ValueError(message)
        values = np.ndarray(self.shape[::-1], self.dtype, data, self.offset_bytes)
        return Numeric(values, self.matlab_class)


def plain_arrays(path: Path) -> list[PlainArray | None]:
    """Return the top-level variables in the order of the file; None for what is not plain."""
    return [_plain(variable) for variable in variables_of(path)]


def _plain(variable: Variable) -> PlainArray | None:
    """Follow the tags of a variable: its matrix, flags, dimensions, name and values."""
    head, order = variable.head, variable.order
    if len(head) < 48 or _words(head, 8, order) != (6, 8):
        return None
    flags = _words(head, 16, order)[0]
    matlab_class = _CLASSES.get(flags & 0xFF, "")
    if not matlab_class or flags >> 8 & (_COMPLEX | _GLOBAL | _LOGICAL):
        return None
    kind, n_bytes = _words(head, 24, order)
    at = 32 + n_bytes + -n_bytes % 8
    if kind != 5 or n_bytes % 4 or len(head) < at + 8:
        return None
    shape = struct.unpack_from(f"{order}{n_bytes // 4}i", head, 32)
    _, offset, n_bytes = _element(head, at, order)
    name = head[offset : offset + n_bytes]
    at = at + 8 if offset == at + 4 else offset + n_bytes + -n_bytes % 8
    if not name or len(head) < at + 8:
        return None
    kind, offset, n_bytes = _element(head, at, order)
    dtype = np.dtype(f"{order}{_STORED.get(kind, 'V1')}")
    size_bytes = 8 + _words(head, 0, order)[1]
    fits = n_bytes == math.prod(shape) * dtype.itemsize and offset + n_bytes <= size_bytes
    if kind not in _STORED or min(shape) < 0 or not fits:
        return None
    text = name.decode("latin-1")
    return PlainArray(variable, text, matlab_class, tuple(shape), dtype, offset, size_bytes)


def _words(head: bytes, at: int, order: str) -> tuple[int, int]:
    first, second = struct.unpack_from(f"{order}II", head, at)
    return first, second


def _element(head: bytes, at: int, order: str) -> tuple[int, int, int]:
    """Return kind, place and length of the data of the element at ``at``; a short one holds them itself."""
    kind, n_bytes = _words(head, at, order)
    return (kind & 0xFFFF, at + 4, kind >> 16) if kind >> 16 else (kind, at + 8, n_bytes)
