"""DICOM headers: what each frame of a series is, where it lies, and which frames make one stack.

Tags and modules: DICOM PS3.3 (C.7.6.2 image plane, C.7.6.5 cine, C.7.6.6 multi-frame, C.7.6.16 functional
groups, C.8.8.3 RT dose) and PS3.6.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.dicom.mosaic import Mosaic, is_mosaic, mosaic_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydicom import Dataset

#: Functional groups that state what kind of picture a frame is, by modality.
_FRAME_TYPES = ("MRImageFrameType", "CTImageFrameType", "PETFrameType", "ParametricMapFrameType")
#: Vectors of the file that state where each frame lies along the normal.
_PLACES = ("GridFrameOffsetVector", "SliceLocationVector")
_SLICE_VECTOR = 0x00540080


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


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames in the order of ``axes``, which is ``""``, ``"z"``, ``"t"`` or ``"tz"``.

    ``step_s`` is the time between positions of t, ``times_s`` where it is uneven; ``z_step_mm`` is a distance
    of slices that the file states without their positions.
    """

    axes: str
    lengths: tuple[int, ...]
    frames: Sequence[Frame]
    positions_mm: tuple[float, ...] = ()
    remarks: tuple[Evidence, ...] = ()
    step_s: float | None = None
    times_s: tuple[float, ...] = ()
    z_step_mm: float | None = None

    @property
    def kind(self) -> Kind:
        """What its frames have in common."""
        return self.frames[0].kind


def n_frames_of(header: Dataset) -> int:
    """Return how many frames a file states."""
    return int(header.get("NumberOfFrames") or 1)


def frames_of(path: Path, header: Dataset) -> list[Frame]:
    """Return the frames of one file; each slice of a mosaic is one."""
    if is_mosaic(header) and n_frames_of(header) == 1:
        mosaic = mosaic_of(header)
        if mosaic is not None:
            return _tiles(_frame(path, header, 0, 1, ()), mosaic)
    n_frames = n_frames_of(header)
    places = _places(header, n_frames)
    return [_frame(path, header, index, n_frames, places) for index in range(n_frames)]


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
        offsets = _numbers(header.get(keyword))
        if n_frames > 1 and len(offsets) == n_frames:
            first = _position(header, 0) if keyword == "GridFrameOffsetVector" else None
            # relative offsets begin at 0, all others are places themselves
            relative = offsets[0] == 0 and first is not None
            return tuple(offset + (first or 0.0) for offset in offsets) if relative else offsets
    return ()


def _position(header: Dataset, index: int) -> float | None:
    orientation = _numbers(stated(header, index, "PlaneOrientation", "ImageOrientationPatient"))
    origin = _numbers(stated(header, index, "PlanePosition", "ImagePositionPatient"))
    if len(orientation) != 6 or len(origin) != 3:
        return None
    return float(np.dot(origin, np.cross(orientation[:3], orientation[3:])))


def _frame(
    path: Path, header: Dataset, index: int, n_frames: int, places: Sequence[float]
) -> Frame:
    orientation = _numbers(stated(header, index, "PlaneOrientation", "ImageOrientationPatient"))
    spacing = _numbers(stated(header, index, "PixelMeasures", "PixelSpacing"))
    # one position for many frames without functional groups says nothing of each
    own = n_frames == 1 or "PerFrameFunctionalGroupsSequence" in header
    position = places[index] if places else _position(header, index) if own else None
    kind = Kind(
        int(header.get("Rows") or 0),
        int(header.get("Columns") or 0),
        tuple(round(value, 3) for value in orientation),
        tuple(round(value, 6) for value in spacing),
        _frame_type(header, index),
        _finite(stated(header, index, "MREcho", "EffectiveEchoTime") or header.get("EchoTime")),
        str(header.get("EchoNumbers") or ""),
        _b_value(header, index),
        str(real_world(header, index).get("unit", "")),
        str(stated(header, index, "FrameContent", "StackID") or ""),
        _whole(stated(header, index, "SegmentIdentification", "ReferencedSegmentNumber")),
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
        return _finite(found)
    for group, creator, element in (
        (0x0019, "SIEMENS MR HEADER", 0x0C),
        (0x2001, "Philips Imaging DD 001", 0x03),
    ):
        try:
            return _finite(header.private_block(group, creator)[element].value)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return None


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
                "slope": _finite(mapping.get("RealWorldValueSlope")),
                "intercept": _finite(mapping.get("RealWorldValueIntercept")),
            }
            # "1" is how UCUM writes "no unit"
            return {key: value for key, value in found.items() if value not in ("", "1", None)}
    return {}


def stacks_of(frames: Iterable[Frame], header: Dataset) -> list[Stack] | str:
    """Group frames into stacks, or return the reason why their order cannot be told.

    ``header`` is that of one of their files: it states the time between frames, or their spacing.
    """
    groups: dict[Kind, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.kind].append(frame)
    found = []
    for group in groups.values():
        stack = (
            _positioned(group) if group[0].position_mm is not None else _unpositioned(group, header)
        )
        if isinstance(stack, str):
            return stack
        found.append(stack)
    return found


def _unpositioned(group: Sequence[Frame], header: Dataset) -> Stack:
    n_frames = len(group)
    if n_frames == 1:
        return Stack("", (), group)
    if group[0].corner is not None:
        return Stack("z", (n_frames,), group)
    frame_time_ms = _finite(header.get("FrameTime"))
    if frame_time_ms and frame_time_ms > 0:
        return Stack("t", (n_frames,), group, step_s=frame_time_ms / 1000)
    increments_ms = _numbers(header.get("FrameTimeVector"))
    if len(increments_ms) == n_frames:
        times_s = np.cumsum(increments_ms) / 1000
        return Stack("t", (n_frames,), group, **_clock([float(time) for time in times_s]))
    step_mm = _finite(header.get("SpacingBetweenSlices"))
    if _SLICE_VECTOR in _pointers(header):
        return Stack("z", (n_frames,), group, z_step_mm=step_mm)
    remark = Evidence(
        "axes",
        "inferred",
        f"{n_frames} frames without a stated position or frame time are taken as z, in file order",
    )
    return Stack("z", (n_frames,), group, remarks=(remark,), z_step_mm=step_mm)


def _pointers(header: Dataset) -> list[int]:
    """Return the tags that frames are counted along."""
    found = header.get("FrameIncrementPointer")
    if found is None:
        return []
    return [int(tag) for tag in (found if isinstance(found, (list, tuple)) else [found])]


def _clock(times_s: Sequence[float]) -> dict[str, Any]:
    """Return the step of even times (within 1 %), else the times."""
    steps = np.diff(times_s)
    mean = float(steps.mean()) if steps.size else 0.0
    if mean <= 0:
        return {}
    if float(abs(steps - mean).max()) <= 0.01 * mean:
        return {"step_s": mean}
    return {"times_s": tuple(float(time - times_s[0]) for time in times_s)}


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
    told = any(len({frame.time[which] for frame in first}) == n_times for which in (0, 1, 2))
    moments = [frame.moment_s for frame in first]
    clock = {} if None in moments else _clock([moment or 0.0 for moment in moments])
    remarks: tuple[Evidence, ...] = ()
    if not told and not clock:
        remarks = (
            Evidence(
                "axes",
                "inferred",
                f"{n_times} frames share each position without a stated time; they are taken as t, "
                "in order of acquisition and instance number",
            ),
        )
    if len(positions) == 1:
        return Stack("t", (n_times,), frames, remarks=remarks, **clock)
    of_first_time = frames[: len(positions)]
    return Stack("tz", (n_times, len(positions)), frames, _exact(of_first_time), remarks, **clock)


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


def _numbers(value: Any) -> tuple[float, ...]:
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


def _finite(value: Any) -> float | None:
    number = _number(value)
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if math.isfinite(number) else None
