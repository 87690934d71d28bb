"""Signals that are claimed, and the recordings that are made of those which share a clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.model import Event, Evidence, Recording, Segment, rate_name
from sparc_fuse_core.readers.exports.views import physical
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Blocks


_MOST_SENTENCES = 50


@dataclass(frozen=True, slots=True)
class Claim:
    """One array that is a signal by what the file states.

    Attributes
    ----------
    path
        Of the array.
    rows
        (n_channels, n_samples) or (n_channels, n_sweeps, n_samples), as stored.
    names, units
        One for each channel.
    axis
        The clock.
    type_name
        Class of the array where the stored type may be smaller (MATLAB), else its type.
    gain, offset
        One for each channel, or empty: the stored values are the physical ones.
    missing
        Stored values that stand for none.
    group
        Claims of one group may share a recording.
    segments
        Runs without a gap, for recordings in pieces.
    sweep_start_s
        One for each sweep, where known.
    start
        ISO 8601 time from which `axis` counts, or ``""``.
    """

    path: str
    rows: Blocks
    names: tuple[str, ...]
    units: tuple[str, ...]
    axis: TimeAxis
    type_name: str = ""
    gain: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    missing: tuple[float, ...] = ()
    group: str = ""
    segments: tuple[Segment, ...] = ()
    sweep_start_s: tuple[float, ...] = ()
    start: str = ""


@dataclass(slots=True)
class Mapped:
    """What a tree states, as far as it was understood.

    Attributes
    ----------
    claims, recordings, events
        Signals and moments found; claims become recordings at the end.
    evidence
        Sentences for people.
    used
        Paths of what went into the result.
    metadata
        Facts of the file.
    doubts
        Why an array that may be a signal is none, one sentence each.
    open_intervals
        Stated without a unit: their rates in s and in ms are what a caller can choose from.
    """

    claims: list[Claim] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    metadata: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    open_intervals: list[float] = field(default_factory=list)
    #: What was said of each kind of fact; more of it tells nobody anything.
    _said: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def say(self, fact: str, basis: Any, sentence: str) -> None:
        """Add one sentence of evidence, once."""
        said = self._said.setdefault((fact, basis), set())
        if sentence not in said and len(said) < _MOST_SENTENCES:
            said.add(sentence)
            self.evidence.append(Evidence(fact, basis, sentence))

    def doubt(self, sentence: str) -> None:
        """Add a reason why something is no signal, once."""
        if sentence and len(self.doubts) < _MOST_SENTENCES and sentence not in self.doubts:
            self.doubts.append(sentence)

    def _from_one_start(self) -> list[Claim]:
        """Let all claims count from the earliest start that is stated."""
        starts = [claim.start for claim in self.claims if claim.start]
        if not starts:
            return self.claims
        earliest = min(starts, key=_instant)
        self.metadata["start_time"] = (
            re.sub(r"\.?0+$", "", earliest) if "." in earliest else earliest
        )
        moved = []
        for claim in self.claims:
            shift_s = float(
                (_instant(claim.start or earliest) - _instant(earliest)) / np.timedelta64(1, "s")
            )
            moved.append(replace(claim, axis=_shifted(claim.axis, shift_s)) if shift_s else claim)
        return moved

    def finish(self) -> None:
        """Turn the claims into recordings: those of one group and clock into one."""
        groups: dict[tuple[Any, ...], list[Claim]] = {}
        for claim in self._from_one_start():
            groups.setdefault(_key_of(claim), []).append(claim)
        for members in groups.values():
            name = members[0].group or rate_name(members[0].axis.rate_hz)
            name = members[0].path if len(members) == 1 else name
            for dtype, alike in _by_dtype(members).items():
                self.recordings.append(_recording(name, alike, dtype))
        self.claims.clear()


def _instant(text: str) -> np.datetime64:
    """Return an ISO 8601 time; zones are left aside, all times of a file have the same."""
    return np.datetime64(re.sub(r"(Z|[+-]\d\d:?\d\d)$", "", text), "ns")


def _shifted(axis: TimeAxis, shift_s: float) -> TimeAxis:
    if axis.times is None:
        return TimeAxis(axis.rate_hz, axis.start_s + shift_s, None, axis.units)
    return TimeAxis(None, 0.0, scaled(axis.times, 1.0, shift_s), axis.units)


def _key_of(claim: Claim) -> tuple[Any, ...]:
    axis = claim.axis
    return (
        claim.group,
        tuple(claim.rows.shape[1:]),
        axis.rate_hz,
        axis.start_s,
        None if axis.times is None else id(axis.times),
        axis.units,
        claim.segments,
        claim.sweep_start_s,
    )


def _by_dtype(claims: Sequence[Claim]) -> dict[str, list[Claim]]:
    """Group by type; doubles that MATLAB packed as small integers become doubles again among others.

    MATLAB stores whole-numbered doubles as integers to save space: no property of the data.
    """
    classes: dict[str, set[str]] = {}
    for claim in claims:
        classes.setdefault(claim.type_name, set()).add(native(_rows_of(claim).dtype))
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        wide = {"double": "float64", "single": "float32"}.get(claim.type_name)
        stored = classes[claim.type_name]
        dtype = wide if wide and len(stored) > 1 else native(_rows_of(claim).dtype)
        groups.setdefault(dtype, []).append(claim)
    return groups


def native(dtype: Any) -> str:
    """Return the name of a type in native byte order; truth values are bytes of 0 and 1."""
    kind = np.dtype(dtype)
    return "uint8" if kind.kind == "b" else kind.newbyteorder("=").name


def _rows_of(claim: Claim) -> Blocks:
    if not claim.missing:
        return claim.rows
    n_channels = claim.rows.shape[0]
    gain = claim.gain or (1.0,) * n_channels
    return physical(claim.rows, gain, claim.offset or (0.0,) * n_channels, claim.missing)


def _recording(name: str, claims: Sequence[Claim], dtype: str) -> Recording:
    axis = claims[0].axis
    scaled = any(claim.gain and not claim.missing for claim in claims)
    gain: list[float] = []
    offset: list[float] = []
    for claim in claims:
        n_channels = claim.rows.shape[0]
        is_plain = not claim.gain or bool(claim.missing)
        gain += (1.0,) * n_channels if is_plain else claim.gain
        offset += (0.0,) * n_channels if is_plain else claim.offset
    return Recording(
        name=name,
        signals=stacked_rows([_rows_of(claim) for claim in claims], dtype),
        channel_names=tuple(text for claim in claims for text in claim.names),
        channel_units=tuple(text for claim in claims for text in claim.units),
        sampling_rate_hz=axis.rate_hz,
        gain=tuple(gain) if scaled else None,
        offset=tuple(offset) if scaled else None,
        start_s=axis.start_s,
        times=axis.times,
        time_units=axis.units if axis.times is not None else "s",
        segments=claims[0].segments,
        sweep_start_s=claims[0].sweep_start_s,
    )


def stacked_rows(parts: Sequence[Blocks], dtype: str) -> Blocks:
    """Stack parts that differ in their number of channels only, in one native type."""
    if len(parts) == 1 and np.dtype(parts[0].dtype) == np.dtype(dtype):
        return parts[0]
    starts = np.cumsum([0, *(part.shape[0] for part in parts)])
    kind = np.dtype(dtype)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        first, last = bounds[0]
        inner = tuple(slice(*pair) for pair in bounds[1:])
        block = np.empty([stop - start for start, stop in bounds], kind)
        for part, offset in zip(parts, starts, strict=False):
            low, high = max(first, int(offset)), min(last, int(offset) + part.shape[0])
            if low < high:
                key = (slice(low - int(offset), high - int(offset)), *inner)
                block[low - first : high - first] = part[key]
        return block

    return FunctionBlocks((int(starts[-1]), *parts[0].shape[1:]), kind, read)
