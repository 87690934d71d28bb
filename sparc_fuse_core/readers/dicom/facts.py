"""What a DICOM header states beside pixels: tags that are kept, ultrasound regions, what tells images apart.

Tags: DICOM PS3.3 (C.8.5.5 ultrasound region calibration) and PS3.6.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from sparc_fuse_core.readers.dicom.frames import Kind

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
    "EchoNumbers",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "KVP",
    "Exposure",
    "ConvolutionKernel",
    "FrameTime",
    "CineRate",
    "SegmentationType",
    "SegmentationFractionalType",
    "MaximumFractionalValue",
    "DoseUnits",
    "DoseType",
    "DoseSummationType",
    "DoseGridScaling",
    "GridFrameOffsetVector",
)
#: Values of elements that are not copied: who the patient is, what is private. Counted, never published.
_MAX_ELEMENTS = 500
_MAX_LETTERS = 200
#: Codes of physical units along a direction of an ultrasound region: 3 is centimetre.
_REGION_UNITS = {
    0: "none",
    1: "percent",
    2: "dB",
    3: "cm",
    4: "s",
    5: "Hz",
    6: "dB/s",
    7: "cm/s",
    8: "cm²",
    9: "cm²/s",
    10: "cm³",
    11: "cm³/s",
    12: "degree",
}
_OF_THE_PIXELS = frozenset(
    (
        *("Rows", "Columns", "HighBit", "NumberOfFrames", "PlanarConfiguration", "PixelData"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "SOPClassUID", "TransferSyntaxUID"),
        *("ImagePositionPatient", "InstanceNumber", "SliceLocation", "PixelPaddingValue"),
    )
)
_REGION_FORMATS = {0: "none", 1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"}
_MAX_REGIONS = 64


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


def segment_facts(header: Dataset, number: int) -> dict[str, Any]:
    """Return number and label of a segment (PS3.3, C.8.20.2): what its pixels outline."""
    facts: dict[str, Any] = {"segment_number": number}
    for segment in header.get("SegmentSequence") or ():
        if segment.get("SegmentNumber") == number and segment.get("SegmentLabel"):
            facts["segment_label"] = str(segment.SegmentLabel)[:_MAX_LETTERS]
            break
    return facts


def segments_facts(header: Dataset) -> dict[str, Any]:
    """Return number and label of every segment of a map of labels, whose frames name none."""
    numbers = [segment.get("SegmentNumber") for segment in header.get("SegmentSequence") or ()]
    found = [segment_facts(header, int(n)) for n in numbers[:_MAX_ELEMENTS] if n is not None]
    return {"segments": found} if found else {}


def is_of_labels(header: Dataset, *, is_index: bool) -> bool:
    """Whether pixels are labels: indices, bits or segments; the share of a segment is an intensity."""
    if header.get("Modality") == "SEG":
        return not _is_share(header)
    return is_index or header.get("BitsAllocated") == 1


def share_evidence(header: Dataset) -> list[Evidence]:
    """Say what the values of a fractional segmentation are (PS3.3, C.8.20.2)."""
    most = header.get("MaximumFractionalValue")
    if not (_is_share(header) and most):
        return []
    what = {"PROBABILITY": "probability", "OCCUPANCY": "share of the pixel"}
    meant = what.get(str(header.get("SegmentationFractionalType") or ""), "share")
    sentence = f"stored / {most} is the {meant} of the segment; the stored values are kept"
    return [Evidence("calibration", "file", sentence)]


def _is_share(header: Dataset) -> bool:
    return bool(header.get("Modality") == "SEG" and header.get("SegmentationType") == "FRACTIONAL")


def uncopied(header: Dataset) -> dict[str, dict[str, Any]]:
    """Return the elements that are not copied, apart: those of the standard, and private ones.

    Nested data sets and binary values are named without their values. What becomes of them the policy
    decides (`sparc_fuse_core.privacy`): most identify a person, a place or a device.
    """
    found: dict[str, dict[str, Any]] = {"elements": {}, "private": {}}
    for element in list(header)[:_MAX_ELEMENTS]:
        if element.keyword in COPIED_TAGS or element.keyword in _OF_THE_PIXELS:
            continue
        kind = "private" if element.tag.is_private else "elements"
        is_text = element.VR not in ("SQ", "OB", "OW", "OF", "OD", "OL", "UN")
        value = str(element.value)[:_MAX_LETTERS] if is_text else f"({element.VR})"
        if value:
            found[kind][element.keyword or str(element.tag)] = value
    return {kind: values for kind, values in found.items() if values}


def has_overlay_in_pixels(header: Dataset) -> bool:
    """Tell whether an overlay (retired in 2004) lies in bits of the pixels: it may be somebody's name."""
    stored = int(header.get("BitsAllocated") or 0)
    return any(
        (group, 0x0102) in header
        and int(header[(group, 0x0102)].value or 0) > 0
        and int(header[(group, 0x0100)].value if (group, 0x0100) in header else 0) == stored
        and (group, 0x3000) not in header
        for group in range(0x6000, 0x6020, 2)
    )


def ultrasound_regions(header: Dataset) -> list[dict[str, Any]]:
    """Return bounds, kind and step of each calibrated region of an ultrasound picture."""
    found = header.get("SequenceOfUltrasoundRegions") or ()
    return [_region(region) for region in list(found)[:_MAX_REGIONS]]


def _region(region: Dataset) -> dict[str, Any]:
    bounds = {
        axis: [_int(region.get(f"RegionLocation{end}")) for end in (f"Min{axis}0", f"Max{axis}1")]
        for axis in "XY"
    }
    return {
        "format": _REGION_FORMATS.get(_int(region.get("RegionSpatialFormat")), "other"),
        "x": bounds["X"],
        "y": bounds["Y"],
        "step_x": _float(region.get("PhysicalDeltaX")),
        "step_y": _float(region.get("PhysicalDeltaY")),
        "unit_x": _REGION_UNITS.get(_int(region.get("PhysicalUnitsXDirection")), ""),
        "unit_y": _REGION_UNITS.get(_int(region.get("PhysicalUnitsYDirection")), ""),
    }


def region_spacing_cm(regions: Sequence[dict[str, Any]]) -> tuple[float, float] | None:
    """Return the step of y and x in centimetre where all regions in space state the same one."""
    steps = {
        (abs(region["step_y"] or 0.0), abs(region["step_x"] or 0.0))
        for region in regions
        if region["unit_x"] == region["unit_y"] == "cm"
    }
    if len(steps) != 1:
        return None
    step = steps.pop()
    return step if min(step) > 0 else None


def _int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def differences(kinds: Sequence[Kind], series: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a name for each image from what tells it from the others, and what that is.

    Parameters
    ----------
    kinds
        Of the images, in order.
    series
        Number of the series of each image, or ``""``.
    """
    labels: list[list[str]] = [[] for _ in kinds]
    told: list[str] = []

    def tell(what: str, texts: Sequence[str]) -> None:
        if len(set(texts)) > 1:
            told.append(what)
            for label, text in zip(labels, texts, strict=True):
                if text:
                    label.append(text)

    tell("series", [f"series {number}" if number else "" for number in series])
    longest = max((len(kind.frame_type) for kind in kinds), default=0)
    types = [kind.frame_type + ("",) * (longest - len(kind.frame_type)) for kind in kinds]
    differ = [i for i in range(longest) if len({parts[i] for parts in types}) > 1]
    tell("type", [" ".join(parts[i] for i in differ if parts[i]) for parts in types])
    tell(
        "echo time",
        [
            f"echo {kind.echo_time_ms:g} ms" if kind.echo_time_ms is not None else ""
            for kind in kinds
        ],
    )
    if "echo time" not in told:
        tell(
            "echo number",
            [f"echo {kind.echo_number}" if kind.echo_number else "" for kind in kinds],
        )
    tell("b-value", [f"b {kind.b_value:g}" if kind.b_value is not None else "" for kind in kinds])
    tell("unit", [kind.unit for kind in kinds])
    tell("stack", [f"stack {kind.stack_id}" if kind.stack_id else "" for kind in kinds])
    tell(
        "segment",
        [f"segment {kind.segment}" if kind.segment is not None else "" for kind in kinds],
    )
    for what in dict.fromkeys(what for kind in kinds for what, _ in kind.counted):
        counts = [dict(kind.counted).get(what) for kind in kinds]
        tell(what, [f"{what} {count}" if count is not None else "" for count in counts])
    tell("orientation", [_plane(kind.orientation) for kind in kinds])
    tell("size", [f"{kind.columns}x{kind.rows}" for kind in kinds])
    return [" ".join(label) for label in labels], told


def _plane(orientation: Sequence[float]) -> str:
    """Return the body plane that a picture lies closest to: its normal's largest part decides."""
    if len(orientation) != 6:
        return ""
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    normal = [abs(b * f - c * e), abs(c * d - a * f), abs(a * e - b * d)]
    return ("sagittal", "coronal", "axial")[normal.index(max(normal))]
