"""CED Spike2 .smr (SON, 32-bit): multi-rate waveforms, start times, gaps, events, markers, text marks.

The chains of data blocks are followed once; samples are read by position, so memory stays flat. neo, which
tests compare with, keeps the whole file mapped, gives the start of a stream to all of its channels, drops
events before the first sample and refuses channels whose pauses differ. The layout is the public one:
CED's SON library description, and neo's ``spike2rawio``.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, UnsupportedFormatError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import stated_start
from sparc_fuse_core.readers.spike2.channels import (
    KINDS,
    REAL_MARK,
    TEXT_MARK,
    WAVE_MARK,
    WAVES,
    Channel,
    Clock,
    Stretch,
    contents,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_HEADER_BYTES = 512
_CHANNEL_BYTES = 140
_BLOCK_HEADER_BYTES = 20
_MAX_CHANNELS = 512
#: From this version on, blocks are counted in 512 bytes: files beyond 2 GB.
_BIG_FILES = 9


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .smr file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        raw = file.read(0, _HEADER_BYTES).tobytes()
        version = struct.unpack_from("<H", raw)[0]
        if raw[2:12] != b"(C) CED 87":
            message = f"{path.name}: not a Spike2 file: it begins with {beginning(raw[:12])}"
            raise CorruptFileError(message)
        if version & 0xFF == 0:
            message = f"{path.name}: written on a Macintosh in big-endian order: not read"
            raise UnsupportedFormatError(message)
        us_per_time, time_per_adc = struct.unpack_from("<Hh", raw, 20)
        n_channels = struct.unpack_from("<h", raw, 30)[0]
        if not 0 <= n_channels <= _MAX_CHANNELS:
            message = f"{path.name}: damaged header: {n_channels} channels"
            raise CorruptFileError(message)
        base_s = struct.unpack_from("<d", raw, 44)[0] if version >= 6 else 1e-6
        clock = Clock.of(path.name, base_s, us_per_time)
        channels = [
            channel
            for i in range(n_channels)
            if (channel := _channel(file, i, version, time_per_adc)) is not None
        ]
        facts, start = _facts(raw, version), _start(raw)
        yield contents(file, clock, channels, facts, _evidence(channels), start)


def _facts(raw: bytes, version: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"son_version": version}
    comments = [text for i in range(5) if (text := _pascal(raw[112 + 80 * i : 192 + 80 * i]))]
    if comments:
        facts["comments"] = comments
    return facts


def _start(raw: bytes) -> str:
    hundredth, second, minute, hour, day, month, year = struct.unpack_from("<6BH", raw, 52)
    try:
        start = datetime(year, month, day, hour, minute, second, hundredth * 10_000)  # noqa: DTZ001
    except ValueError:
        return ""
    return stated_start(start.isoformat())


def _evidence(channels: list[Channel]) -> list[Evidence]:
    return [
        Evidence(
            "calibration",
            "missing",
            f"channel {channel.number} {channel.title!r} states no usable scale; its stored integers "
            "have no unit",
        )
        for channel in channels
        if channel.facts.get("uncalibrated")
    ]


def _pascal(raw: bytes) -> str:
    """Decode a text that begins with its length; blanks are part of it (``" Volt"``)."""
    return raw[1 : 1 + raw[0]].split(b"\0")[0].decode("latin-1")


def _channel(file: RecordFile, index: int, version: int, time_per_adc: int) -> Channel | None:
    """Read one entry of the table of channels; None if the channel is off."""
    place = _HEADER_BYTES + _CHANNEL_BYTES * index
    raw = file.read(place, _CHANNEL_BYTES).tobytes()
    kind = raw[122]
    if kind == 0:
        return None
    title = _pascal(raw[108:118])
    if kind not in KINDS:
        message = f"{file.name}: damaged: channel {index + 1} {title!r} is of unknown kind {kind}"
        raise CorruptFileError(message)
    first, n_blocks, n_extra, pre_trigger, high = struct.unpack_from("<i4xHHhH", raw, 6)
    if version >= _BIG_FILES:
        n_blocks += high << 16
    ticks, n_traces = struct.unpack_from("<i", raw, 102)[0], 1
    has_unit = kind in (*WAVES, WAVE_MARK, REAL_MARK)
    if has_unit and version < 6:
        ticks = struct.unpack_from("<h", raw, 138)[0] * time_per_adc
    elif kind == WAVE_MARK:
        n_traces = max(1, struct.unpack_from("<h", raw, 138)[0])
    gain, offset = struct.unpack_from("<ff", raw, 124)
    gain /= 6553.6
    item = _item(file.name, kind, n_extra, n_traces)
    n_bytes = item.itemsize if item is not None else (2 if kind == 1 else 4)
    facts: dict[str, Any] = {"comment": _pascal(raw[26:98])}
    if kind in (1, WAVE_MARK) and not (np.isfinite(gain) and gain and np.isfinite(offset)):
        gain, offset, facts = 1.0, 0.0, facts | {"uncalibrated": True}
    if kind == WAVE_MARK:
        facts["pre_trigger_points"] = pre_trigger
    return Channel(
        number=index + 1,
        title=title,
        unit=_pascal(raw[132:138]) if has_unit and "uncalibrated" not in facts else "",
        kind=kind,
        ticks=ticks,
        gain=gain,
        offset=offset,
        runs=_runs(file, index, first, n_blocks, n_bytes, 512 if version >= _BIG_FILES else 1),
        item=item,
        n_traces=n_traces,
        facts={key: value for key, value in facts.items() if value != ""},
    )


def _item(name: str, kind: int, n_extra: int, n_traces: int) -> np.dtype[Any] | None:
    """Return how one event or mark is stored; None for waveforms."""
    if kind in WAVES:
        return None
    fields: list[Any] = [("tick", "<i4")]
    if kind >= 5:
        fields.append(("codes", "u1", (4,)))
    if kind in (WAVE_MARK, REAL_MARK, TEXT_MARK):
        stored = {WAVE_MARK: "<i2", REAL_MARK: "<f4", TEXT_MARK: "u1"}[kind]
        n, rest = divmod(n_extra, np.dtype(stored).itemsize)
        if n < n_traces or rest:
            message = f"{name}: damaged: marks with {n_extra} bytes for {n_traces} traces"
            raise CorruptFileError(message)
        fields.append(("payload", stored, (n,)))
    return np.dtype(fields)


def _runs(
    file: RecordFile, index: int, first: int, n_blocks: int, n_bytes: int, unit_bytes: int
) -> list[Stretch]:
    """Follow the chain of a channel's blocks."""
    runs: list[Stretch] = []
    place, is_cut = first, False
    for _ in range(n_blocks):
        offset = place * unit_bytes
        is_cut = offset + _BLOCK_HEADER_BYTES > file.size_bytes
        if offset < _HEADER_BYTES or is_cut:
            break
        raw = file.read(offset, _BLOCK_HEADER_BYTES).tobytes()
        place, start, _, number, n = struct.unpack_from("<iiihH", raw, 4)
        end = offset + _BLOCK_HEADER_BYTES + n * n_bytes
        is_cut = number == index + 1 and end > file.size_bytes
        if number != index + 1 or is_cut:
            break
        if runs and start < runs[-1].start_tick:
            break
        if n:
            runs.append(Stretch(offset + _BLOCK_HEADER_BYTES, n, start))
    else:
        return runs
    if not is_cut:
        message = (
            f"{file.name}: damaged: the chain of {n_blocks} data blocks of channel {index + 1} breaks "
            f"after {len(runs)}; upload it again"
        )
        raise CorruptFileError(message)
    ends_early(file.name, f"{len(runs)} of {n_blocks} data blocks of channel {index + 1}")
    return runs
