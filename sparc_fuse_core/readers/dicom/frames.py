"""DICOM headers: what each frame of a series is, where it lies, and which frames make one stack.

Tags and modules: DICOM PS3.3 (C.7.6.2 image plane, C.7.6.5 cine, C.7.6.6 multi-frame, C.7.6.16 functional
groups, C.8.8.3 RT dose) and PS3.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.readers.dicom.mosaic import Mosaic, is_mosaic, mosaic_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydicom import Dataset

#: Functional groups that state what kind of picture a frame is, by modality.
_FRAME_TYPES = ("MRImageFrameType", "CTImageFrameType", "PETFrameType", "ParametricMapFrameType")

#: Vectors of the file that state where each frame lies along the normal.
_PLACES = ("GridFrameOffsetVector", "SliceLocationVector")
#: Vectors of nuclear medicine that tell images apart, and what of.
_APART = {
    "DetectorVector": "detector",
    "EnergyWindowVector": "energy window",
    "PhaseVector": "phase",
    "RotationVector": "rotation",
    "RRIntervalVector": "R-R interval",
}
ALONG_TIME = ("TimeSliceVector", "TimeSlotVector")
ALONG_ANGLES = ("AngularViewVector",)
SLICE_VECTOR = 0x00540080


@dataclass(frozen=True, slots=True)
class Kind:
    """What frames of one image have in common.

    Attributes
    ----------
    rows, columns, orientation, spacing_mm
        The picture's frame.
    frame_type
        Parts of frame type or image type: magnitude, phase, field map …
    echo_time_ms, echo_number, b_value, unit, stack_id, segment
        What else tells images of one series apart; None or ``""`` where not stated. ``unit`` is that of the
        real-world values.
    counted
        Detector, energy window, phase … of a frame of nuclear medicine, each a name and a number.
    file
        Path of the file, where frames state no position: such frames are images of their own.
    """

    rows: int
    columns: int
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, ...]
    frame_type: tuple[str, ...]
    echo_time_ms: float | None
    echo_number: str
    b_value: float | None
    unit: str
    stack_id: str
    segment: int | None
    counted: tuple[tuple[str, int], ...]
    file: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a series.

    Attributes
    ----------
    path, index
        File, and the frame's number in it.
    kind
        Frames with an equal value belong to one image.
    position_mm
        Along the normal of the slices; None if the file does not say.
    time
        Sorts the frames of one position: temporal index or position, trigger time, acquisition and
        instance number, dimension indices, in this order; NaN where absent.
    moment_s
        Second of the day, or since an epoch, at which the frame was taken; None where not stated.
    slope, intercept
        Of the stored values, None where absent.
    corner
        First row and column of the picture where it is a tile of a sheet.
    origin_mm
        Where the first pixel of the picture lies; empty where that is not stated of this picture.
    direction
        Of the diffusion gradient, a unit vector of the patient's axes; empty where not stated.
    """

    path: Path
    index: int
    kind: Kind
    position_mm: float | None
    time: tuple[float, ...]
    moment_s: float | None
    spacing_mm: tuple[float, float] | None
    slope: float | None
    intercept: float | None
    corner: tuple[int, int] | None = None
    origin_mm: tuple[float, ...] = ()
    direction: tuple[float, ...] = ()


def n_frames_of(header: Dataset) -> int:
    """Return how many frames a file states."""
    return int(header.get("NumberOfFrames") or 1)


def frames_of(path: Path, header: Dataset) -> list[Frame]:
    """Return the frames of one file; each slice of a mosaic is one."""
    if is_mosaic(header) and n_frames_of(header) == 1:
        mosaic = mosaic_of(header)
        if mosaic is not None:
            return _tiles(_frame(path, header, 0, 1, (), {}), mosaic)
    n_frames = n_frames_of(header)
    places, vectors = _places(header, n_frames), vectors_of(header, n_frames)
    return [_frame(path, header, index, n_frames, places, vectors) for index in range(n_frames)]


def _tiles(sheet: Frame, mosaic: Mosaic) -> list[Frame]:
    named = {field.name: getattr(sheet.kind, field.name) for field in fields(Kind)}
    named |= {"rows": mosaic.rows, "columns": mosaic.columns, "b_value": mosaic.b_value}
    named["file"] = "" if mosaic.positions_mm else str(sheet.path)
    kind = Kind(**named)
    return [
        Frame(
            sheet.path,
            0,
            kind,
            mosaic.positions_mm[i] if mosaic.positions_mm else None,
            sheet.time,
            sheet.moment_s,
            sheet.spacing_mm,
            sheet.slope,
            sheet.intercept,
            mosaic.corner(i),
        )
        for i in range(mosaic.n_slices)
    ]


def _places(header: Dataset, n_frames: int) -> tuple[float, ...]:
    """Return where each frame lies along the normal, where one vector of the file states it."""
    for keyword in _PLACES:
        offsets = numbers_of(header.get(keyword))
        if n_frames > 1 and len(offsets) == n_frames:
            first = _position(header, 0) if keyword == "GridFrameOffsetVector" else None
            # relative offsets begin at 0, all others are places themselves
            relative = offsets[0] == 0 and first is not None
            return tuple(offset + (first or 0.0) for offset in offsets) if relative else offsets
    return ()


def _position(header: Dataset, index: int) -> float | None:
    orientation = numbers_of(stated(header, index, "PlaneOrientation", "ImageOrientationPatient"))
    origin = numbers_of(stated(header, index, "PlanePosition", "ImagePositionPatient"))
    if len(orientation) != 6 or len(origin) != 3:
        return None
    return float(np.dot(origin, np.cross(orientation[:3], orientation[3:])))


def _frame(
    path: Path,
    header: Dataset,
    index: int,
    n_frames: int,
    places: Sequence[float],
    vectors: Mapping[str, Sequence[int]],
) -> Frame:
    orientation = numbers_of(stated(header, index, "PlaneOrientation", "ImageOrientationPatient"))
    spacing = numbers_of(stated(header, index, "PixelMeasures", "PixelSpacing"))
    # one position for many frames without functional groups says nothing of each
    own = n_frames == 1 or "PerFrameFunctionalGroupsSequence" in header
    position = places[index] if places else _position(header, index) if own else None
    kind = Kind(
        int(header.get("Rows") or 0),
        int(header.get("Columns") or 0),
        tuple(round(value, 3) for value in orientation),
        tuple(round(value, 6) for value in spacing),
        _frame_type(header, index),
        finite(stated(header, index, "MREcho", "EffectiveEchoTime") or header.get("EchoTime")),
        str(header.get("EchoNumbers") or ""),
        _b_value(header, index),
        str(real_world(header, index).get("unit", "")),
        str(stated(header, index, "FrameContent", "StackID") or ""),
        _whole(stated(header, index, "SegmentIdentification", "ReferencedSegmentNumber")),
        tuple((what, vectors[key][index]) for key, what in _APART.items() if key in vectors),
        str(path) if position is None else "",
    )
    time = (
        _number(stated(header, index, "FrameContent", "TemporalPositionIndex")),
        _number(header.get("TemporalPositionIdentifier")),
        _number(header.get("TriggerTime")),
        _number(header.get("AcquisitionNumber")),
        _number(header.get("InstanceNumber")),
        *_dimension_indices(header, index),
    )
    slope = stated(header, index, "PixelValueTransformation", "RescaleSlope")
    intercept = stated(header, index, "PixelValueTransformation", "RescaleIntercept")
    return Frame(
        path,
        index,
        kind,
        position,
        time,
        _moment_s(header, index, n_frames),
        (spacing[0], spacing[1]) if len(spacing) == 2 else None,
        None if slope is None else float(slope),
        None if intercept is None else float(intercept),
        origin_mm=()
        if places or not own
        else numbers_of(stated(header, index, "PlanePosition", "ImagePositionPatient")),
        direction=_direction(header, index),
    )


def _frame_type(header: Dataset, index: int) -> tuple[str, ...]:
    for group in _FRAME_TYPES:
        found = stated(header, index, group, "FrameType")
        if found is not None:
            return _parts(found)
    return _parts(header.get("ImageType"))


def _parts(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(part) for part in value)


def _b_value(header: Dataset, index: int) -> float | None:
    """Return the diffusion weighting, s/mm²: the standard's attribute, or Siemens' and Philips' own."""
    found = stated(header, index, "MRDiffusion", "DiffusionBValue")
    if found is not None:
        return finite(found)
    for group, creator, element in (
        (0x0019, "SIEMENS MR HEADER", 0x0C),
        (0x2001, "Philips Imaging DD 001", 0x03),
    ):
        try:
            return finite(header.private_block(group, creator)[element].value)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return None


def _direction(header: Dataset, index: int) -> tuple[float, ...]:
    """Return the direction of the diffusion gradient, of the frame or of the file."""
    for item in [*groups_of(header, index), header]:
        for diffusion in item.get("MRDiffusionSequence") or ():
            for gradient in diffusion.get("DiffusionGradientDirectionSequence") or ():
                return numbers_of(gradient.get("DiffusionGradientOrientation"))
    return numbers_of(header.get("DiffusionGradientOrientation"))


def vectors_of(header: Dataset, n_frames: int) -> dict[str, tuple[int, ...]]:
    """Return the vectors of nuclear medicine that count frames along what varies (PS3.3, C.8.4.8)."""
    found = {}
    for keyword in (*_APART, *ALONG_TIME, *ALONG_ANGLES):
        values = numbers_of(header.get(keyword))
        if len(values) == n_frames > 1 and len(set(values)) > 1:
            found[keyword] = tuple(int(value) for value in values)
    return found


def _dimension_indices(header: Dataset, index: int) -> tuple[float, ...]:
    """Return the frame's place along the dimensions that the file states, and its number in the file."""
    values = stated(header, index, "FrameContent", "DimensionIndexValues")
    if values is None:
        return ()
    several = [values] if isinstance(values, (int, float)) else list(values)
    return (*(_number(value) for value in several), float(index))


def _moment_s(header: Dataset, index: int, n_frames: int) -> float | None:
    """Return when a frame was taken; only differences are used, and no date is kept."""
    text = stated(header, index, "FrameContent", "FrameAcquisitionDateTime")
    if text is None and n_frames == 1:
        text = header.get("AcquisitionDateTime")
    if text is not None and len(str(text)) >= 14:
        digits, of_day = str(text)[:8], str(text)[8:]
        days = np.datetime64(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}").astype(int)
    elif n_frames == 1 and header.get("AcquisitionTime"):
        days, of_day = 0, str(header.get("AcquisitionTime"))
    else:
        return None
    clock = of_day.split("+")[0].split("-")[0].strip()
    if len(clock) < 6:
        return None
    hours, minutes, seconds = _number(clock[:2]), _number(clock[2:4]), _number(clock[4:])
    moment = float(days) * 86400 + hours * 3600 + minutes * 60 + seconds
    return moment if math.isfinite(moment) else None


def groups_of(header: Dataset, index: int) -> list[Dataset]:
    """Return the functional groups of a frame, its own before the shared ones."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    return [*per_frame[index : index + 1], *shared]


def stated(header: Dataset, index: int, group: str, keyword: str) -> Any:
    """Return an attribute from the frame's own group, the shared one, or the file itself."""
    for item in groups_of(header, index):
        for inner in item.get(f"{group}Sequence") or ():
            if inner.get(keyword) is not None:
                return inner.get(keyword)
    return header.get(keyword)


def real_world(header: Dataset, index: int) -> dict[str, Any]:
    """Return ``unit``, ``slope`` and ``intercept`` of real-world values, where the file maps to them."""
    for item in [*groups_of(header, index), header]:
        for mapping in item.get("RealWorldValueMappingSequence") or ():
            units = mapping.get("MeasurementUnitsCodeSequence") or ()
            found = {
                "unit": str(units[0].get("CodeValue") or units[0].get("CodeMeaning") or "")
                if units
                else "",
                "slope": finite(mapping.get("RealWorldValueSlope")),
                "intercept": finite(mapping.get("RealWorldValueIntercept")),
            }
            # "1" is how UCUM writes "no unit"
            return {key: value for key, value in found.items() if value not in ("", "1", None)}
    return {}


def numbers_of(value: Any) -> tuple[float, ...]:
    """Return the numbers of a multi-valued attribute, or nothing if one of them is none."""
    if value is None or isinstance(value, str):
        return ()
    try:
        numbers = tuple(_number(part) for part in value)
    except TypeError:
        return ()
    return numbers if all(math.isfinite(number) for number in numbers) else ()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def finite(value: Any) -> float | None:
    """Return a number, or None where there is none."""
    number = _number(value)
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if math.isfinite(number) else None
