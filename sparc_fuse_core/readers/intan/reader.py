"""Intan .rhd and .rhs: every stream at its own rate, as stored, in all three file layouts.

An own reader of Intan's published layout, because every sample passes through one small buffer, and
because the general-purpose library scales two kinds of stream otherwise than Intan does: the DC
amplifier inverts (volts = -0.01923 × (stored - 512) in Intan's own scripts) and temperature sensors
count hundredths of a degree. Time stamps are checked over the whole file; a jump makes a segment.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Recording, Segment
from sparc_fuse_core.readers.intan.folder import FILES, of_folder
from sparc_fuse_core.readers.intan.header import Header, read_header
from sparc_fuse_core.readers.intan.streams import Stream, channels_of, stim
from sparc_fuse_core.readers.shared.records import Breaks, RecordFile, framed
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

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
            streams, breaks, evidence = of_folder(files, path, header)
            signed = True
        yield _contents(path.name, header, streams, breaks, evidence, signed=signed)


# -------------------------------------------------------------------------- one file, data blocks
def _block_layout(header: Header) -> np.dtype[Any]:
    """One data block; the order is the format's."""
    n = header.samples_per_block
    stamp = "<i4" if header.stimulator or header.version >= (1, 2) else "<u4"
    n_of = {kind: len(header.of_kind(kind)) for kind in (*FILES, "stim")}
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


def _of_one_file(file: RecordFile, header: Header) -> tuple[list[Stream], dict[int, Breaks]]:
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
            streams += stim(
                lambda convert: framed(file, block, header.size_bytes, n_blocks, "stim", convert),
                header.of_kind("amplifier"),
            )
            continue
        signals = framed(file, block, header.size_bytes, n_blocks, kind)
        word = kind.startswith("digital")
        streams.append(Stream(kind, signals, channels_of(header, kind), n // length, word))
    breaks = {step: Breaks(file.name, step) for step in {1, *(s.step for s in streams)}}
    for _, blocks in file.records(block, header.size_bytes, 0, n_blocks):
        stamps = blocks["stamp"].ravel()
        for step, found in breaks.items():
            found.feed(stamps[::step])
    return streams, breaks


# -------------------------------------------------------------------------- what they mean
def _contents(
    name: str,
    header: Header,
    streams: Sequence[Stream],
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


def _facts_of(stream: Stream) -> dict[str, Any]:
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
