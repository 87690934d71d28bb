"""What ScanImage states: rates, the field of view, the distance of slices, the names of saved channels.

Source: ScanImage's documentation of its BigTIFF header (SI.hRoiManager, SI.hStackManager, SI.hChannels).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, jsonable, number

if TYPE_CHECKING:
    from collections.abc import Mapping


def scanimage_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return what ScanImage's header states about the image of a file."""
    return facts_of_header((document.scanimage_metadata or {}).get("FrameData", {}) or {})


def facts_of_header(stated: Mapping[str, Any]) -> ImageFacts:
    """Return rates, field of view, distance of slices and names of channels by the names of the header."""
    scale = Scale()
    rate_hz = number(stated.get("SI.hRoiManager.scanFrameRate"))
    volume_hz = number(stated.get("SI.hRoiManager.scanVolumeRate"))
    averaged = number(stated.get("SI.hScan2D.logAverageFactor", 1))
    slices = number(stated.get("SI.hStackManager.numSlices", 1))
    if rate_hz > 0 and averaged >= 1 and slices == 1:
        scale.add("t", averaged / rate_hz, "s", "second")
    elif (
        stated.get("SI.hFastZ.enable") or stated.get("SI.hStackManager.stackMode") == "fast"
    ) and volume_hz > 0:
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


def by_volume(
    series: tifffile.TiffPageSeries, document: tifffile.TiffFile
) -> tifffile.TiffPageSeries:
    """Return a series of ScanImage with its pages laid out as they were saved.

    tifffile takes the requested frames of a slice as those of the file, and volumes as further slices.
    Saved are as many frames as were acquired before the end or the file's limit, one for those averaged;
    slices come before volumes.
    """
    stated = (document.scanimage_metadata or {}).get("FrameData", {}) or {}
    if series.kind != "scanimage" or "SI.hChannels.channelSave" not in stated:
        return series
    n_channels = max(int(np.size(stated["SI.hChannels.channelSave"])), 1)
    pages = list(document.pages)
    layout = layout_of(stated, len(pages) // n_channels) if len(pages) % n_channels == 0 else None
    if layout is None:
        return series
    return laid_out(series, pages, layout, n_channels)


def laid_out(
    series: tifffile.TiffPageSeries,
    pages: list[Any],
    layout: tuple[str, tuple[int, int]],
    n_channels: int,
) -> tifffile.TiffPageSeries:
    """Return a series of ``pages`` with axes of their own: channels change fastest."""
    axes, lengths = layout
    key = series.keyframe
    shape = (*lengths, n_channels, *key.shape)
    return tifffile.TiffPageSeries(
        pages, shape, key.dtype, f"{axes}C{key.axes}", name=series.name, kind="scanimage"
    )


def layout_of(stated: Mapping[str, Any], n_planes: int) -> tuple[str, tuple[int, int]] | None:
    """Return axes and lengths of ``n_planes`` pages of each channel, where the header tells them."""
    slices = _count(stated, "actualNumSlices") or _count(stated, "numSlices") or 1
    volumes = _count(stated, "actualNumVolumes") or _count(stated, "numVolumes") or 1
    frames = number(stated.get("SI.hStackManager.framesPerSlice", 1))
    saved = frames / max(number(stated.get("SI.hScan2D.logAverageFactor", 1)), 1)
    if slices == 1:
        return "ZT", (1, n_planes)
    if saved != 1:
        return ("ZT", (slices, int(saved))) if slices * saved == n_planes else None
    # slices after which the piezo flies back are saved as well, where the header counts them
    per_volume = [
        slices,
        _count(stated, "numFramesPerVolumeWithFlyback"),
        _count(stated, "numFramesPerVolume"),
    ]
    for planes in per_volume:
        if planes and planes * volumes == n_planes:
            return "TZ", (volumes, planes)
    known = [planes for planes in per_volume if planes]
    if volumes > 1 and len(known) > 1 and len(set(known)) == 1 and n_planes % slices == 0:
        # stopped, or continued in another file
        return "TZ", (n_planes // slices, slices)
    return None


def _count(stated: Mapping[str, Any], name: str) -> int | None:
    # before 2018 the piezo's part of the header counted volumes
    value = number(stated.get(f"SI.hStackManager.{name}", stated.get(f"SI.hFastZ.{name}")))
    return int(value) if math.isfinite(value) and value >= 1 else None


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
