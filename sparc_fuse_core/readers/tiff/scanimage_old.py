"""ScanImage before its BigTIFF header: what versions 3 to 5 state in the description of each page.

tifffile estimates the pages of such a file from its size and loses the last one; here they are counted.
Sources: ScanImage's own headers of version 3 (``state.acq``), 4 and 5 (``scanimage.SI4``, ``scanimage.SI5``,
and ``scanimage.SI`` with the names of the later header).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from tifffile.tifffile import matlabstr2py

from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, jsonable, number
from sparc_fuse_core.readers.tiff.scanimage import facts_of_header, laid_out, layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tifffile

_MAX_TEXT = 262_144
_MAX_CHANNELS = 4
_PREFIXES = ("scanimage.SI4.", "scanimage.SI5.")
_LATER = "scanimage.SI."


def old_header(document: tifffile.TiffFile) -> dict[str, Any]:
    """Return what the first page's description states, by name; empty for what is not of these versions."""
    if document.is_bigtiff:
        return {}
    page: Any = document.pages.first
    text = str(page.description or "")
    if not (text.startswith("state.") or "scanimage.SI" in text or "\nSI.hChannels." in text):
        return {}
    text = text[:_MAX_TEXT]
    if text.startswith("state."):
        parts = (line.partition("=") for line in text.replace("\r", "\n").split("\n"))
        return {key.strip(): value.strip().strip("'") for key, _, value in parts if value}
    try:
        stated = matlabstr2py(text)
    except (ValueError, TypeError, IndexError, KeyError):
        return {}
    if not isinstance(stated, dict):
        return {}
    return {
        f"SI.{key.removeprefix(_LATER)}" if key.startswith(_LATER) else str(key): value
        for key, value in stated.items()
    }


def old_series(
    series: tifffile.TiffPageSeries, document: tifffile.TiffFile, stated: Mapping[str, Any]
) -> tifffile.TiffPageSeries:
    """Return a series with its pages as slices, time points and channels, where the header tells them."""
    pages = list(document.pages)
    if "SI.hChannels.channelSave" in stated:
        n_channels = max(int(np.size(stated["SI.hChannels.channelSave"])), 1)
        layout = layout_of(stated, len(pages) // n_channels)
    else:
        n_channels, layout = _layout(stated, len(pages))
    if (
        layout is None
        or len(pages) % n_channels
        or series.size != len(pages) * series.keyframe.size
    ):
        return series
    return laid_out(series, pages, layout, n_channels)


def old_facts(stated: Mapping[str, Any]) -> ImageFacts:
    """Return rates, the distance of slices, and names of channels."""
    if "SI.hChannels.channelSave" in stated:
        return facts_of_header(stated)
    prefix = _prefix(stated)
    scale = Scale()
    if prefix:
        slices, z_step = _of(stated, f"{prefix}stackNumSlices"), f"{prefix}stackZStepSize"
        rate_hz = _of(stated, f"{prefix}scanFrameRate")
        averaged = max(_of(stated, f"{prefix}acqNumAveragedFrames", 1), 1)
    else:
        slices, z_step = _of(stated, "state.acq.numberOfZSlices"), "state.acq.zStepSize"
        rate_hz = _of(stated, "state.acq.frameRate")
        averaged = 1.0
    if slices == 1 and rate_hz > 0:
        scale.add("t", averaged / rate_hz, "s", "second")
    elif slices > 1:
        scale.add("z", abs(number(stated.get(z_step))), "µm", "micrometer")
    keep = {key: jsonable(value) for key, value in stated.items()}
    return ImageFacts(scale.steps, scale.units, metadata={"scanimage": keep})


def _layout(
    stated: Mapping[str, Any], n_pages: int
) -> tuple[int, tuple[str, tuple[int, int]] | None]:
    """Return the number of channels, and axes and lengths of the pages of each."""
    prefix = _prefix(stated)
    if prefix:
        n_channels = max(int(np.size(stated.get(f"{prefix}channelsSave", 1))), 1)
        slices = _of(stated, f"{prefix}stackNumSlices", 1)
        saved = _of(stated, f"{prefix}acqNumFrames", 1)
        saved /= max(_of(stated, f"{prefix}acqNumAveragedFrames", 1), 1)
        if stated.get(f"{prefix}fastZEnable") and slices > 1:
            volumes, rest = divmod(n_pages, int(slices) * n_channels)
            return n_channels, ("TZ", (volumes, int(slices))) if not rest else None
    else:
        n_channels = sum(
            _of(stated, f"state.acq.savingChannel{i + 1}") == 1 for i in range(_MAX_CHANNELS)
        )
        slices = _of(stated, "state.acq.numberOfZSlices", 1)
        averaged = _of(stated, "state.acq.averaging") == 1
        saved = 1.0 if averaged else _of(stated, "state.acq.numberOfFrames", 1)
    n_channels = max(n_channels, 1)
    n_planes = n_pages // n_channels
    if slices == 1:
        return n_channels, ("ZT", (1, n_planes))
    if slices * saved == n_planes:
        return n_channels, ("ZT", (int(slices), int(saved)))
    # stopped before its end, with one frame a slice
    return n_channels, ("ZT", (n_planes, 1)) if saved == 1 else None


def _prefix(stated: Mapping[str, Any]) -> str:
    return next((one for one in _PREFIXES if f"{one}channelsSave" in stated), "")


def _of(stated: Mapping[str, Any], key: str, absent: float = 0.0) -> float:
    value = number(stated.get(key, absent))
    return value if math.isfinite(value) else absent
