"""MATLAB variables mapped as a scheme says: which is time, which are signals, what they are called."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import SchemeError, UncertainMappingError
from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.claims import Claim, Mapped
from sparc_fuse_core.readers.exports.clocks import time_meaning
from sparc_fuse_core.readers.mat.variables import (
    channels_of,
    find_any,
    label_texts,
)
from sparc_fuse_core.readers.shared.time_axis import (
    SECONDS,
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
)
from sparc_fuse_core.readers.shared.tree import Numeric, as_facts, scalar, scopes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.shared.tree import Node

#: Variables that, if absent, are a fault of the scheme.
_NAMES_A_SIGNAL = ("signal_variables", "long_arrays")
#: A vector shorter than this may be anything; a matrix is long if 4 times as long as wide, too.
_LONG = 256


def is_mapping(options: Mapping[str, Any]) -> bool:
    """Whether the options say what the signals are."""
    return any(options.get(key) for key in _NAMES_A_SIGNAL)


def map_by_options(
    variables: Mapping[str, Node], options: Mapping[str, Any], file_name: str
) -> tuple[Mapped, list[Event]]:
    """Map variables as ``options`` say, and return the annotations they name.

    Raises
    ------
    SchemeError
        If a named variable is absent, or is not what the scheme takes it for.
    UncertainMappingError
        If the scheme allows for absent signals and none is there.
    """
    job = _Job(variables, options, file_name)
    signals = job.signals()
    if signals:
        job.map_signals(signals)
    elif options.get("long_arrays"):
        job.map_long_arrays()
    if not job.done.recordings:
        raise nothing_mapped(variables, file_name)
    job.keep_metadata()
    return job.done, job.annotations()


class _Job:
    """One file, one scheme."""

    def __init__(
        self, variables: Mapping[str, Node], options: Mapping[str, Any], file_name: str
    ) -> None:
        self.variables = variables
        self.options = options
        self.file_name = file_name
        self.done = Mapped()
        self.unit = str(options.get("time_unit", ""))

    def _fault(self, what: str) -> SchemeError:
        shown = ", ".join(sorted(self.variables)[:20])
        return SchemeError(f"{self.file_name}: {what}; the file holds: {shown}")

    def _numeric(self, path: str, what: str) -> tuple[str, Numeric]:
        found = find_any(self.variables, path)
        if found is None or not isinstance(found[1], Numeric):
            raise self._fault(f"the scheme's {what} `{path}` is no numeric variable of this file")
        return found[0], found[1]

    def signals(self) -> list[tuple[str, Numeric]]:
        """Return the signals' variables that are there."""
        optional = bool(
            self.options.get("allow_missing_signals") or self.options.get("long_arrays")
        )
        found = []
        for path in self.options.get("signal_variables", ()):
            if optional and find_any(self.variables, path) is None:
                continue
            found.append(self._numeric(path, "signal"))
        return found

    def time_axis(self) -> tuple[TimeAxis | None, int | None]:
        """Return the time axis and its length, if the scheme names a variable of time."""
        path = self.options.get("time_variable")
        if path is None:
            return None, None
        if find_any(self.variables, path) is None and self.options.get("long_arrays"):
            return None, None
        name, node = self._numeric(path, "time")
        if not node.is_vector or not node.is_real:
            raise self._fault(f"the scheme's time `{name}` is of shape {node.shape}, no vector")
        times = as_vector(node.rows)
        if not is_increasing(times):
            raise self._fault(f"the scheme's time `{name}` does not increase")
        self.done.used.add(name)
        unit = node.unit or self.unit
        self.done.say("time", "scheme", f"time is `{name}`" + (f", in {unit}" if unit else ""))
        return describe_times(times, unit, node.resolution_s), node.n_values

    def rate_hz(self) -> float | None:
        """Return the rate that the scheme states, or a variable that it names."""
        path = self.options.get("rate_variable")
        if path is not None:
            found = find_any(self.variables, path)
            value = scalar(found[1]) if found else None
            if found and value is not None and math.isfinite(value) and value > 0:
                self.done.used.add(found[0])
                self.done.say("time", "scheme", f"`{found[0]}` is the rate in Hz")
                return value
            self.done.say("time", "missing", f"`{path}` states no rate in this file")
        stated = self.options.get("sampling_rate_hz")
        if stated is not None:
            self.done.say("time", "scheme", f"the rate of {stated:g} Hz is the scheme's")
        return None if stated is None else float(stated)

    def map_signals(self, found: list[tuple[str, Numeric]]) -> None:
        """Make recordings of the named signals, on the clock that the scheme names."""
        axis, n_samples = self.time_axis()
        rate_hz = self.rate_hz()
        orientation = str(self.options.get("orientation", ""))
        signals = []
        for path, node in found:
            rows = channels_of(node, n_samples, orientation)
            if rows is None:
                if n_samples is None and not orientation:
                    raise self._fault(
                        f"which axis of `{path}` of shape {node.shape} is time is not stated; add "
                        '`orientation = "samples_first"` or `"channels_first"` to the scheme'
                    )
                raise self._fault(f"`{path}` of shape {node.shape} does not fit the time axis")
            if n_samples is None and not orientation:
                self.done.say("axes", "inferred", f"the longer axis of `{path}` is taken as time")
            signals.append(_claim(path, node, rows, path))
        self.done.say(
            "signals", "scheme", "signals: " + ", ".join(f"`{path}`" for path, _ in found)
        )
        self.done.used.update(path for path, _ in found)
        signals = self._labelled(signals)
        lengths = {signal.rows.shape[1] for signal in signals}
        clock = self._clock(axis, n_samples, rate_hz)
        # signals of one length are one stream
        is_one = len(lengths) == 1
        self.done.claims += [
            replace(signal, axis=clock, group="signals" if is_one else signal.path)
            for signal in signals
        ]
        self.done.finish()

    def _clock(self, axis: TimeAxis | None, n_samples: int | None, rate: float | None) -> TimeAxis:
        if axis is None or n_samples is None:
            return TimeAxis(rate, 0.0, None, "s")
        if rate is None or axis.rate_hz is not None or axis.units == "s" or axis.times is None:
            return axis
        for unit in ("s", "ms", "us"):
            found = describe_times(axis.times, unit)
            if found.rate_hz is not None and math.isclose(found.rate_hz, rate, rel_tol=1e-9):
                sentence = f"time is in {unit}: so its steps agree with the rate"
                self.done.say("time", "inferred", sentence)
                return found
        return axis

    def _labelled(self, signals: list[Claim]) -> list[Claim]:
        """Give channels the names and units that the scheme states or points to."""
        counts = [signal.rows.shape[0] for signal in signals]
        names = self._texts("channel_names", "names_variable", sum(counts))
        units = self._texts("", "units_variable", sum(counts))
        by_name = self.options.get("channel_units", {})
        result = []
        position = 0
        for signal, n_channels in zip(signals, counts, strict=True):
            part = slice(position, position + n_channels)
            position += n_channels
            labels = names[part] if names else signal.names
            stated = units[part] if units else tuple(by_name.get(one, "") for one in labels)
            result.append(replace(signal, names=labels, units=stated))
        return result

    def _texts(self, key: str, variable_key: str, n_channels: int) -> tuple[str, ...]:
        stated = tuple(self.options.get(key, ())) if key else ()
        if stated and len(stated) != n_channels:
            raise self._fault(f"the scheme names {len(stated)} channels of {n_channels}")
        path = self.options.get(variable_key)
        if stated or path is None:
            return stated
        found = find_any(self.variables, path)
        lines = label_texts(found[1], n_channels) if found else None
        if lines is None or found is None:
            self.done.say("names", "missing", f"`{path}` holds no {n_channels} texts in this file")
            return ()
        self.done.used.add(found[0])
        return lines

    def map_long_arrays(self) -> None:
        """Map every long array as the scheme allows: signals without a stated rate."""
        rate_hz = self.rate_hz() if self.options.get("sampling_rate_hz") else None
        for signal in long_arrays(self.variables):
            self.done.claims.append(replace(signal, axis=TimeAxis(rate_hz, 0.0, None, "s")))
            self.done.used.add(signal.path)
            self.done.say("signals", "scheme", f"`{signal.path}` is a signal: a long array")
            self.done.say(
                "axes", "inferred", f"the longer axis of `{signal.path}` is taken as time"
            )
        self.done.finish()

    def keep_metadata(self) -> None:
        """Keep the variables that the scheme calls metadata at the top."""
        for path in self.options.get("metadata_variables", ()):
            found = find_any(self.variables, path)
            if found is None:
                self.done.say("content", "missing", f"`{path}`, metadata by the scheme, is absent")
                continue
            value, why = as_facts(found[1])
            if not why:
                self.done.metadata[path] = value
                self.done.used.add(found[0])

    def annotations(self) -> list[Event]:
        """Return the events of variables that hold [start, end] of something."""
        events: list[Event] = []
        for path, label in self.options.get("annotation_variables", {}).items():
            if find_any(self.variables, path) is None:
                self.done.say("content", "missing", f"annotation `{path}` is absent from this file")
                continue
            name, node = self._numeric(path, "annotation")
            if self.unit not in SECONDS:
                self.done.say("time", "missing", f"`{name}` is not converted: its unit is unknown")
                continue
            values = node.whole().astype(np.float64)
            pairs = values.reshape(1, 2) if values.size == 2 else values
            if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
                raise self._fault(f"`{name}` of shape {node.shape} is no list of [start, end]")
            factor = SECONDS[self.unit]
            events += [
                Event(float(start) * factor, float(end - start) * factor, label, "", "annotation")
                for start, end in pairs
            ]
            self.done.used.add(name)
        return sorted(events, key=lambda event: event.time_s)


def nothing_mapped(variables: Mapping[str, Node], file_name: str) -> UncertainMappingError:
    """Return the error for a file in which nothing says what is a signal."""
    shown = ", ".join(sorted(variables)[:20]) + (", …" if len(variables) > 20 else "")
    return UncertainMappingError(
        f"{file_name}: no variable says that it is a signal (found: {shown}); describe the file by a "
        "mapping scheme: `sparc-fuse scheme new --from <this file>` starts one"
    )


def _claim(path: str, node: Numeric, rows: Blocks, group: str) -> Claim:
    """Return a claim whose channels bear the name of their variable."""
    n_channels = rows.shape[0]
    name = path.rpartition(".")[2]
    blank = TimeAxis(None, 0.0, None, "s")
    return Claim(
        path, rows, (name,) * n_channels, ("",) * n_channels, blank, node.matlab_class, group=group
    )


def long_arrays(variables: Mapping[str, Node]) -> list[Claim]:
    """Return the real vectors and matrices that are long enough to be recordings."""
    found = []
    for prefix, scope in scopes(variables):
        for name, node in scope.items():
            if not isinstance(node, Numeric) or not node.is_real or node.unit:
                continue
            if time_meaning(name, node) is not None or len(node.shape) != 2:
                continue
            short, long = sorted(node.shape)
            if long >= _LONG and long >= 4 * short:
                rows = channels_of(node, None, "")
                if rows is not None:
                    path = f"{prefix}.{name}" if prefix else name
                    found.append(_claim(path, node, rows, path))
    return found
