"""Micro-Manager's folders of single planes: ``metadata.txt`` says which file holds which frame, channel, slice.

An image for each position of the stage in the folder. Layout: Micro-Manager file formats, "separate image
files", of versions 1.4 (``FrameKey-…``) and 2 (``Metadata-…``).
"""

from __future__ import annotations

import json
import math
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents
from sparc_fuse_core.readers.shared.planes import unique_names
from sparc_fuse_core.readers.tiff.planes import even_step
from sparc_fuse_core.readers.tiff.reader import read as read_tiff
from sparc_fuse_core.readers.tiff.stacked import Placed, Stated, stacked
from sparc_fuse_core.readers.tiff.vendors import micromanager_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Image

_MAX_BYTES = 256_000_000
_KEYS = ("FrameKey-", "Metadata-")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a ``metadata.txt`` and the planes beside it; see `sparc_fuse_core.readers.Reader`."""
    del options
    document = _document(path)
    summary = document.get("Summary") or {}
    planes = {
        key: plane
        for key, plane in document.items()
        if key.startswith(_KEYS) and isinstance(plane, dict)
    }
    if not planes:
        message = f"{path.name}: lists no plane"
        raise EmptyFileError(message)
    with ExitStack() as stack:
        yield _contents(path, summary if isinstance(summary, dict) else {}, planes, stack)


def _document(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_BYTES:
        message = f"{path.name}: {path.stat().st_size} bytes are too many for a list of planes"
        raise CorruptFileError(message)
    text = path.read_bytes().decode("utf-8", "replace").rstrip().rstrip(",")
    for ending in ("", "}"):
        # an acquisition that was stopped leaves the last bracket out
        try:
            found = json.loads(text + ending)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    message = f"{path.name}: is not the JSON of a Micro-Manager acquisition; upload it again"
    raise CorruptFileError(message)


def _contents(
    path: Path,
    summary: Mapping[str, Any],
    planes: Mapping[str, Mapping[str, Any]],
    stack: ExitStack,
) -> Contents:
    positions: dict[str, list[tuple[Placed, Mapping[str, Any]]]] = {}
    for key, plane in planes.items():
        name = PurePosixPath(
            str(plane.get("FileName") or key.partition("-")[2]).replace("\\", "/")
        ).name
        if ".ome.tif" in name.lower():
            message = f"{path.name}: describes the OME-TIFF beside it, which is read by itself"
            raise UnsupportedFormatError(message)
        placed = Placed(
            path.with_name(name),
            _index(plane, "Frame", "FrameIndex"),
            _index(plane, "ChannelIndex"),
            _index(plane, "SliceIndex", "Slice"),
        )
        position = str(plane.get("PositionName") or plane.get("PositionIndex") or "")
        positions.setdefault(position, []).append((placed, plane))
    images: list[Image] = []
    for position, members in positions.items():
        about = _stated(position if len(positions) > 1 else "", summary, members)
        image, _ = stacked(path, [one for one, _ in members], about, _open, stack)
        images.append(image)
    names = unique_names(image.name for image in images)
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True))
    )


def _open(path: Path) -> Any:
    return read_tiff(path, {})


def _index(plane: Mapping[str, Any], *keys: str) -> int:
    for key in keys:
        value = plane.get(key)
        if isinstance(value, int) and value >= 0:
            return value
    return 0


def _stated(
    name: str, summary: Mapping[str, Any], members: list[tuple[Placed, Mapping[str, Any]]]
) -> Stated:
    """Return what summary and planes say; times are those at which planes were taken, where even."""
    first = members[0][1]
    facts = micromanager_facts(summary, first)
    scale = dict(facts.scale) if facts else {}
    units = dict(facts.units) if facts else {}
    taken = {
        one.t: plane.get("ElapsedTime-ms", math.nan)
        for one, plane in reversed(members)
        if one.c == 0 and one.z == 0
    }
    times_s = [float(taken[t]) / 1000 for t in sorted(taken) if isinstance(taken[t], (int, float))]
    metadata = dict(facts.metadata) if facts else {}
    if len(times_s) > 1 and all(map(math.isfinite, times_s)):
        metadata["plane_times_s"] = times_s
        step = even_step(times_s)
        # a step that was only asked for is not what was done
        scale.pop("t", None)
        units.pop("t", None)
        if step is not None:
            scale["t"], units["t"] = step, "second"
    channels = {one.c: str(plane.get("Channel") or "") for one, plane in members}
    names = tuple(channels[c] for c in sorted(channels))
    stated_names = facts.channel_names if facts else ()
    colors = facts.channel_colors if facts else ()
    return Stated(name, scale, units, names if any(names) else stated_names, colors, metadata)
