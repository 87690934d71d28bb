"""BrainVision triples: header (.vhdr), samples (.eeg or .dat) and markers (.vmrk).

Source: "BrainVision Core Data Format 1.0", Brain Products. An own reader, because the stored integers,
their resolution and the unit text are wanted as they are, not converted to volts.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.shared.records import RecordFile, in_sweeps, interleaved, planar
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DTYPES = {"INT_16": "i2", "INT_32": "i4", "UINT_16": "u2", "IEEE_FLOAT_32": "f4"}
_DATA_SUFFIXES = (".eeg", ".dat", ".seg", ".avg")
_NO_DATE = re.compile(r"0*")


@dataclass(frozen=True, slots=True)
class _Marker:
    kind: str
    label: str
    position: int  # of its first sample, from 0
    n_samples: int
    channel: int  # from 1; 0 for all
    date: datetime | None


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a triple by its header; see `sparc_fuse_core.readers.Reader`."""
    del options
    sections = _sections(path)
    common = sections.get("common infos", {})
    if not common:
        message = f"{path.name}: no [Common Infos] section; it is not a BrainVision header"
        raise CorruptFileError(message)
    if common.get("dataformat", "BINARY").upper() != "BINARY":
        message = f"{path.name}: its samples are text ({common['dataformat']}); only binary is read"
        raise UnsupportedFormatError(message)
    if common.get("datatype", "TIMEDOMAIN").upper() != "TIMEDOMAIN":
        message = f"{path.name}: holds {common['datatype']} data, not samples over time"
        raise UnsupportedFormatError(message)
    evidence: list[Evidence] = []
    data = _companion(path, common.get("datafile", ""), _DATA_SUFFIXES, evidence)
    if data is None:
        message = (
            f"{path.name}: its samples, {common.get('datafile') or 'a file it does not name'}, "
            "are not beside it; upload the file under that name"
        )
        raise MissingCompanionError(message, _named(path, common.get("datafile", "")))
    with RecordFile(data) as file:
        recording = _recording(path, file, sections, evidence)
        markers = _markers(path, common, evidence)
        yield _contents(recording, markers, sections, evidence)


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """Read sections of ``key=value`` lines; keys and section names in lower case."""
    raw = path.read_bytes()
    head = raw[:4096].decode("latin-1").lower()
    if "brain vision" not in head.split("\n", 1)[0] and "brainvision" not in head.split("\n", 1)[0]:
        message = f"{path.name}: its first line does not name the BrainVision format"
        raise CorruptFileError(message)
    text = raw.decode("utf-8" if "codepage=utf-8" in head else "cp1252", errors="replace")
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.lstrip("\ufeff").splitlines():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            name = stripped[1:-1].strip().lower()
            if name == "comment":  # free text until the end
                break
            current = sections.setdefault(name, {})
        elif "=" in stripped and not stripped.startswith(";"):
            key, _, value = stripped.partition("=")
            current[key.strip().lower()] = value.strip()
    return sections


def _named(path: Path, stated: str) -> tuple[str, ...]:
    """Return the name that a header states, without the folder that it had then; empty if none."""
    name = re.split(r"[\\/]", stated.replace("$b", path.stem))[-1]
    return (name,) if name else ()


def _companion(
    path: Path, named: str, suffixes: tuple[str, ...], evidence: list[Evidence]
) -> Path | None:
    """Find the file that the header names, or else the only one of the header's own stem."""
    wanted = "".join(_named(path, named))
    beside = sorted(path.parent.iterdir())
    if wanted and (path.parent / wanted) in beside:
        return path.parent / wanted
    # the program that wrote the name does not tell upper from lower case
    alike = [other for other in beside if other.name.lower() == wanted.lower()]
    if len(alike) == 1:
        return alike[0]
    found = [
        other
        for other in beside
        if other.stem.lower() == path.stem.lower() and other.suffix.lower() in suffixes
    ]
    if len(found) != 1:
        return None
    sentence = f"{path.name} names {wanted!r}, which is absent; {found[0].name} was taken for it."
    evidence.append(Evidence("content", "inferred", sentence))
    return found[0]


def _number(path: Path, section: Mapping[str, str], key: str) -> float:
    try:
        value = float(section[key])
    except (KeyError, ValueError):
        value = 0.0
    if not (np.isfinite(value) and value > 0):
        message = (
            f"{path.name}: {key} is {section.get(key, 'absent')!r}; a positive number is needed"
        )
        raise CorruptFileError(message)
    return value


def _recording(
    path: Path,
    file: RecordFile,
    sections: Mapping[str, Mapping[str, str]],
    evidence: list[Evidence],
) -> Recording:
    common, binary = sections["common infos"], sections.get("binary infos", {})
    n_channels = int(_number(path, common, "numberofchannels"))
    rate_hz = 1e6 / _number(path, common, "samplinginterval")
    code = binary.get("binaryformat", "").upper()
    if code not in _DTYPES:
        message = f"{path.name}: BinaryFormat {code!r} is none of {', '.join(_DTYPES)}"
        raise CorruptFileError(message)
    big = binary.get("usebigendianorder", "NO").upper() == "YES"
    dtype = np.dtype(">" * big + "<" * (not big) + _DTYPES[code])
    n_samples, left = divmod(file.size_bytes, dtype.itemsize * n_channels)
    announced = common.get("datapoints", "")
    short = announced.isdigit() and int(announced) > n_samples
    if left or short:
        of = f" of {announced}" if short else ""
        ends_early(
            path.name,
            f"{n_samples}{of} whole samples of {n_channels} channels ({file.size_bytes} bytes in {file.name})",
        )
    if not n_samples:
        message = f"{path.name}: {file.name} holds no samples"
        raise EmptyFileError(message)
    if common.get("dataorientation", "MULTIPLEXED").upper() == "VECTORIZED":
        signals = planar(file, dtype, n_channels, 0, n_samples)
    else:
        signals = interleaved(file, dtype, n_channels, [(0, n_samples)])
    names, gains, units = _channels(path, sections.get("channel infos", {}), n_channels, evidence)
    unscaled = all(gain == 1 for gain in gains)
    return Recording(
        "eeg",
        signals,
        names,
        units,
        rate_hz,
        gain=None if unscaled else gains,
        offset=None if unscaled else (0.0,) * n_channels,
    )


def _channels(
    path: Path, section: Mapping[str, str], n_channels: int, evidence: list[Evidence]
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[str, ...]]:
    names, gains, units = [], [], []
    for i in range(1, n_channels + 1):
        parts = [part.replace("\\1", ",").strip() for part in section.get(f"ch{i}", "").split(",")]
        name, _, resolution, unit, *_ = [*parts, "", "", "", ""]
        try:
            gain = float(resolution) if resolution else 1.0
        except ValueError:
            gain = 0.0
        if not (np.isfinite(gain) and gain != 0):
            message = f"{path.name}: channel {i} has the resolution {resolution!r}"
            raise CorruptFileError(message)
        names.append(name)
        gains.append(gain)
        units.append(unit or "µV")
        if not unit:
            evidence.append(
                Evidence("units", "file", "An empty unit means µV in the BrainVision format.")
            )
    return tuple(names), tuple(gains), tuple(units)


def _markers(path: Path, common: Mapping[str, str], evidence: list[Evidence]) -> list[_Marker]:
    named = common.get("markerfile", "")
    file = _companion(path, named, (".vmrk",), evidence)
    if file is None:
        if named:
            sentence = f"The marker file {named} is absent: there are no events."
            evidence.append(Evidence("content", "missing", sentence))
        return []
    markers = []
    for key, value in _sections(file).get("marker infos", {}).items():
        if not re.fullmatch(r"mk\d+", key):
            continue
        parts = [part.replace("\\1", ",") for part in value.split(",")]
        kind, label, position, size, channel, date, *_ = [*parts, *[""] * 6]
        try:
            markers.append(
                _Marker(
                    kind,
                    label,
                    int(position) - 1,
                    int(size or 0),
                    int(channel or 0),
                    _date(date.strip()),
                )
            )
        except ValueError as err:
            message = f"{file.name}: marker {key} is damaged: {shown(value)}"
            raise CorruptFileError(message) from err
    return sorted(markers, key=lambda marker: marker.position)


def _date(text: str) -> datetime | None:
    if _NO_DATE.fullmatch(text):
        return None
    return datetime.strptime(text, "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - the file states no zone


def _contents(
    recording: Recording,
    markers: list[_Marker],
    sections: Mapping[str, Mapping[str, str]],
    evidence: list[Evidence],
) -> Contents:
    rate_hz = recording.sampling_rate_hz or 1.0
    inside = [m for m in markers if 0 <= m.position < recording.n_samples]
    if len(inside) < len(markers):
        sentence = f"{len(markers) - len(inside)} markers lie outside the samples; left out."
        evidence.append(Evidence("content", "missing", sentence))
    n_epoch = _epoch_length(sections["common infos"], recording.n_samples, evidence)
    if n_epoch:
        return _epoched(recording, inside, sections, evidence, n_epoch)
    segments = _segments(inside, recording.n_samples, rate_hz, evidence)
    events = []
    for marker in inside:
        segment = [s for s in segments if s.start_sample <= marker.position][-1]
        time_s = segment.start_s + (marker.position - segment.start_sample) / rate_hz
        known = 0 < marker.channel <= recording.n_channels
        events.append(
            Event(
                time_s,
                marker.n_samples / rate_hz,
                marker.label or marker.kind,
                recording.channel_names[marker.channel - 1] if known else "",
                marker.kind,
            )
        )
    metadata = _metadata(inside, sections)
    whole = replace(recording, segments=segments if len(segments) > 1 else ())
    return Contents(
        recordings=(whole,),
        events=EventTable.from_events(events),
        start_time=_start(inside),
        metadata=metadata,
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _metadata(markers: list[_Marker], sections: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "header": {name: dict(keys) for name, keys in sections.items() if name != "channel infos"}
    }
    return metadata


def _start(markers: list[_Marker]) -> str:
    date = next((m.date for m in markers if m.kind == "New Segment" and m.date), None)
    return stated_start(date.isoformat()) if date is not None else ""


def _epoch_length(common: Mapping[str, str], n_samples: int, evidence: list[Evidence]) -> int:
    """Return how many samples one epoch has, or 0 if the samples are one run."""
    if common.get("segmentationtype", "NOTSEGMENTED").upper() == "NOTSEGMENTED":
        return 0
    stated = common.get("segmentdatapoints", "")
    length = int(stated) if stated.isdigit() else 0
    if not length or n_samples % length:
        sentence = (
            f"The samples are segmented, but {n_samples} are no whole number of segments of "
            f"{stated or 'an unstated number of'} samples: where one ends is not known."
        )
        evidence.append(Evidence("time", "missing", sentence))
        return 0
    return length


def _epoched(
    recording: Recording,
    markers: list[_Marker],
    sections: Mapping[str, Mapping[str, str]],
    evidence: list[Evidence],
    length: int,
) -> Contents:
    """Cut the samples into epochs of one length; time counts from each epoch's ``Time 0``."""
    rate_hz = recording.sampling_rate_hz or 1.0
    zeros = {m.position % length for m in markers if m.kind == "Time 0"}
    zero = zeros.pop() if len(zeros) == 1 else 0
    start_s = -zero / rate_hz
    events = [
        Event(
            start_s + (marker.position % length) / rate_hz,
            marker.n_samples / rate_hz,
            marker.label or marker.kind,
            recording.channel_names[marker.channel - 1]
            if 0 < marker.channel <= recording.n_channels
            else "",
            marker.kind,
            sweep=marker.position // length,
        )
        for marker in markers
    ]
    metadata = _metadata(markers, sections)
    sentence = f"{recording.n_samples // length} epochs of {length} samples, as the header says"
    evidence.append(Evidence("time", "file", sentence))
    return Contents(
        recordings=(
            replace(recording, signals=in_sweeps(recording.signals, length), start_s=start_s),
        ),
        events=EventTable.from_events(events),
        start_time=_start(markers),
        metadata=metadata,
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _segments(
    markers: list[_Marker], n_samples: int, rate_hz: float, evidence: list[Evidence]
) -> tuple[Segment, ...]:
    """Cut the samples at new segments whose dates tell how long the pause was."""
    cuts = [m for m in markers if m.kind == "New Segment" and m.position > 0]
    cuts = list({m.position: m for m in cuts}.values())
    first = next((m for m in markers if m.kind == "New Segment" and m.position == 0), None)
    if not cuts:
        return (Segment(0, n_samples, 0.0),)
    begin = first.date if first else None
    starts_s = [(m.date - begin).total_seconds() if m.date and begin else -1.0 for m in cuts]
    lengths_s = np.diff([0, *(m.position for m in cuts)]) / rate_hz
    ends_s = np.array([0.0, *starts_s[:-1]]) + lengths_s
    # dates are written to the microsecond, so a sample's length is a safe margin
    if any(np.array(starts_s) < ends_s - 1 / rate_hz):
        sentence = (
            f"{len(cuts)} further segments begin without a usable date: how long the pauses were "
            "is not stated, so time runs on."
        )
        evidence.append(Evidence("time", "missing", sentence))
        return (Segment(0, n_samples, 0.0),)
    edges = [0, *(m.position for m in cuts), n_samples]
    return tuple(
        Segment(start, stop - start, start_s)
        for start, stop, start_s in zip(edges, edges[1:], [0.0, *starts_s], strict=False)
    )
