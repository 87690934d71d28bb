"""NIfTI-1 and NIfTI-2, one file or a pair, packed or not: stored values, x first on disk, the affine beside.

Values are not scaled: physical = stored × scl_slope + scl_inter, both kept. Dimensions 1 to 3 are space, 4
is time, 5 holds components (NIfTI-1 data format, "dimensions"). Analyze 7.5, whose header NIfTI's grew from,
states no orientation; its unit of space is kept where it states one.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.nifti1 import Nifti1PairHeader
from nibabel.nifti2 import Nifti2PairHeader
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS
from sparc_fuse_core.readers.shared.units import length_unit, time_unit
from sparc_fuse_core.readers.shared.unpacked import map_unpacked, reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SPECTRAL = ("hz", "ppm", "rads")
_LABEL_INTENT = 1002
#: Header and the four bytes that say whether extensions follow, of either version.
_HEADER_BYTES = 544
_ANALYZE_BYTES = 348
_ANALYZE_SIZES = (struct.pack("<i", _ANALYZE_BYTES), struct.pack(">i", _ANALYZE_BYTES))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where and how the values are stored; shape from x on."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset_bytes: int
    slope: float
    intercept: float


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a NIfTI file; see `sparc_fuse_core.readers.Reader`."""
    del options
    header, values = _header(path)
    slope, intercept = header.get_slope_inter()
    place = _Place(
        values,
        header.get_data_dtype(),
        header.get_data_shape(),
        int(header.get_data_offset()),
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
    )
    with ExitStack() as stack:
        yield _contents(path, header, place, stack)


def _header(path: Path) -> tuple[nibabel.Nifti1Header, Path]:
    """Return the header, packed or not, and the file that holds the voxels: this one, or its pair."""
    head = _first_bytes(path)
    single, pair = head[344:348] == b"n+1\0", head[344:348] == b"ni1\0"
    kind: Any = nibabel.Nifti1Header if single else Nifti1PairHeader
    if head[4:12] in (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"):
        single, pair = head[4:7] == b"n+2", head[4:7] == b"ni2"
        kind = nibabel.Nifti2Header if single else Nifti2PairHeader
    if not (single or pair) and len(head) >= _ANALYZE_BYTES and head[:4] in _ANALYZE_SIZES:
        kind, pair = nibabel.AnalyzeHeader, True
    if not (single or pair):
        message = f"{path.name}: neither a NIfTI-1 nor a NIfTI-2 header; upload it again"
        raise CorruptFileError(message)
    try:
        header = kind(head[: kind.template_dtype.itemsize], check=True)
        shape = header.get_data_shape()
        header.get_data_dtype(), header.get_slope_inter(), _units(header)
    except (
        *(ImageFileError, HeaderDataError, WrapStructError),
        *(OSError, KeyError, ValueError, OverflowError),
    ) as err:
        message = f"{path.name}: not a readable NIfTI file ({err}); upload it again"
        raise CorruptFileError(message) from err
    start = float(header["vox_offset"])
    if not (math.isfinite(start) and start >= 0):
        message = f"{path.name}: states byte {start:g} as the first of its voxels; upload it again"
        raise CorruptFileError(message)
    if any(n < 0 for n in shape):
        message = f"{path.name}: dimensions {tuple(shape)}; upload it again"
        raise CorruptFileError(message)
    return header, path if single else _voxels(path)


def _first_bytes(path: Path) -> bytes:
    """Return the header's bytes, whatever the name says of packing; nothing where a packed file is damaged."""
    try:
        with path.open("rb") as file:
            if not _is_gzip(path):
                return file.read(_HEADER_BYTES)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return unpacked.read(_HEADER_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        message = f"{path.name}: the gzip stream is damaged ({err}); upload it again"
        raise CorruptFileError(message) from err


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _voxels(path: Path) -> Path:
    """Return the file beside a header of its own that holds its voxels."""
    stem = path.name[: -len(".hdr.gz")] if path.name.lower().endswith(".gz") else path.stem
    wanted = {f"{stem}{suffix}".casefold() for suffix in (".img", ".img.gz")}
    for other in sorted(path.parent.iterdir()):
        if other.name.casefold() in wanted:
            return other
    message = f"{path.name}: its voxels, {stem}.img, are absent; put them beside the header"
    raise MissingCompanionError(message, (f"{stem}.img",))


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
    stored = _map(place.path, dtype, stored_shape, place.offset_bytes, stack)
    lengths = dict(zip(stored_axes, stored_shape, strict=True))
    kept = "".join(a for a in "tczyx" if a in "yx" or lengths.get(a, 1) > 1)
    scale, units = _scale(kept, axes, header)
    if (place.slope, place.intercept) != (1.0, 0.0):
        sentence = f"physical value = stored × {place.slope:g} + {place.intercept:g}; the stored ones are kept"
        evidence.append(Evidence("calibration", "file", sentence))
    if type(header) is nibabel.AnalyzeHeader:
        sentence = "Analyze 7.5 states no orientation: left and right cannot be told"
        evidence.append(Evidence("content", "file", sentence))
        if (factor := _spm_factor(header)) is not None:
            sentence = f"SPM's scale factor {factor:g} is in the header; the stored values are kept"
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
    if len(shape) > 3 and shape[3] > 1 and _units(header)[1] in _SPECTRAL:
        if len(shape) > 4 and shape[4] > 1:
            message = f"{path.name}: spectra of components are not read"
            raise UnsupportedFormatError(message)
        axes = axes.replace("c", "s").replace("t", "c").replace("s", "t")
        unit = _units(header)[1]
        evidence.append(Evidence("axes", "file", f"dimension 4 is in {unit}: kept as channels"))
    return axes, evidence


def _map(
    path: Path,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    offset_bytes: int,
    stack: ExitStack,
) -> MappedFile:
    if _is_gzip(path):
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
    space, time = _units(header)
    for axis, step in zip(axes, header.get_zooms(), strict=False):
        if axis not in kept or axis == "c" or not (math.isfinite(step) and step > 0):
            continue
        scale[axis] = float(step)
        unit = time_unit(time) if axis == "t" else length_unit(space)
        if unit:
            units[axis] = unit
    return scale, units


def _units(header: nibabel.Nifti1Header) -> tuple[str, str]:
    """Return the units of space and time, as the header states them."""
    if type(header) is not nibabel.AnalyzeHeader:
        return header.get_xyzt_units()  # type: ignore[no-any-return]
    return bytes(header["vox_units"]).rstrip(b"\0 ").decode("latin-1"), ""


def _spm_factor(header: nibabel.Nifti1Header) -> float | None:
    """Return what SPM multiplies the values of an Analyze file by, where it is stated and is not 1."""
    factor = float(header["funused1"])
    return factor if math.isfinite(factor) and factor not in (0.0, 1.0) else None


def _kind(header: nibabel.Nifti1Header) -> Any:
    if type(header) is nibabel.AnalyzeHeader:
        return "intensity"
    return "label" if int(header["intent_code"]) == _LABEL_INTENT else "intensity"


def _metadata(header: nibabel.Nifti1Header, place: _Place) -> dict[str, Any]:
    """Return geometry and calibration; free text of the header stays behind."""
    if type(header) is nibabel.AnalyzeHeader:
        return {"spm_scale_factor": _spm_factor(header)}
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
