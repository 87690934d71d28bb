"""LabVIEW's text: measurement files (.lvm) of one or several segments, and waveforms exported to a spreadsheet.

Sources: National Instruments, "Specification for the LabVIEW Measurement File (.lvm)"; LabVIEW's function
"Export Waveforms to Spreadsheet File". A segment has a header of its own, with a cell for each channel; where
it begins is told by ``X0`` or by its date and time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, UncertainMappingError, UnsupportedFormatError
from sparc_fuse_core.model import Segment
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.clock import NO_TIME, iso, moment_ns
from sparc_fuse_core.readers.text.facts import Rate, Said
from sparc_fuse_core.readers.text.headers import Stated
from sparc_fuse_core.readers.text.kinds import is_number, number_of
from sparc_fuse_core.readers.text.lines import line_blocks
from sparc_fuse_core.readers.text.told import Told, fitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Contents, Recording
    from sparc_fuse_core.readers.text.head import Head

_END = "***End_of_Header***"
_KEYS = ("Channels", "Samples", "Date", "Time", "Y_Unit_Label", "X_Dimension", "X0", "Delta_X")
_MOST_SEGMENTS = 10_000
#: A header of more lines is none.
_MOST_LINES = 200


@dataclass(slots=True)
class _Header:
    """The header of one segment.

    Attributes
    ----------
    facts
        By key: a cell for each column but the first.
    names
        Of all columns; ``X_Value`` where times stand.
    first_x
        The first cell of times, if the rows have one.
    step
        From one sample to the next.
    columns_of_time
        Positions of times.
    """

    facts: dict[str, list[str]]
    names: list[str]
    n_rows: int = 0
    first_x: float | None = None
    step: float = 0.0
    columns_of_time: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Find what is asked for at every row."""
        self.step = (self.numbers("Delta_X") or [0.0])[0]
        self.columns_of_time = tuple(
            i for i, cell in enumerate(self.names) if cell.startswith("X_Value")
        )

    def numbers(self, key: str) -> list[float]:
        """Return the numbers of a key, once each."""
        cells = (cell.replace(",", ".") for cell in self.facts.get(key, []) if cell)
        return list(dict.fromkeys(float(cell) for cell in cells if is_number(cell)))

    @property
    def alike(self) -> tuple[object, ...]:
        """Return what segments of one recording share."""
        keys = ("Y_Unit_Label", "X_Dimension")
        return (self.names, self.numbers("Delta_X"), [self.facts.get(key) for key in keys])


def _how(lines: Sequence[str]) -> tuple[dict[str, list[str]], str, str]:
    """Return the facts of the file's own header, the separator and the decimal mark."""
    said = next((line for line in lines if line.startswith("Separator")), "")
    separator = "," if "Comma" in said else "\t"
    mark = next((line for line in lines if line.startswith("Decimal_Separator")), "")
    # a comma cannot be both
    decimal = "," if separator == "\t" and "," in mark else "."
    return _lvm_facts(lines, separator), separator, decimal


def labview(path: Path, head: Head) -> Told | None:
    """Read two headers, each up to its mark; the second has one cell for each column."""
    if not head.lines[0].startswith("LabVIEW Measurement"):
        return None
    ends = [i for i, line in enumerate(head.lines) if line.strip(" \t,").startswith(_END)]
    if len(ends) < 2 or len(head.lines) <= ends[1] + 2:
        message = f"{path.name}: a LabVIEW header without its end or without rows; export it again"
        raise CorruptFileError(message)
    facts, separator, decimal = _how(head.lines[: ends[0]])
    channels = _lvm_facts(head.lines[ends[0] + 1 : ends[1]], separator)
    header = _Header(channels, cells_of(head.lines[ends[1] + 1], separator))
    times = header.columns_of_time
    labels = ["", *channels.get("Y_Unit_Label", [])]
    is_time = not {cell for cell in channels.get("X_Dimension", ["Time"]) if cell} - {"Time"}
    named, units = [], []
    for i, cell in enumerate(header.names):
        named.append("Time" if i in times else cell)
        label = labels[i] if i < len(labels) and cell != "Comment" else ""
        units.append(("s" if is_time else "") if i in times else label)
    rates = tuple(
        Rate(float(f"{1 / step:.12g}"), f"Delta_X {step:g}")
        for step in header.numbers("Delta_X")
        if step > 0
    )
    starts = header.numbers("X0")
    said = Said(
        rates=rates if is_time else (),
        start_time=_lvm_start(channels) or _lvm_start(facts),
        # without a column of times only the header tells where they begin
        start_s=starts[0] if is_time and len(starts) == 1 and starts[0] else None,
    )
    kept = {key: cells for key, cells in channels.items() if key in ("Samples", "X0", "Delta_X")}
    return Told(
        head.lines,
        {"skip_rows": ends[1] + 2, "header": False, "separator": separator, "decimal": decimal},
        lambda n: Stated(
            names=fitted(named, n),
            units=fitted(units, n),
            said=said,
            is_recording=True,
            metadata={"labview": kept},
        ),
    )


# ------------------------------------------------------------------------------- several segments


@dataclass(frozen=True, slots=True)
class Joined:
    """Segments of a measurement file below each other, as one.

    Attributes
    ----------
    path
        A scratch file: one header, then all rows, whose times are left out.
    starts_s, n_rows
        Of each segment, in seconds from the start of the first one's clock.
    step_s
        From one sample to the next.
    """

    path: Path
    starts_s: tuple[float, ...]
    n_rows: tuple[int, ...]
    step_s: float

    def apart(self, contents: Contents) -> Contents:
        """Give the recordings their segments back, unless these follow each other without a gap."""
        ends = [s + n * self.step_s for s, n in zip(self.starts_s, self.n_rows, strict=True)]
        gaps = [two - one for one, two in zip(ends, self.starts_s[1:], strict=False)]
        i = next((i for i, gap in enumerate(gaps) if gap < -self.step_s / 2), None)
        if i is not None:
            message = (
                f"{self.path.name}: its segments overlap in time: one begins at "
                f"{self.starts_s[i + 1]:g} s, the one before it ends at {ends[i]:g} s; "
                "split them into files of their own"
            )
            raise UncertainMappingError(message)
        is_one = all(abs(gap) <= self.step_s / 2 for gap in gaps)
        return replace(
            contents, recordings=tuple(self._apart(one, is_one) for one in contents.recordings)
        )

    def _apart(self, recording: Recording, is_one: bool) -> Recording:
        if sum(self.n_rows) != recording.n_samples:
            message = (
                f"{self.path.name}: rows between its segments cannot be told apart; export it again"
            )
            raise CorruptFileError(message)
        at, segments = 0, []
        for start_s, n_rows in zip(self.starts_s, self.n_rows, strict=True):
            segments.append(Segment(at, n_rows, start_s))
            at += n_rows
        return replace(
            recording, start_s=self.starts_s[0], segments=() if is_one else tuple(segments)
        )


def joined(path: Path, head: Head, folder: Path) -> Joined | None:
    """Write the rows of all segments below one header; None if there is but one.

    Raises
    ------
    UnsupportedFormatError
        If the segments differ in channels, units or interval.
    UncertainMappingError
        If ``X0`` and the dates tell different times.
    CorruptFileError
        If the times of the rows do not go by ``Delta_X``.
    """
    if not head.lines[0].startswith("LabVIEW Measurement"):
        return None
    marks = 0
    for block in line_blocks(path, head.encoding, 0):
        marks += block.count(_END.encode())
        if marks > 2:
            break
    if marks <= 2:
        return None
    (folder / "joined").mkdir()
    target = folder / "joined" / path.name.removesuffix(".gz")
    reading = _Segments(path.name, head.encoding)
    reading.write(path, target)
    headers = [one for one in reading.headers if one.n_rows]
    first = headers[0] if headers else reading.headers[0]
    steps = first.numbers("Delta_X")
    dimension = {cell for cell in first.facts.get("X_Dimension", ["Time"]) if cell}
    if any(one.alike != first.alike for one in headers) or len(steps) != 1 or dimension - {"Time"}:
        message = (
            f"{path.name}: {len(headers)} segments that differ in channels, units or interval, or are not of "
            "time: split them into files of their own"
        )
        raise UnsupportedFormatError(message)
    return Joined(
        target, _starts(path.name, headers), tuple(one.n_rows for one in headers), steps[0]
    )


def _starts(name: str, headers: Sequence[_Header]) -> tuple[float, ...]:
    """Return where each segment begins: by its times, or by date and time where those begin anew."""
    xs = []
    for one in headers:
        stated = one.numbers("X0")
        xs.append(one.first_x if one.first_x is not None else stated[0] if stated else 0.0)
    days = [moment_ns(_moment(one.facts)) for one in headers]
    if NO_TIME in days:
        return tuple(xs)
    since = [(ns - days[0]) / 1e9 for ns in days]
    if len(set(xs)) == 1:
        return tuple(xs[0] + s for s in since)
    drift = max(abs((x - xs[0]) - s) for x, s in zip(xs, since, strict=True))
    if any(since) and drift > 1.0:
        message = (
            f"{name}: its segments begin at {xs[1]:g} s by X0 and {since[1]:g} s after the first by date and "
            "time: split them into files of their own, or repair the headers"
        )
        raise UncertainMappingError(message)
    return tuple(xs)


class _Segments:
    """Goes through a file and writes its rows below its first header."""

    def __init__(self, name: str, encoding: str) -> None:
        self.name = name
        self.encoding = "utf-8" if encoding.startswith("utf") else encoding
        self.file_encoding = encoding
        self.headers: list[_Header] = []
        self._lines: list[str] = []
        self._separator = "\t"
        self._decimal = "."
        self._state = "file"

    def write(self, path: Path, target: Path) -> None:
        """Write one header and all rows."""
        with target.open("wb") as out:
            for block in line_blocks(path, self.file_encoding, 0):
                for line in block.decode(self.encoding, "replace").splitlines():
                    kept = self._take(line)
                    if kept is not None:
                        out.write(f"{kept}\n".encode(self.encoding, "replace"))

    def _take(self, line: str) -> str | None:
        """Return what is written of a line, or None."""
        bare = line.strip(" \t,")
        if self._state == "rows" and not bare:
            return None
        if self._state == "rows" and bare.startswith(_KEYS) and self._begins(line):
            self._state, self._lines = "header", []
        if self._state in ("file", "header"):
            return self._take_header(line, bare)
        if self._state == "names":
            return self._take_names(line)
        return self._row(line)

    def _begins(self, line: str) -> bool:
        return cells_of(line, self._separator)[0] in _KEYS

    def _take_header(self, line: str, bare: str) -> str | None:
        self._lines.append(line)
        if len(self._lines) > _MOST_LINES:
            message = f"{self.name}: a LabVIEW header without its end; export it again"
            raise CorruptFileError(message)
        is_first = self._state == "file" or not self.headers
        if bare.startswith(_END):
            if self._state == "file":
                _, self._separator, self._decimal = _how(self._lines)
                self._state, self._lines = "header", []
            else:
                self._state = "names"
        return line if is_first else None

    def _take_names(self, line: str) -> str | None:
        header = _Header(_lvm_facts(self._lines, self._separator), cells_of(line, self._separator))
        self.headers.append(header)
        if len(self.headers) > _MOST_SEGMENTS:
            message = (
                f"{self.name}: more than {_MOST_SEGMENTS} segments; export it with one header only"
            )
            raise UnsupportedFormatError(message)
        self._state = "rows"
        return line if len(self.headers) == 1 else None

    def _row(self, line: str) -> str:
        header = self.headers[-1]
        cells = line.split(self._separator)
        for i in header.columns_of_time:
            x = number_of(cells[i], self._decimal) if i < len(cells) else None
            if x is None:
                continue
            if header.first_x is None:
                header.first_x = x
            off = abs(x - header.first_x - header.n_rows * header.step)
            if off > header.step / 2:
                message = (
                    f"{self.name}: the times of segment {len(self.headers)} do not go by its Delta_X of "
                    f"{header.step:g}; export it with one header only"
                )
                raise CorruptFileError(message)
            cells[i] = ""
        header.n_rows += 1
        return self._separator.join(cells)


# ------------------------------------------------------------------------------- exported waveforms


def waveforms(path: Path, head: Head) -> Told | None:
    """Read names and interval of waveforms exported to a spreadsheet: ``waveform``, ``t0``, ``delta t``."""
    del path
    lines = head.lines
    rows = [cells_of(line, "\t") for line in lines[:3]]
    if [row[0].lower() if row else "" for row in rows] != ["waveform", "t0", "delta t"]:
        return None
    at = next(
        (i for i, line in enumerate(lines[3:9], 3) if line.lower().startswith("time\t")), None
    )
    if at is None:
        return None
    columns = cells_of(lines[at], "\t")
    names = [name if name and not re.fullmatch(r"\[\d+\]", name) else "" for name in rows[0][1:]]
    known = [own or column for own, column in zip([*names, *columns], columns[1:], strict=False)]
    steps = {cell.replace(",", ".") for cell in rows[2][1:] if cell}
    rates = tuple(
        Rate(float(f"{1 / float(step):.12g}"), f"delta t {step}")
        for step in steps
        if is_number(step) and float(step) > 0
    )
    return Told(
        lines,
        {"skip_rows": at + 1, "header": False, "separator": "\t"},
        lambda n: Stated(fitted(["Time", *known], n), (), Said(rates=rates)),
    )


def _lvm_facts(lines: Sequence[str], separator: str) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    for line in lines:
        cells = cells_of(line, separator)
        if cells and cells[0] and len(cells) > 1:
            facts.setdefault(cells[0], cells[1:])
    return facts


def _moment(facts: Mapping[str, list[str]]) -> str:
    date, time = ("".join(facts.get(key, [])[:1]) for key in ("Date", "Time"))
    clock = re.sub(r"([.,]\d{9})\d+", r"\1", time)
    return f"{date} {clock}"


def _lvm_start(facts: Mapping[str, list[str]]) -> str:
    ns = moment_ns(_moment(facts))
    return "" if ns == NO_TIME else iso(ns)
