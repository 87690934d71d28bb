"""Headers that programs write above a table: OpenSignals, BioSPPy, Axon ATF, or a line with the rate.

OpenSignals and BioSPPy comment their header with ``#``; ATF counts its lines
(https://www.moleculardevices.com, "ATF: Axon Text File Format").
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, UncertainMappingError
from sparc_fuse_core.readers.text.clock import NO_TIME, iso, moment_ns
from sparc_fuse_core.readers.text.facts import Rate, Said, said_by
from sparc_fuse_core.readers.text.units import rate_in_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Lines of an unknown header that are kept, and how much of each.
_MOST_LINES, _MOST_LETTERS = 100, 500


@dataclass(frozen=True, slots=True)
class Stated:
    """What the lines above a table, or the program that wrote it, state.

    Attributes
    ----------
    names, units
        One for each column; empty if not stated.
    said
        Rates, start and the like, as the lines say them.
    sweeps
        ATF: name of the signal in each column, the time column left out; empty otherwise.
    sweep_start_s
        ATF: start of each sweep.
    unit_in_parentheses
        The format defines that trailing parentheses are units.
    is_recording
        A program's own layout: the columns are channels, whatever they are called.
    metadata
        The rest.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    said: Said = field(default_factory=Said)
    sweeps: tuple[str, ...] = ()
    sweep_start_s: tuple[float, ...] = ()
    unit_in_parentheses: bool = False
    is_recording: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate_hz(self) -> float | None:
        """The rate that is stated, if all statements agree."""
        rates = [rate.hz for rate in self.said.rates]
        if not rates or any(not math.isclose(hz, rates[0], rel_tol=1e-4) for hz in rates):
            return None
        return rates[0]

    @property
    def is_rate_unit_stated(self) -> bool:
        """Whether the rate says that it is in Hz."""
        return any(rate.is_unit_stated for rate in self.said.rates)

    @property
    def contradiction(self) -> str:
        """Both statements of the rate, if they differ; else ``""``."""
        if not self.said.rates or self.rate_hz is not None:
            return ""
        lines = list(dict.fromkeys(f"{rate.line!r} ({rate.hz:g} Hz)" for rate in self.said.rates))
        return " and ".join(lines[:4])


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
    kept = [line.strip()[:_MOST_LETTERS] for line in above if line.strip()][:_MOST_LINES]
    said = said_by(above)
    names = next((line for line in reversed(above) if line.strip()), "").strip()
    cells = [cell.strip().strip("\"'") for cell in re.split(r"[,;\t]", names)]
    in_names = rate_in_names(cells) if len(cells) == n_columns else None
    if in_names is not None:
        said = replace(said, rates=(*said.rates, Rate(in_names, names[:_MOST_LETTERS])))
    # a header of one line is the names themselves
    return Stated(said=said, metadata={"header": kept} if len(kept) > 1 or said.rates else {})


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
    said = said_by(above)
    return Stated(
        names=(*labels, *[""] * n_more) if n_more in (0, 1) else (),
        units=units if len(units) == n_columns else (),
        said=replace(said, names=(), units=(), unit="", scale="", offset="", gain=""),
        is_recording=True,
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
    said = tuple(Rate(hz, "sampling rate") for hz in rates if hz > 0)
    return Stated(
        names=tuple(names),
        said=Said(rates=said, start_time=_start_of(devices)),
        is_recording=True,
        metadata={"devices": devices},
    )


def _start_of(devices: Mapping[str, Mapping[str, Any]]) -> str:
    """Return when OpenSignals says that it started, if all devices agree."""
    found = {f"{device.get('date', '')} {device.get('time', '')}" for device in devices.values()}
    ns = moment_ns(found.pop()) if len(found) == 1 else NO_TIME
    return "" if ns == NO_TIME else iso(ns)


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
        sweeps=signals,
        sweep_start_s=sweep_start_s,
        unit_in_parentheses=True,
        is_recording=True,
        metadata=facts,
    )
