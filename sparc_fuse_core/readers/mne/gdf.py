"""GDF: units from the file's codes, of which MNE knows two; events on their own clock."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, UnsupportedFeatureError
from sparc_fuse_core.model import EventTable

if TYPE_CHECKING:
    from sparc_fuse_core.readers.mne.found import Found

#: Decimal factors of ISO/IEEE 11073-10101 units: the five low bits of a GDF code.
_FACTORS = {0: "", 3: "k", 18: "m", 19: "u", 20: "n", 21: "p"}
#: Its units by the other bits, as far as they are certain here (GDF 2.51, "Physical dimensions").
_UNITS = {544: "%", 4256: "V", 4288: "Ohm"}


def gdf(found: Found) -> None:
    """Take units from the file's codes, events on their own clock; refuse what MNE would resample."""
    path, extra = found.path, found.raw._raw_extras[0]
    sizes = np.asarray(extra["n_samps"]).ravel()
    if len({int(one) for one in sizes}) > 1:
        message = f"{path.name}: its channels have several rates, which mne would resample; export it as EDF"
        raise UnsupportedFeatureError(message)
    n_channels = len(found.names)
    with path.open("rb") as file:
        head = file.read(256)
        version = float(head[4:8])
        file.seek(256 + n_channels * (96 if version < 1.9 else 102))
        stated = file.read(n_channels * (8 if version < 1.9 else 2))
    units = np.asarray(extra["units"], float).ravel()
    if version < 1.9:
        texts = [
            stated[8 * i : 8 * i + 8].decode("latin-1").strip("\0 ") for i in range(n_channels)
        ]
    else:
        codes = struct.unpack(f"<{n_channels}H", stated)
        texts = [_gdf_unit(code) for code in codes]
    found.units = texts
    found.scale = [1.0 / float(one) for one in units]
    found.wanted_bytes = int(extra["bytes_tot"]) * int(extra["n_records"])
    found.there_bytes = path.stat().st_size - int(extra["data_offset"])
    found.events = _gdf_events(found)


def _gdf_unit(code: int) -> str:
    prefix, unit = _FACTORS.get(code & 31), _UNITS.get(code & ~31)
    return "" if prefix is None or unit is None else prefix + unit


def _gdf_events(found: Found) -> EventTable:
    """Return the event table: codes as labels; durations of one sample are what MNE puts where none is."""
    extra = found.raw._raw_extras[0]
    if not extra.get("events"):
        return EventTable()
    n, positions, codes, channels, durations = extra["events"]
    stated = float(extra.get("event_sfreq") or 0)
    rate_hz = stated if np.isfinite(stated) and stated > 0 else float(found.raw.info["sfreq"])
    if len(np.ravel(positions)) != int(n):
        message = f"{found.path.name}: its table of events is cut off; upload it again"
        raise CorruptFileError(message)
    order = np.argsort(positions, kind="stable")
    of = [int(channels[i]) for i in order]
    return EventTable(
        time_s=[float(positions[i]) / rate_hz for i in order],
        duration_s=[
            float(durations[i]) / rate_hz if durations[i] > 1 else float("nan") for i in order
        ],
        label=[str(int(codes[i])) for i in order],
        channel=[found.names[one - 1] if 0 < one <= len(found.names) else "" for one in of],
        kind=["event"] * len(of),
    )
