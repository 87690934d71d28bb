"""Write recordings as one Zarr group that plain xarray opens in physical units.

The layout, stream by stream: ``signals`` (channel, sample) or (channel, sweep, sample), its channel
coordinates, ``time``, segments, and ``overview/<factor>``; further streams lie flat beside the first
with a suffix. Events are columns ``event_*``. Everything is written in one pass, block by block.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.model import EVENT_COLUMNS
from sparc_fuse_core.writers.dense_arrays import check_pcodec, dense_codec
from sparc_fuse_core.writers.encoding import encoding_of, split_unrecoverable
from sparc_fuse_core.writers.memory import give_back
from sparc_fuse_core.writers.overview import Envelope, Overview, overview_factors
from sparc_fuse_core.writers.zarr_arrays import (
    TIME_GRID_CODEC,
    chunk_and_shard,
    consolidate,
    create_bulk_array,
    create_group,
    put_small_array,
    start_writing,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import zarr

    from sparc_fuse_core.model import Contents, EventTable, Recording
    from sparc_fuse_core.writers.dense_arrays import Profile
    from sparc_fuse_core.writers.encoding import Encoding
    from sparc_fuse_core.writers.zarr_arrays import ZarrFormat

LAYOUT = "sparc-fuse-signals-1"

#: Samples of ``time`` in one chunk (8 kB each) and one shard: more would take more memory than the signals.
_TIME_CHUNK = 1_000_000
_TIME_SHARD = 2 * _TIME_CHUNK
_TIME_PIECE = 1 << 16

#: A segment that starts no further from the sampling grid lies on it: a thousandth of a sample, but never
#: more than a microsecond, which the times of slow channels state.
_GRID_SAMPLES, _GRID_SECONDS = 1e-3, 1e-6


def grid_tolerance_s(rate_hz: float) -> float:
    """Return how far a written time may be from the stated one; writing and verifying share it."""
    return min(_GRID_SAMPLES / rate_hz, _GRID_SECONDS)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as it is written: a recording, the suffix of its arrays and its encoding."""

    recording: Recording
    suffix: str
    encoding: Encoding

    @property
    def signals(self) -> str:
        """Name of the array of signals."""
        return f"signals{self.suffix}"

    def describe(self) -> dict[str, Any]:
        """Return the facts that the openers and the manifest use, without reading an array."""
        recording = self.recording
        facts: dict[str, Any] = {
            "name": recording.name,
            "signals": self.signals,
            "suffix": self.suffix,
            "shape": list(recording.signals.shape),
            "dtype": self.encoding.dtype.name,
            "stored_dtype": np.dtype(recording.signals.dtype).newbyteorder("=").name,
            "sampling_rate_hz": recording.sampling_rate_hz,
            "start_s": recording.start_s,
            "units": sorted(set(recording.channel_units)),
            "n_segments": len(recording.segments),
            "uneven": recording.times is not None,
            "overview_factors": list(overview_factors(recording.n_samples)),
        }
        if recording.metadata:
            facts["metadata"] = json_safe(recording.metadata)
        return facts


@dataclass(frozen=True, slots=True)
class _Target:
    """Where and how the arrays of one store are written."""

    folder: Path
    budget_bytes: int
    zarr_format: ZarrFormat
    profile: Profile


def plan_streams(contents: Contents) -> list[Stream]:
    """Order and name the streams of a file: the one with most values first, without suffix."""
    parts = [part for recording in contents.recordings for part in split_unrecoverable(recording)]
    parts.sort(key=lambda recording: -recording.n_values)  # stable: the file's order among equals
    streams: list[Stream] = []
    taken: set[str] = set()
    for n, recording in enumerate(parts):
        suffix = ""
        if n:
            word = re.sub(r"[^0-9a-z]+", "_", recording.name.lower()).strip("_") or str(n)
            suffix = f"_{word}"
            while suffix in taken:
                suffix = f"_{word}_{n}"
                word = f"{word}_"
        taken.add(suffix)
        streams.append(Stream(recording, suffix, encoding_of(recording)))
    return streams


@dense_codec()
def write(
    contents: Contents,
    out: Path,
    attributes: Mapping[str, Any],
    *,
    budget_bytes: int,
    zarr_format: ZarrFormat = 3,
    profile: Profile = "default",
    on_values: Callable[[int], None] | None = None,
) -> list[dict[str, Any]]:
    """Write all recordings and events of a file to the new Zarr group ``out``.

    Parameters
    ----------
    attributes
        JSON-able attributes of the root.
    budget_bytes
        What the buffers of this call may hold.
    profile
        ``"dense"``: pcodec for signals and overview, which readers need a package for.
    on_values
        Told how many values were written since the last call.

    Returns
    -------
    Facts about each stream, as in `Stream.describe`.

    Raises
    ------
    MissingDependencyError
        If the profile is dense and pcodec is not installed.
    """
    if profile == "dense":
        check_pcodec()
    target = _Target(out, budget_bytes, zarr_format, profile)
    streams = plan_streams(contents)
    facts = [stream.describe() for stream in streams]
    root = create_group(out, {}, zarr_format)
    coordinates: list[str] = []
    for stream in streams:
        coordinates += _write_channels(stream, root)
        # before the signals, whose buffers then lie where these were: after them it would come on top
        coordinates += _write_time(stream, root, target)
        _write_signals(stream, target, on_values)
        coordinates += _write_segments(stream, root)
    write_events(contents.events, root)
    for factor in sorted({f for stream in facts for f in stream["overview_factors"]}):
        level = root.require_group(f"overview/{factor}")
        level.attrs["samples_per_bin"] = factor
    root.attrs.update(
        {
            **attributes,
            "coordinates": " ".join(coordinates),
            "layout": LAYOUT,
            "profile": profile,
            "streams": facts,
            "n_events": len(contents.events),
        }
    )
    consolidate(out, zarr_format)
    give_back()
    return facts


def blocks_of(
    shape: tuple[int, ...], rows: int, span: int
) -> Iterator[tuple[tuple[int, int], int, tuple[int, int]]]:
    """Yield (channels, sweep, samples) of each block, all samples of some channels before the next.

    ``sweep`` is -1 where there are no sweeps.
    """
    n_channels, n_samples = shape[0], shape[-1]
    for first in range(0, n_channels, rows):
        last = min(first + rows, n_channels)
        for sweep in range(shape[1]) if len(shape) == 3 else (-1,):
            for start in range(0, n_samples, span):
                yield (first, last), sweep, (start, min(start + span, n_samples))


def _write_signals(
    stream: Stream, target: _Target, on_values: Callable[[int], None] | None
) -> None:
    recording, encoding = stream.recording, stream.encoding
    shape = tuple(recording.signals.shape)
    if len(shape) == 3:
        _write_sweeps(stream, target, on_values)
        return
    # two copies of a block are alive at once where values are scaled, one more compressed
    itemsize = encoding.dtype.itemsize
    chunk, shard = chunk_and_shard(shape[0], shape[1], itemsize, target.budget_bytes)
    dimensions = [f"channel{stream.suffix}", f"sample{stream.suffix}"]
    array = _create(stream, target, shape, chunk, shard, dimensions)
    overview = _overview(stream, target, (shape[0], shape[1]))
    levels = None
    for (first, last), _, (start, stop) in blocks_of(shape, *shard):
        if start == 0:
            levels = overview.for_channels(first, last)
        n_values = _write_block(stream, array, levels, (first, last), (start, stop))
        if levels is not None and stop == shape[1]:
            levels.finish()
        if on_values is not None:
            on_values(n_values)


def _write_block(
    stream: Stream,
    array: Any,
    levels: Any,
    channels: tuple[int, int],
    samples: tuple[int, int],
) -> int:
    """Read, encode and write one shard; nothing of it is left when the next one is read."""
    key = (slice(*channels), slice(*samples))
    values = stream.encoding.encode(np.asarray(stream.recording.signals[key]), *channels)
    writing = start_writing(array, key, values)
    if levels is not None:
        levels.feed(values, values)
    writing.result()
    return values.size


def _write_sweeps(stream: Stream, target: _Target, on_values: Callable[[int], None] | None) -> None:
    """Write sweeps of equal length; a chunk holds samples of one sweep of one channel."""
    recording, encoding = stream.recording, stream.encoding
    n_channels, n_sweeps, n_samples = recording.signals.shape
    # where sweeps are longer than a shard, their envelope takes as much again as a block
    budget_bytes = target.budget_bytes // 2
    chunk2, shard2 = chunk_and_shard(n_channels, n_samples, encoding.dtype.itemsize, budget_bytes)
    one_block = math.prod(shard2) * encoding.dtype.itemsize
    n_together = 1
    if shard2[1] >= n_samples:
        n_together = max(1, min(n_sweeps, budget_bytes // one_block))
    chunk_sweeps = max(1, min(n_together, 65_536 // max(chunk2[1], 1)))
    n_together = n_together // chunk_sweeps * chunk_sweeps
    chunk = (chunk2[0], chunk_sweeps, chunk2[1])
    shard = (shard2[0], n_together, shard2[1])
    dimensions = [f"{word}{stream.suffix}" for word in ("channel", "sweep", "sample")]
    shape = (n_channels, n_sweeps, n_samples)
    array = _create(stream, target, shape, chunk, shard, dimensions)
    overview = _overview(stream, target, (n_channels, n_samples))
    for first in range(0, n_channels, shard[0]):
        last = min(first + shard[0], n_channels)
        levels = overview.for_channels(first, last)
        for start in range(0, n_samples, shard[2]):
            stop = min(start + shard[2], n_samples)
            # the overview shows all sweeps laid over each other
            envelope = Envelope()
            for sweep in range(0, n_sweeps, n_together):
                end = min(sweep + n_together, n_sweeps)
                stored = np.asarray(recording.signals[first:last, sweep:end, start:stop])
                values = encoding.encode(stored, first, last)
                key = (slice(first, last), slice(sweep, end), slice(start, stop))
                writing = start_writing(array, key, values)
                if overview.factors:
                    envelope.add(values)
                writing.result()
                if on_values is not None:
                    on_values(stored.size)
            if overview.factors:
                levels.feed(envelope.low, envelope.high)
        levels.finish()


def _create(
    stream: Stream,
    target: _Target,
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    shard: tuple[int, ...],
    dimensions: list[str],
) -> Any:
    return create_bulk_array(
        target.folder / stream.signals,
        shape=shape,
        dtype=stream.encoding.dtype,
        chunk=chunk,
        shard=None if chunk == shard else shard,
        dimensions=dimensions,
        attributes=stream.encoding.attributes,
        zarr_format=target.zarr_format,
        profile=target.profile,
    )


def _overview(stream: Stream, target: _Target, shape: tuple[int, int]) -> Overview:
    return Overview(
        target.folder,
        stream.suffix,
        shape,
        stream.encoding.dtype,
        stream.encoding.attributes,
        swap=stream.encoding.swaps_extremes,
        zarr_format=target.zarr_format,
        profile=target.profile,
    )


def _write_channels(stream: Stream, root: zarr.Group) -> list[str]:
    recording, suffix = stream.recording, stream.suffix
    dimension = [f"channel{suffix}"]
    put_small_array(root, f"channel{suffix}", np.arange(recording.n_channels), dimension)
    columns: dict[str, Any] = {
        "channel_name": recording.channel_names,
        "units": recording.channel_units,
    }
    if recording.gain is not None:
        columns["gain"] = np.array(recording.gain, dtype=float)
        columns["offset"] = np.array(recording.offset, dtype=float)
    attributes = {}
    if recording.channel_start_s:
        columns["start_s"] = np.array(recording.channel_start_s, dtype=float)
        attributes["start_s"] = {"units": "s"}
    for name, values in columns.items():
        put_small_array(root, f"{name}{suffix}", values, dimension, attributes.get(name))
    return [f"{name}{suffix}" for name in columns]


def _write_time(stream: Stream, root: zarr.Group, target: _Target) -> list[str]:
    """Write ``time``: an integer grid where one rate describes it, real values only where none does."""
    recording, suffix = stream.recording, stream.suffix
    n_samples, name = recording.n_samples, f"time{suffix}"
    rate_hz = recording.sampling_rate_hz
    attributes: dict[str, Any] = {"long_name": "time"}
    dtype: np.dtype[Any]
    grid: list[tuple[int, int, int]] | None
    if recording.times is not None:
        if recording.time_units:
            attributes["units"] = recording.time_units
        dtype, grid = np.dtype("float64"), None
    elif rate_hz is not None:
        grid = _segment_grid(recording, rate_hz)
        attributes["units"] = "s"
        if grid is not None:
            dtype = np.dtype("int64")
            attributes.update(scale_factor=1.0 / rate_hz, add_offset=float(recording.start_s))
        else:
            dtype = np.dtype("float64")
    else:
        # no time is stated: the axis is the sample number and says so
        attributes["long_name"] = "sample index"
        dtype, grid = np.dtype("int64"), [(0, 0, n_samples)]
    sharded = n_samples > _TIME_CHUNK
    array = create_bulk_array(
        target.folder / name,
        shape=(n_samples,),
        dtype=dtype,
        chunk=(max(1, min(n_samples, _TIME_CHUNK)),),
        shard=(_TIME_SHARD,) if sharded else None,
        dimensions=(f"sample{suffix}",),
        attributes=attributes,
        zarr_format=target.zarr_format,
        codec=None if grid is None else TIME_GRID_CODEC,
    )
    for start in range(0, n_samples, _TIME_SHARD):
        stop = min(start + _TIME_SHARD, n_samples)
        times = _times(recording, grid, start, stop)
        start_writing(array, (slice(start, stop),), times).result()
    return [name, *_write_sweep_starts(recording, root, suffix)]


def _write_sweep_starts(recording: Recording, root: zarr.Group, suffix: str) -> list[str]:
    if not recording.sweep_start_s:
        return []
    values = np.array(recording.sweep_start_s, dtype=float)
    put_small_array(root, f"sweep_start_s{suffix}", values, [f"sweep{suffix}"], {"units": "s"})
    return [f"sweep_start_s{suffix}"]


def _segment_grid(recording: Recording, rate_hz: float) -> list[tuple[int, int, int]] | None:
    """Return (first sample, tick of it, n) for each segment, or None if they lie off the grid."""
    if not recording.segments:
        return [(0, 0, recording.n_samples)]
    grid = []
    for segment in recording.segments:
        ticks = (segment.start_s - recording.start_s) * rate_hz
        if abs(ticks - round(ticks)) > grid_tolerance_s(rate_hz) * rate_hz:
            return None
        grid.append((segment.start_sample, round(ticks), segment.n_samples))
    return grid


def _times(
    recording: Recording, grid: list[tuple[int, int, int]] | None, start: int, stop: int
) -> np.ndarray[Any, Any]:
    """Return ticks (with a grid) or seconds of samples ``start`` to ``stop``."""
    if recording.times is not None:
        return np.asarray(recording.times[(slice(start, stop),)], dtype=float)
    if grid is not None:
        ticks = np.empty(stop - start, dtype=np.int64)
        for first, tick, n in grid:
            a, b = max(first, start), min(first + n, stop)
            for at in range(a, b, _TIME_PIECE):  # a second whole array is never needed
                until = min(at + _TIME_PIECE, b)
                ticks[at - start : until - start] = np.arange(
                    tick + at - first, tick + until - first
                )
        return ticks
    seconds = np.empty(stop - start)
    rate_hz = recording.sampling_rate_hz or 1.0
    for segment in recording.segments:
        first = segment.start_sample
        a, b = max(first, start), min(first + segment.n_samples, stop)
        if a < b:
            seconds[a - start : b - start] = (
                segment.start_s + np.arange(a - first, b - first) / rate_hz
            )
    return seconds


def _write_segments(stream: Stream, root: zarr.Group) -> list[str]:
    segments, suffix = stream.recording.segments, stream.suffix
    if not segments:
        return []
    dimension = [f"segment{suffix}"]
    starts = np.array([segment.start_sample for segment in segments], dtype=np.int64)
    counts = np.array([segment.n_samples for segment in segments], dtype=np.int64)
    seconds = np.array([segment.start_s for segment in segments], dtype=float)
    put_small_array(root, f"segment_start_sample{suffix}", starts, dimension)
    put_small_array(root, f"segment_n_samples{suffix}", counts, dimension)
    put_small_array(root, f"segment_start_s{suffix}", seconds, dimension, {"units": "s"})
    return [f"segment_{word}{suffix}" for word in ("start_sample", "n_samples", "start_s")]


def write_events(events: EventTable, root: zarr.Group) -> None:
    """Write the events as columns ``event_*`` over the dimension ``event``."""
    if not len(events):
        return
    for column in EVENT_COLUMNS:
        values: Sequence[Any] = getattr(events, column)
        if column.endswith("_s"):
            seconds = np.asarray(values, dtype=float)
            put_small_array(root, f"event_{column}", seconds, ["event"], {"units": "s"})
        else:
            put_small_array(root, f"event_{column}", [str(v) for v in values], ["event"])
