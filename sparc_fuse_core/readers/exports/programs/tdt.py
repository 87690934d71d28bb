"""The struct of TDTbin2mat (and of tdt.read_block saved to a MAT file): streams, epocs, snips, info."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.clocks import iso_of
from sparc_fuse_core.readers.exports.headers import numbers_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import TimeAxis
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Struct, find, scalar

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_MAX_EVENTS = 1_000_000


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map a block as TDT's MATLAB function returns it."""
    streams = scope.members.get("streams")
    if not isinstance(streams, Struct) or not (
        "epocs" in scope.members or "snips" in scope.members
    ):
        return False
    n_before = len(done.claims) + len(done.events)
    for store, take in (("streams", _map_stream), ("epocs", _map_epoc), ("snips", _map_snip)):
        holder = scope.members.get(store)
        for name, node in holder.fields.items() if isinstance(holder, Struct) else ():
            if isinstance(node, Struct):
                take(scope.child(f"{store}{scope.separator}{name}"), name, node, done)
    if len(done.claims) + len(done.events) == n_before:
        return False
    start = _start_of(scope)
    if start:
        done.metadata.setdefault("start_time", start)
    done.say("signals", "file", "the struct of TDTbin2mat: fs in Hz, times in s")
    return True


def _map_stream(path: str, name: str, node: Struct, done: Mapped) -> None:
    data, rate_hz = node.fields.get("data"), scalar(node.fields.get("fs"))
    if (
        not isinstance(data, Numeric)
        or not data.is_real
        or len(data.shape) != 2
        or data.n_values < 2
    ):
        return
    if rate_hz is None or not 0 < rate_hz < math.inf:
        return
    n_channels = data.shape[0]
    numbers, _ = numbers_of(node.fields["channels"]) if "channels" in node.fields else ((), "")
    label = text_of(node.fields.get("name")) or name
    if n_channels == 1:
        names: tuple[str, ...] = (label,)
    else:
        shown = numbers if len(numbers) == n_channels else tuple(range(1, n_channels + 1))
        names = tuple(f"{label} {number:g}" for number in shown)
    start_s = scalar(node.fields.get("startTime")) or 0.0
    axis = TimeAxis(rate_hz, start_s if math.isfinite(start_s) else 0.0, None, "s")
    rows = channel_rows(data, 1, 0)
    done.claims.append(
        Claim(path, rows, names, ("",) * n_channels, axis, data.matlab_class, group=path)
    )
    done.used.add(path)


def _vector(node: Node | None) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    if not isinstance(node, Numeric) or not node.is_real or not 0 < node.n_values <= _MAX_EVENTS:
        return None
    return node.whole().reshape(-1).astype(np.float64)


def _map_epoc(path: str, name: str, node: Struct, done: Mapped) -> None:
    onset, offset = _vector(node.fields.get("onset")), _vector(node.fields.get("offset"))
    if onset is None:
        return
    values = _vector(node.fields.get("data"))
    label = (text_of(node.fields.get("name")) or name).rstrip("_")
    for i, time_s in enumerate(onset):
        duration_s = math.nan
        if offset is not None and len(offset) == len(onset) and math.isfinite(offset[i]):
            duration_s = float(offset[i] - time_s)
        value = f"{values[i]:g}" if values is not None and len(values) == len(onset) else ""
        done.events.append(Event(float(time_s), duration_s, value, label, "epoc"))
    done.used.add(path)


def _map_snip(path: str, name: str, node: Struct, done: Mapped) -> None:
    times_s, channels = _vector(node.fields.get("ts")), _vector(node.fields.get("chan"))
    if times_s is None:
        return
    codes = _vector(node.fields.get("sortcode"))
    label = text_of(node.fields.get("name")) or name
    for i, time_s in enumerate(times_s):
        channel = (
            f"{label} {channels[i]:g}" if channels is not None and i < len(channels) else label
        )
        code = f"{codes[i]:g}" if codes is not None and i < len(codes) else ""
        done.events.append(Event(float(time_s), math.nan, code, channel, "spike"))
    done.used.add(f"{path}.ts")


def _start_of(scope: Scope) -> str:
    date = iso_of(text_of(find(scope.members, "info.date")))
    clock = iso_of(text_of(find(scope.members, "info.utcStartTime")))
    if date and "T" not in date and clock.startswith("T"):
        return f"{date}{clock}Z"
    return date
