"""Olympus OIF (settings and TIFFs in a folder) and OIB (the same in a compound file), laid out by hand."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import ImageTruth, Sample, Truth
from tests.samples.tiff import by_hand

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(29)
_NAMES = ("CH1", "Übertragung")
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _settings(sections: dict[str, dict[str, object]]) -> bytes:
    lines = []
    for name, pairs in sections.items():
        lines.append(f"[{name}]")
        lines += [f'{k}="{v}"' if isinstance(v, str) else f"{k}={v}" for k, v in pairs.items()]
    return b"\xff\xfe" + ("\r\n".join(lines) + "\r\n").encode("utf-16-le")


def _main(sizes: dict[str, int], order: str = "XYCZT") -> bytes:
    axes: dict[str, dict[str, object]] = {}
    for i, letter in enumerate("XYCZTALPQ"):
        section: dict[str, object] = {"AxisCode": letter, "MaxSize": sizes.get(letter, 0)}
        section |= {"UnitName": {"Z": "nm", "T": "ms"}.get(letter, "um"), "StartPosition": 0.0}
        if letter == "Z":
            section |= {"Interval": 840, "EndPosition": -840.0 * (sizes["Z"] - 1)}
        if letter == "T":
            section |= {"Interval": 0, "EndPosition": 1500.0 * (sizes["T"] - 1)}
        axes[f"Axis {i} Parameters Common"] = section
    pixel = {"WidthConvertValue": 0.177, "WidthUnit": "um"}
    pixel |= {"HeightConvertValue": 0.25, "HeightUnit": "um", "ValidBitCounts": 12}
    channels = {f"Channel {i + 1} Parameters": {"CH Name": name} for i, name in enumerate(_NAMES)}
    return _settings(
        {
            "ProfileSaveInfo": {"Name": "COFAImages", "Version": "2.0.0.0"},
            "Axis Parameter Common": {"AxisCount": 5, "AxisOrder": order},
            "Reference Image Parameter": pixel,
            **axes,
            **channels,
        }
    )


def _tiff(plane: np.ndarray) -> bytes:
    height, width = plane.shape
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (278, 4, height),
    ]
    return by_hand([(tags, [plane.astype("<u2").tobytes()])])


def _set() -> tuple[np.ndarray, dict[str, bytes], bytes]:
    """Return pixels (t, c, z, y, x), the folder's files, the main file."""
    pixels = _RNG.integers(0, 4096, (2, 2, 3, 8, 9), dtype=np.uint16)
    files = {
        f"s_C{c + 1:03}Z{z + 1:03}T{t + 1:03}.tif": _tiff(pixels[t, c, z])
        for t in range(2)
        for c in range(2)
        for z in range(3)
    }
    # a reference image is no plane
    files["s_C001-R001.tif"] = _tiff(pixels[0, 0, 0, :4, :4])
    return pixels, files, _main({"X": 9, "Y": 8, "C": 2, "Z": 3, "T": 2})


def _truth(pixels: np.ndarray) -> ImageTruth:
    return ImageTruth(
        pixels,
        "tczyx",
        {"x": 0.177, "y": 0.25, "z": 840.0, "t": 1500.0},
        {"x": "micrometer", "y": "micrometer", "z": "nanometer", "t": "millisecond"},
        _NAMES,
    )


def _oif(folder: Path, *, missing: str = "") -> Truth:
    pixels, files, main = _set()
    path = folder / "cells 1.oif"
    path.write_bytes(main)
    beside = folder / "cells 1.oif.files"
    if missing != "folder":
        beside.mkdir()
        for name, data in files.items():
            (beside / name).write_bytes(data)
    if missing == "plane":
        (beside / "s_C002Z003T001.tif").unlink()
    if missing:
        says = {"folder": "cells 1.oif.files", "plane": "1 planes are absent"}[missing]
        return Truth(path, error="MissingCompanionError", error_says=says)
    return Truth(path, (), (_truth(pixels),))


def _entry(
    name: str, kind: int, start: int, size: int, *, right: int = _FREE, child: int = _FREE
) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    head = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, _FREE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def _compound(streams: dict[str, bytes]) -> bytes:
    """Return a compound file of sectors of 512 bytes; all streams are too large for the mini stream."""
    sectors: list[bytes] = []
    table: list[int] = []

    def add(data: bytes) -> int:
        start = len(sectors)
        n = -(-len(data) // 512)
        sectors.extend(data[i * 512 : i * 512 + 512].ljust(512, b"\0") for i in range(n))
        table.extend(range(start + 1, start + n))
        table.append(_END)
        return start

    names = list(streams)
    places = [add(data) for data in streams.values()]
    entries = [_entry("Root Entry", 5, _END, 0, child=1)]
    for i, name in enumerate(names):
        right = i + 2 if i + 1 < len(names) else _FREE
        entries.append(_entry(name, 2, places[i], len(streams[name]), right=right))
    directory = add(b"".join(entries) + bytes(128) * (-len(entries) % 4))
    n_tables = 1
    while n_tables * 128 < len(table) + n_tables:
        n_tables += 1
    tables = list(range(len(sectors), len(sectors) + n_tables))
    table += [_FAT] * n_tables
    table += [_FREE] * (n_tables * 128 - len(table))
    data = struct.pack(f"<{len(table)}I", *table)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, n_tables, directory, 0, 64, _END, 0, _END, 0)
    header += struct.pack("<109I", *tables, *[_FREE] * (109 - n_tables))
    return header + b"".join(sectors) + data


def _oib(folder: Path, *, ring: bool = False, unnamed: bool = False, cut: int = 0) -> Truth:
    pixels, files, main = _set()
    streams = {"OibInfo.txt": b"", "Stream00000": main}
    info = {"Name": "OibSave", "Version": "2.0.0.0", "MainFileName": "Stream00000"}
    info |= {"Stream00000": "cells.oif"}
    for i, (name, data) in enumerate(files.items(), 1):
        streams[f"Stream{i:05}"] = data
        info[f"Stream{i:05}"] = f"Storage00001/{name}"
    if unnamed:
        del info["Stream00000"]
    streams["OibInfo.txt"] = _settings({"OibSaveInfo": dict(info)})
    data = bytearray(_compound(streams))
    if ring:
        # the second sector of the first stream leads back to the first
        first = struct.unpack_from("<I", data, 76)[0]
        struct.pack_into("<I", data, 512 + first * 512 + 4, 0)
        struct.pack_into("<I", data, 512 + first * 512 + 8, 0)
    path = folder / "cells.oib"
    path.write_bytes(bytes(data[: len(data) - cut]))
    if ring or cut or unnamed:
        return Truth(path, error="CorruptFileError", error_says="cells.oib")
    return Truth(path, (), (_truth(pixels),))


SAMPLES = [
    Sample("oif", "olympus", _oif),
    Sample("oif-without-folder", "olympus", lambda folder: _oif(folder, missing="folder")),
    Sample("oif-without-plane", "olympus", lambda folder: _oif(folder, missing="plane")),
    Sample("oib", "olympus", _oib),
    Sample("oib-ring", "olympus", lambda folder: _oib(folder, ring=True)),
    Sample("oib-without-main-file", "olympus", lambda folder: _oib(folder, unnamed=True)),
    Sample("oib-truncated", "olympus", lambda folder: _oib(folder, cut=900)),
]
