"""Names, units, scale and missing values of an array, as they are stated for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.headers import text_of
from sparc_fuse_core.readers.exports.order import unit_by_order
from sparc_fuse_core.readers.exports.scope import GENERIC, Scope
from sparc_fuse_core.readers.shared.tree import Numeric
from sparc_fuse_core.readers.shared.unit_spellings import contradict
from sparc_fuse_core.readers.shared.vocabulary import normal, scale_of, split_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.statements import Statement
    from sparc_fuse_core.readers.shared.tree import Node

#: Names of attributes in which HDF5 and netCDF files state what a dataset is called.
_LONG_NAMES = ("long_name", "standard_name", "display_name")
#: Names of places that say nothing about what they hold.
_PLACE_WORDS = """
    data rec recording signals signal channels channel chan chans ch streams stream raw root results s x a d
    analog struct values trials trial acquisition processed subject session entry
"""
_PLACES = frozenset(_PLACE_WORDS.split())


@dataclass(frozen=True, slots=True)
class Labels:
    """Names and units of the channels of one array.

    Attributes
    ----------
    names, units
        One for each channel; ``""`` where none is stated.
    used
        Paths of the statements.
    remarks
        What a person is told.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    used: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def names_and_units(
    scope: Scope, name: str, node: Numeric, n_channels: int, siblings: tuple[str, ...]
) -> Labels:
    """Return the names and units that are stated for the channels of an array."""
    own = node.attributes
    used: list[str] = []
    head, ending = split_unit(name, siblings)
    names, path, _ = scope.texts_of("label", name, own, n_channels)
    if names and _names_array(scope, name, path, own):
        used.append(path)
    elif described := _descriptions(scope, name, own, n_channels):
        names = described
    else:
        names = (_own_name(scope, head, own),) * n_channels
    units, path, _ = scope.texts_of("unit", name, own, n_channels)
    remarks: tuple[str, ...] = ()
    doubtful = next((unit for unit in units if ending and unit and contradict(ending, unit)), "")
    if doubtful:
        remarks = (
            f"two units are stated for `{scope.child(name)}`, {ending!r} and {doubtful!r}; neither is used",
        )
        return Labels(names, ("",) * n_channels, tuple(used), remarks)
    if ending and not (path and not _is_shared_unit(scope, name, own)):
        units, path = (ending,) * n_channels, ""
    if not units:
        units, path = unit_by_order(scope, name, node)
        if units:
            remarks = (f"units of `{path}` are taken in the order of the arrays beside it",)
    if units:
        used += [path] if path else []
    else:
        # "ECG (mV)" in a list of labels
        parts = [split_unit(one, names) for one in names]
        if any(unit for _, unit in parts):
            names, units = tuple(one for one, _ in parts), tuple(unit for _, unit in parts)
    return Labels(names, units or ("",) * n_channels, tuple(used), remarks)


def _descriptions(
    scope: Scope, name: str, own: Mapping[str, Node], n_channels: int
) -> tuple[str, ...]:
    """Return descriptions if there is one for each of several channels; one alone may be anything."""
    lines, _, is_each = scope.texts_of("description", name, own, n_channels)
    return lines if is_each and n_channels > 1 and len(set(lines)) == n_channels else ()


def _is_shared_unit(scope: Scope, name: str, own: Mapping[str, Node]) -> bool:
    """Whether a unit is stated for a place and not for this array."""
    found = scope.find(("unit",), name, own)
    return bool(found) and not found[0].meaning.subject and found[0].name not in own


def _names_array(scope: Scope, name: str, path: str, own: Mapping[str, Node]) -> bool:
    """Whether a label is about an array: one attached to it, or beside one whose own name says nothing."""
    if path.startswith(f"{scope.child(name)}."):
        return True
    found = scope.find(("label",), name, own)
    if any(one.meaning.subject for one in found):
        return True
    lines = [one for one in found if one.path == path]
    is_list = any(text_of(one.node) == "" for one in lines)
    return is_list or normal(name) in GENERIC or not text_of(lines[0].node if lines else None)


def _own_name(scope: Scope, head: str, own: Mapping[str, Node]) -> str:
    """Return the name of an array: as attached to it, else its own, else its place's."""
    for key in _LONG_NAMES:
        text = text_of(own.get(key))
        if text and len(text) <= 80:
            return text
    if normal(head) in GENERIC and scope.name and normal(scope.name) not in _PLACES:
        alike = [
            member
            for member, item in scope.members.items()
            if isinstance(item, Numeric) and item.n_values > 1 and normal(member) in GENERIC
        ]
        # x and y of one place keep their names: the place's would not tell them apart
        return scope.name if len(alike) <= 1 else head
    return head


#: A resolution of so much is one of a converter, in bits.
_BITS = (8, 10, 12, 14, 16, 18, 20, 22, 24, 32)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How stored numbers become physical ones.

    Attributes
    ----------
    gain, offset
        One for each channel, or empty.
    missing
        Stored values that stand for none.
    units
        Where the scale itself states them (``uV_per_bit``).
    used
        Paths of the statements.
    problem
        Why the values cannot be told, as a sentence.
    """

    gain: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    missing: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    problem: str = ""


def calibration_of(scope: Scope, name: str, node: Numeric, n_channels: int) -> Calibration:
    """Return scale, offset and missing values that are stated for an array.

    physical = stored × scale + offset, as CF's ``scale_factor`` and ``add_offset`` are defined. A gain of
    unknown direction over stored integers, or a bare scale beside numbers that are no integers, leaves a doubt.
    """
    own = node.attributes
    path = scope.child(name)
    is_integer = np.dtype(node.rows.dtype).kind in "iu" and node.matlab_class not in (
        "double",
        "single",
    )
    gain, units, used, problem = _scale(scope, name, own, n_channels)
    if problem:
        return Calibration(problem=problem)
    offset: tuple[float, ...] = ()
    for values, one in scope.numbers_about(("offset",), name, own):
        spread = _spread(values, n_channels)
        if spread and all(math.isfinite(value) for value in spread):
            offset = spread
            used.append(one.path)
    if all(value == 1 for value in gain) and all(value == 0 for value in offset):
        gain, offset = (), ()
    elif not is_integer and not _is_packed(scope, name, own):
        shown = ", ".join(f"`{one}`" for one in used)
        return Calibration(problem=f"whether {shown} are applied to `{path}` already is not stated")
    elif not gain:
        gain = (1.0,) * n_channels
    gains = [
        value
        for values, one in scope.numbers_about(("gain",), name, own)
        for value in values
        if value != 1 and not (normal(one.name).startswith("resolution") and value in _BITS)
    ]
    if is_integer and not gain and gains:
        problem = (
            f"a gain is stated for the counts of `{path}`, but not whether it multiplies or divides"
        )
        return Calibration(problem=problem)
    missing = _missing(scope, name, node, used)
    return Calibration(gain, offset or (0.0,) * len(gain), missing, units, tuple(used))


def _scale(
    scope: Scope, name: str, own: Mapping[str, Node], n_channels: int
) -> tuple[tuple[float, ...], tuple[str, ...], list[str], str]:
    """Return the scale of each channel, the units that it states, its paths, and what is wrong with it."""
    gain: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    used: list[str] = []
    for values, one in scope.numbers_about(("scale",), name, own):
        spread = _spread(values, n_channels)
        if not spread or not all(math.isfinite(value) and value != 0 for value in spread):
            continue
        stated = scale_of(one.name)
        if stated is not None:
            spread = tuple(1.0 / value for value in spread) if stated[1] else spread
            units = (stated[0],) * n_channels
        if gain and gain != spread:
            return (), (), [], f"two scales are stated for `{scope.child(name)}`"
        gain = spread
        used.append(one.path)
    return gain, units, used, ""


def _missing(scope: Scope, name: str, node: Numeric, used: list[str]) -> tuple[float, ...]:
    missing: set[float] = set()
    for values, one in scope.numbers_about(("missing",), name, node.attributes):
        missing.update(value for value in values if math.isfinite(value))
        used.append(one.path)
    return tuple(sorted(missing))


def _spread(values: tuple[float, ...], n_channels: int) -> tuple[float, ...]:
    if len(values) == n_channels:
        return values
    return values * n_channels if len(values) == 1 else ()


def _is_packed(scope: Scope, name: str, own: Mapping[str, Node]) -> bool:
    """Whether the words themselves say that values are stored packed: CF's, or a scale per count."""
    words = ("scalefactor", "addoffset")
    found: list[Statement] = scope.find(("scale", "offset"), name, own)
    return any(normal(one.name) in words or scale_of(one.name) is not None for one in found)
