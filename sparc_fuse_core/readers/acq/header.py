"""Headers of BIOPAC AcqKnowledge files: bioread knows the layouts, the steps are checked here.

bioread reads a damaged count of channels or markers as it is and may then run for hours; so its header
classes are used one at a time, each against the size of the file.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from bioread import headers as layouts
from bioread.file_revisions import V_370, V_381, V_400B, version_string_guess
from bioread.header_reader import GraphHeaderReader

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from typing import BinaryIO

_REVISIONS = range(30, 400)
_MAX_CHANNELS = 1000
_MAX_SCAN_BYTES = 4096
_STORED = {(8, 0): "f8", (8, 1): "f8", (2, 2): "i2"}


class _UnreadableError(Exception):
    """A part of the file cannot be read; the caller says which and whether that matters."""


@dataclass(frozen=True, slots=True)
class AcqChannel:
    """One channel as its header states it."""

    name: str
    unit: str
    number: int
    divider: int
    n_samples: int
    dtype: np.dtype[Any]
    gain: float
    offset: float


@dataclass(frozen=True, slots=True)
class AcqMarker:
    """A marker; ``sample`` counts ticks of the base clock, ``channel`` is a channel's number."""

    sample: int
    text: str
    code: str
    channel: int | None
    created_ms: int | None


@dataclass(slots=True)
class AcqHeader:
    """What a file's headers say.

    Attributes
    ----------
    tick_ms
        Period of the base clock, which each channel divides.
    is_time
        Whether the horizontal axis is time (it may be a frequency).
    compressed
        (offset, size in bytes) of each channel's compressed samples; empty if they are not.
    """

    revision: int
    tick_ms: float
    is_time: bool
    channels: list[AcqChannel]
    data_offset_bytes: int
    compressed: list[tuple[int, int]]
    markers: list[AcqMarker] = field(default_factory=list)
    journal: str = ""
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def version(self) -> str:
        """Version of AcqKnowledge that the revision belongs to."""
        return str(version_string_guess(self.revision))


class _Headers:
    """Reads one header after the other; knows where the next begins."""

    def __init__(self, file: BinaryIO, size_bytes: int, name: str) -> None:
        self.file = file
        self.size_bytes = size_bytes
        self.name = name
        try:
            graph = GraphHeaderReader.bootstrap(file)
        except ValueError as err:
            message = f"{name}: truncated: it is too short for an AcqKnowledge header"
            raise CorruptFileError(message) from err
        if graph.file_revision not in _REVISIONS:
            message = (
                f"{name}: not an AcqKnowledge file: its revision would be {graph.file_revision}"
            )
            raise CorruptFileError(message)
        self.graph = graph
        self.revision: int = graph.file_revision
        self.order: str = graph.byte_order_char
        self.at = int(graph.effective_len_bytes)

    def take(self, layout: Any) -> Any:
        """Read the header at the present place and go to its end."""
        header = layout.for_revision(self.revision, self.order, encoding=self.graph.encoding)
        if self.at < 0 or self.at + header.struct_length > self.size_bytes:
            message = f"it would end at byte {self.at + header.struct_length}"
            raise _UnreadableError(message)
        header.unpack_from_file(self.file, self.at)
        length = int(header.effective_len_bytes)
        if length < 0:
            message = f"its length is {length}"
            raise _UnreadableError(message)
        self.at += length
        return header

    def take_bytes(self, n_bytes: int) -> bytes:
        """Read bytes at the present place and go to their end."""
        if n_bytes < 0 or self.at < 0 or self.at + n_bytes > self.size_bytes:
            message = f"{n_bytes} bytes at {self.at} are not there"
            raise _UnreadableError(message)
        self.file.seek(self.at)
        self.at += n_bytes
        return self.file.read(n_bytes)

    def text(self, raw: bytes) -> str:
        """Decode a text; files before version 4 state no encoding."""
        raw = raw.split(b"\0")[0]
        if self.revision >= V_400B:
            try:
                return raw.decode("utf-8").strip()
            except UnicodeDecodeError:
                pass
        return raw.decode("latin-1").strip()


def read_header(file: BinaryIO, size_bytes: int, name: str) -> AcqHeader:
    """Read all headers of an AcqKnowledge file.

    Raises
    ------
    CorruptFileError
        If they contradict each other or the size of the file.
    EmptyFileError
        If the file holds no channel or no sample.
    """
    headers = _Headers(file, size_bytes, name)
    graph = headers.graph
    try:
        header = _channels(headers)
    except _UnreadableError as err:
        message = f"{name}: truncated or damaged: a header of a channel is unreadable ({err})"
        raise CorruptFileError(message) from err
    is_compressed = bool(graph.compressed)
    if not is_compressed:
        n_bytes = sum(one.n_samples * one.dtype.itemsize for one in header.channels)
        headers.at += n_bytes
        if headers.at > size_bytes:
            there = max(0, size_bytes - header.data_offset_bytes)
            ends_early(name, f"{there} of {n_bytes} bytes of samples")
            header.channels[:] = _cut(header.channels, there)
            if not any(channel.n_samples for channel in header.channels):
                message = f"{name}: truncated before its first samples"
                raise EmptyFileError(message)
            # markers and journal come after the samples
            return header
    try:
        _markers(headers, header)
        header.journal = _journal(headers)
        if is_compressed:
            _compressed(headers, header)
    except _UnreadableError as err:
        if is_compressed:
            message = f"{name}: truncated or damaged: no way to the compressed samples ({err})"
            raise CorruptFileError(message) from err
        sentence = f"markers or journal after the samples are unreadable and left out ({err})"
        header.evidence.append(Evidence("content", "missing", sentence))
    return header


def _cut(channels: list[AcqChannel], n_bytes: int) -> list[AcqChannel]:
    """Return the channels with the samples of the whole ticks that ``n_bytes`` hold."""

    def samples(channel: AcqChannel, n_ticks: int) -> int:
        return min(channel.n_samples, -(-n_ticks // channel.divider))

    low, high = 0, max((one.n_samples * one.divider for one in channels), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        needed = sum(samples(one, middle) * one.dtype.itemsize for one in channels)
        low, high = (middle, high) if needed <= n_bytes else (low, middle - 1)
    return [replace(one, n_samples=samples(one, low)) for one in channels]


def _channels(headers: _Headers) -> AcqHeader:
    """Read headers of channels, the foreign data and the types of stored values."""
    graph, name = headers.graph, headers.name
    n_channels, tick_ms = int(graph.channel_count), float(graph.sample_time)
    if n_channels <= 0:
        message = f"{name}: the header announces {n_channels} channels"
        raise EmptyFileError(message)
    if n_channels > _MAX_CHANNELS or not 1e-9 < tick_ms < 1e12:
        message = f"{name}: damaged header: {n_channels} channels, a sample each {tick_ms} ms"
        raise CorruptFileError(message)
    n_paddings = int(graph.expected_padding_headers)
    if not 0 <= n_paddings <= _MAX_CHANNELS:
        message = f"{n_paddings} blocks of padding"
        raise _UnreadableError(message)
    for _ in range(n_paddings):
        headers.take(layouts.UnknownPaddingHeader)
    rows = [headers.take(layouts.ChannelHeader) for _ in range(n_channels)]
    headers.take(layouts.ForeignHeader)
    types = _types(headers, n_channels)
    evidence: list[Evidence] = []
    channels = [
        _channel(headers, row, kind, evidence) for row, kind in zip(rows, types, strict=True)
    ]
    texts = [raw for row in rows for raw in (row.data["szCommentText"], row.data["szUnitsText"])]
    if headers.revision < V_400B and not all(raw.isascii() for raw in texts):
        sentence = (
            "names or units hold letters whose encoding the file does not state; Latin-1 is taken"
        )
        evidence.append(Evidence("names", "inferred", sentence))
    if not any(channel.n_samples for channel in channels):
        message = f"{name}: none of its {n_channels} channels holds a sample"
        raise EmptyFileError(message)
    return AcqHeader(
        revision=headers.revision,
        tick_ms=tick_ms,
        is_time=graph.data["nHorizAxisType"] in (0, 1),
        channels=channels,
        data_offset_bytes=headers.at,
        compressed=[],
        evidence=evidence,
    )


def _types(headers: _Headers, n_channels: int) -> list[str]:
    """Find the stored types: right after the foreign data, or some bytes later."""
    room = min(_MAX_SCAN_BYTES + 4 * n_channels, headers.size_bytes - headers.at)
    start = headers.at
    raw = headers.take_bytes(room)
    for skipped in range(room - 4 * n_channels + 1):
        pairs = struct.unpack_from(f"{headers.order}{2 * n_channels}h", raw, skipped)
        kinds = [_STORED.get(pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]
        found = [kind for kind in kinds if kind is not None]
        if len(found) == n_channels:
            headers.at = start + skipped + 4 * n_channels
            return found
    message = "no types of stored values"
    raise _UnreadableError(message)


def _channel(headers: _Headers, row: Any, kind: str, evidence: list[Evidence]) -> AcqChannel:
    facts = row.data
    name, unit = headers.text(facts["szCommentText"]), headers.text(facts["szUnitsText"])
    n_samples, divider = int(row.point_count), int(row.frequency_divider)
    if n_samples < 0 or divider < 1:
        message = f"channel {name!r} has {n_samples} samples, divider {divider}"
        raise _UnreadableError(message)
    # compressed samples are little-endian whatever the headers are
    order = "<" if headers.graph.compressed else headers.order
    gain, offset = float(row.raw_scale), float(row.raw_offset)
    if kind == "f8":
        gain, offset = 1.0, 0.0  # stored in physical units; the header's scale does not apply
    elif not (math.isfinite(gain) and gain and math.isfinite(offset)):
        sentence = f"channel {name!r} states no usable scale; its stored integers have no unit"
        evidence.append(Evidence("calibration", "missing", sentence))
        gain, offset, unit = 1.0, 0.0, ""
    return AcqChannel(
        name, unit, int(row.order_num), divider, n_samples, np.dtype(order + kind), gain, offset
    )


def _markers(headers: _Headers, header: AcqHeader) -> None:
    n_markers = int(headers.take(layouts.MarkerHeader).marker_count)
    if n_markers > headers.size_bytes // 8:
        message = f"{n_markers} markers"
        raise _UnreadableError(message)
    for _ in range(n_markers):
        start = headers.at
        item = headers.take(layouts.MarkerItemHeader)
        headers.at = start + item.struct_length
        text = headers.text(headers.take_bytes(item.text_length))
        headers.at = start + int(item.effective_len_bytes)
        # stored unsigned, yet negative where the time axis was set to begin later
        sample = (int(item.sample_index) + 2**31) % 2**32 - 2**31
        created_ms = item.date_created_ms
        header.markers.append(
            AcqMarker(sample, text, item.type_code or "", item.channel_number, created_ms)
        )
    if V_381 <= headers.revision < V_400B:
        start = headers.at
        colours = headers.take(layouts.MarkerPreItemMetadataHeaderPre4)
        if colours.tag_value == layouts.JournalHeaderPre4.EXPECTED_TAG_VALUE:
            headers.at = start
            return
        for _ in range(n_markers):
            headers.take(layouts.MarkerItemMetadataHeader)


def _journal(headers: _Headers) -> str:
    if headers.revision < V_370:
        return ""
    if headers.revision < V_400B:
        journal = headers.take(layouts.JournalHeader)
        if not journal.tag_value_matches_expected():
            message = f"the journal begins with {journal.tag_value_hex}"
            raise _UnreadableError(message)
        return headers.text(headers.take_bytes(int(journal.journal_len)))
    start = headers.at
    length = int(headers.take(layouts.JournalLengthHeader).journal_len)
    if length < 0:
        message = f"a journal of {length} bytes"
        raise _UnreadableError(message)
    text = ""
    empty = layouts.JournalHeader.for_revision(headers.revision, headers.order)
    if empty.effective_len_bytes <= length:
        journal = headers.take(layouts.JournalHeader)
        text = headers.text(headers.take_bytes(int(journal.journal_len)))
    headers.at = start + length
    return text


def _compressed(headers: _Headers, header: AcqHeader) -> None:
    headers.take(layouts.MainCompressionHeader)
    for channel in header.channels:
        block = headers.take(layouts.ChannelCompressionHeader)
        place, n_bytes = int(block.compressed_data_offset), int(block.compressed_data_len)
        n_inflated = channel.n_samples * channel.dtype.itemsize
        if n_bytes < 0 or place < 0 or place + n_bytes > headers.size_bytes:
            message = f"the samples of {channel.name!r} would end at byte {place + n_bytes}"
            raise _UnreadableError(message)
        if block.uncompressed_data_len != n_inflated:
            message = (
                f"{channel.name!r} has {channel.n_samples} samples, but {n_inflated} bytes differ "
                f"from the {block.uncompressed_data_len} announced"
            )
            raise _UnreadableError(message)
        header.compressed.append((place, n_bytes))
