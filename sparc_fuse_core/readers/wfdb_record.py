"""PhysioNet's WFDB records: a .hea that names its files of samples, annotations beside it.

wfdb decodes the samples; values are physical, in floating point, because the formats mark samples that were
not taken by a number that is one of their range (they are NaN). A signal without a stated gain keeps its
numbers and has no unit: the format's default of 200 a millivolt is no calibration.
Source: *WFDB Applications Guide*, header(5), signal(5), annot(5).
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    OutsideFileError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.formats.companions import WFDB_ANNOTATORS
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording
from sparc_fuse_core.model.recording import rate_name
from sparc_fuse_core.readers.shared.start_time import stated_start

with warnings.catch_warnings():
    # it warns of pandas while it is imported
    warnings.simplefilter("ignore")
    import wfdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_HEADER_BYTES = 4_000_000
_MOST_SIGNALS = 10_000
#: Bytes of one sample; of other formats (8: differences, 500 and above: FLAC) only decoding tells.
_BYTES = {"16": 2.0, "61": 2.0, "160": 2.0, "80": 1.0}
_BYTES |= {"24": 3.0, "32": 4.0, "212": 1.5, "310": 4 / 3, "311": 4 / 3}
_UNCALIBRATED = (
    "The header states no gain of {names}: the numbers are as stored, without a unit; the format's default of "
    "200 a millivolt is not applied."
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .hea; see `sparc_fuse_core.readers.Reader`."""
    del options
    lines = _lines(path)
    record = str(path.with_suffix(""))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote the file
        header = wfdb.rdheader(record)
        _check(path, header)
        recordings, evidence = _recordings(path, header, lines)
        events = _events(path, header, lines)
        yield Contents(
            recordings=tuple(recordings),
            events=events,
            start_time=_start(header),
            evidence=tuple(evidence),
        )


def _lines(path: Path) -> list[list[str]]:
    """Return the fields of each line of the header, comments left out."""
    if path.stat().st_size > _MOST_HEADER_BYTES:
        message = f"{path.name}: is too long for a header of a WFDB record"
        raise CorruptFileError(message)
    text = path.read_bytes().decode("latin-1")
    lines = [
        line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    if not lines or len(lines[0]) < 2:
        message = f"{path.name}: is no header of a WFDB record (name and number of signals)"
        raise CorruptFileError(message)
    if "/" in lines[0][0]:
        message = f"{path.name}: puts other records together; each of those is converted by itself"
        raise UnsupportedFeatureError(message)
    n_signals = int(lines[0][1]) if lines[0][1].isdigit() else -1
    if not 0 <= n_signals <= _MOST_SIGNALS or len(lines) < n_signals + 1:
        message = f"{path.name}: announces {lines[0][1]} signals and describes {len(lines) - 1}; it is damaged"
        raise CorruptFileError(message)
    if not n_signals:
        message = f"{path.name}: describes no signal; upload the original again"
        raise EmptyFileError(message)
    for line in lines[1 : n_signals + 1]:
        name = line[0]
        if PurePosixPath(name.replace("\\", "/")).name != name or name in ("~", "-", ".."):
            message = f"{path.name}: its samples lie in another place, which is not followed"
            raise OutsideFileError(message)
    return lines[: n_signals + 1]


def _check(path: Path, header: Any) -> None:
    """Refuse files of samples that are absent, or shorter than announced."""
    wanted: dict[str, float] = {}
    for i, name in enumerate(header.file_name):
        samples = path.parent / name
        if not samples.is_file():
            message = f"{path.name}: {name} is not there; add it"
            raise MissingCompanionError(message, (name,))
        n_bytes = _BYTES.get(str(header.fmt[i]))
        if n_bytes is not None and header.sig_len:
            wanted[name] = wanted.get(
                name, float(header.byte_offset[i] or 0) * (name not in wanted)
            )
            wanted[name] += n_bytes * header.sig_len * int(header.samps_per_frame[i])
    for name, n_bytes in wanted.items():
        # wfdb opens it when samples are asked for; that it can be opened is known now
        with (path.parent / name).open("rb") as samples:
            there = samples.seek(0, 2)
        # the packed formats end with a whole group
        if there + 4 < n_bytes:
            message = (
                f"{path.name}: announces {n_bytes:.0f} bytes, {name} has {there}; upload it again"
            )
            raise TruncatedFileError(message)


def _recordings(
    path: Path, header: Any, lines: list[list[str]]
) -> tuple[list[Recording], list[Evidence]]:
    rate_hz = _stated_rate(lines)
    n_frames = int(header.sig_len or 0)
    if n_frames <= 0:
        message = (
            f"{path.name}: states no number of samples; write the header again with WFDB's wrsamp"
        )
        raise UnsupportedFeatureError(message)
    stated = [_gain_of(line) for line in lines[1:]]
    streams: dict[int, list[int]] = {}
    for i, per_frame in enumerate(header.samps_per_frame):
        streams.setdefault(int(per_frame), []).append(i)
    found = []
    for per_frame, members in sorted(streams.items(), reverse=True):
        rate = None if rate_hz is None else rate_hz * per_frame
        found.append(
            Recording(
                rate_name(rate),
                _samples(path, header, members, per_frame, [stated[i] for i in members]),
                tuple(header.sig_name[i] or "" for i in members),
                tuple(stated_unit(lines[1 + i], header.units[i]) for i in members),
                rate,
            )
        )
    evidence = []
    bare = [header.sig_name[i] or f"signal {i + 1}" for i, one in enumerate(stated) if not one]
    if bare:
        names = ", ".join(bare[:5])
        evidence.append(Evidence("scale", "missing", _UNCALIBRATED.format(names=names)))
    return found, evidence


def _stated_rate(lines: list[list[str]]) -> float | None:
    """Return frames per second, None where the header leaves it to the format's default."""
    if len(lines[0]) < 3:
        return None
    match = re.match(r"[\d.eE+-]+", lines[0][2])
    rate_hz = float(match[0]) if match else 0.0
    return rate_hz if 0 < rate_hz < float("inf") else None


def _gain_of(line: list[str]) -> bool:
    """Whether a line states a gain: its third field begins with a number that is not 0."""
    match = re.match(r"[\d.eE+-]+", line[2]) if len(line) > 2 else None
    try:
        return match is not None and float(match[0]) != 0
    except ValueError:
        return False


def stated_unit(line: list[str], unit: str | None) -> str:
    """Return the unit of a signal: the format's is mV where a gain is stated without one."""
    return (unit or "") if _gain_of(line) else ""


def _samples(
    path: Path, header: Any, members: list[int], per_frame: int, calibrated: list[bool]
) -> FunctionBlocks:
    n_samples = int(header.sig_len) * per_frame
    gains = np.array([header.adc_gain[i] for i in members], float)
    zeros = np.array([header.baseline[i] or 0 for i in members], float)
    record = str(path.with_suffix(""))

    def read_block(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop) = bounds
        out = np.empty((high - low, stop - start))
        if not out.size:
            return out
        first, last = start // per_frame, -(-stop // per_frame)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            part = wfdb.rdrecord(
                record,
                sampfrom=first,
                sampto=last,
                channels=members[low:high],
                physical=True,
                smooth_frames=False,
                ignore_skew=True,
            )
        for row, values in enumerate(part.e_p_signal):
            cut = np.asarray(values)[start - first * per_frame : stop - first * per_frame]
            # without a gain the numbers stay what they are
            here = low + row
            out[row] = cut if calibrated[here] else cut * gains[here] + zeros[here]
        return out

    return FunctionBlocks((len(members), n_samples), np.dtype(np.float64), read_block)


def _events(path: Path, header: Any, lines: list[list[str]]) -> EventTable:
    """Return the annotations of each annotator; without a rate they have no time and are left out."""
    rate_hz = _stated_rate(lines)
    found = []
    for suffix in WFDB_ANNOTATORS:
        file = path.with_suffix(suffix)
        if rate_hz is None or not file.is_file() or not file.stat().st_size:
            continue
        stated = wfdb.rdann(str(path.with_suffix("")), suffix[1:])
        own_hz = float(stated.fs) if stated.fs else rate_hz
        for sample, symbol, note, channel in zip(
            stated.sample, stated.symbol, stated.aux_note, stated.chan, strict=True
        ):
            text = note.strip("\0 ") if isinstance(note, str) else ""
            name = header.sig_name[channel] if 0 < channel < len(header.sig_name) else ""
            label = f"{symbol} {text}".strip()
            found.append(
                Event(int(sample) / own_hz, label=label, channel=name or "", kind=suffix[1:])
            )
    found.sort(key=lambda one: one.time_s)
    return EventTable.from_events(found)


def _start(header: Any) -> str:
    if header.base_date is None:
        return ""
    if header.base_time is None:
        return stated_start(header.base_date.isoformat())
    return stated_start(f"{header.base_date.isoformat()}T{header.base_time.isoformat()}")
