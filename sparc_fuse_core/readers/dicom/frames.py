"""DICOM headers: what each frame of a series is, where it lies, and which frames make one stack.

Tags and modules: DICOM PS3.3 (C.7.6.2 image plane, C.7.6.16 functional groups) and PS3.6.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydicom import Dataset

#: Tags that are copied into the result's metadata: acquisition physics and geometry. Everything else
#: stays behind: names, identifiers, dates, places, device serial numbers, free text, private tags.
COPIED_TAGS = (
    "Modality",
    "ImageType",
    "BodyPartExamined",
    "Laterality",
    "PatientPosition",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "BurnedInAnnotation",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "Units",
    "WindowCenter",
    "WindowWidth",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImageOrientationPatient",
    "MagneticFieldStrength",
    "ScanningSequence",
    "SequenceVariant",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "KVP",
    "Exposure",
    "ConvolutionKernel",
    "FrameTime",
    "CineRate",
    "SegmentationType",
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a series.

    Attributes
    ----------
    path, index
        File, and the frame's number in it.
    stack
        Frames with an equal value belong to one image.
    position_mm
        Along the normal of the slices; None if the file does not say.
    time
        Sorts the frames of one position: temporal index or position, trigger time, acquisition and
        instance number, in this order; NaN where absent.
    slope, intercept
        Of the stored values, None where absent.
    """

    path: Path
    index: int
    stack: tuple[Any, ...]
    position_mm: float | None
    time: tuple[float, ...]
    spacing_mm: tuple[float, float] | None
    slope: float | None
    intercept: float | None


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames in the order of ``axes``, which is ``""``, ``"z"``, ``"t"`` or ``"tz"``."""

    axes: str
    lengths: tuple[int, ...]
    frames: Sequence[Frame]
    positions_mm: tuple[float, ...] = ()
    remarks: tuple[Evidence, ...] = ()


def frames_of(path: Path, header: Dataset) -> list[Frame]:
    """Return the frames of one file."""
    n_frames = int(header.get("NumberOfFrames") or 1)
    return [_frame(path, header, index, n_frames) for index in range(n_frames)]


def _frame(path: Path, header: Dataset, index: int, n_frames: int) -> Frame:
    orientation = _numbers(_stated(header, index, "PlaneOrientation", "ImageOrientationPatient"))
    origin = _numbers(_stated(header, index, "PlanePosition", "ImagePositionPatient"))
    spacing = _numbers(_stated(header, index, "PixelMeasures", "PixelSpacing"))
    position = None
    # one position for many frames without functional groups says nothing of each
    own = n_frames == 1 or "PerFrameFunctionalGroupsSequence" in header
    if own and len(orientation) == 6 and len(origin) == 3:
        normal = np.cross(orientation[:3], orientation[3:])
        position = float(np.dot(origin, normal))
    frame_type = _stated(header, index, "MRImageFrameType", "FrameType")
    stack = (
        int(header.get("Rows") or 0),
        int(header.get("Columns") or 0),
        tuple(round(value, 3) for value in orientation),
        tuple(round(value, 6) for value in spacing),
        str(frame_type or header.get("ImageType") or ""),
        str(_stated(header, index, "MREcho", "EffectiveEchoTime") or header.get("EchoTime") or ""),
        str(header.get("EchoNumbers") or ""),
        str(_stated(header, index, "MRDiffusion", "DiffusionBValue") or ""),
        str(_stated(header, index, "FrameContent", "StackID") or ""),
        _number(_stated(header, index, "SegmentIdentification", "ReferencedSegmentNumber")),
        str(path) if position is None else "",
    )
    time = (
        _number(_stated(header, index, "FrameContent", "TemporalPositionIndex")),
        _number(header.get("TemporalPositionIdentifier")),
        _number(header.get("TriggerTime")),
        _number(header.get("AcquisitionNumber")),
        _number(header.get("InstanceNumber")),
    )
    slope = _stated(header, index, "PixelValueTransformation", "RescaleSlope")
    intercept = _stated(header, index, "PixelValueTransformation", "RescaleIntercept")
    return Frame(
        path,
        index,
        # NaN differs from itself: it cannot be a key
        tuple("" if value != value else value for value in stack),
        position,
        time,
        (spacing[0], spacing[1]) if len(spacing) == 2 else None,
        None if slope is None else float(slope),
        None if intercept is None else float(intercept),
    )


def _stated(header: Dataset, index: int, group: str, keyword: str) -> Any:
    """Return an attribute from the frame's own group, the shared one, or the file itself."""
    sequence = f"{group}Sequence"
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for groups in (per_frame[index : index + 1] if per_frame else (), shared):
        for item in groups:
            for inner in item.get(sequence) or ():
                if inner.get(keyword) is not None:
                    return inner.get(keyword)
    return header.get(keyword)


def stacks_of(frames: Iterable[Frame], frame_time_s: float | None) -> list[Stack] | str:
    """Group frames into stacks, or return the reason why their order cannot be told."""
    groups: dict[tuple[Any, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.stack].append(frame)
    found = []
    for group in groups.values():
        stack = (
            _positioned(group)
            if group[0].position_mm is not None
            else _unpositioned(group, frame_time_s)
        )
        if isinstance(stack, str):
            return stack
        found.append(stack)
    return found


def _unpositioned(group: Sequence[Frame], frame_time_s: float | None) -> Stack:
    n_frames = len(group)
    if n_frames == 1:
        return Stack("", (), group)
    if frame_time_s is not None:
        return Stack("t", (n_frames,), group)
    remark = Evidence(
        "axes",
        "inferred",
        f"{n_frames} frames without a stated position or frame time are taken as z, in file order",
    )
    return Stack("z", (n_frames,), group, remarks=(remark,))


def _positioned(group: Sequence[Frame]) -> Stack | str:
    places: dict[float, list[Frame]] = defaultdict(list)
    for frame in group:
        places[round(frame.position_mm or 0.0, 3)].append(frame)
    positions = sorted(places)
    n_times = len(group) // len(positions)
    if any(len(place) != n_times for place in places.values()):
        return (
            f"{len(group)} frames at {len(positions)} positions: some are missing or repeated, so "
            "their order cannot be told"
        )
    if n_times == 1:
        frames = [places[position][0] for position in positions]
        if len(positions) == 1:
            return Stack("", (), frames)
        return Stack("z", (len(positions),), frames, _exact(frames))
    ordered = {}
    for position in positions:
        frames_here = sorted(
            places[position],
            key=lambda frame: tuple(-math.inf if math.isnan(v) else v for v in frame.time),
        )
        if len({frame.time for frame in frames_here}) != n_times:
            return (
                f"{n_times} frames share each of {len(positions)} positions and nothing tells "
                "them apart"
            )
        ordered[position] = frames_here
    frames = [ordered[position][t] for t in range(n_times) for position in positions]
    first = ordered[positions[0]]
    stated = any(len({frame.time[which] for frame in first}) == n_times for which in (0, 1, 2))
    remarks: tuple[Evidence, ...] = ()
    if not stated:
        remarks = (
            Evidence(
                "axes",
                "inferred",
                f"{n_times} frames share each position without a stated time; they are taken as t, "
                "in order of acquisition and instance number",
            ),
        )
    if len(positions) == 1:
        return Stack("t", (n_times,), frames, remarks=remarks)
    of_first_time = frames[: len(positions)]
    return Stack("tz", (n_times, len(positions)), frames, _exact(of_first_time), remarks)


def _exact(frames: Sequence[Frame]) -> tuple[float, ...]:
    return tuple(frame.position_mm or 0.0 for frame in frames)


def z_step_mm(positions_mm: Sequence[float]) -> float | None:
    """Return the distance of slices where it is even (within 1 %), else None."""
    if len(positions_mm) < 2:
        return None
    steps = np.diff(positions_mm)
    mean = float(steps.mean())
    even = float(abs(steps - mean).max()) <= 0.01 * mean
    return mean if even else None


def facts_of(header: Dataset) -> dict[str, Any]:
    """Return the values of `COPIED_TAGS`, as JSON."""
    facts: dict[str, Any] = {}
    for keyword in COPIED_TAGS:
        value = header.get(keyword)
        if value is None or value == "":
            continue
        facts[keyword] = _as_json(value)
    return facts


def _as_json(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    try:
        return [_as_json(part) for part in value]
    except TypeError:
        number = float(value)
        return number if math.isfinite(number) else None


def _numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of a multi-valued attribute, or nothing if one of them is none."""
    if value is None or isinstance(value, str):
        return ()
    numbers = tuple(_number(part) for part in value)
    return numbers if all(math.isfinite(number) for number in numbers) else ()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
