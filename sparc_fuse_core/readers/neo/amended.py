"""Where a format's file says more, or other, than NEO makes of it: checks and corrections, one a format.

Each is given NEO's reader with its header read, the leading file and the recordings that follow from it.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, UnsupportedFeatureError
from sparc_fuse_core.model import Recording, Segment
from sparc_fuse_core.readers.neo.nix import in_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_BLOCK = 1 << 18
#: How each packet of SpikeGadgets begins.
_PACKET = 0x55

#: Micromed's codes of units: Micromed, *TRC file format*, type 4, electrode description.
_MICROMED_UNITS = {-1: "nV", 0: "uV", 1: "mV", 2: "V", 100: "%", 101: "bpm"}

#: WinWCP's analysis block: status, type, group, time recorded (s), interval (s), ranges (V) of channels.
_WCP_ANALYSIS = struct.Struct("<8s4sfff8f")
_WCP_HEADER_BYTES = 1024


def winwcp(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Check that all records have one interval and range, which NEO takes from some; add their starts.

    Raises
    ------
    UnsupportedFeatureError
        If they differ.
    """
    places = neo._buffer_descriptions[0]
    n_channels = len(neo.header["signal_channels"])
    offsets = [places[seg]["0"]["file_offset"] for seg in range(len(places))]
    # a record is its analysis block and its samples, and all are of one size
    step = offsets[1] - offsets[0] if len(offsets) > 1 else 0
    with path.open("rb") as file:
        stated = []
        for seg in range(len(offsets)):
            file.seek(_WCP_HEADER_BYTES + seg * step)
            stated.append(_WCP_ANALYSIS.unpack(file.read(_WCP_ANALYSIS.size)))
    facts = {(row[4], row[5 : 5 + n_channels]) for row in stated}
    if len(facts) > 1:
        message = f"{path.name}: its records differ in rate or range; export each kind to a file of its own"
        raise UnsupportedFeatureError(message)
    starts = [row[3] for row in stated]
    if len(starts) < 2 or not all(map(math.isfinite, starts)) or any(np.diff(starts) <= 0):
        return found
    return [
        dataclasses.replace(one, sweep_start_s=tuple(starts))
        if len(one.signals.shape) == 3 and one.signals.shape[1] == len(starts)
        else one
        for one in found
    ]


def micromed(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Take units from the file's codes: NEO calls unknown ones µV, volts 1, and beats per minute nothing."""
    n_channels = len(neo.header["signal_channels"])
    with path.open("rb") as file:
        file.seek(176)
        order = struct.unpack("<8sII", file.read(16))
        labels = struct.unpack("<8sII", file.read(16))
        file.seek(order[1])
        codes = np.frombuffer(file.read(2 * n_channels), "<u2")
        units = []
        for code in codes:
            file.seek(labels[1] + int(code) * 128 + 34)
            (unit,) = struct.unpack("<h", file.read(2))
            units.append(_MICROMED_UNITS.get(unit, ""))
    return [dataclasses.replace(one, channel_units=tuple(units)) for one in found]


def neuroexplorer(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Put gaps where a continuous variable has several fragments: NEO gives it one start."""
    headers = [one for one in neo._entity_headers if one["type"] == 5]
    if len(headers) != len(found):
        message = f"{path.name}: holds a continuous variable without samples, or with a rate of 0"
        raise CorruptFileError(message)
    return [_with_fragments(neo, path, h, one) for h, one in zip(headers, found, strict=True)]


def _with_fragments(neo: Any, path: Path, header: Any, one: Recording) -> Recording:
    n, n_samples = int(header["n"]), one.n_samples
    at = int(header["offset"])
    table = np.asarray(neo._memmap[at : at + 8 * n]).view("<i4").astype(np.int64)
    if n < 1 or len(table) != 2 * n:
        message = (
            f"{path.name}: the table of fragments of {header['name']!r} is cut off; it is damaged"
        )
        raise CorruptFileError(message)
    starts, firsts = table[:n] / neo.global_header["freq"], table[n:]
    lasts = np.append(firsts[1:], n_samples)
    if firsts[0] != 0 or (lasts <= firsts).any() or n_samples <= firsts[-1]:
        message = (
            f"{path.name}: the fragments of {header['name']!r} are not in order; it is damaged"
        )
        raise CorruptFileError(message)
    segments = tuple(
        Segment(int(first), int(last - first), float(start))
        for first, last, start in zip(firsts, lasts, starts, strict=True)
    )
    return dataclasses.replace(
        one, start_s=float(starts[0]), segments=segments if len(segments) > 1 else ()
    )


def neuronexus(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Put gaps where the file of time stamps (one for each sample) has them: NEO reads the first only."""
    ticks = neo._timestamps
    n_samples = int(neo._n_samples)
    if len(ticks) < n_samples:
        message = (
            f"{path.name}: has {n_samples} samples and {len(ticks)} time stamps; it ends early"
        )
        raise CorruptFileError(message)
    first = int(ticks[0])
    borders = [0]
    for at in range(0, n_samples, _BLOCK):
        step = np.diff(ticks[at : min(at + _BLOCK + 1, n_samples)])
        if (step <= 0).any():
            message = f"{path.name}: its time stamps do not rise; it is damaged"
            raise CorruptFileError(message)
        borders += (np.flatnonzero(step != 1) + at + 1).tolist()
    if len(borders) == 1:
        return found
    ends = [*borders[1:], n_samples]
    amended = []
    for one in found:
        rate_hz = one.sampling_rate_hz or 1.0
        segments = tuple(
            Segment(start, end - start, one.start_s + (int(ticks[start]) - first) / rate_hz)
            for start, end in zip(borders, ends, strict=True)
        )
        amended.append(dataclasses.replace(one, segments=segments))
    return amended


def openephys_files(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Refuse what NEO fills with zeros or cuts to size.

    Raises
    ------
    UnsupportedFeatureError
        If there is a gap, if channels begin or end apart, or if the recording was stopped and begun again.
    """
    if len(neo._sigs_memmap) > 1:
        message = (
            f"{path.name}: the recording was stopped and begun again, and its clock with it; put the files of "
            "each run (names ending in _2, _3 …) into a folder of their own"
        )
        raise UnsupportedFeatureError(message)
    if neo._gap_mode:
        message = (
            f"{path.name}: samples are missing within it; export it in Open Ephys' binary format"
        )
        raise UnsupportedFeatureError(message)
    info = neo._info["continuous"]
    sizes = {file.stat().st_size for files in info.values() for file in files}
    if len(sizes) > 1:
        message = (
            f"{path.name}: its channels are of different lengths; upload the whole recording again"
        )
        raise CorruptFileError(message)
    return [dataclasses.replace(one, name=one.name.removeprefix("Signals ")) for one in found]


def axograph(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Refuse a first column that is no time in seconds: NEO takes it for that, whatever its title.

    Raises
    ------
    UnsupportedFeatureError
        If its title states another unit.
    """
    del neo
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith(b"AxGr"):
        title = head[13 : 13 + head[12]].decode("latin-1")
    else:
        order = ">" if int.from_bytes(head[4:8], "little") > 0xFFFF else "<"
        (n_bytes,) = struct.unpack_from(f"{order}i", head, 20)
        title = head[24 : 24 + max(0, n_bytes)].decode(
            "utf-16-be" if order == ">" else "utf-16-le", "replace"
        )
    unit = title.rpartition("(")[2].strip(" )") if "(" in title else "s"
    if unit not in ("s", "sec"):
        message = f"{path.name}: its first column is {title!r}, not time in seconds; export it from AxoGraph"
        raise UnsupportedFeatureError(message)
    return found


def brainvision(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Write a comma where a name has BrainVision's code for it."""
    del neo, path
    return [
        dataclasses.replace(
            one, channel_names=tuple(name.replace("\\1", ",") for name in one.channel_names)
        )
        for one in found
    ]


def elan(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Refuse samples that end within one, which NEO leaves out."""
    header = neo.header["signal_channels"]
    frame = len(header) * np.dtype(str(header["dtype"][0])).itemsize
    if path.stat().st_size % frame:
        message = f"{path.name}: ends within a sample; upload it again"
        raise CorruptFileError(message)
    return found


def spikegadgets(neo: Any, path: Path, found: list[Recording]) -> list[Recording]:
    """Put gaps where packets were lost: each has the tick of its sample, which NEO does not look at."""
    packets = neo._raw_memmap
    n_samples, at = len(packets), int(neo._timestamp_byte)
    if n_samples and path.stat().st_size - packets.base.offset != n_samples * packets.shape[1]:
        message = f"{path.name}: ends within a packet; upload it again"
        raise CorruptFileError(message)
    first, borders, starts, last = 0, [0], [0], -1
    for begin in range(0, n_samples, _BLOCK):
        block = packets[begin : begin + _BLOCK]
        if (block[:, 0] != _PACKET).any():
            message = f"{path.name}: a packet does not begin as it must; it is damaged"
            raise CorruptFileError(message)
        ticks = np.ascontiguousarray(block[:, at : at + 4]).view("<u4").ravel().astype(np.int64)
        first = int(ticks[0]) if not begin else first
        steps = np.diff(ticks, prepend=ticks[0] - 1 if not begin else last)
        if (steps <= 0).any():
            message = f"{path.name}: its time stamps do not rise; it is damaged"
            raise CorruptFileError(message)
        lost = np.flatnonzero(steps != 1)
        borders += (lost + begin).tolist()
        starts += (ticks[lost] - first).tolist()
        last = int(ticks[-1])
    if len(borders) == 1:
        return found
    ends = [*borders[1:], n_samples]
    return [
        dataclasses.replace(
            one,
            segments=tuple(
                Segment(low, high - low, one.start_s + start / (one.sampling_rate_hz or 1.0))
                for low, high, start in zip(borders, ends, starts, strict=True)
            ),
        )
        for one in found
    ]


AMEND = {
    "elan": elan,
    "spikegadgets": spikegadgets,
    "brainvision": brainvision,
    "axograph": axograph,
    "winwcp": winwcp,
    "micromed": micromed,
    "neuroexplorer": neuroexplorer,
    "neuronexus": neuronexus,
    "openephys-files": openephys_files,
    "nix": in_seconds,
}


def amended(row: str, neo: Any, path: Path, found: Sequence[Recording]) -> list[Recording]:
    """Return the recordings as the file has them."""
    change = AMEND.get(row)
    return list(found) if change is None else change(neo, path, list(found))


def shift_of(row: str, neo: Any) -> Callable[[int], float]:
    """Return the seconds to add to the times of the events of a segment.

    Micromed's events count samples of the file; NEO adds the start of the first segment to all of them.
    """
    if row != "micromed":
        return lambda _segment: 0.0
    segments, rate_hz = neo.info_segments, float(neo._sampling_rate)
    first = segments[0][0]
    return lambda segment: (segments[segment][0] - segments[segment][1] - first) / rate_hz
