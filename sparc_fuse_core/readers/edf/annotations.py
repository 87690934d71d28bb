"""Annotations of EDF+ and BDF+: events, and the time at which each data record starts.

Text signals hold time-stamped annotation lists: onset, 0x15 and a duration where there is one, then texts
between 0x14, a zero byte at the end (https://www.edfplus.info/specs/edfplus.html#tal). The first list
of a record has an empty first text: its onset is the record's own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from sparc_fuse_core.readers.edf.header import EdfHeader
    from sparc_fuse_core.readers.shared.records import RecordFile

_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14(.*)\x14", re.DOTALL)


@dataclass(slots=True)
class EdfAnnotations:
    """All events, on the file's own clock, and the onset of each record where it is stated."""

    onsets: list[Decimal | None]
    events: list[tuple[Decimal, float, str]]
    n_unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records that follow each other without a gap; ``start`` is on the file's own clock."""

    first_record: int
    n_records: int
    start: Decimal


def read_annotations(file: RecordFile, header: EdfHeader) -> EdfAnnotations:
    """Read the text signals of all records."""
    width = header.bytes_per_sample
    places = [
        (signal.first_byte, signal.first_byte + signal.n_in_record * width)
        for signal in header.signals
        if signal.is_annotations
    ]
    found = EdfAnnotations([None] * header.n_records, [])
    if not places:
        return found
    record = np.dtype((np.uint8, (header.record_bytes,)))
    for at, records in file.records(record, header.header_bytes, 0, header.n_records):
        for i, values in enumerate(records):
            for number, (first, last) in enumerate(places):
                _take(values[first:last].tobytes(), at + i, found, keeps_time=number == 0)
    found.events.sort(key=lambda event: event[0])
    return found


def _take(raw: bytes, record: int, found: EdfAnnotations, *, keeps_time: bool) -> None:
    """Add the annotation lists of one record of one signal."""
    first = keeps_time
    for part in raw.split(b"\0"):
        if not part:
            continue
        match = _TAL.fullmatch(part)
        if match is None:
            found.n_unreadable += 1
            continue
        onset = Decimal(match[1].decode())
        duration_s = float(match[2]) if match[2] else math.nan
        texts = match[3].split(b"\x14")
        if first and not texts[0]:
            found.onsets[record] = onset
            texts = texts[1:]
        first = False
        found.events += [(onset, duration_s, _text(text)) for text in texts]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def runs_of(
    name: str, header: EdfHeader, onsets: list[Decimal | None]
) -> tuple[tuple[Stretch, ...], tuple[Evidence, ...]]:
    """Return the runs of records without a gap, and what had to be concluded.

    Two records follow each other if the second starts within half a sample of where the run so far
    ends; stated onsets are rounded.

    Raises
    ------
    CorruptFileError
        If a file with gaps (``EDF+D``) does not say when each record starts.
    """
    known = [onset for onset in onsets if onset is not None]
    start = known[0] if onsets and onsets[0] is not None else Decimal(0)
    whole = (Stretch(0, header.n_records, start),)
    if len(known) < len(onsets):
        if header.discontinuous:
            message = (
                f"{name}: it has gaps (EDF+D), but {len(onsets) - len(known)} of {len(onsets)} "
                "data records do not say when they start"
            )
            raise CorruptFileError(message)
        return whole, ()
    fastest = max(
        (signal.n_in_record for signal in header.signals if not signal.is_annotations), default=1
    )
    tolerance = header.record_s / fastest / 2
    runs: list[Stretch] = []
    backwards = False
    for i, onset in enumerate(known):
        if runs:
            run = runs[-1]
            late = onset - (run.start + (i - run.first_record) * header.record_s)
            if abs(late) <= tolerance:
                runs[-1] = Stretch(run.first_record, run.n_records + 1, run.start)
                continue
            backwards = backwards or late < 0
        runs.append(Stretch(i, 1, onset))
    if len(runs) == 1:
        return tuple(runs), ()
    if header.discontinuous:
        if not backwards:
            return tuple(runs), ()
        sentence = "data records overlap in time; their starts are kept as stated"
        return tuple(runs), (Evidence("time", "inferred", sentence),)
    if backwards:
        sentence = (
            "the data records' stated starts run backwards although the file claims to be "
            "continuous; they are ignored"
        )
        return whole, (Evidence("time", "inferred", sentence),)
    sentence = (
        f"the file claims to be continuous, but its data records start with {len(runs) - 1} gaps; "
        "the starts are believed"
    )
    return tuple(runs), (Evidence("time", "inferred", sentence),)
