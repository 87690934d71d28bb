"""Data arrays of NIX in HDF5: values beside dimensions, of which a sampled one states interval and unit.

Source: G-Node, "NIX file format", data model: DataArray, SampledDimension, SetDimension.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import lines_of, text_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import TimeAxis
from sparc_fuse_core.readers.shared.tree import Numeric, Struct, scalar
from sparc_fuse_core.readers.shared.vocabulary import rate_hz_of, seconds_in

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map one data array; return whether the place is one that is sampled in time."""
    values, dimensions = scope.members.get("data"), scope.members.get("dimensions")
    if not isinstance(values, Numeric) or not isinstance(dimensions, Struct) or not values.is_real:
        return False
    if "entity_id" not in scope.attributes or not 1 <= len(values.shape) <= 2:
        return False
    if "expansion_origin" in scope.attributes or "polynom_coefficients" in scope.members:
        done.doubt(f"the polynomial of `{scope.path}` is not applied")
        return False
    found = [dimensions.fields.get(str(i)) for i in range(1, len(values.shape) + 1)]
    axes = [one for one in found if isinstance(one, Struct)]
    times = [i for i, one in enumerate(axes) if _seconds(one)]
    if len(axes) != len(values.shape) or len(times) != 1:
        return False
    time = axes[times[0]]
    unit = text_of(time.attributes.get("unit"))
    rate_hz = rate_hz_of("interval", scalar(time.attributes.get("sampling_interval")) or 0.0, unit)
    offset = scalar(time.attributes.get("offset")) or 0.0
    if rate_hz is None or not math.isfinite(offset):
        return False
    channel = 1 - times[0] if len(axes) == 2 else None
    rows = channel_rows(values, times[0], channel)
    n_channels = rows.shape[0]
    stated = None if channel is None else axes[channel].fields.get("labels")
    labels = None if stated is None else lines_of(stated)
    name = text_of(scope.attributes.get("name")) or scope.name
    path = scope.child("data")
    done.claims.append(
        Claim(
            path,
            rows,
            labels if labels is not None and len(labels) == n_channels else (name,) * n_channels,
            (text_of(scope.attributes.get("unit")),) * n_channels,
            TimeAxis(rate_hz, offset * _seconds(time), None, "s"),
            values.matlab_class,
            group=scope.path,
        )
    )
    done.used.add(path)
    done.say("time", "file", f"a data array of NIX: its sampled dimension states {rate_hz:g} Hz")
    return True


def _seconds(dimension: Struct) -> float:
    """Return the seconds in the unit of a sampled dimension; 0 if it is none of time."""
    if text_of(dimension.attributes.get("dimension_type")) != "sample":
        return 0.0
    return seconds_in(text_of(dimension.attributes.get("unit"))) or 0.0
