"""Write recordings as one Zarr group that plain xarray opens in physical units.

The layout is specified in ``docs/layout.md``. The main stream lies in the root, further ones in child
groups: ``signals`` (channel, sample) or (channel, sweep, sample), channel coordinates, ``time``, segments,
and ``overview/<factor>``. Events are columns ``event_*``. All is written in one pass, block by block.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import EVENT_COLUMNS, NO_SWEEP
from sparc_fuse_core.writers.attributes import CONVENTIONS, json_text, plain
from sparc_fuse_core.writers.dense_arrays import check_pcodec, dense_codec
from sparc_fuse_core.writers.memory import give_back
from sparc_fuse_core.writers.overview import Envelope, Overview
from sparc_fuse_core.writers.streams import plan_streams
from sparc_fuse_core.writers.time_axis import write_time
from sparc_fuse_core.writers.udunits import udunits
from sparc_fuse_core.writers.zarr_arrays import (
    Target,
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
    from sparc_fuse_core.writers.streams import Stream
    from sparc_fuse_core.writers.zarr_arrays import ZarrFormat

#: Layout of the store; its number changes when a reader could notice.
LAYOUT = "sparc-fuse-signals-2"

#: Said of ``stored_gain`` and ``stored_offset``, so that nobody applies them twice.
_APPLIED = (
    "already applied to signals; stored = round((signals - stored_offset) / stored_gain); "
    "NaN: the source stores real numbers"
)


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
    Facts about each stream, as in `sparc_fuse_core.writers.streams.Stream.describe`.

    Raises
    ------
    MissingDependencyError
        If the profile is dense and pcodec is not installed.
    """
    if profile == "dense":
        check_pcodec()
    target = Target(out, budget_bytes, zarr_format, profile)
    streams = plan_streams(contents)
    root = create_group(out, {}, zarr_format)
    coordinates: list[str] = []
    for stream in streams:
        named = _write_stream(stream, root, target, on_values)
        coordinates = coordinates or named
    write_events(contents.events, root)
    facts: dict[str, Any] = {
        "Conventions": CONVENTIONS,
        "kind": "signal",
        "layout": LAYOUT,
        "profile": profile,
        "coordinates": " ".join(coordinates),
        "streams": json_text([stream.entry() for stream in streams]),
        "n_events": len(contents.events),
        "start_time": contents.start_time or None,
    }
    if streams:
        facts |= _names(streams[0])
    root.attrs.update(plain({**attributes, **facts}))
    for stream in streams:
        if (
            stream.group
        ):  # where nothing can be listed (HTTP), a group of its own opens by itself too
            consolidate(out / stream.group, zarr_format)
    consolidate(out, zarr_format)
    give_back()
    return [stream.describe() for stream in streams]


def _names(stream: Stream) -> dict[str, list[str]]:
    """Names and units as attributes: some readers know no text of variable length."""
    recording = stream.recording
    return {
        "channel_names": list(recording.channel_names),
        "channel_units": list(recording.channel_units),
    }


def _write_stream(
    stream: Stream,
    root: zarr.Group,
    target: Target,
    on_values: Callable[[int], None] | None,
) -> list[str]:
    """Write one stream into its group and return the names of its coordinates."""
    group = root.require_group(stream.group) if stream.group else root
    coordinates = [
        *write_channels(stream, group),
        # before the signals, whose buffers then lie where these were: after them it would come on top
        *write_time(stream, group, target),
    ]
    attributes = {**stream.encoding.attributes, "coordinates": " ".join(coordinates)}
    if "units" in attributes:
        names = stream.recording.channel_names
        attributes["long_name"] = (names[0] if len(names) == 1 else "") or stream.name
    _write_signals(stream, target, plain(attributes), on_values)
    for factor in stream.overview_factors:
        level = group.require_group(f"overview/{factor}")
        level.attrs.update(bin_attributes(stream.recording, factor))
    segments = _write_segments(stream, group)
    if stream.group:
        facts = {
            "name": stream.name,
            "sampling_rate_hz": stream.recording.sampling_rate_hz,
            "coordinates": " ".join(coordinates + segments),
            **_names(stream),
        }
        group.attrs.update(plain(facts))
    return coordinates + segments


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
    stream: Stream,
    target: Target,
    attributes: dict[str, Any],
    on_values: Callable[[int], None] | None,
) -> None:
    recording, encoding = stream.recording, stream.encoding
    shape = tuple(recording.signals.shape)
    if len(shape) == 3:
        _write_sweeps(stream, target, attributes, on_values)
        return
    # two copies of a block are alive at once where values are scaled, one more compressed
    itemsize = encoding.dtype.itemsize
    chunk, shard = chunk_and_shard(shape[0], shape[1], itemsize, target.budget_bytes)
    array = _create(stream, target, attributes, chunk, shard)
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


def _write_sweeps(
    stream: Stream,
    target: Target,
    attributes: dict[str, Any],
    on_values: Callable[[int], None] | None,
) -> None:
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
    array = _create(stream, target, attributes, chunk, shard)
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
    target: Target,
    attributes: dict[str, Any],
    chunk: tuple[int, ...],
    shard: tuple[int, ...],
) -> Any:
    shape = stream.recording.signals.shape
    words = ("channel", "sample") if len(shape) == 2 else ("channel", "sweep", "sample")
    return create_bulk_array(
        target.folder / stream.path("signals"),
        shape=shape,
        dtype=stream.encoding.dtype,
        chunk=chunk,
        shard=None if chunk == shard else shard,
        dimensions=[stream.dimension(word) for word in words],
        attributes=attributes,
        zarr_format=target.zarr_format,
        profile=target.profile,
    )


def _overview(stream: Stream, target: Target, shape: tuple[int, int]) -> Overview:
    attributes = dict(stream.encoding.attributes)
    return Overview(
        target.folder / stream.path("overview"),
        (stream.dimension("channel"), "bin"),
        shape,
        stream.encoding.dtype,
        {
            factor: attributes | bin_attributes(stream.recording, factor)
            for factor in stream.overview_factors
        },
        swap=stream.encoding.swaps_extremes,
        zarr_format=target.zarr_format,
        profile=target.profile,
    )


def bin_attributes(recording: Recording, factor: int) -> dict[str, Any]:
    """Return where the bins of a level of the overview lie, in seconds where one rate describes them."""
    rate_hz = recording.sampling_rate_hz
    is_even = rate_hz is not None and recording.times is None and len(recording.segments) < 2
    return {
        "samples_per_bin": factor,
        "bin_start": float(recording.start_s) if is_even else 0.0,
        "bin_step": factor / rate_hz if is_even and rate_hz else float(factor),
        "bin_units": "s" if is_even else "sample",
    }


def write_channels(stream: Stream, group: zarr.Group) -> list[str]:
    """Write what is known of each channel and return the names of the arrays."""
    recording = stream.recording
    columns: dict[str, Any] = {
        "channel": np.arange(recording.n_channels, dtype=np.int32),
        "channel_name": recording.channel_names,
        "units": recording.channel_units,
        "units_udunits": tuple(udunits(unit) for unit in recording.channel_units),
    }
    if stream.stored_gain is not None:
        columns["stored_gain"] = np.array(stream.stored_gain, dtype=float)
        columns["stored_offset"] = np.array(stream.stored_offset, dtype=float)
    if recording.channel_start_s:
        columns["start_s"] = np.array(recording.channel_start_s, dtype=float)
    attributes = {
        "stored_gain": {"comment": _APPLIED},
        "stored_offset": {"comment": _APPLIED},
        "start_s": {"units": "s"},
    }
    dimension = [stream.dimension("channel")]
    for name, values in columns.items():
        put_small_array(group, name, values, dimension, attributes.get(name))
    return list(columns)


def _write_segments(stream: Stream, group: zarr.Group) -> list[str]:
    segments = stream.recording.segments
    if not segments:
        return []
    dimension = [stream.dimension("segment")]
    starts = np.array([segment.start_sample for segment in segments], dtype=np.int64)
    counts = np.array([segment.n_samples for segment in segments], dtype=np.int64)
    seconds = np.array([segment.start_s for segment in segments], dtype=float)
    put_small_array(group, "segment_start_sample", starts, dimension)
    put_small_array(group, "segment_n_samples", counts, dimension)
    put_small_array(group, "segment_start_s", seconds, dimension, {"units": "s"})
    return ["segment_start_sample", "segment_n_samples", "segment_start_s"]


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
    sweeps = np.asarray(events.sweep or [NO_SWEEP] * len(events), dtype=np.int32)
    put_small_array(root, "event_sweep", sweeps, ["event"])
