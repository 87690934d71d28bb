"""WAV files, written by the standard library and scipy (we read with libsndfile)."""

from __future__ import annotations

import struct
import wave
from typing import TYPE_CHECKING

import numpy as np
from scipy.io import wavfile

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(7)


def _pcm(folder: Path, width: int) -> Truth:
    n_channels, n_samples = 3, 1000
    low, high = -(2 ** (8 * width - 1)), 2 ** (8 * width - 1)
    values = _RNG.integers(low, high, (n_samples, n_channels), dtype=np.int64)
    values[:2] = [[low] * 3, [high - 1] * 3]
    path = folder / f"pcm{8 * width}.wav"
    unsigned = values + 128 if width == 1 else values  # 8-bit WAV is unsigned
    raw = b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in unsigned.ravel())
    with wave.open(str(path), "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(raw)
    dtype = {1: "int8", 2: "int16", 3: "int32", 4: "int32"}[width]
    blank = ("",) * n_channels
    return Truth(path, (StreamTruth(values.T.astype(float), 8000.0, blank, blank, dtype),))


def _numpy(folder: Path, dtype: str) -> Truth:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = _RNG.normal(size=(500, 2)).astype(kind)
    else:
        info = np.iinfo(kind)
        values = _RNG.integers(info.min, info.max, (500, 2), dtype=kind, endpoint=True)
    path = folder / f"{dtype}.wav"
    wavfile.write(path, 44100, values)
    stream = StreamTruth(values.T.astype(float), 44100.0, ("", ""), ("", ""), dtype)
    return Truth(path, (stream,))


def _wide(folder: Path, width: int, order: str) -> Truth:
    """Integers of 5 to 7 bytes, which only the format's description tells how to store."""
    path = folder / f"wide{width}{order}.wav"
    top = 2 ** (8 * width - 1)
    values = np.array([[-top, top - 1], [-1, 1], [0, 12345678901]], dtype=object)
    ends = {"<": "little", ">": "big"}
    raw = b"".join(
        int(v).to_bytes(width, ends[order], signed=True)  # type: ignore[arg-type]
        for v in values.ravel()
    )
    form = struct.pack(order + "HHIIHH", 1, 2, 8000, 16_000 * width, 2 * width, 8 * width)
    chunks = b"WAVEfmt " + struct.pack(order + "I", 16) + form
    chunks += b"junk" + struct.pack(order + "I", 3) + b"abc\0"
    chunks += b"data" + struct.pack(order + "I", len(raw)) + raw
    magic = b"RIFF" if order == "<" else b"RIFX"
    path.write_bytes(magic + struct.pack(order + "I", len(chunks)) + chunks)
    blank = ("", "")
    return Truth(path, (StreamTruth(values.T.astype(float), 8000.0, blank, blank, "int64"),))


def _streamed(folder: Path) -> Truth:
    """A recorder that was cut off never wrote the size of the data."""
    truth = _pcm(folder, 2)
    raw = bytearray(truth.path.read_bytes())
    raw[40:44] = b"\xff" * 4
    truth.path.write_bytes(raw)
    return truth


def _truncated(folder: Path, n_bytes: int) -> Truth:
    truth = _pcm(folder, 2)
    truth.path.write_bytes(truth.path.read_bytes()[:n_bytes])
    return Truth(truth.path, error="CorruptFileError", error_says="truncated")


def _no_samples(folder: Path) -> Truth:
    path = folder / "none.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    return Truth(path, error="EmptyFileError", error_says="none.wav")


SAMPLES = [
    *(Sample(f"wav-pcm{8 * w}", "wav", lambda folder, w=w: _pcm(folder, w)) for w in (1, 2, 3, 4)),
    *(
        Sample(f"wav-{dtype}", "wav", lambda folder, dtype=dtype: _numpy(folder, dtype))
        for dtype in ("float32", "float64", "int64")
    ),
    *(
        Sample(
            f"wav-wide{w}{name}", "wav", lambda folder, w=w, order=order: _wide(folder, w, order)
        )
        for w in (5, 7)
        for name, order in (("", "<"), ("-big", ">"))
    ),
    Sample("wav-streamed", "wav", _streamed),
    *(
        Sample(f"wav-truncated-{n}", "wav", lambda folder, n=n: _truncated(folder, n))
        for n in (20, 38, 3000)
    ),
    Sample("wav-no-samples", "wav", _no_samples),
]
