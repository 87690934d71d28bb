"""NRRD files, written by pynrrd; detached and odd headers by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nrrd
import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(17)


def _volume(folder: Path, encoding: str, endian: str) -> Truth:
    """An oblique volume in mm, x first on disk."""
    pixels = _RNG.integers(-30000, 30000, (5, 4, 3), dtype=np.int16)  # x y z
    path = folder / "volume.nrrd"
    header: dict[str, Any] = {
        "encoding": encoding,
        "endian": endian,
        "space": "left-posterior-superior",
        "space directions": [[0.0, 0.5, 0.0], [3.0, 0.0, 4.0], [0.0, 0.0, -2.0]],
        "space units": ["mm", "mm", "mm"],
        "kinds": ["domain", "domain", "domain"],
    }
    nrrd.write(str(path), pixels.astype(">i2" if endian == "big" else "<i2"), header)
    scale = {"z": 2.0, "y": 5.0, "x": 0.5}
    units = dict.fromkeys("zyx", "millimeter")
    return Truth(path, images=(ImageTruth(pixels.T, "zyx", scale, units),))


def _by_hand(path: Path, header: str, data: bytes) -> None:
    path.write_bytes(f"NRRD0004\n# by hand\n{header}\n".encode() + data)


def _colour(folder: Path) -> Truth:
    """Colour is the fastest axis, as teem writes it."""
    pixels = _RNG.integers(0, 255, (4, 5, 3), dtype=np.uint8)  # y x colour
    path = folder / "colour.nrrd"
    header = (
        "type: uchar\ndimension: 3\nsizes: 3 5 4\nkinds: RGB-color domain domain\n"
        'spacings: nan 0.5 0.25\nunits: "" "um" "um"\nencoding: raw\n'
    )
    _by_hand(path, header, pixels.tobytes())
    truth = ImageTruth(
        np.moveaxis(pixels, -1, 0),
        "cyx",
        {"y": 0.25, "x": 0.5},
        dict.fromkeys("yx", "micrometer"),
        ("R", "G", "B"),
        "rgb",
    )
    return Truth(path, images=(truth,))


def _detached(folder: Path, *, present: bool = True, where: str = "data.raw") -> Truth:
    """A header beside its data, which begin after a line and two bytes; frames in seconds."""
    pixels = _RNG.normal(size=(3, 4, 5)).astype(">f4")  # t y x
    path = folder / "film.nhdr"
    header = (
        f"type: float\ndimension: 3\nsizes: 5 4 3\nkinds: domain domain time\nendian: big\n"
        f'spacings: 1 2 0.1\nunits: "" "" "s"\nencoding: raw\nline skip: 1\nbyte skip: 2\n'
        f"data file: {where}\n"
    )
    _by_hand(path, header, b"")
    if not present:
        return Truth(path, error="MissingCompanionError", error_says=where)
    (folder / where).write_bytes(b"a line to skip\nxx" + pixels.tobytes())
    scale = {"t": 0.1, "y": 2.0, "x": 1.0}
    return Truth(path, images=(ImageTruth(pixels.astype("f4"), "tyx", scale, {"t": "second"}),))


def _text(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 65535, (3, 4), dtype=np.uint16)
    path = folder / "text.nrrd"
    header = "type: ushort\ndimension: 2\nsizes: 4 3\nencoding: ascii\n"
    _by_hand(path, header, " ".join(str(v) for v in pixels.ravel()).encode())
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.nrrd"
    sizes, more, data = "4 3", "", bytes(12)
    kind, encoding, error = "uchar", "raw", "CorruptFileError"
    if what == "short":
        data = bytes(11)
    elif what == "no endian":
        kind = "short"
    elif what == "type":
        kind = "block"
    elif what == "encoding":
        encoding, error = "hex", "UnsupportedFormatError"
    elif what == "zero":
        sizes, error = "4 0", "EmptyFileError"
    elif what == "complex":
        more, error = "kinds: complex domain\n", "UnsupportedFormatError"
    elif what == "words":
        encoding, data = "ascii", b"one two three"
    elif what == "not gzip":
        encoding = "gzip"
    header = f"type: {kind}\ndimension: 2\nsizes: {sizes}\nencoding: {encoding}\n{more}"
    _by_hand(path, header, data)
    if what == "magic":
        path.write_bytes(b"NRRX" + path.read_bytes()[4:])
    return Truth(path, error=error)


SAMPLES = [
    *(
        Sample(
            f"nrrd-{encoding}-{endian}",
            "nrrd",
            lambda folder, e=encoding, b=endian: _volume(folder, e, b),
        )
        for encoding in ("raw", "gzip", "bzip2")
        for endian in ("little", "big")
    ),
    Sample("nrrd-colour", "nrrd", _colour),
    Sample("nrrd-detached", "nrrd", _detached),
    Sample("nrrd-no-data-file", "nrrd", lambda folder: _detached(folder, present=False)),
    Sample(
        "nrrd-outside",
        "nrrd",
        lambda folder: _detached(folder, present=False, where="../../etc/passwd"),
    ),
    Sample("nrrd-text", "nrrd", _text),
    *(
        Sample(f"nrrd-{what}", "nrrd", lambda folder, what=what: _refused(folder, what))
        for what in (
            *("short", "no endian", "type", "encoding", "zero", "complex", "words", "not gzip"),
            "magic",
        )
    ),
]
