"""Channels of one clock and length are one stream, also where the file stores them in several types.

Merged streams hold physical floats from which each channel's stored values come back exactly. Where that
would take more than a quarter more bytes than the types apart, they stay streams of their own. The estimate
depends on the channels and their types only, not on how long a file is or what it holds, so that files of
one set-up agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.writers.encoding import encoding_of, holds_every_integer

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from sparc_fuse_core.model import Recording

#: Compressed bytes that a merged stream may take, as a multiple of those of its parts.
MAX_GROWTH = 1.25

#: Compressed bytes of integers written as physical floats, as a multiple of those as integers; measured on 21
#: streams of .acq, .smr, .edf and .bdf (together 1.29 and 1.74 times). DECISIONS.md has the figures.
_AS_FLOATS = {"float32": 1.3, "float64": 1.75}


@dataclass(frozen=True, slots=True)
class Merged:
    """A recording, and what its channels were stored as where several were merged; else empty and None."""

    recording: Recording
    stored_dtypes: tuple[str, ...] = ()
    stored_gain: tuple[float, ...] | None = None
    stored_offset: tuple[float, ...] | None = None


def merge_types(recordings: Sequence[Recording]) -> list[Merged]:
    """Join recordings of one name, clock and length, in the order of the first of each."""
    by_clock: dict[Hashable, list[Recording]] = {}
    for recording in recordings:
        by_clock.setdefault(_clock(recording), []).append(recording)
    merged: list[Merged] = []
    for parts in by_clock.values():
        dtype = _common_dtype(parts) if len(parts) > 1 else None
        merged += [Merged(part) for part in parts] if dtype is None else [_merge(parts, dtype)]
    return merged


def _clock(recording: Recording) -> Hashable:
    """Return what recordings of one stream have in common."""
    if recording.times is not None:
        return id(recording)
    return (
        recording.name,
        tuple(recording.signals.shape[1:]),
        recording.sampling_rate_hz,
        recording.start_s,
        recording.sweep_start_s,
        recording.segments,
        recording.is_main,
        bool(recording.channel_start_s),
    )


def _common_dtype(parts: Sequence[Recording]) -> np.dtype[Any] | None:
    """Return the smallest float that holds every part exactly, or None if there is none or it is too large."""
    apart = sum(_cost(part, encoding_of(part).dtype) for part in parts)
    for target in (np.dtype("float32"), np.dtype("float64")):
        if all(_holds(part, target) for part in parts):
            merged = sum(_cost(part, target) for part in parts)
            return target if merged <= MAX_GROWTH * apart else None
    return None


def _cost(part: Recording, written: np.dtype[Any]) -> float:
    """Return about how many bytes a sample of all channels takes, written as this type and compressed."""
    stored = np.dtype(part.signals.dtype)
    if stored.kind in "iub" and written.kind == "f":
        return part.n_channels * stored.itemsize * _AS_FLOATS[written.name]
    return float(part.n_channels * written.itemsize)


def _holds(part: Recording, target: np.dtype[Any]) -> bool:
    dtype = np.dtype(part.signals.dtype)
    gains, offsets = _scales(part)
    if dtype.kind == "f":
        scaled = bool(np.any(gains != 1) or np.any(offsets != 0))
        return dtype.itemsize <= target.itemsize and not (scaled and target.itemsize < 8)
    return dtype.kind in "iub" and holds_every_integer(dtype, gains, offsets, target)


def _scales(part: Recording) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if part.gain is None or part.offset is None:
        return np.ones(part.n_channels), np.zeros(part.n_channels)
    return np.array(part.gain, dtype=float), np.array(part.offset, dtype=float)


def _merge(parts: Sequence[Recording], dtype: np.dtype[Any]) -> Merged:
    first = parts[0]
    starts = np.cumsum([0, *(part.n_channels for part in parts)]).tolist()
    scales = [_scales(part) for part in parts]

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        low, high = bounds[0]
        shape = tuple(stop - start for start, stop in bounds)
        block = np.empty(shape, dtype)
        rest = tuple(slice(*pair) for pair in bounds[1:])
        for part, (gains, offsets), origin in zip(parts, scales, starts, strict=False):
            a, b = max(low, origin), min(high, origin + part.n_channels)
            if a >= b:
                continue
            rows = slice(a - origin, b - origin)
            stored = np.asarray(part.signals[(rows, *rest)])
            if np.any(gains[rows] != 1) or np.any(offsets[rows] != 0):
                column = (rows,) + (None,) * (stored.ndim - 1)
                physical = np.multiply(stored, gains[column], dtype=np.float64)
                physical += offsets[column]
                stored = physical
            block[a - low : b - low] = stored
        return block

    whole = replace(
        first,
        signals=FunctionBlocks((starts[-1], *first.signals.shape[1:]), dtype, read),
        channel_names=tuple(name for part in parts for name in part.channel_names),
        channel_units=tuple(unit for part in parts for unit in part.channel_units),
        channel_start_s=tuple(start for part in parts for start in part.channel_start_s),
        gain=None,
        offset=None,
        metadata=_facts(parts),
    )
    stored_gain: list[float] = []
    stored_offset: list[float] = []
    dtypes: list[str] = []
    for part, (gains, offsets) in zip(parts, scales, strict=True):
        is_real = np.dtype(part.signals.dtype).kind == "f" and part.gain is None
        stored_gain += [np.nan] * part.n_channels if is_real else gains.tolist()
        stored_offset += [np.nan] * part.n_channels if is_real else offsets.tolist()
        dtypes += [np.dtype(part.signals.dtype).newbyteorder("=").name] * part.n_channels
    return Merged(whole, tuple(dtypes), tuple(stored_gain), tuple(stored_offset))


def _facts(parts: Sequence[Recording]) -> dict[str, Any]:
    """Join facts that are lists of one for each channel; others are kept where all parts agree."""
    facts: dict[str, Any] = {}
    for key in dict.fromkeys(key for part in parts for key in part.metadata):
        columns = [part.metadata.get(key) for part in parts]
        lists = [column if isinstance(column, list | tuple) else None for column in columns]
        if all(
            column is not None and len(column) == part.n_channels
            for part, column in zip(parts, lists, strict=True)
        ):
            facts[key] = [entry for column in lists if column is not None for entry in column]
        elif all(column == columns[0] for column in columns):
            facts[key] = columns[0]
        else:
            facts[key] = [
                entry
                for part, column in zip(parts, columns, strict=True)
                for entry in _for_each_channel(part, column)
            ]
    return facts


def _for_each_channel(part: Recording, column: Any) -> list[Any]:
    if isinstance(column, list | tuple) and len(column) == part.n_channels:
        return list(column)
    return [column] * part.n_channels
