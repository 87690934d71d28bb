"""NRRD (.nrrd, detached .nhdr): axes by their stated kinds, first axis fastest.

Layout: "Definition of NRRD file format", http://teem.sourceforge.net/nrrd/format.html. Raw data are mapped,
gzip and bzip2 unpacked once, text parsed. A detached header's data file must lie beside it.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import nrrd
import numpy as np

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.unpacked import map_unpacked, reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ENCODINGS = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "ascii": "text",
    "text": "text",
    "txt": "text",
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
_LENGTHS = {
    "nm": "nanometer",
    "um": "micrometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
}
_TIMES = {"s": "second", "sec": "second", "ms": "millisecond", "us": "microsecond"}
_COLORS = {"RGB-color": 3, "RGBA-color": 4}
_SPATIAL = ("domain", "space")
_FACTS = ("space", "space origin", "space directions", "kinds", "space units", "units", "labels")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an NRRD file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        with path.open("rb") as file:
            header = dict(nrrd.read_header(file))
            offset = file.tell()
        dtype = _dtype(header)
        shape = tuple(int(n) for n in header["sizes"])
    except (nrrd.NRRDError, ValueError, KeyError, IndexError, TypeError, OverflowError) as err:
        message = f"{path.name}: not a readable NRRD file ({err!r}); upload it again"
        raise CorruptFileError(message) from err
    if not shape or not all(n > 0 for n in shape) or len(shape) != header.get("dimension"):
        message = f"{path.name}: sizes {shape}: no value in it"
        raise EmptyFileError(message)
    with ExitStack() as stack:
        yield _contents(path, header, dtype, shape, offset, stack)


def _dtype(header: Mapping[str, Any]) -> np.dtype[Any]:
    name = str(header["type"])
    code = next((code for code, names in _TYPES.items() if name in names), None)
    if code is None:
        message = f"values of type {name!r}"
        raise ValueError(message)
    dtype = np.dtype(code)
    # text has no byte order; other values of more than a byte must state theirs
    if dtype.itemsize == 1 or _ENCODINGS.get(str(header.get("encoding", "")).lower()) == "text":
        return dtype
    return np.dtype({"little": "<", "big": ">"}[str(header["endian"])] + code)


def _contents(
    path: Path,
    header: Mapping[str, Any],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset_bytes: int,
    stack: ExitStack,
) -> Contents:
    letters, evidence = _axes(path, header, shape)
    # the first axis runs fastest: reversed, it is a C-ordered array
    stored_axes = letters[::-1]
    stored = _stored(path, header, dtype, shape[::-1], offset_bytes, stack)
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
        "rgb" if rgb else "intensity",
        (*RGB, "alpha")[:colour] if rgb else (),
        (*RGB_COLORS, "FFFFFF")[:colour] if rgb else (),
        metadata={key.replace(" ", "_"): _as_json(header[key]) for key in _FACTS if key in header},
    )
    return Contents(images=(image,), evidence=tuple(evidence))


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
        if kind == "time" or (kind in ("", "???") and units[i] in _TIMES):
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
    return [*spacings, *([math.nan] * (n_axes - len(spacings)))]


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
            known = (_TIMES if letter == "t" else _LENGTHS).get(unit)
            if known is not None:
                units[letter] = known
    return scale, units


def _stored(
    path: Path,
    header: Mapping[str, Any],
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset_bytes: int,
    stack: ExitStack,
) -> Any:
    encoding = _ENCODINGS.get(str(header.get("encoding", "")).lower())
    if encoding is None:
        message = f"{path.name}: encoding {header.get('encoding')!r} is not read"
        raise UnsupportedFormatError(message)
    source = _data_file(path, header)
    skip_lines = int(header.get("line skip", header.get("lineskip", 0)))
    skip_bytes = int(header.get("byte skip", header.get("byteskip", 0)))
    with source.open("rb") as file:
        file.seek(offset_bytes if source == path else 0)
        for _ in range(skip_lines):
            file.readline()
        size = math.prod(shape) * dtype.itemsize
        if encoding == "text":
            return _text(path, file.read(), dtype, shape)
        if encoding != "raw":
            return map_unpacked(
                file,
                encoding,
                dtype,
                shape,
                skip_bytes=max(0, skip_bytes),
                name=path.name,
                stack=stack,
            )
        # -1: the data are the end of the file, whatever lies before
        start = source.stat().st_size - size if skip_bytes == -1 else file.tell() + skip_bytes
    if start < 0 or source.stat().st_size < start + size:
        message = f"{path.name}: truncated: {source.name} lacks the end of {size} bytes of data"
        raise CorruptFileError(message)
    mapped = MappedFile(source, dtype, shape, start)
    stack.callback(mapped.close)
    return mapped


def _data_file(path: Path, header: Mapping[str, Any]) -> Path:
    stated = str(header.get("data file") or header.get("datafile") or "")
    if not stated:
        return path
    if stated.upper().startswith("LIST") or "%" in stated:
        message = f"{path.name}: data spread over several files are not read"
        raise UnsupportedFormatError(message)
    if PurePosixPath(stated).name != stated or stated in ("", ".", ".."):
        message = f"{path.name}: its data file is stated as {stated!r}; only one in the same folder is read"
        raise MissingCompanionError(message)
    source = path.with_name(stated)
    if not source.is_file():
        message = f"{path.name}: its data file {stated!r} is absent; put it beside the header"
        raise MissingCompanionError(message)
    return source


def _text(path: Path, data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    try:
        values = np.array(data.split(), dtype=dtype)
        return values.reshape(shape)
    except (ValueError, OverflowError) as err:
        message = f"{path.name}: its text is not {math.prod(shape)} values of {dtype} ({err})"
        raise CorruptFileError(message) from err


def _as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_as_json(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
