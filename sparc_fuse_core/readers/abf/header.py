"""Headers of Axon Binary Format files, version 1 (fixed offsets) and 2 (a table of sections).

Offsets are facts of the public descriptions: Axon's ABF user guide, and S. Harden's notes
(https://swharden.com/pyabf/abf2-file-format/). Only what the model needs is read.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.readers.abf.fields import (
    MAX_CHANNELS,
    MODES,
    MOST_TABLE_BYTES,
    AbfHeader,
    bytes_at,
    channel_of,
    check_channels,
    dtype_of,
    start_of,
    sweeps_of,
    tags_of,
    text_of,
)
from sparc_fuse_core.readers.abf.stimulus import stimulus_facts
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from sparc_fuse_core.readers.shared.records import RecordFile

_GAP_FREE = 3
_BLOCK_BYTES = 512

#: A version 1 header has 2048 bytes, or 6144 from 1.6 on; later fields are samples where it is short.
_LONG_HEADER_BYTES = 6144
_SECTIONS = {
    "protocol": 0,
    "adc": 1,
    "dac": 2,
    "epochs": 5,
    "user_list": 6,
    "strings": 9,
    "data": 10,
    "tags": 11,
}
_SECTIONS["synch"] = 15


def read_header(file: RecordFile) -> AbfHeader:
    """Read the header of ``file``.

    Raises
    ------
    CorruptFileError
        If it is no ABF header, or announces what the file does not hold.
    EmptyFileError
        If the file holds no channel or no sample.
    UnsupportedFormatError
        If a sweep was sampled with two rates.
    """
    magic = file.read(0, 4).tobytes()
    if magic == b"ABF ":
        header = _read_version_1(file)
    elif magic == b"ABF2":
        header = _read_version_2(file)
    else:
        message = f"{file.name}: not an ABF file: it begins with {beginning(magic)}"
        raise CorruptFileError(message)
    if header.mode not in MODES:
        message = f"{file.name}: damaged header: acquisition mode {header.mode} does not exist"
        raise CorruptFileError(message)
    if not 1e-3 < header.interval_us < 1e12:
        message = f"{file.name}: damaged header: {header.interval_us} µs between samples"
        raise CorruptFileError(message)
    if not (math.isfinite(header.synch_unit_us) and header.synch_unit_us >= 0):
        message = f"{file.name}: damaged header: time unit of {header.synch_unit_us} µs"
        raise CorruptFileError(message)
    if header.synch_unit_us == 0:
        # 0 means one conversion, of whatever channel (Axon's ABFH_SynchCountToMS)
        header.synch_unit_us = header.interval_us / len(header.channels)
    if header.n_values <= 0:
        message = f"{file.name}: the header announces {header.n_values} samples"
        raise EmptyFileError(message)
    end = header.data_offset_bytes + header.n_values * header.dtype.itemsize
    if header.data_offset_bytes < _BLOCK_BYTES:
        message = f"{file.name}: damaged header: samples begin at byte {header.data_offset_bytes}"
        raise CorruptFileError(message)
    if end > file.size_bytes:
        _cut(file, header)
    header.facts["operation_mode"] = MODES[header.mode]
    return header


def _cut(file: RecordFile, header: AbfHeader) -> None:
    """Keep the whole samples, or sweeps, of a file that ends before its samples do."""
    there = max(0, file.size_bytes - header.data_offset_bytes) // header.dtype.itemsize
    if header.mode == _GAP_FREE or header.n_episodes < 2:
        ends_early(file.name, f"{there} of {header.n_values} samples")
        header.n_values = there - there % len(header.channels)
        header.n_episodes = min(header.n_episodes, 1)
        header.n_in_episode = min(header.n_in_episode, header.n_values)
        header.sweeps = []
    else:
        length = header.n_in_episode or header.n_values // header.n_episodes
        whole = there // max(1, length)
        ends_early(file.name, f"{whole} of {header.n_episodes} sweeps")
        header.n_values, header.n_episodes = whole * length, whole
        header.sweeps = header.sweeps[:whole]
    if not header.n_values:
        message = f"{file.name}: truncated before its first samples"
        raise EmptyFileError(message)


def _behind(file: RecordFile, offset: int, n_bytes: int) -> bytes:
    """Return a table that lies behind the samples; nothing of it where the file was cut before."""
    if (
        offset >= _BLOCK_BYTES
        and 0 < n_bytes <= MOST_TABLE_BYTES
        and offset + n_bytes > file.size_bytes
    ):
        ends_early(file.name, f"{file.size_bytes} bytes, and a table behind them is announced")
        return b""
    return bytes_at(file, offset, n_bytes)


def _read_version_1(file: RecordFile) -> AbfHeader:
    raw = bytes_at(file, 0, 2048)

    def get(kind: str, offset: int) -> Any:
        values = struct.unpack_from(f"<{kind}", raw, offset)
        return values[0] if len(values) == 1 else values

    evidence: list[Evidence] = []
    n_channels, data_block = get("h", 120), get("i", 40)
    check_channels(file, n_channels, 16)
    is_long = data_block * _BLOCK_BYTES >= _LONG_HEADER_BYTES and get("f", 4) >= 1.59
    if is_long:
        raw = bytes_at(file, 0, _LONG_HEADER_BYTES)
    second_us, clock_change = get("f", 126), get("i", 194)
    interval_us = get("f", 122) * n_channels
    if clock_change > 0 and second_us > 0 and second_us != get("f", 122):
        message = f"{file.name}: every sweep has two sampling rates (split clock): not read"
        raise UnsupportedFormatError(message)
    if math.isfinite(interval_us) and math.isclose(
        interval_us, round(interval_us, 1), rel_tol=1e-6
    ):
        # stored for one conversion as a 32-bit float; clocks are multiples of 0.1 µs
        interval_us = round(interval_us, 1)
    inputs = [number for number in get("16h", 410)[:n_channels] if 0 <= number < 16]
    if len(set(inputs)) != n_channels:
        inputs = list(range(n_channels))
        if n_channels > 1:
            sentence = "the list of sampled inputs is unusable; inputs are taken in order"
            evidence.append(Evidence("names", "inferred", sentence))
    dtype = dtype_of(file, get("h", 100))
    channels = []
    for number in inputs:
        divisors = [get("f", at + 4 * number) for at in (922, 1050, 730)]
        if is_long and get("h", 4512 + 2 * number):
            divisors.append(get("f", 4576 + 4 * number))
        channels.append(
            channel_of(
                text_of(get("10s", 442 + 10 * number)),
                text_of(get("8s", 602 + 8 * number)),
                dtype=dtype,
                scale=(get("f", 244), get("i", 252)),
                divisors=tuple(divisors),
                offset=get("f", 986 + 4 * number) - get("f", 1114 + 4 * number),
                evidence=evidence,
            )
        )
    n_sweeps, n_tags = max(0, get("i", 96)), max(0, get("i", 48))
    facts = {
        "abf_version": f"{get('f', 4):.2f}",
        "start_time": start_of(get("i", 20), get("i", 24) * 1000.0 + max(0, get("h", 366))),
        "creator": text_of(get("16s", 294)),
        "comment": text_of(get("128s", 5154)) if is_long else text_of(get("56s", 310)),
        "protocol_path": text_of(get("256s", 4898)) if is_long else "",
    }
    return AbfHeader(
        mode=get("h", 8),
        interval_us=interval_us,
        synch_unit_us=get("f", 130),
        data_offset_bytes=data_block * _BLOCK_BYTES + max(0, get("h", 14)) * dtype.itemsize,
        n_values=get("i", 10),
        dtype=dtype,
        sweeps=sweeps_of(_behind(file, get("i", 92) * _BLOCK_BYTES, 8 * n_sweeps))
        if n_sweeps
        else [],
        n_episodes=get("i", 16),
        n_in_episode=get("i", 138),
        channels=channels,
        tags=tags_of(_behind(file, get("i", 44) * _BLOCK_BYTES, 64 * n_tags)) if n_tags else [],
        facts={key: value for key, value in facts.items() if value},
        evidence=evidence,
    )


def _read_version_2(file: RecordFile) -> AbfHeader:
    raw = bytes_at(file, 0, 512)
    sections = {name: struct.unpack_from("<IIq", raw, 76 + 16 * i) for name, i in _SECTIONS.items()}

    def rows(name: str, n_bytes: int) -> list[bytes]:
        """Return the entries of a section, each at least as long as its known part."""
        block, size, count = sections[name]
        if not count:
            return []
        if count < 0 or size < n_bytes:
            message = f"{file.name}: damaged header: section {name} has {count} × {size} bytes"
            raise CorruptFileError(message)
        whole = bytes_at(file, block * _BLOCK_BYTES, size * count)
        return [whole[i * size : (i + 1) * size] for i in range(count)]

    strings = _strings(file, *sections["strings"])

    def text(index: int) -> str:
        return strings[index - 1] if 0 < index <= len(strings) else ""

    evidence: list[Evidence] = []
    n_channels = sections["adc"][2]
    check_channels(file, n_channels, MAX_CHANNELS)
    protocols = rows("protocol", 208)
    if not protocols:
        message = f"{file.name}: damaged header: it has no protocol section"
        raise CorruptFileError(message)
    protocol = protocols[0]
    dtype = dtype_of(file, struct.unpack_from("<H", raw, 30)[0])
    channels = []
    for row in rows("adc", 82):
        telegraph, additional = struct.unpack_from("<hxxf", row, 2)
        programmable, scale, offset, signal_gain, signal_offset = struct.unpack_from(
            "<f8xffff", row, 28
        )
        name, unit = struct.unpack_from("<ii", row, 74)
        channels.append(
            channel_of(
                text(name),
                text(unit),
                dtype=dtype,
                scale=struct.unpack_from("<f4xi", protocol, 110),
                divisors=(scale, signal_gain, programmable, *([additional] if telegraph else [])),
                offset=offset - signal_offset,
                evidence=evidence,
            )
        )
    block, size, n_values = sections["data"]
    if n_values and size != dtype.itemsize:
        message = f"{file.name}: damaged header: samples of {size} bytes, type {dtype.name}"
        raise CorruptFileError(message)
    n_episodes, date, time_ms = struct.unpack_from("<III", raw, 12)
    creator, path = struct.unpack_from("<I8xI", raw, 60)
    facts = {
        "abf_version": ".".join(str(part) for part in raw[7:3:-1]),
        "start_time": start_of(date, time_ms),
        "creator": text(creator),
        "protocol_path": text(path),
        "comment": text(struct.unpack_from("<i", protocol, 132)[0]),
        **stimulus_facts(rows, text, evidence),
    }
    mode, interval_us = struct.unpack_from("<hf", protocol)
    return AbfHeader(
        mode=mode,
        interval_us=interval_us,
        synch_unit_us=struct.unpack_from("<f", protocol, 14)[0],
        data_offset_bytes=block * _BLOCK_BYTES,
        n_values=n_values,
        dtype=dtype,
        sweeps=sweeps_of(b"".join(row[:8] for row in rows("synch", 8))),
        n_episodes=n_episodes,
        n_in_episode=struct.unpack_from("<i", protocol, 22)[0],
        channels=channels,
        tags=tags_of(b"".join(row[:64] for row in rows("tags", 64))),
        facts={key: value for key, value in facts.items() if value},
        evidence=evidence,
    )


def _strings(file: RecordFile, block: int, size: int, count: int) -> list[str]:
    """Return the pool of texts that the other sections point into, from 1."""
    if not count or size < 44:
        return []
    raw = bytes_at(file, block * _BLOCK_BYTES, size)
    if raw[:4] != b"SSCH":
        message = f"{file.name}: damaged: its section of texts begins with {beginning(raw[:4])}"
        raise CorruptFileError(message)
    return [text_of(part) for part in raw[44:].split(b"\0")[:count]]
