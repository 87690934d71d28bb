"""JPEG 2000: JP2, JPX and bare codestreams.

Boxes are walked here (ITU-T T.800, annex I; T.801, annex M), so that all codestreams of a JPX are found and
stored components come back: palette indices stay indices. Codestreams of one kind are slices, which is
said; others are images of their own.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, MissingCompanionError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.jpeg2000.codestream import Codestream, Pieces
from sparc_fuse_core.readers.shared.palettes import Palette, palette_of
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from sparc_fuse_core.model import ImageKind

    Bounds = tuple[int, int]

_START = b"\xff\x4f\xff\x51"
_NESTED = (b"jp2h", b"jpch", b"jplh", b"cgrp", b"ftbl", b"res ", b"asoc")
_MAX_BOXES = 100_000
_MAX_DEPTH = 8
_MAX_TEXT = 65_536
_MAX_HEADER_BYTES = 4_000_000
#: EnumCS → names of the components.
_SPACES = {12: ("C", "M", "Y", "K"), 16: RGB, 17: (), 18: ("Y", "Cb", "Cr")}
_ICC_SPACES = {b"RGB ": 16, b"GRAY": 17, b"CMYK": 12}


@dataclass(slots=True)
class _Header:
    """What the boxes before a codestream say about it."""

    space: int | None = None
    palette: tuple[str, ...] = ()
    maps_palette: bool | None = None
    definitions: tuple[tuple[int, int, int], ...] = ()  # component, type, association
    resolution: dict[str, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Boxes:
    """All that was found in a file."""

    default: _Header = field(default_factory=_Header)
    own: list[_Header | None] = field(default_factory=list)
    layers: list[_Header | None] = field(default_factory=list)
    runs: list[list[tuple[int, int]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    n_boxes: int = 0


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a JPEG 2000 file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        n_bytes = path.stat().st_size
        boxes = _Boxes()
        if file.read(4) == _START:
            boxes.runs.append([(0, n_bytes)])
        else:
            try:
                _walk(path, file, 0, n_bytes, boxes, boxes.default)
            except (struct.error, IndexError, ValueError) as err:
                if isinstance(err, CorruptFileError):
                    raise
                message = (
                    f"{path.name}: its boxes cannot be read ({err}); upload the original again"
                )
                raise CorruptFileError(message) from err
        if not boxes.runs:
            message = f"{path.name}: no codestream; upload the original again"
            raise EmptyFileError(message)
        yield _contents(path, file, boxes)


def _walk(
    path: Path, file: BinaryIO, at: int, end: int, boxes: _Boxes, header: _Header, depth: int = 0
) -> None:
    """Visit the boxes from ``at`` to ``end``; what they say goes into ``boxes`` and ``header``."""
    while at + 8 <= end:
        boxes.n_boxes += 1
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", file.read(8))[0], 16
        elif length == 0:
            length = end - at
        if length < head or at + length > end or boxes.n_boxes > _MAX_BOXES:
            message = (
                f"{path.name}: truncated or damaged: box {kind!r} at byte {at} of {length} bytes"
            )
            raise CorruptFileError(f"{message}; upload the original again")
        start, stop = at + head, at + length
        at = stop
        if kind == b"jp2c":
            boxes.runs.append([(start, stop - start)])
        elif kind == b"flst":
            boxes.runs.append(_fragments(path, file, start, stop))
        elif kind in _NESTED:
            if depth < _MAX_DEPTH:
                _walk(path, file, start, stop, boxes, _header_for(kind, boxes, header), depth + 1)
        elif stop - start <= _MAX_HEADER_BYTES:
            _note(kind, file.read(stop - start), boxes, header)


def _header_for(kind: bytes, boxes: _Boxes, header: _Header) -> _Header:
    """Return the header that the boxes within ``kind`` describe."""
    if kind in (b"jpch", b"jplh"):
        made = _Header()
        (boxes.own if kind == b"jpch" else boxes.layers).append(made)
        return made
    return header


def _fragments(path: Path, file: BinaryIO, start: int, stop: int) -> list[tuple[int, int]]:
    """Return where the pieces of a codestream lie."""
    file.seek(start)
    count = struct.unpack(">H", file.read(2))[0]
    if 2 + 14 * count > stop - start:
        message = f"{path.name}: a fragment list of {count} pieces in {stop - start} bytes"
        raise CorruptFileError(message)
    runs = []
    for _ in range(count):
        offset, length, reference = struct.unpack(">QIH", file.read(14))
        if reference:
            message = f"{path.name}: its codestreams lie in other files, which are not read"
            raise MissingCompanionError(message)
        runs.append((offset, length))
    return runs


def _note(kind: bytes, data: bytes, boxes: _Boxes, header: _Header) -> None:
    """Keep what one box says."""
    if kind == b"colr" and header.space is None:
        if data[0] == 1:
            header.space = struct.unpack_from(">I", data, 3)[0]
        elif data[0] in (2, 3):
            header.space = _ICC_SPACES.get(data[19:23])
    elif kind == b"pclr":
        header.palette = _palette(data)
    elif kind == b"cmap":
        header.maps_palette = any(data[i + 2] == 1 for i in range(0, len(data) - 3, 4))
    elif kind == b"cdef":
        count = struct.unpack_from(">H", data)[0]
        header.definitions = tuple(struct.unpack_from(">3H", data, 2 + 6 * i) for i in range(count))
    elif kind in (b"resc", b"resd") and len(data) >= 10:
        vn, vd, hn, hd, ve, he = struct.unpack_from(">4H2b", data)
        if vd and hd:
            name = "capture" if kind == b"resc" else "display"
            header.resolution[name] = [hn / hd * 10.0**he, vn / vd * 10.0**ve]
    elif kind == b"xml " and len(data) <= _MAX_TEXT:
        boxes.texts.append(data.decode("utf-8", "replace").strip("\0"))


def _palette(data: bytes) -> tuple[str, ...]:
    """Return the entries of a palette, each as hexadecimal digits of its columns."""
    n_entries, n_columns = struct.unpack_from(">HB", data)
    widths = [1 + (data[3 + i] & 0x7F) // 8 for i in range(n_columns)]
    at = 3 + n_columns
    size = sum(widths)
    if at + n_entries * size > len(data):
        message = f"a palette of {n_entries} colours in {len(data)} bytes"
        raise ValueError(message)
    return tuple(data[i : i + size].hex().upper() for i in range(at, at + n_entries * size, size))


def _colours(palette: Sequence[str]) -> Palette | None:
    """Return the palette where its entries are R, G and B of 8 bits, and colours."""
    if any(len(entry) != 6 for entry in palette):
        return None
    return palette_of(np.array([list(bytes.fromhex(entry)) for entry in palette], np.uint8))


def _contents(path: Path, file: BinaryIO, boxes: _Boxes) -> Contents:
    streams = [Codestream(Pieces(path.name, file, runs)) for runs in boxes.runs]
    headers = [_merged(boxes, i) for i in range(len(streams))]
    first = (streams[0].size, headers[0])
    evidence = []
    if len(streams) > 1 and all(
        (stream.size, header) == first for stream, header in zip(streams, headers, strict=True)
    ):
        images = [_image(path.name, streams, headers[0])]
        sentence = (
            f"the file does not say what its {len(streams)} codestreams of one size are; they are taken "
            "as slices (z)"
        )
        evidence.append(Evidence("axes", "inferred", sentence))
    else:
        images = [
            _image(path.name, [s], header) for s, header in zip(streams, headers, strict=True)
        ]
    names = unique_names(image.name for image in images)
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        metadata={"xml": boxes.texts} if boxes.texts else {},
        evidence=tuple(evidence),
    )


def _merged(boxes: _Boxes, number: int) -> _Header:
    """Return what holds for one codestream: its own boxes before those of the whole file."""
    merged = replace(boxes.default)
    own = boxes.own[number] if number < len(boxes.own) else None
    layer = boxes.layers[number] if number < len(boxes.layers) else None
    for header in (own, layer):
        if header is None:
            continue
        merged.space = header.space if header.space is not None else merged.space
        merged.definitions = header.definitions or merged.definitions
        merged.palette = header.palette or merged.palette
        merged.resolution = header.resolution or merged.resolution
        if header.maps_palette is not None:
            merged.maps_palette = header.maps_palette
    return merged


def _image(file_name: str, streams: Sequence[Codestream], header: _Header) -> Image:
    stream = streams[0]
    height, width, n_components = stream.shape
    is_palette = bool(header.palette and header.maps_palette) and n_components == 1
    order, names, kind = _channels(header, n_components)
    colours = _colours(header.palette) if is_palette and stream.size.bits <= 16 else None
    if colours is not None:
        n_components, names, kind = colours.n_samples, RGB, "rgb"
    axes = ("c" if n_components > 1 else "") + ("z" if len(streams) > 1 else "") + "yx"
    lengths = {"c": n_components, "z": len(streams), "y": height, "x": width}

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        region = streams[index[0] if "z" in axes else 0].region(of_y, of_x)
        if colours is not None:
            try:
                return colours.colours(region[..., 0])
            except (ValueError, IndexError) as err:
                message = (
                    f"an index without a colour in the palette ({err}); upload the original again"
                )
                raise CorruptFileError(message) from err
        return region[..., list(order)] if "c" in axes else region[..., 0]

    dtype = stream.size.dtype if colours is None else colours.table.dtype
    pixels = by_plane(axes, tuple(lengths[a] for a in axes), dtype, read_plane, samples="c" in axes)
    facts: dict[str, Any] = {}
    if is_palette:
        facts["palette"] = list(header.palette)
        if colours is None:
            kind, names = "label", ()
    # the resolution is what a camera or scanner driver wrote, often a default: a fact, not a scale
    for name, values in header.resolution.items():
        facts[f"{name}_resolution_per_m_xy"] = values
    bits = stream.size.bits if colours is None else 8
    return Image(
        "",
        pixels,
        axes,
        kind=kind,
        channel_names=names,
        channel_colors=(*RGB_COLORS, "FFFFFF")[:n_components] if kind == "rgb" else (),
        significant_bits=bits if bits not in (8, 16, 32) else None,
        metadata=facts,
    )


def _channels(
    header: _Header, n_components: int
) -> tuple[tuple[int, ...], tuple[str, ...], ImageKind]:
    """Return order, names and kind of the components; R, G, B and alpha come in this order."""
    order = tuple(range(n_components))
    if header.space is None or n_components == 1:
        return order, (), "intensity"
    names = list(_SPACES.get(header.space, ())[:n_components])
    if header.space == 17:
        names = ["L"]
    names += [""] * (n_components - len(names))
    colours = _SPACES.get(header.space, ()) or ("L",)
    for component, kind, association in header.definitions:
        if component < n_components:
            if kind in (1, 2):
                names[component] = "A"
            elif kind == 0 and 0 < association <= len(colours):
                names[component] = colours[association - 1]
    if header.space == 16 and sorted(names) in (sorted(RGB), sorted((*RGB, "A"))):
        wanted = (*RGB, "A")[:n_components]
        return tuple(names.index(name) for name in wanted), wanted, "rgb"
    return order, tuple(names) if any(names) else (), "intensity"
