"""What can be told of .vsi and .cxd files without Java, and a .vsi that Bio-Formats opens.

No true file of either can be made here: `write_vsi` writes just what Bio-Formats needs to find the pixels
(the tag tree of the .vsi, the tiles of the .ets), so it shows that the pixels come through, not that
cellSens writes files like it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from tests.samples import Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path


def _lone_vsi(folder: Path) -> Truth:
    path = folder / "slide.vsi"
    tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    (folder / "_slide_" / "stack1").mkdir(parents=True)
    return Truth(path, error="MissingCompanionError", error_says="_slide_")


def _text(folder: Path, suffix: str) -> Truth:
    path = folder / f"text{suffix}"
    path.write_text("not an image")
    return Truth(path, error="FormatMismatchError")


def write_vsi(path: Path, pixels: np.ndarray, *, tile: int, step_um: float) -> None:
    """Write a one-channel uint16 image as a .vsi with its folder of tiles.

    ``pixels`` has shape (y, x), both multiples of ``tile``.
    """
    height, width = pixels.shape
    # a field: type, tag, offset of the next, and a value of four bytes or the size of what follows
    inline, text, rectangle, two_doubles = 0x40000000 | 5, 13, 259, 260
    fields = [
        (inline, 2002, 0, b""),  # an image frame ...
        (inline, 2018, 0, b""),  # ... and its external file
        (inline, 20005, 1, b""),  # which there is
        (text, 2030, None, b"tissue\0"),  # name
        (rectangle, 2053, None, struct.pack("<4i", 0, 0, width, height)),
        (two_doubles, 2019, None, struct.pack("<2d", step_um, step_um)),
    ]
    tifffile.imwrite(path, np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    data = bytearray(path.read_bytes())
    # the tag tree's header has the place behind the TIFF header; the directory moves to the end
    (directory,) = struct.unpack_from("<I", data, 4)
    (n_tags,) = struct.unpack_from("<H", data, directory)
    entries = data[directory : directory + 2 + 12 * n_tags + 4]
    data += b"\0" * (len(data) % 2)
    struct.pack_into("<I", data, 4, len(data))
    data += entries
    start = 8
    struct.pack_into("<hhiqii", data, start, 24, 21321, 1, len(data) - start, len(fields), 0)
    for number, (kind, tag, value, content) in enumerate(fields):
        end = len(data) + 16 + len(content) - start
        following = end if number + 1 < len(fields) else 0
        data += struct.pack("<4i", kind, tag, following, len(content) if value is None else value)
        data += content
    path.write_bytes(bytes(data) + b"\0" * 64)
    folder = path.with_name(f"_{path.stem}_") / "stack1"
    folder.mkdir(parents=True)
    _write_ets(folder / "frame_t.ets", pixels, tile)


def _write_ets(path: Path, pixels: np.ndarray, tile: int) -> None:
    """Write uncompressed tiles: a header, a second header, the tiles, and where each lies."""
    first, second = 64, 192
    head = struct.pack("<4siiiiiiiii", b"ETS", 0x30001, 4, 1, 1, 0, 100, tile, tile, 1)
    body, places = bytearray(head.ljust(second, b"\0")), []
    for y in range(pixels.shape[0] // tile):
        for x in range(pixels.shape[1] // tile):
            part = pixels[y * tile : (y + 1) * tile, x * tile : (x + 1) * tile]
            place = first + len(body)
            body += part.astype("<u2").tobytes()
            places.append(struct.pack("<4iqii", 0, x, y, 0, place, 2 * tile * tile, 0))
    end = first + len(body)
    start = struct.pack("<4siiiqiiqii", b"SIS", first, 2, 3, first, second, 0, end, len(places), 0)
    path.write_bytes(start.ljust(first, b"\0") + bytes(body) + b"".join(places))


def _empty(folder: Path, suffix: str = ".zvi") -> Truth:
    """What can be told without Java; `test_bioformats` reads true files where the jar is."""
    path = folder / f"empty{suffix}"
    path.write_bytes(b"")
    return Truth(path, error="EmptyFileError", error_says="0 bytes")


SAMPLES = [
    Sample("bioformats-empty", "bioformats", _empty),
    Sample(
        "bioformats-compared-empty", "bioformats-compared", lambda folder: _empty(folder, ".pic")
    ),
    Sample("vsi-lone", "vsi", _lone_vsi),
    Sample("vsi-text", "vsi", lambda folder: _text(folder, ".vsi")),
    Sample("cxd-text", "cxd", lambda folder: _text(folder, ".cxd")),
]
