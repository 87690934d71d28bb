"""PNG and BMP files by hand from their specifications, JPEG files by Pillow."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from PIL import Image as PillowImage

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(5)
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_NAMES = {0: (), 2: ("R", "G", "B"), 3: (), 4: ("L", "A"), 6: ("R", "G", "B", "A")}
_ADAM7 = [
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _scanlines(values: np.ndarray, bits: int) -> bytes:
    """Rows of (y, x, c), each behind filter type 0."""
    rows = b""
    for row in values:
        if bits == 16:
            data = row.astype(">u2").tobytes()
        elif bits == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            lines = (row.reshape(-1, 1) >> np.arange(bits)[::-1]) & 1
            data = np.packbits(lines.astype(np.uint8).ravel()).tobytes()
        rows += b"\0" + data
    return rows


def png(
    values: np.ndarray, color_type: int, bits: int, *, interlaced: bool = False, extra: bytes = b""
) -> bytes:
    """Return a PNG of (y, x, c)."""
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, int(interlaced))
    if interlaced:
        passes = [values[y::dy, x::dx] for y, x, dy, dx in _ADAM7]
        data = b"".join(_scanlines(part, bits) for part in passes if part.size)
    else:
        data = _scanlines(values, bits)
    chunks = [
        _chunk(b"IHDR", header),
        extra,
        _chunk(b"IDAT", zlib.compress(data)),
        _chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _png(folder: Path, color_type: int, bits: int, *, interlaced: bool = False) -> Truth:
    n_samples = _SAMPLES[color_type]
    values = _RNG.integers(0, 2**bits, (13, 11, n_samples)).astype(
        np.uint16 if bits > 8 else np.uint8
    )
    extra = b""
    shown, meaning = values, color_type
    if color_type == 3:
        table = _RNG.integers(0, 256, (2**bits, 3), dtype=np.uint8)
        extra = _chunk(b"PLTE", table.tobytes())
        extra += _chunk(b"tRNS", bytes([0, 128]))
        if bits > 1:  # colours with the alpha of the first two; one bit is a label
            alpha = np.full((2**bits, 1), 255, np.uint8)
            alpha[:2, 0] = 0, 128
            shown, meaning = np.hstack([table, alpha])[values[..., 0]], 6
    # 72 dpi for a printer is no pixel size
    extra += _chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))
    path = folder / f"c{color_type}b{bits}.png"
    path.write_bytes(png(values, color_type, bits, interlaced=interlaced, extra=extra))
    return Truth(path, (), (_truth(shown, meaning, bits),))


def _truth(values: np.ndarray, color_type: int, bits: int) -> ImageTruth:
    names = _NAMES[color_type]
    kind = {2: "rgb", 6: "rgb", 3: "label"}.get(color_type, "label" if bits == 1 else "intensity")
    pixels = np.moveaxis(values, -1, 0) if names else values[..., 0]
    return ImageTruth(pixels, "cyx" if names else "yx", channel_names=names, kind=kind)


def _png_transparent_color(folder: Path) -> Truth:
    """A colour that counts as transparent is metadata, not a fourth channel."""
    values = _RNG.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    path = folder / "transparent.png"
    path.write_bytes(png(values, 2, 8, extra=_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))))
    return Truth(path, (), (_truth(values, 2, 8),))


def _png_bad(folder: Path, *, cut: int = 0, size: tuple[int, int] | None = None) -> Truth:
    values = _RNG.integers(0, 256, (40, 50, 1)).astype(np.uint8)
    data = bytearray(png(values, 0, 8))
    if size is not None:
        header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
        data[8:33] = _chunk(b"IHDR", header)
    path = folder / "bad.png"
    path.write_bytes(bytes(data[: len(data) - cut]))
    return Truth(path, error="CorruptFileError", error_says="bad.png")


def _jpeg(folder: Path, mode: str, **options: Any) -> Truth:
    y, x = np.mgrid[:40, :56]
    bands = {"L": [y * 4], "RGB": [y * 4, x * 4, y + x], "CMYK": [y * 4, x * 4, y + x, y]}[mode]
    values = np.stack(bands).astype(np.uint8)
    pictures = [PillowImage.fromarray(band) for band in values]
    picture = PillowImage.merge(mode, pictures) if len(pictures) > 1 else pictures[0]
    path = folder / f"{mode}.jpg"
    # Pillow writes CMYK inverted, as Adobe does; read back it must be ink again
    picture.save(path, quality=97, subsampling=0, dpi=(300, 300), **options)
    names = {"RGB": ("R", "G", "B"), "CMYK": ("C", "M", "Y", "K")}.get(mode, ())
    truth = ImageTruth(
        values if names else values[0],
        "cyx" if names else "yx",
        channel_names=names,
        kind="rgb" if mode == "RGB" else "intensity",
        tolerance=8,
    )
    return Truth(path, (), (truth,))


def _jpeg_rotated(folder: Path) -> Truth:
    """EXIF asks viewers to turn the picture; its pixels stay as stored."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    return _jpeg(folder, "RGB", exif=exif.tobytes())


def _jpeg_truncated(folder: Path) -> Truth:
    truth = _jpeg(folder, "RGB")
    truth.path.write_bytes(truth.path.read_bytes()[:-400])
    return Truth(truth.path, error="CorruptFileError", error_says="no end marker")


def _bmp(
    width: int, height: int, bits: int, data: bytes, *, packing: int = 0, palette: bytes = b""
) -> bytes:
    offset = 14 + 40 + len(palette)
    info = struct.pack(
        "<IiiHHIIiiII",
        40,
        width,
        height,
        1,
        bits,
        packing,
        len(data),
        2835,
        2835,
        len(palette) // 4,
        0,
    )
    return struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + info + palette + data


def _padded(rows: np.ndarray) -> bytes:
    """Rows of bytes, each padded to 4."""
    return b"".join(row.tobytes() + b"\0" * (-row.nbytes % 4) for row in rows)


def _bmp_24(folder: Path) -> Truth:
    values = _RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    path = folder / "rgb.bmp"
    path.write_bytes(_bmp(7, 5, 24, _padded(values[::-1, :, ::-1].reshape(5, 21))))
    return Truth(path, (), (_truth(values, 2, 8),))


def _bmp_32_top_down(folder: Path) -> Truth:
    """The fourth byte of a 32-bit BMP is padding, not alpha; a negative height starts at the top."""
    values = _RNG.integers(0, 256, (5, 7, 4)).astype(np.uint8)
    path = folder / "padding.bmp"
    path.write_bytes(_bmp(7, -5, 32, values.tobytes()))
    return Truth(path, (), (_truth(values[..., 2::-1], 2, 8),))


def _palette(n: int) -> bytes:
    return _RNG.integers(0, 256, (n, 4), dtype=np.uint8).tobytes()


def _bmp_run_length(folder: Path) -> Truth:
    values = np.repeat(_RNG.integers(0, 256, (6, 4)), 3, axis=1).astype(np.uint8)
    data = b""
    for row in values[::-1]:
        data += b"".join(bytes([3, row[i]]) for i in range(0, 12, 3)) + b"\0\0"
    path = folder / "rle.bmp"
    palette = _palette(256)
    path.write_bytes(_bmp(12, 6, 8, data + b"\0\1", packing=1, palette=palette))
    return Truth(path, (), (_truth(_shown(values, palette), 2, 8),))


def _shown(values: np.ndarray, palette: bytes) -> np.ndarray:
    """Colours of indices: a BMP stores blue first and a byte of padding."""
    return np.frombuffer(palette, np.uint8).reshape(-1, 4)[values][..., 2::-1]


def _bmp_bits(folder: Path, bits: int) -> Truth:
    values = _RNG.integers(0, 2**bits, (5, 11)).astype(np.uint8)
    lines = (values[::-1, :, None] >> np.arange(bits)[::-1]) & 1
    data = _padded(np.packbits(lines.reshape(5, -1), axis=1))
    palette = b"\0\0\0\0\xff\xff\xff\0" if bits == 1 else _palette(16)
    path = folder / f"{bits}.bmp"
    path.write_bytes(_bmp(11, 5, bits, data, palette=palette))
    if bits > 1:
        return Truth(path, (), (_truth(_shown(values, palette), 2, 8),))
    return Truth(path, (), (_truth(values[..., None], 3, bits),))


def _bmp_fields(folder: Path, masks: tuple[int, ...], bits: int) -> Truth:
    """Colours in bit fields of one width, in an order and width of their own."""
    values = _RNG.integers(0, 2**bits, (5, 7, len(masks))).astype(np.uint32)
    words = np.zeros((5, 7), np.uint32)
    for i, mask in enumerate(masks):
        words |= values[..., i] * (mask & -mask)
    data = words[::-1].astype("<u4").tobytes()
    offset = 14 + 108
    info = struct.pack("<IiiHHIIiiII", 108, 7, 5, 1, 32, 3, len(data), 2835, 2835, 0, 0)
    info += struct.pack("<4I", *(*masks, 0)[:4]) + bytes(108 - 56)
    path = folder / "fields.bmp"
    path.write_bytes(struct.pack("<2sIHHI", b"BM", offset + len(data), 0, 0, offset) + info + data)
    stored = values.astype(np.uint16 if bits > 8 else np.uint8)
    return Truth(path, (), (_truth(stored, {3: 2, 4: 6}[len(masks)], bits),))


def _bmp_odd_fields(folder: Path) -> Truth:
    truth = _bmp_fields(folder, (0x3FF << 20, 0x3FF << 10, 0x3FF), 10)
    content = bytearray(truth.path.read_bytes())
    struct.pack_into("<I", content, 54, 0x7F << 20)
    truth.path.write_bytes(bytes(content))
    return Truth(truth.path, error="UnsupportedFeatureError", error_says="bitfields layout")


def _jpeg_12(folder: Path, process: str) -> Truth:
    """Processes that Pillow does not open: 12 bits, and without loss."""
    y, x = np.mgrid[:40, :56]
    values = (y * 60 + x * 25).astype(np.uint16)
    path = folder / f"{process}.jpg"
    if process == "extended":
        data = imagecodecs.jpeg8_encode(values, level=98, bitspersample=12)
    elif process == "lossless":
        data = imagecodecs.ljpeg_encode(values, bitspersample=12)
    else:
        data = imagecodecs.jpegls_encode(values)
    path.write_bytes(data)
    tolerance = 20 if process == "extended" else 0
    return Truth(path, (), (ImageTruth(values, "yx", tolerance=tolerance),))


def _jpeg_ls_cut(folder: Path) -> Truth:
    path = _jpeg_12(folder, "ls").path
    path.write_bytes(path.read_bytes()[:-900])
    return Truth(path, error="CorruptFileError", error_says="no end marker")


def _jpeg_undecodable(folder: Path) -> Truth:
    """A hierarchical frame header, which no decoder here takes."""
    content = bytearray(_jpeg(folder, "L").path.read_bytes())
    at = content.index(b"\xff\xc0")
    content[at + 1] = 0xC5
    path = folder / "hierarchical.jpg"
    path.write_bytes(bytes(content))
    return Truth(path, error="UnsupportedFeatureError", error_says="hierarchical JPEG of 8 bits")


def _bmp_truncated(folder: Path) -> Truth:
    truth = _bmp_24(folder)
    truth.path.write_bytes(truth.path.read_bytes()[:-40])
    return Truth(truth.path, error="CorruptFileError", error_says="rgb.bmp")


_PNG = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
]
_PNG += [(6, 8), (6, 16)]

SAMPLES = [
    *(
        Sample(f"png-type{c}-{b}bit", "raster", lambda folder, c=c, b=b: _png(folder, c, b))
        for c, b in _PNG
    ),
    *(
        Sample(
            f"png-interlaced-type{c}-{b}bit",
            "raster",
            lambda folder, c=c, b=b: _png(folder, c, b, interlaced=True),
        )
        for c, b in ((0, 8), (2, 16), (3, 4))
    ),
    Sample("png-transparent-color", "raster", _png_transparent_color),
    Sample("png-truncated", "raster", lambda folder: _png_bad(folder, cut=300)),
    Sample("png-huge", "raster", lambda folder: _png_bad(folder, size=(2**31 - 1, 2**31 - 1))),
    Sample("png-taller", "raster", lambda folder: _png_bad(folder, size=(50, 60))),
    Sample("png-no-columns", "raster", lambda folder: _png_bad(folder, size=(0, 60))),
    *(
        Sample(f"jpeg-{mode}", "raster", lambda folder, mode=mode: _jpeg(folder, mode))
        for mode in ("L", "RGB", "CMYK")
    ),
    Sample("jpeg-progressive", "raster", lambda folder: _jpeg(folder, "RGB", progressive=True)),
    Sample("jpeg-rotated", "raster", _jpeg_rotated),
    Sample("jpeg-truncated", "raster", _jpeg_truncated),
    Sample("bmp-24bit", "raster", _bmp_24),
    Sample("bmp-32bit-top-down", "raster", _bmp_32_top_down),
    Sample("bmp-run-length", "raster", _bmp_run_length),
    Sample("bmp-1bit", "raster", lambda folder: _bmp_bits(folder, 1)),
    Sample("bmp-4bit", "raster", lambda folder: _bmp_bits(folder, 4)),
    Sample("bmp-truncated", "raster", _bmp_truncated),
    Sample("bmp-fields-8", "raster", lambda f: _bmp_fields(f, (0xFF, 0xFF00, 0xFF000000), 8)),
    Sample(
        "bmp-fields-10",
        "raster",
        lambda f: _bmp_fields(f, (0x3FF << 20, 0x3FF << 10, 0x3FF), 10),
    ),
    Sample("bmp-fields-odd", "raster", _bmp_odd_fields),
    *(
        Sample(f"jpeg-{process}", "raster", lambda f, process=process: _jpeg_12(f, process))
        for process in ("extended", "lossless", "ls")
    ),
    Sample("jpeg-ls-cut", "raster", _jpeg_ls_cut),
    Sample("jpeg-hierarchical", "raster", _jpeg_undecodable),
]
