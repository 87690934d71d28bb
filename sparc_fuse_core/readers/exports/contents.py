"""What a file of a tree amounts to: its recordings and events, or, where it states none, its arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.model import Contents, EventTable, Evidence
from sparc_fuse_core.readers.exports.kept import holds_values, kept_tree
from sparc_fuse_core.readers.exports.mapper import map_tree
from sparc_fuse_core.readers.shared.tree import (
    Cells,
    Node,
    Numeric,
    Struct,
    Table,
    as_facts,
    shape_and_class,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sparc_fuse_core.readers.exports.claims import Mapped

#: Members that the metadata list; beyond them there is no end to a nested struct.
_MAX_LISTED = 2000
#: Reasons that a message names.
_MOST_REASONS = 3
#: An array of so many values beside events alone is worth keeping as it is.
_LARGE = 4096
#: A rate that is tried, to know whether to ask for one.
_EXAMPLE_HZ = 1000.0
_DEEPEST = 12
#: Files for which a scheme can name the variables that are signals.
_WITH_SCHEMES = (".mat", ".h5", ".hdf5", ".hdf")


def contents_of_tree(
    members: Mapping[str, Node],
    attributes: Mapping[str, Node],
    file_name: str,
    *,
    metadata: Mapping[str, Any] | None = None,
    rate_hz: float | None = None,
    orientation: str = "",
    separator: str = ".",
    is_ordered: bool = True,
) -> Contents:
    """Return what a tree holds.

    Parameters
    ----------
    members, attributes
        Of its root.
    file_name
        For messages.
    metadata
        Facts of the container.
    rate_hz
        As a scheme or the caller states it, for arrays whose file states none.
    orientation
        ``"samples_first"`` or ``"channels_first"`` as a scheme states it, for matrices that do not.
    separator
        Between the parts of a path.
    is_ordered
        Whether members are in the order in which they were made.

    Raises
    ------
    NothingToConvertError
        If no array, table or event holds a value.
    """

    def mapped(hz: float | None) -> Mapped:
        return map_tree(
            members,
            attributes,
            rate_hz=hz,
            orientation=orientation,
            separator=separator,
            is_ordered=is_ordered,
        )

    done = mapped(rate_hz)
    facts = {
        **(metadata or {}),
        **{key: value for key, value in done.metadata.items() if key != "start_time"},
    }
    has_recordings = any(recording.n_values for recording in done.recordings)
    if has_recordings or (done.events and not _large_left(members, done, separator)):
        kept, left = leftovers(members, done.used, separator)
        if kept:
            facts["variables"] = kept
        stated = {name: as_facts(node)[0] for name, node in attributes.items()}
        facts.update({name: value for name, value in stated.items() if value not in (None, "", [])})
        evidence = [*done.evidence]
        if left:
            facts["unmapped_variables"] = left
            evidence.append(left_evidence(left))
        return Contents(
            tuple(done.recordings),
            events=EventTable.from_events(sorted(done.events, key=lambda event: event.time_s)),
            start_time=str(done.metadata.get("start_time", "")),
            metadata=facts,
            evidence=tuple(evidence),
        )
    tree = kept_tree(members, attributes)
    if not holds_values(tree):
        message = f"{file_name}: it holds no value that could be converted"
        raise NothingToConvertError(message)
    return Contents(
        arrays=tree,
        metadata=facts,
        evidence=(
            why_kept(
                file_name,
                done.doubts,
                rates=_rates_asked(done, mapped) if rate_hz is None else "",
                has_arrays=any(_may_be_named(node, 0) for node in members.values()),
            ),
        ),
    )


def _rates_asked(done: Mapped, mapped: Callable[[float | None], Mapped]) -> str:
    """Return the option that makes signals of a tree, or both where an interval has no unit; else ``""``."""
    intervals = set(done.open_intervals)
    if len(intervals) == 1:
        in_s = float(f"{1 / intervals.pop():.9g}")
        if mapped(in_s).recordings:
            return f"`--rate {in_s:.9g}` if it is in s, `--rate {in_s * 1000:.9g}` if in ms"
    return f"`--rate {_EXAMPLE_HZ:g}`" if mapped(_EXAMPLE_HZ).recordings else ""


def _may_be_named(node: Node, depth: int) -> bool:
    """Whether a scheme could name an array in a node."""
    if isinstance(node, Numeric):
        return node.is_real and node.n_values > 1
    if isinstance(node, Struct) and depth < _DEEPEST:
        return any(_may_be_named(item, depth + 1) for item in node.fields.values())
    if isinstance(node, Cells) and depth < _DEEPEST:
        return any(_may_be_named(item, depth + 1) for item in node.items)
    return isinstance(node, Table)


def why_kept(file_name: str, doubts: list[str], *, rates: str, has_arrays: bool = True) -> Evidence:
    """Say why nothing is called a signal, and what would make it one.

    Parameters
    ----------
    file_name
        For the command.
    doubts
        Of the mapper.
    rates
        What a caller can state to make signals of it, found out by trying; ``""`` if nothing.
    has_arrays
        Whether there is anything that could be named as one.
    """
    reasons = (
        "; ".join(doubts[:_MOST_REASONS]) or "nothing in it says what is a signal on which clock"
    )
    if not has_arrays:
        return Evidence("content", "missing", f"Kept as arrays, without a claim: {reasons}.")
    if file_name.lower().endswith(_WITH_SCHEMES):
        act = f"describe the file by a mapping scheme: `sparc-fuse scheme new --from {file_name}` starts one"
    else:
        act = "give the signals a name that says so (`signal`, `data`) in the file"
    steps = [f"state the rate ({rates})"] if rates else []
    step = ", or ".join([*steps, act])
    sentence = f"Kept as arrays, without a claim: {reasons}. {step[0].upper()}{step[1:]}."
    return Evidence("content", "missing", sentence)


def left_evidence(left: Mapping[str, Any]) -> Evidence:
    """Say which members are neither signals nor small."""
    shown = ", ".join(f"`{name}`" for name in list(left)[:10]) + (", …" if len(left) > 10 else "")
    return Evidence(
        "content", "missing", f"{len(left)} variable(s) are neither signals nor small: {shown}"
    )


def _large_left(members: Mapping[str, Node], done: Mapped, separator: str) -> bool:
    """Whether something large lies beside events, which only arrays can keep."""
    _, left = leftovers(members, done.used, separator)
    return any(_size(facts["shape"]) >= _LARGE // 4 for facts in left.values())


def _size(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def leftovers(
    members: Mapping[str, Node], used: set[str], separator: str = "."
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return small members by name, and what is known of the others, by path."""
    rest = _Leftovers(used, separator)
    for name, node in members.items():
        rest.visit(name, node, rest.kept, name)
    return rest.kept, rest.left


class _Leftovers:
    def __init__(self, used: set[str], separator: str) -> None:
        self.used = used
        self.separator = separator
        #: Every path above something that was used.
        self.above = {
            name[:i]
            for name in used
            for i, letter in enumerate(name)
            if letter == "(" or name.startswith(separator, i)
        }
        self.kept: dict[str, Any] = {}
        self.left: dict[str, Any] = {}

    def visit(self, path: str, node: Node, into: dict[str, Any], key: str) -> None:
        """Put a node where it belongs, its members where part of it was used."""
        if path in self.used or len(self.kept) + len(self.left) > _MAX_LISTED:
            return
        inside = path in self.above
        value, why = as_facts(node)
        if not why and not inside:
            into[key] = value
        elif isinstance(node, Struct):
            fields: dict[str, Any] = {}
            for name, item in node.fields.items():
                self.visit(f"{path}{self.separator}{name}", item, fields, name)
            if fields:
                into[key] = fields
        elif isinstance(node, Cells) and inside:
            for i, item in enumerate(node.items, start=1):
                self.visit(f"{path}({i})", item, into, f"{key}({i})")
        elif not (isinstance(node, Numeric) and not node.n_values):
            shape, class_name = shape_and_class(node)
            self.left[path] = {"shape": list(shape), "class": class_name, "why": why}
