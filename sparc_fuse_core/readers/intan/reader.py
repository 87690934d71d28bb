"""Intan .rhd and .rhs: every stream at its own rate, as stored, in all three file layouts.

An own reader of Intan's published layout, because every sample passes through one small buffer, and
because the general-purpose library scales two kinds of stream otherwise than Intan does: the DC
amplifier inverts (volts = -0.01923 × (stored - 512) in Intan's own scripts) and temperature sensors
count hundredths of a degree. Time stamps are checked over the whole file; a jump makes a segment.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, MissingCompanionError
from sparc_fuse_core.model import Contents, Evidence, Recording, Segment
from sparc_fuse_core.readers.intan.header import Channel, Header, read_header
from sparc_fuse_core.readers.shared.records import Breaks, RecordFile, Row, framed, interleaved
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_MAGNITUDE, _SIGN, _FLAGS = 0x00FF, 0x0100, 0xE000

#: kind → (unit, gain, offset) of the integers in a data block; the unit belongs to the format
_SCALES: dict[str, tuple[str, float, float]] = {
    "amplifier": ("uV", 0.195, -32768 * 0.195),
    "auxiliary": ("V", 37.4e-6, 0.0),
    "supply": ("V", 74.8e-6, 0.0),
    "temperature": ("degC", 0.01, 0.0),
    "dc_amplifier": ("V", -0.01923, 512 * 0.01923),
    "dac": ("V", 312.5e-6, -32768 * 312.5e-6),
}
#: board mode → (gain, offset) of the ADC of an .rhd file
_ADC_SCALES = {
    0: (50.354e-6, 0.0),
    1: (152.59e-6, -32768 * 152.59e-6),
    13: (312.5e-6, -32768 * 312.5e-6),
}
#: kind → (file of all its channels, prefix of the file of one channel)
_FILES = {
    "amplifier": ("amplifier.dat", "amp-"),
    "auxiliary": ("auxiliary.dat", "aux-"),
    "supply": ("supply.dat", "vdd-"),
    "dc_amplifier": ("dcamplifier.dat", "dc-"),
    "stim": ("stim.dat", "stim-"),
    "adc": ("analogin.dat", "board-"),
    "dac": ("analogout.dat", "board-"),
    "digital_in": ("digitalin.dat", "board-"),
    "digital_out": ("digitalout.dat", "board-"),
}


@dataclass(frozen=True, slots=True)
class _Stream:
    """Samples of one kind before they have a time axis: ``step`` amplifier samples each.

    ``is_word``: all channels share the bits of one word.
    """

    kind: str
    signals: Any
    channels: Sequence[Channel]
    step: int
    is_word: bool = False


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an Intan file or the header of a folder; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        header = read_header(file, path.name)
    with ExitStack() as files:
        evidence: list[Evidence] = []
        file_size = path.stat().st_size
        if file_size > header.size_bytes:
            streams, breaks = _of_one_file(files.enter_context(RecordFile(path)), header)
            signed = False
        else:
            streams, breaks, evidence = _of_folder(files, path, header)
            signed = True
        yield _contents(path.name, header, streams, breaks, evidence, signed=signed)


# -------------------------------------------------------------------------- one file, data blocks
def _block_layout(header: Header) -> np.dtype[Any]:
    """One data block; the order is the format's."""
    n = header.samples_per_block
    stamp = "<i4" if header.stimulator or header.version >= (1, 2) else "<u4"
    n_of = {kind: len(header.of_kind(kind)) for kind in (*_FILES, "stim")}
    fields: list[tuple[str, str, tuple[int, ...]]] = [("stamp", stamp, (n,))]
    if header.stimulator:
        n_dc = n_of["amplifier"] if header.dc_saved else 0
        parts = [
            ("amplifier", "<u2", n_of["amplifier"], n),
            ("dc_amplifier", "<u2", n_dc, n),
            ("stim", "<u2", n_of["amplifier"], n),
            ("adc", "<u2", n_of["adc"], n),
            ("dac", "<u2", n_of["dac"], n),
        ]
    else:
        parts = [
            ("amplifier", "<u2", n_of["amplifier"], n),
            ("auxiliary", "<u2", n_of["auxiliary"], n // 4),
            ("supply", "<u2", n_of["supply"], 1),
            ("temperature", "<i2", header.n_temperatures, 1),
            ("adc", "<u2", n_of["adc"], n),
        ]
    # the up to 16 digital lines share one word a sample
    parts += [(kind, "<u2", min(1, n_of[kind]), n) for kind in ("digital_in", "digital_out")]
    fields += [(kind, code, (count, length)) for kind, code, count, length in parts if count]
    return np.dtype(fields)


def _of_one_file(file: RecordFile, header: Header) -> tuple[list[_Stream], dict[int, Breaks]]:
    block = _block_layout(header)
    n_blocks, left = divmod(file.size_bytes - header.size_bytes, block.itemsize)
    if left:
        ends_early(
            file.name, f"{n_blocks} whole data blocks and {left} of {block.itemsize} bytes more"
        )
    n = header.samples_per_block
    streams = []
    for kind in (block.names or ())[1:]:
        length = block[kind].shape[1]
        if kind == "stim":
            streams += _stim(
                lambda convert: framed(file, block, header.size_bytes, n_blocks, "stim", convert),
                header.of_kind("amplifier"),
            )
            continue
        signals = framed(file, block, header.size_bytes, n_blocks, kind)
        word = kind.startswith("digital")
        streams.append(_Stream(kind, signals, _channels_of(header, kind), n // length, word))
    breaks = {step: Breaks(file.name, step) for step in {1, *(s.step for s in streams)}}
    for _, blocks in file.records(block, header.size_bytes, 0, n_blocks):
        stamps = blocks["stamp"].ravel()
        for step, found in breaks.items():
            found.feed(stamps[::step])
    return streams, breaks


def _channels_of(header: Header, kind: str) -> tuple[Channel, ...]:
    if kind == "dc_amplifier":
        return header.of_kind("amplifier")
    if kind == "temperature":
        return tuple(
            Channel(kind, "", "", order, "", None, None) for order in range(header.n_temperatures)
        )
    return header.of_kind(kind)


def _stim(
    blocks: Callable[[Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]], Any],
    channels: Sequence[Channel],
) -> list[_Stream]:
    """Split the stimulation words into a signed current and the flags above it."""
    return [
        _Stream("stim", blocks(_current), channels, 1),
        _Stream("stim_flags", blocks(_flags), channels, 1),
    ]


def _current(words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    magnitude = (words & _MAGNITUDE).astype(np.int16)
    return np.where(words & _SIGN, -magnitude, magnitude)


def _flags(words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return words & np.uint16(_FLAGS)


# -------------------------------------------------------------------------- header and .dat files
def _of_folder(
    files: ExitStack, path: Path, header: Header
) -> tuple[list[_Stream], dict[int, Breaks], list[Evidence]]:
    """Streams of the layouts that keep samples in ``.dat`` files beside the header."""
    folder = path.parent
    if not (folder / "time.dat").is_file():
        if path.stem == "info":
            message = (
                f"{path.name}: holds only a header, and time.dat is not beside it; "
                "its samples are in .dat files that belong in the same folder"
            )
            raise MissingCompanionError(message)
        message = f"{path.name}: a header without a data block: nothing was recorded"
        raise EmptyFileError(message)
    time_file = files.enter_context(RecordFile(folder / "time.dat"))
    n_samples = _n_items(time_file, 4)
    streams: list[_Stream] = []
    evidence: list[Evidence] = []
    by_signal = any((folder / name).is_file() for name, _ in _FILES.values())
    for kind in _FILES:
        channels = header.of_kind("amplifier") if kind == "stim" else _channels_of(header, kind)
        if not channels or (kind in ("stim", "dc_amplifier") and not header.stimulator):
            continue
        if by_signal:
            found = _of_signal_file(files, folder / _FILES[kind][0], kind, channels, n_samples)
        else:
            found = _of_channel_files(files, path, kind, channels, n_samples)
        if not found and kind != "stim" and (kind != "dc_amplifier" or header.dc_saved):
            sentence = f"{path.name} lists {len(channels)} {kind} channels without a .dat file."
            evidence.append(Evidence("content", "missing", sentence))
        streams += found
    if not streams:
        message = f"{path.name}: no .dat file of its channels lies beside it"
        raise MissingCompanionError(message)
    evidence += _filtered_copies(folder)
    breaks = _breaks_of(time_file, n_samples, {1, *(s.step for s in streams)})
    return streams, breaks, evidence


def _filtered_copies(folder: Path) -> list[Evidence]:
    prefixes = ("lowpass", "highpass", "spike", "low-", "high-")
    names = sorted(p.name for p in folder.glob("*.dat") if p.name.startswith(prefixes))
    if not names:
        return []
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    sentence = f"Filtered copies and spike snippets are not converted: {shown}."
    return [Evidence("content", "missing", sentence)]


def _breaks_of(file: RecordFile, n_stamps: int, steps: set[int]) -> dict[int, Breaks]:
    breaks = {step: Breaks(file.name, step) for step in steps}
    for seen, stamps in file.records(np.dtype("<i4"), 0, 0, n_stamps):
        for step, found in breaks.items():
            found.feed(stamps[-seen % step :: step])
    return breaks


def _n_items(file: RecordFile, item_bytes: int) -> int:
    n, left = divmod(file.size_bytes, item_bytes)
    if left:
        message = f"{file.name}: truncated: {file.size_bytes} bytes, {item_bytes} bytes a sample"
        raise CorruptFileError(message)
    return n


def _step(file: RecordFile, n: int, n_stamps: int) -> int:
    """Amplifier samples for one sample of ``file``; older software keeps slow streams short."""
    if not n:
        message = f"{file.name}: no samples"
        raise EmptyFileError(message)
    for step in (1, 4, 60, 128):
        if n == -(-n_stamps // step):
            return step
    message = f"{file.name}: {n} samples, but time.dat has {n_stamps} time stamps"
    raise CorruptFileError(message)


def _dtype(kind: str) -> str:
    # unlike in data blocks, Intan writes amplifier samples around zero here
    return "<i2" if kind == "amplifier" else "<u2"


def _of_signal_file(
    files: ExitStack, path: Path, kind: str, channels: Sequence[Channel], n_stamps: int
) -> list[_Stream]:
    if not path.is_file():
        return []
    file = files.enter_context(RecordFile(path))
    word = kind.startswith("digital")
    n_columns = 1 if word else len(channels)
    n = _n_items(file, 2 * n_columns)
    signals = interleaved(file, _dtype(kind), n_columns, [(0, n)])
    if kind == "stim":
        return _stim(lambda convert: _converted(signals, convert), channels)
    return [_Stream(kind, signals, channels, _step(file, n, n_stamps), word)]


def _of_channel_files(
    files: ExitStack, path: Path, kind: str, channels: Sequence[Channel], n_stamps: int
) -> list[_Stream]:
    folder, prefix = path.parent, _FILES[kind][1]
    there = [c for c in channels if (folder / f"{prefix}{c.native_name}.dat").is_file()]
    if not there:
        return []
    missing = [c.native_name for c in channels if c not in there]
    if missing and kind != "stim":  # stimulation files exist only for channels that stimulated
        message = (
            f"{path.name}: {prefix}{missing[0]}.dat is not beside it; only {len(there)} of "
            f"{len(channels)} files of {kind} channels are"
        )
        raise MissingCompanionError(message)
    rows = []
    for channel in there:
        file = files.enter_context(RecordFile(folder / f"{prefix}{channel.native_name}.dat"))
        n = _n_items(file, 2)
        step = _step(file, n, n_stamps)
        rows.append(Row(interleaved(file, _dtype(kind), 1, [(0, n)])))
    if len({len(row) for row in rows}) != 1:
        message = f"{prefix}*.dat: the files of the {kind} channels differ in length"
        raise CorruptFileError(message)
    signals = stacked(rows)
    if kind == "stim":
        return _stim(lambda convert: _converted(signals, convert), there)
    return [_Stream(kind, signals, there, step)]


def _converted(
    blocks: Any, convert: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
) -> FunctionBlocks:
    """Blocks with a function applied to each block."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return convert(blocks[tuple(slice(start, stop) for start, stop in bounds)])

    return FunctionBlocks(blocks.shape, convert(np.zeros(1, blocks.dtype)).dtype, read)


# -------------------------------------------------------------------------- what they mean
def _contents(
    name: str,
    header: Header,
    streams: Sequence[_Stream],
    breaks: Mapping[int, Breaks],
    evidence: list[Evidence],
    *,
    signed: bool,
) -> Contents:
    if not streams:
        message = f"{name}: no channel is enabled"
        raise EmptyFileError(message)
    recordings = []
    for stream in streams:
        unit, gain, offset = _scale(header, stream.kind, signed=signed)
        if stream.kind in ("adc", "stim") and gain is None:
            sentence = f"The header's board mode or step gives no scale for {stream.kind}."
            evidence.append(Evidence("calibration", "missing", sentence))
        names = ("",) if stream.is_word else tuple(c.native_name for c in stream.channels)
        runs = breaks[stream.step].runs()
        segments = tuple(Segment(at, n, count / header.rate_hz) for at, n, count in runs)
        recordings.append(
            Recording(
                stream.kind,
                stream.signals,
                names,
                (unit,) * len(names),
                header.rate_hz / stream.step,
                gain=None if gain is None else (gain,) * len(names),
                offset=None if gain is None else (offset,) * len(names),
                start_s=segments[0].start_s,
                segments=segments if len(segments) > 1 else (),
                is_main=stream.kind == "amplifier",
                metadata=_facts_of(stream),
            )
        )
    if len(breaks[1].runs()) > 1:
        sentence = f"The time stamps jump {len(breaks[1].runs()) - 1} times: kept as segments."
        evidence.append(Evidence("time", "file", sentence))
    if any(recording.name == "dc_amplifier" for recording in recordings):
        sentence = (
            "The DC amplifier inverts: volts = -0.01923 × (stored - 512), as Intan's scripts do."
        )
        evidence.append(Evidence("calibration", "inferred", sentence))
    return Contents(recordings=tuple(recordings), metadata=header.facts, evidence=tuple(evidence))


def _scale(header: Header, kind: str, *, signed: bool) -> tuple[str, float | None, float]:
    """Return (unit, gain, offset) of a stream; a gain of None where nothing scales it."""
    if kind == "stim":
        step = header.facts["stim_step_size_a"]
        return ("A", step, 0.0) if step else ("", None, 0.0)
    if kind == "adc":
        mode = 13 if header.stimulator else header.board_mode
        gain, offset = _ADC_SCALES.get(mode, (None, 0.0))
        return ("" if gain is None else "V", gain, offset)
    if kind == "amplifier" and signed:
        return ("uV", 0.195, 0.0)
    if kind in _SCALES:
        return _SCALES[kind]
    return ("", None, 0.0)


def _facts_of(stream: _Stream) -> dict[str, Any]:
    channels = stream.channels
    if stream.kind.startswith("digital"):
        return {
            "lines": [
                {"bit": c.native_order, "native_name": c.native_name, "custom_name": c.custom_name}
                for c in channels
            ]
        }
    if stream.kind == "temperature":
        return {}
    facts: dict[str, Any] = {
        "custom_names": [c.custom_name for c in channels],
        "ports": [c.group for c in channels],
    }
    if stream.kind == "amplifier":
        facts["impedance_magnitude_ohm"] = [c.impedance_ohm for c in channels]
        facts["impedance_phase_degrees"] = [c.impedance_degrees for c in channels]
    if stream.kind == "stim_flags":
        facts["flags"] = {"0x2000": "amplifier settle", "0x4000": "charge recovery"}
        facts["flags"]["0x8000"] = "compliance limit"
    return facts
