"""FITS (.fits .fts): the image of the primary unit and of each image extension, first axis fastest.

Stored values are kept, ``BSCALE`` and ``BZERO`` told; whole numbers whose zero is the middle of their range are
the unsigned ones that they stand for. A third axis is not said to be depth or time and is taken as channels.
Rows count from the bottom; they stay in the file's order. Tables are named and left out.

Source: FITS Standard 4.0 (3.3 and 4.4 header, 5.2 integers, 7.1 image extension).
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    SizeLimitError,
    TruncatedFileError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK, _CARD = 2880, 80
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_MOST_BLOCKS = 10_000
_MOST_UNITS = 1_000
_MOST_AXES = 999
#: BITPIX and BZERO of unsigned numbers (signed ones of 8 bits), and their type.
_OFFSET = {(16, 1 << 15): "u2", (32, 1 << 31): "u4", (64, 1 << 63): "u8", (8, -128): "i1"}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a FITS file; see `sparc_fuse_core.readers.Reader`."""
    del options
    images: list[tuple[str, Image]] = []
    evidence: list[Evidence] = []
    left: list[str] = []
    size = path.stat().st_size
    at = 0
    with ExitStack() as stack:
        for _ in range(_MOST_UNITS):
            if size - at < _BLOCK:
                break
            header, at = _header(path, at, is_first=at == 0)
            shape, n_bytes = _shape(path, header)
            kind = str(header.get("XTENSION", "IMAGE")).strip()
            if shape and kind == "IMAGE":
                if at + n_bytes > size:
                    message = (
                        f"{path.name}: ends before the {shape} values of an image; upload it again"
                    )
                    raise TruncatedFileError(message)
                name = str(header.get("EXTNAME", "")).strip()
                image = _image(path, header, shape, at, stack, evidence)
                if image is None:
                    left.append(f"an image of shape {shape}")
                else:
                    images.append((name, image))
            elif kind != "IMAGE":
                left.append(f"a {kind if kind.isalpha() else 'unit'} extension")
            at += -(-n_bytes // _BLOCK) * _BLOCK
        if not images:
            message = f"{path.name}: no image in it" + (f", only {left[0]}" if left else "")
            raise EmptyFileError(message)
        if left:
            sentence = f"left out: {', '.join(left[:5])}" + (" …" if len(left) > 5 else "")
            evidence.append(Evidence("content", "missing", sentence))
        evidence.append(
            Evidence("content", "file", "rows are in the file's order, from the bottom up")
        )
        names = unique_names(name for name, _ in images)
        named = tuple(
            Image(name, one.pixels, one.axes, metadata=one.metadata)
            for name, (_, one) in zip(names, images, strict=True)
        )
        yield Contents(images=named, evidence=tuple(dict.fromkeys(evidence)))


def _header(path: Path, at: int, *, is_first: bool) -> tuple[dict[str, Any], int]:
    """Return the cards of a unit, and where its values begin."""
    found: dict[str, Any] = {}
    with path.open("rb") as file:
        file.seek(at)
        for number in range(_MOST_BLOCKS):
            block = file.read(_BLOCK)
            if number == 0 and not block.startswith(b"SIMPLE  =" if is_first else b"XTENSION="):
                if not is_first:
                    return {"XTENSION": "unknown", "NAXIS": 0}, path.stat().st_size
                message = f"{path.name}: does not begin as FITS files do; rename it to what it is"
                raise FormatMismatchError(message)
            if len(block) < _BLOCK:
                message = f"{path.name}: ends within a header; upload it again"
                raise TruncatedFileError(message)
            for place in range(0, _BLOCK, _CARD):
                card = block[place : place + _CARD].decode("latin-1")
                key = card[:8].strip()
                if key == "END":
                    return found, at + (number + 1) * _BLOCK
                if card[8:10] == "= " and key not in found:
                    found[key] = _value(card[10:])
    message = f"{path.name}: a header without an end; it is damaged"
    raise CorruptFileError(message)


def _value(text: str) -> Any:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].split("'")[0].rstrip()
    text = text.split("/")[0].strip()
    try:
        return int(text)
    except ValueError:
        try:
            return float(text.replace("D", "E"))
        except ValueError:
            return text


def _whole(path: Path, header: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = header.get(key, default)
    if not isinstance(value, int) or not 0 <= abs(value) < 1 << 40:
        message = f"{path.name}: {key} is no whole number; it is damaged"
        raise CorruptFileError(message)
    return value


def _shape(path: Path, header: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    """Return the lengths of a unit's axes, the fastest first, and its bytes."""
    n_axes = _whole(path, header, "NAXIS")
    if not 0 <= n_axes <= _MOST_AXES:
        message = f"{path.name}: {n_axes} axes; it is damaged"
        raise CorruptFileError(message)
    shape = tuple(_whole(path, header, f"NAXIS{i}") for i in range(1, n_axes + 1))
    if any(n < 0 for n in shape):
        message = f"{path.name}: axes of {shape[:5]}; it is damaged"
        raise CorruptFileError(message)
    if not shape or 0 in shape:
        return (), 0
    bits = _whole(path, header, "BITPIX")
    if bits not in _TYPES:
        message = f"{path.name}: values of {bits} bits; it is damaged"
        raise CorruptFileError(message)
    n_groups, n_more = _whole(path, header, "GCOUNT", 1), _whole(path, header, "PCOUNT", 0)
    n_bytes = abs(bits) // 8 * n_groups * (n_more + math.prod(shape))
    if n_bytes > 1 << 62:
        message = f"{path.name}: announces {n_bytes:.3g} bytes"
        raise SizeLimitError(message)
    return shape, max(n_bytes, 0)


def _image(
    path: Path,
    header: Mapping[str, Any],
    shape: tuple[int, ...],
    at: int,
    stack: ExitStack,
    evidence: list[Evidence],
) -> Image | None:
    """Return the image of a unit; None where its axes cannot be held."""
    long = [n for n in shape[2:] if n > 1]
    if len(shape) < 2 or len(long) > 1:
        return None
    bits = int(header["BITPIX"])
    dtype = np.dtype(_TYPES[bits])
    # the first axis runs fastest: reversed, it is a C-ordered array
    kept = (*long, shape[1], shape[0])
    stored = MappedFile(path, dtype, kept, at)
    stack.callback(stored.close)
    if long:
        sentence = "the third axis is neither said to be depth nor time: taken as channels"
        evidence.append(Evidence("axes", "inferred", sentence))
    slope, zero = header.get("BSCALE", 1), header.get("BZERO", 0)
    facts: dict[str, Any] = {}
    pixels: Any = stored
    offset = _OFFSET.get((bits, int(zero))) if slope == 1 and _is_whole(zero) else None
    if offset is not None:
        pixels = _shifted(stored, np.dtype(offset))
    elif (slope, zero) != (1, 0) and all(isinstance(v, int | float) for v in (slope, zero)):
        facts = {"bscale": slope, "bzero": zero}
        sentence = f"physical value = stored × {slope:g} + {zero:g}; the stored ones are kept"
        evidence.append(Evidence("calibration", "file", sentence))
    return Image("", pixels, "cyx" if long else "yx", metadata=facts)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value == int(value)


def _shifted(stored: MappedFile, dtype: np.dtype[Any]) -> FunctionBlocks:
    """Return numbers whose highest bit is turned round: stored + 2 ** (bits - 1)."""
    as_bits = np.dtype(f"u{dtype.itemsize}")
    top = as_bits.type(1 << (8 * dtype.itemsize - 1))

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = stored[tuple(slice(*pair) for pair in bounds)]
        native = block.astype(block.dtype.newbyteorder("="))
        return np.asarray((native.view(as_bits) ^ top).view(dtype))

    return FunctionBlocks(stored.shape, dtype, read)
