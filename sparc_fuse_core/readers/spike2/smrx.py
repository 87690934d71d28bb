"""CED Spike2 .smrx (SON64): waveforms, gaps, events, markers, text marks, wave marks.

No library reads this format on Linux with a current Python: neo takes such a file for an empty one.
The layout was worked out from files alone and is checked against files written by CED's own library. A
channel's index is a tree of 4 KiB pages; every page and data block names its parent, which is checked.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.spike2.channels import (
    KINDS,
    REAL_MARK,
    TEXT_MARK,
    WAVE_MARK,
    WAVES,
    Channel,
    Clock,
    Stretch,
    contents,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents

_PAGE_BYTES = 4096
_NODE_HEADER_BYTES = 16
_MAX_ITEMS = (_PAGE_BYTES - _NODE_HEADER_BYTES) // 16
_MAX_CHANNELS = 4096
_MIN_RECORD_BYTES = 0x70
_MAX_ITEM_BYTES = 1 << 20


class _BeyondEndError(CorruptFileError):
    """Something is announced beyond the end of the file: it may have been cut short."""


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .smrx file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        raw = _bytes(file, 0, 0x80)
        if raw[:3] != b"S64":
            message = f"{path.name}: not a Spike2 64-bit file: it begins with {beginning(raw[:4])}"
            raise CorruptFileError(message)
        table, pool, n_channels, record_bytes, comment = struct.unpack_from("<5i", raw, 0x30)
        if not 0 <= n_channels <= _MAX_CHANNELS or record_bytes < _MIN_RECORD_BYTES:
            message = f"{path.name}: damaged header: {n_channels} channels of {record_bytes} bytes"
            raise CorruptFileError(message)
        clock = Clock.of(path.name, struct.unpack_from("<d", raw, 0x20)[0])
        strings = _strings(file, pool)
        records = _bytes(file, table, n_channels * record_bytes)
        evidence: list[Evidence] = []
        channels = [
            channel
            for i in range(n_channels)
            if (channel := _channel(file, i, records[i * record_bytes :], strings, evidence))
        ]
        facts = {"comments": [strings[comment]]} if strings.get(comment) else {}
        yield contents(file, clock, channels, facts, evidence)


def _bytes(file: RecordFile, offset: int, n_bytes: int) -> bytes:
    if offset < 0 or n_bytes < 0 or offset + n_bytes > file.size_bytes:
        message = (
            f"{file.name}: truncated or damaged: {n_bytes} bytes at {offset} lie outside its "
            f"{file.size_bytes}; upload it again"
        )
        raise _BeyondEndError(message) if offset >= 0 <= n_bytes else CorruptFileError(message)
    return file.read(offset, n_bytes).tobytes()


def _strings(file: RecordFile, offset: int) -> dict[int, str]:
    """Return the table of texts; numbers begin at 1."""
    n_words, n_strings = struct.unpack("<2i", _bytes(file, offset, 8))
    if not 0 <= n_strings <= n_words:
        message = f"{file.name}: damaged: {n_strings} texts in {n_words} words"
        raise CorruptFileError(message)
    raw = _bytes(file, offset + 8, 4 * n_words)
    strings, at = {}, 0
    for number in range(1, n_strings + 1):
        end = raw.find(b"\0", at + 4)
        if end < 0:
            message = f"{file.name}: damaged: text {number} has no end"
            raise CorruptFileError(message)
        strings[number] = raw[at + 4 : end].decode("utf-8", "replace")
        at = (end // 4 + 1) * 4
    return strings


def _channel(
    file: RecordFile, index: int, raw: bytes, strings: dict[int, str], evidence: list[Evidence]
) -> Channel | None:
    """Read one record of the table of channels; None if the channel is off."""
    kind = raw[0x2E]
    if kind == 0:
        return None
    if kind not in KINDS:
        message = f"{file.name}: damaged: channel {index + 1} is of unknown kind {kind}"
        raise CorruptFileError(message)
    pointer, _, n_blocks = struct.unpack_from("<3q", raw)
    item_bytes, n_rows, n_columns = struct.unpack_from("<iHH", raw, 0x20)
    title, unit = (strings.get(number, "") for number in struct.unpack_from("<2i", raw, 0x34))
    ticks, ideal_hz, gain, offset = struct.unpack_from("<q3d", raw, 0x40)
    gain /= 6553.6
    if kind in (1, WAVE_MARK) and not (np.isfinite(gain) and gain and np.isfinite(offset)):
        gain, offset, unit = 1.0, 0.0, ""
        sentence = (
            f"channel {index + 1} {title!r} states no usable scale; its integers have no unit"
        )
        evidence.append(Evidence("calibration", "missing", sentence))
    item, n_traces = None, 1
    if kind not in WAVES:
        item, n_traces = _item(file.name, kind, item_bytes, n_rows, n_columns)
    if n_traces > 1:
        sentence = f"the {n_traces} traces of wave mark channel {title!r} are taken as interleaved"
        evidence.append(Evidence("axes", "inferred", sentence))
    size = (2 if kind == 1 else 4) if item is None else item.itemsize
    runs: list[Stretch] = []
    n_read = 0
    try:
        blocks, is_cut = _blocks(file, index, pointer)
        for block in blocks:
            runs += _runs(file, block, size, is_wave=item is None)
            n_read += 1
    except _BeyondEndError:
        is_cut = True
    if is_cut:
        ends_early(
            file.name, f"{n_read} of {n_blocks} data blocks of channel {index + 1} {title!r}"
        )
    elif n_read != n_blocks:
        message = (
            f"{file.name}: truncated or damaged: channel {index + 1} {title!r} has {n_read} of "
            f"{n_blocks} data blocks; upload it again"
        )
        raise CorruptFileError(message)
    return Channel(
        number=index + 1,
        title=title,
        unit=unit,
        kind=kind,
        ticks=ticks,
        gain=gain,
        offset=offset,
        runs=runs,
        item=item,
        n_traces=n_traces,
        facts={"ideal_rate_hz": ideal_hz} if np.isfinite(ideal_hz) else {},
    )


def _item(
    name: str, kind: int, item_bytes: int, n_rows: int, n_columns: int
) -> tuple[np.dtype[Any], int]:
    """Return how one event or mark is stored, and the number of traces attached to it."""
    names: list[str] = ["tick"]
    formats: list[Any] = ["<i8"]
    offsets = [0]
    n_traces, needed = 1, 8
    if kind >= 5 or item_bytes >= 16:
        names.append("codes")
        formats.append(("u1", (4,)))
        offsets.append(8)
        needed = 16
    if kind in (WAVE_MARK, REAL_MARK, TEXT_MARK):
        stored = {WAVE_MARK: "<i2", REAL_MARK: "<f4", TEXT_MARK: "u1"}[kind]
        n_traces = n_columns if kind == WAVE_MARK else 1
        n = n_rows * n_columns
        names.append("payload")
        formats.append((stored, (n,)))
        offsets.append(16)
        needed += n * np.dtype(stored).itemsize if n else item_bytes
    if not needed <= item_bytes <= _MAX_ITEM_BYTES:
        message = f"{name}: damaged: items of {item_bytes} bytes for a channel of {KINDS[kind]}s"
        raise CorruptFileError(message)
    layout = np.dtype(
        {"names": names, "formats": formats, "offsets": offsets, "itemsize": item_bytes}
    )
    return layout, n_traces


def _blocks(file: RecordFile, index: int, pointer: int) -> tuple[list[int], bool]:
    """Walk a channel's index; return where its data blocks are, in order, and whether the file ends before."""
    if pointer == 0:
        return [], False
    found: list[int] = []
    root = pointer & ~(_PAGE_BYTES - 1)
    level = (struct.unpack_from("<q", _bytes(file, root, 8))[0] >> 8) & 0xF
    waiting = [(root, level, 0)]
    while waiting:
        place, level, parent = waiting.pop()
        if place + _NODE_HEADER_BYTES > file.size_bytes:
            return found, True
        own, number, n = struct.unpack_from("<qH2xi", _bytes(file, place, _NODE_HEADER_BYTES))
        if number != index or (own >> 8) & 0xF != level or own & ~(_PAGE_BYTES - 1) != parent:
            message = (
                f"{file.name}: truncated or damaged: the index of channel {index + 1} is broken at "
                f"byte {place}"
            )
            raise CorruptFileError(message)
        if level == 0:
            found.append(place)
            continue
        if not 0 <= n <= _MAX_ITEMS:
            message = f"{file.name}: damaged: {n} entries in the index of channel {index + 1}"
            raise CorruptFileError(message)
        if place + _NODE_HEADER_BYTES + 16 * n > file.size_bytes:
            return found, True
        items = struct.unpack(f"<{2 * n}q", _bytes(file, place + _NODE_HEADER_BYTES, 16 * n))
        below = [(at & ~(_PAGE_BYTES - 1), level - 1, place) for at in items[1::2]]
        waiting += reversed(below)
    return found, False


def _runs(file: RecordFile, block: int, n_bytes: int, *, is_wave: bool) -> list[Stretch]:
    """Return the stretches of samples in one data block, or its items as one stretch."""
    n_here = struct.unpack_from("<i", _bytes(file, block, _NODE_HEADER_BYTES), 12)[0]
    at = block + _NODE_HEADER_BYTES
    if not is_wave:
        _check(file, at, n_here, n_bytes)
        return [Stretch(at, n_here)] if n_here else []
    runs: list[Stretch] = []
    for _ in range(n_here):
        start, n = struct.unpack_from("<qi", _bytes(file, at, 16))
        at += 16
        _check(file, at, n, n_bytes)
        if n:
            runs.append(Stretch(at, n, start))
        at += -(-n * n_bytes // 8) * 8
    return runs


def _check(file: RecordFile, at: int, n: int, n_bytes: int) -> None:
    if n < 0 or at + n * n_bytes > file.size_bytes:
        message = (
            f"{file.name}: truncated or damaged: {n} × {n_bytes} bytes at {at}; upload it again"
        )
        raise CorruptFileError(message) if n < 0 else _BeyondEndError(message)
