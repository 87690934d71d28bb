"""JPEG 2000: codestreams encoded by Pillow (OpenJPEG), boxes of JP2 and JPX laid out by hand."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(31)
_HEAD = b"\0\0\0\x0cjP  \r\n\x87\n"


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(data), kind) + data


def _jpx(*boxes: bytes) -> bytes:
    return _HEAD + _box(b"ftyp", b"jpx \0\0\0\0jpx jp2 ") + b"".join(boxes)


def _header(values: np.ndarray, space: int, *more: bytes) -> bytes:
    height, width = values.shape[:2]
    n = values.shape[2] if values.ndim == 3 else 1
    ihdr = _box(
        b"ihdr", struct.pack(">IIH4B", height, width, n, values.dtype.itemsize * 8 - 1, 7, 0, 0)
    )
    return _box(b"jp2h", ihdr + _box(b"colr", struct.pack(">3BI", 1, 0, 0, space)) + b"".join(more))


def _codestream(values: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    picture = PillowImage.fromarray(values)
    picture.save(out, "JPEG2000", no_jp2=True, irreversible=False, **options)
    return out.getvalue()


def _pixels(shape: tuple[int, ...], dtype: Any = np.uint8) -> np.ndarray:
    return _RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def _rgb_truth(values: np.ndarray) -> ImageTruth:
    pixels = np.moveaxis(values, -1, 0)
    return ImageTruth(pixels, "cyx", channel_names=("R", "G", "B"), kind="rgb")


def _jp2(folder: Path, dtype: str, **options: Any) -> Truth:
    values = _pixels((50, 70), dtype)
    path = folder / "grey.jp2"
    PillowImage.fromarray(values).save(path, irreversible=False, **options)
    return Truth(path, (), (ImageTruth(values, "yx"),))


def _tiles_with_offsets(folder: Path) -> Truth:
    """The picture begins within the first tile."""
    values = _pixels((50, 70, 3))
    path = folder / "tiles.jp2"
    options = {"tile_size": (32, 16), "offset": (5, 7), "tile_offset": (2, 3)}
    PillowImage.fromarray(values).save(path, irreversible=False, num_resolutions=3, **options)
    return Truth(path, (), (_rgb_truth(values),))


def _bare(folder: Path) -> Truth:
    """A bare codestream does not say what its components are."""
    values = _pixels((20, 30, 3))
    path = folder / "bare.j2k"
    path.write_bytes(_codestream(values, mct=0))
    return Truth(path, (), (ImageTruth(np.moveaxis(values, -1, 0), "cyx"),))


def _blue_first(folder: Path) -> Truth:
    """The channel definition says that blue is stored first."""
    values = _pixels((20, 30, 3))
    definition = _box(b"cdef", struct.pack(">10H", 3, 0, 0, 3, 1, 0, 2, 2, 0, 1))
    path = folder / "blue.jp2"
    path.write_bytes(
        _jpx(_header(values, 16, definition), _box(b"jp2c", _codestream(values, mct=0)))
    )
    return Truth(path, (), (_rgb_truth(values[..., ::-1]),))


def _palette(folder: Path) -> Truth:
    values = _RNG.integers(0, 4, (20, 30)).astype(np.uint8)
    colours = _RNG.integers(0, 256, (4, 3), dtype=np.uint8)
    table = colours.tobytes()
    boxes = [
        _box(b"pclr", struct.pack(">HB3B", 4, 3, 7, 7, 7) + table),
        _box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, i) for i in range(3))),
    ]
    path = folder / "palette.jp2"
    path.write_bytes(_jpx(_header(values, 16, *boxes), _box(b"jp2c", _codestream(values))))
    return Truth(path, (), (_rgb_truth(colours[values]),))


def _slices(folder: Path) -> Truth:
    """Codestreams of one kind; the file does not say what they are: z, and said."""
    values = _pixels((3, 20, 30), np.uint16)
    path = folder / "slices.jpx"
    streams = [_box(b"jp2c", _codestream(plane)) for plane in values]
    path.write_bytes(_jpx(_header(values[0], 17), *streams))
    return Truth(path, (), (ImageTruth(values, "zyx"),))


def _fragments(folder: Path) -> Truth:
    """Codestreams of two sizes, in pieces that lie before the tables naming them."""
    first, second = _pixels((20, 30)), _pixels((12, 10, 3))
    data, tables = b"", b""
    start = len(_jpx(_header(first, 17))) + 8
    for values in (first, second):
        stream = _codestream(values)
        half = len(stream) // 2
        pieces = [(start + len(data), half), (start + len(data) + half, len(stream) - half)]
        listed = struct.pack(">H", 2) + b"".join(struct.pack(">QIH", *piece, 0) for piece in pieces)
        space = b"" if values is first else _box(b"colr", struct.pack(">3BI", 1, 0, 0, 16))
        tables += _box(b"jpch", b"") + _box(b"jplh", _box(b"cgrp", space))
        tables += _box(b"ftbl", _box(b"flst", listed))
        data += stream
    path = folder / "fragments.jpx"
    path.write_bytes(_jpx(_header(first, 17), _box(b"mdat", data), tables))
    return Truth(path, (), (ImageTruth(first, "yx"), _rgb_truth(second)))


def _elsewhere(folder: Path) -> Truth:
    listed = struct.pack(">HQIH", 1, 0, 100, 1)
    path = folder / "elsewhere.jpx"
    path.write_bytes(_jpx(_box(b"ftbl", _box(b"flst", listed))))
    return Truth(path, error="MissingCompanionError", error_says="other files")


def _truncated(folder: Path, *, tiles: bool) -> Truth:
    truth = _jp2(folder, "uint8", **({"tile_size": (16, 16)} if tiles else {}))
    data = truth.path.read_bytes()
    truth.path.write_bytes(data[: len(data) * 2 // 3])
    return Truth(truth.path, error="CorruptFileError", error_says="grey.jp2")


def _announced(folder: Path, *values: int) -> Truth:
    """A codestream whose size marker announces something else."""
    data = bytearray(_codestream(_pixels((20, 30))))
    struct.pack_into(">2I", data, 8, *values)
    struct.pack_into(">2I", data, 24, *values)
    path = folder / "announced.j2k"
    path.write_bytes(bytes(data))
    error = "EmptyFileError" if 0 in values else "CorruptFileError"
    return Truth(path, error=error, error_says="announced.j2k")


def _no_codestream(folder: Path) -> Truth:
    path = folder / "none.jp2"
    path.write_bytes(_jpx(_header(_pixels((4, 4)), 17)))
    return Truth(path, error="EmptyFileError", error_says="no codestream")


SAMPLES = [
    Sample("jp2-8bit", "jpeg2000", lambda folder: _jp2(folder, "uint8")),
    # Pillow 13 writes 16-bit tiles wrongly (no reader gets its pixels back): tiles are of 8 bits here
    Sample("jp2-16bit", "jpeg2000", lambda folder: _jp2(folder, "uint16")),
    Sample("jp2-tiles", "jpeg2000", lambda folder: _jp2(folder, "uint8", tile_size=(16, 32))),
    Sample("jp2-tiles-offsets", "jpeg2000", _tiles_with_offsets),
    Sample("j2k-bare", "jpeg2000", _bare),
    Sample("jp2-blue-first", "jpeg2000", _blue_first),
    Sample("jp2-palette", "jpeg2000", _palette),
    Sample("jpx-slices", "jpeg2000", _slices),
    Sample("jpx-fragments", "jpeg2000", _fragments),
    Sample("jpx-elsewhere", "jpeg2000", _elsewhere),
    Sample("jp2-truncated", "jpeg2000", lambda folder: _truncated(folder, tiles=False)),
    Sample("jp2-tiles-truncated", "jpeg2000", lambda folder: _truncated(folder, tiles=True)),
    Sample("j2k-terabytes", "jpeg2000", lambda folder: _announced(folder, 10**6, 10**6)),
    Sample("j2k-no-columns", "jpeg2000", lambda folder: _announced(folder, 0, 20)),
    Sample("jp2-no-codestream", "jpeg2000", _no_codestream),
]
