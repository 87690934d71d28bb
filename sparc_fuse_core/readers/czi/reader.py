"""Zeiss CZI: one image for each scene (and pixel type), read by region through libCZI.

The bounding box of all scenes is never read: scenes may lie 90,000 empty pixels apart. Colour subblocks
store blue first; they come out as R, G, B. Dimensions beyond t, c and z (view, phase, illumination,
rotation, block) make an image of their own for each combination. Layout: ZEISS, "DV file format (CZI)".
"""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pylibCZIrw import czi

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.czi.metadata import Metadata, metadata_of
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

#: libCZI pixel type → dtype and samples of a pixel.
_PIXEL_TYPES = {
    "Gray8": ("uint8", 1),
    "Gray16": ("uint16", 1),
    "Gray32Float": ("float32", 1),
    "Bgr24": ("uint8", 3),
    "Bgr48": ("uint16", 3),
    "Bgr96Float": ("float32", 3),
}
_FURTHER_DIMENSIONS = "RIHVB"


@dataclass(frozen=True, slots=True)
class _Tile:
    """One subblock of the full resolution: where it lies."""

    scene: int | None
    further: tuple[tuple[str, int], ...]
    pixel_type: str
    t: int
    z: int
    c: int
    x: int
    y: int
    width: int
    height: int


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a CZI file; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        document = czi.CziReader(str(path))
    except RuntimeError as err:
        message = f"{path.name}: not a readable CZI file ({err}); upload it again"
        raise CorruptFileError(message) from err
    try:
        yield _contents(path, document)
    finally:
        document.close()


def _contents(path: Path, document: czi.CziReader) -> Contents:
    try:
        tiles = _tiles(document)
        text = document.raw_metadata
    except (RuntimeError, ValueError) as err:
        message = f"{path.name}: the subblock directory or metadata is damaged ({err})"
        raise CorruptFileError(message) from err
    if not tiles:
        message = f"{path.name}: no subblock with pixels"
        raise EmptyFileError(message)
    metadata = metadata_of(path, text)
    rectangles = _rectangles(tiles)
    images = []
    evidence = []
    groups = _groups(path, tiles)
    several_of_scene = len(groups) > len(rectangles)
    for group in groups:
        image, gaps = _image(
            path,
            document,
            group,
            rectangles[group[0].scene],
            metadata,
            several_of_scene=several_of_scene,
        )
        images.append(image)
        evidence += gaps
    names = unique_names(image.name for image in images)
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        metadata=metadata.facts,
        evidence=tuple(evidence),
    )


def _tiles(document: czi.CziReader) -> list[_Tile]:
    tiles = []

    def keep(_: int, info: Any) -> bool:
        at = info.coordinate.to_dict()
        area = info.logicalRect
        further = tuple((name, at[name]) for name in _FURTHER_DIMENSIONS if name in at)
        tiles.append(
            _Tile(
                at.get("S"),
                further,
                info.pixelType.name,
                at.get("T", 0),
                at.get("Z", 0),
                at.get("C", 0),
                area.x,
                area.y,
                area.w,
                area.h,
            )
        )
        return True

    document.enumerate_subblocks_subset(keep, only_layer0=True)
    return tiles


def _rectangles(tiles: Sequence[_Tile]) -> dict[int | None, tuple[int, int, int, int]]:
    """Return x, y, width and height of each scene."""
    found = {}
    for scene in {tile.scene for tile in tiles}:
        own = [tile for tile in tiles if tile.scene == scene]
        x, y = min(tile.x for tile in own), min(tile.y for tile in own)
        width = max(tile.x + tile.width for tile in own) - x
        height = max(tile.y + tile.height for tile in own) - y
        found[scene] = (x, y, width, height)
    return found


def _groups(path: Path, tiles: Sequence[_Tile]) -> list[list[_Tile]]:
    """Return the tiles of each image: a scene, a combination of further dimensions, a pixel type.

    Each channel of colour pixels is an image of its own.
    """
    types: dict[tuple[int | None, int], set[str]] = defaultdict(set)
    groups: dict[Any, list[_Tile]] = defaultdict(list)
    for tile in tiles:
        if tile.pixel_type not in _PIXEL_TYPES:
            message = f"{path.name}: pixels of type {tile.pixel_type} are not read"
            raise UnsupportedFormatError(message)
        types[tile.scene, tile.c].add(tile.pixel_type)
        colour = tile.c if _PIXEL_TYPES[tile.pixel_type][1] == 3 else -1
        scene = -1 if tile.scene is None else tile.scene
        groups[scene, tile.further, tile.pixel_type, colour].append(tile)
    for (of_scene, channel), found in types.items():
        if len(found) > 1:
            message = (
                f"{path.name}: channel {channel} of scene {of_scene} mixes pixel types "
                f"{sorted(found)}; no reader keeps both"
            )
            raise UnsupportedFormatError(message)
    # in the order of their channels, not of the names of pixel types
    order = sorted(groups, key=lambda key: (*key[:2], min(t.c for t in groups[key]), *key[2:]))
    return [groups[key] for key in order]


def _image(
    path: Path,
    document: czi.CziReader,
    tiles: Sequence[_Tile],
    rectangle: tuple[int, int, int, int],
    metadata: Metadata,
    *,
    several_of_scene: bool,
) -> tuple[Image, list[Evidence]]:
    dtype, n_samples = _PIXEL_TYPES[tiles[0].pixel_type]
    positions = {axis: sorted({getattr(tile, axis) for tile in tiles}) for axis in "tcz"}
    rgb = n_samples == 3
    axes = "".join(axis for axis in "tcz" if len(positions[axis]) > 1) + "yx"
    if "c" not in axes and (rgb or any(metadata.channel_names)):
        axes = axes.replace("t", "tc") if "t" in axes else f"c{axes}"
    left, top, width, height = rectangle
    lengths = {"y": height, "x": width, **{a: len(positions[a]) for a in "tcz"}}
    if rgb:
        lengths["c"] = 3
    looped = [axis for axis in axes[:-2] if not (rgb and axis == "c")]
    further = dict(tiles[0].further)
    scene = tiles[0].scene

    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        plane = {axis.upper(): values[0] for axis, values in positions.items()} | further
        plane |= {a.upper(): positions[a][i] for a, i in zip(looped, index, strict=True)}
        roi = (left + of_x[0], top + of_y[0], of_x[1] - of_x[0], of_y[1] - of_y[0])
        try:
            pixels = document.read(
                roi=roi, plane=plane, scene=scene, pixel_type=tiles[0].pixel_type
            )
        except (RuntimeError, ValueError) as err:
            message = f"{path.name}: plane {plane} cannot be decoded ({err})"
            raise CorruptFileError(message) from err
        found: np.ndarray[Any, Any] = pixels[..., ::-1] if rgb else pixels[..., 0]
        return found

    pixels = by_plane(axes, tuple(lengths[a] for a in axes), dtype, read_plane, samples=rgb)
    scale, units = _scale(axes, metadata)
    name = metadata.scene_names.get(scene or 0, "")
    if several_of_scene:
        name = " ".join(
            part
            for part in (
                name or ("" if scene is None else f"scene {scene}"),
                *(f"{dimension}{at}" for dimension, at in tiles[0].further),
                tiles[0].pixel_type,
                f"channel {positions['c'][0]}" if rgb else "",
            )
            if part
        )
    channels, colors = _channels(positions["c"], metadata, rgb=rgb)
    image = Image(
        name,
        pixels,
        axes,
        scale,
        units,
        "rgb" if rgb else "intensity",
        channels if "c" in axes else (),
        colors if "c" in axes else (),
        metadata={"pixel_type": tiles[0].pixel_type, "origin_pixels_xy": [left, top], **further},
    )
    return image, _gaps(name, tiles, positions, rectangle, scale, metadata)


def _scale(axes: str, metadata: Metadata) -> tuple[dict[str, float], dict[str, str]]:
    scale = {axis: step for axis, step in metadata.scale_um.items() if axis in axes}
    units = dict.fromkeys(scale, "micrometer")
    if "t" in axes and metadata.time_step_s is not None:
        scale["t"], units["t"] = metadata.time_step_s, "second"
    return scale, units


def _channels(
    indices: Sequence[int], metadata: Metadata, *, rgb: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and colours of the channels of one image."""

    def of(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(values[i] if i < len(values) else "" for i in indices)

    if rgb:
        return RGB, RGB_COLORS
    names, colors = of(metadata.channel_names), of(metadata.channel_colors)
    return (names if any(names) else ()), (colors if all(colors) else ())


def _gaps(
    name: str,
    tiles: Sequence[_Tile],
    positions: Mapping[str, Sequence[int]],
    rectangle: tuple[int, int, int, int],
    scale: Mapping[str, float],
    metadata: Metadata,
) -> list[Evidence]:
    """Say what is filled, stitched or concluded."""
    label = f"scene {name!r}: " if name else ""
    found = []
    planes = {(tile.t, tile.z, tile.c) for tile in tiles}
    n_planes = math.prod(len(values) for values in positions.values())
    if len(planes) < n_planes:
        found.append(
            Evidence(
                "content",
                "missing",
                f"{label}{n_planes - len(planes)} of {n_planes} planes were not recorded; "
                "they read as 0",
            )
        )
    if len(tiles) > len(planes) or any(
        (tile.x, tile.y, tile.width, tile.height) != rectangle for tile in tiles
    ):
        found.append(
            Evidence(
                "content",
                "inferred",
                f"{label}a mosaic of {len(tiles)} tiles, placed by their stated positions; where "
                "tiles overlap the upper one shows, and where there is none the value is 0",
            )
        )
    if "t" in scale and len(metadata.time_offsets_s) > 1:
        found.append(
            Evidence(
                "scale",
                "inferred",
                f"{label}the time step is the mean of the stated offsets, which differ by less "
                "than 0.1 %",
            )
        )
    return found
