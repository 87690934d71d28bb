"""What both versions of an ABF header share: its facts, and how fields are read."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from sparc_fuse_core.readers.shared.records import RecordFile

MOST_TABLE_BYTES = 100_000_000
MAX_CHANNELS = 1024
MODES = {
    1: "event-driven, variable length",
    2: "event-driven, fixed length",
    3: "gap-free",
    4: "high-speed oscilloscope",
    5: "episodic stimulation",
}


@dataclass(frozen=True, slots=True)
class AbfChannel:
    """A recorded channel (never a command output)."""

    name: str
    unit: str
    gain: float
    offset: float


@dataclass(slots=True)
class AbfHeader:
    """What both versions state.

    Attributes
    ----------
    mode
        A key of `MODES`.
    interval_us
        Between two samples of one channel.
    synch_unit_us
        Unit of the starts of sweeps and of tags.
    n_values
        Samples of all channels together.
    sweeps
        (start in synch units, number of values) as in the file's table; empty if it has none.
    n_episodes, n_in_episode
        Number of sweeps, and values in one, as announced where there is no table.
    tags
        (time in synch units, comment).
    """

    mode: int
    interval_us: float
    synch_unit_us: float
    data_offset_bytes: int
    n_values: int
    dtype: np.dtype[Any]
    sweeps: list[tuple[int, int]]
    n_episodes: int
    n_in_episode: int
    channels: list[AbfChannel]
    tags: list[tuple[int, str]]
    facts: dict[str, Any] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)


def bytes_at(file: RecordFile, offset: int, n_bytes: int) -> bytes:
    """Return bytes of the file, where they lie inside of it."""
    if offset < 0 or n_bytes < 0 or offset + n_bytes > file.size_bytes:
        message = (
            f"{file.name}: truncated or damaged: {n_bytes} bytes at {offset} lie outside "
            f"its {file.size_bytes}; upload it again"
        )
        raise CorruptFileError(message)
    return file.read(offset, n_bytes).tobytes()


def text_of(raw: bytes) -> str:
    """Return a text that ends with a zero byte."""
    raw = raw.split(b"\0")[0]
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()


def check_channels(file: RecordFile, n_channels: int, limit: int) -> None:
    """Refuse no channel, and more than the format can have."""
    if n_channels <= 0:
        message = f"{file.name}: the header announces {n_channels} recorded channels"
        raise EmptyFileError(message)
    if n_channels > limit:
        message = f"{file.name}: damaged header: {n_channels} recorded channels"
        raise CorruptFileError(message)


def dtype_of(file: RecordFile, code: int) -> np.dtype[Any]:
    """Return the type of samples for its code."""
    if code not in (0, 1):
        message = f"{file.name}: damaged header: samples of unknown type {code}"
        raise CorruptFileError(message)
    return np.dtype("<f4" if code else "<i2")


def channel_of(
    name: str,
    unit: str,
    *,
    dtype: np.dtype[Any],
    scale: tuple[float, int],
    divisors: tuple[float, ...],
    offset: float,
    evidence: list[Evidence],
) -> AbfChannel:
    """Calibrate a channel: range / resolution / (instrument scale × gains), plus the offset."""
    unit = "" if unit == "?" else unit
    if dtype.kind == "f":
        return AbfChannel(name, unit, 1.0, 0.0)
    full_range, resolution = scale
    product = math.prod(divisors) * resolution
    gain = full_range / product if product else math.nan
    if math.isfinite(gain) and gain and math.isfinite(offset):
        return AbfChannel(name, unit, gain, offset)
    sentence = f"channel {name!r} states no usable calibration; its stored integers have no unit"
    evidence.append(Evidence("calibration", "missing", sentence))
    return AbfChannel(name, "", 1.0, 0.0)


def start_of(date: int, time_ms: float) -> str:
    """Return the start as ISO text; ``""`` where the file states none, or no real date."""
    if date <= 0 or not 0 <= time_ms < 86_400_000:
        return ""
    year, rest = divmod(date, 10_000)
    if year < 100:
        # version 1 began with two digits of the year (1996 at the earliest)
        year += 1900 if year >= 80 else 2000
    try:
        day = datetime(year, rest // 100, rest % 100)  # noqa: DTZ001
    except ValueError:
        return ""
    return (day + timedelta(milliseconds=time_ms)).isoformat()


def sweeps_of(raw: bytes) -> list[tuple[int, int]]:
    """Return (start, length) of each sweep of a synch array."""
    table = np.frombuffer(raw, "<i4").reshape(-1, 2).tolist()
    return [(int(start), int(length)) for start, length in table]


def tags_of(raw: bytes) -> list[tuple[int, str]]:
    """Return (time, comment) of each tag."""
    return [(time, text_of(comment)) for time, comment in struct.iter_unpack("<i56s4x", raw)]
