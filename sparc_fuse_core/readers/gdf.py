"""GDF 1 and 2: channels of several rates and types in records, a table of events behind them.

Values are kept as stored, with the scale that the header states. Events have the format's numbers for labels;
what they stand for depends on the program that wrote them.
Source: *GDF - A general dataformat for biosignals*, A. Schlögl (versions 1.25 and 2.51).
"""

from __future__ import annotations

import math
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, EventTable, Recording
from sparc_fuse_core.model.recording import rate_name
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FIXED_BYTES = 256
_MOST_CHANNELS = 10_000
_MOST_EVENTS = 5_000_000
_TYPES = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<i8", 8: "<u8"}
_TYPES |= {16: "<f4", 17: "<f8"}
#: Decimal factors of ISO/IEEE 11073-10101 units: the five low bits of a code.
_FACTORS = {0: "", 3: "k", 18: "m", 19: "u", 20: "n", 21: "p"}
#: Its units by the other bits, as far as they are certain here.
_UNITS = {544: "%", 4256: "V", 4288: "Ohm"}
#: From this version on the duration of a record is one real number, before it two integers.
_DURATION_IS_REAL = 2.21
#: Day 1 of the year 1 is day 367 of the format's count.
_DAY_1 = 367


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel: where it lies in a record, and its scale."""

    name: str
    unit: str
    dtype: np.dtype[Any]
    n_in_record: int
    first_byte: int
    gain: float
    offset: float


@dataclass(frozen=True, slots=True)
class _Header:
    """What the header states."""

    version: float
    n_bytes: int
    n_records: int
    record_s: float
    record_bytes: int
    channels: tuple[_Channel, ...]
    start: str
    patient: str


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .gdf file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        header = _header(file)
        groups: dict[tuple[int, str], list[_Channel]] = {}
        for one in header.channels:
            if one.n_in_record:
                groups.setdefault((one.n_in_record, one.dtype.str), []).append(one)
        events = _events(file, header)
        if not (groups and header.n_records) and not len(events):
            message = f"{file.name}: holds no sample and no event; upload the original again"
            raise EmptyFileError(message)
        yield Contents(
            recordings=tuple(
                _recording(file, header, members)
                for members in (groups.values() if header.n_records else ())
            ),
            events=events,
            start_time=header.start,
            metadata={"patient": header.patient} if header.patient else {},
        )


def _header(file: RecordFile) -> _Header:
    if file.size_bytes < _FIXED_BYTES:
        message = f"{file.name}: ends within its header; upload it again"
        raise TruncatedFileError(message)
    raw = file.read(0, _FIXED_BYTES).tobytes()
    try:
        version = float(raw[4:8])
    except ValueError:
        version = 0.0
    if not 1 <= version < 3:
        message = f"{file.name}: is of version {raw[4:8]!r} of GDF; 1 and 2 are known"
        raise CorruptFileError(message)
    is_2 = version >= 1.9
    if is_2:
        n_bytes, n_channels = 256 * _int(raw, "<H", 184), _int(raw, "<H", 252)
    else:
        n_bytes, n_channels = _int(raw, "<q", 184), _int(raw, "<I", 252)
    n_records = _int(raw, "<q", 236)
    if not 0 < n_channels <= _MOST_CHANNELS or n_bytes < _FIXED_BYTES * (1 + n_channels):
        message = f"{file.name}: states {n_channels} channels in a header of {n_bytes} bytes; it is damaged"
        raise CorruptFileError(message)
    if n_bytes > file.size_bytes:
        message = f"{file.name}: ends within its header; upload it again"
        raise TruncatedFileError(message)
    record_s = _duration(raw, version, file.name)
    channels = _channels(file, n_channels, is_2=is_2)
    record_bytes = sum(one.n_in_record * one.dtype.itemsize for one in channels)
    there = file.size_bytes - n_bytes
    if n_records < 0:
        # not known when the header was written
        n_records = there // record_bytes if record_bytes else 0
    if n_records * record_bytes > there:
        message = (
            f"{file.name}: announces {n_records} records of {record_bytes} bytes, and {there} bytes are "
            "there; it ends early: upload it again"
        )
        raise TruncatedFileError(message)
    return _Header(
        version,
        n_bytes,
        n_records,
        record_s,
        record_bytes,
        channels,
        _start(raw, is_2=is_2),
        raw[8:74].split(b"\0")[0].decode("latin-1").strip(" X"),
    )


def _duration(raw: bytes, version: float, name: str) -> float:
    """Return the duration of a record in seconds."""
    top, bottom = struct.unpack_from("<II", raw, 244)
    if version >= _DURATION_IS_REAL:
        record_s = float(struct.unpack_from("<d", raw, 244)[0])
    else:
        record_s = top / bottom if bottom else 0.0
    if not (math.isfinite(record_s) and record_s > 0):
        message = f"{name}: states no duration of a record; it is damaged"
        raise CorruptFileError(message)
    return record_s


def _int(raw: bytes, code: str, at: int) -> int:
    return int(struct.unpack_from(code, raw, at)[0])


def _channels(file: RecordFile, n: int, *, is_2: bool) -> tuple[_Channel, ...]:
    """Return the channels; the header has all names, then all units, and so on."""
    raw = file.read(_FIXED_BYTES, _FIXED_BYTES * n).tobytes()

    def texts(at: int, width: int) -> list[str]:
        cells = (raw[n * at + width * i : n * at + width * (i + 1)] for i in range(n))
        return [cell.split(b"\0")[0].decode("latin-1").strip() for cell in cells]

    def numbers(at: int, code: str) -> list[float]:
        return list(struct.unpack_from(f"<{n}{code}", raw, n * at))

    units = [_unit(int(code)) for code in numbers(102, "H")] if is_2 else texts(96, 8)
    digital = "d" if is_2 else "q"
    lows, highs = numbers(104, "d"), numbers(112, "d")
    low_stored, high_stored = numbers(120, digital), numbers(128, digital)
    sizes, types = (numbers(at, "i") for at in (216, 220))
    found, at = [], 0
    for i, name in enumerate(texts(0, 16)):
        dtype = _TYPES.get(int(types[i]))
        if dtype is None or sizes[i] < 0:
            message = (
                f"{file.name}: channel {i + 1} has samples of type {int(types[i])}, which are not read; "
                "save it with 16 or 32 bits"
            )
            raise UnsupportedFeatureError(message)
        span = float(high_stored[i]) - float(low_stored[i])
        gain = (highs[i] - lows[i]) / span if span else math.nan
        offset = lows[i] - gain * float(low_stored[i])
        if not (math.isfinite(gain) and gain and math.isfinite(offset)):
            message = f"{file.name}: channel {i + 1} has a scale of 0, or one that is no number; it is damaged"
            raise CorruptFileError(message)
        one = _Channel(name, units[i], np.dtype(dtype), int(sizes[i]), at, gain, offset)
        found.append(one)
        at += one.n_in_record * one.dtype.itemsize
    return tuple(found)


def _unit(code: int) -> str:
    prefix, unit = _FACTORS.get(code & 31), _UNITS.get(code & ~31)
    return "" if prefix is None or unit is None else prefix + unit


def _start(raw: bytes, *, is_2: bool) -> str:
    """Return date and time, whose zone the format did not have before 2.5 and few programs write."""
    if not is_2:
        text = raw[168:184].decode("latin-1")
        if not text[:14].isdigit():
            return ""
        iso = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}"
        return stated_start(iso)
    days = _int(raw, "<Q", 168) / 2**32
    if not _DAY_1 < days < 4_000_000:
        return ""
    # 2**-32 days are 20 microseconds
    start = datetime(1, 1, 1) + timedelta(milliseconds=round((days - _DAY_1) * 86_400_000))  # noqa: DTZ001
    return stated_start(start.isoformat())


def _recording(file: RecordFile, header: _Header, channels: list[_Channel]) -> Recording:
    n, dtype = channels[0].n_in_record, channels[0].dtype
    rate_hz = n / header.record_s
    record = np.dtype((np.uint8, (header.record_bytes,)))
    n_bytes = n * dtype.itemsize

    def read_block(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), dtype.newbyteorder("="))
        if stop <= start:
            return block
        for at, records in file.records(record, header.n_bytes, start // n, -(-stop // n)):
            origin = at * n
            low, high = max(start, origin), min(stop, origin + len(records) * n)
            for row, one in enumerate(channels[first:last]):
                raw = np.ascontiguousarray(records[:, one.first_byte : one.first_byte + n_bytes])
                values = raw.view(dtype).reshape(-1)
                block[row, low - start : high - start] = values[low - origin : high - origin]
        return block

    return Recording(
        rate_name(rate_hz),
        FunctionBlocks((len(channels), header.n_records * n), dtype.newbyteorder("="), read_block),
        tuple(one.name for one in channels),
        tuple(one.unit for one in channels),
        rate_hz,
        gain=tuple(one.gain for one in channels),
        offset=tuple(one.offset for one in channels),
    )


def _events(file: RecordFile, header: _Header) -> EventTable:
    """Return the table of events: positions count from 1, at a rate of their own."""
    at = header.n_bytes + header.n_records * header.record_bytes
    if at + 8 > file.size_bytes:
        return EventTable()
    head = file.read(at, 8).tobytes()
    if head[0] not in (1, 3):
        return EventTable()
    if header.version < 1.94:
        rate_hz, n = float(int.from_bytes(head[1:4], "little")), _int(head, "<I", 4)
    else:
        n, (rate_hz,) = int.from_bytes(head[1:4], "little"), struct.unpack_from("<f", head, 4)
    size = n * (6 if head[0] == 1 else 12)
    if n > _MOST_EVENTS or at + 8 + size > file.size_bytes:
        message = f"{file.name}: its table of {n} events is cut off; upload it again"
        raise TruncatedFileError(message)
    if not n:
        return EventTable()
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        message = f"{file.name}: its events have a rate of {rate_hz} Hz; it is damaged"
        raise CorruptFileError(message)
    raw = file.read(at + 8, size).tobytes()
    positions = np.frombuffer(raw, "<u4", n).astype(np.int64) - 1
    codes = np.frombuffer(raw, "<u2", n, 4 * n)
    of, lasts = np.zeros(n, int), np.full(n, math.nan)
    if head[0] == 3:
        of = np.frombuffer(raw, "<u2", n, 6 * n).astype(int)
        lasts = np.frombuffer(raw, "<u4", n, 8 * n) / rate_hz
    order = np.argsort(positions, kind="stable").tolist()
    names = [one.name for one in header.channels]
    return EventTable(
        time_s=[positions[i] / rate_hz for i in order],
        duration_s=[float(lasts[i]) for i in order],
        label=[str(codes[i]) for i in order],
        channel=[names[of[i] - 1] if 0 < of[i] <= len(names) else "" for i in order],
        kind=["event"] * n,
    )
