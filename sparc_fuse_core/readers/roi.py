"""ImageJ regions of interest: one .roi, or a RoiSet.zip of many.

Coordinates are pixels from the upper left corner. What the file stores is kept: the outline of an oval or
a text box is its box, not a polygon made here. Layout: ImageJ's RoiDecoder, read by roifile.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import roifile

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    SizeLimitError,
    UnsupportedFormatError,
)
from sparc_fuse_core.model import Contents, Evidence, Shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: A region is some kilobytes: sets beyond these are no sets of regions.
_MAX_REGIONS = 100_000
_MAX_REGION_BYTES = 16_000_000
_MAX_SET_BYTES = 256_000_000
_WITH_AXIS = (roifile.ROI_SUBTYPE.ELLIPSE, roifile.ROI_SUBTYPE.ROTATED_RECT)
_NO_COLOR = b"\x00\x00\x00\x00"


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a region or a set of them; see `sparc_fuse_core.readers.Reader`."""
    del options
    evidence: list[Evidence] = []
    with path.open("rb") as file:
        is_set = file.read(4) == b"PK\x03\x04"
    files = _from_zip(path, evidence) if is_set else [(path.name, _whole(path))]
    regions = [_region(path, name, data) for name, data in files]
    if not regions:
        message = f"{path.name}: no region in it"
        raise EmptyFileError(message)
    names = [name for name, _ in files]
    yield Contents(shapes=(_shapes(path, names, regions),), evidence=tuple(evidence))


def _whole(path: Path) -> bytes:
    if path.stat().st_size > _MAX_REGION_BYTES:
        message = f"{path.name}: larger than any ImageJ region ({_MAX_REGION_BYTES} bytes)"
        raise SizeLimitError(message)
    return path.read_bytes()


def _from_zip(path: Path, evidence: list[Evidence]) -> list[tuple[str, bytes]]:
    """Unpack the regions of a set, never more than the limits."""
    found: list[tuple[str, bytes]] = []
    left = _MAX_SET_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            others = [entry for entry in entries if not entry.filename.lower().endswith(".roi")]
            if others:
                sentence = f"{len(others)} files of the set are no regions; they are left out"
                evidence.append(Evidence("content", "missing", sentence))
            for entry in entries:
                if entry in others:
                    continue
                with archive.open(entry) as file:
                    # the stated size may lie: only what is read counts
                    data = file.read(min(_MAX_REGION_BYTES, left) + 1)
                left -= len(data)
                if len(data) > _MAX_REGION_BYTES or left < 0 or len(found) >= _MAX_REGIONS:
                    message = (
                        f"{path.name}: unpacks to more than {_MAX_REGIONS} regions, or "
                        f"{_MAX_SET_BYTES} bytes"
                    )
                    raise SizeLimitError(message)
                found.append((entry.filename, data))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as err:
        message = f"{path.name}: a damaged archive ({err}); upload it again"
        raise CorruptFileError(message) from err
    except (RuntimeError, NotImplementedError) as err:
        message = f"{path.name}: an archive that cannot be unpacked ({err})"
        raise UnsupportedFormatError(message) from err
    return found


def _region(path: Path, name: str, data: bytes) -> roifile.ImagejRoi:
    label = path.name if name == path.name else f"{path.name}: {name}"
    try:
        region = roifile.ImagejRoi.frombytes(data)
    except (ValueError, TypeError, struct.error, IndexError) as err:
        message = f"{label}: not an ImageJ region ({err})"
        raise CorruptFileError(message) from err
    if region.roitype.name == "UNKNOWN":
        message = f"{label}: a region of unknown type {data[6]}"
        raise UnsupportedFormatError(message)
    if _is_cut(data, region):
        message = f"{label}: truncated: its name or second header is missing; upload it again"
        raise CorruptFileError(message)
    return region


def _is_cut(data: bytes, region: roifile.ImagejRoi) -> bool:
    """Tell whether the second header, or the name that it places, lies beyond the end."""
    (second,) = struct.unpack(">i", data[60:64])
    if second <= 0:
        return False
    if second + 24 > len(data):
        return True
    _, length = struct.unpack(">ii", data[second + 16 : second + 24])
    return bool(length > 0 and not region.name)


def _paths(path: Path, region: roifile.ImagejRoi) -> list[np.ndarray[Any, Any]]:
    """Return the stored outlines, (n, 2) each; none where only a box is stored."""
    outline = region.roitype in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL)
    if outline and region.multi_coordinates is None:
        return []
    try:
        found = region.coordinates(multi=True)
    except NotImplementedError as err:
        message = f"{path.name}: region {region.name!r} has curves, which are not read ({err})"
        raise UnsupportedFormatError(message) from err
    except (RuntimeError, IndexError, ValueError, OverflowError) as err:
        message = f"{path.name}: the path of region {region.name!r} is damaged ({err})"
        raise CorruptFileError(message) from err
    with np.errstate(invalid="ignore"):
        outlines = [np.asarray(points, np.float64).reshape(-1, 2) for points in found]
    if not all(np.isfinite(points).all() for points in outlines):
        message = f"{path.name}: region {region.name!r} has a point that is no number"
        raise CorruptFileError(message)
    return outlines


def _box(region: roifile.ImagejRoi) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom."""
    if region.subpixelrect:
        return (
            region.xd,
            region.yd,
            region.xd + region.widthd,
            region.yd + region.heightd,
        )
    return region.left, region.top, region.right, region.bottom


def _shapes(path: Path, names: Sequence[str], regions: Sequence[roifile.ImagejRoi]) -> Shapes:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "box_left_top_right_bottom": np.array([_box(region) for region in regions], np.float64),
        "position_channel_slice_frame": np.array(
            [(r.c_position, r.z_position, r.t_position) for r in regions], np.int32
        ),
        "position_in_stack": np.array([region.position for region in regions], np.int32),
    }
    paths = [(i, points) for i, region in enumerate(regions) for points in _paths(path, region)]
    if paths:
        # path k holds points_xy[path_start[k]:path_start[k + 1]] and belongs to region path_region[k]
        starts = np.cumsum([0, *(len(points) for _, points in paths)])
        arrays["points_xy"] = np.concatenate([points for _, points in paths])
        arrays["path_start"] = starts.astype(np.int64)
        arrays["path_region"] = np.array([i for i, _ in paths], np.int32)
    if any(region.counters is not None for region in regions):
        # one for each of points_xy: which of ImageJ's counters a point belongs to
        arrays["point_counter"] = np.concatenate(
            [
                np.zeros(len(points), np.uint8)
                if regions[i].counters is None
                else regions[i].counters
                for i, points in paths
            ]
        )
    # ellipses and turned boxes state their axis beside the outline
    axis = [
        (region.x1, region.y1, region.x2, region.y2)
        if region.subtype in _WITH_AXIS
        else (np.nan,) * 4
        for region in regions
    ]
    if not np.isnan(axis).all():
        arrays["axis_x1_y1_x2_y2"] = np.array(axis, np.float64)
    pixels = ("box_left_top_right_bottom", "points_xy", "axis_x1_y1_x2_y2")
    return Shapes(
        "regions",
        "roi",
        arrays,
        units={name: "pixel" for name in pixels if name in arrays},
        metadata={
            "positions": "counted from 1; 0 is every position",
            "regions": [
                {"file": name} | _facts(region) for name, region in zip(names, regions, strict=True)
            ],
        },
    )


def _facts(region: roifile.ImagejRoi) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": region.name,
        "type": "composite" if region.composite else region.roitype.name.lower(),
        "version": region.version,
    }
    if region.subtype:
        facts["subtype"] = region.subtype.name.lower()
    for key in ("group", "stroke_width", "text", "props"):
        if value := getattr(region, key):
            facts[key] = value
    for key in ("stroke_color", "fill_color"):
        value = getattr(region, key)
        if value and value != _NO_COLOR:
            facts[key] = value.hex()
    return facts
