"""What a file holds, whatever its format: recordings, images, shapes, events.

A reader turns a file into one `Contents`; a writer turns one `Contents` into a store. Large arrays
stay where they are: a `Blocks` has a shape now and reads values when sliced. This module imports
only the standard library at run time, so that planning stays light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np


class Blocks(Protocol):
    """An n-dimensional array whose shape is known now and whose values are read when sliced.

    numpy arrays, memory maps, h5py datasets and zarr arrays satisfy it as they are. It is valid until
    the reader's ``with`` block ends.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values, in any byte order."""

    def __getitem__(self, key: tuple[slice, ...], /) -> Any:
        """Read one block; ``key`` has one slice (step 1) for each axis."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of samples without a gap.

    Attributes
    ----------
    start_sample
        Index of its first sample in the stream.
    n_samples
        How many samples it holds.
    start_s
        Time of its first sample, in seconds from the start of the recording.
    """

    start_sample: int
    n_samples: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Recording:
    """One stream: channels sampled together on one clock, with one dtype.

    A file whose channels run at different rates (or have different lengths, or stored types) yields
    one Recording for each; nothing is resampled, cut or padded.

    Attributes
    ----------
    name
        Unique within its file, e.g. ``"amplifier"``; becomes the suffix of a further stream.
    signals
        Shape (n_channels, n_samples), or (n_channels, n_sweeps, n_samples) for sweeps of equal
        length. The values *as stored*: physical value = stored × gain + offset.
    channel_names
        As the file states them, not necessarily unique; ``""`` where it states none.
    channel_units
        Unit of the physical value, as the file states it; ``""`` if it does not.
    sampling_rate_hz
        Samples per second; None if the file does not say (then `times` may tell).
    gain, offset
        One for each channel, or None if the stored values are the physical ones.
    start_s
        Time of the first sample, in seconds from the start of the recording.
    channel_start_s
        One for each channel where channels of one rate start apart; else empty.
    times
        Shape (n_samples,); only for sampling that no single rate describes, in `time_units`.
    time_units
        ``"s"``, or ``""`` for a time axis whose unit the file does not state.
    sweep_start_s
        One for each sweep, in seconds, where known; else empty.
    segments
        Runs without a gap that cover the stream in order; empty means one run. Sweeps of unequal
        length are segments.
    metadata
        JSON-able facts about the stream, as stated by the file.
    """

    name: str
    signals: Blocks
    channel_names: tuple[str, ...]
    channel_units: tuple[str, ...]
    sampling_rate_hz: float | None
    gain: tuple[float, ...] | None = None
    offset: tuple[float, ...] | None = None
    start_s: float = 0.0
    channel_start_s: tuple[float, ...] = ()
    times: Blocks | None = None
    time_units: str = "s"
    sweep_start_s: tuple[float, ...] = ()
    segments: tuple[Segment, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fail where a reader is wrong, not where its result is used."""
        shape = self.signals.shape
        if len(shape) not in (2, 3):
            _refuse(self, f"signals must have 2 or 3 axes, not {len(shape)}")
        self._check_channels(shape[0])
        self._check_clock(shape)
        self._check_segments(shape)

    def _check_channels(self, n_channels: int) -> None:
        if (self.gain is None) != (self.offset is None):
            _refuse(self, "gain and offset come together")
        columns = ["channel_names", "channel_units"]
        columns += ["gain", "offset"] if self.gain is not None else []
        columns += ["channel_start_s"] if self.channel_start_s else []
        for column in columns:
            if len(getattr(self, column)) != n_channels:
                _refuse(self, f"{len(getattr(self, column))} {column} for {n_channels} channels")
        numbers = (*(self.gain or ()), *(self.offset or ()), *self.channel_start_s)
        if not all(math.isfinite(value) for value in numbers):
            _refuse(self, "a gain, offset or start is not finite")
        if any(value == 0 for value in self.gain or ()):
            _refuse(self, "a gain of 0 would erase the signal")

    def _check_clock(self, shape: tuple[int, ...]) -> None:
        rate_hz = self.sampling_rate_hz
        if rate_hz is not None and not (math.isfinite(rate_hz) and rate_hz > 0):
            _refuse(self, f"sampling rate {rate_hz} Hz")
        if self.times is not None and tuple(self.times.shape) != (shape[-1],):
            _refuse(self, f"times of shape {self.times.shape} for {shape[-1]} samples")
        if self.sweep_start_s and (len(shape) != 3 or len(self.sweep_start_s) != shape[1]):
            _refuse(self, f"{len(self.sweep_start_s)} sweep starts for shape {shape}")

    def _check_segments(self, shape: tuple[int, ...]) -> None:
        position = 0
        for segment in self.segments:
            if segment.start_sample != position or segment.n_samples <= 0:
                _refuse(self, "segments must follow each other and be non-empty")
            position += segment.n_samples
        if self.segments and (len(shape) != 2 or position != shape[-1]):
            _refuse(self, f"segments cover {position} of {shape[-1]} samples")

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.signals.shape[0]

    @property
    def n_samples(self) -> int:
        """Samples along the last axis (of one sweep, where there are sweeps)."""
        return self.signals.shape[-1]

    @property
    def n_values(self) -> int:
        """Number of stored values."""
        return math.prod(self.signals.shape)


def _refuse(thing: Recording | Image, why: str) -> None:
    message = f"{type(thing).__name__} {thing.name!r}: {why}"
    raise ValueError(message)


ImageKind = Literal["intensity", "rgb", "label"]


@dataclass(frozen=True, slots=True)
class Image:
    """One image, written as one OME-Zarr multiscale.

    Attributes
    ----------
    name
        Unique within its file: a series or scene name, or ``""`` for the only one.
    pixels
        One axis for each letter of `axes`; dtype as in the file.
    axes
        A subsequence of ``"tczyx"`` ending in ``"yx"``; RGB is ``c`` of length 3.
    scale
        Step along each axis, in the unit of `axis_units`; an axis is absent if unknown.
    axis_units
        NGFF unit name of each axis that has a scale, e.g. ``{"x": "micrometer", "t": "second"}``.
        An axis with a scale whose unit the file does not state is absent.
    kind
        ``"label"`` for palettes' indices, masks and 1-bit images: averaged never.
    channel_names
        One for each ``c``, or empty where the file states none.
    channel_colors
        One ``RRGGBB`` for each ``c``, or empty.
    significant_bits
        Bits in use where the file states them (12 in 16), else None.
    metadata
        JSON-able facts about the image, as stated by the file.
    """

    name: str
    pixels: Blocks
    axes: str
    scale: Mapping[str, float] = field(default_factory=dict)
    axis_units: Mapping[str, str] = field(default_factory=dict)
    kind: ImageKind = "intensity"
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    significant_bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fail where a reader is wrong, not where its result is used."""
        order = [letter for letter in "tczyx" if letter in self.axes]
        if list(self.axes) != order or not self.axes.endswith("yx"):
            _refuse(self, f"axes {self.axes!r} are not in the order of 'tczyx', ending in 'yx'")
        if len(self.pixels.shape) != len(self.axes):
            _refuse(self, f"axes {self.axes!r} for shape {self.pixels.shape}")
        for axis, step in self.scale.items():
            if axis not in self.axes or not (math.isfinite(step) and step > 0):
                _refuse(self, f"scale {step} on axis {axis!r}")
        if any(axis not in self.scale for axis in self.axis_units):
            _refuse(self, "a unit without a scale")
        n_channels = self.pixels.shape[self.axes.index("c")] if "c" in self.axes else 1
        for label in ("channel_names", "channel_colors"):
            if getattr(self, label) and len(getattr(self, label)) != n_channels:
                _refuse(self, f"{len(getattr(self, label))} {label} for {n_channels} channels")
        if self.kind == "rgb" and n_channels not in (3, 4):
            _refuse(self, f"an RGB image has 3 or 4 channels, not {n_channels}")


@dataclass(frozen=True, slots=True)
class Event:
    """One labelled moment.

    Attributes
    ----------
    time_s
        Seconds from the start of the recording.
    duration_s
        NaN if the file states none.
    label
        Text or code as the file states it.
    channel
        Name of the channel it belongs to, or ``""`` for the whole recording.
    kind
        What the format calls it: ``"comment"``, ``"marker"``, ``"spike"``, ``"annotation"`` …
    """

    time_s: float
    duration_s: float = math.nan
    label: str = ""
    channel: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events as columns of one length, so that a million spikes stay small.

    Attributes
    ----------
    time_s, duration_s
        Shape (n_events,), seconds; duration NaN where not stated.
    label, channel, kind
        One text for each event.
    """

    time_s: Sequence[float] = ()
    duration_s: Sequence[float] = ()
    label: Sequence[str] = ()
    channel: Sequence[str] = ()
    kind: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check that the columns have one length."""
        lengths = {len(getattr(self, name)) for name in EVENT_COLUMNS}
        if len(lengths) != 1:
            message = f"event columns of different lengths: {sorted(lengths)}"
            raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_s)

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> EventTable:
        """Make a table from single events, in their order."""
        rows = list(events)
        return cls(
            time_s=[event.time_s for event in rows],
            duration_s=[event.duration_s for event in rows],
            label=[event.label for event in rows],
            channel=[event.channel for event in rows],
            kind=[event.kind for event in rows],
        )


EVENT_COLUMNS = ("time_s", "duration_s", "label", "channel", "kind")


@dataclass(frozen=True, slots=True)
class Shapes:
    """Vectors, meshes and curves: named arrays that are neither samples nor pixels.

    Attributes
    ----------
    name
        Unique within its file.
    kind
        ``"roi"``, ``"mesh"``, ``"finite elements"`` …
    arrays
        Small numpy arrays by name: vertices, faces, nodes …
    units
        Unit of an array, where the file states it.
    metadata
        JSON-able facts, as stated by the file.
    """

    name: str
    kind: str
    arrays: Mapping[str, np.ndarray[Any, Any]]
    units: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


Basis = Literal["file", "scheme", "inferred", "missing"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where one fact of the result comes from; the score of a mapping is made of these.

    Attributes
    ----------
    fact
        ``"signals"``, ``"time"``, ``"units"``, ``"names"``, ``"axes"``, ``"scale"``,
        ``"calibration"``, ``"content"``.
    basis
        ``"file"``: stated by it; ``"scheme"``: by the mapping scheme; ``"inferred"``: concluded from
        the values or from convention; ``"missing"``: absent, and left absent.
    sentence
        What a user is told.
    """

    fact: str
    basis: Basis
    sentence: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All that one file (with its companions) holds.

    Attributes
    ----------
    recordings, images, shapes
        In the file's order. Names are unique within each.
    events
        All events of the file, on the recording's clock.
    metadata
        JSON-able facts about the file, as stated by it: start, device, comments, remaining variables.
    evidence
        Inferences and gaps a reader knows of. Missing units, names and rates are found by themselves.
    """

    recordings: tuple[Recording, ...] = ()
    images: tuple[Image, ...] = ()
    shapes: tuple[Shapes, ...] = ()
    events: EventTable = field(default_factory=EventTable)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        """Check that names can be told apart."""
        for things in (self.recordings, self.images, self.shapes):
            names = [thing.name for thing in things]
            if len(set(names)) != len(names):
                message = f"names are not unique: {names}"
                raise ValueError(message)
