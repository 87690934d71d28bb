"""VTK's XML files (.vtp .vtu .vti .vts .vtr): each piece is a mesh; arrays as text, base64 or appended bytes.

Nothing outside of the file is read; files that only list others (.pvtu, .vtm) are none of these. The format
states no unit.

Source: "VTK XML Formats", VTK's documentation (headers of blocks, appended data, compressors).
"""

from __future__ import annotations

import base64
import binascii
import lzma
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    FormatMismatchError,
    SparcFuseError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import whole_file
from sparc_fuse_core.readers.mesh.vtk_grid import CELLS, Grid, check_cells, contents
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.readers.mesh.shared import Array

_KINDS = ("PolyData", "UnstructuredGrid", "ImageData", "StructuredGrid", "RectilinearGrid")
_TYPES = {
    **{f"Int{bits}": f"i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": f"u{bits // 8}" for bits in (8, 16, 32, 64)},
    "Float32": "f4",
    "Float64": "f8",
}
_MOST_BYTES = 2 << 30
_MOST_ARRAYS = 10_000
_MOST_DEPTH = 100
_ARRAYS = ("DataArray", "Array")
_PREFIX = {"PointData": "point_data", "CellData": "cell_data", "FieldData": "field_data"}
_COORDINATES = ("x_coordinates", "y_coordinates", "z_coordinates")


@dataclass(slots=True)
class _Stated:
    """An array as its element states it."""

    piece: int
    section: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Document:
    """All elements that say something."""

    root: dict[str, str] = field(default_factory=dict)
    grid: dict[str, str] = field(default_factory=dict)
    pieces: list[dict[str, str]] = field(default_factory=list)
    arrays: list[_Stated] = field(default_factory=list)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a VTK XML file; see `sparc_fuse_core.readers.Reader`."""
    del options
    text, appended = _parted(path, whole_file(path, _MOST_BYTES))
    document = _parsed(path, text)
    kind = document.root.get("type", "")
    if kind not in _KINDS:
        message = f"{path.name}: a VTK file of type {shown(kind)} is not read"
        raise UnsupportedFeatureError(f"{message}; save it as one of {', '.join(_KINDS)}")
    decoder = _Decoder(path, document.root, appended)
    grids = [Grid(kind) for _ in document.pieces]
    whole = Grid(kind)
    left_out = 0
    for stated in document.arrays:
        grid = grids[stated.piece] if stated.piece >= 0 else whole
        if stated.attributes.get("type") in ("String", "Bit"):
            left_out += 1
        else:
            _take(path, grid, stated, decoder.values(stated))
    for i, (grid, piece) in enumerate(zip(grids, document.pieces, strict=True)):
        _finish(path, grid, kind, piece, document.grid)
        if i == 0:
            for name, values in whole.arrays.items():
                grid.arrays[name] = values
    told = [f"{left_out} arrays of text or bits are left out"] if left_out else []
    version = document.root.get("version", "")
    yield contents(path, grids, {"vtk_version": version} if version else {}, told)


def _parted(path: Path, content: bytes) -> tuple[bytes, tuple[str, bytes]]:
    """Return the XML, and encoding and bytes of what is appended to it, which may be no text."""
    begin = content.find(b"<AppendedData")
    if begin < 0:
        return content, ("", b"")
    opened = content.find(b">", begin)
    mark = content.find(b"_", opened)
    if opened < 0 or mark < 0:
        message = f"{path.name}: ends before its appended data; upload it again"
        raise CorruptFileError(message)
    encoding = "base64" if b"base64" in content[begin:opened] else "raw"
    # all elements that are read stand in front of it
    return content[:begin] + b"</VTKFile>", (encoding, content[mark + 1 :])


def _parsed(path: Path, text: bytes) -> _Document:
    builder = _Builder(path)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as err:
        message = f"{path.name}: not well-formed XML ({err}); it is cut or damaged"
        raise CorruptFileError(message) from err
    return builder.document


class _Builder:
    """Takes elements as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = _Document()
        self.stack: list[str] = []
        self.current: _Stated | None = None

    def refuse(self, *_: Any) -> None:
        """Refuse entities, which are not followed."""
        message = (
            f"{self.path.name}: declares entities, which no VTK file needs; they are not followed"
        )
        raise CorruptFileError(message)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        document = self.document
        if not self.stack and name != "VTKFile":
            message = f"{self.path.name}: XML, but no VTK file"
            raise FormatMismatchError(message)
        if len(self.stack) > _MOST_DEPTH or len(document.arrays) > _MOST_ARRAYS:
            message = (
                f"{self.path.name}: more than {_MOST_ARRAYS} arrays, or too deep; it is damaged"
            )
            raise CorruptFileError(message)
        if name == "VTKFile":
            document.root = attributes
        elif name == document.root.get("type"):
            document.grid = attributes
        elif name == "Piece":
            document.pieces.append(attributes)
        elif name in _ARRAYS:
            piece = len(document.pieces) - 1 if "Piece" in self.stack else -1
            self.current = _Stated(piece, self.stack[-1] if self.stack else "", attributes)
            document.arrays.append(self.current)
        self.stack.append(name)

    def end(self, name: str) -> None:
        """End an element."""
        self.stack.pop()
        if name in _ARRAYS:
            self.current = None

    def data(self, content: str) -> None:
        """Take the text of an array; notes about it stand in elements of their own."""
        if self.current is not None and self.stack[-1] in _ARRAYS:
            self.current.text.append(content)


class _Decoder:
    """Turns what is stated of an array into its numbers."""

    def __init__(self, path: Path, root: Mapping[str, str], appended: tuple[str, bytes]) -> None:
        self.path = path
        self.order = ">" if root.get("byte_order") == "BigEndian" else "<"
        header = "u8" if root.get("header_type") == "UInt64" else "u4"
        self.header = np.dtype(self.order + header)
        self.compressor = root.get("compressor", "")
        self.appended = appended
        self.stored_bytes = path.stat().st_size

    def values(self, stated: _Stated) -> Array:
        """Return the numbers of an array: shape (n,) or (n, components)."""
        attributes = stated.attributes
        code = _TYPES.get(attributes.get("type", ""))
        if code is None:
            message = f"{self.path.name}: an array of type {shown(attributes.get('type', ''))}"
            raise CorruptFileError(message)
        try:
            flat = self._flat(stated, code)
            n_parts = int(attributes.get("NumberOfComponents") or 1)
            return flat if n_parts <= 1 else flat.reshape(-1, n_parts)
        except (ValueError, binascii.Error, zlib.error, lzma.LZMAError, RuntimeError) as err:
            if isinstance(err, SparcFuseError):
                raise
            name = shown(attributes.get("Name", ""))
            message = f"{self.path.name}: array {name} is damaged or cut ({type(err).__name__})"
            raise CorruptFileError(message) from err

    def _flat(self, stated: _Stated, code: str) -> Array:
        kind = stated.attributes.get("format", "ascii").lower()
        if kind == "ascii":
            words = "".join(stated.text).split()
            if code[0] == "f":
                return np.array([float(word) for word in words], np.float64)
            return np.array([int(word) for word in words], dtype=code)
        if kind == "binary":
            encoding, content, at = "base64", "".join(stated.text).strip().encode(), 0
        elif kind == "appended":
            encoding, content = self.appended
            at = int(stated.attributes.get("offset", -1))
        else:
            message = f"an array in the format {kind}"
            raise ValueError(message)
        if not 0 <= at < len(content):
            message = "an array that begins outside of its data"
            raise ValueError(message)
        unpacked = self._blocks(encoding, memoryview(content)[at:])
        dtype = np.dtype(self.order + code)
        return np.frombuffer(unpacked, dtype).astype(dtype.newbyteorder("="))

    def _blocks(self, encoding: str, content: memoryview) -> bytes:
        """Return the bytes of an array: a header of lengths, then its values or packed blocks of them."""
        width = self.header.itemsize
        if not self.compressor:
            (n_bytes,) = np.frombuffer(self._part(encoding, content, 0, width), self.header)
            # length and values are one text
            return bytes(self._part(encoding, content, width, int(n_bytes)))
        first = np.frombuffer(self._part(encoding, content, 0, 3 * width), self.header)
        n_blocks, of_block, of_last = (int(n) for n in first)
        n_header = (3 + n_blocks) * width
        sizes = np.frombuffer(
            self._part(encoding, content, 3 * width, n_blocks * width), self.header
        )
        total = of_block * n_blocks - (of_block - of_last if of_last else 0)
        check_unpacked(self.path.name, int(sizes.sum()), max(total, 0))
        # the header is a text of its own: it ends with its padding
        begin = -(-n_header // 3) * 4 if encoding == "base64" else n_header
        packed = self._part(encoding, content[begin:], 0, int(sizes.sum()))
        parts, at = [], 0
        for i, size in enumerate(sizes.tolist()):
            n_bytes = of_last if of_last and i == n_blocks - 1 else of_block
            parts.append(self._unpacked(packed[at : at + size], n_bytes))
            at += size
        return b"".join(parts)

    def _part(self, encoding: str, content: memoryview, at: int, n_bytes: int) -> bytes:
        """Return bytes of a content that may be base64."""
        if n_bytes > self.stored_bytes:
            message = "more bytes than the file has"
            raise ValueError(message)
        if encoding != "base64":
            found = bytes(content[at : at + n_bytes])
        else:
            begin = at // 3 * 4
            stop = -(-(at + n_bytes) // 3) * 4
            decoded = base64.b64decode(bytes(content[begin:stop]), validate=True)
            found = decoded[at - at // 3 * 3 :][:n_bytes]
        if len(found) < n_bytes:
            message = "fewer bytes than announced"
            raise ValueError(message)
        return found

    def _unpacked(self, packed: bytes, n_bytes: int) -> bytes:
        if self.compressor == "vtkZLibDataCompressor":
            found: bytes | bytearray = zlib.decompressobj().decompress(packed, n_bytes)
        elif self.compressor == "vtkLZMADataCompressor":
            found = lzma.LZMADecompressor().decompress(packed, n_bytes)
        elif self.compressor == "vtkLZ4DataCompressor":
            import imagecodecs

            found = imagecodecs.lz4_decode(packed, out=n_bytes)
        else:
            message = f"{self.path.name}: packed by {shown(self.compressor)}, which is not read"
            raise UnsupportedFeatureError(message)
        if len(found) != n_bytes:
            message = "a block of another length than announced"
            raise ValueError(message)
        return bytes(found)


def _take(path: Path, grid: Grid, stated: _Stated, values: Array) -> None:
    """Put an array where it belongs."""
    section, name = stated.section, stated.attributes.get("Name", "")
    if section in _PREFIX:
        grid.add(_PREFIX[section], name, values)
    elif section == "Points":
        if values.ndim != 2 or values.shape[1] != 3:
            message = f"{path.name}: points of shape {values.shape}; upload it again"
            raise CorruptFileError(message)
        grid.arrays["vertices"] = values
    elif section == "Coordinates":
        taken = sum(one in grid.arrays for one in _COORDINATES)
        if taken < len(_COORDINATES):
            grid.arrays[_COORDINATES[taken]] = values
    elif section == "Cells" or section in CELLS:
        kind = CELLS.get(section, "cell")
        if name in ("connectivity", "offsets", "types"):
            part = {"connectivity": "vertex", "offsets": "start", "types": "type"}[name]
            grid.arrays[f"{kind}_{part}"] = values
        else:
            grid.add(kind, name, values)


def _finish(
    path: Path, grid: Grid, kind: str, piece: Mapping[str, str], whole: Mapping[str, str]
) -> None:
    """Check what belongs together, and note where a structured grid lies."""
    for name in ("cell", *dict.fromkeys(CELLS.values())):
        starts = grid.arrays.get(f"{name}_start")
        corners = grid.arrays.get(f"{name}_vertex")
        if starts is None or corners is None:
            continue
        # offsets say where each cell ends
        with_zero = starts if kind != "PolyData" and len(starts) and starts[0] == 0 else None
        grid.arrays[f"{name}_start"] = (
            np.concatenate([[0], starts.astype(np.int64)]) if with_zero is None else with_zero
        )
        grid.arrays[f"{name}_vertex"] = corners.astype(np.int64)
        if not len(corners) and not starts.any():
            del grid.arrays[f"{name}_start"], grid.arrays[f"{name}_vertex"]
            continue
        check_cells(path, grid, name)
    extent = piece.get("Extent") or whole.get("WholeExtent")
    if kind in ("ImageData", "StructuredGrid", "RectilinearGrid") and extent:
        try:
            numbers = [int(word) for word in extent.split()]
            nx, ny, nz = (
                high - low + 1 for low, high in zip(numbers[::2], numbers[1::2], strict=True)
            )
        except ValueError as err:
            message = f"{path.name}: its extent {shown(extent)} is no six numbers"
            raise CorruptFileError(message) from err
        if min(nx, ny, nz) < 1:
            message = f"{path.name}: an extent of {nx} x {ny} x {nz} points"
            raise CorruptFileError(message)
        grid.dimensions = (nx, ny, nz)
        grid.facts["extent"] = numbers
    for key, name in (
        ("Origin", "origin_xyz"),
        ("Spacing", "spacing_xyz"),
        ("Direction", "direction"),
    ):
        if key in whole:
            try:
                grid.facts[name] = [float(word) for word in whole[key].split()]
            except ValueError as err:
                message = f"{path.name}: its {key} {shown(whole[key])} is not of numbers"
                raise CorruptFileError(message) from err
