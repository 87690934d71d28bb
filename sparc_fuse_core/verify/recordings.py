"""Re-read what was written and compare it with the source, by means the writer does not use.

The store is read with zarr-python (it was written with tensorstore) and, for decoded values, with plain
xarray. Small files are compared whole; of large ones the first and last blocks, those with the smallest
and largest value, and one of each of eight strata.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr
from zarr.storage import LocalStore

from sparc_fuse_core.model import EVENT_COLUMNS, NO_SWEEP
from sparc_fuse_core.writers.dense_arrays import dense_codec
from sparc_fuse_core.writers.streams import plan_streams
from sparc_fuse_core.writers.time_axis import grid_tolerance_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents, EventTable
    from sparc_fuse_core.writers.streams import Stream

_BLOCK_BYTES = 2 << 20
_STRATA = 8


@dense_codec()
def compare_signals(contents: Contents, store: Path, *, whole_bytes: int) -> list[str]:
    """Return what differs between ``store`` and the recordings it was written from.

    Parameters
    ----------
    whole_bytes
        Streams up to this size are compared sample by sample.
    """
    differences: list[str] = []
    # not the path: xarray takes a text with `::` for a chain of file systems
    local = LocalStore(store, read_only=True)
    root = zarr.open_group(local, mode="r")
    for stream in plan_streams(contents):
        if stream.path("signals") not in root:
            differences.append(f"{stream.path('signals')} is absent")
            continue
        # no index over channels: nothing selects by it here, and making one would import dask
        options: dict[str, Any] = {"chunks": None, "create_default_indexes": False}
        with xr.open_zarr(local, group=stream.group or None, **options) as dataset:
            found = _compare_facts(stream, dataset)
            if not found:
                found = _compare_values(stream, root[stream.path("signals")], whole_bytes)
                found += _compare_overview(stream, root)
                found += _compare_decoded(stream, dataset)
        differences += [f"{stream.path('signals')}: {text}" for text in found]
    with xr.open_zarr(local, chunks=None, create_default_indexes=False) as dataset:
        differences += _compare_events(contents.events, dataset)
    return differences


def _compare_facts(stream: Stream, dataset: xr.Dataset) -> list[str]:
    recording = stream.recording
    array = dataset["signals"]
    found = []
    if array.shape != tuple(recording.signals.shape):
        found.append(f"shape {array.shape} instead of {tuple(recording.signals.shape)}")
        return found
    for name, expected in (
        ("channel_name", recording.channel_names),
        ("units", recording.channel_units),
    ):
        if tuple(dataset[name].values.tolist()) != expected:
            found.append(f"{name} differ")
    for name, scale in (
        ("stored_gain", stream.stored_gain),
        ("stored_offset", stream.stored_offset),
    ):
        if scale is not None and not np.array_equal(dataset[name], scale, equal_nan=True):
            found.append(f"{name} differs")
    n_samples = recording.n_samples
    time = dataset["time"]
    if time.shape != (n_samples,):
        found.append(f"{time.shape} times for {n_samples} samples")
        return found
    # decoding rounds in the last places; a segment may have been moved onto the grid
    rate_hz = recording.sampling_rate_hz
    tolerance_s = 0.0 if rate_hz is None else 1.01 * grid_tolerance_s(rate_hz)
    for index, expected_time in _expected_times(stream):
        value = float(time[index].values)
        if not math.isclose(value, expected_time, rel_tol=1e-12, abs_tol=tolerance_s + 1e-12):
            found.append(f"time of sample {index} is {value} instead of {expected_time}")
    return found


def _expected_times(stream: Stream) -> Iterator[tuple[int, float]]:
    """Yield (sample, time) where it can be told without the store: ends and segments' starts."""
    recording = stream.recording
    last = recording.n_samples - 1
    if recording.times is not None:
        for index in (0, last):
            yield index, float(np.asarray(recording.times[(slice(index, index + 1),)])[0])
    elif recording.sampling_rate_hz is None:
        yield from ((0, 0.0), (last, float(last)))
    elif recording.segments:
        for segment in recording.segments[:1000]:
            yield segment.start_sample, segment.start_s
            end = segment.n_samples - 1
            yield segment.start_sample + end, segment.start_s + end / recording.sampling_rate_hz
    else:
        yield 0, recording.start_s
        yield last, recording.start_s + last / recording.sampling_rate_hz


def _compare_values(stream: Stream, array: Any, whole_bytes: int) -> list[str]:
    signals, encoding = stream.recording.signals, stream.encoding
    if array.dtype != encoding.dtype:
        return [f"dtype {array.dtype} instead of {encoding.dtype}"]
    shape = tuple(signals.shape)
    size_bytes = math.prod(shape) * encoding.dtype.itemsize
    blocks = list(_blocks(shape, array.chunks[-1], encoding.dtype.itemsize))
    if size_bytes > whole_bytes:
        blocks = _strata(blocks)
    for key in blocks:
        rows = key[0]
        expected = encoding.encode(np.asarray(signals[key]), rows.start, rows.stop)
        written = np.asarray(array[key])
        if not np.array_equal(written, expected, equal_nan=expected.dtype.kind == "f"):
            where = ", ".join(f"{part.start}:{part.stop}" for part in key)
            return [f"values differ in block [{where}]"]
    return []


def _blocks(shape: tuple[int, ...], chunk: int, itemsize: int) -> Iterator[tuple[slice, ...]]:
    """Yield blocks of a few megabytes that cover ``shape`` and cut no chunk of ``chunk`` samples."""
    if not math.prod(shape):
        return
    n_values = _BLOCK_BYTES // itemsize
    rows = max(1, min(shape[0], n_values // min(chunk, shape[-1])))
    sweeps = 1
    span = max(1, n_values // rows // chunk) * chunk
    if len(shape) == 3:
        sweeps = max(1, min(shape[1], n_values // rows // min(span, shape[2])))
    for first in range(0, shape[0], rows):
        channels = slice(first, min(first + rows, shape[0]))
        for sweep in range(0, shape[1], sweeps) if len(shape) == 3 else (None,):
            middle = () if sweep is None else (slice(sweep, min(sweep + sweeps, shape[1])),)
            for start in range(0, shape[-1], span):
                yield (channels, *middle, slice(start, min(start + span, shape[-1])))


def _strata(blocks: list[tuple[slice, ...]]) -> list[tuple[slice, ...]]:
    """Choose the first block, the last, and one in each of eight equal parts between."""
    last = len(blocks) - 1
    chosen = {0, last} | {
        round((n + 0.5) * last / _STRATA) for n in range(_STRATA) if last > _STRATA
    }
    return [blocks[n] for n in sorted(chosen)]


def _compare_overview(stream: Stream, root: zarr.Group) -> list[str]:
    """Compare the bins with the smallest and largest value with the samples they stand for."""
    factors = stream.overview_factors
    if not factors:
        return []
    factor = factors[-1]
    found = []
    lower, upper = (
        ("maximum", "minimum") if stream.encoding.swaps_extremes else ("minimum", "maximum")
    )
    for name, pick, reduce in ((lower, np.argmin, np.fmin), (upper, np.argmax, np.fmax)):
        level: Any = root[stream.path(f"overview/{factor}/{name}")]
        bins = np.asarray(level[...])
        if bins.dtype.kind == "f" and np.isnan(bins).any():
            bins = np.nan_to_num(bins, nan=float(np.inf if pick is np.argmin else -np.inf))
        channel, index = (int(i) for i in np.unravel_index(pick(bins), bins.shape))
        span = slice(index * factor, min((index + 1) * factor, stream.recording.n_samples))
        middle = (slice(None),) * (len(stream.recording.signals.shape) - 2)
        key = (slice(channel, channel + 1), *middle, span)
        stored = np.asarray(stream.recording.signals[key])
        values = stream.encoding.encode(stored, channel, channel + 1)
        extreme = reduce.reduce(values, axis=None)
        all_nan = bool(np.isnan(np.asarray(values, dtype=float)).all())
        if not all_nan and extreme != bins[channel, index]:
            found.append(f"{name} of overview {factor} differs at channel {channel}, bin {index}")
    return found


def _compare_decoded(stream: Stream, dataset: xr.Dataset) -> list[str]:
    """Compare what xarray shows of the first and last samples with stored × gain + offset."""
    recording = stream.recording
    shape = recording.signals.shape
    if not math.prod(shape):
        return []
    found = []
    for index in (0, shape[-1] - 1):
        key = (slice(0, shape[0]), *(slice(0, 1),) * (len(shape) - 2), slice(index, index + 1))
        expected = np.asarray(recording.signals[key]).astype(float).reshape(shape[0])
        if recording.gain is not None and recording.offset is not None:
            expected = expected * np.array(recording.gain) + np.array(recording.offset)
        shown = np.asarray(dataset["signals"][key].values, dtype=float).reshape(shape[0])
        tolerance = 1e-6 * np.maximum(np.abs(expected), 1e-300)
        if recording.gain is not None:
            tolerance = tolerance + 0.01 * np.abs(np.array(recording.gain))
        equal = np.abs(shown - expected) <= tolerance
        if not np.all(equal | (np.isnan(shown) & np.isnan(expected)) | (shown == expected)):
            found.append(f"physical values of sample {index} differ")
    return found


def _compare_events(events: EventTable, dataset: xr.Dataset) -> list[str]:
    if not len(events):
        return []
    found = []
    for column in EVENT_COLUMNS:
        name = f"event_{column}"
        if name not in dataset:
            found.append(f"{name} is absent")
            continue
        values, expected = dataset[name].values, getattr(events, column)
        if column.endswith("_s"):
            same = np.array_equal(values, np.asarray(expected, dtype=float), equal_nan=True)
        else:
            same = values.tolist() == [str(text) for text in expected]
        if not same:
            found.append(f"{name} differs ({len(values)} of {len(expected)} events)")
    sweeps = list(events.sweep) or [NO_SWEEP] * len(events)
    if dataset["event_sweep"].values.tolist() != sweeps:
        found.append("event_sweep differs")
    return found
