"""Images as other libraries read them; each function takes the files of an item, the leading one first.

Planes are compared as a set where a library tells no axes. What it is known to show wrong is refused by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.proof.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.proof.seen import Array

# tags of TIFF
_SUBFILE = 254
_BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _PLANAR, _TILES = 258, 259, 262, 273, 284, 324
_YCBCR = 6


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
    raise ValueError(message)


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
    """Read the stored pixels of DICOM files with pydicom's own ``pixel_array``."""
    import pydicom

    found = []
    for path in files:
        dataset = pydicom.dcmread(path, force=True)
        if "MOSAIC" in str(dataset.get("ImageType", "")) or "PALETTE" in str(
            dataset.get("PhotometricInterpretation", "")
        ):
            message = "pydicom shows mosaics and indices of palettes as they are stored"
            raise ValueError(message)
        found.append(np.asarray(dataset.pixel_array))
    return Seen(images=tuple(found), pooled=True, partial=True)


def simple_itk(files: Sequence[Path]) -> Seen:
    """Read with SimpleITK; the scale of NIfTI that it applies is taken off again."""
    import SimpleITK as Sitk

    path = files[0]
    if path.suffix == ".nhdr" and re.search(
        rb"byte ?skip: *-", path.read_bytes()[:65536], re.IGNORECASE
    ):
        message = "ITK does not count a byte skip from the end"
        raise ValueError(message)
    if path.suffix == ".nhdr" and b".nii" in path.read_bytes()[:65536]:
        message = "ITK shows the header of a NIfTI file as pixels"
        raise ValueError(message)
    image = Sitk.ReadImage(str(path))
    pixels = np.asarray(Sitk.GetArrayFromImage(image))
    keys = image.GetMetaDataKeys()
    slope = float(image.GetMetaData("scl_slope")) if "scl_slope" in keys else 0.0
    if slope and pixels.dtype.kind == "f":
        pixels = (pixels.astype(float) - float(image.GetMetaData("scl_inter"))) / slope
    return Seen(images=(pixels,), pooled=True)


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
            raise ValueError(message)
        return Seen(images=(np.asarray(file.asarray()),), pooled=True)


def nd2(files: Sequence[Path]) -> Seen:
    """Read the frames that nd2reader shows."""
    import nd2reader

    with nd2reader.ND2Reader(str(files[0])) as file:
        file.bundle_axes = "yx"
        file.iter_axes = [axis for axis in "vtzc" if file.sizes.get(axis, 1) > 1]
        frames = [np.asarray(frame) for frame in file]
    return Seen(images=tuple(frames), pooled=True, partial=True)
