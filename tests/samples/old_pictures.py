"""PNM, FITS, TGA, PCX and PSD, written by hand from their descriptions."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RNG = np.random.default_rng(29)
_RGB = ("R", "G", "B")


def _gray(largest: int = 255, dtype: str = "u1") -> np.ndarray:
    return _RNG.integers(0, largest + 1, (5, 11)).astype(dtype)


def _color(largest: int = 255, dtype: str = "u1") -> np.ndarray:
    return _RNG.integers(0, largest + 1, (5, 11, 3)).astype(dtype)


def _file(name: str, content: bytes, *images: ImageTruth) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, images=images)

    return write


def _refused(name: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


def _one(pixels: np.ndarray, kind: str = "intensity") -> ImageTruth:
    return ImageTruth(pixels, "yx", {}, {}, (), kind)


def _rgb(pixels: np.ndarray) -> ImageTruth:
    return ImageTruth(np.moveaxis(pixels, -1, 0), "cyx", {}, {}, _RGB, "rgb")


# ------------------------------------------------------------------------------- PNM

_G8, _G16, _C8, _C10 = _gray(200), _gray(60_000, "u2"), _color(), _color(1023, "u2")
_BITS = _RNG.integers(0, 2, (5, 11)).astype("u1")


def _text(values: np.ndarray) -> bytes:
    return " ".join(str(value) for value in values.ravel()).encode() + b"\n"


_PNM = {
    "gray": _file("a.pgm", b"P5\n# by Jane Doe\n11 5\n200\n" + _G8.tobytes(), _one(_G8)),
    "gray 16": _file("a.pgm", b"P5 11 5 65535\n" + _G16.astype(">u2").tobytes(), _one(_G16)),
    "color": _file("a.ppm", b"P6\n11\n5\n255 " + _C8.tobytes(), _rgb(_C8)),
    "color 10": _file("a.pnm", b"P6 11 5 1023\n" + _C10.astype(">u2").tobytes(), _rgb(_C10)),
    "gray text": _file("a.pgm", b"P2 # c\n11 5 65535\n" + _text(_G16), _one(_G16)),
    "color text": _file("a.ppm", b"P3\n11 5 255\n" + _text(_C8), _rgb(_C8)),
    "bits": _file(
        "a.pbm", b"P4\n11 5\n" + np.packbits(_BITS, axis=1).tobytes(), _one(_BITS, "label")
    ),
    "bits text": _file(
        "a.pbm", b"P1\n11 5\n" + _text(_BITS).replace(b" ", b""), _one(_BITS, "label")
    ),
    "pam": _file(
        "a.pam",
        b"P7\nWIDTH 11\nHEIGHT 5\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + _C8.tobytes(),
        _rgb(_C8),
    ),
}
_PNM_REFUSED = (
    ("cut", b"P5 11 5 255\n" + bytes(54), "TruncatedFileError", "announces"),
    ("cut text", b"P2 11 5 255\n1 2 3\n", "TruncatedFileError", "3 of 55"),
    ("huge", b"P5 999999999 999999999 255\n" + bytes(54), "TruncatedFileError", "announces"),
    ("nothing", b"P5 0 5 255\n", "EmptyFileError", "no pixel"),
    ("white", b"P5 11 5 70000\n" + bytes(99), "CorruptFileError", "70000"),
    ("black", b"P5 11 5 0\n" + bytes(99), "CorruptFileError", "white"),
    ("header", b"P5 11 five\n", "CorruptFileError", "header"),
    ("other", b"hello world", "FormatMismatchError", "no portable"),
    ("word", b"P2 1 1 255\nx\n", "CorruptFileError", "number"),
    ("large", b"P2 1 1 10\n11\n", "CorruptFileError", "larger"),
    ("pam", b"P7\nWIDTH 11\nENDHDR\n", "CorruptFileError", "header"),
    (
        "pam depth",
        b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 9\nMAXVAL 9\nENDHDR\n",
        "CorruptFileError",
        "9 samples",
    ),
)

# ------------------------------------------------------------------------------- FITS


def _unit(cards: dict[str, object], data: bytes = b"", *, first: bool = True) -> bytes:
    named = {"SIMPLE": True} if first else {"XTENSION": "'IMAGE   '"}
    lines = []
    for key, value in {**named, **cards}.items():
        shown = {True: "T", False: "F"}.get(value, value) if isinstance(value, bool) else value
        lines.append(f"{key:<8}= {shown!s:>20} / of {key.lower()}".ljust(80))
    head = "".join([*lines, "COMMENT made by Jane Doe".ljust(80), "END".ljust(80)])
    head = head.ljust(-(-len(head) // 2880) * 2880)
    return head.encode() + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def _cards(bitpix: int, *lengths: int, **more: object) -> dict[str, object]:
    axes = {f"NAXIS{i}": n for i, n in enumerate(lengths, start=1)}
    return {"BITPIX": bitpix, "NAXIS": len(lengths), **axes, **more}


_U16, _F32 = _gray(65_535, "u2"), _RNG.random((5, 11)).astype("f4")
_CUBE = _RNG.integers(-99, 99, (3, 5, 11)).astype("i4")
_STORED = (_U16.astype("i4") - 32_768).astype(">i2").tobytes()
_FITS_FILE = _unit(_cards(16, 11, 5, BZERO=32768.0, BSCALE=1.0, EXTNAME="'one'"), _STORED)
_FITS = {
    "unsigned": _file("a.fits", _FITS_FILE, _one(_U16)),
    "float": _file("a.fts", _unit(_cards(-32, 11, 5), _F32.astype(">f4").tobytes()), _one(_F32)),
    "scaled": _file(
        "a.fits",
        _unit(_cards(8, 11, 5, BSCALE=0.5, BZERO=1), _G8.tobytes()),
        _one(_G8),
    ),
    "cube": _file(
        "a.fits",
        _unit(_cards(32, 11, 5, 3), _CUBE.astype(">i4").tobytes()),
        ImageTruth(_CUBE, "cyx"),
    ),
    "extensions": _file(
        "a.fits",
        _unit({"BITPIX": 8, "NAXIS": 0, "EXTEND": True})
        + _unit(_cards(8, 11, 5, PCOUNT=0, GCOUNT=1), _G8.tobytes(), first=False)
        + _unit(_cards(16, 11, 5, BZERO=32768, PCOUNT=0, GCOUNT=1), _STORED, first=False),
        _one(_G8),
        _one(_U16),
    ),
}
_FITS_REFUSED = (
    ("cut", _FITS_FILE[:2890], "TruncatedFileError", "ends before"),
    ("cut header", _FITS_FILE[:2000], "EmptyFileError", "no image"),
    ("other", b"hello" * 999, "FormatMismatchError", "named as"),
    ("nothing", _unit(_cards(16)), "EmptyFileError", "no image"),
    ("bits", _unit(_cards(24, 11, 5), _STORED), "CorruptFileError", "24 bits"),
    ("negative", _unit(_cards(16, 11, -5), _STORED), "CorruptFileError", "axes"),
    ("huge", _unit(_cards(16, 10**9, 10**9), _STORED), "TruncatedFileError", "ends before"),
    ("axes", _unit({"BITPIX": 16, "NAXIS": "'two'"}), "CorruptFileError", "NAXIS"),
    ("no end", _FITS_FILE.replace(b"END  ", b"ENDE "), "TruncatedFileError", "header"),
)

# ------------------------------------------------------------------------------- TGA, PCX, PSD


def _tga(
    pixels: np.ndarray, kind: int, *, down: bool, palette: bytes = b"", depth: int = 8
) -> bytes:
    height, width = pixels.shape[:2]
    head = struct.pack(
        "<3B2HB4H2B",
        0,
        bool(palette),
        kind,
        0,
        len(palette) // 3,
        24 if palette else 0,
        0,
        0,
        width,
        height,
        depth,
        0x20 if down else 0,
    )
    rows = pixels if down else pixels[::-1]
    return head + palette + (rows[..., ::-1] if pixels.ndim == 3 else rows).tobytes()


_COLORS = _RNG.integers(0, 255, (4, 3)).astype("u1")
_INDICES = _RNG.integers(0, 4, (5, 11)).astype("u1")


def _pcx(pixels: np.ndarray) -> bytes:
    """Three planes a row, packed in runs of one where a byte is above 191; rows of an even length."""
    height, width = pixels.shape[:2]
    row = width + width % 2
    head = struct.pack("<4B6H", 10, 5, 1, 8, 0, 0, width - 1, height - 1, 72, 72) + bytes(48)
    head += struct.pack("<2BH", 0, 3, row) + bytes(60)
    body = bytearray()
    for line in pixels:
        for c in range(3):
            for value in [*line[:, c].tolist(), *[0] * (row - width)]:
                body += bytes([0xC1, value] if value > 191 else [value])
    return head + bytes(body)


def _psd(pixels: np.ndarray, *, depth: int = 8, mode: int = 3) -> bytes:
    height, width, n = pixels.shape
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, n, height, width, depth, mode)
    return head + bytes(12) + b"\0\0" + np.moveaxis(pixels, -1, 0).tobytes()


_OLD = {
    "tga": _file("a.tga", _tga(_C8, 2, down=False, depth=24), _rgb(_C8)),
    "tga down": _file("a.tga", _tga(_C8, 2, down=True, depth=24), _rgb(_C8)),
    "tga gray": _file("a.tga", _tga(_G8, 3, down=False), _one(_G8)),
    "tga palette": _file(
        "a.tga",
        _tga(_INDICES, 1, down=True, palette=_COLORS[:, ::-1].tobytes()),
        _rgb(_COLORS[_INDICES]),
    ),
    "pcx": _file("a.pcx", _pcx(_C8), _rgb(_C8)),
    "psd": _file("a.psd", _psd(_C8), _rgb(_C8)),
}
_OLD_REFUSED = (
    ("tga 16", "bad.tga", _tga(_G16, 2, down=True, depth=16), "UnsupportedFeatureError", "16 bits"),
    ("tga cut", "bad.tga", _tga(_C8, 2, down=True, depth=24)[:-20], "CorruptFileError", "readable"),
    ("tga other", "bad.tga", b"hello" * 9, "UnsupportedFeatureError", "bits"),
    ("pcx cut", "bad.pcx", _pcx(_C8)[:-40], "CorruptFileError", "readable"),
    ("pcx other", "bad.pcx", b"hello" * 99, "CorruptFileError", "readable"),
    ("psd 16", "bad.psd", _psd(_C8, depth=16), "UnsupportedFeatureError", "16 bits"),
    ("psd inks", "bad.psd", _psd(_C8, mode=4), "UnsupportedFeatureError", "mode 4"),
    ("psd cut", "bad.psd", _psd(_C8)[:-20], "CorruptFileError", "readable"),
    (
        "tga bomb",
        "bad.tga",
        _tga(_G8, 3, down=True)[:12] + struct.pack("<2H2B", 60_000, 60_000, 8, 0) + bytes(99),
        "SizeLimitError",
        "bomb",
    ),
)

SAMPLES = [
    *(Sample(f"pnm-{what}", "pnm", write) for what, write in _PNM.items()),
    *(Sample(f"fits-{what}", "fits", write) for what, write in _FITS.items()),
    *(Sample(f"old-{what}", "old-pictures", write) for what, write in _OLD.items()),
    *(Sample(f"pnm-bad {what}", "pnm", _refused("bad.pnm", *rest)) for what, *rest in _PNM_REFUSED),
    *(
        Sample(f"fits-bad {what}", "fits", _refused("bad.fits", *rest))
        for what, *rest in _FITS_REFUSED
    ),
    *(Sample(f"old-bad {what}", "old-pictures", _refused(*rest)) for what, *rest in _OLD_REFUSED),
]
