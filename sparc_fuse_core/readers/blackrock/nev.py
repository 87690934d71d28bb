"""Events of Blackrock and Ripple: .nev, file specifications 2.1 to 3.0.

Source: "NEV File Specification", Blackrock Microsystems. Packets of one length; the packet id tells
spikes (an electrode's number), digital input (0) and comments (65535) apart.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.blackrock.nsx import text_of, time_of
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sparc_fuse_core.readers.shared.records import RecordFile

_COMMENT, _DIGITAL = 0xFFFF, 0
#: electrodes and front-end channels; above are the special packets
_LAST_ELECTRODE = 0x7FFF
_CONTINUED = 0xFFFFFFFF
#: the factor of analog inputs does not fit its 16 bits: 21516 stands for it
_ANALOG_INPUT = {21516: 152592.547}


@dataclass(frozen=True, slots=True)
class Electrode:
    """What the extended headers say of one electrode; the factor is in nV a step, 0 if unknown."""

    label: str = ""
    nv_per_step: float = 0.0
    bytes_per_sample: int = 1


@dataclass(frozen=True, slots=True)
class Waveforms:
    """Spikes whose waveforms share one scale: (1, n_spikes, n_samples) stored values."""

    signals: FunctionBlocks
    nv_per_step: float


@dataclass(frozen=True, slots=True)
class Events:
    """One .nev file.

    Attributes
    ----------
    rows
        (time stamp, label, channel, kind), in the file's order.
    """

    ticks_hz: float
    rows: list[tuple[int, str, str, str]]
    electrodes: dict[int, Electrode]
    waveforms: list[Waveforms]
    waveform_rate_hz: float
    facts: dict[str, Any]
    n_unknown: int


def open_events(file: RecordFile) -> Events:
    """Read headers and packets of one .nev file.

    Raises
    ------
    CorruptFileError
        If a header is damaged or the file ends inside a packet.
    """
    fixed = struct.unpack("<8sBBHIIII8H32s256sI", file.read(0, 336).tobytes())
    _, major, minor, flags, begin, packet_bytes, ticks_hz, sample_hz = fixed[:8]
    origin, application, comment, n_headers = fixed[8:16], *fixed[16:19]
    if not ticks_hz or packet_bytes < 12 or begin < 336 + 32 * n_headers:
        message = f"{file.name}: the header is damaged: clock, packet or header size"
        raise CorruptFileError(message)
    electrodes = _electrodes(file, n_headers)
    stamp = "<u8" if major >= 3 else "<u4"
    head_bytes = np.dtype(stamp).itemsize + 2
    packet = np.dtype(
        [("stamp", stamp), ("id", "<u2"), ("data", "u1", (packet_bytes - head_bytes,))]
    )
    n_packets, left = divmod(max(0, file.size_bytes - begin), packet_bytes)
    if file.size_bytes < begin:
        message = f"{file.name}: truncated: it ends inside its header of {begin} bytes"
        raise CorruptFileError(message)
    if left:
        ends_early(file.name, f"{n_packets} whole packets and {left} bytes of one more")
    rows: list[tuple[int, str, str, str]] = []
    spikes: list[np.ndarray[Any, Any]] = []
    n_unknown = 0
    for at, packets in file.records(packet, begin, 0, n_packets):
        continued = (packets["stamp"] == _CONTINUED) & (stamp == "<u4")
        is_spike = (packets["id"] > 0) & (packets["id"] <= _LAST_ELECTRODE) & ~continued
        found = np.flatnonzero(is_spike)
        spikes.append(np.stack([found + at, packets["id"][found].astype(np.int64)]))
        for i in np.flatnonzero(~continued):
            row = _row(packets[i], electrodes)
            if row is None:
                n_unknown += 1
            else:
                rows.append(row)
    places = np.concatenate(spikes, axis=1) if spikes else np.zeros((2, 0), np.int64)
    return Events(
        ticks_hz=float(ticks_hz),
        rows=rows,
        electrodes=electrodes,
        waveforms=list(_waveforms(file, packet, begin, places, electrodes, flags)),
        waveform_rate_hz=float(sample_hz),
        facts={
            "specification": f"{major}.{minor}",
            "application": text_of(application),
            "comment": text_of(comment),
            "time_origin": time_of(origin),
        },
        n_unknown=n_unknown,
    )


def _electrodes(file: RecordFile, n_headers: int) -> dict[int, Electrode]:
    scales: dict[int, tuple[float, int]] = {}
    labels: dict[int, str] = {}
    for i in range(n_headers):
        raw = file.read(336 + 32 * i, 32).tobytes()
        if raw[:8] == b"NEUEVWAV":
            electrode, _, _, factor, _, _, _, _, width = struct.unpack("<HBBHHhhBB", raw[8:22])
            scales[electrode] = (_ANALOG_INPUT.get(factor, float(factor)), max(1, width))
        elif raw[:8] == b"NEUEVLBL":
            labels[struct.unpack("<H", raw[8:10])[0]] = text_of(raw[10:26])
    return {
        number: Electrode(labels.get(number, ""), *scales.get(number, (0.0, 1)))
        for number in sorted(scales.keys() | labels.keys())
    }


def _row(packet: Any, electrodes: dict[int, Electrode]) -> tuple[int, str, str, str] | None:
    stamp, kind, data = int(packet["stamp"]), int(packet["id"]), packet["data"]
    if kind == _DIGITAL:
        value = int(data[2]) | int(data[3]) << 8
        # bit 0: the port changed or was strobed; bit 7: the serial port
        return (stamp, str(value), "", "serial" if data[0] & 0x80 else "digital")
    if kind <= _LAST_ELECTRODE:
        electrode = electrodes.get(kind, Electrode())
        return (stamp, str(int(data[0])), electrode.label or str(kind), "spike")
    if kind == _COMMENT:
        raw = data[6:].tobytes()
        if data[0] == 1:
            return (stamp, raw.decode("utf-16-le", "replace").split("\0", 1)[0], "", "comment")
        return (stamp, text_of(raw), "", "comment")
    return None


def _waveforms(
    file: RecordFile,
    packet: np.dtype[Any],
    begin: int,
    places: np.ndarray[Any, Any],
    electrodes: dict[int, Electrode],
    flags: int,
) -> Iterator[Waveforms]:
    """Group spikes whose waveforms have one scale and type."""
    kinds: dict[tuple[float, int], list[int]] = {}
    for number in np.unique(places[1]):
        electrode = electrodes.get(int(number), Electrode())
        # bit 0 of the flags: every waveform has 16 bits, whatever the electrode's header says
        width = 2 if flags & 1 else electrode.bytes_per_sample
        kinds.setdefault((electrode.nv_per_step, width), []).append(int(number))
    for (factor, width), numbers in kinds.items():
        mine = places[0][np.isin(places[1], numbers)]
        if width in (1, 2):
            yield Waveforms(_sweeps(file, packet, begin, mine, width), factor)


def _sweeps(
    file: RecordFile, packet: np.dtype[Any], begin: int, places: np.ndarray[Any, Any], width: int
) -> FunctionBlocks:
    dtype = np.dtype(f"<i{width}")
    n_samples = (packet["data"].shape[0] - 2) // width

    def read(bounds: Sequence[tuple[int, int]]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop), (low, high) = bounds
        block = np.empty((stop - start, n_samples), dtype)
        wanted = places[start:stop]
        done = 0
        if len(wanted):
            for at, packets in file.records(packet, begin, int(wanted[0]), int(wanted[-1]) + 1):
                end = done + int(np.searchsorted(wanted[done:], at + len(packets)))
                raw = packets["data"][wanted[done:end] - at, 2 : 2 + n_samples * width]
                block[done:end] = np.ascontiguousarray(raw).view(dtype)
                done = end
        return block[None, :, low:high][first:last]

    return FunctionBlocks((1, len(places), n_samples), dtype, read)
