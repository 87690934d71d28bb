"""Open Ephys binary recordings: ``structure.oebin`` and the folders it describes.

Source: "Binary format", Open Ephys GUI documentation. Before version 0.6 ``timestamps.npy`` counts
samples; since then ``sample_numbers.npy`` does, and ``timestamps.npy`` holds seconds. When the recording
began is stated by ``sync_messages.txt`` beside it, since version 0.6.
"""

from __future__ import annotations

import io
import json
import math
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, MissingCompanionError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.shared.records import Breaks, RecordFile, interleaved
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Earlier versions wrote ticks of a clock of the machine here, which are no date.
_SOFTWARE_TIME = re.compile(
    r"Software Time \(milliseconds since midnight Jan 1st 1970 UTC\):[ \t]*(\d{1,15})[ \t\r]*$",
    re.MULTILINE,
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a recording by its ``structure.oebin``; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        structure = json.loads(path.read_text("utf-8"))
        streams = list(structure.get("continuous") or ())
        event_folders = list(structure.get("events") or ())
        n_spikes = len(structure.get("spikes") or ())
    except (ValueError, AttributeError, TypeError) as err:
        message = f"{path.name}: not the JSON that Open Ephys writes ({err})"
        raise CorruptFileError(message) from err
    evidence: list[Evidence] = []
    with ExitStack() as files:
        recordings: list[Recording] = []
        absent = []
        for stream in streams:
            folder = _folder(path, "continuous", stream)
            if (folder / "continuous.dat").is_file():
                recordings.append(_recording(files, path, folder, stream, evidence))
            else:
                absent.append(folder.name)
        if absent and not recordings:
            message = (
                f"{path.name}: continuous.dat of none of its {len(absent)} streams is there: "
                f"{', '.join(absent[:5])}"
            )
            raise MissingCompanionError(message)
        if absent:
            sentence = f"Streams whose continuous.dat is absent: {', '.join(absent)}."
            evidence.append(Evidence("content", "missing", sentence))
        events = [
            event
            for stream in event_folders
            for event in _events(path, _folder(path, "events", stream), stream, evidence)
        ]
        if not recordings and not events:
            message = f"{path.name}: lists no stream and no events"
            raise EmptyFileError(message)
        if n_spikes:
            sentence = f"{n_spikes} spike folders are not converted."
            evidence.append(Evidence("content", "missing", sentence))
        yield Contents(
            recordings=_named_apart(recordings),
            events=EventTable.from_events(sorted(events, key=lambda event: event.time_s)),
            start_time=_start(path, recordings, evidence),
            metadata={"gui_version": structure.get("GUI version", "")},
            evidence=tuple(evidence),
        )


def _start(path: Path, recordings: Sequence[Recording], evidence: list[Evidence]) -> str:
    """Return what is 0 s in UTC: when the recording began, less the time that its first sample bears."""
    stated = path.parent / "sync_messages.txt"
    if not recordings or not stated.is_file():
        return ""
    with stated.open("rb") as file:
        found = _SOFTWARE_TIME.search(file.read(65_536).decode("utf-8", errors="replace"))
    if not found:
        return ""
    first_s = min(recording.start_s for recording in recordings)
    start_time = start_of_unix_time(round(int(found[1]) / 1000 - first_s, 3))
    if start_time and first_s:
        sentence = f"start_time is the software time of {stated.name} less the first sample's {first_s:g} s."
        evidence.append(Evidence("time", "file", sentence))
    return start_time


def _folder(path: Path, kind: str, stream: Any) -> Path:
    name = stream.get("folder_name") if isinstance(stream, dict) else None
    parts = [part for part in str(name or "").replace("\\", "/").split("/") if part]
    if not parts or any(part in (".", "..") or ":" in part for part in parts):
        message = f"{path.name}: a stream names the folder {name!r}, which cannot be one"
        raise CorruptFileError(message)
    return path.parent.joinpath(kind, *parts)


def _named_apart(recordings: Sequence[Recording]) -> tuple[Recording, ...]:
    names = [recording.name for recording in recordings]
    if len(set(names)) != len(names):
        message = f"structure.oebin: streams share a folder: {', '.join(sorted(names))}"
        raise CorruptFileError(message)
    return tuple(recordings)


def _recording(
    files: ExitStack, path: Path, folder: Path, stream: Mapping[str, Any], evidence: list[Evidence]
) -> Recording:
    try:
        channels = list(stream["channels"])
        rate_hz = float(stream["sample_rate"])
        names = tuple(str(channel["channel_name"]) for channel in channels)
        units = tuple(str(channel.get("units", "")) for channel in channels)
        gain = tuple(float(channel.get("bit_volts", math.nan)) for channel in channels)
        n_channels = int(stream.get("num_channels", len(channels)))
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        message = f"{path.name}: stream {folder.name} is described incompletely ({err!r})"
        raise CorruptFileError(message) from err
    file = files.enter_context(RecordFile(folder / "continuous.dat"))
    n_samples, left = divmod(file.size_bytes, 2 * max(1, n_channels))
    if left and n_channels == len(channels):
        ends_early(
            path.name, f"{n_samples} whole samples and {left} bytes of one more in {folder.name}"
        )
    if n_channels != len(channels) or not (math.isfinite(rate_hz) and rate_hz > 0):
        message = (
            f"{path.name}: stream {folder.name}: {file.size_bytes} bytes do not fit "
            f"{n_channels} channels ({len(channels)} described) at {rate_hz} Hz; truncated?"
        )
        raise CorruptFileError(message)
    if not n_samples or not n_channels:
        message = f"{path.name}: stream {folder.name} holds no samples"
        raise EmptyFileError(message)
    scaled = all(math.isfinite(value) and value != 0 for value in gain)
    if not scaled:
        sentence = f"Stream {folder.name} states no usable bit_volts: values stay unscaled."
        evidence.append(Evidence("calibration", "missing", sentence))
    n_samples = _stamped(path, folder, n_samples)
    segments = _segments(path, folder, n_samples, rate_hz, evidence)
    facts = {key: value for key, value in stream.items() if key != "channels"}
    return Recording(
        folder.name,
        interleaved(file, "<i2", n_channels, [(0, n_samples)]),
        names,
        units if scaled else ("",) * n_channels,
        rate_hz,
        gain=gain if scaled else None,
        offset=(0.0,) * n_channels if scaled else None,
        start_s=segments[0].start_s,
        segments=segments if len(segments) > 1 else (),
        metadata={"stream": facts},
    )


def _stamped(path: Path, folder: Path, n_samples: int) -> int:
    """Return how many samples have a time stamp: all, unless the recording was cut short."""
    stamps = next(
        (folder / n for n in ("sample_numbers.npy", "timestamps.npy") if (folder / n).is_file()),
        None,
    )
    if stamps is None:
        return n_samples
    with RecordFile(stamps) as file:
        _, _, n = _npy_header(path, file)
    if n != n_samples:
        ends_early(path.name, f"{n_samples} samples and {n} time stamps in {folder.name}")
    return min(n, n_samples)


def _segments(
    path: Path, folder: Path, n_samples: int, rate_hz: float, evidence: list[Evidence]
) -> tuple[Segment, ...]:
    counts, seconds = folder / "sample_numbers.npy", folder / "timestamps.npy"
    first_s = None
    if counts.is_file() and seconds.is_file():
        with RecordFile(seconds) as file:
            dtype, offset, n = _npy_header(path, file)
            if n and dtype.kind == "f":
                first_s = float(file.read(offset, dtype.itemsize).view(dtype)[0])
    elif not counts.is_file():
        counts = seconds
    if not counts.is_file():
        sentence = f"Stream {folder.name} has no time stamps: time counts from 0."
        evidence.append(Evidence("time", "missing", sentence))
        return (Segment(0, n_samples, 0.0),)
    with RecordFile(counts) as file:
        dtype, offset, n = _npy_header(path, file)
        if n < n_samples or dtype.kind not in "iu":
            message = (
                f"{path.name}: {folder.name}/{counts.name} holds {n} values of {dtype.str} "
                f"for {n_samples} samples"
            )
            raise CorruptFileError(message)
        breaks = Breaks(path.name, 1)
        for _, numbers in file.records(dtype, offset, 0, n_samples):
            breaks.feed(numbers)
    runs = breaks.runs()
    origin = runs[0][2]
    # unsynchronised streams carry -1 instead of seconds
    start_s = origin / rate_hz if first_s is None or first_s < 0 else first_s
    if len(runs) > 1:
        sentence = f"Stream {folder.name} has {len(runs) - 1} gaps, kept as segments."
        evidence.append(Evidence("time", "file", sentence))
    return tuple(Segment(at, n, start_s + (count - origin) / rate_hz) for at, n, count in runs)


def _npy_header(path: Path, file: RecordFile) -> tuple[np.dtype[Any], int, int]:
    """Return dtype, offset of the values and their number of a one-dimensional .npy file."""
    try:
        stream = io.BytesIO(file.read(0, min(file.size_bytes, 4096)).tobytes())
        version = np.lib.format.read_magic(stream)
        reader = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = reader(stream)
        offset = stream.tell()
    except (ValueError, EOFError, OSError) as err:
        message = f"{path.name}: {file.name} is damaged ({err})"
        raise CorruptFileError(message) from err
    n = math.prod(shape)
    if dtype.hasobject or len(shape) != 1 or offset + n * dtype.itemsize > file.size_bytes:
        message = f"{path.name}: {file.name} is damaged: {shape} values of {dtype}"
        raise CorruptFileError(message)
    return dtype, offset, n


def _events(
    path: Path, folder: Path, stream: Mapping[str, Any], evidence: list[Evidence]
) -> list[Event]:
    values = next(
        (
            folder / name
            for name in ("text.npy", "states.npy", "channel_states.npy")
            if (folder / name).is_file()
        ),
        None,
    )
    if values is None:
        sentence = f"Events of {folder.name} are absent or of a kind that is not converted."
        evidence.append(Evidence("content", "missing", sentence))
        return []
    labels, times = _array(path, values), _event_times(path, folder, stream)
    if times is None:
        sentence = f"Events of {folder.name} state no sampling rate: left out."
        evidence.append(Evidence("time", "missing", sentence))
        return []
    if len(labels) != len(times):
        message = f"{path.name}: {folder.name}: {len(labels)} events, {len(times)} time stamps"
        raise CorruptFileError(message)
    kind = "message" if values.name == "text.npy" else "ttl"
    name = str(stream.get("channel_name", ""))
    return [
        Event(float(time), label=_text(label), channel=name, kind=kind)
        for time, label in zip(times, labels.tolist(), strict=True)
    ]


def _event_times(
    path: Path, folder: Path, stream: Mapping[str, Any]
) -> np.ndarray[Any, Any] | None:
    """Return seconds; None where only sample numbers are there and no rate is stated."""
    stamps = _array(path, folder / "timestamps.npy")
    if stamps.dtype.kind == "f" and not (len(stamps) and stamps[0] < 0):
        return stamps.astype(float)
    if stamps.dtype.kind == "f":  # not synchronised: -1 instead of seconds
        stamps = _array(path, folder / "sample_numbers.npy")
    rate_hz = stream.get("sample_rate")
    if not isinstance(rate_hz, int | float) or not rate_hz > 0:
        return None
    return stamps.astype(float) / float(rate_hz)


def _array(path: Path, file: Path) -> np.ndarray[Any, Any]:
    try:
        array: np.ndarray[Any, Any] = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as err:
        message = f"{path.name}: {file.parent.name}/{file.name} cannot be read ({err})"
        raise CorruptFileError(message) from err
    return array.reshape(-1)


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
