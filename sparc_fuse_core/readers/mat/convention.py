"""From a tree of MATLAB variables to recordings: by a scheme's options, or by MATLAB users' conventions.

Without a scheme, in this order: timetables carry their own time; a struct with ``signals`` (and ``time``,
``sr``, ``chans``); a variable with a known name of time and the numeric variables of its length; else long
numeric arrays, without a rate. Each conclusion is said as evidence; nothing else is concluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import UncertainMappingError
from sparc_fuse_core.readers.mat.signals import (
    TIME_NAMES,
    Mapped,
    Signal,
    channels_of,
    label_texts,
    signal_of,
    time_axis_of,
)
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, as_vector, describe_times
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Table, as_facts, scalar, scopes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model import Blocks

RATE_NAMES = ("sr", "fs", "srate", "samplerate", "sample_rate", "sampling_rate", "fsample")
_RATE_NAMES_HZ = ("sampling_rate_hz", "sample_rate_hz", "fs_hz")
_CHANNEL_NAMES = ("chans", "channels", "channel_names", "labels", "label")
_UNIT_NAMES = ("units", "unit", "channel_units")
#: A vector shorter than this may be anything; a matrix is long if 4 times as long as wide, too.
_LONG = 256


def map_by_convention(variables: Mapping[str, Node], file_name: str) -> Mapped:
    """Map variables without a scheme.

    Raises
    ------
    UncertainMappingError
        If nothing looks like a signal.
    """
    done = Mapped()
    _map_timetables(variables, done)
    _map_signal_structs(variables, done)
    for prefix, scope in scopes(variables):
        _map_timed(prefix, scope, done)
    if not done.recordings:
        _map_long(variables, done)
    if not done.recordings:
        raise nothing_mapped(variables, file_name)
    return done


def nothing_mapped(variables: Mapping[str, Node], file_name: str) -> UncertainMappingError:
    """Return the error for a file in which nothing says what is a signal."""
    shown = ", ".join(sorted(variables)[:20]) + (", …" if len(variables) > 20 else "")
    return UncertainMappingError(
        f"{file_name}: no variable says that it is a signal (found: {shown}); describe the file by a "
        "mapping scheme: `sparc-fuse scheme new --from <this file>` starts one"
    )


# ----------------------------------------------------------------------------- tables


def _map_timetables(variables: Mapping[str, Node], done: Mapped) -> None:
    tables = {
        name: node
        for name, node in variables.items()
        if isinstance(node, Table) and node.times is not None
    }
    starts = [node.times.start for node in tables.values() if node.times and node.times.start]
    earliest = min(starts, default="")
    for name, table in tables.items():
        if table.times is not None:
            _map_timetable(name, table, table.times, earliest, done)


def _map_timetable(name: str, table: Table, times: Numeric, earliest: str, done: Mapped) -> None:
    axis = time_axis_of(times, "s")
    if axis is None:
        done.say("time", "missing", f"row times of timetable `{name}` do not increase: left out")
        return
    facts = dict(table.facts)
    if times.start:
        facts["start_time"] = times.start
        shift_s = float(
            (np.datetime64(times.start) - np.datetime64(earliest)) / np.timedelta64(1, "s")
        )
        axis = _shifted(axis, shift_s)
    signals = []
    for i, (column, node) in enumerate(table.columns):
        if not isinstance(node, Numeric) or not node.is_real or not node.is_vector:
            value, why = as_facts(node)
            facts.setdefault("columns", {})[column] = why or value
            continue
        unit = table.units[i] if table.units else ""
        rows = _one_row(as_vector(node.rows))
        signals.append(Signal(f"{name}.{column}", rows, node.matlab_class, (column,), (unit,)))
    if signals:
        done.add(name, signals, axis, **facts)
        done.used.add(name)
        done.say("signals", "file", f"timetable `{name}`: columns with their own row times")


def _shifted(axis: TimeAxis, shift_s: float) -> TimeAxis:
    if not shift_s:
        return axis
    if axis.times is None:
        return TimeAxis(axis.rate_hz, axis.start_s + shift_s, None, "s")
    times = axis.times

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return np.asarray(times[(slice(*bounds[0]),)], dtype=np.float64) + shift_s

    moved = FunctionBlocks(tuple(times.shape), np.dtype(np.float64), read)
    return TimeAxis(None, 0.0, moved, "s")


def _one_row(vector: Blocks) -> FunctionBlocks:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.asarray(vector[(slice(start, stop),)])[None, :]
        return block[first:last]

    return FunctionBlocks((1, vector.shape[0]), np.dtype(vector.dtype), read)


# ----------------------------------------------------------------------------- structs


def _map_signal_structs(variables: Mapping[str, Node], done: Mapped) -> None:
    for prefix, scope in scopes(variables):
        node = scope.get("signals")
        if isinstance(node, Numeric) and prefix.partition("(")[0] not in done.used:
            map_signal_struct(prefix, scope, node, done)


def map_signal_struct(
    prefix: str, scope: Mapping[str, Node], node: Numeric, done: Mapped, unit: str = ""
) -> None:
    """Map a struct with ``signals`` and, where present, ``time``, a rate, names and units."""
    label = f"`{prefix}`" if prefix else "the file"
    timed = _time_in(scope)
    axis = time_axis_of(timed[1], unit or timed[2]) if timed else None
    rate_hz, rate_name = _rate_in(scope)
    n_samples = timed[1].n_values if timed and axis else None
    rows = channels_of(node, n_samples, "")
    if rows is None:
        sentence = f"`signals` of {label}: which axis of {node.shape} is time cannot be told"
        done.say("signals", "missing", sentence)
        return
    if n_samples is None:
        sentence = f"`signals` of {label} has no time vector: its longer axis is taken as time"
        done.say("axes", "inferred", sentence)
    axis = _reconciled(axis, timed[1] if timed else None, rate_hz, done)
    used = {"signals"}
    if timed and n_samples is not None:
        used.add(timed[0])
    if rate_name and axis.rate_hz is not None:
        used.add(rate_name)
        done.say("time", "inferred", f"`{rate_name}` of {label} is taken as samples per second")
    n_channels = rows.shape[0]
    names = _named_texts(scope, _CHANNEL_NAMES, n_channels, used) or ("",) * n_channels
    units = _named_texts(scope, _UNIT_NAMES, n_channels, used) or ("",) * n_channels
    done.say("signals", "inferred", f"field `signals` of {label} is taken as channels by its name")
    done.add(prefix or "signals", [Signal(prefix, rows, node.matlab_class, names, units)], axis)
    dotted = f"{prefix}." if prefix else ""
    done.used.update(f"{dotted}{name}" for name in used)


def _reconciled(
    axis: TimeAxis | None, times: Numeric | None, rate_hz: float | None, done: Mapped
) -> TimeAxis:
    """Bring a time vector and a stated rate together."""
    if axis is None:
        return TimeAxis(rate_hz, 0.0, None, "s")
    if rate_hz is None or axis.units == "s" or times is None:
        return axis
    for unit in ("s", "ms", "us"):
        found = describe_times(as_vector(times.rows), unit)
        if found.rate_hz is not None and np.isclose(found.rate_hz, rate_hz, rtol=1e-9, atol=0):
            done.say("time", "inferred", f"time is in {unit}: so its steps agree with the rate")
            return found
    done.say("time", "missing", f"the rate of {rate_hz:g} does not fit the time vector: left out")
    return axis


def _time_in(scope: Mapping[str, Node]) -> tuple[str, Numeric, str] | None:
    for name, node in scope.items():
        if name.lower() in TIME_NAMES and isinstance(node, Numeric) and node.is_vector:
            return name, node, TIME_NAMES[name.lower()]
    return None


def _rate_in(scope: Mapping[str, Node]) -> tuple[float | None, str]:
    for name, node in scope.items():
        if name.lower() in (*RATE_NAMES, *_RATE_NAMES_HZ):
            value = scalar(node)
            if value is not None and np.isfinite(value) and value > 0:
                return value, name
    return None, ""


def _named_texts(
    scope: Mapping[str, Node], names: tuple[str, ...], n_channels: int, used: set[str]
) -> tuple[str, ...] | None:
    for name, node in scope.items():
        if name.lower() in names:
            lines = label_texts(node, n_channels)
            if lines is not None:
                used.add(name)
                return lines
    return None


# ----------------------------------------------------------------------------- time and its length


def _map_timed(prefix: str, scope: Mapping[str, Node], done: Mapped) -> None:
    """Map the numeric variables that are as long as a variable with a name of time."""
    dotted = f"{prefix}." if prefix else ""
    for n_samples, (name, node, axis) in _clocks(dotted, scope, done).items():
        signals = []
        for other, value in scope.items():
            path = f"{dotted}{other}"
            if other.lower() in TIME_NAMES or path in done.used or not isinstance(value, Numeric):
                continue
            rows = channels_of(value, n_samples, "")
            if rows is not None:
                signals.append(signal_of(path, value, rows))
        if signals:
            label = signals[0].path if len(signals) == 1 else prefix or "signals"
            start = {"start_time": node.start} if node.start else {}
            done.add(label, signals, axis, **start)
            done.used.update({f"{dotted}{name}", *(signal.path for signal in signals)})
            sentence = (
                f"`{dotted}{name}` is taken as time by its name, arrays of its length as signals"
            )
            done.say("time", "inferred", sentence)


def _clocks(
    dotted: str, scope: Mapping[str, Node], done: Mapped
) -> dict[int, tuple[str, Numeric, TimeAxis]]:
    """Return the variables that are time by their name, by length; two of one length are none."""
    clocks: dict[int, tuple[str, Numeric, TimeAxis]] = {}
    twice: set[int] = set()
    for name, node in scope.items():
        if name.lower() not in TIME_NAMES or not isinstance(node, Numeric):
            continue
        if f"{dotted}{name}" in done.used or node.n_values < 2:
            continue
        axis = time_axis_of(node, TIME_NAMES[name.lower()])
        if axis is None:
            done.say("time", "missing", f"`{dotted}{name}` does not increase: not taken as time")
        elif node.n_values in clocks:
            twice.add(node.n_values)
        else:
            clocks[node.n_values] = (name, node, axis)
    for n_samples in twice:
        del clocks[n_samples]
        sentence = f"two variables could be the time of {n_samples} samples: none was taken"
        done.say("time", "missing", sentence)
    return clocks


# ----------------------------------------------------------------------------- long arrays


def long_arrays(variables: Mapping[str, Node]) -> list[Signal]:
    """Return the real vectors and matrices that are long enough to be recordings."""
    found = []
    for prefix, scope in scopes(variables):
        for name, node in scope.items():
            if not isinstance(node, Numeric) or not node.is_real or node.unit:
                continue
            if name.lower() in TIME_NAMES or len(node.shape) != 2:
                continue
            short, long = sorted(node.shape)
            if long >= _LONG and long >= 4 * short:
                rows = channels_of(node, None, "")
                if rows is not None:
                    found.append(signal_of(f"{prefix}.{name}" if prefix else name, node, rows))
    return found


def _map_long(variables: Mapping[str, Node], done: Mapped) -> None:
    signals = long_arrays(variables)
    rate_hz, rate_name = _rate_in(variables)
    lengths = {signal.rows.shape[1] for signal in signals}
    if rate_hz is not None and len(lengths) == 1:
        done.say("time", "inferred", f"`{rate_name}` is taken as samples per second by its name")
        done.used.add(rate_name)
    else:
        rate_hz = None
        done.say("time", "missing", "no time and no rate: samples are counted, not timed")
    for signal in signals:
        sentence = f"`{signal.path}` is taken as a signal only because it is long"
        done.say("signals", "inferred", sentence)
        done.say("axes", "inferred", f"the longer axis of `{signal.path}` is taken as time")
        done.add(signal.path, [signal], TimeAxis(rate_hz, 0.0, None, "s"))
        done.used.add(signal.path)
