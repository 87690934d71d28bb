"""MaxWell MaxOne and MaxTwo: one stream for each well and recording, with its spikes.

Samples are counts of the least significant bit ``lsb`` (in volts). ``frame_nos`` numbers each sample on the
chip's clock; a jump is a gap. The vendor may compress samples with a filter of its own (401).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, check_filter
from sparc_fuse_core.readers.hdf5.facts import number_of, text_of
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20
_MAX_SPIKES = 2_000_000


def is_maxwell(file: h5py.File) -> bool:
    """Whether the file has MaxWell's store and version."""
    return isinstance(file.get("data_store"), h5py.Group) and "mxw_version" in file


def read_maxwell(file: h5py.File, path: Path) -> Contents:
    """Map every routed group of every recording.

    Raises
    ------
    UnsupportedFormatError
        If samples are compressed with the vendor's own filter.
    """
    recordings: list[Recording] = []
    spikes: list[Event] = []
    first_ms = min(_start_ms(store) for store in file["data_store"].values())
    for name, store in file["data_store"].items():
        start_s = (_start_ms(store) - first_ms) / 1000.0
        for group_name, group in store.get("groups", {}).items():
            raw = group.get("raw")
            if isinstance(raw, h5py.Dataset) and raw.size:
                check_filter(raw, path)
                label = name if group_name == "routed" else f"{name}_{group_name}"
                recordings.append(_recording(label, store, group, start_s, path))
                spikes += _spikes(store, group, recordings[-1], start_s)
    spikes.sort(key=lambda event: event.time_s)
    sentence = "a count is `lsb`, which MaxWell gives in volts; the file itself names no unit"
    metadata: dict[str, Any] = {
        "program": "MaxWell",
        "version": text_of(file["mxw_version"][()]),
    }
    return Contents(
        tuple(recordings),
        events=EventTable.from_events(spikes),
        # milliseconds since 1970
        start_time=start_of_unix_time(first_ms / 1000),
        metadata=metadata,
        evidence=(Evidence("units", "inferred", sentence),),
    )


def _start_ms(store: h5py.Group) -> float:
    return number_of(store["start_time"][()]) or 0.0 if "start_time" in store else 0.0


def _recording(
    name: str, store: h5py.Group, group: h5py.Group, start_s: float, path: Path
) -> Recording:
    raw = group["raw"]
    settings = store["settings"]
    rate_hz, lsb = number_of(settings["sampling"][()]), number_of(settings["lsb"][()])
    if rate_hz is None or rate_hz <= 0 or not lsb or len(raw.shape) != 2:
        message = f"{path.name}: {store.name}: sampling {rate_hz} Hz, lsb {lsb}, shape {raw.shape}"
        raise CorruptFileError(message)
    n_channels, n_samples = raw.shape
    channels = group["channels"][()] if "channels" in group else None
    if channels is None or len(channels) != n_channels:
        names = ("",) * n_channels
    else:
        names = tuple(str(channel) for channel in channels)
    facts: dict[str, Any] = {}
    for key in ("well_id", "recording_id"):
        if key in store:
            facts[key] = int(number_of(store[key][()]) or 0)
    for key in ("gain", "hpf"):
        if key in settings:
            facts[key] = number_of(settings[key][()])
    return Recording(
        name,
        StoredBlocks(raw),
        names,
        ("V",) * n_channels,
        rate_hz,
        (lsb,) * n_channels,
        (0.0,) * n_channels,
        start_s=start_s,
        segments=_segments(group, n_samples, rate_hz, start_s, path),
        metadata=facts,
    )


def _segments(
    group: h5py.Group, n_samples: int, rate_hz: float, start_s: float, path: Path
) -> tuple[Segment, ...]:
    """Return the runs of consecutive frames, empty if there is no gap."""
    frames = group.get("frame_nos")
    if not isinstance(frames, h5py.Dataset) or frames.shape != (n_samples,):
        return ()
    edges, numbers = [0], [int(frames[0])]
    last = numbers[0] - 1
    for at in range(0, n_samples, _BLOCK):
        block = frames[at : at + _BLOCK].astype(np.int64)
        steps = np.diff(block, prepend=last)
        if (steps <= 0).any():
            message = f"{path.name}: frame numbers of {group.name} do not increase"
            raise CorruptFileError(message)
        jumps = np.flatnonzero(steps != 1)
        edges += [at + int(jump) for jump in jumps]
        numbers += [int(block[jump]) for jump in jumps]
        last = int(block[-1])
    if len(edges) == 1:
        return ()
    ends = [*edges[1:], n_samples]
    return tuple(
        Segment(edge, end - edge, start_s + (number - numbers[0]) / rate_hz)
        for edge, end, number in zip(edges, ends, numbers, strict=True)
    )


def _spikes(
    store: h5py.Group, group: h5py.Group, recording: Recording, start_s: float
) -> list[Event]:
    """Return the spikes that were detected while recording, within the stored frames."""
    table = store.get("spikes")
    frames = group.get("frame_nos")
    rate_hz = recording.sampling_rate_hz
    if not isinstance(table, h5py.Dataset) or not isinstance(frames, h5py.Dataset) or not rate_hz:
        return []
    names = table.dtype.names or ()
    if not {"frameno", "channel"} <= set(names) or table.size > _MAX_SPIKES or not frames.size:
        return []
    first = int(frames[0])
    return [
        Event(
            start_s + (int(row["frameno"]) - first) / rate_hz,
            label=f"{recording.name} channel {int(row['channel'])}",
            channel=str(int(row["channel"])),
            kind="spike",
        )
        for row in table[()]
    ]
