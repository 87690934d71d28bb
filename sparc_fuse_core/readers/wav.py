"""WAV, RF64, WAVEX and big-endian RIFX: stored integers, one gain for all channels.

libsndfile (soundfile) reads blocks of 8, 16, 24 and 32-bit integers and floats, and µ-law; scipy reads
what it cannot: 36 to 64-bit integers. Integers are kept as stored. The format states no physical
unit: PCM is a fraction of full scale, so neither a gain nor a unit is made up.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from scipy.io import wavfile

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.readers.blocks import FunctionBlocks

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


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a WAV file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as err:
        yield _read_whole(path, err.error_string)
        return
    with file:
        if file.subtype not in _SUBTYPES:
            message = f"{path.name}: WAV encoding {file.subtype} is not read without loss"
            raise CorruptFileError(message)
        if file.frames <= 0:
            message = f"{path.name}: the header announces {file.frames} samples"
            raise EmptyFileError(message)
        yield _contents(
            _frames(file, path.name), file.channels, file.samplerate, {"encoding": file.subtype}
        )


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


def _read_whole(path: Path, reason: str) -> Contents:
    """Read what libsndfile refuses with scipy: 33 to 64-bit integers, unusual headers."""
    try:
        with np.errstate(all="ignore"):
            rate_hz, samples = wavfile.read(path)
    except (ValueError, EOFError, OSError, struct.error) as err:
        message = f"{path.name}: not a readable WAV file ({reason}; {err})"
        raise CorruptFileError(message) from err
    table = samples[:, None] if samples.ndim == 1 else samples
    if not table.size:
        message = f"{path.name}: no samples"
        raise EmptyFileError(message)
    return _contents(np.ascontiguousarray(table.T), table.shape[1], rate_hz, {})


def _contents(signals: Any, n_channels: int, rate_hz: int, facts: dict[str, Any]) -> Contents:
    blank = ("",) * n_channels
    return Contents(
        recordings=(Recording("audio", signals, blank, blank, float(rate_hz), metadata=facts),)
    )
