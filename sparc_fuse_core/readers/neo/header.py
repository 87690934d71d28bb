"""NEO's header and samples as this project's model: streams, segments, events, spikes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, TruncatedFileError
from sparc_fuse_core.model import EventTable, Recording, Segment
from sparc_fuse_core.model.events import NO_SWEEP
from sparc_fuse_core.model.recording import rate_name
from sparc_fuse_core.readers.shared.joined import joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparc_fuse_core.readers.neo.kinds import Kind

#: Words that NEO writes where there is no unit.
_NO_UNITS = frozenset({"", "a.u.", "dimensionless", "unknown", "1", "?"})
_MOST_SEGMENTS = 1_000_000
_MOST_EVENTS = 50_000_000


def recordings_of(neo: Any, kind: Kind, path: Path) -> list[Recording]:
    """Return each stream of each block; samples are read when they are sliced."""
    found = []
    for block in range(neo.block_count()):
        n_segments = neo.segment_count(block)
        if n_segments > _MOST_SEGMENTS:
            message = f"{path.name}: announces {n_segments} segments; it is damaged"
            raise CorruptFileError(message)
        for stream in range(neo.signal_streams_count()):
            found += _stream(neo, kind, path, (block, stream, n_segments))
    return found


def _stream(neo: Any, kind: Kind, path: Path, place: tuple[int, int, int]) -> list[Recording]:
    block, stream, n_segments = place
    header = neo.header["signal_streams"][stream]
    channels = neo.header["signal_channels"]
    channels = channels[channels["stream_id"] == header["id"]]
    if not len(channels):
        return []
    sizes = [int(neo.get_signal_size(block, seg, stream)) for seg in range(n_segments)]
    _check_sizes(neo, path, block, header, n_segments)
    if any(size < 0 for size in sizes):
        message = f"{path.name}: announces a negative number of samples; it is damaged"
        raise CorruptFileError(message)
    starts = [float(neo.get_signal_t_start(block, seg, stream)) for seg in range(n_segments)]
    runs = [
        (seg, size, start)
        for seg, (size, start) in enumerate(zip(sizes, starts, strict=True))
        if size
    ]
    if not runs:
        return []
    common = _common(channels, kind, str(header["name"]), path)
    dtype = np.dtype(str(channels["dtype"][0]))

    def blocks(taken: list[tuple[int, int, float]]) -> FunctionBlocks:
        return _runs(neo, (block, stream), taken, len(channels), dtype)

    if len(runs) == 1:
        return [Recording(signals=blocks(runs), start_s=runs[0][2], **common)]
    if kind.has_clock:
        return [
            Recording(signals=blocks(runs), start_s=runs[0][2], segments=_segments(runs), **common)
        ]
    if len({size for _, size, _ in runs}) == 1:
        return [Recording(signals=_sweeps(blocks(runs), len(runs), runs[0][1]), **common)]
    return [Recording(signals=blocks([run]), **common) for run in runs]


def _common(channels: Any, kind: Kind, stream: str, path: Path) -> dict[str, Any]:
    names = tuple(_name(str(name), kind) for name in channels["name"])
    digital = [bool(kind.digital and re.fullmatch(kind.digital, name)) for name in names]
    units = tuple(
        "" if bits or str(unit) in _NO_UNITS else str(unit)
        for unit, bits in zip(channels["units"], digital, strict=True)
    )
    gain = tuple(
        1.0 if bits else float(g) for g, bits in zip(channels["gain"], digital, strict=True)
    )
    offset = tuple(
        0.0 if bits else float(o) for o, bits in zip(channels["offset"], digital, strict=True)
    )
    if not all(math.isfinite(value) for value in (*gain, *offset)) or not all(gain):
        message = f"{path.name}: states a scale of 0, or one that is no number; it is damaged"
        raise CorruptFileError(message)
    scaled = any(value != 1.0 for value in gain) or any(offset)
    rate_hz = float(channels["sampling_rate"][0])
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        message = f"{path.name}: states a rate of {rate_hz} Hz; it is damaged"
        raise CorruptFileError(message)
    return {
        "name": _stream_name(stream) or rate_name(rate_hz),
        "channel_names": names,
        "channel_units": units,
        "sampling_rate_hz": rate_hz,
        "gain": gain if scaled else None,
        "offset": offset if scaled else None,
    }


def _name(name: str, kind: Kind) -> str:
    return "" if kind.made_up_names and re.fullmatch(kind.made_up_names, name) else name


def _stream_name(name: str) -> str:
    """Return the name of a stream if it is one: NEO numbers those that have none."""
    return "" if re.fullmatch(r"|Signals?|(Signal )?[Ss]tream( group)?( \d+)?|\d+", name) else name


def _check_sizes(neo: Any, path: Path, block: int, header: Any, n_segments: int) -> None:
    """Refuse samples that lie beyond the end of a file: they are mapped, not read, when it is opened."""
    buffer_id = str(header["buffer_id"])
    if not neo.has_buffer_description_api() or not buffer_id:
        return
    for seg in range(n_segments):
        stated = neo.get_analogsignal_buffer_description(block, seg, buffer_id)
        if stated.get("type") != "raw":
            continue
        there = _size(stated["file_path"])
        wanted = math.prod(stated["shape"]) * np.dtype(stated["dtype"]).itemsize
        if stated["file_offset"] + wanted > there:
            message = (
                f"{path.name}: announces {wanted} bytes of samples from byte {stated['file_offset']}, "
                f"and its file has {there}; it ends early: upload it again"
            )
            raise TruncatedFileError(message)


def _size(path: Any) -> int:
    return Path(path).stat().st_size


def _runs(
    neo: Any,
    place: tuple[int, int],
    runs: list[tuple[int, int, float]],
    n_channels: int,
    dtype: np.dtype[Any],
) -> FunctionBlocks:
    """Return runs of samples one after the other: shape (n_channels, samples of all)."""
    block, stream = place

    def read_run(
        run: int, channels: tuple[int, int], samples: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        chunk = neo.get_analogsignal_chunk(
            block_index=block,
            seg_index=runs[run][0],
            i_start=samples[0],
            i_stop=samples[1],
            stream_index=stream,
        )
        return np.asarray(chunk)[:, slice(*channels)].T

    return joined([size for _, size, _ in runs], n_channels, dtype, read_run)


def _sweeps(flat: FunctionBlocks, n_sweeps: int, n: int) -> FunctionBlocks:
    """Return runs of one length as sweeps: shape (n_channels, n_sweeps, n_samples)."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        channels, (start, stop), (first, last) = bounds
        out = np.empty((channels[1] - channels[0], stop - start, last - first), flat.dtype)
        for sweep in range(start, stop):
            key = (slice(*channels), slice(sweep * n + first, sweep * n + last))
            out[:, sweep - start] = flat[key]
        return out

    return FunctionBlocks((flat.shape[0], n_sweeps, n), flat.dtype, read)


def _segments(runs: list[tuple[int, int, float]]) -> tuple[Segment, ...]:
    found, at = [], 0
    for _, size, start in runs:
        found.append(Segment(at, size, start))
        at += size
    return tuple(found)


def events_of(
    neo: Any, kind: Kind, path: Path, shift_s: Callable[[int], float] = lambda _segment: 0.0
) -> EventTable:
    """Return events, epochs and times of spikes, in order of time.

    Where segments have no clock, an event belongs to its sweep and its time counts from there. ``shift_s`` is
    what is added to times of a segment.
    """
    parts: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str], str, str, int]] = []
    total = 0
    for block in range(neo.block_count()):
        n_segments = neo.segment_count(block)
        for seg in range(n_segments):
            sweep = NO_SWEEP if kind.has_clock or n_segments == 1 else seg
            for i, channel in enumerate(neo.header["event_channels"]):
                raw, durations, labels = neo.get_event_timestamps(block, seg, i)
                total = _bounded(total + len(raw), path)
                times = np.asarray(neo.rescale_event_timestamp(raw, "float64", i), float)
                times = times + shift_s(seg)
                lasts = np.full(len(times), np.nan)
                if durations is not None and channel["type"] == b"epoch":
                    lasts = np.asarray(neo.rescale_epoch_duration(durations, "float64", i), float)
                name = str(channel["name"])
                texts = [str(label) or name for label in labels]
                parts.append((times, lasts, texts, name, channel["type"].decode(), sweep))
            for i, channel in enumerate(neo.header["spike_channels"]):
                times = neo.get_spike_timestamps(block, seg, i)
                total = _bounded(total + len(times), path)
                times = np.asarray(neo.rescale_spike_timestamp(times, "float64"), float)
                name = str(channel["name"])
                parts.append(
                    (times, np.full(len(times), np.nan), [""] * len(times), name, "spike", sweep)
                )
    times = np.concatenate([part[0] for part in parts]) if parts else np.empty(0)
    if not np.isfinite(times).all():
        message = f"{path.name}: holds an event whose time is no number; it is damaged"
        raise CorruptFileError(message)
    order = np.argsort(times, kind="stable")
    labels = [text for part in parts for text in part[2]]
    rows = [(part[3], part[4], part[5]) for part in parts for _ in part[2]]
    lasts = np.concatenate([part[1] for part in parts]) if parts else np.empty(0)
    return EventTable(
        time_s=times[order].tolist(),
        duration_s=lasts[order].tolist(),
        label=[labels[i] for i in order],
        channel=[rows[i][0] for i in order],
        kind=[rows[i][1] for i in order],
        sweep=[rows[i][2] for i in order],
    )


def _bounded(total: int, path: Path) -> int:
    if total > _MOST_EVENTS:
        message = f"{path.name}: announces {total} events; it is damaged"
        raise CorruptFileError(message)
    return total


def waveforms_of(neo: Any) -> list[Recording]:
    """Return the waveforms of each unit that has them, as sweeps in order of time."""
    found = []
    for block in range(neo.block_count()):
        for seg in range(neo.segment_count(block)):
            for i, channel in enumerate(neo.header["spike_channels"]):
                if not channel["wf_gain"]:
                    continue
                waves = neo.get_spike_raw_waveforms(block, seg, i)
                if waves is None or not waves.size:
                    continue
                found.append(_waveform(waves, channel))
    return found


def _waveform(waves: Any, channel: Any) -> Recording:
    n_spikes, n_channels, n = waves.shape

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop), (first, last) = bounds
        return np.asarray(waves[start:stop, low:high, first:last]).transpose(1, 0, 2).copy()

    unit = str(channel["wf_units"])
    rate_hz = float(channel["wf_sampling_rate"])
    return Recording(
        "spike_waveforms",
        FunctionBlocks((n_channels, n_spikes, n), np.dtype(waves.dtype), read),
        (str(channel["name"]),) * n_channels,
        ("" if unit in _NO_UNITS else unit,) * n_channels,
        rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else None,
        gain=(float(channel["wf_gain"]),) * n_channels,
        offset=(float(channel["wf_offset"]),) * n_channels,
        metadata={"sweeps": "one for each spike of the unit, in order of time"},
    )
