"""What is known of a video stream before its frames are read, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

#: Times stated in the metadata where they are uneven.
MAX_TIMES = 10_000


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of a video stream before decoding."""

    index: int
    n_frames: int
    width: int
    height: int
    pixel_format: str
    target: str  # pixel format that frames are decoded to
    bits: int  # of a value in it
    step_s: float | None
    times_s: tuple[float, ...]
    facts: Mapping[str, Any]
    luma: bool = False  # decoded to colours that the stream does not have


def display_facts(matrix: Sequence[int] | np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the turn and flip of a display matrix (ISO 14496-12, 8.3.2): points are rows, times the matrix.

    A flip is told as the turn that comes before mirroring left and right.
    """
    if len(matrix) != 9:
        return {}
    a, b, c, d = (float(matrix[i]) for i in (0, 1, 3, 4))
    mirrored = a * d - b * c < 0
    if mirrored:
        a = -a
    degrees = round(-math.degrees(math.atan2(b, a))) % 360
    degrees = degrees - 360 if degrees > 180 else degrees
    facts: dict[str, Any] = {"display_rotation_degrees": degrees} if degrees else {}
    return facts | ({"display_mirrored": True} if mirrored else {})


def n_empty_chunks(path: Path, index: int) -> int:
    """Return how many chunks of a stream of an AVI are empty; 0 where its lists are not whole.

    A recorder that could not keep up writes an empty chunk, which stands for the frame before.
    """
    n_bytes, n_empty, at = path.stat().st_size, 0, 0
    own = tuple(b"%02d%s" % (index, kind) for kind in (b"dc", b"db", b"pc"))
    with path.open("rb") as file:
        while at + 8 <= n_bytes:
            file.seek(at)
            head = file.read(12)
            name, size, kind = head[:4], int.from_bytes(head[4:8], "little"), head[8:12]
            if at + 8 + size > n_bytes:
                return 0
            if name == b"RIFF" or (name == b"LIST" and kind in (b"movi", b"rec ")):
                at += 12
                continue
            n_empty += name in own and not size
            at += 8 + size + size % 2
    return n_empty


def stream_evidence(name: str, stream: Stream) -> Iterator[Evidence]:
    """Say what of a stream is computed, left out, shown otherwise or unevenly timed."""
    label = f"{name}: " if name else ""
    source = av.VideoFormat(stream.pixel_format)
    if not stream.target.startswith("gray") and not source.is_rgb and not source.has_palette:
        yield Evidence(
            "content",
            "inferred",
            f"{label}R, G, B are computed from stored {stream.pixel_format} ({stream.facts['codec']}); "
            "other software may round differently",
        )
    if source.has_palette:
        yield Evidence("content", "file", f"{label}colours of the stored palette, as RGB")
    if any(component.is_alpha for component in source.components):
        yield Evidence("content", "missing", f"{label}the alpha channel is left out")
    if n_hidden := stream.facts.get("n_hidden_frames"):
        sentence = f"{label}{n_hidden} frames that an edit list hides are left out"
        yield Evidence("content", "file", sentence)
    if n_dropped := stream.facts.get("n_dropped_frames"):
        sentence = (
            f"{label}{n_dropped} of {n_dropped + stream.n_frames} announced frames were dropped when it was "
            "recorded: they are empty in the file and left out"
        )
        yield Evidence("content", "file", sentence)
    rotation = stream.facts.get("display_rotation_degrees")
    turned = f"turn them by {rotation} degrees counter-clockwise" if rotation else ""
    mirrored = "mirror them left to right" if stream.facts.get("display_mirrored") else ""
    if turned or mirrored:
        how = " and then ".join(filter(None, (turned, mirrored)))
        yield Evidence("content", "file", f"{label}pixels are as stored; players {how}")
    if stream.facts.get("interlaced"):
        sentence = f"{label}frames are interlaced: even and odd rows are of two moments"
        yield Evidence("content", "file", sentence)
    if stream.n_frames > 1 and not stream.step_s and not stream.times_s:
        yield Evidence("time", "missing", f"{label}frames share time stamps: no time step")
    if stream.times_s:
        where = " (the first ones)" if len(stream.times_s) > MAX_TIMES else ""
        yield Evidence(
            "time",
            "missing",
            f"{label}frames are unevenly spaced: no time step; their times{where} are in the "
            "metadata",
        )
