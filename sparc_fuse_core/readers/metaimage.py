"""MetaImage (.mha, .mhd with its data): first axis fastest, steps with a unit only where one is stated.

Values are stored raw, packed by zlib or as text, behind the header or in files beside it. Three axes are x, y
and z; a fourth is not said to be time and is taken as channels.

Source: "MetaImage Reference" (ITK), fields of MetaObject and MetaImage.
"""

from __future__ import annotations

import math
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    UnsupportedFeatureError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.set_headers import HEADER_BYTES, metaimage_names
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.shared.detached import Data, stored_values
from sparc_fuse_core.readers.shared.units import length_unit
from sparc_fuse_core.readers.shared.unpacked import reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TYPES = {
    "CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "INT": "i4",
    "UINT": "u4",
    "LONG_LONG": "i8",
    "ULONG_LONG": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
_ENCODINGS = {"raw": "raw", "zlib": "zlib", "text": "text"}
_MOST_LINES = 10_000
_MODALITIES = ("MET_MOD_CT", "MET_MOD_MR", "MET_MOD_NM", "MET_MOD_US", "MET_MOD_OTHER")
_VECTORS = {
    "Offset": "offset",
    "Position": "offset",
    "Origin": "offset",
    "TransformMatrix": "transform_matrix",
    "Rotation": "transform_matrix",
    "Orientation": "transform_matrix",
    "CenterOfRotation": "center_of_rotation",
}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a MetaImage; see `sparc_fuse_core.readers.Reader`."""
    del options
    fields, head = _fields(path)
    with ExitStack() as stack:
        yield _contents(path, fields, head, stack)


def _fields(path: Path) -> tuple[dict[str, str], bytes]:
    """Return the header's fields, and its bytes; the one that names the data is the last."""
    fields: dict[str, str] = {}
    head = b""
    with path.open("rb") as file:
        for _ in range(_MOST_LINES):
            line = file.readline(HEADER_BYTES)
            head += line
            key, separator, value = line.decode("utf-8", "replace").partition("=")
            if not separator or len(head) > HEADER_BYTES:
                break
            fields[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                if value.split()[:1] == ["LIST"]:
                    head += file.read(HEADER_BYTES)
                return fields, head
    if "NDims" not in fields and "ObjectType" not in fields:
        message = f"{path.name}: no header of a MetaImage; rename it to what it is"
        raise FormatMismatchError(message)
    message = f"{path.name}: its header names no data (ElementDataFile); upload it again"
    raise CorruptFileError(message)


def _numbers(path: Path, fields: Mapping[str, str], key: str, n: int) -> list[float] | None:
    """Return the numbers of a field, None where it is absent."""
    if key not in fields:
        return None
    try:
        numbers = [float(word) for word in fields[key].split()]
    except ValueError:
        numbers = []
    if len(numbers) != n:
        message = f"{path.name}: {key} = {shown(fields[key])} is not {n} numbers; upload it again"
        raise CorruptFileError(message)
    return numbers


def _whole(path: Path, fields: Mapping[str, str], key: str, default: int) -> int:
    try:
        return int(fields.get(key, default))
    except ValueError as err:
        message = f"{path.name}: {key} = {shown(fields[key])} is no whole number; upload it again"
        raise CorruptFileError(message) from err


def _is_true(fields: Mapping[str, str], *keys: str) -> bool:
    return any(fields.get(key, "").lower() in ("true", "1", "t") for key in keys)


def _contents(path: Path, fields: Mapping[str, str], head: bytes, stack: ExitStack) -> Contents:
    if fields.get("ObjectType", "Image") != "Image":
        message = f"{path.name}: a {shown(fields['ObjectType'])} of MetaIO, not an image"
        raise UnsupportedFormatError(message)
    n_axes = _whole(path, fields, "NDims", 0)
    if not 0 < n_axes <= 8:
        message = f"{path.name}: {n_axes} axes; upload it again"
        raise CorruptFileError(message)
    sizes = _numbers(path, fields, "DimSize", n_axes) or []
    if not sizes or not all(size.is_integer() and 0 <= size < 1 << 40 for size in sizes):
        message = f"{path.name}: DimSize is not {n_axes} lengths; upload it again"
        raise CorruptFileError(message)
    shape = tuple(int(size) for size in sizes)
    n_channels = _whole(path, fields, "ElementNumberOfChannels", 1)
    if 0 in shape or n_channels < 1:
        message = f"{path.name}: dimensions {shape}, {n_channels} channels: no pixel in it"
        raise EmptyFileError(message)
    letters, evidence = _letters(path, shape, n_channels)
    dtype = _dtype(path, fields)
    # the first axis runs fastest, channels before it: reversed, it is a C-ordered array
    stored_axes, stored_shape = letters[::-1], shape[::-1]
    if n_channels > 1:
        stored_axes, stored_shape = f"{stored_axes}c", (*stored_shape, n_channels)
    lengths = dict(zip(stored_axes, stored_shape, strict=True))
    kept = "".join(a for a in "czyx" if a in "yx" or lengths.get(a, 1) > 1)
    stored = stored_values(
        _data(path, fields, head, dtype, stored_shape), _ENCODINGS, stack, evidence
    )
    scale, units = _scale(path, fields, letters, kept)
    image = Image(
        "", reordered(stored, stored_axes, kept), kept, scale, units, metadata=_facts(path, fields)
    )
    return Contents(images=(image,), evidence=tuple(evidence))


def _letters(path: Path, shape: tuple[int, ...], n_channels: int) -> tuple[str, list[Evidence]]:
    """Return a letter for each axis, the fastest first."""
    n_axes = len(shape)
    evidence = []
    if n_axes > 3 and n_channels == 1 and max(shape[4:], default=1) == 1:
        sentence = "the fourth axis is not said to be time: taken as channels"
        if shape[3] > 1:
            evidence.append(Evidence("axes", "inferred", sentence))
        return "xyzc" + "uvwt"[: n_axes - 4], evidence
    if n_axes < 2 or max(shape[3:], default=1) > 1:
        message = (
            f"{path.name}: dimensions {shape} of {n_channels} channels cannot be held in OME-Zarr"
        )
        raise UnsupportedFormatError(message)
    return "xyzuvwts"[:n_axes], evidence


def _dtype(path: Path, fields: Mapping[str, str]) -> np.dtype[Any]:
    name = fields.get("ElementType", "").removeprefix("MET_").removesuffix("_ARRAY")
    if name in ("LONG", "ULONG"):
        message = (
            f"{path.name}: values of type {name}, which is of 4 or of 8 bytes; save it again as INT"
        )
        raise UnsupportedFeatureError(message)
    if name not in _TYPES:
        message = f"{path.name}: values of type {shown(name)}; upload it again"
        raise CorruptFileError(message)
    is_big = _is_true(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    return np.dtype(f"{'>' if is_big else '<'}{_TYPES[name]}")


def _data(
    path: Path,
    fields: Mapping[str, str],
    head: bytes,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
) -> Data:
    stated = fields["ElementDataFile"]
    is_local = stated.lower() == "local"
    encoding = "raw"
    if _is_true(fields, "CompressedData"):
        encoding = "zlib"
    elif fields.get("BinaryData", "True").lower() in ("false", "0", "f"):
        encoding = "text"
    skip = _whole(path, fields, "HeaderSize", 0)
    if skip and (is_local or encoding != "raw"):
        # whether it counts in the packed bytes, no description tells
        message = f"{path.name}: HeaderSize {skip} of data in the same file, packed or as text, is not read"
        raise UnsupportedFeatureError(message)
    header = {"encoding": encoding, "byte skip": skip, "data file": "" if is_local else stated}
    names = () if is_local else metaimage_names(head)
    return Data(path, names, header, dtype, shape, len(head))


def _scale(
    path: Path, fields: Mapping[str, str], letters: str, kept: str
) -> tuple[dict[str, float], dict[str, str]]:
    n = len(letters)
    steps = _numbers(path, fields, "ElementSpacing", n) or _numbers(path, fields, "ElementSize", n)
    unit = length_unit(fields.get("DistanceUnits", ""))
    scale = {
        axis: abs(step)
        for axis, step in zip(letters, steps or (), strict=False)
        if axis in kept and axis != "c" and math.isfinite(step) and step != 0
    }
    return scale, dict.fromkeys(scale, unit) if unit else {}


def _facts(path: Path, fields: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for key, name in _VECTORS.items():
        if key in fields:
            numbers = _numbers(path, fields, key, len(fields[key].split())) or []
            facts[name] = [v if math.isfinite(v) else None for v in numbers[:64]]
    orientation = fields.get("AnatomicalOrientation", "")
    if re.fullmatch("[RLAPIS]{1,3}", orientation):
        facts["anatomical_orientation"] = orientation
    if fields.get("Modality", "") in _MODALITIES:
        facts["modality"] = fields["Modality"]
    return facts
