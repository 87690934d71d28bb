"""The CSA header of Siemens: a private element with named lists of numbers, as text.

Two layouts, little-endian. ``SV10`` first: then eight bytes, and the length of an item is its second number.
Older: the length is the first number less the number of items of the first tag. Each tag has a name of 64
bytes, multiplicity, type, and items padded to four bytes.
Source: the layout as the documentation of nibabel ("Siemens format DICOM with CSA header") describes it.
"""

from __future__ import annotations

import contextlib
import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_TAG = struct.Struct("<64si4siii")
_ITEM = struct.Struct("<4i")
_MAX_TAGS = 1000
_MAX_ITEMS = 1000


def csa_numbers(header: Dataset) -> dict[str, tuple[float, ...]]:
    """Return the numbers of each tag of the image's CSA header; tags that are text are left out."""
    try:
        data = header.private_block(0x0029, "SIEMENS CSA HEADER")[0x10].value
    except (KeyError, AttributeError):
        return {}
    if not isinstance(data, bytes):
        return {}
    found: dict[str, tuple[float, ...]] = {}
    # where it is cut or overwritten, what came before holds
    with contextlib.suppress(struct.error):
        _read(data, found)
    return found


def _read(data: bytes, found: dict[str, tuple[float, ...]]) -> None:
    newer = data[:4] == b"SV10"
    at = 8 if newer else 0
    (n_tags, _) = struct.unpack_from("<2I", data, at)
    at += 8
    first_items = 0
    for number in range(min(n_tags, _MAX_TAGS)):
        name, n_values, _, _, n_items, _ = _TAG.unpack_from(data, at)
        at += _TAG.size
        if number == 0:
            first_items = n_items
        texts = []
        for _ in range(min(max(n_items, 0), _MAX_ITEMS)):
            lengths = _ITEM.unpack_from(data, at)
            at += _ITEM.size
            n_bytes = lengths[1] if newer else lengths[0] - first_items
            if n_bytes < 0 or at + n_bytes > len(data):
                return
            texts.append(data[at : at + n_bytes].split(b"\0")[0].strip())
            at += n_bytes + -n_bytes % 4
        values = _numbers([text for text in texts[: n_values or None] if text])
        if values:
            found[name.split(b"\0")[0].decode("latin-1")] = values


def _numbers(texts: list[bytes]) -> tuple[float, ...]:
    try:
        numbers = tuple(float(text) for text in texts)
    except ValueError:
        return ()
    return numbers if all(math.isfinite(number) for number in numbers) else ()
