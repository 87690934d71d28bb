"""What an export holds, whatever wrote it: a tree of named arrays, texts and tables with attributes.

MATLAB variables, HDF5 groups, NumPy archives and JSON objects become the same nodes, arrays still unread where
possible. MATLAB stores columns first: the `Numeric` of a MAT file keeps its array with *reversed* axes, as HDF5
shows it and as ``array.T`` of scipy's result lies in memory: MATLAB's (n_samples, n_channels) is (n_channels,
n_samples) there, without a copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.model import Blocks

#: Values of one variable that go into the metadata; larger arrays are listed with their shape.
MAX_METADATA_VALUES = 256
#: Characters of one text that go into the metadata.
MAX_METADATA_CHARACTERS = 10_000
#: Elements of a cell or struct array that are looked into.
MAX_CELLS = 4096


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric, logical or complex array.

    Attributes
    ----------
    rows
        The array, with reversed axes if `is_reversed`.
    matlab_class
        ``"double"``, ``"int16"``, ``"logical"`` …; the stored type may be smaller. Elsewhere the name of the
        stored type.
    unit
        ``"s"`` for durations, else ``""``.
    resolution_s
        Step of the clock of durations and instants.
    start
        ISO 8601 time of the first element, for instants; their values are seconds since then.
    attributes
        Facts that the file attaches to the array (HDF5).
    is_reversed
        Whether `rows` has the axes of MATLAB's array in reverse order.
    """

    rows: Blocks
    matlab_class: str
    unit: str = ""
    resolution_s: float = 0.0
    start: str = ""
    attributes: Mapping[str, Node] = field(default_factory=dict)
    is_reversed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as the program that wrote it shows it."""
        shape = tuple(self.rows.shape)
        return shape[::-1] if self.is_reversed else shape

    @property
    def n_values(self) -> int:
        """Number of elements."""
        return math.prod(self.rows.shape)

    @property
    def is_real(self) -> bool:
        """Whether the values can be samples."""
        return np.dtype(self.rows.dtype).kind in "biuf"

    @property
    def is_vector(self) -> bool:
        """Whether at most one axis is longer than 1, and there is a value."""
        return self.n_values > 0 and sum(length != 1 for length in self.rows.shape) <= 1

    def whole(self) -> np.ndarray[Any, Any]:
        """Read all, in the shape of `shape`."""
        values = np.asarray(self.rows[(slice(None),) * len(self.rows.shape)])
        return values.T if self.is_reversed else values


@dataclass(frozen=True, slots=True)
class Text:
    """Text: one line for each row of a char matrix or element of a string array."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """Named nodes: a scalar struct (or old-style object, whose class is then named), a group, an object.

    Attributes
    ----------
    fields
        Its members.
    class_name
        As the program calls it.
    attributes
        Facts that the file attaches to it (HDF5).
    """

    fields: Mapping[str, Node]
    class_name: str = "struct"
    attributes: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cells:
    """A cell array or struct array; items in MATLAB's order (columns first)."""

    shape: tuple[int, ...]
    items: tuple[Node, ...]
    class_name: str = "cell"


@dataclass(frozen=True, slots=True)
class Table:
    """A table or timetable.

    Attributes
    ----------
    columns
        Name and node of each variable.
    units
        ``VariableUnits``, one a column; empty if none are stated.
    times
        Row times of a timetable, else None.
    facts
        Description and other properties.
    """

    columns: tuple[tuple[str, Node], ...]
    units: tuple[str, ...]
    times: Numeric | None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Left:
    """A variable that is not looked into, and why."""

    reason: str
    shape: tuple[int, ...] = ()


Node = Numeric | Text | Struct | Cells | Table | Left


def find(scope: Mapping[str, Node], path: str) -> Node | None:
    """Return the node at a dotted path (``"rec.signals"``), or None."""
    if path in scope:
        return scope[path]
    head, _, rest = path.partition(".")
    node = scope.get(head)
    if not rest or node is None:
        return node
    return find(node.fields, rest) if isinstance(node, Struct) else None


def scalar(node: Node | None) -> float | None:
    """Return the one real number that ``node`` holds, else None."""
    if not isinstance(node, Numeric) or not node.is_real or node.n_values != 1:
        return None
    return float(node.whole().reshape(-1)[0])


def texts(node: Node | None) -> tuple[str, ...] | None:
    """Return the texts of a char matrix, string array or cell array of texts, without padding."""
    if isinstance(node, Text):
        return tuple(line.rstrip(" \x00") for line in node.lines)
    if isinstance(node, Cells) and node.items:
        found = [texts(item) for item in node.items]
        if all(lines is not None and len(lines) <= 1 for lines in found):
            return tuple(lines[0] if lines else "" for lines in found)
    return None


class _TooLargeError(Exception):
    """A node is too large for the metadata."""


def as_facts(node: Node) -> tuple[Any, str]:
    """Return a node as JSON-able value and ``""``, or None and why it is left out."""
    try:
        return _facts(node, [MAX_METADATA_VALUES]), ""
    except _TooLargeError as err:
        return None, str(err)


def _facts(node: Node, budget: list[int]) -> Any:
    if isinstance(node, Left):
        raise _TooLargeError(node.reason)
    if isinstance(node, Numeric):
        return _numbers(node, budget)
    if isinstance(node, Text):
        return _text_facts(node, budget)
    if isinstance(node, Struct):
        _spend(budget, len(node.fields), "a struct")
        return {name: _facts_or_reason(item, budget) for name, item in node.fields.items()}
    if isinstance(node, Cells):
        _spend(budget, len(node.items), "a cell array")
        return [_facts_or_reason(item, budget) for item in node.items]
    _spend(budget, len(node.columns), "a table")
    result: dict[str, Any] = {name: _facts_or_reason(item, budget) for name, item in node.columns}
    return {"columns": result, **node.facts}


def _facts_or_reason(node: Node, budget: list[int]) -> Any:
    if isinstance(node, Left):
        return f"({node.reason})"
    return _facts(node, budget)


def _text_facts(node: Text, budget: list[int]) -> Any:
    _spend(budget, len(node.lines), "an array of texts")
    if sum(map(len, node.lines)) > MAX_METADATA_CHARACTERS:
        message = f"a text of more than {MAX_METADATA_CHARACTERS} characters"
        raise _TooLargeError(message)
    # the rows of a char matrix are padded to one length
    return node.lines[0] if len(node.lines) == 1 else [line.rstrip() for line in node.lines]


def _spend(budget: list[int], n_values: int, what: str) -> None:
    budget[0] -= n_values
    if budget[0] < 0:
        message = f"{what} of more than {MAX_METADATA_VALUES} values"
        raise _TooLargeError(message)


def _numbers(node: Numeric, budget: list[int]) -> Any:
    _spend(budget, node.n_values, f"an array of shape {'×'.join(map(str, node.shape))}")
    values = node.whole()
    if node.start:
        instants = np.datetime64(node.start) + (values * 1e9).astype("timedelta64[ns]")
        values = instants.astype(str)
    if node.matlab_class == "logical":
        values = values.astype(bool)
    if values.size == 1:
        return plain(values.reshape(-1)[0])
    if sum(length != 1 for length in values.shape) <= 1:
        values = values.reshape(-1)
    return plain(values.tolist())


def plain(value: Any) -> Any:
    """Return a number, text or nested list of them as JSON knows them (NaN and infinities as null)."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, complex):
        return {"real": plain(value.real), "imaginary": plain(value.imag)}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def shape_and_class(node: Node) -> tuple[tuple[int, ...], str]:
    """Return MATLAB's shape and class of a node, as far as known."""
    if isinstance(node, Numeric):
        return node.shape, node.matlab_class
    if isinstance(node, Text):
        return (len(node.lines),), "char"
    if isinstance(node, Cells):
        return node.shape, node.class_name
    if isinstance(node, Struct):
        return (1, 1), node.class_name
    if isinstance(node, Table):
        return (len(node.columns),), "table"
    return node.shape, "unknown"


def scopes(variables: Mapping[str, Node]) -> Iterator[tuple[str, Mapping[str, Node]]]:
    """Yield the workspace (``""``), then each struct in it, by name and with its fields."""
    yield "", variables
    for name, node in variables.items():
        if isinstance(node, Struct):
            yield name, node.fields
        elif isinstance(node, Cells):
            for i, item in enumerate(node.items, start=1):
                if isinstance(item, Struct):
                    yield f"{name}({i})", item.fields
