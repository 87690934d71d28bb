"""PNG, JPEG and BMP: one picture, decoded once when its first rows are asked for.

Pillow reads headers, palettes and CMYK; imagecodecs decodes grey and colour, of 8 and 16 bits (Pillow
gives 16-bit colour as 8 bits), also the JPEG processes that Pillow does not open. Pixels are as stored: no
rotation by EXIF, no scale from a printer's resolution. Indices of a palette with colours become those.
"""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import PIL.Image

from sparc_fuse_core.errors import (
    CorruptFileError,
    SizeLimitError,
    SparcFuseError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.raster.bmp_fields import BitFields, bit_fields
from sparc_fuse_core.readers.raster.jpeg_header import JpegHeader, jpeg_header
from sparc_fuse_core.readers.raster.resolution import resolution_evidence, resolution_facts
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.palettes import Palette, palette_of
from sparc_fuse_core.readers.shared.pillow import any_size
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import ImageKind

    Bounds = tuple[int, int]

#: These formats are decoded whole; a picture larger than this is refused.
MAX_DECODED_BYTES = 8_000_000_000
#: Bytes of pixels that one byte of a file can stand for, at the very most; a header that announces
#: more is wrong. Deflate: 1032; JPEG: runs of empty blocks; BMP: jumps of run length coding.
_MAX_RATIO = {"PNG": 1100, "JPEG": 100_000, "MPO": 100_000, "BMP": 20_000}
_ERRORS = (*DAMAGE, EOFError, MemoryError, SyntaxError, zlib.error)
#: Pillow mode → samples of a pixel, kind, channel names.
_MODES: dict[str, tuple[int, ImageKind, tuple[str, ...]]] = {
    "1": (1, "label", ()),
    "L": (1, "intensity", ()),
    "I": (1, "intensity", ()),
    "I;16": (1, "intensity", ()),
    "I;16B": (1, "intensity", ()),
    "P": (1, "label", ()),
    "LA": (2, "intensity", ("L", "A")),
    "PA": (2, "intensity", ("index", "A")),
    "RGB": (3, "rgb", RGB),
    "RGBA": (4, "rgb", (*RGB, "A")),
    "CMYK": (4, "intensity", ("C", "M", "Y", "K")),
}
_ORIENTATION = 0x0112
_NO_END = "truncated: no end marker"
#: Bytes that may follow the end marker of a picture.
_AFTER_END = 64
#: Frame headers come after tables and application data of at most this many bytes.
_HEAD_BYTES = 1_000_000
_OF_PILLOW = ("baseline", "extended", "progressive")


@dataclass(frozen=True, slots=True)
class _Header:
    """What the header of a picture says."""

    format: str
    mode: str
    width: int
    height: int
    bits: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    n_pictures: int = 1
    palette: Palette | None = None
    fields: BitFields | None = None
    is_own: bool = False  # described here, not by Pillow

    @property
    def n_samples(self) -> int:
        return _MODES[self.mode][0] if self.palette is None else self.palette.n_samples

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.bits > 8 else np.uint8)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a PNG, JPEG or BMP file; see `sparc_fuse_core.readers.Reader`."""
    del options
    header = _header(path)
    picture = _Picture(path, header)
    try:
        yield _contents(header, picture)
    finally:
        picture.close()


def _contents(header: _Header, picture: _Picture) -> Contents:
    n_samples, kind, names = _MODES[header.mode]
    if header.palette is not None:
        n_samples, kind, names = _MODES["RGBA" if header.palette.n_samples == 4 else "RGB"]
    axes = "cyx" if n_samples > 1 else "yx"
    shape = (*((n_samples,) if n_samples > 1 else ()), header.height, header.width)
    pixels = by_plane(axes, shape, header.dtype, picture.plane, samples=n_samples > 1)
    colors = (*RGB_COLORS, "FFFFFF")[:n_samples] if kind == "rgb" else ()
    stored_bits = header.bits if header.bits not in (8, 16) else None
    evidence = []
    if header.n_pictures > 1:
        sentence = (
            f"the file holds {header.n_pictures} pictures (animation, previews); the first is kept"
        )
        evidence.append(Evidence("content", "missing", sentence))
    if "exif_orientation" in header.metadata:
        sentence = (
            f"pixels are as stored; viewers turn or mirror them by EXIF orientation "
            f"{header.metadata['exif_orientation']}"
        )
        evidence.append(Evidence("content", "file", sentence))
    evidence += resolution_evidence(header.metadata)
    image = Image(
        "",
        pixels,
        axes,
        kind=kind,
        channel_names=names,
        channel_colors=colors,
        significant_bits=stored_bits,
        metadata=header.metadata,
    )
    return Contents(images=(image,), evidence=tuple(evidence))


class _Picture:
    """Decodes a file once, and keeps the result until it is closed."""

    def __init__(self, path: Path, header: _Header) -> None:
        self._path = path
        self._header = header
        self._pixels: np.ndarray[Any, Any] | None = None
        self._closed = False
        self._lock = Lock()

    def close(self) -> None:
        """Forget the pixels."""
        self._pixels = None
        self._closed = True

    def plane(self, index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        """Return rows and columns: shape (y, x), or (y, x, c)."""
        del index
        if self._closed:
            message = "the file is closed"
            raise ValueError(message)
        with self._lock:
            if self._pixels is None:
                self._pixels = _decode(self._path, self._header)
            region = self._pixels[of_y[0] : of_y[1], of_x[0] : of_x[1]]
        palette = self._header.palette
        return region if palette is None else palette.colours(region)


def _header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    found = jpeg_header(head)
    if found is not None and (found.bits not in (8, 0) or found.process not in _OF_PILLOW):
        return _own_jpeg(path, found)
    try:
        with (
            any_size(),
            path.open("rb") as file,
            PIL.Image.open(file, formats=("PNG", "JPEG", "BMP")) as picture,
        ):
            header = _describe(path, head, picture)
    except (FileNotFoundError, SparcFuseError):
        raise
    except _ERRORS as err:
        fields = bit_fields(head)
        if fields is not None:
            return _own_bmp(path, fields)
        raise _refusal(path, err) from err
    return header


def _refusal(path: Path, err: BaseException) -> SparcFuseError:
    """Return the error that a decoder's complaint means; its words are told, its paths are not."""
    if isinstance(err, PIL.UnidentifiedImageError):
        said = "its header is that of none"
    else:
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
    if said.lower().startswith(("unsupported", "not supported")):
        message = f"{path.name}: {said[0].lower()}{said[1:200]}, which is not read; save it without"
        return UnsupportedFeatureError(message)
    message = f"{path.name}: not a readable PNG, JPEG or BMP file ({said}); upload it again"
    return CorruptFileError(message)


def _own_jpeg(path: Path, found: JpegHeader) -> _Header:
    """Return the header of a JPEG that Pillow does not open and imagecodecs decodes."""
    mode = {1: "L", 3: "RGB", 4: "CMYK"}.get(found.n_components)
    if mode is None or not 2 <= found.bits <= 16 or not (found.width and found.height):
        message = (
            f"{path.name}: a {found.process} JPEG of {found.n_components} components of {found.bits} bits "
            "is not read; save it as PNG or TIFF"
        )
        raise UnsupportedFeatureError(message)
    facts = {"format": "JPEG", "mode": mode, "process": found.process}
    header = _Header("JPEG", mode, found.width, found.height, found.bits, facts, is_own=True)
    _check_size(path, header)
    return header


def _own_bmp(path: Path, fields: BitFields) -> _Header:
    mode = "RGBA" if len(fields.masks) == 4 else "RGB"
    facts = {"format": "BMP", "mode": mode, "bit_field_masks": list(fields.masks)}
    header = _Header(
        "BMP", mode, fields.width, fields.height, fields.bits, facts, fields=fields, is_own=True
    )
    _check_size(path, header)
    return header


def _check_size(path: Path, header: _Header) -> None:
    """Refuse what announces more than the file can hold, before anything is decoded."""
    kind, bits = header.format, header.bits
    n_bytes = header.width * header.height * header.n_samples * header.dtype.itemsize
    n_file_bytes = path.stat().st_size
    if n_bytes * min(bits, 8) // 8 > n_file_bytes * _MAX_RATIO[kind]:
        message = (
            f"{path.name}: the header announces {header.width} × {header.height} pixels in "
            f"{n_file_bytes} bytes; upload the original again"
        )
        raise CorruptFileError(message)
    check_unpacked(path.name, n_file_bytes, n_bytes)
    if n_bytes > MAX_DECODED_BYTES:
        message = (
            f"{path.name}: {n_bytes / 1e9:.1f} GB of pixels; {kind} is decoded whole, which "
            f"is done up to {MAX_DECODED_BYTES / 1e9:.0f} GB; save it as a tiled TIFF"
        )
        raise SizeLimitError(message)


def _describe(path: Path, head: bytes, picture: PIL.Image.Image) -> _Header:
    """Return the header of an opened picture; ``head`` are the file's first bytes."""
    kind = str(picture.format)
    mode, bits = picture.mode, 8
    facts: dict[str, Any] = {"format": kind, "mode": mode}
    if kind == "PNG":
        bits, color_type = head[24], head[25]
        mode = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}.get(color_type, mode)
        if mode == "L" and bits == 1:
            mode = "1"
        if "transparency" in picture.info:
            facts["transparency"] = _transparency(picture.info["transparency"])
    elif mode == "1":
        bits = 1
    if mode not in _MODES:
        message = f"{path.name}: pixels of mode {mode} are not read; save it as PNG or TIFF"
        raise UnsupportedFeatureError(message)
    _check_size(path, _Header(kind, mode, picture.width, picture.height, bits))
    palette = None
    if mode == "P":
        facts["palette"] = _palette(picture)
        palette = _colours(picture, facts.get("transparency")) if bits > 1 else None
        bits = 8
    facts |= resolution_facts(kind, head, picture.info)
    orientation = _orientation(picture)
    if orientation not in (None, 1):
        facts["exif_orientation"] = orientation
    for key in ("comment", "Description", "Software", "Title", "Comment"):
        text = picture.info.get(key)
        text = text.decode("latin-1") if isinstance(text, bytes) else text
        if isinstance(text, str) and text.strip() and len(text) < 65_536:
            facts[key.lower()] = text.strip()
    n_pictures = int(getattr(picture, "n_frames", 1))
    return _Header(kind, mode, picture.width, picture.height, bits, facts, n_pictures, palette)


def _orientation(picture: PIL.Image.Image) -> int | None:
    if picture.format == "PNG" and "exif" not in picture.info:
        return None  # Pillow would decode the whole picture to look for it behind the pixels
    try:
        found = picture.getexif().get(_ORIENTATION)
    except _ERRORS:
        return None
    return found if isinstance(found, int) else None


def _palette(picture: PIL.Image.Image) -> list[str]:
    """Return the colours of a palette, RRGGBB."""
    values = picture.getpalette("RGB") or []
    return ["{:02X}{:02X}{:02X}".format(*values[i : i + 3]) for i in range(0, len(values) - 2, 3)]


def _colours(picture: PIL.Image.Image, transparency: Any) -> Palette | None:
    """Return the palette where it has colours; of one bit, or gray, indices stay."""
    values = picture.getpalette("RGB") or []
    table = np.array(values[: len(values) // 3 * 3], np.uint8).reshape(-1, 3)
    alpha = transparency if isinstance(transparency, list) else ()
    if isinstance(transparency, int) and 0 <= transparency < len(table):
        alpha = [0 if i == transparency else 255 for i in range(len(table))]
    return palette_of(table, alpha)


def _transparency(value: Any) -> Any:
    """Return the transparent value, or the alpha of each palette entry."""
    if isinstance(value, bytes):
        return list(value)
    return list(value) if isinstance(value, tuple) else value


def _decode(path: Path, header: _Header) -> np.ndarray[Any, Any]:
    """Return the pixels: shape (y, x), or (y, x, c)."""
    try:
        pixels = _decoded(path, header)
    except FileNotFoundError:
        raise
    except _ERRORS as err:
        if header.is_own and header.format == "JPEG" and str(err) != _NO_END:
            message = (
                f"{path.name}: a {header.metadata['process']} JPEG of {header.bits} bits cannot be decoded "
                "here: it is damaged, or of a kind that is not read; save it as PNG or TIFF"
            )
            raise UnsupportedFeatureError(message) from err
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
        message = f"{path.name}: the pixels cannot be decoded ({said}); upload the original again"
        raise CorruptFileError(message) from err
    n_samples = _MODES[header.mode][0]
    if pixels.ndim == 3 and n_samples == 1 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    expected = (header.height, header.width, *((n_samples,) if n_samples > 1 else ()))
    if pixels.shape != expected or pixels.dtype != header.dtype:
        message = (
            f"{path.name}: decoded as {pixels.shape} of {pixels.dtype}, where the header announces "
            f"{expected} of {header.dtype}"
        )
        raise CorruptFileError(message)
    return pixels


def _decoded(path: Path, header: _Header) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any]
    if header.fields is not None:
        return header.fields.decode(path.read_bytes())
    if header.is_own:
        return _own_jpeg_pixels(path.read_bytes(), header)
    if header.format == "PNG" and header.bits in (8, 16) and header.mode != "P":
        found = imagecodecs.png_decode(path.read_bytes())
        n_samples = _MODES[header.mode][0]
        if "transparency" in header.metadata and found.ndim == 3:
            # a transparent colour comes back as a further sample that the file does not store
            found = found[..., :n_samples] if n_samples > 1 else found[..., 0]
        return found
    if header.format in ("JPEG", "MPO") and header.mode in ("L", "RGB"):
        data = path.read_bytes()
        _check_end(data)
        found = imagecodecs.jpeg8_decode(data)
        return found
    with any_size(), PIL.Image.open(path, formats=("PNG", "JPEG", "BMP")) as picture:
        if header.format == "MPO":
            picture.seek(0)
        found = np.asarray(picture)
    if found.dtype == bool:
        found = found.astype(np.uint8)
    if header.format == "PNG" and header.mode == "L" and header.bits < 8:
        # Pillow spreads 2 and 4 bits over 8: undone, so that the stored value comes back
        found = found // np.uint8(255 // (2**header.bits - 1))
    return found


def _own_jpeg_pixels(data: bytes, header: _Header) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any]
    if header.metadata["process"] != "JPEG-LS":
        _check_end(data)
        found = imagecodecs.jpeg8_decode(data)
        return found
    if b"\xff\xd9" not in data[-_AFTER_END:]:
        # the decoder works on for many seconds behind the end of a cut picture
        raise ValueError(_NO_END)
    found = imagecodecs.jpegls_decode(data)
    return found


def _check_end(data: bytes) -> None:
    """Refuse a JPEG without its end marker: libjpeg would fill what is missing with grey."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big") if data[at + 1] != 0xFF else 1
    if data.find(b"\xff\xd9", at) < 0:
        raise ValueError(_NO_END)
