"""The tag tree of Gatan DigitalMicrograph files (version 3 and 4): names, numbers, places of arrays.

Layout as described publicly by C. Boothroyd, "The Gatan Digital Micrograph file format": a tree of
groups and values whose structure is big-endian and whose values have the byte order that the header
states. Arrays stay in the file: an `ArrayPlace` says where.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Encoded type → struct code and numpy kind.
_SIMPLE = {
    2: "h",
    3: "i",
    4: "H",
    5: "I",
    6: "f",
    7: "d",
    8: "?",
    9: "b",
    10: "B",
    11: "q",
    12: "Q",
}
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_GROUP, _VALUE = 20, 21
_MAX_DEPTH = 64
#: Arrays of 16-bit numbers up to this length may be text and are read.
_MAX_TEXT = 4096

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """An array that stays in the file.

    Attributes
    ----------
    offset_bytes, size_bytes
        Where it lies.
    """

    offset_bytes: int
    size_bytes: int


def read_tags(file: BinaryIO) -> tuple[int, str, Tree]:
    """Return version, byte order (``"<"`` or ``">"``) and the tree.

    Entries without a name are numbered. Raises `ValueError` or `struct.error` on damage.
    """
    version, *_ = struct.unpack(">i", file.read(4))
    if version not in (3, 4):
        message = f"version {version} instead of 3 or 4"
        raise ValueError(message)
    parser = _Parser(file, version)
    parser.whole(1)  # size of the root
    (order,) = struct.unpack(">i", file.read(4))
    parser.order = "<" if order == 1 else ">"
    return version, parser.order, parser.group(0)


class _Parser:
    def __init__(self, file: BinaryIO, version: int) -> None:
        self.file = file
        self.wide = version == 4
        self.order = "<"

    def whole(self, n: int) -> tuple[int, ...]:
        """Read ``n`` numbers of the structure: 4 bytes in version 3, 8 in version 4."""
        size = 8 if self.wide else 4
        if n < 0 or n > 1_000_000:
            message = f"{n} numbers in one tag"
            raise ValueError(message)
        return struct.unpack(f">{n}{'q' if self.wide else 'i'}", self.file.read(size * n))

    def group(self, depth: int) -> Tree:
        if depth > _MAX_DEPTH:
            message = "tags nested too deeply"
            raise ValueError(message)
        self.file.read(2)  # sorted, open
        (n_tags,) = self.whole(1)
        tree: Tree = {}
        for number in range(n_tags):
            kind, name = self._entry()
            if kind == _GROUP:
                value: Any = self.group(depth + 1)
            elif kind == _VALUE:
                value = self._value()
            else:
                message = f"entry of kind {kind} at {self.file.tell()}"
                raise ValueError(message)
            key = name or str(number)
            tree[key if key not in tree else f"{key} #{number}"] = value
        return tree

    def _entry(self) -> tuple[int, str]:
        kind, length = struct.unpack(">BH", self.file.read(3))
        name = self.file.read(length).decode("latin-1")
        if self.wide:
            self.file.read(8)  # size of what follows
        return kind, name

    def _value(self) -> Any:
        if self.file.read(4) != b"%%%%":
            message = f"a value without its mark at {self.file.tell()}"
            raise ValueError(message)
        (n_info,) = self.whole(1)
        info = self.whole(n_info)
        kind = info[0]
        if kind in _SIMPLE:
            return self._numbers(_SIMPLE[kind])[0]
        if kind == _STRUCT:
            return self._numbers(self._fields(info))
        if kind == _STRING:
            return self.file.read(_checked(info[1])).decode("utf-16-le", "replace")
        if kind == _ARRAY:
            return self._array(info)
        message = f"value of type {kind}"
        raise ValueError(message)

    def _numbers(self, codes: str) -> tuple[Any, ...]:
        layout = self.order + codes
        return struct.unpack(layout, self.file.read(struct.calcsize(layout)))

    @staticmethod
    def _fields(info: Sequence[int]) -> str:
        """Return the codes of a struct: (15, name length, n fields, then name length, type for each)."""
        return "".join(_SIMPLE[kind] for kind in info[4 : 3 + 2 * info[2] : 2])

    def _array(self, info: Sequence[int]) -> ArrayPlace | str:
        codes = self._fields(info[1:]) if info[1] == _STRUCT else _SIMPLE[info[1]]
        length = _checked(info[-1])
        size = struct.calcsize(f"{self.order}{codes}") * length
        place = ArrayPlace(self.file.tell(), size)
        if codes == "H" and length <= _MAX_TEXT:
            data = self.file.read(size)
            encoding = "utf-16-le" if self.order == "<" else "utf-16-be"
            text = data.decode(encoding, "replace")
            # pixels of a small image are 16-bit numbers too: a name is printable
            return _Text(text, place) if text.isprintable() else place
        self.file.seek(size, 1)
        return place


class _Text(str):
    """Text that may be numbers: it remembers its place."""

    __slots__ = ("place",)
    place: ArrayPlace

    def __new__(cls, text: str, place: ArrayPlace) -> _Text:
        made = super().__new__(cls, text)
        made.place = place
        return made


def place_of(value: Any) -> ArrayPlace | None:
    """Return where an array lies, text-like or not."""
    if isinstance(value, _Text):
        return value.place
    return value if isinstance(value, ArrayPlace) else None


def _checked(length: int) -> int:
    if length < 0:
        message = f"a length of {length}"
        raise ValueError(message)
    return length
