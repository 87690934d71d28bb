"""MRC and CCP4 maps (.mrc, .map, .st, .rec …): sections as stored, steps in ångström where they are stated.

The header's word for the space group tells a volume (1), a stack of images (0) and a stack of volumes (401);
which of the axes are x, y and z is stated too. Bytes are signed, unless IMOD says that it wrote unsigned ones.
Rows count from the bottom of the picture; they stay in the file's order.

Source: A. Cheng et al., "MRC2014: Extensions to the MRC format header" (J. Struct. Biol. 192, 2015) and IMOD's
"The MRC File Format" (imodStamp, imodFlags, modes 16 and 101).
"""

from __future__ import annotations

import math
import struct
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.unpacked import OPENERS, map_unpacked, reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEADER_BYTES = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", 16: "u1"}
_NOT_READ = {
    3: "complex whole numbers (a Fourier transform)",
    4: "complex numbers (a Fourier transform)",
    101: "two pixels in a byte",
}
_RGB_MODE = 16
_MAP, _STAMPS = b"MAP", {b"DD": "<", b"DA": "<", b"\x11\x11": ">"}
_IMOD = 1_146_047_817
_VOLUME, _VOLUMES = 1, 401
_MOST_VOLUMES = 10_000
_PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2"}


@dataclass(frozen=True, slots=True)
class _Header:
    """What is stated; lengths from the fastest axis on."""

    order: str
    lengths: tuple[int, int, int]
    mode: int
    starts: tuple[int, int, int]
    samples: tuple[int, int, int]
    cell: tuple[float, float, float]
    angles: tuple[float, float, float]
    axes: str
    space_group: int
    extended_bytes: int
    extended_type: str
    origin: tuple[float, float, float]
    is_unsigned: bool
    labels: tuple[str, ...]


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an MRC file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file, ExitStack() as stack:
        packing = _PACKED.get(file.read(2), "")
        file.seek(0)
        header = _header(path, _head(path, file, packing))
        yield _contents(path, file, header, packing, stack)


def _head(path: Path, file: IO[bytes], packing: str) -> bytes:
    if not packing:
        return file.read(_HEADER_BYTES)
    try:
        with OPENERS[packing](file) as unpacked:
            return unpacked.read(_HEADER_BYTES)
    except (OSError, EOFError, ValueError) as err:
        message = f"{path.name}: the {packing} stream is damaged ({err}); upload it again"
        raise CorruptFileError(message) from err
    finally:
        file.seek(0)


def _header(path: Path, head: bytes) -> _Header:
    if head[208:211] == _MAP and len(head) < _HEADER_BYTES:
        message = f"{path.name}: ends within its header; upload it again"
        raise TruncatedFileError(message)
    if len(head) < _HEADER_BYTES:
        message = f"{path.name}: shorter than a header of MRC; upload it again"
        raise FormatMismatchError(message)
    order = _STAMPS.get(head[212:214], "") if head[208:211] == _MAP else ""
    if not order:
        # written before 2000, or by a program that leaves its stamp out: one order alone makes sense
        orders = [one for one in "<>" if _is_likely(head, one)]
        if len(orders) != 1:
            message = f"{path.name}: no header of MRC; rename it to what it is, or upload it again"
            raise FormatMismatchError(message)
        order = orders[0]
    words = struct.unpack_from(f"{order}10i", head)
    axes_xyz = struct.unpack_from(f"{order}3i", head, 64)
    if axes_xyz == (0, 0, 0):
        axes_xyz = (1, 2, 3)
    if sorted(axes_xyz) != [1, 2, 3]:
        message = f"{path.name}: states {axes_xyz} as its axes; upload it again"
        raise CorruptFileError(message)
    space_group, extended_bytes = struct.unpack_from(f"{order}2i", head, 88)
    stamp, flags = struct.unpack_from(f"{order}2i", head, 152)
    n_labels = min(max(struct.unpack_from(f"{order}i", head, 220)[0], 0), 10)
    labels = (head[224 + 80 * i : 304 + 80 * i] for i in range(n_labels))
    cell = struct.unpack_from(f"{order}6f", head, 40)
    return _Header(
        order,
        words[:3],
        words[3],
        words[4:7],
        words[7:10],
        cell[:3],
        cell[3:],
        "".join("xyz"[i - 1] for i in axes_xyz),
        space_group,
        extended_bytes,
        head[104:108].decode("latin-1").strip("\0 "),
        struct.unpack_from(f"{order}3f", head, 196),
        stamp == _IMOD and not flags & 1,
        tuple(label.decode("latin-1").rstrip("\0 ") for label in labels),
    )


def _is_likely(head: bytes, order: str) -> bool:
    nx, ny, nz, mode = struct.unpack_from(f"{order}4i", head)
    axes = struct.unpack_from(f"{order}3i", head, 64)
    return (
        min(nx, ny, nz) > 0
        and mode in (*_MODES, *_NOT_READ)
        and (sorted(axes) == [1, 2, 3] or axes == (0, 0, 0))
        and max(nx, ny, nz) < 1 << 24
    )


def _contents(
    path: Path, file: IO[bytes], header: _Header, packing: str, stack: ExitStack
) -> Contents:
    dtype = _dtype(path, header)
    if min(header.lengths) <= 0:
        message = f"{path.name}: dimensions {header.lengths}: no pixel in it"
        raise EmptyFileError(message)
    if header.extended_bytes < 0:
        message = (
            f"{path.name}: an extended header of {header.extended_bytes} bytes; upload it again"
        )
        raise CorruptFileError(message)
    # on disk the first axis runs fastest: reversed, it is a C-ordered array
    shape: tuple[int, ...] = header.lengths[::-1]
    stored_axes = header.axes[::-1]
    if header.mode == _RGB_MODE:
        shape, stored_axes = (*shape, 3), f"{stored_axes}c"
    offset = _HEADER_BYTES + header.extended_bytes
    stored = _map(path, file, packing, dtype, shape, offset, stack)
    evidence = [Evidence("content", "file", "rows are in the file's order, from the bottom up")]
    if header.extended_bytes:
        kind = header.extended_type if header.extended_type.isalnum() else "unnamed"
        sentence = f"an extended header ({kind}, {header.extended_bytes} bytes) is left out"
        evidence.append(Evidence("content", "missing", sentence))
    lengths = dict(zip(stored_axes, shape, strict=True))
    n_volumes = _n_volumes(path, header)
    kept = "".join(a for a in "czyx" if a in "yx" or lengths.get(a, 1) > 1)
    scale = _scale(header, kept, n_volumes)
    if n_volumes == 0 and "z" in kept:
        sentence = (
            "a stack of images (space group 0): tilts, frames or slices, the distance is not stated"
        )
        evidence.append(Evidence("axes", "inferred", sentence))
    if any(step == 1.0 for step in scale.values()):
        sentence = "steps of exactly 1 Å are also what programs write that know none"
        evidence.append(Evidence("scale", "inferred", sentence))
    rgb = header.mode == _RGB_MODE
    images = []
    for i in range(max(n_volumes, 1)):
        part = _section_of(stored, i, n_volumes) if n_volumes > 1 else stored
        n_sections = part.shape[0]
        axes = "".join(a for a in kept if a in "cyx" or n_sections > 1)
        images.append(
            Image(
                f"volume {i + 1}" if n_volumes > 1 else "",
                reordered(part, stored_axes, axes),
                axes,
                {axis: step for axis, step in scale.items() if axis in axes},
                {axis: "angstrom" for axis in scale if axis in axes},
                "rgb" if rgb else "intensity",
                RGB if rgb else (),
                RGB_COLORS if rgb else (),
                metadata=_facts(header),
            )
        )
    return Contents(images=tuple(images), evidence=tuple(evidence))


def _dtype(path: Path, header: _Header) -> np.dtype[Any]:
    if header.mode in _NOT_READ:
        message = f"{path.name}: mode {header.mode}, {_NOT_READ[header.mode]}, is not read"
        raise UnsupportedFeatureError(f"{message}; save it as numbers of 16 bits or as floats")
    if header.mode not in _MODES:
        message = f"{path.name}: mode {header.mode} is none of MRC's; it is damaged"
        raise CorruptFileError(message)
    code = _MODES[header.mode]
    if header.mode == 0 and header.is_unsigned:
        code = "u1"
    return np.dtype(f"{header.order}{code}")


def _map(
    path: Path,
    file: IO[bytes],
    packing: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset: int,
    stack: ExitStack,
) -> MappedFile:
    if packing:
        return map_unpacked(
            file, packing, dtype, shape, skip_bytes=offset, name=path.name, stack=stack
        )
    needed = offset + math.prod(shape) * dtype.itemsize
    if path.stat().st_size < needed:
        message = f"{path.name}: {path.stat().st_size} of {needed} bytes that it announces; upload it again"
        raise TruncatedFileError(message)
    mapped = MappedFile(path, dtype, shape, offset)
    stack.callback(mapped.close)
    return mapped


def _n_volumes(path: Path, header: _Header) -> int:
    """Return how many volumes the sections are; 0: they are images."""
    if header.space_group == 0:
        return 0
    if header.space_group < _VOLUMES:
        return 1
    n_sections, of_one = header.lengths[2], header.samples[2]
    if of_one < 1 or n_sections % of_one or n_sections // of_one > _MOST_VOLUMES:
        message = f"{path.name}: {n_sections} sections are no volumes of {of_one}; it is damaged"
        raise CorruptFileError(message)
    return n_sections // of_one


def _section_of(stored: MappedFile, number: int, n_volumes: int) -> FunctionBlocks:
    n = stored.shape[0] // n_volumes

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (start, stop), *rest = bounds
        first = slice(number * n + start, number * n + stop)
        return stored[(first, *(slice(*pair) for pair in rest))]

    return FunctionBlocks((n, *stored.shape[1:]), stored.dtype, read)


def _scale(header: _Header, kept: str, n_volumes: int) -> dict[str, float]:
    """Return the steps: the cell by the samples along it, in x, y, z whatever the order of axes."""
    scale = {}
    for axis, length, n in zip("xyz", header.cell, header.samples, strict=True):
        if axis == "z" and not n_volumes:
            continue
        if axis in kept and n > 0 and math.isfinite(length) and length > 0:
            scale[axis] = length / n
    return {axis: step for axis, step in scale.items() if math.isfinite(step) and step > 0}


def _facts(header: _Header) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "mode": header.mode,
        "space_group": header.space_group,
        "start_xyz": list(header.starts),
        "sampling_xyz": list(header.samples),
        "cell_angstrom_xyz": [v if math.isfinite(v) else None for v in header.cell],
        "cell_angles_degrees": [v if math.isfinite(v) else None for v in header.angles],
        "origin_xyz": [v if math.isfinite(v) else None for v in header.origin],
        "stored_axes_fastest_first": header.axes,
    }
    if any(header.labels):
        facts["labels"] = "\n".join(header.labels)
    return facts
