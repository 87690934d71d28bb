"""Recordings: channels sampled together on one clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model.values import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model.values import Blocks


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
        As the file calls the stream (``"amplifier"``), else by its rate (`rate_name`), never by its length
        or dtype: files of one set-up give the same names. Streams of one name are told apart by the writer.
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
    is_main
        Whether the format calls it the leading stream of its file; else the highest rate leads.
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
    is_main: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fail where a reader is wrong, not where its result is used."""
        shape = self.signals.shape
        if len(shape) not in (2, 3):
            refuse(self, f"signals must have 2 or 3 axes, not {len(shape)}")
        self._check_channels(shape[0])
        self._check_clock(shape)
        self._check_segments(shape)

    def _check_channels(self, n_channels: int) -> None:
        if (self.gain is None) != (self.offset is None):
            refuse(self, "gain and offset come together")
        columns = ["channel_names", "channel_units"]
        columns += ["gain", "offset"] if self.gain is not None else []
        columns += ["channel_start_s"] if self.channel_start_s else []
        for column in columns:
            if len(getattr(self, column)) != n_channels:
                refuse(self, f"{len(getattr(self, column))} {column} for {n_channels} channels")
        numbers = (*(self.gain or ()), *(self.offset or ()), *self.channel_start_s)
        if not all(math.isfinite(value) for value in numbers):
            refuse(self, "a gain, offset or start is not finite")
        if any(value == 0 for value in self.gain or ()):
            refuse(self, "a gain of 0 would erase the signal")

    def _check_clock(self, shape: tuple[int, ...]) -> None:
        rate_hz = self.sampling_rate_hz
        if rate_hz is not None and not (math.isfinite(rate_hz) and rate_hz > 0):
            refuse(self, f"sampling rate {rate_hz} Hz")
        if self.times is not None and tuple(self.times.shape) != (shape[-1],):
            refuse(self, f"times of shape {self.times.shape} for {shape[-1]} samples")
        if self.sweep_start_s and (len(shape) != 3 or len(self.sweep_start_s) != shape[1]):
            refuse(self, f"{len(self.sweep_start_s)} sweep starts for shape {shape}")

    def _check_segments(self, shape: tuple[int, ...]) -> None:
        position = 0
        for segment in self.segments:
            if segment.start_sample != position or segment.n_samples <= 0:
                refuse(self, "segments must follow each other and be non-empty")
            position += segment.n_samples
        if self.segments and (len(shape) != 2 or position != shape[-1]):
            refuse(self, f"segments cover {position} of {shape[-1]} samples")

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


def rate_name(rate_hz: float | None) -> str:
    """Return the name of a stream whose file gives it none: ``"100_hz"``; without a rate ``"samples"``."""
    return "samples" if rate_hz is None else f"{rate_hz:.12g}_hz"
