"""TIFF files: by Pillow, by hand from the TIFF 6.0 specification, and by tifffile where it states more."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from PIL import Image as PillowImage

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(11)
_MICRO = {"x": "micrometer", "y": "micrometer"}


def _values(shape: tuple[int, ...], dtype: Any = np.uint16) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return _RNG.normal(size=shape).astype(kind)
    info = np.iinfo(kind)
    return _RNG.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


# --------------------------------------------------------------------------------------- by hand


def by_hand(
    pages: Sequence[tuple[Sequence[tuple[int, int, Any]], Sequence[bytes]]], *, order: str = "<"
) -> bytes:
    """Lay out a TIFF: for each page its tags (number, type, value or values) and its strips.

    Offsets (273) and byte counts (279) are filled in where the tags do not give them.
    """
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
    codes = {1: "B", 3: "H", 4: "I"}
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 0))
    link = 4
    for tags, strips in pages:
        offsets = []
        for strip in strips:
            offsets.append(len(out))
            out += strip + b"\0" * (len(strip) % 2)
        entries = {number: (kind, value) for number, kind, value in tags}
        entries.setdefault(273, (4, offsets))
        entries.setdefault(279, (4, [len(strip) for strip in strips]))
        directory = bytearray()
        for number in sorted(entries):
            kind, value = entries[number]
            if kind == 2:
                data = value + b"\0"
                count = len(data)
            else:
                values = value if isinstance(value, (list, tuple)) else [value]
                data = struct.pack(order + codes[kind] * len(values), *values)
                count = len(values)
            assert len(data) == count * sizes[kind]
            if len(data) > 4:
                where = struct.pack(order + "I", len(out))
                out += data + b"\0" * (len(data) % 2)
            else:
                where = data.ljust(4, b"\0")
            directory += struct.pack(order + "HHI", number, kind, count) + where
        out[link : link + 4] = struct.pack(order + "I", len(out))
        out += struct.pack(order + "H", len(entries)) + directory
        link = len(out)
        out += struct.pack(order + "I", 0)
    return bytes(out)


def _tags(width: int, height: int, bits: int, photometric: int = 1, **more: Any) -> list[Any]:
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    named = {
        "samples": 277,
        "rows": 278,
        "planar": 284,
        "format": 339,
        "extra": 338,
        "subfile": 254,
    }
    tags += [
        (named[key], 4 if key == "rows" else 3, value)
        for key, value in more.items()
        if key in named
    ]
    return tags


def _big_endian_strips(folder: Path) -> Truth:
    pixels = _values((10, 7), np.int16)
    data = pixels.astype(">i2").tobytes()
    strips = [data[i : i + 3 * 14] for i in range(0, len(data), 3 * 14)]
    path = folder / "big.tif"
    tags = _tags(7, 10, 16, rows=3, format=2)
    path.write_bytes(by_hand([(tags, strips)], order=">"))
    return Truth(path, (), (ImageTruth(pixels, "yx"),))


def _scattered_strips(folder: Path) -> Truth:
    """Strips in reverse order in the file: they do not follow each other."""
    pixels = _values((9, 5), np.uint8)
    rows = [pixels[i : i + 2].tobytes() for i in range(0, 9, 2)]
    path = folder / "scattered.tif"
    start, offsets = 8, []
    for strip in rows[::-1]:
        offsets.append(start)
        start += len(strip) + len(strip) % 2
    tags = [
        *_tags(5, 9, 8, rows=2),
        (273, 4, offsets[::-1]),
        (279, 4, [len(strip) for strip in rows]),
    ]
    path.write_bytes(by_hand([(tags, rows[::-1])]))
    return Truth(path, (), (ImageTruth(pixels, "yx"),))


def _planar(folder: Path) -> Truth:
    pixels = _values((3, 6, 4))
    strips = [plane[i : i + 4].astype("<u2").tobytes() for plane in pixels for i in (0, 4)]
    path = folder / "planar.tif"
    tags = [*_tags(4, 6, 16, 2, samples=3, rows=4, planar=2), (258, 3, [16, 16, 16])]
    tags = [tag for tag in tags if tag[:3] != (258, 3, 16)]
    path.write_bytes(by_hand([(tags, strips)]))
    return Truth(path, (), (ImageTruth(pixels, "cyx", channel_names=("R", "G", "B"), kind="rgb"),))


def _alpha(folder: Path) -> Truth:
    pixels = _values((4, 6, 5), np.uint8)
    path = folder / "rgba.tif"
    tags = [*_tags(5, 6, 8, 2, samples=4, rows=6, extra=2), (258, 3, [8, 8, 8, 8])]
    path.write_bytes(by_hand([(tags, [np.moveaxis(pixels, 0, -1).tobytes()])]))
    truth = ImageTruth(pixels, "cyx", channel_names=("R", "G", "B", "A"), kind="rgb")
    return Truth(path, (), (truth,))


def _five_samples(folder: Path) -> Truth:
    """Samples without a colour meaning are channels without names."""
    pixels = _values((5, 6, 4), np.uint8)
    path = folder / "five.tif"
    tags = [*_tags(4, 6, 8, 1, samples=5, rows=6), (258, 3, [8] * 5), (338, 3, [0] * 4)]
    path.write_bytes(by_hand([(tags, [np.moveaxis(pixels, 0, -1).tobytes()])]))
    return Truth(path, (), (ImageTruth(pixels, "cyx"),))


def _pages_of_unknown_meaning(folder: Path) -> Truth:
    pixels = _values((4, 5, 6), np.uint8)
    path = folder / "pages.tif"
    path.write_bytes(by_hand([(_tags(6, 5, 8, rows=5), [page.tobytes()]) for page in pixels]))
    return Truth(path, (), (ImageTruth(pixels, "zyx"),))


def _two_sizes(folder: Path) -> Truth:
    """Pages of two types are two images; a reduced page (NewSubfileType 1) is none."""
    first, second, small = _values((8, 6), np.uint8), _values((8, 6)), _values((4, 3), np.uint8)
    path = folder / "two.tif"
    pages = [
        (_tags(6, 8, 8, rows=8), [first.tobytes()]),
        (_tags(6, 8, 16, rows=8), [second.astype("<u2").tobytes()]),
        (_tags(3, 4, 8, rows=4, subfile=1), [small.tobytes()]),
    ]
    path.write_bytes(by_hand(pages))
    return Truth(path, (), (ImageTruth(first, "yx"), ImageTruth(second, "yx")))


def _twelve_bits(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 4096, (4, 6), dtype=np.uint16)
    packed = bytearray()
    for a, b in pixels.reshape(-1, 2).tolist():
        packed += bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255])
    path = folder / "twelve.tif"
    path.write_bytes(by_hand([(_tags(6, 4, 12, rows=4), [bytes(packed)])]))
    return Truth(path, (), (ImageTruth(pixels, "yx"),))


def _never_written(folder: Path) -> Truth:
    pixels = _values((4, 6), np.uint8)
    pixels[2:] = 0
    path = folder / "sparse.tif"
    tags = [*_tags(6, 4, 8, rows=2), (273, 4, [8, 0]), (279, 4, [12, 0])]
    path.write_bytes(by_hand([(tags, [pixels[:2].tobytes()])]))
    return Truth(path, (), (ImageTruth(pixels, "yx"),))


def _bad(folder: Path, name: str, tags: list[Any], data: bytes, error: str, says: str) -> Truth:
    path = folder / f"{name}.tif"
    path.write_bytes(by_hand([(tags, [data])]))
    return Truth(path, error=error, error_says=says)


def _terabytes(folder: Path) -> Truth:
    tags = _tags(2_000_000, 2_000_000, 16, rows=2_000_000)
    return _bad(folder, "terabytes", tags, b"\0" * 100, "CorruptFileError", "announces")


def _terabytes_deflated(folder: Path) -> Truth:
    tags = [tag for tag in _tags(2_000_000, 2_000_000, 8, rows=2_000_000) if tag[0] != 259]
    return _bad(
        folder, "packed", [*tags, (259, 3, 8)], b"\0" * 100, "CorruptFileError", "announces"
    )


def _no_columns(folder: Path) -> Truth:
    return _bad(folder, "none", _tags(0, 5, 8, rows=5), b"\0" * 10, "EmptyFileError", "none.tif")


def _few_strips(folder: Path) -> Truth:
    tags = [tag for tag in _tags(6, 40, 8, rows=5) if tag[0] != 259]
    return _bad(folder, "few", [*tags, (259, 3, 8)], b"\0" * 10, "CorruptFileError", "1 of the 8")


def _short_page(folder: Path) -> Truth:
    """A page between others has fewer strips than they."""
    pixels = _values((3, 6, 4), np.uint8)
    tags = _tags(4, 6, 8, rows=2)
    strips = [[page[i : i + 2].tobytes() for i in (0, 2, 4)] for page in pixels]
    path = folder / "short.tif"
    path.write_bytes(by_hand([(tags, strips[0]), (tags, strips[1][:2]), (tags, strips[2])]))
    return Truth(path, error="CorruptFileError", error_says="short.tif")


def _truncated(folder: Path) -> Truth:
    path = folder / "cut.tif"
    tifffile.imwrite(path, _values((64, 64)), compression="zlib", rowsperstrip=8)
    path.write_bytes(path.read_bytes()[:-2000])
    return Truth(path, error="CorruptFileError", error_says="cut.tif")


def _damaged(folder: Path) -> Truth:
    path = folder / "damaged.tif"
    tifffile.imwrite(path, _values((64, 64)), compression="zlib", rowsperstrip=64)
    data = bytearray(path.read_bytes())
    data[-4000:-3000] = b"\xff" * 1000
    path.write_bytes(bytes(data))
    return Truth(path, error="CorruptFileError", error_says="cannot be decoded")


def _header_only(folder: Path) -> Truth:
    path = folder / "header.tif"
    path.write_bytes(b"II*\0\x08\0\0\0")
    return Truth(path, error="CorruptFileError", error_says="header.tif")


# -------------------------------------------------------------------------------------- by Pillow


def _pillow(folder: Path, mode: str, compression: str) -> Truth:
    path = folder / f"{mode.replace(';', '')}-{compression}.tif"
    n_samples = {"RGB": 3, "CMYK": 4, "LA": 2}.get(mode, 1)
    if mode == "I;16":
        values = _values((30, 20))
    else:
        values = _RNG.integers(0, 2 if mode == "1" else 256, (30, 20, n_samples)).astype(np.uint8)
    squeezed = values[..., 0] if values.ndim == 3 and n_samples == 1 else values
    picture = PillowImage.fromarray(squeezed.astype(bool) if mode == "1" else squeezed)
    if mode in ("CMYK", "LA"):
        bands = [PillowImage.fromarray(values[..., i]) for i in range(n_samples)]
        picture = PillowImage.merge(mode, bands)
    if mode == "P":
        table = _RNG.integers(0, 256, (256, 3)).astype(np.uint8)
        picture = PillowImage.fromarray(squeezed, mode="L")
        picture.putpalette(table.ravel().tolist())
        values = table[squeezed]
    picture.save(path, compression=compression, dpi=(72, 72))
    names = {"RGB": "RGB", "CMYK": "CMYK", "LA": "LA", "P": "RGB"}.get(mode, "")
    kind = {"RGB": "rgb", "P": "rgb", "1": "label"}.get(mode, "intensity")
    pixels = np.moveaxis(values, -1, 0) if names else squeezed
    truth = ImageTruth(pixels, "cyx" if names else "yx", channel_names=tuple(names), kind=kind)
    return Truth(path, (), (truth,))


# ------------------------------------------------------------------------------------ by tifffile


def _imagej(folder: Path) -> Truth:
    pixels = _values((3, 4, 2, 12, 10))  # t, z, c, y, x: ImageJ's order
    path = folder / "hyperstack.tif"
    tifffile.imwrite(
        path,
        pixels,
        imagej=True,
        resolution=(4.0, 5.0),
        metadata={"axes": "TZCYX", "spacing": 2.5, "unit": "um", "finterval": 0.5},
    )
    truth = ImageTruth(
        np.moveaxis(pixels, 2, 1),
        "tczyx",
        {"x": 0.25, "y": 0.2, "z": 2.5, "t": 0.5},
        {**_MICRO, "z": "micrometer", "t": "second"},
    )
    return Truth(path, (), (truth,))


def _imagej_odd_unit(folder: Path) -> Truth:
    pixels = _values((4, 12, 10), np.uint8)
    path = folder / "furlong.tif"
    metadata = {"axes": "ZYX", "spacing": 3.0, "unit": "furlong"}
    tifffile.imwrite(path, pixels, imagej=True, resolution=(2.0, 2.0), metadata=metadata)
    return Truth(path, (), (ImageTruth(pixels, "zyx", {"x": 0.5, "y": 0.5, "z": 3.0}),))


def _imagej_truncated(folder: Path) -> Truth:
    truth = _imagej(folder)
    data = truth.path.read_bytes()
    truth.path.write_bytes(data[: len(data) // 2])
    return Truth(truth.path, error="CorruptFileError", error_says="hyperstack.tif")


def _bigtiff_tiles(folder: Path) -> Truth:
    pixels = _values((3, 70, 50), np.float32)
    path = folder / "tiles.btf"
    tifffile.imwrite(
        path,
        pixels,
        bigtiff=True,
        tile=(32, 16),
        compression="zlib",
        predictor=True,
        photometric="minisblack",
        metadata={"axes": "ZYX"},
        byteorder=">",
    )
    return Truth(path, (), (ImageTruth(pixels, "zyx"),))


def _ome_series(folder: Path) -> Truth:
    first, second = _values((2, 3, 2, 20, 16)), _values((9, 8), np.uint8)
    path = folder / "series.ome.tif"
    metadata = {
        "axes": "TCZYX",
        "Name": "cells",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.25,
        "PhysicalSizeZ": 2.0,
        "PhysicalSizeZUnit": "mm",
        "TimeIncrement": 4.0,
        "TimeIncrementUnit": "ms",
        "Channel": {"Name": ["DAPI", "α-actin", "DAPI"]},
    }
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(first, photometric="minisblack", compression="zlib", metadata=metadata)
        file.write(second, photometric="minisblack", metadata={"axes": "YX", "Name": "overview"})
    scale = {"x": 0.5, "y": 0.25, "z": 2.0, "t": 4.0}
    units = {"x": "nanometer", "y": "micrometer", "z": "millimeter", "t": "millisecond"}
    names = ("DAPI", "α-actin", "DAPI")
    images = (ImageTruth(first, "tczyx", scale, units, names), ImageTruth(second, "yx"))
    return Truth(path, (), images)


def _ome_pyramid(folder: Path) -> Truth:
    pixels = _values((64, 96, 3), np.uint8)
    path = folder / "pyramid.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        options: dict[str, Any] = {"photometric": "rgb", "tile": (16, 32), "compression": "zlib"}
        metadata = {"axes": "YXS", "PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0}
        file.write(pixels, subifds=1, metadata=metadata, **options)
        file.write(pixels[::2, ::2], subfiletype=1, **options)
    truth = ImageTruth(
        np.moveaxis(pixels, -1, 0), "cyx", {"x": 2.0, "y": 2.0}, _MICRO, ("R", "G", "B"), "rgb"
    )
    return Truth(path, (), (truth,))


def write_ome_set(folder: Path, *, seed: int = 0, described_by: str = "") -> np.ndarray:
    """Write an image of two files, z slice 0 in one, 1 in the other; return its pixels.

    ``described_by`` is the only file with the description; by default both have it.
    """
    pixels = _values((2, 6, 5)) + np.uint16(seed)
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{i}" for i in (1, 2)]
    names = ["set_z0.ome.tif", "set_z1.ome.tif"]
    blocks = "".join(
        f'<TiffData IFD="0" FirstZ="{i}" PlaneCount="1"><UUID FileName="{names[i]}">{uuids[i]}</UUID>'
        "</TiffData>"
        for i in (0, 1)
    )
    start = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID='
    )
    body = (
        '><Image ID="Image:0" Name="set"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="5" SizeY="6" SizeZ="2" SizeC="1" SizeT="1">'
        f'<Channel ID="Channel:0:0" Name="GFP" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
    )
    other = "urn:uuid:00000000-0000-0000-0000-000000000009"
    if described_by in names:
        other = uuids[names.index(described_by)]
    elif described_by:
        (folder / described_by).write_text(f'{start}"{other}"{body}')
    for i in (0, 1):
        text = f'{start}"{uuids[i]}"{body}'
        if described_by not in ("", names[i]):
            text = f'{start}"{uuids[i]}"><BinaryOnly MetadataFile="{described_by}" UUID="{other}"/></OME>'
        tags = [*_tags(5, 6, 16, rows=6), (270, 2, text.encode())]
        (folder / names[i]).write_bytes(by_hand([(tags, [pixels[i].astype("<u2").tobytes()])]))
    return pixels


def _ome_set(folder: Path, *, missing: bool = False) -> Truth:
    pixels = write_ome_set(folder)
    names = ["set_z0.ome.tif", "set_z1.ome.tif"]
    if missing:
        (folder / names[1]).unlink()
        return Truth(folder / names[0], error="MissingCompanionError", error_says=names[1])
    return Truth(folder / names[0], (), (ImageTruth(pixels, "zyx", channel_names=("GFP",)),))


def _ome_part(folder: Path) -> Truth:
    """The file of a set that does not lead it."""
    write_ome_set(folder)
    return Truth(folder / "set_z1.ome.tif", error="PartOfSetError", error_says="set_z0.ome.tif")


def _ome_outside(folder: Path) -> Truth:
    truth = _ome_set(folder)
    data = truth.path.read_bytes()
    truth.path.write_bytes(data.replace(b'"set_z1.ome.tif"', b'"../a/1.ome.tif"'))
    return Truth(truth.path, error="CorruptFileError", error_says="outside of its folder")


def _ome_wavelengths(folder: Path) -> Truth:
    """Colour pixels in two channels are two images."""
    pixels = _values((2, 8, 6, 3), np.uint8)
    path = folder / "colours.ome.tif"
    tifffile.imwrite(path, pixels, ome=True, photometric="rgb", metadata={"axes": "CYXS"})
    images = tuple(
        ImageTruth(np.moveaxis(part, -1, 0), "cyx", channel_names=("R", "G", "B"), kind="rgb")
        for part in pixels
    )
    return Truth(path, (), images)


def _jpeg_tiles(folder: Path) -> Truth:
    y, x = np.mgrid[:64, :48]
    smooth = np.stack([y * 3, x * 4, y + x], axis=-1).astype(np.uint8)
    path = folder / "jpeg.tif"
    picture = PillowImage.fromarray(smooth)
    picture.save(path, compression="jpeg", quality=95)
    truth = ImageTruth(
        np.moveaxis(smooth, -1, 0), "cyx", channel_names=("R", "G", "B"), kind="rgb", tolerance=16
    )
    return Truth(path, (), (truth,))


_PILLOW = [
    ("L", "raw"),
    ("I;16", "tiff_lzw"),
    ("RGB", "tiff_adobe_deflate"),
    ("RGB", "packbits"),
    ("P", "raw"),
    ("1", "group4"),
    ("1", "raw"),
    ("CMYK", "tiff_lzw"),
    ("LA", "raw"),
]

SAMPLES = [
    *(
        Sample(f"tiff-{mode}-{how}", "tiff", lambda folder, m=mode, h=how: _pillow(folder, m, h))
        for mode, how in _PILLOW
    ),
    *(
        Sample(f"tiff{write.__name__.replace('_', '-')}", "tiff", write)
        for write in (
            _big_endian_strips,
            _scattered_strips,
            _planar,
            _alpha,
            _five_samples,
            _pages_of_unknown_meaning,
            _two_sizes,
            _twelve_bits,
            _never_written,
            _terabytes,
            _terabytes_deflated,
            _no_columns,
            _few_strips,
            _short_page,
            _truncated,
            _damaged,
            _header_only,
            _imagej,
            _imagej_odd_unit,
            _imagej_truncated,
            _bigtiff_tiles,
            _ome_series,
            _ome_pyramid,
            _ome_set,
            _ome_outside,
            _ome_wavelengths,
            _jpeg_tiles,
        )
    ),
    Sample("tiff-ome-set-missing", "tiff", lambda folder: _ome_set(folder, missing=True)),
    Sample("tiff-ome-part", "tiff", _ome_part),
]
