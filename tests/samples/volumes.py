"""MRC, MetaImage and FreeSurfer volumes: MGH by nibabel, the others by hand."""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RNG = np.random.default_rng(19)
_CODES = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12, "c8": 4}


def _values(dtype: str, *shape: int) -> np.ndarray:
    return (_RNG.random(shape) * 100).astype(dtype)


# ------------------------------------------------------------------------------- MRC


def mrc(
    values: np.ndarray,
    *,
    order: str = "<",
    cell: tuple[float, float, float] = (0, 0, 0),
    space_group: int = 1,
    samples: tuple[int, int, int] | None = None,
    axes: tuple[int, int, int] = (1, 2, 3),
    extended: bytes = b"",
    mode: int | None = None,
    imod_flags: int | None = None,
    label: bytes = b"",
    stamp: bytes | None = None,
) -> bytes:
    """Return a file of MRC2014 that holds ``values`` (sections, rows, columns)."""
    nz, ny, nx = values.shape[:3]
    mx, my, mz = samples or (nx, ny, nz)
    code = _CODES[values.dtype.str[1:]] if mode is None else mode
    head = struct.pack(f"{order}10i", nx, ny, nz, code, 0, 0, -3, mx, my, mz)
    head += struct.pack(f"{order}6f3i", *cell, 90, 90, 90, *axes)
    head += struct.pack(f"{order}3f2i", 0, 99, 50, space_group, len(extended))
    head += bytes(8) + b"SERI" + struct.pack(f"{order}i", 20140)
    head = head.ljust(152, b"\0")
    if imod_flags is not None:
        head += struct.pack(f"{order}2i", 1_146_047_817, imod_flags)
    head = head.ljust(196, b"\0") + struct.pack(f"{order}3f", 1, 2, 3)
    if stamp is None:
        stamp = b"MAP " + (b"DD\0\0" if order == "<" else b"\x11\x11\0\0")
    head += stamp + struct.pack(f"{order}fi", 1.0, 1 if label else 0)
    head += label.ljust(80)
    return (
        head.ljust(1024, b"\0")
        + extended
        + values.astype(values.dtype.newbyteorder(order)).tobytes()
    )


def _mrc(
    name: str,
    dtype: str,
    scale: dict[str, float],
    pack: Callable[[bytes], bytes] = bytes,
    **more: Any,
) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        values = _values(dtype, 3, 4, 5)
        path = folder / name
        path.write_bytes(pack(mrc(values, **more)))
        units = dict.fromkeys(scale, "angstrom")
        return Truth(path, images=(ImageTruth(values, "zyx", scale, units),))

    return write


_STEPS = {"x": 1.5, "y": 2.5, "z": 3.5}
_CELL = (7.5, 10.0, 10.5)


def _mrc_swapped(folder: Path) -> Truth:
    """Columns are z, rows x, sections y."""
    values = _values("f4", 3, 4, 5)
    path = folder / "crystal.mrc"
    path.write_bytes(mrc(values, axes=(3, 1, 2), samples=(4, 3, 5), cell=(8, 9, 10)))
    pixels = values.transpose(2, 0, 1)
    scale = {"x": 2.0, "y": 3.0, "z": 2.0}
    return Truth(path, images=(ImageTruth(pixels, "zyx", scale, dict.fromkeys(scale, "angstrom")),))


def _mrc_volumes(folder: Path) -> Truth:
    values = _values("i2", 6, 4, 5)
    path = folder / "two.mrc"
    path.write_bytes(mrc(values, space_group=401, samples=(5, 4, 3), cell=_CELL))
    units = dict.fromkeys("xyz", "angstrom")
    images = tuple(ImageTruth(part, "zyx", _STEPS, units) for part in (values[:3], values[3:]))
    return Truth(path, images=images)


def _mrc_unsigned(folder: Path) -> Truth:
    """IMOD before it wrote signed bytes: its stamp is there, the flag is not."""
    values = _values("i1", 2, 3, 4) - 90
    path = folder / "imod.rec"
    path.write_bytes(mrc(values, imod_flags=0))
    return Truth(path, images=(ImageTruth(values.view("u1"), "zyx"),))


def _mrc_rgb(folder: Path) -> Truth:
    values = _RNG.integers(0, 255, (1, 3, 4, 3)).astype("u1")
    path = folder / "colours.mrc"
    path.write_bytes(mrc(values, mode=16, space_group=0))
    pixels = np.moveaxis(values[0], -1, 0)
    return Truth(path, images=(ImageTruth(pixels, "cyx", {}, {}, ("R", "G", "B"), "rgb"),))


def _file(name: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


_PLAIN = mrc(_values("i2", 3, 4, 5))


def _with(at: int, *numbers: int) -> bytes:
    return (
        _PLAIN[:at] + struct.pack(f"<{len(numbers)}i", *numbers) + _PLAIN[at + 4 * len(numbers) :]
    )


_MRC_REFUSED = (
    ("cut", _PLAIN[:-1], "TruncatedFileError", "announces"),
    ("short", _PLAIN[:1000], "TruncatedFileError", "header"),
    ("shorter", _PLAIN[:100], "FormatMismatchError", "shorter"),
    ("other", b"hello world\n" * 200, "FormatMismatchError", "no header"),
    ("empty", _with(0, 5, 4, 0), "EmptyFileError", "no pixel"),
    ("negative", _with(0, 5, 4, -2), "EmptyFileError", "no pixel"),
    ("huge", _with(0, 2**30, 2**30, 2**30), "TruncatedFileError", "announces"),
    ("mode", _with(12, 77), "CorruptFileError", "mode 77"),
    ("complex", mrc(_values("f4", 2, 3, 4).astype("c8")), "UnsupportedFeatureError", "complex"),
    ("axes", _with(64, 1, 1, 2), "CorruptFileError", "axes"),
    ("extended", _with(92, -5), "CorruptFileError", "extended"),
    (
        "volumes",
        mrc(_values("i2", 5, 2, 2), space_group=401, samples=(2, 2, 3)),
        "CorruptFileError",
        "5 sections",
    ),
    ("gzip", gzip.compress(_PLAIN)[:60], "CorruptFileError", "gzip"),
)

# ------------------------------------------------------------------------------- MetaImage

_HEAD = """\
ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = {msb}
CompressedData = {packed}
TransformMatrix = 1 0 0 0 0 1 0 -1 0
Offset = 1.5 -2 3
CenterOfRotation = 0 0 0
AnatomicalOrientation = RAI
ElementSpacing = 0.5 0.6 -0.7
{more}DimSize = 5 4 3
ElementType = MET_{kind}
ElementDataFile = {place}
"""
_MHA_SCALE = {"x": 0.5, "y": 0.6, "z": 0.7}


def metaimage(
    values: np.ndarray, kind: str, *, place: str = "LOCAL", more: str = "", packed: bool = False
) -> bytes:
    """Return a MetaImage of ``values``, attached or not."""
    msb = values.dtype.str[0] == ">"
    if packed:
        more = f"{more}CompressedDataSize = {len(zlib.compress(values.tobytes()))}\n"
    head = _HEAD.format(msb=msb, packed=packed, more=more, kind=kind, place=place).encode()
    if place != "LOCAL":
        return head
    return head + (zlib.compress(values.tobytes()) if packed else values.tobytes())


def _mha(
    name: str, kind: str, dtype: str, *, packed: bool = False, unit: str = ""
) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        values = _values(dtype, 3, 4, 5)
        path = folder / name
        more = f"DistanceUnits = {unit}\n" if unit else ""
        path.write_bytes(metaimage(values, kind, packed=packed, more=more))
        units = dict.fromkeys(_MHA_SCALE, "micrometer") if unit else {}
        truth = ImageTruth(values.astype(values.dtype.newbyteorder("=")), "zyx", _MHA_SCALE, units)
        return Truth(path, images=(truth,))

    return write


def _mhd(folder: Path) -> Truth:
    values = _values("i2", 3, 4, 5)
    path = folder / "m.mhd"
    path.write_bytes(metaimage(values, "SHORT", place="m.zraw", packed=True))
    (folder / "m.zraw").write_bytes(zlib.compress(values.tobytes()))
    return Truth(path, images=(ImageTruth(values, "zyx", _MHA_SCALE),))


def _mhd_skipped(folder: Path) -> Truth:
    values = _values("i2", 3, 4, 5)
    path = folder / "m.mhd"
    path.write_bytes(metaimage(values, "SHORT", place="m.raw", more="HeaderSize = 7\n"))
    (folder / "m.raw").write_bytes(b"7 bytes" + values.tobytes())
    return Truth(path, images=(ImageTruth(values, "zyx", _MHA_SCALE),))


def _mhd_last(folder: Path) -> Truth:
    """``HeaderSize = -1``: the values are the end of the file."""
    values = _values("f4", 3, 4, 5)
    path = folder / "m.mhd"
    path.write_bytes(metaimage(values, "FLOAT", place="m.raw", more="HeaderSize = -1\n"))
    (folder / "m.raw").write_bytes(b"of any length" + values.tobytes())
    return Truth(path, images=(ImageTruth(values, "zyx", _MHA_SCALE),))


def _mhd_slices(folder: Path) -> Truth:
    values = _values("u1", 3, 4, 5)
    path = folder / "m.mhd"
    path.write_bytes(metaimage(values, "UCHAR", place="s%02d.raw 1 3 1"))
    for i in range(3):
        (folder / f"s{i + 1:02}.raw").write_bytes(values[i].tobytes())
    return Truth(path, images=(ImageTruth(values, "zyx", _MHA_SCALE),))


def _mhd_list(folder: Path) -> Truth:
    values = _values("u1", 3, 4, 5)
    path = folder / "m.mhd"
    names = "".join(f"{word}.raw\n" for word in ("one", "two", "three"))
    path.write_bytes(
        metaimage(values, "UCHAR", place="LIST").replace(b"LIST\n", b"LIST\n" + names.encode())
    )
    for word, part in zip(("one", "two", "three"), values, strict=True):
        (folder / f"{word}.raw").write_bytes(part.tobytes())
    return Truth(path, images=(ImageTruth(values, "zyx", _MHA_SCALE),))


def _mha_channels(folder: Path) -> Truth:
    values = _values("u2", 4, 5, 2)
    text = (
        "NDims = 2\nDimSize = 5 4\nElementNumberOfChannels = 2\nElementType = MET_USHORT\n"
        "BinaryDataByteOrderMSB = False\nElementDataFile = LOCAL\n"
    )
    path = folder / "c.mha"
    path.write_bytes(text.encode() + values.tobytes())
    return Truth(path, images=(ImageTruth(np.moveaxis(values, -1, 0), "cyx"),))


def _mha_text(folder: Path) -> Truth:
    values = np.arange(6.0).reshape(2, 3)
    text = "NDims = 2\nDimSize = 3 2\nBinaryData = False\nElementType = MET_DOUBLE\nElementDataFile = LOCAL\n"
    path = folder / "t.mha"
    path.write_text(text + "0 1 2\n3 4 5\n")
    return Truth(path, images=(ImageTruth(values, "yx"),))


def _mhd_refused(
    place: str, error: str, says: str, *, data: bytes = b""
) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / "bad.mhd"
        path.write_bytes(metaimage(_values("u1", 3, 4, 5), "UCHAR", place=place))
        if data:
            (folder / "m.raw").write_bytes(data)
        return Truth(path, error=error, error_says=says)

    return write


_MHA = metaimage(_values("i2", 3, 4, 5), "SHORT")
_MHA_REFUSED = (
    (
        "skip packed",
        metaimage(_values("u1", 3, 4, 5), "UCHAR", packed=True, more="HeaderSize = 9\n"),
        "UnsupportedFeatureError",
        "HeaderSize",
    ),
    ("cut", _MHA[:-1], "CorruptFileError", "truncated"),
    ("other", b"<html>", "FormatMismatchError", "no header"),
    ("no data", _MHA[:100], "CorruptFileError", "ElementDataFile"),
    ("sizes", _MHA.replace(b"5 4 3", b"5 4"), "CorruptFileError", "DimSize"),
    ("negative", _MHA.replace(b"5 4 3", b"5 4 -3"), "CorruptFileError", "DimSize"),
    ("nothing", _MHA.replace(b"5 4 3", b"5 4 0"), "EmptyFileError", "no pixel"),
    ("huge", _MHA.replace(b"5 4 3", b"500000 400000 300000"), "CorruptFileError", "truncated"),
    ("axes", _MHA.replace(b"NDims = 3", b"NDims = 99"), "CorruptFileError", "99 axes"),
    ("type", _MHA.replace(b"MET_SHORT", b"MET_HALF"), "CorruptFileError", "type"),
    ("long", _MHA.replace(b"MET_SHORT", b"MET_LONG"), "UnsupportedFeatureError", "LONG"),
    ("spacing", _MHA.replace(b"0.5 0.6", b"0.5 zero"), "CorruptFileError", "ElementSpacing"),
    (
        "tube",
        _MHA.replace(b"ObjectType = Image", b"ObjectType = Tube "),
        "UnsupportedFormatError",
        "MetaIO",
    ),
    (
        "zlib",
        metaimage(_values("i2", 3, 4, 5), "SHORT", packed=True)[:-9],
        "CorruptFileError",
        "zlib",
    ),
)

# ------------------------------------------------------------------------------- FreeSurfer


def _mgh(name: str, dtype: str, n_frames: int) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        values = _values(dtype, 5, 4, 3, n_frames)
        stored = values[..., 0] if n_frames == 1 else values
        image = nibabel.MGHImage(stored, np.diag([2.0, 3.0, 4.0, 1.0]))
        image.header.set_zooms((2.0, 3.0, 4.0, 1500.0)[: 4 if n_frames > 1 else 3])
        path = folder / name
        nibabel.save(image, path)
        scale, units = {"x": 2.0, "y": 3.0, "z": 4.0}, dict.fromkeys("xyz", "millimeter")
        if n_frames == 1:
            return Truth(path, images=(ImageTruth(values[..., 0].T, "zyx", scale, units),))
        scale["t"], units["t"] = 1500.0, "millisecond"
        return Truth(path, images=(ImageTruth(values.T, "tzyx", scale, units),))

    return write


def _mgh_bytes(*dims: int, kind: int = 0, n_bytes: int = 60) -> bytes:
    return struct.pack(">7ih3f", 1, *dims, kind, 0, 1, 1, 1, 1).ljust(284, b"\0") + bytes(n_bytes)


_MGH_REFUSED = (
    ("cut", "bad.mgh", _mgh_bytes(5, 4, 3, 1, n_bytes=59), "TruncatedFileError", "announces"),
    ("other", "bad.mgh", b"hello" * 100, "FormatMismatchError", "FreeSurfer"),
    ("type", "bad.mgh", _mgh_bytes(5, 4, 3, 1, kind=77), "CorruptFileError", "readable"),
    ("nothing", "bad.mgh", _mgh_bytes(5, 4, 0, 1), "EmptyFileError", "no voxel"),
    ("huge", "bad.mgh", _mgh_bytes(2**30, 2**30, 9, 9), "TruncatedFileError", "announces"),
    ("bomb", "bad.mgz", gzip.compress(_mgh_bytes(2**20, 2**20, 9, 9)), "SizeLimitError", "bomb"),
    ("gzip", "bad.mgz", gzip.compress(_mgh_bytes(5, 4, 3, 1))[:25], "CorruptFileError", "gzip"),
)

SAMPLES = [
    Sample("mrc-float", "mrc", _mrc("a.mrc", "f4", _STEPS, cell=_CELL, extended=bytes(64))),
    Sample("mrc-big", "mrc", _mrc("a.map", "i2", _STEPS, cell=_CELL, order=">", label=b"a map")),
    Sample("mrc-half", "mrc", _mrc("a.mrc", "f2", {})),
    Sample("mrc-stack", "mrc", _mrc("a.st", "u2", {"x": 1.5, "y": 2.5}, cell=_CELL, space_group=0)),
    Sample("mrc-old", "mrc", _mrc("a.mrc", "i2", {}, stamp=bytes(8))),
    Sample("mrc-gzip", "mrc", _mrc("a.map.gz", "i1", _STEPS, gzip.compress, cell=_CELL)),
    Sample("mrc-bzip2", "mrc", _mrc("a.mrc.bz2", "f4", {}, bz2.compress)),
    Sample("mrc-swapped", "mrc", _mrc_swapped),
    Sample("mrc-volumes", "mrc", _mrc_volumes),
    Sample("mrc-unsigned", "mrc", _mrc_unsigned),
    Sample("mrc-rgb", "mrc", _mrc_rgb),
    Sample("metaimage-local", "metaimage", _mha("a.mha", "FLOAT", "<f4", unit="um")),
    Sample("metaimage-big", "metaimage", _mha("a.mha", "USHORT", ">u2")),
    Sample("metaimage-zlib", "metaimage", _mha("a.mha", "DOUBLE", "<f8", packed=True)),
    Sample("metaimage-zraw", "metaimage", _mhd),
    Sample("metaimage-skipped", "metaimage", _mhd_skipped),
    Sample("metaimage-last", "metaimage", _mhd_last),
    Sample("metaimage-slices", "metaimage", _mhd_slices),
    Sample("metaimage-list", "metaimage", _mhd_list),
    Sample("metaimage-channels", "metaimage", _mha_channels),
    Sample("metaimage-text", "metaimage", _mha_text),
    Sample(
        "metaimage-absent", "metaimage", _mhd_refused("m.raw", "MissingCompanionError", "m.raw")
    ),
    Sample(
        "metaimage-outside",
        "metaimage",
        _mhd_refused("../m.raw", "MissingCompanionError", "folder"),
    ),
    Sample(
        "metaimage-root",
        "metaimage",
        _mhd_refused("/etc/passwd", "MissingCompanionError", "folder"),
    ),
    Sample(
        "metaimage-cut data",
        "metaimage",
        _mhd_refused("m.raw", "CorruptFileError", "truncated", data=b"1"),
    ),
    Sample("mgh", "mgh", _mgh("a.mgh", "i2", 1)),
    Sample("mgh-frames", "mgh", _mgh("a.mgh", "f4", 2)),
    Sample("mgz", "mgh", _mgh("a.mgz", "u1", 1)),
    Sample("mgz-frames", "mgh", _mgh("a.mgz", "i4", 3)),
    *(
        Sample(f"mrc-{what}", "mrc", _file("bad.mrc.gz" if what == "gzip" else "bad.mrc", *rest))
        for what, *rest in _MRC_REFUSED
    ),
    *(
        Sample(f"metaimage-{what}", "metaimage", _file("bad.mha", *rest))
        for what, *rest in _MHA_REFUSED
    ),
    *(Sample(f"mgh-{what}", "mgh", _file(*rest)) for what, *rest in _MGH_REFUSED),
]
