"""How the recordings of a file become streams of a store: which lead, what they are called, what is merged.

A stream is a set of channels on one clock with one length. The main one lies in the root, each further one
in a child group. Variables have the same names everywhere; the dimensions of a child group bear the group's
name, for xarray wants a dimension to have one length in a group and in all groups above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.model import rate_name
from sparc_fuse_core.writers.encoding import encoding_of, split_unrecoverable
from sparc_fuse_core.writers.merging import merge_types
from sparc_fuse_core.writers.overview import overview_factors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Contents, Recording
    from sparc_fuse_core.writers.encoding import Encoding

#: Names in the root that no stream may take; so does each that begins with ``segment_`` or ``event_``.
#: Of channels in the manifest; a store has all.
_MOST_NAMES = 64

_RESERVED = frozenset(
    {
        "channel",
        "channel_name",
        "overview",
        "sample",
        "signals",
        "start_s",
        "stored_gain",
        "stored_offset",
        "sweep",
        "sweep_start_s",
        "time",
        "units",
        "units_udunits",
    }
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as it is written.

    Attributes
    ----------
    recording
        What is written; its signals hold physical values where several types were merged.
    name
        Unique within the store, stable among files of one set-up.
    group
        Child group it lies in; ``""`` for the main stream.
    encoding
        How its values are written.
    stored_gain, stored_offset
        One for each channel where the source's integers were scaled, NaN for a channel of real numbers;
        None if values are written as stored without a scale.
    stored_dtypes
        Type of each channel in the source.
    """

    recording: Recording
    name: str
    group: str
    encoding: Encoding
    stored_gain: tuple[float, ...] | None
    stored_offset: tuple[float, ...] | None
    stored_dtypes: tuple[str, ...]

    def path(self, name: str) -> str:
        """Return the path of a variable in the store."""
        return f"{self.group}/{name}" if self.group else name

    def dimension(self, word: str) -> str:
        """Return the name of a dimension: ``"channel"``, or ``"channel_<group>"`` of a further stream."""
        return f"{word}_{self.group}" if self.group else word

    @property
    def overview_factors(self) -> tuple[int, ...]:
        """Samples per bin of each level of the overview, finest first."""
        return overview_factors(self.recording.n_samples)

    def describe(self) -> dict[str, Any]:
        """Return the facts that the manifest tells of a stream."""
        recording = self.recording
        stored = self.stored_dtypes
        facts: dict[str, Any] = {
            "name": self.name,
            "group": self.group,
            "signals": self.path("signals"),
            "shape": list(recording.signals.shape),
            "dtype": self.encoding.dtype.name,
            "stored_dtype": stored[0] if len(set(stored)) == 1 else list(stored),
            "sampling_rate_hz": recording.sampling_rate_hz,
            "start_s": recording.start_s,
            "units": sorted(set(recording.channel_units)),
            "channel_names": json_safe(list(recording.channel_names[:_MOST_NAMES])),
            "n_segments": len(recording.segments),
            "uneven": recording.times is not None,
            "overview_factors": list(self.overview_factors),
        }
        if recording.metadata:
            facts["metadata"] = json_safe(recording.metadata)
        return facts

    def entry(self) -> dict[str, Any]:
        """Return what the root's attribute ``streams`` says, enough to open the stream without its arrays."""
        names = {
            "channel_names": list(self.recording.channel_names),
            "channel_units": list(self.recording.channel_units),
        }
        return {**self.describe(), **json_safe(names)}


def plan_streams(contents: Contents) -> list[Stream]:
    """Merge, split, order and name the streams of a file: the main one first, then in the file's order."""
    parts = []
    for merged in merge_types(contents.recordings):
        parts += [(merged, part) for part in split_unrecoverable(merged.recording)]
    main = main_recording([part for _, part in parts])
    parts.sort(key=lambda pair: pair[1] is not main)  # stable
    taken: set[str] = set()
    streams = []
    for merged, part in parts:
        name = _name_of(part, taken)
        gain, offset = (part.gain, part.offset)
        dtypes: tuple[str, ...] = (native_name(part.signals.dtype),) * part.n_channels
        if merged.stored_dtypes:
            gain, offset = merged.stored_gain, merged.stored_offset
            dtypes = merged.stored_dtypes
        group = "" if part is main else name
        streams.append(Stream(part, name, group, encoding_of(part), gain, offset, dtypes))
    return streams


def native_name(dtype: Any) -> str:
    """Return the name of a type without its byte order."""
    name: str = np.dtype(dtype).newbyteorder("=").name
    return name


def main_recording(recordings: Sequence[Recording]) -> Recording | None:
    """Return the one that the format calls the main one, else the first of the highest rate.

    Continuous signals go before sweeps of the same rate: cut-outs of spikes do not lead.
    """
    if not recordings:
        return None
    return max(
        recordings,
        key=lambda one: (one.is_main, one.sampling_rate_hz or 0.0, len(one.signals.shape) == 2),
    )


def _name_of(recording: Recording, taken: set[str]) -> str:
    """Return a stream's name as a group can bear it, and remember it in ``taken`` without its case."""
    word = re.sub(r"[^\w.-]+", "_", recording.name.strip()).strip("_.-")
    word = word[:100] or rate_name(recording.sampling_rate_hz)
    if word.lower() in _RESERVED or word.lower().startswith(("segment_", "event_")):
        word += "_stream"
    name, n = word, 1
    while name.casefold() in taken:
        n += 1
        name = f"{word}_{n}"
    taken.add(name.casefold())
    return name
