"""DICOM files, written by pydicom from stated numbers; compressed frames by imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RNG = np.random.default_rng(13)
_MM = "millimeter"
NAME = "Doe^Jane"


def dataset(pixels: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **tags: Any) -> Dataset:
    """Return a secondary-capture-like dataset; ``pixels`` are (y, x), (y, x, 3) or (n, y, x)."""
    rgb = pixels.ndim == 3 and pixels.shape[2] == 3
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.4")
    data.SOPInstanceUID = generate_uid()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.PatientName, data.PatientID, data.InstitutionName = NAME, "4711", "Hospital"
    data.StudyDate, data.SeriesDescription = "20200101", "scan of Jane Doe"
    data.SeriesInstanceUID = "1.2.3"
    data.Modality = "MR"
    data.Rows, data.Columns = pixels.shape[:2] if rgb else pixels.shape[-2:]
    if pixels.ndim == 3 and not rgb:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel = 3 if rgb else 1
    if rgb:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = "RGB" if rgb else "MONOCHROME2"
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for tag, value in tags.items():
        setattr(data, tag, value)
    stored = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<"))
    data.PixelData = stored.tobytes()
    data["PixelData"].VR = "OW" if data.BitsAllocated > 8 else "OB"
    if syntax.is_encapsulated:
        data["PixelData"].VR = "OB"
    return data


def save(data: Dataset, path: Path) -> Path:
    data.save_as(path, enforce_file_format=True)
    return path


def _series(folder: Path, *, last_mm: float = 9.0) -> Truth:
    """Three slices: instance order is not spatial order, thickness is not the step; strangers beside."""
    pixels = _RNG.integers(-2000, 2000, (3, 6, 8), dtype=np.int16)
    places = {0: 1, 1: 0, 2: 2}
    for instance, z in places.items():
        data = dataset(
            pixels[z],
            InstanceNumber=instance + 1,
            ImagePositionPatient=[1.0, 2.0, (0.0, 4.5, last_mm)[z]],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[0.5, 0.25],
            SliceThickness=4.0,
            RescaleSlope=2.0,
            RescaleIntercept=-1024.0,
        )
        save(data, folder / f"im{instance}.ima")
    stranger = dataset(pixels[0], SeriesInstanceUID="9.9.9")
    save(stranger, folder / "other series.ima")
    (folder / "notes.dcm").write_text("no DICOM at all, but named so")
    scale = {"y": 0.5, "x": 0.25}
    if last_mm == 9.0:
        scale["z"] = 4.5
    return Truth(
        folder / "im0.ima",
        images=(ImageTruth(pixels, "zyx", scale, dict.fromkeys(scale, _MM)),),
    )


def _two_series(folder: Path) -> Truth:
    """Files named alike but for numbers, of two series and a report: a plan takes them as one item."""
    pixels = _RNG.integers(0, 4000, (3, 5, 4), dtype=np.uint16)
    for number, (series, z_mm) in enumerate((("1.2.3", 0.0), ("1.2.4", 0.0), ("1.2.3", 2.0))):
        data = dataset(
            pixels[number],
            SeriesInstanceUID=series,
            ImagePositionPatient=[0.0, 0.0, z_mm],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        save(data, folder / f"IM{number}.dcm")
    report = dataset(pixels[0], Modality="SR")
    del report.PixelData, report.Rows, report.Columns
    save(report, folder / "IM9.dcm")
    stack = ImageTruth(pixels[[0, 2]], "zyx", {"z": 2.0}, {"z": _MM})
    return Truth(folder / "IM0.dcm", images=(stack, ImageTruth(pixels[1], "yx")))


def _dynamic(folder: Path) -> Truth:
    """Two moments of two oblique slices, and a phase image of the same series."""
    pixels = _RNG.integers(0, 4000, (3, 2, 5, 4), dtype=np.uint16)
    for t, z in np.ndindex(3, 2):
        data = dataset(
            pixels[t, z],
            ImageType=["ORIGINAL", "PRIMARY", "P" if t == 2 else "M"],
            TemporalPositionIdentifier=t + 1,
            ImagePositionPatient=[0.0, 3.0 * z, 4.0 * z],
            ImageOrientationPatient=[1, 0, 0, 0, 0.8, -0.6],
            BitsStored=12,
            HighBit=11,
        )
        save(data, folder / f"{5 - t}{z}.dcm")
    scale, units = {"z": 5.0}, {"z": _MM}
    moments = ImageTruth(pixels[:2], "tzyx", scale, units)
    phase = ImageTruth(pixels[2], "zyx", scale, units)
    return Truth(folder / "51.dcm", images=(moments, phase))


def _encoded(folder: Path, syntax: UID, encode: Callable[[np.ndarray], bytes]) -> Truth:
    pixels = _RNG.integers(0, 4095, (2, 16, 24), dtype=np.uint16)
    data = dataset(pixels, syntax, BitsStored=12, HighBit=11, FrameTime=40.0)
    data.PixelData = encapsulate([encode(frame) for frame in pixels])
    return Truth(
        save(data, folder / "encoded.dcm"),
        images=(ImageTruth(pixels, "tyx", {"t": 0.04}, {"t": "second"}),),
    )


def _rle(folder: Path) -> Truth:
    pixels = _RNG.integers(-30000, 30000, (1, 9, 7), dtype=np.int16)
    data = dataset(pixels[0])
    data.compress(RLELossless, generate_instance_uid=False)
    return Truth(save(data, folder / "rle.dcm"), images=(ImageTruth(pixels[0], "yx"),))


def _native(folder: Path, syntax: UID) -> Truth:
    pixels = _RNG.integers(0, 65535, (7, 9), dtype=np.uint16)
    path = save(dataset(pixels, syntax), folder / "native.dcm")
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _rgb(folder: Path) -> Truth:
    """Colour-by-plane RGB in two frames without any position or time."""
    pixels = _RNG.integers(0, 255, (2, 3, 5, 6), dtype=np.uint8)
    data = dataset(np.zeros((5, 6, 3), np.uint8), NumberOfFrames=2, PlanarConfiguration=1)
    data.PixelData = pixels.tobytes()
    truth = ImageTruth(np.moveaxis(pixels, 1, 0), "czyx", {}, {}, ("R", "G", "B"), "rgb")
    return Truth(save(data, folder / "rgb.dcm"), images=(truth,))


def _ybr_jpeg(folder: Path) -> Truth:
    """Smooth colours in a baseline JPEG stored as YBR: the truth is the RGB it was made from."""
    y, x = np.mgrid[0:32, 0:48]
    pixels = np.stack([2 * x + 60, 3 * y + 40, 200 - x - y], axis=-1).astype(np.uint8)
    data = dataset(pixels, JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422")
    jpeg = imagecodecs.jpeg8_encode(pixels, level=98, subsampling="422")
    data.PixelData = encapsulate([jpeg])
    truth = ImageTruth(
        np.moveaxis(pixels, -1, 0), "cyx", {}, {}, ("R", "G", "B"), "rgb", tolerance=6
    )
    return Truth(save(data, folder / "ybr.dcm"), images=(truth,))


def _palette(folder: Path) -> Truth:
    pixels = _RNG.integers(0, 3, (4, 6), dtype=np.uint8)
    data = dataset(pixels, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(data, f"{colour}PaletteColorLookupTableData", np.arange(4, dtype="<u2").tobytes())
    path = save(data, folder / "palette.dcm")
    return Truth(path, images=(ImageTruth(pixels, "yx", kind="label"),))


def _map_of_segments(folder: Path, kind: str) -> Truth:
    """Numbers of segments in one picture, and the probability of one: only the first are labels."""
    pixels = _RNG.integers(0, 200, (8, 9), dtype=np.uint8)
    data = dataset(pixels, Modality="SEG", BitsAllocated=8, BitsStored=8, HighBit=7)
    data.SegmentationType = kind
    if kind == "FRACTIONAL":
        data.SegmentationFractionalType, data.MaximumFractionalValue = "PROBABILITY", 200
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "liver"
    data.SegmentSequence = [segment]
    truth = ImageTruth(pixels, "yx", kind="label" if kind == "LABELMAP" else "intensity")
    return Truth(save(data, folder / "map.dcm"), images=(truth,))


def _segments(folder: Path) -> Truth:
    """Bit-packed segmentation: segment 1 on two slices, segment 2 on one: two label images."""
    pixels = _RNG.integers(0, 2, (3, 8, 9), dtype=np.uint8)
    data = dataset(pixels, Modality="SEG", BitsAllocated=1, BitsStored=1, HighBit=0)
    data.SegmentationType = "BINARY"
    data.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes().ljust(28, b"\0")
    shared = Dataset()
    orientation = Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PlaneOrientationSequence = [orientation]
    measures = Dataset()
    measures.PixelSpacing = [2.0, 3.0]
    shared.PixelMeasuresSequence = [measures]
    data.SharedFunctionalGroupsSequence = [shared]
    per_frame = []
    for segment, z_mm in ((1, 6.0), (2, 6.0), (1, 2.0)):
        groups, which, place = Dataset(), Dataset(), Dataset()
        which.ReferencedSegmentNumber = segment
        place.ImagePositionPatient = [0.0, 0.0, z_mm]
        groups.SegmentIdentificationSequence = [which]
        groups.PlanePositionSequence = [place]
        per_frame.append(groups)
    data.PerFrameFunctionalGroupsSequence = per_frame
    scale = {"y": 2.0, "x": 3.0}
    units = dict.fromkeys("zyx", _MM)
    first = ImageTruth(pixels[[2, 0]], "zyx", scale | {"z": 4.0}, units, kind="label")
    second = ImageTruth(pixels[1], "yx", scale, dict.fromkeys("yx", _MM), kind="label")
    return Truth(save(data, folder / "seg.dcm"), images=(first, second))


def _refused(folder: Path, what: str) -> Truth:
    pixels = _RNG.integers(0, 65535, (40, 50), dtype=np.uint16)
    data = dataset(pixels)
    path = folder / f"{what}.dcm"
    if what == "report":
        del data.PixelData, data.Rows, data.Columns
        data.Modality = "SR"
        save(data, path)
        return Truth(path, error="UnsupportedFormatError", error_says="modality SR")
    if what == "uneven repeats":
        for i, z_mm in enumerate((0.0, 0.0, 1.0)):
            data.SOPInstanceUID = generate_uid()
            data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            data.ImagePositionPatient = [0.0, 0.0, z_mm]
            save(data, folder / f"{what}{i or ''}.dcm")
        return Truth(path, error="UnsupportedFormatError", error_says="missing or repeated")
    if what == "no rows":
        data.Rows = 0
        save(data, path)
        return Truth(path, error="EmptyFileError")
    save(data, path)
    content = path.read_bytes()
    if what == "text":
        path.write_bytes(b"Dear reader,\n" * 30)
    elif what == "cut header":
        path.write_bytes(content[:300])
    elif what == "cut before pixels":
        path.write_bytes(content[:-4050])
    else:
        path.write_bytes(content[:-100])
    return Truth(path, error="CorruptFileError")


SAMPLES = [
    Sample("dicom-series", "dicom", _series),
    Sample("dicom-uneven", "dicom", lambda folder: _series(folder, last_mm=11.0)),
    Sample("dicom-dynamic", "dicom", _dynamic),
    Sample("dicom-two-series", "dicom", _two_series),
    *(
        Sample(
            f"dicom-{name}",
            "dicom",
            lambda folder, syntax=syntax, encode=encode: _encoded(folder, syntax, encode),
        )
        for name, syntax, encode in (
            (
                "jpeg2000",
                JPEG2000Lossless,
                lambda a: imagecodecs.jpeg2k_encode(
                    a, level=0, reversible=True, codecformat="j2k", bitspersample=12
                ),
            ),
            ("jpegls", JPEGLSLossless, imagecodecs.jpegls_encode),
            ("ljpeg", JPEGLosslessSV1, lambda a: imagecodecs.ljpeg_encode(a, bitspersample=12)),
            ("htj2k", HTJ2KLossless, lambda a: imagecodecs.htj2k_encode(a, reversible=True)),
        )
    ),
    Sample("dicom-rle", "dicom", _rle),
    *(
        Sample(f"dicom-{syntax.keyword}", "dicom", lambda f, syntax=syntax: _native(f, syntax))
        for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
    ),
    Sample("dicom-rgb", "dicom", _rgb),
    Sample("dicom-ybr-jpeg", "dicom", _ybr_jpeg),
    Sample("dicom-palette", "dicom", _palette),
    Sample("dicom-segments", "dicom", _segments),
    *(
        Sample(f"dicom-{kind.lower()}", "dicom", lambda f, kind=kind: _map_of_segments(f, kind))
        for kind in ("LABELMAP", "FRACTIONAL")
    ),
    *(
        Sample(f"dicom-{what}", "dicom", lambda folder, what=what: _refused(folder, what))
        for what in (
            "report",
            "uneven repeats",
            "no rows",
            "text",
            "cut header",
            "cut before pixels",
            "cut pixels",
        )
    ),
]
