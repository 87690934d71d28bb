"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz): stored values, x first on disk, with the affine as metadata.

Values are not scaled: physical = stored × scl_slope + scl_inter, both kept. Dimensions 1 to 3 are space, 4
is time, 5 holds components (NIfTI-1 data format, "dimensions").
"""

from __future__ import annotations

import math
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.unpacked import map_unpacked, reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SPACE_UNITS = {"mm": "millimeter", "meter": "meter", "micron": "micrometer"}
_TIME_UNITS = {"sec": "second", "msec": "millisecond", "usec": "microsecond"}
_SPECTRAL = ("hz", "ppm", "rads")
_LABEL_INTENT = 1002


@dataclass(frozen=True, slots=True)
class _Place:
    """Where and how the values are stored; shape from x on."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset_bytes: int
    slope: float
    intercept: float


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a NIfTI file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        image = nibabel.load(path)
        header = image.header
        if not isinstance(header, nibabel.Nifti1Header):
            message = f"{path.name}: a {type(header).__name__}, not NIfTI"
            raise UnsupportedFormatError(message)
        # nibabel resets offset and scaling in the header itself
        data = image.dataobj
        place = _Place(
            data.dtype, data.shape, int(data.offset), float(data.slope), float(data.inter)
        )
    except (ImageFileError, HeaderDataError, EOFError, OSError, zlib.error, KeyError) as err:
        message = f"{path.name}: not a readable NIfTI file ({err}); upload it again"
        raise CorruptFileError(message) from err
    with ExitStack() as stack:
        yield _contents(path, header, place, stack)


def _contents(
    path: Path,
    header: nibabel.Nifti1Header,
    place: _Place,
    stack: ExitStack,
) -> Contents:
    dtype, shape = place.dtype, tuple(int(n) for n in place.shape)
    axes, evidence = _axes(path, header, shape)
    samples = len(dtype.names or ())
    if dtype.kind == "c" or dtype.itemsize > 8 or samples not in (0, 3, 4):
        message = f"{path.name}: values of type {dtype} cannot be held in OME-Zarr"
        raise UnsupportedFormatError(message)
    if samples and "c" in axes:
        message = f"{path.name}: components of colours are not read"
        raise UnsupportedFormatError(message)
    # on disk x runs fastest: reversed, it is a C-ordered array
    stored_axes, stored_shape = axes[::-1], shape[::-1]
    if samples:
        stored_axes, stored_shape = f"{stored_axes}c", (*stored_shape, samples)
        dtype = np.dtype("u1")
    stored = _map(path, dtype, stored_shape, place.offset_bytes, stack)
    lengths = dict(zip(stored_axes, stored_shape, strict=True))
    kept = "".join(a for a in "tczyx" if a in "yx" or lengths.get(a, 1) > 1)
    scale, units = _scale(kept, axes, header)
    if (place.slope, place.intercept) != (1.0, 0.0):
        sentence = f"physical value = stored × {place.slope:g} + {place.intercept:g}; the stored ones are kept"
        evidence.append(Evidence("calibration", "file", sentence))
    rgb = bool(samples)
    return Contents(
        images=(
            Image(
                "",
                reordered(stored, stored_axes, kept),
                kept,
                scale,
                units,
                "rgb" if rgb else _kind(header),
                (*RGB, "alpha")[:samples] if rgb else (),
                (*RGB_COLORS, "FFFFFF")[:samples] if rgb else (),
                metadata=_metadata(header, place),
            ),
        ),
        evidence=tuple(evidence),
    )


def _axes(
    path: Path, header: nibabel.Nifti1Header, shape: tuple[int, ...]
) -> tuple[str, list[Evidence]]:
    """Return a letter for each dimension, from x on."""
    if not shape or not all(shape):
        message = f"{path.name}: dimensions {shape}: no voxel in it"
        raise EmptyFileError(message)
    if len(shape) < 2 or any(n > 1 for n in shape[5:]) or shape[:2] == (1, 1):
        message = f"{path.name}: dimensions {shape}: a table of values, not an image"
        raise UnsupportedFormatError(message)
    evidence = []
    axes = "xyztc"[: len(shape)] + "uvw"[: max(0, len(shape) - 5)]
    if len(shape) > 3 and shape[3] > 1 and header.get_xyzt_units()[1] in _SPECTRAL:
        if len(shape) > 4 and shape[4] > 1:
            message = f"{path.name}: spectra of components are not read"
            raise UnsupportedFormatError(message)
        axes = axes.replace("c", "s").replace("t", "c").replace("s", "t")
        unit = header.get_xyzt_units()[1]
        evidence.append(Evidence("axes", "file", f"dimension 4 is in {unit}: kept as channels"))
    return axes, evidence


def _map(
    path: Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset_bytes: int,
    stack: ExitStack,
) -> MappedFile:
    if path.suffix.lower() == ".gz":
        with path.open("rb") as file:
            return map_unpacked(
                file,
                "gzip",
                dtype,
                shape,
                skip_bytes=offset_bytes,
                name=path.name,
                stack=stack,
            )
    needed = offset_bytes + math.prod(shape) * dtype.itemsize
    if path.stat().st_size < needed:
        message = (
            f"{path.name}: truncated: {path.stat().st_size} of {needed} bytes; upload it again"
        )
        raise CorruptFileError(message)
    mapped = MappedFile(path, dtype, shape, offset_bytes)
    stack.callback(mapped.close)
    return mapped


def _scale(
    kept: str, axes: str, header: nibabel.Nifti1Header
) -> tuple[dict[str, float], dict[str, str]]:
    scale, units = {}, {}
    space, time = header.get_xyzt_units()
    for axis, step in zip(axes, header.get_zooms(), strict=False):
        if axis not in kept or axis == "c" or not (math.isfinite(step) and step > 0):
            continue
        scale[axis] = float(step)
        unit = _TIME_UNITS.get(time) if axis == "t" else _SPACE_UNITS.get(space)
        if unit is not None:
            units[axis] = unit
    return scale, units


def _kind(header: nibabel.Nifti1Header) -> Any:
    return "label" if int(header["intent_code"]) == _LABEL_INTENT else "intensity"


def _metadata(header: nibabel.Nifti1Header, place: _Place) -> dict[str, Any]:
    """Return geometry and calibration; free text of the header stays behind."""
    return {
        "scl_slope": place.slope,
        "scl_inter": place.intercept,
        "affine": [
            [float(v) if math.isfinite(v) else None for v in row]
            for row in header.get_best_affine()
        ],
        "qform_code": int(header["qform_code"]),
        "sform_code": int(header["sform_code"]),
        "intent_code": int(header["intent_code"]),
        "xyzt_units": list(header.get_xyzt_units()),
    }
