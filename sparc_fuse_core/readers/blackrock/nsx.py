"""Continuous data of Blackrock and Ripple: .ns1 to .ns6, file specifications 2.1, 2.2, 2.3 and 3.0.

Source: "NEV File Specification" and "NSx file format", Blackrock Microsystems. A data block is a byte
1, a time stamp, a number of samples and the samples; pauses start a new block. Files of specification
3.0 that run on the precision time protocol hold one sample a block.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.readers.shared.records import RecordFile, framed, interleaved
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.blocks import FunctionBlocks

#: ``Period`` counts these ticks, whatever the resolution of the time stamps
_PERIOD_HZ = 30000
_MAX_BLOCKS = 1_000_000
_CHANNEL = np.dtype(
    [
        ("type", "S2"),
        ("electrode", "<u2"),
        ("label", "S16"),
        ("connector", "u1"),
        ("pin", "u1"),
        ("min_digital", "<i2"),
        ("max_digital", "<i2"),
        ("min_analog", "<i2"),
        ("max_analog", "<i2"),
        ("units", "S16"),
        ("high_pass_mhz", "<u4"),
        ("high_pass_order", "<u4"),
        ("high_pass_type", "<u2"),
        ("low_pass_mhz", "<u4"),
        ("low_pass_order", "<u4"),
        ("low_pass_type", "<u2"),
    ]
)


@dataclass(frozen=True, slots=True)
class Continuous:
    """One .nsX file.

    Attributes
    ----------
    signals
        Shape (n_channels, n_samples), int16.
    runs
        (first sample, number of samples, time stamp of the first) of each stretch without a pause.
    ticks_hz
        Time stamps a second.
    gain, offset
        Of each channel; None if the file states no scale (specification 2.1).
    notes
        What was concluded while reading, for the user.
    """

    signals: FunctionBlocks
    runs: tuple[tuple[int, int, int], ...]
    rate_hz: float
    ticks_hz: float
    electrodes: tuple[int, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    gain: tuple[float, ...] | None
    offset: tuple[float, ...] | None
    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


def text_of(raw: bytes) -> str:
    """Decode a text that ends at the first zero byte."""
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()


def time_of(words: tuple[int, ...]) -> str:
    """Return year, month, weekday, day, hour, minute, second, millisecond as ISO 8601 text."""
    year, month, _, day, hour, minute, second, millisecond = words
    if not year:
        return ""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"


def open_continuous(path: Path, file: RecordFile) -> Continuous:
    """Read the headers and the index of data blocks of one .nsX file.

    Raises
    ------
    CorruptFileError
        If a header or a data block is damaged.
    EmptyFileError
        If there is no channel or no sample.
    """
    try:
        magic = file.read(0, 8).tobytes()
        if magic == b"NEURALSG":
            return _open_21(path, file)
        return _open_22(path, file)
    except (struct.error, UnicodeDecodeError) as err:
        message = f"{path.name}: the header is damaged ({err})"
        raise CorruptFileError(message) from err


def _rate(name: str, period: int) -> float:
    if not period:
        message = f"{name}: the header is damaged: sampling period 0"
        raise CorruptFileError(message)
    return _PERIOD_HZ / period


def _open_21(path: Path, file: RecordFile) -> Continuous:
    label, period, n_channels = struct.unpack("<16sII", file.read(8, 24).tobytes())
    _check_channels(path.name, n_channels, file.size_bytes - 32, 4)
    electrodes = struct.unpack(f"<{n_channels}I", file.read(32, 4 * n_channels).tobytes())
    begin = 32 + 4 * n_channels
    n_samples, left = divmod(file.size_bytes - begin, 2 * n_channels)
    if left:
        ends_early(path.name, f"{n_samples} whole samples and {left} bytes of one more")
    if not n_samples:
        message = f"{path.name}: no samples"
        raise EmptyFileError(message)
    return Continuous(
        signals=interleaved(file, "<i2", n_channels, [(begin, n_samples)]),
        runs=((0, n_samples, 0),),
        rate_hz=_rate(path.name, period),
        ticks_hz=_PERIOD_HZ,
        electrodes=electrodes,
        names=("",) * n_channels,
        units=("",) * n_channels,
        gain=None,
        offset=None,
        facts={"specification": "2.1", "label": text_of(label), "electrodes": list(electrodes)},
    )


def _check_channels(name: str, n_channels: int, room: int, item_bytes: int) -> None:
    if not n_channels:
        message = f"{name}: no channels"
        raise EmptyFileError(message)
    if n_channels * item_bytes > room:
        message = f"{name}: the header announces {n_channels} channels; the file is too short"
        raise CorruptFileError(message)


def _open_22(path: Path, file: RecordFile) -> Continuous:
    raw = file.read(8, 306).tobytes()
    fixed = struct.unpack("<BBI16s256sII8HI", raw)
    major, minor, begin, label, comment, period, ticks_hz = fixed[:7]
    origin, n_channels = fixed[7:15], fixed[15]
    _check_channels(path.name, n_channels, file.size_bytes - 314, _CHANNEL.itemsize)
    channels = np.frombuffer(file.read(314, n_channels * _CHANNEL.itemsize), _CHANNEL, n_channels)
    if not ticks_hz or any(channels["type"] != b"CC") or begin < 314 + channels.nbytes:
        message = f"{path.name}: the header is damaged: channel headers or clock are not plausible"
        raise CorruptFileError(message)
    digital = channels["max_digital"].astype(float) - channels["min_digital"]
    analog = channels["max_analog"].astype(float) - channels["min_analog"]
    usable = bool(np.all(digital != 0) and np.all(analog != 0))
    notes: list[str] = []
    if usable:
        gain = analog / digital
        offset = channels["max_analog"] - channels["max_digital"] * gain
        scale = (tuple(map(float, gain)), tuple(map(float, offset)))
    else:
        notes.append(f"{path.name} states ranges of 0 for a channel: its values stay unscaled.")
    rate_hz = _rate(path.name, period)
    signals, runs = _data_blocks(
        path.name, file, begin, n_channels, major, float(ticks_hz), rate_hz, notes
    )
    return Continuous(
        signals=signals,
        runs=tuple(runs),
        rate_hz=rate_hz,
        ticks_hz=float(ticks_hz),
        electrodes=tuple(map(int, channels["electrode"])),
        names=tuple(text_of(c) for c in channels["label"].tolist()),
        units=tuple(text_of(c) if usable else "" for c in channels["units"].tolist()),
        gain=scale[0] if usable else None,
        offset=scale[1] if usable else None,
        facts={
            "specification": f"{major}.{minor}",
            "label": text_of(label),
            "comment": text_of(comment),
            "time_origin": time_of(origin),
            "electrodes": channels["electrode"].tolist(),
            "high_pass_hz": (channels["high_pass_mhz"] / 1000).tolist(),
            "low_pass_hz": (channels["low_pass_mhz"] / 1000).tolist(),
        },
        notes=tuple(notes),
    )


def _data_blocks(
    name: str,
    file: RecordFile,
    begin: int,
    n_channels: int,
    major: int,
    ticks_hz: float,
    rate_hz: float,
    notes: list[str],
) -> tuple[FunctionBlocks, list[tuple[int, int, int]]]:
    """Index the data blocks; one run for each."""
    head = struct.Struct("<BQI" if major >= 3 else "<BII")
    if begin >= file.size_bytes:
        message = f"{name}: no samples: the file ends after its header"
        raise EmptyFileError(message)
    if major >= 3:
        single = _single_samples(name, file, begin, n_channels, head, ticks_hz, rate_hz)
        if single is not None:
            return single
    at, total = begin, 0
    places: list[tuple[int, int]] = []
    runs: list[tuple[int, int, int]] = []
    while at + head.size <= file.size_bytes:
        mark, stamp, n = head.unpack(file.read(at, head.size).tobytes())
        if mark != 1 or len(runs) > _MAX_BLOCKS:
            message = f"{name}: no data block at byte {at} (found {mark}); the file is damaged"
            raise CorruptFileError(message)
        at += head.size
        left = (file.size_bytes - at) // (2 * n_channels)
        if not n and left and (file.size_bytes - at) % (2 * n_channels) == 0:
            # written first, counted last: 0 stays where the recording was not ended properly
            n = left
            notes.append(f"{name}: the last block's length is 0; it was taken to the file's end.")
        kept = _there(name, n, left)
        if kept:
            places.append((at, kept))
            runs.append((total, kept, stamp))
            total += kept
        at += 2 * n_channels * n
    if at < file.size_bytes:
        ends_early(name, f"{len(runs)} blocks and {file.size_bytes - at} bytes of one more")
    if not total:
        message = f"{name}: no samples in its data blocks"
        raise EmptyFileError(message)
    return interleaved(file, "<i2", n_channels, places), runs


def _there(name: str, n_announced: int, n_there: int) -> int:
    """Return how many of the samples of a block are there; the rest of the file is no block then."""
    if n_announced > n_there:
        ends_early(name, f"{n_there} of {n_announced} samples in its last block")
    return min(n_announced, n_there)


def _single_samples(
    name: str,
    file: RecordFile,
    begin: int,
    n_channels: int,
    head: struct.Struct,
    ticks_hz: float,
    rate_hz: float,
) -> tuple[FunctionBlocks, list[tuple[int, int, int]]] | None:
    """Index a file of one sample a block, or return None if it is none."""
    record = np.dtype(
        [("mark", "u1"), ("stamp", "<u8"), ("n", "<u4"), ("samples", "<i2", (n_channels, 1))]
    )
    n_records, left = divmod(file.size_bytes - begin, record.itemsize)
    if left or n_records < 2:
        return None
    first = np.frombuffer(file.read(begin, 2 * record.itemsize), record, 2)
    if any(first["n"] != 1) or any(first["mark"] != 1):
        return None
    step = ticks_hz / rate_hz
    runs: list[tuple[int, int, int]] = []
    previous = -10 * step
    for at, records in file.records(record, begin, 0, n_records):
        if any(records["n"] != 1) or any(records["mark"] != 1):
            message = f"{name}: a damaged data block near sample {at}"
            raise CorruptFileError(message)
        stamps = records["stamp"].astype(np.int64)
        jumps = np.diff(np.concatenate([[int(previous)], stamps]))
        # the clocks jitter by a part of a sample; a lost sample makes a step of two
        found = np.flatnonzero((jumps > 1.75 * step) | (jumps < 0))
        runs += [(at + int(i), 0, int(stamps[i])) for i in found]
        previous = float(stamps[-1])
        if len(runs) > _MAX_BLOCKS:
            message = f"{name}: the time stamps jump too often; they are damaged"
            raise CorruptFileError(message)
    ends = [start for start, _, _ in runs[1:]] + [n_records]
    whole = [(start, end - start, t) for (start, _, t), end in zip(runs, ends, strict=True)]
    return framed(file, record, begin, n_records, "samples"), whole
