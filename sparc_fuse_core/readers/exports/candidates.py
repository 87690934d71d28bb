"""Which arrays of a place may be signals at all: results, pictures, marks and axes of other things may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.clocks import time_meaning
from sparc_fuse_core.readers.exports.headers import text_of
from sparc_fuse_core.readers.shared.tree import Numeric
from sparc_fuse_core.readers.shared.vocabulary import meaning_of, normal, split_unit, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.scope import Scope
    from sparc_fuse_core.readers.shared.tree import Node

#: A vector of a name that says nothing is a signal at a stated rate from this length on.
_LEAST_SAMPLES = 32
#: Facts (units, names, gains) are shorter than this.
_LONGEST_FACT = 64
#: A matrix with as many rows as there are moments beside it holds what was cut out around them.
_LEAST_CUTOUTS = 3
_FACTS = frozenset(
    ("rate", "interval", "unit", "label", "scale", "offset", "gain", "missing", "start", "count")
)
#: Vectors of the class of each row.
_CLASSES = frozenset(["label", "labels"])
_COLOURS = (3, 4)
#: Names of vectors with one value an event.
_FEATURES = frozenset(
    (
        *(
            "latency",
            "latencies",
            "duration",
            "durations",
            "ibi",
            "ibis",
            "rr",
            "rri",
            "rrintervals",
        ),
        *("unitid", "unitids", "clusterid", "clusterids", "spikeid", "spikeids"),
    )
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An array that may be a signal.

    Attributes
    ----------
    name, node
        Of the member.
    may_have_rate
        A stated rate is enough; else only times beside it make it a signal.
    siblings
        Names beside it.
    goes_along
        A vector of marks: a channel if it is as long as signals beside it that have a rate.
    is_data
        Its name says that it is data, or what was measured.
    """

    name: str
    node: Numeric
    may_have_rate: bool
    siblings: tuple[str, ...]
    goes_along: bool = False
    is_data: bool = False


def candidates_of(scope: Scope) -> list[Candidate]:
    """Return the arrays of a place that may be signals, in its order."""
    others = _other_axes(scope.members)
    moments = _moments(scope.members)
    features = _features(scope.members)
    siblings = tuple(scope.members)
    found = []
    for name, node in scope.members.items():
        if (
            not isinstance(node, Numeric)
            or not _is_samples(node)
            or time_meaning(name, node) is not None
        ):
            continue
        if _is_picture(node):
            continue
        meaning = meaning_of(name)
        kind = meaning.kind if meaning is not None else ""
        is_matrix = sum(length > 1 for length in node.shape) > 1
        if kind == "dimensions" or (kind == "axis" and not is_matrix):
            continue
        if kind in _FACTS and (
            node.n_values < _LONGEST_FACT or kind not in ("rate", "label", "count")
        ):
            continue
        if normal(name) in _CLASSES:
            continue
        # a spectrogram has times, too; "A" is a matrix, "a" coefficients
        is_result = kind == "result" and len(normal(name)) > 1
        if is_matrix and (is_result or any(length in others for length in node.shape)):
            continue
        has_unit = bool(split_unit(name)[1]) or "units" in node.attributes
        if kind == "result" and not is_matrix and not has_unit:
            continue
        is_vague = kind in ("side", "event", "rate") or (kind == "result" and not is_matrix)
        is_vague = is_vague or any(length in others for length in node.shape if length > 1)
        is_vague = is_vague or _is_cut_out(node, moments)
        is_vague = is_vague or (node.is_vector and node.n_values in features)
        is_vague = is_vague or (
            node.n_values < _LEAST_SAMPLES
            and kind != "data"
            and not split_unit(name)[1]
            and not node.attributes
        )
        goes_along = kind == "event" and node.is_vector and node.n_values >= _LONGEST_FACT
        found.append(Candidate(name, node, not is_vague, siblings, goes_along, kind == "data"))
    return found


def _is_samples(node: Numeric) -> bool:
    return (
        node.is_real
        and node.n_values > 1
        and not node.start
        and not node.unit
        and sum(length != 1 for length in node.shape) <= 3
    )


def _is_picture(node: Numeric) -> bool:
    """Whether an array is an image by what HDF5 states of it, or by a byte for each of three colours."""
    if text_of(node.attributes.get("CLASS")).upper() in ("IMAGE", "PALETTE"):
        return True
    long = [length for length in node.shape if length != 1]
    is_bytes = np.dtype(node.rows.dtype) == np.uint8
    return is_bytes and len(long) == 3 and (long[-1] in _COLOURS or long[0] in _COLOURS)


def _other_axes(members: Mapping[str, Node]) -> set[int]:
    """Return the lengths that go with an axis which is no time: frequencies, lags, edges of bins."""
    lengths: set[int] = set()
    for name, node in members.items():
        meaning = meaning_of(name)
        if not isinstance(node, Numeric) or meaning is None or meaning.kind != "axis":
            continue
        if meaning.subject or not node.is_vector or node.n_values < 2:
            continue
        lengths.add(node.n_values)
        if normal(name).startswith(("edge", "bin")):
            lengths.add(node.n_values - 1)
    return lengths


def _moments(members: Mapping[str, Node]) -> set[int]:
    """Return how many moments (spikes, events) the vectors of a place list."""
    counts: set[int] = set()
    for name, node in members.items():
        if not isinstance(node, Numeric) or not node.is_vector or not node.is_real:
            continue
        meaning = meaning_of(name)
        if meaning is None or meaning.kind not in ("side", "event"):
            continue
        if {"time", "times", "onset", "onsets", "ts", "locs", "idx", "index"} & set(words_of(name)):
            counts.add(node.n_values)
    return counts


def _features(members: Mapping[str, Node]) -> set[int]:
    """Return the lengths of vectors with one value an event: what is as long beside them is one, too."""
    return {
        node.n_values
        for name, node in members.items()
        if isinstance(node, Numeric)
        and node.is_vector
        and node.n_values > 1
        and (normal(name) in _FEATURES or bool(_FEATURES & set(words_of(name))))
        and (meaning := meaning_of(name)) is not None
        and meaning.kind == "side"
    }


def _is_cut_out(node: Numeric, moments: set[int]) -> bool:
    long = [length for length in node.shape if length != 1]
    return len(long) >= 2 and any(length in moments and length >= _LEAST_CUTOUTS for length in long)
