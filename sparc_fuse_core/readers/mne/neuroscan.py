"""Neuroscan .cnt: whether samples have 16 or 32 bits, and the date, of which MNE guesses both.

Sources: the SETUP and ELECTLOC structures at paulbourke.net/dataformats/eeg; EEGLAB's ``loadcnt`` for the mark
of 32 bits behind the place of the next file.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from sparc_fuse_core.readers.mne.found import Found

_SETUP_BYTES, _CHANNEL_BYTES = 900, 75
_AT_NEXT, _AT_DATE, _AT_CHANNELS = 12, 225, 370
_FLAG_BEHIND_NEXT = 52
_MOST_CHANNELS = 10_000
_DATE = re.compile(r"(\d\d)/(\d\d)/(\d\d)")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)")


def neuroscan_arguments(path: Path) -> Mapping[str, Any]:
    """Return the size of samples as the file marks it; nothing where it does not: MNE compares sizes then."""
    with path.open("rb") as file:
        head = file.read(_SETUP_BYTES)
        if len(head) < _SETUP_BYTES:
            message = f"{path.name}: ends within its header; upload it again"
            raise CorruptFileError(message)
        (n_channels,) = struct.unpack_from("<H", head, _AT_CHANNELS)
        if not 0 < n_channels <= _MOST_CHANNELS:
            message = f"{path.name}: states {n_channels} channels; it is damaged"
            raise CorruptFileError(message)
        (after,) = struct.unpack_from("<i", head, _AT_NEXT)
        if after <= _SETUP_BYTES:
            return {}
        file.seek(after + _FLAG_BEHIND_NEXT)
        flag = file.read(1)
    return {"data_format": "int32" if flag == b"\1" else "int16"} if flag else {}


def neuroscan(found: Found) -> None:
    """Keep stored integers where no channel has a baseline; take the date where it can be read in one way."""
    extra = found.raw._raw_extras[0]
    n_channels, n_bytes = len(found.names), int(extra["n_bytes"])
    if not np.any(extra["baselines"]):
        found.stored = f"int{8 * n_bytes}"
    found.wanted_bytes = int(found.raw.n_times) * n_channels * n_bytes
    start = _SETUP_BYTES + _CHANNEL_BYTES * n_channels
    found.there_bytes = found.path.stat().st_size - start
    with found.path.open("rb") as file:
        file.seek(_AT_DATE)
        text = file.read(22)
    found.states_start = False
    found.start = _date(text[:10], text[10:])


def _date(day: bytes, time: bytes) -> str:
    """Return the date, whose first number may be month or day, where only one of them fits."""
    date = _DATE.match(day.decode("latin-1"))
    clock = _TIME.match(time.decode("latin-1"))
    if date is None or clock is None:
        return ""
    first, second, year = (int(one) for one in date.groups())
    if first <= 12 and second <= 12 and first != second:
        return ""
    month, of_month = (first, second) if first <= 12 else (second, first)
    # two digits, of a program that began in the 1980s
    century = 1900 if year >= 80 else 2000
    return stated_start(f"{century + year}-{month:02}-{of_month:02}T{':'.join(clock.groups())}")
