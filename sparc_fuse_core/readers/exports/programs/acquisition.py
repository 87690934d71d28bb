"""Exports of acquisition programs: HEKA's traces, Blackrock's openNSx, CED Signal's frames."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.scope import header_members, lines_of, numbers_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows, one_row, picked_rows
from sparc_fuse_core.readers.shared.time_axis import (
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
)
from sparc_fuse_core.readers.shared.tree import Numeric, find, scalar
from sparc_fuse_core.readers.shared.vocabulary import rate_hz_of, seconds_in

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_HEKA = re.compile(r"Trace_\d+_\d+_\d+_\d+")
_SIGNAL_FIELDS = frozenset(("xunits", "interval", "points", "chans", "frames", "values"))


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map what one of these programs wrote."""
    _map_heka(scope, done)
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
