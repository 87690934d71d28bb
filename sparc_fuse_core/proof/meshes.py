"""Meshes, tracings, volumes and moving pictures as other libraries read them.

Each function takes the files of an item, the leading one first. Arrays are named as in a store of shapes: the
first mesh lies in ``00000``.
"""

from __future__ import annotations

import gzip
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.proof.faults import KnownFaultError
from sparc_fuse_core.proof.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FIRST = "00000"
_CUT = "faces: trimesh cuts those of more corners into triangles"


def trimesh_mesh(files: Sequence[Path]) -> Seen:
    """Read vertices, and the corners of an STL, with trimesh."""
    import trimesh

    loaded: Any = trimesh.load(files[0], process=False, maintain_order=True, skip_materials=True)
    if not hasattr(loaded, "vertices"):
        message = "trimesh shows a scene, whose parts it names and orders in its own way"
        raise KnownFaultError(message)
    arrays = {f"{_FIRST}/vertices": np.asarray(loaded.vertices)}
    faces = getattr(loaded, "faces", None)
    if faces is None or files[0].suffix.lower() != ".stl":
        return Seen(arrays=arrays, partial=True, left_aside=(_CUT,))
    arrays[f"{_FIRST}/face_vertex"] = np.asarray(faces).reshape(-1)
    return Seen(arrays=arrays, partial=True)


def swc(files: Sequence[Path]) -> Seen:
    """Read the columns of an SWC with numpy."""
    table = np.loadtxt(files[0], comments="#", ndmin=2, encoding="utf-8-sig")
    arrays = {
        f"{_FIRST}/points": table[:, 2:5],
        f"{_FIRST}/radius": table[:, 5],
        f"{_FIRST}/type": table[:, 1],
        f"{_FIRST}/id": table[:, 0],
    }
    return Seen(arrays=arrays, partial=True)


def netcdf(files: Sequence[Path]) -> Seen:
    """Read the variables of a classic netCDF with scipy."""
    from scipy.io import netcdf_file

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with netcdf_file(files[0], "r", mmap=False) as file:
            found = {
                name: np.array(variable[...])
                for name, variable in file.variables.items()
                if variable.typecode() != "c" and variable.shape
            }
    arrays = {name: values.astype(values.dtype.newbyteorder("=")) for name, values in found.items()}
    return Seen(arrays=arrays, partial=True)


def volume_by_itk(files: Sequence[Path]) -> Seen:
    """Read a MetaImage or MRC with SimpleITK."""
    import SimpleITK as Sitk

    if files[0].suffix.lower() in (".mha", ".mhd"):
        head = files[0].read_bytes()[:65536].split(b"ElementDataFile")[0]
        is_packed = b"CompressedData = True" in head
        if is_packed and (b"HeaderSize" in head or b"CompressedDataSize" not in head):
            message = (
                "ITK shows other values where packed ones have no stated size, or follow a header"
            )
            raise KnownFaultError(message)
    image = Sitk.ReadImage(str(files[0]))
    pixels = np.asarray(Sitk.GetArrayFromImage(image))
    if image.GetNumberOfComponentsPerPixel() > 1:
        # colours lie last here and before the rows in a store
        pixels = np.moveaxis(pixels, -1, -3)
    return Seen(images=(pixels,), pooled=True)


def mgh(files: Sequence[Path]) -> Seen:
    """Read a FreeSurfer volume with nibabel."""
    import nibabel

    content = files[0].read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    image = nibabel.MGHImage.from_bytes(content)
    return Seen(images=(np.asarray(image.dataobj).T,), pooled=True)


def pnm(files: Sequence[Path]) -> Seen:
    """Read a portable any map with Pillow, where it does not stretch the numbers."""
    import PIL.Image

    with files[0].open("rb") as file:
        head = file.read(256)
    if b"255" not in head[:40].split() or head[:2] in (b"P1", b"P4"):
        message = "Pillow stretches samples whose white is not 255, and turns bitmaps round"
        raise KnownFaultError(message)
    with PIL.Image.open(files[0]) as picture:
        pixels = np.asarray(picture)
    return Seen(images=(np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels,), pooled=True)


def frames(files: Sequence[Path]) -> Seen:
    """Read the frames of a GIF or WebP with imagecodecs."""
    import imagecodecs

    content = files[0].read_bytes()
    if content[:3] == b"GIF":
        pixels = np.asarray(imagecodecs.gif_decode(content))
    elif b"ANIM" in content[:64]:
        message = "imagecodecs shows the first frame only"
        raise KnownFaultError(message)
    else:
        pixels = np.asarray(imagecodecs.webp_decode(content))
    return Seen(images=(np.moveaxis(pixels, -1, -3),), pooled=True, partial=True)
