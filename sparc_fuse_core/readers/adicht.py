"""ADInstruments LabChart .adicht: each channel at its own rate, each record a segment, comments.

adichtion decodes blocks of 16,000 ticks on demand. Stored counts are kept with the scale of their record; where
rate, scale or unit change from one record to the next, the records become separate streams. Files whose
channel tree adichtion cannot follow ("scan") give counts; their calibration is then said to be missing.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from adichtion import AdichtContainer, AdichtFile
from adichtion.chartdata import parse_chart_data
from adichtion.macdoc import is_mac_document

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError, NothingToConvertError
from sparc_fuse_core.model import (
    Contents,
    Event,
    EventTable,
    Evidence,
    Recording,
    Segment,
    rate_name,
)
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: What adichtion raises on damaged files; its own errors are ValueErrors.
_DAMAGE = (
    ValueError,
    struct.error,
    IndexError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    TypeError,
)
_CACHE_BYTES = 16 << 20
_MAGIC = "ADInstruments Compound File".encode("utf-16-le")


@dataclass(frozen=True, slots=True)
class _Scale:
    """How the stored values of one channel in one record become physical."""

    unit: str
    gain: float
    offset: float


class _Row:
    """One channel over several records, as a one-dimensional array."""

    def __init__(self, file: AdichtFile, name: str, channel: int, records: tuple[int, ...]) -> None:
        self._file = file
        self._name = name
        self._channel = channel
        self._blocks = [
            (record, block)
            for record in records
            for block in range(len(file.chart.records[record].blocks))
        ]
        lengths = [n for record in records for n in _block_lengths(file, record, channel)]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        self.dtype = np.dtype(file.index.channel_dtype(channel))

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, key: slice) -> np.ndarray[Any, Any]:
        start, stop, _ = key.indices(len(self))
        found = np.empty(max(0, stop - start), self.dtype)
        i = int(np.searchsorted(self._ends, start, side="right"))
        at = start
        while at < stop:
            record, block = self._blocks[i]
            begin = int(self._ends[i - 1]) if i else 0
            values = self._decode(record, block, int(self._ends[i]) - begin)
            piece = values[at - begin : stop - begin]
            found[at - start : at - start + len(piece)] = piece
            at += len(piece)
            i += 1
        return found

    def _decode(self, record: int, block: int, n: int) -> np.ndarray[Any, Any]:
        try:
            values: np.ndarray[Any, Any] = self._file.decode_block(record, block, self._channel)
        except _DAMAGE as err:
            message = f"{self._name}: damaged: block {block} of record {record + 1} ({err})"
            raise CorruptFileError(message) from err
        if len(values) != n:
            message = (
                f"{self._name}: damaged: block {block} of record {record + 1} holds {len(values)} of "
                f"{n} samples"
            )
            raise CorruptFileError(message)
        is_integer = self.dtype.kind == "i"
        if is_integer != (values.dtype.kind == "i") or (
            is_integer and n and (values.min() < -(2**15) or values.max() >= 2**15)
        ):
            message = (
                f"{self._name}: damaged: not {self.dtype} in block {block} of record {record + 1}"
            )
            raise CorruptFileError(message)
        return values


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a LabChart file; see `sparc_fuse_core.readers.Reader`."""
    del options
    _check_head(path)
    try:
        file = AdichtFile(path, cache_bytes=_CACHE_BYTES)
    except _DAMAGE as err:
        if _holds_no_record(path):
            message = f"{path.name}: no recording was made in this file: it has no record"
            raise NothingToConvertError(message) from err
        message = (
            f"{path.name}: not a readable LabChart file, or truncated ({err}); upload it again"
        )
        raise CorruptFileError(message) from err
    with file:
        try:
            found = _contents(file, path.name)
        except _DAMAGE as err:
            if isinstance(err, CorruptFileError):
                raise
            message = f"{path.name}: damaged LabChart file ({err})"
            raise CorruptFileError(message) from err
        yield found


def _check_head(path: Path) -> None:
    """Refuse what adichtion would leave open behind it."""
    with path.open("rb") as plain:
        head = plain.read(512)
    if head.startswith(_MAGIC):
        if len(head) == 512 and 8 <= struct.unpack_from("<i", head, 0x98)[0] <= 20:
            return
    elif is_mac_document(path):
        return
    message = f"{path.name}: not a readable LabChart file: it begins with {beginning(head[:8])}"
    raise CorruptFileError(message)


def _holds_no_record(path: Path) -> bool:
    if is_mac_document(path):
        return False
    try:
        with AdichtContainer(path) as container:
            entry = container.find_stream("Map")
            return entry is not None and not parse_chart_data(container.read_stream(entry)).records
    except _DAMAGE:
        return False


def _block_lengths(file: AdichtFile, record: int, channel: int) -> list[int]:
    """Return the number of samples in each block of a record."""
    blocks = file.chart.records[record].blocks
    if file.kind == "adicht":
        return [int(file.index.get(record, i, channel).n_samples) for i in range(len(blocks))]
    ticks = np.cumsum([0, *(block.ticks for block in blocks)]).tolist()
    places = [file.records[record].tick_to_sample(tick, channel) for tick in ticks]
    return [int(stop - start) for start, stop in pairwise(places)]


def _title(file: AdichtFile, channel: int) -> str:
    titles = file.chart.titles
    return str(titles[channel]) if 0 <= channel < len(titles) else ""


def _contents(file: AdichtFile, name: str) -> Contents:
    evidence: list[Evidence] = []
    streams: dict[tuple[Any, ...], list[tuple[int, _Scale]]] = {}
    for channel in range(file.n_channels):
        if file.index.channel_dtype(channel) == "none" or not file.has_data(channel):
            sentence = (
                f"channel {channel + 1} {_title(file, channel)!r} is calculated by LabChart when shown; "
                "its samples are not in the file"
            )
            evidence.append(Evidence("content", "missing", sentence))
            continue
        for key, scale in _versions(file, channel, evidence):
            streams.setdefault(key, []).append((channel, scale))
    if not streams:
        message = f"{name}: none of its {file.n_channels} channels holds a sample"
        raise NothingToConvertError(message)
    first = file.chart.records[0]
    facts: dict[str, Any] = {"labchart_format": str(file.format_label)}
    start = first.start_datetime_local.isoformat() if first.start_utc > 0 else ""
    return Contents(
        recordings=_recordings(file, name, streams),
        events=_events(file),
        start_time=stated_start(start),
        metadata=facts,
        evidence=tuple(evidence),
    )


def _versions(
    file: AdichtFile, channel: int, evidence: list[Evidence]
) -> list[tuple[tuple[Any, ...], _Scale]]:
    """Return (key of the stream, scale) for each set of records that one stream can hold."""
    versions: dict[tuple[float, _Scale], list[tuple[int, int]]] = {}
    said: set[str] = set()
    for record in file.records:
        n_samples = sum(_block_lengths(file, record.index, channel))
        if not n_samples:
            continue
        scale, one = _scale(file, channel, record.index)
        if one is not None and one.sentence not in said:
            said.add(one.sentence)
            evidence.append(one)
        rate_hz = float(record.sample_rate_hz(channel))
        versions.setdefault((rate_hz, scale), []).append((record.index, n_samples))
    dtype = str(file.index.channel_dtype(channel))
    return [((rate_hz, dtype, tuple(runs)), scale) for (rate_hz, scale), runs in versions.items()]


def _scale(file: AdichtFile, channel: int, record: int) -> tuple[_Scale, Evidence | None]:
    """Return the scale of a channel in a record, and what is to be said about it."""
    units = file.units_for(channel, record)
    what = f"channel {channel + 1} {_title(file, channel)!r}"
    if units is not None and units.has_lsb and file.parse_mode == "sequential":
        if not units.enabled:
            return _Scale(units.base_units, units.lsb, 0.0), None
        scale = _Scale(units.units, units.slope * units.lsb, units.offset)
        if scale.gain and np.isfinite(scale.gain) and np.isfinite(scale.offset):
            return scale, None
    range_v = file.range_volts(channel, record)
    if range_v and file.index.channel_dtype(channel) == "int16":
        sentence = (
            f"{what}: only its input range, {range_v:g} V, could be read: values are volts at the input; "
            "a units conversion made in LabChart, if there is one, is not applied"
        )
        # the converter spans 1.024 times the nominal range
        scale = _Scale("V", range_v * 1.024 / 32768, 0.0)
        return scale, Evidence("calibration", "inferred", sentence)
    sentence = f"{what} is not calibrated: its calibration could not be read; values are as stored"
    return _Scale("", 1.0, 0.0), Evidence("calibration", "missing", sentence)


def _recordings(
    file: AdichtFile, name: str, streams: dict[tuple[Any, ...], list[tuple[int, _Scale]]]
) -> tuple[Recording, ...]:
    records = file.chart.records
    origin = records[0].start_utc
    recordings = []
    for (rate_hz, _, runs), members in streams.items():
        segments, position = [], 0
        for record, n_samples in runs:
            start_s = float(records[record].start_utc - origin)
            segments.append(Segment(position, n_samples, start_s))
            position += n_samples
        rows = [
            _Row(file, name, channel, tuple(record for record, _ in runs)) for channel, _ in members
        ]
        signals: FunctionBlocks = stacked(rows)
        recordings.append(
            Recording(
                name=rate_name(rate_hz),
                signals=signals,
                channel_names=tuple(_title(file, channel) for channel, _ in members),
                channel_units=tuple(scale.unit for _, scale in members),
                sampling_rate_hz=rate_hz,
                gain=tuple(scale.gain for _, scale in members),
                offset=tuple(scale.offset for _, scale in members),
                start_s=segments[0].start_s,
                segments=tuple(segments) if len(segments) > 1 else (),
                metadata={"channel_numbers": [channel + 1 for channel, _ in members]},
            )
        )
    return tuple(recordings)


def _events(file: AdichtFile) -> EventTable:
    records = file.chart.records
    origin = records[0].start_utc
    events = [
        Event(
            float(records[one.record_index].start_utc - origin)
            + one.tick / records[one.record_index].tick_rate_hz,
            label=one.text,
            channel=_title(file, one.channel),
            kind="comment",
        )
        for one in file.comments
    ]
    return EventTable.from_events(sorted(events, key=lambda event: event.time_s))
