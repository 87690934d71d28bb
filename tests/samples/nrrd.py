"""NRRD files, written by pynrrd; detached and odd headers by hand."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel
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
        return Truth(path, error="MissingCompanionError", error_says=where.rpartition("/")[2])
    (folder / where).write_bytes(b"a line to skip\nxx" + pixels.tobytes())
    scale = {"t": 0.1, "y": 2.0, "x": 1.0}
    return Truth(path, images=(ImageTruth(pixels.astype("f4"), "tyx", scale, {"t": "second"}),))


def _text(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 65535, (3, 4), dtype=np.uint16)
    path = folder / "text.nrrd"
    header = "type: ushort\ndimension: 2\nsizes: 4 3\nencoding: ascii\n"
    _by_hand(path, header, " ".join(str(v) for v in pixels.ravel()).encode())
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _pieces(folder: Path, how: str) -> Truth:
    """Values in several files: listed, numbered, or in pieces smaller than a slice."""
    pixels = _RNG.integers(0, 60000, (4, 6, 5), dtype=np.uint16)
    path = folder / "pieces.nhdr"
    names = [f"s{i:03d}.raw" for i in range(4)]
    data_file = "LIST\n" + "\n".join(names) + "\n"
    encoding = "raw"
    if how == "numbered":
        data_file = "s%03d.raw 0 3 1\n"
    elif how == "rows":
        names = [f"r{i}.raw" for i in range(8)]
        data_file = "LIST 2\n" + "\n".join(names) + "\n"
    elif how == "packed":
        encoding = "gzip"
    _by_hand(
        path,
        "type: ushort\ndimension: 3\nsizes: 5 6 4\nspacings: 0.5 0.5 2\n"
        'space units: "micrometer" "micrometer" "micrometer"\nkinds: domain domain domain\n'
        f"encoding: {encoding}\nendian: little\ndata file: {data_file}",
        b"",
    )
    path.write_bytes(path.read_bytes().rstrip(b"\n") + b"\n")
    values = pixels.astype("<u2").reshape(len(names), -1)
    for name, part in zip(names, values, strict=True):
        packed = gzip.compress(part.tobytes()) if how == "packed" else part.tobytes()
        (folder / name).write_bytes(packed)
    scale = {"z": 2.0, "y": 0.5, "x": 0.5}
    truth = ImageTruth(pixels, "zyx", scale, dict.fromkeys(scale, "micrometer"))
    return Truth(path, images=(truth,))


def _hex(folder: Path, endian: str) -> Truth:
    pixels = _RNG.integers(0, 60000, (3, 4), dtype=np.uint16)
    stored = pixels.astype(">u2" if endian != "little" else "<u2").tobytes().hex(" ", 2)
    header = "type: ushort\ndimension: 2\nsizes: 4 3\nencoding: hex\n"
    _by_hand(
        folder / "hex.nrrd", header + (f"endian: {endian}\n" if endian else ""), stored.encode()
    )
    return Truth(folder / "hex.nrrd", images=(ImageTruth(pixels, "yx"),))


def _ends(folder: Path, centring: str, field: str = "centerings") -> Truth:
    """Steps only by where each axis begins and ends."""
    pixels = _RNG.integers(0, 255, (5, 5), dtype=np.uint8)
    header = (
        "type: uchar\ndimension: 2\nsizes: 5 5\naxis mins: 1 10\naxis maxs: 3 20\n"
        f'{field}: {centring} {centring}\nunits: "mm" "mm"\nencoding: raw\n'
    )
    _by_hand(folder / "ends.nrrd", header, pixels.tobytes())
    n_steps = {"cell": 5, "node": 4}[centring]
    scale = {"y": 10 / n_steps, "x": 2 / n_steps}
    truth = ImageTruth(pixels, "yx", scale, dict.fromkeys(scale, "millimeter"))
    return Truth(folder / "ends.nrrd", images=(truth,))


def _at_end(folder: Path, how: str) -> Truth:
    """Values at the end of a file that another program's header begins."""
    pixels = _RNG.integers(0, 60000, (3, 4), dtype=np.uint16)
    values = pixels.astype("<u2").tobytes()
    skip, name, content = "byte skip: -1\n", "data.bin", bytes(30) + values
    if how == "followed":
        skip, content = "byte skip: -4\n", content + b"end"
    elif how == "packed":
        name, content = "data.gz", gzip.compress(content)
    elif how == "nifti":
        header = nibabel.Nifti1Header()
        header["magic"], header["vox_offset"] = b"n+1", 352
        skip, name = "", "data.nii.gz"
        content = gzip.compress(header.binaryblock + bytes(4) + values)
    encoding = "gzip" if name.endswith("gz") else "raw"
    _by_hand(
        folder / "end.nhdr",
        f"type: ushort\ndimension: 2\nsizes: 4 3\nendian: little\nencoding: {encoding}\n"
        f"{skip}data file: {name}\n",
        b"",
    )
    (folder / name).write_bytes(content)
    return Truth(folder / "end.nhdr", images=(ImageTruth(pixels, "yx"),))


def _segments(folder: Path) -> Truth:
    """A segmentation of 3D Slicer: numbers of segments."""
    pixels = _RNG.integers(0, 3, (3, 4), dtype=np.uint8)
    header = "type: uchar\ndimension: 2\nsizes: 4 3\nencoding: raw\nSegment0_ID:=Segment_1\n"
    _by_hand(folder / "s.seg.nrrd", header, pixels.tobytes())
    return Truth(folder / "s.seg.nrrd", images=(ImageTruth(pixels, "yx", kind="label"),))


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.nrrd"
    sizes, more, data = "4 3", "", bytes(12)
    kind, encoding, error = "uchar", "raw", "CorruptFileError"
    if what == "short":
        data = bytes(11)
    elif what == "no endian":
        kind = "short"
    elif what == "type":
        kind, error = "block", "UnsupportedFeatureError"
    elif what == "encoding":
        encoding, error = "zrl", "UnsupportedFeatureError"
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
        Sample(f"nrrd-pieces-{how}", "nrrd", lambda folder, how=how: _pieces(folder, how))
        for how in ("listed", "numbered", "rows", "packed")
    ),
    *(
        Sample(f"nrrd-hex-{endian or 'none'}", "nrrd", lambda folder, e=endian: _hex(folder, e))
        for endian in ("big", "little", "")
    ),
    Sample("nrrd-segments", "nrrd", _segments),
    Sample("nrrd-cells", "nrrd", lambda folder: _ends(folder, "cell")),
    Sample("nrrd-nodes", "nrrd", lambda folder: _ends(folder, "node")),
    Sample("nrrd-centers", "nrrd", lambda folder: _ends(folder, "node", "centers")),
    *(
        Sample(f"nrrd-end-{how}", "nrrd", lambda folder, how=how: _at_end(folder, how))
        for how in ("plain", "followed", "packed", "nifti")
    ),
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
