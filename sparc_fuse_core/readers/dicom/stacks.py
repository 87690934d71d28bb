"""Which frames of a series make one stack, and how far apart its planes are."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.dicom.frames import (
    ALONG_ANGLES,
    ALONG_TIME,
    SLICE_VECTOR,
    Frame,
    Kind,
    finite,
    n_frames_of,
    numbers_of,
    stated,
    vectors_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import Dataset


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
            _positioned(group, _repetition_s(header))
            if group[0].position_mm is not None
            else _unpositioned(group, header)
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
    frame_time_ms = finite(header.get("FrameTime"))
    if frame_time_ms and frame_time_ms > 0:
        return Stack("t", (n_frames,), group, step_s=frame_time_ms / 1000)
    increments_ms = numbers_of(header.get("FrameTimeVector"))
    if len(increments_ms) == n_frames:
        times_s = np.cumsum(increments_ms) / 1000
        return Stack("t", (n_frames,), group, **_clock([float(time) for time in times_s]))
    vectors = vectors_of(header, n_frames_of(header))
    if SLICE_VECTOR not in _pointers(header) and any(key in vectors for key in ALONG_TIME):
        return Stack("t", (n_frames,), group)
    if any(key in vectors for key in ALONG_ANGLES):
        sentence = f"{n_frames} projections at one angle after the other are kept along t"
        return Stack("t", (n_frames,), group, remarks=(Evidence("axes", "inferred", sentence),))
    step_mm = finite(header.get("SpacingBetweenSlices"))
    # negative where slices are counted against the normal
    step_mm = abs(step_mm) if step_mm is not None else None
    if SLICE_VECTOR in _pointers(header):
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
    return [int(found)] if isinstance(found, int) else [int(tag) for tag in found]


def _repetition_s(header: Dataset) -> float | None:
    """Return the time between volumes that an echo-planar series states."""
    found = finite(stated(header, 0, "MRTimingAndRelatedParameters", "RepetitionTime"))
    return found / 1000 if found and found > 0 and header.get("Modality") == "MR" else None


def _clock(times_s: Sequence[float], repetition_s: float | None = None) -> dict[str, Any]:
    """Return the step of even times (within 1 %), else the times.

    Where times follow the stated repetition within 2 %, that is the step: clocks of scanners tick in 2.5 ms.
    The first volume may state a time before its preparation. Two times that contradict it give no step.
    """
    steps = np.diff(times_s)
    mean = float(steps.mean()) if steps.size else 0.0
    if mean <= 0:
        return {}
    if repetition_s is not None:
        follow = abs(steps - repetition_s) <= 0.02 * repetition_s
        if follow.all() or (len(steps) > 1 and follow[1:].all()):
            return {"step_s": repetition_s}
    alone = repetition_s is not None and len(steps) == 1
    if not alone and float(abs(steps - mean).max()) <= 0.01 * mean:
        return {"step_s": mean}
    return {"times_s": tuple(float(time - times_s[0]) for time in times_s)}


def _positioned(group: Sequence[Frame], repetition_s: float | None) -> Stack | str:
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
    clock = {} if None in moments else _clock([moment or 0.0 for moment in moments], repetition_s)
    remarks: tuple[Evidence, ...] = ()
    directions = [frame.direction for frame in first]
    if len(set(directions)) > 1:
        sentence = (
            f"{n_times} frames share each position, told apart by the direction of the diffusion gradient, "
            "which is in the metadata; they are kept along t"
        )
        remarks = (Evidence("axes", "file", sentence),)
    elif not told and not clock:
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


def shift_mm(stack: Stack) -> float:
    """Return how far the last slice lies beside the first, in the plane of the slices (a tilted gantry)."""
    if not stack.positions_mm:
        return 0.0
    first, last = stack.frames[0], stack.frames[len(stack.positions_mm) - 1]
    orientation = first.kind.orientation
    if len(first.origin_mm) != 3 or len(last.origin_mm) != 3 or len(orientation) != 6:
        return 0.0
    between = np.subtract(last.origin_mm, first.origin_mm)
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    if not length > 0:
        return 0.0
    normal = normal / length
    return float(np.linalg.norm(between - np.dot(between, normal) * normal))


def z_step_mm(positions_mm: Sequence[float]) -> float | None:
    """Return the distance of slices where it is even (within 1 %), else None."""
    if len(positions_mm) < 2:
        return None
    steps = np.diff(positions_mm)
    mean = float(steps.mean())
    even = float(abs(steps - mean).max()) <= 0.01 * mean
    return mean if even else None
