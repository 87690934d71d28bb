"""Text in a gzip file: unpacked into scratch, with a bound on what a few bytes may become."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"\x1f\x8b"
_PIECE_BYTES = 1 << 20
#: Text shrinks tenfold; eighty times and more is a bomb, once it is large: scratch is bounded by it.
_FREE_BYTES, _MOST_INFLATION = 100_000_000, 80


def unpacked(path: Path, folder: Path) -> Path:
    """Return ``path``, or the file that it holds if it is a gzip file.

    Raises
    ------
    CorruptFileError
        If it ends early or is damaged.
    SizeLimitError
        If it unpacks to far more than text can have been.
    """
    with path.open("rb") as file:
        if file.read(2) != _MAGIC:
            return path
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    out = folder / "unpacked" / name
    out.parent.mkdir()
    most = max(_FREE_BYTES, _MOST_INFLATION * path.stat().st_size)
    n_bytes = 0
    try:
        with gzip.open(path, "rb") as packed, out.open("wb") as text:
            while piece := packed.read(_PIECE_BYTES):
                n_bytes += len(piece)
                if n_bytes > most:
                    message = (
                        f"{path.name}: {path.stat().st_size} bytes unpack to more than {most / 1e9:.1f} GB: "
                        "a size bomb; unpack it by hand if this is true"
                    )
                    raise SizeLimitError(message)
                text.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        message = f"{path.name}: damaged gzip file ({err}); upload it again"
        raise CorruptFileError(message) from err
    return out
