"""TGA, PCX and the merged picture of Photoshop files, decoded whole by Pillow; palettes as colours.

What Pillow would change is refused: more than 8 bits a sample, inks, TGA of 5 bits a colour.

Source: Truevision, "TGA File Format Specification" 2.0 (image descriptor, pixel depth); Adobe, "Photoshop File
Formats Specification" (depth, colour mode).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from sparc_fuse_core.errors import (
    CorruptFileError,
    FormatMismatchError,
    SizeLimitError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.pillow import any_size
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FORMATS = {".tga": "TGA", ".pcx": "PCX", ".psd": "PSD"}
_ERRORS = (*DAMAGE, EOFError, SyntaxError)
_MOST_BYTES = 4 << 30
_KEPT = ("1", "L", "LA", "RGB", "RGBA")
#: Bits of a TGA's pixel that are whole bytes a colour.
_TGA_DEPTHS = (8, 24, 32)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a picture; see `sparc_fuse_core.readers.Reader`."""
    del options
    kind = _FORMATS.get(path.suffix.lower(), "")
    with path.open("rb") as file:
        head = file.read(26)
    if head[:4] == b"8BPS":
        kind = "PSD"
    if not kind:
        message = f"{path.name}: neither TGA, PCX nor PSD; rename it to what it is"
        raise FormatMismatchError(message)
    _check_depth(path, kind, head)
    try:
        with any_size():
            picture = PIL.Image.open(path, formats=(kind,))
        with picture:
            pixels, facts = _pixels(path, kind, picture)
    except FileNotFoundError:
        raise
    except (SizeLimitError, UnsupportedFeatureError):
        raise
    except _ERRORS as err:
        message = f"{path.name}: not a readable {kind} picture; upload the original again"
        raise CorruptFileError(message) from err
    yield _contents(kind, pixels, facts)


def _check_depth(path: Path, kind: str, head: bytes) -> None:
    """Refuse what Pillow shows other than it is stored."""
    why = ""
    if kind == "TGA" and len(head) >= 18:
        depth, of_map = head[16], head[7]
        is_mapped = head[1] == 1 and head[2] in (1, 9)
        if depth not in _TGA_DEPTHS and not (depth == 1 and head[2] in (3, 11)):
            why = f"{depth} bits a pixel"
        elif is_mapped and of_map not in (24, 32):
            why = f"a palette of {of_map} bits a colour"
        elif head[17] & 0x10:
            why = "rows from right to left"
    elif kind == "PSD" and len(head) >= 26:
        depth, mode = int.from_bytes(head[22:24], "big"), int.from_bytes(head[24:26], "big")
        if depth != 8 or mode not in (1, 2, 3):
            why = f"{depth} bits a sample in colour mode {mode}"
    if why:
        message = f"{path.name}: {why} is not read; save it as PNG or TIFF"
        raise UnsupportedFeatureError(message)


def _pixels(
    path: Path, kind: str, picture: PIL.Image.Image
) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    n_bytes = picture.width * picture.height * 4
    check_unpacked(path.name, path.stat().st_size, n_bytes)
    if n_bytes > _MOST_BYTES:
        message = f"{path.name}: {n_bytes / 1e9:.1f} GB of pixels, which are decoded whole; save it as TIFF"
        raise SizeLimitError(message)
    facts = {"format": kind, "mode": picture.mode}
    if picture.mode == "P":
        has_alpha = "transparency" in picture.info
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    if picture.mode not in _KEPT:
        message = f"{path.name}: pixels of mode {picture.mode} are not read; save it as PNG or TIFF"
        raise UnsupportedFeatureError(message)
    return np.asarray(picture).astype(np.uint8), facts


def _contents(kind: str, pixels: np.ndarray[Any, Any], facts: dict[str, Any]) -> Contents:
    n_samples = pixels.shape[2] if pixels.ndim == 3 else 1
    is_color = n_samples >= 3
    evidence = []
    if kind == "PSD":
        evidence.append(
            Evidence("content", "missing", "layers are left out: the merged picture is read")
        )
    image = Image(
        "",
        np.moveaxis(pixels, -1, 0) if n_samples > 1 else pixels,
        "cyx" if n_samples > 1 else "yx",
        kind="rgb" if is_color else "label" if facts["mode"] == "1" else "intensity",
        channel_names=(*RGB, "A")[:n_samples]
        if is_color
        else ("gray", "A")
        if n_samples == 2
        else (),
        channel_colors=(*RGB_COLORS, "FFFFFF")[:n_samples] if is_color else (),
        metadata=facts,
    )
    return Contents(images=(image,), evidence=tuple(evidence))
