"""Inputs of known size and realistic noise, made from one seed."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import tifffile

if TYPE_CHECKING:
    from pathlib import Path

N_CHANNELS = 32
RATE_HZ = 30_000
PLANES = (60, 2048, 2048)


def write_recording(path: Path, seconds: int) -> None:
    """Write 32 channels of 16-bit noise with spikes at 30 kHz: 1.92 MB a second."""
    random = np.random.default_rng(1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(N_CHANNELS)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        for _ in range(seconds):
            block = random.normal(0, 40, (RATE_HZ, N_CHANNELS))
            block[random.integers(0, RATE_HZ, 300)] *= 8
            file.writeframes(block.astype("<i2").tobytes())


def write_stack(path: Path) -> None:
    """Write 60 planes of 2048 x 2048, 16 bit: photon noise over smooth structure, 503 MB."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[0 : PLANES[1], 0 : PLANES[2]]
    smooth = 200 + 150 * np.sin(x / 90) * np.cos(y / 70)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for z in range(PLANES[0]):
            plane = random.poisson(smooth + 20 * np.sin(z / 5)).astype(np.uint16)
            file.write(plane, contiguous=True)


def write_all(folder: Path) -> None:
    """Write every input below ``folder``."""
    write_recording(folder / "short.wav", 100)
    write_recording(folder / "long.wav", 400)
    write_stack(folder / "stack.tif")
