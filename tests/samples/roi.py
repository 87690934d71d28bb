"""ImageJ regions: written by roifile from points, and bytes by hand for boxes."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import roifile

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_BOX = "box_left_top_right_bottom"
_POLYGON = np.array([[12.25, 3.5], [40.0, 8.75], [31.5, 60.0]], np.float32)
_POINTS = np.array([[5, 6], [70, 80]], np.int32)


def _polygon() -> bytes:
    # ImageJ counts positions from 1; 0 is every position
    region = roifile.ImagejRoi.frompoints(_POLYGON, name="Größe", c=2, z=3, t=4)
    return region.tobytes()


def _oval(left: int, top: int, right: int, bottom: int) -> bytes:
    """Return an oval: 64 bytes of header, big-endian; version, type 2, top, left, bottom, right."""
    head = b"Iout" + struct.pack(">hBxhhhh", 217, 2, top, left, bottom, right)
    return head.ljust(64, b"\0")


def _points() -> bytes:
    region = roifile.ImagejRoi.frompoints(_POINTS, name="pts")
    region.roitype = roifile.ROI_TYPE.POINT
    return region.tobytes()


def _box(data: bytes) -> list[float]:
    """Return left, top, right and bottom as written at bytes 8 to 16."""
    top, left, bottom, right = struct.unpack(">hhhh", data[8:16])
    return [left, top, right, bottom]


def _arrays(
    boxes: list[list[float]],
    positions: list[list[int]],
    paths: list[tuple[int, np.ndarray]],
) -> ShapesTruth:
    arrays = {
        _BOX: np.array(boxes, np.float64),
        "position_channel_slice_frame": np.array(positions, np.int32),
        "position_in_stack": np.zeros(len(boxes), np.int32),
    }
    units = {_BOX: "pixel"}
    if paths:
        arrays["points_xy"] = np.concatenate([points for _, points in paths]).astype(np.float64)
        arrays["path_start"] = np.cumsum([0, *(len(points) for _, points in paths)])
        arrays["path_region"] = np.array([i for i, _ in paths], np.int32)
        units["points_xy"] = "pixel"
    return ShapesTruth("roi", arrays, units)


def _one(folder: Path) -> Truth:
    path = folder / "polygon.roi"
    path.write_bytes(_polygon())
    return Truth(path, shapes=(_arrays([_box(_polygon())], [[3, 4, 5]], [(0, _POLYGON)]),))


def _plain_oval(folder: Path) -> Truth:
    """Nothing but a box is stored: no outline is made up; it reaches beyond the left edge."""
    path = folder / "oval.roi"
    path.write_bytes(_oval(-4, 2, 30, 50))
    return Truth(path, shapes=(_arrays([[-4, 2, 30, 50]], [[0, 0, 0]], []),))


def _set(folder: Path) -> Truth:
    path = folder / "image1 RoiSet.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0001.roi", _oval(1, 2, 30, 50))
        archive.writestr("0002.roi", _polygon())
        archive.writestr("readme.txt", "not a region")
        archive.writestr("0003.roi", _points())
    return Truth(
        path,
        shapes=(
            _arrays(
                [[1, 2, 30, 50], _box(_polygon()), _box(_points())],
                [[0, 0, 0], [3, 4, 5], [0, 0, 0]],
                [(1, _POLYGON), (2, _POINTS)],
            ),
        ),
    )


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.roi"
    error = "CorruptFileError"
    if what == "short":
        path.write_bytes(_polygon()[:50])
    elif what == "cut":
        path.write_bytes(_polygon()[:70])
    elif what == "olympus":  # the regions beside an .oif share the extension
        path.write_bytes("[Region]\r\nType=2\r\n".encode("utf-16"))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if what == "bomb":
                archive.writestr("a.roi", bytes(20_000_000))
                error = "SizeLimitError"
            elif what == "empty set":
                archive.writestr("a.txt", b"")
                error = "EmptyFileError"
            else:
                archive.writestr("a.roi", _polygon() * 20)
        if what == "damaged set":
            content = bytearray(path.read_bytes())
            content[60:80] = bytes(20)
            path.write_bytes(content)
    return Truth(path, error=error)


SAMPLES = [
    Sample("roi-polygon", "roi", _one),
    Sample("roi-oval", "roi", _plain_oval),
    Sample("roi-set", "roi", _set),
    *(
        Sample(f"roi-{what}", "roi", lambda folder, what=what: _refused(folder, what))
        for what in ("short", "cut", "olympus", "bomb", "empty set", "damaged set")
    ),
]
