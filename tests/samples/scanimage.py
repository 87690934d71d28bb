"""Files of ScanImage before version 2016: classic TIFF, the header in the description of each page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(64)


def _old_scanimage(
    folder: Path,
    header: str,
    axes: str,
    shape: tuple[int, ...],
    scale: dict[str, float],
    names: tuple[str, ...] = (),
) -> Truth:
    """Classic TIFF with the header in each page's description; channels change fastest, of two."""
    pixels = _RNG.integers(-99, 999, (*shape, 2, 6, 8), dtype=np.int16)
    path = folder / "old.tif"
    with tifffile.TiffWriter(path) as out:
        for page in pixels.reshape(-1, 6, 8):
            out.write(page, description=header, metadata=None, contiguous=False)
    units = {axis: "second" if axis == "t" else "micrometer" for axis in scale}
    order = [axes.index(axis) for axis in "tczyx" if axis in axes]
    truth = ImageTruth(
        pixels.transpose(order), "".join(axes[i] for i in order), scale, units, names
    )
    return Truth(path, (), (truth,))


_SI3 = (
    "state.configPath='C:\\x'\rstate.acq.numberOfFrames={frames}\rstate.acq.numberOfZSlices={slices}\r"
    "state.acq.zStepSize=-1.5\rstate.acq.averaging={averaging}\rstate.acq.frameRate=4\r"
    "state.acq.savingChannel1=1\rstate.acq.savingChannel2=0\rstate.acq.savingChannel3=1\r"
)
_SI4 = (
    "Frame Number = 1\nscanimage.SI4.channelsSave = [1;3]\nscanimage.SI4.stackNumSlices = {slices}\n"
    "scanimage.SI4.stackZStepSize = 2\nscanimage.SI4.acqNumFrames = {frames}\n"
    "scanimage.SI4.acqNumAveragedFrames = 1\nscanimage.SI4.scanFrameRate = 10\n"
    "scanimage.SI4.fastZEnable = {fast}\n"
)
_SI5 = (
    "frameNumbers = 1\nscanimage.SI.hChannels.channelSave = [1;3]\n"
    "scanimage.SI.hChannels.channelName = {'a' 'b' 'c' 'd'}\n"
    "scanimage.SI.hRoiManager.scanFrameRate = 20\nscanimage.SI.hStackManager.numSlices = 1\n"
    "scanimage.SI.hStackManager.framesPerSlice = 9\nscanimage.SI.hScan2D.logAverageFactor = 1\n"
)
_OLD_SCANIMAGE = {
    "3-time": (_SI3.format(frames=4, slices=1, averaging=0), "tcyx", (4,), {"t": 0.25}),
    "3-averaged": (_SI3.format(frames=4, slices=3, averaging=1), "zcyx", (3,), {"z": 1.5}),
    "3-frames": (_SI3.format(frames=2, slices=3, averaging=0), "ztcyx", (3, 2), {"z": 1.5}),
    "4-slices": (_SI4.format(frames=1, slices=3, fast="false"), "zcyx", (3,), {"z": 2.0}),
    "4-volumes": (_SI4.format(frames=1, slices=3, fast="true"), "tzcyx", (2, 3), {"z": 2.0}),
    "5-stopped": (_SI5, "tcyx", (5,), {"t": 0.05}, ("a", "c")),
}

SAMPLES = [
    Sample(f"tiff-scanimage-{name}", "tiff", lambda f, told=told: _old_scanimage(f, *told))
    for name, told in _OLD_SCANIMAGE.items()
]
