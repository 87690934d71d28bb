"""LabChart's own MATLAB export: one long ``data`` vector, cut by ``datastart`` and ``dataend``.

As ADInstruments' example script reads it: row c, column b of ``datastart``/``dataend`` are the 1-based
first and last sample of channel c in block b (-1: none); ``samplerate`` is in the same layout; 16-bit data
become units by (data + scaleoffset) × scaleunits; ``unittext(unittextmap(c, b), :)`` is the unit; a row of
``com`` is (channel or -1, block, position in ticks of that block, type 1 = user or 2 = event marker, row
of ``comtext``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.mat.variables import channels_of
from sparc_fuse_core.readers.shared.time_axis import as_vector
from sparc_fuse_core.readers.shared.tree import Node, Numeric, find, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model import Blocks

#: Variables that give the export away.
SIGNATURE = frozenset({"data", "datastart", "dataend", "titles", "samplerate"})
#: Variables that the mapping uses up; everything else stays metadata.
USED = SIGNATURE | {
    "unittext",
    "unittextmap",
    "blocktimes",
    "tickrate",
    "scaleunits",
    "scaleoffset",
    "com",
    "comtext",
}
_SECONDS_PER_DAY = 86400.0
_COMMENT_KINDS = {1: "comment", 2: "marker"}


@dataclass(frozen=True, slots=True)
class _Piece:
    """One channel in one block."""

    block: int
    start: int
    n_samples: int
    rate_hz: float
    start_s: float


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    unit: str
    gain: float
    offset: float
    pieces: tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class LabChartExport:
    """What the export holds, as `Contents` wants it."""

    recordings: tuple[Recording, ...]
    events: EventTable
    metadata: Mapping[str, Any]
    evidence: tuple[Evidence, ...]
    start_time: str = ""


def is_labchart_export(variables: Mapping[str, Node]) -> bool:
    """Whether exactly LabChart's variables are there."""
    return variables.keys() >= SIGNATURE and all(
        isinstance(variables[name], Numeric) for name in SIGNATURE - {"titles"}
    )


def read_export(variables: Mapping[str, Node], file_name: str) -> LabChartExport:
    """Map an export; channels of one rate and one set of blocks make one recording.

    Raises
    ------
    CorruptFileError
        If the tables contradict each other or point outside of ``data``.
    EmptyFileError
        If no channel has a sample.
    """
    reader = _Export(variables, file_name)
    channels = reader.channels()
    groups: dict[tuple[Any, ...], list[_Channel]] = {}
    for channel in channels:
        by_rate: dict[float, list[_Piece]] = {}
        for piece in channel.pieces:
            by_rate.setdefault(piece.rate_hz, []).append(piece)
        for rate_hz, pieces in by_rate.items():
            key = (rate_hz, tuple((one.block, one.n_samples, one.start_s) for one in pieces))
            part = _Channel(channel.name, channel.unit, channel.gain, channel.offset, tuple(pieces))
            groups.setdefault(key, []).append(part)
    if not groups:
        message = f"{file_name}: LabChart export without a sample in any channel and block"
        raise EmptyFileError(message)
    recordings = tuple(
        reader.recording(i, key[0], members) for i, (key, members) in enumerate(groups.items())
    )
    metadata: dict[str, Any] = {"exported_by": "LabChart"}
    start_time = ""
    if reader.block_times is not None:
        metadata["block_times"] = [_iso_of(days) for days in reader.block_times]
        start_time = metadata["block_times"][0]
    return LabChartExport(
        recordings, reader.events(channels), metadata, reader.evidence(), start_time
    )


class _Export:
    """The tables of an export, checked against each other."""

    def __init__(self, variables: Mapping[str, Node], file_name: str) -> None:
        self.file_name = file_name
        self.variables = variables
        self.titles = texts(variables.get("titles")) or ()
        self.ends_inferred = False
        data = variables.get("data")
        if not isinstance(data, Numeric) or not data.is_real or not data.n_values:
            raise self._wrong("`data` is no numeric array with values")
        if data.is_vector:
            self.data: Blocks = as_vector(data.rows)
            self._cut_vector()
        else:
            self._cut_matrix(data)
        self.shape = self.start.shape
        rate = self._table("samplerate", self.shape)
        if rate is None:
            raise self._wrong("`samplerate` is absent")
        self.rate = rate
        self.units = texts(variables.get("unittext")) or ()
        self.unit_map = self._table("unittextmap", self.shape)
        self.gain = self._table("scaleunits", self.shape)
        self.offset = self._table("scaleoffset", self.shape)
        late = self._table("firstsampleoffset", self.shape)
        self.has_late_samples = late is not None and bool(np.any(late))
        self.tick_rate = self._row("tickrate")
        self.block_times = self._row("blocktimes")

    def _cut_vector(self) -> None:
        start = self._table("datastart", None)
        if start is None:
            start = np.ones((1, 1))
        self.start = start
        end = self._table("dataend", start.shape)
        self.ends_inferred = end is None
        self.end = self._ends() if end is None else end

    def _cut_matrix(self, data: Numeric) -> None:
        """Take a matrix with one row (or column) for each title; nothing else tells its axes apart."""
        n_channels = len(self.titles)
        rows = channels_of(data, None, "")
        if rows is None or rows.shape[0] != n_channels:
            raise self._wrong(f"`data` of shape {data.shape} does not fit {n_channels} titles")
        n_samples = rows.shape[1]
        self.start = np.arange(n_channels, dtype=np.float64)[:, None] * n_samples + 1
        self.end = self.start + n_samples - 1
        stated = self._table("datastart", None)
        if stated is not None and not ((stated == 1).all() or np.array_equal(stated, self.start)):
            raise self._wrong("`datastart` does not fit a matrix `data`")

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            start, stop = bounds[0]
            row, first = divmod(start, n_samples)
            key = (slice(row, row + 1), slice(first, first + stop - start))
            return np.asarray(rows[key]).reshape(-1)

        self.data = FunctionBlocks((n_channels * n_samples,), np.dtype(rows.dtype), read)

    def _wrong(self, what: str) -> CorruptFileError:
        return CorruptFileError(
            f"{self.file_name}: LabChart export whose {what}; export it from LabChart again"
        )

    def _table(
        self, name: str, shape: tuple[int, ...] | None
    ) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return (n_channels, n_blocks); a single column or value is spread where MATLAB allows it."""
        node = find(self.variables, name)
        if not isinstance(node, Numeric) or not node.n_values:
            return None
        values = node.whole().astype(np.float64)
        if values.ndim != 2:
            raise self._wrong(f"`{name}` has {values.ndim} axes")
        if shape is None or values.shape == shape:
            return values
        if values.size == 1:
            return np.full(shape, values.item())
        if values.size == math.prod(shape) and 1 in shape:
            return values.reshape(shape)
        raise self._wrong(f"`{name}` is of shape {values.shape}, not {shape}")

    def _row(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return one value for each block."""
        node = find(self.variables, name)
        if not isinstance(node, Numeric) or not node.n_values:
            return None
        values = node.whole().astype(np.float64).reshape(-1)
        if len(values) == 1:
            return np.full(self.shape[1], values[0])
        if len(values) != self.shape[1]:
            raise self._wrong(f"`{name}` has {len(values)} values for {self.shape[1]} blocks")
        return values

    def _ends(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Where ``dataend`` is absent, a piece ends where the next begins, the last with the data."""
        starts = np.sort(self.start[self.start > 0])
        bounds = np.append(starts[1:] - 1, len_of(self.data))
        ends = np.full(self.start.shape, -1.0)
        for first, last in zip(starts, bounds, strict=True):
            ends[self.start == first] = last
        return ends

    def channels(self) -> list[_Channel]:
        """Return every channel with its pieces in the order of blocks."""
        found = []
        for c in range(self.shape[0]):
            pieces = tuple(
                piece for b in range(self.shape[1]) if (piece := self._piece(c, b)) is not None
            )
            blocks = [piece.block for piece in pieces]
            gain, offset = self._scale(c, blocks)
            name = self.titles[c] if len(self.titles) == self.shape[0] else ""
            found.append(_Channel(name, self._unit(c, blocks), gain, offset, pieces))
        return found

    def _piece(self, c: int, b: int) -> _Piece | None:
        start, end, rate_hz = self.start[c, b], self.end[c, b], self.rate[c, b]
        if start < 1 or end < start:
            return None
        if end > len_of(self.data) or start % 1 or end % 1:
            raise self._wrong(
                f"`datastart`/`dataend` of channel {c + 1}, block {b + 1} ({start:g} to {end:g}) lie "
                f"outside of the {len_of(self.data)} samples"
            )
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise self._wrong(f"`samplerate` of channel {c + 1}, block {b + 1} is {rate_hz}")
        n_samples = int(end - start) + 1
        return _Piece(b, int(start) - 1, n_samples, float(rate_hz), self._block_start_s(b))

    def _block_start_s(self, b: int) -> float:
        if self.block_times is None:
            return 0.0
        # days since year 0 as float64 are good to 10 microseconds
        return round(float((self.block_times[b] - self.block_times[0]) * _SECONDS_PER_DAY), 5)

    def _scale(self, c: int, blocks: list[int]) -> tuple[float, float]:
        if self.gain is None or self.offset is None or not blocks:
            return 1.0, 0.0
        pairs = {(float(self.gain[c, b]), float(self.offset[c, b])) for b in blocks}
        if len(pairs) != 1:
            raise self._wrong(f"scale of channel {c + 1} changes between blocks")
        gain, offset = pairs.pop()
        if gain == 0 or not math.isfinite(gain * offset):
            raise self._wrong(f"scale of channel {c + 1} is {gain} and {offset}")
        return gain, offset * gain

    def _unit(self, c: int, blocks: list[int]) -> str:
        if self.unit_map is None:
            if len(self.units) == self.shape[0]:
                return self.units[c]
            return self.units[0] if len(self.units) == 1 else ""
        found = set()
        for b in blocks:
            row = int(self.unit_map[c, b])
            found.add(self.units[row - 1] if 1 <= row <= len(self.units) else "")
        if len(found) > 1:
            raise self._wrong(f"unit of channel {c + 1} changes between blocks: {sorted(found)}")
        return found.pop() if found else ""

    def recording(self, index: int, rate_hz: float, channels: list[_Channel]) -> Recording:
        """Make one recording of channels that share rate and blocks."""
        pieces = channels[0].pieces
        if len(pieces) > 1 and self.block_times is None:
            raise self._wrong("`blocktimes` are absent, so that its blocks have no place in time")
        segments = []
        position = 0
        for piece in pieces:
            segments.append(Segment(position, piece.n_samples, piece.start_s))
            position += piece.n_samples
        scaled = self.gain is not None and self.offset is not None
        return Recording(
            name="data" if index == 0 else f"data_{index + 1}",
            signals=self._signals(channels, position),
            channel_names=tuple(channel.name for channel in channels),
            channel_units=tuple(channel.unit for channel in channels),
            sampling_rate_hz=rate_hz,
            gain=tuple(channel.gain for channel in channels) if scaled else None,
            offset=tuple(channel.offset for channel in channels) if scaled else None,
            start_s=pieces[0].start_s,
            segments=tuple(segments) if len(segments) > 1 else (),
        )

    def _signals(self, channels: list[_Channel], n_samples: int) -> FunctionBlocks:
        data = self.data
        dtype = np.dtype(data.dtype)

        def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            (first, last), (start, stop) = bounds
            block = np.empty((last - first, stop - start), dtype)
            for row, channel in enumerate(channels[first:last]):
                position = 0
                for piece in channel.pieces:
                    low = max(start, position)
                    high = min(stop, position + piece.n_samples)
                    if low < high:
                        source = slice(piece.start + low - position, piece.start + high - position)
                        block[row, low - start : high - start] = data[(source,)]
                    position += piece.n_samples
            return block

        return FunctionBlocks((len(channels), n_samples), dtype, read)

    def events(self, channels: list[_Channel]) -> EventTable:
        """Return the comments, in order of time."""
        node = find(self.variables, "com")
        lines = texts(find(self.variables, "comtext")) or ()
        if not isinstance(node, Numeric) or not node.n_values or self.tick_rate is None:
            return EventTable()
        table = node.whole().astype(np.float64)
        if table.ndim != 2 or table.shape[1] != 5:
            raise self._wrong(f"`com` is of shape {table.shape}, not n × 5")
        events = []
        for channel, block, ticks, kind, row in table:
            b = int(block) - 1
            if not 0 <= b < self.shape[1]:
                raise self._wrong(f"comment lies in block {block:g} of {self.shape[1]}")
            events.append(
                Event(
                    time_s=self._block_start_s(b) + float(ticks / self.tick_rate[b]),
                    label=lines[int(row) - 1] if 1 <= row <= len(lines) else "",
                    channel=channels[int(channel) - 1].name
                    if 1 <= channel <= len(channels)
                    else "",
                    kind=_COMMENT_KINDS.get(int(kind), "comment"),
                )
            )
        return EventTable.from_events(sorted(events, key=lambda event: event.time_s))

    def evidence(self) -> tuple[Evidence, ...]:
        """Say what was concluded."""
        told = [Evidence("signals", "file", "the variables are those of LabChart's MATLAB export")]
        if self.has_late_samples:
            sentence = "`firstsampleoffset` is not 0, but its unit is not documented: kept as metadata only"
            told.append(Evidence("time", "missing", sentence))
        if self.ends_inferred:
            sentence = "`dataend` is absent: a channel ends where the next one begins"
            told.append(Evidence("signals", "inferred", sentence))
        return tuple(told)


def len_of(data: Blocks) -> int:
    """Return the length of a vector."""
    return int(data.shape[0])


def _iso_of(days: float) -> str:
    """Turn MATLAB's serial date (days from year 0) into ISO 8601, to the millisecond."""
    unix_days = days - 719529
    if not math.isfinite(unix_days) or abs(unix_days) > 1e6:
        return ""
    stamp = np.datetime64(0, "ms") + np.timedelta64(
        round(unix_days * _SECONDS_PER_DAY * 1000), "ms"
    )
    return str(stamp)
