"""Lists of units beside several vectors: one for each, in the order of the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.tree import Numeric, texts
from sparc_fuse_core.readers.shared.vocabulary import meaning_of, seconds_in

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.scope import Scope

#: A list of more is none that somebody wrote for the vectors beside it.
_MOST_UNITS = 256


def unit_by_order(scope: Scope, name: str, node: Numeric) -> tuple[tuple[str, ...], str]:
    """Return the unit of one of several vectors of a length from a list of one unit for each, in their order.

    A list that is for the vector of times, too, states its unit where that vector is.
    """
    if not node.is_vector:
        return (), ""
    for one in scope.find(("unit",), name):
        lines = texts(one.node)
        if lines is None or one.rank or not 1 < len(lines) <= _MOST_UNITS:
            continue
        vectors = _vectors(scope, node.n_values)
        times = {one for one in vectors if (meaning := meaning_of(one)) and meaning.kind == "time"}
        if name not in vectors:
            continue
        places = (
            vectors
            if len(lines) == len(vectors)
            else [member for member in vectors if member not in times]
        )
        if len(lines) != len(places):
            continue
        stated = dict(zip(places, (line.strip() for line in lines), strict=True))
        is_timed = bool(times & stated.keys())
        if is_timed and not all(seconds_in(stated.get(member, "")) for member in times):
            continue
        if name not in stated:
            continue
        of_values = {unit for member, unit in stated.items() if member not in times}
        if scope.is_ordered or len(of_values) == 1:
            return (stated[name],), one.path
    return (), ""


def _vectors(scope: Scope, n_values: int) -> list[str]:
    """Return the names of the real vectors of a length, in the order of the place."""
    return [
        member
        for member, item in scope.members.items()
        if isinstance(item, Numeric)
        and item.n_values == n_values
        and item.is_vector
        and item.is_real
    ]
