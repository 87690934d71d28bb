"""DICOM: the series of one file, as stacks ordered by where the slices lie.

Files beside the leading one with its SeriesInstanceUID belong to it; files named alike but of another series
make images of their own. Slices are ordered by position along
their normal, never by file name or instance number, and their step is the distance of positions, never
the slice thickness. Stored integers are kept; rescale slope, intercept and real-world mapping are metadata.
Only the tags of `facts.COPIED_TAGS` are copied: nothing that identifies a person, place or device.
"""

from __future__ import annotations

import functools
import math
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options, pixel_dtype

from sparc_fuse_core.errors import CorruptFileError, DamagedPartError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.dicom import codecs as dicom_codecs
from sparc_fuse_core.readers.dicom.facts import (
    differences,
    facts_of,
    has_overlay_in_pixels,
    is_of_labels,
    region_spacing_cm,
    segment_facts,
    segments_facts,
    share_evidence,
    ultrasound_regions,
    uncopied,
)
from sparc_fuse_core.readers.dicom.files import (
    DicomFile,
    check,
    open_file,
    reported,
    series_files,
)
from sparc_fuse_core.readers.dicom.frames import frames_of, n_frames_of, real_world
from sparc_fuse_core.readers.dicom.mosaic import is_mosaic, mosaic_of
from sparc_fuse_core.readers.dicom.palette import Palette, palette_of
from sparc_fuse_core.readers.dicom.stacks import Stack, shift_mm, stacks_of, z_step_mm
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydicom import Dataset

#: Elements of a header that state the size of a pixel, and what size that is.
_OTHER_SPACINGS = (
    ("ImagerPixelSpacing", "at the detector, not in the body"),
    ("NominalScannedPixelSpacing", "on the scanned film"),
)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a DICOM file and its series; see `sparc_fuse_core.readers.Reader`."""
    del options
    plugin = dicom_codecs.install()
    with ExitStack() as stack:
        leading = open_file(path, stack)
        with reported(path):
            if leading.pixels:
                check(leading)
            files, evidence = series_files(leading, stack)
            contents = _contents(leading, files, evidence, plugin)
        yield contents


def _contents(
    leading: DicomFile, files: Sequence[DicomFile], evidence: list[Evidence], plugin: str
) -> Contents:
    of_path = {file.path: file for file in files}
    series: dict[str, list[DicomFile]] = {}
    for file in files:
        _check_frames(file)
        series.setdefault(str(file.header.get("SeriesInstanceUID") or file.path), []).append(file)
    stacks: list[Stack] = []
    numbers: list[str] = []
    for members in series.values():
        frames = [frame for file in members for frame in frames_of(file.path, file.header)]
        found = stacks_of(frames, members[0].header)
        if isinstance(found, str):
            message = f"{leading.path.name}: {found}"
            raise UnsupportedFormatError(message)
        stacks += found
        numbers += [str(members[0].header.get("SeriesNumber") or "")] * len(found)
    images = []
    labels, told = differences([stack.kind for stack in stacks], numbers)
    if told and len(stacks) > 1:
        sentence = f"{len(stacks)} images of one set of files, told apart by {', '.join(told)}"
        evidence.append(Evidence("content", "file", sentence))
    names = unique_names(labels)
    for name, stack in zip(names, stacks, strict=True):
        image, remarks = _image(name, stack, of_path, plugin)
        images.append(image)
        evidence += remarks
    return Contents(
        images=tuple(images),
        metadata={
            "n_files": len(files),
            "n_series": len(series),
            **uncopied(leading.header),
        },
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _check_frames(file: DicomFile) -> None:
    """Refuse a number of frames that the file cannot hold: none takes less than a bit."""
    n_frames = n_frames_of(file.header)
    if n_frames < 1 or n_frames > 8 * file.data.stat().st_size:
        message = f"{file.path.name}: announces {n_frames} frames; upload it again"
        raise CorruptFileError(message)


def _image(
    name: str, stack: Stack, of_path: Mapping[Path, DicomFile], plugin: str
) -> tuple[Image, list[Evidence]]:
    first = of_path[stack.frames[0].path]
    header = first.header
    palette = palette_of(header)
    rgb = (header.get("SamplesPerPixel") or 1) == 3 or palette is not None
    dtype = pixel_dtype(header, as_float=first.pixels != "PixelData").newbyteorder("=")
    axes = stack.axes + "yx"
    shape = (*stack.lengths, stack.kind.rows, stack.kind.columns)
    if rgb:
        at = 1 if axes.startswith("t") else 0
        axes = f"{axes[:at]}c{axes[at:]}"
        shape = (*shape[:at], 3, *shape[at:])
    photometric = str(header.get("PhotometricInterpretation") or "")
    is_label = is_of_labels(header, is_index=photometric == "PALETTE COLOR" and not rgb)
    scale, units, remarks = _scale(stack, header)
    bits = header.get("BitsStored") if palette is None else None
    read_plane = _plane_reader(stack, of_path, dtype, plugin, palette)
    image = Image(
        name,
        by_plane(axes, shape, dtype if palette is None else palette.dtype, read_plane, samples=rgb),
        axes,
        scale,
        units,
        "label" if is_label else "rgb" if rgb else "intensity",
        RGB if rgb else (),
        RGB_COLORS if rgb else (),
        int(bits) if bits and not is_label else None,
        _metadata(stack, header, palette),
    )
    remarks += (*stack.remarks, *share_evidence(header))
    remarks += _evidence(header, stack, image, palette)
    return image, remarks


def _plane_reader(
    stack: Stack,
    of_path: Mapping[Path, DicomFile],
    dtype: np.dtype[Any],
    plugin: str,
    palette: Palette | None,
) -> Any:
    """Return what reads a region of a frame; a frame is decoded whole, the last one is kept."""

    @functools.lru_cache(maxsize=1)
    def decoded(path: Path, index: int) -> np.ndarray[Any, Any]:
        try:
            return decoded_frame(of_path[path], index)
        except CorruptFileError as err:
            if len(of_path) == 1:
                raise
            raise DamagedPartError(str(err), path.name) from err

    def decoded_frame(file: DicomFile, index: int) -> np.ndarray[Any, Any]:
        path = file.path
        with reported(path), file.data.open("rb") as opened:
            encapsulated = file.syntax in dicom_codecs.DECODER_DEPENDENCIES
            how: dict[str, Any] = {"pixel_keyword": file.pixels}
            if file.pixels_vr:
                how["pixel_vr"] = file.pixels_vr
            # the header is known: pydicom would parse it again for each frame
            opened.seek(file.pixels_at)
            pixels: np.ndarray[Any, Any] = get_decoder(file.syntax).as_array(
                opened,
                index=index,
                validate=True,
                decoding_plugin=plugin if encapsulated else "",
                **as_pixel_options(file.header, **how),
            )[0]
        size = int(file.header.Rows), int(file.header.Columns)
        if pixels.shape[:2] != size or not np.can_cast(pixels.dtype, dtype, "safe"):
            message = (
                f"{path.name}: frame {index} decodes to {pixels.dtype} of shape {pixels.shape}, "
                f"the header states {dtype} of {size}"
            )
            raise CorruptFileError(message)
        return pixels

    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        number = 0
        for i, length in zip(index, stack.lengths, strict=True):
            number = number * length + i
        frame = stack.frames[number]
        y, x = frame.corner or (0, 0)
        region: np.ndarray[Any, Any] = decoded(frame.path, frame.index)[
            y + of_y[0] : y + of_y[1], x + of_x[0] : x + of_x[1]
        ]
        if palette is None:
            return region
        with reported(frame.path):
            return palette.colours(region)

    return read_plane


def _scale(
    stack: Stack, header: Dataset
) -> tuple[dict[str, float], dict[str, str], list[Evidence]]:
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    remarks = []
    spacing, unit = stack.frames[0].spacing_mm, "millimeter"
    if not _is_step(spacing):
        for keyword, where in _OTHER_SPACINGS:
            found = _pair(header.get(keyword))
            if _is_step(found):
                spacing = found
                sentence = f"the size of a pixel is that {where} ({keyword})"
                remarks.append(Evidence("scale", "inferred", sentence))
                break
    regions = ultrasound_regions(header)
    if not _is_step(spacing) and (of_region := region_spacing_cm(regions)):
        spacing, unit = of_region, "centimeter"
        sentence = "the size of a pixel is that of the ultrasound regions, whose bounds are in the metadata"
        remarks.append(Evidence("scale", "file", sentence))
    elif not _is_step(spacing) and regions:
        sentence = (
            "the ultrasound regions state no size of a pixel that holds for all of the picture; what they "
            "state is in the metadata"
        )
        remarks.append(Evidence("scale", "missing", sentence))
    if spacing is not None and _is_step(spacing):
        # the first value is the distance of rows: y
        scale["y"], scale["x"] = spacing
        units["y"] = units["x"] = unit
    step = z_step_mm(stack.positions_mm) if stack.positions_mm else stack.z_step_mm
    if "z" in stack.axes and step is not None and math.isfinite(step) and step > 0:
        scale["z"], units["z"] = step, "millimeter"
    if "t" in stack.axes and stack.step_s:
        scale["t"], units["t"] = stack.step_s, "second"
    return scale, units, remarks


def _pair(value: Any) -> tuple[float, float] | None:
    try:
        row, column = (float(part) for part in value)
    except (TypeError, ValueError):
        return None
    return row, column


def _is_step(spacing: tuple[float, float] | None) -> bool:
    return spacing is not None and all(math.isfinite(step) and step > 0 for step in spacing)


def _metadata(stack: Stack, header: Dataset, palette: Palette | None) -> dict[str, Any]:
    facts = facts_of(header)
    if has_overlay_in_pixels(header):
        facts["overlay_in_pixels"] = True
    if stack.positions_mm:
        facts["slice_positions_mm"] = list(stack.positions_mm)
    if stack.times_s:
        facts["frame_times_s"] = list(stack.times_s)
    facts |= _of_slices(stack)
    rescale = {(frame.slope, frame.intercept) for frame in stack.frames}
    if len(rescale) > 1:
        # a value for each frame, in the image's order (PET series)
        facts["RescaleSlope"] = [frame.slope for frame in stack.frames]
        facts["RescaleIntercept"] = [frame.intercept for frame in stack.frames]
    else:
        slope, intercept = rescale.pop()
        facts |= {} if slope is None else {"RescaleSlope": slope}
        facts |= {} if intercept is None else {"RescaleIntercept": intercept}
    facts |= _of_kind(stack, header, facts)
    if mapping := real_world(header, stack.frames[0].index):
        facts["real_world_value"] = mapping
    if regions := ultrasound_regions(header):
        facts["ultrasound_regions"] = regions
    if stack.frames[0].corner is not None and (mosaic := mosaic_of(header)):
        facts["mosaic_slices"] = mosaic.n_slices
        if mosaic.slice_times_ms:
            facts["slice_times_ms"] = list(mosaic.slice_times_ms)
    return facts if palette is None else facts | palette.facts


def _of_slices(stack: Stack) -> dict[str, Any]:
    """Return where slices that lie beside each other begin, and the gradients of diffusion along t."""
    found: dict[str, Any] = {}
    if _is_shifted(stack):
        found["slice_origins_mm"] = [
            list(frame.origin_mm) for frame in stack.frames[: len(stack.positions_mm)]
        ]
    if "t" in stack.axes:
        directions = [
            list(frame.direction) for frame in stack.frames[:: math.prod(stack.lengths[1:])]
        ]
        if any(directions):
            found["diffusion_gradient_directions"] = directions
    return found


def _is_shifted(stack: Stack) -> bool:
    """Whether slices lie so far beside each other that a straight stack shows them a pixel off."""
    spacing = stack.frames[0].spacing_mm
    return _is_step(spacing) and spacing is not None and shift_mm(stack) > max(spacing)


def _of_kind(stack: Stack, header: Dataset, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes the frames of a stack one image of their file."""
    kind = stack.kind
    own: dict[str, Any] = {}
    if kind.frame_type and list(kind.frame_type) != facts.get("ImageType"):
        own["FrameType"] = list(kind.frame_type)
    if kind.echo_time_ms is not None and "EchoTime" not in facts:
        own["EchoTime"] = kind.echo_time_ms
    if kind.b_value is not None:
        own["DiffusionBValue"] = kind.b_value
    if kind.segment is not None:
        return own | segment_facts(header, kind.segment)
    return own | segments_facts(header)


def _evidence(
    header: Dataset, stack: Stack, image: Image, palette: Palette | None
) -> Iterator[Evidence]:
    label = f"{image.name}: " if image.name else ""
    photometric = str(header.get("PhotometricInterpretation") or "")
    if "z" in stack.axes and stack.positions_mm and "z" not in image.scale:
        yield Evidence(
            "scale",
            "missing",
            f"{label}slices are not evenly spaced; their positions are in the metadata",
        )
    if _is_shifted(stack):
        sentence = (
            f"{label}slices are shifted in their plane, {shift_mm(stack):.3g} mm from the first to the last (a "
            "tilted gantry): the stack is straight, where each slice begins is in the metadata"
        )
        yield Evidence("axes", "file", sentence)
    if stack.frames[0].corner is not None:
        sentence = (
            f"{label}slices cut from a Siemens mosaic, as many and in the order that it states"
        )
        yield Evidence("axes", "file", sentence)
    elif is_mosaic(header):
        sentence = f"{label}a mosaic of slices whose number is not stated: kept as one sheet"
        yield Evidence("axes", "missing", sentence)
    yield from _calibration(label, header, stack)
    # the RCT and ICT of JPEG 2000 belong to the code stream; other YBR is converted here
    if photometric.startswith("YBR") and photometric not in ("YBR_RCT", "YBR_ICT"):
        yield Evidence("content", "inferred", f"{label}RGB computed from stored {photometric}")
    if photometric == "PALETTE COLOR":
        sentence = (
            "colours of the stored palette, as RGB; its table is in the metadata"
            if palette is not None
            else "palette indices as stored: the palette has no colours"
        )
        yield Evidence("content", "file", f"{label}{sentence}")
    if photometric == "MONOCHROME1":
        yield Evidence("content", "file", f"{label}low values are bright (MONOCHROME1)")
    if str(header.get("LossyImageCompression") or "") == "01":
        yield Evidence("content", "file", f"{label}the file says it was compressed with loss")
    if str(header.get("BurnedInAnnotation") or "") == "YES":
        yield Evidence(
            "content", "file", f"{label}the file says text is burned into the pixels; look at it"
        )


def _calibration(label: str, header: Dataset, stack: Stack) -> Iterator[Evidence]:
    """Say what the stored values stand for, where the file maps them to a quantity."""
    if header.get("DoseGridScaling") is not None:
        sentence = (
            f"{label}dose = stored × {float(header.DoseGridScaling):g}, in "
            f"{header.get('DoseUnits') or 'no unit'}; the stored values are kept"
        )
        yield Evidence("calibration", "file", sentence)
    mapping = real_world(header, stack.frames[0].index)
    if "slope" in mapping and (mapping["slope"], mapping.get("intercept", 0)) != (1, 0):
        sentence = (
            f"{label}real-world value = stored × {mapping['slope']:g} + {mapping.get('intercept', 0):g}, "
            f"in {mapping.get('unit') or 'no unit'}; the stored values are kept"
        )
        yield Evidence("calibration", "file", sentence)
