"""NRRD (.nrrd, detached .nhdr): axes by their stated kinds, first axis fastest.

Layout: "Definition of NRRD file format", http://teem.sourceforge.net/nrrd/format.html. Raw data are mapped,
gzip and bzip2 unpacked once, text and hexadecimal digits parsed. A detached header's data files must lie
beside it.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import nrrd
import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    UnsupportedFeatureError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.set_headers import HEADER_BYTES, MAX_NAMES, nrrd_names
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.detached import Data, stored_values
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.units import length_unit, time_unit
from sparc_fuse_core.readers.shared.unpacked import reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ENCODINGS = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "ascii": "text",
    "text": "text",
    "txt": "text",
    "hex": "hex",
}
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": (
        "longlong",
        "long long",
        "long long int",
        "signed long long",
        "signed long long int",
        "int64",
        "int64_t",
    ),
    "u8": (
        "ulonglong",
        "unsigned long long",
        "unsigned long long int",
        "uint64",
        "uint64_t",
    ),
    "f4": ("float",),
    "f8": ("double",),
}
_COLORS = {"RGB-color": 3, "RGBA-color": 4}
#: First lines from before the format had versions.
_OLDEST = (b"NRRD00.01", b"NRRD")
_SPATIAL = ("domain", "space")
_FACTS = (
    "axis mins",
    "axis maxs",
    "centerings",
    "centers",
    "spacings",
    "space",
    "space origin",
    "space directions",
    "kinds",
    "space units",
    "units",
    "labels",
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an NRRD file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        header, names, offset = _header(path)
        dtype = _dtype(path.name, header)
        shape = tuple(int(n) for n in header["sizes"])
    except UnsupportedFeatureError:
        raise
    except (nrrd.NRRDError, ValueError, KeyError, IndexError, TypeError, OverflowError) as err:
        message = f"{path.name}: not a readable NRRD file ({err!r}); upload it again"
        raise CorruptFileError(message) from err
    if not shape or not all(n > 0 for n in shape) or len(shape) != header.get("dimension"):
        message = f"{path.name}: sizes {shape}: no value in it"
        raise EmptyFileError(message)
    with ExitStack() as stack:
        yield _contents(path, header, names, dtype, shape, offset, stack)


def _header(path: Path) -> tuple[dict[str, Any], tuple[str, ...], int]:
    """Return the fields, the names of detached data files, and where attached data begin.

    The lines after ``data file: LIST`` are names, which the library does not take.
    """
    lines: list[bytes] = []
    with path.open("rb") as file:
        while line := file.readline(HEADER_BYTES):
            is_end = not line.strip()
            lines.append(line)
            if is_end or sum(map(len, lines[-1:])) >= HEADER_BYTES or len(lines) > MAX_NAMES:
                break
        offset = file.tell()
    if lines and lines[0].strip() in _OLDEST:
        message = f"{path.name}: a NRRD header older than version 1 is not read; save it anew"
        raise UnsupportedFeatureError(message)
    names = nrrd_names(b"".join(lines))
    fields = []
    for line in lines:
        fields.append(line)
        if line.partition(b":")[0].strip().lower() in (b"data file", b"datafile"):
            value = line.partition(b":")[2].split()
            if value[:1] == [b"LIST"]:
                break
    return dict(nrrd.read_header(iter(fields))), names, offset


def _dtype(name_of_file: str, header: Mapping[str, Any]) -> np.dtype[Any]:
    name = str(header["type"])
    code = next((code for code, names in _TYPES.items() if name in names), None)
    if name == "block":
        message = (
            f"{name_of_file}: values of type 'block', bytes without a stated meaning, are not read"
        )
        raise UnsupportedFeatureError(message)
    if code is None:
        message = f"values of type {name!r}"
        raise ValueError(message)
    dtype = np.dtype(code)
    # text has no byte order; other values of more than a byte must state theirs
    if dtype.itemsize == 1 or _ENCODINGS.get(str(header.get("encoding", "")).lower()) == "text":
        return dtype
    if "endian" not in header and _is_hex(header):
        # digits as they are written: the most significant first
        return np.dtype(f">{code}")
    return np.dtype({"little": "<", "big": ">"}[str(header["endian"])] + code)


def _is_hex(header: Mapping[str, Any]) -> bool:
    return str(header.get("encoding", "")).lower() == "hex"


def _contents(
    path: Path,
    header: Mapping[str, Any],
    names: tuple[str, ...],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset_bytes: int,
    stack: ExitStack,
) -> Contents:
    letters, evidence = _axes(path, header, shape)
    if _is_hex(header) and "endian" not in header and dtype.itemsize > 1:
        sentence = (
            "the header states no byte order: hexadecimal digits are read as they are written"
        )
        evidence.append(Evidence("content", "inferred", sentence))
    # the first axis runs fastest: reversed, it is a C-ordered array
    stored_axes = letters[::-1]
    data = Data(path, names, header, dtype, shape[::-1], offset_bytes)
    stored = stored_values(data, _ENCODINGS, stack, evidence)
    lengths = dict(zip(letters, shape, strict=True))
    colour = _COLORS.get(_kinds(header, len(shape))[letters.index("c")]) if "c" in letters else None
    rgb = colour is not None and colour == lengths["c"] and dtype.kind == "u"
    axes = "".join(a for a in "tczyx" if a in "yx" or lengths.get(a, 1) > 1)
    scale, units = _scale(header, letters, axes)
    image = Image(
        "",
        reordered(stored, stored_axes, axes),
        axes,
        scale,
        units,
        "rgb" if rgb else "label" if _is_segmentation(header) else "intensity",
        (*RGB, "alpha")[:colour] if rgb else (),
        (*RGB_COLORS, "FFFFFF")[:colour] if rgb else (),
        metadata={key.replace(" ", "_"): _as_json(header[key]) for key in _FACTS if key in header},
    )
    return Contents(images=(image,), evidence=tuple(evidence))


def _is_segmentation(header: Mapping[str, Any]) -> bool:
    """Whether the values are labels: 3D Slicer names its segments in the header (``Segment0_ID``)."""
    return any(str(key).startswith(("Segment0_", "Segmentation_")) for key in header)


def _kinds(header: Mapping[str, Any], n_axes: int) -> list[str]:
    kinds = [str(kind) for kind in header.get("kinds") or ()]
    return kinds if len(kinds) == n_axes else [""] * n_axes


def _axes(
    path: Path, header: Mapping[str, Any], shape: Sequence[int]
) -> tuple[str, list[Evidence]]:
    """Return a letter for each axis, the fastest first."""
    directions = _directions(header, len(shape))
    units = _units(header, len(shape))
    evidence: list[Evidence] = []
    letters = ""
    spatial = iter("xyz")
    for i, kind in enumerate(_kinds(header, len(shape))):
        if kind == "time" or (kind in ("", "???") and time_unit(units[i])):
            letter = "t"
        elif kind in _SPATIAL or (
            kind in ("", "???") and directions[i] is not None and "z" not in letters
        ):
            letter = next(spatial, "")
        else:
            letter = "c"
            if kind in ("", "???"):
                sentence = f"axis {i + 1} has neither kind nor direction: taken as channels"
                evidence.append(Evidence("axes", "inferred", sentence))
        letters += letter
        if letters.count(letter or "?") > 1 or not letter or kind == "complex":
            message = f"{path.name}: axes of kinds {header.get('kinds')} cannot be held in OME-Zarr"
            raise UnsupportedFormatError(message)
    if "y" not in letters:
        message = f"{path.name}: {len(shape)} axes of which fewer than two are spatial: no image"
        raise UnsupportedFormatError(message)
    return letters, evidence


def _directions(header: Mapping[str, Any], n_axes: int) -> list[float | None]:
    """Return the step of each axis: NaN if unknown, None if the axis is stated to be no direction."""
    vectors = header.get("space directions")
    if vectors is not None:
        steps: list[float | None] = []
        for vector in list(vectors)[:n_axes]:
            if vector is None or np.isnan(np.asarray(vector, float)).all():
                steps.append(None)
            else:
                steps.append(float(np.linalg.norm(np.asarray(vector, float))))
        return steps + [None] * (n_axes - len(steps))
    spacings = [float(step) for step in header.get("spacings", ())]
    spacings = [*spacings, *([math.nan] * (n_axes - len(spacings)))]
    return [
        step if math.isfinite(step) else between
        for step, between in zip(spacings, _between(header, n_axes), strict=False)
    ]


def _between(header: Mapping[str, Any], n_axes: int) -> list[float]:
    """Return the steps that lowest and highest place of each axis give, where the centring is stated.

    Samples at nodes lie on both ends, samples in cells half a step inside.
    """
    lows, highs = (_per_axis(header, name, n_axes) for name in ("axis mins", "axis maxs"))
    # pynrrd splits the fields by the newer of their two names only
    stated = header.get("centerings") or header.get("centers") or ()
    centring = stated.split() if isinstance(stated, str) else list(stated)
    centring = centring if len(centring) == n_axes else [""] * n_axes
    sizes = [int(size) for size in header["sizes"]]
    steps = []
    for low, high, where, size in zip(lows, highs, centring, sizes, strict=True):
        n_steps = {"cell": size, "node": size - 1}.get(str(where), 0)
        steps.append((high - low) / n_steps if n_steps > 0 else math.nan)
    return steps


def _per_axis(header: Mapping[str, Any], name: str, n_axes: int) -> list[float]:
    values = header.get(name, header.get(name.replace(" ", ""), ()))
    values = values.split() if isinstance(values, str) else values
    found = [float(value) for value in values]
    return found if len(found) == n_axes else [math.nan] * n_axes


def _units(header: Mapping[str, Any], n_axes: int) -> list[str]:
    """Return the unit of each axis; those of the space are stated once for its directions."""
    units = [str(unit).strip('"') for unit in header.get("units") or ()]
    if len(units) == n_axes:
        return units
    of_space = {str(unit).strip('"') for unit in header.get("space units") or ()}
    directions = _directions(header, n_axes)
    # an oblique axis mixes the space's axes: only a common unit holds for it
    common = of_space.pop() if len(of_space) == 1 else ""
    return ["" if step is None else common for step in directions]


def _scale(
    header: Mapping[str, Any], letters: str, axes: str
) -> tuple[dict[str, float], dict[str, str]]:
    scale, units = {}, {}
    steps, stated = _directions(header, len(letters)), _units(header, len(letters))
    for letter, step, unit in zip(letters, steps, stated, strict=True):
        if letter not in axes or letter == "c" or step is None:
            continue
        step = abs(step)
        if math.isfinite(step) and step > 0:
            scale[letter] = step
            known = time_unit(unit) if letter == "t" else length_unit(unit)
            if known:
                units[letter] = known
    return scale, units


def _as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_as_json(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
