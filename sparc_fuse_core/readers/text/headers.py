"""Headers that programs write above a table: OpenSignals, BioSPPy, Axon ATF, or a line with the rate.

OpenSignals and BioSPPy comment their header with ``#``; ATF counts its lines
(https://www.moleculardevices.com, "ATF: Axon Text File Format").
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, UncertainMappingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NUMBER = r"([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)"
_RATE = re.compile(
    r"(?i)[\"#%/\s]*(?:sampling|sample|acquisition|recording)?[ _-]*(?:rate|frequency|freq|fs)[ _-]*"
    rf"[(\[]?\s*(k?hz)?\s*[)\]]?\s*[:=,\t]+\s*{_NUMBER}\s*(k?hz|/s|samples/s|s/s|sps)?[\",;\s]*"
)
_RATE_WORDS = re.compile(r"(?i)sampl|acquisition|recording|\bfs\b")
#: Lines of an unknown header that are kept, and how much of each.
_MOST_LINES, _MOST_LETTERS = 100, 500


@dataclass(frozen=True, slots=True)
class Stated:
    """What the lines above a table state.

    Attributes
    ----------
    names, units
        One for each column; empty if not stated.
    rate_hz
        None if not stated.
    is_rate_unit_stated
        Whether the rate says that it is in Hz.
    sweeps
        ATF: name of the signal in each column, the time column left out; empty otherwise.
    sweep_start_s
        ATF: start of each sweep.
    unit_in_parentheses
        The format defines that trailing parentheses are units.
    metadata
        The rest.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rate_hz: float | None = None
    is_rate_unit_stated: bool = True
    sweeps: tuple[str, ...] = ()
    sweep_start_s: tuple[float, ...] = ()
    unit_in_parentheses: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


def stated_by(name: str, above: Sequence[str], n_columns: int) -> Stated:
    """Read the lines above a table of ``n_columns``.

    Raises
    ------
    CorruptFileError
        If a header that says what it is contradicts itself.
    UncertainMappingError
        If several devices with different rates share the rows.
    """
    first = above[0] if above else ""
    if first.startswith("# OpenSignals"):
        return _open_signals(name, above, n_columns)
    if any(re.match(r"#\s*Labels\s*:=", line) for line in above):
        return _biosppy(above, n_columns)
    if first.split("\t")[0].split(",")[0].strip().strip('"') == "ATF":
        return _axon(above)
    rate_hz, has_unit = _rate_in(above)
    kept = [line.strip()[:_MOST_LETTERS] for line in above if line.strip()][:_MOST_LINES]
    # a header of one line is the names themselves
    return Stated(
        rate_hz=rate_hz,
        is_rate_unit_stated=has_unit,
        metadata={"header": kept} if len(kept) > 1 or rate_hz is not None else {},
    )


def _rate_in(lines: Sequence[str]) -> tuple[float | None, bool]:
    """Return a sampling rate stated in words, and whether its unit is."""
    for line in lines:
        match = _RATE.fullmatch(line)
        if match is None or not _RATE_WORDS.search(line):
            continue
        before, number, after = match.groups()
        unit = (before or after or "").lower()
        rate_hz = float(number.replace(",", ".")) * (1000.0 if unit == "khz" else 1.0)
        if rate_hz > 0:
            return rate_hz, bool(unit)
    return None, False


def _biosppy(above: Sequence[str], n_columns: int) -> Stated:
    facts: dict[str, str] = {}
    for line in above:
        key, sign, value = line.lstrip("# ").partition(":=")
        if sign:
            facts[key.strip()] = value.strip(" \r\n")
    labels = tuple(cell.strip() for cell in facts.pop("Labels", "").split("\t"))
    units = tuple(cell.strip() for cell in facts.pop("Units", "").split("\t"))
    if len(units) == 1:
        units *= n_columns  # one unit stated for the file
    n_more = n_columns - len(labels)  # rows may end in a separator
    rate_hz, has_unit = _rate_in([line for line in above if "rate" in line.lower()])
    return Stated(
        names=(*labels, *[""] * n_more) if n_more in (0, 1) else (),
        units=units if len(units) == n_columns else (),
        rate_hz=rate_hz,
        is_rate_unit_stated=has_unit,
        metadata=facts,
    )


def _open_signals(name: str, above: Sequence[str], n_columns: int) -> Stated:
    try:
        devices = json.loads(above[1].lstrip("# ") if len(above) > 1 else "")
    except json.JSONDecodeError as err:
        message = f"{name}: the OpenSignals header is no JSON ({err}); export the file again"
        raise CorruptFileError(message) from err
    if not isinstance(devices, dict) or not all(isinstance(d, dict) for d in devices.values()):
        message = f"{name}: the OpenSignals header names no device"
        raise CorruptFileError(message)
    names: list[str] = []
    rates = set()
    for device in devices.values():
        columns = device.get("column", [])
        if isinstance(columns, list):
            names += [str(column) for column in columns]
        if isinstance(device.get("sampling rate"), int | float):
            rates.add(float(device["sampling rate"]))
    if len(rates) > 1:
        message = f"{name}: devices of {sorted(rates)} Hz share the rows; export one file for each"
        raise UncertainMappingError(message)
    if len(names) == n_columns - 1:
        names.append("")  # every row ends in a separator
    if len(names) != n_columns:
        message = f"{name}: the header states {len(names)} columns, the rows have {n_columns}"
        raise CorruptFileError(message)
    rate_hz = rates.pop() if rates else None
    return Stated(
        names=tuple(names),
        rate_hz=rate_hz if rate_hz and rate_hz > 0 else None,
        metadata={"devices": devices},
    )


def _axon(above: Sequence[str]) -> Stated:
    facts: dict[str, str] = {}
    signals: tuple[str, ...] = ()
    for line in above[2:-1]:
        cells = [cell.strip().strip('"') for cell in re.split(r"\t", line)]
        key, sign, value = cells[0].partition("=")
        if key == "Signals" and sign:
            signals = tuple(cells[1:])
        elif sign:
            facts[key.strip()] = ",".join([value, *cells[1:]]).strip(",")
    starts = facts.get("SweepStartTimesMS", "")
    try:
        sweep_start_s = tuple(float(cell) / 1000 for cell in starts.split(",") if cell.strip())
    except ValueError:
        sweep_start_s = ()
    return Stated(
        sweeps=signals, sweep_start_s=sweep_start_s, unit_in_parentheses=True, metadata=facts
    )
