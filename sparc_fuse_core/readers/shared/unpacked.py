"""Arrays inside gzip, bzip2 or zlib: unpacked once into a temporary file, then mapped.

A compressed stream can only be read from its start; a block in its middle would cost the whole. The
number of bytes is known from the header, so no stream can unpack to more.
"""

from __future__ import annotations

import bz2
import gzip
import io
import tempfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import CorruptFileError, DiskFullError, SizeLimitError
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    import numpy as np

_BLOCK_BYTES = 1_000_000


class _Zlib(io.RawIOBase):
    """A zlib stream, unpacked as it is read; a stream that is cut ends in `EOFError`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Unpack into ``buffer``; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._file.read(_BLOCK_BYTES)
            if not packed:
                message = "it ends before its end"
                raise EOFError(message)
            found = self._unpacker.decompress(packed, len(view))
            if found:
                view[: len(found)] = found
                return len(found)
        return 0


#: Never looked at further: no bomb, whatever it was packed to.
_HARMLESS_BYTES = 16_000_000
OPENERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gzip": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    "bzip2": lambda file: cast("IO[bytes]", bz2.BZ2File(file)),
    "zlib": lambda file: cast("IO[bytes]", io.BufferedReader(_Zlib(file), _BLOCK_BYTES)),
}


def check_unpacked(name: str, stored_bytes: int, unpacked_bytes: int) -> None:
    """Refuse what would unpack to far more than is stored, before a byte of it is unpacked.

    For what has to be unpacked whole: streams, strips, chunks, members of archives. Sparse labels compress a
    hundred times, nothing that was measured more than that.

    Raises
    ------
    SizeLimitError
        If it is a size bomb, or a damaged header.
    """
    if unpacked_bytes <= _HARMLESS_BYTES:
        return
    settings = Settings.from_environment()
    inflation = unpacked_bytes / max(stored_bytes, 1)
    if unpacked_bytes > settings.max_unpacked_bytes and inflation > settings.max_unpacked_inflation:
        message = (
            f"{name}: {stored_bytes} bytes would unpack to {unpacked_bytes / 1e6:.0f} MB, {inflation:.0f} "
            "times as much: a size bomb, or a damaged header; raise SPARC_FUSE_MAX_UNPACKED_BYTES if "
            "this is true"
        )
        raise SizeLimitError(message)


def map_unpacked(
    file: IO[bytes],
    encoding: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    *,
    skip_bytes: int,
    name: str,
    stack: ExitStack,
) -> MappedFile:
    """Unpack the array that starts at the file's position, after ``skip_bytes`` unpacked ones.

    ``encoding`` is ``"gzip"``, ``"bzip2"`` or ``"zlib"``; the temporary file goes when ``stack`` closes.

    Raises
    ------
    SizeLimitError
        If it would unpack to far more than is stored.
    CorruptFileError, DiskFullError
        If the stream is damaged, or there is no room.
    """
    n_values = 1
    for length in shape:
        n_values *= length
    left = n_values * dtype.itemsize
    at = file.tell()
    stored_bytes = file.seek(0, 2) - at
    file.seek(at)
    check_unpacked(name, stored_bytes, left + max(0, skip_bytes))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-fuse-")))
    target = folder / "array"
    try:
        with OPENERS[encoding](file) as source, target.open("wb") as out:
            while skip_bytes > 0:
                block = source.read(min(skip_bytes, _BLOCK_BYTES))
                if not block:
                    break
                skip_bytes -= len(block)
            while left > 0:
                block = source.read(min(left, _BLOCK_BYTES))
                if not block:
                    break
                left -= len(block)
                out.write(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        message = f"{name}: the {encoding} stream is damaged or truncated ({err}); upload it again"
        raise CorruptFileError(message) from err
    except OSError as err:
        if err.errno is not None:
            message = f"{name}: no room to unpack it in {folder.parent} ({err})"
            raise DiskFullError(message) from err
        message = f"{name}: the {encoding} stream is damaged ({err}); upload it again"
        raise CorruptFileError(message) from err
    if left:
        message = f"{name}: truncated: {left} bytes of the stated array are missing"
        raise CorruptFileError(message)
    mapped = MappedFile(target, dtype, shape)
    stack.callback(mapped.close)
    return mapped


def reordered(stored: Any, stored_axes: str, axes: str) -> Any:
    """Return ``stored``, whose axes are ``stored_axes``, with its axes in the order of ``axes``.

    ``axes`` may lack axes of length 1.
    """
    if stored_axes == axes:
        return stored
    order = [stored_axes.index(axis) for axis in axes]
    dropped = [i for i in range(len(stored_axes)) if i not in order]

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        key = [slice(0, 1)] * len(stored_axes)
        for position, (start, stop) in zip(order, bounds, strict=True):
            key[position] = slice(start, stop)
        block: np.ndarray[Any, Any] = stored[tuple(key)]
        block = block.transpose(*order, *dropped)
        return block.reshape(block.shape[: len(order)])

    return FunctionBlocks(tuple(stored.shape[i] for i in order), stored.dtype, read)
