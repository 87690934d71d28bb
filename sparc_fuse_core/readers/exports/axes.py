"""Which axis of an array is the channel, which the sample, which the sweep: by what is stated, else by none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.headers import lines_of
from sparc_fuse_core.readers.shared.vocabulary import normal

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.scope import Scope
    from sparc_fuse_core.readers.shared.tree import Numeric

_AXIS_WORDS = {
    "channel": "channel channels chan chans ch nchan nchannels electrode electrodes sensor sensors lead leads "
    "roi rois neuron neurons cell cells",
    "sample": "time times t sample samples samp nsamples timepoint timepoints point points pnts timestamp",
    "sweep": "trial trials rpt rep repetition sweep sweeps epoch epochs ntrials segment segments episode",
}
_AXIS_OF = {word: axis for axis, words in _AXIS_WORDS.items() for word in words.split()}
_SWEEP_NAMES = frozenset(
    ["trials", "trial", "sweeps", "sweep", "epochs", "epoch", "episodes", "segments"]
)
#: A matrix without labels is taken as channels only if it is this much longer than wide.
_LONGER = 4
_MOST_UNLABELLED = 512
#: Fewer samples than this may be properties of a few things.
_LEAST_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Axes:
    """Axes of an array, as of its ``shape``."""

    sample: int
    channel: int | None = None
    sweep: int | None = None
    is_inferred: bool = False


def axes_of(
    scope: Scope,
    name: str,
    node: Numeric,
    n_samples: int | None,
    counts: tuple[int, ...] = (),
    orientation: str = "",
) -> tuple[Axes | None, str]:
    """Return the axes of an array, or None and why they cannot be told.

    Parameters
    ----------
    scope, name, node
        The array.
    n_samples
        Length of its vector of times, if it has one.
    counts
        Numbers of channels that other statements are about (rates, units, scales: one for each).
    orientation
        ``"samples_first"`` or ``"channels_first"`` where a scheme states it for matrices.
    """
    shape = node.shape
    long = [axis for axis, length in enumerate(shape) if length != 1]
    if len(long) <= 1:
        return _vector_axes(shape, long, n_samples)
    stated = _stated_axes(scope, name, node, n_samples)
    if stated is not None:
        return stated
    if orientation and len(long) == 2:
        sample = long[0] if orientation == "samples_first" else long[1]
        return Axes(sample, long[0] + long[1] - sample), ""
    if len(long) > 3:
        return None, f"`{scope.child(name)}` has {len(long)} axes"
    labels = _label_counts(scope, name, node)
    times = [axis for axis in long if n_samples is not None and shape[axis] == n_samples]
    channels = [axis for axis in long if shape[axis] in labels]
    if len(long) == 2:
        return _matrix_axes(scope, name, shape, (times, channels, counts), n_samples)
    if len(times) == 1:
        channels = [axis for axis in channels if axis not in times]
        if len(channels) == 1:
            sweep = next(axis for axis in long if axis not in (times[0], channels[0]))
            return Axes(times[0], channels[0], sweep), ""
    return None, f"which axis of `{scope.child(name)}` {_shown(shape)} is which is not stated"


def _shown(shape: tuple[int, ...]) -> str:
    return "(" + " x ".join(map(str, shape)) + ")"


def _vector_axes(
    shape: tuple[int, ...], long: list[int], n_samples: int | None
) -> tuple[Axes | None, str]:
    sample = long[0] if long else max(range(len(shape)), default=0)
    if n_samples is not None and math.prod(shape) != n_samples:
        return None, "another length than its times"
    return Axes(sample), ""


def _matrix_axes(
    scope: Scope,
    name: str,
    shape: tuple[int, ...],
    known: tuple[list[int], list[int], tuple[int, ...]],
    n_samples: int | None,
) -> tuple[Axes | None, str]:
    times, channels, counts = known
    long = [axis for axis, length in enumerate(shape) if length != 1]
    other = {long[0]: long[1], long[1]: long[0]}
    doubt = f"which axis of `{scope.child(name)}` {_shown(shape)} is time cannot be told"
    is_sweeps = normal(name) in _SWEEP_NAMES
    if n_samples is not None:
        if len(times) == 2 and len(channels) == 1:
            times = [other[channels[0]]]
        if len(times) != 1:
            return None, doubt
        sample, rest = times[0], other[times[0]]
        return (Axes(sample, None, rest) if is_sweeps else Axes(sample, rest)), ""
    if len(channels) == 2 and shape[long[0]] != shape[long[1]]:
        channels = []
    channels = channels or [axis for axis in long if shape[axis] in counts]
    if len(channels) == 2:
        return None, doubt
    if channels and not is_sweeps:
        return Axes(other[channels[0]], channels[0]), ""
    return _by_length(shape, long, is_sweeps=is_sweeps, doubt=doubt)


def _by_length(
    shape: tuple[int, ...], long: list[int], *, is_sweeps: bool, doubt: str
) -> tuple[Axes | None, str]:
    """Take the longer axis of a matrix as time if it is far longer, else none."""
    short, longer = sorted(long, key=lambda axis: shape[axis])
    is_long = shape[longer] >= max(_LONGER * shape[short], _LEAST_SAMPLES)
    if not is_long or shape[short] > _MOST_UNLABELLED:
        return None, doubt
    if is_sweeps:
        return Axes(longer, None, short, is_inferred=True), ""
    return Axes(longer, short, is_inferred=True), ""


def _label_counts(scope: Scope, name: str, node: Numeric) -> set[int]:
    """Return how many channels the labels, units or counts that are stated are for."""
    counts: set[int] = set()
    for kind in ("label", "unit"):
        for one in scope.find((kind,), name, node.attributes):
            lines = lines_of(one.node)
            if lines is not None and len(lines) > 1:
                counts.add(len(lines))
    for values, one in scope.numbers_about(("count",), name, node.attributes):
        if len(values) == 1 and normal(one.name) in _CHANNEL_COUNTS:
            counts.add(int(values[0]) if values[0] == values[0] else 0)
    return counts


_COUNT_WORDS = (
    "nchan nbchan nchannels numchannels numchan numberofchannels nch channelcount nsig nchans"
)
_CHANNEL_COUNTS = frozenset(_COUNT_WORDS.split())


def _stated_axes(
    scope: Scope, name: str, node: Numeric, n_samples: int | None
) -> tuple[Axes | None, str] | None:
    """Return the axes as ``dimord``, ``dims`` … name them, or None if nothing does."""
    n_axes = len(node.shape)
    for one in scope.find(("dimensions",), name, node.attributes):
        lines = lines_of(one.node)
        if lines is None:
            continue
        words = list(lines) if len(lines) > 1 else re.split(r"[_ ,;|x×*/]+", lines[0].strip("()[]"))
        words = [normal(word) for word in words if word]
        if len(words) != n_axes:
            # MATLAB drops and adds axes of length 1 at the end
            if len(words) < n_axes and all(length == 1 for length in node.shape[len(words) :]):
                words += [""] * (n_axes - len(words))
            else:
                continue
        kinds = [_AXIS_OF.get(word, "") for word in words]
        named = [kind for kind in kinds if kind]
        if "sample" not in named or len(set(named)) != len(named):
            if any(word.startswith("freq") for word in words):
                return None, f"`{one.path}` names an axis of frequency"
            continue
        if any(not kind and node.shape[axis] != 1 for axis, kind in enumerate(kinds)):
            return None, f"`{one.path}` names an axis that is neither channel, sample nor trial"
        axes = {kind: axis for axis, kind in enumerate(kinds) if kind}
        if n_samples is not None and node.shape[axes["sample"]] != n_samples:
            continue
        return Axes(axes["sample"], axes.get("channel"), axes.get("sweep")), ""
    return None
