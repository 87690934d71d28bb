"""The tags of a FIF file, walked before MNE is given it: where they end, what blocks there are, what it names.

A tag is kind, type, size and place of the next one, four big-endian int32, then its data. A next one may lie
in front of it; MNE follows a circle for ever, and any name of a next file.
Source: *Functional Image File Format*, Elekta Neuromag (1.3), and MNE's ``_fiff/constants.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, TruncatedFileError

if TYPE_CHECKING:
    from pathlib import Path

_TAG = struct.Struct(">iIii")
_BLOCK_START = 104
_REF_ROLE, _REF_NUMBER, _REF_NAME = 115, 117, 118
_ROLE_NEXT = 2
_N_CHANNELS = 200
_MOST_CHANNELS = 100_000
_MOST_NAME_BYTES = 1024
_LOOKED_AT = frozenset((_BLOCK_START, _REF_ROLE, _REF_NUMBER, _REF_NAME, _N_CHANNELS))

RAW_BLOCKS = frozenset((102, 112, 119))
EVOKED_BLOCK = 104
EPOCHS_BLOCK = 373


@dataclass(frozen=True, slots=True)
class Tags:
    """What a walk through the tags found.

    Attributes
    ----------
    blocks
        Kinds of the blocks.
    next_name, next_number
        Of the file that goes on where this one ends; ``""`` and 0 if none is named.
    """

    blocks: frozenset[int]
    next_name: str
    next_number: int


def walk(path: Path) -> Tags:
    """Return what the tags of a FIF file tell.

    Raises
    ------
    TruncatedFileError
        If a tag's data lie beyond the end.
    CorruptFileError
        If tags make a circle, or the number of channels cannot be.
    """
    found = _Found(path)
    size = path.stat().st_size
    seen: set[int] = set()
    with path.open("rb") as file:
        at = 0
        while at < size:
            if at in seen:
                message = f"{path.name}: its tags lead back to byte {at}; it is damaged"
                raise CorruptFileError(message)
            seen.add(at)
            file.seek(at)
            head = file.read(_TAG.size)
            if len(head) < _TAG.size:
                raise _ends_early(path)
            kind, _, n_bytes, after = _TAG.unpack(head)
            end = at + _TAG.size + n_bytes
            if end > size:
                raise _ends_early(path)
            if kind in _LOOKED_AT:
                found.see(kind, file.read(min(n_bytes, _MOST_NAME_BYTES)))
            if after < 0:
                break
            at = after or end
    if at > size:
        raise _ends_early(path)
    return Tags(frozenset(found.blocks), found.name, found.number)


@dataclass(slots=True)
class _Found:
    """What the tags told so far."""

    path: Path
    blocks: set[int] = field(default_factory=set)
    role: int = 0
    name: str = ""
    number: int = 0

    def see(self, kind: int, data: bytes) -> None:
        """Take in one tag."""
        if kind == _REF_NAME:
            if self.role == _ROLE_NEXT:
                self.name = data.decode("latin-1").rstrip("\0")
            return
        number = int.from_bytes(data[:4], "big", signed=True)
        if kind == _BLOCK_START:
            self.blocks.add(number)
        elif kind == _REF_ROLE:
            self.role = number
        elif kind == _REF_NUMBER and self.role == _ROLE_NEXT:
            self.number = number
        elif kind == _N_CHANNELS and not 0 < number <= _MOST_CHANNELS:
            message = f"{self.path.name}: states a number of channels that cannot be; it is damaged"
            raise CorruptFileError(message)


def _ends_early(path: Path) -> TruncatedFileError:
    return TruncatedFileError(f"{path.name}: ends within a tag; upload it again")
