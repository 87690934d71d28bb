"""The variables of Intan's MATLAB reader (read_Intan_RHD2000_file): streams, each with its times in seconds.

Amplifier samples are in microvolts, auxiliary inputs, supply voltage and the board's converter in volts, as
that reader documents.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.claims import Claim
from sparc_fuse_core.readers.exports.headers import header_members, lines_of
from sparc_fuse_core.readers.exports.views import channel_rows
from sparc_fuse_core.readers.shared.time_axis import (
    TimeAxis,
    as_vector,
    describe_times,
    is_increasing,
)
from sparc_fuse_core.readers.shared.tree import Numeric, Struct, find, scalar

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

#: Samples → vector of times, channels, rate in ``frequency_parameters``, unit.
_STREAMS = {
    "amplifier_data": ("t_amplifier", "amplifier_channels", "amplifier_sample_rate", "uV"),
    "aux_input_data": ("t_aux_input", "aux_input_channels", "aux_input_sample_rate", "V"),
    "supply_voltage_data": (
        "t_supply_voltage",
        "supply_voltage_channels",
        "supply_voltage_sample_rate",
        "V",
    ),
    "board_adc_data": ("t_board_adc", "board_adc_channels", "board_adc_sample_rate", "V"),
    "board_dac_data": ("t", "board_dac_channels", "board_dac_sample_rate", "V"),
    "stim_data": ("t", "amplifier_channels", "amplifier_sample_rate", "uA"),
    "dc_amplifier_data": ("t", "amplifier_channels", "amplifier_sample_rate", "V"),
    "board_dig_in_data": ("t_dig", "board_dig_in_channels", "board_dig_in_sample_rate", ""),
    "board_dig_out_data": ("t_dig", "board_dig_out_channels", "board_dig_in_sample_rate", ""),
}
_SIGNATURE = "frequency_parameters"


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map the workspace that Intan's reader leaves."""
    members = scope.members
    if not isinstance(members.get(_SIGNATURE), Struct) or not _STREAMS.keys() & members.keys():
        return False
    found = 0
    for name, (times, channels, rate, unit) in _STREAMS.items():
        data = members.get(name)
        if (
            not isinstance(data, Numeric)
            or not data.is_real
            or len(data.shape) != 2
            or data.n_values < 2
        ):
            continue
        rate_hz = scalar(find(members, f"{_SIGNATURE}.{rate}"))
        axis = _axis(members.get(times) or members.get("t"), data.shape[1], rate_hz)
        if axis is None:
            continue
        n_channels = data.shape[0]
        names = _names(scope, channels, n_channels)
        path = scope.child(name)
        rows = channel_rows(data, 1, 0)
        done.claims.append(
            Claim(path, rows, names, (unit,) * n_channels, axis, data.matlab_class, group=path)
        )
        done.used.update((path, scope.child(times)))
        found += 1
    if found:
        done.say(
            "signals", "file", "variables of Intan's MATLAB reader, in the units that it documents"
        )
    return found > 0


def _axis(times: object, n_samples: int, rate_hz: float | None) -> TimeAxis | None:
    is_stated = rate_hz is not None and 0 < rate_hz < math.inf
    if isinstance(times, Numeric) and times.n_values == n_samples and times.is_vector:
        vector = as_vector(times.rows)
        if is_increasing(vector):
            axis = describe_times(vector, "s")
            if is_stated and rate_hz is not None and axis.rate_hz is not None:
                if math.isclose(axis.rate_hz, rate_hz, rel_tol=1e-4):
                    return TimeAxis(rate_hz, axis.start_s, None, "s")
                return axis
            return axis
    return TimeAxis(rate_hz, 0.0, None, "s") if is_stated else None


def _names(scope: Scope, channels: str, n_channels: int) -> tuple[str, ...]:
    node = scope.members.get(channels)
    columns = header_members(node) if node is not None else {}
    for key in ("custom_channel_name", "native_channel_name"):
        item = columns.get(key)
        lines = lines_of(item) if item is not None else None
        if lines is not None and len(lines) == n_channels and all(lines):
            return lines
    return ("",) * n_channels
