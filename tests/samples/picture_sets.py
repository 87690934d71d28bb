"""Sets of TIFF files: MetaMorph, Micro-Manager, numbered by a scheme's pattern; planes written by tifffile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(37)
_UM = "micrometer"


def _metamorph(folder: Path, *, cut: bool = False, lost: bool = False) -> Truth:
    """Two stages, wavelengths and times of three slices each; one wavelength is named with a slash."""
    pixels = _RNG.integers(0, 4000, (2, 2, 2, 3, 5, 6), dtype=np.uint16)  # stage t c z y x
    waves = ("DAPI", "FITC/b")
    lines = {
        "NDInfoFile": "Version 1.0",
        "DoTimelapse": "TRUE",
        "NTimePoints": "3" if cut else "2",
        "DoStage": "TRUE",
        "NStagePositions": "2",
        "Stage1": "A1",
        "Stage2": "A2",
        "DoWave": "TRUE",
        "NWavelengths": "2",
        "WaveName1": waves[0],
        "WaveName2": waves[1],
        "DoZSeries": "TRUE",
        "NZSteps": "3",
        "ZStepSize": "0.5",
        "WaveInFileName": "TRUE",
    }
    text = "".join(
        f'"{key}", {value if value in ("TRUE", "FALSE") else json.dumps(value)}\r\n'
        for key, value in lines.items()
    )
    path = folder / "plate.nd"
    path.write_text(text + '"EndFile"\r\n')
    for s, t, c in np.ndindex(2, 2, 2):
        name = f"plate_w{c + 1}{waves[c].replace('/', '_')}_s{s + 1}_t{t + 1}.TIF"
        if not (lost and (s, t, c) == (0, 0, 1)):
            tifffile.imwrite(
                folder / name, pixels[s, t, c], photometric="minisblack", metadata=None
            )
    if lost:
        return Truth(path, error="MissingCompanionError", error_says="plate_w2FITC_b_s1_t1")
    images = tuple(
        ImageTruth(one.transpose(0, 1, 2, 3, 4), "tczyx", {"z": 0.5}, {"z": _UM}, waves)
        for one in pixels
    )
    return Truth(path, images=images)


def _micromanager(folder: Path, version: str) -> Truth:
    """Planes as version 1.4 and 2 write them; frames 1.5 s apart, one was asked for every second."""
    pixels = _RNG.integers(0, 4000, (2, 2, 3, 5, 6), dtype=np.uint16)  # t c z y x
    document: dict[str, Any] = {
        "Summary": {"MicroManagerVersion": version, "z-step_um": 0.4, "Interval_ms": 1000}
    }
    for t, c, z in np.ndindex(2, 2, 3):
        facts: dict[str, Any] = {"SliceIndex": z, "ChannelIndex": c, "PixelSizeUm": 0.16}
        facts |= {"Channel": ("DAPI", "GFP")[c], "ElapsedTime-ms": 200 + 1500 * t + 10 * c}
        if version == "1.4":
            name = f"img_{t:09d}_{facts['Channel']}_{z:03d}.tif"
            document[f"FrameKey-{t}-{c}-{z}"] = facts | {"Frame": t, "FileName": name}
        else:
            name = f"img_channel{c:03d}_position000_time{t:09d}_z{z:03d}.tif"
            document[f"Coords-Default/{name}"] = {"Frame": t, "Slice": z}
            document[f"Metadata-Default/{name}"] = facts | {"FrameIndex": t}
        tifffile.imwrite(folder / name, pixels[t, c, z], metadata=None)
    path = folder / "metadata.txt"
    text = json.dumps(document)
    # an acquisition that was stopped has no last bracket
    path.write_text(text if version == "1.4" else text[:-1])
    scale = {"t": 1.5, "z": 0.4, "y": 0.16, "x": 0.16}
    units = dict.fromkeys("zyx", _UM) | {"t": "second"}
    return Truth(path, images=(ImageTruth(pixels, "tczyx", scale, units, ("DAPI", "GFP")),))


def _stack_metadata(folder: Path) -> Truth:
    path = folder / "metadata.txt"
    planes = {"FrameKey-0-0-0": {"FileName": "a_MMStack_Pos0.ome.tif"}}
    path.write_text(json.dumps({"Summary": {}} | planes))
    return Truth(path, error="UnsupportedFormatError", error_says="OME-TIFF beside it")


def _numbered(folder: Path, *, fits: bool = True) -> Truth:
    """Numbers without zeros in front count by value; what the pattern does not fit is left alone."""
    pixels = _RNG.integers(0, 255, (11, 2, 4, 5), dtype=np.uint8)  # z c y x
    for z, c in np.ndindex(11, 2):
        tifffile.imwrite(folder / f"s_z{z}_{'rg'[c]}.tif", pixels[z, c], metadata=None)
    tifffile.imwrite(folder / "overview.tif", np.zeros((9, 9), np.uint8))
    path = folder / "s_z0_g.tif"
    if not fits:
        options = {"series_pattern": "t{t}.tif"}
        return Truth(path, options=options, error="SchemeError", error_says="does not match")
    truth = ImageTruth(np.moveaxis(pixels[:, ::-1], 0, 1), "czyx", channel_names=("g", "r"))
    return Truth(path, images=(truth,), options={"series_pattern": "s_z{z}_{c}.tif"})


SAMPLES = [
    Sample("metamorph", "metamorph", _metamorph),
    Sample("metamorph-stopped", "metamorph", lambda folder: _metamorph(folder, cut=True)),
    Sample("metamorph-lost", "metamorph", lambda folder: _metamorph(folder, lost=True)),
    Sample("micromanager-1.4", "micromanager", lambda folder: _micromanager(folder, "1.4")),
    Sample("micromanager-2", "micromanager", lambda folder: _micromanager(folder, "2.0")),
    Sample("micromanager-stack", "micromanager", _stack_metadata),
    Sample("tiff-numbered", "tiff", _numbered),
    Sample("tiff-numbered-otherwise", "tiff", lambda folder: _numbered(folder, fits=False)),
]
