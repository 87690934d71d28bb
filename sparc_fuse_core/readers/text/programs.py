"""Programs' own text files whose header is no header of columns: AcqKnowledge, Empatica, BIDS; more beside it.

Each rule reads what the program states above the rows, or beside them, and says where the rows begin. Sources:
BIOPAC's "Text file" export as the readers of it describe it; Empatica, "E4 data export"; BIDS 1.10,
"Physiological recordings".
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.clock import iso
from sparc_fuse_core.readers.text.facts import EPOCHS_S, Rate, Said, said_by
from sparc_fuse_core.readers.text.headers import Stated
from sparc_fuse_core.readers.text.kinds import is_integer, is_number
from sparc_fuse_core.readers.text.labview import labview, waveforms
from sparc_fuse_core.readers.text.loggers import campbell, inscopix
from sparc_fuse_core.readers.text.statements import bare
from sparc_fuse_core.readers.text.told import Told, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.readers.text.head import Head

_N_CHANNELS = re.compile(r"(?i)\s*(\d{1,4})\s+channels?[\s,;]*")
_RATE_ALONE = re.compile(r"(?i)\s*([\d.]+(?:e[+-]?\d+)?)\s*(k?hz)[\s,;]*")
_ACQ_COLUMN = re.compile(r"(?i)CH\s*\d+")
_EMPATICA = {
    "ACC": ("x", "y", "z"),
    "BVP": ("BVP",),
    "EDA": ("EDA",),
    "TEMP": ("TEMP",),
    "HR": ("HR",),
}
_BIDS = re.compile(r"(?i)(.+_(?:physio|stim))\.tsv(?:\.gz)?")
_MOST_JSON_BYTES = 10_000_000


def told_by(path: Path, head: Head) -> Told | None:
    """Return what the program that wrote a file tells of it, or None if no rule knows it."""
    for rule in (_acqknowledge, labview, waveforms, campbell, inscopix, _empatica, _bids):
        told = rule(path, head)
        if told is not None:
            return told
    return None


# ------------------------------------------------------------------------------- AcqKnowledge


def _acqknowledge(path: Path, head: Head) -> Told | None:
    """Read title, date, interval, channels with name and unit, heads, numbers of samples."""
    lines = head.lines
    at = next((i for i, line in enumerate(lines[:8]) if _N_CHANNELS.fullmatch(bare(line))), None)
    if at is None or at == 0:
        return None
    match = _N_CHANNELS.fullmatch(bare(lines[at]))
    n_channels = int(match[1]) if match else 0
    top = at + 1 + 2 * n_channels
    if not n_channels or len(lines) <= top + 1:
        return None
    pairs = [bare(line).rstrip("\t,; ") for line in lines[at + 1 : top]]
    separator = next((s for s in ("\t", ",", ";") if s in lines[top]), "\t")
    heads = [cell for cell in cells_of(lines[top], separator) if cell]
    channels = [cell for cell in heads if _ACQ_COLUMN.fullmatch(cell)]
    if len(channels) != n_channels or len(heads) - n_channels not in (0, 1):
        return None
    names, units = list(pairs[0::2]), list(pairs[1::2])
    if len(heads) > n_channels:
        names, units = ["Time", *names], [heads[0], *units]
    said = said_by(lines[:at])
    alone = next(filter(None, map(_RATE_ALONE.fullmatch, lines[:at])), None)
    if not said.rates and alone:
        hz = float(alone[1]) * (1000.0 if alone[2].lower() == "khz" else 1.0)
        said = replace(said, rates=(Rate(hz, alone[0].strip()),) if hz > 0 else ())
    first = top + 1
    if _is_counts(lines[first], separator, len(heads) > n_channels, n_channels):
        first += 1
    title = bare(lines[0])
    return Told(
        lines,
        {"skip_rows": first, "header": False, "separator": separator},
        lambda n: Stated(
            names=fitted(names, n),
            units=fitted(units, n),
            said=replace(said, names=(), units=(), unit="", start_s=None),
            is_recording=True,
            metadata={"title": title} if title and at > 1 else {},
        ),
    )


def _is_counts(line: str, separator: str, has_time: bool, n_channels: int) -> bool:
    """Whether a row holds how many samples each channel has."""
    cells = cells_of(line, separator)
    counts = cells[1:] if has_time else cells
    counts = counts[:n_channels]
    if has_time and cells and cells[0]:
        return False
    return bool(counts) and all(is_integer(cell) and int(cell) > 0 for cell in counts)


# ------------------------------------------------------------------------------- Empatica


def _empatica(path: Path, head: Head) -> Told | None:
    """Read the start (seconds since 1970) and the rate above the samples; the name says of what."""
    stem = path.name.split(".")[0].upper()
    rows = [cells_of(line, ",") for line in head.lines[:3]]
    if len(rows) < 3 or not rows[0] or not _is_epoch(rows[0][0]):
        return None
    start_time = iso(int(float(rows[0][0]) * 10**6) * 1000, "Z", 6)
    if stem == "IBI" and len(rows[0]) == 2 and rows[0][1] == "IBI":
        return _after(head, 1, ("Time", "IBI"), ("s", "s"), Said(start_time=start_time))
    if stem == "TAGS" and all(_is_epoch(row[0]) for row in rows if row and row[0]):
        return Told(head.lines, {"header": False}, lambda n: Stated(("tag time",), ("s",), Said()))
    names = _EMPATICA.get(stem, ())
    is_alike = all(len(set(row)) == 1 and len(row) == len(names) for row in rows[:2])
    if not names or not is_alike or not is_number(rows[1][0]) or not 0 < float(rows[1][0]) < 1e4:
        return None
    rate = Rate(float(rows[1][0]), "the second row, as Empatica writes it")
    return _after(head, 2, names, ("",) * len(names), Said(rates=(rate,), start_time=start_time))


def _after(head: Head, n_skip: int, names: Sequence[str], units: Sequence[str], said: Said) -> Told:
    return Told(
        head.lines,
        {"skip_rows": n_skip, "header": False, "separator": ","},
        lambda n: Stated(fitted(names, n), fitted(units, n), said, is_recording=True),
    )


def _is_epoch(cell: str) -> bool:
    return is_number(cell) and EPOCHS_S[0] <= float(cell) <= EPOCHS_S[1]


# ------------------------------------------------------------------------------- BIDS


def _bids(path: Path, head: Head) -> Told | None:
    """Read rows without a header; a .json of the same name states rate, start, columns and units."""
    match = _BIDS.fullmatch(path.name)
    beside = None if match is None else path.parent / f"{match[1]}.json"
    if beside is None or not beside.is_file() or beside.stat().st_size > _MOST_JSON_BYTES:
        return None
    try:
        facts = json.loads(beside.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as err:
        message = f"{path.name}: {beside.name} is no JSON ({err}); upload it again"
        raise CorruptFileError(message) from err
    if not isinstance(facts, dict):
        return None
    columns = facts.get("Columns")
    names = [str(name) for name in columns] if isinstance(columns, list) else []
    units = []
    for name in names:
        about = facts.get(name)
        unit = about.get("Units") if isinstance(about, dict) else None
        units.append(str(unit) if isinstance(unit, str) else "")
    rate_hz, start_s = facts.get("SamplingFrequency"), facts.get("StartTime")
    rates: tuple[Rate, ...] = ()
    if isinstance(rate_hz, int | float) and 0 < rate_hz < 1e9:
        rates = (Rate(float(rate_hz), f"SamplingFrequency of {beside.name}"),)
    said = Said(
        rates=rates,
        start_s=float(start_s) if isinstance(start_s, int | float) else None,
    )

    def stated(n_columns: int) -> Stated:
        if names and len(names) != n_columns:
            message = (
                f"{path.name}: {beside.name} names {len(names)} columns, the rows have {n_columns}"
            )
            raise CorruptFileError(message)
        return Stated(tuple(names), tuple(units), said, is_recording=bool(rates))

    return Told(head.lines, {"header": False, "separator": "\t"}, stated)
