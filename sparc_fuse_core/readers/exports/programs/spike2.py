"""Spike2's export as MATLAB: a struct for each channel, waveforms, events, markers and text marks alike.

A waveform has ``title``, ``interval`` (s per sample), ``start`` (s), ``values`` and mostly ``scale``,
``offset`` and ``units``; events have ``times`` (s) and ``resolution``; markers ``codes`` too, text marks
``text``. Values that are integers are counts. Whether ``scale`` is that of the SON library (a count is scale /
6553.6) or applies directly is told by which of the two is the round number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import text_of
from sparc_fuse_core.readers.exports.views import one_row
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, as_vector
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Struct, scalar, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_SON = 6553.6
_MAX_EVENTS = 1_000_000
_TINY_SCALE = 3e-3


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map the structs of Spike2 among the members of a place."""
    for name, node in scope.members.items():
        if not isinstance(node, Struct):
            continue
        path = scope.child(name)
        if _is_wave(node.fields):
            _map_wave(path, name, node.fields, done, scope.path)
        elif _is_events(node.fields):
            _map_events(path, name, node.fields, done)
    return False


def _is_wave(fields: Mapping[str, Node]) -> bool:
    values = fields.get("values")
    return (
        {"title", "interval", "values", "start", "length"} <= fields.keys()
        and isinstance(values, Numeric)
        and values.is_real
        and values.is_vector
        and (scalar(fields["interval"]) or 0) > 0
    )


def _is_events(fields: Mapping[str, Node]) -> bool:
    times = fields.get("times")
    return {"title", "resolution", "length", "times"} <= fields.keys() and isinstance(
        times, Numeric
    )


def _map_wave(path: str, name: str, fields: Mapping[str, Node], done: Mapped, group: str) -> None:
    values = fields["values"]
    interval_s = scalar(fields["interval"]) or 0.0
    start_s = scalar(fields["start"]) or 0.0
    if not isinstance(values, Numeric) or not math.isfinite(interval_s):
        return
    gain: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    stored = np.dtype(values.rows.dtype)
    is_counts = stored.kind in "iu" and values.matlab_class not in ("double", "single")
    scale, shift = scalar(fields.get("scale")), scalar(fields.get("offset"))
    if (
        is_counts
        and scale is not None
        and shift is not None
        and scale
        and math.isfinite(scale * shift)
    ):
        factor = _factor(scale)
        gain, offset = (factor,), (shift,)
        how = "directly" if factor == scale else "as SON defines it (scale / 6553.6 for a count)"
        done.say("calibration", "inferred", f"`{path}.scale` is applied {how}")
    unit = text_of(fields.get("units"))
    rate_hz = float(f"{1.0 / interval_s:.12g}")
    axis = TimeAxis(rate_hz, start_s if math.isfinite(start_s) else 0.0, None, "s")
    rows = one_row(as_vector(values.rows))
    title = text_of(fields["title"]) or name
    done.claims.append(
        Claim(path, rows, (title,), (unit,), axis, values.matlab_class, gain, offset, (), group)
    )
    done.used.add(path)
    done.say(
        "signals", "file", "structs of Spike2's MATLAB export: interval in s, start, title, units"
    )


def _factor(scale: float) -> float:
    """Return what one count is worth."""
    direct, son = _n_digits(scale * _SON), _n_digits(scale)
    if direct == son:
        return scale if abs(scale) < _TINY_SCALE else scale / _SON
    return scale if direct < son else scale / _SON


def _n_digits(value: float) -> int:
    return len(f"{value:.9e}".split("e")[0].replace(".", "").replace("-", "").rstrip("0"))


def _map_events(path: str, name: str, fields: Mapping[str, Node], done: Mapped) -> None:
    node = fields["times"]
    done.used.add(path)
    if not isinstance(node, Numeric) or not 0 < node.n_values <= _MAX_EVENTS or not node.is_real:
        return
    title = text_of(fields["title"]) or name
    times_s = node.whole().reshape(-1).astype(np.float64)
    labels = texts(fields.get("text")) or ()
    codes = fields.get("codes")
    if len(labels) != len(times_s):
        labels = _code_labels(codes, len(times_s))
    kind = "marker" if codes is not None else "event"
    done.events += [
        Event(float(time_s), math.nan, labels[i].strip() if labels else title, title, kind)
        for i, time_s in enumerate(times_s)
        if math.isfinite(time_s)
    ]


def _code_labels(node: Node | None, n_events: int) -> tuple[str, ...]:
    """Return the first code of each marker: a key as its letter, as Spike2 shows it, else in hexadecimal."""
    if not isinstance(node, Numeric) or not node.is_real:
        return ()
    codes = node.whole()
    codes = codes.reshape(n_events, -1) if codes.size and codes.size % n_events == 0 else codes
    if codes.ndim != 2 or codes.shape[0] != n_events:
        return ()
    return tuple(
        chr(code) if 33 <= code < 127 else f"{code:02X}"
        for code in codes[:, 0].astype(int).tolist()
    )
