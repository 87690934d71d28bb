"""What ScanImage states: rates, the field of view, the distance of slices, the names of saved channels.

Source: ScanImage's documentation of its BigTIFF header (SI.hRoiManager, SI.hStackManager, SI.hChannels).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, jsonable, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tifffile


def scanimage_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return what ScanImage's header states about the image of a file."""
    stated = (document.scanimage_metadata or {}).get("FrameData", {}) or {}
    scale = Scale()
    rate_hz = number(stated.get("SI.hRoiManager.scanFrameRate"))
    volume_hz = number(stated.get("SI.hRoiManager.scanVolumeRate"))
    averaged = number(stated.get("SI.hScan2D.logAverageFactor", 1))
    slices = number(stated.get("SI.hStackManager.numSlices", 1))
    if rate_hz > 0 and averaged >= 1 and slices == 1:
        scale.add("t", averaged / rate_hz, "s", "second")
    elif stated.get("SI.hFastZ.enable") and volume_hz > 0:
        scale.add("t", 1 / volume_hz, "s", "second")
    z_step = number(
        stated.get(
            "SI.hStackManager.actualStackZStepSize", stated.get("SI.hStackManager.stackZStepSize")
        )
    )
    scale.add("z", abs(z_step), "µm", "micrometer")
    for axis, step in _field_steps(stated).items():
        scale.add(axis, step, "µm", "micrometer")
    keep = {key: jsonable(part) for key, part in stated.items()}
    return ImageFacts(
        scale.steps,
        scale.units,
        _saved_names(stated),
        metadata={"scanimage": keep} if keep else {},
    )


def _field_steps(stated: Mapping[str, Any]) -> dict[str, float]:
    """Return micrometres per pixel from the corners of the field of view, where there is one field."""
    try:
        corners = np.asarray(stated.get("SI.hRoiManager.imagingFovUm"), float)
        n_x = number(stated.get("SI.hRoiManager.pixelsPerLine"))
        n_y = number(stated.get("SI.hRoiManager.linesPerFrame"))
    except (TypeError, ValueError):
        return {}
    # several regions of interest have sizes of their own
    if corners.shape != (4, 2) or stated.get("SI.hRoiManager.mroiEnable"):
        return {}
    width, height = (float(np.ptp(corners[:, i])) for i in (0, 1))
    steps = {"x": width / n_x if n_x > 0 else math.nan, "y": height / n_y if n_y > 0 else math.nan}
    return {axis: step for axis, step in steps.items() if math.isfinite(step)}


def _saved_names(stated: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the channels that were saved: their numbers count from 1."""
    names = stated.get("SI.hChannels.channelName")
    saved = np.ravel(stated.get("SI.hChannels.channelSave", ()))
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list):
        return ()
    try:
        return tuple(str(names[int(number) - 1]) for number in saved)
    except (IndexError, ValueError, TypeError):
        return ()
