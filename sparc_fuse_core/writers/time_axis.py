"""Write the time axis of a stream: integers on a grid where one rate describes it, else real times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.writers.zarr_arrays import (
    TIME_GRID_CODEC,
    Target,
    create_bulk_array,
    put_small_array,
    start_writing,
)

if TYPE_CHECKING:
    import zarr

    from sparc_fuse_core.model import Recording
    from sparc_fuse_core.writers.streams import Stream

#: Samples of ``time`` in one chunk (4 or 8 MB) and one shard: more would take more memory than the signals.
_TIME_CHUNK = 1_000_000
_TIME_SHARD = 2 * _TIME_CHUNK
_TIME_PIECE = 1 << 16

#: A segment that starts no further from the sampling grid lies on it: a thousandth of a sample, but never
#: more than a microsecond, which the times of slow channels state.
_GRID_SAMPLES, _GRID_SECONDS = 1e-3, 1e-6


def grid_tolerance_s(rate_hz: float) -> float:
    """Return how far a written time may be from the stated one; writing and verifying share it."""
    return min(_GRID_SAMPLES / rate_hz, _GRID_SECONDS)


def write_time(stream: Stream, group: zarr.Group, target: Target) -> list[str]:
    """Write ``time``: an integer grid where one rate describes it, real values only where none does."""
    recording = stream.recording
    n_samples = recording.n_samples
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
            dtype = _tick_dtype(grid)
            attributes.update(scale_factor=1.0 / rate_hz, add_offset=float(recording.start_s))
        else:
            dtype = np.dtype("float64")
    else:
        # no time is stated: the axis is the sample number and says so
        attributes["long_name"] = "sample index"
        grid = [(0, 0, n_samples)]
        dtype = _tick_dtype(grid)
    sharded = n_samples > _TIME_CHUNK
    array = create_bulk_array(
        target.folder / stream.path("time"),
        shape=(n_samples,),
        dtype=dtype,
        chunk=(max(1, min(n_samples, _TIME_CHUNK)),),
        shard=(_TIME_SHARD,) if sharded else None,
        dimensions=(stream.dimension("sample"),),
        attributes=attributes,
        zarr_format=target.zarr_format,
        codec=None if grid is None else {**TIME_GRID_CODEC, "typesize": dtype.itemsize},
    )
    for start in range(0, n_samples, _TIME_SHARD):
        stop = min(start + _TIME_SHARD, n_samples)
        times = _times(recording, grid, start, stop).astype(dtype, copy=False)
        start_writing(array, (slice(start, stop),), times).result()
    return ["time", *_write_sweep_starts(stream, group)]


def _tick_dtype(grid: list[tuple[int, int, int]]) -> np.dtype[Any]:
    """Return the smaller of two integers that holds all ticks."""
    largest = max(abs(tick) + n for _, tick, n in grid)
    return np.dtype("int32" if largest < 2**31 else "int64")


def _write_sweep_starts(stream: Stream, group: zarr.Group) -> list[str]:
    if not stream.recording.sweep_start_s:
        return []
    values = np.array(stream.recording.sweep_start_s, dtype=float)
    put_small_array(group, "sweep_start_s", values, [stream.dimension("sweep")], {"units": "s"})
    return ["sweep_start_s"]


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
