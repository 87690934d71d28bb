"""LabChart's text export: blocks of rows, each below its own header.

A header line is a key ending in ``=`` and one cell for each channel: ``Interval=``, ``ExcelDateTime=``
(days since 1900, where the block begins), ``TimeFormat=``, ``ChannelTitle=``, ``Range=``, ``UnitName=``
(``*`` for none). A row may end in remarks: ``#* text`` for all channels, ``#3 text`` for one. Blocks with
the same channels and interval are segments of one stream; their distance is the clock's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.shared.units import SECONDS
from sparc_fuse_core.readers.shared.vocabulary import time_unit_of
from sparc_fuse_core.readers.text.clock import NO_TIME, clock_ns, iso
from sparc_fuse_core.readers.text.columns import TableParser
from sparc_fuse_core.readers.text.kinds import MISSING, Column, is_number
from sparc_fuse_core.readers.text.lines import line_blocks
from sparc_fuse_core.readers.text.store import ColumnStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.readers.text.head import Head

_KEY = re.compile(rb"[A-Za-z]+=(?:\t|$)")
_BLOCK_START = re.compile(rb"(?m)^Interval=")
_REMARK = re.compile(rb"(?m)[\t ]*#(\*|\d{1,3})(?:[ \t]+([^\n]*))?$")
_NEXT_REMARK = re.compile(r"\s*#(\*|\d+)\s+")
_DAY_S = 86_400
_EXCEL_TO_1970 = 25_569


@dataclass
class _Block:
    """One block: its header, and where its rows lie in its stream."""

    facts: dict[str, list[str]]
    n_columns: int = 0
    start_row: int = 0
    n_rows: int = 0


@dataclass
class _Stream:
    """Blocks of the same channels and interval."""

    parser: TableParser
    blocks: list[_Block]
    has_time: bool
    remarks: list[tuple[int, str, str]] = field(default_factory=list)


def is_labchart(head: Head) -> bool:
    """Whether a file begins as LabChart exports do."""
    return any(line.startswith("Interval=") for line in head.lines[:3]) and any(
        line.startswith(("ChannelTitle=", "UnitName=", "Range=", "TimeFormat="))
        for line in head.lines[:20]
    )


def read_labchart(path: Path, head: Head, folder: Path, stack: ExitStack) -> Contents:
    """Read all blocks.

    Raises
    ------
    CorruptFileError
        If a header or a row cannot be what LabChart writes.
    EmptyFileError
        If no block has rows.
    """
    streams: dict[tuple[Any, ...], _Stream] = {}
    for block, rows in _parts(path, head.encoding):
        if rows.strip():
            _feed(path.name, streams, block, rows, head.encoding, folder, stack)
    if not streams:
        message = f"{path.name}: LabChart headers without rows; export the data again"
        raise EmptyFileError(message)
    origin = _excel_days(next(iter(streams.values())).blocks[0])
    recordings: list[Recording] = []
    events: list[Event] = []
    evidence: list[Evidence] = []
    for i, stream in enumerate(streams.values()):
        recording, clock = _recording(path.name, stream, origin, i)
        recordings.append(recording)
        events += _events(stream, recording, clock)
        evidence += _parser_evidence(stream.parser)
    first = next(iter(streams.values())).blocks[0]
    metadata = {
        key: first.facts[key]
        for key in ("ExcelDateTime", "TimeFormat", "Range", "TopValue", "BottomValue")
        if any(first.facts.get(key, []))
    }
    events.sort(key=lambda event: event.time_s)
    return Contents(
        recordings=tuple(recordings),
        events=EventTable.from_events(events),
        start_time=_start_time(first, recordings[0].start_s),
        metadata=metadata,
        evidence=tuple(evidence),
    )


def _parts(path: Path, encoding: str) -> Iterator[tuple[_Block, bytes]]:
    """Yield runs of rows with the block they belong to."""
    block: _Block | None = None
    is_header = False
    for lines in line_blocks(path, encoding, 0):
        position = 0
        while position < len(lines):
            if not is_header:
                following = _BLOCK_START.search(lines, position)
                end = following.start() if following else len(lines)
                if end > position and block is not None:
                    yield block, lines[position:end]
                position = end
                if following:
                    block, is_header = _Block({}), True
                continue
            end = lines.find(b"\n", position) + 1 or len(lines)
            line = lines[position:end]
            if _KEY.match(line.rstrip(b"\n")) or not line.strip():
                text = line.decode(_text_encoding(encoding), "replace").rstrip("\r\n")
                key, *cells = text.split("\t")
                if block is not None:
                    block.facts[key.rstrip("=")] = [cell.strip() for cell in cells]
                position = end
            else:
                is_header = False


def _text_encoding(encoding: str) -> str:
    return "utf-8" if encoding.startswith("utf") else encoding


def _feed(
    name: str,
    streams: dict[tuple[Any, ...], _Stream],
    block: _Block,
    rows: bytes,
    encoding: str,
    folder: Path,
    stack: ExitStack,
) -> None:
    rows, remarks = _without_remarks(rows, _text_encoding(encoding))
    rows = re.sub(rb"\t+$", b"", rows, flags=re.MULTILINE) if b"\t\n" in rows else rows
    titles = _titles(block)
    if not block.n_columns:
        first = rows.lstrip(b"\n").split(b"\n", 1)[0].decode("ascii", "replace").split("\t")
        block.n_columns = max(len(first), len(titles) or 1)
        extra = block.n_columns - len(titles) if titles else 0
        if extra > 2:
            message = f"{name}: rows of {block.n_columns} cells for {len(titles)} channels"
            raise CorruptFileError(message)
    has_time = bool(titles) and block.n_columns > len(titles)
    key = (
        tuple(titles),
        tuple(block.facts.get("UnitName", [])),
        tuple(block.facts.get("Interval", [])),
        block.n_columns,
    )
    if key not in streams:
        store = ColumnStore(folder / f"stream{len(streams)}", block.n_columns)
        stack.callback(store.close)
        columns = [Column(i, "number") for i in range(block.n_columns)]
        if has_time and block.n_columns - len(titles) == 2:
            columns[1] = Column(1, "code")  # the date, where it is exported beside the time
        decimal = "," if re.match(rb"[^\t\n]*\d,\d", rows.lstrip()) else "."
        parser = TableParser(
            name=name,
            separator="\t",
            decimal=decimal,
            encoding=encoding,
            missing=MISSING,
            n_columns=block.n_columns,
            columns=tuple(columns),
            store=store,
            integers=set(),
        )
        streams[key] = _Stream(parser, [], has_time)
    stream = streams[key]
    store = stream.parser.store
    if not stream.blocks or stream.blocks[-1] is not block:
        block.start_row = store.n_rows
        stream.blocks.append(block)
    stream.remarks += [(store.n_rows + row, channel, text) for row, channel, text in remarks]
    stream.parser.feed(rows)
    block.n_rows = store.n_rows - block.start_row


def _without_remarks(rows: bytes, encoding: str) -> tuple[bytes, list[tuple[int, str, str]]]:
    """Cut remarks off the ends of rows: (row, channel number or ``*``, text)."""
    if b"#" not in rows:
        return rows, []
    found = []
    kept = []
    position = n_rows = 0
    for match in _REMARK.finditer(rows):
        before = rows[position : match.start()]
        n_rows += before.count(b"\n")
        kept.append(before)
        position = match.end()
        channel, text = match[1].decode(), (match[2] or b"").decode(encoding, "replace")
        while True:
            following = _NEXT_REMARK.search(text)
            found.append(
                (n_rows, channel, text[: following.start() if following else None].strip())
            )
            if following is None:
                break
            channel, text = following[1], text[following.end() :]
    kept.append(rows[position:])
    return b"".join(kept), found


def _titles(block: _Block) -> list[str]:
    titles = list(block.facts.get("ChannelTitle", []))
    while titles and not titles[-1]:
        titles.pop()
    return titles


def _excel_days(block: _Block) -> float | None:
    cells = block.facts.get("ExcelDateTime", [])
    stated = cells[0].replace(",", ".") if cells else ""
    return float(stated) if is_number(stated) else None


def _start_time(block: _Block, start_s: float) -> str:
    """Return when time zero was: the serial date tells the day, the text beside it the fraction."""
    days = _excel_days(block)
    if days is None or not 20_000 < days < 80_000:
        return ""
    # a double holds the serial date to a microsecond; the block may begin after time zero
    ns = round((days - _EXCEL_TO_1970) * _DAY_S * 1000) * 10**6
    cells = block.facts.get("ExcelDateTime", [])
    text = clock_ns(cells[1].split(" ")[-1]) if len(cells) > 1 and cells[1] else NO_TIME
    exact = ns - ns % (_DAY_S * 10**9) + text
    if text != NO_TIME and abs(exact - ns) < 10**9:
        ns = exact
    return iso(ns if _starts_at_zero(block) else ns - round(start_s * 1e9), "", 6)


def _interval_s(name: str, block: _Block) -> Fraction | None:
    cells = block.facts.get("Interval", [])
    match = re.fullmatch(r"([\d.,eE+-]+)\s*(\S*)", cells[0] if cells else "")
    if match is None or not is_number(match[1].replace(",", ".")):
        return None
    unit = time_unit_of(match[2])
    interval = Fraction(match[1].replace(",", "."))
    if not unit or interval <= 0:
        message = f"{name}: Interval={cells[0]!r} is no length of time"
        raise CorruptFileError(message)
    return interval * SECONDS[unit]


def _recording(
    name: str, stream: _Stream, origin: float | None, number: int
) -> tuple[Recording, list[Segment]]:
    first = stream.blocks[0]
    titles = _titles(first)
    n_before = stream.parser.n_columns - len(titles) if titles else 0
    channels = list(range(n_before, stream.parser.n_columns))
    units = [
        "" if unit == "*" else unit for unit in first.facts.get("UnitName", [])[: len(channels)]
    ]
    units += [""] * (len(channels) - len(units))
    interval = _interval_s(name, first)
    segments = [
        segment for block in stream.blocks for segment in _segments(stream, block, origin, interval)
    ]
    recording = Recording(
        "labchart" if number == 0 else f"labchart {number + 1}",
        stream.parser.store.blocks(channels, np.float64),
        tuple(titles) if titles else ("",) * len(channels),
        tuple(units),
        float(1 / interval) if interval else None,
        start_s=segments[0].start_s,
        segments=tuple(segments) if len(segments) > 1 else (),
    )
    return recording, segments


def _segments(
    stream: _Stream, block: _Block, origin: float | None, interval: Fraction | None
) -> Iterator[Segment]:
    """Yield the runs of a block: one, unless its time column jumps."""
    base = 0.0
    days = _excel_days(block)
    if days is not None and origin is not None and _starts_at_zero(block):
        # the serial date is good to a microsecond
        base = round((days - origin) * _DAY_S, 6)
    if not stream.has_time or interval is None:
        yield Segment(block.start_row, block.n_rows, base)
        return
    times = stream.parser.store.vector(0)
    start, stop = block.start_row, block.start_row + block.n_rows
    step = float(interval)
    begin, begin_time, last = start, _time(times, start), None
    for at in range(start, stop, 1 << 18):
        values = times[(slice(at, min(at + (1 << 18), stop)),)]
        before = np.concatenate([[values[0] - step if last is None else last], values[:-1]])
        for jump in np.flatnonzero(np.abs(values - before - step) > 0.5 * step):
            row = at + int(jump)
            yield Segment(begin, row - begin, base + begin_time)
            begin, begin_time = row, float(values[jump])
        last = float(values[-1])
    yield Segment(begin, stop - begin, base + begin_time)


def _starts_at_zero(block: _Block) -> bool:
    """Whether times count from the block's own start, or are not written at all."""
    cells = block.facts.get("TimeFormat", [])
    return not cells or cells[0] in ("", "StartOfBlock")


def _time(times: Any, row: int) -> float:
    return float(times[(slice(row, row + 1),)][0])


def _events(stream: _Stream, recording: Recording, segments: list[Segment]) -> Iterator[Event]:
    rate_hz = recording.sampling_rate_hz
    if rate_hz is None:
        return
    starts = [segment.start_sample for segment in segments]
    for row, channel, text in stream.remarks:
        segment = segments[int(np.searchsorted(starts, row, side="right")) - 1]
        number = int(channel) - 1 if channel != "*" else -1
        names = recording.channel_names
        yield Event(
            segment.start_s + (row - segment.start_sample) / rate_hz,
            label=text,
            channel=names[number] if 0 <= number < len(names) else "",
            kind="comment",
        )


def _parser_evidence(parser: TableParser) -> Iterator[Evidence]:
    for position, n_cells in sorted(parser.bad_cells.items()):
        example = parser.bad_example[position]
        sentence = (
            f"{n_cells} cells of column {position + 1} are no numbers ({shown(example)}): NaN"
        )
        yield Evidence("content", "inferred", sentence)
    if parser.is_cut_off:
        yield Evidence("content", "missing", "the last line is cut off and was left out")
    if parser.n_short_rows:
        sentence = f"{parser.n_short_rows} rows end early; their missing cells became NaN"
        yield Evidence("content", "inferred", sentence)
