"""Exports of acquisition programs: HEKA's traces, Blackrock's openNSx, CED Signal, Axon, Qualisys, LabChart."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import header_members, lines_of, numbers_of, text_of
from sparc_fuse_core.readers.exports.statements import Statement
from sparc_fuse_core.readers.exports.views import channel_rows, one_row, picked_rows
from sparc_fuse_core.readers.shared.time_axis import (
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
)
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Struct, find, scalar
from sparc_fuse_core.readers.shared.vocabulary import Meaning, rate_hz_of, seconds_in

if TYPE_CHECKING:
    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_HEKA = re.compile(r"Trace_\d+_\d+_\d+_\d+")
_BLOCK = re.compile(r"data_block(\d+)")
_SIGNAL_FIELDS = frozenset(("xunits", "interval", "points", "chans", "frames", "values"))


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map what one of these programs wrote."""
    _map_heka(scope, done)
    _map_blocks(scope, done)
    if isinstance(scope.members.get("h"), Struct) and {"d", "si"} <= scope.members.keys():
        return _map_axon(scope, done)
    if {"Frequency", "NrOfSamples", "Data"} <= scope.members.keys():
        return _map_qualisys(scope, done)
    if "ElectrodesInfo" in scope.members and "MetaTags" in scope.members:
        return _map_blackrock(scope, done)
    if scope.members.keys() >= _SIGNAL_FIELDS:
        return _map_signal(scope, done)
    return False


def _map_heka(scope: Scope, done: Mapped) -> None:
    """PatchMaster: a variable a sweep and trace, times in s in the first column, values in the second."""
    for name, node in scope.members.items():
        if not _HEKA.fullmatch(name) or not isinstance(node, Numeric) or not node.is_real:
            continue
        if len(node.shape) != 2 or node.shape[1] != 2 or node.shape[0] < 2:
            continue
        rows = channel_rows(node, 0, 1)
        times = as_vector(picked_rows(rows, [0]))
        if not is_increasing(times):
            continue
        path = scope.child(name)
        axis = describe_times(times, "s", 1e-9)
        values = one_row(as_vector(picked_rows(rows, [1])))
        done.claims.append(Claim(path, values, (name,), ("",), axis, node.matlab_class, group=path))
        done.used.add(path)
        done.say("signals", "file", "PatchMaster's export: time in s, then the trace")


def _map_blocks(scope: Scope, done: Mapped) -> None:
    """LabChart for Mac: a block a matrix of channels, with its ticks in s, titles and units."""
    for name, node in scope.members.items():
        match = _BLOCK.fullmatch(name)
        ticks = scope.members.get(f"ticktimes_block{match[1]}") if match else None
        if match is None or not isinstance(node, Numeric) or not isinstance(ticks, Numeric):
            continue
        if (
            not node.is_real
            or len(node.shape) != 2
            or ticks.n_values not in node.shape
            or ticks.n_values < 2
        ):
            continue
        clock = as_vector(ticks.rows)
        if not is_increasing(clock):
            continue
        sample = node.shape.index(ticks.n_values)
        n_channels = node.shape[1 - sample]
        names, units = (
            _lines(scope.members.get(f"{key}_block{match[1]}"), n_channels)
            for key in ("titles", "units")
        )
        path = scope.child(name)
        rows = channel_rows(node, sample, 1 - sample)
        axis = describe_times(clock, "s")
        done.claims.append(Claim(path, rows, names, units, axis, node.matlab_class, group=path))
        done.used.update(
            (
                path,
                *(
                    scope.child(f"{key}_block{match[1]}")
                    for key in ("ticktimes", "titles", "units")
                ),
            )
        )
        done.say("signals", "file", "blocks of LabChart's MATLAB export: `ticktimes` in s")


def _lines(node: Node | None, n_channels: int) -> tuple[str, ...]:
    lines = lines_of(node) if node is not None else None
    return lines if lines is not None and len(lines) == n_channels else ("",) * n_channels


def _map_axon(scope: Scope, done: Mapped) -> bool:
    """Map the results of abfload: samples, channels and sweeps, the interval in microseconds, a header."""
    data, interval_us = scope.members["d"], scalar(scope.members["si"])
    header = scope.members["h"]
    if not isinstance(header, Struct) or "recChNames" not in header.fields:
        return False
    if (
        not isinstance(data, Numeric)
        or not data.is_real
        or data.n_values < 2
        or len(data.shape) > 3
    ):
        return False
    if interval_us is None or not 0 < interval_us < math.inf:
        return False
    stated = scope.unit_of_statement(
        Statement(Meaning("interval"), "si", scope.child("si"), scope.members["si"])
    )
    rate_hz = rate_hz_of("interval", interval_us, stated or "us")
    if rate_hz is None:
        return False
    shape = data.shape + (1,) * (3 - len(data.shape))
    is_row = shape[0] == 1 < shape[1]
    n_channels = 1 if is_row else shape[1]
    rows: Blocks = (
        one_row(as_vector(data.rows))
        if is_row
        else channel_rows(data, 0, 1, 2 if shape[2] > 1 else None)
    )
    names, units = (
        _lines(header.fields.get(key), n_channels) for key in ("recChNames", "recChUnits")
    )
    path = scope.child("d")
    axis = TimeAxis(rate_hz, 0.0, None, "s")
    done.claims.append(Claim(path, rows, names, units, axis, data.matlab_class, group=scope.path))
    done.used.update((path, scope.child("si")))
    done.say("signals", "file", "the results of abfload: `si` in microseconds")
    return True


def _map_qualisys(scope: Scope, done: Mapped) -> bool:
    """Qualisys Track Manager: analog channels as rows, ``Frequency`` in Hz."""
    data, rate_hz = scope.members["Data"], scalar(scope.members["Frequency"])
    n_samples = scalar(scope.members["NrOfSamples"])
    if (
        not isinstance(data, Numeric)
        or not data.is_real
        or len(data.shape) != 2
        or n_samples not in data.shape
    ):
        return False
    if rate_hz is None or not 0 < rate_hz < math.inf:
        return False
    sample = 1 if data.shape[1] == n_samples else 0
    n_channels = data.shape[1 - sample]
    names, units = (_lines(scope.members.get(key), n_channels) for key in ("Labels", "Units"))
    path = scope.child("Data")
    rows = channel_rows(data, sample, 1 - sample)
    axis = TimeAxis(rate_hz, 0.0, None, "s")
    done.claims.append(Claim(path, rows, names, units, axis, data.matlab_class, group=path))
    done.used.update((path, scope.child("Frequency")))
    done.say("signals", "file", "analog data of Qualisys Track Manager: `Frequency` in Hz")
    return True


def _map_blackrock(scope: Scope, done: Mapped) -> bool:
    """NPMK's openNSx: counts, with the range of each electrode in counts and in its unit."""
    data = scope.members.get("Data")
    rate_hz = scalar(find(scope.members, "MetaTags.SamplingFreq"))
    if (
        not isinstance(data, Numeric)
        or not data.is_real
        or len(data.shape) != 2
        or data.n_values < 2
    ):
        return False
    if rate_hz is None or not 0 < rate_hz < math.inf:
        return False
    n_channels = data.shape[0]
    columns = header_members(scope.members["ElectrodesInfo"])
    facts = {
        key: lines_of(node) for key, node in columns.items() if key in ("Label", "AnalogUnits")
    }
    names, units = (
        tuple(line.strip(" \x00") for line in found)
        if found and len(found) == n_channels
        else ("",) * n_channels
        for found in (facts.get("Label"), facts.get("AnalogUnits"))
    )
    gain: tuple[float, ...] = ()
    if np.dtype(data.rows.dtype).kind == "i":
        tops = [
            numbers_of(columns[key])[0] if key in columns else ()
            for key in ("MaxAnalogValue", "MaxDigiValue")
        ]
        if all(len(top) == n_channels for top in tops) and all(tops[1]) and all(tops[0]):
            gain = tuple(a / b for a, b in zip(tops[0], tops[1], strict=True))
        else:
            units = ("",) * n_channels
            done.say(
                "calibration",
                "missing",
                "the range of the electrodes is not stated: counts are kept",
            )
    path = scope.child("Data")
    rows = channel_rows(data, 1, 0)
    axis = TimeAxis(rate_hz, 0.0, None, "s")
    offset = (0.0,) * n_channels if gain else ()
    done.claims.append(
        Claim(path, rows, names, units, axis, data.matlab_class, gain, offset, group=scope.path)
    )
    done.used.add(path)
    done.say("signals", "file", "the struct of Blackrock's openNSx")
    return True


def _map_signal(scope: Scope, done: Mapped) -> bool:
    """CED Signal: values of points, channels and frames, the interval in the unit of the x axis."""
    values = scope.members["values"]
    interval = scalar(scope.members["interval"])
    unit = text_of(scope.members["xunits"])
    if (
        not isinstance(values, Numeric)
        or not values.is_real
        or interval is None
        or values.n_values < 2
    ):
        return False
    rate_hz = rate_hz_of("interval", interval, unit)
    counts = [scalar(scope.members[key]) for key in ("points", "chans", "frames")]
    shape = values.shape + (1,) * (3 - len(values.shape))
    if rate_hz is None or list(shape) != counts:
        return False
    n_channels = shape[1]
    node = scope.members.get("chaninfo")
    columns = header_members(node) if node is not None else {}
    found = [lines_of(columns[key]) if key in columns else None for key in ("title", "units")]
    names, units = (
        line if line and len(line) == n_channels else ("",) * n_channels for line in found
    )
    path = scope.child("values")
    rows = channel_rows(values, 0, 1, 2 if shape[2] > 1 else None)
    start = (scalar(scope.members.get("start")) or 0.0) * (seconds_in(unit) or 1.0)
    axis = TimeAxis(rate_hz, start, None, "s")
    done.claims.append(Claim(path, rows, names, units, axis, values.matlab_class, group=scope.path))
    done.used.update((path, scope.path))
    done.say("signals", "file", "the struct of CED Signal's export")
    return True
