"""The beginning of a text file, decoded: which encoding it has is found from its bytes, or told by a scheme."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SchemeError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD_BYTES = 1_000_000
_MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """The decoded beginning of a file.

    Attributes
    ----------
    lines
        Without line ends; a line cut by the limit is left out.
    is_whole
        Whether that is the whole file.
    """

    encoding: str
    lines: tuple[str, ...]
    is_whole: bool
    evidence: tuple[Evidence, ...] = ()


def read_head(path: Path, options: Mapping[str, Any]) -> Head:
    """Decode the beginning of a file.

    Raises
    ------
    EmptyFileError
        If there is nothing but blanks.
    CorruptFileError
        If the bytes are no text.
    SchemeError
        If the scheme's encoding is unknown or does not fit.
    """
    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    if not raw.strip():
        message = f"{path.name}: the file is empty ({len(raw)} bytes of blanks); upload it again"
        raise EmptyFileError(message)
    is_whole = len(raw) < HEAD_BYTES
    evidence: tuple[Evidence, ...] = ()
    if "encoding" in options:
        encoding = _stated_encoding(path.name, str(options["encoding"]), raw)
    else:
        encoding, evidence = _found_encoding(path.name, raw)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw, final=is_whole)
    except UnicodeDecodeError as err:
        if "encoding" in options:
            message = f"{path.name}: not {encoding}, as the scheme says ({err})"
            raise SchemeError(message) from err
        message = f"{path.name}: not readable as {encoding} ({err}); upload the file again"
        raise CorruptFileError(message) from err
    lines = re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))
    if not is_whole:
        lines.pop()
    if not lines:
        message = (
            f"{path.name}: no line ends in the first {HEAD_BYTES} bytes: no numeric table with one "
            "row for each sample; transpose it, or export it as columns"
        )
        raise UnsupportedFormatError(message)
    return Head(
        encoding, tuple(lines[:_MOST_LINES]), is_whole and len(lines) <= _MOST_LINES, evidence
    )


def _stated_encoding(name: str, stated: str, raw: bytes) -> str:
    try:
        encoding = codecs.lookup(stated).name
    except LookupError:
        message = f"{name}: the scheme's encoding {stated!r} is unknown"
        raise SchemeError(message) from None
    if encoding == "utf-16":
        # without a byte order mark Python takes the machine's order; the file's own decides
        return _wide_encoding(raw) or "utf-16-le"
    return encoding


def _wide_encoding(raw: bytes) -> str:
    """Return the UTF-16 or UTF-32 codec that the bytes show, or ``""``."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return encoding
    sample = raw[: 4096 & ~1]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _found_encoding(name: str, raw: bytes) -> tuple[str, tuple[Evidence, ...]]:
    if wide := _wide_encoding(raw):
        return wide, ()
    if b"\0" in raw:
        message = f"{name}: not text: it has zero bytes; upload the file again, or name it as it is"
        raise CorruptFileError(message)
    if sum(raw.count(code) for code in _CONTROLS) > len(raw) // 100:
        message = f"{name}: not text: it has control characters throughout"
        raise CorruptFileError(message)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw, final=len(raw) < HEAD_BYTES)
    except UnicodeDecodeError:
        import charset_normalizer  # only where it is not UTF-8

        best = charset_normalizer.from_bytes(raw[:65536], explain=False).best()
        # whatever is guessed, digits and separators must be what they are in ASCII
        guess = best.encoding if best is not None else ""
        encoding = guess if guess.startswith(("cp125", "latin", "iso8859", "mac_")) else "cp1252"
        sentence = f"the encoding is not stated; letters beyond ASCII were read as {encoding}"
        return encoding, (Evidence("names", "inferred", sentence),)
    return "utf-8", ()


_CONTROLS = [bytes([code]) for code in range(32) if code not in (9, 10, 11, 12, 13, 26)]
