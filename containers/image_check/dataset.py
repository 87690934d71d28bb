"""The dataset that is converted through the images: two files for Lambda, two for Fargate.

The files are the tests' own samples, so their truth is known.
"""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from tests.samples.bioformats import write_vsi
from tests.samples.video import write as write_video

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 8000
STEP_UM = 0.5

#: Path of each file below the dataset, and the runner that its plan must name.
FILES = {
    "primary/sub-1/tone.wav": "lambda",
    "primary/sub-1/stack.tif": "lambda",
    "primary/sub-1/clip.avi": "fargate",
    "primary/sub-1/slide.vsi": "fargate",
}

Truth = dict[str, "np.ndarray[Any, Any]"]


def write(folder: Path) -> Truth:
    """Write the files below ``folder``; return what each holds."""
    random = np.random.default_rng(7)
    truth: Truth = {
        "primary/sub-1/tone.wav": random.integers(-(2**15), 2**15, (2, 40_000), dtype=np.int16),
        "primary/sub-1/stack.tif": random.integers(0, 2**16, (5, 300, 400), dtype=np.uint16),
        "primary/sub-1/clip.avi": random.integers(0, 2**8, (7, 24, 32), dtype=np.uint8),
        "primary/sub-1/slide.vsi": random.integers(0, 2**16, (256, 384), dtype=np.uint16),
    }
    (folder / "primary" / "sub-1").mkdir(parents=True)
    with wave.open(str(folder / "primary/sub-1/tone.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(truth["primary/sub-1/tone.wav"].T.astype("<i2").tobytes())
    tifffile.imwrite(
        folder / "primary/sub-1/stack.tif",
        truth["primary/sub-1/stack.tif"],
        imagej=True,
        metadata={"axes": "ZYX", "unit": "um"},
        resolution=(1 / STEP_UM, 1 / STEP_UM),
    )
    frames = truth["primary/sub-1/clip.avi"]
    path = folder / "primary/sub-1/clip.avi"
    write_video(path, frames, codec="ffv1", stored="gray", given="gray")
    path = folder / "primary/sub-1/slide.vsi"
    write_vsi(path, truth["primary/sub-1/slide.vsi"], tile=128, step_um=STEP_UM)
    return truth
