"""What TIFF flavours state about their images: ImageJ, OME, LSM, SIS, MetaMorph.

The resolution tags of a plain TIFF are meant for printers (72 dpi would be a pixel of 353 µm): they are
kept as metadata and never made a scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import length_unit, time_unit
from sparc_fuse_core.readers.tiff.planes import even_step, plane_steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree import ElementTree as ET

    import tifffile

_MAX_TEXT = 262_144
#: LSM scan types whose planes are y, x: stack, time series of planes, of stacks.
_LSM_PLANES = (0, 3, 6)
_MIN_STEP_M = 1e-12
_BLANK_UNITS = ("", "pixel", "pixels", "none", "null")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a file states about one image; ``pages`` is ``"z"`` or ``"t"`` where it states what pages are."""

    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    significant_bits: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    pages: str = ""


class Scale:
    """Collects steps that are finite and positive, their units, and what has to be said of them."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self.units: dict[str, str] = {}
        self.evidence: list[Evidence] = []

    def add(self, axis: str, step: Any, unit_text: str, unit: str) -> None:
        """Keep ``step`` of ``axis``; ``unit`` is the NGFF name of ``unit_text``, or ``""``."""
        value = number(step)
        if not (math.isfinite(value) and value > 0):
            return
        if unit_text.strip().lower() in ("pixel", "pixels", "px"):
            # a pixel is one pixel wide: nothing is said of its size
            return
        self.steps[axis] = value
        if unit:
            self.units[axis] = unit
        else:
            self.evidence.append(
                Evidence(
                    "scale",
                    "missing",
                    f"the file gives {axis} a step of {value:g} {unit_text!r}: not a known unit; the "
                    "number is kept without a unit",
                )
            )


def number(value: Any) -> float:
    """Return ``value`` as a float; NaN if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def imagej_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return calibration and colours that ImageJ states."""
    stated: dict[str, Any] = document.imagej_metadata or {}
    tags = document.pages.first.tags
    scale = Scale()
    texts = {"x": str(stated.get("unit", ""))}
    texts["y"] = str(stated.get("yunit", texts["x"]))
    texts["z"] = str(stated.get("zunit", texts["x"]))
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        if texts[axis].lower() not in _BLANK_UNITS and tag in tags:
            scale.add(axis, inverse(tags[tag].value), texts[axis], length_unit(texts[axis]))
    if "spacing" in stated and texts["z"].lower() not in _BLANK_UNITS:
        # a negative spacing only says in which direction the stage moved
        scale.add("z", abs(number(stated["spacing"])), texts["z"], length_unit(texts["z"]))
    if "finterval" in stated:
        text = str(stated.get("tunit", "s"))
        scale.add("t", stated["finterval"], text, time_unit(text))
    evidence = scale.evidence
    if "c0" in stated and "c1" in stated:
        sentence = (
            f"pixels are as stored; the file states value = {stated['c0']} + {stated['c1']} × pixel, "
            f"in {str(stated.get('vunit', '')) or 'no unit'}"
        )
        evidence.append(Evidence("calibration", "file", sentence))
    return ImageFacts(
        scale.steps,
        scale.units,
        channel_colors=_lut_colors(stated.get("LUTs")),
        metadata={"imagej": jsonable(stated)},
        evidence=tuple(evidence),
    )


def inverse(ratio: Any) -> float:
    """Return units per pixel of a resolution tag: the inverse of its ratio; NaN where it has none."""
    try:
        per_unit = ratio[0] / ratio[1]
        return float(1 / per_unit)
    except (TypeError, IndexError, ZeroDivisionError, OverflowError):
        return math.nan


def _lut_colors(tables: Any) -> tuple[str, ...]:
    """Return the colour of each channel, where all tables are ramps from black to one colour."""
    colors = []
    for table in tables or ():
        lut = np.asarray(table)
        if lut.shape != (3, 256):
            return ()
        ramp = np.arange(256)[None, :] * lut[:, -1:].astype(float) / 255
        if np.abs(ramp - lut).max() > 1:
            return ()
        colors.append("".join(f"{int(part):02X}" for part in lut[:, -1]))
    return tuple(colors)


def jsonable(value: Any) -> Any:
    """Return what JSON can hold of ``value``; long texts and binary tables are left out."""
    if isinstance(value, dict):
        made = {str(key): jsonable(part) for key, part in value.items()}
        return {key: part for key, part in made.items() if part is not None}
    if isinstance(value, (list, tuple)):
        if sum(len(part) for part in value if isinstance(part, str)) > _MAX_TEXT:
            return None
        if any(isinstance(part, (bytes, np.ndarray)) for part in value):
            return None
        return [jsonable(part) for part in value]
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else None
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bool, int)):
        return int(value) if not isinstance(value, bool) else value
    return None


def _tag(element: ET.Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in element if _tag(child) == name]


def ome_facts(image: ET.Element) -> ImageFacts:
    """Return what the OME-XML states about one image."""
    found = _children(image, "Pixels")
    if not found:
        return ImageFacts()
    pixels = found[0]
    scale = Scale()
    for axis in "xyz":
        key = f"PhysicalSize{axis.upper()}"
        text = pixels.get(f"{key}Unit", "µm")
        if key in pixels.attrib:
            scale.add(axis, pixels.get(key), text, length_unit(text))
    if "TimeIncrement" in pixels.attrib:
        text = pixels.get("TimeIncrementUnit", "s")
        scale.add("t", pixels.get("TimeIncrement"), text, time_unit(text))
    lacking = "".join(axis for axis in "zt" if axis not in scale.steps)
    planes = plane_steps(_children(pixels, "Plane"), wanted=lacking)
    scale.steps.update(planes.scale)
    scale.units.update(planes.units)
    label = f"{image.get('Name')}: " if image.get("Name") else ""
    for sentence in planes.sentences:
        scale.evidence.append(Evidence("scale", "missing", label + sentence))
    channels = _children(pixels, "Channel")
    names = tuple(channel.get("Name") or channel.get("Fluor") or "" for channel in channels)
    colors = tuple(_rgba(channel.get("Color")) for channel in channels)
    bits = number(pixels.get("SignificantBits"))
    metadata: dict[str, Any] = dict(planes.facts)
    for child in image:
        if _tag(child) in ("AcquisitionDate", "AcquiredDate", "Description") and child.text:
            metadata[_tag(child)] = child.text.strip()[:_MAX_TEXT]
    if any(dict(channel.attrib) for channel in channels):
        metadata["channels"] = [dict(channel.attrib) for channel in channels]
    return ImageFacts(
        scale.steps,
        scale.units,
        names if any(names) else (),
        colors if all(colors) else (),
        int(bits) if math.isfinite(bits) and bits > 0 else None,
        metadata,
        tuple(scale.evidence),
    )


def ome_sizes(image: ET.Element) -> dict[str, int]:
    """Return SizeX … SizeT of one image."""
    found = _children(image, "Pixels")
    sizes = {axis: number(found[0].get(f"Size{axis}")) for axis in "XYZCT"} if found else {}
    return {axis: int(size) for axis, size in sizes.items() if math.isfinite(size)}


def _rgba(text: str | None) -> str:
    """Return RRGGBB of OME's signed 32-bit RGBA."""
    value = number(text)
    if not math.isfinite(value) or abs(value) > 2**32:
        return ""
    return f"{(int(value) & 0xFFFFFFFF) >> 8:06X}"


def sis_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return what Olympus SIS states: pixel sizes in metre."""
    stated = document.sis_metadata or {}
    scale = Scale()
    for axis in "xy":
        scale.add(axis, number(stated.get(f"pixelsize{axis}")) * 1e6, "µm", "micrometer")
    return ImageFacts(scale.steps, scale.units, metadata={"sis": jsonable(stated)})


def stk_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return what MetaMorph states in its UIC tags."""
    stated = document.stk_metadata or {}
    scale = Scale()
    text = str(stated.get("CalibrationUnits", ""))
    if stated.get("SpatialCalibration") and text.lower() not in _BLANK_UNITS:
        for axis, key in (("x", "XCalibration"), ("y", "YCalibration")):
            scale.add(axis, stated.get(key), text, length_unit(text))
    steps = np.unique(np.asarray(stated.get("ZDistance", ()), dtype=float))
    if len(steps) == 1 and text.lower() not in _BLANK_UNITS:
        scale.add("z", steps[0], text, length_unit(text))
    taken_ms = np.asarray(stated.get("TimeCreated", ()), dtype=float)
    days = np.asarray(stated.get("DateCreated", np.zeros(len(taken_ms))), dtype=float)
    # milliseconds of a day; a plane after midnight has the next one
    times_s = (
        (taken_ms / 1000 + (days - days[:1]) * 86400).tolist() if len(days) == len(taken_ms) else []
    )
    step = even_step(times_s) if len(times_s) > 1 else None
    if step is not None:
        scale.add("t", step, "s", "second")
    name = stated.get("Name")
    metadata: dict[str, Any] = {"name": name} if isinstance(name, str) else {}
    if len(times_s) > 1:
        metadata["plane_times_s"] = [time - times_s[0] for time in times_s]
    return ImageFacts(scale.steps, scale.units, metadata=metadata, evidence=tuple(scale.evidence))


def lsm_facts(document: tifffile.TiffFile) -> ImageFacts:
    """Return what Zeiss LSM states: voxel sizes in metre, time stamps in seconds, channels."""
    stated = document.lsm_metadata or {}
    scale = Scale()
    evidence = []
    scan = int(stated.get("ScanType", 0))
    for axis in "xyz":
        step = number(stated.get(f"VoxelSize{axis.upper()}"))
        # a placeholder (1e-19 m) stands where nothing was measured
        if step > _MIN_STEP_M and (axis == "x" or scan in _LSM_PLANES):
            scale.add(axis, step * 1e6, "µm", "micrometer")
    if scan not in _LSM_PLANES:
        sentence = f"LSM scan type {scan}: rows are not y of the specimen; only x has a step"
        evidence.append(Evidence("axes", "inferred", sentence))
    metadata: dict[str, Any] = {"lsm_scan_type": scan}
    stamps = np.asarray(stated.get("TimeStamps", ()), dtype=float)
    if stamps.size:
        metadata["time_stamps_s"] = stamps.tolist()
    steps = np.diff(stamps)
    if (
        steps.size
        and steps.mean() > 0
        and np.abs(steps - steps.mean()).max() <= 1e-3 * steps.mean()
    ):
        scale.add("t", steps.mean(), "s", "second")
    channels = stated.get("ChannelColors") or {}
    colors = channels.get("Colors") or ()
    for key, part in (stated.get("ScanInformation") or {}).items():
        if key in ("Name", "Description", "Notes", "Objective") and isinstance(part, str) and part:
            metadata[key.lower()] = part
    return ImageFacts(
        scale.steps,
        scale.units,
        tuple(str(name) for name in channels.get("ColorNames") or ()),
        tuple("".join(f"{int(part):02X}" for part in color[:3]) for color in colors),
        metadata=metadata,
        evidence=(*scale.evidence, *evidence),
    )
