"""MNE's header and samples as this project's model: channels, runs without a gap, annotations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import EventTable, Recording, Segment
from sparc_fuse_core.model.recording import rate_name
from sparc_fuse_core.readers.shared.joined import joined
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.blocks import FunctionBlocks

#: FIFF's codes of units, which MNE gives the channels of all formats; others are left out.
_UNITS = {
    1: "m",
    3: "s",
    4: "A",
    7: "rad",
    101: "Hz",
    103: "Pa",
    107: "V",
    109: "Ohm",
    110: "S",
    112: "T",
    114: "degC",
    201: "T/m",
}
_PREFIXES = {0: "", 3: "k", -3: "m", -6: "u", -9: "n", -12: "p", -15: "f"}
_STIMULUS = 3
#: What MNE calls samples that were not recorded; it reads zeros there.
GAP = "BAD_ACQ_SKIP"
_MOST_EVENTS = 5_000_000
_PERSONAL = ("first_name", "middle_name", "last_name", "his_id", "id", "name")


def unit_of(channel: Any) -> str:
    """Return the unit of a channel's values; trigger channels hold codes, whatever unit they are given."""
    unit = _UNITS.get(int(channel["unit"]), "")
    prefix = _PREFIXES.get(int(channel.get("unit_mul", 0)))
    if int(channel["kind"]) == _STIMULUS or prefix is None:
        return ""
    return prefix + unit if unit else ""


def rate_of(raw: Any, path: Path) -> float:
    """Return the rate in Hz.

    Raises
    ------
    CorruptFileError
        If it is none.
    """
    rate_hz = float(raw.info["sfreq"])
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        message = f"{path.name}: states a rate of {rate_hz} Hz; it is damaged"
        raise CorruptFileError(message)
    return rate_hz


def recording_of(
    raw: Any, path: Path, runs: Sequence[tuple[int, int]], *, stored: str, names: Sequence[str]
) -> Recording:
    """Return MNE's raw as one recording; samples are read when they are sliced.

    Parameters
    ----------
    runs
        First sample and number of samples of each run without a gap, in order.
    stored
        Type of the stored samples where MNE's ``cal`` alone scales them; ``""``: values as MNE gives them.
    names
        Of the channels, as the file has them.
    """
    rate_hz = rate_of(raw, path)
    gain: tuple[float, ...] | None = None
    if stored:
        gain = tuple(float(one) for one in np.ravel(raw._cals))
        if not all(math.isfinite(one) and one for one in gain):
            message = f"{path.name}: states a scale of 0, or one that is no number; it is damaged"
            raise CorruptFileError(message)
        # what it multiplies samples with; the model keeps it apart from them
        raw._cals = np.ones(len(gain))
    dtype = np.dtype(stored or "float64")
    start_s = float(raw.first_samp) / rate_hz
    scaled = gain is not None and any(one != 1.0 for one in gain)
    return Recording(
        name=rate_name(rate_hz),
        signals=_blocks(raw, runs, len(names), dtype),
        channel_names=tuple(names),
        channel_units=tuple(unit_of(one) for one in raw.info["chs"]),
        sampling_rate_hz=rate_hz,
        gain=gain if scaled else None,
        offset=(0.0,) * len(names) if scaled else None,
        start_s=start_s + runs[0][0] / rate_hz,
        segments=_segments(runs, start_s, rate_hz) if len(runs) > 1 else (),
    )


def _segments(
    runs: Sequence[tuple[int, int]], start_s: float, rate_hz: float
) -> tuple[Segment, ...]:
    found, at = [], 0
    for first, n in runs:
        found.append(Segment(at, n, start_s + first / rate_hz))
        at += n
    return tuple(found)


def _blocks(
    raw: Any, runs: Sequence[tuple[int, int]], n_channels: int, dtype: np.dtype[Any]
) -> FunctionBlocks:
    def read_run(
        run: int, channels: tuple[int, int], samples: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        first, _ = runs[run]
        values, _ = raw[slice(*channels), first + samples[0] : first + samples[1]]
        return _as_stored(values, dtype)

    return joined([n for _, n in runs], n_channels, dtype, read_run)


def _as_stored(values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return floats as the type they were stored in, which holds each of them exactly."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(cast, values):
        message = "MNE scales samples otherwise than by one factor a channel"
        raise CorruptFileError(message)
    return cast


def runs_without(
    gaps: Sequence[tuple[int, int]], n_samples: int, path: Path
) -> list[tuple[int, int]]:
    """Return first sample and length of each run between gaps, which are given in the same way.

    Raises
    ------
    CorruptFileError
        If nothing is left.
    """
    runs, at = [], 0
    for first, n in sorted(gaps):
        if first > at:
            runs.append((at, first - at))
        at = max(at, first + n)
    if n_samples > at:
        runs.append((at, n_samples - at))
    if not runs:
        message = f"{path.name}: holds no sample; upload the original again"
        raise CorruptFileError(message)
    return runs


def gaps_of(raw: Any) -> list[tuple[int, int]]:
    """Return the stretches that MNE marks as not recorded: first sample, number of samples."""
    rate_hz = float(raw.info["sfreq"])
    times, durations = _onsets(raw), np.asarray(raw.annotations.duration, float)
    found = []
    for time, duration, label in zip(times, durations, raw.annotations.description, strict=True):
        if label == GAP:
            first = round(time * rate_hz) - int(raw.first_samp)
            found.append((first, round(duration * rate_hz)))
    return found


def _onsets(raw: Any) -> np.ndarray[Any, Any]:
    """Return the times of annotations on the clock on which ``first_samp`` counts, in seconds."""
    onset = np.asarray(raw.annotations.onset, float)
    if raw.annotations.orig_time is None:
        return onset + float(raw.first_samp) / float(raw.info["sfreq"])
    return onset


def events_of(raw: Any, path: Path) -> EventTable:
    """Return the annotations but for gaps, in order of time.

    Raises
    ------
    CorruptFileError
        If a time is no number, or there are too many.
    """
    times = _onsets(raw)
    if len(times) > _MOST_EVENTS:
        message = f"{path.name}: announces {len(times)} annotations; it is damaged"
        raise CorruptFileError(message)
    if not np.isfinite(times).all():
        message = f"{path.name}: holds an annotation whose time is no number; it is damaged"
        raise CorruptFileError(message)
    labels = [str(one) for one in raw.annotations.description]
    of = [", ".join(map(str, names)) for names in raw.annotations.ch_names]
    durations = np.asarray(raw.annotations.duration, float)
    order = [int(i) for i in np.argsort(times, kind="stable") if labels[int(i)] != GAP]
    return EventTable(
        time_s=[float(times[i]) for i in order],
        duration_s=[float(durations[i]) for i in order],
        label=[labels[i] for i in order],
        channel=[of[i] for i in order],
        kind=["annotation"] * len(order),
    )


def start_of(info: Any, *, is_utc: bool) -> str:
    """Return the start of a recording: MNE calls every clock UTC, whether the format does or not."""
    stated = info["meas_date"]
    if stated is None:
        return ""
    return stated_start((stated if is_utc else stated.replace(tzinfo=None)).isoformat())


def identity_of(info: Any, more: Sequence[str] = ()) -> dict[str, str]:
    """Return who the file says was recorded: never published, and cut where the file's texts repeat it."""
    subject = info["subject_info"] or {}
    texts = [*(str(subject[key]) for key in _PERSONAL if subject.get(key)), *more]
    return {"patient": " ".join(texts)} if texts else {}
