"""Streams of the Lab Streaming Layer as load_xdf returns them: samples, ``time_stamps`` in s, ``info``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.model import Event
from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import header_members, lines_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import as_vector, describe_times, is_increasing
from sparc_fuse_core.readers.shared.tree import Node, Numeric, Struct, find, texts

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_MOST_EVENTS = 1_000_000


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map one stream; return whether the place is one."""
    members = scope.members
    series, stamps, info = (members.get(key) for key in ("time_series", "time_stamps", "info"))
    if not isinstance(stamps, Numeric) or not stamps.is_real or not stamps.is_vector:
        return False
    if not isinstance(info, Struct) or "nominal_srate" not in info.fields:
        return False
    name = text_of(info.fields.get("name"))
    if not isinstance(series, Numeric):
        return _map_markers(scope, series, stamps, name, done)
    n_samples = stamps.n_values
    if not series.is_real or len(series.shape) != 2 or n_samples < 2:
        return False
    # load_xdf: a row a channel
    sample = 1 if series.shape[1] == n_samples else 0
    clock = as_vector(stamps.rows)
    if series.shape[sample] != n_samples or not is_increasing(clock):
        return False
    n_channels = series.shape[1 - sample]
    channels = find(info.fields, "desc.channels.channel")
    labels, units = (_of_channels(channels, key, n_channels) for key in ("label", "unit"))
    path = scope.child("time_series")
    done.claims.append(
        Claim(
            path,
            channel_rows(series, sample, 1 - sample),
            labels if any(labels) else (name,) * n_channels,
            units,
            describe_times(clock, "s"),
            series.matlab_class,
            group=path,
        )
    )
    done.used.update((path, scope.child("time_stamps")))
    done.say("signals", "file", "a stream of the Lab Streaming Layer: `time_stamps` in s")
    return True


def _map_markers(
    scope: Scope, series: Node | None, stamps: Numeric, name: str, done: Mapped
) -> bool:
    lines = texts(series)
    if lines is None or len(lines) != stamps.n_values or len(lines) > _MOST_EVENTS:
        return False
    times = stamps.whole().reshape(-1).astype(np.float64)
    if not np.isfinite(times).all():
        return False
    done.events += [
        Event(float(time), math.nan, line.strip(), name, "marker")
        for time, line in zip(times, lines, strict=True)
    ]
    done.used.update(scope.child(key) for key in ("time_series", "time_stamps"))
    return True


def _of_channels(node: Node | None, key: str, n_channels: int) -> tuple[str, ...]:
    columns = header_members(node) if node is not None else {}
    lines = lines_of(columns[key]) if key in columns else None
    return lines if lines is not None and len(lines) == n_channels else ("",) * n_channels
