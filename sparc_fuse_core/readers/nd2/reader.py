"""Nikon ND2: one image for each stage position, read frame by frame.

The nd2 package reads current and legacy files. The option ``library = "nd2reader"`` reads through
nd2reader instead (one position at a time, no z step: only for files that nd2 refuses).
"""

from __future__ import annotations

import importlib
import math
import mmap
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import nd2
import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingDependencyError,
    SchemeError,
    UncertainMappingError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.planes import by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Bounds = tuple[int, int]

_ERRORS = (*DAMAGE, AssertionError, EOFError, MemoryError, NameError, zlib.error)
_MAX_POSITIONS = 4096
_MAX_TIMES = 4096
_MAX_TEXT = 65_536


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an ND2 file; see `sparc_fuse_core.readers.Reader`."""
    library = options.get("library", "nd2")
    if library == "nd2reader":
        with _fallback()(path, {}) as contents:
            yield contents
        return
    if library != "nd2":
        message = f"{path.name}: library = {library!r}; known: 'nd2', 'nd2reader'"
        raise SchemeError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = nd2.ND2File(path)
    except FileNotFoundError:
        raise
    except _ERRORS as err:
        raise _corrupt(path, err) from err
    try:
        try:
            contents = _contents(path, document)
        except _ERRORS as err:
            if isinstance(err, (CorruptFileError, UncertainMappingError)):
                raise
            raise _corrupt(path, err) from err
        yield contents
    finally:
        document.close()


def _corrupt(path: Path, err: BaseException) -> CorruptFileError:
    message = f"{path.name}: not a readable ND2 file ({err}); upload the original again"
    return CorruptFileError(message)


def _fallback() -> Callable[..., Any]:
    try:
        module = importlib.import_module("sparc_fuse_core.readers.nd2.fallback")
    except ImportError as err:
        message = f"library = 'nd2reader' needs nd2reader: pip install nd2reader ({err})"
        raise MissingDependencyError(message) from err
    function: Callable[..., Any] = module.read
    return function


class _Frames:
    """Reads frames; the last one is kept, for its channels."""

    def __init__(self, path: Path, document: nd2.ND2File) -> None:
        self._name = path.name
        self._document = document
        self._last: tuple[int, np.ndarray[Any, Any]] | None = None
        self._lock = Lock()
        # the package maps the file: pages that were copied are given back
        found = getattr(getattr(document, "_rdr", None), "_mmap", None)
        self._map = found if isinstance(found, mmap.mmap) else None

    def __call__(self, number: int) -> np.ndarray[Any, Any]:
        """Return frame ``number`` as a copy: shape (c, y, x, s), lengths of 1 removed."""
        with self._lock:
            if self._last is None or self._last[0] != number:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        frame = np.array(self._document.read_frame(number))
                except _ERRORS as err:
                    message = (
                        f"{self._name}: frame {number} cannot be decoded ({err}); upload it again"
                    )
                    raise CorruptFileError(message) from err
                if self._map is not None:
                    self._map.madvise(mmap.MADV_DONTNEED)
                self._last = (number, frame)
            return self._last[1]


def _contents(path: Path, document: nd2.ND2File) -> Contents:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = dict(document.sizes)
        facts = _facts(document)
        evidence = _check(path, document, sizes)
        channels = _channels(document)
        steps, units, times_evidence = _scale(document, sizes)
        if sizes.get("T", 1) > 1 and "t" not in steps:
            times_s = _measured_times(document, sizes)
            if times_s:
                facts["frame_times_s"] = times_s
            step_s = _even_step(times_s)
            if step_s is not None:
                steps["t"], units["t"] = step_s, "second"
                times_evidence = []
    evidence += times_evidence
    unknown = [axis for axis in sizes if axis not in "TPZCYXS"]
    if unknown:
        message = (
            f"{path.name}: axes {unknown} are not t, c, z, y or x; export the file without them"
        )
        raise UncertainMappingError(message)
    if sizes.get("C", 1) > 1 and sizes.get("S", 1) > 1:
        message = f"{path.name}: colour pixels in {sizes['C']} channels; export one channel a file"
        raise UncertainMappingError(message)
    if sizes.get("S", 1) > 1:
        # readers disagree whether red or blue is stored first (github.com/ome/bioformats/issues/3761)
        sentence = f"{sizes['S']} colour components in the order stored; the file does not say which is red"
        evidence.append(Evidence("names", "missing", sentence))
    frames = _Frames(path, document)
    n_positions = sizes.get("P", 1)
    if n_positions > _MAX_POSITIONS:
        message = f"{path.name}: {n_positions} positions; at most {_MAX_POSITIONS} are read"
        raise UncertainMappingError(message)
    names = unique_names(_position_names(document, n_positions))
    images = tuple(
        replace(
            _image(sizes, frames, position, channels, steps, units, document),
            name=name,
            metadata=_stage(document, position),
        )
        for position, name in enumerate(names)
    )
    return Contents(images=images, metadata=facts, evidence=tuple(evidence))


def _image(
    sizes: Mapping[str, int],
    frames: _Frames,
    position: int,
    channels: tuple[tuple[str, ...], tuple[str, ...]],
    steps: Mapping[str, float],
    units: Mapping[str, str],
    document: nd2.ND2File,
) -> Image:
    loops = [axis for axis in sizes if axis in "TPZ"]
    shape_of_loops = tuple(sizes[axis] for axis in loops)
    rgb = sizes.get("S", 1) > 1
    lengths = {axis.lower(): length for axis, length in sizes.items() if axis in "TCZYX"}
    if rgb:
        lengths["c"] = sizes["S"]
    axes = "".join(a for a in "tczyx" if a in "yx" or lengths.get(a, 1) > 1)
    looped = [axis for axis in axes[:-2] if axis != "c"]

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        letters = [axis for axis in axes[:-2] if not (rgb and axis == "c")]
        at = dict(zip(letters, index, strict=True))
        place = [position if axis == "P" else at.get(axis.lower(), 0) for axis in loops]
        number = int(np.ravel_multi_index(place, shape_of_loops)) if loops else 0
        frame = frames(number).reshape(sizes.get("C", 1), sizes["Y"], sizes["X"], sizes.get("S", 1))
        plane = frame[at.get("c", 0) if not rgb else 0, of_y[0] : of_y[1], of_x[0] : of_x[1]]
        return plane if rgb else plane[..., 0]

    pixels = by_plane(
        axes, tuple(lengths[a] for a in axes), document.dtype, read_plane, samples=rgb
    )
    names, colors = channels
    n_channels = lengths.get("c", 1)
    if rgb:
        names, colors = (), ()
    significant = document.attributes.bitsPerComponentSignificant
    scale = {axis: step for axis, step in steps.items() if axis in looped or axis in "yx"}
    return Image(
        "",
        pixels,
        axes,
        scale,
        {axis: units[axis] for axis in scale},
        "intensity",
        names if len(names) == n_channels and any(names) else (),
        colors if len(colors) == n_channels and all(colors) else (),
        int(significant) if significant else None,
    )


def _check(path: Path, document: nd2.ND2File, sizes: Mapping[str, int]) -> list[Evidence]:
    """Refuse what the file cannot hold; say which frames were never recorded."""
    loops = math.prod(length for axis, length in sizes.items() if axis in "TPZ")
    if not sizes or math.prod(sizes.values()) <= 0:
        message = f"{path.name}: no frames"
        raise EmptyFileError(message)
    offsets = getattr(getattr(document, "_rdr", None), "_frame_offsets", None)
    if not isinstance(offsets, dict):
        return []
    found = []
    if not _stated_channels(document):
        sentence = "the channels' metadata cannot be interpreted: no names and no pixel size"
        found.append(Evidence("scale", "missing", sentence))
    n_file_bytes = path.stat().st_size
    attributes = document.attributes
    n_frame_bytes = attributes.heightPx * (attributes.widthBytes or 0)
    if attributes.compressionType is not None:
        n_frame_bytes = 1
    beyond = [n for n, at in offsets.items() if at < 0 or at + n_frame_bytes > n_file_bytes]
    if beyond:
        message = (
            f"{path.name}: truncated: {len(beyond)} of {loops} frames lie beyond the end of the file; "
            "upload it again"
        )
        raise CorruptFileError(message)
    n_absent = sum(number not in offsets for number in range(loops))
    if n_absent == loops:
        message = f"{path.name}: none of the {loops} frames announced is in the file"
        raise CorruptFileError(message)
    if n_absent:
        sentence = f"{n_absent} of {loops} frames were not recorded; they read as 0"
        found.append(Evidence("content", "missing", sentence))
    return found


def _stated_channels(document: nd2.ND2File) -> Sequence[Any]:
    """Return the channels' metadata; none where nd2 cannot interpret them."""
    try:
        return tuple(getattr(document.metadata, "channels", None) or ())
    except _ERRORS:
        return ()


def _channels(document: nd2.ND2File) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = _stated_channels(document)
    names = tuple(str(channel.channel.name or "") for channel in found)
    colors = []
    for channel in found:
        color = channel.channel.color
        parts = [getattr(color, part, None) for part in "rgb"]
        fine = all(isinstance(part, int) and 0 <= part <= 255 for part in parts)
        colors.append("".join(f"{part:02X}" for part in parts) if fine else "")
    return names, tuple(colors)


def _scale(
    document: nd2.ND2File, sizes: Mapping[str, int]
) -> tuple[dict[str, float], dict[str, str], list[Evidence]]:
    """Return steps and units: micrometre of calibrated axes, seconds of even time points."""
    steps: dict[str, float] = {}
    channels = _stated_channels(document)
    if channels:
        volume = channels[0].volume
        for i, axis in enumerate("xyz"):
            step = float(volume.axesCalibration[i])
            if volume.axesCalibrated[i] and math.isfinite(step) and step > 0:
                steps[axis] = step
    units = dict.fromkeys(steps, "micrometer")
    evidence: list[Evidence] = []
    if sizes.get("T", 1) > 1:
        period_ms = [
            float(getattr(loop.parameters, "periodMs", 0) or 0)
            for loop in document.experiment
            if loop.type == "TimeLoop"
        ]
        measured_ms = [
            float(getattr(getattr(loop.parameters, "periodDiff", None), "avg", 0) or 0)
            for loop in document.experiment
            if loop.type == "TimeLoop"
        ]
        if len(period_ms) == 1 and period_ms[0] > 0:
            steps["t"], units["t"] = period_ms[0] / 1000, "second"
            if measured_ms[0] > 0 and abs(measured_ms[0] / period_ms[0] - 1) > 0.01:
                del steps["t"], units["t"]
                sentence = (
                    f"a time step of {period_ms[0]:g} ms was asked for, {measured_ms[0]:g} ms measured on "
                    "average: none is given"
                )
                evidence.append(Evidence("scale", "missing", sentence))
    return steps, units, evidence


def _measured_times(document: nd2.ND2File, sizes: Mapping[str, int]) -> list[float]:
    """Return when, in seconds, the first frame of each time point was taken; nothing where one is not told."""
    loops = [axis for axis in sizes if axis in "TPZ"]
    if sizes["T"] > _MAX_TIMES:
        return []
    shape = tuple(sizes[axis] for axis in loops)
    times = []
    for t in range(sizes["T"]):
        number = int(np.ravel_multi_index([t if axis == "T" else 0 for axis in loops], shape))
        try:
            channels = document.frame_metadata(number).channels
            times.append(float(channels[0].time.relativeTimeMs) / 1000)
        except _ERRORS:
            return []
    return times if all(math.isfinite(time) for time in times) else []


def _even_step(times_s: Sequence[float]) -> float | None:
    """Return the step of times that are even within 1 %."""
    steps = np.diff(times_s)
    mean = float(steps.mean()) if steps.size else 0.0
    even = mean > 0 and float(abs(steps - mean).max()) <= 0.01 * mean
    return mean if even else None


def _stage(document: nd2.ND2File, position: int) -> dict[str, Any]:
    """Return where the stage stood, in micrometre, at a position of several; tiles are not stitched."""
    for loop in document.experiment:
        if loop.type == "XYPosLoop" and position < len(loop.parameters.points):
            place = loop.parameters.points[position].stagePositionUm
            values = [getattr(place, axis, None) for axis in "xyz"]
            if all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
                return {
                    "stage_position_um": [float(value) for value in values if value is not None]
                }
    return {}


def _position_names(document: nd2.ND2File, n_positions: int) -> list[str]:
    for loop in document.experiment:
        if loop.type == "XYPosLoop":
            points = loop.parameters.points
            if len(points) == n_positions:
                return [str(point.name or f"position {i}") for i, point in enumerate(points)]
    return [f"position {i}" if n_positions > 1 else "" for i in range(n_positions)]


def _facts(document: nd2.ND2File) -> dict[str, Any]:
    facts: dict[str, Any] = {"version": ".".join(str(part) for part in document.version)}
    for key, text in (document.text_info or {}).items():
        if isinstance(text, str) and text.strip() and len(text) < _MAX_TEXT:
            facts[str(key)] = text.strip()
    channels = []
    for channel in _stated_channels(document):
        row = {
            "name": channel.channel.name,
            "emission_nm": channel.channel.emissionLambdaNm,
            "excitation_nm": channel.channel.excitationLambdaNm,
            "objective": getattr(channel.microscope, "objectiveName", None),
            "numerical_aperture": getattr(channel.microscope, "objectiveNumericalAperture", None),
        }
        channels.append({key: value for key, value in row.items() if value is not None})
    if channels:
        facts["channels"] = channels
    return facts
