"""What the XML of a CZI states: scale, channels, times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the XML of the file states."""

    scene_names: Mapping[int, str]
    channel_names: tuple[str, ...]
    channel_colors: tuple[str, ...]
    scale_um: Mapping[str, float]
    time_offsets_s: tuple[float, ...]
    time_step_s: float | None
    facts: Mapping[str, Any]


def metadata_of(path: Path, text: str) -> Metadata:
    """Return what the XML of the file ``path`` states."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        message = f"{path.name}: the metadata declares XML entities; it is not read"
        raise CorruptFileError(message)
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above
    except ET.ParseError as err:
        message = f"{path.name}: the metadata is not XML ({err})"
        raise CorruptFileError(message) from err
    channels = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    scenes = root.findall(".//Information/Image/Dimensions/S/Scenes/Scene")
    scale = {}
    for distance in root.findall(".//Scaling/Items/Distance"):
        step = _number(distance.findtext("Value")) * 1e6  # stated in metre
        axis = distance.get("Id", "").lower()
        if axis in ("x", "y", "z") and math.isfinite(step) and step > 0:
            scale[axis] = step
    time = root.find(".//Information/Image/Dimensions/T/Positions")
    offsets, step_s = _times(time)
    facts: dict[str, Any] = {}
    for key, where in (
        ("acquisition_start", ".//Information/Image/AcquisitionDateAndTime"),
        ("objective", ".//Scaling/AutoScaling/ObjectiveName"),
        ("camera", ".//Scaling/AutoScaling/CameraName"),
        ("application", ".//Information/Application/Name"),
        ("application_version", ".//Information/Application/Version"),
    ):
        if stated := (root.findtext(where) or "").strip():
            facts[key] = stated
    # the bit count is a fact of the camera: processed files (deconvolved) hold larger values
    if bits := [c.findtext("ComponentBitCount") or "" for c in channels]:
        facts["component_bit_count"] = bits
    if offsets:
        facts["time_offsets_s"] = list(offsets)
    return Metadata(
        {int(_number(scene.get("Index"), 0)): scene.get("Name") or "" for scene in scenes},
        *_channel_facts(root, channels),
        scale,
        offsets,
        step_s,
        facts,
    )


def _channel_facts(
    root: ET.Element, channels: Sequence[ET.Element]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and colours of the channels, from where they are recorded or how they are displayed.

    The display setting is what people see, so its colour comes first; names are those of the recording.
    """
    displayed = root.findall(".//DisplaySetting/Channels/Channel")
    by_id = {channel.get("Id"): channel for channel in displayed}
    names, colors = [], []
    for i in range(max(len(channels), len(displayed))):
        recorded = channels[i] if i < len(channels) else None
        at_place = displayed[i] if len(displayed) == max(len(channels), len(displayed)) else None
        # newer identifiers in the display setting are not those of the recording: then their order counts
        shown = by_id.get(recorded.get("Id")) if recorded is not None else None
        found = [
            part
            for part in (recorded, shown if shown is not None else at_place)
            if part is not None
        ]
        stated = [part.get("Name") or part.findtext("ShortName") or "" for part in found]
        names.append(next((name for name in stated if name), ""))
        painted = [_color(part.findtext("Color")) for part in reversed(found)]
        colors.append(next((color for color in painted if color), ""))
    return tuple(names), tuple(colors)


def _times(positions: ET.Element | None) -> tuple[tuple[float, ...], float | None]:
    """Return the stated offsets of the time points, and the step where one is stated or even."""
    if positions is None:
        return (), None
    step = _number(positions.findtext("Interval/Increment"))
    if math.isfinite(step) and step > 0:
        return (), step
    offsets = tuple(_number(part) for part in (positions.findtext("List/Offsets") or "").split())
    if len(offsets) < 2 or not all(math.isfinite(offset) for offset in offsets):
        return (), None
    steps = np.diff(offsets)
    mean = float(steps.mean())
    even = mean > 0 and float(abs(steps - mean).max()) <= 1e-3 * mean
    return offsets, (mean if even else None)


def _number(text: str | None, default: float = math.nan) -> float:
    try:
        return float(text or "")
    except ValueError:
        return default


def _color(text: str | None) -> str:
    """Return RRGGBB of ``#AARRGGBB``."""
    digits = (text or "").strip().lstrip("#")
    return digits[-6:].upper() if len(digits) in (6, 8) else ""
