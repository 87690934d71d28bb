"""Images as other libraries read them; each function takes the files of an item, the leading one first.

Planes are compared as a set where a library tells no axes. What it is known to show wrong is refused by name.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.proof.faults import KnownFaultError
from sparc_fuse_core.proof.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.proof.seen import Array

# tags of TIFF
_SUBFILE = 254
_BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _PLANAR, _TILES = 258, 259, 262, 273, 284, 324
_YCBCR = 6

#: Data types of NIfTI.
_WHOLE_NUMBERS = ("2", "4", "8", "256", "512", "768", "1024", "1280")


def pillow(files: Sequence[Path]) -> Seen:
    """Read all frames of all files with Pillow."""
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = None
    frames: list[Array] = []
    for path in files:
        with Image.open(path) as file:
            for frame in ImageSequence.Iterator(file):
                # smaller copies of a page are not images of their own
                if hasattr(frame, "tag_v2") and frame.tag_v2.get(_SUBFILE, 0) & 1:
                    continue
                _refuse_wrong(frame)
                frames.append(np.asarray(frame))
    return Seen(images=tuple(frames), pooled=True)


def _refuse_wrong(frame: Any) -> None:
    """Refuse what Pillow is known to show other than it is stored."""
    raw = next((part for tile in frame.tile for part in _texts(tile[3])), "")
    if frame.mode in ("P", "PA", "CMYK", "YCbCr"):
        message = f"Pillow: mode {frame.mode} is colours of a palette, or inks that it turns round"
    elif frame.mode in ("RGB", "RGBA", "LA") and "16" in raw:
        message = "Pillow keeps 8 of 16 bits of colours"
    elif re.search(r";[24]", raw):
        message = "Pillow stretches pixels of 2 and 4 bits"
    elif hasattr(frame, "tag_v2") and (found := _wrong_tiff(frame)):
        message = found
    else:
        return
    raise KnownFaultError(message)


def _texts(arguments: Any) -> list[str]:
    parts = arguments if isinstance(arguments, tuple) else (arguments,)
    return [part for part in parts if isinstance(part, str)]


def _wrong_tiff(frame: Any) -> str:
    tags = frame.tag_v2
    bits = tags.get(_BITS, (1,))
    if tags.get(_PLANAR) == 2 and max(bits) > 8:
        return "Pillow keeps 8 of 16 bits of colours"
    if tags.get(_PHOTOMETRIC) == _YCBCR and tags.get(_COMPRESSION, 1) == 1:
        return "Pillow takes the blocks of subsampled colours for pixels"
    if 0 in (*tags.get(_STRIPS, ()), *tags.get(_TILES, ())):
        return "Pillow shows something else where a tile is absent"
    return ""


def pydicom_plain(files: Sequence[Path]) -> Seen:
    """Read the stored pixels of DICOM files with pydicom's own ``pixel_array``, each instance once."""
    import pydicom

    found: dict[str, Array] = {}
    for path in files:
        dataset = pydicom.dcmread(path, force=True)
        if "MOSAIC" in str(dataset.get("ImageType", "")) or "PALETTE" in str(
            dataset.get("PhotometricInterpretation", "")
        ):
            message = "pydicom shows mosaics and indices of palettes as they are stored"
            raise KnownFaultError(message)
        found[str(dataset.get("SOPInstanceUID", path))] = np.asarray(dataset.pixel_array)
    return Seen(images=tuple(found.values()), pooled=True, partial=True)


def dicom_by_itk(files: Sequence[Path]) -> Seen:
    """Read DICOM files with SimpleITK (GDCM), each instance once; its scale is taken off again."""
    import SimpleITK as Sitk

    found: dict[str, Array] = {}
    steps: dict[str, float] = {}
    for path in files:
        reader = Sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        image = reader.Execute()
        tags = {key: image.GetMetaData(key).strip() for key in image.GetMetaDataKeys()}
        if "MOSAIC" in tags.get("0008|0008", "") or "PALETTE" in tags.get("0028|0004", ""):
            message = "ITK shows mosaics and palettes in its own way"
            raise KnownFaultError(message)
        if tags.get("0028|0100") == "1":
            message = "GDCM shows single bits as 0 and 255"
            raise KnownFaultError(message)
        pixels = np.asarray(Sitk.GetArrayFromImage(image))
        if pixels.dtype.kind == "f" and "0028|1053" not in tags:
            message = "GDCM applies a scale of a group of frames, and does not tell it"
            raise KnownFaultError(message)
        slope, offset = (
            float(tags.get(tag) or one) for tag, one in (("0028|1053", 1), ("0028|1052", 0))
        )
        if (slope, offset) != (1.0, 0.0):
            pixels = np.round((pixels.astype(float) - offset) / slope)
        if "0028|0030" in tags:
            steps = {axis: 1e3 * step for axis, step in zip("xy", image.GetSpacing(), strict=False)}
        found[tags.get("0008|0018", str(path))] = pixels
    return Seen(images=tuple(found.values()), steps_um=(steps,), pooled=True, partial=True)


def png_by_itk(files: Sequence[Path]) -> Seen:
    """Read PNG with SimpleITK, which has its own copy of the library."""
    import SimpleITK as Sitk

    pixels = []
    for path in files:
        head = path.read_bytes()[:4096]
        if not head.startswith(b"\x89PNG"):
            message = "decoders of JPEG round each in its own way; ITK adds a channel to BMP"
            raise KnownFaultError(message)
        if head[24] < 8 or head[25] not in (0, 2, 6) or b"tRNS" in head:
            message = (
                "ITK stretches 1, 2 and 4 bits and shows the colours of palettes and transparency"
            )
            raise KnownFaultError(message)
        pixels.append(np.asarray(Sitk.GetArrayFromImage(Sitk.ReadImage(str(path)))))
    return Seen(images=tuple(pixels), pooled=True)


def jpeg2000(files: Sequence[Path]) -> Seen:
    """Read JPEG 2000 with Pillow, which shows the first picture of .jpx."""
    return dataclasses.replace(pillow(files), partial=files[0].suffix.lower() in (".jpx", ".jpf"))


def ims(files: Sequence[Path]) -> Seen:
    """Read the full resolution of Imaris with pyfive, in the order t, c; blocks are larger than the image."""
    import pyfive

    planes: list[Array] = []
    with pyfive.File(str(files[0])) as file:
        size = [int(b"".join(file["DataSetInfo/Image"].attrs[name])) for name in "ZYX"]
        level = file["DataSet/ResolutionLevel 0"]
        for t in range(len(level.keys())):
            moment = level[f"TimePoint {t}"]
            for c in range(len(moment.keys())):
                block = np.asarray(moment[f"Channel {c}/Data"][...])
                planes += list(block[: size[0], : size[1], : size[2]])
    return Seen(images=(np.stack(planes),))


def nrrd(files: Sequence[Path]) -> Seen:
    """Read NRRD with SimpleITK."""
    import SimpleITK as Sitk

    path = files[0]
    head = path.read_bytes()[:65536] if path.suffix == ".nhdr" else b""
    if re.search(rb"byte ?skip: *-", head, re.IGNORECASE):
        message = "ITK does not count a byte skip from the end"
        raise KnownFaultError(message)
    if b".nii" in head:
        message = "ITK shows the header of a NIfTI file as pixels"
        raise KnownFaultError(message)
    return Seen(
        images=(np.asarray(Sitk.GetArrayFromImage(Sitk.ReadImage(str(path)))),), pooled=True
    )


def nifti(files: Sequence[Path]) -> Seen:
    """Read NIfTI with SimpleITK, in the file's order; the scale that it applies is taken off again."""
    import SimpleITK as Sitk

    image = Sitk.ReadImage(str(files[0]))
    pixels = np.asarray(Sitk.GetArrayFromImage(image))
    keys = image.GetMetaDataKeys()
    slope = float(image.GetMetaData("scl_slope")) if "scl_slope" in keys else 0.0
    if slope and pixels.dtype.kind == "f":
        pixels = (pixels.astype(float) - float(image.GetMetaData("scl_inter"))) / slope
        # ITK tells the slope in six digits
        if image.GetMetaData("datatype") in _WHOLE_NUMBERS:
            pixels = np.round(pixels)
    # ITK has lengths in millimetres; a unit that is not stated it takes for them
    told = image.GetMetaData("xyzt_units") if "xyzt_units" in keys else "0"
    axes = zip("xyz", image.GetSpacing(), strict=False)
    steps = {axis: 1e3 * step for axis, step in axes} if int(told or 0) & 7 else {}
    return Seen(images=(pixels,), steps_um=(steps,), pooled=pixels.ndim > 3)


def lif(files: Sequence[Path]) -> Seen:
    """Read all images of LIF with readlif, in the order t, c, z."""
    from readlif.reader import LifFile

    planes: list[Array] = []
    for image in LifFile(str(files[0])).get_iter_image():
        if set(image.dims_n) - {1, 2, 3, 4, 10}:
            message = "readlif knows no axes but x, y, z, t and tiles"
            raise KnownFaultError(message)
        if len(set(image.bit_depth)) > 1:
            message = "readlif takes all channels for numbers of one size"
            raise KnownFaultError(message)
        n_tiles = image.n_mosaic
        for t in range(image.dims.t):
            for c in range(image.channels):
                for z in range(image.dims.z):
                    planes += [
                        np.asarray(image.get_frame(z=z, t=t, c=c, m=m)) for m in range(n_tiles)
                    ]
    return Seen(images=tuple(planes), pooled=True)


def dm(files: Sequence[Path]) -> Seen:
    """Read the main image of DM3 and DM4 with ncempy."""
    from ncempy.io import dm as library

    return Seen(
        images=(np.asarray(library.dmReader(str(files[0]))["data"]),), pooled=True, partial=True
    )


def olympus(files: Sequence[Path]) -> Seen:
    """Read the planes of OIF (a folder of TIFF) and OIB (the same in an OLE file) with Pillow."""
    import io

    from PIL import Image

    planes = []
    for data in _tiffs_of(files):
        with Image.open(io.BytesIO(data)) as plane:
            if plane.mode.startswith("I;16"):
                planes.append(np.asarray(plane))
    return Seen(images=tuple(planes), pooled=True, partial=True)


def _tiffs_of(files: Sequence[Path]) -> list[bytes]:
    magic = (b"II*\0", b"MM\0*")
    if files[0].suffix.lower() == ".oib":
        import olefile

        with olefile.OleFileIO(str(files[0])) as archive:
            streams = [archive.openstream(name).read() for name in archive.listdir()]
        return [data for data in streams if data.startswith(magic)]
    # regions of interest have their own pictures
    return [
        path.read_bytes()
        for path in files
        if path.suffix.lower() == ".tif" and not re.search(r"-R\d+\.tif$", path.name, re.IGNORECASE)
    ]


def czi(files: Sequence[Path]) -> Seen:
    """Read CZI with czifile."""
    import czifile

    with czifile.CziFile(str(files[0])) as file:
        counts = dict(zip(file.axes, file.shape, strict=True))
        entries = file.filtered_subblock_directory
        several = {entry.mosaic_index for entry in entries}
        if counts.get("S", 1) > 1 or len(several) > 1 or len({str(e.dtype) for e in entries}) > 1:
            message = (
                "czifile joins scenes and pixel types, and leaves gaps of mosaics as they come"
            )
            raise KnownFaultError(message)
        return Seen(images=(np.asarray(file.asarray()),), pooled=True)


def nd2(files: Sequence[Path]) -> Seen:
    """Read the frames that nd2reader shows."""
    import nd2reader

    with nd2reader.ND2Reader(str(files[0])) as file:
        file.bundle_axes = "yx"
        file.iter_axes = [axis for axis in "vtzc" if file.sizes.get(axis, 1) > 1]
        frames = [np.asarray(frame) for frame in file]
        step = file.metadata.get("pixel_microns")
        names = tuple(map(str, file.metadata.get("channels", ())))
    steps = ({"x": float(step), "y": float(step)},) if step else ()
    return Seen(
        images=tuple(frames), steps_um=steps, channel_names=names or None, pooled=True, partial=True
    )
