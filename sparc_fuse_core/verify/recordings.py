"""Re-read what was written and compare it with the source, by means the writer does not use.

The store is read with zarr-python (it was written with tensorstore) and decoded as CF says (`decoded`). Small
files are compared whole; of large ones the first and last blocks, those with the smallest and largest value,
and one of each of eight strata. In each block that is compared physical values are, too: of every channel the
first, the last, the smallest, the largest and one sample between. The writer's encoder is not asked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.storage import LocalStore

from sparc_fuse_core.model import EVENT_COLUMNS, NO_SWEEP
from sparc_fuse_core.verify.decoded import Decoded, as_meant
from sparc_fuse_core.writers.dense_arrays import dense_codec
from sparc_fuse_core.writers.streams import plan_streams
from sparc_fuse_core.writers.time_axis import grid_tolerance_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents, EventTable, Recording
    from sparc_fuse_core.writers.streams import Stream

    Array = np.ndarray[Any, Any]

_BLOCK_BYTES = 2 << 20
_STRATA = 8
#: Samples of each channel of a block that are compared as physical values.
_FEW = 5
#: Of float32, in which physical values may be kept.
_ROUNDED = 1e-6


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
        group = Decoded(root, stream.group)
        found = [*group.faults()] or _compare_facts(stream, group)
        if not found:
            found = _compare_values(stream, group, whole_bytes) + _compare_overview(stream, group)
        differences += [f"{stream.path('signals')}: {text}" for text in found]
    return differences + _compare_events(contents.events, Decoded(root))


def _compare_facts(stream: Stream, group: Decoded) -> list[str]:
    recording = stream.recording
    shape = group.shape("signals")
    if shape != tuple(recording.signals.shape):
        return [f"shape {shape} instead of {tuple(recording.signals.shape)}"]
    found = []
    for name, expected in (
        ("channel_name", recording.channel_names),
        ("units", recording.channel_units),
    ):
        if tuple(group.values(name).tolist()) != expected:
            found.append(f"{name} differ")
    for name, scale in (
        ("stored_gain", stream.stored_gain),
        ("stored_offset", stream.stored_offset),
    ):
        if scale is not None and not np.array_equal(group.values(name), scale, equal_nan=True):
            found.append(f"{name} differs")
    n_samples = recording.n_samples
    if group.shape("time") != (n_samples,):
        found.append(f"{group.shape('time')} times for {n_samples} samples")
        return found
    # decoding rounds in the last places; a segment may have been moved onto the grid
    rate_hz = recording.sampling_rate_hz
    tolerance_s = 0.0 if rate_hz is None else 1.01 * grid_tolerance_s(rate_hz)
    expected_times = list(_expected_times(stream))
    chosen = np.array([index for index, _ in expected_times], dtype=np.int64)
    shown = _at(group, "time", chosen)
    for (index, expected_time), value in zip(expected_times, shown.tolist(), strict=True):
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


def _at(group: Decoded, name: str, indices: Array) -> Array:
    """Return single values of a long array, each part of it read once."""
    array = group.array(name)
    wanted, place = np.unique(indices, return_inverse=True)
    found = np.empty(len(wanted))
    step = array.chunks[0]
    for chunk in np.unique(wanted // step):
        inside = wanted // step == chunk
        part = np.asarray(array[int(chunk) * step : int(chunk + 1) * step])
        found[inside] = as_meant(part[wanted[inside] - chunk * step], array)
    return found[place]


def _compare_values(stream: Stream, group: Decoded, whole_bytes: int) -> list[str]:
    """Compare blocks of stored values, and in each a few as they are meant."""
    recording, array = stream.recording, group.array("signals")
    kept, source = np.dtype(array.dtype), np.dtype(recording.signals.dtype).newbyteorder("=")
    if kept != source and kept.kind != "f":
        return [f"dtype {kept}, of values of {source}"]
    shape = tuple(recording.signals.shape)
    blocks = list(_blocks(shape, array.chunks[-1], kept.itemsize))
    if math.prod(shape) * kept.itemsize > whole_bytes:
        blocks = _strata(blocks)
    # where all channels have one scale stored values stay as they are
    is_kept = not (recording.gain and recording.offset) or "scale_factor" in array.attrs
    is_kept |= set(recording.gain or ()) <= {1.0} and set(recording.offset or ()) <= {0.0}
    for key in blocks:
        given, written = np.asarray(recording.signals[key]), np.asarray(array[key])
        where = ", ".join(f"{part.start}:{part.stop}" for part in key)
        first = key[0].start
        if is_kept:
            is_same = np.array_equal(written, given, equal_nan=kept.kind == "f")
            # a few of each channel are enough: one scale made them all
            given, written = _few(given), _few(written)
        else:
            is_same = True
        if not is_same or not _same_physical(recording, given, as_meant(written, array), first):
            what = "values" if not is_same or not is_kept else "physical values"
            return [f"{what} differ in block [{where}]"]
    return []


def _few(block: Array) -> Array:
    """Return some samples of each channel of a block: first, last, smallest, largest and one between."""
    rows = block.reshape(len(block), -1)
    n = rows.shape[1]
    if n <= _FEW:
        return rows
    places = np.empty((len(rows), _FEW), dtype=np.int64)
    places[:] = (0, n - 1, n // 3, 0, 0)
    if not (rows.dtype.kind == "f" and np.isnan(rows).any()):
        places[:, 3], places[:, 4] = rows.argmin(axis=1), rows.argmax(axis=1)
    return np.take_along_axis(rows, places, axis=1)


def _same_physical(recording: Recording, given: Array, shown: Array, first: int) -> bool:
    """Whether values shown are stored × gain + offset, of channels from ``first`` on."""
    expected, step = _physical(recording, given, first)
    tolerance = _ROUNDED * np.maximum(np.abs(expected), 1e-300) + 0.01 * step
    with np.errstate(invalid="ignore"):
        near = np.abs(shown - expected) <= tolerance
    return bool(np.all(near | (np.isnan(shown) & np.isnan(expected)) | (shown == expected)))


def _physical(recording: Recording, given: Array, first: int) -> tuple[Array, Array | float]:
    """Return stored values as physical ones, and what one step of them is."""
    values = given.astype(float)
    if recording.gain is None or recording.offset is None:
        return values, 0.0
    rows = slice(first, first + len(given))
    column = (slice(None),) + (None,) * (given.ndim - 1)
    gain, offset = np.array(recording.gain[rows])[column], np.array(recording.offset[rows])[column]
    return values * gain + offset, np.abs(gain)


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


def _compare_overview(stream: Stream, group: Decoded) -> list[str]:
    """Compare the bins with the smallest and largest value with the samples they stand for."""
    recording = stream.recording
    if not stream.overview_factors:
        return []
    factor = stream.overview_factors[-1]
    found = []
    for name, pick, reduce in (
        ("minimum", np.argmin, np.fmin),
        ("maximum", np.argmax, np.fmax),
    ):
        bins = group.values(f"overview/{factor}/{name}")
        if bins.dtype.kind == "f" and np.isnan(bins).any():
            bins = np.nan_to_num(bins, nan=float(np.inf if pick is np.argmin else -np.inf))
        channel, index = (int(i) for i in np.unravel_index(pick(bins), bins.shape))
        span = slice(index * factor, min((index + 1) * factor, recording.n_samples))
        middle = (slice(None),) * (len(recording.signals.shape) - 2)
        key = (slice(channel, channel + 1), *middle, span)
        values, step = _physical(recording, np.asarray(recording.signals[key]), channel)
        if np.isnan(values).all():
            continue
        extreme, one_step = float(reduce.reduce(values, axis=None)), float(np.max(step))
        shown = float(bins[channel, index])
        tolerance = _ROUNDED * abs(extreme) + 0.01 * one_step
        if extreme != shown and not abs(extreme - shown) <= tolerance:
            found.append(f"{name} of overview {factor} differs at channel {channel}, bin {index}")
    return found


def _compare_events(events: EventTable, group: Decoded) -> list[str]:
    if not len(events):
        return []
    found = []
    for column in EVENT_COLUMNS:
        name = f"event_{column}"
        if name not in group:
            found.append(f"{name} is absent")
            continue
        values, expected = group.values(name), getattr(events, column)
        if column.endswith("_s"):
            same = np.array_equal(values, np.asarray(expected, dtype=float), equal_nan=True)
        else:
            same = values.tolist() == [str(text) for text in expected]
        if not same:
            found.append(f"{name} differs ({len(values)} of {len(expected)} events)")
    sweeps = list(events.sweep) or [NO_SWEEP] * len(events)
    if group.values("event_sweep").tolist() != sweeps:
        found.append("event_sweep differs")
    return found
