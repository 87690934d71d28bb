"""Neuralynx .ncs, .nev, .nse, .nst and .ntt: 16 KiB of text, then records of one length.

Source: "Neuralynx Data File Formats". Times are the acquisition system's clock, in microseconds, kept
as it is: the files of one session share it. A step between records that is not the one before it
takes starts a segment.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEADER_BYTES = 16384
_PER_RECORD = 512
_MAX_LISTED = 100_000
_CSC = np.dtype(
    [
        ("time_us", "<u8"),
        ("channel", "<u4"),
        ("rate_hz", "<u4"),
        ("n_valid", "<u4"),
        ("samples", "<i2", (_PER_RECORD,)),
    ]
)
_EVENT = np.dtype(
    [
        ("start", "<i2"),
        ("packet", "<i2"),
        ("size", "<i2"),
        ("time_us", "<u8"),
        ("event", "<i2"),
        ("ttl", "<u2"),
        ("crc", "<i2"),
        ("dummy", "<i2", (2,)),
        ("extra", "<i4", (8,)),
        ("text", "S128"),
    ]
)


def _spike(n_electrodes: int) -> np.dtype[Any]:
    return np.dtype(
        [
            ("time_us", "<u8"),
            ("channel", "<u4"),
            ("unit", "<u4"),
            ("features", "<i4", (8,)),
            ("samples", "<i2", (32, n_electrodes)),
        ]
    )


_SPIKES = {_spike(n).itemsize: n for n in (1, 2, 4)}
_SIZES = {".ncs": _CSC.itemsize, ".nev": _EVENT.itemsize, ".nse": 112, ".nst": 176, ".ntt": 304}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open one Neuralynx file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        facts = _header(file)
        size = facts.get("RecordSize", "")
        record_bytes = int(size) if size.isdigit() else _SIZES.get(path.suffix.lower(), 0)
        n_records, left = divmod(file.size_bytes - _HEADER_BYTES, max(1, record_bytes))
        known = record_bytes in _SPIKES or record_bytes in (_CSC.itemsize, _EVENT.itemsize)
        if not known:
            message = (
                f"{path.name}: records of {record_bytes} bytes are not known (video tracking?)"
            )
            raise UnsupportedFormatError(message)
        if left:
            ends_early(path.name, f"{n_records} whole records and {left} bytes of one more")
        if not n_records:
            message = f"{path.name}: a header without a record"
            raise EmptyFileError(message)
        if record_bytes == _CSC.itemsize:
            yield _continuous(file, facts, n_records)
        elif record_bytes == _EVENT.itemsize:
            yield _events(file, facts, n_records)
        else:
            yield _spikes(file, facts, n_records, _SPIKES[record_bytes])


def _header(file: RecordFile) -> dict[str, str]:
    """Read the lines ``-Key value``."""
    if file.size_bytes < _HEADER_BYTES:
        message = f"{file.name}: truncated: the header alone has {_HEADER_BYTES} bytes"
        raise CorruptFileError(message)
    raw = file.read(0, _HEADER_BYTES).tobytes()
    # written by Windows programs: µ is one byte; zero bytes or blanks fill the rest
    text = raw.replace(b"\0", b"").decode("cp1252", errors="replace")
    found = re.findall(r"^\s*-([^\s]+)[ \t]*(.*?)\s*$", text, flags=re.MULTILINE)
    facts = {key: value.strip('"') for key, value in found}
    facts |= {
        key.strip(): value.strip()
        for key, value in re.findall(r"^## (Time \w+)[^:]*\): *(.*)$", text, flags=re.MULTILINE)
    }
    return facts


def _floats(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split()]
    except ValueError:
        return []


def _scale(facts: Mapping[str, str], n_channels: int) -> dict[str, Any]:
    """Return unit, gain and offset of the channels; ADBitVolts are volts a step."""
    gains = _floats(facts.get("ADBitVolts", ""))
    if len(gains) != n_channels or not all(np.isfinite(g) and g != 0 for g in gains):
        return {"channel_units": ("",) * n_channels}
    inverted = facts.get("InputInverted", "").lower() == "true"
    return {
        "channel_units": ("V",) * n_channels,
        "gain": tuple(-gain if inverted else gain for gain in gains),
        "offset": (0.0,) * n_channels,
    }


def _continuous(file: RecordFile, facts: Mapping[str, str], n_records: int) -> Contents:
    valid = np.empty(n_records, np.int64)
    times = np.empty(n_records, np.int64)
    rates: set[int] = set()
    for at, records in file.records(_CSC, _HEADER_BYTES, 0, n_records):
        valid[at : at + len(records)] = records["n_valid"]
        times[at : at + len(records)] = records["time_us"].astype(np.int64)
        rates |= set(np.unique(records["rate_hz"]).tolist())
    stated = _floats(facts.get("SamplingFrequency", ""))
    rate_hz = stated[0] if stated and stated[0] > 0 else float(max(rates))
    if valid.max() > _PER_RECORD or len(rates) != 1 or not rate_hz > 0:
        message = (
            f"{file.name}: damaged: records of up to {valid.max()} samples, "
            f"sampling rates {sorted(rates)[:5]} Hz"
        )
        raise CorruptFileError(message)
    starts = np.concatenate([[0], np.cumsum(valid)])
    if not starts[-1]:
        message = f"{file.name}: no valid sample in {n_records} records"
        raise EmptyFileError(message)
    # the clock counts whole microseconds, and a step of a sample is never skipped unnoticed
    due_us = times[:-1] + valid[:-1] * 1e6 / rate_hz
    off_us = np.abs(times[1:] - due_us)
    cuts = np.flatnonzero(off_us > max(1.0, 0.75e6 / rate_hz)) + 1
    edges = [0, *cuts.tolist(), n_records]
    segments = tuple(
        Segment(int(starts[a]), int(starts[b] - starts[a]), int(times[a]) / 1e6)
        for a, b in pairwise(edges)
        if starts[b] > starts[a]
    )
    evidence = []
    if len(segments) > 1:
        sentence = f"{len(segments) - 1} gaps between records are kept as segments."
        evidence.append(Evidence("time", "file", sentence))
    recording = Recording(
        "csc",
        _samples(file, starts),
        (facts.get("AcqEntName", ""),),
        sampling_rate_hz=rate_hz,
        start_s=segments[0].start_s,
        segments=segments if len(segments) > 1 else (),
        **_scale(facts, 1),
    )
    return Contents((recording,), metadata=_metadata(facts), evidence=tuple(evidence))


def _samples(file: RecordFile, starts: np.ndarray[Any, Any]) -> FunctionBlocks:
    """Blocks (1, n_samples) of the valid samples; record i holds samples from ``starts[i]``."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop) = bounds
        block = np.empty((1, stop - start), "<i2")
        if stop > start:
            first = int(np.searchsorted(starts, start, side="right")) - 1
            last = int(np.searchsorted(starts, stop))
            for at, records in file.records(_CSC, _HEADER_BYTES, first, last):
                valid = np.diff(starts[at : at + len(records) + 1])
                mask = np.arange(_PER_RECORD) < valid[:, None]
                values = records["samples"][mask]
                origin = int(starts[at])
                a, b = max(start, origin), min(stop, origin + len(values))
                block[0, a - start : b - start] = values[a - origin : b - origin]
        return block[low:high]

    return FunctionBlocks((1, int(starts[-1])), np.dtype("<i2"), read)


def _events(file: RecordFile, facts: Mapping[str, str], n_records: int) -> Contents:
    records = np.concatenate(
        [part for _, part in file.records(_EVENT, _HEADER_BYTES, 0, n_records)]
    )
    records = records[np.argsort(records["time_us"], kind="stable")]
    labels = [text.decode("cp1252", errors="replace") for text in records["text"].tolist()]
    metadata = _metadata(facts)
    if n_records <= _MAX_LISTED and (records["ttl"].any() or records["event"].any()):
        metadata["event_ttl"] = records["ttl"].tolist()
        metadata["event_id"] = records["event"].tolist()
    events = EventTable(
        time_s=(records["time_us"] / 1e6).tolist(),
        duration_s=[float("nan")] * n_records,
        label=labels,
        channel=[""] * n_records,
        kind=["event"] * n_records,
    )
    return Contents(events=events, metadata=metadata)


def _spikes(
    file: RecordFile, facts: Mapping[str, str], n_records: int, n_electrodes: int
) -> Contents:
    record = _spike(n_electrodes)
    times, units = [], []
    for _, records in file.records(record, _HEADER_BYTES, 0, n_records):
        times.append(records["time_us"] / 1e6)
        units.append(records["unit"])

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop), (first, last) = bounds
        block = np.empty((high - low, stop - start, last - first), "<i2")
        for at, records in file.records(record, _HEADER_BYTES, start, stop):
            part = records["samples"][:, first:last, low:high]
            block[:, at - start : at - start + len(records)] = part.transpose(2, 0, 1)
        return block

    name = facts.get("AcqEntName", "")
    stated = _floats(facts.get("SamplingFrequency", ""))
    recording = Recording(
        "spike_waveforms",
        FunctionBlocks((n_electrodes, n_records, 32), np.dtype("<i2"), read),
        (name,) * n_electrodes,
        sampling_rate_hz=stated[0] if stated and stated[0] > 0 else None,
        metadata={"sweeps": "one for each spike event, in the file's order"},
        **_scale(facts, n_electrodes),
    )
    time_s = np.concatenate(times)
    order = np.argsort(time_s, kind="stable")
    events = EventTable(
        time_s=time_s[order].tolist(),
        duration_s=[float("nan")] * n_records,
        label=[str(unit) for unit in np.concatenate(units)[order].tolist()],
        channel=[name] * n_records,
        kind=["spike"] * n_records,
    )
    return Contents((recording,), events=events, metadata=_metadata(facts))


def _metadata(facts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "header": dict(facts),
        "clock": "the acquisition system's, shared by the session's files",
    }
