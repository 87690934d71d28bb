"""Blocks of whole lines of a file, whatever its line ends and its encoding."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Bytes of text parsed at once (measured on 176 MB: 0.74 CPU s at 0.5 to 1 MB, 0.92 at 2 MB).
BLOCK_BYTES = 1_000_000
LONGEST_LINE_BYTES = 32_000_000


def line_blocks(path: Path, encoding: str, n_skip: int) -> Iterator[bytes]:
    """Yield blocks of whole lines without the first ``n_skip``; the last may lack its line end.

    UTF-16 and UTF-32 become UTF-8; 8-bit encodings stay as they are. Bare carriage returns become
    line feeds.
    """
    wide = encoding.startswith(("utf-16", "utf-32"))
    decode = codecs.getincrementaldecoder(encoding)() if wide else None
    rest = b""
    with path.open("rb") as file:
        while True:
            data = file.read(BLOCK_BYTES * (2 if wide else 1))
            if decode is not None:
                try:
                    text = decode.decode(data, final=not data)
                except UnicodeDecodeError as err:
                    message = f"{path.name}: not {encoding} as its beginning says ({err})"
                    raise CorruptFileError(message) from err
                piece = text.removeprefix("\ufeff").encode()
            else:
                piece = data.removeprefix(codecs.BOM_UTF8)
            if not data:
                block = rest + piece
                break
            block, rest = _whole_lines(rest, piece)
            if len(rest) > LONGEST_LINE_BYTES:
                message = (
                    f"{path.name}: a line of more than {LONGEST_LINE_BYTES} bytes is no table row"
                )
                raise CorruptFileError(message)
            while n_skip and block:
                n_skip -= 1
                block = block[block.index(b"\n") + 1 :]
            if block:
                yield block
    if block and not n_skip:
        yield block.replace(b"\r", b"\n")


def _whole_lines(rest: bytes, piece: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines of ``rest + piece`` with line feeds, and what follows them."""
    cut = piece.rfind(b"\n") + 1
    if cut and b"\r" not in piece and not rest.endswith(b"\r"):
        # mostly so: copied once
        return b"".join((rest, memoryview(piece)[:cut])), piece[cut:]
    block = rest + piece
    if b"\r" in block:
        held = block.endswith(b"\r")
        block = block.replace(b"\r\n", b"\n")
        block = block[:-1].replace(b"\r", b"\n") + (b"\r" if held else block[-1:])
    cut = block.rfind(b"\n") + 1
    return block[:cut], block[cut:]
