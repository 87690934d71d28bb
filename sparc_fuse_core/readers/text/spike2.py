"""Spike2's text export: INFORMATION, SUMMARY, then one CHANNEL section for each channel.

A section begins with the channel's number, its type, comment and title, and for waveforms the unit. ``START``
states the time of the first value below it and the time from one to the next; a second ``START`` follows a
gap. Other channels have a time in each row, and codes or a text after it. Source: CED, "Spike2 for Windows",
chapter "Export as text".
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import (
    Contents,
    Event,
    EventTable,
    Evidence,
    Recording,
    Segment,
    rate_name,
)
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.text.columns import TableParser
from sparc_fuse_core.readers.text.kinds import MISSING, MOST_COMMENTS, Column
from sparc_fuse_core.readers.text.lines import line_blocks
from sparc_fuse_core.readers.text.store import ColumnStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.readers.text.head import Head

_SECTION = re.compile(r'"?CHANNEL"?\s+"?(\d+)"?\s*')
_WAVES = ("waveform", "realwave", "adc")
_MOST_CHANNELS = 4096
_MOST_REMARKS = 100


@dataclass
class _Channel:
    """One section."""

    number: str
    header: list[list[str]] = field(default_factory=list)
    starts: list[tuple[int, float, float]] = field(default_factory=list)  # row, time, step
    parser: TableParser | None = None
    events: list[tuple[float, str]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """As the file calls it: ``Waveform``, ``Evt-``, ``Marker``, ``TextMark`` and so on."""
        return self.header[0][0] if self.header and self.header[0] else ""

    @property
    def is_wave(self) -> bool:
        """Whether values follow that are samples."""
        return self.kind.lower().replace(" ", "").startswith(_WAVES)

    def text(self, line: int) -> str:
        """Return the first cell of a line of the header."""
        return self.header[line][0] if len(self.header) > line and self.header[line] else ""


def is_spike2(head: Head) -> bool:
    """Whether a file begins as Spike2's text exports do."""
    first = head.lines[0].strip().strip('"')
    return first == "INFORMATION" and any(
        line.strip().strip('"') == "SUMMARY" or _SECTION.fullmatch(line)
        for line in head.lines[:100]
    )


def read_spike2(path: Path, head: Head, folder: Path, stack: ExitStack) -> Contents:
    """Read all sections.

    Raises
    ------
    CorruptFileError
        If a row cannot be what Spike2 writes.
    EmptyFileError
        If no channel has values.
    """
    sections = _Sections(path.name)
    for channel, rows in sections.rows(path, head.encoding):
        if channel.is_wave:
            _feed(path.name, channel, rows, head.encoding, folder, stack, len(sections.channels))
        else:
            _note(path.name, channel, rows, head.encoding)
    channels, summary = sections.channels, sections.summary
    waves = [one for one in channels if one.parser is not None and one.parser.store.n_rows]
    events = [event for one in channels for event in _events(one, summary)]
    if not waves and not events:
        message = f"{path.name}: a Spike2 export without values; export the channels' data too"
        raise EmptyFileError(message)
    is_cut = any(one.parser is not None and one.parser.is_cut_off for one in waves)
    cut = Evidence("content", "missing", "the last line is cut off and was left out")
    events.sort(key=lambda event: event.time_s)
    return Contents(
        recordings=tuple(_recordings(path.name, waves, summary)),
        events=EventTable.from_events(events),
        metadata={"information": [text for text in sections.information if text]},
        evidence=(cut,) if is_cut else (),
    )


class _Sections:
    """Goes through a file; keeps what its sections say."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.part = "INFORMATION"
        self.channels: list[_Channel] = []
        self.summary: dict[str, list[str]] = {}
        self.information: list[str] = []

    def rows(self, path: Path, encoding: str) -> Iterator[tuple[_Channel, bytes]]:
        """Yield runs of rows with the channel they belong to."""
        text_encoding = "utf-8" if encoding.startswith("utf") else encoding
        for block in line_blocks(path, encoding, 0):
            at = 0
            while at < len(block):
                is_row = self.part == "CHANNEL" and not block.startswith((b'"', b"START"), at)
                if is_row:
                    end = _next_header(block, at)
                    if block[at:end].strip():
                        yield self.channels[-1], block[at:end]
                else:
                    end = block.find(b"\n", at) + 1 or len(block)
                    self._take(block[at:end].decode(text_encoding, "replace").strip())
                at = end

    def _take(self, text: str) -> None:
        """Take a line that is no row."""
        section = _SECTION.fullmatch(text)
        if section:
            self.part = "CHANNEL"
            if len(self.channels) >= _MOST_CHANNELS:
                message = f"{self.name}: more than {_MOST_CHANNELS} channels"
                raise CorruptFileError(message)
            self.channels.append(_Channel(section[1]))
        elif self.part == "CHANNEL":
            cells = _cells(text)
            if cells and cells[0].upper() == "START":
                _start(self.name, self.channels[-1], cells)
            else:
                self.channels[-1].header.append(cells)
        elif text.strip('"') == "SUMMARY":
            self.part = "SUMMARY"
        elif self.part == "SUMMARY":
            cells = _cells(text)
            if len(cells) > 1:
                self.summary[cells[0]] = cells[1:]
        elif text.strip('"') != "INFORMATION" and len(self.information) < _MOST_REMARKS:
            self.information.append(text.strip('"')[:500])


def _next_header(block: bytes, at: int) -> int:
    found = [i + 1 for mark in (b'\n"', b"\nSTART") if (i := block.find(mark, at)) >= 0]
    return min(found, default=len(block))


def _cells(text: str) -> list[str]:
    separator = "\t" if "\t" in text else ","
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]


def _start(name: str, channel: _Channel, cells: Sequence[str]) -> None:
    try:
        time_s, step_s = float(cells[1]), float(cells[2])
    except (IndexError, ValueError):
        time_s, step_s = math.nan, math.nan
    if not (math.isfinite(time_s) and math.isfinite(step_s) and step_s > 0):
        message = f"{name}: channel {channel.number} states no usable START: {cells[:3]}"
        raise CorruptFileError(message)
    row = channel.parser.store.n_rows if channel.parser is not None else 0
    channel.starts.append((row, time_s, step_s))


def _feed(
    name: str,
    channel: _Channel,
    rows: bytes,
    encoding: str,
    folder: Path,
    stack: ExitStack,
    number: int,
) -> None:
    if channel.parser is None:
        store = ColumnStore(folder / f"channel{number}", 1)
        stack.callback(store.close)
        channel.parser = TableParser(
            name=name,
            separator="\t",
            decimal=".",
            encoding=encoding,
            missing=MISSING,
            n_columns=1,
            columns=(Column(0, "number"),),
            store=store,
            integers=set(),
        )
    channel.parser.feed(rows)


def _note(name: str, channel: _Channel, rows: bytes, encoding: str) -> None:
    """Take rows of a channel of events: a time, then codes or a text."""
    text_encoding = "utf-8" if encoding.startswith("utf") else encoding
    for line in rows.decode(text_encoding, "replace").split("\n"):
        cells = [cell for cell in _cells(line) if cell] if line.strip() else []
        if not cells:
            continue
        try:
            time_s = float(cells[0])
        except ValueError as err:
            message = f"{name}: channel {channel.number}: {shown(line.strip())} is no event"
            raise CorruptFileError(message) from err
        if len(channel.events) < MOST_COMMENTS:
            channel.events.append((time_s, " ".join(cells[1:])))


def _title(channel: _Channel, summary: dict[str, list[str]]) -> str:
    told = summary.get(channel.number, [])
    return told[1] if len(told) > 1 else channel.text(2)


def _unit(channel: _Channel, summary: dict[str, list[str]]) -> str:
    told = summary.get(channel.number, [])
    if len(told) > 2:
        return told[2]
    return next((cells[0] for cells in channel.header[3:] if cells and cells[0]), "")


def _recordings(
    name: str, waves: Sequence[_Channel], summary: dict[str, list[str]]
) -> Iterator[Recording]:
    """Yield one recording for channels of one clock and length."""
    groups: dict[tuple[Any, ...], list[_Channel]] = defaultdict(list)
    for one in waves:
        if not one.starts or one.parser is None:
            message = f"{name}: channel {one.number} states no START: its times are not known"
            raise CorruptFileError(message)
        if len({step for _, _, step in one.starts}) > 1:
            message = f"{name}: channel {one.number} changes its interval; export it in parts"
            raise CorruptFileError(message)
        groups[(one.parser.store.n_rows, tuple(one.starts))].append(one)
    for (n_rows, starts), members in groups.items():
        rate_hz = _rate(starts[0][2], [summary.get(one.number, []) for one in members])
        edges = [row for row, _, _ in starts] + [n_rows]
        segments = tuple(
            Segment(row, stop - row, time_s)
            for (row, time_s, _), stop in zip(starts, edges[1:], strict=True)
            if stop > row
        )
        rows = [one.parser.store.vector(0) for one in members if one.parser is not None]
        yield Recording(
            rate_name(rate_hz),
            _stacked(rows),
            tuple(_title(one, summary) for one in members),
            tuple(_unit(one, summary) for one in members),
            rate_hz,
            start_s=segments[0].start_s,
            segments=segments if len(segments) > 1 else (),
        )


def _rate(step_s: float, told: Sequence[Sequence[str]]) -> float:
    """Return the rate: as the summary states it where the printed step agrees, else from the step."""
    for cells in told:
        for cell in cells[3:5]:
            try:
                hz = float(cell)
            except ValueError:
                continue
            if hz > 0 and abs(1 / hz - step_s) <= 0.6e-5:
                return hz
    return float(f"{1 / step_s:.12g}")


def _stacked(rows: Sequence[Any]) -> Any:
    from sparc_fuse_core.blocks import FunctionBlocks

    n_samples = rows[0].shape[0]

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), samples = bounds
        block = np.empty((last - first, samples[1] - samples[0]))
        for i, row in enumerate(rows[first:last]):
            block[i] = row[(slice(*samples),)]
        return block

    return FunctionBlocks((len(rows), n_samples), np.dtype(np.float64), read)


def _events(channel: _Channel, summary: dict[str, list[str]]) -> Iterator[Event]:
    title = _title(channel, summary)
    kind = channel.kind.lower()
    for time_s, text in channel.events:
        yield Event(time_s, label=text, channel=title, kind="event" if "evt" in kind else kind)
