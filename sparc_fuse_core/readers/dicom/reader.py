"""DICOM (.dcm, .ima): the series of one file, as stacks ordered by where the slices lie.

Files beside the leading one with its SeriesInstanceUID belong to it; files named alike but of another series
make images of their own. Slices are ordered by position along
their normal, never by file name or instance number, and their step is the distance of positions, never
the slice thickness. Stored integers are kept; rescale slope and intercept are metadata. Only the tags
of `dicom_frames.COPIED_TAGS` are copied: nothing that identifies a person, place or device.
"""

from __future__ import annotations

import functools
import math
import re
import struct
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array, pixel_dtype
from pydicom.uid import DeflatedExplicitVRLittleEndian

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SparcFuseError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.dicom import codecs as dicom_codecs
from sparc_fuse_core.readers.dicom.frames import Stack, facts_of, frames_of, stacks_of, z_step_mm
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydicom import Dataset

_EXTENSIONS = (".dcm", ".ima", ".dicom", ".dic", "")
#: Integer, float and double pixels, little and big-endian.
_PIXEL_TAGS = (
    *(b"\xe0\x7f" + bytes([element, 0]) for element in (0x08, 0x09, 0x10)),
    *(b"\x7f\xe0" + bytes([0, element]) for element in (0x08, 0x09, 0x10)),
)
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
#: What pydicom raises on damaged bytes.
_DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
_PALETTE_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the series: its header without pixels."""

    path: Path
    header: Dataset
    has_pixels: bool


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a DICOM file and its series; see `sparc_fuse_core.readers.Reader`."""
    del options
    plugin = dicom_codecs.install()
    leading = _open(path)
    with _reported(path):
        _check(leading)
        files, evidence = _files(leading)
        contents = _contents(leading, files, evidence, plugin)
    yield contents


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what pydicom raises on damaged bytes into an error of ours."""
    try:
        with warnings.catch_warnings():
            # about values that break a rule of their type: none of them changes the pixels
            warnings.simplefilter("ignore")
            yield
    except SparcFuseError:
        raise
    except _DAMAGE as err:
        message = f"{path.name}: damaged DICOM ({err}); upload it again"
        raise CorruptFileError(message) from err


def _open(path: Path) -> _File:
    with _reported(path), path.open("rb") as file:
        header = dcmread(file, stop_before_pixels=True, force=True)
        if not any(keyword in header for keyword in ("SOPClassUID", "Modality", "Rows")):
            message = f"{path.name}: no DICOM element can be read; upload it again"
            raise CorruptFileError(message)
        # reading stopped in front of the pixels, or at the end
        tag = file.read(4)
        has_pixels = tag in _PIXEL_TAGS
        syntax = getattr(header, "file_meta", {}).get("TransferSyntaxUID")
        if syntax == DeflatedExplicitVRLittleEndian:
            has_pixels = "Rows" in header
        return _File(path, header, has_pixels)


def _check(file: _File) -> None:
    """Refuse what holds no picture, or one that is spread over tiles."""
    path, header = file.path, file.header
    if header.get("SOPClassUID") == _WHOLE_SLIDE:
        message = f"{path.name}: a whole-slide DICOM file, whose frames are tiles, is not read"
        raise UnsupportedFormatError(message)
    if not file.has_pixels:
        if "Rows" in header and "SpectroscopyData" not in header:
            message = f"{path.name}: truncated before its pixels; upload it again"
            raise CorruptFileError(message)
        what = header.get("Modality") or "unknown"
        message = f"{path.name}: DICOM without pixels (modality {what}); there is no image in it"
        raise UnsupportedFormatError(message)
    n_samples = header.get("SamplesPerPixel") or 1
    if n_samples not in (1, 3):
        message = f"{path.name}: {n_samples} samples for each pixel are not read"
        raise UnsupportedFormatError(message)
    if not header.get("Rows") or not header.get("Columns"):
        message = f"{path.name}: an image of {header.get('Rows')} × {header.get('Columns')} pixels"
        raise EmptyFileError(message)
    if getattr(header, "file_meta", {}).get("TransferSyntaxUID") is None:
        message = f"{path.name}: the header does not state how pixels are encoded"
        raise CorruptFileError(message)


def _files(leading: _File) -> tuple[list[_File], list[Evidence]]:
    """Return all files that belong to the leading one, it first.

    Those are the files of its series, and those named alike but for their numbers: a dataset's listing
    cannot tell series apart, so they are planned as one item.
    """
    files = [leading]
    evidence: list[Evidence] = []
    series = leading.header.get("SeriesInstanceUID")
    seen = {leading.path.resolve()}
    instances = {leading.header.get("SOPInstanceUID")}
    for path in sorted(leading.path.parent.iterdir()):
        if not path.is_file() or path.resolve() in seen or not _is_candidate(path):
            continue
        seen.add(path.resolve())
        alike = _without_numbers(path) == _without_numbers(leading.path)
        try:
            other = _open(path)
        except CorruptFileError:
            sentence = f"{path.name}, beside it, is not readable; it may belong to the series"
            evidence.append(Evidence("content", "missing", sentence))
            continue
        same_series = bool(series) and other.header.get("SeriesInstanceUID") == series
        if not (same_series or alike):
            continue
        instance = other.header.get("SOPInstanceUID")
        if instance is not None and instance in instances:
            sentence = f"{path.name} is a second copy of a file of the series; it is left out"
            evidence.append(Evidence("content", "file", sentence))
            continue
        if not other.has_pixels:
            sentence = f"{path.name}, beside it, holds no pixels; it is left out"
            evidence.append(Evidence("content", "missing", sentence))
            continue
        _check(other)
        instances.add(instance)
        files.append(other)
    return files, evidence


def _without_numbers(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name.lower())


def _is_candidate(path: Path) -> bool:
    if path.suffix.lower() not in _EXTENSIONS:
        return False
    with path.open("rb") as file:
        head = file.read(132)
    return head[128:] == b"DICM" or bool(path.suffix)


def _contents(
    leading: _File, files: Sequence[_File], evidence: list[Evidence], plugin: str
) -> Contents:
    headers = {file.path: file.header for file in files}
    series: dict[str, list[_File]] = {}
    for file in files:
        series.setdefault(str(file.header.get("SeriesInstanceUID") or file.path), []).append(file)
    stacks: list[Stack] = []
    for members in series.values():
        frames = [frame for file in members for frame in frames_of(file.path, file.header)]
        frame_time_ms = members[0].header.get("FrameTime")
        found = stacks_of(frames, float(frame_time_ms) / 1000 if frame_time_ms else None)
        if isinstance(found, str):
            message = f"{leading.path.name}: {found}"
            raise UnsupportedFormatError(message)
        stacks += found
    images = []
    names = unique_names("" for _ in stacks)
    for name, stack in zip(names, stacks, strict=True):
        header = headers[stack.frames[0].path]
        image = _image(name, stack, header, plugin)
        images.append(image)
        evidence += stack.remarks
        evidence += _evidence(header, stack, image)
    return Contents(
        images=tuple(images),
        metadata={"n_files": len(files), "n_series": len(series)},
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _image(name: str, stack: Stack, header: Dataset, plugin: str) -> Image:
    rgb = (header.get("SamplesPerPixel") or 1) == 3
    dtype = pixel_dtype(header).newbyteorder("=")
    axes = stack.axes + "yx"
    shape = (*stack.lengths, int(header.Rows), int(header.Columns))
    if rgb:
        at = 1 if axes.startswith("t") else 0
        axes = f"{axes[:at]}c{axes[at:]}"
        shape = (*shape[:at], 3, *shape[at:])
    photometric = str(header.get("PhotometricInterpretation") or "")
    indices = photometric == "PALETTE COLOR"
    is_label = indices or header.get("BitsAllocated") == 1 or header.get("Modality") == "SEG"
    scale, units = _scale(stack, header)
    bits = header.get("BitsStored")
    return Image(
        name,
        by_plane(axes, shape, dtype, _plane_reader(stack, shape, dtype, plugin), samples=rgb),
        axes,
        scale,
        units,
        "label" if is_label else "rgb" if rgb else "intensity",
        RGB if rgb else (),
        RGB_COLORS if rgb else (),
        int(bits) if bits and not is_label else None,
        _metadata(stack, header),
    )


def _plane_reader(stack: Stack, shape: tuple[int, ...], dtype: np.dtype[Any], plugin: str) -> Any:
    """Return what reads a region of a frame; a frame is decoded whole, the last one is kept."""

    @functools.lru_cache(maxsize=1)
    def decoded(number: int) -> np.ndarray[Any, Any]:
        frame = stack.frames[number]
        with _reported(frame.path), frame.path.open("rb") as file:
            tags = dcmread(file, stop_before_pixels=True, force=True, specific_tags=[])
            file.seek(0)
            encapsulated = tags.file_meta.TransferSyntaxUID in dicom_codecs.DECODER_DEPENDENCIES
            pixels: np.ndarray[Any, Any] = pixel_array(
                file, index=frame.index, decoding_plugin=plugin if encapsulated else ""
            )
        if pixels.shape[:2] != shape[-2:] or not np.can_cast(pixels.dtype, dtype, "safe"):
            message = (
                f"{frame.path.name}: frame {frame.index} decodes to {pixels.dtype} of shape "
                f"{pixels.shape}, the header states {dtype} of {shape[-2:]}"
            )
            raise CorruptFileError(message)
        return pixels

    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        number = 0
        for i, length in zip(index, stack.lengths, strict=True):
            number = number * length + i
        region: np.ndarray[Any, Any] = decoded(number)[slice(*of_y), slice(*of_x)]
        return region

    return read_plane


def _scale(stack: Stack, header: Dataset) -> tuple[dict[str, float], dict[str, str]]:
    scale, units = {}, {}
    spacing = stack.frames[0].spacing_mm
    if spacing is not None and all(math.isfinite(step) and step > 0 for step in spacing):
        # the first value is the distance of rows: y
        scale["y"], scale["x"] = spacing
        units["y"] = units["x"] = "millimeter"
    step = z_step_mm(stack.positions_mm)
    if "z" in stack.axes and step is not None:
        scale["z"], units["z"] = step, "millimeter"
    frame_time_ms = header.get("FrameTime")
    if "t" in stack.axes and frame_time_ms and float(frame_time_ms) > 0:
        scale["t"], units["t"] = float(frame_time_ms) / 1000, "second"
    return scale, units


def _metadata(stack: Stack, header: Dataset) -> dict[str, Any]:
    facts = facts_of(header)
    if stack.positions_mm:
        facts["slice_positions_mm"] = list(stack.positions_mm)
    rescale = {(frame.slope, frame.intercept) for frame in stack.frames}
    if len(rescale) > 1:
        # a value for each frame, in the image's order (PET series)
        facts["RescaleSlope"] = [frame.slope for frame in stack.frames]
        facts["RescaleIntercept"] = [frame.intercept for frame in stack.frames]
    else:
        slope, intercept = rescale.pop()
        facts |= {} if slope is None else {"RescaleSlope": slope}
        facts |= {} if intercept is None else {"RescaleIntercept": intercept}
    segment = stack.frames[0].stack[-2]
    if segment != "":
        facts["segment_number"] = int(segment)
    if facts.get("PhotometricInterpretation") == "PALETTE COLOR":
        facts |= _palette(header)
    return facts


def _palette(header: Dataset) -> dict[str, Any]:
    """Return the colours of the stored indices, where there are few."""
    found = {}
    for colour in ("Red", "Green", "Blue"):
        descriptor = header.get(f"{colour}PaletteColorLookupTableDescriptor")
        table = header.get(f"{colour}PaletteColorLookupTableData")
        if not descriptor or not isinstance(table, bytes) or len(table) > 2 * _PALETTE_ENTRIES:
            return {}
        dtype = np.dtype("u1" if descriptor[2] == 8 and len(table) <= _PALETTE_ENTRIES else "<u2")
        found[f"palette_{colour.lower()}"] = np.frombuffer(
            table[: len(table) // dtype.itemsize * dtype.itemsize], dtype
        ).tolist()
    return found | {"palette_first_index": int(descriptor[1])}


def _evidence(header: Dataset, stack: Stack, image: Image) -> Iterator[Evidence]:
    label = f"{image.name}: " if image.name else ""
    photometric = str(header.get("PhotometricInterpretation") or "")
    if "z" in stack.axes and stack.positions_mm and "z" not in image.scale:
        yield Evidence(
            "scale",
            "missing",
            f"{label}slices are not evenly spaced; their positions are in the metadata",
        )
    # the RCT and ICT of JPEG 2000 belong to the code stream; other YBR is converted here
    if photometric.startswith("YBR") and photometric not in ("YBR_RCT", "YBR_ICT"):
        yield Evidence("content", "inferred", f"{label}RGB computed from stored {photometric}")
    if photometric == "PALETTE COLOR":
        yield Evidence(
            "content", "file", f"{label}palette indices as stored; the colours are in the metadata"
        )
    if photometric == "MONOCHROME1":
        yield Evidence("content", "file", f"{label}low values are bright (MONOCHROME1)")
    if str(header.get("LossyImageCompression") or "") == "01":
        yield Evidence("content", "file", f"{label}the file says it was compressed with loss")
    if str(header.get("BurnedInAnnotation") or "") == "YES":
        yield Evidence(
            "content", "file", f"{label}the file says text is burned into the pixels; look at it"
        )
