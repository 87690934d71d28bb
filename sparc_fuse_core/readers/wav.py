"""WAV, RF64, WAVEX and big-endian RIFX: stored integers, floats, µ-law, in blocks.

libsndfile (soundfile) decodes 8, 16, 24 and 32-bit integers, floats and µ-law; wider integers, which it
refuses, are read here. The chunks are walked first, because libsndfile takes a truncated file for a
shorter one. Integers are kept as stored. The format states no physical unit: PCM is a fraction of full scale,
so neither a gain nor a unit is made up. When it began is stated by the broadcast extension ``bext`` alone
(EBU Tech 3285), whose free texts name people and are not read.
"""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Recording
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: libsndfile subtype → dtype it decodes to without loss, and by how many bits it shifts left.
_SUBTYPES: dict[str, tuple[str, int]] = {
    "PCM_U8": ("int16", 8),
    "PCM_S8": ("int16", 8),
    "PCM_16": ("int16", 0),
    "PCM_24": ("int32", 8),
    "PCM_32": ("int32", 0),
    "ULAW": ("int16", 0),
    "ALAW": ("int16", 0),
    "FLOAT": ("float32", 0),
    "DOUBLE": ("float64", 0),
}
_PCM, _EXTENSIBLE = 1, 0xFFFE
#: Sizes that recorders leave when they stream, or are cut off: the data go to the end of the file.
_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
#: Where ``bext`` holds its date and time, 18 characters, and how long its fixed part is, in bytes.
_BEXT_DATE, _BEXT_BYTES = slice(320, 338), 602
#: ``yyyy-mm-dd`` and ``hh:mm:ss``; the standard allows these separators.
_DATE_AND_TIME = re.compile(
    rb"(\d{4})[-_:. /](\d\d)[-_:. /](\d\d)(?:(\d\d)[-_:. /](\d\d)[-_:. /](\d\d))?"
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the chunks say; ``n_bytes`` of samples, None where the header does not know."""

    order: str
    code: int
    n_channels: int
    rate_hz: int
    frame_bytes: int
    offset_bytes: int
    n_bytes: int | None
    start_time: str = ""


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a WAV file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as plain:
        layout = _checked(plain, _layout(plain))
        evidence: tuple[Evidence, ...] = ()
        if layout.n_bytes is None:
            sentence = "the header does not say how many samples there are; all to the end are kept"
            evidence = (Evidence("content", "inferred", sentence),)
        try:
            file = soundfile.SoundFile(path)
        except soundfile.LibsndfileError as err:
            wide = _wide_frames(plain, layout, err.error_string)
            yield _contents(wide, layout.rate_hz, {}, evidence, layout.start_time)
            return
        with file:
            if file.subtype not in _SUBTYPES:
                message = f"{path.name}: WAV encoding {file.subtype} is not read without loss"
                raise CorruptFileError(message)
            if file.frames <= 0:
                message = f"{path.name}: the header announces {file.frames} samples"
                raise EmptyFileError(message)
            facts = {"encoding": file.subtype}
            frames = _frames(file, path.name)
            yield _contents(frames, file.samplerate, facts, evidence, layout.start_time)


def _layout(file: RecordFile) -> _Layout:
    """Walk the chunks up to the samples."""
    head = _take(file, 0, 12)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:] != b"WAVE":
        message = f"{file.name}: not a WAV file: it begins with {beginning(head)}"
        raise CorruptFileError(message)
    order = ">" if head[:4] == b"RIFX" else "<"
    at, long_size, form, start_time = 12, None, b"", ""
    while at + 8 <= file.size_bytes:
        name, size = struct.unpack(order + "4sI", _take(file, at, 8))
        if name == b"ds64" and size >= 24:
            long_size = struct.unpack("<8xQ", _take(file, at + 8, 16))[0]
        elif name == b"fmt " and 16 <= size <= 1024:
            form = _take(file, at + 8, size)
        elif name == b"bext" and size >= _BEXT_BYTES:
            start_time = start_time or _start(_take(file, at + 8, _BEXT_BYTES)[_BEXT_DATE])
        elif name == b"data" and form:
            if size == 0xFFFFFFFF and long_size:
                n_bytes = long_size
            else:
                # 0 is a fact where nothing follows, and unknown where samples do
                is_unknown = size in _UNKNOWN_SIZES and file.size_bytes > at + 8
                n_bytes = None if is_unknown else size
            code, n_channels, rate_hz, _, frame_bytes = struct.unpack_from(order + "HHIIH", form)
            if code == _EXTENSIBLE and len(form) >= 26:
                code = struct.unpack_from(order + "H", form, 24)[0]
            return _Layout(
                order, code, n_channels, rate_hz, frame_bytes, at + 8, n_bytes, start_time
            )
        at += 8 + size + size % 2
    message = f"{file.name}: truncated or damaged: no samples follow its header; upload it again"
    raise CorruptFileError(message)


def _start(stated: bytes) -> str:
    """Return the origination date and time of ``bext`` as ISO 8601; blank where it is none."""
    found = _DATE_AND_TIME.match(stated)
    if not found:
        return ""
    year, month, day, *clock = (part.decode("ascii") for part in found.groups(default=b""))
    date = f"{year}-{month}-{day}"
    return stated_start(f"{date}T{':'.join(clock)}" if clock[0] else date)


def _take(file: RecordFile, offset: int, n_bytes: int) -> bytes:
    return file.read(offset, n_bytes).tobytes()


def _checked(file: RecordFile, layout: _Layout) -> _Layout:
    """Return the layout; of a file that is cut short what is there, if it is to be salvaged."""
    if layout.n_channels == 0 or layout.rate_hz == 0:
        message = f"{file.name}: damaged header: {layout.n_channels} channels, {layout.rate_hz} Hz"
        raise CorruptFileError(message)
    if layout.n_bytes == 0:
        message = f"{file.name}: the header announces 0 samples"
        raise EmptyFileError(message)
    n_there = file.size_bytes - layout.offset_bytes
    if layout.n_bytes is not None and layout.n_bytes > n_there:
        ends_early(file.name, f"{n_there} of {layout.n_bytes} bytes of samples")
        whole = n_there - n_there % max(1, layout.frame_bytes)
        return replace(layout, n_bytes=whole)
    return layout


def _frames(file: soundfile.SoundFile, name: str) -> FunctionBlocks:
    """Blocks of shape (n_channels, n_samples), as stored (libsndfile's left shift undone)."""
    decoded, shift = _SUBTYPES[file.subtype]
    # 8-bit WAV is unsigned with 128 as zero; libsndfile recentres it, and so do we
    dtype = np.dtype("int8") if file.subtype in ("PCM_U8", "PCM_S8") else np.dtype(decoded)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        file.seek(start)
        frames = file.read(stop - start, dtype=decoded, always_2d=True)
        if len(frames) != stop - start:
            message = f"{name}: truncated: {start + len(frames)} samples of {file.frames} announced"
            raise CorruptFileError(message)
        if shift:
            frames >>= shift
        return np.ascontiguousarray(frames[:, first:last].T).astype(dtype, copy=False)

    return FunctionBlocks((file.channels, file.frames), dtype, read)


def _wide_frames(file: RecordFile, layout: _Layout, reason: str) -> FunctionBlocks:
    """Blocks of shape (n_channels, n_samples) of integers of 5 to 8 bytes, as int64."""
    n_bytes, rest = divmod(layout.frame_bytes, layout.n_channels)
    if layout.code != _PCM or rest or not 5 <= n_bytes <= 8:
        message = f"{file.name}: not a readable WAV file ({reason})"
        raise CorruptFileError(message)
    size = file.size_bytes - layout.offset_bytes if layout.n_bytes is None else layout.n_bytes
    frame = np.dtype((np.uint8, (layout.n_channels, n_bytes)))
    n_samples = size // frame.itemsize
    if not n_samples:
        message = f"{file.name}: no samples"
        raise EmptyFileError(message)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), np.int64)
        for at, frames in file.records(frame, layout.offset_bytes, start, stop):
            # put the bytes at the top of a 64-bit word, and let the sign fill what is below
            wide = np.zeros((len(frames), last - first, 8), np.uint8)
            if layout.order == "<":
                wide[..., 8 - n_bytes :] = frames[:, first:last]
            else:
                wide[..., :n_bytes] = frames[:, first:last]
            values = wide.view(layout.order + "i8")[..., 0] >> (64 - 8 * n_bytes)
            block[:, at - start : at - start + len(frames)] = values.T
        return block

    return FunctionBlocks((layout.n_channels, n_samples), np.dtype(np.int64), read)


def _contents(
    signals: FunctionBlocks,
    rate_hz: int,
    facts: dict[str, Any],
    evidence: tuple[Evidence, ...],
    start_time: str,
) -> Contents:
    blank = ("",) * signals.shape[0]
    recording = Recording("audio", signals, blank, blank, float(rate_hz), metadata=facts)
    return Contents(recordings=(recording,), start_time=start_time, evidence=evidence)
